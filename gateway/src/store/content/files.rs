//! Files below the content directory. Rows name them by relative paths, and rows may be hostile.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::{LONGEST, Refusal};

/// The folder of the gateway's own files in the content directory.
pub(super) const OWN: &str = "fhir";

/// The content directory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The bytes of a file.
    pub(super) async fn read(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        let (directory, name) = (self.directory.clone(), name.to_owned());
        let reading = tokio::task::spawn_blocking(move || read(&directory, &name));
        reading.await.unwrap_or_else(|error| Err(Refusal::Unavailable(error.to_string())))
    }

    /// Stores bytes durably in a file that was not there; `None` where there is a file of that id already.
    pub(super) async fn write(&self, id: &str, bytes: Vec<u8>) -> io::Result<Option<String>> {
        // The end of an id is what is random in it.
        let shard = id.get(id.len().saturating_sub(2)..).unwrap_or_default();
        let name = format!("{OWN}/{shard}/{id}");
        let (directory, path) = (self.directory.clone(), name.clone());
        let writing = tokio::task::spawn_blocking(move || write(&directory, &path, &bytes));
        let written = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)))?;
        Ok(written.then_some(name))
    }

    /// Takes away a file of our own that no row names.
    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.directory.join(name)) {
            tracing::warn!(%error, "an orphan stays in the content directory");
        }
    }
}

fn read(directory: &Path, name: &str) -> Result<Vec<u8>, Refusal> {
    read_at(directory, name, &inside(directory, name)?)
}

/// The bytes of the file that a name was found to mean.
fn read_at(directory: &Path, name: &str, path: &Path) -> Result<Vec<u8>, Refusal> {
    let file = OpenOptions::new().read(true).custom_flags(NOFOLLOW | NONBLOCK).open(path).map_err(refusal)?;
    let metadata = file.metadata().map_err(refusal)?;
    if !metadata.is_file() {
        return Err(Refusal::Absent("it is no file"));
    }
    is_still(directory, name, &metadata)?;
    let length = metadata.len();
    if length > LONGEST as u64 {
        return Err(Refusal::Absent("the file is too long"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // It may grow while it is read.
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(refusal)?;
    match bytes.len() {
        0 => Err(Refusal::Absent("the file is empty")),
        length if length > LONGEST => Err(Refusal::Absent("the file is too long")),
        _ => Ok(bytes),
    }
}

/// `O_NOFOLLOW` and `O_NONBLOCK`, by platform: the path is resolved already, and nobody waits for a pipe.
const NOFOLLOW: i32 = if cfg!(target_os = "macos") {
    0x0100
} else if cfg!(target_arch = "aarch64") {
    0x8000
} else {
    0x2_0000
};
const NONBLOCK: i32 = if cfg!(target_os = "macos") { 0x0004 } else { 0x0800 };

/// The file that a name means: below the directory by its words, and still so once every link is followed.
pub(super) fn inside(directory: &Path, name: &str) -> Result<PathBuf, Refusal> {
    let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || name.contains('\0') || !plain {
        return Err(Refusal::Absent("the path leads out of the content directory"));
    }
    let root = directory.canonicalize().map_err(refusal)?;
    let path = root.join(name).canonicalize().map_err(refusal)?;
    if path.starts_with(&root) { Ok(path) } else { Err(Refusal::Absent("the path leads out of the content directory")) }
}

/// That what was opened is the file that the name means: a folder on the way may have become a link in between.
fn is_still(directory: &Path, name: &str, opened: &Metadata) -> Result<(), Refusal> {
    let there = fs::symlink_metadata(inside(directory, name)?).map_err(refusal)?;
    let same = there.is_file() && (there.dev(), there.ino()) == (opened.dev(), opened.ino());
    if same { Ok(()) } else { Err(Refusal::Absent("the path leads out of the content directory")) }
}

fn refusal(error: io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::NotFound => Refusal::Absent("there is no such file"),
        ErrorKind::NotADirectory | ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
            Refusal::Absent("the path is no file's")
        }
        ErrorKind::PermissionDenied => Refusal::Absent("the file may not be read"),
        _ => Refusal::Unavailable(error.to_string()),
    }
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<bool> {
    let path = directory.join(name);
    let folder = path.parent().unwrap_or(directory);
    make_folder(directory)?;
    make_folder(&directory.join(OWN))?;
    make_folder(folder)?;
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync(folder));
    if let Err(error) = written {
        // Half a file is of no use; where it cannot be taken away either it is an orphan.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(true)
}

/// Makes a folder that outlives a power cut, for the gateway alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    match fs::DirBuilder::new().mode(0o700).recursive(true).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    folder.parent().map_or(Ok(()), sync)
}

pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn is_absent(directory: &Path, name: &str) -> bool {
        matches!(read(directory, name), Err(Refusal::Absent(_)))
    }

    #[test]
    fn what_was_written_is_read_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("content");
        assert!(write(&directory, "fhir/ab/1", b"one").unwrap());
        assert!(!write(&directory, "fhir/ab/1", b"two").unwrap());
        assert_eq!(read(&directory, "fhir/ab/1").unwrap(), b"one");
    }

    #[test]
    fn no_path_leads_out_of_the_directory() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("content");
        fs::create_dir(&directory).unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        fs::write(directory.join("plain"), b"plain").unwrap();
        symlink(folder.path().join("secret"), directory.join("link")).unwrap();
        symlink(folder.path(), directory.join("up")).unwrap();
        symlink("plain", directory.join("near")).unwrap();
        for name in ["/etc/passwd", "../secret", "a/../../secret", "", ".", "..", "link", "up/secret", "a\0b", "up"] {
            assert!(is_absent(&directory, name), "{name:?}");
        }
        assert_eq!(read(&directory, "near").unwrap(), b"plain", "a link that stays inside");
    }

    #[test]
    fn a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("content");
        fs::create_dir_all(directory.join("a")).unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(directory.join("a/x"), b"inside").unwrap();
        fs::write(folder.path().join("out/x"), b"secret").unwrap();
        // What somebody opened while `a` was a link to the folder outside.
        let outside = fs::metadata(folder.path().join("out/x")).unwrap();
        assert!(matches!(is_still(&directory, "a/x", &outside), Err(Refusal::Absent(_))));
        let inside = fs::metadata(directory.join("a/x")).unwrap();
        assert!(is_still(&directory, "a/x", &inside).is_ok());
        let found = super::inside(&directory, "a/x").unwrap();
        assert_eq!(read_at(&directory, "a/x", &found).unwrap(), b"inside");
        fs::rename(directory.join("a"), folder.path().join("away")).unwrap();
        symlink(folder.path().join("out"), directory.join("a")).unwrap();
        assert!(matches!(read_at(&directory, "a/x", &found), Err(Refusal::Absent(_))));
    }

    #[test]
    fn folders_missing_files_and_giants_are_absent() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        fs::write(folder.path().join("empty"), b"").unwrap();
        File::create(folder.path().join("giant")).unwrap().set_len(LONGEST as u64 + 1).unwrap();
        for name in ["folder", "empty", "giant", "nothing", "empty/below"] {
            assert!(is_absent(folder.path(), name), "{name}");
        }
        assert!(is_absent(&folder.path().join("no directory at all"), "x"));
    }
}
