//! Verification: everything that the kept generations name is read and hashed again, and the live tree is
//! compared with what it should be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use ambar_pkgfmt::{Instance, Node, PackageId, PayloadPath};
use rayon::prelude::*;

use crate::db::rows::ObjectRow;
use crate::dir::{Dir, is_dir, is_file, is_symlink};
use crate::error::Error;
use crate::holdings::holdings;
use crate::lists::Lists;
use crate::object::{ObjectId, Profile};
use crate::private::hash_file;
use crate::record::{Installed, Record};
use crate::root::Root;
use crate::tree::{Placed, is_machine};
use crate::watch::{Step, Watch};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// What kind of thing it is.
    pub subject: Subject,
    /// Where it lies on disk.
    pub location: PathBuf,
    /// What is wrong.
    pub problem: String,
    /// The packages it concerns, each as an [`Instance`] is shown.
    pub packages: Vec<String>,
    /// The paths it concerns, as the packages have them; a long list is cut.
    pub paths: Vec<PayloadPath>,
}

/// Kinds of things that are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A generation's record.
    Record,
    /// A package's manifest.
    Manifest,
    /// An object.
    Object,
    /// A path of the live tree.
    Tree,
}

/// How many paths of one object are named.
const PATHS_SHOWN: usize = 16;

/// Who names an object.
#[derive(Default)]
struct Users {
    packages: BTreeSet<String>,
    paths: Vec<PayloadPath>,
}

impl Root {
    /// Verifies the root: records, manifests, objects of every kept generation, and the live tree. With
    /// `only`, no more than what concerns those packages. Work is shared by the threads of `pool`.
    ///
    /// # Errors
    /// [`Error`] when it cannot be looked at; what is wrong with it is in the findings, sorted.
    pub fn verify(
        &self,
        only: &[Instance],
        pool: &rayon::ThreadPool,
        watch: &dyn Watch,
    ) -> Result<Vec<Finding>, Error> {
        let wanted = |package: &Installed| is_wanted(only, &package.instance());
        let mut findings = Vec::new();
        let mut packages: BTreeMap<(PackageId, Profile), String> = BTreeMap::new();
        let mut live: Option<Record> = None;
        let current = self.current()?;
        let numbers: BTreeSet<u64> = self.generations()?.into_iter().chain(current).collect();
        for number in numbers {
            match self.record(number) {
                Ok((record, _)) => {
                    packages.extend(
                        record
                            .packages
                            .iter()
                            .filter(|package| wanted(package))
                            .map(|package| ((package.id, package.profile), package.instance().to_string())),
                    );
                    if current == Some(number) {
                        live = Some(record);
                    }
                }
                Err(error) => findings.push(Finding {
                    subject: Subject::Record,
                    location: self.ambar().join(format!("records/{number}")),
                    problem: error.to_string(),
                    packages: Vec::new(),
                    paths: Vec::new(),
                }),
            }
        }
        let mut translations = HashMap::new();
        if let Some(reader) = self.store().read()? {
            for (id, _) in packages.keys() {
                translations.insert(*id, reader.package(*id)?.and_then(|row| row.translations));
            }
        }
        let mut objects: BTreeMap<ObjectId, Users> = BTreeMap::new();
        let mut broken = false;
        for ((id, profile), name) in &packages {
            match self.store().manifest(*id) {
                Ok(manifest) => {
                    let texts = translations.get(id).copied().flatten().map(|digest| (digest, 0));
                    for object in holdings(&manifest, (*id, 0), texts, *profile).into_keys() {
                        objects.entry(object).or_default().packages.insert(name.clone());
                    }
                    for entry in &manifest.entries {
                        if let Some(users) =
                            ObjectId::of_entry(entry, *profile).and_then(|object| objects.get_mut(&object))
                            && users.paths.len() < PATHS_SHOWN
                        {
                            users.paths.push(entry.path.clone());
                        }
                    }
                }
                Err(error) => {
                    broken = true;
                    findings.push(Finding {
                        subject: Subject::Manifest,
                        location: self.store().dir().join("objects"),
                        problem: error.to_string(),
                        packages: vec![name.clone()],
                        paths: Vec::new(),
                    });
                }
            }
        }
        // The rows are read first, and the reader let go: hashing takes long, and holds up nobody.
        let rows: Option<Vec<Option<ObjectRow>>> = match self.store().read()? {
            Some(reader) => Some(objects.keys().map(|id| reader.object(id)).collect::<Result<_, Error>>()?),
            None => None,
        };
        let objects: Vec<(ObjectId, Users)> = objects.into_iter().collect();
        let checked: Vec<Option<Finding>> = pool.install(|| {
            objects
                .par_iter()
                .enumerate()
                .map(|(position, (id, users))| {
                    if watch.cancelled() {
                        return Err(Error::Cancelled);
                    }
                    let row = rows.as_ref().map(|rows| rows[position].as_ref());
                    let finding = self.verify_object(id, users, row)?;
                    watch.step(Step::Object);
                    Ok(finding)
                })
                .collect::<Result<_, Error>>()
        })?;
        findings.extend(checked.into_iter().flatten());
        // Without every manifest nobody can say what the tree should be.
        if let Some(record) = live.filter(|_| !broken) {
            let lists = Lists::of(self, &record, &HashMap::new())?;
            let tree = lists.tree()?;
            let generations = self.ambar().dir("generations")?;
            let name = record.number.to_string();
            let mut walk = Walk { root: self, only, findings: &mut findings };
            match generations.dir_if_any(&name)? {
                Some(dir) => walk.directory(&dir, b"", tree.top())?,
                None => walk.report(&generations, name.as_bytes(), None, "the live tree is missing"),
            }
        }
        findings.sort();
        Ok(findings)
    }

