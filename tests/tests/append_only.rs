//! Tables whose rows are never changed: a change appends a row, whoever makes it, and the resource moves along.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Options, Server, Sql, row_key, suite};

const MAP: &str = r#"
resource = "Observation"
table = "readings"
id = "id"
id_prefix = "ev-"
updated = "recorded_at"
append_only = { supersedes = "supersedes_id", retracted = { column = "state", value = "entered-in-error" } }
where = "kind = 'mood'"
fields = [
  { path = "status", column = "state" },
  { path = "code.coding[system=urn:kinds].code", const = "mood" },
  { path = "valueInteger", column = "score" },
  { path = "effectiveDateTime", column = "occurred_at" },
]
[facts]
date = "effectiveDateTime"
"#;

const TABLE: &str = "
create table readings (id text primary key, kind text not null, score integer, occurred_at timestamptz, recorded_at timestamptz,
  source text not null default 'app', state text, supersedes_id text);
create index readings_by_supersedes on readings (supersedes_id);
";

const GUARD: [&str; 2] = [
    "create trigger readings_stay before update on readings begin select raise(abort, 'append only'); end;
     create trigger readings_keep before delete on readings begin select raise(abort, 'append only'); end;",
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'append only'; end $$;
     create trigger readings_stay before update or delete on readings for each row execute function refuse();",
];

async fn start(engine: Engine) -> (Server, tempfile::TempDir) {
    let maps = tempfile::tempdir().unwrap();
    std::fs::write(maps.path().join("readings.toml"), MAP).unwrap();
    let guard = GUARD[usize::from(engine == Engine::Postgres)];
    let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
    let server =
        Server::prepared(engine, Options { arguments, ..Options::default() }, &format!("{TABLE}{guard}")).await;
    (server, maps)
}

fn mood(id: &str, score: u8, more: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final",{more}"code":{{"coding":[{{"system":"urn:kinds","code":"mood"}}]}},"effectiveDateTime":"2026-03-01T08:00:00+01:00","valueInteger":{score}}}"#
    ))
}

async fn row(sql: &mut Sql, key: &str) -> Vec<Option<String>> {
    let query = format!("select score, source, state, supersedes_id, kind from readings where id = '{key}'");
    sql.rows(&query).await.remove(0)
}

