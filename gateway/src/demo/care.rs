//! Plans and papers: goals, teams, care plans, devices, coverage, consent, documents, provenance.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan;

use super::catalogue::{Effect, ICD10, LOINC};
use super::clinic::{NURSE, ORGANIZATION, PAYORS, since};
use super::json::{Json, Resource, code, coding, concept, object, period, quantity, reference, words};
use super::medication::problem_id;
use super::person::{Person, TODAY, status};
use super::random::Random;
use super::story::{Course, Story, Visit};

const V3: &str = "http://terminology.hl7.org/CodeSystem";

/// A problem on the list.
pub(super) fn problem(story: &Story, number: usize, course: &Course) -> Resource {
    let (person, visit) = (&story.person, &story.visits[course.from]);
    let over = course.until.map(|until| story.visits[until].day);
    let body = object! {
        "clinicalStatus": status("condition-clinical", if over.is_some() { "resolved" } else { "active" }),
        "verificationStatus": status("condition-ver-status", "confirmed"),
        "category": [concept(&format!("{V3}/condition-category"), "problem-list-item", "Problem List Item")],
        "code": concept(ICD10, course.problem.code, course.problem.name),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "onsetDateTime": course.onset,
        "abatementDateTime": over,
        "recordedDate": visit.at(16),
        "recorder": person.provider(),
    };
    Resource::new("Condition", problem_id(story, number), body)
}

/// Goal, team and plan of those with a problem that stays; and the device that belongs to it.
pub(super) fn plan(story: &Story, out: &mut Vec<Resource>) {
    let person = &story.person;
    let lasting = |(_, course): &(usize, &Course)| course.until.is_none();
    let Some((number, course)) = story.courses.iter().enumerate().find(lasting) else { return };
    let start = &story.visits[course.from];
    let addressed = || Json::from([reference("Condition", &problem_id(story, number))]);
    let id = |part: &str| format!("{}-{part}", person.id);
    let (measure, name, target) = match course.problem.effect {
        Effect::Pressure => ("8480-6", "Systolic blood pressure", quantity(130.0, 0, "mm[Hg]", "mm[Hg]")),
        Effect::Sugar => ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", quantity(7.0, 1, "%", "%")),
        Effect::Lipids => {
            ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", quantity(200.0, 0, "mg/dL", "mg/dL"))
        }
        _ => ("29463-7", "Body weight", quantity(person.weight.round(), 0, "kg", "kg")),
    };
    let goal = object! {
        "lifecycleStatus": "active",
        "achievementStatus": code(&format!("{V3}/goal-achievement"), "improving"),
        "category": [code(&format!("{V3}/goal-category"), "physiotherapy")],
        "priority": code(&format!("{V3}/goal-priority"), "medium-priority"),
        "description": words(&format!("{name} at or below the target")),
        "subject": person.reference(),
        "startDate": start.day,
        "target": [object! {
            "measure": concept(LOINC, measure, name),
            "detailQuantity": target,
            "dueDate": TODAY.saturating_add(180.days()),
        }],
        "statusDate": start.day,
        "expressedBy": person.reference(),
        "addresses": addressed(),
    };
    out.push(Resource::new("Goal", id("goal"), goal));
    let member = |actor: Json, name: &str| {
        object! {
            "role": [words(name)],
            "member": actor,
            "onBehalfOf": reference("Organization", ORGANIZATION),
            "period": since(start.day),
        }
    };
    let team = object! {
        "status": "active",
        "category": [code(LOINC, "LA27976-2")],
        "name": "Care at Larkhaven",
        "subject": person.reference(),
        "encounter": reference("Encounter", &start.id),
        "period": since(start.day),
        "participant": [
            member(person.provider(), "Primary care"),
            member(reference("Practitioner", NURSE), "Nurse"),
        ],
        "reasonCode": [words(course.problem.name)],
        "managingOrganization": [reference("Organization", ORGANIZATION)],
        "telecom": [object! { "system": "phone", "value": "555-555-0100" }],
    };
    out.push(Resource::new("CareTeam", id("team"), team));
    let plan = object! {
        "status": "active",
        "intent": "plan",
        "category": [code("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")],
        "title": format!("Plan for {}", course.problem.name),
        "description": course.problem.advice,
        "subject": person.reference(),
        "encounter": reference("Encounter", &start.id),
        "period": since(start.day),
        "created": start.at(18),
        "author": person.provider(),
        "careTeam": [reference("CareTeam", &id("team"))],
        "addresses": addressed(),
        "goal": [reference("Goal", &id("goal"))],
        "activity": [object! { "detail": object! {
            "kind": "Task",
            "code": words("Measure at home"),
            "status": "in-progress",
            "scheduledString": "Every morning",
            "performer": [person.provider()],
            "description": course.problem.advice,
        } }],
    };
    out.push(Resource::new("CarePlan", id("plan"), plan));
    let (device, carrier) = match course.problem.effect {
        Effect::Sugar => ("Blood glucose meter", "00000000000017"),
        _ => ("Blood pressure monitor", "00000000000024"),
    };
    let device = object! {
        "udiCarrier": [object! {
            "deviceIdentifier": carrier,
            "issuer": "http://hl7.org/fhir/NamingSystem/gs1-di",
            "carrierHRF": format!("(01){carrier}(21)S{:05}", person.index + 1),
            "entryType": "manual",
        }],
        "status": "active",
        "manufacturer": "Fennimore Instruments",
        "manufactureDate": "2020-05-04",
        "lotNumber": format!("LOT{:03}", person.index % 40),
        "serialNumber": format!("S{:05}", person.index + 1),
        "deviceName": [object! { "name": device, "type": "user-friendly-name" }],
        "modelNumber": "M-2",
        "type": words(device),
        "patient": person.reference(),
        "owner": reference("Organization", ORGANIZATION),
    };
    out.push(Resource::new("Device", id("device"), device));
}

