//! Provenance of what is written: who, when, why, from where (<https://hl7.org/fhir/R4/provenance.html>), stored in the transaction
//! of what it tells of. Without a write there is none, and what is rolled back takes its Provenance along.
//!
//! There are two kinds. The gateway's own are made where `--provenance` asks for them: after US Core's profile, of one patient
//! and one kind of change each, at most [`MOST`] targets; they live in the generic store alone, so that no other program changes
//! them, and the store refuses whoever else would (`claim`). And a client's, of the header `X-Provenance`: its own words with the targets
//! filled in, an ordinary resource from then on.
//!
//! Whose data the targets are, so is the Provenance: one never tells of two patients. Who may see it is asked of its targets, too
//! (`consents::predicate`).

mod body;
pub(crate) mod claim;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use consent::{Action, OrganizationId, Permit};
use mappers::json::Document;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::clock::Ids;
use crate::store::Store;
use crate::store::apply::{self, Abort, Step, Verdict};
use crate::store::batch::Unit;
use crate::store::connection::{Connection, DbError};
use crate::store::consents::Sight;
use crate::store::core::Core;
use crate::store::custom::InForce;
use crate::store::derive::derive;
use crate::store::emit::{self, Side, Snapshot};
use crate::store::entry::Place;
use crate::store::error::ChangeRefusal;
use crate::store::types::{Attached, Basis, Change, Method, Operation, Outcome, Version};
use body::{Account, Source};

pub(crate) use claim::KIND;

/// The text of a client's own Provenance, as often as it is stored, in bytes.
const MOST_ATTACHED: usize = 4 << 20;
/// The most targets of one Provenance.
pub(crate) const MOST: usize = 200;

/// Whether Provenances are made, and what they need.
#[derive(Debug, Default)]
pub(crate) struct Keeping(OnceLock<Kept>);

#[derive(Debug)]
struct Kept {
    /// Ids of their own: how many are made must not show in those of other resources.
    ids: Arc<Ids>,
    /// The version of the organization's policy.
    policy: RwLock<Box<str>>,
}

impl Store {
    /// From now on everything that is written has a Provenance; `policy` is what it was permitted by.
    pub fn keep_provenance(&self, ids: Arc<Ids>, policy: &str) {
        // A second time in one process changes nothing.
        let _ = self.core().provenance.0.set(Kept { ids, policy: RwLock::new(policy.into()) });
    }

    /// What is written from now on is permitted by another version of the policy.
    pub(crate) fn policy_is_now(&self, policy: &str) {
        if let Some(kept) = self.core().provenance.0.get() {
            *kept.policy.write() = policy.into();
        }
    }
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Activity {
    /// It is there.
    Create,
    /// It is gone.
    Delete,
    /// It has a new version.
    Update,
}

/// A version that was written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    kind: Box<str>,
    id: Box<str>,
    version: i64,
    patient: Option<Box<str>>,
    activity: Activity,
}

impl Written {
    fn of(snapshot: &Snapshot, activity: Activity) -> Self {
        let Snapshot { kind, id, version, facts, .. } = snapshot;
        Self { kind: kind.clone(), id: id.clone(), version: *version, patient: facts.patient.clone(), activity }
    }

    /// `Type/id/_history/n`
    fn reference(&self) -> String {
        format!("{}/{}/_history/{}", self.kind, self.id, self.version)
    }
}

/// What a Provenance of a set tells of.
#[derive(Debug)]
pub(crate) struct Told {
    /// The set.
    unit: usize,
    /// One of its steps.
    step: usize,
}

/// A Provenance on its way.
struct Draft<T> {
    of: T,
    id: String,
    text: String,
    at_ms: i64,
}

/// A client's own on its way.
struct Client {
    /// A step that it tells of.
    step: usize,
    text: String,
    /// What it is itself.
    written: Written,
}

