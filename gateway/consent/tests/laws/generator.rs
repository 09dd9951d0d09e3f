//! Random Consents, resources and questions over few words, so that things meet. About half of all Consents are plain, and
//! every kind of doubt comes up.

#[path = "values.rs"]
mod values;

use std::fmt;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

use crate::naive::vocabulary::{ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_SCOPE, OBSERVATION_VALUE, PCF};
use crate::naive::{Asking, Coding, span};
use ::consent::purpose::with_all_under;
use ::consent::statute::{Demand, Law};
use ::consent::{Labels, Statutes};

use values::{CODES, choose, coding, concept, data_periods, periods, some};
pub(crate) use values::{criteria, doubts};

/// One question with everything that answers it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) consents: Vec<Value>,
    pub(crate) resource: Value,
    pub(crate) asking: Asking,
}

impl fmt::Debug for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for consent in &self.consents {
            writeln!(formatter, "{consent}")?;
        }
        writeln!(formatter, "{}", self.resource)?;
        write!(formatter, "{}", format!("{:?}", self.asking).replace('\n', " "))
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    (vec(consent(), 0..4), resource(), asking()).prop_map(|(consents, resource, asking)| World {
        consents,
        resource,
        asking,
    })
}

/// Things that laws change, drawn beside a world.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    pub(crate) consent: Index,
    pub(crate) rule: Index,
    pub(crate) pick: Index,
    pub(crate) other: Index,
}

pub(crate) fn dice() -> impl Strategy<Value = Dice> {
    any::<[Index; 4]>().prop_map(|[consent, rule, pick, other]| Dice { consent, rule, pick, other })
}

/// A rule without type: few criteria of many.
fn bare_rule() -> BoxedStrategy<Map<String, Value>> {
    let [actor, purpose, action, label, class, code, data] = criteria().map(|(_, values)| weighted(0.14, some(values)));
    let odd = (weighted(0.14, select(periods())), weighted(0.10, select(data_periods())), 0..60_u8);
    (actor, purpose, action, label, class, code, data, odd)
        .prop_map(|(actor, purpose, action, label, class, code, data, (period, data_period, odd))| {
            let mut rule = Map::new();
            let named = [
                ("actor", actor),
                ("purpose", purpose),
                ("action", action),
                ("securityLabel", label),
                ("class", class),
                ("code", code),
                ("data", data),
                ("period", period),
                ("dataPeriod", data_period),
            ];
            for (name, value) in named {
                if let Some(value) = value {
                    rule.insert(name.to_owned(), value);
                }
            }
            match odd {
                1 => rule.insert(
                    "modifierExtension".to_owned(),
                    json!([{"url": "https://clinic.example/odd", "valueBoolean": true}]),
                ),
                2 => rule.insert("unless".to_owned(), json!("raining")),
                3 => rule.insert(
                    "extension".to_owned(),
                    json!([{"url": "https://clinic.example/note", "valueString": "x"}]),
                ),
                _ => None,
            };
            rule
        })
        .boxed()
}

fn nested_rule() -> impl Strategy<Value = Value> {
    let kind = choose(vec![(45, json!("permit")), (40, json!("deny")), (2, Value::Null), (2, json!("maybe"))]);
    (kind, bare_rule(), 0..40_u8).prop_map(|(kind, mut rule, deep)| {
        if !kind.is_null() {
            rule.insert("type".to_owned(), kind);
        }
        match deep {
            1 => rule.insert("provision".to_owned(), json!([{"type": "permit"}])),
            2 => rule
                .insert("provision".to_owned(), json!([{"type": "deny", "purpose": [coding(ACT_REASON, "HRESCH")]}])),
            _ => None,
        };
        Value::Object(rule)
    })
}

/// Root type, code of policyRule, names of PCF's policies or whole addresses.
type Base = (&'static str, &'static str, &'static [&'static str]);

