//! What the caller of a write sees, and may change, of what it touches: nothing that comes of a write tells of what is hidden.

use std::collections::{BTreeMap, HashSet};

use consent::{Asked, Directive, Found, Glass, Labels, OrganizationId, Predicate, in_force, weigh};
use mappers::json::Document;

use super::predicate::Span;
use super::reach::Reach;
use super::{directives, glass};
use crate::store::apply::Entries;
use crate::store::basis;
use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Facts;
use crate::store::entry::Entry;
use crate::store::normalizing;
use crate::store::types::{Change, Operation};

/// What says who may see a record: who is bound by it has no say in it (F10).
const AUTHORITY: [&str; 2] = ["Consent", "RelatedPerson"];
/// The type of what patients are told by.
const NOTICE: &str = "Communication";

/// What Consents hide from the caller of one set.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Row ids of what it touches.
    pub(crate) hidden: HashSet<i64>,
    /// Patients whom it writes about and whom the caller does not see, whether they are there or not.
    pub(crate) unseen: HashSet<Box<str>>,
    /// Row ids of what it touches and the caller sees, but may not change.
    fixed: HashSet<i64>,
    /// Row ids of what the caller may change for a broken glass alone, or for what law lifts in an emergency.
    lifted: HashSet<i64>,
    /// What is in force for the patients whom it writes about.
    in_force: BTreeMap<Box<str>, Vec<Directive>>,
    /// Glasses that are broken over them.
    glasses: Vec<Glass>,
    /// What the caller's scopes reach.
    reach: Reach,
}

/// What Consents hide from the caller of each set. Nothing is asked where they are not applied.
pub(crate) async fn sights(
    core: &Core,
    connection: &mut Connection,
    units: &[&Unit],
    entries: &Entries,
) -> Result<Vec<Sight>, DbError> {
    let mut sights = Vec::with_capacity(units.len());
    for unit in units {
        // What may be changed by scopes, is asked of each change; what is known of the rest is not theirs to say.
        let reach = match unit.permit.predicate() {
            Predicate::Consents(asked) => match asked.scoped() {
                Some(scoped) => Reach::of(core, connection, unit, entries, scoped).await?,
                None => Reach::default(),
            },
            _ => Reach::default(),
        };
        let predicate = unit.permit.predicate().beyond_scopes();
        let Predicate::Consents(asked) = &*predicate else {
            sights.push(Sight::default());
            continue;
        };
        let touched = unit.changes.iter();
        let touched = touched.filter_map(|change| entries.get(&(change.kind.clone(), change.id.clone())));
        let touched = touched.map(|entry| entry.rid).collect();
        let organization = unit.permit.organization();
        let mut about = patients(core, unit);
        if unit.attached.is_some() {
            // A client's own Provenance is about what is deleted, too.
            let touched =
                unit.changes.iter().filter_map(|change| entries.get(&(change.kind.clone(), change.id.clone())));
            about.extend(touched.filter_map(|entry| entry.patient.clone()));
        }
        let made = made(unit, |kind, id| entries.contains_key(&(kind.into(), id.into())));
        let mut sight = Sight::of(core, connection, organization, asked, touched, about, &made).await?;
        let letters = unit.changes.iter().filter(|change| &*change.kind == NOTICE);
        let letters = letters.filter_map(|change| entries.get(&(change.kind.clone(), change.id.clone())));
        sight.keep_notices(connection, asked, letters.map(|entry| entry.rid).collect()).await?;
        sight.hidden.extend(&reach.hidden);
        sight.reach = reach;
        // Whether somebody cares for a patient who is hidden is not told either.
        sight.reach.forget(&sight.unseen);
        sights.push(sight);
    }
    Ok(sights)
}

/// The patients that a set makes: nobody could see them before, so nobody has to. Of all others what is there counts, whatever else
/// the set says of them.
pub(super) fn made(unit: &Unit, is_there: impl Fn(&str, &str) -> bool) -> HashSet<Box<str>> {
    let changes = unit.changes.iter().filter(|change| &*change.kind == "Patient");
    let new = changes.filter(|change| matches!(change.operation, Operation::Create { .. }));
    new.filter(|change| !is_there(&change.kind, &change.id)).map(|change| change.id.clone()).collect()
}

