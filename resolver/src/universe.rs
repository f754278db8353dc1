//! A compiled set of packages: opened from bytes, asked by id.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::layout::{DISPLACES, MOST, OBSOLETES, SECTIONS, Section, check_ids, check_lists, table};

/// Why bytes are no universe. The remedy is always the same: compile it again.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum OpenError {
    /// It begins otherwise.
    #[error("not a compiled index of packages")]
    NotAUniverse,
    /// Another version of the format, or another machine's.
    #[error(
        "a compiled index of another version of ambar or of another machine; it has to be compiled again"
    )]
    Foreign,
    /// It ends too early.
    #[error("a compiled index that ends too early; it has to be compiled again")]
    Truncated,
    /// Something in it is wrong.
    #[error("a damaged compiled index ({0}); it has to be compiled again")]
    Damaged(&'static str),
}

/// Bytes that stay where they are: a vector, or a mapped file.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What packages are like, beside their relations: bits of [`PackageSpec::flags`](crate::PackageSpec::flags).
pub mod flags {
    /// It must not be removed unless it is asked for by name with protection set aside.
    pub const PROTECTED: u32 = 1;
    /// It exists, and must not be newly installed.
    pub const DISABLED: u32 = 2;
    /// An update that mends a security problem.
    pub const SECURITY: u32 = 4;
}

/// How many bytes of an identity are kept: enough to tell packages apart, as with any digest of 160 bits.
pub const IDENTITY: usize = 20;

/// What a clause demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One of the alternatives must be installed, and complete before the package itself.
    PreDepends = 0,
    /// One of the alternatives must be installed.
    Depends = 1,
    /// One of the alternatives should be installed.
    Recommends = 2,
    /// One of the alternatives may be of use.
    Suggests = 3,
}

impl Kind {
    pub(crate) fn from_code(code: u8) -> Kind {
        match code {
            0 => Kind::PreDepends,
            1 => Kind::Depends,
            2 => Kind::Recommends,
            _ => Kind::Suggests,
        }
    }

    /// Whether it must hold.
    #[must_use]
    pub fn is_strong(self) -> bool {
        matches!(self, Kind::PreDepends | Kind::Depends)
    }

    /// Its name in sentences.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Kind::PreDepends => "pre-depends on",
            Kind::Depends => "needs",
            Kind::Recommends => "recommends",
            Kind::Suggests => "suggests",
        }
    }
}

/// A compiled set of packages with their relations, immutable. Ids are small integers in canonical order: packages
/// by name, then newest first.
#[derive(Clone)]
pub struct Universe {
    bytes: SharedBytes,
    ranges: Box<[Range<usize>; SECTIONS]>,
}

impl fmt::Debug for Universe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Universe").field("packages", &self.len()).field("names", &self.names()).finish()
    }
}

impl Universe {
    /// Opens a compiled universe. Everything that leads from one place to another is checked; the bytes are not
    /// copied, unless they begin at an address that is no multiple of 4.
    ///
    /// # Errors
    /// [`OpenError`] when the bytes are not what [`Builder::finish`](crate::Builder::finish) writes.
    pub fn open(bytes: SharedBytes) -> Result<Universe, OpenError> {
        let aligned = ((*bytes).as_ref().as_ptr() as usize).is_multiple_of(align_of::<u32>());
        let bytes = if aligned { bytes } else { Arc::new(Realigned::new((*bytes).as_ref())) };
        let ranges = table((*bytes).as_ref())?;
        let universe = Universe { bytes, ranges };
        universe.check()?;
        Ok(universe)
    }

    pub(crate) fn bytes(&self, section: Section) -> &[u8] {
        &(*self.bytes).as_ref()[self.ranges[section as usize].clone()]
    }

    pub(crate) fn ints(&self, section: Section) -> &[u32] {
        bytemuck::try_cast_slice(self.bytes(section)).unwrap_or(&[])
    }

