//! What Entropy's database says of the package.
//!
//! | generation | category, licence | flags of the compiler |
//! | --- | --- | --- |
//! | to 2012 | `baseinfo.idcategory` → `categories`, `baseinfo.idlicense` → `licenses` | `extrainfo.idflags` → `flags` |
//! | since | `baseinfo.category`, `baseinfo.license` | `extrainfo.chost`, `cflags`, `cxxflags` |
//!
//! The other tables kept their columns, where they are there at all. `baseinfo` holds exactly one package. Tables
//! of the repository rather than of the package (`treeupdates…`, `licensedata`, `categoriesdescription`,
//! `mirrorlinks`, `packagesets`, counters) are not read, nor is what describes the container or repeats the
//! payload (`content`, `contentsafety`, `sizes`, `packagesignatures`, `packagedownloads`).

use crate::error::Problem;

use super::DATABASE;
use super::database::{Database, Value};

/// What the database says.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) category: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) tag: String,
    pub(super) revision: String,
    pub(super) slot: String,
    pub(super) licence: String,
    pub(super) description: String,
    pub(super) homepage: String,
    /// Architecture as Gentoo calls it, or empty.
    pub(super) arch: String,
    /// Dependencies, each with its type.
    pub(super) dependencies: Vec<(String, String)>,
    pub(super) conflicts: Vec<String>,
    pub(super) provides: Vec<String>,
    /// USE flags; those that are off begin with `-`.
    pub(super) flags: Vec<String>,
    /// Protected places, and exceptions from them: words with spaces between.
    pub(super) protect: String,
    pub(super) mask: String,
    /// The trigger: a script of Entropy's.
    pub(super) trigger: Vec<u8>,
    /// What a manifest has no place for, as properties.
    pub(super) details: Vec<(String, String)>,
}

/// Properties, and where their values are: the table, the columns (joined by tabs), what is asked for besides
/// `idpackage`.
const DETAILS: &[(&str, &str, &[&str])] = &[
    ("entropy.api", "baseinfo", &["etpapi"]),
    ("entropy.automerge", "automergefiles", &["configfile", "md5"]),
    ("entropy.branch", "baseinfo", &["branch"]),
    ("entropy.cflags", "extrainfo", &["cflags"]),
    ("entropy.chost", "extrainfo", &["chost"]),
    ("entropy.created", "extrainfo", &["datecreation"]),
    ("entropy.cxxflags", "extrainfo", &["cxxflags"]),
    ("entropy.desktop-mime", "packagedesktopmime", &["name", "mimetype", "executable", "icon"]),
    ("entropy.download", "extrainfo", &["download"]),
    ("entropy.injected", "injected", &["idpackage"]),
    ("entropy.message", "messages", &["message"]),
    ("entropy.mime", "provided_mime", &["mimetype"]),
    ("entropy.phases", "packagespmphases", &["phases"]),
    ("entropy.provided-library", "provided_libs", &["library", "path", "elfclass"]),
    ("entropy.repository", "packagespmrepository", &["repository"]),
    ("entropy.system", "systempackages", &["idpackage"]),
];

/// Properties whose values lie in a second table: the property, the first table, the column that leads to the
/// second, that table, and its column.
const REFERENCES: &[(&str, &str, &str, &str, &str)] = &[
    ("entropy.eclass", "eclasses", "idclass", "eclassesreference", "classname"),
    ("entropy.keyword", "keywords", "idkeyword", "keywordsreference", "keywordname"),
    ("entropy.source", "sources", "idsource", "sourcesreference", "source"),
];

impl Record {
    /// Reads it.
    pub(super) fn read(database: &Database) -> Result<Record, Problem> {
        let base = ["idpackage", "name", "version", "versiontag", "revision", "slot"];
        if !database.has("baseinfo", &base) {
            return Err(Problem::damaged(DATABASE, "it has no table baseinfo of Entropy's"));
        }
        let mut rows = database.rows("baseinfo", &base, None)?;
        let (Some(row), true) = (rows.pop(), rows.is_empty()) else {
            return Err(Problem::not_a_package("its database does not hold exactly one package"));
        };
        let mut row = row.into_iter().map(Value::into_text);
        let mut next = || row.next().unwrap_or_default();
        let id = next();
        let id = id.parse().map_err(|_| Problem::damaged(DATABASE, "its package has no number"))?;
        let mut record = Record {
            name: next(),
            version: next(),
            tag: next(),
            revision: next(),
            slot: next(),
            ..Record::default()
        };
        let one = |table: &str, columns: &[&str]| one(database, table, columns, id);
        let list = |table: &str, column: &str| list(database, table, &[column], id);
        let via = |table: &str, key: &str, second: &str, column: &str| {
            via(database, (table, key), (second, column), id)
        };
        record.category = match one("baseinfo", &["category"])? {
            Some(category) => category,
            None => via("baseinfo", "idcategory", "categories", "category")?.join(" "),
        };
        record.licence = match one("baseinfo", &["license"])? {
            Some(licence) => licence,
            None => via("baseinfo", "idlicense", "licenses", "license")?.join(" "),
        };
        record.description = one("extrainfo", &["description"])?.unwrap_or_default();
        record.homepage = one("extrainfo", &["homepage"])?.unwrap_or_default();
        record.arch = arch(database, one("extrainfo", &["download"])?.as_deref().unwrap_or_default())?;
        record.dependencies = dependencies(database, id)?;
        record.conflicts = list("conflicts", "conflict")?;
        record.provides = list("provide", "atom")?;
        record.flags = via("useflags", "idflag", "useflagsreference", "flagname")?;
        record.flags.sort();
        record.protect = via("configprotect", "idprotect", "configprotectreference", "protect")?.join(" ");
        record.mask = via("configprotectmask", "idprotect", "configprotectreference", "protect")?.join(" ");
        let rows = database.rows("triggers", &["data"], Some(("idpackage", id)))?;
        record.trigger = rows.into_iter().flatten().flat_map(Value::into_bytes).collect();
        record.details = details(database, id)?;
        Ok(record)
    }
}

