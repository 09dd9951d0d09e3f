//! Extensions, references, contained resources, Bundles, responses to Questionnaires.

use super::{errors, of_severity, profile};
use mappers::validate::Severity;

fn extension(url: &str, value: &str) -> String {
    format!(r#"{{"url":"{url}",{value}}}"#)
}

#[test]
fn extensions_stand_where_they_may_with_the_value_they_have() {
    let core = "http://hl7.org/fhir/StructureDefinition/";
    let patient = |list: &str, one: &str| format!(r#"{{"resourceType":"Patient","{list}":[{one}]}}"#);
    let place = extension(&format!("{core}patient-birthPlace"), r#""valueAddress":{"city":"x"}"#);
    assert_eq!(errors(&patient("extension", &place), &[]), Vec::<String>::new());
    assert_eq!(errors(&patient("modifierExtension", &place), &[]), ["extension Patient.modifierExtension[0]"]);
    let text = extension(&format!("{core}patient-birthPlace"), r#""valueString":"x""#);
    assert_eq!(errors(&patient("extension", &text), &[]), ["structure Patient.extension[0].value"]);
    let elsewhere = format!(r#"{{"resourceType":"Basic","code":{{"text":"x"}},"extension":[{place}]}}"#);
    assert_eq!(errors(&elsewhere, &[]), ["extension Basic.extension[0]"]);
    let version = extension(&format!("{core}patient-birthPlace|4.0.1"), r#""valueAddress":{"city":"x"}"#);
    assert_eq!(errors(&patient("extension", &version), &[]), ["value Patient.extension[0]"]);
    assert_eq!(
        errors(&patient("extension", &extension("relative", r#""valueString":"x""#)), &[]),
        ["value Patient.extension[0]"]
    );
    let unknown = extension("http://example.org/unknown", r#""valueString":"x""#);
    assert_eq!(errors(&patient("extension", &unknown), &[]), Vec::<String>::new());
    let said = of_severity(&patient("extension", &unknown), &[], Severity::Information);
    assert!(said.contains(&"extension Patient.extension[0]".to_owned()), "{said:?}");
    let said = of_severity(&patient("modifierExtension", &unknown), &[], Severity::Warning);
    assert!(said.contains(&"extension Patient.modifierExtension[0]".to_owned()), "{said:?}");
    // Beside a primitive.
    let time = extension(&format!("{core}patient-birthTime"), r#""valueDateTime":"2020-01-01T10:00:00Z""#);
    let beside =
        format!(r#"{{"resourceType":"Patient","birthDate":"2020-01-01","_birthDate":{{"extension":[{time}]}}}}"#);
    assert_eq!(errors(&beside, &[]), Vec::<String>::new());
}

#[test]
fn stored_extensions_are_checked_with_their_parts() {
    let whole = r#"{"resourceType":"StructureDefinition","url":"http://p/whole","type":"Extension","derivation":"constraint",
        "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","context":[{"type":"element","expression":"Patient.contact"}],
        "differential":{"element":[{"path":"Extension"},
        {"path":"Extension.extension","sliceName":"part","min":1,"max":"1"},{"path":"Extension.extension.url","fixedUri":"part"},
        {"path":"Extension.extension.value[x]","min":1,"type":[{"code":"integer"}]},
        {"path":"Extension.url","fixedUri":"http://p/whole"},{"path":"Extension.value[x]","max":"0"}]}}"#;
    let contact = |part: &str| {
        format!(
            r#"{{"resourceType":"Patient","contact":[{{"name":{{"text":"x"}},"extension":[{{"url":"http://p/whole","extension":[{part}]}}]}}]}}"#
        )
    };
    assert_eq!(errors(&contact(r#"{"url":"part","valueInteger":1}"#), &[whole]), Vec::<String>::new());
    let place = "Patient.contact[0].extension[0].extension";
    assert_eq!(
        errors(&contact(r#"{"url":"part","valueString":"x"}"#), &[whole]),
        [format!("structure {place}[0].value")]
    );
    assert_eq!(errors(&contact(r#"{"url":"other","valueInteger":1}"#), &[whole]), [format!("required {place}")]);
}

#[test]
fn references_name_what_they_may() {
    let observation = |subject: &str| {
        format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"subject":{subject}}}"#)
    };
    for good in [
        r#"{"reference":"Patient/1"}"#,
        r#"{"reference":"http://x/fhir/Group/1/_history/2"}"#,
        r#"{"reference":"urn:uuid:0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a"}"#,
        r#"{"reference":"Patient?identifier=x"}"#,
        r#"{"type":"Device","identifier":{"value":"x"}}"#,
        r#"{"display":"x"}"#,
    ] {
        assert_eq!(errors(&observation(good), &[]), Vec::<String>::new(), "{good}");
    }
    for bad in [
        r#"{"reference":"Claim/1"}"#,
        r#"{"reference":"http://x/Claim/1"}"#,
        r#"{"type":"Claim","identifier":{"value":"x"}}"#,
    ] {
        assert_eq!(errors(&observation(bad), &[]), ["structure Observation.subject"], "{bad}");
    }
    let contained = r##"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"#c"},
        "contained":[{"resourceType":"Claim","id":"c","status":"draft","type":{"text":"x"},"use":"claim","patient":{"display":"x"},
        "created":"2024","provider":{"display":"x"},"priority":{"text":"x"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"x"}}]}]}"##;
    assert_eq!(errors(contained, &[]), ["structure Observation.subject"]);
}

#[test]
fn contained_resources_are_checked_in_their_container() {
    let text = r##"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","partOf":{"reference":"#p"}},
        {"resourceType":"Organization","id":"p","name":"x"}],"managingOrganization":{"reference":"#o"}}"##;
    assert_eq!(errors(text, &[]), ["invariant Patient.contained[0]"], "org-1, and #p is in the container");
    let dangling = r##"{"resourceType":"Patient","managingOrganization":{"reference":"#o"}}"##;
    assert_eq!(errors(dangling, &[]), ["invariant Patient.managingOrganization"]);
}

#[test]
fn entries_of_a_bundle_are_resources_with_addresses() {
    let bundle =
        |kind: &str, entries: &str| format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{entries}]}}"#);
    let good = r#"{"fullUrl":"http://x/Patient/1","resource":{"resourceType":"Patient","id":"1","contact":[{"gender":"male"}]}}"#;
    assert_eq!(errors(&bundle("collection", good), &[]), ["invariant Bundle.entry[0].resource.contact[0]"]);
    let relative = r#"{"fullUrl":"Patient/1","resource":{"resourceType":"Patient","id":"1"}}"#;
    assert_eq!(errors(&bundle("collection", relative), &[]), ["value Bundle.entry[0].fullUrl"]);
    let other = r#"{"fullUrl":"http://x/Patient/2","resource":{"resourceType":"Patient","id":"1"}}"#;
    assert_eq!(errors(&bundle("collection", other), &[]), ["invalid Bundle.entry[0].fullUrl"]);
    assert_eq!(
        errors(
            &bundle("searchset", r#"{"resource":{"resourceType":"Patient","active":true},"search":{"mode":"match"}}"#),
            &[]
        ),
        ["required Bundle.entry[0].resource"]
    );
    // What a reference names inside is looked at.
    let wrong = format!(
        r#"{},{{"fullUrl":"http://x/Observation/1","resource":{{"resourceType":"Observation","id":"1","status":"final","code":{{"text":"x"}},
        "encounter":{{"reference":"Patient/1"}}}}}}"#,
        r#"{"fullUrl":"http://x/Patient/1","resource":{"resourceType":"Patient","id":"1"}}"#
    );
    assert_eq!(errors(&bundle("collection", &wrong), &[]), ["structure Bundle.entry[1].resource.encounter"]);
    let document = r#"{"fullUrl":"http://x/Composition/1","resource":{"resourceType":"Composition","id":"1","status":"final","type":{"text":"x"},
        "date":"2024","title":"x","author":[{"reference":"Practitioner/1"}]}}"#;
    let text = bundle("document", document).replace("\"type\":\"document\"", "\"type\":\"document\",\"timestamp\":\"2024-01-01T00:00:00Z\",\"identifier\":{\"system\":\"urn:x\",\"value\":\"1\"}");
    assert_eq!(errors(&text, &[]), ["not-found Bundle.entry[0].resource.author[0]"]);
}

#[test]
fn the_resource_of_an_entry_follows_the_profile_of_the_bundle() {
    let patient = profile("patient", "Patient", r#"{"path":"Patient.name","min":1}"#);
    let bundle = profile(
        "it",
        "Bundle",
        r#"{"path":"Bundle.entry","slicing":{"discriminator":[{"type":"type","path":"resource"}],"rules":"closed"}},
        {"path":"Bundle.entry","sliceName":"p","min":1},
        {"path":"Bundle.entry.resource","type":[{"code":"Patient","profile":["http://p/patient"]}]}"#,
    );
    let with = |resource: &str| {
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{resource}}}]}}"#)
    };
    let definitions = [&*bundle, &*patient];
    assert_eq!(
        errors(&with(r#"{"resourceType":"Patient","name":[{"text":"x"}]}"#), &definitions),
        Vec::<String>::new()
    );
    assert_eq!(
        errors(&with(r#"{"resourceType":"Patient","active":true}"#), &definitions),
        ["required Bundle.entry[0].resource.name"]
    );
    let told = errors(&with(r#"{"resourceType":"Basic","code":{"text":"x"}}"#), &definitions);
    assert_eq!(told, ["structure Bundle.entry[0]", "required Bundle.entry"]);
}

#[test]
fn responses_answer_what_is_asked() {
    let form = r#"{"resourceType":"Questionnaire","url":"http://q/1","status":"active","item":[
        {"linkId":"g","type":"group","item":[{"linkId":"smokes","type":"boolean","required":true},
        {"linkId":"many","type":"integer","required":true,"enableWhen":[{"question":"smokes","operator":"=","answerBoolean":true}]}]}]}"#;
    let response = |status: &str, items: &str| {
        format!(
            r#"{{"resourceType":"QuestionnaireResponse","questionnaire":"http://q/1","status":"{status}","item":[{{"linkId":"g","item":[{items}]}}]}}"#
        )
    };
    let no = r#"{"linkId":"smokes","answer":[{"valueBoolean":false}]}"#;
    let yes = r#"{"linkId":"smokes","answer":[{"valueBoolean":true}]}"#;
    assert_eq!(errors(&response("completed", no), &[form]), Vec::<String>::new());
    assert_eq!(errors(&response("completed", yes), &[form]), ["required QuestionnaireResponse.item[0]"]);
    assert_eq!(errors(&response("in-progress", yes), &[form]), Vec::<String>::new());
    let wrong =
        r#"{"linkId":"smokes","answer":[{"valueString":"no"}]},{"linkId":"else","answer":[{"valueString":"x"}]}"#;
    assert_eq!(
        errors(&response("completed", wrong), &[form]),
        [
            "structure QuestionnaireResponse.item[0].item[0].answer[0].value",
            "not-found QuestionnaireResponse.item[0].item[1]"
        ]
    );
}
