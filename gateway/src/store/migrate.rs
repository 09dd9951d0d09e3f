//! Brings the database's tables to this program's version, and back.
//!
//! Everything happens in one transaction under a lock of the gateway's own, so that two processes that start at once do
//! it once. A migration that was applied and whose text has changed since is refused.

use mappers::map::{JoinWrite, Map};
use mappers::schema::Schema;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use super::connection::{Arg, Connection, DbError, Engine};
use super::introspect::introspect;
use super::pools::Pools;
use super::security::{self, UserTable};
use super::{dialect, triggers};

/// A set of tables with migrations of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Area {
    /// The audit trail. On PostgreSQL beside the internal tables, on SQLite in a file of its own (see `audit`).
    Audit,
    /// The clinic schema for those who start fresh; in the schema `public` on PostgreSQL.
    Clinic,
    /// The gateway's own tables; in the schema `fhir_gateway` on PostgreSQL.
    Internal,
}

/// One migration.
struct Migration {
    area: Area,
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! migration {
    ($area:ident, $folder:literal, $name:literal) => {
        Migration {
            area: Area::$area,
            name: concat!($folder, "/", $name),
            up: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/", $folder, "/", $name, ".up.sql")),
            down: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../migrations/",
                $folder,
                "/",
                $name,
                ".down.sql"
            )),
        }
    };
}

/// In the order in which they are applied.
const MIGRATIONS: &[Migration] = &[
    migration!(Internal, "internal", "0001_internal"),
    migration!(Audit, "internal", "0002_audit"),
    migration!(Internal, "internal", "0003_search_parameters"),
    migration!(Audit, "internal", "0004_audit_chain"),
    migration!(Internal, "internal", "0005_labels"),
    migration!(Internal, "internal", "0006_consents"),
    migration!(Internal, "internal", "0007_consent_versions"),
    migration!(Internal, "internal", "0008_break_glass"),
    migration!(Internal, "internal", "0009_proxies"),
    migration!(Audit, "internal", "0010_audit_reading"),
    migration!(Audit, "internal", "0011_audit_retention"),
    migration!(Internal, "internal", "0012_consent_denies"),
    migration!(Internal, "internal", "0013_erasure"),
    migration!(Internal, "internal", "0014_moved"),
    migration!(Internal, "internal", "0015_alerts"),
    migration!(Audit, "internal", "0017_audit_partitions"),
    migration!(Internal, "internal", "0018_unspoken"),
    migration!(Internal, "internal", "0019_derived_under"),
    migration!(Internal, "internal", "0020_statutes"),
    migration!(Internal, "internal", "0021_counting"),
    migration!(Internal, "internal", "0022_clients"),
    migration!(Internal, "internal", "0023_app_launch"),
    migration!(Internal, "internal", "0024_accounts"),
    migration!(Internal, "internal", "0025_signing_keys"),
    migration!(Internal, "internal", "0026_outside_logins"),
    migration!(Internal, "internal", "0027_client_networks"),
    migration!(Internal, "internal", "0028_token_exchange"),
    migration!(Internal, "internal", "0029_registration"),
    migration!(Internal, "internal", "0030_normalization"),
    migration!(Clinic, "clinic", "0001_clinic"),
    migration!(Clinic, "clinic", "0002_people"),
    migration!(Clinic, "clinic", "0003_record"),
    migration!(Clinic, "clinic", "0004_care"),
    migration!(Clinic, "clinic", "0005_documents"),
    migration!(Clinic, "clinic", "0006_events"),
    migration!(Clinic, "clinic", "0007_soap"),
    migration!(Clinic, "clinic", "0008_soap_merge"),
    migration!(Clinic, "clinic", "0009_event_erasure"),
];

/// The texts that make the clinic schema, in order.
pub fn clinic_sql() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().filter(|migration| migration.area == Area::Clinic).map(|migration| migration.up)
}

/// The gateway's lock among PostgreSQL's advisory locks ("fhir" as ASCII).
const LOCK: i64 = 0x6668_6972;

const BOOKKEEPING: &str = "create table if not exists migrations (\
     name text not null primary key, checksum text not null, applied bigint not null)";

/// What to migrate.
#[derive(Clone, Copy, Debug)]
pub struct MigrateOptions {
    /// With the clinic schema.
    pub clinic: bool,
    /// Only say what would be done.
    pub print: bool,
    /// The time that the bookkeeping notes, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Applies what is missing. Returns the statements that were (or with `print` would be) run; none where all was there.
pub async fn migrate(pools: &Pools, options: &MigrateOptions) -> Result<Vec<String>, DbError> {
    within_lock(pools, options.print, async |run: &mut Run<'_>| {
        let before = run.applied().await?;
        run.prepare().await?;
        let engine = run.connection.engine();
        let mut changed = before.is_none();
        let before = before.unwrap_or_default();
        for migration in MIGRATIONS.iter().filter(|migration| wanted(migration, engine, options.clinic)) {
            let checksum = checksum(migration.up);
            match before.get(migration.name) {
                Some(known) if *known == checksum => continue,
                Some(_) => {
                    return Err(DbError::fault(format!("migration {} was changed after it ran", migration.name)));
                }
                None => {}
            }
            run.apply(migration, migration.up).await?;
            run.note(migration.name, &checksum, options.now_ms).await?;
            changed = true;
        }
        run.secure(changed, before.get(SECURITY).map(String::as_str), options).await
    })
    .await
}

