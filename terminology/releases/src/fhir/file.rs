//! Files with code systems: one in a file, a bundle of them, or one on each line.

use std::io::{BufRead, Read as _};

use serde_json::Value;

use super::read;
use crate::Loaded;
use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::{File, Source};

/// The most bytes of a file with one resource, or of a line.
const LARGEST: u64 = 1 << 30;
/// The bytes that tell whether a file has a code system.
const TELLING: u64 = 4096;

fn is_lines(file: &File) -> bool {
    file.base().to_ascii_lowercase().ends_with(".ndjson")
}

fn files(source: &Source) -> impl Iterator<Item = &File> {
    source.files().iter().filter(|file| is_lines(file) || file.base().to_ascii_lowercase().ends_with(".json"))
}

/// Whether the source has files that look as if there were code systems in them.
///
/// # Errors
/// [`Fault::Read`]: a file that may be one cannot be read.
pub fn is_there(source: &Source) -> Result<bool, Fault> {
    let is_one = |file: &File| {
        let told = |error| Fault::Read { file: file.name.clone(), error };
        source.read(file, |bytes| {
            let mut start = Vec::new();
            bytes.take(TELLING).read_to_end(&mut start).map_err(told)?;
            let has = |word: &[u8]| memchr::memmem::find(&start, word).is_some();
            Ok(has(b"\"CodeSystem\"") || has(b"\"Bundle\""))
        })
    };
    for file in files(source) {
        if is_one(file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads all code systems of the source; resources of other types are passed over.
///
/// # Errors
/// [`Fault`]: there is none, one is no JSON or no code system, or its hierarchy runs in a circle.
pub fn load(source: &Source, progress: Progress<'_>) -> Result<Vec<Loaded>, Fault> {
    let mut loaded = Vec::new();
    for file in files(source) {
        source.read(file, |bytes| {
            if is_lines(file) { lines(file, bytes, &mut loaded) } else { whole(file, bytes, &mut loaded) }
        })?;
        progress(&file.name, loaded.iter().map(|one| one.draft.len() as u64).sum());
    }
    if loaded.is_empty() { Err(Fault::Missing { release: "FHIR", file: "a CodeSystem in JSON" }) } else { Ok(loaded) }
}

fn lines(file: &File, bytes: &mut dyn BufRead, loaded: &mut Vec<Loaded>) -> Result<(), Fault> {
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let count = bytes.take(LARGEST).read_until(b'\n', &mut text);
        if count.map_err(|error| Fault::Read { file: file.name.clone(), error })? == 0 {
            break;
        }
        if !text.trim_ascii().is_empty() {
            take(file, line, &parsed(file, line, text.trim_ascii_end())?, loaded)?;
        }
    }
    Ok(())
}

fn whole(file: &File, bytes: &mut dyn BufRead, loaded: &mut Vec<Loaded>) -> Result<(), Fault> {
    let mut text = Vec::new();
    bytes.take(LARGEST).read_to_end(&mut text).map_err(|error| Fault::Read { file: file.name.clone(), error })?;
    let resource = parsed(file, 1, &text)?;
    drop(text);
    let entries = resource.get("entry").and_then(Value::as_array).filter(|_| resource["resourceType"] == "Bundle");
    match entries {
        Some(entries) => {
            entries.iter().filter_map(|entry| entry.get("resource")).try_for_each(|one| take(file, 1, one, loaded))
        }
        None => take(file, 1, &resource, loaded),
    }
}

fn parsed(file: &File, line: u64, text: &[u8]) -> Result<Value, Fault> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice(text).map_err(|error| Fault::Row {
        file: file.name.clone(),
        line: line + (error.line() as u64).saturating_sub(1),
        what: format!("it is no JSON: {error}"),
    })
}

fn take(file: &File, line: u64, resource: &Value, loaded: &mut Vec<Loaded>) -> Result<(), Fault> {
    // One that is only named would hide the release that it names.
    if resource["resourceType"] != "CodeSystem" || resource["content"] == "not-present" {
        return Ok(());
    }
    let mut report = Report::default();
    let draft = read(resource, &file.name, line, &mut report)?;
    report.read(&file.name, draft.len() as u64);
    loaded.push(Loaded { draft, report });
    Ok(())
}
