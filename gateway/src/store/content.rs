//! Attachment content outside the database: files below the content directory, objects in an object store.
//!
//! Split and join stay pure: what a loaded row names is fetched before it is joined (`Contents::fetch`), what a resource
//! brings is stored before the transaction that writes its row (`Contents::stage`). A process that ends in between leaves
//! an orphan, never a row that points to nothing; new content always gets a new name, so that nothing is overwritten.

mod erased;
mod files;
mod objects;
mod shelf;
mod staged;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mappers::content::{self, Place};
use mappers::map::{ContentKind, MapSet};
use mappers::row::Row;

use crate::store::connection::DbError;
use files::Files;
use objects::Objects;
use shelf::Shelf;

pub(crate) use shelf::Item;
pub(crate) use staged::Staged;

/// Below this content stays in the row's own column, where it has one.
pub const INLINE: usize = 256 * 1024;

/// Longer content of other programs is not served: as long as the longest body that a client may send.
pub const LONGEST: usize = 32 * 1024 * 1024;

/// Where content outside the database lies.
#[derive(Clone, Debug)]
pub struct ContentOptions {
    /// The content directory; `None` = `content` in the data directory.
    pub directory: Option<PathBuf>,
    /// URL of the object store; `None` = there is none.
    pub store: Option<String>,
    /// Content of fewer bytes stays in the row, where it has a column for it.
    pub inline: usize,
}

impl Default for ContentOptions {
    fn default() -> Self {
        Self { directory: None, store: None, inline: INLINE }
    }
}

/// Whether this build knows an object store of such a URL.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn knows(url: &str) -> Result<(), String> {
    Objects::open(url).map(drop)
}

/// Why content cannot be had.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is none of that name, or none that may be served: this will not change by itself.
    Absent(&'static str),
    /// The place does not answer now.
    Unavailable(String),
}

/// The content of one database.
#[derive(Debug)]
pub(crate) struct Contents {
    files: Files,
    objects: Option<Objects>,
    inline: usize,
    /// By map: the columns that name content.
    places: Vec<Vec<Place>>,
    shelf: Shelf,
}

impl Contents {
    /// Opens the places. Nothing is created before it is needed.
    ///
    /// # Errors
    /// The object store's URL is none that this build knows.
    pub(crate) fn open(options: &ContentOptions, data_dir: &Path, maps: &MapSet) -> Result<Self, String> {
        let directory = options.directory.clone().unwrap_or_else(|| data_dir.join("content"));
        Ok(Self {
            files: Files::new(directory),
            objects: options.store.as_deref().map(Objects::open).transpose()?,
            inline: options.inline,
            places: maps.maps.iter().map(content::places).collect(),
            shelf: Shelf::default(),
        })
    }

    /// Whether rows of a map may name content outside the database.
    pub(crate) fn is_named_by(&self, map: usize) -> bool {
        !self.places[map].is_empty()
    }

    /// Whether there is an object store.
    pub(crate) fn has_objects(&self) -> bool {
        self.objects.is_some()
    }

    /// What codecs ask.
    pub(crate) fn ready(&self) -> &dyn mappers::codec::Content {
        &self.shelf
    }

    /// Lays ready what a row names, for as long as the items live; and why some of it cannot be had.
    ///
    /// # Errors
    /// A place does not answer now.
    pub(crate) async fn fetch(&self, map: usize, row: &Row) -> Result<(Vec<Arc<Item>>, Vec<&'static str>), DbError> {
        let (mut items, mut absent) = (Vec::new(), Vec::new());
        let named: Vec<(ContentKind, &str)> = content::named(&self.places[map], row).collect();
        for (kind, name) in named {
            match self.find(kind, name).await {
                Ok(bytes) => items.push(self.shelf.lay(kind, name, BASE64.encode(bytes))),
                Err(Refusal::Absent(why)) => absent.push(why),
                Err(Refusal::Unavailable(error)) => {
                    tracing::error!(%error, "content cannot be fetched");
                    return Err(DbError::fault("content cannot be fetched now"));
                }
            }
        }
        Ok((items, absent))
    }

    /// Content that was staged stays if the transaction that writes this row commits.
    pub(crate) fn is_used(&self, map: usize, row: &Row) {
        for (kind, name) in content::named(&self.places[map], row) {
            self.shelf.is_used(kind, name);
        }
    }

    async fn find(&self, kind: ContentKind, name: &str) -> Result<Vec<u8>, Refusal> {
        match (kind, &self.objects) {
            (ContentKind::Column, _) => Err(Refusal::Absent("the content is in the row")),
            (ContentKind::File, _) => self.files.read(name).await,
            (ContentKind::Object, Some(objects)) => objects.read(name).await,
            (ContentKind::Object, None) => Err(Refusal::Absent("no --content-store is given")),
        }
    }
}