const BASES: [(u32, Base); 23] = [
    (30, ("permit", "", &[])),
    (12, ("deny", "", &[])),
    (8, ("permit", "", &["https://clinic.example/policy"])),
    (3, ("deny", "", &["https://clinic.example/policy"])),
    (8, ("", "OPTIN", &[])),
    (2, ("", "OPTINR", &["https://clinic.example/policy"])),
    (6, ("", "OPTOUT", &[])),
    (2, ("", "NOCONSENT", &[])),
    (4, ("", "", &["Policy-basic-normal"])),
    (4, ("", "", &["Policy-all-normal"])),
    (2, ("", "", &["Policy-break-glass-only"])),
    (2, ("", "", &["Policy-deny", "https://clinic.example/policy"])),
    (3, ("permit", "", &["Policy-basic-normal"])),
    (2, ("deny", "", &["Policy-basic-normal"])),
    (2, ("permit", "OPTIN", &["Policy-all-normal"])),
    (1, ("deny", "OPTOUT", &[])),
    (1, ("permit", "OPTOUT", &[])),
    (1, ("deny", "OPTIN", &[])),
    (1, ("permit", "", &["Policy-deny"])),
    (1, ("", "OPTIN", &["Policy-break-glass-only"])),
    (1, ("", "", &[])),
    (1, ("", "CLINIC", &["https://clinic.example/policy"])),
    (2, ("permit", "CLINIC", &[])),
];

fn base() -> impl Strategy<Value = Base> {
    Union::new_weighted(BASES.iter().map(|(weight, base)| (*weight, Just(*base))).collect())
}

pub(crate) fn consent() -> impl Strategy<Value = Value> {
    let status = choose(vec![
        (60, json!("active")),
        (1, json!("draft")),
        (1, json!("inactive")),
        (1, json!("entered-in-error")),
        (1, json!("unknown")),
        (1, Value::Null),
    ]);
    let scope = choose(vec![
        (60, concept(CONSENT_SCOPE, "patient-privacy")),
        (10, concept(CONSENT_SCOPE, "research")),
        (1, concept(CONSENT_SCOPE, "treatment")),
        (1, concept(CONSENT_SCOPE, "adr")),
        (1, concept(CONSENT_SCOPE, "marketing")),
        (1, concept("https://clinic.example", "patient-privacy")),
        (1, Value::Null),
    ]);
    let patient = choose(vec![
        (60, json!({"reference": "Patient/p"})),
        (2, json!({"reference": "Patient/p/_history/2"})),
        (2, json!({"reference": "Patient/q"})),
        (1, Value::Null),
    ]);
    let identifiers = subsequence(vec!["a", "b"], 0..=2);
    let given =
        choose(vec![(2, json!("2020-01-01")), (2, json!("2021-01-01")), (2, json!("2022-01-01")), (1, Value::Null)]);
    let verification = choose(vec![
        (40, Value::Null),
        (1, json!([{"verified": false}])),
        (1, json!([{"verified": false}, {"verified": true}])),
    ]);
    let nested = Union::new_weighted(vec![
        (5, Just(Vec::new()).boxed()),
        (3, vec(nested_rule(), 1..2).boxed()),
        (2, vec(nested_rule(), 2..4).boxed()),
    ]);
    let root = Union::new_weighted(vec![(1, Just(Map::new()).boxed()), (2, bare_rule())]);
    let head = (status, scope, patient, identifiers, given, verification, 0..60_u8);
    (head, base(), root, nested).prop_map(
        |((status, scope, patient, identifiers, given, verification, odd), (kind, rule, uris), mut root, nested)| {
            if !kind.is_empty() {
                root.insert("type".to_owned(), json!(kind));
            }
            if !nested.is_empty() {
                root.insert("provision".to_owned(), Value::Array(nested));
            }
            let identifiers: Vec<Value> = identifiers
                .iter()
                .map(|value| json!({"system": "https://clinic.example/consents", "value": value}))
                .collect();
            let policies: Vec<Value> = uris
                .iter()
                .map(|uri| json!({"uri": if uri.contains(':') { (*uri).to_owned() } else { format!("{PCF}{uri}") }}))
                .collect();
            let rule = match rule {
                "" => Value::Null,
                "CLINIC" => concept("https://clinic.example", "RULE"),
                code => concept(ACT_CODE, code),
            };
            let mut consent = json!({"resourceType": "Consent"});
            let members = [
                ("status", status),
                ("scope", scope),
                ("patient", patient),
                ("identifier", Value::Array(identifiers)),
                ("dateTime", given),
                ("verification", verification),
                ("policy", Value::Array(policies)),
                ("policyRule", rule),
                ("provision", Value::Object(root)),
            ];
            for (name, value) in members {
                let nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty) || value == json!({});
                if !nothing {
                    consent[name] = value;
                }
            }
            match odd {
                1 => {
                    consent["modifierExtension"] = json!([{"url": "https://clinic.example/odd", "valueBoolean": true}])
                }
                2 => consent["implicitRules"] = json!("https://clinic.example/rules"),
                3 | 4 => consent["extension"] = json!([{"url": ::consent::PRESUMED, "valueBoolean": true}]),
                5 => consent["unless"] = json!("raining"),
                _ => {}
            }
            consent
        },
    )
}

