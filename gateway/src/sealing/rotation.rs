//! Another key in the place of the one in the data directory.
//!
//! The old key gets a second name, then a new one takes the first name, then all that is sealed is sealed anew (`store::sealed`). Whenever that is
//! cut off both keys are there, and the same command goes on. The second name goes when somebody says so: not before there is a copy of the new key,
//! nor while what a server sealed under the old one may still be on its way into the database.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

use super::{BEFORE_FILE, KEY_FILE};
use crate::interaction::cursor::make_key;

/// Who rotates holds it.
const LOCK_FILE: &str = "secret.lock";

/// Keeps others from rotating, until it is dropped.
///
/// # Errors
/// Somebody else does, or the file cannot be made.
pub fn lock(data_dir: &Path) -> io::Result<File> {
    let file = File::create(data_dir.join(LOCK_FILE))?;
    file.try_lock().map_err(|_| io::Error::other("another process changes the key at this moment"))?;
    Ok(file)
}

/// Puts a new key in the place of the one that is there, which stays beside it; false where that was done before and is not finished: no key
/// is made then.
///
/// # Errors
/// A file can be neither read nor made.
pub fn begin(data_dir: &Path) -> io::Result<bool> {
    let [now, before, next] = [KEY_FILE, BEFORE_FILE, "secret.next.key"].map(|name| data_dir.join(name));
    let is_new = !before.exists();
    if is_new {
        fs::hard_link(&now, &before)?;
        flush(data_dir)?;
    }
    // Cut off between the two names: both are the old key still.
    let is_made = is_new || fs::read(&now)? == fs::read(&before)?;
    if is_made {
        // One that a run before left was never used.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        make_key(&next)?;
        if let Err(error) = give_away(&next, &fs::metadata(&now)?) {
            fs::remove_file(&next)?;
            return Err(error);
        }
        fs::rename(&next, &now)?;
        flush(data_dir)?;
    }
    Ok(is_made)
}

/// Takes the old key away: nothing is sealed under it any more.
///
/// # Errors
/// The file cannot be removed.
pub fn end(data_dir: &Path) -> io::Result<()> {
    fs::remove_file(data_dir.join(BEFORE_FILE))?;
    flush(data_dir)
}

/// Whoever reads the old key reads the new one: who rotates may be somebody else (`sudo`).
fn give_away(next: &Path, now: &fs::Metadata) -> io::Result<()> {
    let made = fs::metadata(next)?;
    if (made.uid(), made.gid()) != (now.uid(), now.gid()) {
        chown(next, Some(now.uid()), Some(now.gid()))?;
    }
    fs::set_permissions(next, now.permissions())
}

/// Whether there is a key before the one that is used, and another one: it may be taken away once nothing is sealed under it.
///
/// # Errors
/// A file cannot be read.
pub fn is_begun(data_dir: &Path) -> io::Result<bool> {
    let [now, before] = [KEY_FILE, BEFORE_FILE].map(|name| data_dir.join(name));
    Ok(before.exists() && fs::read(now)? != fs::read(before)?)
}

/// Names are durable.
fn flush(data_dir: &Path) -> io::Result<()> {
    File::open(data_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whenever_it_is_cut_off_it_goes_on_with_both_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        make_key(&path(KEY_FILE)).unwrap();
        let old = fs::read(path(KEY_FILE)).unwrap();
        // After the second name, and with a key that was never used.
        fs::hard_link(path(KEY_FILE), path(BEFORE_FILE)).unwrap();
        fs::write(path("secret.next.key"), "half").unwrap();
        assert!(!is_begun(folder.path()).unwrap(), "it was cut off before there was another key");
        assert!(begin(folder.path()).unwrap() && is_begun(folder.path()).unwrap());
        let new = fs::read(path(KEY_FILE)).unwrap();
        assert!(new != old && new.len() == 32 && fs::read(path(BEFORE_FILE)).unwrap() == old);
        // After the swap.
        assert!(!begin(folder.path()).unwrap());
        assert!(fs::read(path(KEY_FILE)).unwrap() == new && fs::read(path(BEFORE_FILE)).unwrap() == old);
        end(folder.path()).unwrap();
        assert!(!path(BEFORE_FILE).exists() && begin(folder.path()).unwrap());
        let held = lock(folder.path()).unwrap();
        assert!(lock(folder.path()).is_err());
        drop(held);
        assert!(lock(folder.path()).is_ok());
    }
}