/// Applies what is missing, at the time of the machine's clock.
pub async fn up(pools: &Pools, clinic: bool) -> Result<(), DbError> {
    let now_ms = crate::clock::Clock::system().now_ms();
    migrate(pools, &MigrateOptions { clinic, print: false, now_ms }).await.map(drop)
}

/// Readies the users' tables for `maps`: rights and policies of the gateway's role, triggers, and a note of every row
/// that the directory does not know. What is as it should be is not touched. Returns the statements that were run.
pub async fn install_maps(pools: &Pools, maps: &[Map], schema: &Schema, now_ms: i64) -> Result<Vec<String>, DbError> {
    let watches = triggers::plan(maps, schema)?;
    within_lock(pools, false, async |run: &mut Run<'_>| {
        run.place(Area::Internal).await?;
        for table in user_tables(maps, schema) {
            for statement in security::user_table(run.connection, &table).await? {
                run.run(&statement).await?;
            }
        }
        let statements = triggers::install(run.connection, &watches).await?;
        run.statements.extend(statements);
        run.adopt(maps, schema, now_ms).await
    })
    .await
}

/// Every table that maps name, with what they do to it.
fn user_tables(maps: &[Map], schema: &Schema) -> Vec<UserTable> {
    let mut tables: BTreeMap<&str, UserTable> = BTreeMap::new();
    let mut add = |name: &'_ str, tenant: Option<&String>, readonly: bool| {
        let Some((name, shape)) = schema.tables.get_key_value(name) else { return };
        let table =
            tables.entry(name).or_insert_with(|| UserTable { name: name.clone(), tenant: None, readonly: true });
        table.readonly &= readonly;
        if table.tenant.is_none() {
            // A joined or child table is guarded where it names the organization in the same way.
            table.tenant = tenant.filter(|tenant| shape.column(tenant).is_some()).cloned();
        }
    };
    for map in maps {
        add(&map.table, map.tenant.as_ref(), map.readonly);
        for child in &map.children {
            add(&child.table, child.tenant.as_ref().or(map.tenant.as_ref()), map.readonly);
        }
        for join in &map.joins {
            add(&join.table, map.tenant.as_ref(), map.readonly || join.write == JoinWrite::Never);
        }
    }
    tables.into_values().collect()
}

/// Takes everything back: triggers and policies on users' tables, then the tables, newest first.
pub async fn revert(pools: &Pools, options: &MigrateOptions) -> Result<Vec<String>, DbError> {
    within_lock(pools, options.print, async |run: &mut Run<'_>| {
        let Some(applied) = run.applied().await? else { return Ok(()) };
        run.place(Area::Internal).await?;
        let mut statements = triggers::uninstall(run.connection).await?;
        statements.extend(security::release_user_tables(run.connection).await?);
        for statement in &statements {
            run.run(statement).await?;
        }
        let engine = run.connection.engine();
        for migration in MIGRATIONS.iter().rev().filter(|migration| wanted(migration, engine, options.clinic)) {
            if applied.contains_key(migration.name) {
                run.apply(migration, migration.down).await?;
                run.forget(migration.name).await?;
            }
        }
        run.forget(SECURITY).await
    })
    .await
}

/// The migrations that this program would still apply, by name.
pub async fn pending(connection: &mut Connection, clinic: bool) -> Result<Vec<&'static str>, DbError> {
    let mut run = Run { connection, statements: Vec::new() };
    let applied = run.applied().await?.unwrap_or_default();
    let engine = run.connection.engine();
    let missing = MIGRATIONS.iter().filter(|migration| wanted(migration, engine, clinic));
    Ok(missing.map(|migration| migration.name).filter(|name| !applied.contains_key(*name)).collect())
}

/// The steps that make the audit trail's own file (SQLite) what it should be, in order. The file's `user_version` says
/// how many of them it has.
pub fn audit_file() -> Vec<String> {
    MIGRATIONS
        .iter()
        .filter(|migration| migration.area == Area::Audit)
        .map(|migration| dialect::migration(Engine::Sqlite, migration.up))
        .map(|text| text.replace("create table ", "create table if not exists "))
        .map(|text| text.replace("create index ", "create index if not exists "))
        .collect()
}

