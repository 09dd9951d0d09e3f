//! Security labels in the directory, as SQL shows them: of what clients write, of what other programs write, of notes by
//! their encounters, and of what was there before.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use consent::Labels;
use gateway_tests::{Engine, Json, Server, Sql, binary, own, patient, rounds, shared_data, suite, transaction};

const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// The labels of a resource as words; `none` where nobody has looked yet.
async fn labels(sql: &mut Sql, resource: &str) -> String {
    column(sql, resource, "labels").await
}

async fn column(sql: &mut Sql, resource: &str, column: &str) -> String {
    let (kind, id) = resource.split_once('/').unwrap();
    let directory = own(sql.engine(), "directory");
    let bits = sql.count(&format!("select {column} from {directory} where type = '{kind}' and id = '{id}'")).await;
    words(bits)
}

fn words(bits: i64) -> String {
    let labels = Labels::from_bits(bits);
    let mut words: Vec<&str> = labels.codes().collect();
    words.extend(labels.meets(Labels::UNCLASSIFIED).then_some("unclassified"));
    words.extend(labels.meets(Labels::UNKNOWN).then_some("unknown"));
    if bits == 0 { "none".to_owned() } else { words.join(" ") }
}

/// Waits until a resource's labels are these.
async fn become_labelled(sql: &mut Sql, resource: &str, expected: &str) {
    let begun = Instant::now();
    loop {
        let found = labels(sql, resource).await;
        if found == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{resource}: {found} and not {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn condition(id: &str, code: &str, rest: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"{ICD}","code":"{code}"}}]}}{rest}}}"#
    ))
}

fn in_encounter(id: &str) -> String {
    format!(r#","encounter":{{"reference":"Encounter/{id}"}}"#)
}

fn encounter(id: &str, rest: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Encounter","id":"{id}","status":"finished","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},"subject":{{"reference":"Patient/p"}}{rest}}}"#
    ))
}

