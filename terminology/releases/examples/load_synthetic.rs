//! Makes a release of SNOMED CT up, and says how long it takes to read it: `load_synthetic [concepts] [path]`.

use std::path::PathBuf;
use std::time::Instant;

use releases::synthetic::snomed::{Release, write};
use releases::{Source, snomed};

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
    Ok(())
}
