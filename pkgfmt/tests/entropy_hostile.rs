//! Packages of Entropy and Portage that lie, all of them built here.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;

use ambar_pkgfmt::relation::RelationKind;
use ambar_pkgfmt::{Error, Limits, Manifest, PackageFile, Problem};
use common::HashingSink;
use common::build::{file, gzip, hard_link, symlink, tar, tar_member};
use common::entropy::*;
use rusqlite::Connection;

const MARK: &[u8] = b"|ENTROPY:PROJECT:DB:MAGIC:START|";

/// The schema that Entropy's packages have had since 2012, as far as it matters.
const SCHEMA: &str = "
    CREATE TABLE baseinfo (idpackage INTEGER PRIMARY KEY AUTOINCREMENT, atom VARCHAR, category VARCHAR,
        name VARCHAR, version VARCHAR, versiontag VARCHAR, revision INTEGER, branch VARCHAR, slot VARCHAR,
        license VARCHAR, etpapi INTEGER, trigger INTEGER);
    CREATE TABLE extrainfo (idpackage INTEGER PRIMARY KEY, description VARCHAR, homepage VARCHAR,
        download VARCHAR, size VARCHAR, chost VARCHAR, cflags VARCHAR, cxxflags VARCHAR, digest VARCHAR,
        datecreation VARCHAR);
    CREATE TABLE dependencies (idpackage INTEGER, iddependency INTEGER, type INTEGER);
    CREATE TABLE dependenciesreference (iddependency INTEGER PRIMARY KEY AUTOINCREMENT, dependency VARCHAR);
    CREATE TABLE conflicts (idpackage INTEGER, conflict VARCHAR);
    CREATE TABLE provide (idpackage INTEGER, atom VARCHAR, is_default INTEGER DEFAULT 0);
    CREATE TABLE configprotect (idpackage INTEGER PRIMARY KEY, idprotect INTEGER);
    CREATE TABLE configprotectmask (idpackage INTEGER PRIMARY KEY, idprotect INTEGER);
    CREATE TABLE configprotectreference (idprotect INTEGER PRIMARY KEY AUTOINCREMENT, protect VARCHAR);
    CREATE TABLE triggers (idpackage INTEGER PRIMARY KEY, data BLOB);
    CREATE TABLE packagechangelogs (category VARCHAR, name VARCHAR, changelog BLOB, PRIMARY KEY (category, name));
    CREATE TABLE settings (setting_name VARCHAR, setting_value VARCHAR, PRIMARY KEY (setting_name));
    CREATE INDEX conflicts_index ON conflicts (idpackage);
    INSERT INTO baseinfo VALUES (7, 'app-misc/hello-1.2-r3', 'app-misc', 'hello', '1.2-r3', '4.9.0-sabayon', 5,
        '5', '4.9.0-sabayon', 'GPL-2 MIT', 3, 1);
    INSERT INTO extrainfo VALUES (7, 'Says hello', 'http://example.org', 'packages/arm/5/hello.tbz2', '1',
        'arm-linux', '-O2', '-O2', 'x', '1.0');
    INSERT INTO settings VALUES ('arch', 'amd64');
    INSERT INTO dependencies VALUES (7, 1, 0), (7, 2, 1), (7, 3, 3), (7, 4, 2), (7, 5, 9), (8, 6, 0);
    INSERT INTO dependenciesreference VALUES (1, '( dev-libs/a & >=dev-libs/b-1 ) | dev-libs/c'), (2, 'app/post'),
        (3, 'app/build'), (4, 'app/x;app/y?'), (5, 'app/odd'), (6, 'app/of-another');
    INSERT INTO conflicts VALUES (7, '!<app/old-2'), (8, 'app/of-another');
    INSERT INTO provide VALUES (7, 'virtual/greeter', 1);
    INSERT INTO configprotect VALUES (7, 1);
    INSERT INTO configprotectmask VALUES (7, 2);
    INSERT INTO configprotectreference VALUES (1, '/etc /usr/share/hello'), (2, '/etc/env.d');
    INSERT INTO triggers VALUES (7, CAST('#!/bin/sh' AS BLOB));";

/// The usual values, those of `others` in the place of their namesakes.
fn values<'v>(others: &[(&'v str, &'v [u8])]) -> Vec<(&'v str, &'v [u8])> {
    let mut all: Vec<(&str, &[u8])> =
        VALUES.iter().copied().filter(|(name, _)| !others.iter().any(|(other, _)| other == name)).collect();
    all.extend(others);
    all
}

