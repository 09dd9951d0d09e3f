//! Content on its way in: stored before the transaction that names it, taken away again where nothing names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mappers::content::{self, Brought};
use mappers::json::Document;
use mappers::map::ContentKind;
use mappers::split;

use super::{Contents, Item};
use crate::store::batch::Unit;
use crate::store::connection::{Connection, DbError, DbErrorKind};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::types::{Change, Operation};

/// How often another name is tried: names are random, so one that is taken is a seeded process's of before.
const NAMES: usize = 10_000;

/// Content that was stored for changes whose transaction has not ended.
#[derive(Debug)]
pub(crate) struct Staged<'c> {
    contents: &'c Contents,
    items: Vec<Arc<Item>>,
    /// A commit is under way: whether it took effect is not known until it answers.
    doubtful: AtomicBool,
}

impl Contents {
    /// Stores what the changes bring and their rows will name.
    ///
    /// # Errors
    /// There is no room, or a place does not answer.
    pub(crate) async fn stage(&self, core: &Core, units: &[&Unit]) -> Result<Staged<'_>, StoreError> {
        let mut staged = Staged { contents: self, items: Vec::new(), doubtful: AtomicBool::new(false) };
        let changes: Vec<&Change> = units.iter().flat_map(|unit| &unit.changes).collect();
        for change in changes {
            let (Operation::Create { body } | Operation::Update { body, .. }) = &change.operation else { continue };
            let naming = core.maps_of(&change.kind).iter().any(|map| self.is_named_by(*map));
            // Base64 is longer than what it stands for: a short resource brings no long content.
            if !naming || body.len() < self.inline {
                continue;
            }
            for brought in brought(core, &change.kind, body)? {
                if let Some(kind) = self.place_for(&brought) {
                    let item = self.store(core, kind, &brought.data).await?;
                    staged.items.push(item);
                }
            }
        }
        Ok(staged)
    }

    /// Where content goes; `None` = into the row.
    fn place_for(&self, brought: &Brought) -> Option<ContentKind> {
        let has = |kind: ContentKind| brought.places.contains(&kind);
        let length = brought.data.len() / 4 * 3;
        if has(ContentKind::Column) && length < self.inline {
            None
        } else if has(ContentKind::Object) && self.objects.is_some() {
            Some(ContentKind::Object)
        } else {
            has(ContentKind::File).then_some(ContentKind::File)
        }
    }

    async fn store(&self, core: &Core, kind: ContentKind, data: &str) -> Result<Arc<Item>, StoreError> {
        let bytes = BASE64.decode(data).map_err(|_| StoreError::Invariant("base64 that is none"))?;
        for _ in 0..NAMES {
            let id = core.ids.next();
            let name = match (kind, &self.objects) {
                (ContentKind::Object, Some(objects)) => objects.write(&id, bytes.clone()).await.map_err(|error| {
                    tracing::error!(%error, "content cannot be stored");
                    StoreError::Unavailable
                })?,
                _ => self.files.write(&id, bytes.clone()).await.map_err(|error| {
                    tracing::error!(%error, "content cannot be stored");
                    match error.kind() {
                        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::StorageFull,
                        _ => StoreError::Unavailable,
                    }
                })?,
            };
            if let Some(name) = name {
                return Ok(self.shelf.lay(kind, &name, data.to_owned()));
            }
        }
        Err(StoreError::Invariant("no new name for content"))
    }
}

fn brought(core: &Core, kind: &str, body: &[u8]) -> Result<Vec<Brought>, StoreError> {
    let document =
        Document::parse(body).map_err(|_| StoreError::Invariant("a change carries text that is not JSON"))?;
    let mut maps = core.maps_of(kind).iter().map(|map| core.map(*map));
    let accepting = maps.find(|map| !map.readonly && split::accepts(map, &document));
    Ok(accepting.map(|map| content::brought(map, &document)).unwrap_or_default())
}

impl Staged<'_> {
    /// Another try begins: what the last one used does not count.
    pub(crate) fn try_again(&self) {
        self.items.iter().for_each(|item| item.used.store(false, Ordering::Relaxed));
    }

    /// Ends the transaction. While the commit runs, and where it fails so that nobody knows what became of it, nothing is
    /// taken away.
    pub(crate) async fn commit(&self, core: &Core, connection: &mut Connection) -> Result<(), DbError> {
        self.doubtful.store(true, Ordering::Relaxed);
        let result = core.commit(connection).await;
        let lost = |error: &DbError| matches!(error.kind, DbErrorKind::Unavailable | DbErrorKind::NoTransaction);
        match &result {
            Ok(()) => self.doubtful.store(false, Ordering::Relaxed),
            Err(error) if !lost(error) => {
                self.try_again();
                self.doubtful.store(false, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        result
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if self.doubtful.load(Ordering::Relaxed) {
            return;
        }
        for item in self.items.iter().filter(|item| !item.used.load(Ordering::Relaxed)) {
            match (item.kind, &self.contents.objects) {
                (ContentKind::Object, Some(objects)) => {
                    let (objects, item) = (objects.clone(), Arc::clone(item));
                    tokio::spawn(async move { objects.remove(&item.name).await });
                }
                _ => self.contents.files.remove(&item.name),
            }
        }
    }
}
