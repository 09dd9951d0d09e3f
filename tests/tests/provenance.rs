//! Provenance: with `--provenance` every version that is written has one, stored with it or not at all; a client's own comes in
//! `X-Provenance`; nobody sees one who does not see what it is about.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_tests::{
    Client, Command, Engine, Json, Options, Response, Server, consent, lab_observation, own, patient, suite,
    transaction,
};
use hyper::Method;

const OWN: &str = "gateway-provenance-";
const HEADER: &str = r#"{"resourceType":"Provenance","agent":[{"who":{"display":"A device"}}],"policy":["urn:x:p"]}"#;

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

fn keeping(engine: Engine) -> Server {
    let who = [
        "--provenance",
        "--dev-actor",
        "Practitioner/dr",
        "--dev-actor",
        "Organization/clinic",
        "--dev-actor",
        "Group/ward",
    ];
    Server::with(engine, options(&who))
}

/// A server on the same database that applies Consents to this caller, and keeps Provenance.
fn asking(server: &Server, actors: &[&str]) -> Server {
    let mut arguments = vec!["--provenance", "--dev-consent", "enforce"];
    actors.iter().for_each(|actor| arguments.extend(["--dev-actor", actor]));
    server.beside_with(options(&arguments))
}

/// The resources of a search.
async fn found(api: &Client, query: &str) -> Vec<Json> {
    let page = api.get(&format!("/Provenance?_count=500&{query}")).await.expect(200).json();
    page.items("entry").iter().map(|entry| entry.at("resource").unwrap().clone()).collect()
}

async fn count(api: &Client, query: &str) -> String {
    api.get(&format!("/Provenance?_summary=count&{query}")).await.expect(200).json().at("total").unwrap().to_string()
}

fn targets(provenance: &Json) -> Vec<&str> {
    provenance.items("target").iter().map(|target| target.str("reference").unwrap()).collect()
}

fn activity(provenance: &Json) -> &str {
    provenance.items("activity.coding").first().and_then(|coding| coding.str("code")).unwrap_or_default()
}

/// The one Provenance of this version, by the gateway.
async fn of(api: &Client, version: &str) -> Json {
    let resource = version.split("/_history").next().unwrap();
    let all = found(api, &format!("target={resource}")).await;
    let mut own: Vec<Json> = all
        .into_iter()
        .filter(|one| one.str("id").unwrap().starts_with(OWN) && targets(one).contains(&version))
        .collect();
    assert_eq!(own.len(), 1, "{version}: {own:?}");
    own.remove(0)
}

