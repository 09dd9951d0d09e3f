//! Links between resources of a bundle, found and replaced.

#[path = "search_support/data.rs"]
mod data;

use std::collections::HashMap;

use mappers::json::Document;
use mappers::references::{Links, Reference, conditional, is_id, local, parse, rewrite};
use proptest::prelude::*;
use serde_json::Value;

fn rewritten(json: &str, links: &[(&str, &str)]) -> Option<String> {
    let document = Document::parse(json.as_bytes()).expect("json");
    let links: HashMap<_, _> = links.iter().copied().collect();
    let bytes = rewrite(document.root(), &|link| links.get(link).map(|target| (*target).to_owned()))?;
    Some(String::from_utf8(bytes).expect("UTF-8"))
}

#[test]
fn the_text_of_a_reference_says_what_it_is() {
    let local = |kind, id, version| Reference::Local { kind, id, version };
    for (text, expected) in [
        ("Patient/1", local("Patient", "1", None)),
        ("Patient/1/_history/2", local("Patient", "1", Some("2"))),
        ("Patient/1#x", local("Patient", "1", None)),
        ("#x", Reference::Contained("x")),
        ("#", Reference::Contained("")),
        ("Patient?identifier=a|b", Reference::Conditional { kind: "Patient", query: "identifier=a|b" }),
        ("Nothing?identifier=a|b", Reference::Other("Nothing?identifier=a|b")),
        ("urn:uuid:1#x", Reference::Absolute { kind: None, text: "urn:uuid:1" }),
        (
            "http://a/b/Patient/1/_history/2",
            Reference::Absolute { kind: Some("Patient"), text: "http://a/b/Patient/1" },
        ),
        ("http://Patient/1", Reference::Absolute { kind: None, text: "http://Patient/1" }),
        ("http://a", Reference::Absolute { kind: None, text: "http://a" }),
        ("Patient", Reference::Other("Patient")),
        ("Patient/", Reference::Other("Patient/")),
        ("Patient/1/2", Reference::Other("Patient/1/2")),
        ("/Patient/1", Reference::Other("/Patient/1")),
        ("", Reference::Other("")),
        ("a/b:c", Reference::Other("a/b:c")),
    ] {
        assert_eq!(parse(text), expected, "{text}");
    }
    assert!(is_id("a.B-9") && !is_id("") && !is_id("a_b") && is_id(&"a".repeat(64)) && !is_id(&"a".repeat(65)));
}

#[test]
fn only_links_change_and_every_other_byte_stays() {
    let json = "{ \"resourceType\" : \"Observation\",\n \"subject\":{\"reference\" : \"urn:uuid:1\", \"display\":\"urn:uuid:1\"},\
        \"identifier\":[{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"urn:uuid:1\"}], \"performer\":[{\"reference\":\"urn:uuid:2\"},\
        {\"reference\":\"Practitioner/x\"}], \"valueString\":\"urn:uuid:1\", \"extension\":[{\"url\":\"http://e\",\"valueUri\":\"urn:uuid:1#f\"},\
        {\"url\":\"http://e\",\"valueUuid\":\"urn:uuid:1\"},{\"url\":\"http://e\",\"valueCanonical\":\"urn:uuid:1\"}], \"valueDecimal\":1.10 }";
    let new = rewritten(json, &[("urn:uuid:1", "Patient/p"), ("urn:uuid:3", "Patient/q")]).unwrap();
    let expected = json
        .replace("\"reference\" : \"urn:uuid:1\"", "\"reference\" : \"Patient/p\"")
        .replace("urn:uuid:1#f", "Patient/p#f")
        .replace("\"valueUuid\":\"urn:uuid:1\"", "\"valueUuid\":\"Patient/p\"");
    assert_eq!(new, expected);
    assert_eq!(rewritten(json, &[]), None);
}

