//! Requests and plans: what is asked for, and what will be done about it, both as plain data.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use ambar_pkgfmt::path::TextOrHex;
use ambar_pkgfmt::{Digest, Format, Instance, PackageId, PayloadPath};
use ambar_store::Reason;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is asked of a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub enum Request {
    /// Install package files, and packages by name; packages of the same names, slots and tags are replaced.
    Install {
        /// The files.
        files: Vec<OsPath>,
        /// What is to be chosen from sources: names with or without conditions, and `@set`.
        #[serde(default)]
        names: Vec<String>,
        /// Directories of package files to choose from.
        #[serde(default)]
        from: Vec<OsPath>,
        /// How.
        #[serde(default)]
        options: Options,
    },
    /// Remove packages.
    Remove {
        /// Their names, with slot, tag or architecture where several have one name: see
        /// [`select`](crate::select).
        names: Vec<String>,
        /// How.
        #[serde(default)]
        options: Options,
    },
    /// Bring installed packages to the newest versions that sources have.
    Upgrade {
        /// Their names; none for all.
        names: Vec<String>,
        /// Directories of package files to choose from.
        #[serde(default)]
        from: Vec<OsPath>,
        /// How.
        #[serde(default)]
        options: Options,
    },
    /// Bring installed packages to the newest versions that are older than they are.
    Downgrade {
        /// Their names.
        names: Vec<String>,
        /// Directories of package files to choose from.
        #[serde(default)]
        from: Vec<OsPath>,
        /// How.
        #[serde(default)]
        options: Options,
    },
    /// Remove what nobody asked for and nothing needs any more.
    Autoremove {
        /// How.
        #[serde(default)]
        options: Options,
    },
    /// Make a generation live again; without a number, the one before the live one.
    Activate {
        /// Its number.
        generation: Option<u64>,
    },
    /// Say why packages are there, which changes nothing else about them.
    Mark {
        /// Their names.
        names: Vec<String>,
        /// Why they are there from now on.
        reason: Reason,
    },
}

impl Request {
    /// Install these files.
    #[must_use]
    pub fn install(files: Vec<OsPath>, options: Options) -> Request {
        Request::Install { files, names: Vec::new(), from: Vec::new(), options }
    }

    /// Its choices, where it has any.
    #[must_use]
    pub fn options(&self) -> Option<&Options> {
        match self {
            Request::Install { options, .. }
            | Request::Upgrade { options, .. }
            | Request::Downgrade { options, .. }
            | Request::Remove { options, .. }
            | Request::Autoremove { options } => Some(options),
            Request::Activate { .. } | Request::Mark { .. } => None,
        }
    }

    /// The same request wherever it is made from: with absolute paths.
    pub(crate) fn absolute(&self) -> Request {
        let mut request = self.clone();
        let none = &mut Vec::new();
        let (files, from) = match &mut request {
            Request::Install { files, from, .. } => (files, from),
            Request::Upgrade { from, .. } | Request::Downgrade { from, .. } => (none, from),
            _ => return request,
        };
        for path in files.iter_mut().chain(from) {
            *path = OsPath(std::path::absolute(&path.0).unwrap_or_else(|_| path.0.clone()));
        }
        request
    }

    fn options_mut(&mut self) -> Option<&mut Options> {
        match self {
            Request::Install { options, .. }
            | Request::Upgrade { options, .. }
            | Request::Downgrade { options, .. }
            | Request::Remove { options, .. }
            | Request::Autoremove { options } => Some(options),
            Request::Activate { .. } | Request::Mark { .. } => None,
        }
    }
}

