//! What came before and runs alongside: allergies, the family, vaccines, procedures, what patients report of themselves.

use jiff::ToSpan;
use jiff::civil::Date;

use super::catalogue::{Allergen, CVX, Effect, ICD10, INFLUENZA, LOINC, PNEUMOCOCCUS, RXNORM, TDAP, ZOSTER};
use super::clinic::{NURSE, ROOM};
use super::json::{Json, Resource, code, concept, decimal, object, quantity, reference, words};
use super::person::{Person, TODAY, status};
use super::random::Random;
use super::story::{Reason, Story, Visit};

/// An allergy, as it is told at a visit.
pub(super) fn allergy(person: &Person, allergen: &Allergen, visit: &Visit, id: &str) -> Resource {
    let substance = match allergen.code {
        Some(code) => concept(RXNORM, code, allergen.name),
        None => words(allergen.name),
    };
    let body = object! {
        "clinicalStatus": status("allergyintolerance-clinical", "active"),
        "verificationStatus": status("allergyintolerance-verification", "confirmed"),
        "type": "allergy",
        "category": [allergen.category],
        "criticality": if allergen.severity == "severe" { "high" } else { "low" },
        "code": substance,
        "patient": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "recordedDate": visit.at(5),
        "recorder": person.provider(),
        "reaction": [object! { "manifestation": [words(allergen.reaction)], "severity": allergen.severity }],
    };
    Resource::new("AllergyIntolerance", id, body)
}

/// Mother and father, who have what their child has.
pub(super) fn family(story: &Story, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    for (part, code, name, sex) in [("mother", "MTH", "mother", "female"), ("father", "FTH", "father", "male")] {
        let mut ill = Vec::new();
        for course in story.courses.iter().filter(|course| !course.problem.resolves) {
            if random.chance(60) {
                let (code, name) = (course.problem.code, course.problem.name);
                ill.push(object! { "code": concept(ICD10, code, name), "onsetAge": age(random.between(44, 66)) });
            }
        }
        let years = person.age(TODAY) + random.between(22, 38);
        let is_dead = years > 84 || random.chance(15);
        let ill_ones = if ill.is_empty() && part == "father" {
            vec![object! { "code": concept(ICD10, "I10", "Essential (primary) hypertension"), "onsetAge": age(57) }]
        } else {
            ill
        };
        let body = object! {
            "status": "completed",
            "patient": person.reference(),
            "date": story.visits[0].day,
            "relationship": concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", code, name),
            "sex": super::json::code("http://hl7.org/fhir/administrative-gender", sex),
            "ageAge": (!is_dead).then(|| age(years)),
            "deceasedAge": is_dead.then(|| age(years.min(67 + random.between(0, 17)))),
            "condition": ill_ones,
        };
        out.push(Resource::new("FamilyMemberHistory", format!("{}-{part}", person.id), body));
    }
}

fn age(years: i64) -> Json {
    object! { "value": years, "unit": "years", "system": "http://unitsofmeasure.org", "code": "a" }
}

