//! Consents of a shape that R4 does not have are doubts: they permit nothing, and their denies hold. As text, for
//! `serde_json` would tidy some of it.

use consent::{Asking, Coding, Statutes, check};

const HEAD: &str = r#""resourceType":"Consent","status":"active","patient":{"reference":"Patient/p"},"scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"effectiveDateTime":"2022-06-13"}"#;

/// Criteria that nobody can be sure of. None of them names what is asked for or who asks.
const CRITERIA: [&str; 17] = [
    r#""purpose":"HRESCH""#,
    r#""purpose":[null]"#,
    r#""purpose":[{}]"#,
    r#""actor":["Practitioner/other"]"#,
    r#""actor":[{}]"#,
    r#""actor":[{"modifierExtension":[{"url":"https://clinic.example/odd","valueBoolean":true}],"reference":{"reference":"Practitioner/other"}}]"#,
    r#""securityLabel":["HIV"]"#,
    r#""class":["Encounter"]"#,
    r#""code":["8302-2"]"#,
    r#""action":["collect"]"#,
    r#""period":"2030""#,
    r#""period":[{"start":"2030"}]"#,
    r#""period":{"start":2030}"#,
    r#""period":{"until":"2010"}"#,
    r#""dataPeriod":[{"start":"2030"}]"#,
    r#""data":[{}]"#,
    r#""data":[{"modifierExtension":[{"url":"https://clinic.example/odd","valueBoolean":true}],"meaning":"instance","reference":{"reference":"Observation/9"}}]"#,
];

/// What follows the head of a whole Consent that denies, whatever it was meant to be.
const DENYING: [&str; 8] = [
    r#""provision":[{"type":"deny"}]"#,
    r#""provision":[{"type":"permit"}]"#,
    r#""provision":{"type":"permit","provision":{"type":"deny"}}"#,
    r#""provision":{"type":"DENY"}"#,
    r#""provision":{"type":["deny"]}"#,
    r#""provision":{"type":null}"#,
    r#""policy":{"uri":"https://profiles.ihe.net/ITI/PCF/Policy-deny"},"provision":{"type":"permit"}"#,
    r#""modifierExtension":{"url":"https://clinic.example/odd"},"provision":{"type":"permit"}"#,
];

/// And that permits nothing.
const NOT_PERMITTING: [&str; 4] = [
    r#""verification":{"verified":false},"provision":{"type":"permit"}"#,
    r#""verification":[{"verified":"true"}],"provision":{"type":"permit"}"#,
    r#""verification":[{}],"provision":{"type":"permit"}"#,
    r#""unless":null,"provision":{"type":"permit"}"#,
];

fn consent(rest: &str) -> String {
    format!("{{{HEAD},{rest}}}")
}

/// Whether all of them together release it; what is no Consent releases nothing.
fn released(consents: &[String]) -> bool {
    let asking = Asking {
        actors: vec!["Practitioner/doctor".to_owned()],
        purpose: Some(Coding::purpose("TREAT")),
        break_glass: false,
        action: "access".to_owned(),
        at_ms: 1_656_676_800_000,
        statutes: Statutes::default(),
    };
    let consents: Vec<&[u8]> = consents.iter().map(|consent| consent.as_bytes()).collect();
    check(&consents, OBSERVATION.as_bytes(), &asking).is_ok_and(|verdict| verdict.permit)
}

#[test]
fn a_plain_permit_releases() {
    assert!(released(&[consent(r#""provision":{"type":"permit"}"#)]));
}

#[test]
fn odd_criteria_are_doubts() {
    let all = consent(r#""provision":{"type":"permit"}"#);
    for criterion in CRITERIA {
        let permit = consent(&format!(r#""provision":{{"type":"permit",{criterion}}}"#));
        assert!(!released(&[permit]), "a permit with {criterion}");
        let deny = consent(&format!(r#""provision":{{"type":"permit","provision":[{{"type":"deny",{criterion}}}]}}"#));
        assert!(!released(&[all.clone(), deny]), "a deny with {criterion}");
    }
}

#[test]
fn odd_consents_deny() {
    let all = consent(r#""provision":{"type":"permit"}"#);
    for rest in DENYING {
        assert!(!released(&[all.clone(), consent(rest)]), "{rest}");
    }
    for rest in NOT_PERMITTING {
        assert!(!released(&[consent(rest)]), "{rest}");
    }
}

#[test]
fn a_member_given_twice_is_refused() {
    for kinds in [r#""type":"permit","type":"deny""#, r#""type":"deny","type":"permit""#] {
        assert!(!released(&[consent(&format!(r#""provision":{{{kinds}}}"#))]), "{kinds}");
    }
}
