//! A row of either engine, decoded when asked and borrowed where the driver allows.

use sqlx::postgres::{PgRow, PgValueFormat};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, ValueRef};

/// A row of a result. Read each column with one accessor only: SQLite refuses to lend a value that it has already lent
/// as another type.
pub enum Row {
    /// Of PostgreSQL.
    Postgres(PgRow),
    /// Of SQLite.
    Sqlite(SqliteRow),
}

impl std::fmt::Debug for Row {
    /// Without the values: they are somebody's record.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Row of {} columns", self.width())
    }
}

impl Row {
    /// The text of column `index` (from 0). `None` for NULL. On PostgreSQL the expression must be of a text type; cast it.
    pub fn text(&self, index: usize) -> Option<&str> {
        match self {
            Self::Postgres(row) => row.try_get_raw(index).ok().and_then(|value| value.as_str().ok()),
            Self::Sqlite(row) => row.try_get_unchecked::<Option<&str>, _>(index).ok().flatten(),
        }
    }

    /// The integer in column `index`. `None` for NULL.
    pub fn int(&self, index: usize) -> Option<i64> {
        match self {
            Self::Postgres(row) => {
                let value = row.try_get_raw(index).ok()?;
                let bytes = value.as_bytes().ok()?;
                match value.format() {
                    PgValueFormat::Binary => binary_integer(bytes),
                    PgValueFormat::Text => std::str::from_utf8(bytes).ok()?.parse().ok(),
                }
            }
            Self::Sqlite(row) => row.try_get_unchecked::<Option<i64>, _>(index).ok().flatten(),
        }
    }

    /// The number of double precision in column `index`. `None` for NULL.
    pub fn real(&self, index: usize) -> Option<f64> {
        match self {
            Self::Postgres(row) => {
                let value = row.try_get_raw(index).ok()?;
                let bytes = value.as_bytes().ok()?;
                match value.format() {
                    PgValueFormat::Binary => Some(f64::from_be_bytes(bytes.try_into().ok()?)),
                    PgValueFormat::Text => std::str::from_utf8(bytes).ok()?.parse().ok(),
                }
            }
            Self::Sqlite(row) => row.try_get_unchecked::<Option<f64>, _>(index).ok().flatten(),
        }
    }

    /// The bytes in column `index`. `None` for NULL.
    pub fn bytes(&self, index: usize) -> Option<&[u8]> {
        match self {
            Self::Postgres(row) => row.try_get_raw(index).ok().and_then(|value| value.as_bytes().ok()),
            Self::Sqlite(row) => row.try_get_unchecked::<Option<&[u8]>, _>(index).ok().flatten(),
        }
    }

    /// True where column `index` is true, or an integer other than 0.
    pub fn flag(&self, index: usize) -> bool {
        self.int(index).is_some_and(|value| value != 0)
    }

    /// Column `index` is NULL.
    pub fn is_null(&self, index: usize) -> bool {
        match self {
            Self::Postgres(row) => row.try_get_raw(index).map_or(true, |value| value.is_null()),
            Self::Sqlite(row) => row.try_get_raw(index).map_or(true, |value| value.is_null()),
        }
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        match self {
            Self::Postgres(row) => row.len(),
            Self::Sqlite(row) => row.len(),
        }
    }
}

/// `bool`, `smallint`, `integer` and `bigint` as PostgreSQL sends them.
fn binary_integer(bytes: &[u8]) -> Option<i64> {
    match *bytes {
        [a] => Some(i64::from(a)),
        [a, b] => Some(i64::from(i16::from_be_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_be_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(i64::from_be_bytes([a, b, c, d, e, f, g, h])),
        _ => None,
    }
}
