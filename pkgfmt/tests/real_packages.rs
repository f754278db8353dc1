//! Real packages read to their end, and say what they should.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use ambar_pkgfmt::relation::{Op, RelationKind, Subject, TargetKind};
use ambar_pkgfmt::{Entry, Format, Limits, Manifest, Node, PackageFile};
use common::{packages, read, shared_data};

#[test]
fn every_package_reads_to_its_end_and_survives_its_encoding() {
    let Some(data) = shared_data() else { return };
    let packages = packages(&data.join("packages"));
    assert!(packages.len() > 50);
    for path in packages {
        let manifest = read(&path).unwrap();
        let encoded = manifest.encode().unwrap();
        let decoded = Manifest::decode(&encoded).unwrap();
        assert_eq!(decoded, manifest, "{}", path.display());
        assert_eq!(decoded.encode().unwrap(), encoded, "{}", path.display());
    }
}

/// The entries without what a zip container cannot say: times and hard links.
fn timeless(manifest: Manifest) -> Vec<Entry> {
    let entries = manifest.entries.into_iter();
    entries.map(|entry| Entry { mtime: None, keep_mtime: false, link_group: 0, ..entry }).collect()
}

#[test]
fn one_package_is_the_same_in_every_container() {
    let Some(data) = shared_data() else { return };
    let synthetic = data.join("packages/synthetic-formats");
    for (name, original) in [
        ("par2cmdline-0.4-4-p13-x86_64", Some("pardus-anka-2013/par2cmdline-0.4-4-p13-x86_64.pisi")),
        ("bind-chroot-9.9.2-36-p11-x86_64", None),
    ] {
        let mut files = vec![
            (synthetic.join(format!("{name}.format10.pisi")), Format::Pisi10),
            (synthetic.join(format!("{name}.format11.pisi")), Format::Pisi11),
            (synthetic.join(format!("{name}.format11-nofmt.pisi")), Format::Pisi11),
        ];
        files.extend(original.map(|original| (data.join("packages").join(original), Format::Pisi12)));
        let expected = timeless(read(&files[0].0).unwrap());
        assert!(!expected.is_empty());
        for (path, format) in files {
            assert_eq!(PackageFile::open(&path, &Limits::default()).unwrap().format(), format);
            assert_eq!(timeless(read(&path).unwrap()), expected, "{}", path.display());
        }
    }
}

#[test]
fn a_package_says_what_its_metadata_says() {
    let Some(data) = shared_data() else { return };
    let path = data.join("packages/pardus-2011/bind-9.9.2-36-p11-x86_64.pisi");
    let package = PackageFile::open(&path, &Limits::default()).unwrap();
    let manifest = read(&path).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.full_version().as_str()), ("bind", "9.9.2-36"));
    assert_eq!((manifest.arch.as_str(), manifest.distribution.as_str()), ("x86_64", "Pardus"));
    assert_eq!(manifest.homepage, "http://www.isc.org/products/BIND/bind9.html");
    assert_eq!(manifest.packager, "Pardus ANKA Admins <pisiciftligi@pardus-linux.org>");
    assert_eq!(manifest.categories, ["service"], "a repeated category counts once");
    assert_eq!(manifest.components, ["server"]);
    assert!(package.translations().summary["tr"].starts_with("Berkeley İnternet"));
    assert_eq!(package.translations().summary.len(), 1, "the package's own text is no translation");

    let needs: Vec<_> = manifest.relations.iter().filter(|r| r.kind == RelationKind::Depends).collect();
    assert_eq!(needs.len(), 1);
    let target = &needs[0].alternatives[0];
    assert_eq!((target.kind, target.name.as_str()), (TargetKind::Package, "bind-libs"));
    assert_eq!((target.constraints[0].subject, target.constraints[0].op), (Subject::Release, Op::Same));
    let provides: Vec<String> = manifest
        .relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::Provides)
        .map(ToString::to_string)
        .collect();
    assert_eq!(provides, ["comar(System.Service)", "comar(System.Package)"]);

    let scripts: Vec<(&str, &str)> =
        manifest.scripts.iter().map(|s| (s.file.as_str(), s.role.as_str())).collect();
    assert_eq!(scripts, [("bind_package.py", "System.Package"), ("service.py", "System.Service")]);
    assert_eq!(package.scripts().len(), 2);
    assert_eq!(package.scripts()[1].len() as u64, manifest.scripts[1].size);

    assert!(manifest.history.len() > 10);
    assert_eq!(manifest.history[2].kinds, ["security"]);
    assert!(manifest.properties.contains(&("pisi.path".into(), "config\t/etc".into())));
    let config = manifest.entries.iter().find(|e| e.path.to_string() == "etc/bind/named.conf").unwrap();
    assert!(config.config);
}

#[test]
fn hard_links_of_real_packages_are_groups() {
    let Some(data) = shared_data() else { return };
    let mut linked = 0;
    for path in packages(&data.join("packages")) {
        let manifest = read(&path).unwrap();
        linked += manifest.entries.iter().filter(|entry| entry.link_group > 0).count();
        for entry in manifest.entries.iter().filter(|entry| entry.link_group > 0) {
            assert!(matches!(entry.node, Node::File { .. }));
        }
    }
    println!("{linked} names in hard-link groups");
    assert!(linked > 0);
}
