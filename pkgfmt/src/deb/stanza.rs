//! One package of a `Packages` index: its fields as slices of the index's text.

use std::fmt;

use crate::digest::unhex;
use crate::path::Shown;

use super::alternative::{Alternative, Piece, Pieces, pieces};
use super::lines::{Line, Lines};

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A field that an index's reader keeps. All others are passed over.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: [Field; FIELDS] = [$(Field::$variant,)*];

            /// Its name as Debian writes it, for example `Pre-Depends`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Field::$variant => $name,)*
                }
            }
        }

        /// How many there are.
        pub(super) const FIELDS: usize = [$(Field::$variant,)*].len();
    };
}

fields! {
    /// The package's name.
    Package = "Package",
    /// Its version.
    Version = "Version",
    /// The architecture, or `all`.
    Architecture = "Architecture",
    /// `same`, `foreign`, `allowed` or `no`.
    MultiArch = "Multi-Arch",
    /// Whether a system cannot be without it.
    Essential = "Essential",
    /// As `Protected`, by an older name.
    Important = "Important",
    /// Whether it must not be removed as others are, though a system can be without it.
    Protected = "Protected",
    /// `required`, `important`, `standard`, `optional` or `extra`.
    Priority = "Priority",
    /// The part of the distribution that it belongs to.
    Section = "Section",
    /// Bytes of the package file.
    Size = "Size",
    /// KiB that it takes once installed.
    InstalledSize = "Installed-Size",
    /// SHA-256 of the package file, in hexadecimal.
    Sha256 = "SHA256",
    /// Path of the package file in the repository.
    Filename = "Filename",
    /// What it needs.
    Depends = "Depends",
    /// What it needs before it is configured.
    PreDepends = "Pre-Depends",
    /// What it should have.
    Recommends = "Recommends",
    /// What may be of use to it.
    Suggests = "Suggests",
    /// What it may be of use to.
    Enhances = "Enhances",
    /// What must not be installed beside it.
    Conflicts = "Conflicts",
    /// What it makes unusable.
    Breaks = "Breaks",
    /// What it counts as.
    Provides = "Provides",
    /// What it takes files from, or the place of.
    Replaces = "Replaces",
}

/// Where [`Field::of_name`] finds a name: by its length and its first and third letters, whatever their case.
const fn slot(name: &[u8]) -> usize {
    (name.len() + (name[0] | 0x20) as usize + 5 * (name[2] | 0x20) as usize) % SLOTS
}

const SLOTS: usize = 64;

/// The field in each slot. That no two share one is checked when this is compiled.
const BY_SLOT: [Option<Field>; SLOTS] = {
    let mut slots = [None; SLOTS];
    let mut at = 0;
    while at < FIELDS {
        let slot = slot(Field::ALL[at].name().as_bytes());
        assert!(slots[slot].is_none(), "two fields in one slot: slot() must tell them apart");
        slots[slot] = Some(Field::ALL[at]);
        at += 1;
    }
    slots
};

impl Field {
    /// The field of that name, in whatever case.
    #[inline]
    pub(super) fn of_name(name: &[u8]) -> Option<Field> {
        if name.len() < 3 {
            return None;
        }
        let likely = BY_SLOT[slot(name)]?;
        let other = likely.name().as_bytes();
        (other == name || other.eq_ignore_ascii_case(name)).then_some(likely)
    }
}

/// What a package says about instances of itself for several architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MultiArch {
    /// It satisfies dependencies of its own architecture.
    No,
    /// As `No`, and it can be installed for several architectures at once.
    Same,
    /// It satisfies dependencies of any architecture.
    Foreign,
    /// As `No`, and it satisfies those of any architecture that ask for it with `:any`.
    Allowed,
}

/// A package of an index that cannot be used: where it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{reason}", Subject(package, *field))]
pub struct InvalidStanza {
    /// The line that is wrong, counted from 1; where something is missing, the first line of the stanza.
    pub line: usize,
    /// The package's name, where it is known.
    pub package: String,
    /// The field that is wrong.
    pub field: Option<Field>,
    /// What is wrong.
    pub reason: String,
}

struct Subject<'a>(&'a str, Option<Field>);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let package = Shown(self.0.as_bytes());
        match self.1 {
            Some(field) if self.0.is_empty() => write!(f, "{}: ", field.name()),
            Some(field) => write!(f, "{package}: {}: ", field.name()),
            None if self.0.is_empty() => Ok(()),
            None => write!(f, "{package}: "),
        }
    }
}

/// One package of an index. It borrows everything from the index's text.
#[derive(Debug, Clone, Copy)]
pub struct Stanza<'a> {
    pub(super) text: &'a [u8],
    pub(super) line: usize,
    pub(super) values: [&'a str; FIELDS],
}