/// Whom a set writes about.
fn patients(core: &Core, unit: &Unit) -> HashSet<Box<str>> {
    let bases = core.bases();
    let mut patients: HashSet<Box<str>> = HashSet::new();
    for change in &unit.changes {
        let (Operation::Create { body } | Operation::Update { body, .. }) = &change.operation else { continue };
        if let Ok(document) = Document::parse(body) {
            patients.extend(Facts::of(&change.kind, &change.id, document.root(), &bases).patient);
        }
    }
    patients
}

impl Sight {
    /// Of rows that are touched and patients who are written about, some of whom are made by the same set.
    pub(super) async fn of(
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        asked: &Asked,
        touched: HashSet<i64>,
        mut patients: HashSet<Box<str>>,
        made: &HashSet<Box<str>>,
    ) -> Result<Self, DbError> {
        let about = patients.iter().cloned().collect();
        patients.retain(|patient| !made.contains(patient));
        let known = directives(core, connection, organization, &about).await?;
        let in_force = known.into_iter().map(|(patient, directives)| {
            let mut directives = in_force(directives);
            directives.iter_mut().for_each(Directive::of_writes);
            (patient, directives)
        });
        let in_force = in_force.collect();
        let glasses = glass::of_patients(connection, organization, asked, &about).await?;
        let mut sight = Self { hidden: touched, unseen: patients, in_force, glasses, ..Self::default() };
        sight.look(connection, organization, asked).await?;
        Ok(sight)
    }

    /// Takes out what the caller sees.
    async fn look(
        &mut self,
        connection: &mut Connection,
        organization: OrganizationId,
        asked: &Asked,
    ) -> Result<(), DbError> {
        let predicate = Predicate::Consents(Box::new(asked.clone()));
        if !self.hidden.is_empty() {
            let seen = seen(connection, &predicate, &self.hidden).await?;
            self.hidden.retain(|rid| !seen.contains(rid));
            if !seen.is_empty() {
                let changing = asked.with_action("correct");
                let free = self::seen(connection, &Predicate::Consents(Box::new(changing.clone())), &seen).await?;
                self.fixed = seen.into_iter().filter(|rid| !free.contains(rid)).collect();
                if asked.has_exceptions() && !free.is_empty() {
                    let without = Predicate::Consents(Box::new(changing.without_exceptions()));
                    let plain = self::seen(connection, &without, &free).await?;
                    self.lifted = free.into_iter().filter(|rid| !plain.contains(rid)).collect();
                }
            }
        }
        if !self.unseen.is_empty() {
            let mut query = Query::default();
            let organization = query.arg(Arg::Int(organization.0));
            let engine = connection.engine();
            let visible = query.predicate(&predicate, ("d", &["Patient"]), Span::Current, engine);
            let ids: Vec<Arg<'_>> = self.unseen.iter().map(|id| Arg::Text(id)).collect();
            let is_there = format!("d.organization_id = {organization} and d.type = 'Patient' and d.deleted = 0");
            let seen = if let [id] = ids[..] {
                // For one that is named PostgreSQL keeps a plan; for a list of one it would make one every time.
                let id = query.arg(id);
                let sql = format!("select d.id from directory d where {is_there} and d.id = {id} and {visible}");
                connection.fetch(&sql, &query.args).await?
            } else {
                let join = dialect::join_in_order(connection.engine());
                let sql = format!(
                    "select d.id from {{keys}} {join} directory d on {is_there} and d.id = k.id where {visible}"
                );
                bulk::fetch_by_keys(connection, &sql, &query.args, &[("id", BulkType::Text)], &ids).await?
            };
            let seen: HashSet<Box<str>> = seen.iter().filter_map(|row| row.text(0).map(Box::from)).collect();
            self.unseen.retain(|id| !seen.contains(id));
        }
        Ok(())
    }

