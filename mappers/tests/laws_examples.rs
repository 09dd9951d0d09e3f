//! PutGet over every example of a mapped type, with the clinic's own maps.

#[path = "laws/resources.rs"]
#[allow(dead_code, reason = "only the edits are needed here")]
mod resources;
#[path = "map/schema.rs"]
mod schema;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use mappers::codec::Context;
use mappers::join::{Header, Joined, Stored, join, render, splice};
use mappers::json::{Document, Element, Kind};
use mappers::map::{Map, MapSet};
use mappers::row::Row;
use mappers::split::{Resolved, SplitContext, accepts, keep, split};
use resources::Dice;

const FOLDERS: [&str; 3] = ["01-r4-examples", "02-us-core", "04-synthea-and-bulk"];
const HEADER: Header<'static> = Header { id: "p-1", version: 7, last_updated: "2026-11-21T06:00:00.000Z" };

/// What became of the examples of one map.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    split: usize,
    misfit: usize,
    spliced: usize,
}

#[test]
fn every_example_reads_back_as_it_was_written() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        eprintln!("SKIPPED: no examples at {}: PutGet was NOT checked on them", data.display());
        return;
    }
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).expect("the clinic's maps compile");
    let mut counts = BTreeMap::<String, Count>::new();
    let mut faults = Vec::new();
    for folder in FOLDERS {
        for file in files(&data.join(folder)) {
            let text = contents(&file);
            for line in texts(&file, &text) {
                let Ok(document) = Document::parse(line) else { continue };
                let names = bundle_names(document.root());
                each_resource(document.root(), &mut |resource| {
                    let resource = &resolved(resource, &names);
                    if let Err(fault) = put_get(&set, resource, &mut counts) {
                        faults.push(format!("{}: {fault}", file.display()));
                    }
                });
            }
        }
    }
    eprintln!("{counts:#?}");
    assert!(faults.is_empty(), "{} faults, first: {}", faults.len(), faults[0]);
    for name in ["patient", "medication", "medication_request"] {
        assert!(counts.get(name).is_some_and(|count| count.split > 5), "{name}: {counts:?}");
    }
    assert!(
        counts.keys().any(|name| name.starts_with("vital_signs.")) && counts.contains_key("lab_results"),
        "{counts:?}"
    );
}

fn put_get(set: &MapSet, text: &str, counts: &mut BTreeMap<String, Count>) -> Result<(), String> {
    let document = Document::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let root = document.root();
    let Some(kind) = root.member("resourceType").and_then(|kind| kind.string()) else { return Ok(()) };
    let zone = TimeZone::get("America/New_York").map_err(|error| error.to_string())?;
    let values = Context { zone: &zone, content: None };
    for map in set.of_type(&kind) {
        if !accepts(map, &document) {
            continue;
        }
        let count = counts.entry(map.name.clone()).or_default();
        let resolve = |kind: &str, id: &str| row_for(map, kind, &format!("key-of-{id}"));
        let Ok(mut split) = split(map, &document, &SplitContext { values, resolve: &resolve }) else {
            count.misfit += 1;
            continue;
        };
        count.split += 1;
        let (mut wanted, mut got, mut spliced) = (Vec::new(), Vec::new(), Vec::new());
        render(&document, &HEADER, &mut wanted);
        let joined = join(map, &split.stored(), &HEADER, &values, &mut got);
        if got != wanted || joined != Joined::default() {
            return Err(format!(
                "{}: {} became {}",
                map.name,
                String::from_utf8_lossy(&wanted),
                String::from_utf8_lossy(&got)
            ));
        }
        if splice(map, &split.holes, &split.stored(), &HEADER, &values, &mut spliced).is_some() {
            count.spliced += 1;
            if spliced != wanted {
                return Err(format!("{}: spliced {}", map.name, String::from_utf8_lossy(&spliced)));
            }
        }
        let mut dice = Dice::new(count.split as u64);
        for _ in 0..3 {
            let mut row = split.row.clone();
            (0..=dice.below(3)).for_each(|_| resources::edit(map, &mut row, &mut dice));
            let stored = Stored { row: &row, ..split.stored() };
            stable(map, &stored, &values)?;
        }
        let before = split.clone();
        keep(map, &mut split, &before.stored(), &values);
        if split.row != before.row || split.residue != before.residue || split.shadow != before.shadow {
            return Err(format!("{}: writing back what was read changes the row", map.name));
        }
    }
    Ok(())
}

