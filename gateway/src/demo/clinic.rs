//! The clinic: its organizations, places, people, and the drugs on its list.

use super::catalogue::{Drug, FORMULARY, RXNORM};
use super::json::{
    Json, Resource, code, coding, concept, decimal, identifier, object, period, quantity, reference, words,
};

/// The clinic's organization, the laboratory it sends to, the pharmacy next door.
pub(super) const ORGANIZATION: &str = "larkhaven-clinic";
pub(super) const LABORATORY: &str = "quillwater-laboratory";
pub(super) const PHARMACY: &str = "larkhaven-pharmacy";
/// Who pays: id and name.
pub(super) const PAYORS: &[(&str, &str)] =
    &[("bluebird-health", "Bluebird Health Plan"), ("copper-mutual", "Copper Hollow Mutual")];
/// Where patients are seen.
pub(super) const ROOM: &str = "larkhaven-room-1";
const BUILDING: &str = "larkhaven-building";

/// Somebody who works here: id, given name, family name, sex, national provider identifier, title, specialty (code of the
/// National Uniform Claim Committee and its name). The identifiers begin with 0, which no real one does.
type Colleague =
    (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, (&'static str, &'static str));

const FAMILY_MEDICINE: (&str, &str) = ("207Q00000X", "Family Medicine Physician");

/// Those whom patients see.
pub(super) const PRACTITIONERS: &[Colleague] = &[
    ("dr-marchetti", "Lucia", "Marchetti", "female", "0000000014", "MD", FAMILY_MEDICINE),
    ("dr-oyelaran", "Femi", "Oyelaran", "male", "0000000022", "MD", FAMILY_MEDICINE),
    ("dr-halvorsen", "Signe", "Halvorsen", "female", "0000000030", "MD", FAMILY_MEDICINE),
    ("np-delacruz", "Ramon", "de la Cruz", "male", "0000000048", "NP", ("363LF0000X", "Family Nurse Practitioner")),
];

/// The nurse, who vaccinates, and the pharmacist.
pub(super) const NURSE: &str = "rn-whitlock";
pub(super) const PHARMACIST: &str = "rph-adair";
const OTHERS: &[Colleague] = &[
    (NURSE, "June", "Whitlock", "female", "0000000055", "RN", ("163W00000X", "Registered Nurse")),
    (PHARMACIST, "Noel", "Adair", "male", "0000000063", "PharmD", ("183500000X", "Pharmacist")),
];

/// All of it as a transaction.
pub(super) fn bundle() -> Vec<u8> {
    let mut resources = vec![
        organization(ORGANIZATION, "Larkhaven Family Clinic", "prov", "Healthcare Provider", "100"),
        organization(LABORATORY, "Quillwater Laboratory", "prov", "Healthcare Provider", "101"),
        organization(PHARMACY, "Larkhaven Pharmacy", "prov", "Healthcare Provider", "102"),
    ];
    resources.extend(PAYORS.iter().map(|(id, name)| organization(id, name, "ins", "Insurance Company", "103")));
    resources.push(location(BUILDING, "Larkhaven Family Clinic", ("bu", "Building"), None));
    resources.push(location(ROOM, "Examination room 1", ("ro", "Room"), Some(BUILDING)));
    for colleague in PRACTITIONERS.iter().chain(OTHERS) {
        resources.push(practitioner(colleague));
        resources.push(role(colleague));
    }
    resources.extend(FORMULARY.iter().map(|drug| medication(drug)));
    super::json::transaction(resources)
}

/// The id of a drug's `Medication`.
pub(super) fn medication_id(drug: &Drug) -> String {
    format!("rx-{}", drug.code)
}

fn phone(last: &str) -> Json {
    Json::from([object! { "system": "phone", "value": format!("555-555-0{last}"), "use": "work", "rank": 1 }])
}

fn address() -> Json {
    object! {
        "use": "work", "type": "both", "line": ["12 Gristmill Road"], "city": "Larkhaven", "state": "TX",
        "postalCode": "00051", "country": "US",
    }
}

