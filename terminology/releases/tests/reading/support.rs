//! Releases made up of a few small files.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use releases::{Fault, Source};
use tempfile::TempDir;
use terminology::index::{Draft, Kind};
use zip::write::SimpleFileOptions;

/// A folder with files.
pub(crate) struct Release {
    path: PathBuf,
    _kept: TempDir,
}

impl Release {
    /// An empty one.
    pub(crate) fn empty() -> Self {
        Self::named("release")
    }

    /// An empty one of this name.
    pub(crate) fn named(name: &str) -> Self {
        let kept = TempDir::new().unwrap();
        let path = kept.path().join(name);
        fs::create_dir(&path).unwrap();
        Self { path, _kept: kept }
    }

    /// One with these files.
    pub(crate) fn of<B: AsRef<[u8]>>(files: &[(&str, B)]) -> Self {
        let release = Self::empty();
        files.iter().for_each(|(name, bytes)| release.file(name, bytes));
        release
    }

    /// Writes a file into it.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// The same files in a zip, of which only so much is there.
    pub(crate) fn zipped<B: AsRef<[u8]>>(zip: &str, files: &[(&str, B)], spoil: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes.as_ref()).unwrap();
        }
        let mut bytes = writer.finish().unwrap().into_inner();
        spoil(&mut bytes);
        Self::of(&[(zip, bytes)])
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// It, opened.
    pub(crate) fn source(&self) -> Source {
        Source::open(self.path()).unwrap()
    }
}

/// A concept's values of a property.
pub(crate) fn with<'d>(draft: &'d Draft, at: u32, property: &str) -> Vec<(Kind, &'d str)> {
    draft.properties_of(at).filter(|(name, ..)| *name == property).map(|(_, kind, value)| (kind, value)).collect()
}

/// What is said of a code.
pub(crate) fn told(draft: &Draft, code: &str) -> Vec<String> {
    let at = draft.find(code).unwrap_or_else(|| panic!("{code} is not there"));
    draft.told(at)
}

/// Whether something is said of a code.
pub(crate) fn is_told(draft: &Draft, code: &str, line: &str) -> bool {
    told(draft, code).iter().any(|known| known == line)
}

/// The line and the text of a fault in a row.
pub(crate) fn row<T>(read: Result<T, Fault>) -> (u64, String) {
    match read {
        Err(Fault::Row { line, what, .. }) => (line, what),
        Err(other) => panic!("another fault: {other}"),
        Ok(_) => panic!("no fault"),
    }
}

/// The fault.
pub(crate) fn fault<T>(read: Result<T, Fault>) -> Fault {
    match read {
        Err(fault) => fault,
        Ok(_) => panic!("no fault"),
    }
}

/// What is shared with this repository beside it, if anything is.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = roots.map(|root| root.join("shared")).find(|shared| shared.join("data").is_dir());
    let found = found.map(|shared| shared.join(below)).filter(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: ../shared is absent");
    }
    found
}
