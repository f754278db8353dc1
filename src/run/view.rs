//! What is where inside, as data: a map from absolute paths to what is put there, parents before children.
//!
//! Nothing is ever made in the root or on the host to put something there. Where a directory that is shown
//! lacks a place for something, it is taken apart: an empty directory of the view's own takes its place, and
//! each thing in it is shown by itself.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::error::{Context, RunError};

/// Most entries that a directory may have to be taken apart: each becomes a mount.
const MOST_PARTS: usize = 2000;

/// What is put at one place inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A directory or file from outside.
    Bound {
        /// Where it lies: absolute, and no link on the way.
        source: PathBuf,
        /// Whether it can be written to, as far as its own permissions go.
        writable: bool,
    },
    /// A directory of the view's own, which only holds places for others. It cannot be written to: what were
    /// written there would be lost.
    Places,
    /// A directory of the view's own that can be written to and is gone with the last process inside.
    Volatile {
        /// Its mode.
        mode: u32,
    },
    /// A link.
    Link {
        /// Where it points to.
        target: PathBuf,
    },
}

/// The map.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout(BTreeMap<PathBuf, Shown>);

/// What is at a path of the view.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum At<'l> {
    /// The view has something of its own exactly there.
    Exactly(&'l Shown),
    /// The path is in something bound, and this is where it lies outside.
    Within(PathBuf),
    /// Nothing is there.
    Nothing,
}

impl Layout {
    /// What is put where, parents before children.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Path, &Shown)> {
        self.0.iter().map(|(path, shown)| (path.as_path(), shown))
    }

    /// What is at `path`, which is absolute and plain.
    pub(super) fn at(&self, path: &Path) -> At<'_> {
        match self.holder(path) {
            Some((holder, shown)) if holder == path => At::Exactly(shown),
            Some((holder, Shown::Bound { source, .. })) => {
                let lies = source.join(path.strip_prefix(holder).unwrap_or(path));
                if lies.symlink_metadata().is_ok() { At::Within(lies) } else { At::Nothing }
            }
            _ => At::Nothing,
        }
    }

    /// The deepest place at or above `path` that the view has something of its own at.
    fn holder(&self, path: &Path) -> Option<(&Path, &Shown)> {
        path.ancestors().find_map(|at| self.0.get_key_value(at)).map(|(path, shown)| (path.as_path(), shown))
    }

    /// Puts something at `path`, in the place of whatever is there.
    ///
    /// # Errors
    /// [`RunError::Unplaceable`] when the path leads through a link or a file, or cannot be a place at all.
    pub(super) fn put(&mut self, path: &Path, shown: Shown) -> Result<(), RunError> {
        let source = match &shown {
            Shown::Bound { source, .. } => source.clone(),
            _ => PathBuf::from("a new directory"),
        };
        let refuse = |reason: String| RunError::Unplaceable {
            source_path: source.clone(),
            target: path.into(),
            reason,
        };
        if !is_plain(path) {
            return Err(refuse("the place has to be an absolute path without . and ..".into()));
        }
        let is_dir = |path: &Path| path.metadata().is_ok_and(|about| about.is_dir());
        let wants_dir = match &shown {
            Shown::Bound { source, .. } => Some(is_dir(source)),
            Shown::Places | Shown::Volatile { .. } => Some(true),
            Shown::Link { .. } => None,
        };
        if let (Some(Shown::Bound { source, .. }), Some(wants_dir)) = (self.0.get(path), wants_dir)
            && is_dir(source) != wants_dir
        {
            return Err(refuse(another_kind(wants_dir)));
        }
        // Every turn goes at least one component deeper.
        for _ in 0..=path.components().count() {
            let Some((holder, there)) = self.holder(path) else { break };
            let holder = holder.to_path_buf();
            if holder == path {
                break;
            }
            let rest = path.strip_prefix(&holder).unwrap_or(path).to_path_buf();
            let outer = match there {
                Shown::Places | Shown::Volatile { .. } => break,
                Shown::Link { target } => {
                    return Err(refuse(format!(
                        "{} is a link to {} inside; name the place that it leads to",
                        holder.display(),
                        target.display()
                    )));
                }
                Shown::Bound { source, .. } => source.clone(),
            };
            match missing_part(&outer, &rest) {
                Missing::Nothing(found) if wants_dir == Some(found) => break,
                Missing::Nothing(found) if wants_dir.is_some() => return Err(refuse(another_kind(!found))),
                Missing::Link(at) if at != rest => {
                    return Err(refuse(format!(
                        "{} is a link inside; name the place that it leads to",
                        holder.join(at).display()
                    )));
                }
                Missing::File(at) => {
                    return Err(refuse(format!("{} is no directory inside", holder.join(at).display())));
                }
                // What is at the very place is replaced, which the directory around it has to be taken apart
                // for; and so it has to where something is missing.
                Missing::Nothing(_) | Missing::Link(_) | Missing::Something => {
                    self.take_apart(&holder, Path::new(rest.iter().next().unwrap_or_default()), refuse)?;
                }
            }
        }
        let below: Vec<PathBuf> = self
            .0
            .range(path.to_path_buf()..)
            .map(|(at, _)| at)
            .take_while(|at| at.starts_with(path))
            .cloned()
            .collect();
        for at in below {
            self.0.remove(&at);
        }
        self.add_places_above(path);
        self.0.insert(path.into(), shown);
        Ok(())
    }

    /// Makes directories for a path whose nearest holder is one of the view's own.
    fn add_places_above(&mut self, path: &Path) {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .take_while(|at| *at != Path::new("/") && matches!(self.at(at), At::Nothing))
            .map(Path::to_path_buf)
            .collect();
        for at in missing {
            self.0.insert(at, Shown::Places);
        }
    }

    /// Replaces a bound directory by one of the view's own that shows the same things.
    fn take_apart(
        &mut self,
        at: &Path,
        next: &Path,
        refuse: impl Fn(String) -> RunError,
    ) -> Result<(), RunError> {
        let Some(Shown::Bound { source, writable }) = self.0.get(at).cloned() else { return Ok(()) };
        let mut parts = Vec::new();
        for entry in source.read_dir().on("list", &source)? {
            let entry = entry.on("list", &source)?;
            if parts.len() == MOST_PARTS {
                return Err(refuse(format!(
                    "there is no {} inside, and {} has too much in it to make a place there",
                    at.join(next).display(),
                    source.display()
                )));
            }
            let path = entry.path();
            let kind = entry.file_type().on("look at", &path)?;
            let shown = if kind.is_symlink() {
                Shown::Link { target: path.read_link().on("read the link", &path)? }
            } else {
                Shown::Bound { source: path, writable }
            };
            parts.push((at.join(entry.file_name()), shown));
        }
        // `/run` is volatile by its nature; elsewhere what were written would be lost unexpectedly.
        let is_volatile = writable && at.starts_with("/run");
        let directory = if is_volatile { Shown::Volatile { mode: 0o755 } } else { Shown::Places };
        self.0.insert(at.into(), directory);
        for (path, shown) in parts {
            // What the view has there already stays.
            self.0.entry(path).or_insert(shown);
        }
        Ok(())
    }
}

