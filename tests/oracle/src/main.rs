//! The independent oracle: every resource the gateway emitted while it was tested must parse in fhirbolt's strict typed R4
//! model and serialize again to the same JSON, the order of members aside, every digit of a decimal included. What was
//! emitted in XML (a line that is a JSON string) must parse in it.
//!
//! `gateway-oracle FOLDER` reads `FOLDER/*.ndjson`, as `tests/run` collects them; `known.toml` lists the model's own faults.

mod known;
mod verdict;

use known::Known;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

/// Typed parsing recurses; the emitted resources nest up to the gateway's own limit.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: gateway-oracle FOLDER (of *.ndjson files with what the gateway emitted)");
        return ExitCode::from(2);
    };
    // A panic of the model is one of its failures, not the end of the oracle.
    std::panic::set_hook(Box::new(|_| {}));
    let lines = match lines(Path::new(&folder)) {
        Ok(lines) => lines,
        Err(error) => {
            eprintln!("{}: {error}", Path::new(&folder).display());
            return ExitCode::from(2);
        }
    };
    let known = match Known::load() {
        Ok(known) => known,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    report(judge(lines), &known)
}

/// Every line of every file, once.
fn lines(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ndjson"));
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        lines.extend(std::fs::read_to_string(file)?.lines().map(str::to_owned));
    }
    lines.sort();
    lines.dedup();
    Ok(lines)
}

/// The faults, and how many lines there were.
fn judge(lines: Vec<String>) -> (usize, Vec<(String, String)>) {
    let count = lines.len();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let (sender, receiver) = mpsc::channel();
    let mut shares: Vec<Vec<String>> = vec![Vec::new(); workers];
    for (index, line) in lines.into_iter().enumerate() {
        shares[index % workers].push(line);
    }
    let threads: Vec<_> = shares
        .into_iter()
        .map(|share| {
            let sender = sender.clone();
            let work = move || {
                for line in share {
                    if let Some(fault) = verdict::fault(&line) {
                        let _nobody_left = sender.send((line, fault));
                    }
                }
            };
            thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread")
        })
        .collect();
    drop(sender);
    let faults = receiver.into_iter().collect();
    for thread in threads {
        thread.join().expect("faults are caught one by one");
    }
    (count, faults)
}

/// Prints the faults that are not known, without anybody's values, and the sum.
fn report((count, faults): (usize, Vec<(String, String)>), known: &Known) -> ExitCode {
    let mut fresh: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut met = vec![0_usize; known.entries.len()];
    for (line, fault) in &faults {
        match known.entries.iter().position(|entry| entry.explains(line, fault)) {
            Some(index) => met[index] += 1,
            None => {
                let entry = fresh.entry(format!("{}: {fault}", verdict::kind(line))).or_default();
                entry.0 += 1;
                entry.1 = line.chars().take(2_000).collect();
            }
        }
    }
    for (fault, (times, example)) in &fresh {
        println!("{times} x {fault}\n    {example}");
    }
    let mut failed: usize = fresh.values().map(|(times, _)| times).sum();
    for (entry, _) in known.entries.iter().zip(&met).filter(|(_, met)| **met == 0) {
        println!("known.toml: \"{}\" no longer happens, take it out", entry.error);
        failed += 1;
    }
    if count == 0 {
        println!("nothing was emitted: there is nothing to judge");
        failed += 1;
    }
    println!(
        "oracle: {} of {count} emitted resources, {} known faults of the model",
        count - faults.len(),
        met.iter().sum::<usize>()
    );
    // One test among the others, however much it read.
    println!("{} passed, {failed} failed", u8::from(failed == 0));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
