//! Slices: how items are told apart, how many of each there may be, and in what order.

use super::{errors, of_severity, profile};
use mappers::validate::Severity;

/// A Patient with these identifiers: system and value.
fn patient(identifiers: &[(&str, &str)]) -> String {
    let all: Vec<String> =
        identifiers.iter().map(|(system, value)| format!(r#"{{"system":"{system}","value":"{value}"}}"#)).collect();
    format!(r#"{{"resourceType":"Patient","identifier":[{}]}}"#, all.join(","))
}

/// Slices a and b of identifiers by their systems; `more` goes into the slicing.
fn by_system(more: &str) -> String {
    profile(
        "it",
        "Patient",
        &format!(
            r#"{{"path":"Patient"}},
            {{"path":"Patient.identifier","slicing":{{"discriminator":[{{"type":"value","path":"system"}}]{more}}}}},
            {{"path":"Patient.identifier","sliceName":"a","min":1,"max":"1"}},
            {{"path":"Patient.identifier.system","fixedUri":"urn:a"}},
            {{"path":"Patient.identifier.value","min":1,"maxLength":3}},
            {{"path":"Patient.identifier","sliceName":"b","max":"2"}},
            {{"path":"Patient.identifier.system","patternUri":"urn:b"}}"#
        ),
    )
}

#[test]
fn items_go_to_the_slice_of_their_value() {
    let profile = by_system("");
    let told = |identifiers: &[(&str, &str)]| errors(&patient(identifiers), &[&profile]);
    assert_eq!(told(&[("urn:a", "1"), ("urn:b", "1"), ("urn:c", "1")]), Vec::<String>::new());
    assert_eq!(told(&[("urn:b", "1")]), ["required Patient.identifier"]);
    assert_eq!(told(&[("urn:a", "1"), ("urn:a", "2")]), ["structure Patient.identifier"]);
    assert_eq!(
        told(&[("urn:a", "1"), ("urn:b", "1"), ("urn:b", "2"), ("urn:b", "3")]),
        ["structure Patient.identifier"]
    );
    // What the slice says holds for its items alone.
    assert_eq!(told(&[("urn:b", "long"), ("urn:a", "long")]), ["too-long Patient.identifier[1].value"]);
}

#[test]
fn closed_slices_take_no_others_and_ordered_ones_stay_in_order() {
    let other = [("urn:a", "1"), ("urn:c", "1")];
    assert_eq!(errors(&patient(&other), &[&by_system(r#","rules":"closed""#)]), ["structure Patient.identifier[1]"]);
    let backwards = [("urn:b", "1"), ("urn:a", "1")];
    assert_eq!(errors(&patient(&backwards), &[&by_system(r#","ordered":true"#)]), ["structure Patient.identifier[1]"]);
    let between = [("urn:c", "1"), ("urn:a", "1")];
    let at_end = by_system(r#","rules":"openAtEnd""#);
    assert_eq!(errors(&patient(&between), &[&at_end]), ["structure Patient.identifier[1]"]);
    assert_eq!(errors(&patient(&other), &[&at_end]), Vec::<String>::new());
}

#[test]
fn a_derived_profile_narrows_the_slices_of_its_base() {
    let base = by_system("").replace("http://p/it", "http://p/base");
    let derived = profile(
        "it",
        "Patient",
        r#"{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","min":1},
        {"id":"Patient.identifier:b.value","path":"Patient.identifier.value","min":1,"maxLength":2},
        {"id":"Patient.identifier:c","path":"Patient.identifier","sliceName":"c","max":"1"},
        {"id":"Patient.identifier:c.system","path":"Patient.identifier.system","fixedUri":"urn:c"}"#,
    )
    .replace("http://hl7.org/fhir/StructureDefinition/Patient", "http://p/base");
    let told = |identifiers: &[(&str, &str)]| errors(&patient(identifiers), &[&derived, &base]);
    assert_eq!(told(&[("urn:a", "1"), ("urn:b", "1"), ("urn:c", "1")]), Vec::<String>::new());
    assert_eq!(told(&[("urn:a", "1")]), ["required Patient.identifier"], "b is required now");
    assert_eq!(told(&[("urn:b", "1")]), ["required Patient.identifier"], "a is required still");
    assert_eq!(told(&[("urn:a", "1"), ("urn:b", "123")]), ["too-long Patient.identifier[1].value"]);
    assert_eq!(
        told(&[("urn:a", "1"), ("urn:b", "1"), ("urn:c", "1"), ("urn:c", "2")]),
        ["structure Patient.identifier"]
    );
}

#[test]
fn a_pattern_tells_a_slice() {
    let profile = profile(
        "it",
        "Observation",
        r#"{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"open"}},
        {"id":"Observation.component:s","path":"Observation.component","sliceName":"s","min":1},
        {"id":"Observation.component:s.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"system":"urn:s","code":"x"}]}},
        {"id":"Observation.component:s.valueQuantity","path":"Observation.component.valueQuantity","min":1}"#,
    );
    let observation = |component: &str| {
        format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"component":[{component}]}}"#)
    };
    let coded = |rest: &str| {
        observation(&format!(
            r#"{{"code":{{"coding":[{{"system":"urn:z","code":"x"}},{{"system":"urn:s","code":"x","display":"X"}}]}}{rest}}}"#
        ))
    };
    assert_eq!(errors(&coded(r#","valueQuantity":{"value":1}"#), &[&profile]), Vec::<String>::new());
    assert_eq!(errors(&coded(r#","valueString":"1""#), &[&profile]), ["required Observation.component[0].value"]);
    let other = observation(r#"{"code":{"coding":[{"system":"urn:z","code":"x"}]},"valueString":"1"}"#);
    assert_eq!(errors(&other, &[&profile]), ["required Observation.component"]);
}

#[test]
fn a_type_and_that_there_is_something_tell_slices() {
    let by_type = profile(
        "it",
        "Observation",
        r#"{"path":"Observation.value[x]","slicing":{"discriminator":[{"type":"type","path":"$this"}],"rules":"closed"}},
        {"path":"Observation.value[x]","sliceName":"valueQuantity","type":[{"code":"Quantity"}]},
        {"path":"Observation.value[x].unit","min":1}"#,
    );
    let value =
        |value: &str| format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},{value}}}"#);
    assert_eq!(errors(&value(r#""valueQuantity":{"value":1,"unit":"m"}"#), &[&by_type]), Vec::<String>::new());
    assert_eq!(errors(&value(r#""valueQuantity":{"value":1}"#), &[&by_type]), ["required Observation.value.unit"]);
    assert_eq!(errors(&value(r#""valueString":"1""#), &[&by_type]), ["structure Observation.value"]);
    let by_existence = profile(
        "it",
        "Patient",
        r#"{"path":"Patient.name","slicing":{"discriminator":[{"type":"exists","path":"period"}],"rules":"open"}},
        {"path":"Patient.name","sliceName":"now","max":"1"},{"path":"Patient.name.period","max":"0"},
        {"path":"Patient.name","sliceName":"then","max":"1"},{"path":"Patient.name.period","min":1}"#,
    );
    let names = |names: &str| format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let (now, then) = (r#"{"family":"A"}"#, r#"{"family":"B","period":{"start":"2020"}}"#);
    assert_eq!(errors(&names(&format!("{now},{then}")), &[&by_existence]), Vec::<String>::new());
    assert_eq!(errors(&names(&format!("{now},{then},{now}")), &[&by_existence]), ["structure Patient.name"]);
}

#[test]
fn the_profile_of_what_a_reference_names_tells_a_slice() {
    let doctor = profile("doctor", "Practitioner", r#"{"path":"Practitioner.name","min":1}"#);
    let slices = |kind: &str, target: &str| {
        profile(
            "it",
            "Patient",
            &format!(
                r#"{{"path":"Patient.generalPractitioner","slicing":{{"discriminator":[{{"type":"{kind}","path":"resolve()"}}],"rules":"closed"}}}},
                {{"path":"Patient.generalPractitioner","sliceName":"d","min":1,"type":[{{"code":"Reference","targetProfile":["{target}"]}}]}}"#
            ),
        )
    };
    let patient = |contained: &str, reference: &str| {
        format!(
            r#"{{"resourceType":"Patient","contained":[{contained}],"generalPractitioner":[{{"reference":"{reference}"}}]}}"#
        )
    };
    let by_profile = slices("profile", "http://p/doctor");
    let named = r##"{"resourceType":"Practitioner","id":"d","name":[{"family":"x"}]}"##;
    assert_eq!(errors(&patient(named, "#d"), &[&by_profile, &doctor]), Vec::<String>::new());
    let nameless = r##"{"resourceType":"Practitioner","id":"d","gender":"male"}"##;
    let told = errors(&patient(nameless, "#d"), &[&by_profile, &doctor]);
    assert_eq!(told, ["structure Patient.generalPractitioner[0]", "required Patient.generalPractitioner"]);
    // By the type alone, which the reference says of itself.
    let by_type = slices("type", "http://hl7.org/fhir/StructureDefinition/Practitioner");
    let elsewhere = |reference: &str| {
        format!(r#"{{"resourceType":"Patient","generalPractitioner":[{{"reference":"{reference}"}}]}}"#)
    };
    assert_eq!(errors(&elsewhere("Practitioner/1"), &[&by_type]), Vec::<String>::new());
    let told = errors(&elsewhere("Organization/1"), &[&by_type]);
    assert_eq!(told, ["structure Patient.generalPractitioner[0]", "required Patient.generalPractitioner"]);
}

#[test]
fn slices_that_cannot_be_told_are_no_errors() {
    let profile = profile(
        "it",
        "Patient",
        r#"{"path":"Patient.name","slicing":{"discriminator":[{"type":"value","path":"use"}],"rules":"closed"}},
        {"path":"Patient.name","sliceName":"s","min":1},
        {"path":"Patient.name.use","binding":{"strength":"required","valueSet":"http://v/unknown"}}"#,
    );
    let resource = r#"{"resourceType":"Patient","name":[{"family":"x","use":"old"}]}"#;
    assert_eq!(errors(resource, &[&profile]), Vec::<String>::new());
    let said = of_severity(resource, &[&profile], Severity::Information);
    assert!(said.contains(&"not-supported Patient.name".to_owned()), "{said:?}");
}
