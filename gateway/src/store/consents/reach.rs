//! Writes within scopes: what is written is among what the caller's scopes reach, before and after.
//!
//! What is there is asked in SQL, as in every plan. What it will be is asked of the resource itself: its values by the rows that
//! searches will find it by, and whose it is by everything that puts it into a patient's compartment. Whom somebody cares for, and
//! whose an encounter is, is asked before anything is written: no write widens its own reach.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use consent::scoped::{Condition, Deed, Scoped, Token, Types};
use consent::{OrganizationId, Predicate};
use mappers::json::Document;
use mappers::redaction::named_in;
use mappers::search::{Custom, compartment};

use super::predicate::{Span, scopes};
use crate::store::apply::Entries;
use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Facts;
use crate::store::index::{Index, Served};
use crate::store::types::{Change, Operation};

/// What the scopes of one set's caller reach, as far as the database tells.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Row ids of what the set touches, and the scopes do not let be changed: as if it were not there.
    pub(super) hidden: HashSet<i64>,
    /// By whom: the patients whom the set writes about and for whom they care.
    cared: BTreeMap<Condition, HashSet<Box<str>>>,
    /// What the set changes and is in the compartment of a patient besides whom the scopes do not reach, by type and id.
    shared: HashSet<(Box<str>, Box<str>)>,
    /// Whose the encounters are that the set names.
    encounters: HashMap<Box<str>, Option<Box<str>>>,
}

impl Reach {
    /// Of a set's changes, before any of them is made.
    pub(super) async fn of(
        core: &Core,
        connection: &mut Connection,
        unit: &Unit,
        entries: &Entries,
        scoped: &Scoped,
    ) -> Result<Self, DbError> {
        let organization = unit.permit.organization();
        let mut reach = Self::default();
        for deed in [Deed::Update, Deed::Delete] {
            // Of whole types the type has been asked.
            let changes =
                unit.changes.iter().filter(|change| deed_of(change) == deed && limits(scoped, change).is_some());
            let touched = changes.filter_map(|change| entries.get(&(change.kind.clone(), change.id.clone())));
            let touched: Vec<i64> = touched.map(|entry| entry.rid).collect();
            reach.hide(connection, scoped.to(deed), touched).await?;
        }
        let (mut patients, mut encounters, mut care) = (HashSet::new(), HashSet::new(), BTreeSet::new());
        let there = named_there(connection, unit, entries, scoped).await?;
        for (limits, named) in there.values() {
            care.extend(limits.iter().flatten().filter(|condition| matches!(condition, Condition::Care(_))));
            patients.extend(named.iter().cloned());
        }
        for change in &unit.changes {
            let limits = limits(scoped, change);
            if limits.is_none() && &*change.kind != "Encounter" {
                continue;
            }
            let Some(Ok(document)) = body(change).map(Document::parse) else { continue };
            let new = Written::of(core, change, &document);
            if &*change.kind == "Encounter" {
                reach.encounters.insert(change.id.clone(), new.patient.clone());
            }
            let Some(limits) = limits else { continue };
            care.extend(limits.iter().flatten().filter(|condition| matches!(condition, Condition::Care(_))));
            patients.extend(new.patients);
            encounters.extend(new.encounters);
        }
        encounters.retain(|id| !reach.encounters.contains_key(id));
        for condition in care {
            let cared = cared(connection, organization, condition, &patients).await?;
            reach.cared.insert(condition.clone(), cared);
        }
        for (of, (limits, named)) in &there {
            if !named.iter().all(|id| reach.reaches(limits, id)) {
                reach.shared.insert(of.clone());
            }
        }
        // Of one that Consents hide nothing is told: it is as if it were not there.
        let predicate = unit.permit.predicate().beyond_scopes();
        let engine = connection.engine();
        let mut query = Query::default();
        let number = query.arg(Arg::Int(organization.0));
        let visible = query.predicate(&predicate, ("d", &["Encounter"]), Span::Current, engine);
        let sql = format!(
            "select d.id, d.patient from {{keys}} {{join}} directory d on d.organization_id = {number} and d.type = 'Encounter' \
             and d.id = k.id and d.deleted = 0 where {visible}"
        );
        for row in by_ids(connection, &sql, query.args, &encounters).await? {
            if let Some(id) = row.text(0) {
                reach.encounters.insert(id.into(), row.text(1).map(Into::into));
            }
        }
        Ok(reach)
    }

    /// Of these patients it is not told whether somebody cares for them.
    pub(super) fn forget(&mut self, patients: &HashSet<Box<str>>) {
        self.cared.values_mut().for_each(|cared| cared.retain(|patient| !patients.contains(patient)));
    }

