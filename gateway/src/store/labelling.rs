//! Security labels beside resources (`directory.labels`): from which tables of codes they come, and how every resource gets
//! them.
//!
//! A write computes them (`Labellings::label`), notes have those of their encounter added (`encounters`), and what was
//! stored before, or under other tables, is labelled by work in the background (`work`). Until then `labels` is 0, which
//! counts as not understood. Which tables count is kept in the database (`kept`), so that whatever writes to it (a server,
//! an import beside it) labels alike; a process that learns of tables it does not have writes 0.

pub(crate) mod encounters;
mod file;
mod kept;
mod work;

use std::sync::Arc;

use consent::labelling::{Coding, Labelling, Subject};
use consent::labels::Labels;
use mappers::json::Element;
use mappers::labels;
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::store::connection::{Connection, DbError};

pub use file::{Fault, OwnTable};
pub use kept::{KeptLabelling, register};

/// What a process knows of the tables.
#[derive(Debug, Default)]
pub(crate) struct Labellings {
    known: RwLock<Known>,
    /// There may be resources to label.
    work: Notify,
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// The number of the labelling that counts.
    id: i64,
    /// Its tables; `None` where this process does not have them.
    labelling: Option<Arc<Labelling>>,
}

/// The labels of a resource on their way to the directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark {
    /// The encounter it belongs to.
    pub(crate) encounter: Option<Box<str>>,
    /// Its labels: its own, until those of its encounter are added. Empty where they are not known (or it is deleted).
    pub(crate) labels: Labels,
    /// It has words that inherit from the encounter.
    pub(crate) hears: bool,
    /// It says by a code what the encounter is about.
    pub(crate) tells: bool,
}

impl Labellings {
    /// Learns which labelling counts, if it is another than is known; in a transaction of any kind.
    pub(crate) async fn learn(&self, connection: &mut Connection, id: i64) -> Result<(), DbError> {
        if self.known.read().id == id {
            return Ok(());
        }
        let labelling = kept::load(connection, id).await?.map(Arc::new);
        let mut known = self.known.write();
        // Numbers only grow: a snapshot that is older takes nothing back.
        if known.id < id {
            *known = Known { id, labelling };
            self.work.notify_one();
        }
        Ok(())
    }

    fn known(&self) -> Known {
        self.known.read().clone()
    }

    /// The labels of a resource, as far as they are its own, and what it has to do with its encounter.
    pub(crate) fn label(&self, kind: &str, resource: Element<'_>, mark: &mut Mark) {
        if let Some(labelling) = self.known().labelling {
            label(&labelling, kind, resource, mark);
        }
    }
}

fn label(labelling: &Labelling, kind: &str, resource: Element<'_>, mark: &mut Mark) {
    let told = labels::Subject::of(kind, resource);
    let (codings, given, within) = (lent(&told.codings), lent(&told.given), lent(&told.within));
    let subject = Subject { codings: &codings, given: &given, within: &within, text: told.text, encounter: None };
    mark.labels = labelling.label(&subject);
    mark.hears = told.text && mark.encounter.is_some();
    mark.tells = told.tells && !told.text;
}

/// The labels of a resource by itself, of whose encounter nothing is known.
#[must_use]
pub fn labels_of(labelling: &Labelling, kind: &str, resource: Element<'_>) -> Labels {
    let mut mark = Mark::default();
    label(labelling, kind, resource, &mut mark);
    mark.labels
}

fn lent<'c, T: AsRef<str>>(codings: &'c [(T, T)]) -> Vec<Coding<'c>> {
    codings.iter().map(|(system, code)| (system.as_ref(), code.as_ref())).collect()
}