fn payload() -> Vec<u8> {
    bzip2(&tar(&members()))
}

fn members() -> Vec<Vec<u8>> {
    vec![
        tar_member(tar::EntryType::Directory, "./", "", b"", 0o755),
        tar_member(tar::EntryType::Directory, "./etc/", "", b"", 0o755),
        file("./etc/hello.conf", b"a = 1\n"),
        file("./etc/env.d/50hello", b"A=1\n"),
        file("./usr/share/hello/text", b"hello\n"),
        hard_link("./usr/share/hello/again", "./usr/share/hello/text"),
        symlink("./usr/share/hello/link", "text"),
    ]
}

fn package(others: &[(&str, &[u8])]) -> Vec<u8> {
    assemble(&payload(), &xpak(&values(others)))
}

fn database(change: &str) -> Vec<u8> {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection.execute_batch(change).unwrap();
    connection.serialize("main").unwrap().to_vec()
}

fn with_database(database: &[u8]) -> Vec<u8> {
    [&package(&[]), MARK, database].concat()
}

fn open(bytes: &[u8], limits: &Limits) -> Result<PackageFile, Error> {
    PackageFile::from_bytes(Path::new("hello.tbz2"), Arc::new(bytes.to_vec()), limits)
}

fn read_with(bytes: &[u8], limits: &Limits) -> Result<Manifest, Error> {
    let mut package = open(bytes, limits)?;
    package.list()?;
    let mut sink = HashingSink::new(package.draft());
    let payload = package.read_payload(&mut sink)?;
    package.finish(&payload, &sink.hashes)
}

fn read(bytes: &[u8]) -> Manifest {
    read_with(bytes, &Limits::default()).unwrap()
}

#[track_caller]
fn refused_with(bytes: &[u8], limits: &Limits, words: &str) -> Problem {
    let problem = read_with(bytes, limits).unwrap_err().problem;
    assert!(problem.to_string().contains(words), "{problem}");
    problem
}

#[track_caller]
fn refused(bytes: &[u8], words: &str) {
    refused_with(bytes, &Limits::default(), words);
}

fn property<'m>(manifest: &'m Manifest, key: &str) -> Vec<&'m str> {
    let properties = manifest.properties.iter().filter(|(name, _)| name == key);
    properties.map(|(_, value)| value.as_str()).collect()
}

fn relations(manifest: &Manifest, kind: RelationKind) -> Vec<String> {
    manifest.relations.iter().filter(|relation| relation.kind == kind).map(ToString::to_string).collect()
}

#[test]
fn an_honest_package_reads() {
    let manifest = read(&package(&[]));
    assert_eq!((manifest.name.as_str(), manifest.full_version().as_str()), ("app-misc/hello", "1.2-r3"));
    assert_eq!((manifest.slot.as_str(), property(&manifest, "portage.subslot")[0]), ("0", "2.1"));
    assert_eq!(property(&manifest, "portage.use"), ["-doc amd64 ssl"]);
    assert_eq!(relations(&manifest, RelationKind::Depends), ["dev-libs/openssl (slot = 0)"]);
    assert_eq!(manifest.entries.len(), 6);
    assert!(manifest.entries.iter().all(|entry| !entry.config), "nothing says what is protected");
    let groups: Vec<u32> = manifest.entries.iter().map(|entry| entry.link_group).collect();
    assert_eq!(groups.iter().filter(|group| **group == 1).count(), 2);
}

#[test]
fn an_honest_database_reads() {
    let package = with_database(&database(""));
    let manifest = read(&package);
    assert_eq!((manifest.tag.as_str(), manifest.release.as_str()), ("4.9.0-sabayon", "5"));
    assert_eq!((manifest.slot.as_str(), manifest.arch.as_str()), ("4.9.0-sabayon", "amd64"));
    assert_eq!(manifest.licences, ["GPL-2", "MIT"]);
    assert_eq!(
        relations(&manifest, RelationKind::Depends),
        ["dev-libs/a | dev-libs/c", "dev-libs/b (>= 1) | dev-libs/c", "app/post", "app/x | app/y"]
    );
    assert_eq!(relations(&manifest, RelationKind::BuildDepends), ["app/build"]);
    assert_eq!(relations(&manifest, RelationKind::Conflicts), ["app/old (< 2)"]);
    assert_eq!(relations(&manifest, RelationKind::Provides), ["virtual/greeter"]);
    assert_eq!(property(&manifest, "entropy.unread-dependency"), ["9\tapp/odd"]);
    let config: Vec<String> =
        manifest.entries.iter().filter(|entry| entry.config).map(|entry| entry.path.to_string()).collect();
    assert_eq!(config, ["etc/hello.conf", "usr/share/hello/again", "usr/share/hello/text"]);
    let scripts: Vec<&str> = manifest.scripts.iter().map(|script| script.role.as_str()).collect();
    assert_eq!(scripts, ["environment", "ebuild", "trigger"]);
}

