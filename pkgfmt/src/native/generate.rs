//! New keys, in minisign's text form.

use minisign::KeyPair;

use super::signature::KeyError;

/// The texts of a new secret key and of its public key.
#[derive(Clone)]
pub struct KeyTexts {
    /// The secret key: for its owner's eyes only.
    pub secret: String,
    /// The public key, for everybody.
    pub public: String,
}

impl std::fmt::Debug for KeyTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTexts").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Makes a pair of keys; the secret one is encrypted where there is a password.
///
/// # Errors
/// [`KeyError::Sign`] where the system gives no randomness.
pub fn generate_keys(password: Option<&str>) -> Result<KeyTexts, KeyError> {
    let failed = |error: minisign::PError| KeyError::Sign(error.to_string());
    // Without a password the crate would ask on the terminal.
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => KeyPair::generate_unencrypted_keypair(),
    }
    .map_err(failed)?;
    let secret = pair.sk.to_box(None).map_err(failed)?;
    let public = pair.pk.to_box().map_err(failed)?;
    Ok(KeyTexts { secret: secret.into_string(), public: public.into_string() })
}
