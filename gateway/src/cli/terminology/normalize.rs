//! `fhir-gateway terminology normalize`: a file of codes, each with what it means in the standards. Nothing is written.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use terminology::library::Library;
use terminology::normalize::{Coded, Coding, Told, normalize};

use super::FolderArgs;
use crate::cli::{Exit, Stop};

/// The longest map that is read, in bytes.
const LONGEST_MAP: u64 = 256 << 20;
/// The longest line of JSON, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

pub(super) const HELP: &str = "\
The file is CSV with a header that names system, code and display (any of them may be missing), or lines of JSON with
these names, as Codings have them. For each a line of JSON is printed:

  kept      it is a code of its system, in use
  standard  it means `coding`; `method` says how that is known: cleaned (an OID, a point, hyphens), replaced (its
            system names the successor), mapped (by a ConceptMap), package (RxNorm names the drug of an NDC), named
            (one concept is shown by exactly this name)
  review    somebody has to decide between `candidates`
  unknown   nothing is known of it, and `why`

It goes by the releases that are imported (`terminology list`) and the maps that are given. Nothing is guessed.

Examples:
  fhir-gateway terminology normalize codes.csv --data-dir data
  fhir-gateway terminology normalize codes.csv --map lab.json --target http://loinc.org > told.ndjson

Exit codes:
  0 done, 1 the work failed, 2 the file or a map cannot be read";

/// What is normalized.
#[derive(Args, Debug)]
pub struct NormalizeArgs {
    /// The codes: CSV, or lines of JSON (.json, .ndjson).
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A `ConceptMap` (JSON) that counts; give it again for more.
    #[arg(long, value_name = "FILE")]
    map: Vec<PathBuf>,
    /// A system in which names are looked for; give it again for more.
    #[arg(long, value_name = "URL")]
    target: Vec<String>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// A code as the file has it.
#[derive(Debug, Default, Deserialize)]
struct Row {
    #[serde(default)]
    system: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    display: String,
}

pub(super) fn run(args: &NormalizeArgs) -> Result<Exit, Stop> {
    let mut library = Library::default();
    args.folder.catalog().all().iter().for_each(|kept| library.add_system(Arc::clone(&kept.system)));
    for path in &args.map {
        library.add(&map(path)?);
    }
    let targets: Vec<&str> = args.target.iter().map(String::as_str).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    let mut counts = [0_u64; 4];
    let mut tell = |row: &Row| -> Result<(), Stop> {
        let coded = Coded { system: &row.system, code: &row.code, display: &row.display };
        let (which, said) = described(&normalize(&library, coded, &targets));
        counts[which] += 1;
        let line = json!({ "system": row.system, "code": row.code, "display": row.display, "told": said });
        match writeln!(out, "{line}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Stop::failed(error.to_string())),
            _ => Ok(()),
        }
    };
    rows(&args.file, &mut tell)?;
    match out.flush() {
        // Whoever stopped reading has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(Stop::failed(error.to_string())),
        _ => {}
    }
    let [kept, standard, review, unknown] = counts;
    eprintln!("{kept} kept, {standard} standard, {review} to be reviewed, {unknown} unknown");
    Ok(Exit::Done)
}

pub(super) fn map(path: &Path) -> Result<Value, Stop> {
    let told = |error: &dyn std::fmt::Display| Stop::usage(format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > LONGEST_MAP {
        return Err(told(&"it is longer than 256 MiB"));
    }
    let text = fs::read(path).map_err(|error| told(&error))?;
    let map: Value = serde_json::from_slice(&text).map_err(|error| told(&error))?;
    if map["resourceType"] == "ConceptMap" { Ok(map) } else { Err(told(&"it is no ConceptMap")) }
}

/// Each code of a file.
fn rows(path: &Path, each: &mut dyn FnMut(&Row) -> Result<(), Stop>) -> Result<(), Stop> {
    let told = |line: u64, error: &dyn std::fmt::Display| match line {
        0 => Stop::usage(format!("{}: {error}", path.display())),
        line => Stop::usage(format!("{}, line {line}: {error}", path.display())),
    };
    let file = File::open(path).map_err(|error| told(0, &error))?;
    if path.extension().is_some_and(|ending| ending == "json" || ending == "ndjson") {
        let (mut reader, mut line) = (BufReader::new(file), Vec::new());
        for number in 1.. {
            line.clear();
            let count = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            match count.map_err(|error| told(number, &error))? as u64 {
                0 => break,
                LONGEST_LINE => return Err(told(number, &"it is longer than 1 MiB")),
                _ if line.trim_ascii().is_empty() => {}
                _ => each(&serde_json::from_slice(&line).map_err(|error| told(number, &error))?)?,
            }
        }
        return Ok(());
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(file);
    let header = reader.headers().map_err(|error| told(1, &error))?;
    if !header.iter().any(|name| matches!(name, "code" | "display")) {
        return Err(told(1, &"its header names neither code nor display"));
    }
    for row in reader.deserialize() {
        each(&row.map_err(|error: csv::Error| told(error.position().map_or(0, csv::Position::line), &error))?)?;
    }
    Ok(())
}

fn described(told: &Told) -> (usize, Value) {
    match told {
        Told::Kept(coding) => (0, json!({ "verdict": "kept", "coding": json_of(coding) })),
        Told::Standard { coding, method, equivalence, by } => {
            let (coding, method) = (json_of(coding), method.word());
            (
                1,
                json!({ "verdict": "standard", "coding": coding, "method": method, "equivalence": equivalence, "by": by }),
            )
        }
        Told::Review { candidates, why } => {
            let candidates: Vec<Value> = candidates.iter().map(json_of).collect();
            (2, json!({ "verdict": "review", "candidates": candidates, "why": why }))
        }
        Told::Unknown(why) => (3, json!({ "verdict": "unknown", "why": why })),
    }
}

fn json_of(coding: &Coding) -> Value {
    json!({ "system": coding.system, "version": coding.version, "code": coding.code, "display": coding.display })
}
