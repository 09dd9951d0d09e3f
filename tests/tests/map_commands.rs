//! `map coverage`, `quality`, `verify`, `doc`: what they say of rows that other programs wrote, and that they change nothing.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, Sql, own, patient, rounds, row_key, suite, with_residue};

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
    let mut text = String::new();
    for table in sql.rows(tables).await {
        let table = table[0].clone().unwrap();
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
}

#[tokio::test]
async fn coverage_counts_what_has_a_place_and_names_what_has_none() {
    let run = Command::run(&["map", "coverage", "--type", "Patient"]).await.expect(0).stdout;
    assert!(run.contains("us-core-patient") && run.contains("name.family") && run.contains("last_name"), "{run}");
    assert!(run.contains("17 of 17 elements have a place"), "counted by hand against patient.toml: {run}");
    let all = Json::of(&Command::run(&["map", "coverage", "--json"]).await.expect(0).stdout);
    let profile = |name: &str| all.items("profiles").iter().find(|one| one.str("profile") == Some(name)).unwrap();
    let pressure = profile("us-core-blood-pressure");
    assert_eq!(pressure.str("maps.0.map"), Some("vital_signs.bp"), "{pressure}");
    let sum = |name: &str| all.items("profiles").iter().map(|one| number(one, name)).sum::<i64>();
    assert_eq!((number(&all, "elements"), number(&all, "carried")), (sum("elements"), sum("carried")));
    Command::run(&["map", "coverage", "--type", "Patient", "--min", "100"]).await.expect(0);
    Command::run(&["map", "coverage", "--type", "Observation", "--min", "100"]).await.expect(1);
    Command::run(&["map", "coverage", "--type", "Basic"]).await.expect(2);
}
