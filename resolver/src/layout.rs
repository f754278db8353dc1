//! The compiled form: a header, a table of sections, and the sections, each an array at a multiple of 8 bytes.
//!
//! It is a cache of this machine's own, made again whenever it does not open; so integers are in the machine's own
//! byte order, which the header names. Opening checks every offset and every id once, in one pass over the
//! arrays, so that nothing read later can lead outside: a damaged file gives an error, or answers about other
//! packages, and never a panic.

use std::ops::Range;

use crate::universe::OpenError;

const MAGIC: [u8; 8] = *b"ambaruni";
const VERSION: u32 = 2;
/// Reads as another number where the byte order is another.
const ORDER: u32 = 0x0102_0304;
const HEADER: usize = 8 + 4 + 4;

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What the sections hold. `Xs` beside `XsOf` is a list of lists: `XsOf[i]..XsOf[i + 1]` is where those of
        /// `i` stand in `Xs`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(usize)]
        pub(crate) enum Section { $($(#[$doc])* $name,)* }
        pub(crate) const SECTIONS: usize = [$(Section::$name),*].len();
    };
}

// First what opening looks at, all of it: lists' ends, ids and flags. Then what is looked at where it is needed, the
// rarest last: of a file that is mapped the rest never takes memory.
sections! {
    /// Names, sorted: ends of their texts.
    NameTextOf,
    /// First package of each name.
    PackagesOf,
    /// First atom of each name.
    AtomsOf,
    /// Who provides a name: package, and start and end of the fields it is provided with.
    ProvidersOf, Providers,
    /// Architectures, slots and repositories: ends of their texts.
    StringTextOf,
    /// Repositories: name (a string) and priority.
    Repositories,
    /// What many packages have alike: architecture, slot, repository and flags.
    Classes,
    /// For each package: its name, and its class.
    PackageName, PackageClass,
    /// For each package: where its version as people write it, its age key and its fields end.
    VersionTextOf, RankOf, FieldsOf,
    /// What packages provide beside their own names: name, start and end of fields in `ProvidedFields`.
    ProvidesOf, Provides,
    /// Clauses of each package: the strong ones end at `StrongEnd`.
    ClausesOf, StrongEnd, ClauseKind, ClauseAtomsOf, ClauseAtoms,
    /// Atoms that a package may not be installed beside; [`OBSOLETES`] or [`DISPLACES`] is set where it takes their
    /// place.
    ConflictsOf, Conflicts,
    /// Atoms, used in conflicts, that each package is a candidate of.
    RivalAtomsOf, RivalAtoms,
    /// Packages that have an atom among their conflicts.
    DeclarersOf, Declarers,
    /// Atoms: name, ends of tests and text, and candidates in order of preference.
    AtomName, AtomFlags, AtomTestsOf, AtomTextOf, CandidatesOf, Candidates,
    /// What the ends above are of.
    StringText, NameText, Rank, Fields, ProvidedFields, AtomTests, Identity, VersionText, AtomText,
}

/// Set in a conflict that also takes the place of what it names.
pub(crate) const OBSOLETES: u32 = 1 << 31;
/// Set in a conflict whose other side may go for it, though it is no newer form of that.
pub(crate) const DISPLACES: u32 = 1 << 30;
/// The most ids of one kind: the top bits are used for other things.
pub(crate) const MOST: usize = 1 << 28;

/// Puts sections together.
#[derive(Debug)]
pub(crate) struct Writer {
    sections: Vec<(u64, u64)>,
    body: Vec<u8>,
    /// The integers of the section at hand.
    scratch: Vec<u32>,
}

impl Writer {
    /// Has room for about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Writer {
        let mut body = Vec::with_capacity(bytes);
        body.extend_from_slice(&MAGIC);
        body.extend_from_slice(&VERSION.to_ne_bytes());
        body.extend_from_slice(&ORDER.to_ne_bytes());
        body.resize(HEADER + SECTIONS * 16, 0);
        Writer { sections: Vec::with_capacity(SECTIONS), body, scratch: Vec::new() }
    }

    fn begin(&mut self, section: Section) {
        debug_assert_eq!(self.sections.len(), section as usize);
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        self.sections.push((self.body.len() as u64, 0));
    }

    fn end(&mut self) {
        if let Some((start, length)) = self.sections.last_mut() {
            *length = self.body.len() as u64 - *start;
        }
    }

    /// Appends the next section, which must be `section`.
    pub(crate) fn bytes(&mut self, section: Section, bytes: &[u8]) {
        self.begin(section);
        self.body.extend_from_slice(bytes);
        self.end();
    }

    /// Appends the next section, an array of integers.
    pub(crate) fn ints(&mut self, section: Section, ints: &[u32]) {
        self.bytes(section, bytemuck::cast_slice(ints));
    }

    /// Appends the next section, an array of integers.
    pub(crate) fn column(&mut self, section: Section, ints: impl Iterator<Item = u32>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend(ints);
        self.ints(section, &scratch);
        self.scratch = scratch;
    }

    /// Appends the next section: a zero, and where each byte string ends when they stand one after another.
    pub(crate) fn ends<'a>(&mut self, section: Section, blobs: impl Iterator<Item = &'a [u8]>) {
        let mut end = 0;
        let ends = blobs.map(|blob| {
            end += blob.len() as u32;
            end
        });
        self.column(section, std::iter::once(0).chain(ends));
    }

    /// Appends the next section: byte strings one after another.
    pub(crate) fn blobs<'a>(&mut self, section: Section, blobs: impl Iterator<Item = &'a [u8]>) {
        self.begin(section);
        blobs.for_each(|blob| self.body.extend_from_slice(blob));
        self.end();
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        for (position, (offset, length)) in self.sections.iter().enumerate() {
            let at = HEADER + position * 16;
            self.body[at..at + 8].copy_from_slice(&offset.to_ne_bytes());
            self.body[at + 8..at + 16].copy_from_slice(&length.to_ne_bytes());
        }
        self.body
    }
}

