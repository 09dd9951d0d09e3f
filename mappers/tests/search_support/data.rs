//! The test data beside the repository (`../shared/data`, or the folder `FHIR_GATEWAY_SHARED_DATA` names).

use std::io::Read;
use std::path::PathBuf;

/// The text of a file below the shared data, unpacked; `None`, said loudly, where the data is not there.
pub(crate) fn text(path: &str) -> Option<String> {
    let path = folder()?.join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
        return Some(text);
    }
    Some(String::from_utf8(bytes).expect("UTF-8"))
}

/// The texts of all files of a folder, by name.
#[allow(dead_code, reason = "not every test binary reads folders")]
pub(crate) fn texts(path: &str) -> Vec<String> {
    names(path).into_iter().filter_map(|name| text(&format!("{path}/{name}"))).collect()
}

/// What a folder holds, by name; nothing where the data is not there.
pub(crate) fn names(path: &str) -> Vec<String> {
    let Some(folder) = folder() else { return Vec::new() };
    let entries = std::fs::read_dir(folder.join(path)).expect("folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("name")).collect();
    names.sort();
    names
}

fn folder() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"));
    let folder = std::env::var_os("FHIR_GATEWAY_SHARED_DATA").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("SKIPPED: the shared test data is not at {}", folder.display());
        return None;
    }
    Some(folder)
}