#[test]
fn links_may_be_absolute_versioned_relative_conditional_or_in_lists() {
    for (reference, link, expected) in [
        ("http://a/Patient/1", "http://a/Patient/1", "Patient/p"),
        ("http://a/Patient/1/_history/2", "http://a/Patient/1", "Patient/p"),
        ("http:\\/\\/a\\/Patient\\/1", "http://a/Patient/1", "Patient/p"),
        ("Patient/1", "Patient/1", "Patient/p"),
        ("Patient/1/_history/2", "Patient/1/_history/2", "Patient/p"),
        ("Patient?identifier=a|b", "Patient?identifier=a|b", "Patient/p"),
        ("Patient?identifier=a#b", "Patient?identifier=a#b", "Patient/p"),
        ("urn:uuid:1#x", "urn:uuid:1", "Patient/p#x"),
    ] {
        let json = |text: &str| format!(r#"{{"subject":{{"reference":"{text}"}}}}"#);
        assert_eq!(rewritten(&json(reference), &[(link, "Patient/p")]), Some(json(expected)), "{reference}");
    }
    assert_eq!(rewritten(r##"{"subject":{"reference":"#x"}}"##, &[("", "Patient/p")]), None);
    let list = rewritten(r#"{"instantiatesUri":["urn:uuid:1","x"],"given":["urn:uuid:1"]}"#, &[("urn:uuid:1", "A/1")]);
    assert_eq!(list.as_deref(), Some(r#"{"instantiatesUri":["A/1","x"],"given":["urn:uuid:1"]}"#));
}

#[test]
fn narrative_links_change() {
    let json = r#"{"text":{"div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a\n href=\"urn:uuid:1\">urn:uuid:1</a><img alt='x' src='urn:uuid:1#f'/><a data-href=\"urn:uuid:1\" href = \"urn:uuid:2\"/></div>"}}"#;
    let new = rewritten(json, &[("urn:uuid:1", "Patient/p"), ("urn:uuid:2", "Patient/q")]).unwrap();
    let expected = json
        .replace("\\n href=\\\"urn:uuid:1\\\"", "\\n href=\\\"Patient/p\\\"")
        .replace("'urn:uuid:1#f'", "'Patient/p#f'")
        .replace("\\\"urn:uuid:2\\\"", "\\\"Patient/q\\\"");
    assert_eq!(new, expected);
    for broken in
        [r#"{"div":"href= href=\" src='"}"#, r#"{"div":" href="}"#, r#"{"div":7}"#, r#"{"div":" src=\"urn:uuid:1"}"#]
    {
        assert_eq!(rewritten(broken, &[("urn:uuid:1", "Patient/p")]), None, "{broken}");
    }
}

#[test]
fn identities_of_definitions_and_nested_bundles_stay() {
    let links = [("http://a/ValueSet/1", "ValueSet/new"), ("urn:uuid:1", "Patient/p")];
    assert_eq!(rewritten(r#"{"resourceType":"ValueSet","url":"http://a/ValueSet/1"}"#, &links), None);
    let attachment = r#"{"resourceType":"DocumentReference","content":[{"attachment":{"url":"urn:uuid:1"}}]}"#;
    assert_eq!(rewritten(attachment, &links).unwrap(), attachment.replace("urn:uuid:1", "Patient/p"));
    let nested = r#"{"resourceType":"Bundle","entry":[{"resource":{"subject":{"reference":"urn:uuid:1"}}}]}"#;
    assert_eq!(rewritten(nested, &links), None);
    let contained =
        r#"{"resourceType":"List","contained":[{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"}}]}"#;
    assert_eq!(rewritten(contained, &links).unwrap(), contained.replace("urn:uuid:1", "Patient/p"));
}

#[test]
fn a_part_of_a_document_is_rewritten_alone() {
    let json =
        r#"{"entry":[{"resource":{"a":{"reference":"urn:uuid:1"}}},{"resource":{"b":{"reference":"urn:uuid:1"}}}]}"#;
    let document = Document::parse(json.as_bytes()).unwrap();
    let second = document.root().member("entry").unwrap().children().nth(1).unwrap().member("resource").unwrap();
    let new = rewrite(second, &|_| Some("Patient/p".to_owned())).unwrap();
    assert_eq!(new, br#"{"b":{"reference":"Patient/p"}}"#);
}

#[test]
fn links_resolve_against_the_entry_they_stand_in() {
    let mut links = Links::new();
    assert_eq!(links.insert("urn:uuid:1", "Patient/1".to_owned()), None);
    assert_eq!(links.insert("http://a/fhir/Patient/x", "Patient/2".to_owned()), None);
    assert_eq!(links.insert("http://a/fhir/Patient/x", "Patient/2".to_owned()), None);
    let here = Some("http://a/fhir/Observation/o");
    for (entry, link, expected) in [
        (here, "urn:uuid:1", Some("Patient/1")),
        (None, "http://a/fhir/Patient/x", Some("Patient/2")),
        (here, "Patient/x", Some("Patient/2")),
        (Some("http://b/fhir/Observation/o"), "Patient/x", None),
        (Some("urn:uuid:9"), "Patient/x", None),
        (None, "Patient/x", None),
        (here, "Patient/y", None),
    ] {
        assert_eq!(links.resolve(entry, link).as_deref(), expected, "{link}");
    }
    assert_eq!(links.insert("urn:uuid:1", "Patient/7".to_owned()).as_deref(), Some("Patient/1"));
}

#[test]
fn conditional_and_local_references_are_listed() {
    let json = r#"{"a":[{"reference":"Practitioner?identifier=s|1"},{"reference":"urn:uuid:1"},{"reference":"urn:oid:1.2"},
        {"reference":"Patient/1"},{"reference":null},{"identifier":{"value":"Practitioner?x=1"}}],"system":"urn:oid:9"}"#;
    let document = Document::parse(json.as_bytes()).unwrap();
    assert_eq!(conditional(document.root()), ["Practitioner?identifier=s|1"]);
    assert_eq!(local(document.root()), ["urn:uuid:1", "urn:oid:1.2"]);
}

/// The same by other means: in serde's tree, every `reference` that is a fullUrl.
fn replaced(value: &mut Value, links: &HashMap<String, String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replaced(item, links)),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "reference" => {
                        if let Some(target) = links.get(text.as_str()) {
                            target.clone_into(text);
                        }
                    }
                    other => replaced(other, links),
                }
            }
        }
        _ => {}
    }
}

#[test]
fn whole_synthea_bundles_are_rewritten_as_another_reading_does() {
    let bundles = data::texts("04-synthea-and-bulk/synthea-bundles");
    for text in &bundles {
        let mut bundle: Value = serde_json::from_str(text).unwrap();
        let entries = bundle["entry"].as_array().unwrap();
        let link = |(number, entry): (usize, &Value)| {
            let kind = entry["resource"]["resourceType"].as_str().unwrap();
            (entry["fullUrl"].as_str().unwrap().to_owned(), format!("{kind}/new-{number}"))
        };
        let links: HashMap<_, _> = entries.iter().enumerate().map(link).collect();
        let document = Document::parse(text.as_bytes()).unwrap();
        let mut changed = 0;
        for (entry, other) in
            document.root().member("entry").unwrap().children().zip(bundle["entry"].as_array_mut().unwrap())
        {
            let resource = entry.member("resource").unwrap();
            assert_eq!(rewrite(resource, &|text| Some(text.to_owned())), None, "identity changes nothing");
            let urns = local(resource).len();
            let new = rewrite(resource, &|text| links.get(text).cloned());
            assert_eq!(new.is_some(), urns > 0);
            if let Some(new) = new {
                let new = Document::parse(&new).unwrap();
                assert!(local(new.root()).is_empty());
                let have: Value = serde_json::from_str(new.text()).unwrap();
                replaced(&mut other["resource"], &links);
                assert_eq!(have, other["resource"]);
                changed += 1;
            }
        }
        assert!(changed > 10, "{changed}");
    }
}

#[test]
fn conditional_references_of_synthea_are_found_and_resolved() {
    let bundles = data::texts("04-synthea-and-bulk/synthea-conditional-references");
    let mut found = 0;
    for text in &bundles {
        let document = Document::parse(text.as_bytes()).unwrap();
        for entry in document.root().member("entry").unwrap().children() {
            let resource = entry.member("resource").unwrap();
            let references = conditional(resource);
            found += references.len();
            if references.is_empty() {
                continue;
            }
            let new = rewrite(resource, &|text| text.contains('?').then(|| "Practitioner/1".to_owned())).unwrap();
            assert!(conditional(Document::parse(&new).unwrap().root()).is_empty());
        }
    }
    assert!(bundles.is_empty() || found > 1000, "{found}");
}

proptest! {
    #[test]
    fn any_text_is_some_reference(text in "\\PC{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn replacing_by_itself_changes_nothing_and_elsewhere_only_links(
        reference in "(urn:uuid:|Patient/|http://a/Patient/|#)?[a-z0-9/#?_]{0,12}", text in "[a-z<>='/ #:]{0,40}"
    ) {
        let json = serde_json::json!({
            "subject": {"reference": reference, "display": reference},
            "text": {"div": format!("<div> href='{reference}' {text}</div>")},
        }).to_string();
        let document = Document::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(rewrite(document.root(), &|text| Some(text.to_owned())), None);
        if let Some(new) = rewrite(document.root(), &|text| (text == reference).then(|| "Z/9".to_owned())) {
            let new: Value = serde_json::from_slice(&new).unwrap();
            prop_assert_eq!(&new["subject"]["display"], &Value::String(reference));
            prop_assert_eq!(&new["subject"]["reference"], "Z/9");
        }
    }
}