    /// The list of `of` among those of a pair of sections.
    pub(crate) fn list(&self, offsets: Section, of: u32, items: Section) -> &[u32] {
        &self.ints(items)[self.span(offsets, of)]
    }

    fn text(&self, offsets: Section, of: u32, items: Section) -> &str {
        std::str::from_utf8(self.blob(offsets, of, items)).unwrap_or("\u{fffd}")
    }

    pub(crate) fn blob(&self, offsets: Section, of: u32, items: Section) -> &[u8] {
        &self.bytes(items)[self.span(offsets, of)]
    }

    pub(crate) fn span(&self, offsets: Section, of: u32) -> Range<usize> {
        let offsets = self.ints(offsets);
        offsets[of as usize] as usize..offsets[of as usize + 1] as usize
    }

    fn check(&self) -> Result<(), OpenError> {
        use Section as S;
        let ints = [
            S::NameTextOf,
            S::PackagesOf,
            S::AtomsOf,
            S::ProvidersOf,
            S::Providers,
            S::StringTextOf,
            S::Repositories,
            S::PackageName,
            S::Classes,
            S::PackageClass,
            S::VersionTextOf,
            S::RankOf,
            S::FieldsOf,
            S::ProvidesOf,
            S::Provides,
            S::ClausesOf,
            S::StrongEnd,
            S::ClauseAtomsOf,
            S::ClauseAtoms,
            S::ConflictsOf,
            S::Conflicts,
            S::RivalAtomsOf,
            S::RivalAtoms,
            S::DeclarersOf,
            S::Declarers,
            S::AtomName,
            S::AtomTestsOf,
            S::AtomTextOf,
            S::CandidatesOf,
            S::Candidates,
        ];
        if ints.iter().any(|section| !self.bytes(*section).len().is_multiple_of(4)) {
            return Err(OpenError::Damaged("a section's length"));
        }
        let count = |offsets: Section| self.ints(offsets).len().saturating_sub(1);
        let (names, packages, strings) =
            (count(S::NameTextOf), self.ints(S::PackageName).len(), count(S::StringTextOf));
        let (atoms, clauses) = (self.ints(S::AtomName).len(), self.bytes(S::ClauseKind).len());
        let repositories = self.ints(S::Repositories).len() / 2;
        if [names, packages, atoms, clauses].into_iter().any(|count| count >= MOST) {
            return Err(OpenError::Damaged("a count"));
        }
        let long = |section: Section, length: usize, what| match self.bytes(section).len() == length {
            true => Ok(()),
            false => Err(OpenError::Damaged(what)),
        };
        for (what, offsets, lists, items) in [
            ("names", S::NameTextOf, names, self.bytes(S::NameText).len()),
            ("packages of names", S::PackagesOf, names, packages),
            ("atoms of names", S::AtomsOf, names, atoms),
            ("providers", S::ProvidersOf, names, self.ints(S::Providers).len() / 3),
            ("texts", S::StringTextOf, strings, self.bytes(S::StringText).len()),
            ("versions", S::VersionTextOf, packages, self.bytes(S::VersionText).len()),
            ("ages", S::RankOf, packages, self.bytes(S::Rank).len()),
            ("fields", S::FieldsOf, packages, self.bytes(S::Fields).len()),
            ("provided names", S::ProvidesOf, packages, self.ints(S::Provides).len() / 3),
            ("clauses", S::ClausesOf, packages, clauses),
            ("alternatives", S::ClauseAtomsOf, clauses, self.ints(S::ClauseAtoms).len()),
            ("conflicts", S::ConflictsOf, packages, self.ints(S::Conflicts).len()),
            ("rivals", S::RivalAtomsOf, packages, self.ints(S::RivalAtoms).len()),
            ("declarers", S::DeclarersOf, atoms, self.ints(S::Declarers).len()),
            ("tests", S::AtomTestsOf, atoms, self.bytes(S::AtomTests).len()),
            ("texts of atoms", S::AtomTextOf, atoms, self.bytes(S::AtomText).len()),
            ("candidates", S::CandidatesOf, atoms, self.ints(S::Candidates).len()),
        ] {
            check_lists(what, self.ints(offsets), lists, items)?;
        }
        for (what, section, each) in [
            ("identities", S::Identity, IDENTITY),
            ("classes", S::PackageClass, 4),
            ("clauses", S::StrongEnd, 4),
        ] {
            long(section, packages * each, what)?;
        }
        long(S::AtomFlags, atoms, "atoms")?;
        check_ids("names", self.ints(S::PackageName), names)?;
        check_ids("classes", self.ints(S::PackageClass), self.ints(S::Classes).len() / 4)?;
        check_ids("alternatives", self.ints(S::ClauseAtoms), atoms)?;
        check_ids("rivals", self.ints(S::RivalAtoms), atoms)?;
        check_ids("declarers", self.ints(S::Declarers), packages)?;
        check_ids("names of atoms", self.ints(S::AtomName), names)?;
        check_ids("candidates", self.ints(S::Candidates), packages)?;
        let within = |all: bool, what| if all { Ok(()) } else { Err(OpenError::Damaged(what)) };
        let class = |class: &[u32]| {
            class[..2].iter().all(|text| (*text as usize) < strings) && (class[2] as usize) < repositories
        };
        within(self.ints(S::Classes).chunks_exact(4).all(class), "classes")?;
        let conflicts = self.ints(S::Conflicts);
        within(
            conflicts.iter().all(|atom| ((atom & !(OBSOLETES | DISPLACES)) as usize) < atoms),
            "conflicts",
        )?;
        let ends = self.ints(S::StrongEnd).iter().zip(self.ints(S::ClausesOf).windows(2));
        within(ends.fold(true, |all, (end, range)| all & (range[0] <= *end && *end <= range[1])), "clauses")?;
        let provided = self.bytes(S::ProvidedFields).len();
        let span = |part: &[u32], most: usize| {
            (part[0] as usize) < most && part[1] <= part[2] && part[2] as usize <= provided
        };
        within(self.ints(S::Provides).chunks_exact(3).all(|part| span(part, names)), "provided names")?;
        within(self.ints(S::Providers).chunks_exact(3).all(|part| span(part, packages)), "providers")?;
        within(
            self.ints(S::Repositories).chunks_exact(2).all(|part| (part[0] as usize) < strings),
            "repositories",
        )
    }