/// Choices that a request can make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Do not check relations.
    pub ignore_dependency: bool,
    /// The packages being installed take paths that others have; the choice is recorded.
    pub overwrite: bool,
    /// Take setuid and setgid bits off.
    pub strip_setuid: bool,
    /// Do not keep the package files in the store's cache.
    pub no_cache: bool,
    /// Store and link again what is installed in the same version.
    pub reinstall: bool,
    /// Leave out what new packages recommend.
    pub no_recommends: bool,
    /// Installed packages that nobody asked to remove may go when nothing else helps.
    pub allow_removals: bool,
    /// Installed packages may become older when nothing else helps.
    pub allow_downgrades: bool,
    /// Bring what new packages need to its newest version too, rather than keep what will do.
    pub eager: bool,
    /// Upgrade only what mends a security problem.
    pub security_only: bool,
    /// What must not be newly installed, as match expressions.
    pub exclude: Vec<String>,
    /// What is preferred where there is a choice, as match expressions.
    pub favour: Vec<String>,
    /// Packages that are protected because they are essential may be removed.
    pub remove_essential: bool,
    /// Remove nothing but what is named.
    pub no_dependents: bool,
    /// Licences that the person has accepted; they are remembered when the plan is carried out.
    pub accept_licences: Vec<String>,
}

/// A path of the machine, which need not be UTF-8; written as text where it is, as `{"hex": "…"}` where not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OsPath(pub PathBuf);

impl Serialize for OsPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TextOrHex::of(self.0.as_os_str().as_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OsPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = TextOrHex::deserialize(deserializer)?.bytes();
        let bytes = bytes.ok_or_else(|| serde::de::Error::custom("a path's hex digits are wrong"))?;
        Ok(OsPath(OsString::from_vec(bytes).into()))
    }
}

impl AsRef<Path> for OsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

/// What a transaction will do. It is data: it can be shown, written as JSON, and executed later, as long as
/// the root has not moved on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The root it is for.
    pub root: OsPath,
    /// The generation it starts from: number and digest of its record; `None` in a root without one.
    pub parent: Option<(u64, Digest)>,
    /// What was asked for.
    pub request: Request,
    /// What changes, sorted by name.
    pub items: Vec<Item>,
    /// The generation that becomes live, when it exists already.
    pub activates: Option<u64>,
    /// What people should know before they agree.
    pub notes: Vec<String>,
    /// The order of the changes: each step after what it needs. Packages that need each other are one step. Each
    /// change is named by its package's instance.
    #[serde(default)]
    pub steps: Vec<Vec<String>>,
    /// What somebody has to answer before the plan can be carried out, sorted by name.
    #[serde(default)]
    pub questions: Vec<Question>,
}

/// Something that a person has to decide before a plan can be carried out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What kind of question it is.
    pub kind: QuestionKind,
    /// What it is about: for a licence, its name.
    pub name: String,
    /// Names of the packages that ask it, sorted.
    pub packages: Vec<String>,
    /// What there is to read before answering, where a package brings it.
    pub text: Option<String>,
}

/// The kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuestionKind {
    /// Whether the person accepts a licence; answered in [`Options::accept_licences`].
    Licence,
}

/// One package that a plan changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What happens to it.
    pub action: Action,
    /// Name.
    pub name: String,
    /// Version and release that there will be; for a removal, that there was.
    pub version: String,
    /// Version and release that is replaced, where one is.
    pub replaces: Option<String>,
    /// Architecture.
    pub arch: String,
    /// Slot, or empty.
    #[serde(default)]
    pub slot: String,
    /// Tag, or empty.
    #[serde(default)]
    pub tag: String,
    /// Whether packages of its name and other architectures can be beside it.
    #[serde(default)]
    pub coinstallable: bool,
    /// Why it will be there.
    pub reason: Reason,
    /// The file it comes from.
    pub file: Option<PlannedFile>,
    /// Its id, where that is known before its content is read.
    pub package: Option<PackageId>,
    /// Sum of the sizes of its files, in bytes.
    pub installed_size: u64,
    /// How many of those bytes the store has already.
    pub stored: u64,
    /// Number of its entries.
    pub entries: u64,
    /// Files with setuid, setgid or file capabilities.
    pub setuid: Vec<PayloadPath>,
    /// Foreign scripts, which are kept and not run.
    pub scripts: Vec<String>,
}

