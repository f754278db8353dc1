//! Questions to a root. What is live is answered from the link and the record, so nothing waits for an
//! install.

use std::path::Path;

use ambar_pkgfmt::{Entry, Manifest, Translations};
use ambar_store::{Collected, Finding, Installed, LinkKind, Writer};
use serde::Serialize;

use crate::error::Error;
use crate::observer::{Observer, Watching};
use crate::plan::Item;
use crate::planner::difference;
use crate::root::Root;
use crate::select::{only, select};

/// A generation, as `generations` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// The one that it was made from.
    pub parent: Option<u64>,
    /// When it was made, seconds since 1970.
    pub time: i64,
    /// What was asked for.
    pub cause: String,
    /// Number of its packages.
    pub packages: u64,
    /// Whether it is live.
    pub live: bool,
}

/// One action in a root's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Seconds since 1970.
    pub time: i64,
    /// The generation that became live.
    pub generation: u64,
    /// The one that was live before.
    pub from: Option<u64>,
    /// What was asked for.
    pub cause: String,
}

/// An installed package, with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Details {
    /// What the generation says of it.
    pub installed: Installed,
    /// What it contains and declares.
    pub manifest: Manifest,
    /// Its texts in other languages.
    pub translations: Translations,
}

/// What a root is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Where it is.
    pub root: String,
    /// Where its store is.
    pub store: String,
    /// The live generation.
    pub generation: Option<u64>,
    /// Number of installed packages.
    pub packages: u64,
    /// How trees get their files; `None` where that cannot be tried (a read-only file system, say).
    pub link: Option<LinkKind>,
    /// Whether owners are applied.
    pub privileged: bool,
    /// Objects in the store.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Root {
    /// The packages of the live generation, sorted by name, slot, tag and architecture.
    ///
    /// # Errors
    /// [`Error`] when the record cannot be read.
    pub fn packages(&self) -> Result<Vec<Installed>, Error> {
        Ok(self.live()?.map(|record| record.packages).unwrap_or_default())
    }

    /// The installed packages that `name` means: see [`select`].
    fn installed(&self, name: &str) -> Result<(ambar_store::Root, Vec<Installed>), Error> {
        let Some(root) = self.found()? else {
            return Err(Error::NotInstalled { name: name.into(), similar: Vec::new() });
        };
        let packages = root.live()?.map(|(record, _)| record.packages).unwrap_or_default();
        let found = select(&packages, name)?.into_iter().cloned().collect();
        Ok((root, found))
    }

    /// Installed packages with their manifests. Between the two one may be superseded and collected: then what
    /// is live by now is asked again.
    fn manifests(&self, name: &str) -> Result<(ambar_store::Root, Vec<(Installed, Manifest)>), Error> {
        loop {
            let (root, installed) = self.installed(name)?;
            let read = |package: Installed| {
                let manifest = root.store().manifest(package.id).map_err(|error| (package.id, error))?;
                Ok((package, manifest))
            };
            match installed.into_iter().map(read).collect::<Result<Vec<_>, _>>() {
                Ok(found) => return Ok((root, found)),
                Err((id, error)) => {
                    let live = root.live()?.map(|(record, _)| record.packages).unwrap_or_default();
                    if live.iter().any(|package| package.id == id) {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Everything about the installed package that `name` means: see [`select_one`](crate::select_one).
    ///
    /// # Errors
    /// [`Error::NotInstalled`], [`Error::Ambiguous`] when there are several, or whatever keeps its manifest from
    /// being read.
    pub fn details(&self, name: &str) -> Result<Details, Error> {
        only(name, self.all_details(name)?, |details| &details.installed)
    }

    /// Everything about all installed packages that `name` means, sorted: see [`select`]. There is at least one.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], or whatever keeps a manifest from being read.
    pub fn all_details(&self, name: &str) -> Result<Vec<Details>, Error> {
        let (root, found) = self.manifests(name)?;
        let reader = root.store().read()?;
        let mut all = Vec::new();
        for (installed, manifest) in found {
            let row = reader.as_ref().map(|reader| reader.package(installed.id)).transpose()?.flatten();
            let translations = match row.and_then(|row| row.translations) {
                Some(digest) => root.store().translations(digest)?,
                None => Translations::default(),
            };
            all.push(Details { installed, manifest, translations });
        }
        Ok(all)
    }

    /// The entries of the installed package that `name` means, sorted by path: see [`select_one`](crate::select_one).
    ///
    /// # Errors
    /// As [`details`](Self::details).
    pub fn files(&self, name: &str) -> Result<Vec<Entry>, Error> {
        Ok(only(name, self.all_files(name)?, |(installed, _)| installed)?.1)
    }

    /// The entries of all installed packages that `name` means, sorted by package and path: see [`select`].
    ///
    /// # Errors
    /// As [`all_details`](Self::all_details).
    pub fn all_files(&self, name: &str) -> Result<Vec<(Installed, Vec<Entry>)>, Error> {
        let (_, found) = self.manifests(name)?;
        Ok(found.into_iter().map(|(installed, manifest)| (installed, manifest.entries)).collect())
    }

    /// The installed packages that have a file or link at `path`: as packages write it, as it is below the
    /// root, or as a path of the machine that lies in the root. The path is also followed through the root's
    /// own links, so that `/bin/x` finds `usr/bin/x` where `bin` is a link.
    ///
    /// # Errors
    /// [`Error::NotOwned`] when there is none.
    pub fn owners(&self, path: &Path) -> Result<Vec<Installed>, Error> {
        use std::os::unix::ffi::OsStrExt;
        let not_owned = || Error::NotOwned(path.display().to_string());
        let root = self.found()?.ok_or_else(not_owned)?;
        let Some((record, _)) = root.live()? else { return Err(not_owned()) };
        let mut wanted: Vec<Vec<u8>> = Vec::new();
        let mut want = |path: &Path| {
            let bytes = path.as_os_str().as_bytes();
            let start = bytes.iter().take_while(|&&byte| byte == b'/').count();
            let end = bytes.iter().rev().take_while(|&&byte| byte == b'/').count();
            if start + end < bytes.len() {
                wanted.push(bytes[start..bytes.len() - end].to_vec());
            }
        };
        want(path);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let top = std::path::absolute(self.path()).unwrap_or_else(|_| self.path().to_owned());
        let live = root.ambar().path().join("current");
        let inside = absolute.strip_prefix(&top).unwrap_or(path);
        want(inside);
        // The same path with its directory resolved inside the live tree.
        let below = live.join(inside.strip_prefix("/").unwrap_or(inside));
        if let (Some(parent), Some(name)) = (below.parent(), below.file_name())
            && let (Ok(parent), Ok(live)) = (parent.canonicalize(), live.canonicalize())
            && let Ok(resolved) = parent.strip_prefix(&live)
        {
            want(&resolved.join(name));
        }
        wanted.sort();
        wanted.dedup();
        let mut owners = match root.store().read()? {
            Some(reader) => {
                let mut ids = Vec::new();
                for path in &wanted {
                    for number in reader.owners(path)? {
                        ids.extend(reader.package_id(number)?);
                    }
                }
                record.packages.iter().filter(|package| ids.contains(&package.id)).cloned().collect()
            }
            // The database cannot be read just now: the manifests say the same, more slowly.
            None => {
                let mut owners = Vec::new();
                for package in &record.packages {
                    let manifest = root.store().manifest(package.id)?;
                    let has =
                        |path: &Vec<u8>| manifest.entries.iter().any(|entry| entry.path.as_bytes() == path);
                    if wanted.iter().any(has) {
                        owners.push(package.clone());
                    }
                }
                owners
            }
        };
        // A path that one package took from another is the winner's.
        for choice in &record.overwrites {
            if wanted.iter().any(|wanted| wanted == choice.path.as_bytes()) {
                owners.retain(|package: &Installed| {
                    let instance = package.instance();
                    let lost = choice.others.iter().any(|other| other.excludes(&instance));
                    choice.winner.excludes(&instance) || !lost
                });
            }
        }
        if owners.is_empty() { Err(not_owned()) } else { Ok(owners) }
    }

    /// The generations that there are, oldest first.
    ///
    /// # Errors
    /// [`Error`] when a record cannot be read.
    pub fn generations(&self) -> Result<Vec<Generation>, Error> {
        let Some(root) = self.found()? else { return Ok(Vec::new()) };
        let live = root.current()?;
        let mut generations = Vec::new();
        for number in root.generations()? {
            let record = match root.record(number) {
                Ok((record, _)) => record,
                // Collected since it was listed.
                Err(ambar_store::Error::NoGeneration(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            generations.push(Generation {
                number,
                parent: record.parent,
                time: record.time,
                cause: record.cause,
                packages: record.packages.len() as u64,
                live: live == Some(number),
            });
        }
        Ok(generations)
    }

    /// What changes from generation `from` to generation `to`, sorted by package.
    ///
    /// # Errors
    /// [`Error`] with `NoGeneration` for one that is not there.
    pub fn diff(&self, from: u64, to: u64) -> Result<Vec<Item>, Error> {
        let root = self.found()?.ok_or(ambar_store::Error::NoGeneration(from))?;
        difference(root.store(), &root.record(from)?.0, &root.record(to)?.0)
    }

    /// The last actions, oldest first.
    ///
    /// # Errors
    /// [`Error`]. Where the database cannot be read just now, only what made each generation.
    pub fn history(&self) -> Result<Vec<Action>, Error> {
        let Some(root) = self.found()? else { return Ok(Vec::new()) };
        let Some(reader) = root.store().read()? else {
            // The database cannot be read just now: the records tell at least what made each generation.
            let made = |generation: Generation| Action {
                time: generation.time,
                generation: generation.number,
                from: generation.parent,
                cause: generation.cause,
            };
            return Ok(self.generations()?.into_iter().map(made).collect());
        };
        let rows = reader.journal(root.id())?;
        let action = |row: ambar_store::db::rows::JournalRow| Action {
            time: row.time,
            generation: row.generation,
            from: row.from,
            cause: row.cause,
        };
        Ok(rows.into_iter().map(action).collect())
    }

    /// What this root is.
    ///
    /// # Errors
    /// [`Error`]; with `NotFound` class where there is no root yet.
    pub fn about(&self) -> Result<About, Error> {
        let root = self.found()?.ok_or_else(|| Error::Io {
            operation: "find a root at",
            path: self.path().into(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let (mut objects, mut bytes) = (0, 0);
        if let Some(reader) = root.store().read()? {
            reader.each_object(|_, row| {
                objects += 1;
                bytes += row.length;
                Ok(())
            })?;
        }
        Ok(About {
            root: self.path().display().to_string(),
            store: root.store().dir().path().display().to_string(),
            generation: root.current()?,
            packages: root.live()?.map_or(0, |(record, _)| record.packages.len() as u64),
            link: LinkKind::probe(&root).ok(),
            privileged: root.store().is_privileged()?,
            objects,
            bytes,
        })
    }

    /// Verifies the root, or only what concerns the packages named; see [`Finding`].
    ///
    /// # Errors
    /// [`Error::NotInstalled`] for a name that is not, or whatever keeps the root from being looked at.
    pub fn verify(&self, names: &[String], observer: &dyn Observer) -> Result<Vec<Finding>, Error> {
        let mut only = Vec::new();
        for name in names {
            only.extend(self.installed(name)?.1.iter().map(Installed::instance));
        }
        let Some(root) = self.found()? else { return Ok(Vec::new()) };
        Ok(root.verify(&only, self.pool(), &Watching(observer))?)
    }

    /// Collects: generations beyond the newest `keep` (the root's own policy when `None`), and what only they
    /// named. With `dry_run` it only says what would go.
    ///
    /// # Errors
    /// [`Error`]; what was not taken can be taken later.
    pub fn collect(
        &self,
        keep: Option<u64>,
        dry_run: bool,
        observer: &dyn Observer,
    ) -> Result<Collected, Error> {
        let Some(root) = self.found()? else { return Ok(Collected::default()) };
        let keep = match keep.unwrap_or(root.config().keep) {
            0 => u64::MAX,
            keep => keep,
        };
        if dry_run {
            return Ok(root.collectable(keep)?);
        }
        drop(root);
        let (root, _) = self.made()?;
        Ok(Writer::begin(&root, &Watching(observer))?.collect(keep)?)
    }
}

/// The names that are close to `name`, closest first, at most three.
#[must_use]
pub fn similar<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut close: Vec<(f64, &str)> = known
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(score, _)| *score > 0.84)
        .collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    // Several packages may have one name.
    close.dedup_by_key(|(_, known)| *known);
    close.into_iter().take(3).map(|(_, known)| known.to_owned()).collect()
}