#[test]
fn the_database_counts_where_it_and_the_xpak_disagree() {
    let renamed = database("UPDATE baseinfo SET category = 'app-text', name = 'greeter'");
    let manifest = read(&with_database(&renamed));
    assert_eq!(manifest.name, "app-text/greeter");
    assert_eq!(property(&manifest, "xpak.CATEGORY"), ["app-misc"]);
    assert_eq!(property(&manifest, "xpak.PF"), ["hello-1.2-r3"]);
}

#[test]
fn a_package_that_ends_early_is_refused_wherever_it_ends() {
    let whole = with_database(&database(""));
    let xpak_only = package(&[]).len();
    // Pages of the database are refused as a whole; every byte matters before them.
    let lengths = (0..xpak_only + 200).chain((xpak_only + 200..whole.len()).step_by(997));
    for length in lengths.filter(|&length| length != xpak_only) {
        assert!(read_with(&whole[..length], &Limits::default()).is_err(), "{length} bytes");
    }
    read(&whole[..xpak_only]);
}

#[test]
fn what_follows_the_end_is_refused() {
    refused(&[&package(&[])[..], b"x"].concat(), "no xpak at its end");
    let whole = with_database(&database(""));
    refused(&[&whole[..], b"x"].concat(), "no whole number of pages");
    refused(&[&whole[..], &[0; 4096]].concat(), "does not end where it says");
    refused(&whole[..whole.len() - 4096], "does not end where it says");
}

#[test]
fn an_xpak_that_lies_about_its_lengths_is_refused() {
    let honest = package(&[]);
    let at = honest.len() - 8;
    for length in [0, 23, 24, honest.len() as u32, 1 << 31, u32::MAX] {
        let mut bytes = honest.clone();
        bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
        refused(&bytes, "the xpak");
    }
    let start = payload().len();
    for offset in [8, 12] {
        for length in [0, 1 << 31, u32::MAX] {
            let mut bytes = honest.clone();
            bytes[start + offset..start + offset + 4].copy_from_slice(&length.to_be_bytes());
            refused(&bytes, "its parts do not add up");
        }
    }
    let mut bytes = honest.clone();
    bytes[start] = b'Y';
    refused(&bytes, "magic words");
}

#[test]
fn an_index_that_lies_is_refused() {
    let of = |index: &[u8], data: &[u8]| assemble(&payload(), &segment(index, data));
    refused(&of(&index(b"PF", 0, 5), b"a-1\n"), "outside the data");
    refused(&of(&index(b"PF", 4, 1), b"a-1\n"), "outside the data");
    refused(&of(&index(b"PF", u32::MAX, u32::MAX), b"a-1\n"), "outside the data");
    refused(&of(&index(b"PF", 0, 3), b"a-1\n"), "after its last value");
    refused(&of(&index(b"PF", 1, 3), b"a-1\n"), "overlap or leave gaps");
    refused(&of(&[index(b"A", 0, 3), index(b"B", 2, 2)].concat(), b"a-1\n"), "overlap or leave gaps");
    refused(&of(&[index(b"A", 0, 2), index(b"A", 2, 2)].concat(), b"a-1\n"), "twice");
    refused(&of(&[0xff; 4], b""), "ends inside an entry");
    refused(&of(&index(b"PF", 0, 4)[..9], b"a-1\n"), "ends inside an entry");
    for name in [&b""[..], b"..", b".", b"a/b", b"a\0", b"\xff", b"a\n", &[b'a'; 256]] {
        refused(&of(&index(name, 0, 4), b"a-1\n"), "not the name of a value");
    }
    refused(&of(&[], b""), "no PF");
}

