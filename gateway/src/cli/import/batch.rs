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
    /// Its SHA-256 in hexadecimal, where Provenances are to tell it.
    pub(super) digest: Option<Arc<str>>,
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

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::clock::Clock;

    /// Units and sizes of the batches that these lines make; `None` = a transaction.
    fn of(lines: &[(u32, &str)], done: Done) -> (Vec<(Unit, Option<usize>)>, usize, u64) {
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let file = Arc::new(Input { name: "f".into(), job: "j".into(), digest: None, rank: 0, done });
        let lines =
            lines.iter().map(|(number, text)| Line { number: *number, text: Some(Bytes::from((*text).to_owned())) });
        let ids = Ids::seeded(1, Arc::new(Clock::seeded()));
        let gathered = gather(Chunk { file, lines: lines.collect(), room }, &ids);
        let size = |batch: &Batch| match &batch.task {
            Task::Changes(changes) => Some(changes.len()),
            Task::Transaction(..) => None,
        };
        let batches = gathered.batches.iter().map(|batch| (batch.unit, size(batch))).collect();
        (batches, gathered.refusals.len(), gathered.skipped)
    }

    fn lines(line: u32, count: u32) -> Unit {
        Unit { line, entry: None, count }
    }

    const A: &str = r#"{"resourceType":"Patient","id":"a"}"#;
    const B: &str = r#"{"resourceType":"Patient","id":"b"}"#;
    const NEW: &str = r#"{"resourceType":"Patient"}"#;
    const TRANSACTION: &str = r#"{"resourceType":"Bundle","type":"transaction"}"#;

    #[test]
    fn a_set_ends_at_a_gap_a_refusal_a_transaction_and_a_second_change_of_one_resource() {
        let gap = of(&[(1, A), (2, B), (4, NEW)], Done::default());
        assert_eq!(gap.0, [(lines(1, 2), Some(2)), (lines(4, 1), Some(1))]);
        let refused = of(&[(1, A), (2, "{"), (3, B)], Done::default());
        assert_eq!((refused.0, refused.1), (vec![(lines(1, 1), Some(1)), (lines(3, 1), Some(1))], 1));
        let transaction = of(&[(1, A), (2, TRANSACTION), (3, B)], Done::default());
        assert_eq!(transaction.0, [(lines(1, 1), Some(1)), (lines(2, 1), None), (lines(3, 1), Some(1))]);
        let twice = of(&[(1, A), (2, B), (3, A), (4, NEW), (5, NEW)], Done::default());
        assert_eq!(twice.0, [(lines(1, 2), Some(2)), (lines(3, 3), Some(3))]);
    }

    #[test]
    fn what_an_earlier_run_committed_is_in_no_unit() {
        let done = Done::new([lines(2, 2).encode()]);
        let (batches, refused, skipped) = of(&[(1, A), (2, B), (3, "{"), (4, NEW)], done);
        assert_eq!(batches, [(lines(1, 1), Some(1)), (lines(4, 1), Some(1))]);
        assert_eq!((refused, skipped), (0, 2));
    }

    #[test]
    fn entries_of_a_bundle_are_units_of_their_own() {
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"resource":{A}}},{{"resource":{B}}}]}}"#
        );
        let (batches, ..) = of(&[(7, NEW), (8, &bundle)], Done::default());
        let entries = Unit { line: 8, entry: Some(0), count: 2 };
        assert_eq!(batches, [(lines(7, 1), Some(1)), (entries, Some(2))]);
    }
}