/// What a resource may be labelled with.
pub(crate) fn resource_labels() -> Vec<Value> {
    let mut all: Vec<Value> =
        ["L", "N", "N", "R", "R", "V", "U", "M"].iter().map(|code| coding(CONFIDENTIALITY, code)).collect();
    let sensitive = ["ETHUD", "OPIOIDUD", "SUD", "BH", "PSY", "HIV", "SDV", "PSYTHPN", "42CFRPart2", "NOAUTH"];
    all.extend(sensitive.iter().map(|code| coding(ACT_CODE, code)));
    all.push(coding(ACT_REASON, "HTEST"));
    all.push(coding(OBSERVATION_VALUE, "CLINRPT"));
    all.push(coding("https://clinic.example/labels", "secret"));
    all.push(coding(CONFIDENTIALITY, "X"));
    all
}

pub(crate) fn resource() -> impl Strategy<Value = Value> {
    let kinds =
        select(vec!["Observation", "Observation", "Condition", "Encounter", "MedicationRequest", "DocumentReference"]);
    let labels = vec(select(resource_labels()), 0..3);
    let what = choose(vec![
        (5, concept("http://loinc.org", CODES[0])),
        (3, concept("http://loinc.org", CODES[1])),
        (
            1,
            json!({"coding": [coding("http://loinc.org", CODES[2]), coding("https://clinic.example", "w")], "text": "glucose"}),
        ),
        (1, json!({"text": "feels well"})),
        (1, Value::Null),
    ]);
    let author = choose(vec![
        (3, Value::Null),
        (2, json!("Practitioner/doctor")),
        (2, json!("Practitioner/other")),
        (1, json!("Practitioner/other/_history/9")),
        (1, json!("https://other.example/fhir/Practitioner/doctor")),
    ]);
    let encounter = choose(vec![(2, Value::Null), (2, json!("Encounter/e")), (1, json!("Encounter/f"))]);
    let when = choose(vec![
        (3, json!("2022-06-13")),
        (1, json!("2022-06-13T08:00:00Z")),
        (1, json!("2022-06")),
        (1, json!("2021-12-31")),
        (1, json!({"start": "2021-12-31", "end": "2022-01-01"})),
        (1, json!({"start": "2022-06-01", "end": "2022-06-02"})),
        (1, json!({"start": "2022-06-01"})),
        (1, json!({"end": "2021-06-01"})),
        (1, Value::Null),
    ]);
    (kinds, select(vec!["1", "1", "2"]), labels, what, author, encounter, when).prop_map(
        |(kind, id, labels, what, author, encounter, when)| build(kind, id, labels, &what, &author, &encounter, &when),
    )
}

