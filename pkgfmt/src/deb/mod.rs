//! Debian packages: `.deb`, format 2.
//!
//! `ar` reads the container, `members` its control.tar, `control` and `relations` the control file, `metadata`
//! makes a manifest of it, `conffiles` and `md5sums` are the two lists. [`index`] and [`stanza`] read what a
//! repository says of its packages; control files and indexes share `lines` and [`alternative`]. The payload is a tar
//! (`payload`) and has no list: [`list`](crate::PackageFile::list) makes one from its headers.
//! Opening reads the ar headers and control.tar, and nothing of the payload.
//!
//! | control file | manifest |
//! | --- | --- |
//! | `Package` | `name`, in lower case |
//! | `Version` | `version`, in Debian's order, with epoch and revision; `release` is empty |
//! | `Architecture`, `Homepage`, `Maintainer` | `arch`, `homepage`, `packager` |
//! | `Source` | `source`; the version in parentheses: property `deb.source-version` |
//! | `Section` | `components`: like PiSi's `PartOf`, the one place that a package has in its distribution |
//! | `Description` | `summary` (first line) and `description` (the others, without their first blank; a line ` .` is empty) |
//! | `Depends`, `Pre-Depends`, `Recommends`, `Suggests`, `Enhances` | relations of those kinds, with their alternatives |
//! | `Conflicts`, `Breaks` | relations of those kinds |
//! | `Provides` | `Provides` a package, so that a dependency on that name is met; the version is a constraint `Equal` |
//! | `Replaces` | `Overwrites`: the package may have paths that the other has. Where `Conflicts` names the same package, `Replaces` as well: the other goes, in the versions that both fields admit |
//! | `Multi-Arch`, `Essential`, `Protected`, `Important`, `Priority`, `Installed-Size`, `Tag`, `Built-Using`, and whatever else there is | properties `deb.multi-arch` and so on: `deb.` and the field's name in lower case; the lines of a long value have line breaks between them |
//!
//! An architecture behind a package's name (`perl:any`) is the target's `arch`. A package does not conflict with
//! what it provides itself. Packages of several architectures can be side by side where `deb.multi-arch` is
//! `same`; what else it means is the resolver's to know. There are no licences and categories in a control file.
//!
//! | other members of control.tar | manifest |
//! | --- | --- |
//! | `conffiles` | `config` of the entries; see `conffiles` for those that are not there |
//! | `md5sums` | nothing; [`md5_check`](crate::PackageFile::md5_check) compares |
//! | `preinst`, `postinst`, `prerm`, `postrm`, `config`, `templates`, `triggers`, `shlibs`, `symbols`, and whatever else there is | a script of the system `deb`, its role and file the member's name; never run |
//!
//! Owners are the payload's numbers; its names for them are kept where they are not root's.

pub mod alternative;
mod ar;
mod conffiles;
mod control;
pub mod index;
mod lines;
mod md5sums;
mod members;
mod metadata;
mod relations;
pub mod stanza;
mod words;

use std::collections::BTreeMap;

use crate::digest::Md5Digest;
use crate::error::Problem;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::package::{Draft, Format, Hashed, PayloadSink, Reader, Told};
use crate::path::PayloadPath;
use crate::payload::python::Python;
use crate::payload::{Reading, finish, scan};
use crate::source::Source;
use crate::translations::Translations;

use ar::Archive;
pub(crate) use ar::is_deb;
use conffiles::Conffile;

/// What the file list of a package is called: it is made of the payload's own headers.
const LIST: &str = "the first reading of data.tar";

/// An opened Debian package.
#[derive(Debug)]
pub(crate) struct DebFile {
    limits: Limits,
    archive: Archive,
    draft: Draft,
    /// The draft has its entries.
    listed: bool,
    python: Python,
    translations: Translations,
    scripts: Vec<Vec<u8>>,
    conffiles: Vec<Conffile>,
    md5sums: Option<Vec<u8>>,
}

impl DebFile {
    /// The manifest as the control file alone makes it: without scripts, and without the properties that
    /// `conffiles` adds.
    pub(crate) fn metadata(source: Source, limits: &Limits) -> Result<Manifest, Problem> {
        let archive = Archive::open(source, limits)?;
        let control = control::Control::read(&members::control_alone(&archive, limits)?, limits)?;
        let mut manifest = metadata::manifest(&control, limits)?;
        manifest.normalise();
        manifest.encode()?;
        Ok(manifest)
    }

    /// Reads what the package in `source` says of itself, leaving the payload alone.
    pub(crate) fn open(source: Source, limits: &Limits) -> Result<DebFile, Problem> {
        let archive = Archive::open(source, limits)?;
        let members = members::read(&archive, limits)?;
        let control = control::Control::read(&members.control, limits)?;
        let mut manifest = metadata::manifest(&control, limits)?;
        let conffiles = conffiles::read(&members.conffiles)?;
        manifest.properties.extend(conffiles::to_remove(&conffiles));
        manifest.scripts = members.scripts;
        manifest.normalise();
        // What can never become a manifest is refused before anything else is read.
        manifest.encode()?;
        Ok(DebFile {
            limits: limits.clone(),
            archive,
            draft: Draft { manifest, entries: Vec::new() },
            listed: false,
            python: Python::default(),
            translations: Translations::default(),
            scripts: members.contents,
            conffiles,
            md5sums: members.md5sums,
        })
    }
}

impl Reader for DebFile {
    fn format(&self) -> Format {
        Format::Deb
    }

    fn draft(&self) -> &Draft {
        &self.draft
    }

    fn translations(&self) -> &Translations {
        &self.translations
    }

    fn scripts(&self) -> &[Vec<u8>] {
        &self.scripts
    }

    fn list(&mut self) -> Result<(), Problem> {
        if self.listed {
            return Ok(());
        }
        let data = &self.archive.data;
        let source = self.archive.read(data);
        self.draft.entries = scan(&data.name, source, data.packed, data.compression, &self.limits)?;
        conffiles::mark(&mut self.draft, &self.conffiles);
        self.python = Python::new(&self.draft.entries);
        self.listed = true;
        Ok(())
    }

    fn read_part(&self, _part: usize, sink: &mut dyn PayloadSink) -> Result<Told, Problem> {
        let data = &self.archive.data;
        let mut reading = Reading::new(&self.draft.entries, LIST, &self.python, &self.limits, sink);
        reading.archive(&data.name, self.archive.read(data), data.packed, data.compression)?;
        reading.end().map(Told::Archive)
    }

    fn finish(&self, told: &Told, hashes: &[Option<Hashed>]) -> Result<Manifest, Problem> {
        finish::finish(&self.draft, LIST, &self.python, told, hashes)
    }

    fn md5sums(&self) -> Result<BTreeMap<PayloadPath, Md5Digest>, Problem> {
        self.md5sums.as_deref().map_or_else(|| Ok(BTreeMap::new()), md5sums::read)
    }
}
