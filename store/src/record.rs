//! Records: what a generation is, as an immutable document that hashes itself.
//!
//! `records/N` holds, in this order: the magic bytes `ambarrc` and a version byte (2); fields as in
//! `docs/manifest.md` (tag, length, body; tags ascend, empty fields are left out); and the BLAKE3 of all the
//! bytes before it. The fields are listed at [`Record`]. Records are enough to answer every question about a
//! generation without the database, and to make the database again.
//!
//! A package is: id (32 bytes), name, version, release, arch, slot, tag (texts), whether other architectures can be
//! beside it (a byte, 0 or 1), installed size (number), profile and reason (a byte each). A choice is: path (bytes), the
//! winner, the list of the others, each of them name, slot, tag, arch (texts).
//!
//! Version 1 is read as well. There a package has no slot, tag and flags, and a choice among packages names them by
//! their names alone, of which each was there once; the manifests tell the rest ([`Record::complete`]).

use ambar_pkgfmt::codec::{CodecError, Decoder, Encoder, Fields, list_field, text, whole};
use ambar_pkgfmt::manifest::Instance;
use ambar_pkgfmt::{Digest, Manifest, PackageId, PayloadPath};
use serde::{Deserialize, Serialize};

use crate::object::Profile;

const MAGIC: &[u8; 8] = b"ambarrc\x02";
/// The version before, in which a name was there once.
const OF_NAMES: u8 = 1;

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
    /// Its packages, sorted by [instance](Installed::instance) (field 6). No one excludes another.
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
    /// Slot, as the package has it, or empty.
    #[serde(default)]
    pub slot: String,
    /// Tag, or empty.
    #[serde(default)]
    pub tag: String,
    /// Whether packages of its name and other architectures can be beside it.
    #[serde(default)]
    pub coinstallable: bool,
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
    /// The package whose entry is there.
    pub winner: Instance,
    /// The others, sorted.
    pub others: Vec<Instance>,
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
            e.text(&package.slot);
            e.text(&package.tag);
            e.byte(u8::from(package.coinstallable));
            e.number(package.installed_size);
            e.byte(package.profile.code());
            e.byte(match package.reason {
                Reason::Explicit => 1,
                Reason::Automatic => 2,
            });
        });
        e.list_field(tag::OVERWRITES, &self.overwrites, |e, choice| {
            e.bytes(choice.path.as_bytes());
            write_instance(e, &choice.winner);
            e.list(&choice.others, write_instance);
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

    /// Reads a document. One of version 1 does not say everything: see [`complete`](Self::complete).
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
        let of_names = magic[7] == OF_NAMES;
        if !of_names && magic[7] != MAGIC[7] {
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
                tag::PACKAGES if of_names => {
                    record.packages = list_field(body, 39, |d| installed(d, of_names))?;
                }
                tag::PACKAGES => record.packages = list_field(body, 42, |d| installed(d, of_names))?,
                tag::OVERWRITES if of_names => {
                    record.overwrites = list_field(body, 3, |d| overwrite(d, name_alone))?;
                }
                tag::OVERWRITES => record.overwrites = list_field(body, 6, |d| overwrite(d, instance))?,
                tag::KEPT => record.kept = list_field(body, 33, |d| Ok((path(d)?, d.digest()?)))?,
                value => return Err(CodecError::Unknown { what: "record field", value }),
            }
        }
        Ok(record)
    }

    /// Whether a document is of version 1, and what is read of it wants to be [completed](Self::complete).
    #[must_use]
    pub fn is_of_names(document: &[u8]) -> bool {
        document.get(MAGIC.len() - 1) == Some(&OF_NAMES)
    }

    /// Adds what documents of version 1 do not say, from the packages' manifests.
    ///
    /// # Errors
    /// Whatever `manifest` fails with.
    pub fn complete<E>(&mut self, manifest: impl Fn(PackageId) -> Result<Manifest, E>) -> Result<(), E> {
        for package in &mut self.packages {
            let manifest = manifest(package.id)?;
            package.coinstallable = manifest.is_coinstallable();
            (package.slot, package.tag) = (manifest.slot, manifest.tag);
        }
        for choice in &mut self.overwrites {
            for name in std::iter::once(&mut choice.winner).chain(&mut choice.others) {
                if let Some(package) = self.packages.iter().find(|package| package.name == name.name) {
                    *name = package.instance();
                }
            }
        }
        Ok(())
    }

    /// The package that stands where one of that instance would: the very instance, or else one that it excludes.
    #[must_use]
    pub fn counterpart(&self, instance: &Instance) -> Option<&Installed> {
        counterpart(&self.packages, instance)
    }
}

/// The package among `packages` that stands where one of that instance would: the very instance, or else one that
/// it excludes. `packages` are sorted by name, as those of a record are.
#[must_use]
pub fn counterpart<'p>(packages: &'p [Installed], instance: &Instance) -> Option<&'p Installed> {
    let start = packages.partition_point(|package| package.name < instance.name);
    let mut named = packages.iter().skip(start).take_while(|package| package.name == instance.name);
    let excluded = named.clone().find(|package| package.instance().excludes(instance));
    named.find(|package| package.instance() == *instance).or(excluded)
}

impl Installed {
    /// A package as a list has it.
    #[must_use]
    pub fn of(id: PackageId, manifest: &Manifest, profile: Profile, reason: Reason) -> Installed {
        Installed {
            id,
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            release: manifest.release.clone(),
            arch: manifest.arch.clone(),
            slot: manifest.slot.clone(),
            tag: manifest.tag.clone(),
            coinstallable: manifest.is_coinstallable(),
            installed_size: manifest.installed_size(),
            profile,
            reason,
        }
    }

