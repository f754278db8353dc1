//! COMAR scripts: Python that a package brings along. They are data here and are never run.
//!
//! A member `comar/FILE` becomes a [`Script`] of the system `comar` for each `<COMAR script="FILE">` that
//! mentions it, with the model as its role and `name` as its target; a file that none mentions is kept with
//! both empty. Scripts are sorted by file, role and target. A `<COMAR>` whose file is missing makes no script.

use crate::digest::Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Script;

use super::container::Container;
use super::metadata::Comar;

/// Most scripts of a package; real ones have three at most.
const SCRIPTS: usize = 1000;

/// The scripts, and the content of each in the same order.
pub(super) fn read(
    container: &Container,
    mentioned: &[Comar],
    limits: &Limits,
) -> Result<(Vec<Script>, Vec<Vec<u8>>), Problem> {
    let mut left = limits.script_bytes;
    let mut all: Vec<(Script, Vec<u8>)> = Vec::new();
    for member in container.members() {
        let Some(file) = member.name.strip_prefix(b"comar/").filter(|file| !file.is_empty()) else {
            continue;
        };
        let file =
            std::str::from_utf8(file).map_err(|_| Problem::forbidden(member, "its name is not UTF-8"))?;
        let content = container.read_all(member, left).map_err(|problem| match problem {
            Problem::Limit { .. } => Problem::limit("the size of all scripts", limits.script_bytes),
            problem => problem,
        })?;
        let roles: Vec<&Comar> = mentioned.iter().filter(|comar| comar.file == file).collect();
        let script = |role: &str, target: &str| Script {
            system: "comar".into(),
            role: role.into(),
            target: target.into(),
            file: file.into(),
            size: content.len() as u64,
            digest: Digest::of(&content),
        };
        let scripts = match roles.as_slice() {
            [] => vec![script("", "")],
            roles => roles.iter().map(|comar| script(&comar.model, &comar.name)).collect(),
        };
        if all.len() + scripts.len() > SCRIPTS {
            return Err(Problem::limit("the number of scripts", SCRIPTS as u64));
        }
        for script in scripts {
            // A script with several roles counts once for each: its content is handed out as often.
            left = left
                .checked_sub(content.len() as u64)
                .ok_or_else(|| Problem::limit("the size of all scripts", limits.script_bytes))?;
            all.push((script, content.clone()));
        }
    }
    all.sort_by(|(a, _), (b, _)| (&a.file, &a.role, &a.target).cmp(&(&b.file, &b.role, &b.target)));
    Ok(all.into_iter().unzip())
}
