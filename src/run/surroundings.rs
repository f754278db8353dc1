//! What is shown: decided here, before anything is done.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use ambar_store::Found;

use super::error::{Context, RunError};
use super::view::{At, Layout, Shown, is_plain};
use super::{Options, View};
use crate::error::Error;

/// What of the host's is shown whole, under its own path, and takes the place of the root's own.
const HOST: [&str; 4] = ["dev", "proc", "sys", "tmp"];

/// Files of the host's `/etc` that are shown where the generation has none: names of hosts and users, the time
/// zone, and whom to trust. Without them a program finds no network and does not know whose it is.
const HOST_ETC: [&str; 9] = [
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "localtime",
    "machine-id",
    "passwd",
    "resolv.conf",
    "ssl/certs/ca-certificates.crt",
];

/// Sockets of the host's that programs look for under these paths.
const HOST_RUN: [&str; 1] = ["/run/dbus/system_bus_socket"];

impl View {
    /// What a program of the root at `path` is to see.
    ///
    /// # Errors
    /// [`RunError::NoRoot`], [`RunError::Empty`] in a root without a generation, [`RunError::Unplaceable`] for what is asked for and
    /// cannot be shown, or whatever keeps the root from being read.
    pub fn of(path: &Path, options: &Options) -> Result<View, Error> {
        let root = match ambar_store::Root::find(path)? {
            Found::Root(root) => root,
            Found::Nothing if path.is_dir() => return Err(RunError::Empty { root: path.into() }.into()),
            Found::Nothing => return Err(RunError::NoRoot { root: path.into() }.into()),
        };
        loop {
            let generation = match options.generation {
                // Only what was committed is a generation.
                Some(number) => root.record(number).map(|(record, _)| record.number)?,
                None => root.current()?.ok_or_else(|| RunError::Empty { root: path.into() })?,
            };
            match View::of_generation(&root, generation, options) {
                // Superseded and collected since the link was read.
                Err(Error::Store(ambar_store::Error::NoTree { .. }))
                    if options.generation.is_none() && root.current()? != Some(generation) => {}
                view => return view,
            }
        }
    }

    fn of_generation(root: &ambar_store::Root, generation: u64, options: &Options) -> Result<View, Error> {
        let mut view = View {
            root: root.path().canonicalize().on("resolve", root.path())?,
            generation,
            tree: root.tree_path(generation)?,
            layout: Layout::default(),
            starts: Vec::new(),
            must_start: options.start.is_some(),
            notes: Vec::new(),
        };
        let mut own = BTreeSet::from([PathBuf::from("/etc")]);
        for inner in root.tree_top(generation)? {
            own.insert(top_path(&inner.name));
            view.show_top(inner, false)?;
        }
        for inner in root.machine_top()? {
            // What the generation has is never also the machine's; and some names are the host's.
            let taken = !matches!(view.layout.at(&top_path(&inner.name)), At::Nothing);
            if !taken && !HOST.iter().any(|name| inner.name == name.as_bytes()) {
                view.show_top(inner, true)?;
            }
        }
        view.show_host()?;
        view.show_etc()?;
        view.show_home(options);
        for (source, target) in &options.binds {
            let source = source.canonicalize().on("show", source)?;
            view.layout.put(target, Shown::Bound { source, writable: true })?;
        }
        view.choose_start(options, &own);
        Ok(view)
    }

    fn show_top(&mut self, inner: ambar_store::Inner, writable: bool) -> Result<(), RunError> {
        let shown = match inner.target {
            // A name of the machine's may be a link to where there is more room; inside, that is not there.
            Some(_) if writable && ambar_store::is_machine(&inner.name) && inner.path.is_dir() => {
                Shown::Bound { source: inner.path.canonicalize().on("resolve", &inner.path)?, writable }
            }
            Some(target) => Shown::Link { target: PathBuf::from(OsStr::from_bytes(&target)) },
            None => Shown::Bound { source: inner.path, writable },
        };
        self.layout.put(&top_path(&inner.name), shown)
    }

    /// `/dev` and the like, and something in the place of what the root lacks.
    fn show_host(&mut self) -> Result<(), RunError> {
        for name in HOST {
            let path = Path::new("/").join(name);
            match path.canonicalize() {
                Ok(source) => self.layout.put(&path, Shown::Bound { source, writable: true })?,
                Err(_) => self.layout.put(&path, Shown::Places)?,
            }
        }
        if matches!(self.layout.at(Path::new("/run")), At::Nothing) {
            self.layout.put(Path::new("/run"), Shown::Volatile { mode: 0o755 })?;
        }
        if matches!(self.layout.at(Path::new("/var")), At::Nothing) {
            self.layout.put(Path::new("/var/tmp"), Shown::Volatile { mode: 0o1777 })?;
        }
        Ok(())
    }

