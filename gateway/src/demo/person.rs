//! One synthetic person: what a front desk would know.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::catalogue::{ALLERGENS, Allergen, Drug};
use super::clinic::{ORGANIZATION, PRACTITIONERS};
use super::json::{Json, Resource, code, coding, concept, identifier, object, reference};
use super::random::Random;
use super::{MRN_SYSTEM, names};

/// The day on which every generated record ends: the clock of the machine plays no part.
pub(super) const TODAY: Date = date(2026, 10, 30);

/// Whether somebody smokes: LOINC answer and its name.
pub(super) const SMOKING: &[(&str, &str)] =
    &[("LA18978-9", "Never smoker"), ("LA15920-4", "Former smoker"), ("LA18976-3", "Current every day smoker")];

/// OMB categories of race: <https://terminology.hl7.org/CodeSystem-CDCREC.html>
const RACES: &[(&str, &str)] = &[
    ("2106-3", "White"),
    ("2054-5", "Black or African American"),
    ("2028-9", "Asian"),
    ("1002-5", "American Indian or Alaska Native"),
];

/// A person.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) given: [&'static str; 2],
    pub(super) family: &'static str,
    pub(super) female: bool,
    pub(super) born: Date,
    pub(super) practitioner: &'static str,
    pub(super) allergen: Option<&'static Allergen>,
    /// Index into [`SMOKING`].
    pub(super) smoking: usize,
    /// Centimetres.
    pub(super) height: i64,
    /// Kilograms, five years ago.
    pub(super) weight: f64,
    pub(super) phone: String,
    home: Json,
}

impl Person {
    /// The person number `index`, from the first numbers of its stream.
    pub(super) fn new(index: usize, random: &mut Random) -> Self {
        let female = random.chance(52);
        let list = if female { names::FEMALE } else { names::MALE };
        let first = *random.pick(list);
        let others: Vec<_> = list.iter().copied().filter(|name| *name != first).collect();
        let middle = *random.pick(&others);
        let family = *random.pick(names::FAMILY);
        let born = TODAY.saturating_sub(random.between(25 * 365, 88 * 365).days());
        let practitioner = random.pick(PRACTITIONERS).0;
        let height = if female { random.between(152, 178) } else { random.between(164, 193) };
        Self {
            index,
            id: format!("p{:04}", index + 1),
            given: [first, middle],
            family,
            female,
            born,
            practitioner,
            allergen: random.chance(45).then(|| random.pick(ALLERGENS)),
            smoking: *random.pick(&[0, 0, 0, 1, 2]),
            height,
            weight: random.within(20.5, 33.0) * (height as f64 / 100.0).powi(2),
            phone: fictional_phone(random),
            home: address(random),
        }
    }

    /// Age in whole years on a day.
    pub(super) fn age(&self, day: Date) -> i64 {
        let years = i64::from(day.year() - self.born.year());
        if (day.month(), day.day()) < (self.born.month(), self.born.day()) { years - 1 } else { years }
    }

    /// Whether nothing is known that speaks against a drug.
    pub(super) fn may_take(&self, drug: &Drug) -> bool {
        self.allergen.is_none_or(|allergen| !allergen.excludes.contains(&drug.ingredient.0))
    }

    /// A reference to the patient.
    pub(super) fn reference(&self) -> Json {
        reference("Patient", &self.id)
    }

    /// A reference to the patient's practitioner.
    pub(super) fn provider(&self) -> Json {
        reference("Practitioner", self.practitioner)
    }

    /// The Patient.
    pub(super) fn resource(&self, random: &mut Random) -> Resource {
        let (town, state, _) = *random.pick(names::TOWNS);
        let (marital, marital_display) = *random.pick(&[("M", "Married"), ("S", "Never Married"), ("D", "Divorced")]);
        let member = format!("XM{:09}", random.between(1, 999_999_999));
        let elsewhere = object! {
            "other": object! {
                "identifier": object! { "system": "urn:example:hospital-mrn", "value": format!("H{member}") },
                "display": "Record at the county hospital",
            },
            "type": "seealso",
        };
        let body = object! {
            "extension": self.extensions(town, state, random),
            "identifier": [
                identifier("MR", MRN_SYSTEM, &format!("MRN-{:06}", self.index + 1)),
                object! { "system": "urn:example:insurance-member", "value": member },
            ],
            "active": true,
            "name": [
                object! { "use": "official", "family": self.family, "given": self.given },
                object! { "use": "nickname", "given": [self.given[0]] },
            ],
            "telecom": [
                object! { "system": "phone", "value": &self.phone, "use": "mobile" },
                object! { "system": "email", "value": self.mail(), "use": "home" },
            ],
            "gender": if self.female { "female" } else { "male" },
            "birthDate": self.born,
            "address": [self.home.clone()],
            "maritalStatus": concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", marital, marital_display),
            "contact": random.chance(70).then(|| [self.contact(random)]),
            "communication": [communication(random)],
            "generalPractitioner": [self.provider()],
            "managingOrganization": reference("Organization", ORGANIZATION),
            "link": (self.index % 5 == 2).then_some([elsewhere]),
        };
        Resource::new("Patient", &self.id, body)
    }

