//! A visit as the front desk sees it: the appointment, the encounter, what it was about.

use jiff::ToSpan;
use jiff::civil::Date;

use super::catalogue::{ICD10, LOINC};
use super::clinic::{NURSE, ORGANIZATION, ROOM};
use super::json::{Json, Resource, coding, concept, decimal, identifier, object, period, reference, words};
use super::person::{Person, TODAY, status};
use super::random::Random;
use super::story::{Reason, Story, Visit, working_day};

const V3: &str = "http://terminology.hl7.org/CodeSystem";

/// The ICD-10-CM code a visit is about, and its name.
fn reason(story: &Story, visit: &Visit) -> (&'static str, &'static str) {
    match visit.reason {
        Reason::Annual => ("Z00.00", "Encounter for general adult medical examination without abnormal findings"),
        Reason::FollowUp => {
            let course = story.courses.iter().find(|course| course.is_active(visit.number));
            course.map_or(("Z71.89", "Other specified counseling"), |course| (course.problem.code, course.problem.name))
        }
        Reason::Illness(illness) => (illness.code, illness.name),
        Reason::Vaccine => ("Z23", "Encounter for immunization"),
    }
}

/// What the clinic calls such a visit.
fn title(visit: &Visit) -> &'static str {
    match visit.reason {
        Reason::Annual => "Annual visit",
        Reason::FollowUp => "Follow-up visit",
        Reason::Illness(_) => "Same-day visit",
        Reason::Vaccine => "Vaccination",
    }
}

/// Appointment, encounter and its diagnosis. `assessed` are the conditions of the visit's note.
pub(super) fn resources(story: &Story, visit: &Visit, assessed: &[Json], random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let notice = if matches!(visit.reason, Reason::Illness(_)) { 1 } else { random.between(7, 40) };
    let made = visit.day.saturating_sub(notice.days()).max(person.born);
    let slot = (visit.at(0), visit.end(), visit.minutes);
    out.push(appointment(person, &format!("{}-a", visit.id), "fulfilled", title(visit), made, slot));
    let (code, name) = reason(story, visit);
    let is_over = code.starts_with('Z');
    let diagnosis = object! {
        "clinicalStatus": status("condition-clinical", if is_over { "resolved" } else { "active" }),
        "verificationStatus": status("condition-ver-status", "confirmed"),
        "category": [concept(&format!("{V3}/condition-category"), "encounter-diagnosis", "Encounter Diagnosis")],
        "code": concept(ICD10, code, name),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "onsetDateTime": visit.day,
        "abatementDateTime": is_over.then_some(visit.day),
        "recordedDate": visit.at(5),
        "recorder": person.provider(),
    };
    let diagnosis = Resource::new("Condition", format!("{}-dx", visit.id), diagnosis);
    // What the note assessed has conditions of its own; the visit's own is for all else.
    let is_own = assessed.is_empty() || matches!(visit.reason, Reason::Annual | Reason::Vaccine);
    let own = is_own.then(|| diagnosis.reference());
    let billed = own.iter().chain(assessed).enumerate().map(|(rank, condition)| {
        object! {
            "condition": condition.clone(),
            "use": concept(&format!("{V3}/diagnosis-role"), "billing", "Billing"),
            "rank": rank as i64 + 1,
        }
    });
    let billed: Vec<Json> = billed.collect();
    let who = if matches!(visit.reason, Reason::Vaccine) { NURSE } else { person.practitioner };
    let body = object! {
        "identifier": [identifier("VN", "urn:example:visit", &format!("V-{}", visit.id))],
        "status": "finished",
        "class": coding(&format!("{V3}/v3-ActCode"), "AMB", "ambulatory"),
        "type": [words(title(visit))],
        "serviceType": concept(&format!("{V3}/service-type"), "124", "General Practice"),
        "priority": concept(&format!("{V3}/v3-ActPriority"), "R", "routine"),
        "subject": person.reference(),
        "participant": [object! {
            "type": [concept(&format!("{V3}/v3-ParticipationType"), "PPRF", "primary performer")],
            "period": period(visit.at(0), visit.end()),
            "individual": reference("Practitioner", who),
        }],
        "appointment": [reference("Appointment", &format!("{}-a", visit.id))],
        "period": period(visit.at(0), visit.end()),
        "length": object! {
            "value": visit.minutes, "unit": "min", "system": "http://unitsofmeasure.org", "code": "min",
        },
        "reasonCode": [concept(ICD10, code, name)],
        "diagnosis": billed,
        "location": [object! {
            "location": reference("Location", ROOM), "status": "completed", "period": period(visit.at(0), visit.end()),
        }],
        "serviceProvider": reference("Organization", ORGANIZATION),
    };
    out.push(Resource::new("Encounter", &visit.id, body));
    if own.is_some() {
        out.push(diagnosis);
    }
}