/// Every version has exactly one Provenance of the gateway's, and none tells of what is not there: read from the tables.
/// How many versions there are.
async fn is_complete(server: &Server) -> usize {
    let mut sql = server.sql().await;
    let versions = own(server.engine(), "resource_versions");
    let rows = sql.rows(&format!("select type, id, version, body from {versions}")).await;
    let (mut written, mut told) = (BTreeSet::new(), BTreeMap::new());
    for row in rows {
        let text = |place: usize| row[place].clone().unwrap();
        if text(0) != "Provenance" || !text(1).starts_with(OWN) {
            assert!(written.insert(format!("{}/{}/_history/{}", text(0), text(1), text(2))));
            continue;
        }
        assert_eq!(text(2), "1", "the gateway's own are never changed");
        for target in targets(&Json::of(&text(3))) {
            *told.entry(target.to_owned()).or_insert(0) += 1;
        }
    }
    let twice: Vec<_> = told.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let told: BTreeSet<String> = told.into_keys().collect();
    let (untold, unwritten): (Vec<_>, Vec<_>) =
        (written.difference(&told).collect(), told.difference(&written).collect());
    assert!(untold.is_empty() && unwritten.is_empty(), "without: {untold:?}; of nothing: {unwritten:?}");
    written.len()
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

suite! {
    async fn every_interaction_leaves_one(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.save(&patient("p", "A")).await.expect(201);
        let made = api.post("/Observation", lab_observation("x", "p", "7.1")).await.expect(201);
        let id = made.json().str("id").unwrap().to_owned();
        let provenance = of(&api, &format!("Observation/{id}/_history/1")).await;
        assert_eq!(activity(&provenance), "CREATE");
        assert_eq!(provenance.at("meta.source").map(Json::to_string).as_deref(), Some(r#""urn:fhir-gateway:provenance""#));
        assert_eq!(provenance.str("recorded"), made.json().at("meta").unwrap().str("lastUpdated"));
        assert_eq!(provenance.str("occurredDateTime"), provenance.str("recorded"));
        let text = provenance.to_string();
        for part in [
            r#""reason":[{"coding":[{"code":"TREAT","system":"http://terminology.hl7.org/CodeSystem/v3-ActReason"}]}]"#,
            r#""code":"author""#, r#""reference":"Practitioner/dr""#, r#""onBehalfOf":{"reference":"Organization/clinic"}"#,
            r#""code":"transmitter""#, r#""value":"development""#, r#""policy":["urn:fhir-gateway:policy:treatment-opt-out@"#,
            r#""valueReference":{"reference":"Patient/p","type":"Patient"}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("Group/ward"), "{text}");
        // Of the patient itself the target says so.
        assert!(!of(&api, "Patient/p/_history/1").await.to_string().contains("extension"));

        api.put(&format!("/Observation/{id}"), lab_observation(&id, "p", "7.2")).await.expect(200);
        assert_eq!(activity(&of(&api, &format!("Observation/{id}/_history/2")).await), "UPDATE");
        let patch = r#"[{"op":"replace","path":"/status","value":"amended"}]"#;
        let path = format!("/Observation/{id}");
        api.request(Method::PATCH, &path).header("Content-Type", "application/json-patch+json").body(patch).await.expect(200);
        assert_eq!(activity(&of(&api, &format!("Observation/{id}/_history/3")).await), "UPDATE");
        let meta = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"t"}]}}]}"#;
        api.post(&format!("{path}/$meta-add"), meta).await.expect(200);
        assert_eq!(activity(&of(&api, &format!("Observation/{id}/_history/4")).await), "UPDATE");
        let before = count(&api, "").await;
        // What changes nothing has none.
        api.post(&format!("{path}/$meta-add"), meta).await.expect(200);
        api.post("/Patient", patient("x", "B")).header("If-None-Exist", "_id=p").await.expect(200);
        api.delete("/Observation/never").await.expect(204);
        assert_eq!(count(&api, "").await, before);
        let mut other = patient("x", "B");
        other.remove("", "id");
        api.put("/Patient?_id=p", other).await.expect(200);
        assert_eq!(activity(&of(&api, "Patient/p/_history/2").await), "UPDATE");
        api.delete(&path).await.expect(204);
        let gone = of(&api, &format!("Observation/{id}/_history/5")).await;
        assert_eq!(activity(&gone), "DELETE");
        assert!(gone.to_string().contains("Patient/p"), "history still asks whose it was: {gone}");
        api.save(&lab_observation("o", "p", "1.0")).await.expect(201);
        api.delete("/Observation?_id=o").await.expect(204);
        assert_eq!(activity(&of(&api, "Observation/o/_history/2").await), "DELETE");
        let note = r#"{"resourceType":"Composition","id":"c","status":"final","type":{"text":"x"},"date":"2024-01-02","author":[{"display":"x"}],"title":"T","subject":{"reference":"Patient/p"}}"#;
        api.put("/Composition/c", note).await.expect(201);
        let document = api.post("/Composition/c/$document?persist=true", "").await.expect(201);
        let location = document.header("Location").unwrap().split("/fhir/").nth(1).unwrap().to_owned();
        assert!(of(&api, &location).await.to_string().contains("Patient/p"));
        // What is theirs has one, too; what is the gateway's has none.
        let theirs = HEADER.replace(r#""agent""#, r#""recorded":"2024-01-01T00:00:00Z","target":[{"reference":"Patient/p"}],"agent""#);
        let theirs = api.post("/Provenance", theirs).await.expect(201).json();
        of(&api, &format!("Provenance/{}/_history/1", theirs.str("id").unwrap())).await;
        is_complete(&server).await;
        let audited = server.audited().await;
        let all: BTreeSet<_> = found(&api, "").await.iter().map(|one| one.str("id").unwrap().to_owned()).collect();
        let recorded: BTreeSet<_> = audited.into_iter().filter(|event| event.kind.as_deref() == Some("Provenance")).filter_map(|event| event.id).collect();
        assert_eq!(recorded, all, "each is on record as it was made");
    }

    /// Against US Core's profile, which they name.
    async fn they_are_valid(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.post("/", transaction(&[patient("p", "A"), lab_observation("o", "p", "7.1")])).await.expect(200);
        let file = server.folder().join("some.ndjson");
        std::fs::write(&file, patient("i", "I").to_string()).unwrap();
        server.command(&["import", "--provenance", &file.display().to_string()]).await.expect(0);
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, first_name, sex, date_of_birth, active) values ('f', 1, 'L', 'F', 'M', '1980-01-02', true)").await;
        api.get("/Patient/f").await.expect(200);
        api.save(&patient("h", "H")).header("X-Provenance", HEADER).await.expect(201);
        let all = found(&api, "").await;
        assert_eq!(all.len(), 5, "{all:?}");
        for provenance in all {
            let outcome = api.post("/Provenance/$validate", &provenance).await.expect(200).json();
            let wrong: Vec<_> = outcome.items("issue").iter().filter(|issue| matches!(issue.str("severity"), Some("error" | "fatal"))).collect();
            assert!(wrong.is_empty(), "{wrong:?}\n{provenance}");
            let named = provenance.at("meta.profile").is_some();
            assert_eq!(named, provenance.str("id").unwrap().starts_with(OWN));
        }
        // The check can fail.
        let wrong = r#"{"resourceType":"Provenance","meta":{"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance"]},"target":[{"reference":"Patient/p"}],"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Group/g"}}]}"#;
        assert!(text(&api.post("/Provenance/$validate", wrong).await.expect(200)).contains(r#""severity":"error""#));
    }

    async fn one_never_tells_of_two_patients(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.save(&lab_observation("old", "b", "1.0")).await.expect(201);
        api.save(&lab_observation("gone", "b", "1.0")).await.expect(201);
        let organization = Json::of(r#"{"resourceType":"Organization","id":"clinic","name":"C"}"#);
        let all = [patient("a", "A"), patient("b", "B"), lab_observation("oa", "a", "7.1"), lab_observation("ob", "b", "7.2"), organization, lab_observation("old", "a", "1.1")];
        let mut bundle = transaction(&all);
        let mut entries = bundle.items("entry").to_vec();
        entries.push(Json::of(r#"{"request":{"method":"DELETE","url":"Observation/gone"}}"#));
        bundle.set("", "entry", Json::Array(entries));
        api.post("/", bundle).await.expect(200);
        let mut told: Vec<(String, Vec<String>)> = Vec::new();
        for one in found(&api, "").await {
            let mut targets: Vec<String> = targets(&one).into_iter().map(str::to_owned).collect();
            targets.sort_unstable();
            told.push((activity(&one).to_owned(), targets));
        }
        told.sort_unstable();
        told.retain(|(kind, targets)| kind != "CREATE" || !["Observation/gone/_history/1", "Observation/old/_history/1"].contains(&&*targets[0]));
        let version = |text: &str| format!("{text}/_history/1");
        assert_eq!(told, [
            ("CREATE".to_owned(), vec![version("Observation/oa"), version("Patient/a")]),
            ("CREATE".to_owned(), vec![version("Observation/ob"), version("Patient/b")]),
            ("CREATE".to_owned(), vec![version("Organization/clinic")]),
            ("DELETE".to_owned(), vec!["Observation/gone/_history/2".to_owned()]),
            // Another patient's from now on.
            ("UPDATE".to_owned(), vec!["Observation/old/_history/2".to_owned()]),
        ]);
        assert!(of(&api, "Observation/old/_history/2").await.to_string().contains("Patient/a"));
        // Many are several.
        let many: Vec<Json> = (0..450).map(|number| lab_observation(&format!("m{number}"), "a", "1.0")).collect();
        api.post("/", transaction(&many)).await.expect(200);
        let mut sizes: Vec<usize> = found(&api, "").await.iter().map(|one| one.items("target").len()).filter(|size| *size > 2).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [50, 200, 200]);
        // No id tells that there are others of its set.
        for one in found(&api, "").await {
            let id = one.str("id").unwrap().strip_prefix(OWN).unwrap().to_owned();
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
        }
        is_complete(&server).await;
        // Entries of a batch are requests of their own.
        let batch = transaction(&[patient("c", "C"), lab_observation("oc", "c", "1.0")]).to_string().replace("transaction", "batch");
        api.post("/", batch).await.expect(200);
        assert_eq!(targets(&of(&api, "Patient/c/_history/1").await), ["Patient/c/_history/1"]);
        assert_eq!(targets(&of(&api, "Observation/oc/_history/1").await), ["Observation/oc/_history/1"]);
        is_complete(&server).await;
    }

    async fn what_is_refused_or_rolled_back_leaves_none(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.save(&patient("p", "A")).await.expect(201);
        let before = count(&api, "").await;
        api.save(&patient("p", "B")).header("If-Match", "W/\"9\"").await.expect(412);
        api.put("/Patient/p", "{").await.expect(400);
        api.put("/Patient/p", patient("q", "B")).await.expect(400);
        let mut bundle = transaction(&[patient("q", "B"), patient("p", "C")]);
        let entry = bundle.items("entry")[1].clone();
        let mut entry = entry;
        entry.set("request", "ifMatch", Json::text("W/\"9\""));
        let first = bundle.items("entry")[0].clone();
        bundle.set("", "entry", Json::Array(vec![first, entry]));
        api.post("/", bundle).header("X-Provenance", HEADER).await.expect(412);
        api.get("/Patient/q").await.expect(404);
        assert_eq!(count(&api, "").await, before);
        assert_eq!(is_complete(&server).await, 1);
    }

    async fn a_kill_leaves_no_write_without_and_none_without_a_write(engine: Engine) {
        let mut server = keeping(engine);
        for round in 0..2 {
            let running = Arc::new(AtomicBool::new(true));
            let clients: Vec<_> = (0..6).map(|client| {
                let (api, running) = (server.client(), Arc::clone(&running));
                tokio::spawn(async move {
                    let mut done = 0;
                    while running.load(Ordering::Relaxed) {
                        let id = format!("k-{round}-{client}-{done}");
                        let bundle = transaction(&[patient(&id, "K"), lab_observation(&id, &id, "1.0")]);
                        let request = if client % 2 == 0 { api.post("/", bundle) } else { api.save(&patient(&id, "K")) };
                        if request.attempt().await.is_none() {
                            break;
                        }
                        done += 1;
                    }
                    done
                })
            }).collect();
            tokio::time::sleep(Duration::from_millis(900)).await;
            server.kill();
            running.store(false, Ordering::Relaxed);
            let mut answered = 0;
            for client in clients {
                answered += client.await.unwrap();
            }
            assert!(answered > 6, "some load");
            server.restart();
            assert!(is_complete(&server).await >= answered);
        }
    }

    async fn a_clients_own_comes_in_the_header(engine: Engine) {
        // Without the option, too.
        let server = Server::start(engine);
        let api = server.client();
        api.post("/Patient", patient("x", "A")).await.expect(201);
        assert_eq!(count(&api, "").await, "0");
        let made = api.save(&lab_observation("o", "p", "7.1")).header("X-Provenance", HEADER).await.expect(201).json();
        let all = found(&api, "target=Observation/o").await;
        assert_eq!(all.len(), 1);
        let one = &all[0];
        assert_eq!(targets(one), ["Observation/o/_history/1"]);
        assert_eq!(one.items("policy")[0].as_str(), Some("urn:x:p"));
        assert!(one.str("recorded").unwrap() <= made.at("meta").unwrap().str("lastUpdated").unwrap());
        assert!(one.at("meta.source").is_none() && !one.str("id").unwrap().starts_with(OWN), "{one}");
        assert!(one.to_string().contains(r#""valueReference":{"reference":"Patient/p""#), "{one}");
        // It is the client's: whoever may change resources changes it.
        let changed = one.clone().with("policy", Json::of(r#"["urn:x:q"]"#));
        api.save(&changed).await.expect(200);
        api.delete(&format!("/Provenance/{}", one.str("id").unwrap())).await.expect(204);

        // Of a transaction as a whole, by patient; of a batch entry by entry; with what it says of itself.
        let said = r#"{"resourceType":"Provenance","id":"mine","recorded":"2020-01-01T00:00:00Z","extension":[{"url":"urn:e","valueString":"x"}],"agent":[{"who":{"reference":"Practitioner/dr"}}]}"#;
        let both = transaction(&[patient("a", "A"), lab_observation("oa", "a", "1.0"), patient("b", "B")]);
        api.post("/", &both).header("X-Provenance", said).await.expect(200);
        let mut of_both: Vec<(usize, Option<String>)> = Vec::new();
        for one in found(&api, "").await {
            assert_eq!(one.str("recorded"), Some("2020-01-01T00:00:00Z"));
            assert_ne!(one.str("id"), Some("mine"));
            of_both.push((targets(&one).len(), one.at("extension").map(Json::to_string)));
        }
        of_both.sort();
        let extension = Some(r#"[{"url":"urn:e","valueString":"x"}]"#.to_owned());
        assert_eq!(of_both, [(1, extension.clone()), (2, extension)]);
        api.post("/", both.to_string().replace("transaction", "batch")).header("X-Provenance", said).await.expect(200);
        assert_eq!(count(&api, "").await, "5");
        let patch = r#"[{"op":"replace","path":"/active","value":false}]"#;
        let patched = api.request(Method::PATCH, "/Patient/a").header("Content-Type", "application/json-patch+json");
        patched.body(patch).header("X-Provenance", HEADER).await.expect(200);
        api.delete("/Patient/b").header("X-Provenance", HEADER).await.expect(204);
        assert_eq!(count(&api, "").await, "7");
        // Nothing was written: there is nothing to tell.
        api.delete("/Patient/b").header("X-Provenance", HEADER).await.expect(204);
        api.post("/Patient", patient("x", "B")).header("If-None-Exist", "_id=a").header("X-Provenance", HEADER).await.expect(200);
        api.get("/Patient/a").header("X-Provenance", "nonsense").await.expect(200);
        assert_eq!(count(&api, "").await, "7");
        let audited = server.audited().await;
        let recorded = audited.iter().filter(|event| event.kind.as_deref() == Some("Provenance") && event.interaction == "delete").count();
        assert_eq!(recorded, 2, "the one that was deleted, and the one of a deletion");
    }

    async fn a_header_is_not_stored_for_patients_without_number(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let long = format!(r#"{{"resourceType":"Provenance","agent":[{{"who":{{"display":"{}"}}}}]}}"#, "x".repeat(15_000));
        let many: Vec<Json> = (0..300).map(|number| lab_observation(&format!("m{number}"), &format!("p{number}"), "1.0")).collect();
        let refused = api.post("/", transaction(&many)).header("X-Provenance", &long).await.refused(422, "too-costly");
        assert!(refused.text.contains("300"), "{refused:?}");
        assert_eq!(api.get("/Observation?_summary=count").await.expect(200).json().str("total"), Some("0"));
        api.post("/", transaction(&many)).header("X-Provenance", HEADER).await.expect(200);
    }

    async fn a_hostile_header_is_refused_and_nothing_is_written(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.save(&patient("p", "A")).await.expect(201);
        let before = count(&api, "").await;
        let with = |member: &str| HEADER.replacen('{', &format!("{{{member},"), 1);
        let huge = with(&format!(r#""text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>"}}"#, "x".repeat(20_000)));
        let deep = with(&format!(r#""extension":{}1{}"#, "[".repeat(2_000), "]".repeat(2_000)));
        for wrong in [
            "", "nonsense", "{", "[]", "1", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Provenance"}"#, &huge, &deep,
            &with(r#""target":[{"reference":"Patient/somebody-else"}]"#), &with(r#""target":[]"#), &with(r#""_target":[null]"#),
            &with(r#""meta":{"source":"urn:fhir-gateway:provenance"}"#), &with(r#""meta":{"source":" URN:fhir-gateway:PROVENANCE#x"}"#),
            &with(r#""extension":[{"url":"http://hl7.org/fhir/5.0/StructureDefinition/extension-Provenance.patient","valueReference":{"reference":"Patient/q"}}]"#),
            &with(r#""recorded":"soon""#), &with(r#""nonsense":1"#), &with(r#""agent":[]"#),
        ] {
            let shown = &wrong[..wrong.len().min(60)];
            let refused = api.save(&patient("p", "B")).header("X-Provenance", wrong).await;
            assert_eq!(refused.status, 400, "{shown}");
            assert!(!refused.issues().is_empty());
            for (path, body) in [("/Patient", patient("x", "B")), ("/", transaction(&[patient("q", "B")]))] {
                assert_eq!(api.post(path, body).header("X-Provenance", wrong).await.status, 400, "{shown}");
            }
        }
        assert_eq!(api.get("/Patient/p").await.expect(200).version(), 1);
        assert_eq!((count(&api, "").await, is_complete(&server).await), (before, 1));
    }

    async fn nobody_changes_the_gateways_own(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        api.save(&patient("p", "A")).await.expect(201);
        let own = of(&api, "Patient/p/_history/1").await;
        let path = format!("/Provenance/{}", own.str("id").unwrap());
        let meta = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"t"}]}}]}"#;
        api.save(&own).await.refused(405, "not-supported");
        api.delete(&path).await.refused(405, "not-supported");
        api.delete("/Provenance?target=Patient/p").await.refused(405, "not-supported");
        let patch = r#"[{"op":"remove","path":"/policy"}]"#;
        api.request(Method::PATCH, &path).header("Content-Type", "application/json-patch+json").body(patch).await.refused(405, "not-supported");
        api.post(&format!("{path}/$meta-add"), meta).await.refused(405, "not-supported");
        api.post("/", transaction(std::slice::from_ref(&own))).await.refused(405, "not-supported");
        // Whether there is one or not is the same.
        let id = format!("{OWN}0192b3c4-0000-7000-8000-000000000000");
        api.save(&own.clone().with("id", Json::text(&id))).await.refused(405, "not-supported");
        api.delete(&format!("/Provenance/{id}")).await.refused(405, "not-supported");
        // And nothing of a client's looks like it.
        let mut claiming = own.clone();
        claiming.remove("", "id");
        api.post("/Provenance", &claiming).await.refused(422, "business-rule");
        api.save(&claiming.clone().with("id", Json::text("mine"))).await.refused(422, "business-rule");
        claiming.remove("meta", "source");
        api.post("/Provenance", &claiming).await.expect(201);
        assert_eq!(api.get(&path).await.expect(200).version(), 1);
        // No table has it, so no other program changes it.
        let mut sql = server.sql().await;
        assert_eq!(sql.count(&format!("select count(*) from provenances where id like '{OWN}%'")).await, 0);
        // What was kept once stays so without the option.
        let plain = server.beside();
        plain.client().delete(&path).await.refused(405, "not-supported");
        is_complete(&server).await;
    }

    async fn who_does_not_see_it_does_not_see_its_provenance(engine: Engine) {
        let server = keeping(engine);
        let all = server.client();
        for id in ["a", "b"] {
            all.save(&patient(id, "A")).await.expect(201);
        }
        let secret = lab_observation("s", "a", "7.1");
        all.save(&secret).header("X-Provenance", HEADER).await.expect(201);
        all.save(&lab_observation("o", "a", "7.1")).await.expect(201);
        all.post("/", transaction(&[lab_observation("s2", "a", "7.1"), lab_observation("o2", "a", "7.1")])).await.expect(200);
        let of_secret: Vec<String> = found(&all, "target=Observation/s,Observation/s2").await.iter().map(|one| one.str("id").unwrap().to_owned()).collect();
        assert_eq!(of_secret.len(), 3);
        // A Provenance of the Provenance of what is hidden, and one of a client's without a word about the patient.
        let about = |target: &str| HEADER.replace(r#""agent""#, &format!(r#""recorded":"2024-01-01T00:00:00Z","target":[{{"reference":"{target}"}}],"agent""#));
        let clients = of_secret.iter().find(|id| !id.starts_with(OWN)).unwrap();
        let further = all.post("/Provenance", about(&format!("Provenance/{clients}"))).await.expect(201).json();
        let bare = all.post("/Provenance", about("Observation/s/_history/1")).await.expect(201).json();
        let by_address = all.post("/Provenance", about(&format!("{}/Observation/s", server.base()))).await.expect(201).json();
        let mut hidden: BTreeSet<String> = of_secret.into_iter().collect();
        hidden.extend([&further, &bare].map(|one| one.str("id").unwrap().to_owned()));
        hidden.insert(by_address.str("id").unwrap().to_owned());
        for one in found(&all, "").await {
            if targets(&one).iter().any(|target| hidden.iter().any(|id| *target == format!("Provenance/{id}/_history/1"))) {
                hidden.insert(one.str("id").unwrap().to_owned());
            }
        }
        assert_eq!(hidden.len(), 9, "{hidden:?}");
        let total: usize = count(&all, "").await.parse().unwrap();
        let one = asking(&server, &["Practitioner/other"]);
        let api = one.client();
        // Nothing is denied: all is seen, but what is of the third degree (the gateway's, of that of a Provenance of a write).
        let distant = of(&all, &format!("Provenance/{}/_history/1", further.str("id").unwrap())).await.str("id").unwrap().to_owned();
        assert_eq!(count(&api, "").await, (total - 1).to_string());
        for id in hidden.iter().filter(|id| **id != distant) {
            api.get(&format!("/Provenance/{id}")).await.expect(200);
            api.get(&format!("/Provenance/{id}/_history/1")).await.expect(200);
        }
        // One Observation of a patient whom the caller sees is denied.
        let instances = r#"{"type":"permit","provision":[{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Observation/s"}},{"meaning":"instance","reference":{"reference":"Observation/s2"}}]}]}"#;
        // The same by class, of the other patient everything.
        let class = r#"{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}]}"#;
        for (provision, hides_others) in [(instances, false), (class, true), (r#"{"type":"deny"}"#, true)] {
            let saved = all.save(&consent("c", "a", provision)).await;
            assert!(saved.status == 201 || saved.status == 200);
            api.get("/Observation/s").await.expect(404);
            api.get("/Patient/b").await.expect(200);
            let seen: BTreeSet<String> = found(&api, "").await.iter().map(|one| one.str("id").unwrap().to_owned()).collect();
            assert!(seen.is_disjoint(&hidden), "{provision}");
            assert_eq!(count(&api, "").await, seen.len().to_string());
            let history = api.get("/Provenance/_history?_count=500").await.expect(200).json();
            let told: BTreeSet<String> = history.items("entry").iter().map(|entry| entry.str("resource.id").unwrap().to_owned()).collect();
            assert_eq!(told, seen, "{provision}");
            let others = found(&api, "target=Observation/o").await.len();
            assert_eq!(others == 0, hides_others, "{provision}");
            let whole = text(&api.get("/_history?_count=500").await.expect(200));
            let absent = text(&api.get("/Provenance/nowhere").await.expect(404));
            for id in &hidden {
                assert!(!whole.contains(id.as_str()));
                assert_eq!(text(&api.get(&format!("/Provenance/{id}")).await.expect(404)), absent);
                api.get(&format!("/Provenance/{id}/_history")).await.expect(404);
                api.get(&format!("/Provenance/{id}/_history/1")).await.expect(404);
                assert_eq!(count(&api, &format!("_id={id}")).await, "0");
            }
            for query in ["target=Observation/s", "target=Observation/s2", "target:Observation.status=final", "patient=x", "agent=Practitioner/nobody"] {
                let found = found(&api, query).await;
                assert!(found.iter().all(|one| !hidden.contains(one.str("id").unwrap())), "{query}");
            }
            for query in ["/Observation?_revinclude=Provenance:target", "/Patient?_revinclude=Provenance:target", "/Observation?_revinclude=*", "/Patient?_has:Provenance:target:recorded=gt2000&_revinclude:iterate=Provenance:target&_revinclude:iterate=Observation:subject"] {
                let shown = text(&api.get(&format!("{query}&_count=100")).await.expect(200));
                assert!(hidden.iter().all(|id| !shown.contains(id.as_str())), "{query}");
            }
            assert_eq!(api.get("/Observation?_has:Provenance:target:_id=nowhere&_summary=count").await.expect(200).json().at("total").unwrap().to_string(), "0");
        }
        // Whether there is something under an id is not told by what becomes of a Provenance about it.
        for (target, status) in [("Observation/s", 404), ("Observation/no-such", 404), ("Observation/w", 200), ("http://elsewhere.example/fhir/Observation/s", 200)] {
            if target == "Observation/w" {
                all.save(&lab_observation("w", "b", "1.0")).await.expect(201);
            }
            let theirs = api.post("/Provenance", about(target)).await.expect(201).json();
            api.get(&format!("/Provenance/{}", theirs.str("id").unwrap())).await.expect(status);
            let mixed = HEADER.replace(r#""agent""#, &format!(r#""recorded":"2024-01-01T00:00:00Z","target":[{{"reference":"Patient/b"}},{{"reference":"{target}"}}],"agent""#));
            let theirs = api.post("/Provenance", mixed).await.expect(201).json();
            api.get(&format!("/Provenance/{}", theirs.str("id").unwrap())).await.expect(status);
        }
        // What says why agrees with what is shown.
        let data_dir = server.data_dir().display().to_string();
        let id = format!("Provenance/{}", bare.str("id").unwrap());
        let why = Command::run(&["consent", "explain", "--database", &server.database.url, "--data-dir", &data_dir, "--resource", &id, "--actor", "Practitioner/other", "--purpose", "TREAT", "--json"]).await;
        assert!(why.stdout.contains("about what is hidden") || why.stderr.contains("about what is hidden"), "{} {}", why.stdout, why.stderr);
        // Revoked, all is there again.
        all.delete("/Consent/c").await.expect(204);
        for id in hidden.iter().filter(|id| **id != distant) {
            api.get(&format!("/Provenance/{id}")).await.expect(200);
        }
    }

    async fn a_writer_under_consents_leaves_one_too(engine: Engine) {
        let server = keeping(engine);
        let all = server.client();
        all.save(&patient("a", "A")).await.expect(201);
        all.save(&lab_observation("o", "a", "1.0")).await.expect(201);
        let one = asking(&server, &["Practitioner/other"]);
        let api = one.client();
        let made = api.post("/Observation", lab_observation("x", "a", "2.0")).await.expect(201).json();
        let told = of(&all, &format!("Observation/{}/_history/1", made.str("id").unwrap())).await;
        assert!(told.to_string().contains("Practitioner/other"), "{told}");
        api.save(&lab_observation("o", "a", "2.0")).header("X-Provenance", HEADER).await.expect(200);
        // Who may not write Provenances about the patient says nothing in a header either.
        let class = r#"{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Provenance"}],"action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"collect"}]}]}]}"#;
        all.save(&consent("c", "a", class)).await.expect(201);
        let before = count(&all, "").await;
        api.save(&lab_observation("o", "a", "3.0")).header("X-Provenance", HEADER).await.expect(403);
        api.delete("/Observation/o").header("X-Provenance", HEADER).await.expect(403);
        assert_eq!(count(&all, "").await, before);
        all.get("/Observation/o").await.expect(200);
        api.save(&lab_observation("o", "a", "3.0")).await.expect(200);
        is_complete(&server).await;
    }

    async fn another_program_leaves_one_where_it_is_found(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, first_name, sex, date_of_birth, active) values ('f', 1, 'L', 'F', 'M', '1980-01-02', true)").await;
        sql.run("insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at) values ('l', 1, 'f', 'final', 'c', 7.5, 'mg/dL', '2024-01-02T03:04:05Z')").await;
        api.get("/Patient/f").await.expect(200);
        let told = of(&api, "Patient/f/_history/1").await;
        assert_eq!(activity(&told), "CREATE");
        assert!(told.to_string().contains("another program"), "{told}");
        assert!(told.at("occurredPeriod.end").is_some() && told.at("reason").is_none(), "{told}");
        sql.run("update patients set last_name = 'M' where id = 'f'").await;
        sql.run("delete from lab_results where id = 'l'").await;
        api.get("/Patient/f").await.expect(200);
        assert_eq!(activity(&of(&api, "Patient/f/_history/2").await), "UPDATE");
        let gone = found(&api, "recorded=gt2000").await.into_iter().filter(|one| activity(one) == "DELETE").count();
        assert_eq!(gone, 1);
        is_complete(&server).await;
    }

    async fn an_import_names_its_file_by_its_digest(engine: Engine) {
        let server = Server::start(engine);
        let file = server.folder().join("Mary-Smith.ndjson");
        let lines: Vec<String> = (0..450).map(|number| lab_observation(&format!("i{number}"), if number % 2 == 0 { "a" } else { "b" }, "1.0").to_string()).collect();
        let bundle = transaction(&[patient("a", "A"), patient("b", "B")]);
        std::fs::write(&file, format!("{bundle}\n{}\n", lines.join("\n"))).unwrap();
        let digest = sha256(&file);
        let run = server.command(&["import", "--json", "--provenance", &file.display().to_string()]).await.expect(0);
        assert!(!run.stdout.contains("Provenance"), "it counts what was sent: {}", run.stdout);
        let api = server.client();
        let told = found(&api, "").await;
        for one in &told {
            let text = one.to_string();
            assert!(text.contains(&format!(r#""value":"{digest}""#)) && text.contains(r#""role":"source""#), "{text}");
            assert!(text.contains(r#""code":"enterer""#) && text.contains(r#""code":"assembler""#) && text.contains("HOPERAT"), "{text}");
            assert!(!text.contains("Mary"), "{text}");
        }
        assert_eq!(is_complete(&server).await, 452);
        // The same again does nothing; another run without the option leaves none.
        server.command(&["import", "--provenance", &file.display().to_string()]).await.expect(0);
        assert_eq!(found(&api, "").await.len(), told.len());
        let plain = server.folder().join("plain.json");
        std::fs::write(&plain, patient("c", "C").to_string()).unwrap();
        server.command(&["import", &plain.display().to_string()]).await.expect(0);
        assert_eq!(found(&api, "").await.len(), told.len());
    }

    async fn an_erasure_takes_them_along(engine: Engine) {
        let server = keeping(engine);
        let api = server.client();
        for id in ["a", "b"] {
            api.post("/", transaction(&[patient(id, "A"), lab_observation(&format!("o{id}"), id, "1.0")])).header("X-Provenance", HEADER).await.expect(200);
            api.save(&lab_observation(&format!("o{id}"), id, "2.0")).await.expect(200);
            api.delete(&format!("/Observation/o{id}")).await.expect(204);
        }
        let of_other = found(&api, "target=Patient/b,Observation/ob").await.len();
        assert_eq!(of_other, 4);
        assert_eq!(found(&api, "target=Patient/a,Observation/oa").await.len(), 4);
        let run = server.command(&["purge", "request", "--json", "--by", "Jane Doe", "--patient", "a", "--reason", "court-order"]).await.expect(0);
        let id = Json::of(&run.stdout).str("id").unwrap().to_owned();
        server.command(&["purge", "approve", &id, "--by", "John Roe"]).await.expect(0);
        let left = found(&api, "").await;
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left.iter().all(|one| !one.to_string().contains("Patient/a") && !one.to_string().contains("Observation/oa")));
        is_complete(&server).await;
    }

    /// Of one seed and the same requests they are the same, on one engine as on the other, and change no other id.
    async fn equal_requests_leave_equal_ones(engine: Engine) {
        let with = |engine, arguments: &[&str]| Server::with(engine, Options { seed: Some(7), ..options(arguments) });
        let (one, other, without) = (with(engine, &["--provenance"]), with(Engine::Sqlite, &["--provenance"]), with(engine, &[]));
        let mut told = Vec::new();
        for server in [&one, &other, &without] {
            let api = server.client();
            let mut ids = Vec::new();
            for family in ["A", "B"] {
                ids.push(api.post("/Patient", patient("x", family)).await.expect(201).json().str("id").unwrap().to_owned());
                api.save(&patient("p", family)).header("If-Match", "W/\"9\"").await.expect(412);
            }
            api.post("/", transaction(&[patient("p", "A"), lab_observation("o", "q", "1.0")])).await.expect(200);
            ids.push(api.post("/Patient", patient("x", "C")).await.expect(201).json().str("id").unwrap().to_owned());
            told.push((ids, found(&api, "").await.iter().map(Json::to_string).collect::<Vec<_>>()));
        }
        assert_eq!(told[0].1.len(), 5);
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].0, told[2].0);
    }

    async fn nothing_changes_unless_asked(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("p", "A")).await.expect(201);
        api.post("/", transaction(&[patient("q", "A"), lab_observation("o", "q", "1.0")])).await.expect(200);
        api.delete("/Patient/p").await.expect(204);
        assert_eq!(count(&api, "").await, "0");
        assert!(server.audited().await.iter().all(|event| event.kind.as_deref() != Some("Provenance") || event.id.is_none()));
    }
}

/// SHA-256 of a file, by the system's own tool.
fn sha256(file: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}
