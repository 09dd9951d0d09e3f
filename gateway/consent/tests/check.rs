//! Decisions without a database: the sense of each ruling (RULINGS.md), one small Consent each.

#![allow(clippy::unwrap_used)]

use consent::{Asking, Coding, Statutes, check};
use serde_json::{Value, json};

const AT: i64 = 1_700_000_000_000;

fn consent(policy: Value, provision: Value) -> Value {
    let mut consent = json!({
        "resourceType": "Consent", "id": "c", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "patient": {"reference": "Patient/p"}, "dateTime": "2022-06-13",
    });
    for part in [policy, provision] {
        let object = consent.as_object_mut().unwrap();
        part.as_object().unwrap().iter().for_each(|(name, value)| drop(object.insert(name.clone(), value.clone())));
    }
    consent
}

fn typed(provision: Value) -> Value {
    consent(json!({}), json!({ "provision": provision }))
}

fn ruled(code: &str, provision: Value) -> Value {
    let rule = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code}]});
    consent(
        json!({ "policyRule": rule }),
        if provision.is_null() { json!({}) } else { json!({ "provision": provision }) },
    )
}

fn level(code: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code})
}

fn sensitivity(code: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code})
}

fn purpose(code: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code})
}

fn recipient(reference: &str) -> Value {
    let role =
        json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]});
    json!({"role": role, "reference": {"reference": reference}})
}

fn observation(security: &[Value]) -> Value {
    json!({
        "resourceType": "Observation", "id": "o", "status": "final", "meta": {"security": security},
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2022-06-13", "encounter": {"reference": "Encounter/e"},
        "performer": [{"reference": "Practitioner/dr"}],
    })
}

fn asking(purpose: &str, actors: &[&str]) -> Asking {
    Asking {
        actors: actors.iter().map(|&actor| actor.to_owned()).collect(),
        purpose: Some(Coding::purpose(purpose)),
        break_glass: false,
        action: "access".to_owned(),
        at_ms: AT,
        statutes: Statutes::default(),
    }
}

fn permits(consents: &[Value], resource: &Value, asking: &Asking) -> bool {
    let texts: Vec<String> = consents.iter().map(Value::to_string).collect();
    let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    check(&texts, resource.to_string().as_bytes(), asking).unwrap().permit
}

#[track_caller]
fn expect(permit: bool, consents: &[Value], resource: &Value, asking: &Asking) {
    assert_eq!(permits(consents, resource, asking), permit, "{consents:#?} {resource:#} {asking:?}");
}

#[test]
fn a_permit_for_purposes_permits_these_and_what_is_under_them() {
    let tpo = [typed(json!({"type": "permit", "purpose": [purpose("TREAT"), purpose("HPAYMT")]}))];
    for (code, permit) in [("TREAT", true), ("ETREAT", true), ("COVERAGE", true), ("HRESCH", false), ("HOPERAT", false)]
    {
        expect(permit, &tpo, &observation(&[]), &asking(code, &[]));
    }
}

#[test]
fn a_nested_permit_adds_for_its_actor_and_inherits_the_purposes() {
    let nested =
        json!({"type": "permit", "securityLabel": [sensitivity("PSY")], "actor": [recipient("Practitioner/dr")]});
    let root =
        json!({"type": "permit", "purpose": [purpose("TREAT")], "securityLabel": [level("N")], "provision": [nested]});
    let psy = observation(&[level("R"), sensitivity("PSY")]);
    let consents = [typed(root)];
    expect(true, &consents, &psy, &asking("TREAT", &["Practitioner/dr"]));
    expect(false, &consents, &psy, &asking("TREAT", &["Practitioner/other"]));
    expect(false, &consents, &psy, &asking("HPAYMT", &["Practitioner/dr"]));
    expect(true, &consents, &observation(&[level("N")]), &asking("TREAT", &["Practitioner/other"]));
    expect(true, &consents, &observation(&[purpose("HTEST")]), &asking("TREAT", &[]));
}