#[test]
fn a_name_that_is_none_is_refused() {
    for category in [&b""[..], b"..", b"../x", b"a/b", b"a b", b"-a", b"a\0b", b"\xff", b"a\nb", b"a:b"] {
        refused(&package(&[("CATEGORY", category)]), "category and name");
    }
    for full in [&b""[..], b"hello", b"-1", b"hello-1.2-r", b"hello-A"] {
        refused(&package(&[("PF", full)]), "its metadata");
    }
    for full in [&b"../x-1"[..], b"a/b-1", b"a b-1"] {
        refused(&package(&[("PF", full)]), "category and name");
    }
    refused(&package(&[("SLOT", b"0\n1")]), "slot");
    refused(&package(&[("CHOST", b"x/y")]), "architecture");
    for (column, value) in [
        ("name", "'../x'"),
        ("name", "NULL"),
        ("category", "'..'"),
        ("category", "x'ff'"),
        ("version", "'1/2'"),
        ("version", "''"),
        ("version", "-1"),
        ("versiontag", "'a/b'"),
        ("revision", "-1"),
        ("revision", "'x'"),
        ("slot", "'a b'"),
    ] {
        refused(
            &with_database(&database(&format!("UPDATE baseinfo SET {column} = {value}"))),
            "its metadata",
        );
    }
}

#[test]
fn a_database_that_is_none_is_refused() {
    refused(&with_database(b""), "the database: it ends early");
    refused(&with_database(&[0; 4096]), "no SQLite database");
    let mut header = [&b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20"[..], &[0; 72]].concat();
    header.resize(4096, 0xa5);
    refused(&with_database(&header), "the database");
    let honest = database("");
    for size in [[0, 0], [0, 3], [1, 0], [0xff, 0xff]] {
        let mut bytes = honest.clone();
        bytes[16..18].copy_from_slice(&size);
        refused(&with_database(&bytes), "absurd size");
    }
    refused(&with_database(&database("DROP TABLE baseinfo")), "no table baseinfo");
    refused(&with_database(&database("ALTER TABLE baseinfo DROP COLUMN slot")), "no table baseinfo");
    refused(&with_database(&database("DELETE FROM baseinfo")), "exactly one package");
    refused(&with_database(&database("INSERT INTO baseinfo (name) VALUES ('b')")), "exactly one package");
}

#[test]
fn a_database_with_more_than_tables_is_refused() {
    for change in [
        "ALTER TABLE conflicts RENAME TO c; CREATE VIEW conflicts AS SELECT 7 AS idpackage, 'a/b' AS conflict",
        "CREATE VIEW other AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON conflicts BEGIN DELETE FROM conflicts; END",
        "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('table', 'messages', 'messages', 0,
            'CREATE VIRTUAL TABLE messages USING fts5(idpackage, message)')",
    ] {
        let problem = refused_with(&with_database(&database(change)), &Limits::default(), "the database");
        assert!(matches!(problem, Problem::Forbidden { .. } | Problem::Damaged { .. }), "{problem}");
    }
}

#[test]
fn a_schema_cannot_run_what_it_pleases() {
    // Generated columns and expressions of indexes are SQL of the package's own.
    let column = "DROP TABLE conflicts; CREATE TABLE conflicts (idpackage INTEGER, conflict VARCHAR AS
        (hex(randomblob(100000000)))); INSERT INTO conflicts (idpackage) VALUES (7)";
    let functions = "DROP TABLE conflicts; CREATE TABLE conflicts (idpackage INTEGER, conflict VARCHAR AS
        (printf('%.*c', 100000000, 'x'))); INSERT INTO conflicts (idpackage) VALUES (7)";
    for change in [column, functions] {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        if connection.execute_batch(change).is_ok() {
            let bytes = connection.serialize("main").unwrap().to_vec();
            refused(&with_database(&bytes), "the database");
        }
    }
}

#[test]
fn the_work_and_the_rows_of_a_database_are_bounded() {
    let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)";
    // No key helps to find what the second table holds: it is read once, and not for each number.
    let product = database(&format!(
        "DROP TABLE dependenciesreference; CREATE TABLE dependenciesreference (iddependency, dependency);
         {rows} INSERT INTO dependencies SELECT 7, -i, 0 FROM n;
         {rows} INSERT INTO dependenciesreference SELECT i, 'a/b' FROM n"
    ));
    let limits = Limits { database_steps: 1_000_000, ..Limits::default() };
    assert!(
        read_with(&with_database(&product), &limits).is_ok(),
        "the work grows with the tables, not with their product"
    );
    let limits = Limits { database_steps: 10_000, ..Limits::default() };
    let problem = refused_with(&with_database(&product), &limits, "the work of reading the database");
    assert!(matches!(problem, Problem::Limit { .. }), "{problem}");
    let many = database(&format!("{rows} INSERT INTO conflicts SELECT 7, printf('a/%2000d', i) FROM n"));
    refused_with(&with_database(&many), &Limits::default(), "what the database says");
    let limits = Limits { database_bytes: 4096, ..Limits::default() };
    refused_with(&with_database(&database("")), &limits, "no xpak at its end");
}

