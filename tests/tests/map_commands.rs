//! `map coverage`, `quality`, `verify`, `doc`: what they say of rows that other programs wrote, and that they change nothing.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Options, Server, Sql, own, patient, rounds, row_key, suite, with_residue};

/// A legacy program's tables: no constraint keeps anything out.
const TABLES: &str = "
create table people (id varchar(20) primary key, first text, last text, born text, sex text, doctor text, mrn text);
create table readings (id varchar(20) primary key, person text, status text, loinc text, taken text, val text, unit text);
";

const PEOPLE: &str = r#"
resource = "Patient"
table = "people"
id = "id"
fields = [
  { path = "identifier[system=urn:mrn].value", column = "mrn" },
  { path = "name[use=official].family", column = "last" },
  { path = "name[use=official].given", columns = ["first"] },
  { path = "gender", column = "sex", codes = { M = "male", F = "female" } },
  { path = "birthDate", column = "born" },
  { path = "managingOrganization", column = "doctor", reference = "Organization" },
]
"#;

const READINGS: &str = r#"
resource = "Observation"
table = "readings"
id = "id"
patient = "person"
fields = [
  { path = "status", column = "status" },
  { path = "category.coding[system=http://terminology.hl7.org/CodeSystem/observation-category].code", const = "laboratory" },
  { path = "code.coding[system=http://loinc.org].code", column = "loinc" },
  { path = "subject", column = "person", reference = "Patient" },
  { path = "effectiveDateTime", column = "taken" },
  { path = "valueQuantity.value", column = "val" },
  { path = "valueQuantity.unit", column = "unit" },
]
[groups]
value = ["valueQuantity", "interpretation"]
"#;

/// A gateway over the legacy tables, and the folder of their maps.
async fn legacy(engine: Engine) -> (Server, tempfile::TempDir) {
    let maps = tempfile::tempdir().unwrap();
    std::fs::write(maps.path().join("people.toml"), PEOPLE).unwrap();
    std::fs::write(maps.path().join("readings.toml"), READINGS).unwrap();
    let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
    (Server::prepared(engine, Options { arguments, ..Options::default() }, TABLES).await, maps)
}

async fn person(sql: &mut Sql, id: &str, changed: &[(&str, &str)]) {
    let mut row = vec![
        ("id", format!("'{id}'")),
        ("first", format!("'First {id}'")),
        ("last", format!("'Last {id}'")),
        ("born", "'1980-01-02'".to_owned()),
        ("sex", "'F'".to_owned()),
        ("doctor", "null".to_owned()),
        ("mrn", format!("'mrn-{id}'")),
    ];
    insert(sql, "people", &mut row, changed).await;
}

async fn reading(sql: &mut Sql, id: &str, changed: &[(&str, &str)]) {
    let mut row = vec![
        ("id", format!("'{id}'")),
        ("person", "'p-1'".to_owned()),
        ("status", "'final'".to_owned()),
        ("loinc", "'718-7'".to_owned()),
        ("taken", "'2024-01-02T03:04:05Z'".to_owned()),
        ("val", "'7.5'".to_owned()),
        ("unit", "'g/dL'".to_owned()),
    ];
    insert(sql, "readings", &mut row, changed).await;
}

async fn insert(sql: &mut Sql, table: &str, row: &mut [(&str, String)], changed: &[(&str, &str)]) {
    for (name, value) in changed {
        row.iter_mut().find(|(column, _)| column == name).unwrap().1 = (*value).to_owned();
    }
    let columns: Vec<&str> = row.iter().map(|(column, _)| *column).collect();
    let values: Vec<&str> = row.iter().map(|(_, value)| value.as_str()).collect();
    sql.run(&format!("insert into {table} ({}) values ({})", columns.join(", "), values.join(", "))).await;
}

/// What `map quality` finds: kind, place, count and keys.
async fn findings(server: &Server, maps: &tempfile::TempDir, code: i32) -> Vec<(String, String, i64, Vec<String>)> {
    let maps = maps.path().display().to_string();
    let report = Json::of(&map(server, "quality", &["--json", "--maps", &maps], code).await.stdout);
    let text = |finding: &Json, name: &str| finding.str(name).unwrap().to_owned();
    let keys = |finding: &Json| {
        let mut keys: Vec<String> = finding.items("keys").iter().map(|key| key.as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    let finding =
        |finding: &Json| (text(finding, "kind"), text(finding, "place"), number(finding, "count"), keys(finding));
    report.items("findings").iter().map(finding).collect()
}

async fn map(server: &Server, command: &str, more: &[&str], code: i32) -> Command {
    let data_dir = server.data_dir().display().to_string();
    let mut arguments = vec!["map", command, "--database", &server.database.url, "--data-dir", &data_dir];
    arguments.extend(more);
    Command::run(&arguments).await.expect(code)
}

async fn verify(server: &Server, code: i32) -> Json {
    Json::of(&map(server, "verify", &["--json"], code).await.stdout)
}

/// The report of one map.
fn of_map<'a>(report: &'a Json, name: &str) -> &'a Json {
    report.items("maps").iter().find(|map| map.str("map") == Some(name)).unwrap()
}

