//! Columns without a zone: read in the organization's zone or in one of their own, across both changes of the clocks.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Options, Server, suite};

const MAP: &str = r#"
resource = "Observation"
table = "readings"
id = "id"
id_prefix = "rd-"
fields = [
  { path = "status", column = "state" },
  { path = "code.text", column = "name" },
  { path = "effectiveDateTime", column = "seen", zone = "ZONE" },
  { path = "issued", column = "sent", zone = "Asia/Kolkata" },
  { path = "valueDateTime", column = "day" },
]
"#;

const TABLE: &str =
    "create table readings (id text primary key, state text, name text, seen timestamp, sent timestamp, day date)";

async fn start(engine: Engine, zone: &str, arguments: &[&str]) -> (Server, tempfile::TempDir) {
    let maps = tempfile::tempdir().unwrap();
    std::fs::write(maps.path().join("readings.toml"), MAP.replace("ZONE", zone)).unwrap();
    let mut all = vec!["--maps".to_owned(), maps.path().display().to_string()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let server = Server::prepared(engine, Options { arguments: all, ..Options::default() }, TABLE).await;
    (server, maps)
}

async fn seen(api: &Client, id: &str) -> String {
    api.get(&format!("/Observation/{id}")).await.expect(200).json().str("effectiveDateTime").unwrap().to_owned()
}

fn reading(id: &str, seen: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"x"}},"effectiveDateTime":"{seen}","issued":"2026-10-25T02:30:00+05:30","valueDateTime":"2026-10-25"}}"#
    ))
}

suite! {
    async fn clocks_of_the_north(engine: Engine) {
        let (server, _maps) = start(engine, "organization", &["--time-zone", "Europe/Berlin"]).await;
        let api = server.client();
        let mut sql = server.sql().await;
        let insert = |id: &str, seen: &str| format!("insert into readings (id, state, name, seen, sent, day) values ('{id}', 'final', 'x', '{seen}', '{seen}', '2026-03-29')");
        for (id, clock, read) in [
            ("winter", "2026-01-10 12:00:00", "2026-01-10T12:00:00+01:00"),
            ("summer", "2026-07-10 12:00:00", "2026-07-10T12:00:00+02:00"),
            ("before", "2026-03-29 01:59:59", "2026-03-29T01:59:59+01:00"),
            ("skipped", "2026-03-29 02:30:00", "2026-03-29T03:30:00+02:00"),
            ("twice", "2026-10-25 02:30:00", "2026-10-25T02:30:00+02:00"),
            ("after", "2026-10-25 03:00:00", "2026-10-25T03:00:00+01:00"),
        ] {
            sql.run(&insert(id, clock)).await;
            let found = api.get(&format!("/Observation/rd-{id}")).await.expect(200).json();
            assert_eq!(found.str("effectiveDateTime"), Some(read));
            assert_eq!(found.str("valueDateTime"), Some("2026-03-29"), "dates are never shifted");
            assert_eq!(found.str("issued"), Some(format!("{}+05:30", clock.replace(' ', "T")).as_str()), "in a zone of its own");
        }
        assert_eq!(server.verified().await, 2, "the hour that came twice and the one that never came");
        // A client's instant is its own text, whichever of the two it is.
        for (id, instant) in [("first", "2026-10-25T02:30:00+02:00"), ("second", "2026-10-25T02:30:00+01:00"), ("utc", "2026-10-25T01:30:00Z")] {
            api.save(&reading(id, instant)).await.expect(201);
            assert_eq!(seen(&api, id).await, instant);
            assert_eq!(sql.value(&format!("select replace(cast(seen as text), 'T', ' ') from readings where id = '{id}'")).await, "2026-10-25 02:30:00");
        }
        assert_eq!(server.verified().await, 2);
    }

    async fn clocks_of_the_south_and_none(engine: Engine) {
        let (server, _maps) = start(engine, "America/Santiago", &[]).await;
        let api = server.client();
        let mut sql = server.sql().await;
        for (id, clock, read) in [
            ("summer", "2026-01-10 12:00:00", "2026-01-10T12:00:00-03:00"),
            ("winter", "2026-07-10 12:00:00", "2026-07-10T12:00:00-04:00"),
            ("twice", "2026-04-04 23:30:00", "2026-04-04T23:30:00-03:00"),
            ("skipped", "2026-09-06 00:30:00", "2026-09-06T01:30:00-03:00"),
        ] {
            sql.run(&format!("insert into readings (id, state, name, seen) values ('{id}', 'final', 'x', '{clock}')")).await;
            assert_eq!(seen(&api, &format!("rd-{id}")).await, read);
        }
        assert_eq!(server.verified().await, 2);
        api.save(&reading("own", "2026-04-04T23:30:00-04:00")).await.expect(201);
        assert_eq!(seen(&api, "own").await, "2026-04-04T23:30:00-04:00");
    }

    async fn another_zone_reads_the_rows_anew(engine: Engine) {
        let (server, maps) = start(engine, "organization", &[]).await;
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into readings (id, state, name, seen) values ('a', 'final', 'x', '2026-07-10 12:00:00')").await;
        assert_eq!(seen(&api, "rd-a").await, "2026-07-10T12:00:00Z");
        let (data, maps) = (server.folder().join("zone").display().to_string(), maps.path().display().to_string());
        let command = ["map", "verify", "--database", &server.database.url, "--data-dir", &data, "--maps", &maps, "--time-zone", "Asia/Kolkata"];
        gateway_tests::Command::run(&command).await.expect(0);
        assert_eq!(seen(&api, "rd-a").await, "2026-07-10T12:00:00+05:30");
        gateway_tests::Command::run(&["map", "verify", "--time-zone", "Moon/Crater"]).await.expect(2);
    }
}