    /// Number of packages.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.ints(Section::PackageName).len() as u32
    }

    /// Whether there is no package.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of names, those that only relations mention included.
    #[must_use]
    pub fn names(&self) -> u32 {
        self.ints(Section::PackagesOf).len() as u32 - 1
    }

    pub(crate) fn atoms(&self) -> u32 {
        self.ints(Section::AtomName).len() as u32
    }

    pub(crate) fn clauses(&self) -> u32 {
        self.bytes(Section::ClauseKind).len() as u32
    }

    /// A name by its id.
    #[must_use]
    pub fn name_text(&self, name: u32) -> &str {
        self.text(Section::NameTextOf, name, Section::NameText)
    }

    /// The id of a name, if anything mentions it.
    #[must_use]
    pub fn find_name(&self, name: &str) -> Option<u32> {
        self.names_sorted().search(name.as_bytes(), 0, self.names()).ok()
    }

    /// All names, fetched once for who looks for many.
    pub(crate) fn names_sorted(&self) -> Names<'_> {
        Names { ends: self.ints(Section::NameTextOf), text: self.bytes(Section::NameText) }
    }

    /// The packages that have that name, newest first.
    #[must_use]
    pub fn packages_of(&self, name: u32) -> Range<u32> {
        let span = self.span(Section::PackagesOf, name);
        span.start as u32..span.end as u32
    }

    /// Id of a package's name.
    #[must_use]
    pub fn package_name(&self, package: u32) -> u32 {
        self.ints(Section::PackageName)[package as usize]
    }

    /// A package's version, as people write it.
    #[must_use]
    pub fn version(&self, package: u32) -> &str {
        self.text(Section::VersionTextOf, package, Section::VersionText)
    }

    /// Architecture, slot, repository and flags of a package.
    fn class(&self, package: u32) -> &[u32] {
        let start = self.ints(Section::PackageClass)[package as usize] as usize * 4;
        &self.ints(Section::Classes)[start..start + 4]
    }

    /// A package's architecture.
    #[must_use]
    pub fn arch(&self, package: u32) -> &str {
        self.string(self.class(package)[0])
    }

    /// What keeps it apart from others of its name that may be installed beside it.
    #[must_use]
    pub fn slot(&self, package: u32) -> &str {
        self.string(self.class(package)[1])
    }

    fn string(&self, string: u32) -> &str {
        self.text(Section::StringTextOf, string, Section::StringText)
    }

    /// The repository it is from.
    #[must_use]
    pub fn repository(&self, package: u32) -> &str {
        let repository = self.class(package)[2] as usize;
        self.string(self.ints(Section::Repositories)[repository * 2])
    }

    /// The priority of that repository; higher wins.
    #[must_use]
    pub fn priority(&self, package: u32) -> i32 {
        let repository = self.class(package)[2] as usize;
        self.ints(Section::Repositories)[repository * 2 + 1].cast_signed()
    }

    /// Bits of [`flags`].
    #[must_use]
    pub fn flags(&self, package: u32) -> u32 {
        self.class(package)[3]
    }

    /// What makes it the same package wherever it is found: the first [`IDENTITY`] bytes of that.
    #[must_use]
    pub fn identity(&self, package: u32) -> &[u8] {
        let start = package as usize * IDENTITY;
        &self.bytes(Section::Identity)[start..start + IDENTITY]
    }

    /// Its age key: greater is newer, among packages whose keys begin with the same byte.
    #[must_use]
    pub fn rank(&self, package: u32) -> &[u8] {
        self.blob(Section::RankOf, package, Section::Rank)
    }

    pub(crate) fn fields(&self, package: u32) -> &[u8] {
        self.blob(Section::FieldsOf, package, Section::Fields)
    }

    /// An atom as its package writes it.
    pub(crate) fn atom_text(&self, atom: u32) -> &str {
        self.text(Section::AtomTextOf, atom, Section::AtomText)
    }
}