/// Who pays.
pub(super) fn coverage(person: &Person, random: &mut Random) -> Resource {
    let (payor, name) = *random.pick(PAYORS);
    let member = format!("B{:08}", random.between(1, 99_999_999));
    let class = |kind: &str, value: &str, name: &str| {
        object! {
            "type": code(&format!("{V3}/coverage-class"), kind), "value": value, "name": name,
        }
    };
    let body = object! {
        "identifier": [object! { "type": code(&format!("{V3}/v2-0203"), "MB"), "value": member.clone() }],
        "status": "active",
        "type": concept(&format!("{V3}/v3-ActCode"), "EHCPOL", "extended healthcare"),
        "subscriber": person.reference(),
        "subscriberId": member,
        "beneficiary": person.reference(),
        "relationship": code(&format!("{V3}/subscriber-relationship"), "self"),
        "period": since("2021-01-01"),
        "payor": [reference("Organization", payor)],
        "class": [class("group", "G-100", "Larkhaven residents"), class("plan", "P-20", name)],
        "order": 1,
        "network": "Larkhaven network",
    };
    Resource::new("Coverage", format!("{}-coverage", person.id), body)
}

/// The consent to keep the record and to treat.
pub(super) fn consent(person: &Person, visit: &Visit) -> Resource {
    let provision = object! {
        "type": "permit",
        "period": period(visit.day, TODAY.saturating_add(1825.days())),
        "actor": [object! {
            "role": concept(&format!("{V3}/v3-ParticipationType"), "CST", "custodian"),
            "reference": reference("Organization", ORGANIZATION),
        }],
        "action": [concept(&format!("{V3}/consentaction"), "access", "Access")],
        "securityLabel": [coding(&format!("{V3}/v3-Confidentiality"), "N", "normal")],
        "purpose": [coding(&format!("{V3}/v3-ActReason"), "TREAT", "treatment")],
        "class": [coding("http://hl7.org/fhir/resource-types", "Observation", "Observation")],
        "code": [concept(LOINC, "11506-3", "Progress note")],
    };
    let body = object! {
        "status": "active",
        "scope": code(&format!("{V3}/consentscope"), "patient-privacy"),
        "category": [concept(LOINC, "59284-0", "Consent Document")],
        "patient": person.reference(),
        "dateTime": visit.at(1),
        "performer": [person.reference()],
        "organization": [reference("Organization", ORGANIZATION)],
        "sourceReference": reference("DocumentReference", &format!("{}-form", person.id)),
        "policy": [object! { "authority": "https://example.org/larkhaven", "uri": "https://example.org/larkhaven/privacy" }],
        "verification": [object! { "verified": true, "verificationDate": visit.at(2) }],
        "provision": provision,
    };
    Resource::new("Consent", format!("{}-consent", person.id), body)
}

/// A letter with its text in it, and a signed form whose scan is a Binary.
pub(super) fn documents(person: &Person, visit: &Visit, out: &mut Vec<Resource>) {
    let letter = format!(
        "Dear {} {},\n\nthank you for your visit on {}. All results are in your record.\n\nLarkhaven Family Clinic\n",
        person.given[0], person.family, visit.day
    );
    let form = format!("Consent to treatment, signed by {} {} on {}.\n", person.given[0], person.family, visit.day);
    let binary = format!("{}-scan", person.id);
    for (part, loinc, name, content) in [
        (
            "letter",
            "51852-2",
            "Letter",
            object! {
                "contentType": "text/plain; charset=utf-8",
                "language": "en",
                "data": STANDARD.encode(&letter),
                "title": "Letter to the patient",
                "creation": visit.end(),
            },
        ),
        (
            "form",
            "59284-0",
            "Consent Document",
            object! {
                "contentType": "text/plain",
                "url": format!("Binary/{binary}"),
                "title": "Signed consent",
                "creation": visit.at(1),
            },
        ),
    ] {
        let body = object! {
            "status": "current",
            "docStatus": "final",
            "type": concept(LOINC, loinc, name),
            "category": [concept(
                "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
                "clinical-note",
                "Clinical Note"
            )],
            "subject": person.reference(),
            "date": visit.end(),
            "author": [person.provider()],
            "custodian": reference("Organization", ORGANIZATION),
            "content": [object! { "attachment": content }],
            "context": object! { "encounter": [reference("Encounter", &visit.id)] },
        };
        out.push(Resource::new("DocumentReference", format!("{}-{part}", person.id), body));
    }
    let body = object! {
        "contentType": "text/plain", "securityContext": person.reference(), "data": STANDARD.encode(form),
    };
    out.push(Resource::new("Binary", binary, body));
}

/// Who wrote a note.
pub(super) fn provenance(person: &Person, visit: &Visit) -> Resource {
    let agent = |kind: &str, name: &str, who: Json| {
        object! {
            "type": concept("http://terminology.hl7.org/CodeSystem/provenance-participant-type", kind, name),
            "who": who,
            "onBehalfOf": reference("Organization", ORGANIZATION),
        }
    };
    let body = object! {
        "target": [reference("Composition", &format!("{}-note", visit.id))],
        "occurredDateTime": visit.end(),
        "recorded": visit.at(121),
        "reason": [words("Visit")],
        "activity": concept(&format!("{V3}/v3-DataOperation"), "CREATE", "create"),
        "agent": [
            agent("author", "Author", person.provider()),
            agent("transmitter", "Transmitter", reference("Organization", ORGANIZATION)),
        ],
    };
    Resource::new("Provenance", format!("{}-provenance", visit.id), body)
}
