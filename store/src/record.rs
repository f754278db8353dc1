//! Records: what a generation is, as an immutable document that hashes itself.
//!
//! `records/N` holds, in this order: the magic bytes `ambarrc` and a version byte (1); fields as in
//! `docs/manifest.md` (tag, length, body; tags ascend, empty fields are left out); and the BLAKE3 of all the
//! bytes before it. The fields are listed at [`Record`]. Records are enough to answer every question about a
//! generation without the database, and to make the database again.

use ambar_pkgfmt::codec::{CodecError, Decoder, Encoder, Fields, list_field, text, whole};
use ambar_pkgfmt::{Digest, PackageId, PayloadPath};
use serde::{Deserialize, Serialize};

use crate::object::Profile;

const MAGIC: &[u8; 8] = b"ambarrc\x01";

mod tag {
    pub(super) const NUMBER: u64 = 1;
    pub(super) const PARENT: u64 = 2;
    pub(super) const ROOT: u64 = 3;
    pub(super) const TIME: u64 = 4;
    pub(super) const CAUSE: u64 = 5;
    pub(super) const PACKAGES: u64 = 6;
    pub(super) const OVERWRITES: u64 = 7;
    pub(super) const KEPT: u64 = 8;
}

/// A generation: its number and origin, and the complete list of its packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number (field 1).
    pub number: u64,
    /// The generation that it was made from (field 2; absent for the first).
    pub parent: Option<u64>,
    /// The root it belongs to (field 3, 16 bytes).
    pub root: [u8; 16],
    /// When it was made, seconds since 1970 (field 4, signed).
    pub time: i64,
    /// What was asked for, in words (field 5).
    pub cause: String,
    /// Its packages, sorted by name, then id (field 6).
    pub packages: Vec<Installed>,
    /// Paths that one package was told to take from others, sorted by path (field 7).
    pub overwrites: Vec<Overwrite>,
    /// Configuration whose content the machine had changed when this was made, with the digest of what it
    /// had; sorted by path (field 8).
    pub kept: Vec<(PayloadPath, Digest)>,
}

/// A package in a generation, with what lists show of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its id.
    pub id: PackageId,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Release, or empty.
    pub release: String,
    /// Architecture, or empty.
    pub arch: String,
    /// Sum of the sizes of its files, in bytes.
    pub installed_size: u64,
    /// The profile that its objects are stored under.
    pub profile: Profile,
    /// Why it is there.
    pub reason: Reason,
}

/// A path that several packages have, and which of them was chosen. The choice is among these packages only:
/// with another one it has to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overwrite {
    /// The path.
    pub path: PayloadPath,
    /// Name of the package whose entry is there.
    pub winner: String,
    /// Names of the others, sorted.
    pub others: Vec<String>,
}

/// Why a package is in a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody asked for it.
    Explicit,
    /// Another package needed it.
    Automatic,
}

impl Reason {
    /// Its name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Explicit => "explicit",
            Reason::Automatic => "automatic",
        }
    }
}

