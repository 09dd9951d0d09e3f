//! Every difference between the SQL of PostgreSQL and of SQLite.
//!
//! Values pass as canonical text (see [`ColumnKind`]): `read` renders a column as that text, `bind` turns a placeholder of
//! that text into the column's type. SQLite keeps what it is given, so its reads also bring the spellings of other
//! programs (`2026-01-01 12:00:00`, `t`, a 16-byte UUID) to the canonical form.

mod value;

use mappers::schema::ColumnKind;
use mappers::sql::Dialect;
use std::fmt::Write;
use std::time::Duration;

use super::bulk::{BulkColumn, BulkType};
use super::connection::Engine;
use super::pools::APPLICATION_ROLE;
pub use value::{bind, literal, quote, read};

/// The dialect of an engine, as the mappers ask for it.
#[derive(Clone, Copy, Debug)]
pub struct SqlDialect(pub Engine);

impl Dialect for SqlDialect {
    fn read(&self, column: &str, kind: ColumnKind, declared: &str) -> String {
        read(self.0, column, kind, declared)
    }

    fn bind(&self, placeholder: &str, kind: ColumnKind, declared: &str) -> String {
        bind(self.0, placeholder, kind, declared)
    }

    fn quote(&self, name: &str) -> String {
        quote(name)
    }

    fn takes_plain_placeholders(&self) -> bool {
        self.0 == Engine::Sqlite
    }
}

// --- Transactions and sessions ----------------------------------------------------------------------------------------

/// Opens a transaction that only reads.
pub fn begin_read(engine: Engine, organization: Option<i64>) -> String {
    match engine {
        Engine::Postgres => with_organization("begin isolation level repeatable read read only", organization),
        Engine::Sqlite => "begin".to_owned(),
    }
}

/// As [`begin_read`], and tells whether changes of other programs wait in the outbox.
pub fn begin_read_asking(engine: Engine, organization: i64) -> String {
    match engine {
        // The function also sets the transaction's organization.
        Engine::Postgres => format!("{}; {}", begin_read(engine, None), pending(engine, organization)),
        Engine::Sqlite => format!("{}; {}", begin_read(engine, Some(organization)), pending(engine, organization)),
    }
}

const WRITE: &str = "begin; set local app.gateway_writing = 'on'; set local lock_timeout = 2000";

/// Opens a transaction of the gateway's own writes: triggers keep silent about it.
pub fn begin_write(engine: Engine, organization: Option<i64>) -> String {
    match engine {
        Engine::Postgres => {
            // Another program may sit on a row for as long as it likes: all our writers must not queue behind it.
            let begin = with_organization(WRITE, organization);
            // Who works on index rows for a new search parameter excludes us (no snapshot is taken by this).
            if organization.is_some() {
                format!("{begin}; lock table search_registry in row share mode")
            } else {
                begin
            }
        }
        Engine::Sqlite => "begin immediate; insert into gateway_writing (writing) values (1)".to_owned(),
    }
}

/// As [`begin_write`], and tells whether changes of other programs wait in the outbox, of which version the organization's
/// search parameters are, and which labelling counts.
pub fn begin_write_asking(engine: Engine, organization: i64) -> String {
    let version = format!("coalesce((select version from search_registry where organization_id = {organization}), 0)");
    let labelling = "coalesce((select max(id) from labellings), 0)";
    format!("{}; {}, {version}, {labelling}", begin_write(engine, Some(organization)), pending(engine, organization))
}

/// Whether changes of other programs wait.
fn pending(engine: Engine, organization: i64) -> String {
    match engine {
        Engine::Postgres => format!("select fhir_gateway.has_pending({organization})::integer"),
        Engine::Sqlite => format!("select exists(select 1 from outbox where organization_id = {organization})"),
    }
}

/// As [`begin_write`], while nobody else writes. It does not wait for long: others would wait behind it.
pub fn begin_alone(engine: Engine, organization: i64) -> String {
    match engine {
        Engine::Postgres => format!(
            "{}; set local lock_timeout = 100; lock table search_registry in exclusive mode",
            with_organization(WRITE, Some(organization))
        ),
        Engine::Sqlite => begin_write(engine, Some(organization)),
    }
}

