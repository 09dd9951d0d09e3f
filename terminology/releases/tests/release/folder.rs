//! Small releases that tests write.

use std::path::{Path, PathBuf};

use terminology::index::{Draft, Kind};

/// A folder of a release.
pub(crate) struct Folder {
    path: PathBuf,
    _kept: tempfile::TempDir,
}

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::named("release")
    }

    /// An empty one of this name.
    pub(crate) fn named(name: &str) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let path = kept.path().join(name);
        std::fs::create_dir(&path).unwrap();
        Self { path, _kept: kept }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file into it.
    pub(crate) fn file(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A concept's values of a property.
pub(crate) fn with<'d>(draft: &'d Draft, at: u32, property: &str) -> Vec<(Kind, &'d str)> {
    draft.properties_of(at).filter(|(name, ..)| *name == property).map(|(_, kind, value)| (kind, value)).collect()
}
