//! Small resources for tests: valid, and of the shapes the built-in clinic maps carry in columns.

use crate::Json;

/// A patient with an official name, a number, an address and a phone.
pub fn patient(id: &str, family: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"use":"usual","system":"urn:example:mrn","value":"mrn-{id}"}}],
        "active":true,"name":[{{"use":"official","family":"{family}","given":["Ada","Maria"]}}],
        "telecom":[{{"system":"phone","value":"555-0100","use":"home"}}],"gender":"female","birthDate":"1974-12-25",
        "address":[{{"use":"home","line":["1 Main St"],"city":"Salem","state":"MA","postalCode":"01970","country":"US"}}]}}"#
    ))
}

/// A laboratory result with a value whose zeros matter.
pub fn lab_observation(id: &str, patient: &str, value: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],
        "code":{{"coding":[{{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}}],"text":"Glucose"}},
        "subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2024-03-05T10:20:30Z",
        "valueQuantity":{{"value":{value},"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}},
        "referenceRange":[{{"low":{{"value":70.0,"unit":"mg/dL"}},"high":{{"value":99,"unit":"mg/dL"}}}}]}}"#
    ))
}

/// A patient's active privacy Consent with these rules, as JSON.
pub fn consent(id: &str, patient: &str, provision: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Consent","id":"{id}","status":"active","scope":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
        "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],
        "patient":{{"reference":"Patient/{patient}"}},"dateTime":"2026-01-01",
        "policy":[{{"uri":"http://example.org/policy"}}],"provision":{provision}}}"#
    ))
}

/// A prescription with a dosage.
pub fn medication_request(id: &str, patient: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"MedicationRequest","id":"{id}","status":"active","intent":"order",
        "medicationCodeableConcept":{{"coding":[{{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076",
        "display":"lisinopril 10 MG Oral Tablet"}}],"text":"lisinopril"}},"subject":{{"reference":"Patient/{patient}"}},
        "authoredOn":"2024-02-01","dosageInstruction":[{{"text":"one tablet daily","timing":{{"repeat":{{"frequency":1,
        "period":1.0,"periodUnit":"d"}}}},"doseAndRate":[{{"doseQuantity":{{"value":10.50,"unit":"mg"}}}}]}}]}}"#
    ))
}

/// A transaction of resources, each PUT under its id.
///
/// # Panics
/// When a resource has no type or id.
pub fn transaction(resources: &[Json]) -> Json {
    let entries = resources.iter().map(|resource| {
        let url = format!("{}/{}", resource.str("resourceType").expect("a type"), resource.str("id").expect("an id"));
        let request = vec![("method".to_owned(), Json::text("PUT")), ("url".to_owned(), Json::text(url))];
        Json::Object(vec![("resource".to_owned(), resource.clone()), ("request".to_owned(), Json::Object(request))])
    });
    Json::of(r#"{"resourceType":"Bundle","type":"transaction"}"#).with("entry", Json::Array(entries.collect()))
}
