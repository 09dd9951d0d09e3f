//! Content that goes for good: found by its bytes where no row names it any more, and removed after the erasure has committed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use sha2::{Digest, Sha256};

use super::files::{self, Files};
use super::objects::{self, Objects};
use super::{Contents, Refusal};

impl Contents {
    /// The gateway's own files and objects that have these bytes (length and digest): whether it is an object, and its name.
    pub(crate) async fn of_bytes(&self, digests: &BTreeSet<(u64, [u8; 32])>) -> Result<Vec<(bool, String)>, String> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let (directory, wanted) = (self.files.directory().to_owned(), digests.clone());
        let looking = tokio::task::spawn_blocking(move || in_files(&directory, &wanted));
        let names = looking.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let mut found: Vec<(bool, String)> = names.into_iter().map(|name| (false, name)).collect();
        if let Some(objects) = &self.objects {
            let names = objects.of_bytes(digests).await.map_err(|error| error.to_string())?;
            found.extend(names.into_iter().map(|name| (true, name)));
        }
        Ok(found)
    }

    /// Removes a file or an object; one that is not there is gone. A name that leads out of the content directory is nothing of
    /// ours: what it means stays.
    pub(crate) async fn erase(&self, object: bool, name: &str) -> Result<(), String> {
        match (object, &self.objects) {
            (true, Some(objects)) => objects.erase(name).await.map_err(|error| error.to_string()),
            (true, None) => Err("an object is to be erased, and no --content-store is given".to_owned()),
            (false, _) => {
                let (files, name) = (self.files.clone(), name.to_owned());
                let removing = tokio::task::spawn_blocking(move || files.erase(&name));
                removing.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
            }
        }
    }
}

fn in_files(directory: &Path, wanted: &BTreeSet<(u64, [u8; 32])>) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for shard in entries(&directory.join(files::OWN))? {
        for path in entries(&shard)? {
            let length = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() => metadata.len(),
                _ => continue,
            };
            if !wanted.iter().any(|(of, _)| *of == length) {
                continue;
            }
            let digest: [u8; 32] = Sha256::digest(fs::read(&path)?).into();
            if wanted.contains(&(length, digest))
                && let Some(name) = path.strip_prefix(directory).ok().and_then(Path::to_str)
            {
                found.push(name.to_owned());
            }
        }
    }
    Ok(found)
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl Files {
    fn erase(&self, name: &str) -> io::Result<()> {
        // A directory that is not there may only not be mounted.
        fs::read_dir(self.directory())?;
        let path = match files::inside(self.directory(), name) {
            Ok(path) => path,
            Err(Refusal::Absent(_)) => return Ok(()),
            Err(Refusal::Unavailable(error)) => return Err(io::Error::other(error)),
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        path.parent().map_or(Ok(()), files::sync)
    }
}

impl Objects {
    async fn of_bytes(&self, wanted: &BTreeSet<(u64, [u8; 32])>) -> Result<Vec<String>, object_store::Error> {
        let Some(folder) = self.path(objects::OWN) else { return Ok(Vec::new()) };
        let listed: Vec<object_store::ObjectMeta> = self.store().list(Some(&folder)).try_collect().await?;
        let mut found = Vec::new();
        for meta in listed.iter().filter(|meta| wanted.iter().any(|(length, _)| *length == meta.size)) {
            let bytes = self.store().get(&meta.location).await?.bytes().await?;
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            if wanted.contains(&(meta.size, digest))
                && let Some(id) = meta.location.filename()
            {
                found.push(format!("{}/{id}", objects::OWN));
            }
        }
        Ok(found)
    }

    async fn erase(&self, key: &str) -> Result<(), object_store::Error> {
        let Some(path) = self.path(key) else { return Ok(()) };
        match self.store().delete(&path).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
