//! What is taken from a resource that names something hidden, and put back into what comes of it.

#[path = "search_support/data.rs"]
mod data;

use std::collections::BTreeSet;

use mappers::json::Document;
use mappers::redaction::{Lost, Redaction, is_silent, spoken_of};
use mappers::references::Bases;
use mappers::structure;
use serde_json::{Value, json};

const BASE: &str = "http://localhost/fhir";

fn cut(resource: &Value, hides: &dyn Fn(&str, &str) -> bool) -> Option<Value> {
    let text = resource.to_string();
    let document = Document::parse(text.as_bytes()).expect("JSON");
    let out = Redaction::new(&BASE.into(), hides).cut(document.root())?;
    Some(serde_json::from_slice(&out).expect("JSON"))
}

fn restore(kept: &Value, given: &Value, hides: &dyn Fn(&str, &str) -> bool) -> Result<Option<Value>, Lost> {
    let (kept, given) = (kept.to_string(), given.to_string());
    let kept = Document::parse(kept.as_bytes()).expect("JSON");
    let given = Document::parse(given.as_bytes()).expect("JSON");
    let out = Redaction::new(&BASE.into(), hides).restore(kept.root(), given.root())?;
    Ok(out.map(|out| serde_json::from_slice(&out).expect("JSON")))
}

fn secret(kind: &str, id: &str) -> bool {
    kind == "Condition" && (id == "secret" || id.is_empty())
}

fn visit() -> Value {
    json!({
        "resourceType": "Encounter",
        "id": "v",
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">heroin</div>"},
        "status": "finished",
        "subject": {"reference": "Patient/p", "display": "Ada"},
        "diagnosis": [
            {"condition": {"reference": "Condition/secret", "display": "heroin", "identifier": {"value": "heroin"}}},
            {"condition": {"reference": "Condition/open", "display": "asthma"}},
        ],
    })
}

const MARK: &str = "REDACTED";

#[test]
fn a_reference_keeps_what_names_and_narratives_go() {
    let shown = cut(&visit(), &secret).expect("something is hidden");
    let mut expected = visit();
    expected["diagnosis"][0]["condition"] = json!({"reference": "Condition/secret"});
    expected.as_object_mut().unwrap().remove("text");
    expected["meta"] =
        json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": MARK}]});
    assert_eq!(shown, expected);
    assert_eq!(cut(&visit(), &|_, _| false), None);
}

#[test]
fn every_spelling_of_the_same_resource_is_it() {
    for spelling in [
        "Condition/secret",
        "Condition/secret/_history/3",
        "http://localhost/fhir/Condition/secret",
        "http://localhost/fhir/Condition/secret/_history/1",
        "Condition/secret#part",
        "Condition?identifier=x",
        "http://localhost/fhir/Condition?identifier=x",
    ] {
        let mut visit = visit();
        visit["diagnosis"][0]["condition"]["reference"] = json!(spelling);
        let shown = cut(&visit, &secret).unwrap_or_else(|| panic!("{spelling} is not seen"));
        assert!(!shown.to_string().contains("heroin"), "{spelling}: {shown}");
    }
    let mut visit = visit();
    visit["diagnosis"][0]["condition"]["reference"] = json!("https://elsewhere.example/fhir/Condition/secret");
    assert_eq!(cut(&visit, &secret), None, "another server's");
}

#[test]
fn what_names_nothing_but_the_one_resource_is_no_matter_without_a_narrative() {
    let resource = json!({"resourceType": "Encounter", "diagnosis": [{"condition": {"reference": "Condition/secret", "type": "Condition"}}]});
    let text = resource.to_string();
    let document = Document::parse(text.as_bytes()).unwrap();
    assert!(spoken_of(document.root(), &Bases::default()).is_empty());
    assert_eq!(cut(&resource, &secret), None);
}

