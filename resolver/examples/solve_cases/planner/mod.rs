//! Planner cases of the systems that ambar carries on.

mod compare;
mod entropy;
mod pisi;
mod stock;

use serde::Serialize;
use serde_json::Value;

/// Our answer to a planner case beside the original's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    /// Name of the case.
    pub(crate) name: String,
    /// Ours, in the shape of the original's.
    pub(crate) answer: Value,
    /// `same` or `differs`.
    pub(crate) verdict: &'static str,
    /// The original's.
    pub(crate) original: Value,
}

/// Answers all cases of a planner file.
///
/// # Errors
/// Which file is not read, or which case is none, in words.
pub(crate) fn compare_all(which: &str, text: &str) -> Result<Vec<Compared>, String> {
    match which {
        "pisi" => read(text)?.into_iter().map(pisi::compare).collect(),
        "entropy" => read(text)?.into_iter().map(entropy::compare).collect(),
        other => Err(format!("there is no planner {other}: pisi or entropy")),
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a file of planner cases: {error}"))
}

fn verdict(same: bool) -> &'static str {
    if same { "same" } else { "differs" }
}
