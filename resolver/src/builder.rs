//! Compiling: from packages and relations, in whatever order they come, to bytes in canonical order.

mod canonical;
mod compile;
mod interner;
mod sort;

use crate::key::{FieldValue, Test, push_fields, push_tests};
use crate::layout::{DISPLACES, OBSOLETES};
use crate::universe::Kind;
use interner::{AtomTable, Texts};

/// What a package says of itself.
#[derive(Debug, Clone, Copy)]
pub struct PackageSpec<'a> {
    /// Name.
    pub name: &'a str,
    /// Version, as people write it.
    pub version: &'a str,
    /// Age key: bytes that sort as versions of one name do, newest greatest. The first byte is the version order;
    /// packages of different orders are neither newer nor older than each other. At most 65,535 bytes count.
    pub rank: &'a [u8],
    /// Architecture, or empty.
    pub arch: &'a str,
    /// Packages of one name exclude each other unless this differs; usually empty.
    pub slot: &'a str,
    /// What makes it the same package wherever it is found: a digest.
    pub identity: [u8; 32],
    /// From [`Builder::repository`].
    pub repository: RepositoryRef,
    /// Bits of [`flags`](crate::universe::flags).
    pub flags: u32,
    /// What tests may look at.
    pub fields: &'a [FieldValue<'a>],
}

/// A repository of a [`Builder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositoryRef(u32);

/// A package of a [`Builder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackageRef(u32);

/// A name with tests on it, of a [`Builder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtomRef(u32);

/// What an atom is met by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Packages of that name, and those that provide it.
    ByAny,
    /// Packages of that name alone, as rpm's `Obsoletes`.
    ByName,
}

struct Package {
    name: u32,
    arch: u32,
    slot: u32,
    repository: u32,
    flags: u32,
    version: (u32, u32),
    rank: (u32, u32),
    fields: (u32, u32),
    identity: [u8; 32],
}

/// Takes packages and relations, and compiles them. The result does not depend on the order in which packages
/// come; the order of a package's relations, and of the alternatives in one, is the package's own and is kept.
#[derive(Default)]
pub struct Builder {
    names: Texts,
    strings: Texts,
    repositories: Vec<(u32, i32)>,
    packages: Vec<Package>,
    /// Version texts, age keys and fields of packages.
    blob: Vec<u8>,
    atoms: AtomTable,
    /// Package, kind, and start of its atoms in `clause_atoms`.
    clauses: Vec<(u32, Kind, u32)>,
    clause_atoms: Vec<u32>,
    /// Package, atom, and the bits of it.
    conflicts: Vec<(u32, u32, u32)>,
    /// Package, name, and its fields in `blob`.
    provides: Vec<(u32, u32, (u32, u32))>,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("packages", &self.packages.len()).finish_non_exhaustive()
    }
}

impl Builder {
    /// A builder without packages.
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Makes room for about so many more packages with as many relations as packages of distributions have.
    pub fn reserve(&mut self, packages: usize) {
        self.names.reserve(packages + packages / 2);
        self.atoms.reserve(packages + packages / 2);
        self.packages.reserve(packages);
        self.clauses.reserve(packages * 6);
        self.clause_atoms.reserve(packages * 6);
    }

    /// A place that packages come from; of two packages that are alike in all else, the one with the higher
    /// priority is preferred.
    pub fn repository(&mut self, name: &str, priority: i32) -> RepositoryRef {
        let name = self.strings.intern(name);
        let position = self.repositories.iter().position(|known| *known == (name, priority));
        RepositoryRef(position.unwrap_or_else(|| {
            self.repositories.push((name, priority));
            self.repositories.len() - 1
        }) as u32)
    }

    /// Adds a package.
    pub fn package(&mut self, spec: &PackageSpec<'_>) -> PackageRef {
        let version = self.keep(spec.version.as_bytes());
        let rank = self.keep(&spec.rank[..spec.rank.len().min(usize::from(u16::MAX))]);
        let fields = self.keep_fields(spec.fields);
        self.packages.push(Package {
            name: self.names.intern(spec.name),
            arch: self.strings.intern(spec.arch),
            slot: self.strings.intern(spec.slot),
            repository: spec.repository.0,
            flags: spec.flags,
            version,
            rank,
            fields,
            identity: spec.identity,
        });
        PackageRef(self.packages.len() as u32 - 1)
    }

    fn keep(&mut self, bytes: &[u8]) -> (u32, u32) {
        let start = self.blob.len() as u32;
        self.blob.extend_from_slice(bytes);
        (start, self.blob.len() as u32)
    }

    fn keep_fields(&mut self, fields: &[FieldValue<'_>]) -> (u32, u32) {
        let start = self.blob.len() as u32;
        push_fields(&mut self.blob, fields);
        (start, self.blob.len() as u32)
    }

    /// A name with tests, all of which must be met; `text` is what people read. The same atom may be asked for as
    /// often as it occurs.
    pub fn atom(&mut self, name: &str, met: Met, tests: &[Test<'_>], text: &str) -> AtomRef {
        let name = self.names.intern(name);
        self.scratch.clear();
        push_tests(&mut self.scratch, tests);
        AtomRef(self.atoms.intern(name, met == Met::ByName, &self.scratch, text))
    }

    /// One of these atoms is demanded by the package. No atoms at all is a demand that nothing meets.
    pub fn clause(&mut self, package: PackageRef, kind: Kind, alternatives: &[AtomRef]) {
        self.clauses.push((package.0, kind, self.clause_atoms.len() as u32));
        self.clause_atoms.extend(alternatives.iter().map(|atom| atom.0));
    }

    /// The package cannot be installed beside what the atom names; itself excepted.
    pub fn conflict(&mut self, package: PackageRef, atom: AtomRef) {
        self.conflicts.push((package.0, atom.0, 0));
    }

    /// The package takes the place of what the atom names: they cannot be installed together, the removal of the
    /// other one needs no other permission, and an upgrade of it may go here.
    pub fn obsolete(&mut self, package: PackageRef, atom: AtomRef) {
        self.conflicts.push((package.0, atom.0, OBSOLETES));
    }

    /// The package cannot be installed beside what the atom names, which goes without other permission when the
    /// package comes; but it is no newer form of it, and no upgrade goes to it.
    pub fn displace(&mut self, package: PackageRef, atom: AtomRef) {
        self.conflicts.push((package.0, atom.0, DISPLACES));
    }

    /// The package counts as `name`, with these fields for tests to look at.
    pub fn provide(&mut self, package: PackageRef, name: &str, fields: &[FieldValue<'_>]) {
        let name = self.names.intern(name);
        let fields = self.keep_fields(fields);
        self.provides.push((package.0, name, fields));
    }

    /// Number of packages so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether there is no package yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The compiled bytes, for [`Universe::open`](crate::Universe::open).
    ///
    /// # Errors
    /// [`TooLarge`] beyond 2^28 names, packages, atoms or relations, or 4 GiB of text.
    pub fn finish(self) -> Result<Vec<u8>, TooLarge> {
        compile::compile(self)
    }
}

/// More than a universe can hold.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("too many packages or relations for one index: more than 2^28, or more than 4 GiB of text")]
pub struct TooLarge;
