//! Applying sets of changes within one open transaction: look up, judge, place, write rows, emit.
//!
//! However many sets there are, each step is a bounded number of statements per map and table, never one per resource.

mod settled;
mod snapshot;

use std::collections::{HashMap, HashSet};

use consent::{Action, OrganizationId};
use mappers::json::Document;

use self::settled::collect;
pub(crate) use self::snapshot::render;
use self::snapshot::snapshot;
use crate::audit::claim as trail;
use crate::store::batch::Unit;
use crate::store::checkpoint;
use crate::store::connection::{Connection, DbError, DbErrorKind};
use crate::store::consents::redaction::{self, Merged};
use crate::store::consents::{self, Sight};
use crate::store::core::Core;
use crate::store::custom::desk::{self, Desk};
use crate::store::emit::{self, Facts, Side, Snapshot};
use crate::store::entry::{self, Entry, Place};
use crate::store::error::{ChangeError, ChangeRefusal, StoreError};
use crate::store::judge::{self, Ruling};
use crate::store::normalizing;
use crate::store::place::{self, Placed};
use crate::store::provenance;
use crate::store::rows;
use crate::store::types::{Change, Changed, Note, Operation, Outcome};

/// What became of a set.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It touches what an earlier set of the same transaction touched: its turn is the next transaction.
    Deferred,
    /// Applied (once the transaction commits) or refused.
    Settled(Result<Vec<Changed>, ChangeError>),
}

/// Why a transaction must be rolled back.
#[derive(Debug)]
pub(crate) enum Abort {
    /// The database refused.
    Database(DbError),
    /// Tables refused these changes (set, change, map) while others may hold keys of their rows, or other maps would have
    /// them: run it again without these maps for them.
    Overflow(Vec<(usize, usize, usize)>),
    /// Rows (map, key) of these steps belonged to other resources, deleted since: they must give their keys away first.
    Clash(Vec<(Box<str>, Box<str>)>),
    /// One set turned out to be impossible after others were written: run it again without that set.
    Refused {
        /// Which set.
        unit: usize,
        /// Which change of it.
        index: usize,
        /// Why.
        reason: ChangeRefusal,
    },
}

/// A refusal from an earlier try: which change of the set, and why.
pub(crate) type StoredRefusal = (usize, ChangeRefusal);

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// One change on its way.
pub(crate) struct Step<'u> {
    /// Which set.
    pub(crate) unit: usize,
    /// Which change of the set.
    pub(crate) index: usize,
    /// The change.
    pub(crate) change: &'u Change,
    /// The client's resource; `None` for a deletion.
    pub(crate) document: Option<Document<'u>>,
    /// The directory's entry before the change; `None` where there is none.
    pub(crate) before: Option<Entry>,
    /// The directory's row id.
    pub(crate) rid: i64,
    /// What is being done.
    pub(crate) outcome: Outcome,
    /// The new version.
    pub(crate) version: i64,
    /// When.
    pub(crate) updated_ms: i64,
    /// Where it goes.
    pub(crate) placed: Placed,
    /// Deleted, but the row is still there: others refer to it.
    pub(crate) kept: bool,
    /// The row that takes the resource's row back, in a table that is only appended to.
    pub(crate) retraction: Option<Place>,
    /// What the directory will keep.
    pub(crate) side: Side,
    /// What else there is to tell.
    pub(crate) note: Option<Note>,
}

/// What earlier tries of a transaction taught.
#[derive(Clone, Debug)]
pub(crate) struct Lessons {
    /// Which changes may use tables.
    pub(crate) tables: Tables,
    /// A foreign key refused at commit: rows are removed one by one, and what cannot go stays.
    pub(crate) cautious: bool,
    /// How often rows were refused at commit.
    pub(crate) misfits: usize,
}

impl Default for Lessons {
    fn default() -> Self {
        Self { tables: Tables::UseExcept(HashSet::new()), cautious: false, misfits: 0 }
    }
}

impl Lessons {
    /// These changes (set, change) stay out of the table of a map; after a few refusals out of all.
    pub(crate) fn avoid(&mut self, changes: Vec<(usize, usize, usize)>) {
        const MOST: usize = 3;
        if let Tables::UseExcept(refused) = &mut self.tables {
            for (unit, index, map) in changes {
                let before = refused.iter().filter(|(of, at, _)| (*of, *at) == (unit, index)).count();
                refused.insert((unit, index, (before < MOST).then_some(map)));
            }
        }
    }

    /// A row was refused at commit. It may have lost a race once; the second time its table cannot carry it.
    pub(crate) fn misfit(&mut self, error: &DbError) {
        if self.misfits > 0 {
            self.tables = Tables::Avoid;
        }
        self.misfits += 1;
        self.cautious = self.cautious || error.kind == DbErrorKind::ForeignKey;
    }
}

/// Which changes may use tables.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Tables {
    /// Nothing goes to a table: the database refused these resources at commit.
    Avoid,
    /// Resources go to the tables that can carry them, but for these changes (set, change), which the table of a map refused
    /// (`None`: of any).
    UseExcept(HashSet<(usize, usize, Option<usize>)>),
}

