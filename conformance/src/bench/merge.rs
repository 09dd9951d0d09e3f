//! What signing a SOAP note costs, with and without the merge into the cumulative medical record: by SQL, and as a
//! transaction of the note and eight entries.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::{Value, json};

use crate::bench::database::{Database, Sql};
use crate::bench::server::Server;
use crate::bench::{client, median, progress};

/// Signed notes that the patient has already.
const EARLIER: [usize; 4] = [0, 10, 50, 200];

/// How often a note is signed for one figure.
const TIMES: usize = 9;

/// Two rows a table that the merge reads, apart from procedures with one, and one of vital signs: `NOTE` stands for the
/// note's key, `N` for its number.
const ROWS: [&str; 8] = [
    "soap_subjective_allergies (id, organization_id, soap_note_id, code, allergen, clinical_status) values ('NOTE-1', 1, 'NOTE', 'a' || N % 7, 'nuts', 'active')",
    "soap_subjective_current_medications (id, organization_id, soap_note_id, rxnorm_code, medication_name, status) values ('NOTE-2', 1, 'NOTE', 'm' || N % 11, 'drug', 'active')",
    "soap_subjective_current_medications (id, organization_id, soap_note_id, rxnorm_code, medication_name, status) values ('NOTE-3', 1, 'NOTE', 'n' || N % 13, 'drug', 'active')",
    "soap_objective_vital_signs (id, organization_id, soap_note_id, heart_rate) values ('NOTE-4', 1, 'NOTE', 60)",
    "soap_assessment_problem_list (id, organization_id, soap_note_id, icd10_code, problem, clinical_status) values ('NOTE-5', 1, 'NOTE', 'p' || N % 5, 'x', 'active')",
    "soap_assessment_problem_list (id, organization_id, soap_note_id, icd10_code, problem, clinical_status) values ('NOTE-6', 1, 'NOTE', 'q' || N % 9, 'y', 'active')",
    "soap_plan_medication (id, organization_id, soap_note_id, rxnorm_code, medication_name, status, intent) values ('NOTE-7', 1, 'NOTE', 'm' || N % 11, 'drug', 'active', 'order')",
    "soap_plan_orders_and_procedures (id, organization_id, soap_note_id, kind, code, name, status) values ('NOTE-8', 1, 'NOTE', 'procedure', 'c' || N % 6, 'z', 'completed')",
];

const OFF: &str = "insert into clinic_settings (organization_id, name, value) values (1, 'merge_soap_notes', 'off')";
const ON: &str = "delete from clinic_settings where organization_id = 1 and name = 'merge_soap_notes'";

/// Measures it; the table in Markdown.
///
/// # Errors
/// A statement or a request fails.
pub async fn measure(server: &Server, database: &Database) -> Result<String, String> {
    let engine = database.engine.name();
    let mut sql = database.sql().await?;
    let mut out = format!(
        "| {engine}: ms per note, earlier notes | signed by SQL | merge off | transaction of note and 8 entries | merge off \
         | first look at rows of SQL, rows/s |\n|--:|--:|--:|--:|--:|--:|\n"
    );
    for earlier in EARLIER {
        progress(&format!("{engine}: merge, {earlier} earlier notes"));
        let [on, off] = ["on", "off"].map(|merge| format!("p{earlier}-{merge}"));
        for patient in [&on, &off] {
            sql.run(&history(patient, earlier)).await?;
        }
        let settled = first_look(server, &on, 2 * rows(earlier)).await?;
        let signed = sign(&mut sql, &on).await?;
        let sent = send(server, &on).await?;
        sql.run(OFF).await?;
        let plain = sign(&mut sql, &off).await?;
        let plain_sent = send(server, &off).await?;
        sql.run(ON).await?;
        let _ = writeln!(out, "| {earlier} | {signed:.2} | {plain:.2} | {sent:.2} | {plain_sent:.2} | {settled:.0} |");
    }
    Ok(out)
}

/// The rows of [`history`].
fn rows(earlier: usize) -> usize {
    1 + (earlier + 1) * (1 + ROWS.len())
}

/// The gateway's first look at rows that it has never seen: how many of them it settles in a second.
#[allow(clippy::cast_precision_loss)]
async fn first_look(server: &Server, patient: &str, rows: usize) -> Result<f64, String> {
    let begun = Instant::now();
    client::send("GET", &format!("{}/Composition?patient={patient}&_count=1", server.base), "").await?;
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}

