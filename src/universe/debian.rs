//! From a Debian `Packages` index to a universe.
//!
//! | index | universe |
//! | --- | --- |
//! | `Package`, `Version`, `Architecture` | name, in lower case; version, in Debian's order; architecture |
//! | `SHA256` | identity; zeros where there is none |
//! | `Essential`, `Protected`, `Important` | any of them: the package is protected |
//! | `Pre-Depends`, `Depends`, `Recommends`, `Suggests` | clauses of that kind, alternatives in their order |
//! | `Provides` | provided names, with the version where there is one: an unversioned one meets no condition on a version |
//! | `Conflicts`, `Breaks` | conflicts, with providers of the name as well, itself excepted |
//! | `Replaces` | nothing of itself; where `Conflicts` names the same package, on the same condition or with none in `Replaces`, that goes for this one; where `Provides` does too, it has a new name: the package of that name (not what provides it) is obsoleted in the versions that `Replaces` and `Conflicts` admit |
//! | `Multi-Arch: allowed` | it meets `NAME:any` |
//!
//! A universe is for one architecture: packages for others are left out and counted. So a relation on `NAME`, or on
//! `NAME:ARCH` for that architecture, asks for no more than the name, and one on `NAME:OTHER` is met by nothing.
//! As with dpkg, `NAME:any` wants `Multi-Arch: allowed` of whatever meets it; what conflicts with `NAME:any`
//! conflicts with every `NAME`. `Enhances` has no part in choosing packages.
//!
//! To the resolver what obsoletes a package is a newer form of it, which an upgrade goes to. `Replaces` with
//! `Conflicts` is less: the siblings `emacs-gtk` and `emacs-nox` have both for each other, and an upgrade must leave
//! people the one that they have. Of 276 such pairs among trixie's packages 52 have `Provides` too.

mod atoms;

use std::borrow::Cow;

use ambar_pkgfmt::VersionOrder;
use ambar_pkgfmt::deb::alternative::Piece;
use ambar_pkgfmt::deb::index::PackagesIndex;
use ambar_pkgfmt::deb::stanza::{Field, InvalidStanza, MultiArch, Stanza};
use ambar_pkgfmt::relation::Op;
use ambar_resolver::universe::flags;
use ambar_resolver::{self as resolver, AtomRef, Builder, FieldValue, Kind, Met, PackageSpec, RepositoryRef};
use hashbrown::{HashMap, HashSet};

use self::atoms::{Condition, Keys, Span, lower};
use super::fields::{ANY_ARCH, ARCH, REPOSITORY, VERSION_TEXT, version_field};
use super::texts::Known;

/// Bytes that a stanza has, about: Debian's have 790.
const STANZA: usize = 800;

/// Most packages that one package may obsolete: two short fields can ask for very many.
const MOST_OBSOLETED: usize = 65_536;

/// What came of an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Added {
    /// Packages that are in the universe now.
    pub packages: usize,
    /// Packages that were left out because they are for another architecture.
    pub foreign: usize,
    /// Packages that were left out because something is wrong with them, in the index's order.
    pub refused: Vec<InvalidStanza>,
}

/// Where an index is from.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// What explanations and conditions call it; empty for none.
    pub name: &'a str,
    /// Of two packages that are alike in all else, the one of the higher priority is taken.
    pub priority: i32,
}

/// Adds the packages of an index that are for `arch` or for all architectures.
pub fn add(builder: &mut Builder, index: &PackagesIndex, repository: Repository<'_>, arch: &str) -> Added {
    let mut filler = Filler::new(builder, repository, arch, index.text().len() / STANZA);
    let mut added = Added::default();
    for stanza in index.stanzas() {
        match stanza.and_then(|stanza| filler.add(&stanza)) {
            Ok(true) => added.packages += 1,
            Ok(false) => added.foreign += 1,
            Err(refusal) => added.refused.push(refusal),
        }
    }
    added
}

/// Which fields are clauses.
const CLAUSES: [(Field, Kind); 4] = [
    (Field::PreDepends, Kind::PreDepends),
    (Field::Depends, Kind::Depends),
    (Field::Recommends, Kind::Recommends),
    (Field::Suggests, Kind::Suggests),
];

