//! Makes a release of SNOMED CT up, and says how long it takes to read it, to keep it and to ask it: `load_synthetic [concepts] [path]`.

use std::path::PathBuf;
use std::time::Instant;

use releases::synthetic::snomed::{Release, write};
use releases::{Catalog, Source, snomed};
use terminology::index::Index;
use terminology::model::CodeSystem;

/// The most memory that was held, and what is held now, in MiB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    (of("VmHWM").unwrap_or_default() / 1024, of("VmRSS").unwrap_or_default() / 1024)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut given = std::env::args().skip(1);
    let concepts = given.next().map_or(Ok(350_000), |text| text.parse())?;
    let path = given.next().map_or_else(|| std::env::temp_dir().join("synthetic-snomed.zip"), PathBuf::from);
    if !path.exists() {
        let start = Instant::now();
        write(&path, Release { concepts, seed: 1 })?;
        println!("made in {:.2?}: {}", start.elapsed(), path.display());
    }
    let (before, _) = memory();
    let start = Instant::now();
    let mut last = (String::new(), start);
    let source = Source::open(&path)?;
    let loaded = snomed::load(&source, &mut |file, _| {
        if last.0 != file {
            println!("{:8.2?} {}", last.1.elapsed(), file.rsplit('/').next().unwrap_or_default());
            last = (file.to_owned(), Instant::now());
        }
    })?;
    let took = start.elapsed();
    let (peak, now) = memory();
    loaded.report.files.iter().for_each(|(file, rows)| println!("{rows:>9} {file}"));
    println!("{} concepts, {} oddities", loaded.draft.len(), loaded.report.odd_rows);
    println!("{}", loaded.draft.header()["version"]);
    println!("read in {took:.2?}; peak {peak} MiB (before: {before}), now {now} MiB");
    let start = Instant::now();
    let folder = tempfile::tempdir()?;
    let kept = Catalog::at(folder.path()).keep(loaded.draft)?;
    println!("kept in {:.2?}: {} MiB; peak {} MiB", start.elapsed(), kept.size >> 20, memory().0);
    let start = Instant::now();
    let catalog = Catalog::at(folder.path());
    let all = catalog.all();
    println!("opened in {:.2?}", start.elapsed());
    let system = &all.first().ok_or("a release")?.system;
    ask(system, system.index().ok_or("an index")?);
    Ok(())
}

/// Asks it many times, here and there, and says what one question takes in the middle.
fn ask(system: &CodeSystem, index: &Index) {
    let mut state = 1_u64;
    let mut any = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % index.len()
    };
    let codes: Vec<String> = (0..100_000).map(|_| index.code(any()).to_owned()).collect();
    let text = |name: &str, each: &mut dyn FnMut(usize) -> usize| {
        let mut took: Vec<u128> = Vec::new();
        let mut sum = 0;
        for nth in 0..20_000 {
            let start = Instant::now();
            sum += each(nth);
            took.push(start.elapsed().as_nanos());
        }
        took.sort_unstable();
        println!("{name:28} p50 {:>9} ns, p99 {:>9} ns ({sum})", took[took.len() / 2], took[took.len() * 99 / 100]);
    };
    text("code to display", &mut |nth| index.find(&codes[nth]).and_then(|at| index.display(at)).map_or(0, str::len));
    text("subsumes", &mut |nth| {
        let (one, other) = (index.find(&codes[nth]), index.find(&codes[nth + 1]));
        one.zip(other).map_or(0, |(one, other)| usize::from(system.is_below(one, other)))
    });
    text("is-a page of 10 with total", &mut |nth| {
        let Some(at) = index.find(&codes[nth]) else { return 0 };
        let below = index.below(at);
        below.len() + (0..10).filter_map(|nth| below.at(nth)).map(|at| index.code(at).len()).sum::<usize>()
    });
    for letters in [5, 3] {
        let words: Vec<Vec<String>> = (0..20_000)
            .map(|nth| {
                let shown = index.find(&codes[nth]).and_then(|at| index.display(at)).unwrap_or_default();
                vec![shown.to_lowercase().chars().take(letters).collect()]
            })
            .collect();
        text(&format!("names by {letters} letters"), &mut |nth| index.named(&words[nth]).len());
    }
}