impl Record {
    /// The document, with its digest at the end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        e.raw(MAGIC);
        e.field(tag::NUMBER, |e| e.number(self.number));
        e.field(tag::PARENT, |e| self.parent.into_iter().for_each(|parent| e.number(parent)));
        e.field(tag::ROOT, |e| e.raw(&self.root));
        e.field(tag::TIME, |e| e.signed(self.time));
        e.text_field(tag::CAUSE, &self.cause);
        e.list_field(tag::PACKAGES, &self.packages, |e, package| {
            e.raw(&package.id.0.0);
            e.text(&package.name);
            e.text(&package.version);
            e.text(&package.release);
            e.text(&package.arch);
            e.number(package.installed_size);
            e.byte(package.profile.code());
            e.byte(match package.reason {
                Reason::Explicit => 1,
                Reason::Automatic => 2,
            });
        });
        e.list_field(tag::OVERWRITES, &self.overwrites, |e, choice| {
            e.bytes(choice.path.as_bytes());
            e.text(&choice.winner);
            e.list(&choice.others, |e, name| e.text(name));
        });
        e.list_field(tag::KEPT, &self.kept, |e, (path, digest)| {
            e.bytes(path.as_bytes());
            e.raw(&digest.0);
        });
        let mut bytes = e.finish();
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(&digest.0);
        bytes
    }

    /// The digest at the end of a document made by [`encode`](Self::encode): what the database and saved
    /// plans know a record by.
    #[must_use]
    pub fn digest_of(document: &[u8]) -> Digest {
        document.last_chunk::<32>().map_or(Digest([0; 32]), |digest| Digest(*digest))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`CodecError`] when it is damaged (its digest is not that of its bytes), newer, or not canonical.
    pub fn decode(document: &[u8]) -> Result<Record, CodecError> {
        let (body, digest) = document.split_last_chunk::<32>().ok_or(CodecError::Truncated)?;
        if Digest::of(body).0 != *digest {
            return Err(CodecError::Rule("its digest is not that of its bytes"));
        }
        let mut d = Decoder::new(body);
        let magic = d.raw(MAGIC.len())?;
        if magic[..7] != MAGIC[..7] {
            return Err(CodecError::Magic);
        }
        if magic[7] != MAGIC[7] {
            return Err(CodecError::Unknown { what: "record version", value: u64::from(magic[7]) });
        }
        let mut record = Record {
            number: 0,
            parent: None,
            root: [0; 16],
            time: 0,
            cause: String::new(),
            packages: Vec::new(),
            overwrites: Vec::new(),
            kept: Vec::new(),
        };
        let mut fields = Fields::new(d);
        while let Some((tag, body)) = fields.next()? {
            match tag {
                tag::NUMBER => record.number = whole(body, Decoder::number)?,
                tag::PARENT => record.parent = Some(whole(body, Decoder::number)?),
                tag::ROOT => record.root = body.try_into().map_err(|_| CodecError::Truncated)?,
                tag::TIME => record.time = whole(body, Decoder::signed)?,
                tag::CAUSE => record.cause = text(body)?.to_owned(),
                tag::PACKAGES => record.packages = list_field(body, 39, installed)?,
                tag::OVERWRITES => {
                    record.overwrites = list_field(body, 3, overwrite)?;
                }
                tag::KEPT => record.kept = list_field(body, 33, |d| Ok((path(d)?, d.digest()?)))?,
                value => return Err(CodecError::Unknown { what: "record field", value }),
            }
        }
        Ok(record)
    }

    /// The package of that name, if the generation has it.
    #[must_use]
    pub fn package(&self, name: &str) -> Option<&Installed> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Installed {
    /// `version`, or `version-release` where there is a release.
    #[must_use]
    pub fn full_version(&self) -> String {
        ambar_pkgfmt::manifest::full_version(&self.version, &self.release)
    }
}

fn path(d: &mut Decoder<'_>) -> Result<PayloadPath, CodecError> {
    PayloadPath::new(d.bytes()?).map_err(|_| CodecError::Rule("a path is not a valid payload path"))
}

fn overwrite(d: &mut Decoder<'_>) -> Result<Overwrite, CodecError> {
    Ok(Overwrite {
        path: path(d)?,
        winner: d.text()?.to_owned(),
        others: d.list(1, |d| Ok(d.text()?.to_owned()))?,
    })
}

fn installed(d: &mut Decoder<'_>) -> Result<Installed, CodecError> {
    Ok(Installed {
        id: PackageId(d.digest()?),
        name: d.text()?.to_owned(),
        version: d.text()?.to_owned(),
        release: d.text()?.to_owned(),
        arch: d.text()?.to_owned(),
        installed_size: d.number()?,
        profile: {
            let code = d.byte()?;
            Profile::from_code(code).ok_or(CodecError::Unknown { what: "profile", value: u64::from(code) })?
        },
        reason: match d.byte()? {
            1 => Reason::Explicit,
            2 => Reason::Automatic,
            value => return Err(CodecError::Unknown { what: "reason", value: u64::from(value) }),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Record {
        Record {
            number: 3,
            parent: Some(2),
            root: [7; 16],
            time: -5,
            cause: "install joe".into(),
            packages: vec![Installed {
                id: PackageId(Digest::of(b"joe")),
                name: "joe".into(),
                version: "3.5".into(),
                release: "2".into(),
                arch: "x86_64".into(),
                installed_size: 12345,
                profile: Profile::new(false, true, false),
                reason: Reason::Explicit,
            }],
            overwrites: vec![Overwrite {
                path: PayloadPath::new(b"usr/bin/joe").unwrap(),
                winner: "joe".into(),
                others: vec!["jmacs".into(), "jpico".into()],
            }],
            kept: vec![(PayloadPath::new(b"etc/joerc").unwrap(), Digest::of(b"edited"))],
        }
    }

    #[test]
    fn a_record_reads_back() {
        let document = sample().encode();
        assert_eq!(Record::decode(&document), Ok(sample()));
        assert_eq!(Record::digest_of(&document), Digest::of(&document[..document.len() - 32]));
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_noticed() {
        let document = sample().encode();
        for position in 0..document.len() {
            let mut damaged = document.clone();
            damaged[position] ^= 1;
            assert!(Record::decode(&damaged).is_err(), "byte {position}");
            assert!(Record::decode(&document[..position]).is_err(), "cut at {position}");
        }
    }
}
