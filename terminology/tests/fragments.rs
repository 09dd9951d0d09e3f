//! A code that a fragment of a system does not have may be one of the system: of a value set of all of the system, not of one that
//! lists, filters or leaves out codes, nor of one that does not name the system.
#![allow(missing_docs)]

use serde_json::{Value, json};
use terminology::library::Library;
use terminology::options::Given;
use terminology::validate::in_value_set;

fn result(compose: &Value, code: &str) -> bool {
    let mut library = Library::default();
    for (url, content) in [("urn:part", "fragment"), ("urn:whole", "complete")] {
        let concept = json!([{ "code": "a" }, { "code": "b" }]);
        library.add(&json!({ "resourceType": "CodeSystem", "url": url, "content": content, "concept": concept }));
    }
    let set = json!({ "resourceType": "ValueSet", "url": "urn:set", "status": "active", "compose": compose });
    library.add(&set);
    library.add(&json!({ "resourceType": "ValueSet", "url": "urn:few", "status": "active", "compose": { "include": [{ "system": "urn:part", "concept": [{ "code": "a" }] }] } }));
    library.add(&json!({ "resourceType": "ValueSet", "url": "urn:all", "status": "active", "compose": { "include": [{ "system": "urn:part" }] } }));
    let coding = json!({ "system": "urn:part", "code": code });
    let asked =
        json!({ "parameter": [{ "name": "url", "valueUri": "urn:set" }, { "name": "coding", "valueCoding": coding }] });
    let answer = in_value_set(&library, &Given::of(&asked), None).expect("an answer");
    let said = answer["parameter"].as_array().expect("parameters");
    said.iter().find(|one| one["name"] == "result").expect("a result")["valueBoolean"] == true
}

#[test]
fn what_a_fragment_lacks_is_in_what_holds_all_of_its_system_alone() {
    let all = json!({ "system": "urn:part" });
    let listed = json!({ "system": "urn:part", "concept": [{ "code": "a" }, { "code": "z" }] });
    let filtered = json!({ "system": "urn:part", "filter": [{ "property": "concept", "op": "is-a", "value": "a" }] });
    for (compose, is_in) in [
        (json!({ "include": [all] }), true),
        (json!({ "include": [{ "valueSet": ["urn:all"] }] }), true),
        (json!({ "include": [listed] }), false),
        (json!({ "include": [filtered] }), false),
        (json!({ "include": [{ "system": "urn:whole" }] }), false),
        (json!({ "include": [{ "valueSet": ["urn:few"] }] }), false),
        (json!({ "include": [{ "system": "urn:part", "valueSet": ["urn:few"] }] }), false),
        (json!({ "include": [{ "valueSet": ["urn:all", "urn:few"] }] }), false),
        (json!({ "include": [all], "exclude": [{ "system": "urn:part", "concept": [{ "code": "x" }] }] }), false),
        (json!({ "include": [all], "exclude": [{ "valueSet": ["urn:few"] }] }), false),
    ] {
        assert_eq!(result(&compose, "x"), is_in, "{compose}");
        assert!(result(&json!({ "include": [all] }), "a"), "what it has is in it");
    }
    // A list knows more than the fragment.
    assert!(result(&json!({ "include": [listed] }), "z"));
}
