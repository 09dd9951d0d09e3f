//! The laws of maps, on maps that have one of everything: PutGet, GetPut, Clear, Foreign rows, verify and keep.

#[path = "laws/maps.rs"]
mod maps;
#[path = "laws/resources.rs"]
mod resources;
#[path = "map/schema.rs"]
#[allow(dead_code, reason = "the clinic's own tables are not needed here")]
mod schema;

use jiff::tz::TimeZone;
use mappers::codec::Context;
use mappers::join::{Header, Joined, Stored, join, render, splice};
use mappers::json::Document;
use mappers::map::Map;
use mappers::row::{Cell, ChildRow, Row};
use mappers::split::{Resolved, Shadow, Split, SplitContext, accepts, keep, references, split, verify};
use proptest::prelude::*;
use resources::Dice;

const HEADER: Header<'static> = Header { id: "p-1", version: 7, last_updated: "2026-11-21T06:00:00.000Z" };

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").expect("bundled zone")
}

/// Keys are `k` and the id; ids that start with `x` are not there.
fn resolve(kind: &str, id: &str) -> Option<Resolved> {
    let table = if kind == "Practitioner" { "providers" } else { "organizations" };
    (!id.starts_with('x')).then(|| Resolved { key: format!("k{id}").into(), table: table.into(), missing: false })
}

fn split_of(map: &Map, text: &str) -> Option<Split> {
    let document = Document::parse(text.as_bytes()).expect("JSON");
    let zone = zone();
    let context = SplitContext { values: Context { zone: &zone, content: None }, resolve: &resolve };
    accepts(map, &document).then(|| split(map, &document, &context).ok()).flatten()
}

fn join_of(map: &Map, stored: &Stored<'_>) -> (String, Joined) {
    let zone = zone();
    let mut out = Vec::new();
    let joined = join(map, stored, &HEADER, &Context { zone: &zone, content: None }, &mut out);
    (String::from_utf8(out).expect("UTF-8"), joined)
}

fn rendered(text: &str) -> String {
    let mut out = Vec::new();
    render(&Document::parse(text.as_bytes()).expect("JSON"), &HEADER, &mut out);
    String::from_utf8(out).expect("UTF-8")
}

/// What a directory that knows keys `k...` answers.
fn ids(cells: &[Cell]) -> Vec<Cell> {
    cells.iter().map(|cell| cell.as_deref().and_then(|key| key.strip_prefix('k')).map(Box::from)).collect()
}

fn row_ids(row: &Row) -> Vec<Vec<Vec<Cell>>> {
    row.children.iter().map(|rows| rows.iter().map(|row| ids(&row.cells)).collect()).collect()
}

/// A row and what is stored beside it.
#[derive(Clone, Debug)]
struct Held {
    row: Row,
    residue: Option<Box<str>>,
    shadow: Option<Shadow>,
}

impl Held {
    fn of(split: &Split) -> Self {
        let shadow = split.shadow.as_ref().map(|shadow| Shadow::parse(&shadow.to_json()).expect("own JSON"));
        assert_eq!(shadow, split.shadow);
        Self { row: split.row.clone(), residue: Some(split.residue.clone()), shadow }
    }

    fn join(&self, map: &Map) -> (String, Joined) {
        let (own, children) = (ids(&self.row.cells), row_ids(&self.row));
        let stored = Stored {
            row: &self.row,
            reference_ids: &own,
            child_reference_ids: &children,
            listed: &[],
            residue: self.residue.as_deref(),
            shadow: self.shadow.as_ref(),
        };
        join_of(map, &stored)
    }
}

fn put_get(map: &Map, text: &str) -> Result<(), TestCaseError> {
    let Some(split) = split_of(map, text) else { return Ok(()) };
    let wanted = rendered(text);
    prop_assert!(Document::parse(split.residue.as_bytes()).is_ok(), "residue {}", split.residue);
    let (got, joined) = Held::of(&split).join(map);
    prop_assert_eq!(&got, &wanted, "{:#?}", split);
    prop_assert!(joined.flagged.is_empty() && !joined.changed, "{joined:?}");
    let zone = zone();
    let mut spliced = Vec::new();
    let fast =
        splice(map, &split.holes, &split.stored(), &HEADER, &Context { zone: &zone, content: None }, &mut spliced);
    if fast.is_some() {
        prop_assert_eq!(String::from_utf8_lossy(&spliced), wanted);
    } else {
        prop_assert!(spliced.is_empty());
    }
    Ok(())
}

