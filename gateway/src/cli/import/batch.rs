//! Lines to batches: what is committed together, each with the unit that its checkpoint names.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::item::{Item, Work, items};
use super::reader::Line;
use super::report::Refusal;
use super::unit::{Done, Unit};
use crate::clock::Ids;
use crate::store::types::Change;

/// The most changes in one atomic set.
const SET: u32 = 200;

/// A file under way.
#[derive(Debug)]
pub(super) struct Input {
    /// The file, as it was given.
    pub(super) name: Box<str>,
    /// The name its checkpoints go by.
    pub(super) job: String,
    /// Its place in the order of files.
    pub(super) rank: usize,
    /// What earlier runs did of it.
    pub(super) done: Done,
}

/// Some lines of a file.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The file.
    pub(super) file: Arc<Input>,
    /// The lines.
    pub(super) lines: Vec<Line>,
    /// Their share of the memory an import may use.
    pub(super) room: OwnedSemaphorePermit,
}

/// What is committed together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Where it comes from.
    pub(super) file: Arc<Input>,
    /// Which lines or entries it is.
    pub(super) unit: Unit,
    /// What is done.
    pub(super) task: Task,
    /// Kept until it is committed.
    _room: Arc<OwnedSemaphorePermit>,
}

/// What is done.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// Loose resources, one per line or entry of the unit.
    Changes(Vec<Change>),
    /// A transaction bundle, with the resources it names by type and id.
    Transaction(Bytes, Vec<Box<str>>),
}

/// What a chunk came to.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// To be committed, in this order where they touch the same resources.
    pub(super) batches: Vec<Batch>,
    /// Refused before the store saw them.
    pub(super) refusals: Vec<Refusal>,
    /// Done by earlier runs.
    pub(super) skipped: u64,
}

impl Batch {
    /// `Patient/1` and the like: what the batch writes under ids that others may write too.
    pub(super) fn targets(&self) -> Vec<Box<str>> {
        match &self.task {
            Task::Changes(changes) => changes.iter().map(target).collect(),
            Task::Transaction(_, targets) => targets.clone(),
        }
    }
}

/// Parses and checks a chunk. Runs where it may block.
pub(super) fn gather(chunk: Chunk, ids: &Ids) -> Gathered {
    let mut gathering =
        Gathering { gathered: Gathered::default(), open: None, file: chunk.file, room: Arc::new(chunk.room) };
    for line in &chunk.lines {
        for item in items(line, &gathering.file.done, ids) {
            gathering.add(line.number, item);
        }
    }
    gathering.close();
    gathering.gathered
}

/// A set that may still grow.
struct Open {
    unit: Unit,
    changes: Vec<Change>,
    targets: HashSet<Box<str>>,
}

struct Gathering {
    gathered: Gathered,
    open: Option<Open>,
    file: Arc<Input>,
    room: Arc<OwnedSemaphorePermit>,
}

impl Gathering {
    fn add(&mut self, line: u32, item: Item) {
        let unit = Unit { line, entry: item.entry, count: 1 };
        match item.work {
            Work::Change(change) => self.extend(unit, change),
            Work::Done => self.gathered.skipped += 1,
            Work::Refused(failure) => {
                self.gathered.refusals.push(Refusal::new(&self.file.name, line, item.entry, &failure));
            }
            Work::Transaction { text, targets } => {
                self.close();
                self.push(unit, Task::Transaction(text, targets));
            }
        }
    }

    /// A unit names consecutive lines or entries, and a set never changes a resource twice.
    fn extend(&mut self, unit: Unit, change: Change) {
        let target = target(&change);
        let fits = self.open.as_ref().is_some_and(|open| {
            open.unit.count < SET && open.unit.is_followed_by(unit) && !open.targets.contains(&target)
        });
        if !fits {
            self.close();
        }
        let open = self.open.get_or_insert_with(|| Open {
            unit: Unit { count: 0, ..unit },
            changes: Vec::new(),
            targets: HashSet::new(),
        });
        open.unit.count += 1;
        open.changes.push(change);
        open.targets.insert(target);
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.push(open.unit, Task::Changes(open.changes));
        }
    }

    fn push(&mut self, unit: Unit, task: Task) {
        let (file, room) = (Arc::clone(&self.file), Arc::clone(&self.room));
        self.gathered.batches.push(Batch { file, unit, task, _room: room });
    }
}

fn target(change: &Change) -> Box<str> {
    format!("{}/{}", change.kind, change.id).into()
}
