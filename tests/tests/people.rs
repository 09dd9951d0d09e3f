//! Organizations, practitioners, locations, roles, related persons, encounters and appointments, both ways: a row that another
//! program wrote shows every column at its element, and the resource so read fills every column of another row.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "people/cases.rs"]
mod cases;

use cases::{CASES, Case, Rows};
use gateway_tests::{Client, Command, Engine, Json, Server, Sql, examples, own, patient, shared_data, suite};
use std::collections::BTreeMap;

/// Columns that are ours, or the table's own.
const OWN: &[&str] = &["id", "organization_id", "position", "updated_at", "fhir_residue"];

/// What the cases refer to: a column takes a key only where there is such a resource.
const NEIGHBOURS: &[&str] = &[
    r#"{"resourceType":"Organization","id":"peo-org"}"#,
    r#"{"resourceType":"Practitioner","id":"peo-doc"}"#,
    r#"{"resourceType":"Location","id":"peo-room"}"#,
    r#"{"resourceType":"Endpoint","id":"peo-end","status":"active","connectionType":{"code":"x"},"payloadType":[{"text":"x"}],"address":"https://e.example"}"#,
    r#"{"resourceType":"Condition","id":"peo-sick","subject":{"reference":"Patient/peo-pat"},"code":{"text":"x"}}"#,
    r#"{"resourceType":"ServiceRequest","id":"peo-req","status":"active","intent":"order","subject":{"reference":"Patient/peo-pat"}}"#,
    r#"{"resourceType":"Encounter","id":"peo-enc","status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/peo-pat"}}"#,
    r#"{"resourceType":"Appointment","id":"peo-app","status":"waitlist","participant":[{"actor":{"reference":"Patient/peo-pat"},"status":"accepted"}]}"#,
];

async fn neighbours(api: &Client) {
    api.save(&patient("peo-pat", "Moen")).await.expect(201);
    for text in NEIGHBOURS {
        api.save(&Json::of(text)).await.expect(201);
    }
}

/// The columns that carry values, in the database's order.
async fn columns(sql: &mut Sql, table: &str, key: &str) -> Vec<String> {
    let query = match sql.engine() {
        Engine::Sqlite => format!("select name from pragma_table_info('{table}') order by cid"),
        Engine::Postgres => format!(
            "select column_name from information_schema.columns where table_name = '{table}' and table_schema = 'public' order by ordinal_position"
        ),
    };
    let names = sql.rows(&query).await.into_iter().filter_map(|mut row| row.remove(0));
    names.filter(|name| name != key && !OWN.contains(&name.as_str())).collect()
}

/// Writes rows as another program would, every column filled.
async fn write(sql: &mut Sql, rows: &Rows, id: &str) {
    let mut wanted = columns(sql, rows.table, rows.key).await;
    let mut given: Vec<String> = rows.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    wanted.sort();
    given.sort();
    assert_eq!(given, wanted, "{}: the case fills every column", rows.table);
    let names: Vec<&str> = rows.columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<&str> = rows.columns.iter().map(|(_, value)| *value).collect();
    let (position, zero) = if rows.key == "id" { ("", "") } else { (", position", ", 0") };
    let (table, key, names, values) = (rows.table, rows.key, names.join(", "), values.join(", "));
    sql.run(&format!(
        "insert into {table} ({key}, organization_id{position}, {names}) values ('{id}', 1{zero}, {values})"
    ))
    .await;
}

/// The values of the rows that hang on a key.
async fn values(sql: &mut Sql, rows: &Rows, id: &str) -> Vec<Vec<Option<String>>> {
    let names = columns(sql, rows.table, rows.key).await.join(", ");
    sql.rows(&format!("select {names} from {} where {} = '{id}' and organization_id = 1", rows.table, rows.key)).await
}

fn resource(text: &str, kind: &str, id: &str) -> Json {
    let mut resource =
        Json::Object(vec![("resourceType".to_owned(), Json::text(kind)), ("id".to_owned(), Json::text(id))]);
    for (name, value) in Json::of(text).members() {
        resource.set("", name, value.clone());
    }
    resource
}

