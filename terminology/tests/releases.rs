//! What value sets may ask of a release.

use std::sync::Arc;

use serde_json::{Value, json};
use terminology::compose::MOST_MEMBERS;
use terminology::expand::expand;
use terminology::index::{Draft, Index, Kind};
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::options::Given;

fn release(library: &mut Library, url: &str, version: &str, rows: &[(&str, &str, &str)]) {
    let mut draft = Draft::new(json!({
        "resourceType": "CodeSystem", "url": url, "version": version, "content": "complete", "language": "en",
        "property": [{ "code": "CLASS", "type": "string" }, { "code": "memberOf", "type": "code" }],
    }));
    for (code, display, parent) in rows {
        let at = draft.concept(code).expect("there is room");
        draft.display(at, display).expect("there is room");
        draft
            .designation(
                at,
                "de-DE",
                r#"{"system":"http://loinc.org","code":"LONG_COMMON_NAME"}"#,
                &format!("{display} auf deutsch"),
            )
            .expect("there is room");
        draft
            .property(at, "memberOf", Kind::Code, if display.len() > 5 { "900" } else { "901" })
            .expect("there is room");
        if !parent.is_empty() {
            let parent = draft.concept(parent).expect("there is room");
            draft.parent(at, parent);
        }
    }
    let index = Index::open(Arc::new(draft.index().expect("it is written"))).expect("an index");
    library.add_system(Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system")));
}

/// The codes of one rule with one filter, or the status of the refusal.
fn filtered(url: &str, (property, op, value): (&str, &str, &str), more: &[(&str, &str)]) -> Result<Vec<String>, u16> {
    let mut library = Library::default();
    let rows = [("LP1", "Root", ""), ("1-8", "X-ray alpha", "LP1"), ("2-6", "Beta", "1-8"), ("3-4", "Xray", "LP1")];
    release(&mut library, url, "1", &rows);
    let filter = json!([{ "property": property, "op": op, "value": value }]);
    let include =
        if property.is_empty() { json!({ "system": url }) } else { json!({ "system": url, "filter": filter }) };
    library.add(&json!({ "resourceType": "ValueSet", "url": "urn:v", "compose": { "include": [include] } }));
    let more = more.iter().map(|(name, value)| json!({ "name": name, "valueString": value }));
    let all: Vec<Value> = [json!({ "name": "url", "valueString": "urn:v" })].into_iter().chain(more).collect();
    let given = Given::taken(json!({ "parameter": all }));
    let answer = expand(&library, &given, None, "urn:uuid:1", "2026").map_err(|fault| fault.status)?;
    let said = |one: &Value| {
        format!("{} {}", one["code"].as_str().unwrap_or_default(), one["display"].as_str().unwrap_or_default())
    };
    Ok(answer["expansion"]["contains"].as_array().map(|all| all.iter().map(said).collect()).unwrap_or_default())
}

const FLAT: [(&str, &str); 1] = [("excludeNested", "true")];

#[test]
fn a_filter_by_what_no_concept_has_is_refused_not_empty() {
    for (property, op, value, expected) in [
        ("CLASS", "=", "x", Ok(0)),
        ("CLASSS", "=", "x", Err(422)),
        ("CLASSS", "not-in", "x", Err(422)),
        ("constraint", "=", "<< 1", Err(422)),
        ("ancestor", "=", "LP1", Ok(3)),
        ("ancestor", "=", "1-8", Ok(1)),
        ("ancestor", "=", "nowhere", Ok(0)),
        ("concept", "is-a", "1-8", Ok(2)),
        ("display", "exists", "true", Ok(4)),
    ] {
        let found = filtered("http://loinc.org", (property, op, value), &FLAT).map(|codes| codes.len());
        assert_eq!(found, expected, "{property} {op} {value}");
    }
    let members = filtered("http://snomed.info/sct", ("concept", "in", "901"), &FLAT).expect("members");
    assert_eq!(members, ["LP1 Root", "2-6 Beta", "3-4 Xray"]);
}

#[test]
fn words_with_signs_in_them_are_looked_at_closely() {
    let named = |filter: &str| filtered("urn:s", ("", "", ""), &[("filter", filter)]).expect("a few");
    assert_eq!(named("x-r"), ["1-8 X-ray alpha"]);
    assert_eq!(named("xr"), ["3-4 Xray"]);
    assert_eq!(named("ray"), ["1-8 X-ray alpha"]);
    assert_eq!(named("alp"), ["1-8 X-ray alpha"]);
    assert_eq!(named("-"), [""; 0]);
}

#[test]
fn a_language_that_a_release_has_is_answered_in() {
    let told = filtered("http://loinc.org", ("concept", "=", "2-6"), &[("displayLanguage", "de-DE")]).expect("one");
    assert_eq!(told, ["2-6 Beta auf deutsch"]);
}

/// The day counts, whichever edition it is.
#[test]
fn the_latest_edition_is_meant() {
    let mut library = Library::default();
    release(&mut library, "http://snomed.info/sct", "http://snomed.info/sct/9/version/20200101", &[("1", "Old", "")]);
    release(&mut library, "http://snomed.info/sct", "http://snomed.info/sct/7/version/20260901", &[("1", "New", "")]);
    assert_eq!(library.systems("http://snomed.info/sct")[0].shown(0), Some("New"));
    let given = Given::taken(json!({ "parameter": [
        { "name": "system", "valueUri": "http://snomed.info/sct" }, { "name": "version", "valueString": "http://snomed.info/sct/9" },
        { "name": "code", "valueCode": "1" },
    ] }));
    let answer = terminology::lookup::lookup(&library, &given, None).expect("it is known");
    assert!(answer.to_string().contains("Old"), "{answer}");
}

/// What is more than is gathered is refused: a part of it would pass for all, most of all where it is excluded.
#[test]
fn more_than_is_gathered_is_refused_wherever_it_stands() {
    let mut draft =
        Draft::new(json!({ "resourceType": "CodeSystem", "url": "urn:s", "version": "1", "content": "complete" }));
    for nth in 0..=MOST_MEMBERS {
        draft.concept(&nth.to_string()).expect("there is room");
    }
    let index = Index::open(Arc::new(draft.index().expect("it is written"))).expect("an index");
    let mut library = Library::default();
    library.add_system(Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system")));
    let few = json!({ "system": "urn:s", "concept": [{ "code": "1" }, { "code": "200000" }] });
    library.add(&json!({ "resourceType": "ValueSet", "url": "urn:few", "compose": { "include": [few] } }));
    let of = |url: &str, compose: Value| json!({ "resourceType": "ValueSet", "url": url, "compose": compose });
    library.add(&of("urn:all", json!({ "include": [{ "system": "urn:s" }] })));
    library.add(&of("urn:but", json!({ "include": [few], "exclude": [{ "system": "urn:s" }] })));
    library.add(&of("urn:both", json!({ "include": [{ "system": "urn:s", "valueSet": ["urn:few"] }] })));
    let total = |url: &str| {
        let given = Given::taken(
            json!({ "parameter": [{ "name": "url", "valueString": url }, { "name": "count", "valueInteger": 1 }] }),
        );
        expand(&library, &given, None, "urn:uuid:1", "2026")
            .map(|set| set["expansion"]["total"].as_u64())
            .map_err(|fault| fault.status)
    };
    assert_eq!(total("urn:few"), Ok(Some(2)));
    assert_eq!(total("urn:all"), Ok(Some(MOST_MEMBERS as u64 + 1)), "a page of a release is no list of its codes");
    assert_eq!((total("urn:but"), total("urn:both")), (Err(422), Err(422)));
}
