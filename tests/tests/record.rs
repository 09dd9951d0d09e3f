//! The clinical record's tables: a row written by SQL reads as FHIR with every column at its element, the same resource
//! written by FHIR fills the same columns, a PUT without the elements clears them, and nothing is lost (`map verify`).
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "record/specification.rs"]
mod specification;

use gateway_tests::{
    Client, Command, Engine, Json, Server, Sql, examples, look, own, patient, row_key, shared_data, suite,
};
use specification::{Column, TABLES, Table, columns};
use std::collections::{BTreeMap, BTreeSet};

/// What rows refer to.
const NAMED: &[&str] = &[
    r#"{"resourceType":"Organization","id":"o","name":"Lab"}"#,
    r#"{"resourceType":"Practitioner","id":"d","name":[{"family":"Who"}]}"#,
    r#"{"resourceType":"Location","id":"l","name":"Ward"}"#,
    r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/p"}}"#,
    r#"{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"order","subject":{"reference":"Patient/p"},"code":{"text":"x"}}"#,
    r#"{"resourceType":"Specimen","id":"t","subject":{"reference":"Patient/p"}}"#,
    r#"{"resourceType":"Media","id":"m","status":"completed","content":{"title":"x"}}"#,
    r#"{"resourceType":"QuestionnaireResponse","id":"q","status":"completed"}"#,
    r#"{"resourceType":"Device","id":"v"}"#,
];

async fn with_what_rows_name(api: &Client) {
    api.save(&patient("p", "Row")).await.expect(201);
    for resource in NAMED {
        api.save(&Json::of(resource)).await.expect(201);
    }
}

/// A row by SQL, with its child rows.
async fn insert(sql: &mut Sql, table: &Table, key: &str, row: &[Column], number: usize) {
    let filled = |columns: &[Column]| {
        let names: String = columns.iter().map(|column| format!(", {}", column.name)).collect();
        let values: String = columns.iter().map(|column| format!(", {}", column.literal())).collect();
        (names, values)
    };
    let (names, values) = filled(row);
    sql.run(&format!("insert into {} (id, organization_id{names}) values ('{key}', 1{values})", table.name)).await;
    if let Some(child) = &table.child {
        let (names, values) = filled(&child.row(number));
        let (child, parent) = (child.name, child.parent);
        sql.run(&format!(
            "insert into {child} ({parent}, position, organization_id{names}) values ('{key}', 0, 1{values})"
        ))
        .await;
    }
}

/// Every column shows where it should; `before` is the way to the item of a list.
fn shown(resource: &Json, before: &str, row: &[Column]) {
    for column in row {
        let place = format!("{before}{}", column.place);
        let found = look(resource, &place).unwrap_or_else(|| panic!("{place} is not in {resource}"));
        assert_eq!(found.to_string().trim_matches('"'), column.shown, "{place} in {resource}");
    }
}

/// Every column of the row holds what it should.
async fn holds(sql: &mut Sql, table: &str, key: &str, id: &str, row: &[Column]) {
    for column in row {
        let query =
            format!("select count(*) from {table} where {key} = '{id}' and {} = {}", column.name, column.literal());
        if sql.count(&query).await != 1 {
            let found =
                sql.rows(&format!("select cast({} as text) from {table} where {key} = '{id}'", column.name)).await;
            panic!("{table}.{} is {found:?}, not {}", column.name, column.literal());
        }
    }
}

/// The columns of a table, apart from those that belong to no element.
async fn all_columns(sql: &mut Sql, table: &str) -> BTreeSet<String> {
    let query = match sql.engine() {
        Engine::Sqlite => format!("select name from pragma_table_info('{table}')"),
        Engine::Postgres => {
            format!(
                "select column_name::text from information_schema.columns where table_schema = 'public' and table_name = '{table}'"
            )
        }
    };
    // The last two show in the lists of other rows.
    let ours = ["id", "organization_id", "position", "updated_at", "fhir_residue", "kind", "report_id", "panel_id"];
    let rows = sql.rows(&query).await;
    rows.into_iter().filter_map(|row| row[0].clone()).filter(|name| !ours.contains(&name.as_str())).collect()
}

async fn resource_of_row(api: &Client, table: &Table, key: &str) -> Json {
    let id = format!("{}{key}", table.prefix);
    let found = api.get(&format!("/{}/{id}", table.resource)).await.expect(200).json();
    assert_eq!(found.str("id"), Some(id.as_str()));
    found
}