impl<'a> Stanza<'a> {
    /// All of it, with the line that ends it.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The number of its first line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// A field's text, line breaks of a folded one included and without white space at its ends; empty where there
    /// is none.
    #[must_use]
    #[inline]
    pub fn get(&self, field: Field) -> &'a str {
        self.values[field as usize]
    }

    /// The package's name; never empty.
    #[must_use]
    pub fn package(&self) -> &'a str {
        self.get(Field::Package)
    }

    /// The package's version; never empty. Whether it is one to Debian has not been looked at.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.get(Field::Version)
    }

    /// The architecture, or `all`.
    #[must_use]
    pub fn architecture(&self) -> &'a str {
        self.get(Field::Architecture)
    }

    /// What it says about instances of itself for several architectures.
    ///
    /// # Errors
    /// A word that dpkg does not know.
    pub fn multi_arch(&self) -> Result<MultiArch, InvalidStanza> {
        let text = self.get(Field::MultiArch);
        for (word, value) in [
            ("", MultiArch::No),
            ("no", MultiArch::No),
            ("same", MultiArch::Same),
            ("foreign", MultiArch::Foreign),
            ("allowed", MultiArch::Allowed),
        ] {
            if text.eq_ignore_ascii_case(word) {
                return Ok(value);
            }
        }
        let shown = Shown(text.as_bytes());
        Err(self.invalid(Field::MultiArch, format!("'{shown}' is none of: no, same, foreign, allowed")))
    }

    /// Whether a field says yes; one that is absent says no.
    ///
    /// # Errors
    /// It says neither.
    pub fn flag(&self, field: Field) -> Result<bool, InvalidStanza> {
        let text = self.get(field);
        if text.is_empty() || text.eq_ignore_ascii_case("no") {
            return Ok(false);
        }
        if text.eq_ignore_ascii_case("yes") {
            return Ok(true);
        }
        Err(self.invalid(field, format!("'{}' is neither yes nor no", Shown(text.as_bytes()))))
    }

    /// Bytes of the package file.
    ///
    /// # Errors
    /// It is no number, or one past 64 bits.
    pub fn size(&self) -> Result<Option<u64>, InvalidStanza> {
        self.number(Field::Size)
    }

    /// KiB that the package takes once installed.
    ///
    /// # Errors
    /// It is no number, or one past 64 bits.
    pub fn installed_size(&self) -> Result<Option<u64>, InvalidStanza> {
        self.number(Field::InstalledSize)
    }

    fn number(&self, field: Field) -> Result<Option<u64>, InvalidStanza> {
        let text = self.get(field);
        if text.is_empty() {
            return Ok(None);
        }
        // A sign, which the parser would take, is none of it.
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid(field, format!("'{}' is no number of 64 bits", Shown(text.as_bytes())))),
        }
    }

    /// SHA-256 of the package file.
    ///
    /// # Errors
    /// It is not 64 hexadecimal digits.
    pub fn sha256(&self) -> Result<Option<[u8; 32]>, InvalidStanza> {
        let text = self.get(Field::Sha256);
        if text.is_empty() {
            return Ok(None);
        }
        match unhex(text.as_bytes()) {
            Some(digest) => Ok(Some(digest)),
            None => {
                let shown = Shown(text.as_bytes());
                Err(self.invalid(Field::Sha256, format!("'{shown}' is not 64 hexadecimal digits")))
            }
        }
    }

    /// The pieces of a relation field, in order. As with apt, a comma at the field's end is nobody's.
    #[must_use]
    #[inline]
    pub fn pieces(&self, field: Field) -> Pieces<'a> {
        let text = self.get(field);
        pieces(text.strip_suffix(',').unwrap_or(text))
    }

    /// What a piece of the field `field` says.
    ///
    /// # Errors
    /// As [`Alternative::parse_binary`]; the error names this package, the field and its line.
    #[inline]
    pub fn alternative(&self, field: Field, piece: Piece<'a>) -> Result<Alternative<'a>, InvalidStanza> {
        Alternative::parse_binary(piece.text).map_err(|error| self.invalid(field, error.to_string()))
    }

    /// An error about one of this package's fields.
    #[must_use]
    #[cold]
    pub fn invalid(&self, field: Field, reason: String) -> InvalidStanza {
        let mut lines = Lines::new(self.text);
        let name = field.name().as_bytes();
        let found =
            lines.any(|line| matches!(line, Line::Field(other, _) if other.eq_ignore_ascii_case(name)));
        let line = self.line + if found { lines.number() - 1 } else { 0 };
        InvalidStanza { line, package: self.package().into(), field: Some(field), reason }
    }
}
