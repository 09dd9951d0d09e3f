//! Triggers on users' tables: whatever another program changes is noted in the outbox, within its own transaction.
//!
//! Our own writes stay silent: on PostgreSQL the transaction's `app.gateway_writing` is on, on SQLite `gateway_writing`
//! holds a row that nobody else ever sees. PostgreSQL notes a whole statement at once (transition tables); its functions
//! run as their owner, because the writer need not know that the gateway exists. SQLite's triggers run inside the other
//! program, so they are plain SQL on plain tables.
//!
//! <https://www.postgresql.org/docs/current/sql-createtrigger.html>, <https://www.sqlite.org/lang_createtrigger.html>

mod feed;

use mappers::map::Map;
use mappers::schema::Schema;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use self::feed::{Changed, Feed};
use super::connection::{Connection, DbError, Engine};
use super::dialect::{literal, quote};

/// The triggers of one table.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The table they are on.
    pub table: String,
    feeds: Vec<Feed>,
}

/// A trigger, or the function behind some, as a statement that can be run again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TriggerStatement {
    /// The object's name.
    pub name: String,
    /// Its definition.
    pub sql: String,
}

/// Which tables need triggers for `maps`: main tables, joined ones, children.
///
/// # Errors
/// A tenant column that cannot hold an organization's number.
pub fn plan(maps: &[Map], schema: &Schema) -> Result<Vec<Watch>, DbError> {
    let mut watches: BTreeMap<String, Vec<Feed>> = BTreeMap::new();
    for map in maps {
        for (table, feed) in feed::of_map(map, schema)? {
            let feeds = watches.entry(table).or_default();
            if !feeds.contains(&feed) {
                feeds.push(feed);
            }
        }
    }
    Ok(watches.into_iter().map(|(table, feeds)| Watch { table, feeds }).collect())
}

/// Installs what is missing or different and drops what is no longer wanted, within the caller's transaction. Returns the
/// statements that were run.
pub async fn install(connection: &mut Connection, watches: &[Watch]) -> Result<Vec<String>, DbError> {
    let there = installed(connection).await?;
    let mut statements = Vec::new();
    let mut wanted = Vec::new();
    for watch in watches {
        for trigger in watch.statements(connection.engine()) {
            if there.get(&trigger.name) != Some(&fingerprint(connection.engine(), &trigger.sql)) {
                if connection.engine() == Engine::Sqlite {
                    statements.push(format!("drop trigger if exists {}", quote(&trigger.name)));
                }
                statements.push(trigger.sql);
            }
            wanted.push(trigger.name);
        }
    }
    for name in there.keys().filter(|name| !wanted.contains(name)) {
        statements.push(drop_statement(connection.engine(), name));
    }
    for statement in &statements {
        connection.script(statement).await?;
    }
    Ok(statements)
}

/// The statements that drop every trigger of the gateway's.
pub async fn uninstall(connection: &mut Connection) -> Result<Vec<String>, DbError> {
    let there = installed(connection).await?;
    Ok(there.keys().map(|name| drop_statement(connection.engine(), name)).collect())
}

/// The statement that notes every row of `map`'s main table that the directory does not know (`all`: every row), to be
/// run as the application within a transaction of the organization's; `$1` = the organization.
///
/// # Errors
/// As [`plan`].
pub fn adopt(engine: Engine, maps: &[&Map], schema: &Schema, all: bool) -> Result<Option<String>, DbError> {
    feed::adopt(engine, maps, schema, all)
}

/// What is installed: name and fingerprint. On PostgreSQL a table's function stands for its triggers.
async fn installed(connection: &mut Connection) -> Result<BTreeMap<String, String>, DbError> {
    let sql = match connection.engine() {
        Engine::Postgres => {
            "select p.proname::text, coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), '') \
             from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
             where n.nspname = 'fhir_gateway' and p.prorettype = 'trigger'::regtype"
        }
        Engine::Sqlite => {
            "select name, sql from sqlite_master where type = 'trigger' and name like 'fhir\\_gateway\\_%' escape '\\'"
        }
    };
    let rows = connection.fetch(sql, &[]).await?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect())
}

/// What [`installed`] gives for a statement: SQLite keeps the text itself.
fn fingerprint(engine: Engine, sql: &str) -> String {
    match engine {
        Engine::Postgres => {
            // The statement ends with the comment that holds its own fingerprint.
            sql.rsplit('\'').nth(1).unwrap_or_default().to_owned()
        }
        Engine::Sqlite => sql.to_owned(),
    }
}

