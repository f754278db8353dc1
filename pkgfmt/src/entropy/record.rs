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
        let query = "SELECT idpackage, name, version, versiontag, revision, slot FROM baseinfo LIMIT 2";
        let mut rows = database.rows(query, None)?;
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
        if database.has("triggers", &["idpackage", "data"]) {
            let rows = database.rows("SELECT data FROM triggers WHERE idpackage = ?1", Some(id))?;
            record.trigger = rows.into_iter().flatten().flat_map(Value::into_bytes).collect();
        }
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
    if !database.has(table, columns) || !database.has(table, &["idpackage"]) {
        return Ok(Vec::new());
    }
    let columns = columns.join(", ");
    let query = format!("SELECT {columns} FROM {table} WHERE idpackage = ?1 ORDER BY rowid");
    Ok(joined(database.rows(&query, Some(id))?))
}

/// The values of a second table that the rows of a first one lead to, in the order of the first one's rows.
fn via(
    database: &Database,
    (table, key): (&str, &str),
    (second, column): (&str, &str),
    id: i64,
) -> Result<Vec<String>, Problem> {
    if !database.has(table, &["idpackage", key]) || !database.has(second, &[key, column]) {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT b.{column} FROM {table} AS a JOIN {second} AS b ON b.{key} = a.{key} WHERE a.idpackage = ?1 \
         ORDER BY a.rowid"
    );
    Ok(joined(database.rows(&query, Some(id))?))
}

fn joined(rows: Vec<Vec<Value>>) -> Vec<String> {
    let row = |row: Vec<Value>| row.into_iter().map(Value::into_text).collect::<Vec<_>>().join("\t");
    rows.into_iter().map(row).collect()
}

/// Dependencies with their types: 0 for run time, 1 for afterwards, 2 for those set by hand, 3 for building.
/// The oldest databases have no types.
fn dependencies(database: &Database, id: i64) -> Result<Vec<(String, String)>, Problem> {
    let there = database.has("dependencies", &["idpackage", "iddependency"])
        && database.has("dependenciesreference", &["iddependency", "dependency"]);
    if !there {
        return Ok(Vec::new());
    }
    let kind = if database.has("dependencies", &["type"]) { "a.type" } else { "0" };
    let query = format!(
        "SELECT b.dependency, {kind} FROM dependencies AS a JOIN dependenciesreference AS b \
         ON b.iddependency = a.iddependency WHERE a.idpackage = ?1 ORDER BY a.rowid"
    );
    let rows = database.rows(&query, Some(id))?;
    let pair = |row: Vec<Value>| {
        let mut row = row.into_iter().map(Value::into_text);
        (row.next().unwrap_or_default(), row.next().unwrap_or_default())
    };
    Ok(rows.into_iter().map(pair).collect())
}

/// The architecture: a setting of newer databases, and a part of `packages/ARCH/BRANCH/FILE` in all of them.
fn arch(database: &Database, download: &str) -> Result<String, Problem> {
    if database.has("settings", &["setting_name", "setting_value"]) {
        let query = "SELECT setting_value FROM settings WHERE setting_name = 'arch'";
        if let Some(arch) = joined(database.rows(query, None)?).into_iter().find(|arch| !arch.is_empty()) {
            return Ok(arch);
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
    if database.has("needed", &["idpackage", "idneeded", "elfclass"])
        && database.has("neededreference", &["idneeded", "library"])
    {
        let query = "SELECT b.library, a.elfclass FROM needed AS a JOIN neededreference AS b \
                     ON b.idneeded = a.idneeded WHERE a.idpackage = ?1";
        let mut values = joined(database.rows(query, Some(id))?);
        values.sort();
        add("entropy.needed-library", values);
    }
    add("entropy.needed-library", list(database, "needed_libs", &["soname", "elfclass", "user_path"], id)?);
    if database.has("packagechangelogs", &["category", "name", "changelog"]) {
        // The table belongs to the package's name; in a package it has one row.
        let rows = database.rows("SELECT changelog FROM packagechangelogs LIMIT 1", None)?;
        add("entropy.changelog", joined(rows));
    }
    Ok(details)
}