fn organization(id: &str, name: &str, kind: &str, display: &str, last: &str) -> Resource {
    let body = object! {
        "identifier": [identifier("XX", "urn:example:organization-number", &format!("ORG-{last}"))],
        "active": true,
        "type": [concept("http://terminology.hl7.org/CodeSystem/organization-type", kind, display)],
        "name": name,
        "alias": [name.split(' ').next().unwrap_or(name)],
        "telecom": phone(last),
        "address": [address()],
    };
    Resource::new("Organization", id, body)
}

fn location(id: &str, name: &str, (physical, physical_name): (&str, &str), part_of: Option<&str>) -> Resource {
    let body = object! {
        "identifier": [identifier("FI", "urn:example:room", id)],
        "status": "active",
        "name": name,
        "alias": ["Larkhaven"],
        "description": "Step-free from the parking lot",
        "mode": "instance",
        "type": [concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "OF", "Outpatient facility")],
        "telecom": phone("100"),
        "address": address(),
        "physicalType": concept("http://terminology.hl7.org/CodeSystem/location-physical-type", physical, physical_name),
        "position": object! { "longitude": decimal(-97.53, 2), "latitude": decimal(31.25, 2) },
        "managingOrganization": reference("Organization", ORGANIZATION),
        "partOf": part_of.map(|whole| reference("Location", whole)),
    };
    Resource::new("Location", id, body)
}

fn practitioner((id, given, family, sex, npi, title, _): &Colleague) -> Resource {
    let degree = coding("http://terminology.hl7.org/CodeSystem/v2-0360", title, title);
    let mail = format!("{}.{}@example.com", given.to_lowercase(), family.to_lowercase().replace(' ', ""));
    let body = object! {
        "identifier": [identifier("NPI", "http://hl7.org/fhir/sid/us-npi", npi)],
        "active": true,
        "name": [object! { "use": "official", "family": *family, "given": [*given], "suffix": [*title] }],
        "telecom": [object! { "system": "email", "value": mail, "use": "work" }],
        "address": [address()],
        "gender": *sex,
        "qualification": [object! {
            "code": object! { "coding": [degree], "text": *title },
            "period": object! { "start": "2009-06-15" },
            "issuer": object! { "display": "Larkhaven State University" },
        }],
        "communication": [code("urn:ietf:bcp:47", "en")],
    };
    Resource::new("Practitioner", *id, body)
}

fn role((id, _, _, _, npi, title, (specialty, display)): &Colleague) -> Resource {
    let (code, name) = match *title {
        "RN" => ("nurse", "Nurse"),
        "PharmD" => ("pharmacist", "Pharmacist"),
        _ => ("doctor", "Doctor"),
    };
    let organization = if *title == "PharmD" { PHARMACY } else { ORGANIZATION };
    let body = object! {
        "identifier": [identifier("EI", "urn:example:staff-number", &npi[6..])],
        "active": true,
        "period": object! { "start": "2015-01-01" },
        "practitioner": reference("Practitioner", id),
        "organization": reference("Organization", organization),
        "code": [concept("http://terminology.hl7.org/CodeSystem/practitioner-role", code, name)],
        "specialty": [concept("http://nucc.org/provider-taxonomy", specialty, display)],
        "location": [reference("Location", BUILDING)],
        "telecom": phone("100"),
        "availabilityExceptions": "Closed on public holidays",
    };
    Resource::new("PractitionerRole", format!("{id}-role"), body)
}

fn medication(drug: &Drug) -> Resource {
    let (ingredient, name) = drug.ingredient;
    // The strength of one tablet is in its name.
    let strength = drug.name.split(' ').find_map(|word| word.parse().ok()).unwrap_or(drug.dose);
    let body = object! {
        "code": concept(RXNORM, drug.code, drug.name),
        "status": "active",
        "form": words(if drug.name.ends_with("Capsule") { "capsule" } else { "tablet" }),
        "ingredient": [object! {
            "itemCodeableConcept": concept(RXNORM, ingredient, name),
            "isActive": true,
            "strength": object! {
                "numerator": quantity(strength, 0, "mg", "mg"),
                "denominator": quantity(1.0, 0, "tablet", "{tbl}"),
            },
        }],
        "batch": object! { "lotNumber": format!("LOT-{}", drug.code), "expirationDate": "2028-06-30" },
    };
    Resource::new("Medication", medication_id(drug), body)
}

/// From a date on, without an end.
pub(super) fn since(start: impl Into<Json>) -> Json {
    period(start, Json::default())
}
