//! Values, codes, types and invariants of elements.

use super::{errors, of_severity, profile};
use mappers::validate::Severity;

#[test]
fn fixed_values_are_exact_and_patterns_are_parts() {
    let fixed = profile("it", "Basic", r#"{"path":"Basic.code","fixedCodeableConcept":{"text":"x"}}"#);
    let pattern = profile("it", "Basic", r#"{"path":"Basic.code","patternCodeableConcept":{"text":"x"}}"#);
    let basic = |code: &str| format!(r#"{{"resourceType":"Basic","code":{code}}}"#);
    let (same, more, other) = (r#"{"text":"x"}"#, r#"{"text":"x","coding":[{"code":"y"}]}"#, r#"{"text":"y"}"#);
    assert_eq!(errors(&basic(same), &[&fixed]), Vec::<String>::new());
    assert_eq!(errors(&basic(more), &[&fixed]), ["value Basic.code"]);
    assert_eq!(errors(&basic(more), &[&pattern]), Vec::<String>::new());
    assert_eq!(errors(&basic(other), &[&pattern]), ["value Basic.code"]);
}

#[test]
fn cardinalities_lengths_limits_and_types() {
    let profile = profile(
        "it",
        "Observation",
        r#"{"path":"Observation.category","min":2,"max":"3"},{"path":"Observation.subject","max":"0"},
        {"path":"Observation.value[x]","type":[{"code":"Quantity"},{"code":"integer"}]},
        {"path":"Observation.valueQuantity","maxValueQuantity":{"value":10,"code":"m","system":"http://unitsofmeasure.org"}},
        {"path":"Observation.note.text","maxLength":3}"#,
    );
    let told = |rest: &str| {
        errors(
            &format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}}{rest}}}"#),
            &[&profile],
        )
    };
    let two = r#","category":[{"text":"a"},{"text":"b"}]"#;
    assert_eq!(told(two), Vec::<String>::new());
    assert_eq!(told(""), ["required Observation.category"]);
    assert_eq!(
        told(r#","category":[{"text":"a"},{"text":"b"},{"text":"c"},{"text":"d"}]"#),
        ["structure Observation.category"]
    );
    assert_eq!(told(&format!(r#"{two},"subject":{{"reference":"Patient/1"}}"#)), ["structure Observation.subject"]);
    assert_eq!(told(&format!(r#"{two},"valueString":"x""#)), ["structure Observation.value"]);
    let quantity = |value: &str| {
        format!(r#"{two},"valueQuantity":{{"value":{value},"system":"http://unitsofmeasure.org","code":"m"}}"#)
    };
    assert_eq!(told(&quantity("10")), Vec::<String>::new());
    assert_eq!(told(&quantity("10.5")), ["value Observation.value"]);
    assert_eq!(told(&format!(r#"{two},"note":[{{"text":"long"}}]"#)), ["too-long Observation.note[0].text"]);
}

#[test]
fn required_codes_are_errors_and_extensible_ones_warnings() {
    let bound = |strength: &str| {
        profile(
            "it",
            "Basic",
            &format!(r#"{{"path":"Basic.code","binding":{{"strength":"{strength}","valueSet":"http://v/set"}}}}"#),
        )
    };
    let set = r#"{"resourceType":"ValueSet","url":"http://v/set","compose":{"include":[{"valueSet":["http://v/inner"]},
        {"system":"urn:whole"},{"system":"http://unitsofmeasure.org"},{"system":"urn:rule","filter":[{"property":"a","op":"=","value":"b"}]}],
        "exclude":[{"system":"urn:listed","concept":[{"code":"no"}]}]}}"#;
    let inner = r#"{"resourceType":"ValueSet","url":"http://v/inner","compose":{"include":[{"system":"urn:listed",
        "concept":[{"code":"yes"},{"code":"no"}]}]}}"#;
    let system = r#"{"resourceType":"CodeSystem","url":"urn:whole","content":"complete","concept":[{"code":"a","concept":[{"code":"b"}]}]}"#;
    let all = |strength: &str, coding: &str, severity: Severity| {
        let resource = format!(r#"{{"resourceType":"Basic","code":{coding}}}"#);
        of_severity(&resource, &[&bound(strength), set, inner, system], severity)
    };
    let coded = |system: &str, code: &str| format!(r#"{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#);
    for (system, code) in [("urn:listed", "yes"), ("urn:whole", "b"), ("http://unitsofmeasure.org", "mm")] {
        assert_eq!(all("required", &coded(system, code), Severity::Error), Vec::<String>::new(), "{system} {code}");
    }
    for (system, code) in
        [("urn:listed", "no"), ("urn:whole", "c"), ("urn:other", "yes"), ("http://unitsofmeasure.org", "xx")]
    {
        assert_eq!(
            all("required", &coded(system, code), Severity::Error),
            ["code-invalid Basic.code"],
            "{system} {code}"
        );
        let warnings = all("extensible", &coded(system, code), Severity::Warning);
        assert!(warnings.contains(&"code-invalid Basic.code".to_owned()), "{system} {code} {warnings:?}");
        assert_eq!(all("extensible", &coded(system, code), Severity::Error), Vec::<String>::new());
    }
    assert_eq!(all("required", r#"{"text":"x"}"#, Severity::Error), ["code-invalid Basic.code"]);
    let absent =
        r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#;
    assert_eq!(all("required", absent, Severity::Error), Vec::<String>::new());
    // One code of several is enough.
    let both = r#"{"coding":[{"system":"urn:z","code":"z"},{"system":"urn:listed","code":"yes"}]}"#;
    assert_eq!(all("required", both, Severity::Error), Vec::<String>::new());
    // What only a terminology tells is said not to be checked.
    assert_eq!(all("required", &coded("urn:rule", "x"), Severity::Error), Vec::<String>::new());
    assert!(
        all("required", &coded("urn:rule", "x"), Severity::Information)
            .contains(&"not-supported Basic.code".to_owned())
    );
}

#[test]
fn a_stored_expansion_goes_before_a_built_in_rule() {
    // Of this set the tables know that there are codes of SNOMED CT and ICD-10-CM in it, and not which.
    let url = "http://hl7.org/fhir/us/core/ValueSet/us-core-condition-code";
    let profile = profile(
        "it",
        "Basic",
        &format!(r#"{{"path":"Basic.code","binding":{{"strength":"required","valueSet":"{url}"}}}}"#),
    );
    let set = format!(
        r#"{{"resourceType":"ValueSet","url":"{url}","expansion":{{"contains":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10"}}]}}}}"#
    );
    let basic = |system: &str, code: &str| {
        format!(r#"{{"resourceType":"Basic","code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#)
    };
    let (icd, other) = ("http://hl7.org/fhir/sid/icd-10-cm", "urn:other");
    assert_eq!(errors(&basic(icd, "I11"), &[&profile]), Vec::<String>::new());
    assert_eq!(errors(&basic(other, "I11"), &[&profile]), ["code-invalid Basic.code"], "no system of the set");
    assert_eq!(errors(&basic(icd, "I11"), &[&profile, &set]), ["code-invalid Basic.code"]);
    assert_eq!(errors(&basic(icd, "I10"), &[&profile, &set]), Vec::<String>::new());
}

#[test]
fn invariants_know_their_resource_and_what_contains_it() {
    let profile = profile(
        "it",
        "Patient",
        r#"{"path":"Patient","constraint":[{"key":"it-1","severity":"error","expression":"name.exists() or gender.exists()"},
        {"key":"it-2","severity":"warning","expression":"active = true"},{"key":"it-3","severity":"error","expression":"this is no FHIRPath"},
        {"key":"it-4","severity":"error","expression":"name.memberOf('http://v')"}]},
        {"path":"Patient.name","constraint":[{"key":"it-5","severity":"error","expression":"%resource.gender.exists() and given.exists()"}]}"#,
    );
    let patient = |rest: &str| format!(r#"{{"resourceType":"Patient","id":"x"{rest}}}"#);
    assert_eq!(errors(&patient(""), &[&profile]), ["invariant Patient"]);
    assert_eq!(errors(&patient(r#","gender":"male","name":[{"given":["x"]}]"#), &[&profile]), Vec::<String>::new());
    assert_eq!(errors(&patient(r#","name":[{"given":["x"]}]"#), &[&profile]), ["invariant Patient.name[0]"]);
    let warnings = of_severity(&patient(r#","gender":"male""#), &[&profile], Severity::Warning);
    assert!(warnings.contains(&"invariant Patient".to_owned()), "{warnings:?}");
    let said = of_severity(&patient(""), &[&profile], Severity::Information);
    assert_eq!(said.iter().filter(|one| *one == "not-supported Patient").count(), 2, "it-3 and it-4: {said:?}");
}

#[test]
fn an_element_follows_the_profile_of_its_type() {
    let name = profile("name", "HumanName", r#"{"path":"HumanName.family","min":1}"#);
    let other = profile("other", "HumanName", r#"{"path":"HumanName.text","min":1}"#);
    let one = profile(
        "it",
        "Patient",
        r#"{"path":"Patient.name","type":[{"code":"HumanName","profile":["http://p/name"]}]}"#,
    );
    let two = profile(
        "it",
        "Patient",
        r#"{"path":"Patient.name","type":[{"code":"HumanName","profile":["http://p/name","http://p/other"]}]}"#,
    );
    let patient = |name: &str| format!(r#"{{"resourceType":"Patient","name":[{name}]}}"#);
    let (family, text, given) = (r#"{"family":"x"}"#, r#"{"text":"x"}"#, r#"{"given":["x"]}"#);
    assert_eq!(errors(&patient(family), &[&one, &name]), Vec::<String>::new());
    assert_eq!(errors(&patient(text), &[&one, &name]), ["required Patient.name[0].family"]);
    assert_eq!(errors(&patient(text), &[&two, &name, &other]), Vec::<String>::new());
    assert_eq!(errors(&patient(given), &[&two, &name, &other]), ["structure Patient.name[0]"]);
}

#[test]
fn a_profile_is_for_its_type() {
    let claim =
        |url: &str| format!(r#"{{"resourceType":"Basic","meta":{{"profile":["{url}"]}},"code":{{"text":"x"}}}}"#);
    let core = "http://hl7.org/fhir/StructureDefinition/";
    assert_eq!(errors(&claim(&format!("{core}Basic")), &[]), Vec::<String>::new());
    assert_eq!(errors(&claim(&format!("{core}DomainResource")), &[]), Vec::<String>::new());
    assert_eq!(errors(&claim(&format!("{core}Patient")), &[]), ["structure Basic"]);
    assert_eq!(errors(&claim(&format!("{core}bp")), &[]), ["structure Basic"]);
    let version = claim(&format!("{core}bp|3.0.2"));
    assert_eq!(errors(&version, &[]), Vec::<String>::new());
    let said = of_severity(&version, &[], Severity::Warning);
    assert!(said.contains(&"not-found Basic".to_owned()), "another version is not known: {said:?}");
}

#[test]
fn profiles_stand_on_profiles() {
    let base = profile("base", "Basic", r#"{"path":"Basic.author","min":1}"#);
    let derived = profile("it", "Basic", r#"{"path":"Basic.created","min":1}"#)
        .replace("http://hl7.org/fhir/StructureDefinition/Basic", "http://p/base");
    let told = errors(r#"{"resourceType":"Basic","code":{"text":"x"}}"#, &[&derived, &base]);
    assert_eq!(told, ["required Basic.author", "required Basic.created"]);
    let said = of_severity(r#"{"resourceType":"Basic","code":{"text":"x"}}"#, &[&derived], Severity::Warning);
    assert!(said.contains(&"not-found Basic".to_owned()), "{said:?}");
}