/// Where the sections are, after the header and the table have been checked.
pub(crate) fn table(bytes: &[u8]) -> Result<Box<[Range<usize>; SECTIONS]>, OpenError> {
    let head = bytes.get(..HEADER + SECTIONS * 16).ok_or(OpenError::Truncated)?;
    if head[..8] != MAGIC {
        return Err(OpenError::NotAUniverse);
    }
    if head[8..12] != VERSION.to_ne_bytes() || head[12..16] != ORDER.to_ne_bytes() {
        return Err(OpenError::Foreign);
    }
    let mut ranges = Box::new([const { 0..0 }; SECTIONS]);
    for (range, entry) in ranges.iter_mut().zip(head[HEADER..].chunks_exact(16)) {
        let number = |bytes: &[u8]| {
            let number = bytes.try_into().map(u64::from_ne_bytes).unwrap_or(u64::MAX);
            usize::try_from(number).map_err(|_| OpenError::Truncated)
        };
        let (start, length) = (number(&entry[..8])?, number(&entry[8..])?);
        let end = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(OpenError::Truncated)?;
        if start % 8 != 0 {
            return Err(OpenError::Damaged("a section's place"));
        }
        *range = start..end;
    }
    Ok(ranges)
}

/// Checks that `offsets` are the starts of `count` lists, one after another, that fill `total` elements.
pub(crate) fn check_lists(
    what: &'static str,
    offsets: &[u32],
    count: usize,
    total: usize,
) -> Result<(), OpenError> {
    let ends = offsets.len() == count + 1
        && offsets.first() == Some(&0)
        && offsets.last().is_some_and(|last| *last as usize == total);
    // Written so that the whole array is looked at without a branch for each element.
    let sorted = offsets.windows(2).fold(true, |sorted, pair| sorted & (pair[0] <= pair[1]));
    if ends && sorted { Ok(()) } else { Err(OpenError::Damaged(what)) }
}

/// Checks that all `ids` are below `count`.
pub(crate) fn check_ids(what: &'static str, ids: &[u32], count: usize) -> Result<(), OpenError> {
    let most = ids.iter().fold(0, |most, id| most.max(*id));
    if ids.is_empty() || (most as usize) < count { Ok(()) } else { Err(OpenError::Damaged(what)) }
}
