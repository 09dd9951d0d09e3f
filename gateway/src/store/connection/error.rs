//! Errors of the database, told apart by what a caller can do. They carry names of tables, columns and constraints, never
//! values.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use std::fmt;

use crate::store::error::StoreError;

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DbErrorKind {
    /// A value is not one of the column's type (SQLSTATE class 22).
    BadValue,
    /// A CHECK constraint, or a trigger of the table's owner that refuses.
    Check,
    /// Our role may not, or row-level security forbids it.
    Denied,
    /// No space left.
    DiskFull,
    /// A foreign key: the row referred to is not there, or others refer to this one.
    ForeignKey,
    /// ROLLBACK or COMMIT with no transaction open.
    NoTransaction,
    /// A NOT NULL column was left empty.
    NotNull,
    /// Anything else: a fault of ours or of the database.
    Other,
    /// Collided with another transaction (serialization failure, deadlock, busy): try again.
    Retry,
    /// A text longer than the column takes.
    TooLong,
    /// The database cannot be reached, is shutting down, or did not answer in time.
    Unavailable,
    /// A UNIQUE or PRIMARY KEY (or exclusion) constraint.
    Unique,
}

/// An error of the database.
#[derive(Clone, Debug)]
pub struct DbError {
    /// What went wrong.
    pub kind: DbErrorKind,
    /// SQLSTATE, or SQLite's extended result code.
    pub code: Box<str>,
    /// The table, where the database names it.
    pub table: Option<Box<str>>,
    /// The column, where the database names it.
    pub column: Option<Box<str>>,
    /// The constraint, where the database names it.
    pub constraint: Option<Box<str>>,
    /// More for the log, where the message cannot hold values (faults of the SQL text itself).
    pub note: Option<Box<str>>,
}

impl DbError {
    /// A statement was used as it must not be.
    pub(super) fn usage(note: &str) -> Self {
        Self { note: Some(note.into()), ..Self::of(DbErrorKind::Other, "") }
    }

    /// The database cannot be reached.
    pub fn unavailable() -> Self {
        Self::of(DbErrorKind::Unavailable, "")
    }

    /// A fault with a text of ours (no values in it).
    pub fn fault(note: impl Into<Box<str>>) -> Self {
        Self { note: Some(note.into()), ..Self::of(DbErrorKind::Other, "") }
    }

    /// Something moved underneath: another program was faster. The same transaction may succeed when tried again.
    pub fn moved(note: &str) -> Self {
        Self { note: Some(note.into()), ..Self::of(DbErrorKind::Retry, "") }
    }

    /// Two transactions made the same directory entry or version: tried again, the later one sees the earlier one's.
    pub fn is_race(&self) -> bool {
        self.kind == DbErrorKind::Unique && matches!(self.table.as_deref(), Some("directory" | "resource_versions"))
    }

    /// Somebody held a lock for longer than we wait (`lock_timeout`, SQLite's `busy_timeout`): trying again at once would
    /// only wait as long again.
    pub fn is_lock_timeout(&self) -> bool {
        matches!(&*self.code, LOCK_NOT_AVAILABLE | SQLITE_BUSY)
    }

    fn of(kind: DbErrorKind, code: &str) -> Self {
        Self { kind, code: code.into(), table: None, column: None, constraint: None, note: None }
    }

    /// The row (not the database) is at fault: its table cannot carry it.
    pub fn is_misfit(&self) -> bool {
        matches!(
            self.kind,
            DbErrorKind::BadValue
                | DbErrorKind::Check
                | DbErrorKind::ForeignKey
                | DbErrorKind::NotNull
                | DbErrorKind::TooLong
                | DbErrorKind::Unique
        )
    }

    /// The same transaction may succeed when tried again.
    pub fn is_retryable(&self) -> bool {
        self.kind == DbErrorKind::Retry
    }

    /// As the rest of the gateway tells errors apart.
    pub fn into_store_error(self) -> StoreError {
        match self.kind {
            DbErrorKind::Unavailable => StoreError::Unavailable,
            DbErrorKind::Retry => StoreError::Contention,
            DbErrorKind::DiskFull => StoreError::StorageFull,
            _ => StoreError::Database(self.to_string()),
        }
    }

    /// The connection cannot be used again: it is gone, or its prepared statements are older than the tables.
    pub(super) fn breaks_connection(&self) -> bool {
        (self.kind == DbErrorKind::Unavailable && &*self.code != QUERY_CANCELED) || &*self.code == FEATURE_NOT_SUPPORTED
    }
}

/// What PostgreSQL says of `cached plan must not change result type`.
const FEATURE_NOT_SUPPORTED: &str = "0A000";
/// A lock was not free within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Another connection writes, beyond `busy_timeout`.
const SQLITE_BUSY: &str = "5";
/// A statement ran into `statement_timeout`.
const QUERY_CANCELED: &str = "57014";

impl fmt::Display for DbError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.kind)?;
        for (label, part) in
            [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint), ("note", &self.note)]
        {
            if let Some(part) = part {
                write!(formatter, ", {label} {part}")?;
            }
        }
        if self.code.is_empty() { Ok(()) } else { write!(formatter, " (code {})", self.code) }
    }
}

