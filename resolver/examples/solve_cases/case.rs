//! The neutral format of cases: one JSON object on a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A universe, what is installed, what is asked for, and what is expected.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Name of the case.
    #[serde(default)]
    pub(crate) id: String,
    /// Which order versions have; only `rpm` is read.
    #[serde(default)]
    pub(crate) version_scheme: String,
    /// Packages, by id.
    pub(crate) packages: Vec<Package>,
    /// Ids of what is installed.
    #[serde(default)]
    pub(crate) installed: Vec<usize>,
    /// What is asked for.
    #[serde(default)]
    pub(crate) request: Request,
    /// How.
    #[serde(default)]
    pub(crate) policy: Policy,
    /// What the original answered.
    #[serde(default)]
    pub(crate) expect: Expect,
    /// What an exhaustive search found.
    #[serde(default)]
    pub(crate) oracle: Oracle,
    /// Whether the answer has to be the original's.
    #[serde(default)]
    pub(crate) strict: bool,
}

/// A package.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Package {
    /// Its position.
    pub(crate) id: usize,
    /// Name.
    pub(crate) name: String,
    /// Version, `[epoch:]version[-release]`.
    pub(crate) version: String,
    /// Architecture.
    #[serde(default)]
    pub(crate) arch: String,
    /// Packages of one name and slot exclude each other. Not in the golden files: always empty there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) slot: String,
    /// Where it comes from.
    #[serde(default)]
    pub(crate) repo: String,
    /// Higher is preferred.
    #[serde(default)]
    pub(crate) repo_priority: i32,
    /// It exists, and must not be newly installed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) disabled: bool,
    /// Clauses: one alternative of each must be installed.
    #[serde(default)]
    pub(crate) depends: Vec<Vec<Relation>>,
    /// The same, and complete before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pre_depends: Vec<Vec<Relation>>,
    /// Clauses that should hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recommends: Vec<Vec<Relation>>,
    /// What it counts as, itself included.
    #[serde(default)]
    pub(crate) provides: Vec<Relation>,
    /// What it cannot be installed beside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) conflicts: Vec<Relation>,
    /// Whose place it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) obsoletes: Vec<Relation>,
}

/// A name, perhaps with versions. A relation of any other shape (an rpm expression) is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relation {
    /// Name.
    pub(crate) name: String,
    /// `<`, `<=`, `=`, `>=` or `>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) op: Option<String>,
    /// Version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
}

/// Jobs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Request {
    /// One member of each must be installed.
    #[serde(default)]
    pub(crate) install: Vec<Selector>,
    /// No member may be installed.
    #[serde(default)]
    pub(crate) remove: Vec<Selector>,
    /// To be as new as possible.
    #[serde(default)]
    pub(crate) upgrade: Vec<Selector>,
    /// To be what the repositories have.
    #[serde(default)]
    pub(crate) dist_upgrade: Vec<Selector>,
    /// To be left as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lock: Vec<Selector>,
    /// Preferred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) favor: Vec<Selector>,
    /// Avoided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) disfavor: Vec<Selector>,
    /// Jobs of other kinds.
    #[serde(flatten)]
    pub(crate) others: BTreeMap<String, serde_json::Value>,
}

/// Which packages a job is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Selector {
    /// `name`, `provides`, `pkg`, `oneof`, `repo` or `all`.
    pub(crate) by: String,
    /// For `name` and `provides`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// For `name` and `provides`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) op: Option<String>,
    /// For `name` and `provides`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// For `pkg` and `oneof`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ids: Vec<usize>,
    /// For `repo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repo: Option<String>,
    /// `cleandeps`: what nobody needs afterwards may go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) flags: Vec<String>,
}

impl Selector {
    /// The name with its versions, as a relation.
    pub(crate) fn relation(&self) -> Relation {
        let name = self.name.clone().unwrap_or_default();
        Relation { name, op: self.op.clone(), version: self.version.clone() }
    }
}

/// How to solve.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Policy {
    /// Whether recommendations count.
    pub(crate) install_recommends: bool,
    /// Whether packages may go that nobody asked to remove.
    pub(crate) allow_uninstall: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { install_recommends: true, allow_uninstall: false }
    }
}

/// What the original answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Expect {
    /// Whether there is an answer; nothing when the request itself is wrong.
    pub(crate) solvable: Option<bool>,
    /// What is installed afterwards.
    #[serde(rename = "final")]
    pub(crate) state: Option<Vec<usize>>,
}

/// What an exhaustive search found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Oracle {
    /// How many states would do.
    pub(crate) n_states: Option<usize>,
    /// Whether there is one.
    pub(crate) solvable: Option<bool>,
    /// The best ones, where they are not the original's.
    pub(crate) optimum: Option<Vec<Vec<usize>>>,
    /// What they cost, level by level.
    pub(crate) cost_optimum: Option<Vec<serde_json::Value>>,
    /// What the original's answer costs.
    pub(crate) cost_expected: Option<Vec<serde_json::Value>>,
}