/// The name under which the fingerprint of roles, grants and policies is kept.
const SECURITY: &str = "security";

fn wanted(migration: &Migration, engine: Engine, clinic: bool) -> bool {
    match migration.area {
        Area::Audit => engine == Engine::Postgres,
        Area::Clinic => clinic,
        Area::Internal => true,
    }
}

fn checksum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs `steps` in one transaction under the gateway's lock; with `print` nothing is kept. Tried again where another
/// process changed the same catalog rows (roles belong to the whole cluster).
async fn within_lock<F>(pools: &Pools, print: bool, steps: F) -> Result<Vec<String>, DbError>
where
    F: AsyncFn(&mut Run<'_>) -> Result<(), DbError>,
{
    let mut tries = 0;
    loop {
        let mut connection = pools.owner().await?;
        connection.begin_plain().await?;
        let mut run = Run { connection: &mut connection, statements: Vec::new() };
        let result = match run.lock().await {
            Ok(()) => steps(&mut run).await,
            Err(error) => Err(error),
        };
        let statements = run.statements;
        match result {
            Ok(()) if print => connection.rollback().await?,
            Ok(()) => connection.commit().await?,
            Err(error) => {
                connection.rollback().await?;
                tries += 1;
                // XX000 is "tuple concurrently updated"; two that take the same role at once find out by the catalog's index.
                let of_catalog = error.table.as_deref() == Some("pg_auth_members");
                if tries < 5 && (error.is_retryable() || &*error.code == "XX000" || of_catalog) {
                    tokio::time::sleep(std::time::Duration::from_millis(50 * tries)).await;
                    continue;
                }
                return Err(error);
            }
        }
        return Ok(statements);
    }
}

/// The statements of one run. They are run even when only printed (and then rolled back): later ones depend on them.
struct Run<'c> {
    connection: &'c mut Connection,
    statements: Vec<String>,
}

