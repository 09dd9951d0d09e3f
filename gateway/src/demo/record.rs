//! A person's record: encounters, conditions, medications, laboratory results, an allergy, an immunization.

use jiff::ToSpan;
use jiff::civil::Date;

use super::clinic::ORGANIZATION;
use super::json::{
    Json, Resource, array, boolean, code, concept, integer, object, quantity, reference, text, transaction,
};
use super::laboratory;
use super::person::{Person, Visit};

const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

/// A medication: `RxNorm` code and name, strength of a dose, doses a day.
struct Drug {
    code: &'static str,
    name: &'static str,
    dose: f64,
    per_day: i64,
}

/// A problem: ICD-10-CM code and name, the age it starts at, its usual medication.
struct Problem {
    code: &'static str,
    name: &'static str,
    from_age: i64,
    drug: Option<Drug>,
}

const fn problem(code: &'static str, name: &'static str, from_age: i64, drug: Option<Drug>) -> Problem {
    Problem { code, name, from_age, drug }
}

const fn drug(code: &'static str, name: &'static str, dose: f64, per_day: i64) -> Option<Drug> {
    Some(Drug { code, name, dose, per_day })
}

const PROBLEMS: &[Problem] = &[
    problem("I10", "Essential (primary) hypertension", 35, drug("314076", "lisinopril 10 MG Oral Tablet", 10.0, 1)),
    problem(
        "E11.9",
        "Type 2 diabetes mellitus without complications",
        38,
        drug("861007", "metformin hydrochloride 500 MG Oral Tablet", 500.0, 2),
    ),
    problem("E78.5", "Hyperlipidemia, unspecified", 30, drug("312961", "simvastatin 20 MG Oral Tablet", 20.0, 1)),
    problem("M10.9", "Gout, unspecified", 40, drug("197319", "allopurinol 100 MG Oral Tablet", 100.0, 1)),
    problem(
        "D50.9",
        "Iron deficiency anemia, unspecified",
        18,
        drug("310325", "ferrous sulfate 325 MG Oral Tablet", 325.0, 1),
    ),
    problem(
        "I25.10",
        "Atherosclerotic heart disease of native coronary artery without angina pectoris",
        50,
        drug("309362", "clopidogrel 75 MG Oral Tablet", 75.0, 1),
    ),
    problem("M54.50", "Low back pain, unspecified", 20, drug("310965", "ibuprofen 200 MG Oral Tablet", 200.0, 3)),
    problem("G43.909", "Migraine, unspecified, not intractable, without status migrainosus", 18, None),
    problem("K21.9", "Gastro-esophageal reflux disease without esophagitis", 18, None),
];

/// The whole record as one transaction.
pub(super) fn bundle(person: &Person) -> Json {
    let mut person = person.clone();
    let mut resources = vec![person.resource()];
    let visits = person.visits.clone();
    resources.extend(visits.iter().map(|visit| encounter(&person, visit)));
    problems(&mut person, &visits[0], &mut resources);
    for visit in &visits {
        let taken = format!("{}T09:{:02}:00Z", visit.day, person.random.between(10, 55));
        let id = person.id.clone();
        resources.extend(laboratory::results(&mut person.random, &id, &visit.id, &taken));
    }
    if person.random.chance(35) {
        resources.push(allergy(&person));
    }
    resources.push(immunization(&mut person, visits.last().unwrap_or(&visits[0])));
    transaction(resources)
}

fn encounter(person: &Person, visit: &Visit) -> Resource {
    let day = visit.day;
    Resource {
        kind: "Encounter",
        id: visit.id.clone(),
        members: vec![
            ("status", text("finished")),
            (
                "class",
                object([
                    ("system", text("http://terminology.hl7.org/CodeSystem/v3-ActCode")),
                    ("code", text("AMB")),
                    ("display", text("ambulatory")),
                ]),
            ),
            ("subject", reference("Patient", &person.id)),
            ("participant", array([object([("individual", reference("Practitioner", person.practitioner))])])),
            (
                "period",
                object([("start", text(&format!("{day}T09:00:00Z"))), ("end", text(&format!("{day}T09:40:00Z")))]),
            ),
            ("serviceProvider", reference("Organization", ORGANIZATION)),
        ],
    }
}