    /// What names it in a generation.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance::new(&self.name, &self.slot, &self.tag, self.coinstallable, &self.arch)
    }

    /// `version`, or `version-release` where there is a release.
    #[must_use]
    pub fn full_version(&self) -> String {
        ambar_pkgfmt::manifest::full_version(&self.version, &self.release)
    }
}

fn path(d: &mut Decoder<'_>) -> Result<PayloadPath, CodecError> {
    PayloadPath::new(d.bytes()?).map_err(|_| CodecError::Rule("a path is not a valid payload path"))
}

fn write_instance(e: &mut Encoder, instance: &Instance) {
    e.text(&instance.name);
    e.text(&instance.slot);
    e.text(&instance.tag);
    e.text(&instance.arch);
}

fn instance(d: &mut Decoder<'_>) -> Result<Instance, CodecError> {
    let mut text = || Ok(d.text()?.to_owned());
    Ok(Instance { name: text()?, slot: text()?, tag: text()?, arch: text()? })
}

/// An instance of version 1, of which only the name is said.
fn name_alone(d: &mut Decoder<'_>) -> Result<Instance, CodecError> {
    Ok(Instance { name: d.text()?.to_owned(), ..Instance::default() })
}

fn overwrite(
    d: &mut Decoder<'_>,
    instance: fn(&mut Decoder<'_>) -> Result<Instance, CodecError>,
) -> Result<Overwrite, CodecError> {
    Ok(Overwrite { path: path(d)?, winner: instance(d)?, others: d.list(1, instance)? })
}

/// A package; one of version 1 has no slot, tag and flags.
fn installed(d: &mut Decoder<'_>, of_names: bool) -> Result<Installed, CodecError> {
    let text = |d: &mut Decoder<'_>| if of_names { Ok(String::new()) } else { Ok(d.text()?.to_owned()) };
    Ok(Installed {
        id: PackageId(d.digest()?),
        name: d.text()?.to_owned(),
        version: d.text()?.to_owned(),
        release: d.text()?.to_owned(),
        arch: d.text()?.to_owned(),
        slot: text(d)?,
        tag: text(d)?,
        coinstallable: match if of_names { 0 } else { d.byte()? } {
            0 => false,
            1 => true,
            value => return Err(CodecError::Unknown { what: "package flags", value: u64::from(value) }),
        },
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
                slot: "3".into(),
                tag: "4.9-s".into(),
                coinstallable: true,
                installed_size: 12345,
                profile: Profile::new(false, true, false),
                reason: Reason::Explicit,
            }],
            overwrites: vec![Overwrite {
                path: PayloadPath::new(b"usr/bin/joe").unwrap(),
                winner: Instance::new("joe", "3", "4.9-s", true, "x86_64"),
                others: vec![
                    Instance::new("jmacs", "", "", false, ""),
                    Instance::new("jpico", "2", "", false, ""),
                ],
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

    /// What version 1 wrote of the sample.
    fn of_version_1(record: &Record) -> Vec<u8> {
        let mut e = Encoder::new();
        e.raw(b"ambarrc\x01");
        e.field(tag::NUMBER, |e| e.number(record.number));
        e.field(tag::PARENT, |e| e.number(record.parent.unwrap()));
        e.field(tag::ROOT, |e| e.raw(&record.root));
        e.field(tag::TIME, |e| e.signed(record.time));
        e.text_field(tag::CAUSE, &record.cause);
        e.list_field(tag::PACKAGES, &record.packages, |e, package| {
            e.raw(&package.id.0.0);
            for text in [&package.name, &package.version, &package.release, &package.arch] {
                e.text(text);
            }
            e.number(package.installed_size);
            e.byte(package.profile.code());
            e.byte(1);
        });
        e.list_field(tag::OVERWRITES, &record.overwrites, |e, choice| {
            e.bytes(choice.path.as_bytes());
            e.text(&choice.winner.name);
            e.list(&choice.others, |e, other| e.text(&other.name));
        });
        let mut bytes = e.finish();
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(&digest.0);
        bytes
    }

    #[test]
    fn a_record_of_version_1_reads_and_manifests_tell_the_rest() {
        let mut expected = sample();
        expected.kept.clear();
        let mut other = expected.packages[0].clone();
        (other.name, other.slot, other.tag) = ("jpico".into(), "2".into(), String::new());
        (other.coinstallable, other.id) = (false, PackageId(Digest::of(b"jpico")));
        expected.packages.push(other);
        let document = of_version_1(&expected);
        assert!(Record::is_of_names(&document) && !Record::is_of_names(&expected.encode()));
        let mut found = Record::decode(&document).unwrap();
        assert_eq!(found.packages[0].slot, "");
        let manifest = |id| {
            let package = expected.packages.iter().find(|package| package.id == id).ok_or(())?;
            let mut manifest = Manifest::new(&package.name, "1", ambar_pkgfmt::VersionOrder::Debian);
            manifest.arch.clone_from(&package.arch);
            (manifest.slot, manifest.tag) = (package.slot.clone(), package.tag.clone());
            let multi_arch = if package.coinstallable { "same" } else { "no" };
            manifest.properties = vec![("deb.multi-arch".into(), multi_arch.into())];
            Ok::<_, ()>(manifest)
        };
        found.complete(manifest).unwrap();
        assert_eq!(found, expected);
        // What is written from now on is of the version now.
        assert_eq!(Record::decode(&found.encode()), Ok(expected));
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
