//! Writing package files: into a file of its own that takes its name when it is complete and durable.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ambar_pkgfmt::pisi::DeltaError;
use ambar_pkgfmt::pisi::filename::{DeltaFileName, PackageFileName};
use ambar_pkgfmt::{
    Contents, Format, Limits, Manifest, PackageFile, PackageId, Parts, Problem, native, pisi,
};
use rayon::ThreadPool;

use crate::error::Error;
use crate::observer::Observer;
use crate::root::thread_pool;

/// A package file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file, or a directory, in which it gets the name that its format gives it. A file of that name is
    /// replaced.
    pub path: PathBuf,
    /// The format.
    pub format: Format,
    /// Level of compression; `None` is the format's own default.
    pub level: Option<i32>,
    /// Threads to compress with; 0 is one for each core. The bytes are the same.
    pub threads: usize,
}

impl Target {
    /// A file whose name tells its format, or that is of `format`.
    ///
    /// # Errors
    /// [`Error::Usage`] where neither tells a format that is written.
    pub fn new(path: &Path, format: Option<Format>) -> Result<Target, Error> {
        let named = || match path.extension().and_then(|extension| extension.to_str()) {
            Some("ambar") => Some(Format::Native),
            Some("pisi" | "eopkg") => Some(Format::Pisi12),
            _ => None,
        };
        let format = format.or_else(named).ok_or_else(|| {
            let what = if path.is_dir() { "the directory" } else { "the name" };
            Error::Usage(format!(
                "{what} {} tells no format that is written: end the file's name in .ambar or .pisi, or give \
                 --format ambar, pisi-1.1 or pisi-1.2",
                path.display()
            ))
        })?;
        match format {
            Format::Native | Format::Pisi11 | Format::Pisi12 => {}
            other => return Err(Error::Usage(format!("packages are not written as {}", other.name()))),
        }
        Ok(Target { path: path.into(), format, level: None, threads: 0 })
    }

    fn check_level(&self) -> Result<(), Error> {
        let levels = if self.format == Format::Native { 1..=22 } else { 0..=9 };
        match self.level {
            Some(level) if !levels.contains(&level) => Err(Error::Usage(format!(
                "level {level}: {} has the levels {} to {}",
                self.format.name(),
                levels.start(),
                levels.end()
            ))),
            _ => Ok(()),
        }
    }

    /// The threads to write with.
    pub(crate) fn pool(&self) -> Result<ThreadPool, Error> {
        thread_pool(self.threads)
    }

    /// The file: where only a directory was given, one that is called after the package.
    fn file(&self, manifest: &Manifest, from: Option<&Manifest>) -> PathBuf {
        if !self.path.is_dir() {
            return self.path.clone();
        }
        let name = match self.format {
            Format::Native => native_name(manifest, from),
            _ => pisi_name(manifest, from),
        };
        // Texts of a package do not choose a directory.
        self.path.join(name.replace('/', ":"))
    }
}

/// `name-version-release-arch.ambar`, and `name-old-to-new-arch.delta.ambar`, without what is not said.
fn native_name(manifest: &Manifest, from: Option<&Manifest>) -> String {
    let version = manifest.full_version();
    let versions =
        from.map_or_else(|| version.clone(), |from| format!("{}-to-{version}", from.full_version()));
    let parts = [&*manifest.name, &versions, &manifest.arch];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}{}.ambar", parts.join("-"), if from.is_some() { ".delta" } else { "" })
}