#[test]
fn the_mark_misleads_nobody() {
    // In the database, where Entropy itself would find it first.
    let inside = database(
        "INSERT INTO packagechangelogs VALUES ('app-misc', 'hello', 'STOP|ENTROPY:PROJECT:DB:MAGIC:START|SQLite')",
    );
    let manifest = read(&with_database(&inside));
    assert!(property(&manifest, "entropy.changelog")[0].starts_with("STOP|ENTROPY"));
    // In the xpak of a package without a database.
    read(&package(&[("DESCRIPTION", MARK)]));
    // So often that trying them all would take long.
    let many = [payload(), MARK.repeat(2), b"STOP".repeat(3), [b"STOP", MARK].concat().repeat(1000)].concat();
    refused(&many, "the number of marks");
}

#[test]
fn dependencies_are_bounded() {
    let deep = format!("{}a/b{}", "( ".repeat(50_000), " )".repeat(50_000));
    refused(&package(&[("RDEPEND", deep.as_bytes())]), "the depth of a dependency");
    refused(&package(&[("LICENSE", deep.as_bytes())]), "the depth of a dependency");
    let deep = format!("INSERT INTO conflicts VALUES (7, '{deep}')");
    refused(&with_database(&database(&deep)), "the depth of a dependency");
    let product = format!("|| ( {})", "( a/b c/d ) ".repeat(40));
    let manifest = read(&package(&[("RDEPEND", product.as_bytes())]));
    assert_eq!(property(&manifest, "entropy.unread-dependency").len(), 1);
    assert_eq!(property(&manifest, "xpak.RDEPEND"), [product.as_str()]);
    let small = format!("|| ( {}) ", "( a/b c/d ) ".repeat(8));
    refused(&package(&[("RDEPEND", small.repeat(50).as_bytes())]), "the number of dependencies");
}

#[test]
fn what_a_relation_cannot_say_is_kept() {
    let text = "|| ( !a/b c/d ) !e/f[use] ( g/h ) no-category x? ( y/z";
    let manifest = read(&package(&[("RDEPEND", text.as_bytes())]));
    assert_eq!(property(&manifest, "entropy.unread-dependency"), [format!("RDEPEND\t{text}")]);
    let text = "|| ( !a/b c/d ) !e/f[use] ( g/h ) no-category";
    let manifest = read(&package(&[("RDEPEND", text.as_bytes())]));
    assert_eq!(relations(&manifest, RelationKind::Depends), ["g/h"]);
    assert!(relations(&manifest, RelationKind::Conflicts).is_empty());
    assert_eq!(
        property(&manifest, "entropy.unread-dependency"),
        ["RDEPEND\t!a/b c/d", "RDEPEND\t!e/f[use]", "RDEPEND\tno-category"]
    );
}

#[test]
fn the_payload_ends_where_the_xpak_starts() {
    let xpak = xpak(&VALUES);
    refused(&assemble(&[&payload()[..], b"junk"].concat(), &xpak), "the payload");
    let payload = payload();
    refused(&assemble(&payload[..payload.len() - 4], &xpak), "the payload");
    refused(&assemble(b"", &xpak), "");
    refused(&assemble(b"BZh9", &xpak), "the payload");
    refused(&assemble(b"\x04\x22\x4d\x18lz4", &xpak), "");
}

#[test]
fn payloads_come_packed_as_portage_packs_them() {
    let archive = tar(&members());
    let expected = read(&package(&[]));
    let (a, b) = archive.split_at(1000);
    let parallel = [bzip2(a), bzip2(b)].concat();
    for payload in [gzip(&archive), zstd::encode_all(&archive[..], 3).unwrap(), parallel, archive.clone()] {
        assert_eq!(read(&assemble(&payload, &xpak(&VALUES))), expected);
    }
}