impl Tables {
    /// Whether a change may go to the table of a map.
    pub(crate) fn allow(&self, unit: usize, index: usize, map: usize) -> bool {
        match self {
            Self::Avoid => false,
            Self::UseExcept(refused) => ![None, Some(map)].iter().any(|map| refused.contains(&(unit, index, *map))),
        }
    }
}

/// Applies the sets that can be applied now.
pub(crate) async fn apply(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
    refused: &[Option<StoredRefusal>],
    lessons: &Lessons,
) -> Result<Vec<Verdict>, Abort> {
    let mut verdicts: Vec<Option<Verdict>> = units.iter().map(|_| None).collect();
    for (verdict, refused) in verdicts.iter_mut().zip(refused) {
        *verdict = refused.clone().map(|(index, reason)| Verdict::Settled(Err(ChangeError::Refused { index, reason })));
    }
    defer(units, &mut verdicts);
    let entries = look_up(core, connection, organization, units, &verdicts).await?;
    let mut desk = if define(units) { Some(Desk::open(connection, organization).await?) } else { None };
    let sights = consents::sights(core, connection, units, &entries).await?;
    let mut merged = redaction::merge(core, connection, units, &entries, &sights).await?;
    normalizing::strip(core, connection, organization, (units, &entries), &mut merged).await?;
    let mut steps = judge_all(core, units, &mut verdicts, (&entries, &sights, &merged), &mut desk);
    let rids = core.take_rids(connection, steps.iter().filter(|step| step.before.is_none()).count()).await?;
    for (step, rid) in steps.iter_mut().filter(|step| step.before.is_none()).zip(rids) {
        step.rid = rid;
    }
    place::place(core, connection, organization, &mut steps, &lessons.tables).await?;
    rows::write(core, connection, organization, &mut steps, lessons).await?;
    rows::after_write(core, connection, &steps).await?;
    rows::leave_out(core, connection, organization, &mut steps).await?;
    for step in &steps {
        if let Placed::Mapped { map, split, .. } = &step.placed {
            core.contents.is_used(*map, &split.row);
        }
    }
    let in_force = core.registry.in_force(organization);
    let mut snapshots: Vec<Snapshot> = steps.iter().map(|step| snapshot(core, &in_force, step)).collect();
    let bases = consents::bases(core, connection, organization, units, &steps, &snapshots).await?;
    let told = provenance::tell(core, connection, units, (&steps, &sights), (&mut snapshots, &in_force)).await?;
    let emitted = emit::emit(core, connection, organization, &mut snapshots).await;
    emitted.map_err(|error| clash(core, error, &snapshots))?;
    if let Some(desk) = desk {
        desk.keep(connection, organization).await?;
    }
    for (unit, verdict) in units.iter().zip(&verdicts) {
        if let (None, Some(mark)) = (verdict, &unit.checkpoint) {
            checkpoint::record(connection, organization, mark).await?;
        }
    }
    let provenances = snapshots.split_off(steps.len());
    let mut settled = collect(units, verdicts, steps, &merged, snapshots.into_iter().zip(bases.iter().cloned()));
    provenance::hand_over(&mut settled, told, provenances, &bases);
    Ok(settled)
}

/// The directory's entries of what is updated or deleted, by type and id.
pub(crate) type Entries = HashMap<(Box<str>, Box<str>), Entry>;

/// Whether the sets change definitions of search parameters.
pub(crate) fn define(units: &[&Unit]) -> bool {
    units.iter().any(|unit| unit.changes.iter().any(|change| &*change.kind == desk::KIND))
}

/// Tells a row key that the directory has already, and races with other transactions, from faults.
fn clash(core: &Core, error: DbError, snapshots: &[Snapshot]) -> Abort {
    if !error.is_race() {
        return Abort::Database(error);
    }
    let key = |snapshot: &Snapshot| match &snapshot.place {
        Place::Mapped { map, key } => Some((core.map(*map).name.as_str().into(), key.clone())),
        Place::Generic => None,
    };
    Abort::Clash(snapshots.iter().filter_map(key).collect())
}

/// Puts off every set that touches what an earlier one touches.
fn defer(units: &[&Unit], verdicts: &mut [Option<Verdict>]) {
    let mut touched: HashSet<(&str, &str)> = HashSet::new();
    for (unit, verdict) in units.iter().zip(verdicts) {
        if verdict.is_some() {
            continue;
        }
        let identities = || unit.changes.iter().map(|change| (&*change.kind, &*change.id));
        if identities().any(|identity| touched.contains(&identity)) {
            *verdict = Some(Verdict::Deferred);
        } else {
            touched.extend(identities());
        }
    }
}

/// The directory's entries of everything that is updated or deleted, locked.
async fn look_up(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
    verdicts: &[Option<Verdict>],
) -> Result<Entries, DbError> {
    let mut wanted: Vec<(&str, &str)> = units
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| verdict.is_none())
        .flat_map(|(unit, _)| &unit.changes)
        .filter(|change| !matches!(change.operation, Operation::Create { .. }))
        .map(|change| (&*change.kind, &*change.id))
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    entry::by_identity(core, connection, organization, &wanted, true).await
}

