//! Which files are imported, in which order, and how a file is known again.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A file to import.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its size on disk.
    pub(super) bytes: u64,
    /// Files of a lower rank are committed before those of a higher one begin.
    pub(super) rank: usize,
}

/// What others refer to comes first: a reference whose target is there can live in a foreign key, and Synthea's
/// conditional references need their organizations and practitioners. Matched on the start of the file's name.
const FIRST: &[&[&str]] = &[
    &["hospitalinformation", "organization", "location"],
    &["practitionerinformation", "practitioner"],
    &["patient", "medication.", "medication-", "device.", "device-", "substance"],
    &["encounter", "episodeofcare", "condition"],
];

/// What a folder may hold for us; a file named on the command line is taken whatever its name.
const ENDINGS: &[&str] = &[".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz"];

/// All files under the paths: folders recursively, each sorted by name, then in the order of [`FIRST`].
///
/// # Errors
/// A path that cannot be read.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Source>, (PathBuf, io::Error)> {
    let mut sources = Vec::new();
    for path in paths {
        collect(path, true, &mut sources).map_err(|error| (path.clone(), error))?;
    }
    sources.sort_by_key(|source| source.rank);
    Ok(sources)
}

fn collect(path: &Path, named: bool, sources: &mut Vec<Source>) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(entry, false, sources));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if named || ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        sources.push(Source { path: path.to_path_buf(), bytes: metadata.len(), rank: rank(&name) });
    }
    Ok(())
}

fn rank(name: &str) -> usize {
    let known = FIRST.iter().position(|starts| starts.iter().any(|start| name.starts_with(start)));
    known.unwrap_or(FIRST.len())
}

impl Source {
    /// The name checkpoints go by: path, size and the first megabyte, hashed (a path can name a patient). A file that
    /// grew or changed at its beginning is another file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn job(&self) -> io::Result<String> {
        let mut hash = Sha256::new();
        hash.update(fs::canonicalize(&self.path)?.as_os_str().as_encoded_bytes());
        hash.update(self.bytes.to_be_bytes());
        let mut head = Vec::new();
        File::open(&self.path)?.take(1 << 20).read_to_end(&mut head)?;
        hash.update(&head);
        let digest = hash.finalize();
        Ok(digest[..16].iter().fold(String::from("import:"), |text, byte| text + &format!("{byte:02x}")))
    }

    /// SHA-256 of the file as it lies there, in hexadecimal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn digest(&self) -> io::Result<String> {
        const AT_ONCE: usize = 1 << 16;
        let (mut file, mut hash, mut part) = (File::open(&self.path)?, Sha256::new(), vec![0; AT_ONCE]);
        loop {
            match file.read(&mut part)? {
                0 => break,
                length => hash.update(&part[..length]),
            }
        }
        Ok(hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order_with_what_is_referred_to_first() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        for name in ["a/Observation.ndjson", "Zoe.json", "Patient.ndjson.gz", "Organization.ndjson", "notes.txt"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let found = find(&[folder.path().to_path_buf()]).unwrap();
        let names: Vec<_> = found.iter().map(|source| source.path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["Organization.ndjson", "Patient.ndjson.gz", "Zoe.json", "Observation.ndjson"]);
    }

    #[test]
    fn a_changed_file_is_another_job() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        fs::write(&path, "{}").unwrap();
        let source = |bytes| Source { path: path.clone(), bytes, rank: 0 };
        let first = source(2).job().unwrap();
        assert_eq!(first, source(2).job().unwrap());
        assert_ne!(first, source(3).job().unwrap());
        fs::write(&path, "[]").unwrap();
        assert_ne!(first, source(2).job().unwrap());
    }
}
