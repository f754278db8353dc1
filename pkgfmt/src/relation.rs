//! Relations between packages: what one needs, forbids, provides or replaces.

mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::Shown;

pub use text::{InvalidRelation, parse_alternatives};

/// Declares an enum whose variants have fixed codes in the encoding.
macro_rules! coded {
    ($(#[$meta:meta])* $name:ident ($what:literal) { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$doc])* $variant = $code,)*
        }

        impl $name {
            /// Its code in the manifest's encoding.
            #[must_use]
            pub fn code(self) -> u64 {
                self as u64
            }

            /// The variant with that code.
            ///
            /// # Errors
            /// `CodecError::Unknown` for a code that this version does not know.
            pub fn from_code(code: u64) -> Result<Self, $crate::codec::CodecError> {
                match code {
                    $($code => Ok($name::$variant),)*
                    value => Err($crate::codec::CodecError::Unknown { what: $what, value }),
                }
            }
        }
    };
}
pub(crate) use coded;

coded! {
    /// What a relation demands or declares.
    RelationKind ("relation kind") {
        /// One of the targets must be installed.
        Depends = 0,
        /// As `Depends`, and complete before this package is configured.
        PreDepends = 1,
        /// One of the targets should be installed.
        Recommends = 2,
        /// One of the targets may be of use.
        Suggests = 3,
        /// This package may be of use to the target.
        Enhances = 4,
        /// The target must not be installed beside this package.
        Conflicts = 5,
        /// As `Conflicts`, for a version that this package makes unusable.
        Breaks = 6,
        /// This package counts as the target.
        Provides = 7,
        /// This package takes the place of the target, which goes when this one comes.
        Replaces = 8,
        /// The target is dead and is to be removed.
        Obsoletes = 9,
        /// One of the targets is needed to build this package.
        BuildDepends = 10,
        /// This package may have paths that the target has as well, and its own are the ones that count; the
        /// target stays.
        Overwrites = 11,
    }
}

coded! {
    /// What kind of name a target is.
    TargetKind ("target kind") {
        /// The name of a package.
        Package = 0,
        /// A component: every package in it.
        Component = 1,
        /// A capability such as `pkgconfig(zlib)` or `comar(System.Service)`.
        Capability = 2,
    }
}

coded! {
    /// What a constraint looks at.
    Subject ("constraint subject") {
        /// The version, in the order of the package looked at.
        Version = 0,
        /// The release, as an integer.
        Release = 1,
        /// The slot.
        Slot = 2,
        /// The tag.
        Tag = 3,
        /// The repository.
        Repository = 4,
    }
}

coded! {
    /// How a constraint compares.
    Op ("constraint operator") {
        /// Less.
        Less = 0,
        /// Less or equal.
        AtMost = 1,
        /// Equal in the version order.
        Equal = 2,
        /// Greater or equal.
        AtLeast = 3,
        /// Greater.
        Greater = 4,
        /// The very same text.
        Same = 5,
        /// Equal when revisions are left aside.
        SameRevisionAside = 6,
        /// Starts with the value, at a component boundary.
        Prefix = 7,
        /// Not equal in the version order.
        Unequal = 8,
    }
}

impl Subject {
    /// Whether it is compared as a text, and not as a version or a number.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Subject::Slot | Subject::Tag | Subject::Repository)
    }
}

/// One condition on a target, for example `version >= 1.2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Constraint {
    /// What is looked at.
    pub subject: Subject,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub value: String,
}

/// A name with the conditions on it, all of which must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// What kind of name it is.
    pub kind: TargetKind,
    /// The name.
    pub name: String,
    /// An architecture qualifier such as `any`, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arch: String,
    /// The conditions, in declared order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
}

impl Target {
    /// A package by name, without conditions.
    #[must_use]
    pub fn package(name: &str) -> Target {
        Target { kind: TargetKind::Package, name: name.into(), arch: String::new(), constraints: Vec::new() }
    }

    /// The same target with one more condition.
    #[must_use]
    pub fn with(mut self, subject: Subject, op: Op, value: &str) -> Target {
        self.constraints.push(Constraint { subject, op, value: value.into() });
        self
    }
}

/// A relation: its kind and its alternatives in order of preference, at least one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Relation {
    /// What is demanded or declared.
    pub kind: RelationKind,
    /// Any one of these will do.
    pub alternatives: Vec<Target>,
}

impl Relation {
    /// A relation with a single alternative.
    #[must_use]
    pub fn one(kind: RelationKind, target: Target) -> Relation {
        Relation { kind, alternatives: vec![target] }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = match self.subject {
            Subject::Version => "",
            Subject::Release => "release ",
            Subject::Slot => "slot ",
            Subject::Tag => "tag ",
            Subject::Repository => "repository ",
        };
        let op = match self.op {
            Op::Less => "<",
            Op::AtMost => "<=",
            Op::Equal => "=",
            // Slots, tags and repositories are texts: there is one way of being equal.
            Op::Same if self.subject.is_text() => "=",
            Op::Same => "==",
            Op::AtLeast => ">=",
            Op::Greater => ">",
            Op::SameRevisionAside => "~",
            Op::Prefix => "=*",
            Op::Unequal => "!=",
        };
        write!(f, "{subject}{op} {}", Shown(self.value.as_bytes()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == TargetKind::Component {
            f.write_str("@")?;
        }
        write!(f, "{}", Shown(self.name.as_bytes()))?;
        if !self.arch.is_empty() {
            write!(f, ":{}", Shown(self.arch.as_bytes()))?;
        }
        if !self.constraints.is_empty() {
            f.write_str(" (")?;
            for (position, constraint) in self.constraints.iter().enumerate() {
                if position > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{constraint}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, target) in self.alternatives.iter().enumerate() {
            if position > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{target}")?;
        }
        Ok(())
    }
}
