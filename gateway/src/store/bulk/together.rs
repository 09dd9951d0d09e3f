//! Rows of several tables of the gateway's own in one round trip: what a write leaves behind is spread over seven tables,
//! and each statement of its own costs more than the few rows it carries.
//!
//! PostgreSQL takes one statement with an INSERT for each table, SQLite several statements in one text. To SQLite rows go
//! as one JSON text a table, so that few texts serve every number of rows; only what JSON cannot carry exactly (numbers of
//! double precision) or cheaply (bodies) goes in placeholders.

use mappers::json::write_string;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::{Arrays, BulkColumn, BulkType, CHUNK, insert_rows};
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::dialect;

/// Rows for one table, all of one organization.
pub(crate) struct Batch<'a> {
    /// The table, which has a column `organization_id` beside these.
    pub(crate) table: &'static str,
    /// The columns; the first one is never NULL.
    pub(crate) columns: &'static [BulkColumn<'static>],
    /// The rows one after the other, `columns.len()` values each.
    pub(crate) values: Vec<Arg<'a>>,
    /// Empty or an `on conflict …` clause.
    pub(crate) conflict: &'static str,
}

impl Batch<'_> {
    /// Whether SQLite takes the rows as JSON.
    fn is_json(&self) -> bool {
        self.columns.iter().all(|(_, kind)| matches!(kind, BulkType::Int | BulkType::Text))
    }
}

/// Inserts the rows of all the batches. An empty batch is no error; leave out only those that are mostly empty, since
/// every choice of tables is a prepared statement of its own.
pub(crate) async fn insert_together(
    connection: &mut Connection,
    organization: i64,
    batches: &[Batch<'_>],
) -> Result<(), DbError> {
    match connection.engine() {
        Engine::Postgres => {
            let tables: Vec<_> = batches.iter().map(|batch| (batch.table, batch.columns, batch.conflict)).collect();
            let arrays: Vec<Arrays<'_>> =
                batches.iter().map(|batch| Arrays::of(batch.columns, &batch.values)).collect();
            let mut args = vec![Arg::Int(organization)];
            arrays.iter().for_each(|arrays| args.extend(arrays.iter()));
            connection.execute(&dialect::insert_arrays_together(&tables), &args).await.map(drop)
        }
        Engine::Sqlite => insert_in_one_text(connection, organization, batches).await,
    }
}

async fn insert_in_one_text(
    connection: &mut Connection,
    organization: i64,
    batches: &[Batch<'_>],
) -> Result<(), DbError> {
    let json: Vec<Option<String>> =
        batches.iter().map(|batch| batch.is_json().then(|| json_of_rows(batch.columns.len(), &batch.values))).collect();
    let (mut sql, mut args) = (String::new(), Vec::new());
    for (batch, json) in batches.iter().zip(&json) {
        let Batch { table, columns, values, conflict } = batch;
        args.push(Arg::Int(organization));
        if let Some(json) = json {
            sql.push_str(&dialect::insert_json(table, columns, conflict));
            args.push(Arg::Text(json));
            continue;
        }
        let few = values.len() % (CHUNK * columns.len());
        let (full, few) = values.split_at(values.len() - few);
        in_chunks(connection, organization, batch, full).await?;
        let rows = (few.len() / columns.len()).next_power_of_two();
        sql.push_str(&dialect::insert_filled(table, columns, rows, conflict));
        args.extend_from_slice(few);
        args.resize(args.len() + rows * columns.len() - few.len(), Arg::Null);
    }
    connection.execute_str(AssertSqlSafe(sql).into_sql_str(), &args).await.map(drop)
}

/// Rows that fill whole statements.
async fn in_chunks(
    connection: &mut Connection,
    organization: i64,
    batch: &Batch<'_>,
    values: &[Arg<'_>],
) -> Result<(), DbError> {
    if values.is_empty() {
        return Ok(());
    }
    let columns: Vec<BulkColumn<'_>> =
        batch.columns.iter().copied().chain([("organization_id", BulkType::Int)]).collect();
    let rows = values.chunks(batch.columns.len());
    let values: Vec<Arg<'_>> = rows.flat_map(|row| row.iter().copied().chain([Arg::Int(organization)])).collect();
    insert_rows(connection, batch.table, &columns, &values, batch.conflict).await.map(drop)
}

/// Deletes rows of several tables by their row ids, in one round trip.
pub(crate) async fn delete_together(connection: &mut Connection, tables: &[&str], rids: &[i64]) -> Result<(), DbError> {
    let sql = dialect::delete_together(connection.engine(), tables);
    match connection.engine() {
        Engine::Postgres => {
            let rids: Vec<Option<i64>> = rids.iter().copied().map(Some).collect();
            connection.execute(&sql, &[Arg::Ints(&rids)]).await.map(drop)
        }
        Engine::Sqlite => {
            let values: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
            connection.execute(&sql, &[Arg::Text(&json_of(&values))]).await.map(drop)
        }
    }
}

/// An array of the values.
fn json_of(values: &[Arg<'_>]) -> String {
    let mut out = Vec::with_capacity(values.len() * 16 + 2);
    write_array(&mut out, values);
    text(out)
}

/// An array of rows, each an array of so many values.
fn json_of_rows(width: usize, values: &[Arg<'_>]) -> String {
    let mut out = Vec::with_capacity(values.len() * 16 + 2);
    out.push(b'[');
    for (number, row) in values.chunks(width).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_array(&mut out, row);
    }
    out.push(b']');
    text(out)
}

fn write_array(out: &mut Vec<u8>, values: &[Arg<'_>]) {
    out.push(b'[');
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        match value {
            Arg::Int(value) => write_integer(out, *value),
            Arg::Text(value) => write_string(out, value),
            // Other kinds go in placeholders (`Batch::is_json`).
            _ => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
}

/// As its `Display`, without the machinery.
fn write_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let (mut from, mut rest) = (digits.len(), value.unsigned_abs());
    loop {
        from -= 1;
        // A digit.
        digits[from] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[from..]);
}

fn text(json: Vec<u8>) -> String {
    // Digits, and strings that were UTF-8.
    String::from_utf8(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_json() {
        let values =
            [Arg::Int(i64::MIN), Arg::Text("a\"\u{0}é"), Arg::Null, Arg::Int(i64::MAX), Arg::Text(""), Arg::Int(0)];
        let expected = "[[-9223372036854775808,\"a\\\"\\u0000é\",null],[9223372036854775807,\"\",0]]";
        assert_eq!(json_of_rows(3, &values), expected);
        assert_eq!(json_of_rows(3, &[]), "[]");
        assert_eq!(json_of(&[Arg::Int(7), Arg::Int(-10)]), "[7,-10]");
    }
}
