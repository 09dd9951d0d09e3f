//! The audit trail by months on PostgreSQL: who may do what with each of them, what an older table becomes, and what is unique.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Options, Server, Sql, on_postgres, patient};
use std::collections::BTreeSet;

/// A server that has written records of 2026-01 (seeded) and of today, and is stopped.
async fn recorded(engine: Engine) -> Server {
    let mut server = Server::with(engine, Options { seed: Some(7), ..Options::default() });
    let api = server.client();
    for number in 0..8 {
        api.save(&patient(&format!("ap-{number}"), "A")).await.expect(201);
    }
    api.get("/Patient?_count=5").await.expect(200);
    assert!(server.terminate().await.success());
    server.restart_with(Options::default());
    server.client().get("/Patient/ap-1").await.expect(200);
    assert!(server.terminate().await.success());
    server
}

async fn problems(server: &Server) -> BTreeSet<String> {
    let data_dir = server.data_dir().display().to_string();
    let arguments = ["audit", "verify", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
    let report = Json::of(&Command::run(&arguments).await.stdout);
    report.items("findings").iter().map(|finding| finding.str("problem").unwrap().to_owned()).collect()
}

/// The partitions by name, the default one last.
async fn partitions(sql: &mut Sql) -> Vec<String> {
    let rows = sql.rows("select name from fhir_gateway.audit_partitions order by high nulls last").await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect()
}

/// What is said when a role may not.
async fn refusal(sql: &mut Sql, role: &str, organization: &str, statement: &str) -> Option<String> {
    let begin = format!("begin; set local role {role}; set local app.current_organization_id = '{organization}'");
    sql.run(&begin).await;
    let refused = sql.attempt(statement).await.err().map(|error| error.to_string());
    sql.run("rollback").await;
    refused
}

const INSERT: &str = "(organization_id, at, request, caller, purpose, interaction, status, decision) values (1, 1, 'r', 'c', 'TREAT', 'read', 200, 'permit')";
/// Of the month of the seeded clock.
const JANUARY: &str = "audit_events_2026_01";

/// The table as migration 0011 left it, with the rights and policies that programs of that time gave it.
async fn go_back(sql: &mut Sql) {
    let down = include_str!("../../migrations/internal/0017_audit_partitions.down.sql");
    let tenant = "organization_id = nullif(current_setting('app.current_organization_id', true), '')::bigint";
    let old = format!(
        "begin; set local search_path = fhir_gateway, public; {down};
         delete from migrations where name in ('internal/0017_audit_partitions', 'security');
         grant select, insert on audit_events to fhir_gateway_app;
         grant select on audit_events to fhir_gateway_audit_reader;
         alter table audit_events enable row level security, force row level security;
         create policy tenant on audit_events using ({tenant}) with check ({tenant});
         create policy audit_reader on audit_events for select to fhir_gateway_audit_reader using (true);
         commit"
    );
    sql.run(&old).await;
}

on_postgres! {
    async fn each_month_has_the_rights_of_the_whole(engine: Engine) {
        let mut server = recorded(engine).await;
        let mut sql = server.sql().await;
        // A month that is made later, by the application, has them as well; and whatever somebody granted goes at the next migration.
        sql.run(&format!("insert into fhir_gateway.audit_events {}", INSERT.replace("(1, 1,", "(1, 1751500000000,"))).await;
        let made = "begin; set local role fhir_gateway_app; select fhir_gateway.prepare_audit_partitions(); commit";
        sql.run(made).await;
        let months = partitions(&mut sql).await;
        assert!(months.contains(&JANUARY.to_owned()) && months.contains(&"audit_events_2025_07".to_owned()), "{months:?}");
        assert!(months.len() >= 6 && months.last().unwrap() == "audit_events_other", "{months:?}");
        assert_eq!(sql.count("select count(*) from fhir_gateway.audit_events_other").await, 0, "they moved");
        sql.run(&format!("grant all on fhir_gateway.{JANUARY} to fhir_gateway_app; delete from fhir_gateway.migrations where name = 'security'")).await;
        server.restart();
        assert!(server.terminate().await.success());
        for month in &months {
            let facts = format!(
                "select c.relrowsecurity and c.relforcerowsecurity and (select count(*) from pg_index i where i.indrelid = c.oid) = 5 \
                 and exists (select from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid and i.indisunique and x.relname like '%place') \
                 from pg_class c where c.oid = 'fhir_gateway.{month}'::regclass"
            );
            assert_eq!(sql.value(&facts).await, "t", "{month}");
            for role in ["fhir_gateway_app", "fhir_gateway_audit_reader", "fhir_gateway_eraser"] {
                let insert = format!("insert into fhir_gateway.{month} {INSERT}");
                let statements = ["select * from", "delete from", "truncate"].map(|what| format!("{what} fhir_gateway.{month}"));
                let update = format!("update fhir_gateway.{month} set caller = 'x'");
                for statement in statements.iter().chain([&insert, &update]) {
                    let said = refusal(&mut sql, role, "1", statement).await;
                    assert!(said.as_ref().is_some_and(|said| said.contains("permission denied")), "{role}: {statement}: {said:?}");
                }
            }
        }
        let whole = |what: &str| format!("{what} fhir_gateway.audit_events");
        for (role, statement) in [
            ("fhir_gateway_app", whole("delete from")),
            ("fhir_gateway_app", whole("truncate")),
            ("fhir_gateway_app", whole("update") + " set caller = 'x'"),
            ("fhir_gateway_app", whole("insert into") + " overriding system value select * from fhir_gateway.audit_events limit 1"),
            ("fhir_gateway_app", "select setval('fhir_gateway.audit_events_keys', 1)".to_owned()),
            ("fhir_gateway_app", "select fhir_gateway.attach_audit_partition('x', 'default')".to_owned()),
            ("fhir_gateway_app", format!("alter table fhir_gateway.audit_events detach partition fhir_gateway.{JANUARY}")),
            ("fhir_gateway_app", format!("drop table fhir_gateway.{JANUARY}")),
            ("fhir_gateway_audit_reader", whole("insert into") + " " + INSERT),
            ("fhir_gateway_audit_reader", whole("delete from")),
            ("fhir_gateway_audit_reader", "select fhir_gateway.prepare_audit_partitions()".to_owned()),
            ("fhir_gateway_eraser", whole("select * from")),
            ("fhir_gateway_eraser", whole("delete from")),
        ] {
            let said = refusal(&mut sql, role, "1", &statement).await;
            assert!(said.as_ref().is_some_and(|said| said.contains("permission denied") || said.contains("must be owner")), "{role}: {statement}: {said:?}");
        }
        // The application adds to its organization and to no other, and sees no other.
        assert_eq!(refusal(&mut sql, "fhir_gateway_app", "1", &(whole("insert into") + " " + INSERT)).await, None);
        let other = refusal(&mut sql, "fhir_gateway_app", "2", &(whole("insert into") + " " + INSERT)).await;
        assert!(other.unwrap().contains("row-level security"));
        for (organization, sees) in [("1", true), ("2", false), ("", false)] {
            sql.run(&format!("begin; set local role fhir_gateway_app; set local app.current_organization_id = '{organization}'")).await;
            assert_eq!(sql.count("select count(*) from fhir_gateway.audit_events").await > 0, sees, "{organization}");
            sql.run("rollback").await;
        }
        sql.run("begin; set local role fhir_gateway_audit_reader").await;
        assert!(sql.count("select count(*) from fhir_gateway.audit_events").await > 10);
        sql.run("rollback").await;
    }

    /// Nobody but the tables' owner is left, and row-level security binds a plain one on each month as on the whole.
    async fn a_plain_owner_is_bound_on_each_month(engine: Engine) {
        let server = recorded(engine).await;
        let mut sql = server.sql().await;
        sql.run("do $$ begin create role audit_partitions_owner nologin; exception when duplicate_object then null; end $$;
            grant usage on schema fhir_gateway to audit_partitions_owner; alter table fhir_gateway.audit_events owner to audit_partitions_owner").await;
        let mut tables = partitions(&mut sql).await;
        for month in &tables {
            sql.run(&format!("alter table fhir_gateway.{month} owner to audit_partitions_owner")).await;
        }
        tables.push("audit_events".to_owned());
        for table in tables {
            for organization in ["", "2"] {
                sql.run(&format!("begin; set local role audit_partitions_owner; set local app.current_organization_id = '{organization}'")).await;
                assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.{table}")).await, 0, "{table}");
                assert_eq!(sql.run(&format!("delete from fhir_gateway.{table}")).await, 0, "{table}");
                sql.run("rollback").await;
            }
        }
        sql.run(&format!("begin; alter table fhir_gateway.{JANUARY} owner to current_user; commit")).await;
        // The server does not start where a month is not guarded.
        sql.run(&format!("alter table fhir_gateway.{JANUARY} no force row level security")).await;
        let data_dir = server.data_dir().display().to_string();
        let refused = Command::run(&["serve", "--dev", "--listen", "127.0.0.1:0", "--database", &server.database.url, "--data-dir", &data_dir]).await;
        assert!(refused.code != Some(0) && refused.stderr.contains(JANUARY), "{}", refused.stderr);
    }

    async fn an_older_table_becomes_the_partition_of_its_months(engine: Engine) {
        let mut server = recorded(engine).await;
        let mut sql = server.sql().await;
        let columns = "select string_agg(concat_ws('|', seq, organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place, mark, client, source, version, policy), ';' order by seq) from fhir_gateway.audit_events";
        let before = sql.value(columns).await;
        go_back(&mut sql).await;
        assert_eq!(sql.value("select relkind::text from pg_class where oid = 'fhir_gateway.audit_events'::regclass").await, "r");
        assert_eq!(sql.value(columns).await, before);
        let highest = sql.count("select max(seq) from fhir_gateway.audit_events").await;
        server.restart();
        server.client().get("/Patient/ap-2").await.expect(200);
        assert!(server.terminate().await.success());
        assert_eq!(problems(&server).await, BTreeSet::new());
        assert_eq!(sql.value(&format!("{columns} where seq <= {highest}")).await, before, "nothing was rewritten");
        let old = partitions(&mut sql).await.remove(0);
        assert!(old.starts_with("audit_events_to_"), "{old}");
        let there = |table: &str| format!("select count(*) from fhir_gateway.{table} where seq <= {highest}");
        assert_eq!(sql.count(&there(&old)).await, sql.count(&there("audit_events")).await, "nor moved");
        assert!(sql.count("select min(seq) from fhir_gateway.audit_events where id = 'ap-2' and interaction = 'read'").await > highest, "keys go on");
        for role in ["fhir_gateway_app", "fhir_gateway_audit_reader"] {
            let said = refusal(&mut sql, role, "1", &format!("select * from fhir_gateway.{old}")).await;
            assert!(said.unwrap().contains("permission denied"), "{role}");
        }
        // And once more with a record of a clock that was wrong, which keeps no month from its partition, and one from long ago.
        go_back(&mut sql).await;
        sql.run(&format!("insert into fhir_gateway.audit_events {}", INSERT.replace("(1, 1,", "(1, 2500000000000,"))).await;
        sql.run(&format!("insert into fhir_gateway.audit_events {INSERT}")).await;
        server.restart();
        assert!(server.terminate().await.success());
        let months = partitions(&mut sql).await;
        assert!(!months.contains(&"audit_events_2049_03".to_owned()), "nobody makes a month by a record of its time: {months:?}");
        assert_eq!(sql.count("select count(*) from fhir_gateway.audit_events_other where at = 2500000000000").await, 1);
        assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.{} where at = 1", months[0])).await, 1);
        // The months from this one on are there, or in the old table.
        let coming = "select count(*) from generate_series(0, 2) n where not exists (select from fhir_gateway.audit_partitions p, \
            lateral (select fhir_gateway.audit_month((extract(epoch from now()) * 1000)::bigint, n) as low) m \
            where not p.other and coalesce(p.low <= m.low, true) and p.high > m.low)";
        assert_eq!(sql.count(coming).await, 0);
    }

    async fn a_place_is_one_in_a_month_and_elsewhere_it_is_found(engine: Engine) {
        let server = recorded(engine).await;
        let mut sql = server.sql().await;
        let again = |at: &str| format!(
            "insert into fhir_gateway.audit_events (organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place, mark, client, on_behalf, source, version, policy) \
             select organization_id, {at}, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place, mark, client, on_behalf, source, version, policy \
             from fhir_gateway.audit_events where id = 'ap-3' and interaction = 'update'"
        );
        let refused = sql.attempt(&again("at + 1")).await.unwrap_err();
        assert!(refused.to_string().contains("duplicate key"), "{refused}");
        sql.run(&again("at + 40::bigint * 86400000")).await;
        let found = problems(&server).await;
        assert!(found.contains("record-inserted"), "{found:?}");
        sql.run("delete from fhir_gateway.audit_events where at > 1770000000000 and id = 'ap-3'").await;
        assert_eq!(problems(&server).await, BTreeSet::new());
    }

    async fn months_are_made_once_however_many_make_them(engine: Engine) {
        let server = recorded(engine).await;
        let mut sql = server.sql().await;
        sql.run("drop table fhir_gateway.audit_events_2026_01").await;
        for month in partitions(&mut sql).await.iter().filter(|name| *name != "audit_events_other") {
            sql.run(&format!("drop table fhir_gateway.{month}")).await;
        }
        for (number, at) in [1_700_000_000_000_i64, 1_702_000_000_000, 1_704_500_000_000, 1_790_000_000_000, i64::MAX, -5].iter().enumerate() {
            let place = format!("(organization_id, at, request, caller, purpose, interaction, status, decision, chain, place) values (1, {at}, 'r', 'c', 'TREAT', 'read', 200, 'permit', 1, {number})");
            sql.run(&format!("insert into fhir_gateway.audit_events {place}")).await;
        }
        let mut racing = Vec::new();
        for _ in 0..6 {
            let mut sql = server.sql().await;
            racing.push(tokio::spawn(async move {
                sql.count("select fhir_gateway.prepare_audit_partitions()").await
            }));
        }
        let mut made = 0;
        for racer in racing {
            made += racer.await.unwrap();
        }
        assert_eq!(made, i64::try_from(partitions(&mut sql).await.len()).unwrap() - 1);
        assert!(made >= 6, "{made}");
        assert_eq!(sql.count("select count(*) from fhir_gateway.audit_events").await, 6);
        assert_eq!(sql.count("select count(*) from fhir_gateway.audit_events_other").await, 2, "what no calendar has");
    }

    /// Pages go by time and key: months after the one that was reached are not looked at.
    async fn pages_leave_out_months(engine: Engine) {
        let server = recorded(engine).await;
        let mut sql = server.sql().await;
        sql.run("set role fhir_gateway_app; set app.current_organization_id = '1'; set plan_cache_mode = force_generic_plan; set enable_seqscan = off").await;
        sql.run("prepare page(bigint, bigint, bigint) as select seq from fhir_gateway.audit_events where organization_id = $1 \
            and at <= $2 and (at, seq) < ($2, $3) order by at desc, seq desc limit 50").await;
        let plan: String = sql.rows("explain execute page(1, 1769000000000, 5)").await.into_iter().flatten().flatten().collect::<Vec<_>>().join("\n");
        assert!(plan.contains(JANUARY) && plan.contains("Subplans Removed"), "{plan}");
        assert!(!plan.contains("Sort Method") && !plan.contains("Seq Scan") && plan.contains("_pkey"), "{plan}");
    }
}