    fn mail(&self) -> String {
        let name = format!("{}.{}", self.given[0], self.family);
        let local: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        format!("{}.{}@example.com", local.to_lowercase(), self.id)
    }

    /// Race, ethnicity, birth sex and what a birth certificate says.
    fn extensions(&self, town: &str, state: &str, random: &mut Random) -> Json {
        const CDC: &str = "urn:oid:2.16.840.1.113883.6.238";
        const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition";
        let (race, race_name) = *random.pick(RACES);
        let (ethnicity, ethnicity_name) =
            *random.pick(&[("2135-2", "Hispanic or Latino"), ("2186-5", "Not Hispanic or Latino")]);
        let category = |code: &str, name: &str| {
            Json::from([
                object! { "url": "ombCategory", "valueCoding": coding(CDC, code, name) },
                object! { "url": "text", "valueString": name },
            ])
        };
        let birth_place = object! { "city": town, "state": state, "country": "US" };
        Json::from([
            object! { "url": format!("{US_CORE}/us-core-race"), "extension": category(race, race_name) },
            object! { "url": format!("{US_CORE}/us-core-ethnicity"), "extension": category(ethnicity, ethnicity_name) },
            object! { "url": format!("{US_CORE}/us-core-birthsex"), "valueCode": if self.female { "F" } else { "M" } },
            object! {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName",
                "valueString": *random.pick(names::FAMILY),
            },
            object! {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
                "valueAddress": birth_place,
            },
        ])
    }

    fn contact(&self, random: &mut Random) -> Json {
        let female = random.chance(50);
        let given = *random.pick(if female { names::FEMALE } else { names::MALE });
        object! {
            "relationship": [concept("http://terminology.hl7.org/CodeSystem/v2-0131", "C", "Emergency Contact")],
            "name": object! { "family": self.family, "given": [given] },
            "telecom": [object! { "system": "phone", "value": fictional_phone(random) }],
        }
    }

    /// Somebody close.
    pub(super) fn related(&self, random: &mut Random) -> Resource {
        let female = random.chance(50);
        let given = *random.pick(if female { names::FEMALE } else { names::MALE });
        let (code, display) = *random.pick(&[("SPS", "spouse"), ("SIB", "sibling"), ("FRND", "unrelated friend")]);
        let id = format!("{}-relative", self.id);
        let body = object! {
            "identifier": [identifier("PI", "urn:example:contact-number", &format!("C-{:06}", self.index + 1))],
            "active": true,
            "patient": self.reference(),
            "relationship": [concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", code, display)],
            "name": [object! { "use": "usual", "family": self.family, "given": [given] }],
            "telecom": [object! { "system": "phone", "value": fictional_phone(random), "use": "mobile", "rank": 1 }],
            "gender": if female { "female" } else { "male" },
            "address": [self.home.clone()],
            "communication": [object! { "language": super::json::code("urn:ietf:bcp:47", "en") }],
        };
        Resource::new("RelatedPerson", id, body)
    }
}

/// A number of the range that is kept free for fiction.
fn fictional_phone(random: &mut Random) -> String {
    format!("555-555-{:04}", random.between(100, 199))
}

fn address(random: &mut Random) -> Json {
    let line = format!("{} {}", random.between(1, 980), random.pick(names::STREETS));
    let (city, state, postal) = *random.pick(names::TOWNS);
    object! {
        "use": "home", "line": [line], "city": city, "state": state, "postalCode": postal, "country": "US",
    }
}

fn communication(random: &mut Random) -> Json {
    let (language, display) = *random.pick(names::LANGUAGES);
    object! { "language": concept("urn:ietf:bcp:47", language, display), "preferred": true }
}

/// `active`, `confirmed` and the like, as conditions and allergies say them.
pub(super) fn status(list: &str, value: &str) -> Json {
    code(&format!("http://terminology.hl7.org/CodeSystem/{list}"), value)
}