/// The visit to come, and for some one that was called off.
pub(super) fn to_come(story: &Story, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let Some(last) = story.visits.last() else { return };
    let day = working_day(TODAY.saturating_add(random.between(60, 160).days()));
    let slot = |day: Date| (format!("{day}T15:00:00Z"), format!("{day}T15:20:00Z"), 20);
    out.push(appointment(person, &format!("{}-next", person.id), "booked", "Follow-up visit", last.day, slot(day)));
    if random.chance(35) {
        let before = working_day(last.day.saturating_sub(random.between(9, 30).days()));
        let id = format!("{}-cancelled", person.id);
        let made = before.saturating_sub(20.days());
        out.push(appointment(person, &id, "cancelled", "Follow-up visit", made, slot(before)));
    }
}

fn appointment(
    person: &Person,
    id: &str,
    status: &str,
    title: &str,
    made: Date,
    (start, end, minutes): (String, String, i64),
) -> Resource {
    let takes_part = |actor: Json, answer: &str| object! { "actor": actor, "status": answer };
    let answer = if status == "cancelled" { "declined" } else { "accepted" };
    let body = object! {
        "identifier": [identifier("VN", "urn:example:appointment", &format!("A-{id}"))],
        "status": status,
        "cancelationReason": (status == "cancelled").then(|| words("Patient was travelling")),
        "serviceType": [concept(&format!("{V3}/service-type"), "124", "General Practice")],
        "appointmentType": concept(&format!("{V3}/v2-0276"), "ROUTINE", "Routine appointment"),
        "reasonCode": [words(title)],
        "description": title,
        "start": start,
        "end": end,
        "minutesDuration": minutes,
        "created": format!("{made}T15:30:00Z"),
        "patientInstruction": "Please bring all medication.",
        "participant": [
            takes_part(person.reference(), answer),
            takes_part(person.provider(), "accepted"),
            takes_part(reference("Location", ROOM), "accepted"),
        ],
    };
    Resource::new("Appointment", id, body)
}

/// The feet, looked at once a year: a finding with its parts.
fn examined(story: &Story, visit: &Visit) -> Resource {
    let part = |name: &str, found: &str| object! { "code": object! { "text": name }, "valueString": found };
    let body = object! {
        "status": "final",
        "category": [concept(&format!("{V3}/observation-category"), "exam", "Exam")],
        "code": object! { "text": "Examination of the feet" },
        "subject": story.person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "effectiveDateTime": visit.at(4),
        "issued": visit.at(4),
        "performer": [story.person.provider()],
        "component": [part("Pulses", "palpable on both sides"), part("Skin", "intact"), part("Sensation", "normal")],
    };
    Resource::new("Observation", format!("{}-feet", visit.id), body)
}

