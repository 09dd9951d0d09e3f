//! Plans, medication use, coverage, consents, questionnaires, provenance: what SQL writes reads as FHIR, what FHIR writes is in
//! the columns, and both say the same (`care/cases.rs`).
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "care/cases.rs"]
#[rustfmt::skip]
mod cases;

use cases::{CASES, Case};
use gateway_tests::{Client, Command, Engine, Json, Server, Sql, row_key, shared_data, suite};
use std::collections::{BTreeMap, BTreeSet};

/// What the cases refer to.
const WORLD: &[(&str, &str, &str)] = &[
    ("Patient", "p", r#""active":true"#),
    ("Organization", "o", r#""name":"Acme""#),
    ("Practitioner", "dr", r#""active":true"#),
    ("Location", "l", r#""name":"Room 1""#),
    ("Encounter", "e", r#""status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}"#),
    ("Condition", "c", r#""subject":{"reference":"Patient/p"},"code":{"text":"back pain"}"#),
    ("ServiceRequest", "s", r#""status":"active","intent":"order","subject":{"reference":"Patient/p"}"#),
    ("DocumentReference", "d", r#""status":"current","content":[{"attachment":{"title":"x"}}]"#),
    ("Medication", "m", r#""code":{"text":"paracetamol"}"#),
    (
        "MedicationRequest",
        "rx",
        r#""status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationCodeableConcept":{"text":"x"}"#,
    ),
    ("Goal", "g", r#""lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/p"}"#),
    ("CareTeam", "t", r#""status":"active""#),
];

async fn world(api: &Client) {
    for (kind, id, members) in WORLD {
        let text = format!(r#"{{"resourceType":"{kind}","id":"{id}",{members}}}"#);
        api.save(&Json::of(&text)).await.expect(201);
    }
}

/// The statements that write a case's rows.
fn statements(case: &Case, id: &str) -> String {
    let insert = |table: &str, keys: &[(&str, String)], row: &[(&str, &str)]| {
        let names: Vec<&str> = keys.iter().map(|(name, _)| *name).chain(row.iter().map(|(name, _)| *name)).collect();
        let values: Vec<&str> =
            keys.iter().map(|(_, value)| value.as_str()).chain(row.iter().map(|(_, value)| *value)).collect();
        format!("insert into {table} ({}, organization_id) values ({}, 1);\n", names.join(", "), values.join(", "))
    };
    let mut text = insert(case.table, &[("id", format!("'{id}'"))], case.row);
    for (position, (table, key, row)) in case.children.iter().enumerate() {
        text += &insert(table, &[(*key, format!("'{id}'")), ("position", position.to_string())], row);
    }
    text
}

/// The columns of a case, and what they hold of this resource: its own, and its child rows'.
async fn held(sql: &mut Sql, case: &Case, id: &str) -> Vec<Vec<Option<String>>> {
    let names: Vec<&str> = case.row.iter().map(|(name, _)| *name).collect();
    let mut rows = sql.rows(&format!("select {} from {} where id = '{id}'", names.join(", "), case.table)).await;
    let mut tables: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (table, key, row) in case.children {
        tables.entry((*table, *key)).or_default().extend(row.iter().map(|(name, _)| *name));
    }
    for ((table, key), names) in tables {
        let names: Vec<&str> = names.into_iter().collect();
        let query = format!("select {} from {table} where {key} = '{id}' order by position", names.join(", "));
        rows.extend(sql.rows(&query).await);
    }
    rows
}

fn resource(case: &Case, id: &str) -> Json {
    let mut resource = Json::of(case.resource);
    resource.set("", "resourceType", Json::text(case.kind));
    resource.set("", "id", Json::text(id));
    resource
}

/// The columns of a table, as the engine knows them.
async fn columns(sql: &mut Sql, table: &str) -> BTreeSet<String> {
    let query = match sql.engine() {
        Engine::Sqlite => format!("select name from pragma_table_info('{table}')"),
        Engine::Postgres => format!("select column_name from information_schema.columns where table_name = '{table}'"),
    };
    sql.rows(&query).await.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

async fn is_verified(server: &Server) {
    let data = server.data_dir().display().to_string();
    let arguments = ["map", "verify", "--database", &server.database.url, "--data-dir", &data];
    Command::run(&arguments).await.expect(0);
}

suite! {
    async fn what_sql_writes_reads_as_fhir_and_what_fhir_writes_is_in_the_columns(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        world(&api).await;
        let mut filled: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (number, case) in CASES.iter().enumerate() {
            let (row, sent) = (format!("row-{number}"), format!("sent-{number}"));
            sql.run(&statements(case, &row)).await;
            let read = api.get(&format!("/{}/{row}", case.kind)).await.expect(200).json().without_server_meta();
            let difference = read.sorted().difference(&resource(case, &row).sorted());
            assert_eq!(difference, None, "{} {number} by SQL", case.kind);
            api.save(&resource(case, &sent)).await.expect(201);
            row_key(&mut sql, case.kind, &sent).await;
            let (wanted, got) = (held(&mut sql, case, &row).await, held(&mut sql, case, &sent).await);
            assert_eq!(got, wanted, "{} {number} by FHIR", case.kind);
            let children = case.children.iter().map(|(table, _, row)| (*table, *row));
            for (table, row) in children.chain([(case.table, case.row)]) {
                filled.entry(table).or_default().extend(row.iter().map(|(name, _)| (*name).to_owned()));
            }
        }
        let ours = ["id", "organization_id", "position", "updated_at", "fhir_residue"];
        for (table, filled) in filled {
            let parents = CASES.iter().flat_map(|case| case.children).filter(|(child, _, _)| *child == table);
            let keys: BTreeSet<&str> = parents.map(|(_, key, _)| *key).collect();
            let known = |name: &String| filled.contains(name) || keys.contains(name.as_str()) || ours.contains(&name.as_str());
            let left: Vec<String> = columns(&mut sql, table).await.into_iter().filter(|name| !known(name)).collect();
            assert!(left.is_empty(), "{table}: no case fills {left:?}");
        }
        is_verified(&server).await;
    }

    async fn what_an_update_leaves_out_is_gone_from_the_columns(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        world(&api).await;
        for (number, case) in CASES.iter().enumerate() {
            let id = format!("sent-{number}");
            api.save(&resource(case, &id)).await.expect(201);
            let mut least = resource(case, &id);
            for (name, _) in resource(case, &id).members() {
                if !case.least.contains(&name.as_str()) && name != "resourceType" && name != "id" {
                    least.remove("", name);
                }
            }
            api.save(&least).await.expect(200);
            let read = api.get(&format!("/{}/{id}", case.kind)).await.expect(200).json().without_server_meta();
            assert_eq!(read.sorted().difference(&least.clone().sorted()), None, "{} {number}", case.kind);
            row_key(&mut sql, case.kind, &id).await;
            // What is left in the columns is what SQL finds in a row that was never anything else.
            let fresh = format!("fresh-{number}");
            api.save(&least.with("id", Json::text(&fresh))).await.expect(201);
            assert_eq!(held(&mut sql, case, &id).await, held(&mut sql, case, &fresh).await, "{} {number}", case.kind);
        }
        is_verified(&server).await;
    }

    async fn a_yes_or_no_of_a_patient_is_a_consent(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        world(&api).await;
        sql.run("insert into patient_consents (id, organization_id, patient_id, consent_type, purpose, granted, given_at, valid_from, valid_until, evidence, evidence_url, presumed)
            values ('1', 1, 'p', 'privacy', 'research', false, '2026-01-02T08:00:00Z', '2026-01-02', '2027-01-01', 'Form 7', 'http://x.example/7', true);
            insert into patient_consents (id, organization_id, patient_id, consent_type, granted) values ('2', 1, 'p', 'treatment', true);").await;
        let full = Json::of(r#"{
            "resourceType": "Consent", "id": "pc-1", "status": "active",
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "patient": {"reference": "Patient/p"}, "dateTime": "2026-01-02T08:00:00Z", "sourceAttachment": {"title": "Form 7", "url": "http://x.example/7"},
            "provision": {"type": "deny", "period": {"start": "2026-01-02", "end": "2027-01-01"},
                "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}]},
            "extension": [{"url": "urn:fhir-gateway:consent-presumed", "valueBoolean": true}]
        }"#);
        let read = |id: &'static str| { let api = api.clone(); async move { api.get(&format!("/Consent/{id}")).await.expect(200).json().without_server_meta() } };
        assert_eq!(read("pc-1").await.sorted().difference(&full.clone().sorted()), None);
        let bare = read("pc-2").await;
        assert_eq!((bare.str("status"), bare.str("provision.type"), bare.at("extension")), (Some("active"), Some("permit"), None), "{bare}");
        assert_eq!(api.search("/Consent?patient=Patient/p").await.len(), 2);
        // A FHIR client withdraws it and says since when; the row says so too, and a program turns it round.
        let mut changed = full;
        changed.set("", "status", Json::text("inactive"));
        changed.set("provision.period", "end", Json::text("2026-02-01"));
        changed.remove("", "extension");
        api.save(&changed).await.expect(200);
        let row = sql.rows("select status, valid_until, purpose, presumed from patient_consents where id = '1'").await;
        let text = |value: &str| Some(value.to_owned());
        assert_eq!(row, [[text("inactive"), text("2026-02-01"), text("research"), None]]);
        sql.run("update patient_consents set granted = true, status = 'active' where id = '1'").await;
        let read = read("pc-1").await;
        assert_eq!((read.str("status"), read.str("provision.type")), (Some("active"), Some("permit")), "{read}");
        // A purpose that nobody knows would be any purpose: the table does not take it, and what FHIR says of it is kept.
        sql.attempt("update patient_consents set purpose = 'everything' where id = '1'").await.unwrap_err();
        is_verified(&server).await;
    }

    async fn exceptions_within_a_consent_outlive_another_programs_change(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        world(&api).await;
        let consent = Json::of(r#"{"resourceType":"Consent","id":"x","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},
            "category":[{"coding":[{"code":"59284-0"}]}],"patient":{"reference":"Patient/p"},
            "provision":{"type":"permit","provision":[{"type":"deny","class":[{"system":"urn:x","code":"Observation"}]}]}}"#);
        api.save(&consent).await.expect(201);
        sql.run("update consents set valid_until = '2026-12-31', provision_type = 'deny' where id = 'x'").await;
        let read = api.get("/Consent/x").await.expect(200).json();
        assert_eq!((read.str("provision.type"), read.str("provision.period.end")), (Some("deny"), Some("2026-12-31")));
        assert_eq!(read.str("provision.provision.0.type"), Some("deny"), "{read}");
    }

    async fn examples_lie_in_tables_and_read_as_they_were_sent(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let examples: Vec<_> = ["01-r4-examples", "02-us-core"].iter().flat_map(|folder| gateway_tests::examples(&data, folder)).collect();
        let kinds: BTreeSet<&str> = CASES.iter().map(|case| case.kind).collect();
        let kind = |json: &Json| json.str("resourceType").unwrap_or_default().to_owned();
        // What they refer to comes first, as in a clinic.
        for first in ["Organization", "Practitioner", "Patient", "Encounter", "Medication", "MedicationRequest"] {
            for example in examples.iter().filter(|example| kind(&example.json) == first && example.json.str("id").is_some()) {
                let _ = api.save(&example.json).await;
            }
        }
        // Few of the patients that examples are about are examples themselves.
        for example in &examples {
            for place in ["subject.reference", "patient.reference", "beneficiary.reference"] {
                let Some(id) = example.json.str(place).and_then(|text| text.strip_prefix("Patient/")) else { continue };
                if api.get(&format!("/Patient/{id}")).await.status == 404 {
                    api.save(&Json::of(&format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#))).await.expect(201);
                }
            }
        }
        let (mut tables, mut wanted) = (BTreeMap::<String, i64>::new(), 0);
        let mut seen = BTreeSet::new();
        for example in &examples {
            let (kind, Some(id)) = (kind(&example.json), example.json.str("id")) else { continue };
            if !kinds.contains(kind.as_str()) || !seen.insert(format!("{kind}/{id}")) {
                continue;
            }
            let status = api.save(&example.json).await.status;
            assert!(matches!(status, 200 | 201), "{}: {status}", example.name);
            let read = api.get(&format!("/{kind}/{id}")).await.expect(200).json().without_server_meta();
            assert_eq!(read.difference(&example.json.clone().without_server_meta()), None, "{}", example.name);
            let directory = gateway_tests::own(engine, "directory");
            let query = format!("select count(*) from {directory} where type = '{kind}' and id = '{id}' and map is not null");
            *tables.entry(kind).or_default() += sql.count(&query).await;
            wanted += 1;
        }
        assert_eq!(tables.values().sum::<i64>(), wanted, "in tables: {tables:?}");
        assert!(wanted >= 100 && tables.len() == kinds.len(), "{tables:?}");
    }
}