    /// What tells patients that the glass was broken is nobody's to change but the privacy officer's.
    async fn keep_notices(
        &mut self,
        connection: &mut Connection,
        asked: &Asked,
        letters: Vec<i64>,
    ) -> Result<(), DbError> {
        if letters.is_empty() || asked.governs(None) {
            return Ok(());
        }
        let sql = "select d.rid from {keys} join directory d on d.rid = k.rid \
             join notifications n on n.organization_id = d.organization_id and n.type = d.type and n.resource = d.id";
        let keys: Vec<Arg<'_>> = letters.into_iter().map(Arg::Int).collect();
        let rows = bulk::fetch_by_keys(connection, sql, &[], &[("rid", BulkType::Int)], &keys).await?;
        self.fixed.extend(rows.iter().filter_map(|row| row.int(0)));
        Ok(())
    }

    /// Whether what a change makes of a resource is within the caller's scopes.
    pub(crate) fn is_within_scopes(
        &self,
        core: &Core,
        predicate: &Predicate,
        change: &Change,
        written: Option<&Document<'_>>,
    ) -> bool {
        self.reach.lets(core, predicate, change, written)
    }

    /// Whether a change is one that Consents leave to the caller (C5): of what is there, and to what it will be. What is hidden
    /// has been ruled on before.
    pub(crate) fn permits(
        &self,
        core: &Core,
        (organization, predicate): (OrganizationId, &Predicate),
        change: &Change,
        before: Option<&Entry>,
        written: Option<&Document<'_>>,
    ) -> bool {
        let Predicate::Consents(asked) = predicate else { return true };
        if before.is_some_and(|entry| self.fixed.contains(&entry.rid)) {
            return false;
        }
        let was = before.and_then(|entry| entry.patient.as_deref());
        let is_authority = AUTHORITY.contains(&&*change.kind);
        if is_authority && before.is_some() && !asked.governs(was) {
            return false;
        }
        let is_lifted = before.is_some_and(|entry| self.lifted.contains(&entry.rid));
        // A glass is broken to look and to write down, for a time: nothing is removed by it.
        let Some(resource) = written.map(Document::root) else { return !is_lifted };
        let bases = core.bases();
        let facts = Facts::of(&change.kind, &change.id, resource, &bases);
        // It is decided by what its codes mean, too, as it will be when it is read.
        let told = normalizing::whole(core, organization, &change.kind, resource.raw());
        let told = told.as_deref().and_then(|text| Document::parse(text.as_bytes()).ok());
        let resource = told.as_ref().map_or(resource, Document::root);
        let facts = facts.labelled(core, &change.kind, resource);
        let will_be = facts.patient.as_deref();
        if is_authority && !asked.governs(will_be) {
            return false;
        }
        if is_lifted {
            let sensitive = before.map_or(0, |entry| entry.labels & Labels::SENSITIVE.bits());
            let is_less = sensitive & !facts.mark.labels.bits() != 0;
            if &*change.kind == "Patient" || was != will_be || is_less {
                return false;
            }
        }
        let Some(in_force) = facts.patient.as_ref().and_then(|patient| self.in_force.get(patient)) else { return true };
        let action = if before.is_some() { "correct" } else { "collect" };
        let found = Found::of(resource, facts.mark.labels).at_home(&bases).named(&change.id);
        let asking = asked.with_action(action).about(facts.patient.as_deref(), &self.glasses);
        weigh(&asking, in_force, &found.facts(), asked.default()).without_statute().verdict().permit
    }
}

/// Which of these rows a predicate shows.
async fn seen(
    connection: &mut Connection,
    predicate: &Predicate,
    rids: &HashSet<i64>,
) -> Result<HashSet<i64>, DbError> {
    let rids: Vec<i64> = rids.iter().copied().collect();
    Ok(basis::shown(connection, predicate, Span::Current, &rids).await?.into_iter().collect())
}
