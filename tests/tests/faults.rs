//! What goes wrong outside: kills, two writers, a database that goes away, a disk that is full. Nothing half written, nothing
//! acknowledged lost, and it works again afterwards.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Command, Engine, Json, Random, Server, TOKEN, binary, json_lines, lab_observation, patient, rounds,
    shared_data, suite, transaction,
};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

async fn total(api: &Client, query: &str) -> usize {
    api.get(query).await.expect(200).json().str("total").unwrap().parse().unwrap()
}

/// A transaction of a patient and 60 things of theirs.
fn family(name: &str) -> Json {
    let mut resources = vec![patient(name, "Family")];
    for index in 0..30 {
        resources.push(lab_observation(&format!("{name}-{index}"), name, "1.50"));
        resources.push(Json::of(&format!(
            r#"{{"resourceType":"Condition","id":"{name}-{index}","subject":{{"reference":"Patient/{name}"}}}}"#
        )));
    }
    transaction(&resources)
}

suite! {
    async fn a_kill_in_transactions_leaves_each_whole_or_absent(engine: Engine) {
        let mut server = Server::start(engine);
        let mut random = Random::seeded(21);
        for round in 0..rounds(6, 60) {
            let mut tasks = Vec::new();
            for writer in 0..4 {
                let api = server.client();
                tasks.push(tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for index in 0.. {
                        let name = format!("k-{round}-{writer}-{index}");
                        match api.post("/", family(&name)).attempt().await {
                            Some(answer) if answer.status == 200 => acknowledged.push((name, true)),
                            _ => {
                                acknowledged.push((name, false));
                                break;
                            }
                        }
                    }
                    acknowledged
                }));
            }
            tokio::time::sleep(Duration::from_millis(100 + random.bits() % 400)).await;
            server.kill();
            let mut sent = Vec::new();
            for task in tasks {
                sent.extend(task.await.unwrap());
            }
            server.restart();
            let api = server.client();
            let mut whole = 0;
            for (name, acknowledged) in sent {
                let is_there = api.get(&format!("/Patient/{name}")).await.status == 200;
                assert!(is_there || !acknowledged, "{name} was acknowledged and is gone");
                let wanted = if is_there { 30 } else { 0 };
                for kind in ["Observation", "Condition"] {
                    assert_eq!(total(&api, &format!("/{kind}?patient={name}&_summary=count")).await, wanted, "{name} is half written");
                }
                whole += usize::from(is_there);
            }
            println!("round {round}: {whole} whole");
        }
    }

    async fn a_killed_import_resumes_without_gap_or_duplicate(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let pack = data.join("04-synthea-and-bulk/synthea-load-60-transaction-bundles.ndjson.gz");
        let bundles: Vec<Json> = json_lines(&pack).into_iter().take(24).collect();
        let server = Server::start(engine);
        let file = server.folder().join("pack.ndjson");
        let lines: Vec<String> = bundles.iter().map(|bundle| format!("{bundle}\n")).collect();
        std::fs::write(&file, lines.concat()).unwrap();
        let arguments = ["import".to_owned(), "--database".to_owned(), server.database.url.clone(), "--data-dir".to_owned(),
            server.data_dir().display().to_string(), file.display().to_string()];
        let mut random = Random::seeded(22);
        let mut killed = 0;
        for round in 0..rounds(4, 40) {
            let mut child = tokio::process::Command::new(binary()).args(&arguments).env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
                .stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(150 + 150 * u64::try_from(round % 6).unwrap() + random.bits() % 200)).await;
            if child.try_wait().unwrap().is_none() {
                child.kill().await.unwrap();
                killed += 1;
            }
            whole_bundles(&server.client(), &bundles).await;
        }
        assert!(killed > 0, "no import was killed: it is faster than the test");
        Command::run(&arguments).await.expect(0);
        assert_eq!(whole_bundles(&server.client(), &bundles).await, bundles.len());
        Command::run(&arguments).await.expect(0);
        assert_eq!(whole_bundles(&server.client(), &bundles).await, bundles.len(), "an import that was done is not done again");
    }

    async fn of_two_writers_on_one_version_one_gets_412(server: &'static Server) {
        let api = server.client();
        api.save(&patient("f-two", "Start")).await.expect(201);
        for round in 0..40_i64 {
            let expected = format!("W/\"{}\"", round + 1);
            let tasks: Vec<_> = ["A", "B", "C"].map(|name| {
                let api = api.clone();
                let expected = expected.clone();
                tokio::spawn(async move { api.save(&patient("f-two", name)).header("If-Match", &expected).await.status })
            }).into_iter().collect();
            let mut statuses = Vec::new();
            for task in tasks {
                statuses.push(task.await.unwrap());
            }
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 412, 412], "round {round}");
            assert_eq!(api.get("/Patient/f-two").await.expect(200).version(), round + 2);
        }
    }

    async fn fifty_writers_on_one_resource_make_fifty_versions(server: &'static Server) {
        let tasks: Vec<_> = (0..50).map(|index| {
            let api = server.client();
            tokio::spawn(async move { api.save(&patient("f-fifty", &format!("N{index}"))).await.version() })
        }).collect();
        let mut versions = Vec::new();
        for task in tasks {
            versions.push(task.await.unwrap());
        }
        versions.sort_unstable();
        assert_eq!(versions, (1..=50).collect::<Vec<i64>>());
    }

    async fn sigterm_lets_the_running_requests_finish(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        let tasks: Vec<_> = (0..8).map(|index| {
            let api = api.clone();
            tokio::spawn(async move { api.post("/", family(&format!("drain-{index}"))).attempt().await.map(|answer| answer.status) })
        }).collect();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let status = server.terminate().await;
        assert_eq!(status.code(), Some(0), "{status}\n{}", server.log());
        let mut done = Vec::new();
        for (index, task) in tasks.into_iter().enumerate() {
            done.push((index, task.await.unwrap()));
        }
        server.restart();
        let api = server.client();
        for (index, status) in done {
            let is_there = api.get(&format!("/Patient/drain-{index}")).await.status == 200;
            assert_eq!(is_there, status == Some(200), "drain-{index}: {status:?}");
        }
    }

    async fn a_full_disk_is_told_and_passes(engine: Engine) {
        let disk = SmallDisk::mount(24);
        let mut server = Server::start(engine);
        move_to(&mut server, &disk).await;
        let api = server.client();
        let mut written = Vec::new();
        let mut random = Random::seeded(23);
        let refused = loop {
            let id = format!("full-{}", written.len());
            // PostgreSQL compresses what it can: this it cannot.
            let big: String = (0..12_500).map(|_| format!("{:016x}", random.bits())).collect();
            let note = Json::of(r#"{"resourceType":"Basic","code":{"text":"x"}}"#).with("id", Json::text(&id))
                .with("extension", Json::Array(vec![Json::of(r#"{"url":"urn:x"}"#).with("valueString", Json::text(&big))]));
            let answer = api.save(&note).await;
            if answer.status != 201 {
                break answer;
            }
            written.push(id);
            assert!(written.len() < 2_000, "the disk never fills");
        };
        assert!(matches!(refused.status, 503 | 507), "{}: {}", refused.status, String::from_utf8_lossy(&refused.body));
        refused.issues();
        assert!(!written.is_empty());
        println!("full after {}", written.len());
        // Room is made: everything acknowledged is there, nothing else, and writing works.
        disk.grow(200);
        for id in &written {
            api.get(&format!("/Basic/{id}")).await.expect(200);
        }
        let since = Instant::now();
        while api.save(&patient("full-after", "After")).await.status != 201 {
            assert!(since.elapsed() < Duration::from_secs(30), "it does not work again\n{}", server.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        api.get(&format!("/Basic/full-{}", written.len())).await.expect(404);
        assert_eq!(total(&api, "/Basic?_summary=count").await, written.len());
        server.kill();
        server.restart();
        assert_eq!(total(&server.client(), "/Basic?_summary=count").await, written.len());
        drop(server);
    }
}

/// How many of the bundles are imported; each must be whole or absent.
async fn whole_bundles(api: &Client, bundles: &[Json]) -> usize {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut whole = 0;
    for bundle in bundles {
        let number = bundle.str("entry.0.resource.identifier.0.value").unwrap();
        match total(
            api,
            &format!("/Patient?identifier=https://github.com/synthetichealth/synthea|{number}&_summary=count"),
        )
        .await
        {
            0 => continue,
            1 => whole += 1,
            many => panic!("a person is there {many} times"),
        }
        for entry in bundle.items("entry") {
            *counts.entry(entry.str("resource.resourceType").unwrap()).or_default() += 1;
        }
    }
    for (kind, count) in counts {
        assert_eq!(
            total(api, &format!("/{kind}?_summary=count")).await,
            count,
            "{kind}: a bundle is half imported, or twice"
        );
    }
    whole
}

/// A small file system of its own: the only honest way to have a full disk. Needs root, as CI and the container have.
struct SmallDisk {
    path: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!(
            "fhir-gateway-disk-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&path).unwrap();
        let disk = Self { path };
        disk.command(&["mount", "-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=777"), "tmpfs", &disk.name()]);
        disk
    }

    fn grow(&self, megabytes: u32) {
        self.command(&["mount", "-o", &format!("remount,size={megabytes}m"), &self.name()]);
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn command(&self, words: &[&str]) {
        let status = std::process::Command::new(words[0]).args(&words[1..]).status().unwrap();
        assert!(status.success(), "{words:?}: run the tests as root (a small disk is mounted)");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = std::process::Command::new("umount").args(["-l", &self.name()]).status();
        let _removed = std::fs::remove_dir(&self.path);
    }
}

/// Lets the server's data lie on the small disk: SQLite's file, PostgreSQL's tables (a tablespace).
async fn move_to(server: &mut Server, disk: &SmallDisk) {
    server.kill();
    match server.engine() {
        Engine::Sqlite => server.move_data(&disk.path),
        Engine::Postgres => {
            let folder = disk.path.join("tables");
            std::fs::create_dir_all(&folder).unwrap();
            let space = format!("small_{}", server.database.name());
            let mut sql = server.database.administrator().await;
            let owner = sql.value("select pg_read_file('/proc/self/status')").await;
            let user = owner
                .lines()
                .find(|line| line.starts_with("Uid:"))
                .unwrap()
                .split_whitespace()
                .nth(1)
                .unwrap()
                .to_owned();
            assert!(
                std::process::Command::new("chown")
                    .args([&user, &folder.display().to_string()])
                    .status()
                    .unwrap()
                    .success()
            );
            let name = server.database.name();
            sql.run(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
            sql.run(&format!("create tablespace {space} location '{}'", folder.display())).await;
            sql.run(&format!("alter database {} set tablespace {space}", server.database.name())).await;
        }
    }
    server.restart();
}

/// PostgreSQL only: SQLite's database is a file, which does not go away by itself.
#[tokio::test]
async fn the_database_gone_is_503_and_back_is_as_before() {
    if Engine::Postgres.is_skipped() {
        return;
    }
    let server = Server::start(Engine::Postgres);
    let api = server.client();
    api.save(&patient("gone-1", "Before")).await.expect(201);
    let name = server.database.name().to_owned();
    let mut administrator = server.database.administrator().await;
    administrator.run(&format!("alter database {name} allow_connections false")).await;
    administrator
        .run(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"))
        .await;
    for _ in 0..3 {
        for answer in [
            api.get("/Patient/gone-1").await,
            api.save(&patient("gone-2", "During")).await,
            api.get("/Patient?_id=gone-1").await,
            api.post("/", family("gone-3")).await,
        ] {
            answer.refused(503, "transient");
        }
    }
    assert!(api.get("/Patient/gone-1").await.header("Retry-After").is_some());
    administrator.run(&format!("alter database {name} allow_connections true")).await;
    let since = Instant::now();
    while api.get("/Patient/gone-1").await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not come back\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    api.get("/Patient/gone-2").await.expect(404);
    api.save(&patient("gone-2", "After")).await.expect(201);
    api.post("/", family("gone-3")).await.expect(200);
}

#[tokio::test]
async fn connections_that_are_cut_are_not_the_callers_concern_for_long() {
    if Engine::Postgres.is_skipped() {
        return;
    }
    let server = Server::start(Engine::Postgres);
    let api = server.client();
    let name = server.database.name().to_owned();
    let mut administrator = server.database.administrator().await;
    for round in 0..10 {
        api.save(&patient(&format!("cut-{round}"), "x")).await;
        administrator
            .run(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"))
            .await;
        let statuses = [api.get("/Patient/cut-0").await.status, api.get("/Patient/cut-0").await.status];
        assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
        let since = Instant::now();
        while api.save(&patient(&format!("cut-{round}"), "y")).await.status != 200 {
            assert!(since.elapsed() < Duration::from_secs(10));
        }
    }
}

/// SQLite only: another program that holds the one write lock makes writers wait, not readers, and fails none for good.
#[tokio::test]
async fn a_foreign_write_lock_delays_writers_only() {
    let server = Server::start(Engine::Sqlite);
    let api = server.client();
    api.save(&patient("lock-1", "x")).await.expect(201);
    let mut sql = server.sql().await;
    sql.run("begin immediate").await;
    let writer = tokio::spawn({
        let api = api.clone();
        async move { api.save(&patient("lock-1", "y")).await.status }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(api.get("/Patient/lock-1").await.expect(200).version(), 1, "a reader does not wait");
    sql.run("commit").await;
    assert_eq!(writer.await.unwrap(), 200);
}