    /// Whether one of these conditions is about a patient.
    fn reaches(&self, limits: &[Vec<Condition>], patient: &str) -> bool {
        limits.iter().flatten().any(|condition| match condition {
            Condition::Patients(ids) => ids.iter().any(|id| **id == *patient),
            Condition::Care(_) => self.cared.get(condition).is_some_and(|cared| cared.contains(patient)),
            _ => false,
        })
    }

    /// Hides those of these rows that are not among the types.
    async fn hide(&mut self, connection: &mut Connection, types: &Types, touched: Vec<i64>) -> Result<(), DbError> {
        if touched.is_empty() {
            return Ok(());
        }
        let mut query = Query::default();
        let Some(within) = scopes::within(types, ("d", &[]), Span::Current, &mut query) else { return Ok(()) };
        let join = dialect::join_in_order(connection.engine());
        let sql = format!("select d.rid from {{keys}} {join} directory d on d.rid = k.rid where {within}");
        let keys: Vec<Arg<'_>> = touched.iter().copied().map(Arg::Int).collect();
        let rows = bulk::fetch_by_keys(connection, &sql, &query.args, &[("rid", BulkType::Int)], &keys).await?;
        let reached: HashSet<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
        self.hidden.extend(touched.into_iter().filter(|rid| !reached.contains(rid)));
        Ok(())
    }

    /// Whether what a change makes of a resource is among what the scopes reach. What it takes away was asked as it was there.
    pub(super) fn lets(
        &self,
        core: &Core,
        predicate: &Predicate,
        change: &Change,
        written: Option<&Document<'_>>,
    ) -> bool {
        let Predicate::Consents(asked) = predicate else { return true };
        let Some(scoped) = asked.scoped() else { return true };
        let Types::Only(types) = scoped.to(deed_of(change)) else { return true };
        let Some(alternatives) = types.get(&change.kind) else { return false };
        if self.shared.contains(&(change.kind.clone(), change.id.clone())) {
            return false;
        }
        let (false, Some(document)) = (alternatives.is_empty(), written) else { return true };
        let new = Written::of(core, change, document);
        alternatives.iter().any(|all| all.iter().all(|condition| self.holds(condition, &new)))
    }

    fn holds(&self, condition: &Condition, new: &Written) -> bool {
        let rows = new.index.rows();
        match condition {
            Condition::Token(Token { paths, system, code }) => rows.tokens.iter().any(|row| {
                paths.contains(&row.path)
                    && system.as_ref().is_none_or(|system| **system == *row.system)
                    && code.as_ref().is_none_or(|code| **code == *row.code)
            }),
            Condition::Text(text) => {
                let begins = |normal: &str| normal.starts_with(&*text.from);
                rows.strings.iter().any(|row| text.paths.contains(&row.path) && begins(&row.normal))
            }
            Condition::Time(time) => {
                let lies = |low, high| time.any.iter().any(|all| all.iter().all(|bound| bound.holds(low, high)));
                rows.dates.iter().any(|row| time.paths.contains(&row.path) && lies(row.low, row.high))
            }
            // Whoever acts for somebody else writes nothing: of what will be written nobody has said yet how sensitive it is.
            Condition::Without(_) => false,
            Condition::Patients(ids) => self.is_of(new, |patient| ids.iter().any(|id| **id == *patient)),
            Condition::Care(_) => {
                self.is_of(new, |patient| self.cared.get(condition).is_some_and(|cared| cared.contains(patient)))
            }
        }
    }

    /// Whether it is somebody's, nobody's besides, and in no encounter of another's: what is written there reaches what is read there.
    fn is_of(&self, new: &Written, is_reached: impl Fn(&str) -> bool) -> bool {
        let whose = |id: &str| self.encounters.get(id).and_then(Option::as_ref);
        new.patient.is_some()
            && new.patients.iter().all(|patient| is_reached(patient))
            && new.encounters.iter().all(|id| whose(id) == new.patient.as_ref())
    }
}

/// What a change will make of a resource.
struct Written {
    /// Whose it is.
    patient: Option<Box<str>>,
    /// All in whose compartment it is.
    patients: HashSet<Box<str>>,
    /// All encounters that it speaks of: those that it is in, and what one is a part of.
    encounters: HashSet<Box<str>>,
    index: Index,
}

impl Written {
    fn of(core: &Core, change: &Change, document: &Document<'_>) -> Self {
        let bases = core.bases();
        let facts = Facts::of(&change.kind, &change.id, document.root(), &bases);
        let served = Served { body: &[], custom: &Custom::default() };
        let index = Index::of(&change.kind, document.root(), served, &bases);
        let places = compartment::paths("Patient", &change.kind);
        let named = index.rows().references.iter();
        let named = named.filter(|row| row.target_type == "Patient" && places.contains(&row.path));
        let patients = named.map(|row| Box::from(&*row.target_id)).chain(facts.patient.clone()).collect();
        let named = named_in(document.root(), &bases).into_iter();
        let encounters =
            named.filter(|(kind, id)| *kind == "Encounter" && !id.is_empty()).map(|(_, id)| Box::from(&*id));
        let itself = |id: &str| &*change.kind == "Encounter" && *id == *change.id;
        let encounters = encounters.chain(facts.mark.encounter).filter(|id| !itself(id)).collect();
        Self { patient: facts.patient, patients, encounters, index }
    }
}

