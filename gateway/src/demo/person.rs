//! One synthetic person: what a front desk would know.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::clinic::{ORGANIZATION, PRACTITIONERS};
use super::json::{Json, Resource, array, boolean, object, reference, text};
use super::random::Random;
use super::{MRN_SYSTEM, names};

/// The day on which every generated record ends: the clock of the machine plays no part.
pub(super) const TODAY: Date = date(2026, 1, 15);

/// A person, and the stream that the rest of the record is drawn from.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) mrn: String,
    pub(super) given: [&'static str; 2],
    pub(super) family: &'static str,
    pub(super) female: bool,
    pub(super) born: Date,
    pub(super) practitioner: &'static str,
    /// Days at the clinic, the first one first; there is always one.
    pub(super) visits: Vec<Visit>,
    pub(super) random: Random,
}

/// A day at the clinic.
#[derive(Clone)]
pub(super) struct Visit {
    /// The encounter's id.
    pub(super) id: String,
    pub(super) day: Date,
}

impl Person {
    /// The person number `index` of a seed.
    pub(super) fn new(seed: u64, index: usize) -> Self {
        let mut random = Random::new(seed, index);
        let female = random.chance(52);
        let list = if female { names::FEMALE } else { names::MALE };
        let first = *random.pick(list);
        let others: Vec<_> = list.iter().copied().filter(|name| *name != first).collect();
        let middle = *random.pick(&others);
        let family = *random.pick(names::FAMILY);
        let born = TODAY.saturating_sub(random.between(19 * 365, 88 * 365).days());
        let practitioner = random.pick(PRACTITIONERS).0;
        let number = index + 1;
        let id = format!("p{number:04}");
        let visits = visits(&id, &mut random);
        Self {
            id,
            mrn: format!("MRN-{number:06}"),
            given: [first, middle],
            family,
            female,
            born,
            practitioner,
            visits,
            random,
        }
    }

    /// Age in whole years.
    pub(super) fn age(&self) -> i64 {
        let years = i64::from(TODAY.year() - self.born.year());
        if (TODAY.month(), TODAY.day()) < (self.born.month(), self.born.day()) { years - 1 } else { years }
    }

    /// The Patient resource.
    pub(super) fn resource(&mut self) -> Resource {
        let mut members = vec![
            ("identifier", self.identifiers()),
            ("active", boolean(true)),
            ("name", array([self.name()])),
            ("telecom", self.telecom()),
            ("gender", text(if self.female { "female" } else { "male" })),
            ("birthDate", text(&self.born.to_string())),
            ("address", array([self.address()])),
            ("maritalStatus", self.marital_status()),
        ];
        if self.random.chance(70) {
            members.push(("contact", array([self.contact()])));
        }
        members.push(("communication", array([self.communication()])));
        members.push(("generalPractitioner", array([reference("Practitioner", self.practitioner)])));
        members.push(("managingOrganization", reference("Organization", ORGANIZATION)));
        Resource { kind: "Patient", id: self.id.clone(), members }
    }

    fn identifiers(&mut self) -> Json {
        let kind = object([(
            "coding",
            array([object([("system", text("http://terminology.hl7.org/CodeSystem/v2-0203")), ("code", text("MR"))])]),
        )]);
        let record =
            object([("use", text("usual")), ("type", kind), ("system", text(MRN_SYSTEM)), ("value", text(&self.mrn))]);
        let member = object([
            ("system", text("urn:example:insurance-member")),
            ("value", text(&format!("XM{:09}", self.random.between(1, 999_999_999)))),
        ]);
        array([record, member])
    }

    fn name(&self) -> Json {
        object([
            ("use", text("official")),
            ("family", text(self.family)),
            ("given", array(self.given.iter().map(|name| text(name)))),
        ])
    }

    fn telecom(&mut self) -> Json {
        let phone = fictional_phone(&mut self.random);
        let local: String = format!("{}.{}", self.given[0], self.family)
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '.')
            .collect();
        let mail = format!("{}.{}@example.com", local.to_lowercase(), self.id);
        array([
            object([("system", text("phone")), ("value", text(&phone)), ("use", text("mobile"))]),
            object([("system", text("email")), ("value", text(&mail)), ("use", text("home"))]),
        ])
    }

    fn address(&mut self) -> Json {
        let line = format!("{} {}", self.random.between(1, 980), self.random.pick(names::STREETS));
        let (city, state, postal) = *self.random.pick(names::TOWNS);
        object([
            ("use", text("home")),
            ("line", array([text(&line)])),
            ("city", text(city)),
            ("state", text(state)),
            ("postalCode", text(postal)),
            ("country", text("US")),
        ])
    }

    fn marital_status(&mut self) -> Json {
        let (code, display) = *self.random.pick(&[("M", "Married"), ("S", "Never Married"), ("D", "Divorced")]);
        super::json::concept("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", code, display)
    }

    fn contact(&mut self) -> Json {
        let female = self.random.chance(50);
        let given = *self.random.pick(if female { names::FEMALE } else { names::MALE });
        let phone = fictional_phone(&mut self.random);
        object([
            (
                "relationship",
                array([super::json::concept(
                    "http://terminology.hl7.org/CodeSystem/v2-0131",
                    "C",
                    "Emergency Contact",
                )]),
            ),
            ("name", object([("family", text(self.family)), ("given", array([text(given)]))])),
            ("telecom", array([object([("system", text("phone")), ("value", text(&phone))])])),
        ])
    }

    fn communication(&mut self) -> Json {
        let (code, display) = *self.random.pick(names::LANGUAGES);
        object([("language", super::json::concept("urn:ietf:bcp:47", code, display)), ("preferred", boolean(true))])
    }
}

/// A number of the range that is kept free for fiction.
fn fictional_phone(random: &mut Random) -> String {
    format!("555-555-{:04}", random.between(100, 199))
}

fn visits(patient: &str, random: &mut Random) -> Vec<Visit> {
    let mut day = TODAY.saturating_sub(random.between(400, 900).days());
    let mut visits = Vec::new();
    for number in 1..=random.between(1, 3) {
        visits.push(Visit { id: format!("{patient}-e{number}"), day });
        day = day.saturating_add(random.between(60, 180).days());
    }
    visits
}