    /// The host's files of `/etc` that the generation has none of.
    fn show_etc(&mut self) -> Result<(), RunError> {
        for name in HOST_ETC {
            let path = Path::new("/etc").join(name);
            let Ok(source) = path.canonicalize() else { continue };
            if !source.is_file() || self.leads_somewhere(&path) {
                continue;
            }
            // A generation whose `/etc` is arranged in another way does without.
            match self.layout.put(&path, Shown::Bound { source, writable: false }) {
                Ok(()) | Err(RunError::Unplaceable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a path inside leads to something, through links as well.
    fn leads_somewhere(&self, path: &Path) -> bool {
        let mut path = path.to_path_buf();
        // As many links as the kernel follows.
        for _ in 0..40 {
            let target = match self.layout.at(&path) {
                At::Nothing => return false,
                At::Exactly(Shown::Link { target }) => target.clone(),
                At::Exactly(_) => return true,
                At::Within(lies) => match lies.read_link() {
                    Ok(target) => target,
                    Err(_) => return true,
                },
            };
            path = plain(&path.parent().unwrap_or(Path::new("/")).join(target));
        }
        false
    }

    /// The home directory, and where the user's sockets are.
    fn show_home(&mut self, options: &Options) {
        if let Some(home) = options.home.as_deref() {
            if home == Path::new("/") {
                // Somebody without a home, and so without one to hide.
            } else if !is_plain(home) {
                self.notes.push(format!(
                    "the home directory {} is not shown: it is no absolute path without . and ..",
                    home.display()
                ));
            } else if options.hide_home {
                let put = self.layout.put(home, Shown::Volatile { mode: 0o700 });
                self.note(put);
            } else if let Ok(source) = home.canonicalize() {
                self.show_same(home, source);
            }
        }
        if let Some(runtime) = options.runtime.as_deref().filter(|runtime| is_plain(runtime))
            && let Ok(source) = runtime.canonicalize()
        {
            self.show_same(runtime, source);
        }
        for socket in HOST_RUN {
            if let Ok(source) = Path::new(socket).canonicalize() {
                self.show_same(Path::new(socket), source);
            }
        }
    }

    /// Shows something of the host's under its own path, unless it is there already.
    fn show_same(&mut self, path: &Path, source: PathBuf) {
        if !self.is_shown(path, &source) {
            let put = self.layout.put(path, Shown::Bound { source, writable: true });
            self.note(put);
        }
    }

    /// Whether a path inside is this very thing of the host's.
    fn is_shown(&self, path: &Path, source: &Path) -> bool {
        let shown = match self.layout.at(path) {
            At::Exactly(Shown::Bound { source, writable: true }) => source.clone(),
            At::Within(lies) => lies,
            _ => return false,
        };
        match (shown.metadata(), source.metadata()) {
            (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
            _ => false,
        }
    }

    fn note(&mut self, done: Result<(), RunError>) {
        self.notes.extend(done.err().map(|error| error.to_string()));
    }

    /// Where to start, the best first, and the working directory shown if it has to be; not in the middle of
    /// what is the generation's own.
    fn choose_start(&mut self, options: &Options, own: &BTreeSet<PathBuf>) {
        let home = options.home.clone().filter(|home| is_plain(home));
        let Some(here) = options.directory.as_deref().filter(|here| here.is_absolute()) else {
            self.starts.extend(options.start.clone().or(home));
            return;
        };
        if let Some(start) = &options.start {
            self.starts.push(plain(&here.join(start)));
        }
        if is_plain(here)
            && let Ok(source) = here.canonicalize()
            && !self.is_shown(here, &source)
        {
            // What the root has there is what its programs have to see.
            if !matches!(self.layout.at(here), At::Nothing) {
                if !self.must_start {
                    self.notes.push(format!(
                        "{} is the root's own inside, not the host's: --bind shows that one elsewhere",
                        here.display()
                    ));
                }
            } else if !here.ancestors().any(|above| own.contains(above)) {
                self.show_same(here, source);
            }
        }
        if !self.must_start {
            self.starts.push(here.into());
            self.starts.extend(home);
        }
    }
}

fn top_path(name: &[u8]) -> PathBuf {
    Path::new("/").join(OsStr::from_bytes(name))
}

/// A path without `.` and `..`, as at the top of everything, links not looked at.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => drop(plain.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}