/// A name that is provided, and the version that it is provided in.
type Provided<'t> = (Cow<'t, str>, Option<(Span, &'t str)>);

/// Conditions under which a package is in conflict with a name.
type Conditions<'t> = Vec<Option<Condition<'t>>>;

struct Filler<'b, 't> {
    builder: &'b mut Builder,
    repository: RepositoryRef,
    repository_name: &'b str,
    arch: &'b str,
    keys: Keys,
    /// The atoms of pieces of dependencies and of conflicts, by their text: most occur many times.
    wanted: Known<AtomRef>,
    rivals: Known<AtomRef>,
    // What the package at hand says, gathered before any of it is added: one wrong word and it is left out.
    atoms: Vec<AtomRef>,
    /// Kind, and where its atoms end.
    clauses: Vec<(Kind, usize)>,
    conflicts: Vec<AtomRef>,
    provided: Vec<Provided<'t>>,
    obsoleted: Vec<AtomRef>,
    displaced: Vec<AtomRef>,
    text: String,
}

impl<'b, 't> Filler<'b, 't> {
    /// Makes room for about so many packages.
    fn new(builder: &'b mut Builder, repository: Repository<'b>, arch: &'b str, packages: usize) -> Self {
        builder.reserve(packages);
        Filler {
            repository: builder.repository(repository.name, repository.priority),
            repository_name: repository.name,
            builder,
            arch,
            keys: Keys::default(),
            wanted: Known::with_capacity(packages + packages / 2),
            rivals: Known::with_capacity(packages / 4),
            atoms: Vec::new(),
            clauses: Vec::new(),
            conflicts: Vec::new(),
            provided: Vec::new(),
            obsoleted: Vec::new(),
            displaced: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds a package; `false` when it is for another architecture.
    fn add(&mut self, stanza: &Stanza<'t>) -> Result<bool, InvalidStanza> {
        if !["", "all", self.arch].contains(&stanza.architecture()) {
            return Ok(false);
        }
        self.keys.clear();
        let version = self.version(stanza, Field::Version, stanza.version())?;
        self.gather(stanza, version)?;
        let multi_arch = stanza.multi_arch()?;
        let mut protected = false;
        for field in [Field::Essential, Field::Protected, Field::Important] {
            protected |= stanza.flag(field)?;
        }
        let identity = stanza.sha256()?.unwrap_or_default();
        // Beside its version a package has what tests in other universes look at; see `manifests`.
        let serves = match (stanza.architecture(), multi_arch) {
            ("" | "all", _) | (_, MultiArch::Foreign) => {
                FieldValue { field: ARCH, op: resolver::Op::AtLeast, key: b"" }
            }
            (arch, _) => FieldValue::new(ARCH, arch.as_bytes()),
        };
        let any = FieldValue::new(ANY_ARCH, b"");
        let order = version_field(VersionOrder::Debian);
        let mut fields = vec![FieldValue::new(order, self.keys.key(version)), serves];
        if multi_arch == MultiArch::Allowed {
            fields.push(any);
        }
        fields.push(FieldValue::new(VERSION_TEXT, stanza.version().as_bytes()));
        if !self.repository_name.is_empty() {
            fields.push(FieldValue::new(REPOSITORY, self.repository_name.as_bytes()));
        }
        let package = self.builder.package(&PackageSpec {
            name: &lower(stanza.package()),
            version: stanza.version(),
            rank: self.keys.rank(version),
            arch: stanza.architecture(),
            slot: "",
            identity,
            repository: self.repository,
            flags: if protected { flags::PROTECTED } else { 0 },
            fields: &fields,
        });
        let mut start = 0;
        for (kind, end) in &self.clauses {
            self.builder.clause(package, *kind, &self.atoms[start..*end]);
            start = *end;
        }
        for atom in &self.conflicts {
            match self.displaced.contains(atom) {
                true => self.builder.displace(package, *atom),
                false => self.builder.conflict(package, *atom),
            }
        }
        for atom in &self.obsoleted {
            self.builder.obsolete(package, *atom);
        }
        for (name, version) in &self.provided {
            fields.clear();
            fields.extend(version.map(|(key, _)| FieldValue::new(order, self.keys.key(key))));
            fields.push(serves);
            if multi_arch == MultiArch::Allowed {
                fields.push(any);
            }
            fields.extend(version.map(|(_, text)| FieldValue::new(VERSION_TEXT, text.as_bytes())));
            self.builder.provide(package, name, &fields);
        }
        Ok(true)
    }

    /// Reads all relations of a package of the version `own`.
    fn gather(&mut self, stanza: &Stanza<'t>, own: Span) -> Result<(), InvalidStanza> {
        self.atoms.clear();
        self.clauses.clear();
        self.conflicts.clear();
        self.provided.clear();
        self.obsoleted.clear();
        self.displaced.clear();
        for (field, kind) in CLAUSES {
            for piece in stanza.pieces(field) {
                let atom = match self.wanted.of(piece.text) {
                    Ok(atom) => atom,
                    Err(place) => self.wanted(place, stanza, field, piece)?,
                };
                self.atoms.push(atom);
                if !piece.or {
                    self.clauses.push((kind, self.atoms.len()));
                }
            }
        }
        for field in [Field::Conflicts, Field::Breaks] {
            for piece in stanza.pieces(field) {
                no_choice(stanza, field, piece)?;
                let atom = match self.rivals.of(piece.text) {
                    Ok(atom) => atom,
                    Err(place) => self.rival(place, stanza, field, piece)?,
                };
                self.conflicts.push(atom);
            }
        }
        for piece in stanza.pieces(Field::Provides) {
            no_choice(stanza, Field::Provides, piece)?;
            let found = stanza.alternative(Field::Provides, piece)?;
            let version = match found.condition {
                Some((Op::Equal, version)) if version == stanza.version() => Some((own, version)),
                Some((Op::Equal, version)) => {
                    Some((self.version(stanza, Field::Provides, version)?, version))
                }
                Some(_) => {
                    let reason = format!("{} must be provided in one version", found.name);
                    return Err(stanza.invalid(Field::Provides, reason));
                }
                None => None,
            };
            self.provided.push((lower(found.name), version));
        }
        if !stanza.get(Field::Replaces).is_empty() {
            self.obsoleted(stanza)?;
            self.displaced(stanza)?;
        }
        Ok(())
    }

    /// What goes for the package though it is no older form of it: what `Conflicts` names, and `Replaces` on the same
    /// condition or on none.
    #[cold]
    fn displaced(&mut self, stanza: &Stanza<'t>) -> Result<(), InvalidStanza> {
        let mut replaced = HashSet::new();
        for piece in stanza.pieces(Field::Replaces) {
            let found = stanza.alternative(Field::Replaces, piece)?;
            replaced.insert((lower(found.name), found.condition));
        }
        for (place, piece) in stanza.pieces(Field::Conflicts).enumerate() {
            let found = stanza.alternative(Field::Conflicts, piece)?;
            let name = lower(found.name);
            if replaced.contains(&(name.clone(), None)) || replaced.contains(&(name, found.condition)) {
                self.displaced.extend(self.conflicts.get(place));
            }
        }
        Ok(())
    }

    /// What the package obsoletes: for each name in `Replaces` that `Conflicts` and `Provides` have as well, what the
    /// first two admit.
    #[cold]
    fn obsoleted(&mut self, stanza: &Stanza<'t>) -> Result<(), InvalidStanza> {
        let mut rivals = Vec::new();
        {
            let provided: HashSet<&str> = self.provided.iter().map(|(name, _)| &**name).collect();
            for piece in stanza.pieces(Field::Conflicts) {
                let found = stanza.alternative(Field::Conflicts, piece)?;
                if provided.contains(&*lower(found.name)) {
                    rivals.push(found);
                }
            }
        }
        // By name and architecture.
        let mut conflicts: HashMap<(&str, &str), Conditions<'t>> = HashMap::new();
        for found in rivals {
            let condition = self.condition(stanza, Field::Conflicts, &found)?;
            conflicts.entry((found.name, found.arch)).or_default().push(condition);
        }
        for piece in stanza.pieces(Field::Replaces) {
            no_choice(stanza, Field::Replaces, piece)?;
            let found = stanza.alternative(Field::Replaces, piece)?;
            let condition = self.condition(stanza, Field::Replaces, &found)?;
            for other in conflicts.get(&(found.name, found.arch)).into_iter().flatten() {
                let other = other.filter(|other| !condition.is_some_and(|condition| condition.is(other)));
                let arch = if found.arch == "any" { "" } else { found.arch };
                let atom = self.atom(&found, Met::ByName, [condition, other], arch);
                self.obsoleted.push(atom);
                if self.obsoleted.len() > MOST_OBSOLETED {
                    let reason = format!("it obsoletes more than {MOST_OBSOLETED} packages");
                    return Err(stanza.invalid(Field::Replaces, reason));
                }
            }
        }
        Ok(())
    }
}

fn no_choice(stanza: &Stanza<'_>, field: Field, piece: Piece<'_>) -> Result<(), InvalidStanza> {
    if piece.or {
        return Err(stanza.invalid(field, "it must not have alternatives".into()));
    }
    Ok(())
}
