//! What is shown, without what it says of what is not shown (F11): a resource that may be seen names others that may not, and says
//! something of them beside.
//!
//! A resource that is hidden and one that is not there are treated alike, or what is left would tell them apart.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use consent::{NOBODYS, OrganizationId, Permit, Predicate};
use mappers::json::{Document, Element};
use mappers::redaction::{Lost, Redaction, is_redacted, is_silent, spoken_of};
use mappers::references::Bases;

use super::predicate::Span;
use super::{Sight, notice};
use crate::store::apply::Entries;
use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::entry::Entry;
use crate::store::types::{Operation, Version};

/// A resource: type and id.
type Key = (Box<str>, Box<str>);

/// Of so many resources that one speaks of is asked whether they are shown; where it speaks of more, they count as hidden.
const MOST: usize = 5000;
/// Keys that PostgreSQL expects of an array that it does not know.
const EXPECTED: usize = 10;

/// Whether a permit may hide what this resource speaks of: then it is not shown as it is.
pub(crate) fn may_redact(core: &Core, permit: &Permit, body: &[u8]) -> bool {
    matches!(permit.predicate(), Predicate::Consents(_)) && !spoken(core, body).is_ok_and(|spoken| spoken.is_empty())
}

/// A resource without what it says of anything that Consents can hide, which is what an organization's own search parameters look
/// at: no search tells somebody what is not shown. `None` where it says nothing of the kind.
pub(crate) fn unspoken(resource: Element<'_>, bases: &Bases) -> Option<Vec<u8>> {
    Redaction::new(bases, &|kind, _| !is_nobodys(kind)).without(resource)
}

/// Takes from versions that are about to be shown what they say of resources that the permit does not show, in the snapshot that
/// they were read in.
pub(crate) async fn redact(
    core: &Core,
    permit: &Permit,
    connection: &mut Connection,
    versions: &mut [&mut Version],
) -> Result<(), DbError> {
    let predicate = &*permit.predicate().of_what_is_spoken_of();
    if !matches!(predicate, Predicate::Consents(_)) {
        return Ok(());
    }
    let of_each: Vec<Vec<Key>> =
        versions.iter().map(|version| spoken(core, &version.body)).collect::<Result<_, _>>()?;
    let asked: HashSet<Key> = of_each.iter().flat_map(|spoken| asked_about(spoken)).collect();
    let seen = seen(connection, permit.organization(), predicate, &asked).await?;
    let bases = core.bases();
    for (version, spoken) in versions.iter_mut().zip(&of_each) {
        if spoken.iter().all(|key| seen.contains(key)) {
            continue;
        }
        let hides = |kind: &str, id: &str| is_hidden(kind, id, &seen);
        let document = Document::parse(&version.body).map_err(|_| unreadable())?;
        if let Some(cut) = Redaction::new(&bases, &hides).cut(document.root()) {
            version.body = cut.into();
        }
    }
    Ok(())
}

/// Changes of sets by callers who were not shown all of what they change, as they will be stored: by set and change.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    changes: HashMap<(usize, usize), Result<Bytes, Lost>>,
    /// What is stored without something that its writer was shown and is nobody's words.
    plain: HashMap<(usize, usize), Result<Bytes, Lost>>,
}

impl Merged {
    /// What takes the place of what was given; `None` where that stands as it is.
    pub(crate) fn of(&self, unit: usize, index: usize) -> Option<&Result<Bytes, Lost>> {
        self.plain.get(&(unit, index)).or_else(|| self.changes.get(&(unit, index)))
    }

    /// Whether the caller was not shown all that is stored.
    pub(crate) fn withholds(&self, unit: usize, index: usize) -> bool {
        self.changes.contains_key(&(unit, index))
    }

    /// This, which is what was given without something of ours, takes its place.
    pub(crate) fn put(&mut self, unit: usize, index: usize, body: Bytes) {
        self.plain.insert((unit, index), Ok(body));
    }
}