/// A written resource after another program has edited cells and rows.
fn foreign_edits(map: &Map, text: &str, dice: &mut Dice) -> Result<(), TestCaseError> {
    let Some(split) = split_of(map, text) else { return Ok(()) };
    let mut held = Held::of(&split);
    for _ in 0..dice.below(4) + 1 {
        resources::edit(map, &mut held.row, dice);
    }
    let (got, _) = held.join(map);
    let Ok(document) = Document::parse(got.as_bytes()) else {
        return Err(TestCaseError::fail(format!("no JSON: {got}\n{held:#?}")));
    };
    let strangers = |document: &Document<'_>| {
        let unknown = |name: &str| name.starts_with("extension") || name == "contained" || name == "note";
        document
            .root()
            .children()
            .filter(|member| member.key().is_some_and(|key| unknown(&key)))
            .map(|member| member.raw().to_owned())
            .collect::<Vec<_>>()
    };
    let before = rendered(text);
    prop_assert_eq!(strangers(&document), strangers(&Document::parse(before.as_bytes()).expect("JSON")));
    stable(map, &got)
}

fn stable(map: &Map, text: &str) -> Result<(), TestCaseError> {
    put_get(map, text)?;
    if let Some(split) = split_of(map, text) {
        let (again, _) = Held::of(&split).join(map);
        prop_assert_eq!(again, text);
    }
    Ok(())
}

/// Writing back what a foreign row reads as changes no column.
fn get_put(map: &Map, dice: &mut Dice) -> Result<(), TestCaseError> {
    let mut row = resources::foreign_row(map, dice);
    if map.resource == "Patient" && !row.cells[8].as_deref().is_some_and(|key| key.starts_with(['k', 'p'])) {
        // A second provider without a first reads as the first: such a row is put in order by a write.
        row.cells[9] = None;
    }
    if map.name == "appointments" && !row.cells[1].as_deref().is_some_and(|key| key.starts_with(['k', 'p'])) {
        // Who is nobody is not known by type.
        row.cells[2] = None;
    }
    if map.name == "observations" {
        // Likewise a second component without a first.
        row.cells[5] = Some("98.6".into());
    }
    let held = Held { row, residue: None, shadow: None };
    let (text, _) = held.join(map);
    prop_assert!(Document::parse(text.as_bytes()).is_ok(), "{text}");
    stable(map, &text)?;
    let Some(mut split) = split_of(map, &text) else { return Ok(()) };
    let (own, children) = (ids(&held.row.cells), row_ids(&held.row));
    let stored = Stored {
        row: &held.row,
        reference_ids: &own,
        child_reference_ids: &children,
        listed: &[],
        residue: None,
        shadow: None,
    };
    let zone = zone();
    keep(map, &mut split, &stored, &Context { zone: &zone, content: None });
    prop_assert_eq!(&split.row.cells, &held.row.cells, "{}", text);
    for (new, old) in split.row.children.iter().zip(&held.row.children) {
        let mut old: Vec<&ChildRow> = old.iter().collect();
        old.sort_by_key(|row| row.position);
        // Rows that say nothing are not read, so they are not written back either.
        for row in new {
            prop_assert!(
                old.iter().any(|old| (&old.key, &old.cells, old.position) == (&row.key, &row.cells, row.position)),
                "{text} {row:?} {old:?}"
            );
        }
    }
    let (again, _) = Held::of(&split).join(map);
    prop_assert_eq!(again, text);
    Ok(())
}

/// What a database makes of a write.
fn rewriting(map: &Map, text: &str, dice: &mut Dice) -> Result<(), TestCaseError> {
    let Some(split) = split_of(map, text) else { return Ok(()) };
    let mut returned = split.row.clone();
    resources::rewrite(map, &mut returned, dice);
    let zone = zone();
    let amended = verify(map, &split, &returned, &Context { zone: &zone, content: None });
    let mut held = Held::of(&split);
    held.row = returned;
    if let Some(amended) = amended {
        held.residue = Some(amended.residue);
        held.shadow = amended.shadow;
        for row in amended.rows {
            held.row.children[row.child][row.row].residue = Some(row.residue);
        }
    }
    let (got, joined) = held.join(map);
    prop_assert_eq!(got, rendered(text), "{:#?}", held);
    prop_assert_eq!(Joined { doubtful: Vec::new(), unprintable: Vec::new(), ..joined }, Joined::default());
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn put_get_holds(seed: u64) {
        let mut dice = Dice::new(seed);
        for map in maps::all() {
            let text = resources::resource(&map, &mut dice);
            put_get(&map, &text)?;
        }
    }

    #[test]
    fn foreign_edits_read_as_valid_and_stable(seed: u64) {
        let mut dice = Dice::new(seed);
        for map in maps::all() {
            let text = resources::resource(&map, &mut dice);
            foreign_edits(&map, &text, &mut dice)?;
        }
    }

    #[test]
    fn get_put_changes_no_column(seed: u64) {
        let mut dice = Dice::new(seed);
        for map in maps::all() {
            get_put(&map, &mut dice)?;
        }
    }

    #[test]
    fn what_a_database_rewrites_is_verified(seed: u64) {
        let mut dice = Dice::new(seed);
        for map in maps::all() {
            let text = resources::resource(&map, &mut dice);
            rewriting(&map, &text, &mut dice)?;
        }
    }
}

