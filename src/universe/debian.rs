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
//! | `Replaces` | nothing of itself; where `Conflicts` names the same package, that package (not what provides its name) is obsoleted in the versions that both fields admit, as in a `.deb`'s manifest |
//! | `Multi-Arch: allowed` | it meets `NAME:any` |
//!
//! A universe is for one architecture: packages for others are left out and counted. So a relation on `NAME`, or on
//! `NAME:ARCH` for that architecture, asks for no more than the name, and one on `NAME:OTHER` is met by nothing.
//! As with dpkg, `NAME:any` wants `Multi-Arch: allowed` of whatever meets it; what conflicts with `NAME:any`
//! conflicts with every `NAME`. `Enhances` has no part in choosing packages.

use std::borrow::Cow;

use ambar_pkgfmt::VersionOrder;
use ambar_pkgfmt::deb::alternative::{Alternative, Piece};
use ambar_pkgfmt::deb::index::PackagesIndex;
use ambar_pkgfmt::deb::stanza::{Field, InvalidStanza, MultiArch, Stanza};
use ambar_pkgfmt::relation::Op;
use ambar_pkgfmt::version::Version;
use ambar_resolver::universe::flags;
use ambar_resolver::{
    self as resolver, AtomRef, Builder, FieldValue, Kind, Met, PackageSpec, RepositoryRef, Test,
};
use hashbrown::HashMap;

use super::fields::{ANY_ARCH, ARCH, REPOSITORY, VERSION_TEXT, version_field};

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
    let mut filler = Filler::new(builder, repository, arch);
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

/// A key in [`Keys`].
type Span = (usize, usize);

/// Sort keys of versions, made once for each text.
#[derive(Default)]
struct Keys<'t> {
    spans: HashMap<&'t str, Span>,
    bytes: Vec<u8>,
}

impl<'t> Keys<'t> {
    /// The key of a version, after a byte for the order; `None` for a text that is no version.
    fn of(&mut self, text: &'t str) -> Option<Span> {
        if let Some(span) = self.spans.get(text) {
            return Some(*span);
        }
        let version = Version::parse(VersionOrder::Debian, text).ok()?;
        let start = self.bytes.len();
        self.bytes.push(version_field(VersionOrder::Debian).0);
        self.bytes.extend_from_slice(version.sort_key());
        let span = (start, self.bytes.len());
        self.spans.insert(text, span);
        Some(span)
    }

    /// With the byte for the order.
    fn rank(&self, (start, end): Span) -> &[u8] {
        &self.bytes[start..end]
    }

    /// Without it.
    fn key(&self, (start, end): Span) -> &[u8] {
        &self.bytes[start + 1..end]
    }
}

/// A condition on a version.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Condition<'t> {
    op: Op,
    version: &'t str,
    key: Span,
}

struct Filler<'b, 't> {
    builder: &'b mut Builder,
    repository: RepositoryRef,
    repository_name: &'b str,
    arch: &'b str,
    keys: Keys<'t>,
    /// The atoms of pieces of dependencies and of conflicts, by their text: most occur many times.
    wanted: HashMap<&'t str, AtomRef>,
    rivals: HashMap<&'t str, AtomRef>,
    // What the package at hand says, gathered before any of it is added: one wrong word and it is left out.
    atoms: Vec<AtomRef>,
    /// Kind, and where its atoms end.
    clauses: Vec<(Kind, usize)>,
    conflicts: Vec<AtomRef>,
    provided: Vec<(Cow<'t, str>, Option<(Span, &'t str)>)>,
    obsoleted: Vec<AtomRef>,
    text: String,
}

impl<'b, 't> Filler<'b, 't> {
    fn new(builder: &'b mut Builder, repository: Repository<'b>, arch: &'b str) -> Self {
        Filler {
            repository: builder.repository(repository.name, repository.priority),
            repository_name: repository.name,
            builder,
            arch,
            keys: Keys::default(),
            wanted: HashMap::new(),
            rivals: HashMap::new(),
            atoms: Vec::new(),
            clauses: Vec::new(),
            conflicts: Vec::new(),
            provided: Vec::new(),
            obsoleted: Vec::new(),
            text: String::new(),
        }
    }

