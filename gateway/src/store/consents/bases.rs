//! What the audit trail says of what is written: whose it is, by which Consents was decided, and, where Consents are evaluated
//! but not applied, what they would have come to. One statement asks for the epochs of all patients of a transaction; more are
//! asked only about what more than the organization's default decides.

use std::collections::{BTreeSet, HashMap, HashSet};

use consent::{Asked, OrganizationId, Predicate};

use super::sight::made;
use super::{Sight, notice};
use crate::store::apply::Step;
use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::emit::Snapshot;
use crate::store::types::Basis;

/// The bases of steps that are about to be stored, in their order.
pub(crate) async fn bases(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
    steps: &[Step<'_>],
    snapshots: &[Snapshot],
) -> Result<Vec<Basis>, DbError> {
    let written: Vec<Written<'_>> =
        steps.iter().zip(snapshots).map(|(step, snapshot)| Written { step, snapshot }).collect();
    let epochs = epochs(connection, organization, &written).await?;
    let mut bases: Vec<Basis> = written.iter().map(|written| written.basis(&epochs)).collect();
    for (written, basis) in written.iter().zip(&mut bases) {
        let is_shown =
            written.step.document.is_some() && notice::is_owed(&units[written.step.unit].permit, basis.labels);
        basis.notice = is_shown.then(Box::default);
    }
    for (number, unit) in units.iter().enumerate() {
        let Some(predicate @ Predicate::Consents(asked)) = unit.permit.observed() else { continue };
        let is_open = |written: &Written<'_>| written.step.unit == number && written.is_open(asked, &epochs);
        let open: Vec<(usize, &Written<'_>)> =
            written.iter().enumerate().filter(|(_, written)| is_open(written)).collect();
        if open.is_empty() {
            continue;
        }
        let touched = open.iter().filter_map(|(_, written)| Some(written.step.before.as_ref()?.rid)).collect();
        let patients: HashSet<Box<str>> =
            open.iter().filter_map(|(_, written)| written.snapshot.facts.patient.clone()).collect();
        let is_there = |kind: &str, id: &str| {
            let own = |written: &&Written<'_>| &*written.step.change.kind == kind && &*written.step.change.id == id;
            written.iter().find(own).is_some_and(|written| written.step.before.is_some())
        };
        let made = made(unit, is_there);
        let sight = Sight::of(core, connection, organization, asked, touched, patients, &made).await?;
        for (place, written) in open {
            bases[place].would_deny = written.would_be_denied(core, (organization, predicate), &sight, &epochs);
        }
    }
    Ok(bases)
}

type Epochs = HashMap<Box<str>, i64>;

/// A step and what it comes to.
struct Written<'w> {
    step: &'w Step<'w>,
    snapshot: &'w Snapshot,
}

impl Written<'_> {
    fn basis(&self, epochs: &Epochs) -> Basis {
        let facts = &self.snapshot.facts;
        let epoch = facts.patient.as_ref().map(|patient| epochs.get(patient).copied().unwrap_or_default());
        Basis { patient: facts.patient.clone(), epoch, labels: facts.mark.labels.bits(), ..Basis::default() }
    }

    /// Whose it was, and whose it will be.
    fn patients(&self) -> impl Iterator<Item = &str> {
        let before = self.step.before.as_ref().and_then(|entry| entry.patient.as_deref());
        before.into_iter().chain(self.snapshot.facts.patient.as_deref())
    }

    /// Whether more than the organization's default would decide.
    fn is_open(&self, asked: &Asked, epochs: &Epochs) -> bool {
        let before = self.step.before.as_ref().map(|entry| entry.labels);
        // What is deleted says nothing any more.
        let after = self.step.document.as_ref().map(|_| self.snapshot.facts.mark.labels.bits());
        self.patients().any(|patient| epochs.contains_key(patient))
            || before.into_iter().chain(after).any(|labels| !asked.is_permitted_without_rules(labels))
    }

    fn would_be_denied(
        &self,
        core: &Core,
        predicate: (OrganizationId, &Predicate),
        sight: &Sight,
        epochs: &Epochs,
    ) -> bool {
        let Step { before, change, document, .. } = self.step;
        let is_hidden = before.as_ref().is_some_and(|entry| sight.hidden.contains(&entry.rid));
        let unseen = |patient: &str| epochs.contains_key(patient) && sight.unseen.contains(patient);
        let is_of_unseen = &*change.kind != "Patient" && self.snapshot.facts.patient.as_deref().is_some_and(unseen);
        is_hidden || is_of_unseen || !sight.permits(core, predicate, change, before.as_ref(), document.as_ref())
    }
}

/// The epochs of the Consents of all patients that are touched, as they are before anything is stored.
async fn epochs(
    connection: &mut Connection,
    organization: OrganizationId,
    written: &[Written<'_>],
) -> Result<Epochs, DbError> {
    let patients: BTreeSet<&str> = written.iter().flat_map(Written::patients).collect();
    if patients.is_empty() {
        return Ok(Epochs::new());
    }
    let sql = "select e.patient, e.epoch from {keys} join consent_epochs e on e.organization_id = $1 \
         and e.patient = k.patient";
    let keys: Vec<Arg<'_>> = patients.into_iter().map(Arg::Text).collect();
    let args = [Arg::Int(organization.0)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("patient", BulkType::Text)], &keys).await?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?.into(), row.int(1)?))).collect())
}
