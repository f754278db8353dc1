//! Entropy's database in the package, read as hostile input.
//!
//! SQLite reads it from memory, read-only, and nothing in it is believed: its schema may hold ordinary tables
//! and indexes and nothing else (a view or a virtual table under a table's name would run what it pleases),
//! statements may read columns of tables and do nothing more, and memory, rows and steps are bounded. Each
//! statement reads one table from its start, without its indexes: there is nothing to join or to sort, so
//! nothing can multiply, and no damaged index can hide a row. Columns came and went with the years, so each
//! query first asks what there is.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::error::Problem;
use crate::limits::Limits;
use crate::source::Source;

use super::DATABASE;

/// Steps of SQLite's machine between two looks at the budget.
const STEPS: i32 = 1000;
/// Most tables and indexes; Entropy's have 60.
const OBJECTS: usize = 500;

/// An opened database.
pub(super) struct Database {
    connection: Connection,
    /// Columns by table.
    tables: BTreeMap<String, BTreeSet<String>>,
    /// Bytes that may still be read.
    left: Cell<u64>,
    limits: Limits,
    exhausted: Arc<AtomicBool>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text or a number; empty for NULL.
    Text(String),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
}

impl Value {
    /// Its text; empty for bytes.
    pub(super) fn into_text(self) -> String {
        match self {
            Value::Text(text) => text,
            Value::Bytes(_) => String::new(),
        }
    }

    /// Its bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Value::Text(text) => text.into_bytes(),
            Value::Bytes(bytes) => bytes,
        }
    }
}

impl Database {
    /// Opens the database that lies in `source`, at `start` and `length` bytes long.
    pub(super) fn open(
        source: &Source,
        (start, length): (u64, u64),
        limits: &Limits,
    ) -> Result<Database, Problem> {
        if length > limits.database_bytes {
            return Err(Problem::limit(DATABASE, limits.database_bytes));
        }
        let exhausted = Arc::new(AtomicBool::new(false));
        let connection = connect(source, start, length as usize, limits, &exhausted)
            .map_err(|error| problem(&error, &exhausted, limits))?;
        let mut database = Database {
            connection,
            tables: BTreeMap::new(),
            left: Cell::new(limits.metadata_bytes),
            limits: limits.clone(),
            exhausted,
        };
        let tables = database.schema()?;
        for table in tables {
            let columns = database.columns(&table)?;
            database.tables.insert(table, columns);
        }
        Ok(database)
    }

    /// Whether there is a table that has these columns.
    pub(super) fn has(&self, table: &str, columns: &[&str]) -> bool {
        self.tables.get(table).is_some_and(|known| columns.iter().all(|&column| known.contains(column)))
    }

    /// These columns of a table's rows, in the order of the rows: of those whose `key` is that number, or of
    /// all. No rows when the table or a column is not there.
    pub(super) fn rows(
        &self,
        table: &str,
        columns: &[&str],
        key: Option<(&str, i64)>,
    ) -> Result<Vec<Vec<Value>>, Problem> {
        let query = format!("SELECT {} FROM {table} NOT INDEXED", columns.join(", "));
        match key {
            _ if !self.has(table, columns) => Ok(Vec::new()),
            None => self.query(&query, None),
            Some((key, _)) if !self.has(table, &[key]) => Ok(Vec::new()),
            Some((key, number)) => self.query(&format!("{query} WHERE {key} = ?1"), Some(number)),
        }
    }