/// As [`begin_alone`], for an erasure: it looks through all versions, and waits for whoever is writing.
pub fn begin_erasure(engine: Engine, organization: i64) -> String {
    match engine {
        Engine::Postgres => format!(
            "{}; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; \
             set local lock_timeout = 10000; set local app.gateway_erasing = 'on'; lock table search_registry in exclusive mode",
            with_organization(WRITE, Some(organization))
        ),
        // Two: tables of the clinic schema that are only appended to give way to this alone.
        Engine::Sqlite => "begin immediate; insert into gateway_writing (writing) values (2)".to_owned(),
    }
}

/// The database's clock, in milliseconds since 1970: one for all processes.
pub fn now_ms(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        Engine::Sqlite => "cast(unixepoch('subsec') * 1000 as integer)",
    }
}

/// Takes a role until another one is taken, or the transaction ends (PostgreSQL; SQLite has none).
pub fn act_as(engine: Engine, role: &str) -> Option<String> {
    (engine == Engine::Postgres).then(|| format!("set local role {role}"))
}

/// Checks now what constraints would check at the end of the transaction (SQLite checks when it commits).
pub fn check_constraints(engine: Engine) -> Option<&'static str> {
    (engine == Engine::Postgres).then_some("set constraints all immediate")
}

/// Takes what was deleted out of the files of the database: statements, each by itself (SQLite). PostgreSQL's VACUUM is its
/// operator's.
pub fn scrub(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Postgres => &[],
        // A copy of the whole database is not for memory.
        Engine::Sqlite => &["pragma temp_store = file", "vacuum", "pragma temp_store = memory"],
    }
}

/// Empties the log of what was written (SQLite): whether somebody who reads kept it from that.
pub fn empty_log(engine: Engine) -> Option<&'static str> {
    (engine == Engine::Sqlite).then_some("pragma wal_checkpoint(truncate)")
}

/// Opens a transaction of a schema change or of another program's kind: nobody else writes meanwhile (SQLite).
pub fn begin_plain(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "begin",
        Engine::Sqlite => "begin immediate",
    }
}

fn with_organization(begin: &str, organization: Option<i64>) -> String {
    let mut sql = begin.to_owned();
    if let Some(organization) = organization {
        let _ = write!(sql, "; set local app.current_organization_id = '{organization}'");
    }
    sql
}

/// Commits. On SQLite the mark of own writes goes in the same transaction, so that no other connection ever sees it. On
/// PostgreSQL a COMMIT after a failed statement rolls back and reports success; the SELECT before it fails instead.
pub fn commit(engine: Engine, writing: bool) -> &'static str {
    match engine {
        Engine::Sqlite if writing => "delete from gateway_writing; commit",
        Engine::Postgres => "select 1; commit",
        Engine::Sqlite => "commit",
    }
}

/// Sets a savepoint, goes back to it, or forgets it. `name` is a plain word of ours.
pub fn savepoint(name: &str) -> String {
    format!("savepoint {name}")
}

/// Undoes everything since the savepoint and forgets it.
pub fn rollback_to(name: &str) -> String {
    format!("rollback to savepoint {name}; release savepoint {name}")
}

/// Keeps what was done since the savepoint.
pub fn release(name: &str) -> String {
    format!("release savepoint {name}")
}

/// A statement whose client has gone ends soon; where the server's system cannot tell that, it runs to its timeout.
const GONE: &str = "do $$ begin perform set_config('client_connection_check_interval', '1s', false); exception when others then null; end $$";

/// What a connection of the application's says first (PostgreSQL). Its statements stop at the end of a page: to compile one
/// for all the rows that it might have looked at (`jit`) takes longer than it runs. And they look up single rows by their keys: at
/// the price that is asked for that by default, one of a spinning disk, small tables would be read through for each of them.
pub fn application_session(statement_timeout: Duration) -> String {
    format!(
        "set client_min_messages = error; set role {APPLICATION_ROLE}; set search_path = fhir_gateway, public; set jit = off; set random_page_cost = 1.1; \
         set statement_timeout = {}; \
         set lock_timeout = 10000; set idle_in_transaction_session_timeout = 60000; {GONE}",
        statement_timeout.as_millis()
    )
}

