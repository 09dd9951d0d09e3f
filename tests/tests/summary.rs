//! What follows from a record: `$summary`, `$has-history`, `$visit-snapshot`.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, lab_observation, medication_request, patient, suite, transaction};

fn condition(id: &str, patient: &str, code: &str, clinical: &str, verification: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Condition","id":"{id}","clinicalStatus":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"{clinical}"}}]}},
        "verificationStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status",
        "code":"{verification}"}}]}},"code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"{code}"}}],
        "text":"Problem <{code}> & more"}},"subject":{{"reference":"Patient/{patient}"}},"recordedDate":"2024-05-01"}}"#
    ))
}

fn note(id: &str, patient: &str, status: &str, date: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Composition","id":"{id}","status":"{status}","type":{{"coding":[{{"system":"http://loinc.org",
        "code":"11506-3"}}]}},"subject":{{"reference":"Patient/{patient}"}},"date":"{date}",
        "author":[{{"display":"Dr. Example"}}],"title":"Visit"}}"#
    ))
}

fn appointment(id: &str, patient: &str, start: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Appointment","id":"{id}","status":"booked","start":"{start}","end":"{start}","participant":[
        {{"actor":{{"reference":"Practitioner/dr"}},"status":"accepted"}},
        {{"actor":{{"reference":"Patient/{patient}"}},"status":"accepted"}}]}}"#
    ))
}

fn parameter(answer: &Json, name: &str) -> Option<Json> {
    answer.items("parameter").iter().find(|parameter| parameter.str("name") == Some(name)).cloned()
}

/// The references that a section of the document holds.
fn entries(document: &Json, code: &str) -> Vec<String> {
    let composition = document.items("entry")[0].at("resource").unwrap().clone();
    let sections = composition.items("section");
    let section = sections.iter().find(|section| section.str("code.coding.0.code") == Some(code)).unwrap();
    section.items("entry").iter().map(|entry| entry.str("reference").unwrap().to_owned()).collect()
}

