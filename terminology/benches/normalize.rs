//! How many codings one core normalizes in a second, over a SNOMED CT that is made up: `cargo bench -p terminology --bench normalize
//! [concepts]`. The target is 500,000 (DESIGN 8).

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use releases::synthetic::snomed::{Release, write};
use releases::{Catalog, Source, snomed};
use serde_json::json;
use terminology::library::Library;
use terminology::normalize::{Coded, Told, normalize};

const SNOMED: &str = "http://snomed.info/sct";
/// Codings that are told per measurement, and how many measurements the best is taken of.
const CODINGS: usize = 200_000;
const TIMES: usize = 5;
/// Rows of an organization's map.
const MAPPED: usize = 20_000;

fn main() {
    let concepts = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(350_000);
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("snomed.zip");
    write(&zip, Release { concepts, seed: 1 }).unwrap();
    let loaded = snomed::load(&Source::open(&zip).unwrap(), &mut |_, _| ()).unwrap();
    let catalog = Catalog::at(folder.path());
    let system = Arc::clone(&catalog.keep(loaded.draft).unwrap().system);
    // Codes from here and there, so that no cache holds them.
    let step = 7_919;
    let codes: Vec<&str> = (0..CODINGS).map(|nth| system.code(nth * step % system.len())).collect();
    let mut library = Library::default();
    library.add_system(Arc::clone(&system));
    let row = |nth: usize| json!({ "code": format!("L{nth}"), "target": [{ "code": codes[nth], "equivalence": "equivalent" }] });
    library.add(&json!({ "resourceType": "ConceptMap", "url": "urn:map", "group": [{
        "source": "urn:lab", "target": SNOMED, "element": (0..MAPPED.min(CODINGS)).map(row).collect::<Vec<_>>() }] }));
    println!("{} concepts", system.len());
    let local: Vec<String> = (0..CODINGS).map(|nth| format!("L{}", nth * step % MAPPED)).collect();
    time("codes of the release", &library, codes.iter().map(|code| (SNOMED, *code)));
    time("by an object identifier", &library, codes.iter().map(|code| ("urn:oid:2.16.840.1.113883.6.96", *code)));
    time("local codes, unknown", &library, codes.iter().map(|code| ("urn:nobody", *code)));
    time("local codes, mapped", &library, local.iter().take(2_000).map(|code| ("urn:lab", code.as_str())));
}

fn time<'c>(name: &str, library: &Library, codings: impl Iterator<Item = (&'c str, &'c str)> + Clone) {
    let mut best = f64::MAX;
    let (mut count, mut known) = (0_u32, 0_u32);
    for _ in 0..TIMES {
        let start = Instant::now();
        (count, known) = (0, 0);
        for (system, code) in codings.clone() {
            let told = normalize(library, Coded { system, code: black_box(code), display: "" }, &[]);
            known += u32::from(!matches!(told, Told::Unknown(_)));
            count += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() / f64::from(count));
    }
    println!("{name:<26} {:>10.0} a second ({known} of {count} known)", 1.0 / best);
}