async fn both_ways(api: &Client, sql: &mut Sql, case: &Case) {
    let kind = case.kind;
    let id = case.rows[0].table.replace('_', "-");
    let (theirs, ours) = (format!("{id}-theirs"), format!("{id}-ours"));
    for rows in case.rows {
        write(sql, rows, &theirs).await;
    }
    let read = api.get(&format!("/{kind}/{theirs}")).await.expect(200).json().without_server_meta();
    let wanted = resource(case.reads, kind, &theirs);
    assert_eq!(
        wanted.clone().sorted().difference(&read.clone().sorted()),
        None,
        "{kind}\nwanted {wanted}\nread {read}"
    );
    for query in case.finds {
        let found = api.search(&format!("/{kind}?{query}")).await;
        assert!(found.contains(&format!("{kind}/{theirs}")), "{kind}?{query}: {found:?}");
    }
    api.save(&read).await.expect(200);
    let full = read.with("id", Json::text(&ours));
    api.save(&full).await.expect(201);
    for rows in case.rows {
        let (their, our) = (values(sql, rows, &theirs).await, values(sql, rows, &ours).await);
        assert_eq!(their, our, "{kind}: {}", rows.table);
        assert_eq!(our.len(), 1, "{kind}: {}", rows.table);
        // Of columns that exclude each other the case names one as null.
        let given = rows.columns.iter().filter(|(_, value)| *value != "null").count();
        assert_eq!(our[0].iter().flatten().count(), given, "{kind}: {} {our:?}", rows.table);
    }
    let bare = resource(case.least, kind, &ours);
    api.save(&bare).await.expect(200);
    let left = values(sql, &case.rows[0], &ours).await;
    let filled = left[0].iter().flatten().count();
    assert_eq!(filled, case.stays, "{kind}: what was not sent is cleared: {left:?}");
    for rows in &case.rows[1..] {
        assert!(values(sql, rows, &ours).await.is_empty(), "{kind}: {}", rows.table);
    }
    let read = api.get(&format!("/{kind}/{ours}")).await.expect(200).json().without_server_meta();
    assert_eq!(bare.difference(&read), None, "{kind}");
}