    fn verify_object(
        &self,
        id: &ObjectId,
        users: &Users,
        row: Option<Option<&ObjectRow>>,
    ) -> Result<Option<Finding>, Error> {
        let siblings = row.flatten().map_or(0, |row| row.siblings);
        let shard = self.store().objects().shard(id)?;
        let finding = |location: PathBuf, problem: String| {
            Some(Finding {
                subject: Subject::Object,
                location,
                problem,
                packages: users.packages.iter().cloned().collect(),
                paths: users.paths.clone(),
            })
        };
        if row == Some(None) {
            return Ok(finding(shard.join(id.file_name()), "the database does not know it".into()));
        }
        for sibling in 0..=siblings {
            let name = id.sibling_name(sibling);
            let location = shard.join(&name);
            let Some(stat) = shard.stat(&name)? else {
                return Ok(finding(location, "it is missing".into()));
            };
            if !is_file(&stat) {
                return Ok(finding(location, "it is not a regular file".into()));
            }
            let (length, digest) = match shard.file(&name) {
                Ok(file) => hash_file(&file, &location)?,
                Err(error) => return Ok(finding(location, error.to_string())),
            };
            if digest != id.digest() {
                return Ok(finding(location, format!("its content has digest {digest}, {length} bytes")));
            }
            if Some((stat.st_mode & 0o7777) as u16) != id.mode() {
                return Ok(finding(location, format!("its mode is {:04o}", stat.st_mode & 0o7777)));
            }
            let default = if rustix::process::geteuid().is_root() { Some((0, 0)) } else { None };
            if id.owner().or(default).is_some_and(|owner| owner != (stat.st_uid, stat.st_gid)) {
                return Ok(finding(location, format!("its owner is {}:{}", stat.st_uid, stat.st_gid)));
            }
        }
        Ok(None)
    }
}

/// A walk over the live tree.
/// Whether `only` is about a package; empty, it is about all.
fn is_wanted(only: &[Instance], package: &Instance) -> bool {
    only.is_empty() || only.iter().any(|one| one.excludes(package))
}

