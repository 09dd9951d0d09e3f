//! What is written into the audit trail: who, on whose behalf, from where, why, what was decided by which policy and Consents,
//! which resource at which version, whose it is, and what came of it. For each interaction and operation the records of one
//! exchange are compared whole.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "audit_records/records.rs"]
mod records;

use gateway_tests::{
    Client, Command, Engine, Json, Options, Server, consent, lab_observation, on_postgres, own, patient, suite,
    transaction,
};
use records::Trail;

/// A server whose caller acts for a doctor of an organization.
fn acting(engine: Engine) -> Server {
    Server::with(engine, Options { arguments: arguments(&[]), ..Options::default() })
}

fn arguments(more: &[&str]) -> Vec<String> {
    let actors = ["--dev-actor", "Practitioner/dr", "--dev-actor", "Organization/org"];
    actors.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

const ALIKE: [Option<&str>; 5] = [
    Some("development"),
    Some("development"),
    Some("Practitioner/dr Organization/org"),
    Some("127.0.0.1"),
    Some("TREAT"),
];

fn practitioner() -> Json {
    Json::of(r#"{"resourceType":"Practitioner","id":"dr","name":[{"family":"Ray"}]}"#)
}

/// A result by the doctor.
fn result(id: &str, patient: &str) -> Json {
    lab_observation(id, patient, "5.0").with("performer", Json::of(r#"[{"reference":"Practitioner/dr"}]"#))
}

async fn save(api: &Client, resources: &[Json]) {
    for resource in resources {
        let status = api.save(resource).await.status;
        assert!(matches!(status, 200 | 201), "{status}: {resource}");
    }
}

/// Lines as they are written here, with `{}` where the id of the answer goes.
fn with_id(lines: &[&str], id: &str) -> Vec<String> {
    lines.iter().map(|line| line.replace("{}", id)).collect()
}

suite! {
    async fn writes_say_what_they_made_and_whose_it_is(engine: Engine) {
        let server = acting(engine);
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        trail.expect(api.save(&patient("ada", "A")), 201, &["update Patient/ada/1 of ada: 201 permit treatment-opt-out/0"]).await;
        trail.expect(api.save(&practitioner()), 201, &["update Practitioner/dr/1: 201 permit treatment-opt-out"]).await;
        let (answer, told) = trail.told(api.post("/Observation", result("x", "ada"))).await;
        let id = answer.json().str("id").unwrap().to_owned();
        assert_eq!((answer.status, told), (201, with_id(&["create Observation/{}/1 of ada: 201 permit treatment-opt-out/0"], &id)));
        trail.expect(api.save(&result("o", "ada")), 201, &["update Observation/o/1 of ada: 201 permit treatment-opt-out/0"]).await;
        // Conditional create: what is there already is shown.
        let sure = || api.post("/Patient", patient("new", "N")).header("If-None-Exist", "identifier=urn:example:mrn|mrn-ada");
        trail.expect(sure(), 200, &["create Patient/ada/1 of ada: 200 permit treatment-opt-out/0"]).await;
        let update = api.put("/Observation?_id=o", result("o", "ada").with("status", Json::text("amended")));
        trail.expect(update, 200, &["update-conditional Observation/o/2 of ada: 200 permit treatment-opt-out/0"]).await;
        let patched = r#"[{"op":"replace","path":"/status","value":"final"}]"#;
        let patch = |path: &str| api.request(hyper::Method::PATCH, path).body(patched).header("Content-Type", "application/json-patch+json");
        trail.expect(patch("/Observation/o"), 200, &["patch Observation/o/3 of ada: 200 permit treatment-opt-out/0"]).await;
        let amended = r#"[{"op":"replace","path":"/status","value":"amended"}]"#;
        let conditional = api.request(hyper::Method::PATCH, "/Observation?_id=o").body(amended).header("Content-Type", "application/json-patch+json");
        trail.expect(conditional, 200, &["patch-conditional Observation/o/4 of ada: 200 permit treatment-opt-out/0"]).await;
        let meta = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"http://a","code":"b"}]}}]}"#;
        trail.expect(api.post("/Observation/o/$meta-add", meta), 200, &["$meta-add Observation/o/5 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.post("/Observation/o/$meta-delete", meta), 200, &["$meta-delete Observation/o/6 of ada: 200 permit treatment-opt-out/0"]).await;
        // Somebody else's from now on.
        save(&api, &[patient("ben", "B")]).await;
        trail.expect(api.save(&result("o", "ben")), 200, &["update Observation/o/7 of ben: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.delete("/Observation/o"), 204, &["delete Observation/o/8 of ben: 204 permit treatment-opt-out/0"]).await;
        trail.expect(api.delete("/Observation/o"), 204, &["delete Observation/o: 204 permit treatment-opt-out"]).await;
        let gone = api.delete(&format!("/Observation?_id={id}"));
        let told = format!("delete-conditional Observation/{id}/2 of ada: 204 permit treatment-opt-out/0");
        trail.expect(gone, 204, &[&told]).await;
        trail.expect(api.delete("/Observation?_id=none"), 204, &["delete-conditional Observation: 204 permit treatment-opt-out"]).await;
        // What is refused or fails.
        trail.expect(api.put("/Patient/ada", "{}"), 400, &["update Patient/ada: 400 permit treatment-opt-out"]).await;
        trail.expect(api.save(&patient("ada", "A")).header("If-Match", "W/\"9\""), 412, &["update Patient/ada: 412 permit treatment-opt-out"]).await;
        // The Consent itself was decided by what held before it.
        trail.expect(api.save(&consent("c", "ada", r#"{"type":"permit"}"#)), 201, &["update Consent/c/1 of ada: 201 permit treatment-opt-out/0"]).await;
        trail.expect(api.save(&patient("ada", "B")), 200, &["update Patient/ada/2 of ada: 200 permit treatment-opt-out/1"]).await;
        // Whoever a Consent binds has no say in it where Consents are applied (F10).
        // Rules stand on the patient's birth date, too (E3): a change of who has Consents begins an epoch.
        trail.expect(api.delete("/Consent/c"), 204, &["delete Consent/c/2 of ada: 204 permit-would-deny treatment-opt-out/2"]).await;
        trail.expect(api.get("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/3"]).await;
    }

    async fn reads_say_whose_they_are(engine: Engine) {
        let server = acting(engine);
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        save(&api, &[practitioner(), patient("ada", "A"), patient("ben", "B"), result("o", "ada"), result("b", "ben")]).await;
        save(&api, &[consent("c", "ben", r#"{"type":"permit"}"#), patient("ada", "A2")]).await;
        let one = |path: &str| api.get(path);
        trail.expect(one("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.head("/Observation/b"), 200, &["read Observation/b/1 of ben: 200 permit treatment-opt-out/1"]).await;
        trail.expect(one("/Practitioner/dr"), 200, &["read Practitioner/dr/1: 200 permit treatment-opt-out"]).await;
        trail.expect(one("/Patient/ada/_history/1"), 200, &["vread Patient/ada/1 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(one("/Patient/ada/_history"), 200, &[
            "history Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "history Patient/ada/2 of ada: 200 permit treatment-opt-out/0",
        ]).await;
        trail.expect(one("/Observation/_history"), 200, &[
            "history Observation/o/1 of ada: 200 permit treatment-opt-out/0",
            "history Observation/b/1 of ben: 200 permit treatment-opt-out/1",
        ]).await;
        trail.expect(one("/_history?_count=1"), 200, &["history Patient/ada/2 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(one("/Observation?_include=Observation:performer&_include=Observation:patient&_sort=_id"), 200, &[
            "search Observation/b/1 of ben: 200 permit treatment-opt-out/1",
            "search Observation/o/1 of ada: 200 permit treatment-opt-out/0",
            "search Patient/ada/2 of ada: 200 permit treatment-opt-out/0",
            "search Patient/ben/1 of ben: 200 permit treatment-opt-out/1",
            "search Practitioner/dr/1: 200 permit treatment-opt-out",
        ]).await;
        trail.expect(one("/Patient?_id=ben&_revinclude=Observation:subject"), 200, &[
            "search Patient/ben/1 of ben: 200 permit treatment-opt-out/1",
            "search Observation/b/1 of ben: 200 permit treatment-opt-out/1",
        ]).await;
        let form = api.request(hyper::Method::POST, "/Observation/_search").body("patient=ben").header("Content-Type", "application/x-www-form-urlencoded");
        trail.expect(form, 200, &["search Observation/b/1 of ben: 200 permit treatment-opt-out/1"]).await;
        trail.expect(one("/Patient/ben/Observation"), 200, &["search Observation/b/1 of ben: 200 permit treatment-opt-out/1"]).await;
        // What was another's once is in that one's record still.
        api.save(&result("moved", "ada")).await.expect(201);
        api.save(&result("moved", "ben")).await.expect(200);
        trail.expect(one("/Observation/moved/_history/1"), 200, &["vread Observation/moved/1 of ada: 200 permit-would-deny treatment-opt-out"]).await;
        trail.expect(one("/Observation/moved/_history"), 200, &[
            "history Observation/moved/2 of ben: 200 permit-would-deny treatment-opt-out/1",
            "history Observation/moved/1 of ada: 200 permit-would-deny treatment-opt-out",
        ]).await;
        trail.expect(one("/Observation/moved"), 200, &["read Observation/moved/2 of ben: 200 permit treatment-opt-out/1"]).await;
        api.delete("/Observation/moved").await.expect(204);
        // Nothing was found, or shown.
        trail.expect(one("/Patient/ben/Condition"), 200, &["search Condition of ben: 200 permit treatment-opt-out"]).await;
        trail.expect(one("/Observation?_summary=count"), 200, &["search Observation: 200 permit treatment-opt-out"]).await;
        for (asked, told) in [
            ("/Observation?patient=ben&_summary=count", "search Observation of ben"),
            ("/Condition?subject=Patient/ben", "search Condition of ben"),
            ("/Condition?patient=Patient/ben,Patient/ada", "search Condition"),
        ] {
            trail.expect(one(asked), 200, &[&format!("{told}: 200 permit treatment-opt-out")]).await;
        }
        trail.expect(one("/Condition?patient:not=ben"), 400, &["search Condition: 400 permit treatment-opt-out"]).await;
        for nobodys in ["/Condition?patient=https://elsewhere.example/fhir/Patient/ben", "/Condition?patient=ben&patient=ada"] {
            trail.expect(one(nobodys), 200, &["search Condition: 200 permit treatment-opt-out"]).await;
        }
        trail.expect(one("/Patient?_id=ben&_summary=count"), 200, &["search Patient of ben: 200 permit treatment-opt-out"]).await;
        let form = api.request(hyper::Method::POST, "/Condition/_search").body("patient=ben").header("Content-Type", "application/x-www-form-urlencoded");
        trail.expect(form, 200, &["search Condition of ben: 200 permit treatment-opt-out"]).await;
        trail.expect(one("/Patient/none"), 404, &["read Patient/none: 404 permit treatment-opt-out"]).await;
        trail.expect(one("/Patient/ada/_history/7"), 404, &["vread Patient/ada: 404 permit treatment-opt-out"]).await;
        api.delete("/Observation/o").await.expect(204);
        trail.expect(one("/Observation/o"), 410, &["read Observation/o: 410 permit treatment-opt-out"]).await;
        // Who has no token is nobody, from somewhere.
        let mut nobody = Trail::of(&server, [Some("unauthenticated"), None, None, Some("127.0.0.1"), Some("TREAT")]).await;
        nobody.expect(server.stranger().get("/Patient/ada"), 401, &["read Patient/ada: 401 unauthenticated"]).await;
        // Nobody's word of where it came from counts.
        let forged = api.get("/Patient/ada").header("X-Forwarded-For", "10.0.0.1").header("Forwarded", "for=10.0.0.1");
        trail.expect(forged, 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/0"]).await;
    }

    async fn a_caller_who_acts_for_nobody_says_so(engine: Engine) {
        let server = Server::with(engine, Options { arguments: ["--dev-purpose", "HOPERAT", "--consent-default", "pcf-all-normal"].map(str::to_owned).into(), ..Options::default() });
        let mut trail = Trail::of(&server, [Some("development"), Some("development"), None, Some("127.0.0.1"), Some("HOPERAT")]).await;
        trail.expect(server.client().save(&patient("ada", "A")), 201, &["update Patient/ada/1 of ada: 201 permit pcf-all-normal/0"]).await;
        let refusing = server.beside_with(Options { arguments: ["--dev-purpose", "HOPERAT", "--consent-default", "pcf-deny"].map(str::to_owned).into(), ..Options::default() });
        let mut trail = Trail::of(&refusing, [Some("development"), Some("development"), None, Some("127.0.0.1"), Some("HOPERAT")]).await;
        trail.expect(refusing.client().get("/Patient/ada"), 403, &["read Patient/ada: 403 refused pcf-deny"]).await;
    }

    async fn entries_of_bundles_are_recorded_each(engine: Engine) {
        let server = acting(engine);
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        trail.expect(api.post("", transaction(&[patient("ada", "A"), result("o", "ada"), practitioner()])), 200, &[
            "update Patient/ada/1 of ada: 201 permit treatment-opt-out/0",
            "update Observation/o/1 of ada: 201 permit treatment-opt-out/0",
            "update Practitioner/dr/1: 201 permit treatment-opt-out",
        ]).await;
        let mixed = |kind: &str| format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
            {{"request":{{"method":"GET","url":"Patient/ada"}}}},
            {{"request":{{"method":"GET","url":"Observation?patient=ada"}}}},
            {{"request":{{"method":"DELETE","url":"Practitioner/dr"}}}},
            {{"request":{{"method":"PUT","url":"Patient/ben"}},"resource":{}}}]}}"#, patient("ben", "B"));
        trail.expect(api.post("", mixed("transaction")), 200, &[
            "read Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "search Observation/o/1 of ada: 200 permit treatment-opt-out/0",
            "delete Practitioner/dr/2: 204 permit treatment-opt-out",
            "update Patient/ben/1 of ben: 201 permit treatment-opt-out/0",
        ]).await;
        trail.expect(api.post("", mixed("batch")), 200, &[
            "read Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "search Observation/o/1 of ada: 200 permit treatment-opt-out/0",
            "delete Practitioner/dr: 204 permit treatment-opt-out",
            "update Patient/ben/2 of ben: 200 permit treatment-opt-out/0",
        ]).await;
        let lost = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/none"}}]}"#;
        trail.expect(api.post("", lost), 200, &["read Patient/none: 404 permit treatment-opt-out"]).await;
        // A transaction that fails changed nothing, and is one record.
        let broken = transaction(&[patient("cyd", "C"), Json::of(r#"{"resourceType":"Observation","id":"bad"}"#)]);
        trail.expect(api.post("", broken), 400, &["transaction: 400 permit treatment-opt-out"]).await;
        trail.expect(api.post("", "{}"), 400, &["transaction: 400 permit treatment-opt-out"]).await;
    }

    async fn operations_say_what_they_showed(engine: Engine) {
        let server = acting(engine);
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        let later = result("p", "ada").with("effectiveDateTime", Json::text("2024-04-01"));
        save(&api, &[practitioner(), patient("ada", "A"), result("o", "ada"), later]).await;
        let composition = r#"{"resourceType":"Composition","id":"note","status":"final","type":{"coding":[{"system":"http://loinc.org","code":"11488-4"}]},
            "subject":{"reference":"Patient/ada"},"date":"2024-01-01","author":[{"reference":"Practitioner/dr"}],"title":"Note"}"#;
        let document = r#"{"resourceType":"DocumentReference","id":"ref","status":"current","subject":{"reference":"Patient/ada"},"date":"2024-01-01T00:00:00Z",
            "type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"content":[{"attachment":{"contentType":"text/plain","data":"YQ=="}}]}"#;
        let appointment = r#"{"resourceType":"Appointment","id":"visit","status":"booked","start":"2024-02-01T10:00:00Z","end":"2024-02-01T11:00:00Z",
            "participant":[{"actor":{"reference":"Patient/ada"},"status":"accepted"}]}"#;
        save(&api, &[composition, document, appointment].map(Json::of)).await;
        let everything = [
            "$everything Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "$everything Observation/o/1 of ada: 200 permit treatment-opt-out/0",
            "$everything Observation/p/1 of ada: 200 permit treatment-opt-out/0",
            "$everything Practitioner/dr/1: 200 permit treatment-opt-out",
            "$everything Composition/note/1 of ada: 200 permit treatment-opt-out/0",
            "$everything DocumentReference/ref/1 of ada: 200 permit treatment-opt-out/0",
            "$everything Appointment/visit/1 of ada: 200 permit treatment-opt-out/0",
        ];
        trail.expect(api.get("/Patient/ada/$everything"), 200, &everything).await;
        trail.expect(api.get("/Patient/none/$everything"), 404, &["$everything Patient/none: 404 permit treatment-opt-out"]).await;
        trail.expect(api.get("/Observation/$lastn?patient=Patient/ada&category=laboratory"), 200, &["$lastn Observation/p/1 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Observation/o/$meta"), 200, &["$meta Observation/o/1 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/$meta"), 200, &["$meta: 200 permit treatment-opt-out"]).await;
        trail.expect(api.get("/Observation/o/$validate"), 200, &["$validate Observation/o/1 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.post("/Observation/$validate", result("o", "ada")), 200, &["$validate Observation: 200 permit treatment-opt-out"]).await;
        trail.expect(api.get("/Composition/note/$document"), 200, &[
            "$document Composition/note/1 of ada: 200 permit treatment-opt-out/0",
            "$document Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "$document Practitioner/dr/1: 200 permit treatment-opt-out",
        ]).await;
        trail.expect(api.get("/DocumentReference/$docref?patient=ada"), 200, &["$docref DocumentReference/ref/1 of ada: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Patient/ada/$has-history"), 200, &[
            "$has-history Patient/ada/1 of ada: 200 permit treatment-opt-out/0",
            "$has-history Composition/note/1 of ada: 200 permit treatment-opt-out/0",
        ]).await;
        let asked = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{}}}]}}"#, patient("ada", "A"));
        trail.expect(api.post("/Patient/$match", asked), 200, &["$match Patient/ada/1 of ada: 200 permit treatment-opt-out/0"]).await;
        let (answer, told) = trail.told(api.get("/Patient/ada/$summary")).await;
        assert_eq!(answer.status, 200);
        assert!(told.contains(&"$summary Patient/ada/1 of ada: 200 permit treatment-opt-out/0".to_owned()), "{told:?}");
        assert!(told.iter().all(|line| line.contains(" of ada: 200 permit treatment-opt-out/0") || line.contains("Practitioner/dr/1: 200")), "{told:?}");
        let (answer, told) = trail.told(api.get("/Appointment/visit/$visit-snapshot")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(told.contains(&"$visit-snapshot Appointment/visit/1 of ada: 200 permit treatment-opt-out/0".to_owned()), "{told:?}");
        let parameter = r#"{"resourceType":"SearchParameter","id":"own","url":"http://example.org/own","name":"own","status":"active","description":"d",
            "code":"own","base":["Patient"],"type":"string","expression":"Patient.name.family"}"#;
        trail.expect(api.save(&Json::of(parameter)), 201, &["update SearchParameter/own/1: 201 permit treatment-opt-out"]).await;
        trail.expect(api.get("/SearchParameter/own/$status"), 200, &["$status SearchParameter/own/1: 200 permit treatment-opt-out"]).await;
    }

    /// `serve --dev` applies no Consents, and tells what they would have come to.
    async fn what_enforcement_would_deny_is_told_apart(engine: Engine) {
        let server = acting(engine);
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        let sensitive = result("sud", "ada").with("meta", Json::of(
            r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}"#));
        save(&api, &[practitioner(), patient("ada", "A"), patient("ben", "B"), result("o", "ada"), result("b", "ben"), patient("ada", "A2")]).await;
        save(&api, &[consent("c", "ada", r#"{"type":"deny","provision":[{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Patient"}]}]}"#)]).await;
        // A rule of the request alone, by statute, and by what the resource is.
        trail.expect(api.get("/Observation/o"), 200, &["read Observation/o/1 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        trail.expect(api.get("/Observation/b"), 200, &["read Observation/b/1 of ben: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/1"]).await;
        trail.expect(api.get("/Observation/o/_history/1"), 200, &["vread Observation/o/1 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        // Of past versions it is not known what they were.
        trail.expect(api.get("/Patient/ada/_history"), 200, &[
            "history Patient/ada/1 of ada: 200 permit treatment-opt-out/1",
            "history Patient/ada/2 of ada: 200 permit treatment-opt-out/1",
        ]).await;
        trail.expect(api.get("/Observation?_include=Observation:patient&_include=Observation:performer"), 200, &[
            "search Observation/b/1 of ben: 200 permit treatment-opt-out/0",
            "search Observation/o/1 of ada: 200 permit-would-deny treatment-opt-out/1",
            "search Patient/ada/2 of ada: 200 permit treatment-opt-out/1",
            "search Patient/ben/1 of ben: 200 permit treatment-opt-out/0",
            "search Practitioner/dr/1: 200 permit treatment-opt-out",
        ]).await;
        trail.expect(api.get("/Patient/ada/$everything"), 200, &[
            "$everything Patient/ada/2 of ada: 200 permit treatment-opt-out/1",
            "$everything Observation/o/1 of ada: 200 permit-would-deny treatment-opt-out/1",
            "$everything Consent/c/1 of ada: 200 permit-would-deny treatment-opt-out/1",
            "$everything Practitioner/dr/1: 200 permit treatment-opt-out",
        ]).await;
        // Writes, too: of what is there, and what it becomes.
        trail.expect(api.save(&result("o", "ada").with("status", Json::text("amended"))), 200, &["update Observation/o/2 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        trail.expect(api.save(&result("n", "ada")), 201, &["update Observation/n/1 of ada: 201 permit-would-deny treatment-opt-out/1"]).await;
        trail.expect(api.delete("/Observation/n"), 204, &["delete Observation/n/2 of ada: 204 permit-would-deny treatment-opt-out/1"]).await;
        trail.expect(api.save(&result("n2", "ben")), 201, &["update Observation/n2/1 of ben: 201 permit treatment-opt-out/0"]).await;
        trail.expect(api.post("", transaction(&[result("o", "ada"), result("b", "ben")])), 200, &[
            "update Observation/o/3 of ada: 200 permit-would-deny treatment-opt-out/1",
            "update Observation/b/2 of ben: 200 permit treatment-opt-out/0",
        ]).await;
        let patched = api.request(hyper::Method::PATCH, "/Observation/o").body(r#"[{"op":"replace","path":"/status","value":"amended"}]"#).header("Content-Type", "application/json-patch+json");
        trail.expect(patched, 200, &["patch Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        // What a condition finds, the latest of each kind, a compartment, entries of a batch, history of all.
        let sure = api.post("/Observation", result("x", "ada")).header("If-None-Exist", "_id=o");
        trail.expect(sure, 200, &["create Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        let latest = api.get("/Observation/$lastn?patient=Patient/ada&category=laboratory");
        trail.expect(latest, 200, &["$lastn Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        trail.expect(api.get("/Patient/ada/Observation"), 200, &["search Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1"]).await;
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/o"}},{"request":{"method":"GET","url":"Observation/b"}}]}"#;
        trail.expect(api.post("", batch), 200, &[
            "read Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1",
            "read Observation/b/2 of ben: 200 permit treatment-opt-out/0",
        ]).await;
        trail.expect(api.get("/_history?_count=2"), 200, &[
            "history Observation/b/2 of ben: 200 permit treatment-opt-out/0",
            "history Observation/o/4 of ada: 200 permit-would-deny treatment-opt-out/1",
        ]).await;
        // Statute, where the patient has said nothing: it says who may see, not who may collect.
        let sensitive = sensitive.with("subject", Json::of(r#"{"reference":"Patient/ben"}"#));
        trail.expect(api.save(&sensitive), 201, &["update Observation/sud/1 of ben: 201 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Observation/sud"), 200, &["read Observation/sud/1 of ben: 200 permit-would-deny treatment-opt-out/0"]).await;
        let amended = sensitive.with("status", Json::text("amended"));
        trail.expect(api.save(&amended), 200, &["update Observation/sud/2 of ben: 200 permit-would-deny treatment-opt-out/0"]).await;
        // Another caller is another decision; a revocation holds at once.
        let x = server.beside_with(Options { arguments: ["--dev-actor", "Practitioner/x"].map(str::to_owned).into(), ..Options::default() });
        let mut other = Trail::of(&x, [Some("development"), Some("development"), Some("Practitioner/x"), Some("127.0.0.1"), Some("TREAT")]).await;
        let to_x = consent("c", "ada", r#"{"type":"deny","provision":[{"type":"permit","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Practitioner/x"}}]}]}"#);
        save(&api, &[to_x]).await;
        other.expect(x.client().get("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/2"]).await;
        trail.expect(api.get("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit-would-deny treatment-opt-out/2"]).await;
        api.delete("/Consent/c").await.expect(204);
        trail.expect(api.get("/Patient/ada"), 200, &["read Patient/ada/2 of ada: 200 permit treatment-opt-out/3"]).await;
    }

    /// Where they are applied, what is shown was permitted, and what is hidden is not in the trail.
    async fn what_is_enforced_is_recorded_as_what_it_was(engine: Engine) {
        let server = acting(engine);
        let api = server.client();
        save(&api, &[practitioner(), patient("ada", "A"), patient("ben", "B"), result("o", "ada"), result("b", "ben"), consent("c", "ada", r#"{"type":"deny"}"#)]).await;
        let enforcing = server.beside_with(Options { arguments: arguments(&["--dev-consent", "enforce"]), ..Options::default() });
        let (api, mut trail) = (enforcing.client(), Trail::of(&enforcing, ALIKE).await);
        trail.expect(api.get("/Observation"), 200, &["search Observation/b/1 of ben: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Observation/b"), 200, &["read Observation/b/1 of ben: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.get("/Observation/o"), 404, &["read Observation/o: 404 permit treatment-opt-out"]).await;
        trail.expect(api.save(&result("b", "ben").with("status", Json::text("amended"))), 200, &["update Observation/b/2 of ben: 200 permit treatment-opt-out/0"]).await;
        trail.expect(api.save(&result("o", "ada")), 404, &["update Observation/o: 404 permit treatment-opt-out"]).await;
    }

    async fn imports_and_commands_say_who_ran_them(engine: Engine) {
        let mut server = acting(engine);
        save(&server.client(), &[patient("ada", "A"), consent("c", "ada", r#"{"type":"deny"}"#)]).await;
        let file = server.folder().join("more.ndjson");
        let lines = [patient("imp", "I"), result("imp-o", "imp"), result("imp-a", "ada"), practitioner(), transaction(&[patient("in-t", "T"), result("t-o", "in-t")])];
        std::fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
        assert!(server.terminate().await.success());
        let (data_dir, file) = (server.data_dir().display().to_string(), file.display().to_string());
        Command::run(&["import", "--database", &server.database.url, "--data-dir", &data_dir, &file]).await.expect(0);
        let mut trail = Trail::of(&server, [Some("operator"), Some("import"), None, None, Some("HOPERAT")]).await;
        let mut expected = [
            "update Patient/imp/1 of imp: 200 permit treatment-opt-out/0",
            "update Observation/imp-o/1 of imp: 200 permit treatment-opt-out/0",
            "update Observation/imp-a/1 of ada: 200 permit treatment-opt-out/1",
            "update Practitioner/dr/1: 200 permit treatment-opt-out",
            "update Patient/in-t/1 of in-t: 201 permit treatment-opt-out/0",
            "update Observation/t-o/1 of in-t: 201 permit treatment-opt-out/0",
        ];
        expected.sort_unstable();
        assert_eq!(trail.records("client = 'import'").await, expected);
        Command::run(&["search", "parameters", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
        let mut trail = Trail::of(&server, [Some("operator"), Some("search parameters"), None, None, Some("HOPERAT")]).await;
        assert_eq!(trail.records("client = 'search parameters'").await, ["search: 200 permit treatment-opt-out"]);
    }

    /// From a record alone, and what the database keeps, the same verdict again, whatever the patient has said since.
    async fn a_verdict_is_replayed_from_its_record(engine: Engine) {
        let server = acting(engine);
        let api = server.client();
        let (no, yes) = (r#"{"type":"deny"}"#, r#"{"type":"permit"}"#);
        save(&api, &[patient("ada", "A"), patient("ben", "B"), result("o", "ada")]).await;
        let mut trail = Trail::of(&server, ALIKE).await;
        let mut told = Vec::new();
        let mut look = async |step: &str| {
            let (_, records) = trail.told(api.get("/Observation/o")).await;
            let [record] = &records[..] else { panic!("{step}: {records:?}") };
            let (said, epoch) = record.rsplit_once('/').unwrap();
            told.push((epoch.parse::<i64>().unwrap(), said.contains("permit-would-deny")));
        };
        save(&api, &[consent("one", "ada", yes)]).await;
        look("permitted").await;
        save(&api, &[consent("two", "ada", no)]).await;
        look("denied by another").await;
        save(&api, &[consent("two", "ben", no)]).await;
        look("which is another patient's now").await;
        // One transaction is one epoch, whatever it changes.
        api.post("", transaction(&[consent("one", "ada", no), consent("three", "ada", yes)])).await.expect(200);
        look("denied").await;
        api.delete("/Consent/one").await.expect(204);
        look("permitted, for one is gone").await;
        api.delete("/Consent/three").await.expect(204);
        assert_eq!(told, [(1, false), (2, true), (3, false), (4, true), (5, false)]);
        let mut sql = server.sql().await;
        let held = |patient: &str, epoch: i64| format!(
            "select v.body from {versions} v join {log} l on l.rid = v.rid and l.version = v.version \
             where l.organization_id = 1 and l.patient = '{patient}' and v.deleted = 0 and l.epoch = \
             (select max(m.epoch) from {log} m where m.organization_id = 1 and m.patient = l.patient and m.rid = l.rid and m.epoch <= {epoch})",
            versions = own(engine, "resource_versions"), log = own(engine, "consent_versions"));
        let (resource, folder) = (server.folder().join("o.json"), server.folder().join("consents"));
        std::fs::write(&resource, api.get("/Observation/o").await.expect(200).body).unwrap();
        for (epoch, denied) in told {
            let _none = std::fs::remove_dir_all(&folder);
            std::fs::create_dir(&folder).unwrap();
            let mut count = 0;
            for row in sql.rows(&held("ada", epoch)).await {
                let body = row[0].clone().unwrap();
                if Json::of(&body).str("patient.reference") == Some("Patient/ada") {
                    count += 1;
                    std::fs::write(folder.join(format!("{count}.json")), body).unwrap();
                }
            }
            let (folder, resource) = (folder.display().to_string(), resource.display().to_string());
            let run = Command::run(&["consent", "check", "--json", "--consents", &folder, "--resource", &resource, "--actor", "Practitioner/dr",
                "--actor", "Organization/org", "--purpose", "TREAT", "--action", "access", "--at", "2026-11-29T12:00:00Z"]).await.expect(0);
            let verdict = Json::of(&run.stdout);
            assert_eq!(verdict.str("verdict"), Some(if denied { "deny" } else { "permit" }), "{epoch}: {verdict}");
        }
        assert_eq!(sql.rows(&held("ben", 1)).await.len(), 1);
        // A database from before this was kept: what is there is written down under an epoch of its own, once.
        let counted = format!("select epoch from {} where patient = 'ben'", own(engine, "consent_epochs"));
        let before = sql.count(&counted).await;
        sql.run(&format!("delete from {} where patient = 'ben'", own(engine, "consent_versions"))).await;
        drop(server.beside());
        assert_eq!((sql.count(&counted).await, sql.rows(&held("ben", before + 1)).await.len()), (before + 1, 1));
        drop(server.beside());
        assert_eq!(sql.count(&counted).await, before + 1);
    }

    /// Records keep the form that they were hashed in.
    async fn a_trail_from_before_these_columns_were_filled_verifies(engine: Engine) {
        let mut server = acting(engine);
        assert!(server.terminate().await.success());
        let prefix = if engine == Engine::Postgres { "fhir_gateway." } else { "" };
        let mut trail = Trail::of(&server, ALIKE).await;
        trail.run(&include_str!("audit_records/before.sql").replace("{t}", prefix)).await;
        server.restart();
        trail.expect(server.client().save(&patient("ada", "A")), 201, &["update Patient/ada/1 of ada: 201 permit treatment-opt-out/0"]).await;
        assert!(server.terminate().await.success());
        let data_dir = server.data_dir().display().to_string();
        let verify = ["audit", "verify", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
        let report = Json::of(&Command::run(&verify).await.expect(0).stdout);
        assert_eq!((report.str("records"), report.items("findings").len()), (Some("6"), 0), "{report}");
        // Filled in afterwards they are found, old ones and new ones.
        for (column, request) in [("client", "old-2"), ("on_behalf", "old-1"), ("source", "old-3"), ("policy", "old-4")] {
            trail.run(&format!("update {prefix}audit_events set {column} = 'x' where request = '{request}'")).await;
        }
        trail.run(&format!("update {prefix}audit_events set source = '10.0.0.1' where client is not null and request <> 'old-2'")).await;
        let report = Json::of(&Command::run(&verify).await.expect(4).stdout);
        let changed = report.items("findings").iter().filter(|finding| finding.str("problem") == Some("record-changed"));
        assert_eq!(changed.count(), 5, "{report}");
    }

    /// Where the trail is down nothing goes on as if it were not: what is in without its record is told of by an exit code.
    async fn an_import_ends_where_the_trail_is_down(engine: Engine) {
        let mut server = acting(engine);
        let mut trail = Trail::of(&server, ALIKE).await;
        server.client().get("/Patient/none").await.expect(404);
        assert!(server.terminate().await.success());
        trail.run(match engine {
            Engine::Sqlite => "create trigger down before insert on audit_events begin select raise(abort, 'down'); end",
            Engine::Postgres => "revoke insert on fhir_gateway.audit_events from fhir_gateway_app",
        }).await;
        for (name, lines) in [("set", vec![patient("a", "A")]), ("transactions", vec![transaction(&[patient("b", "B")]), transaction(&[patient("c", "C")])])] {
            let file = server.folder().join(format!("{name}.ndjson"));
            std::fs::write(&file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
            let (data_dir, file) = (server.data_dir().display().to_string(), file.display().to_string());
            let run = Command::run(&["import", "--database", &server.database.url, "--data-dir", &data_dir, &file]).await;
            assert_eq!(run.code, Some(3), "{name}: {}{}", run.stdout, run.stderr);
        }
    }
}

on_postgres! {
    /// Who is told that it took too long is on record: reads, writes (whose own record comes when they are done), entries.
    async fn what_nobody_finishes_is_on_record(engine: Engine) {
        let server = Server::with(engine, Options { arguments: arguments(&["--time-limit", "1"]), ..Options::default() });
        let (api, mut trail) = (server.client(), Trail::of(&server, ALIKE).await);
        api.save(&patient("ada", "A")).await.expect(201);
        let (mut other, _) = server.trail().await;
        other.run("begin; lock table fhir_gateway.directory in access exclusive mode").await;
        trail.expect(api.get("/Patient/ada"), 503, &["read Patient/ada: 503 permit treatment-opt-out"]).await;
        trail.expect(api.get("/Patient?name=a"), 503, &["search Patient: 503 permit treatment-opt-out"]).await;
        let (answer, mut done) = trail.told(api.save(&patient("ada", "B"))).await;
        assert!(answer.status == 503 && done.contains(&"update Patient/ada: 503 permit treatment-opt-out".to_owned()), "{done:?}");
        let request = answer.header("X-Request-Id").unwrap();
        other.run("commit").await;
        // The work itself ends, some time later, and says so.
        for _ in 0..200 {
            done = trail.records(&format!("request = '{request}'")).await;
            if done.len() > 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(done.len() == 2 && done[1].starts_with("update Patient/ada"), "{done:?}");
    }
}
