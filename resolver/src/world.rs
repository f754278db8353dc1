//! What is solved over: one or more universes, and what is installed.
//!
//! The first universe keeps its ids and is not copied; the packages of the others get ids after its own. What the
//! others provide or forbid is joined to it name by name, so the work is proportional to the others alone: a
//! repository's universe comes first, the installed packages and files named by hand after it.

mod join;
mod relations;
mod view;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::key::meets;
use crate::layout::Section as S;
use crate::solver::Scratch;
use crate::universe::{Universe, flags};
use join::Joined;
use view::View;

/// A package of a [`World`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(pub u32);

/// How a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Installed {
    /// Nobody asked for it; another package needed it.
    pub automatic: bool,
    /// It stays exactly as it is.
    pub held: bool,
    /// It is not removed, whatever else.
    pub protected: bool,
}

/// What becomes of a package when one comes that has it among its conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rivalry {
    /// They exclude each other.
    Excludes,
    /// It may go for the other one.
    Displaces,
    /// The other one is its newer form.
    Obsoletes,
}

/// Packages of several universes together, and which of them are installed.
#[derive(Debug)]
pub struct World<'u> {
    parts: Vec<&'u Universe>,
    joined: Joined,
    base: Base<'u>,
    installed: BTreeMap<u32, Installed>,
    /// Whether each package is installed, for the inner loops.
    is_installed: Vec<bool>,
    /// Whether some package of each name is installed.
    name_is_installed: Vec<bool>,
    disabled: Vec<u32>,
    /// Arrays for the next search.
    scratch: Mutex<Option<Scratch>>,
}

/// The first universe's arrays, fetched once.
#[derive(Debug)]
struct Base<'u> {
    packages: u32,
    names: u32,
    atoms: u32,
    clauses: u32,
    package_name: &'u [u32],
    packages_of: &'u [u32],
    classes: &'u [u32],
    package_class: &'u [u32],
    clauses_of: &'u [u32],
    strong_end: &'u [u32],
    clause_kind: &'u [u8],
    clause_atoms_of: &'u [u32],
    clause_atoms: &'u [u32],
    conflicts_of: &'u [u32],
    conflicts: &'u [u32],
    rival_atoms_of: &'u [u32],
    rival_atoms: &'u [u32],
    declarers_of: &'u [u32],
    declarers: &'u [u32],
    candidates_of: &'u [u32],
    candidates: &'u [u32],
}

impl<'u> Base<'u> {
    fn new(universe: &'u Universe) -> Base<'u> {
        Base {
            packages: universe.len(),
            names: universe.names(),
            atoms: universe.atoms(),
            clauses: universe.clauses(),
            package_name: universe.ints(S::PackageName),
            packages_of: universe.ints(S::PackagesOf),
            classes: universe.ints(S::Classes),
            package_class: universe.ints(S::PackageClass),
            clauses_of: universe.ints(S::ClausesOf),
            strong_end: universe.ints(S::StrongEnd),
            clause_kind: universe.bytes(S::ClauseKind),
            clause_atoms_of: universe.ints(S::ClauseAtomsOf),
            clause_atoms: universe.ints(S::ClauseAtoms),
            conflicts_of: universe.ints(S::ConflictsOf),
            conflicts: universe.ints(S::Conflicts),
            rival_atoms_of: universe.ints(S::RivalAtomsOf),
            rival_atoms: universe.ints(S::RivalAtoms),
            declarers_of: universe.ints(S::DeclarersOf),
            declarers: universe.ints(S::Declarers),
            candidates_of: universe.ints(S::CandidatesOf),
            candidates: universe.ints(S::Candidates),
        }
    }
}

fn list<'a>(offsets: &[u32], items: &'a [u32], of: u32) -> &'a [u32] {
    &items[offsets[of as usize] as usize..offsets[of as usize + 1] as usize]
}

