//! The words that Consents, resources and questions are made of: every criterion with values that are understood, and some that are not.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Value, json};

use crate::naive::vocabulary::{ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, PARTICIPATION, RESOURCE_TYPES};

pub(super) fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

pub(super) fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [coding(system, code)]})
}

/// One to two of them.
pub(super) fn some(values: Vec<Value>) -> BoxedStrategy<Value> {
    vec(select(values), 1..3).prop_map(Value::Array).boxed()
}

/// A weighted choice.
pub(super) fn choose(choices: Vec<(u32, Value)>) -> BoxedStrategy<Value> {
    Union::new_weighted(choices.into_iter().map(|(weight, value)| (weight, Just(value).boxed())).collect()).boxed()
}

pub(super) fn actors() -> Vec<Value> {
    let named = |role: &str, reference: &str| json!({"role": concept(PARTICIPATION, role), "reference": {"reference": reference}});
    vec![
        named("IRCP", "Practitioner/doctor"),
        named("IRCP", "Practitioner/other"),
        named("PRCP", "Organization/clinic"),
        named("PRCP", "Organization/other"),
        named("IRCP", "Patient/p"),
        named("IRCP", "Practitioner/doctor/_history/4"),
        named("IRCP", "https://other.example/fhir/Practitioner/doctor"),
        json!({"reference": {"reference": "Group/g"}}),
        named("CST", "Organization/clinic"),
        named("CST", "Organization/other"),
        named("AUT", "Practitioner/other"),
        named("AUT", "Practitioner/doctor"),
        json!({"role": {"text": "nurse"}, "reference": {"reference": "Practitioner/other"}}),
        named("IRCP", "#contained"),
        json!({"role": concept(PARTICIPATION, "IRCP"), "reference": {"identifier": {"value": "7"}}}),
        json!({"role": concept(PARTICIPATION, "PRCP"), "reference": {"display": "my neighbour"}}),
    ]
}

pub(super) fn purposes() -> Vec<Value> {
    let known = [
        "TREAT",
        "TREAT",
        "COC",
        "ETREAT",
        "BTG",
        "HPAYMT",
        "HOPERAT",
        "HRESCH",
        "CLINTRCH",
        "PATRQT",
        "HLEGAL",
        "PurposeOfUse",
    ];
    let mut all: Vec<Value> = known.iter().map(|code| coding(ACT_REASON, code)).collect();
    all.push(coding("https://clinic.example/purposes", "FooBar"));
    all.push(coding(ACT_REASON, "NOSUCH"));
    all.push(json!({"code": "TREAT"}));
    all
}

pub(super) fn actions() -> Vec<Value> {
    let mut all: Vec<Value> = ["access", "access", "use", "disclose", "collect", "correct"]
        .iter()
        .map(|code| concept(CONSENT_ACTION, code))
        .collect();
    all.push(concept(CONSENT_ACTION, "sell"));
    all.push(concept("https://clinic.example/actions", "access"));
    all.push(json!({"text": "read"}));
    all
}

pub(super) fn labels() -> Vec<Value> {
    let mut all: Vec<Value> =
        ["U", "L", "N", "N", "R", "R", "V"].iter().map(|code| coding(CONFIDENTIALITY, code)).collect();
    let sensitive = ["ETHUD", "SUD", "ETH", "SPI", "PSY", "PSYTHPN", "HIV", "SDV", "42CFRPart2"];
    all.extend(sensitive.iter().map(|code| coding(ACT_CODE, code)));
    all.push(coding(ACT_CODE, "NOAUTH"));
    all.push(coding(CONFIDENTIALITY, "X"));
    all.push(coding("https://clinic.example/labels", "HIV"));
    all
}

pub(super) fn classes() -> Vec<Value> {
    let known = ["Observation", "Observation", "Condition", "Encounter", "MedicationRequest", "DocumentReference"];
    let mut all: Vec<Value> = known.iter().map(|code| coding(RESOURCE_TYPES, code)).collect();
    all.push(coding(RESOURCE_TYPES, "Observations"));
    all.push(coding("urn:ietf:rfc:3986", "Observation"));
    all
}

pub(super) const CODES: [&str; 3] = ["29463-7", "8302-2", "2339-0"];

pub(super) fn codes() -> Vec<Value> {
    let mut all: Vec<Value> = CODES.iter().map(|code| concept("http://loinc.org", code)).collect();
    all.push(json!({"coding": [coding("http://loinc.org", "8302-2"), coding("https://clinic.example", "w")]}));
    all.push(concept("https://clinic.example", "29463-7"));
    all.push(json!({"text": "weight"}));
    all.push(json!({"coding": [{"code": "29463-7"}]}));
    all
}

pub(super) fn data() -> Vec<Value> {
    let of = |meaning: &str, reference: &str| json!({"meaning": meaning, "reference": {"reference": reference}});
    vec![
        of("instance", "Observation/1"),
        of("instance", "Encounter/1"),
        of("related", "Encounter/e"),
        of("related", "Encounter/1"),
        of("dependents", "Encounter/e"),
        of("related", "Patient/p"),
        of("authoredby", "Practitioner/doctor"),
        of("authoredby", "Practitioner/other/_history/2"),
        of("about", "Observation/1"),
        of("instance", "https://other.example/fhir/Observation/1"),
        of("related", "#contained"),
        json!({"meaning": "instance", "reference": {"display": "that one"}}),
    ]
}

/// Of a rule: when it is valid.
pub(super) fn periods() -> Vec<Value> {
    vec![
        json!({"start": "2020"}),
        json!({"start": "2020-01-01", "end": "2025-12-31"}),
        json!({"end": "2022-07-01"}),
        json!({"start": "2022-07-01T12:00:00Z"}),
        json!({"end": "2022-06-30T23:59:59-12:00"}),
        json!({"end": "2021-12"}),
        json!({"start": "2023-01-01"}),
        json!({"start": "2023-01-01", "end": "2022-01-01"}),
        json!({"end": "soon"}),
    ]
}

/// Of data.
pub(super) fn data_periods() -> Vec<Value> {
    vec![
        json!({"start": "2022-01-01", "end": "2022-12-31"}),
        json!({"start": "2022-06", "end": "2022-06"}),
        json!({"start": "2020"}),
        json!({"end": "2021-12-31"}),
        json!({"start": "2022-06-13T08:00:00Z", "end": "2022-06-13T08:00:00Z"}),
        json!({"start": "2023", "end": "2021"}),
        json!({"start": "soon"}),
    ]
}

/// The criteria by name, with values that they may have.
pub(crate) fn criteria() -> [(&'static str, Vec<Value>); 7] {
    [
        ("actor", actors()),
        ("purpose", purposes()),
        ("action", actions()),
        ("securityLabel", labels()),
        ("class", classes()),
        ("code", codes()),
        ("data", data()),
    ]
}

/// A value of each criterion that nobody understands.
pub(crate) fn doubts() -> [(&'static str, Value); 7] {
    [
        ("actor", json!({"reference": {"display": "my neighbour"}})),
        ("purpose", coding(ACT_REASON, "NOSUCH")),
        ("action", json!({"text": "read"})),
        ("securityLabel", coding("https://clinic.example/labels", "HIV")),
        ("class", coding(RESOURCE_TYPES, "Observations")),
        ("code", json!({"text": "weight"})),
        ("data", json!({"meaning": "about", "reference": {"reference": "Observation/1"}})),
    ]
}