fn number(report: &Json, path: &str) -> i64 {
    report.at(path).unwrap_or_else(|| panic!("{path} in {report}")).to_string().parse().unwrap()
}

/// Every row of the clinic's tables and of the gateway's, apart from the audit trail, which a look must leave a trace in.
async fn dump(sql: &mut Sql) -> String {
    let tables = match sql.engine() {
        Engine::Sqlite => "select name from sqlite_master where type = 'table' and name not like '%audit%' order by 1",
        Engine::Postgres => {
            "select quote_ident(table_schema) || '.' || quote_ident(table_name) from information_schema.tables \
             where table_schema in ('public', 'fhir_gateway') and table_type = 'BASE TABLE' \
             and table_name not like '%audit%' order by 1"
        }
    };
    let tables: Vec<String> = sql.rows(tables).await.into_iter().filter_map(|row| row[0].clone()).collect();
    dump_of(sql, &tables.iter().map(String::as_str).collect::<Vec<_>>()).await
}

async fn dump_of(sql: &mut Sql, tables: &[&str]) -> String {
    let mut text = String::new();
    for table in tables {
        let rows = sql.rows(&format!("select * from {table}")).await;
        let mut lines: Vec<String> = rows.iter().map(|row| format!("{table} {row:?}\n")).collect();
        lines.sort();
        text.extend(lines);
    }
    text
}

/// A change that the gateway does not hear of.
async fn behind_its_back(sql: &mut Sql, statement: &str) {
    let (begin, end) = match sql.engine() {
        Engine::Sqlite => {
            ("begin immediate; insert into gateway_writing (writing) values (1)", "delete from gateway_writing; commit")
        }
        Engine::Postgres => ("begin; set local app.gateway_writing = 'on'", "commit"),
    };
    sql.run(&format!("{begin}; {statement}; {end}")).await;
}

/// Rows of another program: so many patients with an identifier and a lab result each.
async fn foreign_rows(sql: &mut Sql, count: usize) {
    let numbers = match sql.engine() {
        Engine::Sqlite => {
            format!(
                "(with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) select i from n) n"
            )
        }
        Engine::Postgres => format!("(select i::text as i from generate_series(1, {count}) i) n"),
    };
    sql.run(&format!(
        "insert into patients (id, organization_id, last_name, first_name, sex, date_of_birth, active) \
         select 'p-' || i, 1, 'Name-' || i, 'First', 'M', '1980-01-02', true from {numbers}"
    ))
    .await;
    sql.run(&format!(
        "insert into patient_identifiers (patient_id, position, organization_id, system, value) \
         select 'p-' || i, 3, 1, 'urn:mrn', 'n-' || i from {numbers}"
    ))
    .await;
    sql.run(&format!(
        "insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at) \
         select 'l-' || i, 1, 'p-' || i, 'final', '718-7', 7.50, 'g/dL', '2024-01-02T03:04:05Z' from {numbers}"
    ))
    .await;
}

