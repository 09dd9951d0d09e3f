//! The test data beside the repository: `../shared/data` (its SOURCES.md says what is what).

use crate::Json;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_owned()
}

/// The folder of shared test data. Where it is absent the test says so loudly (`tests/run` counts it) and ends.
pub fn shared_data() -> Option<PathBuf> {
    let folder = repository().parent()?.join("shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    crate::engine::skipped("../shared is absent");
    None
}

/// A resource of the shared data.
#[derive(Clone, Debug)]
pub struct Example {
    /// File and number within it: `01-r4-examples/Patient/Patient-f001.json` or `...ndjson#12`.
    pub name: String,
    /// The resource's text.
    pub text: Vec<u8>,
    /// The resource.
    pub json: Json,
}

/// Every resource below a folder of the shared data: files of one resource, NDJSON, gzip of either; the entries of Bundles,
/// and the Bundles, transactions and batches aside. Sorted by name.
///
/// # Panics
/// When the folder cannot be read or holds no resource, so that no suite passes on nothing.
pub fn examples(data: &Path, folder: &str) -> Vec<Example> {
    let mut found = Vec::new();
    for path in files(&data.join(folder)) {
        let name = path.strip_prefix(data).expect("below it").display().to_string();
        let text = read(&path);
        if name.contains(".ndjson") {
            for (index, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
                add(&mut found, format!("{name}#{}", index + 1), line);
            }
        } else if name.contains(".json") {
            add(&mut found, name, &text);
        }
    }
    assert!(!found.is_empty(), "no resource below {folder}");
    found
}

fn add(found: &mut Vec<Example>, name: String, text: &[u8]) {
    let json = Json::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if json.str("resourceType") == Some("Bundle") {
        for (index, entry) in json.items("entry").iter().enumerate() {
            if let Some(resource) = entry.at("resource") {
                let text = resource.to_string().into_bytes();
                found.push(Example { name: format!("{name}#{}", index + 1), text, json: resource.clone() });
            }
        }
    }
    let is_request = matches!(json.str("type"), Some("transaction" | "batch"));
    if json.str("resourceType").is_some_and(|kind| kind != "Bundle" || !is_request) {
        found.push(Example { name, text: text.to_vec(), json });
    }
}

/// The lines of an NDJSON file, gzip or not.
///
/// # Panics
/// When the file cannot be read or a line is no JSON.
pub fn json_lines(path: &Path) -> Vec<Json> {
    read(path)
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| Json::parse(line).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
}

fn read(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("gzip");
    text
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}