/// Judges each set as a whole; the steps are those of the sets that pass.
fn judge_all<'u>(
    core: &Core,
    units: &[&'u Unit],
    verdicts: &mut [Option<Verdict>],
    (entries, sights, merged): (&Entries, &[Sight], &'u Merged),
    desk: &mut Option<Desk>,
) -> Vec<Step<'u>> {
    let mut steps = Vec::new();
    for (number, ((unit, verdict), sight)) in units.iter().zip(verdicts).zip(sights).enumerate() {
        if verdict.is_some() {
            continue;
        }
        let updated_ms = unit.instant(&core.clock);
        // What a set that is refused would define is not.
        let mut trial = desk.clone();
        match judge_unit(core, unit, number, updated_ms, (entries, sight, merged), &mut trial) {
            Ok(judged) => {
                steps.extend(judged);
                *desk = trial;
            }
            Err(error) => *verdict = Some(Verdict::Settled(Err(error))),
        }
    }
    steps
}

fn judge_unit<'u>(
    core: &Core,
    unit: &'u Unit,
    number: usize,
    updated_ms: i64,
    (entries, sight, merged): (&Entries, &Sight, &'u Merged),
    desk: &mut Option<Desk>,
) -> Result<Vec<Step<'u>>, ChangeError> {
    let mut seen = HashSet::with_capacity(unit.changes.len());
    let mut steps = Vec::with_capacity(unit.changes.len());
    for (index, change) in unit.changes.iter().enumerate() {
        let refuse = |reason| ChangeError::Refused { index, reason };
        if !seen.insert((&*change.kind, &*change.id)) {
            return Err(refuse(ChangeRefusal::Twice));
        }
        if &*change.kind == trail::KIND && trail::place(&change.id).is_some() {
            return Err(refuse(ChangeRefusal::TrailRecord));
        }
        if provenance::claim::is_own(&change.kind, &change.id) && unit.permit.action() != Action::Maintain {
            return Err(refuse(ChangeRefusal::OwnProvenance));
        }
        let before = entries.get(&(change.kind.clone(), change.id.clone()));
        let Ruling { outcome, version } =
            judge::judge(core, &unit.permit, change, before, &sight.hidden).map_err(refuse)?;
        if outcome == Outcome::Nothing {
            continue;
        }
        let document = match &change.operation {
            Operation::Delete { .. } => None,
            Operation::Create { body } | Operation::Update { body, .. } => {
                let body = match merged.of(number, index) {
                    None => body,
                    Some(Ok(whole)) => whole,
                    Some(Err(_)) => return Err(refuse(ChangeRefusal::Withheld)),
                };
                let document = Document::parse(body);
                Some(document.map_err(|_| StoreError::Invariant("a change carries text that is not JSON"))?)
            }
        };
        // Before anything is said of the patient: what the scopes do not reach is refused alike, whether it is there or not.
        if !sight.is_within_scopes(core, unit.permit.predicate(), change, document.as_ref()) {
            return Err(refuse(ChangeRefusal::BeyondScopes));
        }
        if let Some(document) = &document {
            if &*change.kind == trail::KIND && trail::is_claimed(document.root()) {
                return Err(refuse(ChangeRefusal::TrailSource));
            }
            if &*change.kind == provenance::KIND
                && unit.permit.action() != Action::Maintain
                && provenance::claim::is_claimed(document.root())
            {
                return Err(refuse(ChangeRefusal::ProvenanceSource));
            }
            let facts = Facts::of(&change.kind, &change.id, document.root(), &core.bases());
            if !unit.permit.predicate().admits(facts.patient.as_deref()) {
                return Err(refuse(ChangeRefusal::Forbidden));
            }
            // Whoever wrote about a patient that is hidden would see from what becomes of it that there is one.
            if &*change.kind != "Patient"
                && facts.patient.as_ref().is_some_and(|patient| sight.unseen.contains(patient))
            {
                return Err(refuse(ChangeRefusal::UnseenPatient));
            }
        }
        if !sight.permits(
            core,
            (unit.permit.organization(), unit.permit.predicate()),
            change,
            before,
            document.as_ref(),
        ) {
            return Err(refuse(ChangeRefusal::Forbidden));
        }
        let note = match desk.as_mut().filter(|_| &*change.kind == desk::KIND) {
            Some(desk) => {
                let taken = desk.take(&change.id, document.as_ref().map(Document::root));
                taken.map_err(|problems| refuse(ChangeRefusal::SearchParameter(problems)))?
            }
            None => None,
        };
        steps.push(Step {
            unit: number,
            index,
            change,
            document,
            before: before.cloned(),
            rid: before.map_or(0, |entry| entry.rid),
            outcome,
            version,
            updated_ms,
            placed: Placed::Generic,
            kept: false,
            retraction: None,
            side: Side::default(),
            note,
        });
    }
    Ok(steps)
}
