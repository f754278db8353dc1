//! `quickstart`: placeholder.
use std::path::Path;
use crate::Done;
use crate::context::Context;
pub(crate) fn quickstart(_context: &Context, _directory: Option<&Path>) -> Done { Ok(serde_json::json!({}).into()) }
