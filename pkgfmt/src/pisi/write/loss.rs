//! What a PiSi package cannot say.

use std::fmt;

use crate::error::Problem;
use crate::manifest::VersionOrder;
use crate::path::Shown;
use crate::relation::RelationKind;

/// One thing that a PiSi package cannot say as the manifest does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// What is lost, and what is written instead.
    pub what: Lost,
    /// What it is about: a relation, a field, a path; made fit for showing.
    pub about: String,
    /// How many more paths it is about.
    pub others: usize,
}

/// What is lost, and what is written instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The package's name has a category, or holds a character that XML does not have. Nothing can be written.
    Name,
    /// The version is none in PiSi's order. Nothing can be written.
    Version,
    /// The path is not UTF-8, has white space at its ends, or a character that XML does not have. Nothing can
    /// be written.
    Path,
    /// Two scripts of one file name differ. Nothing can be written.
    ScriptClash,
    /// Versions are compared in another order than PiSi's.
    Order(VersionOrder),
    /// The release is not a number; 1 is written.
    Release,
    /// A field that PiSi does not have.
    Field,
    /// A text loses white space at its ends and the characters that XML does not have.
    Text,
    /// PiSi's own tools refuse a package that does not declare this.
    Required,
    /// An item of a list is empty or repeated, and left out.
    Item,
    /// PiSi has no word for this kind of relation; it is left out.
    Relation(RelationKind),
    /// PiSi cannot say this with several alternatives, or of such a target; it is left out.
    Target,
    /// PiSi has no word for this capability; it is left out.
    Capability,
    /// The package provides this twice; it is said once.
    Repeated,
    /// PiSi has no word for a condition; the target is written without it, which asks for less.
    Condition,
    /// PiSi has no word for a condition; the relation is left out, since without it, it would say more.
    LimitedRelation,
    /// The conditions are written in another order.
    ConditionOrder,
    /// An architecture that a target is limited to is left out.
    TargetArch,
    /// A script of another system, or under a file name that a package cannot have; it is left out.
    Script,
    /// A script stands twice; it is written once.
    ScriptRepeated,
    /// The scripts are written in another order.
    ScriptOrder,
    /// A script serves a model that the package does not provide; a PiSi package does provide it.
    ScriptModel,
    /// The newest change is not of this version and release; one is written.
    HistoryStart,
    /// A kind of a change is left out.
    ChangeKind,
    /// The property is not one of PiSi's; it is left out.
    Property,
    /// A language tag that cannot be written; the text is left out.
    Language,
    /// A configuration file is one by its type `config`; its own type is lost.
    ConfigKind,
    /// What is of the type `config` is a configuration file; this is not and becomes `data`.
    NotConfig,
    /// PiSi requires a type; `data` is written.
    Kind,
    /// Owner and group have numbers, and no names.
    OwnerNames,
    /// Extended attributes are left out.
    Attributes,
    /// A modification time is required; second 1 of 1970 is written.
    Time,
    /// Whether a modification time matters is told by the compiled Python files beside it, which say otherwise.
    KeepTime,
    /// In a delta: the modification time is that of the base.
    BaseTime,
    /// In a delta: the hard links are those of the base.
    BaseLinks,
}

impl Lost {
    /// Whether nothing can be written because of it.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        matches!(self, Lost::Name | Lost::Version | Lost::Path | Lost::ScriptClash)
    }

    fn text(self) -> &'static str {
        match self {
            Lost::Name => "the name has a category, or holds a character that XML does not have",
            Lost::Version => "this is no version in PiSi's order",
            Lost::Path => "files.xml cannot hold the path: it is not UTF-8, or is blank at an end",
            Lost::ScriptClash => "two scripts of one file name differ",
            Lost::Order(_) => "versions are compared in another order; PiSi's takes its place",
            Lost::Release => "PiSi's releases are numbers; 1 is written",
            Lost::Field => "PiSi does not have this field",
            Lost::Text => "white space at its ends and characters that XML does not have are lost",
            Lost::Required => "PiSi's own tools require it, and the package does not say it",
            Lost::Item => "an item is empty or repeated and left out",
            Lost::Relation(_) => "PiSi has no word for such a relation; it is left out",
            Lost::Target => {
                "PiSi cannot say this of such a target, or with several alternatives; it is left out"
            }
            Lost::Capability => "PiSi has no word for this capability; it is left out",
            Lost::Repeated => "the package provides it twice; it is said once",
            Lost::Condition => "PiSi has no word for a condition; the target is written without it",
            Lost::LimitedRelation => "PiSi has no word for a condition; the relation is left out",
            Lost::ConditionOrder => "its conditions are written in another order",
            Lost::TargetArch => "the target's architecture is left out",
            Lost::Script => "no COMAR script; it is left out",
            Lost::ScriptRepeated => "the script stands twice; it is written once",
            Lost::ScriptOrder => "the scripts are written in another order",
            Lost::ScriptModel => "a script serves this model, so a PiSi package provides it",
            Lost::HistoryStart => "the newest change is of another version or release; an empty one is added",
            Lost::ChangeKind => "a kind of a change cannot be written; it is left out",
            Lost::Property => "PiSi does not have this property; it is left out",
            Lost::Language => "a text's language cannot be written; the text is left out",
            Lost::ConfigKind => "configuration is of the type 'config'; its own type is lost",
            Lost::NotConfig => "of the type 'config', but no configuration: it becomes 'data'",
            Lost::Kind => "PiSi requires a type; 'data' is written",
            Lost::OwnerNames => "owner and group are written as numbers, without names",
            Lost::Attributes => "extended attributes are left out",
            Lost::Time => "a modification time is required; second 1 of 1970 is written",
            Lost::KeepTime => {
                "whether its modification time matters follows from the compiled Python files, which say otherwise"
            }
            Lost::BaseTime => "a delta does not carry it, so that its modification time is the base's",
            Lost::BaseLinks => "a delta does not carry it, so that its hard links are the base's",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.about)?;
        match self.others {
            0 => {}
            1 => f.write_str(" and one other")?,
            others => write!(f, " and {others} others")?,
        }
        write!(f, ": {}", self.what.text())
    }
}

/// Losses as they are found; those of one kind about paths are counted and not repeated.
#[derive(Debug, Default)]
pub(crate) struct Losses(pub(crate) Vec<Loss>);

impl Losses {
    /// One more, about something that is not a path.
    pub(crate) fn add(&mut self, what: Lost, about: impl fmt::Display) {
        let about = Shown(about.to_string().as_bytes()).to_string();
        self.0.push(Loss { what, about, others: 0 });
    }

    /// One more, about a path.
    pub(crate) fn add_path(&mut self, what: Lost, path: &crate::path::PayloadPath) {
        match self.0.iter_mut().find(|loss| loss.what == what) {
            Some(loss) => loss.others += 1,
            None => self.add(what, Shown(path.as_bytes())),
        }
    }

    /// What makes writing impossible, as an error.
    pub(crate) fn fatal(&self) -> Result<(), Problem> {
        match self.0.iter().find(|loss| loss.what.is_fatal()) {
            None => Ok(()),
            Some(loss) => Err(Problem::forbidden(
                &loss.about,
                format_args!("no PiSi package can hold it: {}", loss.what.text()),
            )),
        }
    }
}
