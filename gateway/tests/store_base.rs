//! The store's foundation on both engines: connections, migrations, bulk statements, triggers, security, audit.
//!
//! PostgreSQL runs where `FHIR_GATEWAY_TEST_POSTGRES` is a superuser's URL; without it those tests say SKIPPED.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gateway::store::bulk::{self, BulkType};
use gateway::store::connection::{Arg, Connection, DbErrorKind, Engine};
use gateway::store::migrate::{self, MigrateOptions};
use gateway::store::pools::{PoolSettings, Pools};
use gateway::store::{dialect, introspect};
use mappers::schema::ColumnKind;

const UP: MigrateOptions = MigrateOptions { clinic: true, print: false, now_ms: 1 };

/// A database of its own for one test; goes away with the value.
struct Database {
    pools: Pools,
    directory: tempfile::TempDir,
    created: Option<(String, String)>,
}

impl Database {
    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pools = Pools::open(None, directory.path(), &PoolSettings::default()).await.unwrap();
        Self { pools, directory, created: None }
    }

    async fn postgres() -> Option<Self> {
        Self::postgres_of(None).await
    }

    /// A database of PostgreSQL whose owner is `owner`, made for it with no more rights than a clinic's user has.
    async fn postgres_of(owner: Option<&str>) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(url) = std::env::var("FHIR_GATEWAY_TEST_POSTGRES") else {
            eprintln!("SKIPPED: FHIR_GATEWAY_TEST_POSTGRES is not set, nothing was tested on PostgreSQL");
            return None;
        };
        let name = format!("store_base_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let server = Pools::open(Some(&url), "/".as_ref(), &PoolSettings::default()).await.unwrap();
        let mut connection = server.owner().await.unwrap();
        connection.script(&format!("create database {name}")).await.unwrap();
        let mut own = format!("{}/{name}", url.rsplit_once('/').unwrap().0);
        if let Some(owner) = owner {
            let role = format!(
                "do $$ begin create role {owner} login createrole; exception when duplicate_object then null; end $$; \
                 alter database {name} owner to {owner}"
            );
            connection.script(&role).await.unwrap();
            let host = own.rsplit_once('@').unwrap().1.to_owned();
            own = format!("postgres://{owner}@{host}");
        }
        let directory = tempfile::tempdir().unwrap();
        let pools = Pools::open(Some(&own), directory.path(), &PoolSettings::default()).await.unwrap();
        Some(Self { pools, directory, created: Some((url, name)) })
    }

    async fn finish(self) {
        self.pools.close().await;
        if let Some((url, name)) = self.created {
            let server = Pools::open(Some(&url), "/".as_ref(), &PoolSettings::default()).await.unwrap();
            let mut connection = server.owner().await.unwrap();
            connection.script(&format!("drop database {name} with (force)")).await.unwrap();
        }
    }
}

/// Runs a case on SQLite and, where there is one, on PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn sqlite() {
                let database = Database::sqlite().await;
                super::cases::$name(&database).await;
                database.finish().await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(database) = Database::postgres().await else { return };
                super::cases::$name(&database).await;
                database.finish().await;
            }
        }
    )* };
}

on_both!(
    values_pass_and_errors_are_told_apart,
    a_dropped_transaction_is_never_inherited,
    commit_after_a_failure_says_so,
    migrations_go_up_and_down_and_up,
    two_processes_migrate_at_once,
    many_rows_go_in_and_come_out,
    native_types_read_in_canonical_form,
    foreign_changes_reach_the_outbox,
    own_changes_do_not,
    existing_rows_are_adopted_once,
    the_audit_trail_is_durable,
    bulk_is_fast,
);

mod cases {
    use super::*;