/// The names of a universe, sorted.
pub(crate) struct Names<'u> {
    ends: &'u [u32],
    text: &'u [u8],
}

impl<'u> Names<'u> {
    pub(crate) fn get(&self, name: u32) -> &'u [u8] {
        &self.text[self.ends[name as usize] as usize..self.ends[name as usize + 1] as usize]
    }

    pub(crate) fn len(&self) -> u32 {
        self.ends.len() as u32 - 1
    }

    /// The id of a name that is not before `from`, or the one it would have; soon found when it is near there.
    pub(crate) fn search_from(&self, name: &[u8], from: u32) -> Result<u32, u32> {
        let (mut low, mut step) = (from, 1_u32);
        loop {
            let high = low.saturating_add(step);
            if high >= self.len() {
                return self.search(name, low, self.len());
            }
            if self.get(high) > name {
                return self.search(name, low, high);
            }
            (low, step) = (high, step.saturating_mul(2));
        }
    }

    fn search(&self, name: &[u8], mut low: u32, mut high: u32) -> Result<u32, u32> {
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle).cmp(name) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

/// A copy that begins at a multiple of 4.
struct Realigned {
    words: Vec<u32>,
    length: usize,
}

impl Realigned {
    fn new(bytes: &[u8]) -> Realigned {
        let mut words = vec![0_u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Realigned { words, length: bytes.len() }
    }
}

impl AsRef<[u8]> for Realigned {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }
}
