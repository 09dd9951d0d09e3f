//! Whatever a client sends or stores: a validation ends soon, says what it left out, and shows no value.

use std::time::{Duration, Instant};

use super::{errors, profile, report};
use mappers::validate::MAX_ISSUES;

/// Far more than any validation takes, also without optimization on a machine that is busy.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn issues_are_counted_and_cut() {
    let names = vec![r#"{"given":["x"],"use":"nickname","period":{"start":"2024","end":"2020"}}"#; 5_000].join(",");
    let report = report(&format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#), &[]);
    assert_eq!(report.issues.len(), MAX_ISSUES + 1);
    assert_eq!(report.issues.last().unwrap().code, "too-costly");
    assert!(report.has_errors());
}

#[test]
fn large_bundles_take_as_long_as_they_are() {
    let entry = |number: usize| {
        format!(
            r#"{{"fullUrl":"http://x/Observation/{number}","resource":{{"resourceType":"Observation","id":"{number}","status":"final",
            "code":{{"text":"x"}},"hasMember":[{{"reference":"Observation/{}"}}]}}}}"#,
            (number + 7) % 10_000
        )
    };
    let entries: Vec<String> = (0..10_000).map(entry).collect();
    let start = Instant::now();
    let report =
        report(&format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(",")), &[]);
    assert!(!report.has_errors(), "{:?}", report.issues.first());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn profiles_that_lead_to_themselves_end() {
    let own = profile(
        "it",
        "Patient",
        r#"{"path":"Patient","type":[{"code":"Patient","profile":["http://p/it"]}]},{"path":"Patient.name","min":1}"#,
    )
    .replace("http://hl7.org/fhir/StructureDefinition/Patient", "http://p/it");
    assert_eq!(errors(r#"{"resourceType":"Patient","active":true}"#, &[&own]), ["required Patient.name"]);
    let slices = profile(
        "it",
        "Patient",
        r#"{"path":"Patient","type":[{"code":"Patient","profile":["http://p/it"]}]},
        {"path":"Patient.name","slicing":{"discriminator":[{"type":"value","path":"family"}]}},
        {"path":"Patient.name","sliceName":"s","type":[{"code":"HumanName","profile":["http://p/loop"]}]}"#,
    );
    let looped = profile(
        "loop",
        "HumanName",
        r#"{"path":"HumanName","type":[{"code":"HumanName","profile":["http://p/loop"]}]}"#,
    );
    errors(r#"{"resourceType":"Patient","name":[{"family":"x"}]}"#, &[&slices, &looped]);
}

#[test]
fn definitions_deeper_than_any_are_not_read() {
    let deep = format!(r#"{{"id":"Patient{}","path":"Patient"}}"#, ".extension".repeat(100_000));
    let profile = profile("it", "Patient", &deep);
    let warnings = super::of_severity(
        r#"{"resourceType":"Patient","active":true}"#,
        &[&profile],
        mappers::validate::Severity::Warning,
    );
    assert!(warnings.contains(&"not-found Patient".to_owned()), "{warnings:?}");
    let slices = format!(r#"{{"id":"Patient.name:a{}","path":"Patient.name"}}"#, "/b".repeat(100_000));
    errors(r#"{"resourceType":"Patient","active":true}"#, &[&super::profile("it", "Patient", &slices)]);
}

#[test]
fn large_forms_and_large_samples_are_given_up() {
    let items: Vec<String> = (0..20_000).map(|number| format!(r#"{{"linkId":"{number}","type":"string"}}"#)).collect();
    let form = format!(
        r#"{{"resourceType":"Questionnaire","url":"http://q/1","status":"active","item":[{}]}}"#,
        items.join(",")
    );
    let items: Vec<String> = (0..20_000).map(|number| format!(r#"{{"linkId":"{number}"}}"#)).collect();
    let response = format!(
        r#"{{"resourceType":"QuestionnaireResponse","questionnaire":"http://q/1","status":"completed","item":[{}]}}"#,
        items.join(",")
    );
    let start = Instant::now();
    let given_up = |report: &mappers::validate::Report| report.issues.iter().any(|issue| issue.code == "too-costly");
    assert!(given_up(&report(&response, &[&form])));
    let text = "x".repeat(500_000);
    let sample =
        profile("it", "Patient", &format!(r#"{{"path":"Patient.name","patternHumanName":{{"text":"{text}"}}}}"#));
    let names = vec![r#"{"text":"y"}"#; 5_000].join(",");
    assert!(given_up(&report(&format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#), &[&sample])));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn value_sets_that_name_each_other_end() {
    let all: Vec<String> = (0..40).map(|number| format!("\"http://v/{number}\"")).collect();
    let sets: Vec<String> = (0..40)
        .map(|number| {
            let includes: Vec<String> = all.iter().map(|set| format!(r#"{{"valueSet":[{set}]}}"#)).collect();
            format!(
                r#"{{"resourceType":"ValueSet","url":"http://v/{number}","compose":{{"include":[{}]}}}}"#,
                includes.join(",")
            )
        })
        .collect();
    let profile =
        profile("it", "Basic", r#"{"path":"Basic.code","binding":{"strength":"required","valueSet":"http://v/0"}}"#);
    let mut definitions: Vec<&str> = sets.iter().map(String::as_str).collect();
    definitions.push(&profile);
    let start = Instant::now();
    let told = errors(r#"{"resourceType":"Basic","code":{"coding":[{"code":"x","system":"urn:x"}]}}"#, &definitions);
    assert_eq!(told, Vec::<String>::new(), "nobody can tell");
    assert!(start.elapsed() < SOON);
}

#[test]
fn costly_invariants_are_given_up() {
    let expression = "repeat(children()).select(%resource.descendants().where(toString().matches('x*'))).count() >= 0";
    let constraints: Vec<String> = (0..200)
        .map(|number| format!(r#"{{"key":"c-{number}","severity":"error","expression":"{expression}"}}"#))
        .collect();
    let profile =
        profile("it", "Patient", &format!(r#"{{"path":"Patient","constraint":[{}]}}"#, constraints.join(",")));
    let names = vec![r#"{"given":["x","y"],"family":"z"}"#; 500].join(",");
    let start = Instant::now();
    let report = report(&format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#), &[&profile]);
    assert!(!report.has_errors(), "what was not reckoned is not wrong");
    assert!(report.issues.iter().any(|issue| issue.code == "too-costly" || issue.code == "not-supported"));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn deep_resources_under_deep_profiles_end() {
    let mut path = "Patient.extension".to_owned();
    let mut elements = String::from(r#"{"path":"Patient"}"#);
    let mut value = r#""valueString":"x""#.to_owned();
    for _ in 0..45 {
        elements
            .push_str(&format!(r#",{{"path":"{path}","type":[{{"code":"Extension","profile":["http://p/deep"]}}]}}"#));
        path.push_str(".extension");
        value = format!(r#""extension":[{{"url":"http://p/deep",{value}}}]"#);
    }
    let patient = profile("it", "Patient", &elements);
    let deep = profile("deep", "Extension", &elements.replace("Patient", "Extension"));
    let start = Instant::now();
    // On a stack as large as the gateway gives.
    let worker = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(move || report(&format!(r#"{{"resourceType":"Patient",{value}}}"#), &[&patient, &deep]).issues.len());
    assert!(worker.unwrap().join().unwrap() > 0);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn no_value_of_the_resource_is_shown() {
    let secret = "Zzyzx";
    let text = format!(
        r#"{{"resourceType":"Patient","id":"{secret}_","name":[{{"family":"{secret}","use":"{secret}","{secret}":"x"}}],"gender":"{secret}",
        "birthDate":"{secret}","maritalStatus":{{"coding":[{{"system":"http://{secret}","code":"{secret}"}}]}},
        "extension":[{{"url":"http://{secret}/x","valueString":"{secret}"}}],"managingOrganization":{{"reference":"{secret}/1"}},
        "meta":{{"profile":["{secret}","http://x/?{secret}"]}},"text":{{"status":"generated","div":"<div>{secret}</div>"}},"contact":[{{"gender":"{secret}"}}]}}"#
    );
    for issue in report(&text, &[]).issues {
        // The name of an unknown member is the one thing of the sender's that a place has to hold.
        let shown =
            format!("{} {} {}", issue.expression.replace(&format!(".{secret}"), ""), issue.details, issue.advice);
        assert!(!shown.contains(secret), "{shown}");
    }
}