impl Run<'_> {
    async fn lock(&mut self) -> Result<(), DbError> {
        match dialect::advisory_lock(self.connection.engine(), LOCK) {
            Some(sql) => self.connection.fetch(&sql, &[]).await.map(drop),
            None => Ok(()),
        }
    }

    /// What was applied, with checksums; `None` where the bookkeeping itself is missing.
    async fn applied(&mut self) -> Result<Option<BTreeMap<String, String>>, DbError> {
        let there = match self.connection.engine() {
            Engine::Postgres => "select to_regclass('fhir_gateway.migrations') is not null",
            Engine::Sqlite => "select count(*) from sqlite_master where name = 'migrations'",
        };
        if !self.connection.fetch_optional(there, &[]).await?.is_some_and(|row| row.flag(0)) {
            return Ok(None);
        }
        let table = self.bookkeeping();
        let rows = self.connection.fetch(&format!("select name, checksum from {table}"), &[]).await?;
        let entry = |row: &super::connection::Row| Some((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        Ok(Some(rows.iter().filter_map(entry).collect()))
    }

    fn bookkeeping(&self) -> &'static str {
        match self.connection.engine() {
            Engine::Postgres => "fhir_gateway.migrations",
            Engine::Sqlite => "migrations",
        }
    }

    /// Role, schema and bookkeeping.
    async fn prepare(&mut self) -> Result<(), DbError> {
        if self.connection.engine() == Engine::Postgres {
            self.run(&security::create_roles()).await?;
        }
        self.place(Area::Internal).await?;
        self.run(&dialect::migration(self.connection.engine(), BOOKKEEPING)).await
    }

    /// Where the tables of an area are created.
    async fn place(&mut self, area: Area) -> Result<(), DbError> {
        match (self.connection.engine(), area) {
            (Engine::Sqlite, _) => Ok(()),
            (Engine::Postgres, Area::Clinic) => self.run("set local search_path = public").await,
            (Engine::Postgres, Area::Audit | Area::Internal) => {
                self.run("set local search_path = fhir_gateway, public").await
            }
        }
    }

    async fn apply(&mut self, migration: &Migration, text: &str) -> Result<(), DbError> {
        self.place(migration.area).await?;
        let sql = dialect::migration(self.connection.engine(), text);
        self.run(&sql).await?;
        self.place(Area::Internal).await
    }

    async fn note(&mut self, name: &str, checksum: &str, now_ms: i64) -> Result<(), DbError> {
        let sql = format!(
            "insert into {} (name, checksum, applied) values ($1, $2, $3) \
             on conflict (name) do update set checksum = excluded.checksum, applied = excluded.applied",
            self.bookkeeping()
        );
        self.connection.execute(&sql, &[Arg::Text(name), Arg::Text(checksum), Arg::Int(now_ms)]).await.map(drop)
    }

    async fn forget(&mut self, name: &str) -> Result<(), DbError> {
        let sql = format!("delete from {} where name = $1", self.bookkeeping());
        self.connection.execute(&sql, &[Arg::Text(name)]).await.map(drop)
    }

    /// Grants and policies, where they are not as this program wants them: they take locks that would stop a running
    /// gateway for a moment.
    async fn secure(&mut self, changed: bool, known: Option<&str>, options: &MigrateOptions) -> Result<(), DbError> {
        if self.connection.engine() == Engine::Sqlite {
            return Ok(());
        }
        let statements = security::internal();
        let fingerprint = checksum(&statements.join(";"));
        if changed || known != Some(&fingerprint) {
            for statement in &statements {
                self.run(statement).await?;
            }
            self.note(SECURITY, &fingerprint, options.now_ms).await?;
        }
        if options.clinic && changed { self.secure_clinic().await } else { Ok(()) }
    }

    /// The clinic schema's tables are the gateway's to guard, mapped or not.
    async fn secure_clinic(&mut self) -> Result<(), DbError> {
        let schema = introspect(self.connection).await?;
        // Views have no policies: they would show every organization's rows, so nobody is given rights to them.
        let tables = schema.tables.iter().filter(|(_, table)| !table.primary_key.is_empty());
        for (name, _) in tables.filter(|(_, table)| table.column("organization_id").is_some()) {
            let table = UserTable { name: name.clone(), tenant: Some("organization_id".to_owned()), readonly: false };
            for statement in security::user_table(self.connection, &table).await? {
                self.run(&statement).await?;
            }
        }
        Ok(())
    }

    /// Notes the rows of maps that are new or have changed, organization by organization, as the application.
    async fn adopt(&mut self, maps: &[Map], schema: &Schema, now_ms: i64) -> Result<(), DbError> {
        let known = self.map_states().await?;
        let zone =
            self.connection.fetch_optional("select time_zone from gateway_organizations where id = 1", &[]).await?;
        let zone = zone.and_then(|row| row.text(0).map(ToOwned::to_owned)).filter(|zone| zone != "UTC");
        let print = |map: &Map| {
            let text = format!("{map:?}");
            // Columns without a zone say something else in another zone.
            let zone = zone.as_deref().filter(|_| text.contains("Zoned(None)")).unwrap_or_default();
            checksum(&(text + zone))
        };
        let prints: Vec<String> = maps.iter().map(print).collect();
        let mut tables: BTreeMap<&str, (Vec<&Map>, bool, bool)> = BTreeMap::new();
        for (map, print) in maps.iter().zip(&prints) {
            let (group, new, changed) = tables.entry(&map.table).or_default();
            group.push(map);
            *new |= !known.contains_key(&map.name);
            *changed |= known.get(&map.name).is_some_and(|known| known != print);
        }
        let organizations = self.connection.fetch("select id from gateway_organizations order by id", &[]).await?;
        let organizations: Vec<i64> = organizations.iter().filter_map(|row| row.int(0)).collect();
        self.act_as_application(true).await?;
        for (group, _, changed) in tables.values().filter(|(_, new, changed)| *new || *changed) {
            // Rows that an older map knows are unknown to a new one.
            let all = *changed || group.iter().any(|map| known.contains_key(&map.name));
            let Some(sql) = triggers::adopt(self.connection.engine(), group, schema, all)? else { continue };
            for organization in &organizations {
                self.connection.set_organization(*organization).await?;
                self.connection.execute(&sql, &[Arg::Int(*organization)]).await?;
            }
        }
        self.act_as_application(false).await?;
        for (map, print) in maps.iter().zip(&prints).filter(|(map, print)| known.get(&map.name) != Some(print)) {
            let sql = "insert into map_state (name, fingerprint, installed) values ($1, $2, $3) \
                       on conflict (name) do update set fingerprint = excluded.fingerprint, installed = excluded.installed";
            self.connection.execute(sql, &[Arg::Text(&map.name), Arg::Text(print), Arg::Int(now_ms)]).await?;
        }
        Ok(())
    }

    async fn map_states(&mut self) -> Result<BTreeMap<String, String>, DbError> {
        let rows = self.connection.fetch("select name, fingerprint from map_state", &[]).await?;
        Ok(rows.iter().filter_map(|row| Some((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect())
    }

    /// Takes the application's role, so that rows are seen as it sees them, or goes back to the owner's.
    async fn act_as_application(&mut self, application: bool) -> Result<(), DbError> {
        match self.connection.engine() {
            Engine::Postgres if application => {
                self.connection.script(&format!("set local role {}", super::pools::APPLICATION_ROLE)).await
            }
            Engine::Postgres => self.connection.script("reset role").await,
            Engine::Sqlite => Ok(()),
        }
    }

    async fn run(&mut self, sql: &str) -> Result<(), DbError> {
        self.connection.script(sql).await?;
        self.statements.push(sql.trim().to_owned());
        Ok(())
    }
}
