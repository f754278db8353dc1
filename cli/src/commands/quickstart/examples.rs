//! The tour with the packages of `examples/`, which are part of the program.

use std::path::{Path, PathBuf};

use super::{Tour, disk};
use crate::failure::Failure;

macro_rules! package {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../../examples/packages/", $name)))
    };
}

/// A package file: its name and its bytes.
type Package = (&'static str, &'static [u8]);

const OLD: [Package; 3] = [
    package!("hello-1.0-1-x1-x86_64.pisi"),
    package!("libgreet-1.0-1-x1-x86_64.pisi"),
    package!("greet-config-1-1-x1-x86_64.pisi"),
];
const NEW: [Package; 2] = [package!("hello-1.1-2-x1-x86_64.pisi"), package!("libgreet-1.2-2-x1-x86_64.pisi")];

/// A file that all three packages have.
const SHARED: &str = "usr/share/doc/hello/COPYING";

pub(super) fn tour(tour: &mut Tour<'_>, place: &Path) -> Result<(), Failure> {
    let old = write(place, &OLD)?;
    let new = write(place, &NEW)?;
    tour.begin();

    tour.heading("Install three packages");
    tour.run(&["install", "-y"], &old)?;
    disk::current(tour)?;
    disk::tree(tour)?;
    disk::greet(tour)?;
    tour.context.line("One file of all three packages is stored once; every name is a link to it:");
    let packages = ["hello", "libgreet", "greet-config"].map(|name| format!("usr/share/doc/{name}/COPYING"));
    disk::links(tour, &packages.map(|path| tour.root.join(path)))?;

    tour.heading("Upgrade: neither package goes without the other");
    tour.run(&["install", "-y"], &new)?;
    disk::current(tour)?;
    disk::greet(tour)?;
    disk::compare(tour, 1, 2)?;
    tour.context.line("What did not change is the same file in both generations:");
    let in_generation = |number: u64| disk::generation(&tour.root, number).join(SHARED);
    disk::links(tour, &[in_generation(1), in_generation(2)])?;

    tour.heading("Ask");
    tour.run(&["list"], &[])?;
    tour.run(&["generations"], &[])?;
    tour.run(&["diff", "1..2"], &[])?;
    tour.run(&["owns", "usr/bin/good-day"], &[])?;

    tour.heading("Go back");
    tour.run(&["rollback", "-y"], &[])?;
    disk::current(tour)?;
    disk::greet(tour)?;

    tour.heading("Verify: everything is read and hashed again");
    tour.run(&["verify"], &[])?;
    tour.run(&["history"], &[])
}

/// Writes packages into `packages/`, and returns their paths.
fn write(place: &Path, packages: &[Package]) -> Result<Vec<PathBuf>, Failure> {
    let directory = place.join("packages");
    std::fs::create_dir_all(&directory).map_err(|error| Failure::system("make", &directory, &error))?;
    packages
        .iter()
        .map(|(name, bytes)| {
            let path = directory.join(name);
            std::fs::write(&path, bytes).map_err(|error| Failure::system("write", &path, &error))?;
            Ok(path)
        })
        .collect()
}
