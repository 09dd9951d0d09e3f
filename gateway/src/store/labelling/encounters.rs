//! What encounters pass on: notes have the highest labels of what was written in their encounter, whichever came first.
//!
//! `encounter_labels` has the high-water mark of each encounter. A transaction with notes, or with something that raises a
//! mark, looks at the marks of its encounters in one statement, which also holds them: of two transactions that work on one
//! encounter, the second sees what the first has done (or, in a snapshot of its own, collides with it and is tried again).
//! Marks are never lowered; they are computed anew where all is labelled anew.

use std::collections::{BTreeMap, HashMap};

use consent::OrganizationId;
use consent::labelling::Labelling;
use consent::labels::Labels;

use super::Mark;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::dialect;

const LOOK: &str = "insert into encounter_labels (organization_id, encounter, labels, looked) \
     select cast($1 as bigint), k.encounter, k.labels, 1 from {keys} where k.encounter is not null order by k.encounter \
     on conflict (organization_id, encounter) do update set \
     labels = encounter_labels.labels | excluded.labels, looked = encounter_labels.looked + 1 \
     returning encounter, labels, looked";

/// Gives the notes among these resources the labels of their encounters, and those stored before what is new in theirs.
pub(crate) async fn pass_on(
    connection: &mut Connection,
    organization: OrganizationId,
    mut marks: Vec<&mut Mark>,
) -> Result<(), DbError> {
    // What is added to the marks of the encounters that are looked at.
    let mut changes: BTreeMap<Box<str>, Labels> = BTreeMap::new();
    for mark in &marks {
        let (Some(encounter), raised) = (&mark.encounter, mark.raises()) else { continue };
        if mark.hears || !raised.is_empty() {
            let added = changes.entry(encounter.clone()).or_default();
            *added = *added | raised;
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    let keys: Vec<Arg<'_>> =
        changes.iter().flat_map(|(encounter, added)| [Arg::Text(encounter), Arg::Int(added.bits())]).collect();
    let (args, columns) = ([Arg::Int(organization.0)], [("encounter", BulkType::Text), ("labels", BulkType::Int)]);
    let rows = bulk::fetch_by_keys(connection, LOOK, &args, &columns, &keys).await?;
    let found = rows.iter().filter_map(|row| Some((row.text(0)?, (Labels::from_bits(row.int(1)?), row.int(2)?))));
    let found: HashMap<&str, (Labels, i64)> = found.collect();
    for mark in marks.iter_mut().filter(|mark| mark.hears && !mark.labels.is_empty()) {
        let of = mark.encounter.as_deref().and_then(|encounter| found.get(encounter));
        mark.labels = Labelling::heard(mark.labels, of.map(|(of, _)| *of).unwrap_or_default());
    }
    let raised = changes.iter().filter(|(_, added)| !added.is_empty());
    let raised = raised.filter_map(|(encounter, _)| Some((&**encounter, *found.get(&**encounter)?)));
    // Where nobody has looked before there is no note.
    let raised = raised.filter(|(_, (_, looked))| *looked > 1);
    let raised: Vec<Arg<'_>> = raised.flat_map(|(encounter, (mark, _))| raise_by(encounter, mark)).collect();
    if !raised.is_empty() {
        let columns = [("encounter", BulkType::Text), ("labels", BulkType::Int), ("gone", BulkType::Int)];
        let raise = raise(connection.engine());
        bulk::execute_by_keys(connection, &raise, &args, &columns, &raised).await?;
    }
    Ok(())
}

fn raise_by(encounter: &str, mark: Labels) -> [Arg<'_>; 3] {
    // What a note gets beside its own.
    let added = Labelling::heard(Labels::NORMAL, mark).bits() & !Labels::NORMAL.bits();
    let gone = if mark.meets(Labels::NORMAL) { Labels::UNCLASSIFIED.bits() } else { 0 };
    [Arg::Text(encounter), Arg::Int(added), Arg::Int(gone)]
}

/// Raises the notes that are there, as [`Labelling::heard`] does: of the levels the highest stays.
fn raise(engine: Engine) -> String {
    const LEVELS: i64 = 0b11_1111;
    let (high, highest) = (Labels::RESTRICTED.bits(), Labels::VERY_RESTRICTED.bits());
    let all = "((directory.labels & ~note.gone) | note.labels)";
    let labels = format!(
        "({all} & ~{LEVELS}) | (case when {all} & {highest} <> 0 then {highest} when {all} & {high} <> 0 then {high} \
         else {all} & {LEVELS} end)"
    );
    let condition = "d.organization_id = $1 and d.hears = 1 and d.encounter = k.encounter";
    let notes = dialect::each_looked_up(engine, "directory d", "rid", condition);
    format!(
        "update directory set labels = {labels}, labels_ever = directory.labels_ever | ({labels}) \
         from (select d.rid, k.labels, k.gone from {{keys}} {notes}) note \
         where directory.organization_id = $1 and directory.rid = note.rid \
         and directory.labels <> 0 and directory.labels <> ({labels})"
    )
}

impl Mark {
    /// What it adds to its encounter's mark.
    fn raises(&self) -> Labels {
        let passed = Labelling::passed_on(self.labels);
        // A psychotherapy note is kept apart from the other notes of its encounter (45 CFR 164.501).
        let apart = if self.hears { Labels::PSYCHOTHERAPY.bits() } else { 0 };
        let passed = Labels::from_bits(passed.bits() & !apart);
        if self.tells { passed | Labels::NORMAL } else { passed }
    }
}