/// What a connection of the owner's says first (PostgreSQL).
pub const OWNER_SESSION: &str = "set search_path = fhir_gateway, public; set client_min_messages = warning";

/// Waits for, and takes until the end of the transaction, a lock of the gateway's own. SQLite's `begin immediate` has
/// locked the file already.
pub fn advisory_lock(engine: Engine, number: i64) -> Option<String> {
    match engine {
        Engine::Postgres => Some(format!("select pg_advisory_xact_lock({number})")),
        Engine::Sqlite => None,
    }
}

/// What follows a SELECT whose rows must not change until the transaction ends (SQLite has one writer).
pub fn for_update(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => " for update",
        Engine::Sqlite => "",
    }
}

/// What follows a SELECT of rows that nobody changes until the transaction ends, while others look at them in the same way.
pub fn for_share(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => " for share",
        Engine::Sqlite => "",
    }
}

/// What follows a SELECT of work that others may be at as well.
pub fn for_update_skip_locked(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => " for update skip locked",
        Engine::Sqlite => "",
    }
}

/// A join whose left side is looked at first. SQLite knows too little of its tables to choose; PostgreSQL chooses.
pub fn join_in_order(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "join",
        Engine::Sqlite => "cross join",
    }
}

/// A join with the rows of a table that a condition finds for each row before it, never by reading the table through. What
/// follows sees `column` of it.
pub fn each_looked_up(engine: Engine, table: &str, column: &str, condition: &str) -> String {
    let row = table.rsplit(' ').next().unwrap_or(table);
    match engine {
        Engine::Postgres => {
            format!("cross join lateral (select {column} from {table} where {condition}{}) {row}", barrier(engine))
        }
        Engine::Sqlite => format!("cross join {table} on {condition}"),
    }
}

/// Ends a subquery that must be answered by itself: PostgreSQL, before it has counted a new table's rows, would otherwise
/// look through all of a table once for each row of another.
pub fn barrier(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => " offset 0",
        Engine::Sqlite => "",
    }
}

/// SQLite: a statement with a savepoint around it, which stays open where the statement is refused.
pub fn within_savepoint(name: &str, sql: &str) -> String {
    format!("{}; {sql}; {}", savepoint(name), release(name))
}

/// What makes an INSERT overwrite the row of the same key: `key` and `set` are column names.
pub fn on_conflict_update(key: &[&str], set: &[&str]) -> String {
    let assignments = set.iter().map(|column| format!("{0} = excluded.{0}", quote(column))).collect::<Vec<_>>();
    let key = key.iter().map(|column| quote(column)).collect::<Vec<_>>();
    format!("on conflict ({}) do update set {}", key.join(", "), assignments.join(", "))
}

/// Whether a text contains another one.
pub fn contains(engine: Engine, text: &str, part: &str) -> String {
    match engine {
        Engine::Postgres => format!("position({part} in {text}) > 0"),
        Engine::Sqlite => format!("instr({text}, {part}) > 0"),
    }
}

/// Whether a text starts with another one of that many characters.
pub fn starts_with(text: &str, start: &str, length: usize) -> String {
    format!("substr({text}, 1, {length}) = {start}")
}

/// The text at a path of members in a column of JSON; null where there is none. PostgreSQL: `json`, which reads no numbers.
pub fn text_in_json(engine: Engine, column: &str, path: &[&str]) -> String {
    match engine {
        Engine::Postgres => format!("({column}::json #>> '{{{}}}')", path.join(",")),
        Engine::Sqlite => format!("json_extract({column}, '$.{}')", path.join(".")),
    }
}

/// A statement that tells how the database would run another one.
pub fn explain(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Postgres => format!("explain {sql}"),
        Engine::Sqlite => format!("explain query plan {sql}"),
    }
}

