//! Content that lies ready in memory, for as long as somebody is at work on its row.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use mappers::codec::Content;
use mappers::map::ContentKind;
use parking_lot::Mutex;

/// One piece of content and its name.
pub(crate) struct Item {
    pub(super) kind: ContentKind,
    pub(super) name: Box<str>,
    /// Canonical base64.
    pub(super) data: Arc<str>,
    /// A row that is being written names it.
    pub(super) used: AtomicBool,
}

impl fmt::Debug for Item {
    /// Without the content: it is somebody's record.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} of {} letters", self.kind, self.data.len())
    }
}

/// Items that somebody still holds.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Vec<Weak<Item>>>);

impl Shelf {
    /// Lays content ready.
    pub(super) fn lay(&self, kind: ContentKind, name: &str, data: String) -> Arc<Item> {
        let item = Arc::new(Item { kind, name: name.into(), data: data.into(), used: AtomicBool::new(false) });
        let mut items = self.0.lock();
        items.retain(|item| item.strong_count() > 0);
        items.push(Arc::downgrade(&item));
        item
    }

    /// A row that is being written names this.
    pub(super) fn is_used(&self, kind: ContentKind, name: &str) {
        if let Some(item) = self.latest(|item| item.kind == kind && *item.name == *name) {
            item.used.store(true, Ordering::Relaxed);
        }
    }

    /// The latest item that is asked for.
    fn latest(&self, wanted: impl Fn(&Item) -> bool) -> Option<Arc<Item>> {
        let items = self.0.lock();
        items.iter().rev().filter_map(Weak::upgrade).find(|item| wanted(item))
    }
}

impl Content for Shelf {
    fn kept(&self, kind: ContentKind, data: &str) -> Option<Box<str>> {
        self.latest(|item| item.kind == kind && *item.data == *data).map(|item| item.name.clone())
    }

    fn find(&self, kind: ContentKind, name: &str) -> Option<Arc<str>> {
        self.latest(|item| item.kind == kind && *item.name == *name).map(|item| Arc::clone(&item.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_lies_ready_while_it_is_held() {
        let shelf = Shelf::default();
        let item = shelf.lay(ContentKind::File, "a/b", "aGk=".to_owned());
        assert_eq!(shelf.find(ContentKind::File, "a/b").as_deref(), Some("aGk="));
        assert_eq!(shelf.kept(ContentKind::File, "aGk=").as_deref(), Some("a/b"));
        assert_eq!(shelf.find(ContentKind::Object, "a/b"), None, "another place");
        drop(item);
        assert_eq!(shelf.find(ContentKind::File, "a/b"), None);
        assert_eq!(shelf.kept(ContentKind::File, "aGk="), None);
    }

    #[test]
    fn what_was_fetched_last_counts() {
        let shelf = Shelf::default();
        let _before = shelf.lay(ContentKind::File, "a", "YQ==".to_owned());
        let _now = shelf.lay(ContentKind::File, "a", "Yg==".to_owned());
        assert_eq!(shelf.find(ContentKind::File, "a").as_deref(), Some("Yg=="));
    }
}