struct Walk<'w> {
    root: &'w Root,
    only: &'w [Instance],
    findings: &'w mut Vec<Finding>,
}

impl Walk<'_> {
    fn report(&mut self, dir: &Dir, name: &[u8], placed: Option<Placed<'_, '_>>, problem: impl Into<String>) {
        let packages: Vec<&Instance> = placed.iter().flat_map(Placed::instances).collect();
        let path = placed.and_then(|placed| placed.entry()).map(|entry| entry.path.clone());
        if !self.only.is_empty() && !packages.iter().any(|package| is_wanted(self.only, package)) {
            return;
        }
        self.findings.push(Finding {
            subject: Subject::Tree,
            location: dir.join(name),
            problem: problem.into(),
            packages: packages.iter().map(ToString::to_string).collect(),
            paths: path.into_iter().collect(),
        });
    }

    fn directory(&mut self, dir: &Dir, path: &[u8], placed: Placed<'_, '_>) -> Result<(), Error> {
        let top = path.is_empty();
        let on_disk = dir.list()?;
        for (name, child) in placed.children() {
            // `etc` is the machine's to change, and the machine's directories are not in the tree.
            if top && (name == b"etc" || is_machine(name)) {
                continue;
            }
            let Some(stat) = dir.stat(name)? else {
                if !child.entry().is_some_and(|entry| entry.config) {
                    self.report(dir, name, Some(child), "it is missing");
                }
                continue;
            };
            if child.is_dir() {
                if is_dir(&stat) {
                    let path = if top { name.to_vec() } else { [path, b"/", name].concat() };
                    self.directory(&dir.dir(name)?, &path, child)?;
                } else {
                    self.report(dir, name, Some(child), "it is not a directory");
                }
            } else {
                self.leaf(dir, name, child, &stat)?;
            }
        }
        for (name, _) in on_disk {
            let ours = placed.child(&name).is_some()
                || (top && (name == b"etc" || name == b"usr" || is_machine(&name)))
                || (path == b"usr" && name == b"local");
            if !ours {
                self.report(dir, &name, None, "no package has it");
            }
        }
        Ok(())
    }

    fn leaf(
        &mut self,
        dir: &Dir,
        name: &[u8],
        placed: Placed<'_, '_>,
        stat: &rustix::fs::Stat,
    ) -> Result<(), Error> {
        let Some(entry) = placed.entry() else { return Ok(()) };
        match &entry.node {
            Node::Symlink { target } => {
                if !is_symlink(stat) {
                    self.report(dir, name, Some(placed), "it is not a link");
                } else if dir.read_link(name)?.as_ref() != Some(target) {
                    self.report(dir, name, Some(placed), "it points elsewhere");
                }
            }
            Node::Directory => {}
            Node::File { .. } if entry.config => {}
            Node::File { size, digest } => {
                if !is_file(stat) {
                    self.report(dir, name, Some(placed), "it is not a regular file");
                    return Ok(());
                }
                let shared = match placed.object() {
                    Some(object) => {
                        self.root.store().objects().shard(&object)?.stat(object.file_name())?.is_some_and(
                            |object| (object.st_dev, object.st_ino) == (stat.st_dev, stat.st_ino),
                        )
                    }
                    None => false,
                };
                // What shares the object's inode has been hashed with the object.
                if !shared {
                    let (found_size, found) = hash_file(&dir.file(name)?, &dir.join(name))?;
                    if (found_size, found) != (*size, *digest) {
                        self.report(dir, name, Some(placed), "its content has changed");
                    }
                }
                let mode = placed.profile().metadata(entry).mode;
                if (stat.st_mode & 0o7777) as u16 != mode {
                    let problem = format!("its mode is {:04o}, not {mode:04o}", stat.st_mode & 0o7777);
                    self.report(dir, name, Some(placed), problem);
                }
            }
        }
        Ok(())
    }
}