    pub(crate) async fn values_pass_and_errors_are_told_apart(database: &Database) {
        let mut connection = database.pools.owner().await.unwrap();
        connection
            .script("create table t (a bigint unique, b varchar(5) check (length(b) < 5), c text not null)")
            .await
            .unwrap();
        let insert = "insert into t (a, b, c) values ($1, $2, $3)";
        connection.execute(insert, &[Arg::Null, Arg::Null, Arg::Text("first NULLs fix no type")]).await.unwrap();
        connection.execute(insert, &[Arg::Int(7), Arg::Text("x"), Arg::Text("")]).await.unwrap();
        let row =
            connection.fetch_optional("select a, b, c from t where a = $1", &[Arg::Int(7)]).await.unwrap().unwrap();
        assert_eq!((row.int(0), row.text(1), row.text(2)), (Some(7), Some("x"), Some("")));
        for (values, kind) in [
            ([Arg::Int(7), Arg::Null, Arg::Text("")], DbErrorKind::Unique),
            ([Arg::Null, Arg::Null, Arg::Null], DbErrorKind::NotNull),
            ([Arg::Null, Arg::Text("secre"), Arg::Text("")], DbErrorKind::Check),
        ] {
            let error = connection.execute(insert, &values).await.unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(!error.to_string().contains("secre"), "{error}");
        }
        if connection.engine() == Engine::Postgres {
            let error = connection.execute(insert, &[Arg::Null, Arg::Text("longer"), Arg::Text("")]).await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::TooLong);
            let error = connection.fetch("select $1::text::uuid", &[Arg::Text("no uuid")]).await.unwrap_err();
            assert_eq!(error.kind, DbErrorKind::BadValue);
            assert!(!error.to_string().contains("no uuid"));
        }
    }

    pub(crate) async fn a_dropped_transaction_is_never_inherited(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        {
            let mut connection = database.pools.writer().await.unwrap();
            connection.begin_write(Some(1)).await.unwrap();
            connection.execute("update gateway_organizations set name = 'lost'", &[]).await.unwrap();
        }
        let mut connection = database.pools.writer().await.unwrap();
        connection.begin_write(Some(1)).await.unwrap();
        let row = connection.fetch_optional("select name from gateway_organizations", &[]).await.unwrap().unwrap();
        assert_eq!(row.text(0), Some("Default organization"));
        connection.commit().await.unwrap();
    }

    pub(crate) async fn commit_after_a_failure_says_so(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.writer().await.unwrap();
        connection.begin_write(Some(1)).await.unwrap();
        let insert = "insert into patient_identifiers (patient_id, position, organization_id) values ('nobody', 0, 1)";
        connection.execute(insert, &[]).await.unwrap();
        let error = connection.commit().await.unwrap_err();
        assert_eq!(error.kind, DbErrorKind::ForeignKey);
        connection.begin_write(Some(1)).await.unwrap();
        if connection.engine() == Engine::Postgres {
            connection.execute("select 1/0", &[]).await.unwrap_err();
            connection.commit().await.unwrap_err();
            connection.begin_write(Some(1)).await.unwrap();
        }
        connection.commit().await.unwrap();
    }

    pub(crate) async fn migrations_go_up_and_down_and_up(database: &Database) {
        let printed = migrate::migrate(&database.pools, &MigrateOptions { print: true, ..UP }).await.unwrap();
        assert!(printed.iter().any(|statement| statement.contains("create table directory")));
        let run = migrate::migrate(&database.pools, &UP).await.unwrap();
        assert_eq!(printed, run, "what is printed is what is run");
        let again = migrate::migrate(&database.pools, &UP).await.unwrap();
        assert!(!again.iter().any(|statement| statement.contains("create table directory")));
        migrate::revert(&database.pools, &UP).await.unwrap();
        let tables = introspect::schema(&database.pools).await.unwrap().tables;
        assert!(tables.is_empty(), "left: {:?}", tables.keys());
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.owner().await.unwrap();
        assert_eq!(migrate::pending(&mut connection, true).await.unwrap(), Vec::<&str>::new());
    }

    pub(crate) async fn two_processes_migrate_at_once(database: &Database) {
        let (url, path) = match &database.created {
            Some((url, name)) => (Some(format!("{}/{name}", url.rsplit_once('/').unwrap().0)), None),
            None => (None, Some(database.directory.path())),
        };
        let open = || Pools::open(url.as_deref(), path.unwrap_or_else(|| "/".as_ref()), &UP_SETTINGS);
        let (first, second) = (open().await.unwrap(), open().await.unwrap());
        let (one, two) = tokio::join!(migrate::migrate(&first, &UP), migrate::migrate(&second, &UP));
        one.unwrap();
        two.unwrap();
    }

    static UP_SETTINGS: std::sync::LazyLock<PoolSettings> = std::sync::LazyLock::new(PoolSettings::default);

    pub(crate) async fn many_rows_go_in_and_come_out(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.writer().await.unwrap();
        connection.begin_write(Some(1)).await.unwrap();
        let codes: Vec<String> = (0..777).map(|n| format!("code {n}")).collect();
        let columns = [
            ("organization_id", BulkType::Int),
            ("path", BulkType::Int),
            ("code", BulkType::Text),
            ("system", BulkType::Text),
            ("rid", BulkType::Int),
        ];
        let mut values = Vec::new();
        for (code, rid) in codes.iter().zip(0..) {
            values.extend([Arg::Int(1), Arg::Int(7), Arg::Text(code), Arg::Text(""), Arg::Int(rid)]);
        }
        let inserted = bulk::insert_rows(&mut connection, "index_token", &columns, &values, "").await.unwrap();
        assert_eq!(inserted, 777);
        let again = bulk::insert_rows(&mut connection, "index_token", &columns, &values, "on conflict do nothing");
        assert_eq!(again.await.unwrap(), 0);
        let keys: Vec<Arg<'_>> = codes.iter().skip(77).map(|code| Arg::Text(code)).collect();
        let sql = "select t.rid, k.code from {keys} join index_token t \
                   on t.organization_id = $1 and t.path = $2 and t.code = k.code";
        let args = [Arg::Int(1), Arg::Int(7)];
        let key = [("code", BulkType::Text)];
        let rows = bulk::fetch_by_keys(&mut connection, sql, &args, &key, &keys).await.unwrap();
        assert_eq!(rows.len(), 700);
        assert!(rows.iter().all(|row| row.text(1) == Some(&format!("code {}", row.int(0).unwrap()))));
        let sql = "delete from index_token where rid in (select k.rid from {keys})";
        let keys: Vec<Arg<'_>> = (0..300).map(Arg::Int).collect();
        let key = [("rid", BulkType::Int)];
        assert_eq!(bulk::execute_by_keys(&mut connection, sql, &[], &key, &keys).await.unwrap(), 300);
        connection.commit().await.unwrap();
    }

    pub(crate) async fn native_types_read_in_canonical_form(database: &Database) {
        let mut connection = database.pools.owner().await.unwrap();
        let table = "create table native (a boolean, b bytea, c date, d integer, e json, f numeric(6,2), g double precision, \
                     h varchar(20), i time, j timestamp, k timestamptz, l uuid, m numeric)";
        connection.script(table).await.unwrap();
        let schema = introspect::introspect(&mut connection).await.unwrap();
        let columns = &schema.tables["native"].columns;
        let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, NATIVE.map(|(kind, _)| kind));
        let engine = connection.engine();
        let names = columns.iter().map(|column| dialect::quote(&column.name)).collect::<Vec<_>>().join(", ");
        let binds = columns
            .iter()
            .enumerate()
            .map(|(place, column)| dialect::bind(engine, &format!("${}", place + 1), column.kind, &column.declared));
        let binds = binds.collect::<Vec<_>>().join(", ");
        let reads = columns
            .iter()
            .map(|column| dialect::read(engine, &dialect::quote(&column.name), column.kind, &column.declared));
        let reads = reads.collect::<Vec<_>>().join(", ");
        let values = NATIVE.map(|(_, text)| Arg::Text(text));
        let insert = format!("insert into native ({names}) values ({binds}) returning {reads}");
        let row = connection.fetch_optional(&insert, &values).await.unwrap().unwrap();
        for (place, (kind, text)) in NATIVE.iter().enumerate() {
            assert_eq!(row.text(place), Some(*text), "{kind:?}");
        }
        let nulls = vec![Arg::Null; NATIVE.len()];
        let row = connection.fetch_optional(&insert, &nulls).await.unwrap().unwrap();
        assert!((0..NATIVE.len()).all(|place| row.text(place).is_none()));
        for (text, bytes) in [("", 0), ("00", 1), ("00FF", 2), ("00FF00", 3), ("FFEEDDCCBBAA99", 7)] {
            let read = dialect::read(engine, "b", ColumnKind::Bytes, "bytea");
            let bind = dialect::bind(engine, "$1", ColumnKind::Bytes, "bytea");
            let sql = format!("update native set b = {bind} where a is null returning {read}, length(b)");
            let row = connection.fetch_optional(&sql, &[Arg::Text(text)]).await.unwrap().unwrap();
            assert_eq!((row.text(0), row.int(1)), (Some(text), Some(bytes)));
        }
        foreign_spellings(&mut connection).await;
    }

    const NATIVE: [(ColumnKind, &str); 13] = [
        (ColumnKind::Boolean, "true"),
        (ColumnKind::Bytes, "68656C6C6F20776F726C64"),
        (ColumnKind::Date, "2024-02-29"),
        (ColumnKind::Integer, "-7"),
        (ColumnKind::Json, r#"{"a": [1, 2]}"#),
        (ColumnKind::Numeric, "98.60"),
        (ColumnKind::Real, "98"),
        (ColumnKind::Text, "O'Hara"),
        (ColumnKind::Time, "08:30:00.5"),
        (ColumnKind::Timestamp, "2024-02-29T12:34:56"),
        (ColumnKind::TimestampTz, "2024-02-29T12:34:56.789Z"),
        (ColumnKind::Uuid, "0190f0c0-0000-7000-8000-00000000000a"),
        (ColumnKind::Numeric, "1.5"),
    ];

    /// What other programs write into the same columns reads in one form.
    async fn foreign_spellings(connection: &mut Connection) {
        let engine = connection.engine();
        for (column, kind, declared, spelled, read) in [
            ("a", ColumnKind::Boolean, "boolean", "'f'", "false"),
            ("f", ColumnKind::Numeric, "numeric(6,2)", "98", "98.00"),
            ("g", ColumnKind::Real, "double precision", "98.60", "98.6"),
            ("i", ColumnKind::Time, "time", "'08:30'", "08:30:00"),
            ("j", ColumnKind::Timestamp, "timestamp", "'2024-02-29 12:34:56.500'", "2024-02-29T12:34:56.5"),
            ("j", ColumnKind::Timestamp, "timestamp", "'2024-02-29'", "2024-02-29T00:00:00"),
            ("k", ColumnKind::TimestampTz, "timestamptz", "'2024-02-29 12:34:56+02:00'", "2024-02-29T10:34:56Z"),
            ("k", ColumnKind::TimestampTz, "timestamptz", "'2024-02-29T12:34:00Z'", "2024-02-29T12:34:00Z"),
            ("k", ColumnKind::TimestampTz, "timestamptz", "'2024-02-29 12:34:56.120'", "2024-02-29T12:34:56.12Z"),
            (
                "l",
                ColumnKind::Uuid,
                "uuid",
                "'0190F0C0-0000-7000-8000-00000000000A'",
                "0190f0c0-0000-7000-8000-00000000000a",
            ),
        ] {
            let expression = dialect::read(engine, column, kind, declared);
            connection.script("set time zone 'UTC'").await.ok();
            let sql = format!("update native set {column} = {spelled} where d = -7 returning {expression}");
            let row = connection.fetch_optional(&sql, &[]).await.unwrap().unwrap();
            assert_eq!(row.text(0), Some(read), "{column} = {spelled}");
        }
    }

    const FOREIGN: &str = "
        insert into patients (id, organization_id, last_name) values ('p1', 1, 'A'), ('p2', 1, 'B');
        insert into patient_identifiers (patient_id, position, organization_id, value) values ('p1', 0, 1, 'x');";

    pub(crate) async fn foreign_changes_reach_the_outbox(database: &Database) {
        foreign_changes(database).await;
        let mut foreign = database.pools.owner().await.unwrap();
        if foreign.engine() == Engine::Postgres {
            plain_users_can_write(&mut foreign).await;
        }
    }

    /// Writes as the tables' owner does, with no setting of the gateway's.
    pub(crate) async fn foreign_changes(database: &Database) {
        watched(database).await;
        let mut foreign = database.pools.owner().await.unwrap();
        foreign.script(FOREIGN).await.unwrap();
        assert_eq!(outbox(&mut foreign).await, ["p1", "p2"]);
        for (sql, keys) in [
            ("update patients set last_name = 'C' where id = 'p2'", vec!["p2"]),
            ("update patients set id = 'p3' where id = 'p2'", vec!["p2", "p3"]),
            ("update patient_identifiers set value = 'y'", vec!["p1"]),
            ("update patient_identifiers set patient_id = 'p3'", vec!["p1", "p3"]),
            ("insert into patient_profiles (patient_id, organization_id) values ('p1', 1)", vec!["p1"]),
            ("update patient_profiles set birth_city = 'Ulm'", vec!["p1"]),
            ("delete from patient_identifiers", vec!["p3"]),
            ("delete from patients where id = 'p3'", vec!["p3"]),
        ] {
            foreign.script(sql).await.unwrap();
            assert_eq!(outbox(&mut foreign).await, keys, "{sql}");
        }
        foreign.begin_plain().await.unwrap();
        foreign.script("update patients set last_name = 'D'").await.unwrap();
        foreign.rollback().await.unwrap();
        assert!(outbox(&mut foreign).await.is_empty(), "what was rolled back never happened");
    }

    /// A user with no rights in the gateway's schema, who names no organization.
    async fn plain_users_can_write(owner: &mut Connection) {
        let user = format!("plain_{}", std::process::id());
        owner
            .script(&format!(
                "create role {user}; grant select, insert, update, delete on patients to {user}; set role {user}"
            ))
            .await
            .unwrap();
        owner.script("insert into patients (id, organization_id) values ('p9', 1)").await.unwrap();
        let row = owner.fetch_optional("select count(*) from patients", &[]).await.unwrap().unwrap();
        assert!(row.int(0) >= Some(1), "other programs see what they saw before");
        owner.script("reset role").await.unwrap();
        assert_eq!(outbox(owner).await, ["p9"]);
        // What is only appended to refuses that, for good reason.
        assert!(owner.script("truncate patients cascade").await.is_err());
        owner.script("alter table health_events disable trigger user; truncate patients cascade").await.unwrap();
        assert_eq!(outbox(owner).await, ["p1", "p9"]);
        owner.script(&format!("drop owned by {user}; drop role {user}")).await.unwrap();
    }

    pub(crate) async fn own_changes_do_not(database: &Database) {
        watched(database).await;
        let mut own = database.pools.writer().await.unwrap();
        own.begin_write(Some(1)).await.unwrap();
        own.script(FOREIGN).await.unwrap();
        own.commit().await.unwrap();
        drop(own);
        let mut reader = database.pools.owner().await.unwrap();
        assert!(outbox(&mut reader).await.is_empty());
    }

    pub(crate) async fn existing_rows_are_adopted_once(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut foreign = database.pools.owner().await.unwrap();
        foreign.script(FOREIGN).await.unwrap();
        drop(foreign);
        let schema = introspect::schema(&database.pools).await.unwrap();
        let maps = fixture::maps(&schema);
        migrate::install_maps(&database.pools, &maps, &schema, 1).await.unwrap();
        migrate::install_maps(&database.pools, &maps, &schema, 1).await.unwrap();
        let mut reader = database.pools.owner().await.unwrap();
        let row = reader.fetch_optional("select count(*) from outbox", &[]).await.unwrap().unwrap();
        assert_eq!(row.int(0), Some(2));
    }

    async fn watched(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let schema = introspect::schema(&database.pools).await.unwrap();
        migrate::install_maps(&database.pools, &fixture::maps(&schema), &schema, 1).await.unwrap();
    }

    /// The keys that wait, in order; empties the outbox.
    async fn outbox(connection: &mut Connection) -> Vec<String> {
        connection.script("begin").await.unwrap();
        connection.set_organization(1).await.unwrap();
        let rows =
            connection.fetch("select distinct key from outbox where map_table = 'patients' order by 1", &[]).await;
        connection.script("delete from outbox; commit").await.unwrap();
        rows.unwrap().iter().map(|row| row.text(0).unwrap().to_owned()).collect()
    }

    pub(crate) async fn the_audit_trail_is_durable(database: &Database) {
        use gateway::audit::Audit;
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let audit = Audit::open(&database.pools, database.directory.path()).await.unwrap();
        for at_once in [1, 8, 64] {
            let started = Instant::now();
            let tasks: Vec<_> = (0..at_once)
                .map(|task| {
                    let audit = audit.clone();
                    tokio::spawn(async move {
                        for turn in 0..3200 / at_once {
                            audit.record(fixture::event(1 + i64::from(task == 5), turn)).await.unwrap();
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let rate = 3200.0 / started.elapsed().as_secs_f64();
            eprintln!("audit on {:?}, {at_once} at once: {rate:.0} records/s", database.pools.engine());
        }
        assert_eq!(recorded(database).await, 3 * 3200);
    }

    async fn recorded(database: &Database) -> i64 {
        let url = format!("sqlite:{}", database.directory.path().join("audit.db").display());
        let pools = match database.pools.engine() {
            Engine::Postgres => database.pools.clone(),
            Engine::Sqlite => Pools::open(Some(&url), "/".as_ref(), &UP_SETTINGS).await.unwrap(),
        };
        let mut connection = pools.owner().await.unwrap();
        connection.fetch_optional("select count(*) from audit_events", &[]).await.unwrap().unwrap().int(0).unwrap()
    }

    /// The rows behind 20,000 imported resources: the import needs 5,000 resources a second.
    pub(crate) async fn bulk_is_fast(database: &Database) {
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.writer().await.unwrap();
        let body = "x".repeat(1500);
        let started = Instant::now();
        for batch in 0..40 {
            connection.begin_write(Some(1)).await.unwrap();
            fixture::import(&mut connection, batch * 500, &body).await;
            connection.commit().await.unwrap();
        }
        let rate = 20_000.0 / started.elapsed().as_secs_f64();
        eprintln!("bulk on {:?}: {rate:.0} resources/s", connection.engine());
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}

/// What belongs to PostgreSQL alone.
mod postgres_only {
    use super::*;
    use gateway::store::security;

    #[tokio::test]
    async fn without_an_organization_there_are_no_rows() {
        let Some(database) = Database::postgres().await else { return };
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.writer().await.unwrap();
        connection.begin_write(Some(1)).await.unwrap();
        connection.script("insert into patients (id, organization_id) values ('p', 1)").await.unwrap();
        fixture::import(&mut connection, 0, "{}").await;
        connection.commit().await.unwrap();
        for (organization, rows) in [(None, Some(0)), (Some(1), Some(501)), (Some(2), Some(0))] {
            let mut reader = database.pools.reader().await.unwrap();
            reader.begin_read(organization).await.unwrap();
            let sql = "select (select count(*) from directory) + (select count(*) from patients)";
            assert_eq!(reader.fetch_optional(sql, &[]).await.unwrap().unwrap().int(0), rows);
            reader.commit().await.unwrap();
        }
        connection.begin_write(Some(2)).await.unwrap();
        let stolen = connection.script("insert into patients (id, organization_id) values ('q', 1)").await.unwrap_err();
        assert_eq!(stolen.kind, DbErrorKind::Denied);
        connection.rollback().await.unwrap();
        assert_eq!(security::objections(&mut connection).await.unwrap(), Vec::<String>::new());
        let mut owner = database.pools.owner().await.unwrap();
        assert!(!security::objections(&mut owner).await.unwrap().is_empty(), "a superuser must not serve");
        drop((connection, owner));
        database.finish().await;
    }

    #[tokio::test]
    async fn a_plain_owner_suffices() {
        let Some(database) = Database::postgres_of(Some("store_base_owner")).await else { return };
        let mut owner = database.pools.owner().await.unwrap();
        owner.script("create schema if not exists fhir_gateway").await.unwrap();
        drop(owner);
        cases::foreign_changes(&database).await;
        let mut connection = database.pools.reader().await.unwrap();
        assert_eq!(security::objections(&mut connection).await.unwrap(), Vec::<String>::new());
        let row = connection.fetch_optional("select count(*) from patients", &[]).await.unwrap().unwrap();
        assert_eq!(row.int(0), Some(0), "the application names no organization and sees nothing");
        drop(connection);
        database.finish().await;
    }

    #[tokio::test]
    async fn a_read_is_one_round_trip() {
        let Some(database) = Database::postgres().await else { return };
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut connection = database.pools.writer().await.unwrap();
        connection.begin_write(Some(1)).await.unwrap();
        fixture::import(&mut connection, 0, "{}").await;
        connection.commit().await.unwrap();
        let sql = "select version, body, pending from fhir_gateway.read_current($1, $2, $3)";
        for (organization, id, found) in [(1, "id-7", true), (2, "id-7", false), (1, "nobody", false)] {
            let args = [Arg::Int(organization), Arg::Text("Observation"), Arg::Text(id)];
            let row = connection.fetch_optional(sql, &args).await.unwrap().unwrap();
            assert_eq!((row.int(0).is_some(), row.text(1), row.flag(2)), (found, found.then_some("{}"), false));
        }
        let row = connection.fetch_optional("select count(*) from fhir_gateway.directory", &[]).await.unwrap().unwrap();
        assert_eq!(row.int(0), Some(0), "the organization is forgotten with its transaction");
        drop(connection);
        database.finish().await;
    }

    #[tokio::test]
    async fn a_gone_database_is_unavailable_and_comes_back() {
        let settings = PoolSettings { acquire_timeout: Duration::from_millis(500), ..PoolSettings::default() };
        let nowhere = Pools::open(Some("postgres://postgres@127.0.0.1:1/x"), "/".as_ref(), &settings).await.unwrap();
        let started = Instant::now();
        let error = nowhere.reader().await.map(drop).unwrap_err();
        assert_eq!(error.kind, DbErrorKind::Unavailable);
        assert!(started.elapsed() < Duration::from_secs(3));
        let Some(database) = Database::postgres().await else { return };
        migrate::migrate(&database.pools, &UP).await.unwrap();
        let mut first = database.pools.reader().await.unwrap();
        let second = database.pools.reader().await.unwrap();
        drop(second);
        let mut owner = database.pools.owner().await.unwrap();
        let kill = "select pg_terminate_backend(pid) from pg_stat_activity \
                    where datname = current_database() and pid <> pg_backend_pid()";
        owner.fetch(kill, &[]).await.unwrap();
        let error = first.fetch("select 1", &[]).await.map(drop).unwrap_err();
        assert_eq!(error.kind, DbErrorKind::Unavailable);
        drop(first);
        for _ in 0..3 {
            let mut connection = database.pools.reader().await.unwrap();
            connection.fetch("select 1", &[]).await.unwrap();
        }
        drop(owner);
        database.finish().await;
    }
}

mod fixture {
    use super::*;
    use consent::{OrganizationId, Purpose};
    use gateway::audit::{Circumstances, Event};
    use mappers::map::Map;
    use mappers::schema::Schema;

    /// The clinic's patients with identifiers, and profiles joined to them.
    const PATIENTS: &str = r#"
        resource = "Patient"
        table    = "patients"
        id       = "id"
        tenant   = "organization_id"
        patient  = "id"
        residue  = "fhir_residue"
        joins    = [ { table = "patient_profiles", on = "patient_profiles.patient_id = patients.id", write = "with" } ]
        fields   = [
          { path = "name[use=official].family", column = "last_name" },
          { path = "extension[url=urn:sex].valueCode", column = "patient_profiles.birth_sex" },
        ]
        [[children]]
        path   = "identifier"
        table  = "patient_identifiers"
        key    = "patient_id"
        order  = "position"
        fields = [ { path = "system", column = "system" }, { path = "value", column = "value" } ]
    "#;

    pub(crate) fn maps(schema: &Schema) -> Vec<Map> {
        let files = [("patients.toml".to_owned(), PATIENTS.to_owned())];
        mappers::map::compile(&files, schema).unwrap().maps
    }

    pub(crate) fn event(organization: i64, turn: i64) -> Event {
        let of = Circumstances::unknown(OrganizationId(organization), "client\0", "r", Purpose::Treat);
        Event { kind: Some("Patient".into()), id: Some("p1".into()), ..Event::new(of, "read", 200, turn) }
    }

    /// Directory, version and six index rows for each of 500 resources.
    pub(crate) async fn import(connection: &mut Connection, first: i64, body: &str) {
        use BulkType::{Int, Text};
        let ids: Vec<String> = (first..first + 500).map(|rid| format!("id-{rid}")).collect();
        let (mut entries, mut versions, mut tokens, mut references) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (id, rid) in ids.iter().zip(first..) {
            let id = Arg::Text(id);
            let kind = Arg::Text("Observation");
            entries.extend([Arg::Int(rid), Arg::Int(1), kind, id, Arg::Null, id, Arg::Int(1), Arg::Int(5)]);
            versions.extend([Arg::Int(rid), Arg::Int(1), Arg::Int(1), kind, id, Arg::Int(5), Arg::Text("PUT")]);
            versions.push(Arg::Text(body));
            for path in 0..4 {
                tokens.extend([Arg::Int(1), Arg::Int(path), id, Arg::Text("http://loinc.org"), Arg::Int(rid)]);
            }
            for path in 4..6 {
                references.extend([Arg::Int(1), Arg::Int(path), Arg::Text("Patient"), id, Arg::Int(rid)]);
            }
        }
        let directory = [
            ("rid", Int),
            ("organization_id", Int),
            ("type", Text),
            ("id", Text),
            ("map", Text),
            ("key", Text),
            ("version", Int),
            ("updated", Int),
        ];
        bulk::insert_rows(connection, "directory", &directory, &entries, "").await.unwrap();
        let columns = [
            ("rid", Int),
            ("version", Int),
            ("organization_id", Int),
            ("type", Text),
            ("id", Text),
            ("updated", Int),
            ("method", Text),
            ("body", Text),
        ];
        bulk::insert_rows(connection, "resource_versions", &columns, &versions, "").await.unwrap();
        let columns = [("organization_id", Int), ("path", Int), ("code", Text), ("system", Text), ("rid", Int)];
        bulk::insert_rows(connection, "index_token", &columns, &tokens, "").await.unwrap();
        let columns =
            [("organization_id", Int), ("path", Int), ("target_type", Text), ("target_id", Text), ("rid", Int)];
        bulk::insert_rows(connection, "index_reference", &columns, &references, "").await.unwrap();
    }
}