    /// One column of the first row whose `key` is each of these numbers; nothing for those that have none.
    pub(super) fn look_up(
        &self,
        table: &str,
        key: &str,
        column: &str,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<Vec<Option<Value>>, Problem> {
        // One pass over the table: a look-up for each number would read rows that are made long on purpose as
        // often as there are numbers.
        let mut by_number: BTreeMap<i64, Value> = BTreeMap::new();
        for row in self.rows(table, &[key, column], None)? {
            let mut row = row.into_iter();
            if let (Some(key), Some(value)) = (row.next(), row.next())
                && let Ok(number) = key.into_text().parse()
            {
                by_number.entry(number).or_insert(value);
            }
        }
        Ok(numbers.map(|number| by_number.get(&number).cloned()).collect())
    }

    /// The names of its tables; anything but tables and indexes is refused.
    fn schema(&self) -> Result<Vec<String>, Problem> {
        let mut tables = Vec::new();
        let rows = self.query("SELECT type, name, sql FROM sqlite_schema", None)?;
        if rows.len() > OBJECTS {
            return Err(Problem::limit("the number of tables in the database", OBJECTS as u64));
        }
        for row in rows {
            let mut row = row.into_iter().map(Value::into_text);
            let [kind, name, sql] = [(); 3].map(|()| row.next().unwrap_or_default());
            let start = sql.get(..13).unwrap_or_default();
            match kind.as_str() {
                "table" if start.eq_ignore_ascii_case("CREATE TABLE ") => tables.push(name),
                "index" => {}
                _ => {
                    let reason =
                        format!("its {kind} '{name}' is no plain table, and nothing else belongs there");
                    return Err(Problem::forbidden(DATABASE, reason));
                }
            }
        }
        tables.sort();
        tables.dedup();
        Ok(tables)
    }

    fn columns(&self, table: &str) -> Result<BTreeSet<String>, Problem> {
        let query = format!("SELECT * FROM \"{}\" LIMIT 0", table.replace('"', "\"\""));
        let statement = self.connection.prepare(&query).map_err(|error| self.problem(&error))?;
        Ok(statement.column_names().map(str::to_ascii_lowercase).collect())
    }

    fn query(&self, query: &str, parameter: Option<i64>) -> Result<Vec<Vec<Value>>, Problem> {
        let broken = |error: rusqlite::Error| self.problem(&error);
        let mut statement = self.connection.prepare(query).map_err(broken)?;
        let width = statement.column_count();
        let mut rows = match parameter {
            Some(parameter) => statement.query([parameter]),
            None => statement.query([]),
        }
        .map_err(broken)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(broken)? {
            let mut values = Vec::with_capacity(width);
            for column in 0..width {
                values.push(self.value(row.get_ref(column).map_err(broken)?)?);
            }
            all.push(values);
        }
        Ok(all)
    }

    fn value(&self, value: ValueRef<'_>) -> Result<Value, Problem> {
        // What a row costs beside its bytes counts as well: there may be millions of empty ones.
        let cost = 32 + value.as_bytes_or_null().ok().flatten().map_or(0, <[u8]>::len) as u64;
        let left = self.left.get().checked_sub(cost);
        let left =
            left.ok_or_else(|| Problem::limit("what the database says", self.limits.metadata_bytes))?;
        self.left.set(left);
        Ok(match value {
            ValueRef::Null => Value::Text(String::new()),
            ValueRef::Integer(number) => Value::Text(number.to_string()),
            ValueRef::Real(number) => Value::Text(number.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Value::Text(text.into()),
                _ if matches!(value, ValueRef::Blob(_)) => Value::Bytes(bytes.into()),
                _ => return Err(Problem::damaged(DATABASE, "a text in it is not UTF-8, or holds NUL")),
            },
        })
    }

    fn problem(&self, error: &rusqlite::Error) -> Problem {
        problem(error, &self.exhausted, &self.limits)
    }
}

fn problem(error: &rusqlite::Error, exhausted: &AtomicBool, limits: &Limits) -> Problem {
    if exhausted.load(Ordering::Relaxed) {
        return Problem::limit("the work of reading the database", limits.database_steps);
    }
    Problem::damaged(DATABASE, error)
}

fn connect(
    source: &Source,
    start: u64,
    length: usize,
    limits: &Limits,
    exhausted: &Arc<AtomicBool>,
) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_MEMORY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    let bytes = i32::try_from(limits.script_bytes).unwrap_or(i32::MAX);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, bytes),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (Limit::SQLITE_LIMIT_COLUMN, 100),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 16),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 2),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 8),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    ] {
        connection.set_limit(limit, value)?;
    }
    connection.deserialize_read_exact("main", source.slice(start, length as u64), length, true)?;
    connection
        .execute_batch("PRAGMA cell_size_check = ON; PRAGMA query_only = ON; PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;")?;
    connection.authorizer(Some(allowed))?;
    let mut left = limits.database_steps / STEPS as u64;
    let exhausted = Arc::clone(exhausted);
    connection.progress_handler(
        STEPS,
        Some(move || {
            left = left.saturating_sub(1);
            if left == 0 {
                exhausted.store(true, Ordering::Relaxed);
            }
            left == 0
        }),
    )?;
    Ok(connection)
}

/// Reading columns of tables is all that is ever needed.
fn allowed(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}
