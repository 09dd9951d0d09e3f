//! Erasure under two people's approval: everything of a record is gone, from every table and from the files; everything else is
//! what it was.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gateway_tests::{
    Client, Command, Engine, Json, Options, Server, Sql, consent, lab_observation, on_postgres, own, patient, suite,
    transaction,
};

/// A text that is in everything that is to go and nowhere else.
const CANARY: &str = "zqcanaryqz";

/// Runs a command on the server's database and data directory.
/// A request; its id and what was shown.
async fn requested(server: &Server, arguments: &[&str]) -> (String, Json) {
    let asked = ["purge", "request", "--json", "--by", "Jane Doe"];
    let run = server.command(&[&asked, arguments].concat()).await.expect(0);
    let report = Json::of(&run.stdout);
    (report.str("id").expect("an id").to_owned(), report)
}

/// What stands in the way of a request.
async fn obstacles(server: &Server, arguments: &[&str]) -> String {
    let asked = ["purge", "request", "--json", "--by", "Jane Doe"];
    let run = server.command(&[&asked, arguments].concat()).await.expect(4);
    Json::of(&run.stdout).at("obstacles").unwrap().to_string()
}

async fn approved(server: &Server, id: &str) {
    server.command(&["purge", "approve", id, "--by", "John Roe"]).await.expect(0);
}

async fn certificate(server: &Server, id: &str) -> Json {
    let run = server.command(&["purge", "certificate", id]).await.expect(0);
    let certificate = Json::of(&run.stdout);
    assert_eq!(certificate.at("signatureHolds"), Some(&Json::Bool(true)), "{certificate}");
    certificate
}

/// Everything in the database that holds a text: on PostgreSQL table and column, on SQLite the file's or its log's name.
async fn holding(server: &Server, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match server.engine() {
        Engine::Sqlite => {
            for suffix in ["", "-wal"] {
                let path = format!("{}{suffix}", server.database.name());
                if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, text)) {
                    found.insert(path);
                }
            }
        }
        Engine::Postgres => {
            let mut sql = server.sql().await;
            let columns = sql
                .rows(
                    "select format('%I.%I', table_schema, table_name), format('%I', column_name) from information_schema.columns \
                     where table_schema in ('public', 'fhir_gateway') and table_name not in \
                     (select table_name from information_schema.views where table_schema in ('public', 'fhir_gateway'))",
                )
                .await;
            assert!(columns.len() > 200, "only {} columns", columns.len());
            for column in columns {
                let (table, column) = (column[0].clone().unwrap(), column[1].clone().unwrap());
                let query = format!("select count(*) from {table} where {column}::text like '%{text}%'");
                if sql.count(&query).await > 0 {
                    found.insert(format!("{table}.{column}"));
                }
            }
        }
    }
    found.extend(in_folder(&server.data_dir().join("content"), text));
    found
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn in_folder(folder: &Path, text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(in_folder(&path, text));
        } else if contains(&std::fs::read(&path).unwrap(), text) {
            found.insert(path.display().to_string());
        }
    }
    found
}

/// The trail holds and every row says what is served from it.
async fn is_sound(server: &Server) {
    server.command(&["audit", "verify"]).await.expect(0);
    server.command(&["map", "verify"]).await.expect(0);
}

fn document(id: &str, patient: &str, content: &[u8]) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","subject":{{"reference":"Patient/{patient}"}},
        "content":[{{"attachment":{{"contentType":"text/plain","data":"{}"}}}}]}}"#,
        BASE64.encode(content)
    ))
}

/// Long enough for a file, with the canary in it.
fn long(seed: u8) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        (0..300_000_u32).map(|number| (number as u8).wrapping_mul(31).wrapping_add(seed)).collect();
    bytes.extend(CANARY.as_bytes());
    bytes
}

/// Two invented patients with five years of everything that the clinic's tables hold; the first has the canary in every text.
/// The ids of both.
async fn two_records(server: &Server, api: &Client) -> [String; 2] {
    let folder = server.folder().join("demo");
    let written = folder.display().to_string();
    Command::run(&["demo", "--patients", "2", "--write", &written]).await.expect(0);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut ids = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let bundle = Json::of(line);
            let entries = bundle.items("entry");
            let patient = entries.iter().find(|entry| entry.str("resource.resourceType") == Some("Patient"));
            let first = ids.is_empty() && patient.is_some();
            if let Some(patient) = patient {
                ids.push(patient.str("resource.id").expect("an id").to_owned());
            }
            let text = if first { with_canary(line) } else { line.to_owned() };
            api.post("/", text).await.expect(200);
        }
    }
    ids.try_into().expect("two patients")
}

/// Every text of people's own words with the canary in front.
fn with_canary(text: &str) -> String {
    let members =
        ["text", "display", "family", "comment", "valueString", "title", "description", "city", "patientInstruction"];
    let mut text = text.to_owned();
    for member in members {
        text = text.replace(&format!("\"{member}\":\""), &format!("\"{member}\":\"{CANARY} "));
    }
    text.replace("\"given\":[\"", &format!("\"given\":[\"{CANARY} "))
        .replace("\"line\":[\"", &format!("\"line\":[\"{CANARY} "))
}