fn build(
    kind: &str,
    id: &str,
    labels: Vec<Value>,
    what: &Value,
    author: &Value,
    encounter: &Value,
    when: &Value,
) -> Value {
    let mut resource = json!({"resourceType": kind, "id": id, "subject": {"reference": "Patient/p"}});
    if !labels.is_empty() {
        resource["meta"] = json!({"security": labels});
    }
    let author = (!author.is_null()).then(|| json!({"reference": author}));
    let encounter = (!encounter.is_null()).then(|| json!({"reference": encounter}));
    let period = when.is_object();
    let (code, by, during, time) = match kind {
        "Observation" => {
            ("code", "performer", "encounter", if period { "effectivePeriod" } else { "effectiveDateTime" })
        }
        "Condition" => ("code", "recorder", "encounter", if period { "onsetPeriod" } else { "onsetDateTime" }),
        "Encounter" => ("type", "participant", "", if period { "period" } else { "" }),
        "MedicationRequest" => {
            ("medicationCodeableConcept", "requester", "encounter", if period { "" } else { "authoredOn" })
        }
        _ => ("type", "author", "", ""),
    };
    if !what.is_null() {
        resource[code] = if kind == "Encounter" { json!([what]) } else { what.clone() };
    }
    if let Some(author) = author {
        resource[by] = match by {
            "author" | "performer" => json!([author]),
            "participant" => json!([{"individual": author}]),
            _ => author,
        };
    }
    match encounter {
        Some(encounter) if !during.is_empty() => resource[during] = encounter,
        Some(encounter) if kind == "DocumentReference" => resource["context"] = json!({"encounter": [encounter]}),
        _ => {}
    }
    if !when.is_null() && !time.is_empty() {
        resource[time] = when.clone();
    } else if kind == "DocumentReference" && when.as_str().is_some_and(|text| text.contains('T')) {
        resource["date"] = when.clone();
    } else if kind == "DocumentReference" && period {
        let mut context = resource["context"].as_object().cloned().unwrap_or_default();
        context.insert("period".to_owned(), when.clone());
        resource["context"] = Value::Object(context);
    }
    resource
}

/// A row of law over one of these labels.
pub(crate) fn law() -> impl Strategy<Value = Law> {
    let label = select(vec!["HIV", "SUD", "ETH", "BH", "SPI", "SDV", "ETHUD", "42CFRPart2"]);
    let purposes = select(vec!["", "", "TREAT", "HPAYMT", "HRESCH", "HOPERAT"]);
    let demand = select(vec![Demand::Consent, Demand::Named, Demand::Never]);
    (label, purposes, demand, any::<bool>()).prop_map(|(label, purposes, demand, emergency)| {
        let purposes = with_all_under(purposes).map(|codes| codes.into_iter().map(Box::from).collect());
        let labels = Labels::reached(ACT_CODE, label, true).expect("a sensitivity");
        Law { labels, purposes, demand, emergency, source: "a law".into() }
    })
}

fn statutes() -> impl Strategy<Value = Statutes> {
    weighted(0.3, vec(law(), 1..3)).prop_map(|laws| Statutes::new(laws.unwrap_or_default(), Vec::new()))
}

fn asking() -> impl Strategy<Value = Asking> {
    let everybody = vec![
        "Practitioner/doctor",
        "Organization/clinic",
        "Group/g",
        "Patient/p",
        "https://other.example/fhir/Practitioner/doctor",
    ];
    let purpose = choose(vec![
        (12, coding(ACT_REASON, "TREAT")),
        (2, coding(ACT_REASON, "ETREAT")),
        (1, coding(ACT_REASON, "COC")),
        (3, coding(ACT_REASON, "HPAYMT")),
        (1, coding(ACT_REASON, "HOPERAT")),
        (3, coding(ACT_REASON, "HRESCH")),
        (1, coding(ACT_REASON, "CLINTRCH")),
        (1, coding(ACT_REASON, "PATRQT")),
        (4, coding(ACT_REASON, "HLEGAL")),
        (1, coding(ACT_REASON, "BTG")),
        (1, coding(ACT_REASON, "ERTREAT")),
        (1, coding(ACT_REASON, "FAMRQT")),
        (1, coding(ACT_REASON, "HMARKT")),
        (1, coding(ACT_REASON, "NOSUCH")),
        (1, coding("https://clinic.example/purposes", "FooBar")),
        (1, Value::Null),
    ]);
    let action = select(vec!["access", "access", "access", "access", "collect", "correct", "use", "disclose"]);
    let at = select(vec!["2022-07-01T12:00:00Z", "2022-07-01T12:00:00Z", "2022-07-02", "2021-06-01", "2024-01-01"]);
    (subsequence(everybody, 1..=3), purpose, 0..10_u8, action, at, statutes()).prop_map(
        |(actors, purpose, glass, action, at, statutes)| Asking {
            actors: actors.into_iter().map(str::to_owned).collect(),
            purpose: purpose
                .as_object()
                .map(|_| Coding { system: text(&purpose, "system"), code: text(&purpose, "code") }),
            break_glass: glass == 0,
            action: action.to_owned(),
            at_ms: span(at).expect("a time").0,
            statutes,
        },
    )
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
