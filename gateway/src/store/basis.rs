//! What the audit trail says of a version beside itself: whose it is, by which Consents was decided, and, where Consents are
//! evaluated but not applied, what they would have come to.
//!
//! The former comes along with the statement that reads the version. The latter is asked by one more statement for all that a
//! reader was shown, in its snapshot, and only of what more than the organization's default decides.

use consent::{Permit, Predicate};

use crate::store::Store;
use crate::store::bulk::{self, BulkType};
use crate::store::condition;
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};
use crate::store::consents::predicate::{Breadth, Span};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Facts;
use crate::store::types::{Basis, Change, Operation, Version};
use mappers::json::Document;

/// What statements give of a basis, of the directory's row under `d`: patient, epoch, labels; and whether it was another's once.
pub(crate) const COLUMNS: &str = "d.patient, (select e.epoch from consent_epochs e \
     where e.organization_id = d.organization_id and e.patient = d.patient), \
     case when d.labels = 0 then 0 else d.labels | d.labels_ever end, d.moved";

impl Basis {
    /// From the [`COLUMNS`], which begin at `at`.
    pub(crate) fn read(row: &Row, at: usize) -> Self {
        let patient: Option<Box<str>> = row.text(at).map(Into::into);
        let epoch = patient.as_ref().map(|_| row.int(at + 1).unwrap_or_default());
        Self { patient, epoch, labels: row.int(at + 2).unwrap_or_default(), ..Self::default() }
    }

    /// Of a version that need not be the current one, which was another patient's where the resource has been moved since.
    pub(crate) fn read_past(core: &Core, row: &Row, at: usize, (kind, id, body): (&str, &str, &[u8])) -> Self {
        let basis = Self { moved: row.flag(at + 3), ..Self::read(row, at) };
        if !basis.moved {
            return basis;
        }
        let Ok(document) = Document::parse(body) else { return basis };
        let patient = Facts::of(kind, id, document.root(), &core.bases()).patient;
        if patient == basis.patient { basis } else { Self { patient, epoch: None, ..basis } }
    }

    /// Whether more than the organization's default would decide on it, where a permit has something observed.
    pub(crate) fn is_open(&self, permit: &Permit) -> bool {
        let Some(Predicate::Consents(asked)) = permit.observed() else { return false };
        self.moved || self.epoch.is_some_and(|epoch| epoch > 0) || !asked.is_permitted_without_rules(self.labels)
    }
}

impl Store {
    /// Whose a change is about, as far as that can be told of what it says alone.
    pub(crate) fn basis_of(&self, change: &Change) -> Basis {
        let patient = match &change.operation {
            Operation::Create { body } | Operation::Update { body, .. } => {
                Document::parse(body).ok().and_then(|document| {
                    Facts::of(&change.kind, &change.id, document.root(), &self.core().bases()).patient
                })
            }
            Operation::Delete { .. } => None,
        };
        Basis { patient, ..Basis::default() }
    }
}

/// Tells of what was read, by the row ids, whether enforcement would have hidden it.
pub(crate) async fn observe(
    permit: &Permit,
    span: Span,
    connection: &mut Connection,
    read: Vec<(i64, &mut Version)>,
) -> Result<(), DbError> {
    let Some(predicate) = permit.observed() else { return Ok(()) };
    let mut open = read;
    open.retain(|(_, version)| version.basis.is_open(permit));
    if open.is_empty() {
        return Ok(());
    }
    let mut rids: Vec<i64> = open.iter().map(|(rid, _)| *rid).collect();
    rids.sort_unstable();
    rids.dedup();
    let shown = shown(connection, predicate, span, &rids).await?;
    for (rid, version) in &mut open {
        version.basis.would_deny = shown.binary_search(rid).is_err();
    }
    Ok(())
}

/// Rows that PostgreSQL expects of an array that it does not know.
const EXPECTED: usize = 10;

/// Which of these rows of the directory a predicate shows, in order.
pub(crate) async fn shown(
    connection: &mut Connection,
    predicate: &Predicate,
    span: Span,
    rids: &[i64],
) -> Result<Vec<i64>, DbError> {
    let mut query = Query::default();
    let visible = condition::predicate(predicate, ("d", &[]), span, connection.engine(), Breadth::Few, &mut query);
    let rows = if let [rid] = rids {
        let rid = query.arg(Arg::Int(*rid));
        let sql = format!("select d.rid from directory d where d.rid = {rid} and {visible}");
        connection.fetch(&sql, &query.args).await?
    } else {
        let join = dialect::join_in_order(connection.engine());
        let sql = format!("select d.rid from {{keys}} {join} directory d on d.rid = k.rid where {visible}");
        let mut keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
        if let (Engine::Postgres, Some(last)) = (connection.engine(), keys.last().copied()) {
            // Of fewer than it expects, PostgreSQL would make a plan every time, which takes longer than the condition does.
            keys.resize(keys.len().max(EXPECTED), last);
        }
        bulk::fetch_by_keys(connection, &sql, &query.args, &[("rid", BulkType::Int)], &keys).await?
    };
    let mut shown: Vec<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
    shown.sort_unstable();
    shown.dedup();
    Ok(shown)
}