suite! {
    async fn every_column_has_its_element_both_ways(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        with_what_rows_name(&api).await;
        for (index, table) in TABLES.iter().enumerate() {
            let mut covered = BTreeSet::new();
            for (number, text) in table.rows.iter().enumerate() {
                let row = columns(text);
                let key = format!("r{index}-{number}");
                insert(&mut sql, table, &key, &row, number).await;
                let found = resource_of_row(&api, table, &key).await;
                shown(&found, "", &row);
                if let Some(child) = &table.child {
                    shown(&found, &format!("{}[0].", child.path), &child.row(number));
                }
                // The same by FHIR, as a resource of its own.
                let id = format!("f{index}-{number}");
                let sent = found.with("id", Json::text(&id)).without_server_meta();
                api.save(&sent).await.expect(201);
                assert_eq!(row_key(&mut sql, table.resource, &id).await, id, "{sent}");
                holds(&mut sql, table.name, "id", &id, &row).await;
                if let Some(child) = &table.child {
                    holds(&mut sql, child.name, child.parent, &id, &child.row(number)).await;
                }
                let read = api.get(&format!("/{}/{id}", table.resource)).await.expect(200).json().without_server_meta();
                assert_eq!(sent.difference(&read), None);
                // Absent means absent.
                let bare = Json::of(table.bare).with("id", Json::text(&id));
                api.save(&bare).await.expect(200);
                for column in row.iter().filter(|column| !table.required.contains(&column.name.as_str())) {
                    let query = format!("select count(*) from {} where id = '{id}' and {} is null", table.name, column.name);
                    assert_eq!(sql.count(&query).await, 1, "{}.{} is not cleared", table.name, column.name);
                }
                if let Some(child) = &table.child {
                    let query = format!("select count(*) from {} where {} = '{id}'", child.name, child.parent);
                    assert_eq!(sql.count(&query).await, 0);
                }
                covered.extend(row.into_iter().map(|column| column.name));
            }
            assert_eq!(all_columns(&mut sql, table.name).await.difference(&covered).collect::<Vec<_>>(), Vec::<&String>::new(), "{}", table.name);
            if let Some(child) = &table.child {
                assert_eq!(all_columns(&mut sql, child.name).await, child.covered(), "{}", child.name);
            }
        }
        let data_dir = server.data_dir().display().to_string();
        Command::run(&["map", "verify", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
    }

    async fn a_condition_moves_between_lists_with_its_category(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("p", "List")).await.expect(201);
        let condition = |category: &str| {
            let category = match category {
                "" => String::new(),
                "health-concern" => r#","category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/condition-category","code":"health-concern"}]}]"#.to_owned(),
                _ => format!(r#","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"{category}"}}]}}]"#),
            };
            Json::of(&format!(r#"{{"resourceType":"Condition","id":"c"{category},"code":{{"text":"Asthma"}},"subject":{{"reference":"Patient/p"}}}}"#))
        };
        let steps = [
            ("", Some("other")),
            ("problem-list-item", Some("problem")),
            ("encounter-diagnosis", None),
            ("health-concern", Some("concern")),
            ("", Some("other")),
            ("problem-list-item", Some("problem")),
        ];
        for (index, (category, kind)) in steps.into_iter().enumerate() {
            let sent = condition(category);
            api.save(&sent).await.expect(if index == 0 { 201 } else { 200 });
            let read = api.get("/Condition/c").await.expect(200);
            assert_eq!((read.version(), sent.difference(&read.json().without_server_meta())), (index as i64 + 1, None));
            row_key(&mut sql, "Condition", "c").await;
            let problems = sql.rows("select kind from problems").await;
            let diagnoses = sql.count("select count(*) from encounter_diagnoses").await;
            let expected: Vec<Vec<Option<String>>> = kind.map(|kind| vec![Some(kind.to_owned())]).into_iter().collect();
            assert_eq!((problems, diagnoses), (expected, i64::from(kind.is_none())), "{category}");
        }
        assert_eq!(api.search("/Condition?patient=p").await, ["Condition/c"]);
    }

    async fn another_program_changes_the_record(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("p", "Change")).await.expect(201);
        let problem = r#"{"resourceType":"Condition","id":"c","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],
            "clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},
            "code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9","display":"Type 2 diabetes"},{"system":"urn:local","code":"DM2"}],"text":"Diabetes"},
            "subject":{"reference":"Patient/p"},"onsetAge":{"value":50,"code":"a","system":"http://unitsofmeasure.org"}}"#;
        api.save(&Json::of(problem)).await.expect(201);
        sql.run("update problems set clinical_status = 'resolved', abated_on = '2024-05-06', icd10_code = 'E11.65', onset_on = '2001-01-01' where id = 'c'").await;
        let read = api.get("/Condition/c").await.expect(200).json();
        assert_eq!(read.str("clinicalStatus.coding.0.code"), Some("resolved"));
        assert_eq!(read.str("abatementDateTime"), Some("2024-05-06"));
        assert!(!read.to_string().contains("DM2"), "the local code of what it was: {read}");
        assert_eq!((read.str("onsetDateTime"), read.at("onsetAge")), (Some("2001-01-01"), None), "one onset: {read}");
        assert_eq!(api.search("/Condition?code=http://hl7.org/fhir/sid/icd-10-cm|E11.65&patient=p").await, ["Condition/c"]);
        assert!(api.search("/Condition?code=urn:local|DM2").await.is_empty());
        let allergy = r#"{"resourceType":"AllergyIntolerance","id":"a","code":{"text":"Nuts"},"patient":{"reference":"Patient/p"},"category":["food","environment"],
            "reaction":[{"manifestation":[{"text":"hives"},{"text":"itch"},{"text":"wheeze"}],"severity":"mild"}]}"#;
        let allergy = Json::of(allergy);
        api.save(&allergy).await.expect(201);
        let read = api.get("/AllergyIntolerance/a").await.expect(200).json().without_server_meta();
        assert_eq!(allergy.difference(&read), None, "two categories and three manifestations stay");
        assert_eq!(sql.value("select category from allergies where id = 'a'").await, "food");
        sql.run("update allergy_reactions set severity = 'severe' where allergy_id = 'a'; update allergies set criticality = 'high' where id = 'a'").await;
        let read = api.get("/AllergyIntolerance/a").await.expect(200).json();
        assert_eq!((read.str("reaction.0.severity"), read.str("criticality")), (Some("severe"), Some("high")));
        assert_eq!(read.items("reaction.0.manifestation").len(), 3, "{read}");
        assert_eq!(api.search("/AllergyIntolerance?patient=p").await, ["AllergyIntolerance/a"]);
    }

    async fn rows_that_name_a_report_or_a_panel_are_on_its_list(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("p", "Lists")).await.expect(201);
        sql.run("insert into diagnostic_reports (id, organization_id, patient_id, status, name) values ('r', 1, 'p', 'final', 'Blood count')").await;
        assert_eq!(api.get("/DiagnosticReport/r").await.expect(200).json().at("result"), None);
        sql.run("insert into lab_results (id, organization_id, patient_id, status, name, value_number, report_id) values
                 ('l1', 1, 'p', 'final', 'Hb', 13.5, 'r'), ('l2', 1, 'p', 'final', 'Leucocytes', 7, 'r'), ('l3', 1, 'p', 'final', 'Sodium', 140, null)").await;
        let report = api.get("/DiagnosticReport/r").await.expect(200).json();
        let results: Vec<_> = report.items("result").iter().filter_map(|item| item.str("reference")).collect();
        assert_eq!(results, ["Observation/lab-l1", "Observation/lab-l2"], "{report}");
        sql.run("insert into social_determinants (id, organization_id, patient_id, status, question, panel_id) values
                 ('panel', 1, 'p', 'final', 'PRAPARE', null), ('a1', 1, 'p', 'final', 'Housing', 'panel')").await;
        let panel = api.get("/Observation/survey-panel").await.expect(200).json();
        assert_eq!(panel.str("hasMember.0.reference"), Some("Observation/survey-a1"), "{panel}");
    }

    /// The standard's and US Core's own examples of these types read as they were sent, and all about a patient are rows.
    async fn official_examples_are_rows(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        let kinds: BTreeSet<&str> = TABLES.iter().map(|table| table.resource).collect();
        let all = [examples(&data, "01-r4-examples"), examples(&data, "02-us-core")].concat();
        let directory = own(engine, "directory");
        let mut counts = BTreeMap::<&str, i64>::new();
        for (index, example) in all.iter().enumerate() {
            let Some(kind) = kinds.get(example.json.str("resourceType").unwrap()).copied() else { continue };
            let categories = example.json.at("category").map(ToString::to_string).unwrap_or_default();
            let of_the_record = ["laboratory", "social-history", "survey", "exam", "imaging", "procedure", "therapy", "activity"];
            if kind == "Observation" && !of_the_record.iter().any(|code| categories.contains(&format!("\"{code}\""))) {
                continue;
            }
            // Whom it is about is not always among the examples, as in a clinic he is.
            let people = ["subject.reference", "patient.reference"].into_iter().filter_map(|place| example.json.str(place));
            let person = people.into_iter().find_map(|text| text.strip_prefix("Patient/"));
            if let Some(person) = person {
                let bare = Json::of(&format!(r#"{{"resourceType":"Patient","id":"{person}"}}"#));
                assert!(matches!(api.save(&bare).await.status, 200 | 201));
            }
            let id = format!("ex-{index}");
            let sent = example.json.clone().with("id", Json::text(&id));
            api.save(&sent).await.expect(201);
            let read = api.get(&format!("/{kind}/{id}")).await.expect(200).json().without_server_meta();
            assert_eq!(sent.without_server_meta().difference(&read), None, "{}", example.name);
            let rows = sql.count(&format!("select count(*) from {directory} where type = '{kind}' and id = '{id}' and map is not null")).await;
            // What is about a herd, a contained newborn or somebody's mere name has no row of a patient to hang on.
            assert_eq!(rows, i64::from(person.is_some() || kind == "Specimen"), "{}", example.name);
            *counts.entry(kind).or_default() += rows;
        }
        assert_eq!(counts.len(), kinds.len(), "{counts:?}");
        assert!(counts.values().sum::<i64>() > 140, "{counts:?}");
    }
}
