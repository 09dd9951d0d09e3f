//! `Patient/[id]/$everything` and `Encounter/[id]/$everything`:
//! <https://hl7.org/fhir/R4/patient-operation-everything.html>, <https://hl7.org/fhir/R4/encounter-operation-everything.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, lab_observation, medication_request, patient, suite};

/// `Type/id` of all pages, sorted; no resource comes twice.
async fn all(api: &Client, address: &str) -> Vec<String> {
    let mut found = api.search(address).await;
    let count = found.len();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), count, "{address}: a resource came twice");
    found
}

/// A patient's record: two results, a prescription in no table, a visit by a practitioner at a place, another one's result.
async fn record(api: &Client) {
    for text in [
        r#"{"resourceType":"Organization","id":"ev-org","name":"Clinic"}"#,
        r#"{"resourceType":"Practitioner","id":"ev-doc","name":[{"family":"Ray"}]}"#,
        r#"{"resourceType":"Practitioner","id":"ev-other-doc","name":[{"family":"Ram"}]}"#,
    ] {
        api.save(&Json::of(text)).await.expect(201);
    }
    for id in ["ev", "ev-else"] {
        let managed = patient(id, "x").with("managingOrganization", Json::of(r#"{"reference":"Organization/ev-org"}"#));
        api.save(&managed).await.expect(201);
    }
    let visit = r#"{"resourceType":"Encounter","id":"ev-visit","status":"finished","class":{"code":"AMB"},
        "subject":{"reference":"Patient/ev"},"participant":[{"individual":{"reference":"Practitioner/ev-doc"}}],
        "period":{"start":"2023-05-01T10:00:00Z","end":"2023-05-01T11:00:00Z"}}"#;
    api.save(&Json::of(visit)).await.expect(201);
    let at_visit = Json::of(r#"{"reference":"Encounter/ev-visit"}"#);
    let old = lab_observation("ev-old", "ev", "1").with("effectiveDateTime", Json::text("2023-05-01"));
    for resource in [
        old.with("encounter", at_visit),
        lab_observation("ev-new", "ev", "2"),
        medication_request("ev-drug", "ev"),
        lab_observation("ev-not", "ev-else", "3"),
        Json::of(
            r#"{"resourceType":"Flag","id":"ev-flag","status":"active","code":{"text":"x"},"subject":{"reference":"Patient/ev"}}"#,
        ),
        Json::of(r#"{"resourceType":"Basic","id":"ev-basic","code":{"text":"x"}}"#),
    ] {
        api.save(&resource).await.expect(201);
    }
}

const WHOLE: [&str; 8] = [
    "Encounter/ev-visit",
    "Flag/ev-flag",
    "MedicationRequest/ev-drug",
    "Observation/ev-new",
    "Observation/ev-old",
    "Organization/ev-org",
    "Patient/ev",
    "Practitioner/ev-doc",
];

suite! {
    async fn a_record_is_what_is_about_the_patient_and_what_it_names(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api).await;
        assert_eq!(all(&api, "/Patient/ev/$everything").await, WHOLE);
        let page = api.get("/Patient/ev/$everything").await.expect(200).json();
        let mode = |kind: &str| {
            let entry = page.items("entry").iter().find(|entry| entry.str("resource.resourceType") == Some(kind));
            entry.unwrap().str("search.mode").unwrap().to_owned()
        };
        assert_eq!((mode("Patient").as_str(), mode("Observation").as_str(), mode("Practitioner").as_str()), ("match", "match", "include"));
        // In pages what is named comes along with the page that names it.
        let mut paged = api.search("/Patient/ev/$everything?_count=2").await;
        paged.sort();
        paged.dedup();
        assert_eq!(paged, WHOLE);
        let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Flag,Patient"}]}"#;
        let posted = api.post("/Patient/ev/$everything", parameters).await.expect(200).json();
        assert_eq!(posted.items("entry").len(), 2);
    }

    async fn limits_narrow_it(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api).await;
        assert_eq!(all(&api, "/Patient/ev/$everything?_type=Observation,Flag").await, ["Flag/ev-flag", "Observation/ev-new", "Observation/ev-old"]);
        // What has no date of care is not before or after anything.
        let kinds = "_type=Observation,Flag,MedicationRequest";
        assert_eq!(all(&api, &format!("/Patient/ev/$everything?{kinds}&start=2024-02-15")).await, ["Flag/ev-flag", "Observation/ev-new"]);
        assert_eq!(all(&api, &format!("/Patient/ev/$everything?{kinds}&end=2023-12-31")).await, ["Flag/ev-flag", "Observation/ev-old"]);
        assert_eq!(all(&api, &format!("/Patient/ev/$everything?{kinds}&start=2024-01-01&end=2024-02-02")).await, ["Flag/ev-flag", "MedicationRequest/ev-drug"]);
        let since = api.save(&lab_observation("ev-new", "ev", "2.5")).await.expect(200).json().str("meta.lastUpdated").unwrap().to_owned();
        assert_eq!(all(&api, &format!("/Patient/ev/$everything?_since={}", since.replace('+', "%2B"))).await[0], "Observation/ev-new");
        for (query, code) in [("_type=Nothing", "value"), ("start=x", "value"), ("_since=x", "value"), ("_count=x", "value")] {
            api.get(&format!("/Patient/ev/$everything?{query}")).await.refused(400, code);
        }
    }

    async fn a_visits_record_names_its_patient(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api).await;
        assert_eq!(
            all(&api, "/Encounter/ev-visit/$everything").await,
            ["Encounter/ev-visit", "Observation/ev-old", "Patient/ev", "Practitioner/ev-doc"]
        );
    }

    async fn of_nobody_there_is_nothing(server: &'static Server) {
        let api = server.client();
        api.get("/Patient/ev-nobody/$everything").await.refused(404, "not-found");
        api.get("/Encounter/ev-nobody/$everything").await.refused(404, "not-found");
        api.save(&patient("ev-gone", "x")).await.expect(201);
        api.delete("/Patient/ev-gone").await;
        api.get("/Patient/ev-gone/$everything").await.refused(410, "deleted");
    }
}
