//! One chain from its beginning to its end.

use std::collections::{BTreeMap, BTreeSet};

use super::super::chain::{Beginning, Link, prefix};
use super::super::merkle::{Tree, hex};
use super::super::record;
use super::super::records::{PAGE, Records};
use super::{Finding, Known, Problem, Report, Statement, signature};
use crate::store::connection::{Arg, Connection, DbError, Row};

/// One chain from its beginning to its end.
pub(super) struct Walk<'w> {
    pub(super) connection: &'w mut Connection,
    pub(super) known: &'w Known,
    pub(super) report: &'w mut Report,
    pub(super) organization: i64,
    pub(super) chain: i64,
    /// How far it was dropped.
    pub(super) retired: Option<&'w Statement>,
}

impl Walk<'_> {
    fn find(&mut self, link: Option<i64>, record: Option<i64>, problem: Problem) {
        let (organization, chain) = (self.organization, self.chain);
        self.report.find(Finding { organization, chain, link, record, problem });
    }

    pub(super) async fn run(
        &mut self,
        beginning: Option<&Beginning>,
        expected: Vec<(i64, String)>,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), DbError> {
        self.report.chains += 1;
        if beginning.is_none() {
            self.find(None, None, Problem::BeginningChanged);
        }
        let began = beginning.map(Beginning::head);
        let (mut head, mut number, mut last) = match self.retired {
            Some(retired) => (Some(retired.head.clone()), retired.link, retired.last),
            None => (began.clone(), 0, 0),
        };
        let mut expected: BTreeMap<i64, BTreeSet<String>> =
            expected.into_iter().fold(BTreeMap::new(), |mut heads, (link, head)| {
                heads.entry(link).or_default().insert(head);
                heads
            });
        // A chain that was joined before its first link.
        if let Some(known) = expected.remove(&0)
            && known.iter().any(|known| Some(known) != began.as_ref())
        {
            self.find(None, None, Problem::HeadDiffers);
        }
        if let Some(retired) = self.retired {
            // Heads before are in the export; that of the last link that was dropped is in the statement.
            let dropped = std::mem::take(&mut expected);
            for (link, known) in dropped {
                if link > retired.link {
                    expected.insert(link, known);
                } else if link == retired.link && known.iter().any(|known| *known != retired.head) {
                    self.find(Some(link), None, Problem::HeadDiffers);
                }
            }
            self.returned(retired.link).await?;
        }
        let mut records = Records::of(self.organization, self.chain, (last.saturating_add(1), i64::MAX));
        loop {
            let rows = self.links(number).await?;
            for row in &rows {
                let Some(stored) = Stored::of(row) else { continue };
                for missing in number + 1..stored.link.number.min(number + 1 + PAGE) {
                    self.find(Some(missing), None, Problem::LinkRemoved);
                    // The heads after a gap cannot be recomputed: the next link is taken at its word.
                    head = None;
                    last = stored.link.first - 1;
                }
                let link = &stored.link;
                number = link.number;
                self.report.links += 1;
                let follows = head.as_ref().is_none_or(|head| *head == link.previous) && link.first == last + 1;
                if !follows || link.head() != stored.head || link.last < link.first {
                    self.find(Some(number), None, Problem::LinkChanged);
                }
                self.signed(&stored);
                for known in expected.remove(&number).unwrap_or_default() {
                    if known != stored.head {
                        self.find(Some(number), None, Problem::HeadDiffers);
                    }
                }
                self.records(link, &mut records, progress).await?;
                last = last.max(link.last);
                head = Some(stored.head);
            }
            if rows.is_empty() {
                break;
            }
        }
        if let Some((link, _)) = expected.last_key_value() {
            self.find(Some(*link), None, Problem::Truncated);
        }
        self.after(last).await
    }

    /// Links that were dropped and are there again.
    async fn returned(&mut self, until: i64) -> Result<(), DbError> {
        let sql = format!(
            "select number from {}audit_links where organization_id = $1 and chain = $2 and number <= $3 order by number limit $4",
            prefix(self.connection.engine())
        );
        let args = [self.organization, self.chain, until, PAGE].map(Arg::Int);
        for row in self.connection.fetch(&sql, &args).await? {
            self.find(row.int(0), None, Problem::Returned);
        }
        Ok(())
    }

    fn signed(&mut self, stored: &Stored) {
        let problem = match (&stored.signer, &stored.signature) {
            (None, None) => return,
            (Some(signer), Some(given)) => signature(self.known, &stored.head, signer, given),
            _ => Some(Problem::SignatureForged),
        };
        match problem {
            None => self.report.signatures += 1,
            Some(problem) => self.find(Some(stored.link.number), None, problem),
        }
    }

    async fn links(&mut self, after: i64) -> Result<Vec<Row>, DbError> {
        let sql = format!(
            "select number, first, last, at, previous, root, head, signer, signature, organization_id, chain \
             from {}audit_links where organization_id = $1 and chain = $2 and number > $3 order by number limit $4",
            prefix(self.connection.engine())
        );
        let args = [Arg::Int(self.organization), Arg::Int(self.chain), Arg::Int(after), Arg::Int(PAGE)];
        self.connection.fetch(&sql, &args).await
    }

    /// The records of one link against its root.
    async fn records(
        &mut self,
        link: &Link,
        records: &mut Records,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), DbError> {
        let (mut tree, mut next, mut sound) = (Tree::default(), link.first, true);
        while let Some((place, row)) = records.next(self.connection, link.last).await? {
            // Of a link that is missing, or one place once more: in one month the database keeps it from being there twice.
            if place < next {
                if place >= link.first {
                    self.find(Some(link.number), Some(place), Problem::RecordInserted);
                    sound = false;
                }
                continue;
            }
            sound &= self.missing(link.number, next, place);
            let leaf = record::leaf(&row);
            if row.int(record::MARK) != Some(record::mark(&leaf)) {
                self.find(Some(link.number), Some(place), Problem::RecordChanged);
                sound = false;
            }
            tree.push(leaf);
            next = place.saturating_add(1);
            self.report.records += 1;
        }
        if next <= link.last {
            sound &= self.missing(link.number, next, link.last.saturating_add(1));
        }
        progress(self.report.records);
        if sound && hex(&tree.root()) != link.root {
            self.find(Some(link.number), None, Problem::BatchChanged);
        }
        Ok(())
    }

    /// Whether none is missing from `next` to before `place`; a changed link may name any number, so only so many are told.
    fn missing(&mut self, link: i64, next: i64, place: i64) -> bool {
        for missing in next..place.min(next.saturating_add(PAGE)) {
            self.find(Some(link), Some(missing), Problem::RecordRemoved);
        }
        next >= place
    }

    /// Records after the last link, or before the first place.
    async fn after(&mut self, last: i64) -> Result<(), DbError> {
        let sql = format!(
            "select place from {}audit_events where organization_id = $1 and chain = $2 \
             and (place is null or place < $5 or place > $3) order by place limit $4",
            prefix(self.connection.engine())
        );
        let dropped = self.retired.map_or(0, |retired| retired.last);
        let args = [self.organization, self.chain, last, PAGE, dropped + 1].map(Arg::Int);
        let rows = self.connection.fetch(&sql, &args).await?;
        for place in rows.iter().map(|row| row.int(0)) {
            let returned = place.is_some_and(|place| place >= 1 && place <= dropped);
            self.find(None, place, if returned { Problem::Returned } else { Problem::RecordInserted });
        }
        Ok(())
    }
}

/// A link's row.
struct Stored {
    link: Link,
    head: String,
    signer: Option<String>,
    signature: Option<String>,
}

impl Stored {
    fn of(row: &Row) -> Option<Self> {
        let text = |place| row.text(place).map(ToOwned::to_owned);
        let link = Link {
            organization: row.int(9)?,
            chain: row.int(10)?,
            number: row.int(0)?,
            first: row.int(1)?,
            last: row.int(2)?,
            at: row.int(3)?,
            previous: text(4)?,
            root: text(5)?,
        };
        Some(Self { link, head: text(6)?, signer: text(7), signature: text(8) })
    }
}
