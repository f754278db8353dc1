//! Plans in files: written whole, read within bounds, and carried out only on what they were made for.
//!
//! The file is one JSON object: `ambar-plan`, the version of this format; `digest`, the BLAKE3 of the plan as this
//! module writes it, in hexadecimal digits; and `plan`. Whatever changes in a plan's members makes a new version, so
//! that no ambar carries out half of what it reads. The digest is there against accidents, not against forgery: a
//! plan has the rights of whoever applies it, like a command line.

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ambar_pkgfmt::Digest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Class, Error};
use crate::plan::{Plan, PlannedFile};
use crate::root::Root;
use crate::write::directory_of;

/// The version that is written, and the only one that is read.
const FORMAT: u64 = 1;
/// Largest file that is read, in bytes: a plan for a hundred thousand packages takes less.
const LARGEST: u64 = 64 << 20;

/// What is read first, of any version.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ambar-plan")]
    format: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<P> {
    #[serde(rename = "ambar-plan")]
    format: u64,
    digest: Digest,
    plan: P,
}

impl Plan {
    /// Writes the plan into a file of its own, which takes the name `path` when it is complete and durable.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let fail = |operation| move |source| Error::Io { operation, path: path.into(), source };
        let digest = digest(self).map_err(|error| fail("write")(error.into()))?;
        let saved = Saved { format: FORMAT, digest, plan: self };
        let mut text = serde_json::to_vec_pretty(&saved).map_err(|error| fail("write")(error.into()))?;
        text.push(b'\n');
        let directory = directory_of(path);
        let mut fresh = tempfile::Builder::new()
            .prefix(".ambar-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory)
            .map_err(fail("write"))?;
        fresh.write_all(&text).map_err(fail("write"))?;
        fresh.as_file().sync_all().map_err(fail("make durable"))?;
        fresh.persist(path).map_err(|error| fail("write")(error.error))?;
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(fail("make durable"))
    }

    /// Reads a plan that was saved.
    ///
    /// # Errors
    /// [`Error::NotAPlan`] for a file that is too large, no plan, of another version, with members that this ambar
    /// does not know, or changed since it was written; [`Error::Io`].
    pub fn load(path: &Path) -> Result<Plan, Error> {
        let fail = |operation| move |source| Error::Io { operation, path: path.into(), source };
        let wrong = |reason: String| Error::NotAPlan { path: path.into(), reason };
        let mut text = Vec::new();
        let file = File::open(path).map_err(fail("open"))?;
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(fail("read"))?;
        if text.len() as u64 > LARGEST {
            return Err(wrong(format!("it is larger than {LARGEST} bytes, so it is no plan")));
        }
        let head: Head =
            serde_json::from_slice(&text).map_err(|error| wrong(format!("it is no plan: {error}")))?;
        if head.format != FORMAT {
            return Err(wrong(format!(
                "it is a plan of version {}, and this ambar knows version {FORMAT}: make a new plan",
                head.format
            )));
        }
        let saved: Saved<Plan> =
            serde_json::from_slice(&text).map_err(|error| wrong(format!("it is no plan: {error}")))?;
        if digest(&saved.plan).is_ok_and(|digest| digest == saved.digest) {
            Ok(saved.plan)
        } else {
            Err(wrong("it was changed after it was written: make a new plan".into()))
        }
    }
}

/// What a plan is known by.
fn digest(plan: &Plan) -> Result<Digest, serde_json::Error> {
    Ok(Digest::of(&serde_json::to_vec(plan)?))
}

impl Root {
    /// Makes sure that a saved plan still fits: that it is for this root, that the generation it starts from is
    /// live, and that its package files are what they were.
    ///
    /// # Errors
    /// [`Error::Outdated`] with everything that has moved on, or whatever keeps this from being found out.
    pub fn check_saved(&self, plan: &Plan) -> Result<(), Error> {
        let mut moved = Vec::new();
        let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if resolved(&plan.root.0) != resolved(self.path()) {
            moved.push(format!(
                "it is for the root {}, not {}",
                plan.root.0.display(),
                self.path().display()
            ));
        }
        let live = match self.found()? {
            Some(root) => root.live()?.map(|(record, digest)| (record.number, digest)),
            None => None,
        };
        if live != plan.parent {
            let text = |generation: Option<(u64, Digest)>| {
                generation
                    .map_or_else(|| "no generation".to_owned(), |(number, _)| format!("generation {number}"))
            };
            moved.push(match (plan.parent, live) {
                (Some((planned, _)), Some((live, _))) if planned == live => {
                    format!("generation {live} is another one than it starts from")
                }
                _ => format!("it starts from {}, and {} is live", text(plan.parent), text(live)),
            });
        }
        let files: Vec<&PlannedFile> = plan.items.iter().filter_map(|item| item.file.as_ref()).collect();
        let checked: Vec<Option<String>> = self
            .pool()
            .install(|| files.par_iter().map(|file| changed(file)).collect::<Result<_, Error>>())?;
        moved.extend(checked.into_iter().flatten());
        if moved.is_empty() { Ok(()) } else { Err(Error::Outdated(moved)) }
    }
}

/// What has happened to a package file since it was planned with.
fn changed(file: &PlannedFile) -> Result<Option<String>, Error> {
    let path = &file.path.0;
    match crate::planner::hash(path) {
        Ok(found) if found == (file.length, file.digest) => Ok(None),
        Ok(_) => Ok(Some(format!("{} has other content", path.display()))),
        Err(error) if error.class() == Class::NotFound => Ok(Some(format!("{} is gone", path.display()))),
        Err(error) => Err(error),
    }
}