impl<'u> World<'u> {
    /// Joins universes. `installed` names packages as (number of the universe, id in it). An installed package
    /// whose name and identity a package of an earlier universe has as well is that package.
    ///
    /// Ids that are not a universe's are left out.
    ///
    /// # Panics
    /// Without any universe.
    #[must_use]
    pub fn new(parts: &[&'u Universe], installed: &[(usize, u32, Installed)]) -> World<'u> {
        let joined = Joined::new(parts);
        let total = joined.total as usize;
        let mut world = World {
            parts: parts.to_vec(),
            base: Base::new(parts[0]),
            joined,
            installed: BTreeMap::new(),
            is_installed: vec![false; total],
            name_is_installed: Vec::new(),
            disabled: Vec::new(),
            scratch: Mutex::new(None),
        };
        for (number, part) in parts.iter().enumerate() {
            let classes = part.ints(S::Classes);
            if classes.chunks_exact(4).all(|class| class[3] & flags::DISABLED == 0) {
                continue;
            }
            let disabled = (0..part.len()).filter(|package| part.flags(*package) & flags::DISABLED != 0);
            let joined = &world.joined;
            world.disabled.extend(disabled.filter_map(|package| joined.id(number, package)));
        }
        world.name_is_installed = vec![false; world.names() as usize];
        for (part, package, state) in installed {
            if let Some(id) = world.joined.id(*part, *package) {
                world.installed.insert(id, *state);
                world.is_installed[id as usize] = true;
                let name = world.name_of(id);
                world.name_is_installed[name as usize] = true;
            }
        }
        world
    }

    /// Number of packages.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.joined.total
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A package by its universe's number and its id there.
    #[must_use]
    pub fn id(&self, part: usize, package: u32) -> Option<PackageId> {
        self.joined.id(part, package).map(PackageId)
    }

    /// Which universe a package is from, and its id there. One that stands in several is of the first.
    #[must_use]
    pub fn origin(&self, package: PackageId) -> (usize, u32) {
        match package.0.checked_sub(self.base.packages) {
            None => (0, package.0),
            Some(at) => self.joined.origin[at as usize],
        }
    }

    fn part_of(&self, package: u32) -> (&'u Universe, u32) {
        let (part, id) = self.origin(PackageId(package));
        (self.parts[part], id)
    }

    /// The installed packages, in order of id, and how they are installed.
    pub fn installed(&self) -> impl Iterator<Item = (PackageId, Installed)> + '_ {
        self.installed.iter().map(|(id, state)| (PackageId(*id), *state))
    }

    /// How a package is installed, if it is.
    #[must_use]
    pub fn state(&self, package: PackageId) -> Option<Installed> {
        self.installed.get(&package.0).copied()
    }

    /// Whether it is installed.
    #[must_use]
    pub fn is_installed(&self, package: PackageId) -> bool {
        self.is_installed[package.0 as usize]
    }

    /// Its name.
    #[must_use]
    pub fn name(&self, package: PackageId) -> &'u str {
        let (part, id) = self.part_of(package.0);
        part.name_text(part.package_name(id))
    }

