//! Signatures, in minisign's own text form, after the last section.
//!
//! ```text
//! signatures = "AMBARSIG" u32le(count) count * ( u32le(length) text )
//! ```
//!
//! They sign the header and the section table, whose digests cover everything else. A file has one signature
//! of each key at most, in ascending order of key ids, so that it does not matter who signed first.

use std::fmt;
use std::io::Cursor;

use ct_codecs::{Base64, Decoder as _};
use minisign::{PublicKeyBox, SecretKeyBox, SignatureBox};

use crate::error::Problem;
use crate::source::Source;

use super::layout::read_at;

const MAGIC: [u8; 8] = *b"AMBARSIG";
/// Most signatures of a package; part of the format.
const MOST: u32 = 16;
/// Longest signature in bytes; part of the format.
const LONGEST: u32 = 4096;
/// What messages call this part of the file.
const WHAT: &str = "the signatures";

/// The id of a key pair: it tells keys apart and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    /// As minisign writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What is wrong with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no minisign public key.
    #[error("it is no minisign public key")]
    NotPublic,
    /// It is no minisign secret key, or it is damaged.
    #[error("it is no minisign secret key, or it is damaged")]
    NotSecret,
    /// It is encrypted, and no password was given.
    #[error("the secret key is encrypted: it needs its password")]
    NeedsPassword,
    /// The password is not the one that it was encrypted with.
    #[error("the password of the secret key is wrong")]
    Password,
    /// A comment that would not come back as it is.
    #[error("a signature's comment is one line of at most 1024 bytes without space at its ends")]
    Comment,
    /// The key cannot sign.
    #[error("cannot sign: {0}")]
    Sign(String),
}

/// A minisign public key.
#[derive(Clone)]
pub struct PublicKey(minisign::PublicKey);

impl PublicKey {
    /// Reads a key file, or the base64 line of one.
    ///
    /// # Errors
    /// [`KeyError::NotPublic`].
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let text = text.trim();
        let key = if text.lines().count() > 1 {
            PublicKeyBox::from_string(text).and_then(PublicKeyBox::into_public_key)
        } else {
            minisign::PublicKey::from_base64(text)
        };
        let key = key.map_err(|_| KeyError::NotPublic)?;
        // The reader of the crate takes any bytes that are long enough.
        if key.to_bytes().get(..2) == Some(b"Ed") { Ok(PublicKey(key)) } else { Err(KeyError::NotPublic) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        key_id(self.0.keynum())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// A minisign secret key, decrypted.
pub struct SecretKey(minisign::SecretKey);

impl SecretKey {
    /// Reads a key file; a key that is encrypted needs its password.
    ///
    /// # Errors
    /// [`KeyError`] when it is no key, or the password is missing or wrong.
    pub fn parse(text: &str, password: Option<&str>) -> Result<SecretKey, KeyError> {
        let read = || SecretKeyBox::from_string(text).map_err(|_| KeyError::NotSecret);
        if let Ok(key) = read()?.into_unencrypted_secret_key() {
            return Ok(SecretKey(key));
        }
        if let Some(key) = unprotected(text) {
            return Ok(SecretKey(key));
        }
        // Without a password the crate would ask on the terminal; it is never called so.
        let wrong = if password.is_some() { KeyError::Password } else { KeyError::NeedsPassword };
        match read()?.into_secret_key(Some(password.unwrap_or_default().to_owned())) {
            Ok(key) if password.is_some() => Ok(SecretKey(key)),
            Err(error) if !matches!(error.kind(), minisign::ErrorKind::Verify) => Err(KeyError::NotSecret),
            _ => Err(wrong),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        key_id(self.0.keynum())
    }

    /// The signature of `message` with a trusted comment.
    pub(super) fn sign(&self, message: &[u8], comment: &str) -> Result<Signature, KeyError> {
        if !is_comment(comment) {
            return Err(KeyError::Comment);
        }
        let untrusted = untrusted_comment(self.id());
        let signature = minisign::sign(None, &self.0, Cursor::new(message), Some(comment), Some(&untrusted))
            .map_err(|error| KeyError::Sign(error.to_string()))?;
        Signature::parse(signature.into_string()).ok_or(KeyError::Comment)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id())
    }
}

/// A signature that a file carries; whether it is right [`verify`](Self::verify) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key: KeyId,
    comment: String,
    text: String,
}

impl Signature {
    /// The id of the key that it says it is from.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Its trusted comment: signed as well, so worth as much as the signature.
    #[must_use]
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// minisign's text form, as in a `.minisig` file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is a signature of `message` by `key`.
    #[must_use]
    pub fn verify(&self, key: &PublicKey, message: &[u8]) -> bool {
        self.key == key.id()
            && SignatureBox::from_string(&self.text).is_ok_and(|signature| {
                minisign::verify(&key.0, &signature, Cursor::new(message), true, false, false).is_ok()
            })
    }