/// Every reference finds a row of just the table its column needs.
fn row_for(map: &Map, kind: &str, key: &str) -> Option<Resolved> {
    let slots = map.slots.iter().chain(map.children.iter().flat_map(|child| &child.slots));
    let mut columns = slots.filter_map(|slot| slot.reference.as_ref());
    let table = columns.find(|column| column.target == kind)?.foreign_table.clone().unwrap_or_default();
    Some(Resolved { key: key.into(), table: table.into(), missing: false })
}

/// What a row reads as is JSON, and writing it back changes nothing of it.
fn stable(map: &Map, stored: &Stored<'_>, values: &Context<'_>) -> Result<(), String> {
    // Ids no longer belong to edited keys: the keys themselves serve.
    let stored = Stored { reference_ids: &[], child_reference_ids: &[], ..*stored };
    let mut got = Vec::new();
    join(map, &stored, &HEADER, values, &mut got);
    let shown = String::from_utf8_lossy(&got);
    let document = Document::parse(&got).map_err(|error| format!("{}: {error}: {shown}", map.name))?;
    let Ok(split) =
        split(map, &document, &SplitContext { values: *values, resolve: &|kind, id| row_for(map, kind, id) })
    else {
        return Ok(());
    };
    let mut again = Vec::new();
    join(map, &split.stored(), &HEADER, values, &mut again);
    if again == got { Ok(()) } else { Err(format!("{}: {shown} became {}", map.name, String::from_utf8_lossy(&again))) }
}

#[test]
fn rows_of_other_programs_read_as_stable_resources() {
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).expect("the clinic's maps compile");
    let mut dice = Dice::new(7);
    for map in &set.maps {
        for _ in 0..2000 {
            let row: Row = resources::foreign_row(map, &mut dice);
            let stored = Stored {
                row: &row,
                reference_ids: &[],
                child_reference_ids: &[],
                listed: &[],
                residue: None,
                shadow: None,
            };
            stable(map, &stored, &Context::utc()).expect("a stable resource");
        }
    }
}

/// Resources, those inside bundles one by one.
fn each_resource(element: Element<'_>, visit: &mut dyn FnMut(&str)) {
    if element.kind() != Kind::Object {
        return;
    }
    visit(element.raw());
    let entries = element.member("entry").into_iter().flat_map(|entries| entries.children());
    entries.filter_map(|entry| entry.member("resource")).for_each(|resource| each_resource(resource, visit));
}

/// What a transaction gives the entries of a bundle: `urn:uuid:..` and the reference that replaces it.
fn bundle_names(bundle: Element<'_>) -> Vec<(String, String)> {
    let entries = bundle.member("entry").into_iter().flat_map(|entries| entries.children());
    let name = |entry: Element<'_>| {
        let urn = entry.member("fullUrl")?.string()?.into_owned();
        let kind = entry.member("resource")?.member("resourceType")?.string()?.into_owned();
        let id = urn.strip_prefix("urn:uuid:")?.to_owned();
        Some((format!("\"{urn}\""), format!("\"{kind}/{id}\"")))
    };
    entries.filter_map(name).collect()
}

fn resolved(resource: &str, names: &[(String, String)]) -> String {
    let mut text = String::with_capacity(resource.len());
    let mut rest = resource;
    while let Some(at) = rest.find("\"urn:uuid:") {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let known = names.iter().find(|(urn, _)| from.starts_with(urn.as_str()));
        let (length, written) = known.map_or((1, "\""), |(urn, name)| (urn.len(), name.as_str()));
        text.push_str(written);
        rest = &from[length..];
    }
    text + rest
}

fn contents(file: &Path) -> Vec<u8> {
    let text = std::fs::read(file).expect("a file that was listed");
    if file.extension().is_none_or(|extension| extension != "gz") {
        return text;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&text[..]).read_to_end(&mut plain).expect("gzip");
    plain
}

fn texts<'t>(file: &Path, text: &'t [u8]) -> Vec<&'t [u8]> {
    if file.to_string_lossy().contains(".ndjson") {
        return text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    }
    vec![text]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of examples") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "ndjson" || extension == "gz")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}