fn deed_of(change: &Change) -> Deed {
    match change.operation {
        Operation::Create { .. } => Deed::Create,
        Operation::Update { .. } => Deed::Update,
        Operation::Delete { .. } => Deed::Delete,
    }
}

fn body(change: &Change) -> Option<&[u8]> {
    match &change.operation {
        Operation::Create { body } | Operation::Update { body, .. } => Some(body),
        Operation::Delete { .. } => None,
    }
}

/// The limits of what a set changes and is there, and the patients in whose compartment it is; of what goes by patients alone.
type There<'s> = HashMap<(Box<str>, Box<str>), (&'s [Vec<Condition>], Vec<Box<str>>)>;

async fn named_there<'s>(
    connection: &mut Connection,
    unit: &Unit,
    entries: &Entries,
    scoped: &'s Scoped,
) -> Result<There<'s>, DbError> {
    let mut by_rid = HashMap::new();
    for change in &unit.changes {
        let of = (change.kind.clone(), change.id.clone());
        let goes_by_patients = |condition: &Condition| matches!(condition, Condition::Patients(_) | Condition::Care(_));
        // Of a patient's own record links to others' say no more than that.
        let limits = limits(scoped, change).filter(|_| &*change.kind != "Patient");
        let limits = limits.filter(|limits| limits.iter().flatten().any(goes_by_patients));
        if let (Some(limits), Some(entry)) = (limits, entries.get(&of)) {
            by_rid.insert(entry.rid, (of, limits));
        }
    }
    let mut there = There::new();
    if by_rid.is_empty() {
        return Ok(there);
    }
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select r.rid, r.path, r.target_id from {{keys}} {join} index_reference r on r.rid = k.rid \
         where r.target_type = 'Patient'"
    );
    let keys: Vec<Arg<'_>> = by_rid.keys().copied().map(Arg::Int).collect();
    for row in bulk::fetch_by_keys(connection, &sql, &[], &[("rid", BulkType::Int)], &keys).await? {
        let (Some(rid), Some(path), Some(patient)) = (row.int(0), row.int(1), row.text(2)) else { continue };
        let Some((of, limits)) = by_rid.get(&rid) else { continue };
        let places = compartment::paths("Patient", &of.0);
        if i32::try_from(path).is_ok_and(|path| places.contains(&path)) {
            there.entry(of.clone()).or_insert_with(|| (*limits, Vec::new())).1.push(patient.into());
        }
    }
    Ok(there)
}

/// What must hold of what is written, where that is not the whole type.
fn limits<'s>(scoped: &'s Scoped, change: &Change) -> Option<&'s [Vec<Condition>]> {
    let Types::Only(types) = scoped.to(deed_of(change)) else { return None };
    types.get(&change.kind).map(Vec::as_slice).filter(|alternatives| !alternatives.is_empty())
}

/// Those of these patients for whom somebody cares.
async fn cared(
    connection: &mut Connection,
    organization: OrganizationId,
    condition: &Condition,
    patients: &HashSet<Box<str>>,
) -> Result<HashSet<Box<str>>, DbError> {
    let types = Types::Only([("Patient".into(), vec![vec![condition.clone()]])].into());
    let mut query = Query::default();
    let number = query.arg(Arg::Int(organization.0));
    let within = scopes::within(&types, ("d", &["Patient"]), Span::Current, &mut query);
    let within = within.unwrap_or_else(|| "false".to_owned());
    let sql = format!(
        "select d.id from {{keys}} {{join}} directory d on d.organization_id = {number} and d.type = 'Patient' and d.id = k.id \
         and d.deleted = 0 where {within}"
    );
    let rows = by_ids(connection, &sql, query.args, patients).await?;
    Ok(rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect())
}

async fn by_ids(
    connection: &mut Connection,
    sql: &str,
    args: Vec<Arg<'_>>,
    ids: &HashSet<Box<str>>,
) -> Result<Vec<crate::store::connection::Row>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql.replace("{join}", dialect::join_in_order(connection.engine()));
    let keys: Vec<Arg<'_>> = ids.iter().map(|id| Arg::Text(id)).collect();
    bulk::fetch_by_keys(connection, &sql, &args, &[("id", BulkType::Text)], &keys).await
}