/// `LAWS_CASES` makes it longer.
fn config() -> ProptestConfig {
    let cases = std::env::var("LAWS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1500);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

#[test]
fn generated_resources_reach_columns() {
    let mut dice = Dice::new(1);
    for map in maps::all() {
        let mut filled = vec![0; map.slots.len()];
        let mut rows = vec![0; map.children.len()];
        let mut spliced = 0;
        for _ in 0..2000 {
            let Some(split) = split_of(&map, &resources::resource(&map, &mut dice)) else { continue };
            split.row.cells.iter().zip(&mut filled).for_each(|(cell, count)| *count += usize::from(cell.is_some()));
            split.row.children.iter().zip(&mut rows).for_each(|(of, count)| *count += of.len());
            let fast = splice(&map, &split.holes, &split.stored(), &HEADER, &Context::utc(), &mut Vec::new());
            spliced += usize::from(fast.is_some());
        }
        assert!(filled.iter().chain(&rows).all(|count| *count > 20), "{}: {filled:?} {rows:?}", map.name);
        assert!(spliced > 20, "{}: spliced {spliced}", map.name);
    }
}

#[test]
fn an_absent_element_clears_its_column() {
    let map = maps::patient();
    let full = r#"{"resourceType":"Patient","gender":"male","birthDate":"1974-12-25","address":[{"city":"A"}]}"#;
    let split = split_of(&map, full).expect("fits");
    assert_eq!(split.row.cells[1].as_deref(), Some("M"));
    let mut cleared = split_of(&map, r#"{"resourceType":"Patient","birthDate":"1974-12-25"}"#).expect("fits");
    keep(&map, &mut cleared, &split.stored(), &Context::utc());
    assert_eq!(cleared.row.cells[1], None);
    assert_eq!(cleared.row.cells[2].as_deref(), Some("1974-12-25"));
    assert!(cleared.row.children[0].is_empty());
}

#[test]
fn a_partial_date_keeps_its_text_until_the_column_changes() {
    let map = maps::patient();
    let split = split_of(&map, r#"{"resourceType":"Patient","birthDate":"1974"}"#).expect("fits");
    assert_eq!(split.row.cells[2].as_deref(), Some("1974-01-01"));
    let mut held = Held::of(&split);
    assert!(held.join(&map).0.contains(r#""birthDate":"1974""#));
    held.row.cells[2] = Some("1975-02-03".into());
    let (text, joined) = held.join(&map);
    assert!(text.contains(r#""birthDate":"1975-02-03""#) && joined.changed, "{text}");
    held.row.cells[2] = None;
    assert!(!held.join(&map).0.contains("birthDate"));
}

#[test]
fn a_group_falls_together_and_flags() {
    let map = maps::observation();
    let text = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},
        "valueQuantity":{"value":98.60,"unit":"F","system":"http://unitsofmeasure.org","code":"[degF]"},"interpretation":[{"text":"high"}]}"#;
    let mut held = Held::of(&split_of(&map, text).expect("fits"));
    let slot = map.slots.iter().position(|slot| slot.column == "value").expect("slot");
    held.row.cells[slot] = Some("37.0".into());
    let (text, joined) = held.join(&map);
    assert_eq!(joined.flagged, ["value"]);
    assert!(
        text.contains(r#""valueQuantity":{"value":37.0,"unit":"F"}"#) && !text.contains("interpretation"),
        "{text}"
    );
}

#[test]
fn a_display_goes_with_the_reference_it_names() {
    let map = maps::patient();
    let text = r#"{"resourceType":"Patient","managingOrganization":{"reference":"Organization/1","display":"One"}}"#;
    let mut held = Held::of(&split_of(&map, text).expect("fits"));
    let slot = map.slots.iter().position(|slot| slot.column == "organization").expect("slot");
    assert!(held.join(&map).0.contains("One"));
    held.row.cells[slot] = Some("k2".into());
    let (text, _) = held.join(&map);
    assert!(text.contains(r#""managingOrganization":{"reference":"Organization/2"}"#), "{text}");
}

#[test]
fn a_generated_narrative_goes_when_data_change() {
    let map = maps::patient();
    let text = r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div>male</div>"},"gender":"male"}"#;
    let mut held = Held::of(&split_of(&map, text).expect("fits"));
    assert!(held.join(&map).0.contains("div"));
    held.row.cells[1] = Some("F".into());
    let (text, joined) = held.join(&map);
    assert!(text.ends_with(r#""gender":"female"}"#) && !text.contains("div") && joined.changed, "{text}");
}

#[test]
fn a_mapped_narrative_is_the_columns_text() {
    let map = maps::appointment();
    let with = |div: &str| {
        format!(
            r#"{{"resourceType":"Appointment","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{div}</div>"}},
            "status":"booked","participant":[{{"status":"accepted"}}]}}"#
        )
    };
    let slot = map.slots.iter().position(|slot| slot.column == "story").expect("slot");
    for (div, text, stays) in [("1 &lt; 2<br/>3", "1 < 2\n3", false), ("<p>a <b>b</b></p><p>c</p>", "a b\nc", true)] {
        let mut held = Held::of(&split_of(&map, &with(div)).expect("fits"));
        assert_eq!(held.row.cells[slot].as_deref(), Some(text));
        assert_eq!(held.residue.as_ref().is_some_and(|residue| residue.contains("div>")), stays);
        held.row.cells[0] = Some("noshow".into());
        assert_eq!(held.join(&map).0, rendered(&with(div).replace("booked", "noshow")), "another column is no matter");
        held.row.cells[slot] = Some("now & then".into());
        assert!(held.join(&map).0.contains(">now &amp; then</div>"));
        held.row.cells[slot] = None;
        assert!(!held.join(&map).0.contains("\"text\""));
    }
}

/// What the store does once another program has changed a row: the resource as it reads now is split again, columns untouched.
fn settle(map: &Map, held: &mut Held) -> String {
    let (text, _) = held.join(map);
    mappers::structure::check(&Document::parse(text.as_bytes()).expect("JSON"))
        .unwrap_or_else(|issues| panic!("{issues:?}: {text}"));
    let mut split = split_of(map, &text).unwrap_or_else(|| panic!("the map takes what it gave: {text}"));
    let (own, children) = (ids(&held.row.cells), row_ids(&held.row));
    let (row, shadow) = (held.row.clone(), held.shadow.clone());
    let residue = held.residue.clone();
    let stored = Stored {
        row: &row,
        reference_ids: &own,
        child_reference_ids: &children,
        listed: &[],
        residue: residue.as_deref(),
        shadow: shadow.as_ref(),
    };
    let zone = zone();
    keep(map, &mut split, &stored, &Context { zone: &zone, content: None });
    assert_eq!(split.row.cells, held.row.cells, "{text}");
    *held = Held::of(&split);
    assert_eq!(held.join(map).0, text);
    text
}

#[test]
fn required_elements_that_a_row_lacks_are_unknown_until_it_has_them() {
    let map = maps::order();
    let slot = |column: &str| map.slots.iter().position(|slot| slot.column == column).expect("slot");
    let full = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":
        {"coding":[{"system":"urn:rx","code":"1"}]},"subject":{"reference":"Patient/1"},"note":[{"text":"n"}]}"#;
    let written = Held::of(&split_of(&map, full).expect("fits"));
    let foreign = Held { residue: None, shadow: None, ..written.clone() };
    for mut held in [written, foreign] {
        let whole = held.row.clone();
        held.row.cells.iter_mut().for_each(|cell| *cell = None);
        let text = settle(&map, &mut held);
        for part in [
            r#""status":"unknown""#,
            r#""_intent":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#,
            r#""medicationCodeableConcept":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}]}"#,
            r#""subject":{"extension":[{"url""#,
        ] {
            assert!(text.contains(part), "{part} {text}");
        }
        held.row.cells[slot("name")] = Some("Aspirin".into());
        let text = settle(&map, &mut held);
        assert!(text.contains(r#""medicationCodeableConcept":{"text":"Aspirin"}"#), "{text}");
        held.row = whole;
        let text = settle(&map, &mut held);
        assert!(!text.contains("unknown") && text.contains(r#""coding":[{"system":"urn:rx","code":"1"}]"#), "{text}");
    }
}

#[test]
fn what_a_client_says_of_an_absence_stays_beside_other_changes() {
    let map = maps::order();
    let said = r#"{"resourceType":"MedicationRequest","_status":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]},"intent":"order","medicationReference":{"reference":"Medication/1"},"subject":{"display":"somebody"}}"#;
    let mut held = Held::of(&split_of(&map, said).expect("fits"));
    held.row.cells[1] = Some("plan".into());
    assert_eq!(settle(&map, &mut held), rendered(&said.replace("order", "plan")));
}

#[test]
fn items_that_a_row_begins_have_what_they_must() {
    let map = maps::encounter();
    let row = |cells: &[Option<&str>]| ChildRow {
        key: Some("1".into()),
        position: 0,
        cells: cells.iter().map(|cell| cell.map(Box::from)).collect(),
        residue: None,
    };
    let children = vec![vec![row(&[None, Some("2020-01-02")])], Vec::new(), vec![row(&[None, Some("active")])]];
    let mut held = Held { row: Row { cells: vec![Some("P".into()), None], children }, residue: None, shadow: None };
    let text = settle(&map, &mut held);
    assert!(text.contains(r#""statusHistory":[{"status":"unknown","period":{"start":"2020-01-02"}}]"#), "{text}");
    assert!(text.contains(r#""location":[{"location":{"extension":["#), "{text}");
    let map = maps::appointment();
    let mut held =
        Held { row: Row { cells: vec![None; map.slots.len()], children: Vec::new() }, residue: None, shadow: None };
    let text = settle(&map, &mut held);
    assert!(text.contains(r#""participant":[{"_status":{"extension":["#), "{text}");
    held.row.cells[1] = Some("k1".into());
    let text = settle(&map, &mut held);
    assert!(text.contains(r#""participant":[{"actor":{"reference":"Patient/1"},"_status":{"extension":["#), "{text}");
    assert_eq!(text.matches("participant").count(), 1);
}

#[test]
fn misfits_name_column_and_element() {
    let map = maps::patient();
    let zone = zone();
    let context = SplitContext { values: Context { zone: &zone, content: None }, resolve: &resolve };
    let long = format!(r#"{{"resourceType":"Patient","name":[{{"use":"official","family":"{}"}}]}}"#, "x".repeat(50));
    let document = Document::parse(long.as_bytes()).expect("JSON");
    let misfit = split(&map, &document, &context).expect_err("too long");
    assert_eq!((misfit.column.as_str(), misfit.expression.as_str()), ("patients.last_name", "Patient.name.family"));
    let observation = maps::observation();
    let none = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]}}"#;
    let document = Document::parse(none.as_bytes()).expect("JSON");
    assert!(!accepts(&observation, &document));
    let misfit = split(&observation, &document, &context).expect_err("no value");
    assert_eq!(misfit.expression, "Observation.valueQuantity.value");
}

#[test]
fn references_are_named_before_the_split() {
    let map = maps::patient();
    let text = r##"{"resourceType":"Patient","managingOrganization":{"reference":"Organization/1"},
        "generalPractitioner":[{"reference":"Practitioner/2"},{"reference":"Practitioner/2/_history/1"},{"reference":"#c"}]}"##;
    let document = Document::parse(text.as_bytes()).expect("JSON");
    let mut found = references(&map, &document);
    found.sort();
    assert_eq!(found, [("Organization".into(), "1".into()), ("Practitioner".into(), "2".into())]);
}

#[test]
fn the_header_goes_where_the_client_put_it() {
    let at = |text: &str| rendered(text);
    assert_eq!(
        at(r#"{"resourceType":"Basic","a":1}"#),
        r#"{"resourceType":"Basic","id":"p-1","meta":{"versionId":"7","lastUpdated":"2026-11-21T06:00:00.000Z"},"a":1}"#
    );
    assert_eq!(
        at(r#"{ "id" : "z", "resourceType":"Basic", "meta":{"lastUpdated":"x","source":"s"}}"#),
        r#"{"id":"p-1","resourceType":"Basic","meta":{"lastUpdated":"2026-11-21T06:00:00.000Z","source":"s","versionId":"7"}}"#
    );
    assert_eq!(
        at(r#"{"resourceType":"Basic","x":[1, 2],"id":"z","y":2}"#),
        r#"{"resourceType":"Basic","x":[1,2],"id":"p-1","meta":{"versionId":"7","lastUpdated":"2026-11-21T06:00:00.000Z"},"y":2}"#
    );
}
