//! A generation's list with the manifests behind it: what its tree is merged from.

use std::borrow::Cow;
use std::collections::HashMap;

use ambar_pkgfmt::{Instance, Manifest, PackageId};

use crate::error::Error;
use crate::object::Profile;
use crate::record::{Installed, Overwrite, Record};
use crate::root::Root;
use crate::tree::{Contents, Tree};

/// Manifests that are at hand and need not be read.
pub(crate) type Known<'m> = HashMap<PackageId, &'m Manifest>;

/// The packages of a generation, with their manifests (read, or at hand) and the choices made among them.
pub(crate) struct Lists<'m> {
    packages: Vec<(PackageId, Cow<'m, Manifest>, Profile)>,
    overwrites: &'m [Overwrite],
}

impl<'m> Lists<'m> {
    /// The list of a record.
    pub(crate) fn of(root: &Root, record: &'m Record, known: &Known<'m>) -> Result<Lists<'m>, Error> {
        Lists::load(root, &record.packages, &record.overwrites, known)
    }

    /// A list that has no record yet.
    pub(crate) fn load(
        root: &Root,
        packages: &[Installed],
        overwrites: &'m [Overwrite],
        known: &Known<'m>,
    ) -> Result<Lists<'m>, Error> {
        let read = |package: &Installed| {
            let manifest = match known.get(&package.id) {
                Some(manifest) => Cow::Borrowed(*manifest),
                None => Cow::Owned(root.store().manifest(package.id)?),
            };
            Ok((package.id, manifest, package.profile))
        };
        let packages = packages.iter().map(read).collect::<Result<_, Error>>()?;
        Ok(Lists { packages, overwrites })
    }

    /// Its manifests, for another list that has some of the same packages.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (PackageId, &Manifest)> {
        self.packages.iter().map(|(id, manifest, _)| (*id, &**manifest))
    }

    /// Its tree.
    ///
    /// # Errors
    /// As [`Tree::merge`].
    pub(crate) fn tree(&self) -> Result<Tree<'_>, Error> {
        self.tree_with(&[])
    }

    /// Its tree, when these packages take paths from others.
    ///
    /// # Errors
    /// As [`Tree::merge`].
    pub(crate) fn tree_with(&self, overwriting: &[Instance]) -> Result<Tree<'_>, Error> {
        let contents = self.packages.iter().map(|(_, manifest, profile)| Contents {
            manifest,
            profile: *profile,
            overwrites: !overwriting.is_empty() && overwriting.contains(&manifest.instance()),
            listed: false,
        });
        Tree::merge(contents.collect(), self.overwrites)
    }
}
