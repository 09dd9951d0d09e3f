//! FHIR's own code systems, made up.

use releases::{Fault, fhir};
use serde_json::{Value, json};

use crate::support::{Release, fault, is_told, row};

fn system(concepts: &Value) -> Value {
    json!({
        "resourceType": "CodeSystem", "url": "http://example.org/alpha", "version": "1", "status": "active", "content": "complete",
        "text": { "status": "generated" }, "extension": [{ "url": "http://example.org/x", "valueCode": "x" }],
        "property": [{ "code": "up", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code" }],
        "concept": concepts,
    })
}

#[test]
fn all_that_a_concept_says_is_kept() {
    let draft = fhir::draft_of(&system(&json!([{
        "code": "a", "display": "Alpha", "definition": "Means alpha", "extension": [{ "url": "http://example.org/y" }],
        "designation": [{ "language": "de", "use": { "code": "u" }, "value": "Alpha auf deutsch" }, { "value": "Plain" }],
        "property": [
            { "code": "s", "valueString": "text" }, { "code": "i", "valueInteger": 7 }, { "code": "b", "valueBoolean": false },
            { "code": "c", "valueCoding": { "code": "z" } }, { "code": "d", "valueDecimal": 1.5 }, { "code": "t", "valueDateTime": "2020" },
        ],
    }])))
    .unwrap();
    for line in [
        "display: Alpha",
        "definition: Means alpha",
        "extension: [{\"url\":\"http://example.org/y\"}]",
        "designation de {\"code\":\"u\"}: Alpha auf deutsch",
        "designation  : Plain",
        "property s String: text",
        "property i Integer: 7",
        "property b Boolean: false",
        "property c Coding: {\"code\":\"z\"}",
        "property d Decimal: 1.5",
        "property t DateTime: 2020",
    ] {
        assert!(is_told(&draft, "a", line), "{line} in {:?}", draft.told(0));
    }
    assert!(draft.header().get("concept").is_none() && draft.header().get("text").is_none());
    assert_eq!((&draft.header()["version"], draft.header()["extension"].is_array()), (&json!("1"), true));
}

#[test]
fn places_follow_the_document_and_a_code_counts_once() {
    let draft = fhir::draft_of(&system(&json!([
        { "code": "a", "concept": [{ "code": "b", "display": "First" }] },
        { "code": "c", "concept": [{ "code": "b", "display": "Second", "concept": [{ "code": "d" }] }] },
    ])))
    .unwrap();
    assert_eq!((0..4).map(|at| draft.code(at)).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    for line in ["display: First", "parent: a", "parent: c"] {
        assert!(is_told(&draft, "b", line));
    }
    assert!(is_told(&draft, "d", "parent: b"));
}

#[test]
fn properties_say_what_is_above_by_their_uri_or_name() {
    let mut resource = system(&json!([
        { "code": "a", "property": [{ "code": "child", "valueCode": "B" }] },
        { "code": "b" },
        { "code": "c", "property": [{ "code": "up", "valueCode": "b" }, { "code": "up", "valueCode": "nowhere" }] },
        { "code": "d", "property": [{ "code": "parent", "valueCode": "a" }] },
    ]));
    let draft = fhir::draft_of(&resource).unwrap();
    assert!(is_told(&draft, "c", "parent: b"));
    assert!(!is_told(&draft, "d", "parent: a"), "parent is another property here");
    assert!(!is_told(&draft, "b", "parent: a"));
    resource["caseSensitive"] = false.into();
    assert!(is_told(&fhir::draft_of(&resource).unwrap(), "b", "parent: a"));
}

#[test]
fn a_circle_is_refused() {
    let around = json!([{ "code": "a", "concept": [{ "code": "b", "concept": [{ "code": "a" }] }] }]);
    assert!(matches!(fault(fhir::draft_of(&system(&around))), Fault::Circle { .. }));
}

#[test]
fn what_is_no_code_system_is_refused() {
    for concepts in [
        json!([{}]),
        json!([{ "code": "" }]),
        json!([7]),
        json!({}),
        json!([{ "code": "a", "property": [{ "code": "x" }] }]),
    ] {
        row(fhir::draft_of(&system(&concepts)));
    }
    row(fhir::draft_of(&json!({ "resourceType": "ValueSet" })));
    row(fhir::draft_of(&json!(null)));
}

#[test]
fn concepts_may_lie_deep_in_each_other() {
    let mut inner = Value::Array(Vec::new());
    for nth in 0..50_000 {
        let mut concept = serde_json::Map::new();
        concept.insert("code".to_owned(), nth.to_string().into());
        concept.insert("concept".to_owned(), inner);
        inner = Value::Array(vec![Value::Object(concept)]);
    }
    let mut resource = system(&Value::Null);
    resource["concept"] = inner;
    let draft = fhir::draft_of(&resource);
    // To let go of it is recursive in serde_json; to read it is not.
    std::mem::forget(resource);
    assert_eq!(draft.unwrap().len(), 50_000);
}

#[test]
fn files_bundles_and_lines_are_read() {
    let one = system(&json!([{ "code": "a" }]));
    let bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": one }, { "resource": { "resourceType": "ValueSet" } }, {}] });
    let lines = format!("{one}\n\n{one}\r\n");
    let release =
        Release::of(&[("a.json", format!("\u{feff}{one}")), ("b.json", bundle.to_string()), ("c.ndjson", lines)]);
    assert!(fhir::is_there(&release.source()).unwrap());
    let loaded = fhir::load(&release.source(), &mut |_, _| {}).unwrap();
    assert_eq!(loaded.iter().map(|one| one.draft.len()).collect::<Vec<_>>(), [1, 1, 1, 1]);
}

#[test]
fn what_is_no_json_is_said_with_its_line() {
    let one = system(&json!([{ "code": "a" }]));
    let load = |file: &str, text: String| fhir::load(&Release::of(&[(file, text)]).source(), &mut |_, _| {});
    assert_eq!(row(load("a.ndjson", format!("{one}\n{{\"resourceType\"\n"))).0, 2);
    assert_eq!(row(load("a.json", "{\n\n\"resourceType\": x".to_owned())).0, 3);
    assert!(matches!(fault(load("a.txt", one.to_string())), Fault::Missing { .. }));
}

#[test]
fn what_hangs_in_the_air_or_comes_twice_is_odd() {
    let one =
        system(&json!([{ "code": "a", "property": [{ "code": "up", "valueCode": "nowhere" }] }, { "code": "a" }]));
    let loaded = fhir::load(&Release::of(&[("a.json", one.to_string())]).source(), &mut |_, _| {}).unwrap();
    assert_eq!(loaded[0].report.odd_rows, 2);
}