// --- Many rows at once ------------------------------------------------------------------------------------------------

/// PostgreSQL: rows from one array a column.
pub(super) fn insert_arrays(table: &str, columns: &[BulkColumn<'_>], conflict: &str) -> String {
    format!("insert into {table} ({}) select * from unnest({}) {conflict}", names(columns), arrays(columns, 0))
}

/// SQLite: `rows` rows of placeholders. They are not numbered: SQLite looks numbered ones up in a list, one by one.
pub(super) fn insert_values(table: &str, columns: &[BulkColumn<'_>], rows: usize, conflict: &str) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let mut sql = format!("insert into {table} ({}) values ", names(columns));
    sql.reserve(rows * (row.len() + 1) + conflict.len() + 1);
    for place in 0..rows {
        if place > 0 {
            sql.push(',');
        }
        sql.push_str(&row);
    }
    sql.push(' ');
    sql.push_str(conflict);
    sql
}

/// PostgreSQL: rows of several tables (name, columns, conflict clause) from arrays; `$1` is the organization of all.
pub(super) fn insert_arrays_together(tables: &[(&str, &[BulkColumn<'_>], &str)]) -> String {
    let mut sql = String::with_capacity(4096);
    let mut before = 1;
    for (place, (table, columns, conflict)) in tables.iter().enumerate() {
        // All but the last are queries beside it, which run whether anybody looks at them or not.
        let is_last = place + 1 == tables.len();
        if !is_last {
            let _ = write!(sql, "{} w{place} as (", if place == 0 { "with" } else { "," });
        }
        let (names, arrays) = (names(columns), arrays(columns, before));
        let _ = write!(
            sql,
            " insert into {table} (organization_id, {names}) select $1::bigint, k.* from unnest({arrays}) as k {conflict}"
        );
        if !is_last {
            sql.push(')');
        }
        before += columns.len();
    }
    sql
}

/// SQLite: rows from a JSON array of arrays, the second placeholder; the first is the organization of all.
pub(super) fn insert_json(table: &str, columns: &[BulkColumn<'_>], conflict: &str) -> String {
    let mut sql = format!("insert into {table} (organization_id, {}) select ?", names(columns));
    for place in 0..columns.len() {
        let _ = write!(sql, ", value->>{place}");
    }
    // Without a condition `on` would be read as that of a join.
    let _ = write!(sql, " from json_each(?) where true {conflict};");
    sql
}

/// SQLite: up to `rows` rows of placeholders, after one of the organization; those that begin with NULL only fill up.
pub(super) fn insert_filled(table: &str, columns: &[BulkColumn<'_>], rows: usize, conflict: &str) -> String {
    let mut sql = format!("insert into {table} (organization_id, {}) select ?", names(columns));
    for place in 1..=columns.len() {
        let _ = write!(sql, ", column{place}");
    }
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let _ = write!(sql, " from (values {}) where column1 is not null {conflict};", vec![row; rows].join(","));
    sql
}

/// Deletes the rows of several tables by row ids, an array (PostgreSQL) or a JSON array (SQLite) in `$1`.
pub(super) fn delete_together(engine: Engine, tables: &[&str]) -> String {
    let of_table = |table: &&str| match engine {
        Engine::Postgres => format!("delete from {table} where rid = any($1::bigint[])"),
        Engine::Sqlite => format!("delete from {table} where rid in (select value from json_each($1))"),
    };
    let mut deletes: Vec<String> = tables.iter().map(of_table).collect();
    match (engine, deletes.pop()) {
        (Engine::Postgres, Some(last)) if !deletes.is_empty() => {
            let beside = deletes.iter().enumerate().map(|(place, delete)| format!("w{place} as ({delete})"));
            format!("with {} {last}", beside.collect::<Vec<_>>().join(", "))
        }
        (_, last) => deletes.into_iter().chain(last).collect::<Vec<_>>().join("; "),
    }
}

/// PostgreSQL: a table `k` of keys from arrays that follow `before` other arguments.
pub(super) fn key_arrays(columns: &[BulkColumn<'_>], before: usize) -> String {
    format!("unnest({}) as k ({})", arrays(columns, before), names(columns))
}

/// SQLite: a table `k` of `rows` keys in placeholders that follow `before` other arguments.
pub(super) fn key_values(columns: &[BulkColumn<'_>], rows: usize, before: usize) -> String {
    let mut sql = "(select ".to_owned();
    for (place, (name, _)) in columns.iter().enumerate() {
        let _ = write!(sql, "{}column{} as {}", if place > 0 { ", " } else { "" }, place + 1, quote(name));
    }
    sql.push_str(" from (values ");
    let mut number = before;
    for row in 0..rows {
        sql.push_str(if row > 0 { ",(" } else { "(" });
        for place in 0..columns.len() {
            number += 1;
            let _ = write!(sql, "{}${number}", if place > 0 { "," } else { "" });
        }
        sql.push(')');
    }
    sql.push_str(")) as k");
    sql
}

fn names(columns: &[BulkColumn<'_>]) -> String {
    columns.iter().map(|(name, _)| quote(name)).collect::<Vec<_>>().join(", ")
}

fn arrays(columns: &[BulkColumn<'_>], before: usize) -> String {
    let array = |(place, (_, kind)): (usize, &BulkColumn<'_>)| {
        let kind = match kind {
            BulkType::Int => "bigint",
            BulkType::Real => "double precision",
            BulkType::Body | BulkType::Text => "text",
        };
        format!("${}::{kind}[]", before + place + 1)
    };
    columns.iter().enumerate().map(array).collect::<Vec<_>>().join(", ")
}

// --- Tables of the gateway's own --------------------------------------------------------------------------------------

/// A migration's text for this engine; it is written for PostgreSQL. `-- only sqlite` … `-- end` (and `-- only postgres`)
/// mark lines for one engine.
pub fn migration(engine: Engine, text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut skipping = false;
    for line in text.lines() {
        match (line.trim(), engine) {
            ("-- only sqlite", Engine::Postgres) | ("-- only postgres", Engine::Sqlite) => skipping = true,
            ("-- end", _) => skipping = false,
            _ if skipping => {}
            _ => {
                kept.push_str(line);
                kept.push('\n');
            }
        }
    }
    match engine {
        Engine::Postgres => kept,
        Engine::Sqlite => kept
            .replace("bigint generated always as identity primary key", "integer primary key")
            .replace("bigint not null primary key", "integer primary key")
            .replace(" collate \"C\"", "")
            .replace("bigint", "integer")
            .replace("double precision", "real")
            .replace("/* clustered */", "without rowid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_several_tables_share_a_text() {
        let columns: &[BulkColumn<'_>] = &[("rid", BulkType::Int), ("code", BulkType::Text)];
        assert_eq!(
            insert_arrays_together(&[("a", columns, ""), ("b", &columns[..1], "on conflict do nothing")]),
            "with w0 as ( insert into a (organization_id, \"rid\", \"code\") select $1::bigint, k.* from \
             unnest($2::bigint[], $3::text[]) as k ) insert into b (organization_id, \"rid\") select $1::bigint, k.* \
             from unnest($4::bigint[]) as k on conflict do nothing"
        );
        assert_eq!(
            insert_filled("a", columns, 2, ""),
            "insert into a (organization_id, \"rid\", \"code\") select ?, column1, column2 from (values (?,?),(?,?)) \
             where column1 is not null ;"
        );
        assert_eq!(
            delete_together(Engine::Postgres, &["a", "b"]),
            "with w0 as (delete from a where rid = any($1::bigint[])) delete from b where rid = any($1::bigint[])"
        );
    }

    #[test]
    fn migrations_keep_the_lines_of_their_engine() {
        let text =
            "create table t (a bigint not null primary key);\n-- only sqlite\ncreate table s (a integer);\n-- end\n";
        assert!(!migration(Engine::Postgres, text).contains("table s"));
        assert!(migration(Engine::Sqlite, text).contains("a integer primary key"));
    }
}
