//! The fixed header and the section table: where everything is, and its digests.

use crate::digest::Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::source::Source;

/// First bytes of every native package. As in PNG, a copy that drops bit 7, changes line ends or stops at an
/// end-of-file character damages them.
pub(crate) const MAGIC: [u8; 8] = *b"\x89AMB\r\n\x1a\n";
/// The version that is written and read here.
const VERSION: u32 = 1;
/// Bytes before the table.
const HEADER: usize = 16;
/// Bytes of one section in the table.
const RECORD: usize = 64;
/// Unpacked bytes of a metadata section that need not stand in proportion to its stored ones.
const SMALL_SECTION: u64 = 1 << 20;
/// Unpacked bytes for each stored byte of a metadata section past [`SMALL_SECTION`].
const SECTION_RATIO: u64 = 64;

/// What a section holds. They stand in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Manifest = 1,
    Translations = 2,
    Scripts = 3,
    Base = 4,
    Index = 5,
    Frames = 6,
    Content = 7,
}

impl Kind {
    const ALL: [Kind; 7] = [
        Kind::Manifest,
        Kind::Translations,
        Kind::Scripts,
        Kind::Base,
        Kind::Index,
        Kind::Frames,
        Kind::Content,
    ];

    /// Its name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Manifest => "the manifest",
            Kind::Translations => "the translations",
            Kind::Scripts => "the scripts",
            Kind::Base => "the base",
            Kind::Index => "the index",
            Kind::Frames => "the frame table",
            Kind::Content => "the content",
        }
    }

    /// Whether it may be stored as a zstd frame.
    fn packs(self) -> bool {
        matches!(self, Kind::Manifest | Kind::Translations | Kind::Scripts | Kind::Index)
    }

    /// Most unpacked bytes of it.
    fn limit(self, limits: &Limits) -> u64 {
        match self {
            Kind::Manifest => limits.manifest_bytes,
            Kind::Translations => limits.metadata_bytes,
            Kind::Scripts => limits.script_bytes,
            Kind::Index | Kind::Frames => limits.index_bytes,
            Kind::Base => 32,
            Kind::Content => u64::MAX,
        }
    }
}

/// How a section is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Raw = 0,
    Zstd = 1,
}

/// One record of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    pub(super) coding: Coding,
    pub(super) offset: u64,
    pub(super) stored: u64,
    pub(super) unpacked: u64,
    pub(super) digest: Digest,
}

/// The header and the table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    sections: Vec<Section>,
    /// As they stand in the file: what signatures sign.
    bytes: Vec<u8>,
}

/// Where the first of `count` sections starts.
pub(super) fn start(count: usize) -> u64 {
    (HEADER + count * RECORD) as u64
}

/// Whether `unpacked` bytes of metadata in `stored` ones are no bomb.
pub(super) fn in_proportion(unpacked: u64, stored: u64) -> bool {
    unpacked <= stored.saturating_mul(SECTION_RATIO).max(SMALL_SECTION)
}

