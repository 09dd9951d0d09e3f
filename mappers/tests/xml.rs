//! FHIR XML: what is JSON comes back as it was, official examples too, and what is no XML of ours is refused with its place.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "xml/any.rs"]
mod any;
#[path = "xml/hostile.rs"]
mod hostile;
#[path = "laws/maps.rs"]
#[allow(dead_code, reason = "only the maps are needed here")]
mod maps;
#[path = "xml/official.rs"]
mod official;
#[path = "xml/reading.rs"]
mod reading;
#[path = "laws/resources.rs"]
#[allow(dead_code, reason = "only the resources are needed here")]
mod resources;
#[path = "map/schema.rs"]
#[allow(dead_code, reason = "only the laws' tables are needed here")]
mod schema;
#[path = "xml/writing.rs"]
mod writing;

use mappers::json::{Document, Element, Kind};
use mappers::structure;
use mappers::xml::{self, Layout};
use proptest::prelude::*;
use resources::Dice;

/// JSON as XML.
fn to_xml(json: &str, layout: Layout) -> String {
    let document = Document::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"));
    String::from_utf8(xml::write(document.root(), layout).unwrap_or_else(|error| panic!("{error}: {json}"))).unwrap()
}

/// XML as JSON.
fn to_json(text: &str) -> String {
    String::from_utf8(xml::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}: {text}"))).unwrap()
}

/// Where two values differ; members in any order, numbers by their text.
fn difference(left: Element<'_>, right: Element<'_>) -> Option<String> {
    let here = || Some(format!("{}: {} and {}", left.path(), left.raw(), right.raw()));
    match (left.kind(), right.kind()) {
        (Kind::Object, Kind::Object) => {
            if left.len() != right.len() {
                return here();
            }
            left.children().find_map(|child| match right.member(&child.key()?) {
                Some(other) => difference(child, other),
                None => Some(child.path()),
            })
        }
        (Kind::Array, Kind::Array) if left.len() == right.len() => {
            left.children().zip(right.children()).find_map(|(left, right)| difference(left, right))
        }
        (Kind::String, Kind::String) if left.string() == right.string() => None,
        (Kind::String | Kind::Array, _) => here(),
        _ if left.raw() == right.raw() => None,
        _ => here(),
    }
}

/// The law: a resource is the same after it was XML.
fn same_through_xml(json: &str) {
    [Layout::Compact, Layout::Indented].into_iter().for_each(|layout| same_in(json, layout));
}

fn same_in(json: &str, layout: Layout) {
    let text = to_xml(json, layout);
    let back = to_json(&text);
    let (before, after) = (Document::parse(json.as_bytes()).unwrap(), Document::parse(back.as_bytes()).unwrap());
    if let Some(difference) = difference(before.root(), after.root()) {
        panic!("{difference}\n{json}\n{text}\n{back}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_resource_is_the_same_after_it_was_xml(seed in any::<u64>()) {
        same_through_xml(&any::resource(&mut Dice::new(seed)));
    }
}

#[test]
fn resources_of_the_laws_are_the_same_after_they_were_xml() {
    let (mut dice, mut taken) = (Dice::new(3), 0);
    for map in &maps::all() {
        for _ in 0..400 {
            let json = resources::resource(map, &mut dice);
            let document = Document::parse(json.as_bytes()).unwrap();
            // XML has neither control characters nor divs that do not end.
            let div = document.root().member("text").and_then(|text| text.member("div")?.string());
            let untold = json.contains("\\u0001") || div.is_some_and(|div| div.contains("<br>") || div.contains("<b<"));
            if structure::check(&document).is_err() || untold {
                continue;
            }
            same_through_xml(&json);
            taken += 1;
        }
    }
    assert!(taken > 500, "{taken}");
}