/// The name in PiSi's newer scheme.
fn pisi_name(manifest: &Manifest, from: Option<&Manifest>) -> String {
    let (name, release, arch) = (manifest.name.clone(), manifest.release.clone(), manifest.arch.clone());
    let distribution_id = manifest.distribution_release.clone();
    match from {
        None => {
            let (version, build) = (manifest.version.clone(), String::new());
            PackageFileName { name, version, release, build, distribution_id, arch }.file_name()
        }
        Some(from) => {
            DeltaFileName { name, from: from.release.clone(), to: release, distribution_id, arch }.file_name()
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub path: PathBuf,
    /// The format.
    pub format: Format,
    /// The package's manifest.
    pub manifest: Manifest,
    /// The package's id, as its manifest has it; a format that cannot say everything makes another package.
    pub package: PackageId,
    /// Length of the file in bytes.
    pub length: u64,
    /// What the format cannot say, in words.
    pub losses: Vec<String>,
}

/// Writes a package. Runs on the threads of the current pool.
pub(crate) fn write(parts: &Parts<'_>, target: &Target, observer: &dyn Observer) -> Result<Written, Error> {
    let contents = Stoppable { contents: parts.contents, observer };
    let parts = &Parts { contents: &contents, ..*parts };
    written(parts, None, target, observer, |out| match target.format {
        Format::Native => Ok(native::write(parts, &native_options(target), out).map(|_| Vec::new())?),
        format => {
            let losses = pisi::write(parts, format, &pisi_options(target), out)?;
            Ok(losses.iter().map(ToString::to_string).collect())
        }
    })
}

/// Writes the delta from one package to another.
pub(crate) fn write_delta(
    old: &Parts<'_>,
    new: &Parts<'_>,
    target: &Target,
    observer: &dyn Observer,
) -> Result<Written, Error> {
    let contents = Stoppable { contents: new.contents, observer };
    let new = &Parts { contents: &contents, ..*new };
    written(new, Some(old.manifest), target, observer, |out| match target.format {
        Format::Native => {
            Ok(native::write_delta(old, new, &native_options(target), out).map(|_| Vec::new())?)
        }
        format => {
            let losses = pisi::write_delta(old.manifest, new, format, &pisi_options(target), out)?;
            Ok(losses.iter().map(ToString::to_string).collect())
        }
    })
}

fn native_options(target: &Target) -> native::WriteOptions {
    let default = native::WriteOptions::default();
    native::WriteOptions { level: target.level.unwrap_or(default.level) }
}

fn pisi_options(target: &Target) -> pisi::WriteOptions {
    let default = pisi::WriteOptions::default();
    let level = target.level.map(|level| u32::try_from(level).unwrap_or(0));
    pisi::WriteOptions { level: level.unwrap_or(default.level) }
}

/// Has `write` fill a new file, makes it durable, and gives it its name.
fn written(
    parts: &Parts<'_>,
    from: Option<&Manifest>,
    target: &Target,
    observer: &dyn Observer,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<Vec<String>, DeltaError>,
) -> Result<Written, Error> {
    target.check_level()?;
    let path = target.file(parts.manifest, from);
    let package = parts.manifest.id().map_err(|error| problem(&path, error.into()))?;
    let directory = directory_of(&path);
    let fail = |operation| {
        let path = path.clone();
        move |source| Error::Io { operation, path, source }
    };
    // The mode is what creating a file would give it; the umask still applies.
    let fresh = tempfile::Builder::new()
        .prefix(".ambar-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .map_err(fail("write"))?;
    let mut out = BufWriter::with_capacity(1 << 20, fresh.as_file());
    let losses = write(&mut out).map_err(|error| match error {
        _ if observer.cancelled() => ambar_store::Error::Cancelled.into(),
        DeltaError::Problem(error) => problem(&path, error),
        reason => Error::NoDelta(reason.to_string()),
    })?;
    out.flush().map_err(fail("write"))?;
    drop(out);
    let length = fresh.as_file().metadata().map_err(fail("look at"))?.len();
    fresh.as_file().sync_all().map_err(fail("make durable"))?;
    // Nobody gets a file that they could not read again.
    PackageFile::open(fresh.path(), &Limits::default())?;
    fresh.persist(&path).map_err(|error| fail("write")(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(fail("make durable"))?;
    Ok(Written { path, format: target.format, manifest: parts.manifest.clone(), package, length, losses })
}

/// The directory that a file is in, or will be.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What kept a package from being written: the system, or something that the format cannot hold, which is no
/// damage of any file.
fn problem(path: &Path, problem: Problem) -> Error {
    match problem {
        Problem::Io { .. } | Problem::Stopped => ambar_pkgfmt::Error { file: path.into(), problem }.into(),
        problem => Error::Usage(format!("cannot write {}: {problem}", path.display())),
    }
}

/// Contents whose reading ends when the observer cancels, so that no writer works on through a large file.
struct Stoppable<'a> {
    contents: &'a dyn Contents,
    observer: &'a dyn Observer,
}

impl Contents for Stoppable<'_> {
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(StoppableRead { inner: self.contents.open(index)?, observer: self.observer }))
    }
}

/// A stream that fails once the observer cancels.
pub(crate) struct StoppableRead<'a, R> {
    pub(crate) inner: R,
    pub(crate) observer: &'a dyn Observer,
}

impl<R: Read> Read for StoppableRead<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.observer.cancelled() {
            true => Err(io::Error::other("cancelled")),
            false => self.inner.read(buffer),
        }
    }
}