/// A package file as it was when a plan was made with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFile {
    /// Where it is.
    pub path: OsPath,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub length: u64,
    /// Its format.
    pub format: Format,
    /// The ids of the keys that its signatures name; they are not checked.
    #[serde(default)]
    pub signers: Vec<String>,
    /// It is a delta: what it comes to depends on what is installed, so it is not kept in the cache.
    #[serde(default)]
    pub delta: bool,
}

/// What happens to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is new.
    Install,
    /// It replaces an older one of its name, slot and tag.
    Upgrade,
    /// It replaces a newer one of its name, slot and tag.
    Downgrade,
    /// It replaces one of the same version, or one whose version cannot be compared with its own.
    Reinstall,
    /// It goes.
    Remove,
    /// It stays as it is; only why it is there changes.
    Mark,
}

impl Item {
    /// What names the package in a generation.
    #[must_use]
    pub fn instance(&self) -> Instance {
        Instance::new(&self.name, &self.slot, &self.tag, self.coinstallable, &self.arch)
    }
}

impl Action {
    /// Its name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::Install => "install",
            Action::Upgrade => "upgrade",
            Action::Downgrade => "downgrade",
            Action::Reinstall => "reinstall",
            Action::Remove => "remove",
            Action::Mark => "mark",
        }
    }

    /// Whether a package's content comes with it.
    #[must_use]
    pub fn brings(self) -> bool {
        !matches!(self, Action::Remove | Action::Mark)
    }
}

impl Plan {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.activates.is_none_or(|number| self.parent.is_some_and(|(parent, _)| parent == number))
    }

    /// Bytes of content that it brings.
    #[must_use]
    pub fn incoming(&self) -> u64 {
        self.items.iter().filter(|item| item.action.brings()).map(|item| item.installed_size).sum()
    }

    /// How many of those the store has already.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.items.iter().filter(|item| item.action.brings()).map(|item| item.stored).sum()
    }

    /// The questions that nobody has answered yet.
    #[must_use]
    pub fn unanswered(&self) -> Vec<&Question> {
        let accepted = self.request.options().map_or(&[][..], |options| &options.accept_licences);
        self.questions.iter().filter(|question| !accepted.contains(&question.name)).collect()
    }

    /// Answers the question about a licence: it is accepted.
    pub fn accept_licence(&mut self, name: &str) {
        if let Some(options) = self.request.options_mut()
            && !options.accept_licences.iter().any(|known| known == name)
        {
            options.accept_licences.push(name.into());
        }
    }

    /// The request in words, for records and the journal.
    #[must_use]
    pub fn cause(&self) -> String {
        match &self.request {
            Request::Install { .. } => {
                let names: Vec<String> = self
                    .items
                    .iter()
                    .filter(|item| item.file.is_some() || item.action == Action::Mark)
                    .map(|item| item.instance().to_string())
                    .collect();
                format!("install {}", names.join(" "))
            }
            Request::Upgrade { names, .. } if names.is_empty() => "upgrade".into(),
            Request::Upgrade { names, .. } => format!("upgrade {}", names.join(" ")),
            Request::Downgrade { names, .. } => format!("downgrade {}", names.join(" ")),
            Request::Autoremove { .. } => "autoremove".into(),
            Request::Remove { names, .. } => format!("remove {}", names.join(" ")),
            Request::Activate { generation: Some(number) } => format!("rollback {number}"),
            Request::Activate { generation: None } => "rollback".into(),
            Request::Mark { names, reason } => format!("mark {} {}", reason.name(), names.join(" ")),
        }
    }
}

/// What a plan has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The generation that is live now; `None` when nothing had to change and there is none.
    pub generation: Option<u64>,
    /// The one that was live before.
    pub from: Option<u64>,
    /// Whether anything has changed.
    pub changed: bool,
    /// What people should know.
    pub notes: Vec<String>,
    /// What is not done yet, and why; the generation is live all the same.
    pub pending: Vec<String>,
}

impl Outcome {
    /// Nothing had to change in a root whose live generation is that one.
    pub(crate) fn unchanged(live: Option<u64>) -> Outcome {
        Outcome { generation: live, from: live, changed: false, notes: Vec::new(), pending: Vec::new() }
    }
}