fn another_kind(wants_dir: bool) -> String {
    match wants_dir {
        true => "a file is there, and this is a directory".into(),
        false => "a directory is there, and this is none".into(),
    }
}

/// Whether a path is absolute, not `/` itself, and has no `.` and `..` in it.
pub(super) fn is_plain(path: &Path) -> bool {
    let mut components = path.components();
    let plain = components.next() == Some(Component::RootDir)
        && components.all(|component| matches!(component, Component::Normal(_)));
    plain && path != Path::new("/")
}

/// How far a path leads in a directory outside.
enum Missing {
    /// It is all there; whether it is a directory.
    Nothing(bool),
    /// Up to this part, a link, it is there.
    Link(PathBuf),
    /// Up to this part, which is no directory and not the last, it is there.
    File(PathBuf),
    /// Something of it is not there.
    Something,
}

fn missing_part(outer: &Path, rest: &Path) -> Missing {
    let mut part = PathBuf::new();
    let mut is_dir = true;
    let mut components = rest.components().peekable();
    while let Some(component) = components.next() {
        part.push(component);
        match outer.join(&part).symlink_metadata() {
            Ok(about) if about.is_symlink() => return Missing::Link(part),
            Ok(about) if !about.is_dir() && components.peek().is_some() => return Missing::File(part),
            Ok(about) => is_dir = about.is_dir(),
            Err(_) => return Missing::Something,
        }
    }
    Missing::Nothing(is_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with `usr/bin/`, `usr/file` and `usr/link → bin` in it.
    fn outside() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        std::fs::write(dir.path().join("usr/file"), "").unwrap();
        std::os::unix::fs::symlink("bin", dir.path().join("usr/link")).unwrap();
        dir
    }

    fn bound(source: impl Into<PathBuf>, writable: bool) -> Shown {
        Shown::Bound { source: source.into(), writable }
    }

    fn with_usr(outside: &Path, writable: bool) -> Layout {
        let mut layout = Layout::default();
        layout.put(Path::new("/usr"), bound(outside.join("usr"), writable)).unwrap();
        layout
    }

    fn lines(layout: &Layout) -> Vec<String> {
        let kind = |shown: &Shown| match shown {
            Shown::Bound { writable, .. } => if *writable { "writable" } else { "bound" }.to_owned(),
            Shown::Places => "places".to_owned(),
            Shown::Volatile { mode } => format!("volatile {mode:o}"),
            Shown::Link { target } => format!("→ {}", target.display()),
        };
        layout.entries().map(|(path, shown)| format!("{} {}", path.display(), kind(shown))).collect()
    }

    #[test]
    fn a_place_that_is_there_is_used_and_one_that_is_not_takes_its_directory_apart() {
        let outside = outside();
        let mut layout = with_usr(outside.path(), false);
        layout.put(Path::new("/usr/bin"), bound("/tmp", true)).unwrap();
        assert_eq!(lines(&layout), ["/usr bound", "/usr/bin writable"]);
        layout.put(Path::new("/usr/new/deep"), bound("/tmp", true)).unwrap();
        assert_eq!(
            lines(&layout),
            [
                "/usr places",
                "/usr/bin writable",
                "/usr/file bound",
                "/usr/link → bin",
                "/usr/new places",
                "/usr/new/deep writable"
            ]
        );
        // What is put later is not hidden by what was there.
        layout.put(Path::new("/usr"), Shown::Volatile { mode: 0o700 }).unwrap();
        assert_eq!(lines(&layout), ["/usr volatile 700"]);
    }

    #[test]
    fn parents_come_before_children() {
        let mut layout = Layout::default();
        for path in ["/a/b/c", "/a-b", "/a", "/a/b"] {
            layout.put(Path::new(path), Shown::Places).unwrap();
        }
        let paths: Vec<&Path> = layout.entries().map(|(path, _)| path).collect();
        assert_eq!(paths, [Path::new("/a"), Path::new("/a/b"), Path::new("/a-b")]);
    }

    #[test]
    fn links_and_files_are_no_places() {
        let outside = outside();
        for (path, reason) in [
            ("/usr/link/x", "is a link inside"),
            ("/usr/file/x", "is no directory inside"),
            ("/usr/file", "a file is there, and this is a directory"),
            ("/", "absolute path"),
            ("usr", "absolute path"),
            ("/usr/../x", "absolute path"),
            ("/bin/x", "/bin is a link to usr/bin inside"),
        ] {
            let mut layout = with_usr(outside.path(), false);
            layout.put(Path::new("/bin"), Shown::Link { target: "usr/bin".into() }).unwrap();
            let before = lines(&layout);
            let error = layout.put(Path::new(path), bound("/tmp", true)).unwrap_err().to_string();
            assert!(error.contains(reason), "{path}: {error}");
            assert_eq!(lines(&layout), before, "{path}");
        }
        let mut layout = with_usr(outside.path(), false);
        // A link at the very place is replaced.
        layout.put(Path::new("/usr/link"), bound("/tmp", true)).unwrap();
        assert!(lines(&layout).contains(&"/usr/link writable".to_owned()), "{layout:?}");
    }

    #[test]
    fn what_is_where_is_known_through_what_is_bound() {
        let outside = outside();
        let mut layout = with_usr(outside.path(), true);
        layout.put(Path::new("/run"), bound(outside.path().join("usr"), true)).unwrap();
        layout.put(Path::new("/run/user/1"), bound("/tmp", true)).unwrap();
        assert_eq!(lines(&layout)[0], "/run volatile 755", "what `/run` lacks can be made there");
        assert_eq!(layout.at(Path::new("/usr/file")), At::Within(outside.path().join("usr/file")));
        assert_eq!(layout.at(Path::new("/usr/no")), At::Nothing);
        assert_eq!(layout.at(Path::new("/run/user")), At::Exactly(&Shown::Places));
        assert_eq!(layout.at(Path::new("/run/user/2")), At::Nothing);
    }

    #[test]
    fn a_directory_with_very_much_in_it_stays_whole() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=MOST_PARTS {
            std::fs::write(dir.path().join(number.to_string()), "").unwrap();
        }
        let mut layout = Layout::default();
        layout.put(Path::new("/much"), bound(dir.path(), false)).unwrap();
        let error = layout.put(Path::new("/much/more"), bound("/tmp", true)).unwrap_err().to_string();
        assert!(error.contains("there is no /much/more inside"), "{error}");
        assert_eq!(lines(&layout), ["/much bound"]);
    }
}
