//! Tables that were there before us: generated integer keys, native types, rows written by SQL alone, maps in TOML only.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Options, Server, suite};

const PEOPLE: &str = r#"
resource = "Patient"
table = "people"
id = "id"
id_prefix = "pp-"
fields = [
  { path = "name[use=official].family", column = "last" },
  { path = "name[use=official].given", columns = ["first"] },
  { path = "gender", column = "sex", codes = { M = "male", F = "female" } },
  { path = "birthDate", column = "born" },
]
"#;

const READINGS: &str = r#"
resource = "Observation"
table = "readings"
id = "id"
id_prefix = "rd-"
patient = "person_id"
fields = [
  { path = "status", const = "final" },
  { path = "code.coding[system=http://loinc.org].code", column = "loinc" },
  { path = "subject", column = "person_id", reference = "Patient" },
  { path = "effectiveDateTime", column = "taken_at" },
  { path = "valueQuantity.value", column = "val" },
  { path = "valueQuantity.unit", column = "unit" },
]
[groups]
value = ["valueQuantity"]
"#;

const TABLES: &str = "
create table people (id KEY, first text, last text not null, born date, sex char(1));
create table readings (id KEY, person_id integer not null references people (id), loinc varchar(20),
  taken_at timestamptz, val numeric(5,1), unit text);
insert into people (first, last, born, sex) values ('Ann', 'Lee', '1970-01-02', 'F'), ('Bob', 'Ray', null, 'X');
insert into readings (person_id, loinc, taken_at, val, unit) values (1, '8867-4', '2024-01-01T10:00:00Z', 72, '/min');
";

/// A gateway over the tables, and the folder of its maps.
async fn over_the_tables(engine: Engine) -> (Server, tempfile::TempDir) {
    let maps = tempfile::tempdir().unwrap();
    std::fs::write(maps.path().join("people.toml"), PEOPLE).unwrap();
    std::fs::write(maps.path().join("readings.toml"), READINGS).unwrap();
    let key = match engine {
        Engine::Sqlite => "integer primary key",
        Engine::Postgres => "integer generated always as identity primary key",
    };
    let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
    let server =
        Server::prepared(engine, Options { arguments, ..Options::default() }, &TABLES.replace("KEY", key)).await;
    (server, maps)
}

suite! {
    async fn rows_that_were_there_are_resources_from_the_start(engine: Engine) {
        let (server, _maps) = over_the_tables(engine).await;
        let api = server.client();
        let ann = api.get("/Patient/pp-1").await.expect(200).json();
        assert_eq!(ann.str("birthDate"), Some("1970-01-02"));
        assert_eq!((ann.str("gender"), ann.str("meta.versionId")), (Some("female"), Some("1")));
        let bob = api.get("/Patient/pp-2").await.expect(200).json();
        assert_eq!((bob.str("gender"), bob.str("birthDate")), (None, None), "no code for X, and no date");
        assert_eq!(api.search("/Observation?patient=pp-1&code=http://loinc.org|8867-4").await, ["Observation/rd-1"]);
    }

    async fn what_the_database_rewrites_comes_back_as_it_was_written(engine: Engine) {
        let (server, _maps) = over_the_tables(engine).await;
        let api = server.client();
        let new = r#"{"resourceType":"Patient","id":"new","name":[{"use":"official","family":"Zed","given":["Al","Bo"]}],"gender":"other","birthDate":"1980"}"#;
        api.save(&Json::of(new)).await.expect(201);
        let reading = r#"{"resourceType":"Observation","id":"r","status":"final","subject":{"reference":"Patient/new"},"code":{"coding":[{"system":"http://loinc.org","code":"8310-5"}]},"effectiveDateTime":"2024-05-05T10:00:00+02:00","valueQuantity":{"value":98.65,"unit":"degF"}}"#;
        api.save(&Json::of(reading)).await.expect(201);
        let mut sql = server.sql().await;
        assert_eq!(sql.count("select count(*) from people where last = 'Zed' and first = 'Al'").await, 1);
        assert_eq!(sql.count("select count(*) from readings r join people p on p.id = r.person_id where p.last = 'Zed' and r.unit = 'degF'").await, 1);
        for (path, given) in [("/Patient/new", new), ("/Observation/r", reading)] {
            let text = String::from_utf8(api.get(path).await.expect(200).body.to_vec()).unwrap();
            let (_, rest) = text.split_once("},").unwrap();
            let (_, wanted) = given.split_once(r#"","#).map(|(_, rest)| rest.split_once(',').unwrap()).unwrap();
            assert_eq!(rest, wanted, "byte for byte behind id and meta");
        }
        assert_eq!(api.search("/Observation?subject=Patient/new").await, ["Observation/r"]);
    }

    async fn another_program_goes_on_writing(engine: Engine) {
        let (server, _maps) = over_the_tables(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        assert_eq!(api.get("/Observation/rd-1").await.expect(200).json().str("meta.versionId"), Some("1"));
        sql.run("update readings set val = 80 where id = 1").await;
        let changed = api.get("/Observation/rd-1").await.expect(200).json();
        assert_eq!(changed.str("meta.versionId"), Some("2"));
        assert!(changed.to_string().contains(r#""value":80"#), "{changed}");
        sql.run("insert into readings (person_id, loinc, val, unit) values (2, '8310-5', 37.5, 'Cel')").await;
        assert_eq!(api.search("/Observation?patient=pp-2").await, ["Observation/rd-2"]);
        sql.run("delete from readings where id = 1").await;
        api.get("/Observation/rd-1").await.expect(410);
    }
}