impl Table {
    /// The header and table of those sections.
    pub(super) fn new(sections: Vec<Section>) -> Table {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(sections.len() as u32).to_le_bytes());
        for section in &sections {
            bytes.extend_from_slice(&(section.kind as u32).to_le_bytes());
            bytes.extend_from_slice(&(section.coding as u32).to_le_bytes());
            bytes.extend_from_slice(&section.offset.to_le_bytes());
            bytes.extend_from_slice(&section.stored.to_le_bytes());
            bytes.extend_from_slice(&section.unpacked.to_le_bytes());
            bytes.extend_from_slice(&section.digest.0);
        }
        Table { sections, bytes }
    }

    /// Reads the start of `source`.
    pub(super) fn read(source: &Source, limits: &Limits) -> Result<Table, Problem> {
        let mut bytes = vec![0; HEADER];
        read_at(source, &mut bytes, 0, "the header")?;
        let mut fields = Fields(&bytes);
        if fields.array()? != MAGIC {
            return Err(Problem::not_a_package("it does not start as a native package does"));
        }
        let version = u32::from_le_bytes(fields.array()?);
        if version != VERSION {
            return Err(Problem::not_a_package(format_args!(
                "it is a native package of format version {version}; this ambar reads version {VERSION}"
            )));
        }
        let count = u32::from_le_bytes(fields.array()?) as usize;
        if count == 0 || count > Kind::ALL.len() {
            return Err(Problem::damaged("the section table", format_args!("it has {count} sections")));
        }
        bytes.resize(HEADER + count * RECORD, 0);
        if let Some(records) = bytes.get_mut(HEADER..) {
            read_at(source, records, HEADER as u64, "the section table")?;
        }
        let mut fields = Fields(bytes.get(HEADER..).unwrap_or_default());
        let mut sections: Vec<Section> = Vec::with_capacity(count);
        let mut next = start(count);
        for _ in 0..count {
            let section = fields.section()?;
            if sections.last().is_some_and(|last| last.kind >= section.kind) {
                return Err(Problem::damaged("the section table", "sections are out of order or repeated"));
            }
            if section.offset != next {
                return Err(Problem::damaged(section.kind.name(), "it does not follow what is before it"));
            }
            section.check(limits)?;
            next = next
                .checked_add(section.stored)
                .filter(|&end| end <= source.len())
                .ok_or_else(|| Problem::damaged(section.kind.name(), "it ends early"))?;
            sections.push(section);
        }
        let table = Table { sections, bytes };
        table.check()?;
        Ok(table)
    }

    /// The sections that belong together are there together.
    fn check(&self) -> Result<(), Problem> {
        if self.find(Kind::Manifest).is_none() {
            return Err(Problem::damaged(Kind::Manifest.name(), "it is missing"));
        }
        let found = [Kind::Index, Kind::Frames, Kind::Content].map(|kind| self.find(kind));
        match found {
            [None, None, None] => Ok(()),
            [Some(_), Some(frames), Some(content)] if frames.digest == content.digest => Ok(()),
            [Some(_), Some(_), Some(_)] => {
                Err(Problem::damaged(Kind::Content.name(), "its digest is not that of the frame table"))
            }
            _ => Err(Problem::damaged("the section table", "index, frame table and content go together")),
        }
    }

    /// The section of that kind.
    pub(super) fn find(&self, kind: Kind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// Header and table as they stand in the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the last section ends.
    pub(super) fn end(&self) -> u64 {
        self.sections.last().map_or(0, |section| section.offset.saturating_add(section.stored))
    }
}

impl Section {
    /// What holds for one section alone.
    fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let wrong = |reason: &str| Err(Problem::damaged(self.kind.name(), reason));
        if self.stored == 0 {
            return wrong("it is empty");
        }
        let limit = self.kind.limit(limits);
        if self.unpacked > limit || self.stored > limit {
            return Err(Problem::limit(format_args!("the size of {}", self.kind.name()), limit));
        }
        match self.coding {
            Coding::Raw if self.unpacked != self.stored => wrong("it is stored as it is, in another length"),
            Coding::Raw => Ok(()),
            Coding::Zstd if !self.kind.packs() => wrong("it is not to be compressed as a whole"),
            Coding::Zstd if self.stored >= self.unpacked => wrong("its compressed form is not smaller"),
            Coding::Zstd if !in_proportion(self.unpacked, self.stored) => {
                wrong("it unpacks to far more than is stored of it")
            }
            Coding::Zstd => Ok(()),
        }
    }
}

/// Fixed-width fields, one after another.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let ends = || Problem::damaged("the section table", "it ends early");
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or_else(ends)?;
        self.0 = tail;
        Ok(*head)
    }

    fn section(&mut self) -> Result<Section, Problem> {
        let kind = u32::from_le_bytes(self.array()?);
        let coding = u32::from_le_bytes(self.array()?);
        let unknown = |what: &str, value: u32| {
            Problem::damaged("the section table", format_args!("{what} {value} is not known"))
        };
        Ok(Section {
            kind: Kind::ALL
                .into_iter()
                .find(|known| *known as u32 == kind)
                .ok_or_else(|| unknown("section kind", kind))?,
            coding: match coding {
                0 => Coding::Raw,
                1 => Coding::Zstd,
                _ => return Err(unknown("section coding", coding)),
            },
            offset: u64::from_le_bytes(self.array()?),
            stored: u64::from_le_bytes(self.array()?),
            unpacked: u64::from_le_bytes(self.array()?),
            digest: Digest(self.array()?),
        })
    }
}

/// Fills `buffer` from `source` at `at`; `what` is being read.
pub(super) fn read_at(source: &Source, buffer: &mut [u8], at: u64, what: &str) -> Result<(), Problem> {
    source.read_exact_at(buffer, at).map_err(|error| Problem::from_stream(what, error))
}