fn drop_statement(engine: Engine, name: &str) -> String {
    match engine {
        // The triggers go with their function.
        Engine::Postgres => format!("drop function if exists fhir_gateway.{}() cascade", quote(name)),
        Engine::Sqlite => format!("drop trigger if exists {}", quote(name)),
    }
}

impl Watch {
    /// Their definitions.
    pub fn statements(&self, engine: Engine) -> Vec<TriggerStatement> {
        match engine {
            Engine::Postgres => vec![self.postgres()],
            Engine::Sqlite => ["insert", "update", "delete"].map(|operation| self.sqlite(operation)).into(),
        }
    }

    fn sqlite(&self, operation: &str) -> TriggerStatement {
        let name = name_of(&self.table, operation);
        let changed: &[Changed] = match operation {
            "insert" => &[Changed::New],
            "update" => &[Changed::Old, Changed::New],
            _ => &[Changed::Old],
        };
        let sql = format!(
            "CREATE TRIGGER {} after {operation} on {} when not exists (select 1 from gateway_writing) begin \
             insert into outbox (map_table, key, organization_id) {}; end",
            quote(&name),
            quote(&self.table),
            self.union(Engine::Sqlite, changed)
        );
        TriggerStatement { name, sql }
    }

    /// One function and four triggers.
    fn postgres(&self) -> TriggerStatement {
        let name = name_of(&self.table, "watch");
        let (function, table) = (quote(&name), quote(&self.table));
        let note = |changed: &[Changed]| {
            format!(
                "insert into fhir_gateway.outbox (map_table, key, organization_id) {}",
                self.union(Engine::Postgres, changed)
            )
        };
        let mut sql = format!(
            "create or replace function fhir_gateway.{function}() returns trigger language plpgsql \
             security definer set search_path = fhir_gateway, public, pg_temp as $fhir$ begin\n\
             if tg_op = 'INSERT' then {};\nelsif tg_op = 'UPDATE' then {};\nelsif tg_op = 'DELETE' then {};\n\
             else {};\nend if;\nreturn null; end $fhir$;\n",
            note(&[Changed::New]),
            note(&[Changed::Old, Changed::New]),
            note(&[Changed::Old]),
            note(&[Changed::All]),
        );
        for (operation, moment, transition) in [
            ("insert", "after", "referencing new table as new_rows"),
            ("update", "after", "referencing old table as old_rows new table as new_rows"),
            ("delete", "after", "referencing old table as old_rows"),
            ("truncate", "before", ""),
        ] {
            sql += &format!(
                "create or replace trigger {} {moment} {operation} on {table} {transition} for each statement \
                 when (coalesce(current_setting('app.gateway_writing', true), '') <> 'on') \
                 execute function fhir_gateway.{function}();\n",
                quote(&name_of(&self.table, operation)),
            );
        }
        let fingerprint = hex(&Sha256::digest(sql.as_bytes()));
        sql += &format!("comment on function fhir_gateway.{function}() is {}", literal(&fingerprint));
        TriggerStatement { name, sql }
    }

    /// The outbox rows for the changed rows, each once.
    fn union(&self, engine: Engine, changed: &[Changed]) -> String {
        let selects =
            self.feeds.iter().flat_map(|feed| changed.iter().map(|rows| feed.select(engine, *rows, &self.table)));
        selects.collect::<Vec<_>>().join(" union ")
    }
}

/// `fhir_gateway_<table>_<operation>`, within PostgreSQL's 63 bytes.
fn name_of(table: &str, operation: &str) -> String {
    const LONGEST: usize = 63;
    let name = format!("fhir_gateway_{table}_{operation}");
    if name.len() <= LONGEST {
        return name;
    }
    let digest = hex(&Sha256::digest(table.as_bytes())[..6]);
    let mut end = LONGEST - "fhir_gateway__".len() - digest.len() - 1 - operation.len();
    while !table.is_char_boundary(end) {
        end -= 1;
    }
    format!("fhir_gateway_{}_{digest}_{operation}", &table[..end])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_postgres() {
        assert_eq!(name_of("patients", "insert"), "fhir_gateway_patients_insert");
        let long = name_of(&"é".repeat(60), "truncate");
        assert!(long.len() <= 63 && long.ends_with("_truncate"));
        assert_ne!(long, name_of(&"é".repeat(61), "truncate"));
    }
}
