//! What of a Consent is read before any rule is asked, value by value.

#![allow(clippy::unwrap_used)]

use consent::{Coding, Directive};
use mappers::json::Document;
use serde_json::{Value, json};

const SCOPES: &str = "http://terminology.hl7.org/CodeSystem/consentscope";

fn consent(scopes: &[&str], provision: &Value) -> Value {
    let scopes: Vec<Value> = scopes.iter().map(|code| json!({"system": SCOPES, "code": code})).collect();
    json!({"resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/p"}, "scope": {"coding": scopes}, "provision": provision})
}

fn read(consent: &Value) -> Option<Directive> {
    let text = consent.to_string();
    let document = Document::parse(text.as_bytes()).unwrap();
    Directive::read(document.root(), "c")
}

#[test]
fn a_scope_is_one_scope() {
    let deny = json!({"type": "deny"});
    for scope in ["patient-privacy", "research"] {
        assert!(!read(&consent(&[scope], &deny)).unwrap().doubtful, "{scope}");
        assert!(!read(&consent(&[scope, scope], &deny)).unwrap().doubtful, "{scope} twice");
    }
    for scope in ["treatment", "adr"] {
        assert!(read(&consent(&[scope], &deny)).is_none(), "{scope} is not enforced");
    }
    // Which of two it is nobody knows (B2, B8).
    for two in [
        ["treatment", "patient-privacy"],
        ["adr", "treatment"],
        ["patient-privacy", "research"],
        ["patient-privacy", "other"],
    ] {
        assert!(read(&consent(&two, &deny)).unwrap().doubtful, "{two:?}");
    }
    assert!(read(&consent(&[], &deny)).unwrap().doubtful);
}

#[test]
fn what_is_too_large_denies_everything() {
    // Rules of so many bytes, by white space in an extension that says nothing.
    let of = |bytes: usize| {
        let plain = json!({"type": "permit", "extension": [{"url": "urn:x", "valueString": ""}]});
        let filler = "x".repeat(bytes - plain.to_string().len());
        json!({"type": "permit", "extension": [{"url": "urn:x", "valueString": filler}]})
    };
    let fits = read(&consent(&["patient-privacy"], &of(256 * 1024))).unwrap();
    assert!(!fits.doubtful && fits.rules.iter().all(|rule| !rule.deny));
    for bytes in [256 * 1024 + 1, 300 * 1024] {
        let large = read(&consent(&["patient-privacy"], &of(bytes))).unwrap();
        assert_eq!(large.obstacles, ["B16"], "{bytes}");
        assert!(large.rules.iter().all(|rule| rule.deny) && large.rules.len() == 1);
    }
    let nested = |count: usize| json!({"type": "permit", "provision": vec![json!({"type": "permit"}); count]});
    assert!(read(&consent(&["patient-privacy"], &nested(256))).unwrap().obstacles.is_empty());
    assert_eq!(read(&consent(&["patient-privacy"], &nested(257))).unwrap().obstacles, ["B16"]);
}

fn actors(directive: &Directive) -> Vec<Option<Vec<String>>> {
    directive.rules.iter().map(|rule| rule.actors.clone()).collect()
}

#[test]
fn what_is_under_our_address_is_ours() {
    let role =
        json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]});
    let named =
        |reference: &str| json!({"type": "deny", "actor": [{"role": role, "reference": {"reference": reference}}]});
    let mut whole = consent(&["patient-privacy"], &named("http://h/fhir/Practitioner/dr"));
    whole["patient"]["reference"] = json!("http://h/fhir/Patient/p");
    let mut directive = read(&whole).unwrap();
    directive.at_home(&"http://other/fhir".into());
    assert_eq!(actors(&directive), [Some(vec!["http://h/fhir/Practitioner/dr".to_owned()])]);
    directive.at_home(&"http://h/fhir".into());
    assert_eq!(directive.patient.as_deref(), Some("Patient/p"));
    assert_eq!(actors(&directive), [Some(vec!["Practitioner/dr".to_owned()])]);
    directive.away_from_home();
    assert_eq!(actors(&directive), [Some(vec!["Practitioner/dr".to_owned()])], "it is known whose that is");
    let mut foreign = read(&whole).unwrap();
    foreign.away_from_home();
    assert_eq!(actors(&foreign), [None], "a deny of whom nobody knows is everybody's");
    let mut permit = whole;
    permit["provision"]["type"] = json!("permit");
    let mut permit = read(&permit).unwrap();
    permit.away_from_home();
    assert_eq!(actors(&permit), [Some(vec!["http://h/fhir/Practitioner/dr".to_owned()])]);
}

#[test]
fn denies_of_an_action_reach_what_it_is_part_of() {
    let action = |code: &str| json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code}]}]);
    let bits = |kind: &str, code: &str, change: fn(&mut Directive)| {
        let mut directive =
            read(&consent(&["patient-privacy"], &json!({"type": kind, "action": action(code)}))).unwrap();
        change(&mut directive);
        directive.rules[0].actions.unwrap()
    };
    let plain = |code: &str| bits("deny", code, |_| {});
    for code in ["use", "disclose"] {
        assert_eq!(bits("deny", code, Directive::of_reads), plain(code) | plain("access"), "{code}");
        assert_eq!(bits("permit", code, Directive::of_reads), plain(code), "{code}");
    }
    for code in ["access", "collect", "correct"] {
        assert_eq!(bits("deny", code, Directive::of_reads), plain(code), "{code}");
    }
    assert_eq!(bits("deny", "collect", Directive::of_writes), plain("collect") | plain("correct"));
    assert_eq!(bits("permit", "collect", Directive::of_writes), plain("collect"));
    for code in ["access", "correct", "use"] {
        assert_eq!(bits("deny", code, Directive::of_writes), plain(code), "{code}");
    }
}

#[test]
fn a_coding_reads_as_it_is_written() {
    let text = |system: &str, code: &str| Coding { system: system.into(), code: code.into() }.to_string();
    assert_eq!(text("https://clinic.example/p", "x"), "https://clinic.example/p|x");
    assert_eq!(text("", "x"), "x");
}