    /// Its version, as people write it.
    #[must_use]
    pub fn version(&self, package: PackageId) -> &'u str {
        let (part, id) = self.part_of(package.0);
        part.version(id)
    }

    /// Its architecture.
    #[must_use]
    pub fn arch(&self, package: PackageId) -> &'u str {
        let (part, id) = self.part_of(package.0);
        part.arch(id)
    }

    /// What keeps it apart from others of its name.
    #[must_use]
    pub fn slot(&self, package: PackageId) -> &'u str {
        let (part, id) = self.part_of(package.0);
        part.slot(id)
    }

    /// The repository it is from.
    #[must_use]
    pub fn repository(&self, package: PackageId) -> &'u str {
        let (part, id) = self.part_of(package.0);
        part.repository(id)
    }

    /// Bits of [`flags`].
    #[must_use]
    pub fn flags(&self, package: PackageId) -> u32 {
        let (part, id) = self.part_of(package.0);
        part.flags(id)
    }

    pub(crate) fn rank(&self, package: u32) -> &'u [u8] {
        let (part, id) = self.part_of(package);
        part.rank(id)
    }

    /// Whether it must not be removed.
    pub(crate) fn is_protected(&self, package: u32) -> bool {
        self.state(PackageId(package)).is_some_and(|state| state.protected)
            || self.flags(PackageId(package)) & flags::PROTECTED != 0
    }

    /// Number of names.
    pub(crate) fn names(&self) -> u32 {
        self.base.names + self.joined.names.len() as u32
    }

    /// Id of a package's name.
    pub(crate) fn name_of(&self, package: u32) -> u32 {
        match package.checked_sub(self.base.packages) {
            None => self.base.package_name[package as usize],
            Some(at) => self.joined.package_name[at as usize],
        }
    }

    /// Whether some package of that name is installed.
    pub(crate) fn name_is_installed(&self, name: u32) -> bool {
        self.name_is_installed[name as usize]
    }

    /// A name by its id.
    pub(crate) fn name_text(&self, name: u32) -> &'u str {
        match name.checked_sub(self.base.names) {
            None => self.parts[0].name_text(name),
            Some(at) => {
                let (part, id) = self.joined.names[at as usize];
                self.parts[part].name_text(id)
            }
        }
    }

    /// The id of a name that some package or relation has.
    #[must_use]
    pub(crate) fn find_name(&self, name: &str) -> Option<u32> {
        self.parts[0].find_name(name).or_else(|| self.joined.find_name(&self.parts, name))
    }

    /// The packages of a name in every universe, newest first within each.
    pub(crate) fn packages_of(&self, name: u32) -> impl Iterator<Item = u32> + '_ {
        let own = if name < self.base.names {
            self.base.packages_of[name as usize]..self.base.packages_of[name as usize + 1]
        } else {
            0..0
        };
        own.chain(self.joined.packages_of.get(name).iter().copied())
    }

    /// Whether two packages of one name exclude each other.
    pub(crate) fn same_slot(&self, a: u32, b: u32) -> bool {
        if a < self.base.packages && b < self.base.packages {
            let slot =
                |package: u32| self.base.classes[self.base.package_class[package as usize] as usize * 4 + 1];
            slot(a) == slot(b)
        } else {
            self.slot(PackageId(a)) == self.slot(PackageId(b))
        }
    }

    /// Arrays for a search, all zero: a package is a variable, and so is the going of each installed one.
    pub(crate) fn take_scratch(&self) -> Scratch {
        let kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner).take();
        let variables = self.len() as usize + self.installed.len();
        kept.unwrap_or_else(|| Scratch::new(variables, self.clause_count(), self.names() as usize))
    }

    /// Gives them back, all zero again.
    pub(crate) fn give_scratch(&self, scratch: Scratch) {
        *self.scratch.lock().unwrap_or_else(PoisonError::into_inner) = Some(scratch);
    }

    /// Number of clauses.
    pub(crate) fn clause_count(&self) -> usize {
        self.base.clauses as usize + self.joined.clause_kind.len()
    }

    /// The package that a clause is of.
    pub(crate) fn owner(&self, clause: u32) -> u32 {
        // The last package whose clauses begin at or before this one.
        match clause.checked_sub(self.base.clauses) {
            None => self.base.clauses_of.partition_point(|start| *start <= clause) as u32 - 1,
            Some(_) => {
                let at = self.joined.clauses_of.partition_point(|start| *start <= clause) as u32 - 1;
                self.base.packages + at
            }
        }
    }

    /// The packages that are marked as not to be newly installed.
    pub(crate) fn disabled(&self) -> &[u32] {
        &self.disabled
    }

    /// The other packages that cannot be installed beside it because they are the same in another version.
    pub(crate) fn twins(&self, package: u32) -> impl Iterator<Item = u32> + '_ {
        let others = self.packages_of(self.name_of(package));
        others.filter(move |other| *other != package && self.same_slot(package, *other))
    }

    /// How many versions are newer than a package's among those it excludes: 0 for the newest.
    pub(crate) fn age(&self, package: u32) -> u32 {
        let own = self.rank(package);
        let mut newer: Vec<&[u8]> = self
            .twins(package)
            .map(|other| self.rank(other))
            .filter(|rank| rank.first() == own.first() && *rank > own)
            .collect();
        if newer.len() > 1 {
            newer.sort_unstable();
            newer.dedup();
        }
        newer.len() as u32
    }

    /// The versions of a package that are older than it is, sorted.
    #[must_use]
    pub fn older_versions(&self, package: PackageId) -> Vec<PackageId> {
        let older = self.twins(package.0).filter(|twin| self.is_older(*twin, package.0));
        older.map(PackageId).collect()
    }

    /// The versions of a package that are newer than it is, sorted.
    #[must_use]
    pub fn newer_versions(&self, package: PackageId) -> Vec<PackageId> {
        let newer = self.twins(package.0).filter(|twin| self.is_older(package.0, *twin));
        newer.map(PackageId).collect()
    }

    /// Whether `a` is older than `b`; versions of two orders are not compared.
    pub(crate) fn is_older(&self, a: u32, b: u32) -> bool {
        let (a, b) = (self.rank(a), self.rank(b));
        a.first() == b.first() && a < b
    }

    /// The packages of `name` (and, if `provided`, those that provide it) that meet the stored `tests`.
    pub(crate) fn matching(&self, name: &str, tests: &[u8], provided: bool) -> Vec<u32> {
        let mut found = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let Some(name) = part.find_name(name) else { continue };
            let own = part.packages_of(name).filter(|package| meets(tests, part.fields(*package)));
            found.extend(own.filter_map(|package| self.joined.id(number, package)));
            if provided {
                for provider in View::new(part).providers(name) {
                    if meets(tests, provider.fields) {
                        found.extend(self.joined.id(number, provider.package));
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// All names of packages, for suggestions.
    pub(crate) fn package_names(&self) -> impl Iterator<Item = &'u str> + '_ {
        (0..self.names())
            .filter(|name| self.packages_of(*name).next().is_some())
            .map(|name| self.name_text(name))
    }
}
