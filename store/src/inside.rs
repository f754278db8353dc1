//! What a program that runs inside of a root can be shown of it: the tree of one generation, and what at the
//! root's top belongs to the machine.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::error::{Context, Error};
use crate::root::{AMBAR, Root};
use crate::{top, tree};

/// Something directly in a tree or at a root's top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// Its name.
    pub name: Vec<u8>,
    /// Where it really lies: absolute, and no link on the way.
    pub path: PathBuf,
    /// Where it points to, for a link.
    pub target: Option<Vec<u8>>,
}

impl Root {
    /// Where a generation's tree lies: absolute, and no link on the way.
    ///
    /// # Errors
    /// [`Error::NoTree`] when there is none.
    pub fn tree_path(&self, number: u64) -> Result<PathBuf, Error> {
        let path = self.path().join(AMBAR).join("generations").join(number.to_string());
        match path.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::NoTree { number, path }),
            found => found.on("resolve", path),
        }
    }

    /// What a generation itself has at its top, sorted by name; not its links to what is the machine's.
    ///
    /// # Errors
    /// [`Error::NoTree`], or [`Error::Io`].
    pub fn tree_top(&self, number: u64) -> Result<Vec<Inner>, Error> {
        inner(self.tree_path(number)?, |name, _| !tree::is_machine(name))
    }

    /// What at the root's top is not ambar's, sorted by name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn machine_top(&self) -> Result<Vec<Inner>, Error> {
        let path = self.path().canonicalize().on("resolve", self.path())?;
        inner(path, |name, target| {
            let begun = name.strip_prefix(AMBAR.as_bytes());
            let is_ambars = begun.is_some_and(|rest| rest.is_empty() || rest.starts_with(b".new-"));
            !is_ambars && target != Some(&top::target(name))
        })
    }
}

fn inner(dir: PathBuf, wanted: impl Fn(&[u8], Option<&Vec<u8>>) -> bool) -> Result<Vec<Inner>, Error> {
    let opened = crate::dir::Dir::open(&dir)?;
    let mut found = Vec::new();
    for (name, kind) in opened.list()? {
        let is_link = kind == rustix::fs::FileType::Symlink;
        let target = if is_link { opened.read_link(&name)? } else { None };
        if wanted(&name, target.as_ref()) {
            found.push(Inner { path: dir.join(OsStr::from_bytes(&name)), name, target });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
