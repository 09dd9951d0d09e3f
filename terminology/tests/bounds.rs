//! What is small to write and much to work out ends in time, with an error that says so.
#![allow(missing_docs)]

use serde_json::{Value, json};
use terminology::expand::expand;
use terminology::library::Library;
use terminology::options::Given;
use terminology::validate::in_value_set;

/// Value sets that each name the next one so many times; the last lists a code.
fn doubling(deep: usize, times: usize) -> Library {
    let mut library = Library::default();
    for nth in 0..deep {
        let next = format!("http://sets.example/{}", nth + 1);
        let include: Vec<Value> = (0..times).map(|_| json!({ "valueSet": [next] })).collect();
        library.add(&set(nth, &json!({ "include": include })));
    }
    let last = json!({ "include": [{ "system": "urn:codes", "concept": [{ "code": "a" }] }] });
    library.add(&set(deep, &last));
    library
}

fn set(nth: usize, compose: &Value) -> Value {
    json!({ "resourceType": "ValueSet", "url": format!("http://sets.example/{nth}"), "status": "active", "compose": compose })
}

fn given(parameters: &Value) -> Given {
    Given::of(&json!({ "parameter": parameters }))
}

#[test]
fn value_sets_that_name_each_other_many_times_are_not_worked_out_for_ever() {
    for (deep, times) in [(13, 40), (14, 3)] {
        let library = doubling(deep, times);
        let asked = given(&json!([{ "name": "url", "valueUri": "http://sets.example/0" }]));
        let fault = expand(&library, &asked, None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect_err("too much");
        assert_eq!((fault.status, fault.issue.code), (422, "too-costly"));
        let coding = json!({ "system": "urn:codes", "code": "b" });
        let asked = given(
            &json!([{ "name": "url", "valueUri": "http://sets.example/0" }, { "name": "coding", "valueCoding": coding }]),
        );
        let fault = in_value_set(&library, &asked, None).expect_err("too much");
        assert_eq!((fault.status, fault.issue.code), (422, "too-costly"));
    }
    // The same of a depth that can be worked out.
    let asked = given(&json!([{ "name": "url", "valueUri": "http://sets.example/0" }]));
    let expanded = expand(&doubling(4, 3), &asked, None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect("its codes");
    assert_eq!(expanded["expansion"]["total"], 1);
}

#[test]
fn an_expression_that_backtracks_elsewhere_is_matched_in_one_pass() {
    let mut library = Library::default();
    let codes: Vec<Value> = (0..200).map(|nth| json!({ "code": format!("{}!{nth}", "a".repeat(300)) })).collect();
    library.add(&json!({ "resourceType": "CodeSystem", "url": "urn:a", "content": "complete", "concept": codes }));
    let filter = json!([{ "property": "code", "op": "regex", "value": "(((a+)+)+)+" }]);
    library.add(&set(0, &json!({ "include": [{ "system": "urn:a", "filter": filter }] })));
    let asked = given(&json!([{ "name": "url", "valueUri": "http://sets.example/0" }]));
    let expanded = expand(&library, &asked, None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect("none");
    assert_eq!(expanded["expansion"]["total"], 0);
    // One that would compile to more than it may.
    let filter = json!([{ "property": "code", "op": "regex", "value": "((a{100}){100}){100}" }]);
    let mut library = Library::default();
    library.add(
        &json!({ "resourceType": "CodeSystem", "url": "urn:a", "content": "complete", "concept": [{ "code": "a" }] }),
    );
    library.add(&set(0, &json!({ "include": [{ "system": "urn:a", "filter": filter }] })));
    let fault = expand(&library, &asked, None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect_err("too large");
    assert_eq!((fault.status, fault.issue.at.as_deref()), (422, Some("ValueSet.compose.include[0].filter[0]")));
}

#[test]
fn a_code_counts_once_and_a_rule_has_few_filters() {
    let mut library = Library::default();
    let concepts = json!([{ "code": "a", "display": "First", "concept": [{ "code": "b" }] }, { "code": "a", "display": "Second", "concept": [{ "code": "a" }, { "code": "c" }] }]);
    library.add(&json!({ "resourceType": "CodeSystem", "url": "urn:a", "content": "complete", "concept": concepts }));
    library.add(&set(0, &json!({ "include": [{ "system": "urn:a" }] })));
    let filters: Vec<Value> = (0..33).map(|_| json!({ "property": "code", "op": "regex", "value": "a" })).collect();
    library.add(&set(1, &json!({ "include": [{ "system": "urn:a", "filter": filters }] })));
    let asked = |nth: usize| {
        given(
            &json!([{ "name": "url", "valueUri": format!("http://sets.example/{nth}") }, { "name": "excludeNested", "valueBoolean": true }]),
        )
    };
    let expanded = expand(&library, &asked(0), None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect("its codes");
    let codes: Vec<&Value> =
        expanded["expansion"]["contains"].as_array().expect("codes").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["a", "b", "c"]);
    assert_eq!(expanded["expansion"]["contains"][0]["display"], "First");
    let fault = expand(&library, &asked(1), None, "urn:uuid:x", "2026-01-01T00:00:00Z").expect_err("too many");
    assert_eq!((fault.status, fault.issue.code), (422, "too-costly"));
}

#[test]
fn a_page_is_whole_or_refused_and_a_version_is_named() {
    let mut library = Library::default();
    let concepts: Vec<Value> = (0..10_001).map(|nth| json!({ "code": format!("c{nth}") })).collect();
    library.add(&json!({ "resourceType": "CodeSystem", "url": "urn:a", "content": "complete", "concept": concepts }));
    library.add(&set(0, &json!({ "include": [{ "system": "urn:a" }] })));
    let ask = |more: &[(&str, &str)]| {
        let all = [("url", "http://sets.example/0")].iter().chain(more);
        let all: Vec<Value> = all.map(|(name, value)| json!({ "name": name, "valueString": value })).collect();
        expand(&library, &given(&json!(all)), None, "urn:uuid:x", "2026-01-01T00:00:00Z")
    };
    assert_eq!(ask(&[("count", "20000")]).expect_err("too many").issue.code, "too-costly");
    assert_eq!(ask(&[("offset", "0")]).expect_err("too many").issue.code, "too-costly");
    let rest = ask(&[("count", "20000"), ("offset", "1")]).expect("the rest");
    assert_eq!(rest["expansion"]["contains"].as_array().map(Vec::len), Some(10_000));
    for name in ["system-version", "check-system-version", "force-system-version", "default-valueset-version"] {
        let fault = ask(&[("count", "1"), (name, "urn:a")]).expect_err("no version");
        assert_eq!((fault.status, fault.issue.code), (400, "invalid"), "{name}");
        assert!(fault.issue.text.contains(name), "{}", fault.issue.text);
    }
}
