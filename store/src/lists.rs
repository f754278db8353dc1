//! A generation's list with the manifests behind it.

use std::borrow::Cow;
use std::collections::HashMap;

use ambar_pkgfmt::{Manifest, PackageId};

use crate::error::Error;
use crate::object::Profile;
use crate::record::Installed;
use crate::root::Root;
use crate::tree::Contents;

/// The manifests of a list, read or at hand.
pub(crate) struct Lists<'m> {
    packages: Vec<(Cow<'m, Manifest>, Profile)>,
}

impl<'m> Lists<'m> {
    pub(crate) fn load(
        root: &Root,
        packages: Option<&[Installed]>,
        known: &HashMap<PackageId, &'m Manifest>,
    ) -> Result<Lists<'m>, Error> {
        let read = |package: &Installed| {
            let manifest = match known.get(&package.id) {
                Some(manifest) => Cow::Borrowed(*manifest),
                None => Cow::Owned(root.store().manifest(package.id)?),
            };
            Ok((manifest, package.profile))
        };
        let packages = packages.unwrap_or_default().iter().map(read).collect::<Result<_, Error>>()?;
        Ok(Lists { packages })
    }

    pub(crate) fn contents(&self, overwriting: &[String]) -> Vec<Contents<'_>> {
        self.packages
            .iter()
            .map(|(manifest, profile)| Contents {
                manifest,
                profile: *profile,
                overwrites: overwriting.contains(&manifest.name),
            })
            .collect()
    }
}
