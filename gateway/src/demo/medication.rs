//! What is taken: prescriptions year by year, what the pharmacy hands out, what people take besides.

use jiff::ToSpan;

use super::catalogue::{ACETAMINOPHEN, Drug, Illness, RXNORM};
use super::clinic::{PHARMACIST, medication_id};
use super::json::{Json, Resource, concept, decimal, object, period, quantity, reference, words};
use super::person::{Person, TODAY};
use super::random::Random;
use super::story::{Course, Reason, Story, Visit};

/// The prescriptions of a problem that stays: one at the start, another every year, a stronger one where it was needed;
/// each ends where the next begins.
pub(super) fn of_course(story: &Story, number: usize, course: &Course, out: &mut Vec<Resource>) {
    let mut written: Vec<(&Visit, &'static Drug)> = Vec::new();
    for visit in &story.visits[course.from..] {
        if !course.is_active(visit.number) || !matches!(visit.reason, Reason::Annual | Reason::FollowUp) {
            continue;
        }
        let drug = course.drug(visit.number);
        let due =
            written.last().is_none_or(|(last, before)| *before != drug || (visit.day - last.day).get_days() > 300);
        if due {
            written.push((visit, drug));
        }
    }
    for (place, (visit, drug)) in written.iter().enumerate() {
        let next = written.get(place + 1);
        let changed = next.is_some_and(|(_, later)| later != drug);
        let state = match (next, course.until) {
            (Some(_), _) if changed => "stopped",
            (None, None) => "active",
            _ => "completed",
        };
        let until = next.map(|(later, _)| later.day).or_else(|| course.until.map(|until| story.visits[until].day));
        let id = format!("{}-rx{}-{}", story.person.id, number + 1, place + 1);
        let days = until.unwrap_or(TODAY) - visit.day;
        let mut body = prescription(&story.person, visit, drug, state, 3, 90);
        body = body.with(&[
            ("statusReason", (state == "stopped").then(|| words("Changed to a higher dose")).into()),
            ("reasonCode", Json::from([words(course.problem.name)])),
            ("reasonReference", Json::from([reference("Condition", &problem_id(story, number))])),
        ]);
        out.push(Resource::new("MedicationRequest", &id, body));
        for fill in 0..i64::from(days.get_days() / 90 + 1).min(4) {
            let day = visit.day.saturating_add((fill * 90 + 1).days());
            if day < TODAY && until.is_none_or(|until| day < until) {
                out.push(dispense(&story.person, &id, fill, &day.to_string(), drug));
            }
        }
    }
}

/// The id of a problem on the list.
pub(super) fn problem_id(story: &Story, number: usize) -> String {
    format!("{}-problem{}", story.person.id, number + 1)
}

/// The drug for an illness that passes, and its prescription, which is in the visit's note.
pub(super) fn of_illness(person: &Person, visit: &Visit, illness: &Illness) -> Option<(&'static Drug, Resource)> {
    let drug = illness.drugs.iter().copied().find(|drug| person.may_take(drug))?;
    let body = prescription(person, visit, drug, "completed", 0, illness.days);
    Some((drug, Resource::new("MedicationRequest", format!("{}-rx", visit.id), body)))
}

fn prescription(person: &Person, visit: &Visit, drug: &Drug, state: &str, refills: i64, days: i64) -> Json {
    object! {
        "status": state,
        "intent": "order",
        "category": [super::json::code("http://terminology.hl7.org/CodeSystem/medicationrequest-category", "outpatient")],
        "medicationCodeableConcept": concept(RXNORM, drug.code, drug.name),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "authoredOn": visit.at(15),
        "requester": person.provider(),
        "dosageInstruction": [dosage(drug)],
        "dispenseRequest": object! {
            "numberOfRepeatsAllowed": refills,
            "quantity": quantity((days * drug.per_day) as f64, 0, "tablet", "{tbl}"),
            "expectedSupplyDuration": quantity(days as f64, 0, "days", "d"),
        },
    }
}

/// How a drug is taken, in words.
pub(super) fn directions(drug: &Drug) -> String {
    let often = if drug.per_day == 1 { "once".to_owned() } else { format!("{} times", drug.per_day) };
    format!("Take {} mg by mouth {often} a day", drug.dose)
}

fn dosage(drug: &Drug) -> Json {
    let repeat = object! { "frequency": drug.per_day, "period": 1, "periodUnit": "d" };
    object! {
        "text": directions(drug),
        "timing": object! { "repeat": repeat },
        "asNeededBoolean": false,
        "route": words("by mouth"),
        "doseAndRate": [object! { "doseQuantity": quantity(drug.dose, 0, "mg", "mg") }],
    }
}

fn dispense(person: &Person, prescription: &str, fill: i64, day: &str, drug: &Drug) -> Resource {
    let kind = if fill == 0 { "FF" } else { "RF" };
    let body = object! {
        "status": "completed",
        "category": super::json::code("http://terminology.hl7.org/CodeSystem/medicationdispense-category", "community"),
        "medicationReference": reference("Medication", &medication_id(drug)),
        "subject": person.reference(),
        "performer": [object! { "actor": reference("Practitioner", PHARMACIST) }],
        "authorizingPrescription": [reference("MedicationRequest", prescription)],
        "type": super::json::code("http://terminology.hl7.org/CodeSystem/v3-ActCode", kind),
        "quantity": quantity((90 * drug.per_day) as f64, 0, "tablet", "{tbl}"),
        "daysSupply": quantity(90.0, 0, "days", "d"),
        "whenPrepared": format!("{day}T17:00:00Z"),
        "whenHandedOver": format!("{day}T18:30:00Z"),
        "dosageInstruction": [dosage(drug)],
        "substitution": object! { "wasSubstituted": false },
    };
    Resource::new("MedicationDispense", format!("{prescription}-fill{}", fill + 1), body)
}

/// What somebody takes without a prescription.
pub(super) fn of_own_accord(person: &Person, visit: &Visit) -> Resource {
    let body = object! {
        "status": "active",
        "category": super::json::code("http://terminology.hl7.org/CodeSystem/medication-statement-category", "patientspecified"),
        "medicationCodeableConcept": words("Vitamin D3 1,000 units"),
        "subject": person.reference(),
        "context": reference("Encounter", &visit.id),
        "effectivePeriod": object! { "start": visit.day.saturating_sub(100.days()) },
        "dateAsserted": visit.at(3),
        "informationSource": person.reference(),
        "reasonCode": [words("Bone health")],
        "dosage": [object! { "text": "One capsule in the morning" }],
    };
    Resource::new("MedicationStatement", format!("{}-vitamin", person.id), body)
}

/// What a patient with fever is given at the clinic.
pub(super) fn given_here(person: &Person, visit: &Visit, temperature: f64, random: &mut Random) -> Resource {
    let drug = &ACETAMINOPHEN;
    let body = object! {
        "status": "completed",
        "category": super::json::code("http://terminology.hl7.org/CodeSystem/medication-admin-category", "outpatient"),
        "medicationReference": reference("Medication", &medication_id(drug)),
        "subject": person.reference(),
        "context": reference("Encounter", &visit.id),
        "effectiveDateTime": visit.at(random.between(9, 14)),
        "performer": [object! { "actor": reference("Practitioner", super::clinic::NURSE) }],
        "reasonCode": [words("Fever")],
        "note": [object! { "text": format!("Temperature before: {temperature:.1} degrees Celsius") }],
        "dosage": object! {
            "text": "650 mg by mouth, once",
            "route": words("by mouth"),
            "dose": object! { "value": decimal(drug.dose, 0), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" },
        },
    };
    Resource::new("MedicationAdministration", format!("{}-given", visit.id), body)
}

/// What a patient says they take: one statement a drug, for the visit's note.
pub(super) fn told(story: &Story, visit: &Visit) -> Vec<Resource> {
    let told = |(number, course): (usize, &Course)| {
        let drug = course.drug(visit.number.saturating_sub(1));
        let body = object! {
            "status": "active",
            "medicationCodeableConcept": concept(RXNORM, drug.code, drug.name),
            "subject": story.person.reference(),
            "context": reference("Encounter", &visit.id),
            "effectivePeriod": period(story.visits[course.from].at(30), Json::default()),
            "dateAsserted": visit.at(4),
            "dosage": [object! { "text": directions(drug) }],
        };
        Resource::new("MedicationStatement", format!("{}-takes{}", visit.id, number + 1), body)
    };
    let before = visit.number.checked_sub(1);
    let courses = story.courses.iter().enumerate();
    courses.filter(|(_, course)| before.is_some_and(|before| course.is_active(before))).map(told).collect()
}