/// The vaccines of a visit: in autumn the yearly one, the others by age.
pub(super) fn vaccines(story: &Story, visit: &Visit, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let season = |day: Date| (9..=12).contains(&day.month());
    let is_first = !story.visits[..visit.number]
        .iter()
        .any(|other| season(other.day) && other.day.year() == visit.day.year() && takes(other));
    let mut given: Vec<((&str, &str), i64)> = Vec::new();
    if season(visit.day) && is_first && takes(visit) {
        given.push((INFLUENZA, 1));
    }
    let annuals = story.visits[..visit.number].iter().filter(|other| matches!(other.reason, Reason::Annual)).count();
    if matches!(visit.reason, Reason::Annual) {
        match annuals {
            0 if person.age(visit.day) >= 65 => given.push((PNEUMOCOCCUS, 1)),
            1 if person.age(visit.day) >= 51 => given.push((ZOSTER, 1)),
            2 if person.age(visit.day) >= 52 => given.push((ZOSTER, 2)),
            3 => given.push((TDAP, 1)),
            _ => {}
        }
    }
    for ((cvx, name), dose) in given {
        let body = object! {
            "status": "completed",
            "vaccineCode": concept(CVX, cvx, name),
            "patient": person.reference(),
            "encounter": reference("Encounter", &visit.id),
            "occurrenceDateTime": visit.at(8),
            "recorded": visit.at(9),
            "primarySource": true,
            "location": reference("Location", ROOM),
            "lotNumber": format!("LK{:05}", random.between(1, 99_999)),
            "expirationDate": visit.day.saturating_add(400.days()),
            "site": concept("http://terminology.hl7.org/CodeSystem/v3-ActSite", "LA", "left arm"),
            "route": concept("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "IM", "Injection, intramuscular"),
            "doseQuantity": quantity(0.5, 1, "mL", "mL"),
            "performer": [object! { "actor": reference("Practitioner", NURSE) }],
            "protocolApplied": [object! { "doseNumberPositiveInt": dose }],
        };
        out.push(Resource::new("Immunization", format!("{}-cvx{cvx}", visit.id), body));
    }
}

/// Nobody is vaccinated with a fever.
fn takes(visit: &Visit) -> bool {
    !matches!(visit.reason, Reason::Illness(_))
}

/// What was done long ago or in these years, outside a note.
pub(super) fn procedure(story: &Story, visit: &Visit) -> Resource {
    let person = &story.person;
    let body = object! {
        "status": "completed",
        "category": words("Screening"),
        "code": words(if person.age(visit.day) >= 45 { "Screening colonoscopy" } else { "Electrocardiogram" }),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "performedDateTime": visit.at(20),
        "recorder": person.provider(),
        "performer": [object! { "function": words("Examiner"), "actor": person.provider() }],
        "location": reference("Location", ROOM),
        "reasonCode": [words("Screening")],
        "outcome": words("Without findings"),
    };
    Resource::new("Procedure", format!("{}-procedure", person.id), body)
}

/// What a former smoker carries along: a condition on no list.
pub(super) fn past_smoking(person: &Person, visit: &Visit) -> Resource {
    let body = object! {
        "clinicalStatus": status("condition-clinical", "inactive"),
        "verificationStatus": status("condition-ver-status", "confirmed"),
        "code": concept(ICD10, "Z87.891", "Personal history of nicotine dependence"),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "recordedDate": visit.at(6),
        "recorder": person.provider(),
    };
    Resource::new("Condition", format!("{}-past-smoking", person.id), body)
}

/// Mood, sleep and the like, reported in the last weeks by the patient's telephone.
pub(super) fn events(story: &Story, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let sad = story.visits.last().is_some_and(|visit| story.has(Effect::Mood, visit.number));
    for week in 1..=4 {
        let day = TODAY.saturating_sub((week * 7 - 5).days());
        let mood = if sad { random.between(4, 7) } else { random.between(6, 9) };
        let confidence = random.between(5, 9);
        out.push(event(person, "mood", week, day, "survey", None, &[("valueInteger", mood.into())]));
        out.push(event(person, "confidence", week, day, "survey", None, &[("valueInteger", confidence.into())]));
        let hours = measured(decimal(random.within(5.5, 8.5), 1), "h", "h");
        let sleep = [("valueQuantity", hours)];
        out.push(event(person, "sleep", week, day, "activity", Some("93832-4"), &sleep));
        let minutes = measured(random.between(10, 60).into(), "min", "min");
        let steps = object! {
            "code": code(LOINC, "55423-8"),
            "valueQuantity": measured(random.between(2500, 11_000).into(), "steps", "{steps}"),
        };
        let walked = [("valueQuantity", minutes), ("component", Json::from([steps]))];
        out.push(event(person, "activity", week, day, "activity", None, &walked));
    }
}

fn event(
    person: &Person,
    name: &str,
    week: i64,
    day: Date,
    category: &str,
    loinc: Option<&str>,
    value: &[(&str, Json)],
) -> Resource {
    let mut codings = vec![object! { "system": "https://fhir-gateway.dev/CodeSystem/health-event", "code": name }];
    codings.extend(loinc.map(|loinc| object! { "system": LOINC, "code": loinc }));
    let body = object! {
        "extension": [object! {
            "url": "https://fhir-gateway.dev/StructureDefinition/event-source", "valueString": "phone app",
        }],
        "status": "final",
        "category": [code("http://terminology.hl7.org/CodeSystem/observation-category", category)],
        "code": object! { "coding": codings },
        "subject": person.reference(),
        "effectiveDateTime": format!("{day}T20:15:00Z"),
    };
    Resource::new("Observation", format!("{}-{name}{week}", person.id), body.with(value))
}

fn measured(value: Json, unit: &str, ucum: &str) -> Json {
    object! { "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": ucum }
}