    /// Adds a package; `false` when it is for another architecture.
    fn add(&mut self, stanza: &Stanza<'t>) -> Result<bool, InvalidStanza> {
        if !["", "all", self.arch].contains(&stanza.architecture()) {
            return Ok(false);
        }
        let version = self.version(stanza, Field::Version, stanza.version())?;
        self.gather(stanza)?;
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
            self.builder.conflict(package, *atom);
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

    /// Reads all relations of a package.
    fn gather(&mut self, stanza: &Stanza<'t>) -> Result<(), InvalidStanza> {
        self.atoms.clear();
        self.clauses.clear();
        self.conflicts.clear();
        self.provided.clear();
        self.obsoleted.clear();
        for (field, kind) in CLAUSES {
            for piece in stanza.pieces(field) {
                let atom = match self.wanted.get(piece.text) {
                    Some(atom) => *atom,
                    None => self.wanted(stanza, field, piece)?,
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
                let atom = match self.rivals.get(piece.text) {
                    Some(atom) => *atom,
                    None => self.rival(stanza, field, piece)?,
                };
                self.conflicts.push(atom);
            }
        }
        for piece in stanza.pieces(Field::Provides) {
            no_choice(stanza, Field::Provides, piece)?;
            let found = stanza.alternative(Field::Provides, piece)?;
            let version = match found.condition {
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
        if !stanza.get(Field::Replaces).is_empty() && !stanza.get(Field::Conflicts).is_empty() {
            self.obsoleted(stanza)?;
        }
        Ok(())
    }

    #[cold]
    fn wanted(
        &mut self,
        stanza: &Stanza<'t>,
        field: Field,
        piece: Piece<'t>,
    ) -> Result<AtomRef, InvalidStanza> {
        let found = stanza.alternative(field, piece)?;
        let condition = self.condition(stanza, field, &found)?;
        let atom = self.atom(&found, Met::ByAny, [condition, None], found.arch);
        self.wanted.insert(piece.text, atom);
        Ok(atom)
    }

    #[cold]
    fn rival(
        &mut self,
        stanza: &Stanza<'t>,
        field: Field,
        piece: Piece<'t>,
    ) -> Result<AtomRef, InvalidStanza> {
        let found = stanza.alternative(field, piece)?;
        let condition = self.condition(stanza, field, &found)?;
        let arch = if found.arch == "any" { "" } else { found.arch };
        let atom = self.atom(&found, Met::ByAny, [condition, None], arch);
        self.rivals.insert(piece.text, atom);
        Ok(atom)
    }

    /// What the package obsoletes: for each name in `Replaces` that `Conflicts` has as well, what both admit.
    #[cold]
    fn obsoleted(&mut self, stanza: &Stanza<'t>) -> Result<(), InvalidStanza> {
        let mut conflicts: HashMap<(&str, &str), Vec<Option<Condition<'t>>>> = HashMap::new();
        for piece in stanza.pieces(Field::Conflicts) {
            let found = stanza.alternative(Field::Conflicts, piece)?;
            let condition = self.condition(stanza, Field::Conflicts, &found)?;
            conflicts.entry((found.name, found.arch)).or_default().push(condition);
        }
        for piece in stanza.pieces(Field::Replaces) {
            no_choice(stanza, Field::Replaces, piece)?;
            let found = stanza.alternative(Field::Replaces, piece)?;
            let condition = self.condition(stanza, Field::Replaces, &found)?;
            for other in conflicts.get(&(found.name, found.arch)).into_iter().flatten() {
                let other = other.filter(|other| Some(*other) != condition);
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

    fn condition(
        &mut self,
        stanza: &Stanza<'t>,
        field: Field,
        found: &Alternative<'t>,
    ) -> Result<Option<Condition<'t>>, InvalidStanza> {
        let Some((op, version)) = found.condition else { return Ok(None) };
        Ok(Some(Condition { op, version, key: self.version(stanza, field, version)? }))
    }

    fn version(&mut self, stanza: &Stanza<'t>, field: Field, text: &'t str) -> Result<Span, InvalidStanza> {
        self.keys.of(text).ok_or_else(|| {
            let shown = ambar_pkgfmt::path::Shown(text.as_bytes());
            stanza.invalid(field, format!("'{shown}' is no version"))
        })
    }

    /// The atom of an alternative under these conditions; `arch` is what counts of its architecture.
    fn atom(
        &mut self,
        found: &Alternative<'_>,
        met: Met,
        conditions: [Option<Condition<'t>>; 2],
        arch: &str,
    ) -> AtomRef {
        let name = lower(found.name);
        // As `ambar_pkgfmt::relation::Target` is shown.
        let text = &mut self.text;
        text.clear();
        text.push_str(&name);
        if !found.arch.is_empty() {
            text.push(':');
            text.push_str(found.arch);
        }
        for (number, condition) in conditions.iter().flatten().enumerate() {
            text.push_str(if number == 0 { " (" } else { ", " });
            let (sign, _) = meaning(condition.op);
            text.push_str(sign);
            text.push(' ');
            text.push_str(condition.version);
        }
        if conditions != [None; 2] {
            text.push(')');
        }
        let order = version_field(VersionOrder::Debian);
        let keys = conditions.map(|condition| {
            let key = condition.map_or(&[][..], |condition| self.keys.key(condition.key));
            [(order, key)]
        });
        let arch_key = match arch {
            "any" => [(ANY_ARCH, &[][..])],
            other => [(ARCH, other.as_bytes())],
        };
        let mut tests = [Test { op: resolver::Op::Equal, keys: &[] }; 3];
        let mut count = 0;
        for (condition, keys) in conditions.iter().zip(&keys) {
            if let Some(condition) = condition {
                tests[count] = Test { op: meaning(condition.op).1, keys };
                count += 1;
            }
        }
        if !arch.is_empty() && arch != self.arch {
            tests[count] = Test { op: resolver::Op::Equal, keys: &arch_key };
            count += 1;
        }
        self.builder.atom(&name, met, &tests[..count], &self.text)
    }
}

/// How an operator of Debian's is shown, and the resolver's.
fn meaning(op: Op) -> (&'static str, resolver::Op) {
    match op {
        Op::Less => ("<", resolver::Op::Less),
        Op::AtMost => ("<=", resolver::Op::AtMost),
        Op::AtLeast => (">=", resolver::Op::AtLeast),
        Op::Greater => (">", resolver::Op::Greater),
        // No field of Debian's has another.
        _ => ("=", resolver::Op::Equal),
    }
}

/// A name in lower case: dpkg takes names that differ in case alone for one.
fn lower(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}

fn no_choice(stanza: &Stanza<'_>, field: Field, piece: Piece<'_>) -> Result<(), InvalidStanza> {
    if piece.or {
        return Err(stanza.invalid(field, "it must not have alternatives".into()));
    }
    Ok(())
}
