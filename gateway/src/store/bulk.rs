//! Many rows in few statements, on either engine.
//!
//! PostgreSQL takes one array a column. SQLite takes rows of placeholders, in counts that are powers of two, so that its
//! few prepared statements serve every number of rows.

mod together;

use sqlx::{AssertSqlSafe, SqlSafeStr};

pub(crate) use self::together::{Batch, delete_together, insert_together};
use super::connection::{Arg, Connection, DbError, Engine, Row};
use super::dialect;

/// Rows in one statement of SQLite's.
const CHUNK: usize = 256;
/// SQLite's limit of placeholders in a statement: <https://www.sqlite.org/limits.html#max_variable_number>.
const MAX_VARIABLES: usize = 32_766;

/// What a column of bulk values holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BulkType {
    /// Text that may be long: a resource.
    Body,
    /// 64-bit integers.
    Int,
    /// Numbers of double precision.
    Real,
    /// Text.
    Text,
}

/// A column of bulk values: its name and what it holds.
pub type BulkColumn<'a> = (&'a str, BulkType);

/// Inserts rows; `values` holds them one after the other, `columns.len()` values each. `conflict` is empty or an
/// `on conflict …` clause. How many rows were inserted.
pub async fn insert_rows(
    connection: &mut Connection,
    table: &str,
    columns: &[BulkColumn<'_>],
    values: &[Arg<'_>],
    conflict: &str,
) -> Result<u64, DbError> {
    debug_assert!(!columns.is_empty() && values.len().is_multiple_of(columns.len()), "ragged rows");
    if values.is_empty() {
        return Ok(0);
    }
    match connection.engine() {
        Engine::Postgres => {
            let sql = dialect::insert_arrays(table, columns, conflict);
            let arrays = Arrays::of(columns, values);
            connection.execute(&sql, &arrays.args(&[])).await
        }
        Engine::Sqlite => {
            let mut inserted = 0;
            let mut rest = values;
            while !rest.is_empty() {
                let rows = chunk_rows(rest.len() / columns.len(), columns.len());
                let (chunk, after) = rest.split_at(rows * columns.len());
                let sql = AssertSqlSafe(dialect::insert_values(table, columns, rows, conflict)).into_sql_str();
                inserted += connection.execute_str(sql, chunk).await?;
                rest = after;
            }
            Ok(inserted)
        }
    }
}

/// Inserts rows in one statement whatever their number: for a few rows that are a transaction of their own. Every number
/// of rows is a prepared statement of its own on SQLite.
pub async fn insert_at_once(
    connection: &mut Connection,
    table: &str,
    columns: &[BulkColumn<'_>],
    values: &[Arg<'_>],
) -> Result<u64, DbError> {
    match connection.engine() {
        Engine::Postgres => insert_rows(connection, table, columns, values, "").await,
        Engine::Sqlite => {
            let rows = values.len() / columns.len();
            let sql = AssertSqlSafe(dialect::insert_values(table, columns, rows, "")).into_sql_str();
            connection.execute_str(sql, values).await
        }
    }
}

/// Fetches by many keys at once. In `sql`, `{keys}` stands for a table `k` of the key columns:
/// `select d.rid from {keys} join directory d on d.organization_id = $1 and d.id = k.id`. `args` are `$1`, `$2`, … of the
/// rest of the text; `keys` holds the keys one after the other. Rows come in no particular order.
pub async fn fetch_by_keys(
    connection: &mut Connection,
    sql: &str,
    args: &[Arg<'_>],
    columns: &[BulkColumn<'_>],
    keys: &[Arg<'_>],
) -> Result<Vec<Row>, DbError> {
    let mut rows = Vec::new();
    for chunk in key_chunks(connection.engine(), columns, keys) {
        let statement = Statement::new(connection.engine(), sql, args, columns, chunk);
        let found = match &statement.arrays {
            Some(arrays) => connection.fetch(&statement.sql, &arrays.args(args)).await?,
            None => connection.fetch(&statement.sql, &statement.values).await?,
        };
        if rows.is_empty() {
            rows = found;
        } else {
            rows.extend(found);
        }
    }
    Ok(rows)
}

/// Changes by many keys at once; `sql` as in [`fetch_by_keys`]:
/// `update directory set version = k.version from {keys} where directory.rid = k.rid`. How many rows were changed.
pub async fn execute_by_keys(
    connection: &mut Connection,
    sql: &str,
    args: &[Arg<'_>],
    columns: &[BulkColumn<'_>],
    keys: &[Arg<'_>],
) -> Result<u64, DbError> {
    let mut changed = 0;
    for chunk in key_chunks(connection.engine(), columns, keys) {
        let statement = Statement::new(connection.engine(), sql, args, columns, chunk);
        changed += match &statement.arrays {
            Some(arrays) => connection.execute(&statement.sql, &arrays.args(args)).await?,
            None => connection.execute(&statement.sql, &statement.values).await?,
        };
    }
    Ok(changed)
}

/// The keys in portions of one statement each.
fn key_chunks<'v, 'a>(
    engine: Engine,
    columns: &[BulkColumn<'_>],
    keys: &'v [Arg<'a>],
) -> impl Iterator<Item = &'v [Arg<'a>]> {
    debug_assert!(!columns.is_empty() && keys.len().is_multiple_of(columns.len()), "ragged keys");
    let rows = match engine {
        Engine::Postgres => usize::MAX / columns.len(),
        Engine::Sqlite => CHUNK.min(MAX_VARIABLES / columns.len() / 2),
    };
    keys.chunks(rows * columns.len())
}

/// How many of `left` rows the next statement takes: the largest power of two.
fn chunk_rows(left: usize, width: usize) -> usize {
    let most = left.min(CHUNK).min(MAX_VARIABLES / width).max(1);
    1 << most.ilog2()
}

/// A text with its keys in place.
struct Statement<'a> {
    sql: String,
    /// PostgreSQL: the keys by column.
    arrays: Option<Arrays<'a>>,
    /// SQLite: arguments and keys one after the other, filled with NULL keys (which match nothing) to a power of two.
    values: Vec<Arg<'a>>,
}

impl<'a> Statement<'a> {
    fn new(engine: Engine, sql: &str, args: &[Arg<'a>], columns: &[BulkColumn<'_>], keys: &[Arg<'a>]) -> Self {
        let (source, arrays, values) = match engine {
            Engine::Postgres => (dialect::key_arrays(columns, args.len()), Some(Arrays::of(columns, keys)), Vec::new()),
            Engine::Sqlite => {
                let rows = (keys.len() / columns.len()).next_power_of_two();
                let mut values = Vec::with_capacity(args.len() + rows * columns.len());
                values.extend_from_slice(args);
                values.extend_from_slice(keys);
                values.resize(args.len() + rows * columns.len(), Arg::Null);
                (dialect::key_values(columns, rows, args.len()), None, values)
            }
        };
        Self { sql: sql.replace("{keys}", &source), arrays, values }
    }
}

/// Values turned from rows to columns.
struct Arrays<'a>(Vec<Array<'a>>);

enum Array<'a> {
    Ints(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<&'a str>>),
}

impl<'a> Arrays<'a> {
    fn of(columns: &[BulkColumn<'_>], values: &[Arg<'a>]) -> Self {
        let column = |(place, (_, kind)): (usize, &BulkColumn<'_>)| {
            let cells = values.iter().skip(place).step_by(columns.len());
            match kind {
                BulkType::Int => Array::Ints(cells.map(int_of).collect()),
                BulkType::Real => Array::Reals(cells.map(real_of).collect()),
                BulkType::Body | BulkType::Text => Array::Texts(cells.map(text_of).collect()),
            }
        };
        Self(columns.iter().enumerate().map(column).collect())
    }

    fn args<'s>(&'s self, before: &[Arg<'s>]) -> Vec<Arg<'s>> {
        before.iter().copied().chain(self.iter()).collect()
    }

    fn iter(&self) -> impl Iterator<Item = Arg<'_>> {
        self.0.iter().map(|array| match array {
            Array::Ints(values) => Arg::Ints(values),
            Array::Reals(values) => Arg::Reals(values),
            Array::Texts(values) => Arg::Texts(values),
        })
    }
}

fn int_of(arg: &Arg<'_>) -> Option<i64> {
    match arg {
        Arg::Int(value) => Some(*value),
        _ => None,
    }
}

fn real_of(arg: &Arg<'_>) -> Option<f64> {
    match arg {
        Arg::Real(value) => Some(*value),
        _ => None,
    }
}

fn text_of<'a>(arg: &Arg<'a>) -> Option<&'a str> {
    match arg {
        Arg::Text(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_within_the_limit() {
        assert_eq!(chunk_rows(1, 5), 1);
        assert_eq!(chunk_rows(500, 5), 256);
        assert_eq!(chunk_rows(100, 5), 64);
        assert_eq!(chunk_rows(500, 1000), 32);
    }
}