#[test]
fn what_is_silent_at_a_glance_says_nothing() {
    let of = |reference: &str| format!(r#"{{"resourceType":"Flag","status":"active","subject":{reference}}}"#);
    for (reference, expected) in [
        (r#"{"reference":"Patient/p"}"#, true),
        (r##"{"reference":"#inside"}"##, true),
        (r#"{"reference":"Patient/p","display":"Ada"}"#, false),
        (r#"{"display":"Ada","reference":"Patient/p"}"#, false),
        (r#"{"reference":"Patient/p","type":"Patient","display":"Ada"}"#, false),
        (r#"{"reference":"Patient/p","_reference":{"extension":[]}}"#, false),
        (r#"{"reference":"Patient\/p","display":"Ada"}"#, false),
        (r#"{"reference":"Patient/p" ,"display":"Ada"}"#, false),
        (r#"{"reference" :"Patient/p","display":"Ada"}"#, false),
        (r#"{"\u0072eference":"Patient/p","display":"Ada"}"#, false),
        (r#"{"refer\u0065nce":"Patient/p","display":"Ada"}"#, false),
        (r#"{"reference":"Patient/p\"},"display":"Ada"}"#, false),
        (r#"{"extension":[{"valueReference":{"reference":"Patient/p"}}],"reference":"Patient/q"}"#, false),
        (r#"{"reference":"Patient/p"},"text":{"div":"<div/>"}"#, false),
        // These say nothing, and it takes another look to tell.
        (r#"{ "reference":"Patient/p"}"#, false),
        (r#"{"reference":"Patient/p","type":"Patient"}"#, false),
        (r#"{"display":"reference"}"#, false),
        (r#"{"reference":1,"display":"Ada"}"#, false),
    ] {
        assert_eq!(is_silent(of(reference).as_bytes()), expected, "{reference}");
    }
    assert!(is_silent(br#""reference"#) && !is_silent(br#""reference""#) && !is_silent(br#"{"reference":""#));
}

#[test]
fn a_section_loses_its_own_narrative_and_its_parents_and_not_its_neighbours() {
    let text = |of: &str| json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{of}</div>")});
    let composition = json!({
        "resourceType": "Composition",
        "text": text("all"),
        "section": [
            {"title": "a", "text": text("asthma"), "entry": [{"reference": "Condition/open"}]},
            {"title": "b", "text": text("outer"), "section": [
                {"title": "c", "text": text("heroin"), "entry": [{"reference": "Condition/secret"}]},
            ]},
        ],
    });
    let shown = cut(&composition, &secret).unwrap();
    assert_eq!(shown.pointer("/section/0/text"), Some(&text("asthma")));
    for gone in ["/text", "/section/1/text", "/section/1/section/0/text"] {
        assert_eq!(shown.pointer(gone), None, "{gone}");
    }
    let back = restore(&composition, &shown, &secret).unwrap().unwrap();
    assert_eq!(back, composition);
    // The sections change places.
    let mut given = shown;
    given["section"].as_array_mut().unwrap().reverse();
    let back = restore(&composition, &given, &secret).unwrap().unwrap();
    assert_eq!(back.pointer("/section/0/section/0/text"), Some(&text("heroin")));
    // The section goes.
    given["section"].as_array_mut().unwrap().remove(0);
    assert_eq!(restore(&composition, &given, &secret), Err(Lost));
}

#[test]
fn what_was_taken_comes_back_and_what_is_given_stands() {
    let shown = cut(&visit(), &secret).unwrap();
    assert_eq!(restore(&visit(), &shown, &secret).unwrap().unwrap(), visit());
    let mut given = shown;
    given["status"] = json!("cancelled");
    given["diagnosis"][0]["condition"]["display"] = json!("something");
    let back = restore(&visit(), &given, &secret).unwrap().unwrap();
    let condition = json!({"reference": "Condition/secret", "display": "something", "identifier": {"value": "heroin"}});
    assert_eq!((&back["status"], &back["diagnosis"][0]["condition"]), (&json!("cancelled"), &condition));
    assert_eq!(back["text"], visit()["text"]);
    assert_eq!(back.get("meta"), None);
    given["diagnosis"].as_array_mut().unwrap().remove(0);
    assert_eq!(restore(&visit(), &given, &secret), Err(Lost), "it may not be cleared");
}

#[test]
fn a_narrative_comes_back_only_where_all_that_it_is_about_is_named() {
    let text = json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">heroin</div>"});
    let kept = json!({"resourceType": "Observation", "text": text, "encounter": {"reference": "Condition/secret"}, "status": "final"});
    let without = json!({"resourceType": "Observation", "status": "final"});
    assert_eq!(restore(&kept, &without, &secret), Err(Lost), "who took the reference away would read it");
    let anew = json!({"resourceType": "Observation", "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">mine</div>"}});
    assert_eq!(restore(&kept, &anew, &secret).unwrap().unwrap(), anew);
    let hides = |kind: &str, _: &str| kind == "Condition";
    let section = |entries: &[&str]| {
        let entries: Vec<Value> = entries.iter().map(|id| json!({"reference": format!("Condition/{id}")})).collect();
        json!({"title": "s", "entry": entries})
    };
    let mut kept = json!({"resourceType": "Composition", "section": [section(&["a", "b"])]});
    kept["section"][0]["text"] = text;
    let fewer = json!({"resourceType": "Composition", "section": [section(&["a"])]});
    assert_eq!(restore(&kept, &fewer, &hides), Err(Lost));
}

#[test]
fn a_reference_that_is_added_takes_nothing_of_another() {
    let item = |display: Option<&str>| {
        let mut item = json!({"item": {"reference": "Condition/secret"}});
        if let Some(display) = display {
            item["item"]["display"] = json!(display);
        }
        item
    };
    let kept = json!({"resourceType": "List", "entry": [item(Some("first")), item(Some("second"))]});
    let given = json!({"resourceType": "List", "entry": [item(None), item(None), item(None)], "status": "current"});
    let back = restore(&kept, &given, &secret).unwrap().unwrap();
    assert_eq!(back["entry"], json!([item(Some("first")), item(Some("second")), item(None)]));
    let moved = json!({"resourceType": "List", "note": [], "entry": [{"flag": {}}, item(None), item(None)]});
    let back = restore(&kept, &moved, &secret).unwrap().unwrap();
    assert_eq!(back["entry"], json!([{"flag": {}}, item(Some("second")), item(Some("first"))]), "in some place each");
}

#[test]
fn the_mark_goes_whatever_was_taken_when_it_was_read() {
    let mut given = visit();
    given["meta"] =
        json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": MARK}]});
    assert_eq!(restore(&visit(), &given, &|_, _| false).unwrap().unwrap(), visit());
}

#[test]
fn sections_by_the_thousand_are_put_back_in_time() {
    let text = |of: usize| json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{of}</div>")});
    let section = |of: usize| {
        let entries: Vec<Value> = (0..60)
            .map(
                |at| json!({"reference": format!("Condition/{}", if at < 59 { at } else { of + 100 }), "display": "x"}),
            )
            .collect();
        json!({"title": "s", "text": text(of), "entry": entries})
    };
    let kept = json!({"resourceType": "Composition", "section": (0..2000).map(section).collect::<Vec<_>>()});
    let hides = |kind: &str, _: &str| kind == "Condition";
    let mut shown = cut(&kept, &hides).unwrap();
    assert_eq!(restore(&kept, &shown, &hides).unwrap().unwrap(), kept);
    shown["section"].as_array_mut().unwrap().reverse();
    // Two thousand parts that all look alike but for one thing: nobody goes on looking for ever.
    assert_eq!(restore(&kept, &shown, &hides), Err(Lost));
}

#[test]
fn a_mark_of_the_resources_own_stays() {
    let mut visit = visit();
    visit["meta"] =
        json!({"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": MARK}]});
    let shown = cut(&visit, &secret).unwrap();
    assert_eq!(shown["meta"], visit["meta"]);
    assert_eq!(restore(&visit, &shown, &secret).unwrap().unwrap(), visit);
}

/// Whether a value names something hidden; an error where it says something of it, or a narrative stands around it. By relative
/// references alone, and by other code than what is tested.
fn names_hidden(value: &Value, hidden: &BTreeSet<&(String, String)>) -> Result<bool, String> {
    let mut found = false;
    match value {
        Value::Array(items) => {
            for item in items {
                found |= names_hidden(item, hidden)?;
            }
        }
        Value::Object(members) => {
            let named = members.get("reference").and_then(Value::as_str).and_then(|text| text.split_once('/'));
            let is_hidden = named.is_some_and(|(kind, id)| hidden.contains(&(kind.to_owned(), id.to_owned())));
            if is_hidden && members.keys().any(|member| !["id", "reference", "type"].contains(&member.as_str())) {
                return Err(format!("{value} says something"));
            }
            found = is_hidden;
            for member in members.values() {
                found |= names_hidden(member, hidden)?;
            }
            if found && members.get("text").is_some_and(|text| text.get("div").is_some()) {
                return Err("a narrative stands around what is hidden".to_owned());
            }
        }
        _ => {}
    }
    Ok(found)
}

/// Of every example with everything hidden, and with each third of what it speaks of: what is left is a resource, nothing is said of what
/// is hidden, and what was taken comes back.
#[test]
fn examples_lose_what_is_said_and_nothing_else() {
    let kinds = data::names("01-r4-examples");
    if kinds.is_empty() {
        return;
    }
    let mut redacted = 0;
    let examples = kinds
        .iter()
        .flat_map(|kind| data::texts(&format!("01-r4-examples/{kind}")).into_iter().map(move |text| (kind, text)));
    for (name, text) in examples {
        let Ok(document) = Document::parse(text.as_bytes()) else { continue };
        let resource: Value = serde_json::from_str(&text).unwrap();
        for text in [resource.to_string(), text.clone()] {
            let says_nothing = spoken_of(document.root(), &BASE.into()).is_empty();
            assert!(says_nothing || !is_silent(text.as_bytes()), "{name}");
        }
        let spoken: BTreeSet<(String, String)> = spoken_of(document.root(), &BASE.into())
            .into_iter()
            .map(|(kind, id)| (kind.to_owned(), id.into_owned()))
            .collect();
        for part in 0..4 {
            let hidden: BTreeSet<&(String, String)> = spoken
                .iter()
                .enumerate()
                .filter(|(index, _)| part == 3 || index % 3 == part)
                .map(|(_, one)| one)
                .collect();
            let hides = |kind: &str, id: &str| hidden.contains(&(kind.to_owned(), id.to_owned()));
            let Some(shown) = cut(&resource, &hides) else { continue };
            redacted += 1;
            let shown_text = shown.to_string();
            let document = Document::parse(shown_text.as_bytes()).unwrap();
            let problems = structure::check_resource(&document, None);
            let whole = Document::parse(text.as_bytes()).unwrap();
            assert!(problems.is_ok() || structure::check_resource(&whole, None).is_err(), "{name}: {problems:?}");
            names_hidden(&shown, &hidden).unwrap_or_else(|what| panic!("{name}: {what}"));
            assert_eq!(cut(&shown, &hides), None, "{name}: once is enough");
            let back = restore(&resource, &shown, &hides);
            assert_eq!(back, Ok(Some(resource.clone())), "{name}");
        }
    }
    assert!(redacted > 500, "{redacted}");
}