/// Adds the Provenances of what the steps come to. They come after the steps' own snapshots, in the order of what is returned.
pub(crate) async fn tell(
    core: &Core,
    connection: &mut Connection,
    units: &[&Unit],
    (steps, sights): (&[Step<'_>], &[Sight]),
    (snapshots, in_force): (&mut Vec<Snapshot>, &InForce),
) -> Result<Vec<Told>, Abort> {
    let mut drafts = Vec::new();
    for (number, (unit, sight)) in units.iter().zip(sights).enumerate() {
        let kept = core.provenance.0.get().filter(|_| unit.permit.action() != Action::Maintain);
        if kept.is_none() && unit.attached.is_none() {
            continue;
        }
        let of_unit = steps.iter().zip(snapshots.iter()).enumerate().filter(|(_, (step, _))| step.unit == number);
        let mut written: Vec<(usize, Written)> =
            of_unit.map(|(place, (step, snapshot))| (place, Written::of(snapshot, activity(step.outcome)))).collect();
        let Some(at_ms) = written.first().map(|(step, _)| steps[*step].updated_ms) else { continue };
        if let Some(attached) = &unit.attached {
            let clients = clients(core, unit, sight, attached, &written);
            let clients = clients.map_err(|reason| Abort::Refused { unit: number, index: 0, reason })?;
            for Client { step, text, written: one } in clients {
                drafts.push(Draft { of: Told { unit: number, step }, id: one.id.to_string(), text, at_ms });
                // It is something that was written, too.
                written.push((step, one));
            }
        }
        let Some(kept) = kept else { continue };
        for (part, group) in groups(&written, |written| Some(written.activity)).into_iter().enumerate() {
            let source = Source::of(unit.checkpoint.as_ref());
            let policy = kept.policy.read().clone();
            let account = account(&unit.permit, &group, at_ms, &policy, source);
            let of = Told { unit: number, step: group[0].0 };
            let id = part_of(unit.provenance_id(&kept.ids), part);
            drafts.push(Draft { of, id, text: account.text(), at_ms });
        }
    }
    add(core, connection, drafts, (snapshots, in_force)).await.map_err(Abort::Database)
}

async fn add<T>(
    core: &Core,
    connection: &mut Connection,
    drafts: Vec<Draft<T>>,
    (snapshots, in_force): (&mut Vec<Snapshot>, &InForce),
) -> Result<Vec<T>, DbError> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let rids = core.take_rids(connection, drafts.len()).await?;
    let mut told = Vec::with_capacity(drafts.len());
    for (Draft { of, id, text, at_ms }, rid) in drafts.into_iter().zip(rids) {
        snapshots.push(snapshot(core, in_force, (rid, &id), &text, at_ms)?);
        told.push(of);
    }
    Ok(told)
}

/// Hands the stored Provenances to what their sets answer; their bases are those of what they tell of.
pub(crate) fn hand_over(verdicts: &mut [Verdict], told: Vec<Told>, snapshots: Vec<Snapshot>, bases: &[Basis]) {
    for (Told { unit, step }, snapshot) in told.into_iter().zip(snapshots) {
        let Some(Verdict::Settled(Ok(changed))) = verdicts.get_mut(unit) else { continue };
        let Some(first) = changed.iter_mut().find(|changed| changed.outcome != Outcome::Nothing) else { continue };
        let labels = snapshot.facts.mark.labels.bits();
        let basis = bases.get(step).map(|basis| Basis { labels, ..basis.clone() });
        first.provenances.push(Version {
            kind: snapshot.kind,
            id: snapshot.id,
            version: snapshot.version,
            updated_ms: snapshot.updated_ms,
            method: snapshot.method,
            body: snapshot.body,
            basis: basis.unwrap_or_default(),
        });
    }
}

/// Notes versions that a settlement is about to store.
pub(crate) fn note(core: &Core, connection: &mut Connection, snapshots: &[Snapshot]) {
    if core.provenance.0.get().is_none() {
        return;
    }
    let written = snapshots.iter().map(|snapshot| {
        let activity = match snapshot.method {
            Method::Delete => Activity::Delete,
            Method::Post => Activity::Create,
            Method::Put => Activity::Update,
        };
        Written::of(snapshot, activity)
    });
    connection.has_settled(written);
}

/// Stores the Provenances of what a settlement has stored: another program did it, at some time before now.
pub(crate) async fn of_settlement(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<(), DbError> {
    let written: Vec<(usize, Written)> = connection.take_settled().into_iter().enumerate().collect();
    let Some(kept) = core.provenance.0.get().filter(|_| !written.is_empty()) else { return Ok(()) };
    let at_ms = core.clock.tick();
    let policy = kept.policy.read().clone();
    let accounts = groups(&written, |written| Some(written.activity)).into_iter().map(|group| {
        let account = Account {
            activity: group[0].1.activity,
            at_ms,
            organization,
            patient: group[0].1.patient.as_deref(),
            targets: group.iter().map(|(_, written)| written.reference()).collect(),
            permit: None,
            policy: &policy,
            source: Source::OtherProgram,
        };
        Draft { of: (), id: format!("{}{}", claim::PREFIX, kept.ids.next()), text: account.text(), at_ms }
    });
    let (mut snapshots, in_force) = (Vec::new(), core.registry.in_force(organization));
    add(core, connection, accounts.collect(), (&mut snapshots, &in_force)).await?;
    emit::emit(core, connection, organization, &mut snapshots).await
}

/// What belongs together: one patient's, changed in one way, and no more than there may be.
fn groups<K: Copy + Ord>(written: &[(usize, Written)], by: impl Fn(&Written) -> K) -> Vec<Vec<&(usize, Written)>> {
    let mut groups: BTreeMap<(usize, K), Vec<&(usize, Written)>> = BTreeMap::new();
    let mut patients: Vec<Option<&str>> = Vec::new();
    let mut places: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for one in written {
        let patient = one.1.patient.as_deref();
        // In the order in which they come, so that equal sets make equal Provenances.
        let place = *places.entry(patient).or_insert_with(|| {
            patients.push(patient);
            patients.len()
        });
        groups.entry((place, by(&one.1))).or_default().push(one);
    }
    groups.into_values().flat_map(|group| group.chunks(MOST).map(<[_]>::to_vec).collect::<Vec<_>>()).collect()
}

fn activity(outcome: Outcome) -> Activity {
    match outcome {
        Outcome::Created => Activity::Create,
        Outcome::Deleted => Activity::Delete,
        Outcome::Nothing | Outcome::Updated => Activity::Update,
    }
}

/// The id of a set's Provenance, where there may be several. That there are others, which a caller may not see, none tells: all look
/// alike. An id of ours ends in twelve digits of chance, and those are others.
fn part_of(base: &str, part: usize) -> String {
    if part == 0 {
        return base.to_owned();
    }
    let digest = Sha256::digest(format!("{base} {part}"));
    let digits: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let own = base.len().checked_sub(digits.len()).and_then(|at| base.split_at_checked(at));
    match own.filter(|(_, last)| last.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some((own, _)) => format!("{own}{digits}"),
        None => format!("{base}-{digits}"),
    }
}

fn account<'a>(
    permit: &'a Permit,
    group: &[&'a (usize, Written)],
    at_ms: i64,
    policy: &'a str,
    source: Source<'a>,
) -> Account<'a> {
    Account {
        activity: group[0].1.activity,
        at_ms,
        organization: permit.organization(),
        patient: group[0].1.patient.as_deref(),
        targets: group.iter().map(|(_, written)| written.reference()).collect(),
        permit: Some(permit),
        policy,
        source,
    }
}

/// The client's own, with their targets. Whoever may write what they are about may not yet write a Provenance about it.
fn clients(
    core: &Core,
    unit: &Unit,
    sight: &Sight,
    attached: &Attached,
    written: &[(usize, Written)],
) -> Result<Vec<Client>, ChangeRefusal> {
    let mut clients = Vec::new();
    let groups = groups(written, |_| ());
    if groups.len().saturating_mul(attached.text.len()) > MOST_ATTACHED {
        return Err(ChangeRefusal::ProvenanceTooOften(groups.len()));
    }
    for (part, group) in groups.into_iter().enumerate() {
        let (id, patient) = (part_of(&attached.id, part), group[0].1.patient.clone());
        let targets: Vec<String> = group.iter().map(|(_, written)| written.reference()).collect();
        let text = body::completed(&attached.text, &targets, patient.as_deref()).ok_or(ChangeRefusal::Forbidden)?;
        let operation = Operation::Create { body: Bytes::from(text.clone().into_bytes()) };
        let change = Change { kind: KIND.into(), id: id.clone().into(), operation };
        let permitted = Document::parse(text.as_bytes()).is_ok_and(|document| {
            let predicate = unit.permit.predicate();
            sight.is_within_scopes(core, predicate, &change, Some(&document))
                && sight.permits(core, (unit.permit.organization(), predicate), &change, None, Some(&document))
        });
        if !permitted {
            return Err(ChangeRefusal::Forbidden);
        }
        let activity = Activity::Create;
        let written = Written { kind: KIND.into(), id: id.into(), version: 1, patient, activity };
        clients.push(Client { step: group[0].0, text, written });
    }
    Ok(clients)
}

fn snapshot(
    core: &Core,
    in_force: &InForce,
    (rid, id): (i64, &str),
    text: &str,
    at_ms: i64,
) -> Result<Snapshot, DbError> {
    let document = Document::parse(text.as_bytes()).map_err(|_| DbError::fault("a Provenance is not JSON"))?;
    let body = apply::render(&document, id, 1, at_ms);
    let (facts, index) = derive(core, in_force, (KIND, id), document.root(), &body);
    Ok(Snapshot {
        rid,
        fresh: true,
        kind: KIND.into(),
        id: id.into(),
        place: Place::Generic,
        version: 1,
        updated_ms: at_ms,
        method: Method::Post,
        body,
        facts,
        index,
        side: Side::default(),
    })
}

impl Unit {
    /// The id of the first of its Provenances: one for all tries.
    fn provenance_id(&self, ids: &Ids) -> &str {
        self.provenance.get_or_init(|| format!("{}{}", claim::PREFIX, ids.next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(id: usize, patient: Option<&str>, activity: Activity) -> (usize, Written) {
        let patient = patient.map(Box::from);
        (id, Written { kind: "Observation".into(), id: id.to_string().into(), version: 1, patient, activity })
    }

    #[test]
    fn one_provenance_is_of_one_patient_and_one_kind_of_change_and_bounded() {
        let all = [
            written(0, Some("b"), Activity::Update),
            written(1, None, Activity::Create),
            written(2, Some("a"), Activity::Create),
            written(3, Some("b"), Activity::Create),
            written(4, Some("b"), Activity::Update),
        ];
        let told = |groups: Vec<Vec<&(usize, Written)>>| -> Vec<Vec<usize>> {
            groups.into_iter().map(|group| group.into_iter().map(|one| one.0).collect()).collect()
        };
        assert_eq!(told(groups(&all, |written| Some(written.activity))), [vec![3], vec![0, 4], vec![1], vec![2]]);
        assert_eq!(told(groups(&all, |_| ())), [vec![0, 3, 4], vec![1], vec![2]]);
        let many: Vec<_> = (0..2 * MOST + 1).map(|id| written(id, Some("a"), Activity::Create)).collect();
        let sizes: Vec<usize> = groups(&many, |_| 0).iter().map(Vec::len).collect();
        assert_eq!(sizes, [MOST, MOST, 1]);
    }
}
