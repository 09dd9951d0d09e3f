//! The releases that are kept: a folder of indexes, one of each system and version. Several versions stand beside each other; a file of
//! a version that is there already takes its place in one step, and until then the one before answers.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use terminology::index::{Draft, Index};
use terminology::model::CodeSystem;
use terminology::model::code_system::Content;

use crate::mapped::Mapped;

/// How the files of indexes end.
const ENDING: &str = "index";
/// How those end that are being written.
const UNFINISHED: &str = "unfinished";
/// How old a change of the folder is before it is taken for the last.
const SETTLED: Duration = Duration::from_secs(2);
/// Held by whoever writes.
const LOCK_FILE: &str = "lock";

/// A release that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The code system.
    pub system: Arc<CodeSystem>,
    /// How many bytes its index has.
    pub size: u64,
    /// The SHA-256 of the index.
    pub digest: [u8; 32],
    file: PathBuf,
}

/// Why a release cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder or a file in it cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process writes there.
    #[error("another process keeps a release in {0} at this moment")]
    Busy(PathBuf),
    /// It would take the place of more.
    #[error("all of {0} is kept, and this is a part of it: remove that release first, if it is to go")]
    Less(String),
    /// What was written is not what is read.
    #[error("{path}: {error}; nothing was changed")]
    Spoilt {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
}

#[derive(Debug, Default)]
struct Seen {
    /// When the folder was changed last, of what is known.
    changed: Option<SystemTime>,
    kept: Arc<[Kept]>,
}

/// The releases that are kept in a folder.
#[derive(Debug)]
pub struct Catalog {
    folder: PathBuf,
    seen: RwLock<Seen>,
}

impl Catalog {
    /// The catalog of a folder, which need not be there.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), seen: RwLock::default() }
    }

    /// All releases, by address and version. Looks into the folder where it has changed since; a file that is no index is told in the
    /// log, once, and left out.
    pub fn all(&self) -> Arc<[Kept]> {
        let changed = fs::metadata(&self.folder).and_then(|folder| folder.modified()).ok();
        {
            let seen = self.seen.read();
            if seen.changed == changed {
                return Arc::clone(&seen.kept);
            }
        }
        let mut seen = self.seen.write();
        if seen.changed != changed {
            let (kept, is_certain) = self.look(&seen.kept);
            seen.kept = kept;
            // Times of folders may be coarse: within the same tick there may be more to come.
            let is_settled = changed.is_none_or(|at| at.elapsed().is_ok_and(|age| age > SETTLED));
            if is_certain && is_settled {
                seen.changed = changed;
            }
        }
        Arc::clone(&seen.kept)
    }

    /// The releases of a system.
    pub fn of(&self, url: &str) -> Vec<Arc<CodeSystem>> {
        self.all().iter().filter(|kept| kept.system.url == url).map(|kept| Arc::clone(&kept.system)).collect()
    }

    /// What there is now, and whether that is certain: where the system just has no file to give, what was there stays.
    fn look(&self, known: &[Kept]) -> (Arc<[Kept]>, bool) {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Arc::default(), true),
            Err(error) => {
                tracing::warn!(%error, "the folder of releases cannot be read");
                return (known.into(), false);
            }
        };
        let mut is_certain = true;
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let files = files.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
        let mut kept: Vec<Kept> = files
            .filter_map(|path| match open(&path) {
                // Whoever has asked of it has its pages in memory.
                Ok(new) => Some(known.iter().find(|known| known.digest == new.digest).cloned().unwrap_or(new)),
                Err(KeepError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => {
                    tracing::warn!(%error, "a release is left out");
                    let is_spoilt = matches!(error, KeepError::Spoilt { .. });
                    is_certain &= is_spoilt;
                    known.iter().find(|known| !is_spoilt && known.file == path).cloned()
                }
            })
            .collect();
        let key = |kept: &Kept| (kept.system.url.clone(), kept.system.version.clone());
        kept.sort_by_cached_key(key);
        (kept.into(), is_certain)
    }

    /// Keeps a release: written beside the others, read back, and put in its place in one step.
    ///
    /// # Errors
    /// [`KeepError`]; nothing is changed then.
    pub fn keep(&self, draft: Draft) -> Result<Kept, KeepError> {
        let told = |path: &Path| {
            let path = path.to_owned();
            move |error| KeepError::File { path, error }
        };
        let _lock = self.lock()?;
        self.clear().map_err(told(&self.folder))?;
        let draft_path = self.folder.join(format!("new.{UNFINISHED}"));
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&draft_path).map_err(told(&draft_path))?);
        let written = draft.write(&mut file).map_err(told(&draft_path))?;
        let file = file.into_inner().map_err(|error| told(&draft_path)(error.into_error()))?;
        file.sync_all().map_err(told(&draft_path))?;
        let spoilt = |error: String| KeepError::Spoilt { path: draft_path.clone(), error };
        let mut kept = open(&draft_path)?;
        if kept.digest != written || !kept.system.index().is_some_and(Index::is_whole) {
            return Err(spoilt("what was written is not what is read".to_owned()));
        }
        kept.file = self.folder.join(name(&kept.system));
        let is_whole = |system: &CodeSystem| system.content == Content::Complete;
        if !is_whole(&kept.system) && open(&kept.file).is_ok_and(|known| is_whole(&known.system)) {
            self.clear().map_err(told(&self.folder))?;
            return Err(KeepError::Less(kept.system.canonical()));
        }
        fs::rename(&draft_path, &kept.file).map_err(told(&kept.file))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(told(&self.folder))?;
        Ok(kept)
    }

    /// Takes a release away; false where there is none.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn remove(&self, url: &str, version: Option<&str>) -> Result<bool, KeepError> {
        let _lock = self.lock()?;
        let all = self.all();
        let is_it = |kept: &&Kept| kept.system.url == url && kept.system.version.as_deref() == version;
        let Some(kept) = all.iter().find(is_it) else { return Ok(false) };
        fs::remove_file(&kept.file).map_err(|error| KeepError::File { path: kept.file.clone(), error })?;
        Ok(true)
    }

    /// Only one process writes; given back when it is dropped, or the process ends.
    fn lock(&self) -> Result<File, KeepError> {
        let path = self.folder.join(LOCK_FILE);
        let told = |error| KeepError::File { path: path.clone(), error };
        fs::create_dir_all(&self.folder).map_err(told)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(told)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(KeepError::Busy(self.folder.clone())),
            Err(fs::TryLockError::Error(error)) => Err(told(error)),
        }
    }

    /// Removes what a process left that was ended in the middle.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Kept, KeepError> {
    let told = |error| KeepError::File { path: path.to_owned(), error };
    let mapped = Mapped::open(path).map_err(told)?;
    let size = mapped.as_ref().len() as u64;
    let spoilt = |error: String| KeepError::Spoilt { path: path.to_owned(), error };
    let index = Index::open(Arc::new(mapped)).map_err(|error| spoilt(error.to_string()))?;
    let digest = index.digest();
    let system = CodeSystem::indexed(Arc::new(index)).ok_or_else(|| spoilt("it is no code system".to_owned()))?;
    Ok(Kept { system: Arc::new(system), size, digest, file: path.to_owned() })
}

/// One name for each system and version, whatever signs are in them.
fn name(system: &CodeSystem) -> String {
    let digest = Sha256::digest(system.canonical());
    let digits: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits}.{ENDING}")
}