/// Up to three problems that fit the person's age, each with its medication.
fn problems(person: &mut Person, first: &Visit, resources: &mut Vec<Resource>) {
    let age = person.age();
    for (number, problem) in PROBLEMS.iter().enumerate() {
        if age < problem.from_age || !person.random.chance(30) {
            continue;
        }
        let onset = first.day.saturating_sub(person.random.between(0, 2000).days());
        resources.push(condition(person, number, problem, onset, first));
        if let Some(drug) = &problem.drug {
            resources.push(prescription(person, number, drug, problem, first));
        }
    }
}

fn condition(person: &Person, number: usize, problem: &Problem, onset: Date, visit: &Visit) -> Resource {
    Resource {
        kind: "Condition",
        id: format!("{}-c{number}", person.id),
        members: vec![
            ("clinicalStatus", code("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")),
            ("verificationStatus", code("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed")),
            (
                "category",
                array([code("http://terminology.hl7.org/CodeSystem/condition-category", "problem-list-item")]),
            ),
            ("code", concept("http://hl7.org/fhir/sid/icd-10-cm", problem.code, problem.name)),
            ("subject", reference("Patient", &person.id)),
            ("encounter", reference("Encounter", &visit.id)),
            ("onsetDateTime", text(&onset.to_string())),
            ("recordedDate", text(&visit.day.to_string())),
        ],
    }
}

fn prescription(person: &mut Person, number: usize, drug: &Drug, problem: &Problem, visit: &Visit) -> Resource {
    let refills = person.random.between(0, 5);
    let words = if drug.per_day == 1 { "once daily".to_owned() } else { format!("{} times daily", drug.per_day) };
    Resource {
        kind: "MedicationRequest",
        id: format!("{}-m{number}", person.id),
        members: vec![
            ("status", text("active")),
            ("intent", text("order")),
            ("medicationCodeableConcept", concept(RXNORM, drug.code, drug.name)),
            ("subject", reference("Patient", &person.id)),
            ("encounter", reference("Encounter", &visit.id)),
            ("authoredOn", text(&format!("{}T09:35:00Z", visit.day))),
            ("requester", reference("Practitioner", person.practitioner)),
            ("reasonCode", array([concept("http://hl7.org/fhir/sid/icd-10-cm", problem.code, problem.name)])),
            ("dosageInstruction", array([dosage(drug, &words)])),
            (
                "dispenseRequest",
                object([
                    ("numberOfRepeatsAllowed", integer(refills)),
                    ("quantity", quantity((30 * drug.per_day) as f64, 0, "tablet", "{tbl}")),
                ]),
            ),
        ],
    }
}

fn dosage(drug: &Drug, words: &str) -> Json {
    let timing = object([(
        "repeat",
        object([("frequency", integer(drug.per_day)), ("period", integer(1)), ("periodUnit", text("d"))]),
    )]);
    object([
        ("text", text(&format!("Take 1 tablet by mouth {words}"))),
        ("timing", timing),
        ("asNeededBoolean", boolean(false)),
        ("doseAndRate", array([object([("doseQuantity", quantity(drug.dose, 0, "mg", "mg"))])])),
    ])
}

fn allergy(person: &Person) -> Resource {
    Resource {
        kind: "AllergyIntolerance",
        id: format!("{}-a1", person.id),
        members: vec![
            ("clinicalStatus", code("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active")),
            (
                "verificationStatus",
                code("http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "confirmed"),
            ),
            ("category", array([text("medication")])),
            ("criticality", text("low")),
            ("code", concept(RXNORM, "723", "amoxicillin")),
            ("patient", reference("Patient", &person.id)),
        ],
    }
}

/// Influenza vaccine, <https://www2.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx>.
fn immunization(person: &mut Person, visit: &Visit) -> Resource {
    let lot = format!("LK{:05}", person.random.between(1, 99_999));
    Resource {
        kind: "Immunization",
        id: format!("{}-i1", person.id),
        members: vec![
            ("status", text("completed")),
            (
                "vaccineCode",
                concept("http://hl7.org/fhir/sid/cvx", "140", "Influenza, seasonal, injectable, preservative free"),
            ),
            ("patient", reference("Patient", &person.id)),
            ("encounter", reference("Encounter", &visit.id)),
            ("occurrenceDateTime", text(&visit.day.to_string())),
            ("primarySource", boolean(true)),
            ("lotNumber", text(&lot)),
        ],
    }
}