    /// Four lines as minisign writes them, with a prehashed signature; `None` for anything else.
    fn parse(text: String) -> Option<Signature> {
        let lines: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
        let &[untrusted, signature, trusted, global] = lines.as_slice() else { return None };
        let untrusted = untrusted.strip_prefix("untrusted comment: ")?;
        let comment = trusted.strip_prefix("trusted comment: ")?;
        // 74 bytes (algorithm, key id, signature) and 64 (signature of the comment) in base64.
        if !is_comment(comment) || signature.len() != 100 || global.len() != 88 {
            return None;
        }
        let read = SignatureBox::from_string(&text).ok()?;
        // One form: what reads differently from how it is written is refused.
        if !read.is_prehashed() || read.trusted_comment().ok()? != comment || read.to_string() != text {
            return None;
        }
        let (key, comment) = (key_id(read.keynum()), comment.to_owned());
        // Nobody signs this comment, so it says nothing: no byte of a signed file is anybody's to choose.
        (untrusted == untrusted_comment(key)).then_some(Signature { key, comment, text })
    }
}

/// A key that `minisign -W` made: not encrypted, and with zeros where its checksum would be.
fn unprotected(text: &str) -> Option<minisign::SecretKey> {
    let bytes = Base64::decode_to_vec(text.lines().nth(1)?, None).ok()?;
    let key = minisign::SecretKey::from_bytes(&bytes).ok()?;
    let has_no_kdf = bytes.get(2..4)? == [0, 0];
    let checksum = bytes.get(bytes.len().checked_sub(32)?..)?;
    (has_no_kdf && checksum.iter().all(|&byte| byte == 0)).then_some(key)
}

/// The only untrusted comment that a signature in a package may have.
fn untrusted_comment(key: KeyId) -> String {
    format!("signature from ambar, key {key}")
}

/// Whether minisign gives a trusted comment back as it took it.
fn is_comment(comment: &str) -> bool {
    comment.len() <= 1024 && comment.trim() == comment && !comment.chars().any(char::is_control)
}

fn key_id(bytes: &[u8]) -> KeyId {
    KeyId(bytes.try_into().unwrap_or_default())
}

/// What stands from `at` to the end of `source`.
pub(super) fn read(source: &Source, at: u64) -> Result<Vec<Signature>, Problem> {
    let damaged = |reason: &str| Problem::damaged(WHAT, reason);
    let mut left = source.len().saturating_sub(at);
    if left == 0 {
        return Ok(Vec::new());
    }
    let mut position = at;
    let mut next = |length: u32| -> Result<Vec<u8>, Problem> {
        left = left.checked_sub(u64::from(length)).ok_or_else(|| damaged("they end early"))?;
        let mut bytes = vec![0; length as usize];
        read_at(source, &mut bytes, position, WHAT)?;
        position += u64::from(length);
        Ok(bytes)
    };
    if next(8)? != MAGIC {
        return Err(Problem::damaged("the end", "data that is no signature follows the last section"));
    }
    let number = |bytes: Vec<u8>| bytes.try_into().map_or(0, u32::from_le_bytes);
    let count = number(next(4)?);
    if count == 0 || count > MOST {
        return Err(damaged("there are none, or too many"));
    }
    let mut signatures: Vec<Signature> = Vec::new();
    for _ in 0..count {
        let length = number(next(4)?);
        if length > LONGEST {
            return Err(damaged("one is too long"));
        }
        let text = String::from_utf8(next(length)?).ok();
        let signature = text.and_then(Signature::parse).ok_or_else(|| damaged("one is not minisign's"))?;
        if signatures.last().is_some_and(|last| last.key >= signature.key) {
            return Err(damaged("they are out of order, or one key has two"));
        }
        signatures.push(signature);
    }
    if left > 0 {
        return Err(damaged("data follows them"));
    }
    Ok(signatures)
}

/// The encoding of `signatures`, one of each key, in any order; `None` for too many.
pub(super) fn encode(mut signatures: Vec<Signature>) -> Option<Vec<u8>> {
    signatures.sort_by_key(|signature| signature.key);
    let count = u32::try_from(signatures.len()).ok().filter(|&count| count <= MOST)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&count.to_le_bytes());
    for signature in &signatures {
        bytes.extend_from_slice(&u32::try_from(signature.text.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(signature.text.as_bytes());
    }
    Some(bytes)
}