/// A patient with so many signed notes, merged once, and a draft.
fn history(patient: &str, earlier: usize) -> String {
    let mut text = format!("begin;\n{OFF};\ninsert into patients (id, organization_id) values ('{patient}', 1);\n");
    for number in 0..=earlier {
        let (note, status) = (format!("{patient}-{number}"), if number < earlier { "signed" } else { "draft" });
        let day = number % 28 + 1;
        let _ = writeln!(
            text,
            "insert into soap_notes (id, organization_id, patient_id, status, written_at) \
             values ('{note}', 1, '{patient}', '{status}', '2026-01-{day:02}T08:00:00Z');"
        );
        for row in ROWS {
            let row = row.replace("NOTE", &note).replace("N %", &format!("{number} %"));
            let _ = writeln!(text, "insert into {row};");
        }
    }
    text + ON + ";\ncommit;\n"
}

/// Signs the draft and takes it back, each time; milliseconds of the signing.
async fn sign(sql: &mut Sql, patient: &str) -> Result<f64, String> {
    let number = patient[1..].split('-').next().unwrap_or_default();
    let set = |status: &str| format!("update soap_notes set status = '{status}' where id = '{patient}-{number}'");
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        sql.run(&set("signed")).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        sql.run(&set("draft")).await?;
    }
    Ok(median(times))
}

/// Milliseconds of a transaction with a signed note; each adds a note to the patient's.
async fn send(server: &Server, patient: &str) -> Result<f64, String> {
    let mut times = Vec::new();
    for number in 0..TIMES {
        let bundle = note(patient, number).to_string();
        let begun = Instant::now();
        client::send("POST", &server.base, bundle).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

/// A signed note and eight entries that its sections name.
fn note(patient: &str, number: usize) -> Value {
    let subject = json!({"reference": format!("Patient/{patient}")});
    let drug =
        |code: &str| json!({"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]});
    let problem = |code: &str| {
        json!({"resourceType": "Condition", "subject": subject,
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "encounter-diagnosis"}]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}})
    };
    let statement = |code: &str| json!({"resourceType": "MedicationStatement", "status": "active", "subject": subject, "medicationCodeableConcept": drug(code)});
    let mut entries = [
        ("61150-9", json!({"resourceType": "AllergyIntolerance", "patient": subject, "code": {"text": "nuts"}})),
        ("61150-9", statement("314076")),
        ("61150-9", statement("197361")),
        (
            "61149-1",
            json!({"resourceType": "Observation", "status": "final", "subject": subject,
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "valueQuantity": {"value": 61, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}}),
        ),
        ("51848-0", problem("I10")),
        ("51848-0", problem("J20.9")),
        (
            "18776-5",
            json!({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": subject,
                "medicationCodeableConcept": drug("314076")}),
        ),
        (
            "18776-5",
            json!({"resourceType": "Procedure", "status": "completed", "subject": subject, "code": {"text": "EKG"}}),
        ),
    ];
    let mut sections: Vec<Value> = ["61150-9", "61149-1", "51848-0", "18776-5"]
        .map(|code| json!({"title": code, "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "entry": []}))
        .into();
    let mut bundle = Vec::new();
    for (place, (section, resource)) in entries.iter_mut().enumerate() {
        let kind = resource["resourceType"].as_str().unwrap_or_default().to_owned();
        let url = format!("{kind}/{patient}-t{number}-{place}");
        resource["id"] = json!(format!("{patient}-t{number}-{place}"));
        let section = sections.iter_mut().find(|one| one["title"] == **section);
        if let Some(listed) = section.and_then(|section| section["entry"].as_array_mut()) {
            listed.push(json!({"reference": url}));
        }
        bundle.push(json!({"resource": resource, "request": {"method": "PUT", "url": url}}));
    }
    let composition = json!({"resourceType": "Composition", "id": format!("{patient}-t{number}"), "status": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]}, "subject": subject,
        "date": "2026-02-01T08:00:00Z", "author": [{"display": "Dr. Ray"}], "title": "Progress note", "section": sections});
    let url = format!("Composition/{patient}-t{number}");
    bundle.push(json!({"resource": composition, "request": {"method": "PUT", "url": url}}));
    json!({"resourceType": "Bundle", "type": "transaction", "entry": bundle})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_its_eight_entries() {
        let bundle = note("p", 3);
        let entries = bundle["entry"].as_array().expect("entries");
        let sections = entries[8]["resource"]["section"].as_array().expect("sections");
        let listed: Vec<_> = sections.iter().flat_map(|section| section["entry"].as_array().expect("a list")).collect();
        let urls: Vec<_> = entries[..8].iter().map(|entry| &entry["request"]["url"]).collect();
        assert_eq!(listed.iter().map(|entry| &entry["reference"]).collect::<Vec<_>>(), urls);
    }
}
