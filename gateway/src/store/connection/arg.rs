//! Values for placeholders.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgTypeInfo, types::Oid};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, Postgres, Type};

use super::DbError;

/// A value for a placeholder. One SQL text must give one placeholder the same variant (or `Null`) every time: PostgreSQL
/// prepares a text once, with the types of its first use.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// NULL of whatever type the place has.
    Null,
    /// Text; the SQL casts it where the column is of another type (`$1::text::uuid`).
    Text(&'a str),
    /// A 64-bit integer.
    Int(i64),
    /// A number of double precision.
    Real(f64),
    /// Binary.
    Bytes(&'a [u8]),
    /// PostgreSQL only: `bigint[]`.
    Ints(&'a [Option<i64>]),
    /// PostgreSQL only: `double precision[]`.
    Reals(&'a [Option<f64>]),
    /// PostgreSQL only: `text[]`.
    Texts(&'a [Option<&'a str>]),
}

impl<'a> Arg<'a> {
    /// Text or NULL.
    pub fn text(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }

    /// Integer or NULL.
    pub fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::text(value)
    }
}

/// As PostgreSQL's driver takes them.
pub(super) fn postgres(args: &[Arg<'_>]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(args.len(), args.len() * 16);
    for arg in args {
        match *arg {
            Arg::Null => arguments.add(Untyped),
            Arg::Text(value) => arguments.add(value),
            Arg::Int(value) => arguments.add(value),
            Arg::Real(value) => arguments.add(value),
            Arg::Bytes(value) => arguments.add(value),
            Arg::Ints(values) => arguments.add(values),
            Arg::Reals(values) => arguments.add(values),
            Arg::Texts(values) => arguments.add(values),
        }
        .map_err(|_| DbError::usage("a value is too large for a statement"))?;
    }
    Ok(arguments)
}

/// As SQLite's driver takes them.
pub(super) fn sqlite(args: &[Arg<'_>]) -> Result<SqliteArguments, DbError> {
    let mut arguments = SqliteArguments::default();
    Arguments::reserve(&mut arguments, args.len(), 0);
    for arg in args {
        match *arg {
            Arg::Null => Arguments::add(&mut arguments, None::<i64>),
            // Shared text is the driver's cheapest form: one allocation.
            Arg::Text(value) => Arguments::add(&mut arguments, Arc::<str>::from(value)),
            Arg::Int(value) => Arguments::add(&mut arguments, value),
            Arg::Real(value) => Arguments::add(&mut arguments, value),
            Arg::Bytes(value) => Arguments::add(&mut arguments, Arc::<[u8]>::from(value)),
            Arg::Ints(_) | Arg::Reals(_) | Arg::Texts(_) => {
                return Err(DbError::usage("SQLite has no array parameters"));
            }
        }
        .map_err(|_| DbError::usage("a value cannot be bound"))?;
    }
    Ok(arguments)
}

/// NULL with no type: the server infers it from the place.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(
        &self,
        _buffer: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}