fn note(id: &str, encounter: Option<&str>, rest: &str) -> Json {
    let context = encounter
        .map(|id| format!(r#","context":{{"encounter":[{{"reference":"Encounter/{id}"}}]}}"#))
        .unwrap_or_default();
    Json::of(&format!(
        r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","subject":{{"reference":"Patient/p"}},"type":{{"coding":[{{"system":"http://loinc.org","code":"11506-3"}}]}},"content":[{{"attachment":{{"contentType":"text/plain","data":"eA=="}}}}]{context}{rest}}}"#
    ))
}

fn security(system: &str, code: &str) -> String {
    format!(r#","meta":{{"security":[{{"system":"{system}","code":"{code}"}}]}}"#)
}

suite! {
    async fn what_a_client_writes_is_labelled_in_its_transaction(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        api.save(&patient("p", "x")).await.expect(201);
        let consent = r#"{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p"},"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"SUD"}]}]}}"#;
        let contained = r##"{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Medication","id":"d","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"1819"}]}}],"medicationReference":{"reference":"#d"}}"##;
        let cases = [
            (condition("c1", "J18.9", ""), "N"),
            (condition("c2", "F11.20", ""), "R OPIOIDUD"),
            (condition("c3", "B20", &security(CONFIDENTIALITY, "V")), "V HIV"),
            (condition("c4", "J18.9", &security(act, "42CFRPart2")), "R 42CFRPart2"),
            (condition("c5", "J18.9", &security("urn:theirs", "x")), "N unknown"),
            (Json::of(r##"{"resourceType":"Condition","id":"c6","subject":{"reference":"Patient/p"},"code":{"text":"words"}}"##), "N unclassified"),
            (Json::of(consent), "R SUD"),
            (Json::of(contained), "R OPIOIDUD"),
            (note("n", None, ""), "N unclassified"),
            (note("n2", None, &security(CONFIDENTIALITY, "N")), "N"),
        ];
        for (resource, expected) in cases {
            let name = format!("{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
            api.save(&resource).await.expect(201);
            assert_eq!(labels(&mut sql, &name).await, expected, "{resource}");
        }
        assert_eq!(labels(&mut sql, "Patient/p").await, "N");
        // Labels stand beside the resource, never in it.
        assert_eq!(api.get("/Condition/c2").await.expect(200).json().at("meta.security"), None);
        // An update is looked at anew, and what was there in any version is remembered; so is what is deleted.
        api.save(&condition("c2", "J18.9", "")).await.expect(200);
        assert_eq!((labels(&mut sql, "Condition/c2").await, column(&mut sql, "Condition/c2", "labels_ever").await), ("N".into(), "N R OPIOIDUD".into()));
        api.delete("/Condition/c3").await.expect(204);
        assert_eq!(labels(&mut sql, "Condition/c3").await, "V HIV");
        let add = Json::of(r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}}]}"#);
        api.post("/Condition/c1/$meta-add", add).await.expect(200);
        assert_eq!(labels(&mut sql, "Condition/c1").await, "R");
    }

    async fn rows_of_other_programs_are_labelled_when_somebody_looks(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        sql.run("insert into patients (id, organization_id, last_name, first_name, sex, date_of_birth, active) values ('p', 1, 'A', 'F', 'M', '1980-01-02', true)").await;
        for (id, code) in [("hiv", "20447-9"), ("other", "8480-6")] {
            sql.run(&format!("insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at) values ('{id}', 1, 'p', 'final', '{code}', 7.5, 'mg/dL', '2024-01-02T03:04:05Z')")).await;
        }
        let found = api.search("/Observation?patient=p").await;
        assert_eq!(found.len(), 2);
        let mut named = BTreeMap::new();
        for name in found {
            let body = api.get(&format!("/{name}")).await.expect(200).json();
            named.insert(body.str("code.coding[system=http://loinc.org].code").or_else(|| body.items("code.coding")[0].str("code")).unwrap().to_owned(), name);
        }
        assert_eq!(labels(&mut sql, &named["20447-9"]).await, "R HIV");
        assert_eq!(labels(&mut sql, &named["8480-6"]).await, "N");
        // Their next change is looked at as well.
        sql.run("update lab_results set code = '56888-1' where id = 'other'").await;
        api.get("/Observation?patient=p").await.expect(200);
        assert_eq!(labels(&mut sql, &named["8480-6"]).await, "R HIV");
        // A note of theirs, and a problem that is entered in its encounter by SQL.
        api.save(&encounter("e", "")).await.expect(201);
        api.save(&note("n", Some("e"), "")).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n").await, "N unclassified");
        api.save(&condition("k", "J18.9", r#","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"encounter":{"reference":"Encounter/e"}"#)).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n").await, "N");
        let key = gateway_tests::row_key(&mut sql, "Condition", "k").await;
        sql.run(&format!("update problems set icd10_code = 'F10.20' where id = '{key}'")).await;
        api.get("/Condition/k").await.expect(200);
        assert_eq!(labels(&mut sql, "Condition/k").await, "R ETHUD");
        assert_eq!(labels(&mut sql, "DocumentReference/n").await, "R ETHUD");
    }

    async fn notes_have_the_labels_of_their_encounter_whichever_came_first(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        api.save(&patient("p", "x")).await.expect(201);
        // The note first.
        api.save(&encounter("e1", "")).await.expect(201);
        api.save(&note("n1", Some("e1"), "")).await.expect(201);
        api.save(&note("other", Some("e0"), "")).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n1").await, "N unclassified");
        api.save(&condition("c1", "J18.9", &in_encounter("e1"))).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n1").await, "N", "a code tells what it was about");
        api.save(&condition("c2", "F11.20", &in_encounter("e1"))).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n1").await, "R OPIOIDUD");
        assert_eq!(column(&mut sql, "DocumentReference/n1", "labels_ever").await, "N R OPIOIDUD unclassified");
        assert_eq!(labels(&mut sql, "Condition/c1").await, "N", "codes have labels of their own");
        let viral = Json::of(&format!(r#"{{"resourceType":"Observation","id":"o","status":"final","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"20447-9"}}]}}{}}}"#, in_encounter("e1")));
        api.save(&viral).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/n1").await, "R HIV OPIOIDUD");
        // A high-water mark: what is taken back or deleted lowers nothing, also for a note that comes later.
        api.delete("/Condition/c2").await.expect(204);
        api.save(&condition("c1", "J18.9", &(in_encounter("e1") + &security(CONFIDENTIALITY, "V")))).await.expect(200);
        api.save(&note("late", Some("e1"), "")).await.expect(201);
        for id in ["n1", "late"] {
            assert_eq!(labels(&mut sql, &format!("DocumentReference/{id}")).await, "V HIV OPIOIDUD");
        }
        assert_eq!(labels(&mut sql, "DocumentReference/other").await, "N unclassified", "another encounter's");
        // All at once, the note in front.
        let all = [note("n2", Some("e2"), ""), condition("c3", "T74.11XA", &in_encounter("e2")), encounter("e2", "")];
        api.post("", transaction(&all)).await.expect(200);
        assert_eq!(labels(&mut sql, "DocumentReference/n2").await, "R SDV");
        // A psychotherapy note is kept apart from the other notes; the encounter's own labels are for all of them.
        let apart = security("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PSYTHPN");
        api.save(&note("psy", Some("e2"), &apart)).await.expect(201);
        assert_eq!(labels(&mut sql, "DocumentReference/psy").await, "R SDV PSYTHPN");
        assert_eq!(labels(&mut sql, "DocumentReference/n2").await, "R SDV");
        api.save(&encounter("e2", &security(CONFIDENTIALITY, "V"))).await.expect(200);
        assert_eq!(labels(&mut sql, "DocumentReference/n2").await, "V SDV");
    }

    async fn what_was_stored_before_is_labelled_by_work(engine: Engine) {
        let mut server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        api.save(&patient("p", "x")).await.expect(201);
        api.save(&note("n", Some("e"), "")).await.expect(201);
        for index in 0..450 {
            api.save(&condition(&format!("c{index}"), if index % 3 == 0 { "F33.1" } else { "J18.9" }, "")).await.expect(201);
        }
        api.save(&condition("c1", "B20", "")).await.expect(200);
        api.save(&condition("c1", "J18.9", &in_encounter("e"))).await.expect(200);
        api.save(&condition("c2", "A53.9", "")).await.expect(200);
        api.delete("/Condition/c2").await.expect(204);
        drop(api);
        server.kill();
        // As a gateway that knew no labels has left it.
        let directory = own(engine, "directory");
        sql.run(&format!("update {directory} set labels = 0, labels_ever = 0, hears = 0")).await;
        sql.run(&format!("delete from {}", own(engine, "encounter_labels"))).await;
        server.restart();
        let waiting = format!("select count(*) from {directory} where labels = 0");
        let begun = Instant::now();
        // The log tells it just after.
        let told = || server.log().contains("all that was stored before is labelled");
        while sql.count(&waiting).await > 0 || !told() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(labels(&mut sql, "Condition/c0").await, "R MH");
        assert_eq!(labels(&mut sql, "Condition/c1").await, "N");
        assert_eq!(column(&mut sql, "Condition/c1", "labels_ever").await, "N R HIV");
        assert_eq!(labels(&mut sql, "Condition/c2").await, "R STD", "what is deleted has its last version's");
        assert_eq!(labels(&mut sql, "DocumentReference/n").await, "N");
        assert!(server.log().contains("all that was stored before is labelled"), "{}", server.log());
    }

    async fn a_table_of_ones_own_adds_and_is_kept(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        api.save(&patient("p", "x")).await.expect(201);
        let coded = |id: &str| Json::of(&format!(r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"urn:ours","code":"X-1"}}]}}}}"#));
        api.save(&coded("a")).await.expect(201);
        api.save(&condition("b", "F11.20", "")).await.expect(201);
        assert_eq!(labels(&mut sql, "Condition/a").await, "N");
        let file = server.folder().join("ours.toml");
        let migrate = |more: &[&str]| {
            let mut command = std::process::Command::new(binary());
            command.args(["migrate", "--database", &server.database.url, "--data-dir", &server.data_dir().display().to_string()]);
            command.args(more).output().unwrap()
        };
        let labels_of = file.display().to_string();
        std::fs::write(&file, "[[labels]]\nsystem = \"urn:ours\"\nlabel = \"SDU\"\ncodes = [\"X*\"]\n").unwrap();
        let refused = migrate(&["--labels", &labels_of]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains("ours.toml: line 4: the label is not known"), "{told}");
        std::fs::write(&file, "[[labels]]\nsystem = \"urn:ours\"\nlabel = \"SDV\"\ncodes = [\"X*\"]\n").unwrap();
        let done = migrate(&["--labels", &labels_of]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // The old labels count no more; the server learns of the table with its next write, and does the work.
        assert_eq!(labels(&mut sql, "Condition/a").await, "none");
        api.save(&coded("c")).await.expect(201);
        assert_eq!(labels(&mut sql, "Condition/c").await, "R SDV");
        become_labelled(&mut sql, "Condition/a", "R SDV").await;
        become_labelled(&mut sql, "Condition/b", "R OPIOIDUD").await;
        // Whoever names no table has the one that is kept; the same table again is nothing new.
        for more in [&[][..], &["--labels", &labels_of]] {
            assert!(migrate(more).status.success());
            assert_eq!(labels(&mut sql, "Condition/a").await, "R SDV");
        }
        assert!(migrate(&["--relabel"]).status.success());
        assert_eq!(labels(&mut sql, "Condition/a").await, "none");
        api.save(&coded("d")).await.expect(201);
        become_labelled(&mut sql, "Condition/a", "R SDV").await;
        // An empty one takes it away.
        std::fs::write(&file, "").unwrap();
        assert!(migrate(&["--labels", &labels_of]).status.success());
        api.save(&coded("e")).await.expect(201);
        assert_eq!(labels(&mut sql, "Condition/e").await, "N");
        become_labelled(&mut sql, "Condition/a", "N").await;
        // A process that does not have the tables which count leaves the labels to one that has.
        sql.run(&format!("insert into {} (id, built_in, own, cleared) values (1000, 'of another release', '', 1)", own(engine, "labellings"))).await;
        api.save(&condition("f", "F11.20", "")).await.expect(201);
        assert_eq!(labels(&mut sql, "Condition/f").await, "none");
    }

    async fn those_who_write_into_one_encounter_at_once_see_each_other(engine: Engine) {
        let server = Server::start(engine);
        let beside = server.beside();
        let (api, other, mut sql) = (server.client(), beside.client(), server.sql().await);
        api.save(&patient("p", "x")).await.expect(201);
        let key = gateway_tests::row_key(&mut sql, "Patient", "p").await;
        for round in 0..rounds(40, 1_000) {
            let id = format!("r{round}");
            let note = note(&id, Some(&id), "");
            let opioids = condition(&id, "F11.20", &in_encounter(&id));
            // A client of either process, and a row of another program, which the first that looks settles.
            sql.run(&format!("insert into problems (id, organization_id, patient_id, encounter_id, icd10_code) values ('s{round}', 1, '{key}', '{id}', 'F10.20')")).await;
            let (one, two, three) = tokio::join!(api.save(&opioids), other.save(&note), api.get("/Condition?_summary=count"));
            one.expect(201);
            two.expect(201);
            three.expect(200);
            assert_eq!(labels(&mut sql, &format!("DocumentReference/{id}")).await, "R ETHUD OPIOIDUD", "round {round}");
        }
    }

    async fn real_records_are_labelled_by_what_is_in_them(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        let mut files: Vec<_> = std::fs::read_dir(data.join("04-synthea-and-bulk/synthea-bundles")).unwrap().map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|end| end == "json"));
        files.sort();
        for file in &files {
            let bundle = Json::parse(&std::fs::read(file).unwrap()).unwrap();
            if bundle.str("type") == Some("transaction") {
                api.post("", bundle).await.expect(200);
            }
        }
        let directory = own(engine, "directory");
        let rows = sql.rows(&format!("select type, labels, count(*) from {directory} where deleted = 0 group by type, labels order by type, labels")).await;
        let (mut report, mut by_label, mut all) = (String::new(), BTreeMap::<String, i64>::new(), 0);
        for row in &rows {
            let number = |place: usize| row[place].as_deref().unwrap().parse::<i64>().unwrap();
            let (kind, said, count) = (row[0].as_deref().unwrap(), words(number(1)), number(2));
            writeln!(report, "{kind:<28} {said:<24} {count:>6}").unwrap();
            *by_label.entry(said).or_default() += count;
            all += count;
        }
        println!("{engine:?}: {all} resources\n{report}{by_label:#?}");
        assert!(all > 500, "{all}");
        assert_eq!(by_label.get("none"), None, "all of them are labelled");
        assert!(by_label["N"] > all / 2, "most of a record is ordinary");
        // Contraceptives are told by RxNorm; Synthea has no other code of ours.
        let sensitive: i64 = by_label.iter().filter(|(said, _)| said.starts_with("R ")).map(|(_, count)| count).sum();
        assert!(sensitive > 0, "{by_label:?}");
    }
}
