//! A value set whose rules hang on what is not known here is what it was once expanded to, for every question alike.
#![allow(missing_docs)]

use serde_json::{Value, json};
use terminology::compose::Composer;
use terminology::library::Library;
use terminology::options::{Given, Options};

/// The codes of a value set, and whether each of three is found in it.
fn told(compose: &Value) -> (Vec<String>, [bool; 3]) {
    let mut library = Library::default();
    let concept = json!([{ "code": "a" }, { "code": "b" }, { "code": "c" }]);
    library
        .add(&json!({ "resourceType": "CodeSystem", "url": "urn:known", "content": "complete", "concept": concept }));
    let contains = json!([{ "system": "urn:known", "code": "b" }, { "system": "urn:far", "code": "x", "contains": [{ "system": "urn:known", "code": "c" }] }]);
    let set = json!({ "resourceType": "ValueSet", "url": "urn:set", "compose": compose, "expansion": { "contains": contains } });
    library.add(&set);
    let set = library.set("urn:set", None).expect("it is there");
    let options = Options::of(&Given::default(), None, None, &library).expect("nothing is asked");
    let composer = Composer::new(&library, &options);
    let members = composer.members(&set).expect("its codes").into_iter().map(|member| member.code).collect();
    let is_in = |code: &str| composer.find(&set, "urn:known", None, code).expect("an answer").is_some();
    (members, [is_in("a"), is_in("b"), is_in("c")])
}

#[test]
fn an_expansion_stands_in_for_rules_that_cannot_be_told() {
    let known = json!({ "system": "urn:known", "concept": [{ "code": "a" }] });
    assert_eq!(told(&json!({ "include": [known] })), (vec!["a".to_owned()], [true, false, false]));
    let once = (vec!["b".to_owned(), "x".to_owned(), "c".to_owned()], [false, true, true]);
    for unknown in [
        json!({ "system": "urn:far" }),
        json!({ "valueSet": ["urn:none"] }),
        json!({ "system": "urn:far", "filter": [{ "property": "concept", "op": "is-a", "value": "x" }] }),
    ] {
        assert_eq!(told(&json!({ "include": [known, unknown] })), once, "{unknown}");
        assert_eq!(told(&json!({ "include": [unknown, known] })), once, "{unknown}");
    }
    assert_eq!(
        told(&json!({ "include": [{ "system": "urn:known" }], "exclude": [{ "valueSet": ["urn:none"] }] })),
        once
    );
}