/// The values of the only row of a table, joined by tabs; `None` when the table has no such columns.
fn one(database: &Database, table: &str, columns: &[&str], id: i64) -> Result<Option<String>, Problem> {
    if !database.has(table, columns) || !database.has(table, &["idpackage"]) {
        return Ok(None);
    }
    Ok(Some(list(database, table, columns, id)?.into_iter().next().unwrap_or_default()))
}

/// The values of the rows of a table, in the order of the rows, joined by tabs.
fn list(database: &Database, table: &str, columns: &[&str], id: i64) -> Result<Vec<String>, Problem> {
    Ok(joined(database.rows(table, columns, Some(("idpackage", id)))?))
}

/// The values of a second table that the rows of a first one lead to, in the order of the first one's rows.
fn via(
    database: &Database,
    (table, key): (&str, &str),
    (second, column): (&str, &str),
    id: i64,
) -> Result<Vec<String>, Problem> {
    let found = pairs(database, (table, &[key]), (second, key, column), id)?;
    Ok(found.into_iter().map(|(value, _)| value).collect())
}

/// As [`via`], each value with the second column of the first table, or nothing where it has one only.
fn pairs(
    database: &Database,
    (table, columns): (&str, &[&str]),
    (second, key, column): (&str, &str, &str),
    id: i64,
) -> Result<Vec<(String, String)>, Problem> {
    let mut rows = Vec::new();
    for row in database.rows(table, columns, Some(("idpackage", id)))? {
        let mut row = row.into_iter().map(Value::into_text);
        if let Some(number) = row.next().and_then(|number| number.parse().ok()) {
            rows.push((number, row.next().unwrap_or_default()));
        }
    }
    let values = database.look_up(second, key, column, rows.iter().map(|row| row.0))?;
    let found =
        values.into_iter().zip(rows).filter_map(|(value, (_, other))| Some((value?.into_text(), other)));
    Ok(found.collect())
}

fn joined(rows: Vec<Vec<Value>>) -> Vec<String> {
    let row = |row: Vec<Value>| row.into_iter().map(Value::into_text).collect::<Vec<_>>().join("\t");
    rows.into_iter().map(row).collect()
}

/// Dependencies with their types: 0 for run time, 1 for afterwards, 2 for those set by hand, 3 for building.
/// The oldest databases have no types.
fn dependencies(database: &Database, id: i64) -> Result<Vec<(String, String)>, Problem> {
    let reference = ("dependenciesreference", "iddependency", "dependency");
    if database.has("dependencies", &["type"]) {
        return pairs(database, ("dependencies", &["iddependency", "type"]), reference, id);
    }
    let mut found = pairs(database, ("dependencies", &["iddependency"]), reference, id)?;
    found.iter_mut().for_each(|(_, kind)| kind.push('0'));
    Ok(found)
}

/// The architecture: a setting of newer databases, and a part of `packages/ARCH/BRANCH/FILE` in all of them.
fn arch(database: &Database, download: &str) -> Result<String, Problem> {
    for setting in database.rows("settings", &["setting_name", "setting_value"], None)? {
        let mut setting = setting.into_iter().map(Value::into_text);
        if setting.next().as_deref() == Some("arch") {
            return Ok(setting.next().unwrap_or_default());
        }
    }
    let mut parts = download.split('/').skip_while(|part| !part.starts_with("packages"));
    let arch = parts.nth(1).unwrap_or_default();
    Ok(if parts.next().is_some() { arch.into() } else { String::new() })
}

fn details(database: &Database, id: i64) -> Result<Vec<(String, String)>, Problem> {
    let mut details = Vec::new();
    let mut add = |property: &str, values: Vec<String>| {
        let said = values.into_iter().filter(|value| !value.trim().is_empty());
        details.extend(said.map(|value| (property.to_owned(), value)));
    };
    for &(property, table, columns) in DETAILS {
        let values = list(database, table, columns, id)?;
        // A mark is there or not; the number of the package says nothing.
        let values = if columns == ["idpackage"] { vec!["true".into(); values.len().min(1)] } else { values };
        add(property, values);
    }
    for &(property, table, key, second, column) in REFERENCES {
        let mut values = via(database, (table, key), (second, column), id)?;
        values.sort();
        add(property, values);
    }
    for (property, column) in
        [("entropy.chost", "chost"), ("entropy.cflags", "cflags"), ("entropy.cxxflags", "cxxflags")]
    {
        add(property, via(database, ("extrainfo", "idflags"), ("flags", column), id)?);
    }
    let needed = pairs(
        database,
        ("needed", &["idneeded", "elfclass"]),
        ("neededreference", "idneeded", "library"),
        id,
    )?;
    let mut needed: Vec<String> =
        needed.into_iter().map(|(library, class)| format!("{library}\t{class}")).collect();
    needed.sort();
    add("entropy.needed-library", needed);
    add("entropy.needed-library", list(database, "needed_libs", &["soname", "elfclass", "user_path"], id)?);
    // The table belongs to the package's name; in a package it has one row.
    add("entropy.changelog", joined(database.rows("packagechangelogs", &["changelog"], None)?));
    Ok(details)
}
