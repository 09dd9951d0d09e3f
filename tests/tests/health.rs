//! `/livez` and `/readyz`: what fails is named, and passes again when it is mended.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use gateway_tests::{Engine, Options, Response, Scrape, Server, TOKEN, binary, on_postgres, patient, suite};

const CHECKS: [&str; 7] = ["start", "database", "migrations", "tables", "audit", "partitions", "signing-key"];

async fn ask(server: &Server) -> Response {
    server.stranger().get(&format!("http://{}/readyz", server.address())).await
}

/// What is said where these checks fail.
fn text(failed: &[&str]) -> String {
    let line = |check: &&str| {
        if failed.contains(check) { format!("[-]{check} failed\n") } else { format!("[+]{check} ok\n") }
    };
    let lines: String = CHECKS.iter().map(line).collect();
    lines + if failed.is_empty() { "readyz check passed\n" } else { "readyz check failed\n" }
}

/// Waits until just these checks fail.
async fn fails(server: &Server, failed: &[&str]) {
    let since = Instant::now();
    loop {
        let answer = ask(server).await;
        if answer.text() == text(failed) {
            assert_eq!(answer.status, if failed.is_empty() { 200 } else { 503 });
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{failed:?}: {}\n{}", answer.text(), server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn passes(server: &Server) {
    fails(server, &[]).await;
}

fn own(engine: Engine, table: &str) -> String {
    if engine == Engine::Postgres { format!("fhir_gateway.{table}") } else { table.to_owned() }
}

suite! {
    async fn a_server_that_works_says_so(engine: Engine) {
        let server = Server::start(engine);
        let stranger = server.stranger();
        for path in ["/livez", "/healthz"] {
            let answer = stranger.get(&format!("http://{}{path}", server.address())).await.expect(200);
            assert_eq!(answer.text(), "live\n");
        }
        let answer = ask(&server).await.expect(200);
        assert_eq!(answer.text(), text(&[]));
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }

    async fn a_migration_that_is_missing_is_named(engine: Engine) {
        let server = Server::start(engine);
        passes(&server).await;
        let mut sql = server.sql().await;
        let table = own(engine, "migrations");
        sql.run(&format!("update {table} set name = 'internal/0025_signing_keys_away' where name = 'internal/0025_signing_keys'")).await;
        fails(&server, &["migrations"]).await;
        sql.run(&format!("update {table} set name = 'internal/0025_signing_keys' where name = 'internal/0025_signing_keys_away'")).await;
        passes(&server).await;
        // Those of a later release do no harm: it may be on its way in beside this one.
        sql.run(&format!("insert into {table} (name, checksum, applied) values ('internal/9999_later', 'x', 1)")).await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        ask(&server).await.expect(200);
        assert!(server.log().contains("not ready failed=\"migrations\"") && server.log().contains("ready again"), "{}", server.log());
    }

    async fn a_table_that_is_gone_is_named(engine: Engine) {
        let server = Server::start(engine);
        passes(&server).await;
        let mut sql = server.sql().await;
        let table = own(engine, "alerts");
        sql.run(&format!("alter table {table} rename to alerts_away")).await;
        fails(&server, &["tables"]).await;
        let away = own(engine, "alerts_away");
        sql.run(&format!("alter table {away} rename to alerts")).await;
        passes(&server).await;
    }

    async fn a_trail_that_takes_nothing_is_named_and_works_again_by_itself(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("h-1", "Before")).await.expect(201);
        passes(&server).await;
        let (mut trail, _) = server.trail().await;
        let (breaks, mends) = match engine {
            Engine::Postgres => ("revoke insert on fhir_gateway.audit_links from fhir_gateway_app", "grant insert on fhir_gateway.audit_links to fhir_gateway_app"),
            Engine::Sqlite => ("alter table audit_links rename to audit_links_away", "alter table audit_links_away rename to audit_links"),
        };
        trail.run(breaks).await;
        // Nobody can know before somebody is to be recorded.
        api.get("/Patient/h-1").await.expect(503);
        fails(&server, &["audit"]).await;
        trail.run(mends).await;
        // Without any request: a server that is not ready gets none.
        passes(&server).await;
        api.get("/Patient/h-1").await.expect(200);
        let looks = server.audited().await.iter().filter(|record| record.interaction == "ready").count();
        assert_eq!(looks, 1, "what found out that it works is on record");
    }

    async fn what_was_found_is_known_for_a_second(engine: Engine) {
        let server = Server::start(engine);
        let mut sql = server.sql().await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let since = Instant::now();
        ask(&server).await.expect(200);
        sql.run(&format!("alter table {} rename to alerts_away", own(engine, "alerts"))).await;
        let mut asked = 0;
        let told = loop {
            if ask(&server).await.status == 503 {
                break since.elapsed();
            }
            asked += 1;
            assert!(since.elapsed() < Duration::from_secs(20));
        };
        assert!(told >= Duration::from_secs(1), "{told:?}");
        assert!(asked > 1, "many may ask");
    }

    async fn a_scrape_has_what_readyz_says(engine: Engine) {
        let arguments = ["--metrics-listen", "127.0.0.1:0"].map(ToString::to_string).to_vec();
        let server = Server::with(engine, Options { arguments, ..Options::default() });
        let mut sql = server.sql().await;
        sql.run(&format!("alter table {} rename to alerts_away", own(engine, "alerts"))).await;
        fails(&server, &["tables"]).await;
        let scrape = Scrape::prometheus(&server.stranger().get(server.metrics()).await.expect(200).text());
        assert_eq!(scrape.sum("fhir_gateway_ready", &[]).to_string(), "0");
        for check in CHECKS {
            let expected = if check == "tables" { "0" } else { "1" };
            assert_eq!(scrape.sum("fhir_gateway_ready_check", &[("check", check)]).to_string(), expected, "{check}");
        }
        assert!(!scrape.families.contains_key("fhir_gateway_alerts_waiting"), "nobody knows how many there are");
    }

    async fn a_signing_key_that_does_not_open_is_named(engine: Engine) {
        let mut server = Server::start(engine);
        let keys = format!("http://{}/oauth/jwks", server.address());
        server.stranger().get(&keys).await.expect(200);
        passes(&server).await;
        assert_eq!(server.terminate().await.code(), Some(0));
        let (key, aside) = (server.data_dir().join("secret.key"), server.folder().join("aside.key"));
        std::fs::rename(&key, &aside).unwrap();
        server.restart();
        fails(&server, &["signing-key"]).await;
        assert_eq!(server.terminate().await.code(), Some(0));
        std::fs::rename(&aside, &key).unwrap();
        server.restart();
        passes(&server).await;
    }
}

on_postgres! {
    async fn a_database_that_refuses_is_named_and_passes(engine: Engine) {
        let server = Server::start(engine);
        passes(&server).await;
        let name = server.database.name().to_owned();
        let mut administrator = server.database.administrator().await;
        administrator.run(&format!("alter database {name} allow_connections false")).await;
        administrator.run(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
        let since = Instant::now();
        // Without the database nothing that it would tell is known.
        fails(&server, &CHECKS[1..]).await;
        assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
        let live = format!("http://{}/livez", server.address());
        server.stranger().get(&live).await.expect(200);
        administrator.run(&format!("alter database {name} allow_connections true")).await;
        passes(&server).await;
    }

    async fn a_trail_that_is_stuck_is_named(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("h-2", "Before")).await.expect(201);
        let (mut trail, prefix) = server.trail().await;
        trail.run(&format!("begin; lock table {prefix}audit_events in access exclusive mode")).await;
        let reading = tokio::spawn(async move { api.get("/Patient/h-2").await.status });
        // Who asks for its partitions waits for that lock, too.
        fails(&server, &["audit", "partitions"]).await;
        trail.run("rollback").await;
        passes(&server).await;
        assert!(matches!(reading.await.unwrap(), 200 | 503));
    }

    async fn a_month_without_a_partition_is_named(engine: Engine) {
        let server = Server::start(engine);
        passes(&server).await;
        let mut sql = server.sql().await;
        let next = sql.value("select name from fhir_gateway.audit_partitions where not other order by low desc nulls last offset 1 limit 1").await;
        sql.run(&format!("drop table fhir_gateway.{next}")).await;
        fails(&server, &["partitions"]).await;
        sql.run("select fhir_gateway.prepare_audit_partitions()").await;
        passes(&server).await;
    }

    async fn a_server_that_prepares_lives_and_is_not_ready(engine: Engine) {
        let mut server = Server::start(engine);
        server.client().save(&patient("h-3", "Before")).await.expect(201);
        assert_eq!(server.terminate().await.code(), Some(0));
        // An address that is new is noted before anything is served, which has to wait for who writes there.
        let mut sql = server.sql().await;
        sql.run("begin; lock table fhir_gateway.search_registry in share row exclusive mode").await;
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let data_dir = server.data_dir().display().to_string();
        let mut child = tokio::process::Command::new(binary())
            .args(["serve", "--dev", "--database", &server.database.url, "--data-dir", &data_dir, "--listen", &address])
            .args(["--also-at", "https://new.example/fhir"])
            .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let since = Instant::now();
        let client = server.stranger();
        let ask = async |path: &str| client.get(&format!("http://{address}{path}")).attempt().await;
        let first = loop {
            if let Some(answer) = ask("/readyz").await {
                break answer;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "nobody listens");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((first.status, first.text().as_str()), (503, "[-]start failed\nreadyz check failed\n"));
        assert_eq!(ask("/livez").await.unwrap().expect(200).text(), "live\n");
        let other = ask("/fhir/Patient/h-3").await.unwrap();
        assert!(other.header("Retry-After").is_some());
        other.refused(503, "transient");
        sql.run("rollback").await;
        loop {
            if ask("/readyz").await.is_some_and(|answer| answer.status == 200 && answer.text() == text(&[])) {
                break;
            }
            assert!(since.elapsed() < Duration::from_secs(60), "it does not become ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child.kill().await.unwrap();
    }
}