/// What of a small questionnaire and of life besides is asked once a year.
pub(super) fn asked(story: &Story, visit: &Visit, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let observation =
        |part: &str, category: &str, loinc: &str, name: &str, answer: (&'static str, Json), more: Option<Json>| {
            let body = object! {
                "status": "final",
                "category": [concept(&format!("{V3}/observation-category"), category, category)],
                "code": concept(LOINC, loinc, name),
                "subject": person.reference(),
                "encounter": reference("Encounter", &visit.id),
                "effectiveDateTime": visit.at(4),
                "issued": visit.at(4),
                "performer": [person.provider()],
                "derivedFrom": more,
            };
            Resource::new("Observation", format!("{}-{part}", visit.id), body.with(&[answer]))
        };
    let (smoking, smoking_name) = super::person::SMOKING[person.smoking];
    let answer = ("valueCodeableConcept", concept(LOINC, smoking, smoking_name));
    out.push(observation("smoking", "social-history", "72166-2", "Tobacco smoking status", answer, None));

    // Hunger Vital Sign: two questions, and what they come to.
    let hungry = (person.index % 6) == 4 && visit.number == 0;
    let (code, display) = if hungry { ("LA6729-3", "Sometimes true") } else { ("LA28398-8", "Never true") };
    let (risk, risk_name) = if hungry { ("LA19952-3", "At risk") } else { ("LA19983-8", "No risk") };
    const WORRIED: &str =
        "Within the past 12 months we worried whether our food would run out before we got money to buy more";
    let form = format!("{}-form", visit.id);
    let derived = || Some(Json::from([reference("QuestionnaireResponse", &form)]));
    let question = ("valueCodeableConcept", concept(LOINC, code, display));
    out.push(observation("food", "survey", "88122-7", WORRIED, question, derived()));
    let outcome = ("valueCodeableConcept", concept(LOINC, risk, risk_name));
    out.push(observation("food-risk", "survey", "88124-3", "Food insecurity risk [HVS]", outcome, derived()));
    let members = Json::from([
        reference("Observation", &format!("{}-food", visit.id)),
        reference("Observation", &format!("{}-food-risk", visit.id)),
    ]);
    out.push(observation("hunger", "survey", "88121-9", "Hunger Vital Sign [HVS]", ("hasMember", members), derived()));
    let mood = story.level(super::catalogue::Effect::Mood, visit).unwrap_or_else(|| random.within(0.0, 1.4)).round();
    let score = object! {
        "value": decimal(mood, 0), "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}",
    };
    let total = "Patient Health Questionnaire 2 item (PHQ-2) total score [Reported]";
    out.push(observation("phq2", "survey", "55758-7", total, ("valueQuantity", score), derived()));
    out.push(examined(story, visit));
    if hungry {
        out.push(concern(person, visit));
    }
    let body = object! {
        "identifier": object! { "system": "urn:example:form", "value": form.clone() },
        "questionnaire": "urn:example:questionnaire:check-in",
        "status": "completed",
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "authored": visit.at(2),
        "author": person.reference(),
        "source": person.reference(),
        "item": [
            object! { "linkId": "food", "text": WORRIED, "answer": [object! { "valueCoding": coding(LOINC, code, display) }] },
            object! { "linkId": "phq2", "text": total, "answer": [object! { "valueInteger": mood as i64 }] },
            object! { "linkId": "sleep", "text": "Hours of sleep a night", "answer": [object! {
                "valueDecimal": decimal(random.within(5.5, 8.5), 1) }] },
        ],
    };
    out.push(Resource::new("QuestionnaireResponse", form, body));
}

/// Somebody should see to it.
fn concern(person: &Person, visit: &Visit) -> Resource {
    let body = object! {
        "clinicalStatus": status("condition-clinical", "resolved"),
        "verificationStatus": status("condition-ver-status", "confirmed"),
        "category": [concept(
            "http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern", "Health Concern")],
        "code": concept(ICD10, "Z59.41", "Food insecurity"),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "onsetDateTime": visit.day,
        "abatementDateTime": visit.day.saturating_add(200.days()).min(TODAY),
        "recordedDate": visit.at(6),
        "recorder": person.provider(),
    };
    Resource::new("Condition", format!("{}-concern", visit.id), body)
}