suite! {
    async fn verify_measures_no_loss_on_rows_of_other_programs_and_changes_nothing(engine: Engine) {
        let server = Server::start(engine);
        let mut sql = server.sql().await;
        let count = rounds(1_200, 100_000);
        foreign_rows(&mut sql, count).await;
        let api = server.client();
        api.save(&with_residue(patient("with-residue", "x"))).await.expect(201);
        api.get("/Patient?_summary=count").await.expect(200);
        let before = dump(&mut sql).await;
        let report = verify(&server, 0).await;
        let (patients, labs) = (of_map(&report, "patient"), of_map(&report, "lab_results"));
        assert_eq!((number(patients, "rows"), number(patients, "resources")), (count as i64 + 1, count as i64 + 1));
        assert_eq!((number(labs, "rows"), number(labs, "differing")), (count as i64, 0));
        assert_eq!((number(patients, "write_back.lost"), number(labs, "write_back.lost")), (0, 0));
        let row = 5 + 1 + 2;
        assert!(number(patients, "write_back.values") >= row * count as i64, "{patients}");
        assert!(dump(&mut sql).await == before, "something has changed");
        let text = map(&server, "verify", &[], 0).await.stdout;
        assert!(text.contains("are lost by writing rows back (0.000 %)") && text.contains("nothing is lost"), "{text}");
    }

    async fn verify_reports_a_tampered_residue_and_columns_that_cannot_be_written_back(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        foreign_rows(&mut sql, 3).await;
        api.save(&with_residue(patient("tampered", "x"))).await.expect(201);
        verify(&server, 0).await;
        let key = row_key(&mut sql, "Patient", "tampered").await;
        let tamper = format!("update patients set fhir_residue = '{{\"resourceType\":\"Patient\",\"multipleBirthInteger\":7}}' where id = '{key}'");
        behind_its_back(&mut sql, &tamper).await;
        let report = verify(&server, 1).await;
        let patients = of_map(&report, "patient");
        assert_eq!(number(patients, "differing"), 1);
        let elements = patients.at("elements").unwrap().members();
        assert!(elements.iter().any(|(element, _)| element == "Patient.multipleBirthInteger"), "{patients}");
        let refuse = match engine {
            Engine::Sqlite => "create trigger frozen before update on lab_results when old.id = 'l-2' begin select raise(abort, 'frozen'); end".to_owned(),
            Engine::Postgres => "create function frozen() returns trigger language plpgsql as $$ begin \
                 if old.id = 'l-2' then raise exception using errcode = 'check_violation', table = 'lab_results', constraint = 'frozen'; end if; \
                 if old.id = 'l-3' then new.unit := upper(new.unit); end if; return new; end $$; \
                 create trigger frozen before update on lab_results for each row execute function frozen()".to_owned(),
        };
        sql.run(&refuse).await;
        let before = dump(&mut sql).await;
        let report = verify(&server, 1).await;
        let labs = of_map(&report, "lab_results");
        let columns = labs.at("write_back.columns").unwrap().members();
        let refused = if engine == Engine::Postgres { "lab_results.frozen" } else { "lab_results" };
        assert!(columns.iter().any(|(column, count)| column == refused && count.to_string() == "1"), "{labs}");
        let rewritten = columns.iter().any(|(column, count)| column == "lab_results.unit" && count.to_string() == "1");
        assert_eq!(rewritten, engine == Engine::Postgres, "{labs}");
        assert_eq!(number(labs, "write_back.rows"), if rewritten { 2 } else { 1 });
        assert!(dump(&mut sql).await == before, "something has changed");
        assert_eq!(sql.count(&format!("select count(*) from {}", own(engine, "outbox"))).await, 0);
    }

    async fn quality_finds_each_planted_fault_and_nothing_else(engine: Engine) {
        let (server, maps) = legacy(engine).await;
        let mut sql = server.sql().await;
        for clean in 1..=40 {
            person(&mut sql, &format!("p-{clean}"), &[]).await;
            reading(&mut sql, &format!("r-{clean}"), &[]).await;
        }
        assert_eq!(findings(&server, &maps, 0).await, [], "forty clean rows of each table");
        person(&mut sql, "p-twin-a", &[("first", "'José'"), ("last", "'  Núñez  Ruiz'"), ("born", "'1970-05-06'")]).await;
        person(&mut sql, "p-twin-b", &[("first", "'JOSE'"), ("last", "'nunez ruiz'"), ("born", "'1970-05-06'")]).await;
        person(&mut sql, "p-brother", &[("first", "'Jose'"), ("last", "'nunez ruiz'"), ("born", "'1970-05-06'"), ("sex", "'M'")]).await;
        person(&mut sql, "p-same-a", &[("mrn", "'shared'")]).await;
        person(&mut sql, "p-same-b", &[("mrn", "'shared'")]).await;
        person(&mut sql, "p-sex", &[("sex", "'X'")]).await;
        person(&mut sql, "p-born", &[("born", "'1980-13-45'")]).await;
        person(&mut sql, "p-nameless", &[("first", "null"), ("last", "null")]).await;
        person(&mut sql, "p-doctor", &[("doctor", "'nobody'")]).await;
        person(&mut sql, "p-empty", &[("born", "''")]).await;
        reading(&mut sql, "r-status", &[("status", "'finished'")]).await;
        reading(&mut sql, "r-nothing", &[("status", "null")]).await;
        reading(&mut sql, "r-uncoded", &[("loinc", "null")]).await;
        reading(&mut sql, "r-loinc", &[("loinc", "'718  7'")]).await;
        reading(&mut sql, "r-number", &[("val", "'seven'")]).await;
        reading(&mut sql, "r-orphan", &[("person", "'p-gone'")]).await;
        reading(&mut sql, "r-deleted", &[("person", "'p-late'")]).await;
        person(&mut sql, "p-late", &[]).await;
        let api = server.client();
        api.get("/Patient/p-late").await.expect(200);
        sql.run("delete from people where id = 'p-late'").await;
        let coupled = r#"{"resourceType":"Observation","id":"r-coupled","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"718-7"}]},"subject":{"reference":"Patient/p-1"},"valueQuantity":{"value":7.5,"unit":"g/dL","code":"g/dL"},"interpretation":[{"text":"low"}]}"#;
        api.save(&Json::of(coupled)).await.expect(201);
        sql.run("update readings set val = '15' where id = 'r-coupled'").await;
        let before = dump_of(&mut sql, &["people", "readings"]).await;
        let found = findings(&server, &maps, 1).await;
        let one = |kind: &str, place: &str, keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let groups = if kind == "duplicate" { 1 } else { keys.len() as i64 };
            (kind.to_owned(), place.to_owned(), groups, keys)
        };
        let mut expected = vec![
            one("code", "Observation.status", &["r-status"]),
            one("orphan", "people.doctor", &["p-doctor"]),
            one("orphan", "readings.person", &["r-deleted", "r-orphan"]),
            one("required", "Observation.code", &["r-uncoded"]),
            one("required", "Observation.status", &["r-nothing"]),
            one("structure", "Observation.code.coding.code", &["r-loinc"]),
            one("undecodable", "people.born", &["p-born"]),
            one("undecodable", "readings.val", &["r-number"]),
            one("unmapped", "people.sex", &["p-sex"]),
            one("coupled", "value", &["r-coupled"]),
            one("duplicate", "Patient.identifier", &["p-same-a = p-same-b"]),
            one("duplicate", "Patient: name, birthDate and gender", &["p-twin-a = p-twin-b"]),
            one("us-core", "us-core-patient: gender", &["p-sex"]),
            one("us-core", "us-core-patient: name", &["p-nameless"]),
        ];
        let mut found = found;
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(dump_of(&mut sql, &["people", "readings"]).await, before, "it only looks");
        let few = map(&server, "quality", &["--keys", "1", "--maps", &maps.path().display().to_string()], 1).await.stdout;
        assert!(few.contains("r-deleted, ...") && !few.contains("r-orphan"), "{few}");
        assert!(!few.contains("1980-13-45") && !few.contains("seven") && !few.contains("finished"), "no values: {few}");
    }
}

