//! US Core's own examples: what `map coverage` says has a column is in it when an example is split: it has left the residue, or
//! the column has the best reading of it.

#[path = "map/schema.rs"]
#[allow(dead_code, reason = "only the clinic's own tables are needed here")]
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mappers::codec::Context;
use mappers::json::{Document, Element, Kind};
use mappers::map::{Map, MapSet, Slot};
use mappers::row::Row;
use mappers::split::{Resolved, SplitContext, accepts, split};
use mappers::us_core::{Form, Place, Step, coverage_of, profile_of};

#[test]
fn what_coverage_says_has_a_column_leaves_the_residue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/02-us-core");
    if !folder.is_dir() {
        eprintln!("SKIPPED: no examples at {}: must-support elements were NOT checked on them", folder.display());
        return;
    }
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).expect("the clinic's maps compile");
    let known = known();
    let (mut stay, mut carried, mut split) = (BTreeSet::new(), 0, BTreeMap::<String, usize>::new());
    for file in files(&folder) {
        let text = std::fs::read(&file).expect("a file that was listed");
        let Ok(document) = Document::parse(&text) else { continue };
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some((map, elements)) = measured(&set, &document) else { continue };
        *split.entry(map.to_owned()).or_default() += 1;
        for (path, left) in elements {
            if left {
                carried += 1;
            } else {
                stay.insert(format!("{name} {path}"));
            }
        }
    }
    println!("{carried} elements carried of {split:?}");
    let unknown: Vec<_> = stay.iter().filter(|case| !known.contains(*case)).collect();
    assert!(unknown.is_empty(), "{} stay in the residue:\n{unknown:#?}", unknown.len());
    let over: Vec<_> = known.iter().filter(|case| !stay.contains(*case)).collect();
    assert!(over.is_empty(), "no longer so: {over:#?}");
    assert!(carried > 400 && known.len() * 10 < carried, "{carried} carried, {} known", known.len());
}

/// The map that takes a resource, and of each must-support element that it has and coverage gives columns whether it left.
fn measured<'s>(set: &'s MapSet, document: &Document<'_>) -> Option<(&'s str, Vec<(&'static str, bool)>)> {
    let root = document.root();
    let kind = root.member("resourceType")?.string()?.into_owned();
    let map = set.maps.iter().filter(|map| map.resource == kind && !map.listed).find(|map| accepts(map, document))?;
    let resolve = |kind: &str, id: &str| row_for(map, kind, id);
    let split = split(map, document, &SplitContext { values: Context::utc(), resolve: &resolve }).ok()?;
    let residue = Document::parse(split.residue.as_bytes()).ok()?;
    let filled = filled(map, &split.row);
    let coverage = coverage_of(profile_of(root)?, map);
    let elements = coverage.profile.supported().zip(coverage.elements);
    let of_columns = elements.filter_map(|(element, (path, place))| {
        // References that rows of other tables give are in no column of this one.
        let of_rows = |place: &Place| place.names.iter().any(|name| set.by_name(name).is_some());
        let place = place.filter(|place| !matches!(place.form, Form::Constant | Form::Default) && !of_rows(place))?;
        let mut pairs = Vec::new();
        find(root, Some(residue.root()), &element.steps, &place, &mut pairs);
        let there = !pairs.is_empty();
        let held = place.names.iter().any(|name| filled.contains(name.rsplit(' ').next().unwrap_or(name)));
        there.then(|| (path, held || pairs.into_iter().any(|(whole, left)| has_left(whole, left))))
    });
    Some((&map.name, of_columns.collect()))
}

/// Columns that hold something, as coverage names them.
fn filled(map: &Map, row: &Row) -> BTreeSet<String> {
    let name = |slot: &Slot| match slot.join {
        Some(join) => format!("{}.{}", map.joins[join].table, slot.column),
        None => slot.column.clone(),
    };
    let own = map.slots.iter().zip(&row.cells);
    let children = map.children.iter().zip(&row.children);
    let items = children.flat_map(|(child, rows)| rows.iter().flat_map(|row| child.slots.iter().zip(&row.cells)));
    own.chain(items).filter(|(_, cell)| cell.is_some()).map(|(slot, _)| name(slot)).collect()
}

type Pairs<'a> = Vec<(Element<'a>, Option<Element<'a>>)>;

/// The values at a path, each with what the residue has in its place.
fn find<'a>(whole: Element<'a>, left: Option<Element<'a>>, steps: &[Step], place: &Place, found: &mut Pairs<'a>) {
    if whole.kind() == Kind::Array {
        let rest = left.filter(|left| left.kind() == Kind::Array);
        for (index, item) in whole.children().enumerate() {
            find(item, rest.and_then(|rest| rest.children().nth(index)), steps, place, found);
        }
        return;
    }
    let Some((step, rest)) = steps.split_first() else { return found.push((whole, left)) };
    for member in whole.children() {
        let Some(name) = member.key() else { continue };
        let typed = |of: &String| of.split_once(" in ").is_none_or(|(kind, _)| kind == name);
        if !step.names(&name) || step.choice && !place.names.iter().any(typed) {
            continue;
        }
        let there = left.filter(|left| left.kind() == Kind::Object).and_then(|left| left.member(&name));
        let Some(condition) = &step.slice else {
            find(member, there, rest, place, found);
            continue;
        };
        let items = there.filter(|there| there.kind() == Kind::Array);
        for (index, item) in member.children().enumerate().filter(|(_, item)| condition.holds(*item)) {
            find(item, items.and_then(|items| items.children().nth(index)), rest, place, found);
        }
    }
}

/// Whether some value in it is not where it was.
fn has_left(whole: Element<'_>, left: Option<Element<'_>>) -> bool {
    let Some(left) = left.filter(|left| left.kind() == whole.kind()) else { return true };
    match whole.kind() {
        Kind::Array => {
            let mut rest = left.children();
            whole.children().any(|item| has_left(item, rest.next()))
        }
        Kind::Object => whole.children().any(|member| {
            let name = member.key().unwrap_or_default();
            has_left(member, left.member(&name))
        }),
        _ => false,
    }
}

/// Every reference finds a row of just the table its column needs.
fn row_for(map: &Map, kind: &str, id: &str) -> Option<Resolved> {
    let slots = map.slots.iter().chain(map.children.iter().flat_map(|child| &child.slots));
    let mut columns = slots.filter_map(|slot| slot.reference.as_ref());
    let table = columns.find(|column| column.target == kind)?.foreign_table.clone().unwrap_or_default();
    Some(Resolved { key: id.into(), table: table.into(), missing: false })
}

/// Cases that are as they are for a reason.
fn known() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/known/laws-us-core-columns.toml");
    let text = std::fs::read_to_string(path).expect("the list of known cases");
    let table: toml::Table = text.parse().expect("TOML");
    let known = table.get("known").and_then(toml::Value::as_array).into_iter().flatten();
    let case = |entry: &toml::Value| {
        let text =
            |key: &str| entry.get(key).and_then(toml::Value::as_str).unwrap_or_else(|| panic!("no {key}: {entry}"));
        assert!(text("reason").len() > 20, "a reason is a sentence: {entry}");
        text("case").to_owned()
    };
    known.map(case).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of examples") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}