suite! {
    async fn nothing_of_a_patient_is_left_and_everything_of_others_is(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        let [gone, stays] = two_records(&server, &api).await;
        // Updates, deletions, files that were replaced, rows that another program marked as deleted, a Consent.
        api.save(&document("pd-1", &gone, &long(1))).await.expect(201);
        api.save(&document("pd-1", &gone, &long(2))).await.expect(200);
        api.save(&document("pd-2", &gone, &long(3))).await.expect(201);
        api.delete("/DocumentReference/pd-2").await.expect(204);
        api.save(&document("sd-1", &stays, &long(4)[..300_000])).await.expect(201);
        api.save(&lab_observation("po-1", &gone, "7.10")).await.expect(201);
        api.delete("/Observation/po-1").await.expect(204);
        api.save(&consent("pc-1", &gone, r#"{"type":"deny"}"#)).await.expect(201);
        let basic = format!(r#"{{"resourceType":"Basic","id":"pb-1","code":{{"text":"{CANARY}"}},"subject":{{"reference":"Patient/{gone}"}}}}"#);
        api.put("/Basic/pb-1", basic).await.expect(201);
        let list = format!(r#"{{"resourceType":"List","id":"pl-1","status":"current","mode":"working","entry":[{{"item":{{"reference":"Patient/{gone}"}}}},{{"item":{{"reference":"Patient/{stays}"}}}}]}}"#);
        api.put("/List/pl-1", &list).await.expect(201);
        let mut sql = server.sql().await;
        // Drafts by SQL, whose rows are no resources yet; a note that is only marked as deleted, with what hangs on it.
        let rows = std::fs::read_to_string(server.folder().join("demo/rows.sql")).unwrap();
        sql.run(&rows.replace("'Stable.'", &format!("'{CANARY}'"))).await;
        sql.run(&format!("update soap_notes set deleted_at = '2024-01-01T00:00:00Z' where id = (select min(id) from soap_notes where patient_id = '{gone}' and status = 'signed')")).await;
        sql.run(&format!("update vital_signs set deleted_at = '2024-01-01T00:00:00Z' where id = (select min(id) from vital_signs where patient_id = '{gone}')")).await;
        api.get("/Condition?_count=1").await.expect(200);
        assert!(!holding(&server, CANARY).await.is_empty());
        let others: Vec<Json> = record(&api, &stays).await;
        assert!(others.len() > 50, "{}", others.len());

        let (id, report) = requested(&server, &["--patient", &gone, "--reason", "court-order"]).await;
        assert_eq!(report.at("plan.references").map(ToString::to_string), Some(r#"["List/pl-1"]"#.to_owned()), "{report}");
        api.get(&format!("/Patient/{gone}")).await.expect(200);
        approved(&server, &id).await;

        // Gone, not deleted: as if it had never been.
        api.get(&format!("/Patient/{gone}")).await.expect(404);
        api.get(&format!("/Patient/{gone}/_history")).await.expect(404);
        api.get(&format!("/Patient/{gone}/_history/1")).await.expect(404);
        api.get("/DocumentReference/pd-2").await.expect(404);
        assert_eq!(api.search(&format!("/Observation?patient={gone}")).await, [""; 0]);
        assert_eq!(api.search(&format!("/Patient?_id={gone}")).await, [""; 0]);
        let history = api.get("/Condition/_history?_count=1000").await.expect(200).json().to_string();
        assert!(!history.contains(CANARY));
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        assert_eq!(record(&api, &stays).await, others);
        assert_eq!(api.get("/DocumentReference/sd-1").await.expect(200).json().str("content.0.attachment.data").map(str::len), Some(400_000));
        api.get("/List/pl-1").await.expect(200);
        // The rows of the tables that only the id tells of.
        for table in ["consent_rules", "consent_versions"] {
            assert_eq!(sql.count(&format!("select count(*) from {} where patient = '{gone}'", own(engine, table))).await, 0, "{table}");
        }
        for table in ["index_token", "index_string", "index_date", "index_reference", "index_quantity", "resource_versions"] {
            let (table, directory) = (own(engine, table), own(engine, "directory"));
            let orphans = format!("select count(*) from {table} where rid not in (select rid from {directory})");
            assert_eq!(sql.count(&orphans).await, 0, "{table}");
        }
        is_sound(&server).await;

        let certificate = certificate(&server, &id).await;
        assert_eq!(certificate.str("certificate.target"), Some(&*format!("Patient/{gone}")));
        assert_eq!((certificate.str("certificate.requestedBy"), certificate.str("certificate.approvedBy")), (Some("Jane Doe"), Some("John Roe")));
        assert_eq!(certificate.at("finished"), Some(&Json::Bool(true)));
        assert!(!certificate.to_string().contains(CANARY));
        let purged: Vec<_> = server.audited().await.into_iter().filter(|event| event.interaction == "purge").collect();
        assert!(purged.iter().any(|event| event.kind.as_deref() == Some("Patient") && event.id.as_deref() == Some(&*gone)), "{purged:?}");

        // A client may begin anew; and nothing comes back when the server does.
        api.save(&patient(&gone, "New")).await.expect(201);
        let history = api.get(&format!("/Patient/{gone}/_history")).await.expect(200).json();
        assert_eq!(history.items("entry").len(), 1, "{history}");
        assert!(server.terminate().await.success());
        server.restart();
        let api = server.client();
        assert_eq!(api.get(&format!("/Patient/{gone}")).await.expect(200).json().str("name.0.family"), Some("New"));
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        assert_eq!(record(&api, &stays).await, others);
    }

    async fn it_takes_two_people_and_what_was_shown(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("two", "A")).await.expect(201);
        api.save(&lab_observation("two-o", "two", "7.1")).await.expect(201);
        let (id, _) = requested(&server, &["--patient", "two", "--reason", "court-order"]).await;
        for same in ["Jane Doe", "jane doe", " JANE  DOE ", "Jané-Doe"] {
            let run = server.command(&["purge", "approve", &id, "--by", same]).await.expect(4);
            assert!(run.stderr.contains("another person"), "{}", run.stderr);
        }
        server.command(&["purge", "approve", "no-such", "--by", "John Roe"]).await.expect(4);
        // What was written since nobody has seen.
        api.save(&lab_observation("two-p", "two", "8.1")).await.expect(201);
        let run = server.command(&["purge", "approve", &id, "--by", "John Roe"]).await.expect(4);
        assert!(run.stderr.contains("more to erase"), "{}", run.stderr);
        api.delete("/Observation/two-p").await.expect(204);
        server.command(&["purge", "approve", &id, "--by", "John Roe"]).await.expect(4);
        api.get("/Observation/two-o").await.expect(200);
        let (again, _) = requested(&server, &["--patient", "two", "--reason", "court-order"]).await;
        api.save(&lab_observation("two-o", "two", "9.1")).await.expect(200);
        server.command(&["purge", "approve", &again, "--by", "John Roe"]).await.expect(4);
        // Requests grow old, and are rejected.
        let mut sql = server.sql().await;
        let (old, _) = requested(&server, &["--patient", "two", "--reason", "court-order"]).await;
        sql.run(&format!("update {} set requested = requested - 7 * 86400000 - 1000 where id = '{old}'", own(engine, "purges"))).await;
        let run = server.command(&["purge", "approve", &old, "--by", "John Roe"]).await.expect(4);
        assert!(run.stderr.contains("expired"), "{}", run.stderr);
        let (unwanted, _) = requested(&server, &["--patient", "two", "--reason", "court-order"]).await;
        server.command(&["purge", "reject", &unwanted, "--by", "John Roe"]).await.expect(0);
        server.command(&["purge", "approve", &unwanted, "--by", "John Roe"]).await.expect(4);
        server.command(&["purge", "certificate", &unwanted]).await.expect(4);
        let (last, _) = requested(&server, &["--patient", "two", "--reason", "court-order"]).await;
        approved(&server, &last).await;
        server.command(&["purge", "approve", &last, "--by", "Mary Major"]).await.expect(4);
        let list = Json::of(&server.command(&["purge", "list", "--json"]).await.expect(0).stdout);
        let states: Vec<&str> = list.array().iter().filter_map(|purge| purge.str("state")).collect();
        assert_eq!(states, ["done", "rejected", "waiting", "waiting", "expired"]);
        api.get("/Patient/two").await.expect(404);
        is_sound(&server).await;
    }

    async fn one_write_into_the_wrong_patient_goes_alone(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("right", "A")).await.expect(201);
        api.save(&patient("wrong", "B")).await.expect(201);
        let wrong = lab_observation("wv", "wrong", "7.1").with("note", Json::of(&format!(r#"[{{"text":"{CANARY}"}}]"#)));
        api.save(&wrong).await.expect(201);
        assert!(obstacles(&server, &["--resource", "Observation/wv/_history/1", "--reason", "wrong-patient"]).await.contains("last version"));
        api.save(&lab_observation("wv", "right", "7.1")).await.expect(200);
        let (id, report) = requested(&server, &["--resource", "Observation/wv/_history/1", "--reason", "wrong-patient"]).await;
        assert_eq!(report.str("plan.versions"), Some("1"), "{report}");
        approved(&server, &id).await;
        assert_eq!(api.get("/Observation/wv").await.expect(200).version(), 2);
        api.get("/Observation/wv/_history/1").await.expect(404);
        let history = api.get("/Observation/wv/_history").await.expect(200).json();
        assert_eq!(history.items("entry").len(), 1, "{history}");
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());

        // A resource as a whole, and what refers to its row.
        let encounter = r#"{"resourceType":"Encounter","id":"we","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/right"}}"#;
        api.put("/Encounter/we", encounter).await.expect(201);
        let noted = lab_observation("wo", "right", "8.1").with("encounter", Json::of(r#"{"reference":"Encounter/we"}"#));
        api.save(&noted).await.expect(201);
        let (id, report) = requested(&server, &["--resource", "Encounter/we", "--reason", "wrong-patient"]).await;
        assert_eq!(report.at("plan.references").map(ToString::to_string), Some(r#"["Observation/wo"]"#.to_owned()), "{report}");
        approved(&server, &id).await;
        api.get("/Encounter/we").await.expect(404);
        assert_eq!(api.get("/Observation/wo").await.expect(200).json().str("encounter.reference"), Some("Encounter/we"));
        api.put("/Encounter/we", encounter).await.expect(201);
        is_sound(&server).await;
    }

    async fn a_version_that_was_the_patients_once_goes_with_the_patient(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("once", "A")).await.expect(201);
        api.save(&patient("now", "B")).await.expect(201);
        api.save(&lab_observation("ov", "once", "7.1").with("note", Json::of(&format!(r#"[{{"text":"{CANARY}"}}]"#)))).await.expect(201);
        api.save(&lab_observation("ov", "now", "7.1")).await.expect(200);
        let (id, report) = requested(&server, &["--patient", "once", "--reason", "court-order"]).await;
        assert!(report.at("plan.items").unwrap().to_string().contains("Observation/ov/_history/1"), "{report}");
        approved(&server, &id).await;
        assert_eq!(api.get("/Observation/ov").await.expect(200).version(), 2);
        api.get("/Observation/ov/_history/1").await.expect(404);
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        is_sound(&server).await;
    }

    async fn copies_are_named_and_go_where_that_is_said(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let marked = |id: &str| patient(id, CANARY);
        api.save(&marked("cp")).await.expect(201);
        api.save(&patient("other", "B")).await.expect(201);
        let bundle = |entry: &Json| Json::of(r#"{"resourceType":"Bundle","id":"cb","type":"collection"}"#)
            .with("entry", Json::Array(vec![Json::Object(vec![("resource".to_owned(), entry.clone())])]));
        api.save(&bundle(&marked("cp"))).await.expect(201);
        // One that is the same person by number, under no id, contained in another patient's resource: in a past version only.
        let contained = lab_observation("cc", "other", "7.1").with("contained", Json::Array(vec![marked("cp").with("id", Json::text("p"))]))
            .with("performer", Json::of(r##"[{"reference":"#p"}]"##));
        let contained = Json::of(&contained.to_string().replace("mrn-p\"", "mrn-cp\""));
        api.save(&contained).await.expect(201);
        api.save(&lab_observation("cc", "other", "7.1")).await.expect(200);
        // Another person's with the same id in another place is none.
        api.save(&lab_observation("cn", "other", "7.1").with("contained", Json::Array(vec![patient("q", "X")])).with("performer", Json::of(r##"[{"reference":"#q"}]"##))).await.expect(201);
        let way = obstacles(&server, &["--patient", "cp", "--reason", "court-order"]).await;
        assert!(way.contains("Bundle/cb/_history/1") && way.contains("Observation/cc/_history/1") && !way.contains("cn"), "{way}");
        let (id, _) = requested(&server, &["--patient", "cp", "--reason", "court-order", "--include-copies"]).await;
        approved(&server, &id).await;
        api.get("/Bundle/cb").await.expect(404);
        api.get("/Observation/cc/_history/1").await.expect(404);
        assert_eq!(api.get("/Observation/cc").await.expect(200).version(), 2);
        api.get("/Observation/cn").await.expect(200);
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        is_sound(&server).await;
    }

    async fn rows_of_tables_without_a_map_go_only_where_that_is_said(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("um", "A")).await.expect(201);
        let mut sql = server.sql().await;
        sql.run("create table invoices (id integer primary key, patient_id text not null references patients (id), amount integer)").await;
        sql.run("insert into invoices (id, patient_id, amount) values (1, 'um', 5)").await;
        let way = obstacles(&server, &["--patient", "um", "--reason", "court-order"]).await;
        assert!(way.contains("1 rows of invoices"), "{way}");
        let (id, _) = requested(&server, &["--patient", "um", "--reason", "court-order", "--include-unmapped"]).await;
        approved(&server, &id).await;
        assert_eq!(sql.count("select count(*) from invoices").await, 0);
        api.get("/Patient/um").await.expect(404);
    }

    async fn holds_and_periods_keep_a_record(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("held", "A")).await.expect(201);
        api.save(&lab_observation("held-o", "held", "7.1")).await.expect(201);
        let way = obstacles(&server, &["--patient", "held", "--reason", "the patient asks for it"]).await;
        assert!(way.contains("to be kept until") && way.contains("7 years"), "{way}");
        let (waiting, _) = requested(&server, &["--patient", "held", "--reason", "the patient asks for it", "--retention-years", "0"]).await;
        server.command(&["hold", "add", "--patient", "nobody", "--by", "Legal", "--reason", "a case"]).await.expect(4);
        let hold = server.command(&["hold", "add", "--patient", "held", "--by", "Legal One", "--reason", "a case"]).await.expect(0);
        let hold = hold.stdout.trim().to_owned();
        let run = server.command(&["purge", "approve", &waiting, "--by", "John Roe"]).await.expect(4);
        assert!(run.stderr.contains("legal hold"), "{}", run.stderr);
        assert!(obstacles(&server, &["--patient", "held", "--reason", "court-order"]).await.contains("legal hold"));
        assert!(obstacles(&server, &["--resource", "Observation/held-o", "--reason", "wrong-patient"]).await.contains("legal hold"));
        // Neither as a part of somebody else's.
        api.save(&patient("free", "B")).await.expect(201);
        let mixed = Json::of(&format!(r#"{{"resourceType":"Bundle","id":"mixed","type":"collection","entry":[{{"resource":{}}},{{"resource":{}}}]}}"#, patient("free", "B"), patient("held", "A")));
        api.save(&mixed).await.expect(201);
        assert!(obstacles(&server, &["--patient", "free", "--reason", "court-order", "--include-copies"]).await.contains("legal hold"));
        // Nor a version that was about it once.
        api.save(&lab_observation("moved-o", "held", "7.1")).await.expect(201);
        api.save(&lab_observation("moved-o", "free", "7.1")).await.expect(200);
        assert!(
            obstacles(&server, &["--resource", "Observation/moved-o/_history/1", "--reason", "wrong-patient"])
                .await
                .contains("legal hold")
        );
        // Deletions go on: nothing is lost by them.
        api.delete("/Observation/held-o").await.expect(204);
        api.get("/Observation/held-o/_history/1").await.expect(200);
        // Two people lift it.
        server.command(&["hold", "lift", &hold, "--by", "Legal One"]).await.expect(4);
        server.command(&["hold", "lift", &hold, "--by", "Legal One", "--reason", "settled"]).await.expect(0);
        server.command(&["hold", "lift", &hold, "--by", "legal one"]).await.expect(4);
        assert!(obstacles(&server, &["--patient", "held", "--reason", "court-order", "--include-copies"]).await.contains("legal hold"));
        let run = server.command(&["hold", "lift", &hold, "--by", "Legal Two"]).await.expect(0);
        assert_eq!(run.stdout, "lifted\n");
        let list = Json::of(&server.command(&["hold", "list", "--json"]).await.expect(0).stdout);
        assert_eq!((list.str("0.patient"), list.str("0.liftAskedBy"), list.str("0.liftedBy")), (Some("held"), Some("Legal One"), Some("Legal Two")));
        // The preset of the EU wants its reasons.
        let eu = server.command(&["purge", "request", "--patient", "free", "--preset", "eu", "--by", "Jane", "--reason", "because"]).await.expect(4);
        assert!(eu.stderr.contains("gdpr-17-1-a"), "{}", eu.stderr);
        assert!(obstacles(&server, &["--patient", "free", "--preset", "eu", "--reason", "gdpr-17-1-b", "--include-copies"]).await.contains("art. 17(3)"));
        let (id, _) = requested(&server, &["--patient", "free", "--preset", "eu", "--reason", "gdpr-17-1-b", "--retention-years", "0", "--include-copies"]).await;
        approved(&server, &id).await;
        assert!(certificate(&server, &id).await.at("certificate.kept").unwrap().to_string().contains("17(3)(b)"));
        api.get("/Patient/held").await.expect(200);
    }

    /// One resource of each way in which tables hold them: a facet of a row, rows that are only appended, what a list names, what
    /// lists, children. Nothing else changes but what refers to it.
    async fn one_resource_goes_from_whatever_table_it_is_in(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let [first, _] = two_records(&server, &api).await;
        let mut sql = server.sql().await;
        let events = format!("select count(*) from health_events where patient_id = '{first}'");
        let count = sql.count(&events).await;
        let mood = api.get(&format!("/Observation/{first}-mood1")).await.expect(200).json();
        let changed = Json::of(&mood.to_string().replace("\"status\":\"final\"", "\"status\":\"amended\""));
        api.save(&changed).await.expect(200);
        assert_eq!(sql.count(&events).await, count + 1, "a change is a row");
        for (resource, left) in [
            (format!("Observation/{first}-v1-vs-hr"), "Observation"),
            (format!("Observation/{first}-mood1"), "Observation"),
            (format!("MedicationRequest/{first}-v3-rx"), "Composition"),
            (format!("Encounter/{first}-v2"), "Observation"),
            (format!("Composition/{first}-v1-note"), "Observation"),
            (format!("QuestionnaireResponse/{first}-v1-form"), "Patient"),
        ] {
            let path = format!("/{resource}");
            api.get(&path).await.expect(200);
            let before = api.search(&format!("/{left}?_count=1000")).await.len();
            let (id, report) = requested(&server, &["--resource", &resource, "--reason", "wrong-patient"]).await;
            approved(&server, &id).await;
            api.get(&path).await.expect(404);
            api.get(&format!("{path}/_history")).await.expect(404);
            let after = api.search(&format!("/{left}?_count=1000")).await.len();
            assert_eq!(before - after, usize::from(resource.starts_with(left)), "{resource}: {report}");
        }
        is_sound(&server).await;
        assert_eq!(sql.count(&events).await, count - 1, "all rows of what was changed");
        // Whatever hung on the note is there without its row.
        let moved = format!("/Observation/{first}-v1-pe-heart");
        assert!(api.get(&moved).await.expect(200).json().to_string().contains(CANARY));
        assert_eq!(sql.count(&format!("select count(*) from soap_objective_physical_examination where soap_note_id = '{first}-v1-note'")).await, 0);
        // Other programs still cannot take an event away.
        assert!(sql.attempt("delete from health_events").await.is_err());
    }

    async fn what_is_in_arrays_goes_with_its_row_or_alone(engine: Engine) {
        let maps = tempfile::tempdir().unwrap();
        let person = r#"resource = "Patient"
table = "people"
id = "id"
fields = [ { path = "name[use=official].family", column = "last" } ]
"#;
        let conditions = r#"resource = "Condition"
table = "profiles"
id = "id"
id_prefix = "cond-"
patient = "person_id"
fields = [
  { path = "code.text", element = "name" },
  { path = "subject", column = "person_id", reference = "Patient" },
]
[array]
json = "record.conditions"
id = "key"
"#;
        let allergies = conditions.replace("Condition", "AllergyIntolerance").replace("cond-", "al-").replace("record.conditions", "record.allergies")
            .replace("\"subject\"", "\"patient\"").replace("patient = \"person_id\"", "patient = \"person_id\"\nreadonly = true");
        for (name, text) in [("people", person), ("conditions", conditions), ("allergies", &allergies)] {
            std::fs::write(maps.path().join(format!("{name}.toml")), text).unwrap();
        }
        let folder = maps.path().display().to_string();
        let options = Options { arguments: vec!["--maps".to_owned(), folder.clone()], ..Options::default() };
        let document = if engine == Engine::Sqlite { "text" } else { "jsonb" };
        let server = Server::prepared(engine, options, &format!(
            "create table people (id text primary key, last text);
             create table profiles (id text primary key, person_id text references people (id), record {document});
             insert into people (id, last) values ('ann', '{CANARY}'), ('bob', 'Ray');
             insert into profiles (id, person_id, record) values
             ('p1', 'ann', '{{\"conditions\":[{{\"key\":\"a\",\"name\":\"{CANARY}\"}}],\"allergies\":[{{\"key\":\"n\",\"name\":\"{CANARY}\"}}]}}'),
             ('p2', 'bob', '{{\"conditions\":[{{\"key\":\"a\",\"name\":\"{CANARY}\"}},{{\"key\":\"b\",\"name\":\"Gout\"}}],\"allergies\":[{{\"key\":\"n\",\"name\":\"Nuts\"}}]}}')"
        )).await;
        let api = server.client();
        assert_eq!(api.search("/Condition?_count=10").await.len(), 3);
        let run = async |target: [&str; 2]| {
            let arguments = ["purge", "request", "--json", "--by", "Jane Doe", "--reason", "wrong-patient", "--maps", &folder];
            let asked = server.command(&[&arguments[..], &target].concat()).await;
            if asked.code == Some(4) {
                return Err(asked.stdout);
            }
            let id = Json::of(&asked.expect(0).stdout).str("id").unwrap().to_owned();
            server.command(&["purge", "approve", &id, "--by", "John Roe", "--maps", &folder]).await.expect(0);
            Ok(())
        };
        run(["--resource", "Condition/cond-p2-a"]).await.unwrap();
        run(["--patient", "ann"]).await.unwrap();
        assert!(run(["--resource", "AllergyIntolerance/al-p2-n"]).await.unwrap_err().contains("readonly"));
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        assert_eq!(api.search("/Condition?_count=10").await, ["Condition/cond-p2-b"]);
        assert_eq!(api.search("/AllergyIntolerance?_count=10").await, ["AllergyIntolerance/al-p2-n"]);
        api.get("/Patient/ann").await.expect(404);
        let mut sql = server.sql().await;
        assert_eq!(sql.count("select count(*) from profiles").await, 1);
        server.command(&["map", "verify", "--maps", &folder]).await.expect(0);
    }

    /// What cannot be removed now is removed by the next who can; what is not the gateway's is never touched.
    async fn files_and_objects_go_as_soon_as_they_can(engine: Engine) {
        let store = tempfile::tempdir().unwrap();
        let at = format!("file://{}", store.path().display());
        let options = Options { arguments: vec!["--content-store".to_owned(), at.clone()], ..Options::default() };
        let mut server = Server::with(engine, options);
        let api = server.client();
        api.save(&patient("fo", "A")).await.expect(201);
        // The first object is named by no row any more.
        api.save(&document("fo-1", "fo", &long(1))).await.expect(201);
        api.save(&document("fo-1", "fo", &long(2))).await.expect(200);
        let outside = server.folder().join("outside");
        std::fs::write(&outside, CANARY).unwrap();
        std::fs::create_dir_all(server.data_dir().join("content")).unwrap();
        let mut sql = server.sql().await;
        for (id, path) in [("fo-2", "../../outside"), ("fo-3", "shared")] {
            sql.run(&format!("insert into documents (id, organization_id, patient_id, status, file_path) values ('{id}', 1, 'fo', 'current', '{path}')")).await;
        }
        sql.run("insert into documents (id, organization_id, status, file_path) values ('others', 1, 'current', 'shared')").await;
        let shared = server.data_dir().join("content/shared");
        std::fs::write(&shared, "somebody else's, too").unwrap();
        assert_eq!(in_folder(store.path(), CANARY).len(), 2);
        let arguments = ["--patient", "fo", "--reason", "court-order", "--content-store", &at];
        let (id, report) = requested(&server, &arguments).await;
        assert_eq!(report.str("plan.content"), Some("3"), "{report}");
        // Without the store nobody could remove what is in it: nothing is erased.
        let run = server.command(&["purge", "approve", &id, "--by", "John Roe"]).await.expect(4);
        assert!(run.stderr.contains("--content-store"), "{}", run.stderr);
        api.get("/DocumentReference/fo-1").await.expect(200);
        server.command(&["purge", "approve", &id, "--by", "John Roe", "--content-store", &at]).await.expect(0);
        assert!(server.terminate().await.success());
        server.restart();
        let state = Json::of(&server.command(&["purge", "show", &id, "--json"]).await.expect(0).stdout);
        assert_eq!(state.str("state"), Some("done"), "{state}");
        assert_eq!(in_folder(store.path(), CANARY), BTreeSet::new());
        assert!(outside.exists() && shared.exists());
        assert_eq!(server.sql().await.count(&format!("select count(*) from {}", own(engine, "erased_content"))).await, 0);
        // A process that was killed after its commit: the next start finds what it left.
        let file = server.data_dir().join("content/fhir/zz/left");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, CANARY).unwrap();
        let (purges, content) = (own(engine, "purges"), own(engine, "erased_content"));
        server.sql().await.run(&format!("update {purges} set state = 'erased' where id = '{id}'; insert into {content} (organization_id, purge, kind, name) values (1, '{id}', 'file', 'fhir/zz/left'), (1, '{id}', 'file', '../../outside')")).await;
        server.kill();
        server.restart();
        assert!(!file.exists() && outside.exists());
        let state = Json::of(&server.command(&["purge", "show", &id, "--json"]).await.expect(0).stdout);
        assert_eq!(state.str("state"), Some("done"), "{state}");
    }

    async fn a_consent_that_is_erased_does_not_decide_any_more(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("ec", "A")).await.expect(201);
        api.save(&consent("ec-1", "ec", r#"{"type":"deny"}"#)).await.expect(201);
        let rules = format!("select count(*) from {} where patient = 'ec'", own(engine, "consent_rules"));
        let mut sql = server.sql().await;
        assert_eq!(sql.count(&rules).await, 1);
        let (id, _) = requested(&server, &["--resource", "Consent/ec-1", "--reason", "wrong-patient"]).await;
        approved(&server, &id).await;
        assert_eq!(sql.count(&rules).await, 0);
        api.get("/Patient/ec").await.expect(200);
        api.get("/Consent/ec-1").await.expect(404);
    }

    /// Why somebody broke the glass is health data of the patient's.
    async fn broken_glasses_go_with_the_patient(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["bg", "other"] {
            api.save(&patient(id, "A")).await.expect(201);
            api.save(&consent(&format!("c-{id}"), id, r#"{"type":"deny"}"#)).await.expect(201);
        }
        let arguments = "--dev-consent enforce --dev-actor Practitioner/dr --dev-actor Group/g --break-glass-group Group/g";
        let arguments = arguments.split(' ').map(str::to_owned).collect();
        let other = server.beside_with(Options { arguments, ..Options::default() });
        for id in ["bg", "other"] {
            let reason = format!(
                r#"{{"resourceType":"Parameters","parameter":[{{"name":"reason","valueString":"{CANARY} {id}"}}]}}"#
            );
            other.client().post(&format!("/Patient/{id}/$break-glass"), reason).await.expect(201);
        }
        drop(other);
        let (id, _) = requested(&server, &["--patient", "bg", "--reason", "wrong-patient"]).await;
        approved(&server, &id).await;
        assert_eq!(holding(&server, &format!("{CANARY} bg")).await, BTreeSet::new());
        let mut sql = server.sql().await;
        for table in ["break_glass_grants", "notifications", "consent_versions"] {
            let table = own(engine, table);
            assert_eq!(sql.count(&format!("select count(*) from {table} where patient = 'bg'")).await, 0, "{table}");
            assert!(sql.count(&format!("select count(*) from {table} where patient = 'other'")).await > 0, "{table}");
        }
    }

    /// Rows are the patient's by their keys, which are no ids.
    async fn rows_of_whoever_has_the_id_as_a_key_stay(engine: Engine) {
        let maps = tempfile::tempdir().unwrap();
        let people = "resource = \"Patient\"\ntable = \"people\"\nid = \"id\"\nid_prefix = \"pp-\"\nfields = [ { path = \"name[use=official].family\", column = \"last\" } ]\n";
        let readings = r#"resource = "Observation"
table = "readings"
id = "id"
id_prefix = "rd-"
patient = "person_id"
fields = [
  { path = "status", const = "final" },
  { path = "code.text", column = "name" },
  { path = "subject", column = "person_id", reference = "Patient" },
]
"#;
        for (name, text) in [("people", people), ("readings", readings)] {
            std::fs::write(maps.path().join(format!("{name}.toml")), text).unwrap();
        }
        let folder = maps.path().display().to_string();
        let options = Options { arguments: vec!["--maps".to_owned(), folder.clone()], ..Options::default() };
        let key = if engine == Engine::Sqlite { "integer primary key" } else { "integer generated by default as identity primary key" };
        let server = Server::prepared(engine, options, &format!(
            "create table people (id {key}, last text not null);
             create table readings (id {key}, person_id integer not null references people (id), name text);
             insert into people (last) values ('Lee'), ('Ray');
             insert into readings (person_id, name) values (1, 'pulse'), (2, 'pulse');"
        )).await;
        let api = server.client();
        // No row can be without a family name.
        api.put("/Patient/1", r#"{"resourceType":"Patient","id":"1","active":true}"#).await.expect(201);
        let erase = async |patient: &str| {
            let run = server.command(&["purge", "request", "--json", "--by", "Jane Doe", "--reason", "wrong-patient", "--maps", &folder, "--patient", patient]).await.expect(0);
            let report = Json::of(&run.stdout);
            server.command(&["purge", "approve", report.str("id").unwrap(), "--by", "John Roe", "--maps", &folder]).await.expect(0);
            report
        };
        let report = erase("1").await;
        api.get("/Patient/1").await.expect(404);
        let mut sql = server.sql().await;
        for table in ["people", "readings"] {
            assert_eq!(sql.count(&format!("select count(*) from {table}")).await, 2, "{table}: {report}");
        }
        for path in ["/Patient/pp-1", "/Observation/rd-1"] {
            api.get(path).await.expect(200);
        }
        // Whose rows they are, they go with.
        erase("pp-1").await;
        for table in ["people", "readings"] {
            assert_eq!(sql.count(&format!("select count(*) from {table}")).await, 1, "{table}");
        }
        api.get("/Observation/rd-2").await.expect(200);
    }

    async fn a_proxy_who_is_erased_permits_nothing_any_more(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.put("/Patient/px", r#"{"resourceType":"Patient","id":"px","name":[{"family":"Kim"}],"birthDate":"2020-02-29"}"#).await.expect(201);
        api.save(&lab_observation("px-o", "px", "7.1")).await.expect(201);
        let relative = r#"{"resourceType":"RelatedPerson","id":"px-m","active":true,"patient":{"reference":"Patient/px"},"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}]}]}"#;
        api.put("/RelatedPerson/px-m", relative).await.expect(201);
        let given = consent("px-c", "px", r#"{"type":"permit"}"#).with("performer", Json::of(r#"[{"reference":"RelatedPerson/px-m"}]"#));
        api.save(&given).await.expect(201);
        let arguments = ["--dev-consent", "enforce", "--dev-actor", "Practitioner/dr", "--consent-default", "opt-in"];
        let other = server.beside_with(Options { arguments: arguments.map(str::to_owned).into(), ..Options::default() });
        assert_eq!(other.client().search("/Observation?patient=px").await, ["Observation/px-o"]);
        let (id, _) = requested(&server, &["--resource", "RelatedPerson/px-m", "--reason", "wrong-patient"]).await;
        approved(&server, &id).await;
        assert_eq!(other.client().search("/Observation?patient=px").await, [""; 0]);
    }

    async fn binaries_go_by_their_whole_id(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["bo", "bs"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        for id in ["1", "12", "both"] {
            let binary = format!(r#"{{"resourceType":"Binary","id":"{id}","contentType":"text/plain","data":"{}"}}"#, BASE64.encode(format!("{CANARY} {id}.")));
            api.put(&format!("/Binary/{id}"), binary).await.expect(201);
        }
        for (id, owner, names) in [("bo-d", "bo", ["1", "both"]), ("bs-d", "bs", ["12", "both"])] {
            let content = names.map(|name| format!(r#"{{"attachment":{{"contentType":"text/plain","url":"Binary/{name}"}}}}"#));
            let naming = document(id, owner, b"").with("content", Json::of(&format!("[{}]", content.join(","))));
            api.save(&naming).await.expect(201);
        }
        let (id, report) = requested(&server, &["--patient", "bo", "--reason", "court-order"]).await;
        assert_eq!(report.at("plan.kept").map(ToString::to_string), Some(r#"["Binary/both"]"#.to_owned()), "{report}");
        approved(&server, &id).await;
        api.get("/Binary/1").await.expect(404);
        for id in ["12", "both"] {
            api.get(&format!("/Binary/{id}")).await.expect(200);
        }
        is_sound(&server).await;
    }

    /// What says of no patient by itself is held with whose it is by what it refers to, or by what refers to it.
    async fn a_hold_keeps_what_belongs_to_the_record_by_references(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["hh", "hf"] {
            api.save(&patient(id, "A")).await.expect(201);
            let encounter = format!(r#"{{"resourceType":"Encounter","id":"{id}-e","status":"finished","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},"subject":{{"reference":"Patient/{id}"}}}}"#);
            api.put(&format!("/Encounter/{id}-e"), encounter).await.expect(201);
            let binary = format!(r#"{{"resourceType":"Binary","id":"{id}-b","contentType":"text/plain","securityContext":{{"reference":"Encounter/{id}-e"}},"data":"AAAA"}}"#);
            api.put(&format!("/Binary/{id}-b"), binary).await.expect(201);
            let binary = format!(r#"{{"resourceType":"Binary","id":"{id}-n","contentType":"text/plain","data":"AAAA"}}"#);
            api.put(&format!("/Binary/{id}-n"), binary).await.expect(201);
            let naming = document(&format!("{id}-d"), id, b"")
                .with("content", Json::of(&format!(r#"[{{"attachment":{{"contentType":"text/plain","url":"Binary/{id}-n"}}}}]"#)));
            api.save(&naming).await.expect(201);
            let provenance = format!(r#"{{"resourceType":"Provenance","id":"{id}-p","target":[{{"reference":"Encounter/{id}-e"}}],"recorded":"2024-01-01T00:00:00Z","agent":[{{"who":{{"display":"N"}}}}]}}"#);
            api.put(&format!("/Provenance/{id}-p"), provenance).await.expect(201);
            // By an address of our own, and somebody else's now.
            let absolute = lab_observation(&format!("{id}-o"), "x", "7.1").with("subject", Json::of(&format!(r#"{{"reference":"{}/Patient/{id}"}}"#, server.base())));
            api.save(&absolute).await.expect(201);
            api.save(&lab_observation(&format!("{id}-o"), "hf", "8.1")).await.expect(200);
        }
        server.command(&["hold", "add", "--patient", "hh", "--by", "Legal One", "--reason", "a case"]).await.expect(0);
        for resource in ["Binary/ID-b", "Binary/ID-n", "Provenance/ID-p", "Observation/ID-o/_history/1"] {
            let held = obstacles(&server, &["--resource", &resource.replace("ID", "hh"), "--reason", "wrong-patient"]).await;
            assert!(held.contains("legal hold"), "{resource}: {held}");
            requested(&server, &["--resource", &resource.replace("ID", "hf"), "--reason", "wrong-patient"]).await;
        }
    }

    /// A command knows where the server is served, and takes what is the patient's by the whole address.
    async fn what_names_the_patient_by_the_servers_address_is_the_patients(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["1", "ao"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        let about = |base: &str| {
            let subject = Json::of(&format!(r#"{{"reference":"{base}/Patient/1"}}"#));
            lab_observation("av", "x", "7.1").with("subject", subject)
        };
        api.save(&about(&server.base())).await.expect(201);
        api.save(&lab_observation("av", "ao", "7.1")).await.expect(200);
        api.save(&about("http://elsewhere.example/fhir").with("id", Json::text("ae"))).await.expect(201);
        let (id, _) = requested(&server, &["--patient", "1", "--reason", "court-order"]).await;
        approved(&server, &id).await;
        api.get("/Observation/av/_history/1").await.expect(404);
        assert_eq!(api.get("/Observation/av").await.expect(200).version(), 2);
        api.get("/Observation/ae").await.expect(200);
        is_sound(&server).await;
    }

    /// A command that does not know where the server is served, for nothing was since that is kept.
    async fn what_names_the_patient_by_an_address_goes_too(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["1", "ao"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        let here = Json::of(&format!(r#"{{"reference":"{}/Patient/1"}}"#, server.base()));
        let about = |id: &str| lab_observation(id, "x", "7.1").with("subject", here.clone()).with("note", Json::of(&format!(r#"[{{"text":"{CANARY}"}}]"#)));
        let bundle = Json::of(r#"{"resourceType":"Bundle","id":"ab","type":"collection"}"#)
            .with("entry", Json::Array(vec![Json::Object(vec![("resource".to_owned(), about("elsewhere"))])]));
        api.save(&bundle).await.expect(201);
        api.save(&about("av")).await.expect(201);
        api.save(&lab_observation("av", "ao", "7.1")).await.expect(200);
        let provenance = |id: &str, targets: &str| format!(r#"{{"resourceType":"Provenance","id":"{id}","target":[{targets}],"recorded":"2024-01-01T00:00:00Z","agent":[{{"who":{{"display":"{id}"}}}}]}}"#);
        api.save(&lab_observation("aw", "1", "7.1")).await.expect(201);
        let here = format!(r#"{{"reference":"{}/Observation/aw"}}"#, server.base());
        let elsewhere = r#"{"reference":"http://elsewhere.example/fhir/Observation/aw"}"#;
        api.put("/Provenance/ap", provenance("ap", &here)).await.expect(201);
        api.put("/Provenance/ap-both", provenance("ap-both", &format!("{here},{elsewhere}"))).await.expect(201);
        server.sql().await.run(&format!("delete from {}", own(engine, "derived_under"))).await;
        let way = obstacles(&server, &["--patient", "1", "--reason", "court-order"]).await;
        assert!(way.contains("Bundle/ab/_history/1") && way.contains("Observation/av/_history/1"), "{way}");
        let (id, _) = requested(&server, &["--patient", "1", "--reason", "court-order", "--include-copies"]).await;
        approved(&server, &id).await;
        for gone in ["/Bundle/ab", "/Observation/av/_history/1", "/Provenance/ap"] {
            api.get(gone).await.expect(404);
        }
        assert_eq!(api.get("/Observation/av").await.expect(200).version(), 2);
        api.get("/Provenance/ap-both").await.expect(200);
        assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        is_sound(&server).await;
    }

    async fn records_of_an_erasure_say_whose_it_was(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for id in ["ra", "rb"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        api.save(&lab_observation("ra-o", "ra", "7.1")).await.expect(201);
        api.save(&lab_observation("ra-v", "ra", "7.1")).await.expect(201);
        api.save(&lab_observation("ra-v", "rb", "7.1")).await.expect(200);
        for resource in ["Observation/ra-o", "Observation/ra-v/_history/1"] {
            let (id, _) = requested(&server, &["--resource", resource, "--reason", "wrong-patient"]).await;
            approved(&server, &id).await;
        }
        let (mut sql, prefix) = server.trail().await;
        for id in ["ra-o", "ra-v"] {
            let records = format!("select count(*) from {prefix}audit_events where interaction = 'purge' and type = 'Observation' and id = '{id}' and patient = 'ra'");
            assert_eq!(sql.count(&records).await, 1, "{id}");
        }
    }

    /// An epoch that stands in the audit trail is never given again.
    async fn epochs_go_on_after_an_erasure(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let epoch = format!("select coalesce(max(epoch), 0) from {} where patient = 'eg'", own(engine, "consent_epochs"));
        api.save(&patient("eg", "A")).await.expect(201);
        api.save(&consent("eg-1", "eg", r#"{"type":"deny"}"#)).await.expect(201);
        api.save(&consent("eg-1", "eg", r#"{"type":"permit"}"#)).await.expect(200);
        let before = sql.count(&epoch).await;
        assert!(before >= 2, "{before}");
        let (id, _) = requested(&server, &["--patient", "eg", "--reason", "court-order"]).await;
        approved(&server, &id).await;
        // Of who comes after under this id nothing was decided by the Consents that held before.
        let between = sql.count(&epoch).await;
        assert!(between > before, "{between}");
        api.save(&patient("eg", "B")).await.expect(201);
        api.save(&consent("eg-2", "eg", r#"{"type":"deny"}"#)).await.expect(201);
        assert!(sql.count(&epoch).await > between);
    }

    /// Killed at any moment, it is done or not done; and what it left is gone once the server has started.
    async fn a_kill_leaves_it_done_or_not_done(engine: Engine) {
        let mut server = Server::start(engine);
        let data_dir = server.data_dir().display().to_string();
        let mut outcomes = BTreeSet::new();
        for (round, wait) in [0_u64, 100, 200, 300, 450, 600].into_iter().enumerate() {
            let api = server.client();
            let id = format!("kp-{round}");
            let mut resources = vec![patient(&id, CANARY)];
            resources.extend((0..40).map(|number| lab_observation(&format!("{id}-{number}"), &id, "7.1").with("note", Json::of(&format!(r#"[{{"text":"{CANARY}"}}]"#)))));
            api.post("/", transaction(&resources)).await.expect(200);
            api.save(&document(&format!("{id}-d"), &id, &long(9))).await.expect(201);
            let (request, _) = requested(&server, &["--patient", &id, "--reason", "court-order"]).await;
            let mut approving = tokio::process::Command::new(gateway_tests::binary())
                .args(["purge", "approve", &request, "--by", "John Roe", "--database", &server.database.url, "--data-dir", &data_dir])
                .stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null())
                .spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let _may_have_ended = approving.kill().await;
            server.kill();
            server.restart();
            let api = server.client();
            let left = record(&api, &id).await.len();
            let is_there = api.get(&format!("/Patient/{id}")).await.status == 200;
            assert!(left == if is_there { 42 } else { 0 }, "half of it: {left}");
            outcomes.insert(is_there);
            if is_there {
                approved(&server, &request).await;
            }
            let state = Json::of(&server.command(&["purge", "show", &request, "--json"]).await.expect(0).stdout);
            assert_eq!(state.str("state"), Some("done"), "{state}");
            assert_eq!(holding(&server, CANARY).await, BTreeSet::new());
        }
        assert!(outcomes.contains(&true), "no kill came before the commit");
        is_sound(&server).await;
    }
}

/// Everything of a patient, in order.
async fn record(api: &Client, id: &str) -> Vec<Json> {
    let answer = api.get(&format!("/Patient/{id}/$everything?_count=1000")).await;
    if answer.status == 404 {
        return Vec::new();
    }
    let bundle = answer.expect(200).json();
    let of = |entry: &Json| entry.at("resource").cloned().unwrap();
    let mut found: Vec<Json> = bundle.items("entry").iter().map(of).collect();
    found.sort_by_key(|resource| {
        (resource.str("resourceType").unwrap().to_owned(), resource.str("id").unwrap().to_owned())
    });
    found
}

on_postgres! {
    /// On PostgreSQL nobody but the eraser removes versions, and the eraser nothing else; the application's role cannot become it.
    async fn only_the_eraser_removes_versions(engine: Engine) {
        let server = Server::start(engine);
        server.client().save(&patient("er", "A")).await.expect(201);
        let mut sql: Sql = server.sql().await;
        for (role, statement) in [
            ("fhir_gateway_app", "delete from fhir_gateway.resource_versions"),
            ("fhir_gateway_eraser", "delete from fhir_gateway.directory"),
            ("fhir_gateway_eraser", "select * from fhir_gateway.audit_events"),
            ("fhir_gateway_eraser", "select * from public.patients"),
            ("fhir_gateway_eraser", "update fhir_gateway.resource_versions set body = ''"),
            ("fhir_gateway_app", "delete from fhir_gateway.purges"),
            ("fhir_gateway_app", "delete from fhir_gateway.legal_holds"),
            ("fhir_gateway_app", "delete from fhir_gateway.erasure_journal"),
        ] {
            let refused = sql.attempt(&format!("begin; set local role {role}; {statement}")).await.unwrap_err();
            assert!(refused.to_string().contains("permission denied"), "{role}: {statement}: {refused}");
            sql.run("rollback").await;
        }
        assert_eq!(sql.count("select pg_has_role('fhir_gateway_app', 'fhir_gateway_eraser', 'member')::int").await, 0);
        // Of no organization, and of another one, it sees nothing.
        for organization in ["", "set local app.current_organization_id = '2';"] {
            sql.run(&format!("begin; set local role fhir_gateway_eraser; {organization} delete from fhir_gateway.resource_versions; commit")).await;
        }
        server.client().get("/Patient/er").await.expect(200);
    }
}