#[tokio::test]
async fn coverage_counts_what_has_a_place_and_names_what_has_none() {
    let run = Command::run(&["map", "coverage", "--type", "Patient"]).await.expect(0).stdout;
    assert!(run.contains("us-core-patient") && run.contains("name.family") && run.contains("last_name"), "{run}");
    assert!(run.contains("17 of 17 elements have a place"), "counted by hand against patient.toml: {run}");
    let all = Json::of(&Command::run(&["map", "coverage", "--json"]).await.expect(0).stdout);
    let profile = |name: &str| all.items("profiles").iter().find(|one| one.str("profile") == Some(name)).unwrap();
    let pressure = profile("us-core-blood-pressure");
    assert_eq!(pressure.str("maps.0.map"), Some("patient_vital_signs.bp"), "{pressure}");
    let sum = |name: &str| all.items("profiles").iter().map(|one| number(one, name)).sum::<i64>();
    assert_eq!((number(&all, "elements"), number(&all, "carried")), (sum("elements"), sum("carried")));
    Command::run(&["map", "coverage", "--type", "Patient", "--min", "100"]).await.expect(0);
    Command::run(&["map", "coverage", "--type", "Observation", "--min", "100"]).await.expect(1);
    Command::run(&["map", "coverage", "--type", "Basic"]).await.expect(2);
}

#[tokio::test]
async fn doc_writes_a_page_for_every_map_file_and_an_index_that_links_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pages");
    let run = Command::run(&["map", "doc", "--out", &out.display().to_string()]).await.expect(0).stdout;
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let index = read("index.md");
    let files = std::fs::read_dir("../mappers/maps/clinic").unwrap().count();
    assert!(run.starts_with(&format!("{files} pages")), "{run}");
    let links: Vec<&str> = index.lines().filter_map(|line| line.split("](").nth(1)?.split(')').next()).collect();
    assert_eq!(links.len(), files, "{index}");
    for link in links {
        let page = read(link);
        assert!(page.contains("Elements\n\n| element |") && page.contains("Search\n\n| parameter |"), "{link}: {page}");
    }
    let patient = read("patient.md");
    assert!(patient.contains("| `gender` | `sex` | text | (M=male, F=female, O=other, U=unknown) |"), "{patient}");
    assert!(patient.contains("word for word in `fhir_residue`") && patient.contains("us-core-patient"), "{patient}");
    assert!(
        patient.contains("| `identifier` | `identifier` |") && patient.contains("| `family` | `name.family` |"),
        "{patient}"
    );
    let signs = read("vital_signs.md");
    assert!(signs.contains("## vital_signs.hr") && signs.contains("us-core-heart-rate"), "{signs}");
}