suite! {
    async fn every_column_shows_and_every_element_lands(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        neighbours(&api).await;
        for case in CASES {
            both_ways(&api, &mut sql, case).await;
        }
        let data_dir = server.data_dir().display().to_string();
        let report = Command::run(&["map", "verify", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
        for case in CASES {
            let name = &case.rows[0].table[..case.rows[0].table.len() - 1];
            let line = report.stdout.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{name}: {}", report.stdout));
            let rows: i64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            assert!(rows >= 2, "{line}");
        }
    }

    /// EHR systems class encounters by lists of their own; a clinic's program only says AMB.
    async fn the_class_of_an_encounter_has_a_system(server: &'static Server) {
        let (api, mut sql) = (server.client(), server.sql().await);
        api.save(&patient("pc", "Moen")).await.expect(201);
        let own = r#"{"resourceType":"Encounter","id":"pc-own","status":"finished","class":{"system":"urn:oid:1.2.840.114350.1.72.1.7.7.10696724.13260","code":"13","display":"Support OP Encounter"},"subject":{"reference":"Patient/pc"}}"#;
        api.save(&Json::of(own)).await.expect(201);
        assert_eq!(sql.value("select class_code from encounters where id = 'pc-own'").await, "13");
        sql.run("insert into encounters (id, organization_id, patient_id, status, class_code) values ('pc-amb', 1, 'pc', 'planned', 'AMB')").await;
        let read = api.get("/Encounter/pc-amb").await.expect(200).json();
        assert_eq!(read.str("class.system"), Some("http://terminology.hl7.org/CodeSystem/v3-ActCode"));
        api.save(&read.without_server_meta()).await.expect(200);
        assert_eq!(sql.count("select count(*) from encounters where id = 'pc-amb' and class_system is null").await, 1, "nothing changed");
        sql.run("update encounters set class_code = 'EMER' where id = 'pc-amb'").await;
        let read = api.get("/Encounter/pc-amb").await.expect(200).json();
        assert_eq!((read.str("class.code"), read.str("class.system")), (Some("EMER"), Some("http://terminology.hl7.org/CodeSystem/v3-ActCode")));
        // Another program reclassifies what an EHR had classed: the EHR's system no longer holds for it.
        sql.run("update encounters set class_code = 'IMP', class_system = null where id = 'pc-own'").await;
        let read = api.get("/Encounter/pc-own").await.expect(200).json();
        assert_eq!((read.str("class.code"), read.str("class.system")), (Some("IMP"), Some("http://terminology.hl7.org/CodeSystem/v3-ActCode")));
    }

    /// What US Core says of a person, in columns; a race that is not known has another system.
    async fn a_persons_race_ethnicity_tribe_and_names_are_columns(server: &'static Server) {
        let (api, mut sql) = (server.client(), server.sql().await);
        let us = "http://hl7.org/fhir/us/core/StructureDefinition/us-core";
        let mut person = patient("pr", "Baxter");
        person.set("name.0", "period", Json::of(r#"{"start":"2020-07-22"}"#));
        person.set("", "name", Json::Array([person.items("name"), Json::of(r#"[{"use":"old","family":"Shaw","given":["Amy","V."],"period":{"start":"2016-12-06","end":"2020-07-22"}}]"#).array()].concat()));
        person.set("", "extension", Json::of(&format!(r#"[
            {{"url":"{us}-race","extension":[{{"url":"ombCategory","valueCoding":{{"system":"http://terminology.hl7.org/CodeSystem/v3-NullFlavor","code":"UNK","display":"unknown"}}}},{{"url":"text","valueString":"not asked"}}]}},
            {{"url":"{us}-ethnicity","extension":[{{"url":"ombCategory","valueCoding":{{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2135-2","display":"Hispanic or Latino"}}}},{{"url":"text","valueString":"Hispanic"}}]}},
            {{"url":"{us}-tribal-affiliation","extension":[{{"url":"tribalAffiliation","valueCodeableConcept":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS","code":"187"}}],"text":"Fort Mojave"}}}},{{"url":"isEnrolled","valueBoolean":false}}]}},
            {{"url":"{us}-genderIdentity","valueCodeableConcept":{{"coding":[{{"system":"http://snomed.info/sct","code":"446141000124107"}}],"text":"female"}}}}]"#)));
        api.save(&person).await.expect(201);
        let found = sql.rows("select race_code, race_system, race, ethnicity_code, ethnicity, tribe_code, tribe, gender_identity_code, previous_last_name, previous_middle_name, name_from, previous_name_until from patient_profiles where patient_id = 'pr'").await;
        let wanted = ["UNK", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "not asked", "2135-2", "Hispanic", "187", "Fort Mojave", "446141000124107", "Shaw", "V.", "2020-07-22", "2020-07-22"];
        assert_eq!(found[0].iter().flatten().map(String::as_str).collect::<Vec<_>>(), wanted);
        sql.run("insert into patients (id, organization_id, last_name) values ('pr2', 1, 'Chalmers')").await;
        sql.run("insert into patient_profiles (patient_id, organization_id, race_code, race, tribe_enrolled) values ('pr2', 1, '2106-3', 'White', true)").await;
        let read = api.get("/Patient/pr2").await.expect(200).json();
        let wanted = Json::of(&format!(r#"[{{"url":"{us}-race","extension":[{{"url":"ombCategory","valueCoding":{{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}}}},{{"url":"text","valueString":"White"}}]}},{{"url":"{us}-tribal-affiliation","extension":[{{"url":"isEnrolled","valueBoolean":true}}]}}]"#));
        assert_eq!(read.at("extension"), Some(&wanted), "no ethnicity, and nothing of its system: {read}");
    }

    /// What a person prefers to speak is a row beside the person: another program sets it from the preferences.
    async fn a_preferred_language_is_the_patients_communication(server: &'static Server) {
        let (api, mut sql) = (server.client(), server.sql().await);
        sql.run("insert into patients (id, organization_id, last_name) values ('pl', 1, 'Moen')").await;
        sql.run("insert into patient_communications (patient_id, position, organization_id, language, preferred) values ('pl', 0, 1, 'es', true)").await;
        let read = api.get("/Patient/pl").await.expect(200).json();
        assert_eq!(read.at("communication"), Some(&Json::of(r#"[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"es"}]},"preferred":true}]"#)));
        sql.run("update patient_communications set language = 'de' where patient_id = 'pl'").await;
        assert_eq!(api.get("/Patient/pl").await.expect(200).json().str("communication.0.language.coding.0.code"), Some("de"));
    }

    /// The standard's and US Core's own examples of these types are rows, and read as they were sent.
    async fn official_examples_are_rows(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        // References find their rows where what they name came before.
        let order = ["Patient", "Organization", "Location", "Practitioner", "PractitionerRole", "RelatedPerson", "Appointment", "Encounter"];
        let all = [examples(&data, "01-r4-examples"), examples(&data, "02-us-core")].concat();
        for kind in order {
            for (index, example) in all.iter().enumerate().filter(|(_, example)| example.json.str("resourceType") == Some(kind)) {
                let id = format!("ex-{index}");
                let sent = example.json.clone().with("id", Json::text(&id));
                let path = format!("/{kind}/{id}");
                // Whom it is about is not always among the examples, as in a clinic he is.
                for place in ["subject.reference", "patient.reference"] {
                    let Some(person) = example.json.str(place).filter(|text| text.starts_with("Patient/")) else { continue };
                    let bare = resource("{}", "Patient", &person["Patient/".len()..]);
                    assert!(matches!(api.put(&format!("/{person}"), &bare).header("If-None-Match", "*").await.status, 201 | 412));
                }
                // Under its own id too: others refer to it.
                if let Some(known) = example.json.str("id") {
                    api.put(&format!("/{kind}/{known}"), &example.json).await;
                }
                api.put(&path, &sent).await.expect(201);
                let read = api.get(&path).await.expect(200).json().without_server_meta();
                assert_eq!(sent.without_server_meta().difference(&read), None, "{}", example.name);
                let directory = own(engine, "directory");
                let rows = sql.count(&format!("select count(*) from {directory} where type = '{kind}' and id = '{id}' and map is not null")).await;
                let count = counts.entry(kind.to_owned()).or_default();
                (count.0, count.1) = (count.0 + 1, count.1 + usize::from(rows > 0));
            }
        }
        assert_eq!(counts.len(), order.len());
        for (kind, (all, rows)) in counts {
            assert_eq!(rows, all, "{kind}: {rows} of {all} are rows");
        }
    }
}