#[test]
fn members_that_no_package_has_are_refused() {
    let of = |member: Vec<u8>| assemble(&bzip2(&tar(&[member])), &xpak(&VALUES));
    for (kind, name) in [
        (tar::EntryType::Fifo, "dev/pipe"),
        (tar::EntryType::Char, "dev/null"),
        (tar::EntryType::Block, "dev/sda"),
    ] {
        refused(&of(tar_member(kind, name, "", b"", 0o644)), "dev/");
    }
    refused(&of(file("../outside", b"x")), "outside");
    refused(&of(file("/etc/passwd", b"x")), "etc/passwd");
    refused(&of(hard_link("a", "../../etc/passwd")), "hard link");
    let through = [symlink("a", "/etc"), file("a/passwd", b"x")];
    refused(&assemble(&bzip2(&tar(&through)), &xpak(&VALUES)), "through a symlink");
    let twice = [file("a", b"x"), file("./a", b"y")];
    refused(&assemble(&bzip2(&tar(&twice)), &xpak(&VALUES)), "twice");
}

#[test]
fn a_bomb_is_stopped() {
    let limits = Limits { ratio_floor: 1 << 20, ..Limits::default() };
    let bomb = bzip2(&tar(&[file("zeros", &vec![0; 8 << 20])]));
    let problem = refused_with(&assemble(&bomb, &xpak(&VALUES)), &limits, "");
    assert!(matches!(problem, Problem::Limit { .. }), "{problem}");
    let limits = Limits { metadata_bytes: 100, ..Limits::default() };
    refused_with(&package(&[]), &limits, "the xpak is past the limit");
    let limits = Limits { script_bytes: 10, ..Limits::default() };
    refused_with(&package(&[]), &limits, "scripts");
}

#[test]
fn md5_sums_are_compared_where_somebody_asks() {
    let check = |contents: &str| {
        let bytes = package(&[("CONTENTS", contents.as_bytes())]);
        let mut package = open(&bytes, &Limits::default())?;
        package.list()?;
        let mut check = package.md5_check()?;
        let mut sink = HashingSink::new(package.draft());
        let payload = package.read_payload(&mut check.around(&mut sink))?;
        check.finish(&package.finish(&payload, &sink.hashes)?)
    };
    // md5sum of "hello\n".
    let good = "dir /usr\nobj /usr/share/hello/text b1946ac92492d2347c6235b4d2611184 1\nobj /not/here \
                b1946ac92492d2347c6235b4d2611184 1\nsym /usr/share/hello/link -> text 1\n";
    assert_eq!(check(good).unwrap(), 1);
    let bad = good.replace("text b1", "text b2");
    assert!(check(&bad).unwrap_err().to_string().contains("MD5"));
    for line in
        ["obj /a", "obj a b1946ac92492d2347c6235b4d2611184 1", "obj /../a b1946ac92492d2347c6235b4d2611184 1"]
    {
        assert!(check(line).unwrap_err().to_string().contains("CONTENTS"), "{line}");
    }
}

#[test]
fn long_values_and_values_that_are_no_text_are_kept_as_data() {
    let long = vec![b'x'; 300 << 10];
    let manifest = read(&package(&[("NEEDED", &long), ("odd", b"\xff\0")]));
    let kept: Vec<(&str, &str, u64)> = manifest
        .scripts
        .iter()
        .filter(|script| script.role.is_empty())
        .map(|script| (script.system.as_str(), script.file.as_str(), script.size))
        .collect();
    assert_eq!(kept, [("portage", "NEEDED", 300 << 10), ("portage", "odd", 2)]);
}

#[test]
fn a_database_with_any_byte_changed_is_read_or_refused() {
    let honest = with_database(&database(""));
    let start = package(&[]).len();
    // Deterministic: the same bytes in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % below
    };
    for _ in 0..500 {
        let mut bytes = honest.clone();
        for _ in 0..=next(4) {
            let at = start + next(honest.len() - start);
            bytes[at] = next(256) as u8;
        }
        if let Ok(package) = open(&bytes, &Limits::default()) {
            package.draft().manifest.encode().unwrap();
        }
    }
    let start = payload().len();
    for _ in 0..500 {
        let mut bytes = package(&[]);
        let at = start + next(bytes.len() - start);
        bytes[at] = next(256) as u8;
        if let Ok(package) = open(&bytes, &Limits::default()) {
            package.draft().manifest.encode().unwrap();
        }
    }
}