suite! {
    async fn a_change_appends_a_row_and_leaves_the_old_one_as_it_was(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        let first = mood("m", 4, r#""note":[{"text":"first"}],"#);
        api.save(&first).await.expect(201);
        let old = row_key(&mut sql, "Observation", "m").await;
        let before = row(&mut sql, &old).await;
        assert_eq!(before[0].as_deref(), Some("4"));
        let second = mood("m", 7, r#""note":[{"text":"second"}],"#);
        let answer = api.save(&second).await.expect(200);
        assert_eq!(answer.version(), 2);
        let new = row_key(&mut sql, "Observation", "m").await;
        assert_ne!(old, new);
        assert_eq!(row(&mut sql, &old).await, before, "the old row is unchanged");
        assert_eq!(row(&mut sql, &new).await, [Some("7"), Some("app"), Some("final"), Some(old.as_str()), Some("mood")].map(|cell| cell.map(str::to_owned)));
        let read = api.get("/Observation/m").await.expect(200).json();
        assert!(read.to_string().contains("second") && !read.to_string().contains("first"), "{read}");
        assert_eq!(read.str("effectiveDateTime"), Some("2026-03-01T08:00:00+01:00"), "law 1");
        let cleared = Json::of(&mood("m", 7, "").to_string().replace(r#","valueInteger":7"#, ""));
        api.save(&cleared).await.expect(200);
        let newest = row_key(&mut sql, "Observation", "m").await;
        assert_eq!(row(&mut sql, &newest).await[0], None, "law 3: what is left out is empty in the new row");
        assert_eq!(row(&mut sql, &new).await[0].as_deref(), Some("7"));
        assert_eq!(api.search("/Observation").await, ["Observation/m"], "rows that are replaced are no resources");
        assert!(api.get("/Observation/m/_history/1").await.expect(200).json().to_string().contains("first"));
    }

    async fn a_deletion_appends_a_retraction_and_the_resource_can_come_back(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&mood("d", 4, "")).await.expect(201);
        api.delete("/Observation/d").await.expect(204);
        api.get("/Observation/d").await.expect(410);
        assert_eq!(sql.count("select count(*) from readings where state = 'entered-in-error' and score = 4 and supersedes_id = 'd'").await, 1);
        assert!(api.search("/Observation").await.is_empty());
        assert_eq!(api.save(&mood("d", 5, "")).await.expect(201).version(), 3);
        assert_eq!(sql.count("select count(*) from readings").await, 3);
        assert_eq!(api.search("/Observation").await, ["Observation/d"]);
        // Another program takes it back, and back again.
        let key = row_key(&mut sql, "Observation", "d").await;
        sql.run(&format!("insert into readings (id, kind, state, supersedes_id) values ('x1', 'mood', 'entered-in-error', '{key}')")).await;
        api.get("/Observation/d").await.expect(410);
        sql.run("insert into readings (id, kind, state, score, supersedes_id) values ('x2', 'mood', 'amended', 9, 'x1')").await;
        let back = api.get("/Observation/d").await.expect(200).json();
        assert_eq!((back.str("meta.versionId"), back.str("valueInteger")), (Some("5"), Some("9")));
    }

    async fn a_row_that_replaces_another_is_the_same_resource(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        let insert = |id: &str, score: u8, recorded: &str, old: &str| {
            format!("insert into readings (id, kind, state, score, recorded_at, supersedes_id) values ('{id}', 'mood', 'final', {score}, '{recorded}', {old})")
        };
        sql.run(&insert("a", 1, "2026-01-01T00:00:00Z", "null")).await;
        assert_eq!(api.search("/Observation").await, ["Observation/ev-a"]);
        sql.run(&insert("b", 2, "2026-01-02T00:00:00Z", "'a'")).await;
        let read = api.get("/Observation/ev-a").await.expect(200).json();
        assert_eq!((read.str("valueInteger"), read.str("meta.versionId")), (Some("2"), Some("2")));
        assert_eq!(api.search("/Observation").await, ["Observation/ev-a"]);
        // Two rows in the place of one: the newer counts, whatever came first and whatever follows the older one.
        sql.run(&insert("d", 4, "2026-01-04T00:00:00Z", "'b'")).await;
        sql.run(&insert("c", 3, "2026-01-03T00:00:00Z", "'b'")).await;
        sql.run(&insert("e", 5, "2026-01-05T00:00:00Z", "'c'")).await;
        let read = api.get("/Observation/ev-a").await.expect(200).json();
        assert_eq!(read.str("valueInteger"), Some("4"));
        assert_eq!(api.search("/Observation").await, ["Observation/ev-a"]);
        // A tree that nobody has seen is named by its first row; what a client wrote stays beside the columns.
        sql.run(&format!("{};{}", insert("p", 1, "2026-01-01T00:00:00Z", "null"), insert("q", 2, "2026-01-02T00:00:00Z", "'p'"))).await;
        assert_eq!(api.get("/Observation/ev-p").await.expect(200).json().str("valueInteger"), Some("2"));
        api.get("/Observation/ev-q").await.expect(404);
        api.save(&mood("own", 4, r#""note":[{"text":"kept"}],"#)).await.expect(201);
        sql.run(&insert("o2", 8, "2027-01-01T00:00:00Z", "'own'")).await;
        let read = api.get("/Observation/own").await.expect(200).json();
        assert_eq!((read.str("valueInteger"), read.str("note.0.text")), (Some("8"), Some("kept")));
        assert_eq!(server.verified().await, 0);
    }

    async fn what_the_table_cannot_say_is_kept_elsewhere_and_the_row_is_taken_back(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&mood("w", 4, "")).await.expect(201);
        let withdrawn = Json::of(&mood("w", 4, "").to_string().replace(r#""status":"final""#, r#""status":"entered-in-error""#));
        api.save(&withdrawn).await.expect(200);
        assert_eq!(api.get("/Observation/w").await.expect(200).json().str("status"), Some("entered-in-error"));
        assert_eq!(sql.count("select count(*) from readings where state = 'entered-in-error'").await, 1);
        api.save(&mood("w", 6, "")).await.expect(200);
        assert_eq!(api.get("/Observation/w").await.expect(200).json().str("valueInteger"), Some("6"));
        assert_eq!(api.search("/Observation").await, ["Observation/w"]);
        row_key(&mut sql, "Observation", "w").await;
        assert_eq!(server.verified().await, 0);
    }
}
