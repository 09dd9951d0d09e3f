//! `DocumentReference/$docref`: <https://hl7.org/fhir/us/core/STU6.1/OperationDefinition-docref.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Json, Server, patient, suite};

const CCD: &str = "34133-9";

/// A document of a type about care in a period (may be empty), written on a day.
fn document(id: &str, patient: &str, code: &str, date: &str, period: &str) -> Json {
    let context = if period.is_empty() { String::new() } else { format!(r#","context":{{"period":{period}}}"#) };
    Json::of(&format!(
        r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","type":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
        "subject":{{"reference":"Patient/{patient}"}},"date":"{date}T09:00:00Z","content":[{{"attachment":{{"contentType":"text/plain","data":"aGk="}}}}]{context}}}"#
    ))
}

async fn documents(api: &Client, patient: &str) {
    let other = format!("{patient}-other");
    for id in [patient, &other] {
        api.save(&patient_of(id)).await.expect(201);
    }
    let id = |name: &str| format!("{patient}-{name}");
    for resource in [
        document(&id("ccd-old"), patient, CCD, "2023-01-05", r#"{"start":"2022-01-01","end":"2022-12-31"}"#),
        document(&id("ccd-new"), patient, CCD, "2024-01-05", r#"{"start":"2023-01-01","end":"2023-12-31"}"#),
        document(&id("note"), patient, "11488-4", "2024-06-01", ""),
        document(&id("gone"), patient, CCD, "2025-01-05", "").with("status", Json::text("superseded")),
        document(&id("else"), &other, "11488-4", "2024-07-01", ""),
    ] {
        api.save(&resource).await.expect(201);
    }
}

fn patient_of(id: &str) -> Json {
    patient(id, "A")
}

suite! {
    async fn without_a_span_it_is_the_latest(server: &'static Server) {
        let api = server.client();
        documents(&api, "dr").await;
        let found = async |query: &str| api.search(&format!("/DocumentReference/$docref?{query}")).await;
        // The CCD where there is one and nothing else is asked for.
        assert_eq!(found("patient=dr").await, ["DocumentReference/dr-ccd-new"]);
        assert_eq!(found("patient=Patient/dr").await, ["DocumentReference/dr-ccd-new"]);
        assert_eq!(found("patient=dr-other").await, ["DocumentReference/dr-else"]);
        assert_eq!(found("patient=dr&type=http://loinc.org|11488-4").await, ["DocumentReference/dr-note"]);
        assert!(found("patient=dr&type=http://loinc.org|18842-5").await.is_empty());
    }

    async fn a_span_takes_the_care_that_reaches_into_it(server: &'static Server) {
        let api = server.client();
        documents(&api, "ds").await;
        let found = async |query: &str| api.search(&format!("/DocumentReference/$docref?patient=ds&{query}")).await;
        // Latest first; what says nothing of its time is in any span; what was superseded in none.
        assert_eq!(found("start=2022-01-01").await, ["DocumentReference/ds-note", "DocumentReference/ds-ccd-new", "DocumentReference/ds-ccd-old"]);
        assert_eq!(found("start=2022-06-01&end=2022-07-01").await, ["DocumentReference/ds-note", "DocumentReference/ds-ccd-old"]);
        assert_eq!(found("end=2021-12-31").await, ["DocumentReference/ds-note"]);
        assert_eq!(found(&format!("start=2023-06-01&type=http://loinc.org|{CCD}")).await, ["DocumentReference/ds-ccd-new"]);
        let page = api.get("/DocumentReference/$docref?patient=ds&start=2022-01-01&_count=1").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 1);
        assert!(page.items("link").iter().any(|link| link.str("relation") == Some("next")), "{page}");
        assert_eq!(found("start=2022-01-01&_count=1").await.len(), 3, "page by page");
    }

    async fn parameters_may_be_posted(server: &'static Server) {
        let api = server.client();
        documents(&api, "dp").await;
        let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"patient","valueId":"dp"},{"name":"on-demand","valueBoolean":true},
            {"name":"type","valueCodeableConcept":{"coding":[{"system":"http://loinc.org","code":"11488-4"}]}}]}"#;
        let page = api.post("/DocumentReference/$docref", parameters).await.expect(200).json();
        let entries = page.items("entry");
        assert_eq!(entries[0].str("resource.id"), Some("dp-note"));
        // No document is made on demand, and the answer says so.
        assert_eq!(entries[1].str("search.mode"), Some("outcome"), "{page}");
        assert_eq!(entries.len(), 2);
    }

    async fn what_cannot_be_answered_is_refused(server: &'static Server) {
        let api = server.client();
        documents(&api, "dx").await;
        for (query, status, code) in [
            ("", 400, "required"),
            ("patient=dx-nobody", 404, "not-found"),
            ("patient=dx&start=x", 400, "value"),
            ("patient=dx&on-demand=perhaps", 400, "value"),
            ("patient=dx&profile=http://e.org/p", 400, "not-supported"),
            ("patient=dx&type=a|b|c", 400, "value"),
        ] {
            api.get(&format!("/DocumentReference/$docref?{query}")).await.refused(status, code);
        }
        api.post("/DocumentReference/$docref", "{}").await.refused(400, "structure");
    }
}