suite! {
    async fn a_summary_is_a_document_of_the_record(server: &'static Server) {
        let api = server.client();
        let stopped = medication_request("sum-stopped", "sum").with("status", Json::text("stopped"));
        let record = [
            patient("sum", "Summary"),
            patient("sum-other", "Other"),
            condition("sum-active", "sum", "I10", "active", "confirmed"),
            condition("sum-past", "sum", "J20.9", "resolved", "confirmed"),
            condition("sum-error", "sum", "E11.9", "active", "entered-in-error"),
            condition("sum-foreign", "sum-other", "M54.5", "active", "confirmed"),
            medication_request("sum-drug", "sum"),
            stopped,
            lab_observation("sum-lab", "sum", "101.50"),
        ];
        api.post("", transaction(&record)).await.expect(200);
        let document = api.get("/Patient/sum/$summary").await.expect(200).json();
        assert_eq!(document.str("type"), Some("document"));
        assert_eq!(entries(&document, "11450-4"), ["Condition/sum-active"]);
        assert_eq!(entries(&document, "11348-0"), ["Condition/sum-past"]);
        assert_eq!(entries(&document, "10160-0"), ["MedicationRequest/sum-drug"]);
        assert_eq!(entries(&document, "30954-2"), ["Observation/sum-lab"]);
        assert_eq!(entries(&document, "48765-2"), Vec::<String>::new(), "no allergy is on record");
        let text = document.to_string();
        assert!(text.contains("\"unavailable\""), "an empty section says why: {text}");
        assert!(text.contains("Problem &lt;I10&gt; &amp; more"), "the narrative is XHTML: {text}");
        assert!(text.contains("Glucose: 101.50 mg/dL"), "values keep their digits: {text}");
        assert!(!text.contains("sum-error") && !text.contains("sum-foreign") && !text.contains("sum-stopped"));
        let kinds: Vec<&str> = document.items("entry").iter().map(|entry| entry.str("resource.resourceType").unwrap()).collect();
        assert_eq!(kinds[..2], ["Composition", "Patient"]);
        // By POST as well, with and without a body.
        api.post("/Patient/sum/$summary", Json::of(r#"{"resourceType":"Parameters"}"#)).await.expect(200);
        api.get("/Patient/nobody/$summary").await.refused(404, "not-found");
        api.delete("/Patient/sum/$summary").await.refused(405, "not-supported");
    }

    async fn a_summary_holds_what_its_sections_show(server: &'static Server) {
        let api = server.client();
        let mut record = vec![patient("sum-many", "Many")];
        record.extend((0..105).map(|number| condition(&format!("sum-many-{number}"), "sum-many", "I10", "active", "confirmed")));
        api.post("", transaction(&record)).await.expect(200);
        let document = api.get("/Patient/sum-many/$summary").await.expect(200).json();
        let mut shown = entries(&document, "11450-4");
        assert_eq!(shown.len(), 100, "the newest, and the text says that there are more");
        let held = document.items("entry").iter().filter(|entry| entry.str("resource.resourceType") == Some("Condition"));
        let mut held: Vec<String> = held.map(|entry| format!("Condition/{}", entry.str("resource.id").unwrap())).collect();
        shown.sort();
        held.sort();
        assert_eq!(held, shown);
    }

    async fn history_counts_signed_notes_and_what_was_known_before_the_visit(server: &'static Server) {
        let api = server.client();
        api.save(&patient("his", "History")).await.expect(201);
        let says = async |query: &str| {
            let answer = api.get(&format!("/Patient/his/$has-history{query}")).await.expect(200).json();
            parameter(&answer, "hasHistory").unwrap().at("valueBoolean").unwrap().to_string()
        };
        assert_eq!(says("").await, "false");
        api.save(&note("his-draft", "his", "preliminary", "2024-03-01T10:00:00Z")).await.expect(201);
        api.save(&condition("his-error", "his", "I10", "active", "entered-in-error")).await.expect(201);
        assert_eq!(says("").await, "false", "drafts and errors are no history");
        api.save(&note("his-1", "his", "final", "2024-03-01T10:00:00Z")).await.expect(201);
        api.save(&note("his-2", "his", "amended", "2024-04-01T12:00:00+02:00")).await.expect(201);
        api.save(&appointment("his-early", "his", "2024-02-01T10:00:00Z")).await.expect(201);
        api.save(&appointment("his-between", "his", "2024-03-20T10:00:00Z")).await.expect(201);
        api.save(&appointment("his-not", "his-other", "2024-03-20T10:00:00Z")).await.expect(201);
        let answer = api.get("/Patient/his/$has-history").await.expect(200).json();
        assert_eq!(parameter(&answer, "lastNote").unwrap().str("valueReference.reference"), Some("Composition/his-2"));
        assert_eq!(parameter(&answer, "signedNotes").unwrap().at("valueInteger").unwrap().to_string(), "2");
        assert_eq!(says("?appointment=his-early").await, "false", "nothing was known then");
        assert_eq!(says("?appointment=Appointment/his-between").await, "true");
        api.get("/Patient/his/$has-history?appointment=his-not").await.refused(422, "business-rule");
        api.get("/Patient/his/$has-history?appointment=never").await.refused(404, "not-found");
        let asked = r#"{"resourceType":"Parameters","parameter":[{"name":"appointment","valueReference":{"reference":"Appointment/his-early"}}]}"#;
        let answer = api.post("/Patient/his/$has-history", Json::of(asked)).await.expect(200).json();
        assert_eq!(parameter(&answer, "hasHistory").unwrap().at("valueBoolean").unwrap().to_string(), "false");
        api.post("/Patient/his/$has-history", patient("x", "X")).await.refused(400, "structure");
    }

    async fn a_snapshot_holds_appointment_last_note_and_summary(server: &'static Server) {
        let api = server.client();
        api.save(&patient("snap", "Snapshot")).await.expect(201);
        api.save(&note("snap-note", "snap", "final", "2024-03-01T10:00:00Z")).await.expect(201);
        api.save(&appointment("snap-visit", "snap", "2024-06-01T10:00:00Z")).await.expect(201);
        let answer = api.get("/Appointment/snap-visit/$visit-snapshot").await.expect(200).json();
        assert_eq!(parameter(&answer, "appointment").unwrap().str("resource.id"), Some("snap-visit"));
        assert_eq!(parameter(&answer, "note").unwrap().str("resource.id"), Some("snap-note"));
        assert_eq!(parameter(&answer, "summary").unwrap().str("resource.type"), Some("document"));
        api.get("/Patient/snap/$visit-snapshot").await.refused(404, "not-found");
    }
}
