//! What is written by whoever was shown what codes mean: without that again, or it would become what somebody wrote.

use std::collections::HashMap;

use bytes::Bytes;
use consent::OrganizationId;
use mappers::concepts::{Coding, marked, may_be_marked, without};
use mappers::json::Document;

use super::Row;
use super::told::Verdict;
use crate::store::apply::Entries;
use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::consents::redaction::Merged;
use crate::store::core::Core;
use crate::store::types::Operation;

/// A marked coding that is written, and by whose change.
struct Found<'u> {
    unit: usize,
    index: usize,
    kind: &'u str,
    /// The directory's row, where there is one.
    rid: Option<i64>,
    body: Bytes,
    ids: Vec<Box<str>>,
}

/// Takes codings of ours from what is written, where what they were told of stands beside them: those that would be told of it now, and
/// those that were told of the resource itself. What was told of others is nothing to who writes: it would tell that they are there.
pub(crate) async fn strip(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    (units, entries): (&[&Unit], &Entries),
    merged: &mut Merged,
) -> Result<(), DbError> {
    let in_force = core.registry.in_force(organization);
    if !in_force.normalizing.is_known {
        return Ok(());
    }
    let found = found(units, entries, merged);
    if found.is_empty() {
        return Ok(());
    }
    let before = told_before(connection, organization, &found).await?;
    for Found { unit, index, kind, rid, body, .. } in &found {
        let Ok(document) = Document::parse(body) else { continue };
        let Some(bare) = without(document.root(), &|_, _, _| true) else { continue };
        let now = core.normalizer.look(&in_force.normalizing, kind, bare.as_bytes()).rows;
        let is_ours = |id: &str, coding: &Coding<'_>, others: &[Coding<'_>]| {
            let now = now.iter().map(Row::told).find(|told| &*told.id == id).and_then(Told::now);
            let told = now.as_ref().or_else(|| before.get(&((*rid)?, Box::from(id))));
            told.is_some_and(|told| told.is_of(coding) && others.iter().any(|other| told.is_from(other)))
        };
        if let Some(plain) = without(document.root(), &is_ours) {
            merged.put(*unit, *index, plain.into());
        }
    }
    Ok(())
}

fn found<'u>(units: &[&'u Unit], entries: &Entries, merged: &Merged) -> Vec<Found<'u>> {
    let mut found = Vec::new();
    for (unit, changes) in units.iter().enumerate() {
        for (index, change) in changes.changes.iter().enumerate() {
            let body = match (merged.of(unit, index), &change.operation) {
                (Some(Ok(body)), _) => body,
                (None, Operation::Create { body } | Operation::Update { body, .. }) => body,
                _ => continue,
            };
            if !may_be_marked(body) {
                continue;
            }
            let Ok(document) = Document::parse(body) else { continue };
            let ids: Vec<Box<str>> = marked(document.root()).iter().map(|(id, _)| Box::from(&**id)).collect();
            if !ids.is_empty() {
                let rid = entries.get(&(change.kind.clone(), change.id.clone())).map(|entry| entry.rid);
                found.push(Found { unit, index, kind: &change.kind, rid, body: body.clone(), ids });
            }
        }
    }
    found
}

/// What was told, of what.
struct Told {
    /// System and code as they came, and words where there was no code.
    from: [Box<str>; 3],
    /// The code of the standard.
    to: [Box<str>; 2],
}

impl Told {
    fn new([system, code, display]: [&str; 3], to: [&str; 2]) -> Self {
        let words = if code.is_empty() { display } else { "" };
        Self { from: [system, code, words].map(Box::from), to: to.map(Box::from) }
    }

    fn now(told: &super::Told) -> Option<Self> {
        let Verdict::Standard { coding, .. } = &told.verdict else { return None };
        Some(Self::new([&told.system, &told.code, &told.display], [&coding.system, &coding.code]))
    }

    fn is_of(&self, coding: &Coding<'_>) -> bool {
        [&*coding.system, &*coding.code] == [&*self.to[0], &*self.to[1]]
    }

    fn is_from(&self, other: &Coding<'_>) -> bool {
        let words = if other.code.is_empty() { &*other.display } else { "" };
        [&*other.system, &*other.code, words] == [&*self.from[0], &*self.from[1], &*self.from[2]]
    }
}

/// What was told of versions of these resources, by row and id.
async fn told_before(
    connection: &mut Connection,
    organization: OrganizationId,
    found: &[Found<'_>],
) -> Result<HashMap<(i64, Box<str>), Told>, DbError> {
    let sql = "select c.rid, n.id, n.system, n.code, n.display, n.target_system, n.target_code from {keys} \
         join normalized_codings c on c.organization_id = $1 and c.rid = k.rid and c.normalization = k.id \
         join normalizations n on n.organization_id = $1 and n.id = k.id where n.verdict = 'standard'";
    let mut keys: Vec<(i64, &str)> = Vec::new();
    for Found { rid, ids, .. } in found {
        keys.extend(rid.iter().flat_map(|rid| ids.iter().map(|id| (*rid, &**id))));
    }
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<Arg<'_>> = keys.into_iter().flat_map(|(rid, id)| [Arg::Int(rid), Arg::Text(id)]).collect();
    let columns = [("rid", BulkType::Int), ("id", BulkType::Text)];
    let rows = bulk::fetch_by_keys(connection, sql, &[Arg::Int(organization.0)], &columns, &keys).await?;
    let told = |row: &crate::store::connection::Row| {
        let text = |place| row.text(place).unwrap_or_default();
        Some(((row.int(0)?, text(1).into()), Told::new([text(2), text(3), text(4)], [text(5), text(6)])))
    };
    Ok(rows.iter().filter_map(told).collect())
}
