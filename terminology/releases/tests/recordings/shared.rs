//! What is shared with this repository beside it.

use std::path::{Path, PathBuf};

/// The folder of a collection; `None` where nothing is shared, which is said.
pub(crate) fn data(below: &str) -> Option<PathBuf> {
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = roots.map(|root| root.join("shared/data")).find(|data| data.is_dir());
    let found = found.map(|data| data.join(below)).filter(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: ../shared/data/{below} is absent");
    }
    found
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut open, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Rows between tabs; lines that begin with `#` are remarks.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}