/// Puts back what the callers of sets were not shown of the resources that they replace.
pub(crate) async fn merge(
    core: &Core,
    connection: &mut Connection,
    units: &[&Unit],
    entries: &Entries,
    sights: &[Sight],
) -> Result<Merged, DbError> {
    let mut merged = Merged::default();
    for (number, (unit, sight)) in units.iter().zip(sights).enumerate() {
        if !matches!(unit.permit.predicate(), Predicate::Consents(_)) {
            continue;
        }
        let replaced = unit.changes.iter().enumerate().filter_map(|(index, change)| {
            let Operation::Update { body, .. } = &change.operation else { return None };
            let entry = entries.get(&(change.kind.clone(), change.id.clone()))?;
            (!sight.hidden.contains(&entry.rid)).then_some((index, entry, body))
        });
        let replaced: Vec<(usize, &Entry, &Bytes)> = replaced.collect();
        if replaced.is_empty() {
            continue;
        }
        let kept = bodies(connection, replaced.iter().map(|(_, entry, _)| entry.rid)).await?;
        let kept = |rid: i64| kept.get(&rid).map(|body| body.as_bytes());
        let mut asked = HashSet::new();
        for kept in replaced.iter().filter_map(|(_, entry, _)| kept(entry.rid)) {
            asked.extend(asked_about(&spoken(core, kept)?));
        }
        let predicate = unit.permit.predicate().of_what_is_spoken_of();
        let seen = seen(connection, unit.permit.organization(), &predicate, &asked).await?;
        let hides = |kind: &str, id: &str| is_hidden(kind, id, &seen);
        // What is read while something was hidden, or not there, may be written when it is seen: the mark tells.
        let hides_all = |kind: &str, _: &str| !is_nobodys(kind);
        let bases = core.bases();
        for (index, entry, given) in replaced {
            // What was deleted has nothing to put back.
            let Some(kept) = kept(entry.rid) else { continue };
            let kept = Document::parse(kept).map_err(|_| unreadable())?;
            let Ok(document) = Document::parse(given) else { continue };
            let is_labelled = entry.labels == 0 || notice::is_owed(&unit.permit, entry.labels);
            let plain = if is_labelled { notice::without_label(kept.root(), document.root()) } else { None };
            let plain = plain.map_or_else(|| given.clone(), Bytes::from);
            let Ok(document) = Document::parse(&plain) else { continue };
            let is_of_redacted = is_redacted(document.root()) && !is_redacted(kept.root());
            let hides: &dyn Fn(&str, &str) -> bool = if is_of_redacted { &hides_all } else { &hides };
            let restored = Redaction::new(&bases, hides).restore(kept.root(), document.root());
            let whole = restored.map(|restored| restored.map_or_else(|| plain.clone(), Bytes::from));
            if whole.as_ref() != Ok(given) {
                merged.changes.insert((number, index), whole);
            }
        }
    }
    Ok(merged)
}

/// The current bodies of these rows.
async fn bodies(
    connection: &mut Connection,
    rids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Box<str>>, DbError> {
    let keys: Vec<Arg<'_>> = rids.map(Arg::Int).collect();
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select d.rid, v.body from {{keys}} {join} directory d on d.rid = k.rid \
         {join} resource_versions v on v.rid = d.rid and v.version = d.version where d.deleted = 0"
    );
    let rows = bulk::fetch_by_keys(connection, &sql, &[], &[("rid", BulkType::Int)], &keys).await?;
    Ok(rows.iter().filter_map(|row| Some((row.int(0)?, row.text(1)?.into()))).collect())
}

/// What a resource says something of, and Consents can hide; nothing of one that was deleted, which has no text.
///
/// # Errors
/// The text cannot be read: nobody can tell what it says, and nobody is shown it.
fn spoken(core: &Core, body: &[u8]) -> Result<Vec<Key>, DbError> {
    if body.is_empty() || is_silent(body) {
        return Ok(Vec::new());
    }
    let document = Document::parse(body).map_err(|_| unreadable())?;
    let bases = core.bases();
    let spoken = spoken_of(document.root(), &bases).into_iter();
    Ok(spoken.filter(|(kind, _)| !is_nobodys(kind)).map(|(kind, id)| (kind.into(), id.into())).collect())
}

fn unreadable() -> DbError {
    DbError::fault("a stored resource cannot be read, so what it says of others cannot be told")
}

/// What is asked of what one resource speaks of.
fn asked_about(spoken: &[Key]) -> HashSet<Key> {
    let distinct: HashSet<Key> = spoken.iter().cloned().collect();
    if distinct.len() > MOST { HashSet::new() } else { distinct }
}

fn is_nobodys(kind: &str) -> bool {
    NOBODYS.binary_search(&kind).is_ok()
}

fn is_hidden(kind: &str, id: &str, seen: &HashSet<Key>) -> bool {
    !is_nobodys(kind) && !seen.contains(&(kind.into(), id.into()))
}

/// Which of these resources are there and shown.
async fn seen(
    connection: &mut Connection,
    organization: OrganizationId,
    predicate: &Predicate,
    asked: &HashSet<Key>,
) -> Result<HashSet<Key>, DbError> {
    // What a query would find has no id, and is never seen.
    let mut keys: Vec<Arg<'_>> = Vec::with_capacity(asked.len().max(EXPECTED) * 2);
    for (kind, id) in asked.iter().filter(|(_, id)| !id.is_empty()) {
        keys.extend([Arg::Text(kind), Arg::Text(id)]);
    }
    let Some([kind, id]) = keys.last_chunk().copied() else { return Ok(HashSet::new()) };
    let engine = connection.engine();
    // Of fewer than it expects, PostgreSQL would make a plan every time, which takes longer than the condition does.
    while engine == Engine::Postgres && keys.len() < EXPECTED * 2 {
        keys.extend([kind, id]);
    }
    let mut query = Query::default();
    let organization = query.arg(Arg::Int(organization.0));
    let visible = query.predicate(predicate, ("d", &[]), Span::Current, engine);
    let join = dialect::join_in_order(engine);
    let sql = format!(
        "select d.type, d.id from {{keys}} {join} directory d on d.organization_id = {organization} \
         and d.type = k.type and d.id = k.id and d.deleted = 0 where {visible}"
    );
    let columns = [("type", BulkType::Text), ("id", BulkType::Text)];
    let rows = bulk::fetch_by_keys(connection, &sql, &query.args, &columns, &keys).await?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?.into(), row.text(1)?.into()))).collect())
}
