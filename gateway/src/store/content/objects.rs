//! Objects in an object store: a folder (`file:///...`), or with the feature `s3` a bucket (`s3://BUCKET/PREFIX`).

use std::sync::Arc;

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};

use super::{LONGEST, Refusal};

/// The gateway's own objects begin with this.
pub(super) const OWN: &str = "fhir";

/// An object store and the prefix below which keys lie.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Objects {
    pub(super) fn open(url: &str) -> Result<Self, String> {
        let parsed =
            url.parse().map_err(|_| "the content store is no URL: write file:///FOLDER or s3://BUCKET/PREFIX")?;
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
        let (store, prefix) = object_store::parse_url_opts(&parsed, variables).map_err(|error| error.to_string())?;
        Ok(Self { store: store.into(), prefix })
    }

    pub(super) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// The bytes of an object.
    pub(super) async fn read(&self, key: &str) -> Result<Vec<u8>, Refusal> {
        let path = self.path(key).ok_or(Refusal::Absent("it is no object's key"))?;
        let found = self.store.get(&path).await.map_err(refusal)?;
        match found.meta.size {
            0 => Err(Refusal::Absent("the object is empty")),
            size if size > LONGEST as u64 => Err(Refusal::Absent("the object is too long")),
            _ => Ok(found.bytes().await.map_err(refusal)?.into()),
        }
    }

    /// Stores bytes as an object that was not there; `None` where there is one of that id already.
    pub(super) async fn write(&self, id: &str, bytes: Vec<u8>) -> Result<Option<String>, Error> {
        let key = format!("{OWN}/{id}");
        let Some(path) = self.path(&key) else { return Ok(None) };
        let options = PutOptions::from(PutMode::Create);
        match self.store.put_opts(&path, PutPayload::from(bytes), options).await {
            Ok(_) => Ok(Some(key)),
            Err(Error::AlreadyExists { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes away an object of our own that no row names.
    pub(super) async fn remove(&self, key: &str) {
        let Some(path) = self.path(key) else { return };
        if let Err(error) = self.store.delete(&path).await {
            tracing::warn!(%error, "an orphan stays in the object store");
        }
    }

    /// The place of a key below the prefix; `None` for one that would lead elsewhere.
    pub(super) fn path(&self, key: &str) -> Option<Path> {
        let key = Path::parse(key).ok().filter(|path| !path.as_ref().is_empty())?;
        Path::parse(format!("{}/{key}", self.prefix)).ok()
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::NotFound { .. } => Refusal::Absent("there is no such object"),
        Error::InvalidPath { .. } => Refusal::Absent("it is no object's key"),
        Error::PermissionDenied { .. } => Refusal::Absent("the object may not be read"),
        error => Refusal::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn objects_are_written_once_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&format!("file://{}", folder.path().display())).unwrap();
        let key = objects.write("1", b"one".to_vec()).await.unwrap().unwrap();
        assert_eq!(objects.read(&key).await.unwrap(), b"one");
        assert_eq!(objects.write("1", b"two".to_vec()).await.unwrap(), None);
        objects.remove(&key).await;
        for key in [key.as_str(), "", "../etc/passwd", "/../../etc/passwd", "a/../../b"] {
            assert!(matches!(objects.read(key).await, Err(Refusal::Absent(_))), "{key}");
        }
    }

    #[test]
    fn a_store_of_no_known_kind_is_refused() {
        assert!(Objects::open("nonsense").is_err());
        assert!(Objects::open("floppy://a").is_err());
    }
}