#[test]
fn levels_are_a_high_water_mark() {
    let restricted = [typed(json!({"type": "permit", "securityLabel": [level("R")]}))];
    for (code, permit) in [("L", true), ("N", true), ("R", true), ("V", false)] {
        expect(permit, &restricted, &observation(&[level(code)]), &asking("TREAT", &[]));
    }
    let not = json!({"type": "permit", "provision": [{"type": "deny", "securityLabel": [level("R")]}]});
    for (code, permit) in [("N", true), ("R", false), ("V", false)] {
        expect(permit, &[typed(not.clone())], &observation(&[level(code)]), &asking("TREAT", &[]));
    }
}

#[test]
fn data_is_told_by_time_author_encounter_and_instance() {
    let year = json!({"start": "2022-01", "end": "2022-12"});
    for (criterion, value, permit) in [
        ("dataPeriod", year, true),
        ("dataPeriod", json!({"start": "2021", "end": "2021"}), false),
        ("data", json!([{"meaning": "authoredby", "reference": {"reference": "Practitioner/dr"}}]), true),
        ("data", json!([{"meaning": "authoredby", "reference": {"reference": "Practitioner/x"}}]), false),
        ("data", json!([{"meaning": "related", "reference": {"reference": "Encounter/e"}}]), true),
        ("data", json!([{"meaning": "related", "reference": {"reference": "Encounter/x"}}]), false),
        ("data", json!([{"meaning": "instance", "reference": {"reference": "Observation/o"}}]), true),
        ("data", json!([{"meaning": "instance", "reference": {"reference": "Observation/x"}}]), false),
        ("code", json!([{"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}]), true),
        ("code", json!([{"coding": [{"system": "http://loinc.org", "code": "1-8"}]}]), false),
        ("class", json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]), true),
        ("class", json!([{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]), false),
    ] {
        let mut root = json!({"type": "permit"});
        root[criterion] = value.clone();
        expect(permit, &[typed(root)], &observation(&[]), &asking("TREAT", &[]));
        let mut nested = json!({"type": "deny"});
        nested[criterion] = value;
        let root = json!({"type": "permit", "provision": [nested]});
        expect(!permit, &[typed(root)], &observation(&[]), &asking("TREAT", &[]));
    }
}

#[test]
fn a_doubt_denies_by_a_deny_and_permits_by_no_permit() {
    for (criterion, value) in [
        ("purpose", json!([purpose("NEVERHEARD")])),
        ("actor", json!([{"role": {"coding": [{"code": "XYZ"}]}, "reference": {"reference": "Practitioner/dr"}}])),
        ("actor", json!([{"reference": {"display": "Dr."}}])),
        ("action", json!([{"text": "look"}])),
        ("class", json!([{"system": "urn:ietf:bcp:13", "code": "application/pdf"}])),
        ("code", json!([{"text": "weight"}])),
        ("securityLabel", json!([{"system": "urn:ours", "code": "x"}])),
        ("dataPeriod", json!({"start": "lately"})),
        ("data", json!([{"meaning": "about", "reference": {"reference": "Observation/x"}}])),
        ("period", json!({"start": "2024", "end": "2020"})),
        ("controller", json!([{"reference": "Organization/x"}])),
    ] {
        let dr = asking("TREAT", &["Practitioner/dr"]);
        let mut permit = json!({"type": "permit"});
        permit[criterion] = value.clone();
        expect(false, &[typed(permit)], &observation(&[]), &dr);
        let mut deny = json!({"type": "deny"});
        deny[criterion] = value;
        let root = json!({"type": "permit", "provision": [deny]});
        expect(false, &[typed(root)], &observation(&[]), &dr);
    }
}

#[test]
fn the_three_dialects_and_their_contradictions() {
    let ask = asking("TREAT", &["Practitioner/dr"]);
    let plain = observation(&[]);
    expect(true, &[ruled("OPTIN", Value::Null)], &plain, &ask);
    expect(false, &[ruled("OPTOUT", Value::Null)], &plain, &ask);
    expect(false, &[ruled("OPTIN", json!({"type": "deny"}))], &plain, &ask);
    let pcf = |policy: &str| {
        consent(json!({"policy": [{"uri": format!("https://profiles.ihe.net/ITI/PCF/Policy-{policy}")}]}), json!({}))
    };
    expect(true, &[pcf("all-normal")], &plain, &ask);
    expect(true, &[pcf("basic-normal")], &plain, &ask);
    expect(false, &[pcf("basic-normal")], &plain, &asking("HPAYMT", &[]));
    expect(false, &[pcf("deny")], &plain, &ask);
    // Nothing that says a base, and another Consent that permits: it denies all the same (B8).
    let baseless = consent(json!({"policy": [{"uri": "http://example.org/policy"}]}), json!({}));
    expect(false, &[baseless, ruled("OPTIN", Value::Null)], &plain, &ask);
    // HL7's notThem: whom the untyped root names is the one who is not to see.
    expect(false, &[ruled("OPTIN", json!({"actor": [recipient("Practitioner/dr")]}))], &plain, &ask);
}

#[test]
fn several_consents() {
    let ask = asking("TREAT", &[]);
    let plain = observation(&[]);
    let series = |kind: &str, date: &str| {
        consent(
            json!({"identifier": [{"system": "urn:s", "value": "1"}], "dateTime": date}),
            json!({"provision": {"type": kind}}),
        )
    };
    expect(false, &[typed(json!({"type": "permit"})), typed(json!({"type": "deny"}))], &plain, &ask);
    expect(true, &[series("deny", "2020"), series("permit", "2021")], &plain, &ask);
    expect(false, &[series("permit", "2020"), series("deny", "2021")], &plain, &ask);
    expect(false, &[series("permit", "2021-05"), series("deny", "2021")], &plain, &ask);
    // What supersedes but cannot be enforced takes permits away, and no deny.
    let deep = json!({"type": "permit", "provision": [{"type": "permit", "provision": [{"type": "permit"}]}]});
    let deep = consent(
        json!({"identifier": [{"system": "urn:s", "value": "1"}], "dateTime": "2022"}),
        json!({"provision": deep}),
    );
    expect(false, &[series("permit", "2021"), deep.clone()], &plain, &ask);
    expect(false, &[series("deny", "2021"), deep, typed(json!({"type": "permit"}))], &plain, &ask);
}

#[test]
fn broken_glass_lifts_consents_and_not_statute() {
    let mut ask = asking("TREAT", &[]);
    ask.break_glass = true;
    expect(true, &[typed(json!({"type": "deny"}))], &observation(&[]), &ask);
    expect(false, &[typed(json!({"type": "deny"}))], &observation(&[sensitivity("42CFRPart2")]), &ask);
    expect(false, &[], &observation(&[sensitivity("PSYTHPN")]), &ask);
    let part2 = observation(&[sensitivity("42CFRPart2")]);
    let all = [typed(json!({"type": "permit"}))];
    expect(true, &all, &part2, &asking("TREAT", &[]));
    expect(false, &all, &part2, &asking("HLEGAL", &[]));
    let texts = all[0].to_string();
    let verdict = check(&[texts.as_bytes()], part2.to_string().as_bytes(), &asking("TREAT", &[])).unwrap();
    assert_eq!(verdict.obligations, ["no-redisclosure", "consent Consent/c"]);
}

#[test]
fn what_is_not_enforced_says_nothing() {
    let ask = asking("TREAT", &[]);
    for (name, value) in [
        ("status", json!("draft")),
        (
            "scope",
            json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]}),
        ),
    ] {
        let mut deny = typed(json!({"type": "deny"}));
        deny[name] = value;
        expect(true, &[deny, typed(json!({"type": "permit"}))], &observation(&[]), &ask);
    }
    let mut other = typed(json!({"type": "permit"}));
    other["patient"]["reference"] = json!("Patient/other");
    expect(false, &[other], &observation(&[]), &ask);
}