impl std::error::Error for DbError {}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(&*error),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::unavailable(),
            // The stream lost its place: nothing more can be said on this connection.
            sqlx::Error::Protocol(_) => {
                Self { note: Some("protocol".into()), ..Self::of(DbErrorKind::Unavailable, "protocol") }
            }
            sqlx::Error::Configuration(_) => Self::fault("the database URL is not understood"),
            _ => Self::fault("the driver refused"),
        }
    }
}

fn of_database(error: &dyn DatabaseError) -> DbError {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return of_postgres(error);
    }
    match error.try_downcast_ref::<SqliteError>() {
        Some(error) => of_sqlite(error),
        None => DbError::fault("unknown driver"),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_postgres(error: &PgDatabaseError) -> DbError {
    let code = error.code();
    let kind = postgres_kind(code);
    let name = |part: Option<&str>| part.map(Box::from);
    // Class 42 speaks of identifiers and syntax, never of values.
    let note = (code.starts_with("42") || code.starts_with("0A")).then(|| error.message().into());
    DbError {
        kind,
        code: code.into(),
        table: name(error.table()),
        column: name(error.column()),
        constraint: name(error.constraint()),
        note,
    }
}

fn postgres_kind(code: &str) -> DbErrorKind {
    match code {
        "22001" => DbErrorKind::TooLong,
        "23001" | "23503" => DbErrorKind::ForeignKey,
        "23502" => DbErrorKind::NotNull,
        "23505" | "23P01" => DbErrorKind::Unique,
        "23514" | "44000" | "P0001" => DbErrorKind::Check,
        "25P01" => DbErrorKind::NoTransaction,
        // A standby after a failover refuses writes.
        "25006" => DbErrorKind::Unavailable,
        "40001" | "40P01" | LOCK_NOT_AVAILABLE => DbErrorKind::Retry,
        "42501" => DbErrorKind::Denied,
        "53100" => DbErrorKind::DiskFull,
        QUERY_CANCELED => DbErrorKind::Unavailable,
        _ => match code.get(..2) {
            Some("08" | "53" | "57" | "58") => DbErrorKind::Unavailable,
            Some("22") => DbErrorKind::BadValue,
            Some("23") => DbErrorKind::Check,
            _ => DbErrorKind::Other,
        },
    }
}

/// <https://www.sqlite.org/rescode.html>
fn of_sqlite(error: &SqliteError) -> DbError {
    let code: i32 = DatabaseError::code(error).and_then(|code| code.parse().ok()).unwrap_or_default();
    let message = DatabaseError::message(error);
    let kind = sqlite_kind(code, message);
    let mut described = DbError::of(kind, &code.to_string());
    // "UNIQUE constraint failed: patients.mrn, patients.organization_id": names only.
    if let Some((_, names)) = message.split_once("constraint failed: ") {
        match kind {
            DbErrorKind::Unique | DbErrorKind::NotNull => {
                let first = names.split(", ").next().unwrap_or(names);
                if let Some((table, column)) = first.rsplit_once('.') {
                    described.table = Some(table.into());
                    described.column = Some(column.into());
                }
            }
            DbErrorKind::Check => described.constraint = Some(names.into()),
            _ => {}
        }
    }
    // SQLITE_ERROR is about the SQL text (no such table, syntax).
    if code == 1 && kind == DbErrorKind::Other {
        described.note = Some(message.into());
    }
    described
}

fn sqlite_kind(code: i32, message: &str) -> DbErrorKind {
    const CONSTRAINT: i32 = 19;
    match code {
        1 if message.starts_with("cannot rollback") || message.starts_with("cannot commit - no") => {
            DbErrorKind::NoTransaction
        }
        275 | 1811 => DbErrorKind::Check,
        787 => DbErrorKind::ForeignKey,
        1299 => DbErrorKind::NotNull,
        1555 | 2067 | 2579 => DbErrorKind::Unique,
        3091 => DbErrorKind::BadValue,
        _ => match code & 0xff {
            5 | 6 => DbErrorKind::Retry,
            10 | 14 => DbErrorKind::Unavailable,
            13 => DbErrorKind::DiskFull,
            18 => DbErrorKind::TooLong,
            CONSTRAINT => DbErrorKind::Check,
            20 => DbErrorKind::BadValue,
            _ => DbErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_postgres_are_told_apart() {
        assert_eq!(postgres_kind("23505"), DbErrorKind::Unique);
        assert_eq!(postgres_kind("22P02"), DbErrorKind::BadValue);
        assert_eq!(postgres_kind("57P01"), DbErrorKind::Unavailable);
        assert_eq!(postgres_kind("40P01"), DbErrorKind::Retry);
        assert_eq!(postgres_kind("XX000"), DbErrorKind::Other);
    }

    #[test]
    fn codes_of_sqlite_are_told_apart() {
        assert_eq!(sqlite_kind(2067, ""), DbErrorKind::Unique);
        assert_eq!(sqlite_kind(517, ""), DbErrorKind::Retry);
        assert_eq!(sqlite_kind(13, ""), DbErrorKind::DiskFull);
        assert_eq!(sqlite_kind(1, "cannot rollback - no transaction is active"), DbErrorKind::NoTransaction);
    }
}
