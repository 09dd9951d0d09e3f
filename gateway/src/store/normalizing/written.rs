//! What is written by whoever was shown what codes mean: without that again, or it would become what somebody wrote.

use std::collections::HashMap;

use bytes::Bytes;
use consent::OrganizationId;
use mappers::concepts::{Coding, marked, may_be_marked, without};
use mappers::json::Document;

use crate::store::batch::Unit;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::consents::redaction::Merged;
use crate::store::core::Core;
use crate::store::types::Operation;

/// Takes codings of ours from what is written: those of which it is known here what they were told of, while that stands beside them.
pub(crate) async fn strip(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
    merged: &mut Merged,
) -> Result<(), DbError> {
    if !core.registry.in_force(organization).normalizing.is_known {
        return Ok(());
    }
    let mut found: Vec<(usize, usize, Bytes)> = Vec::new();
    let mut ids: Vec<Box<str>> = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        for (index, change) in unit.changes.iter().enumerate() {
            let body = match (merged.of(number, index), &change.operation) {
                (Some(Ok(body)), _) => body,
                (None, Operation::Create { body } | Operation::Update { body, .. }) => body,
                _ => continue,
            };
            if !may_be_marked(body) {
                continue;
            }
            let Ok(document) = Document::parse(body) else { continue };
            let marked = marked(document.root());
            if !marked.is_empty() {
                ids.extend(marked.iter().map(|(id, _)| Box::from(&**id)));
                found.push((number, index, body.clone()));
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    ids.sort_unstable();
    ids.dedup();
    let told = told(connection, organization, &ids).await?;
    for (number, index, body) in found {
        let Ok(document) = Document::parse(&body) else { continue };
        let is_ours = |id: &str, coding: &Coding<'_>, others: &[Coding<'_>]| {
            told.get(id).is_some_and(|told| told.is_of(coding) && others.iter().any(|other| told.is_from(other)))
        };
        if let Some(plain) = without(document.root(), &is_ours) {
            merged.put(number, index, plain.into());
        }
    }
    Ok(())
}

/// What was told, of what.
struct Told {
    /// System and code as they came, and words where there was no code.
    from: [Box<str>; 3],
    /// The code of the standard.
    to: [Box<str>; 2],
}

impl Told {
    fn read(row: &Row) -> Self {
        let text = |place| row.text(place).unwrap_or_default();
        let words = if text(2).is_empty() { text(3) } else { "" };
        Self { from: [text(1), text(2), words].map(Box::from), to: [text(4), text(5)].map(Box::from) }
    }

    fn is_of(&self, coding: &Coding<'_>) -> bool {
        [&*coding.system, &*coding.code] == [&*self.to[0], &*self.to[1]]
    }

    fn is_from(&self, other: &Coding<'_>) -> bool {
        let words = if other.code.is_empty() { &*other.display } else { "" };
        [&*other.system, &*other.code, words] == [&*self.from[0], &*self.from[1], &*self.from[2]]
    }
}

async fn told(
    connection: &mut Connection,
    organization: OrganizationId,
    ids: &[Box<str>],
) -> Result<HashMap<Box<str>, Told>, DbError> {
    let sql = "select n.id, n.system, n.code, n.display, n.target_system, n.target_code from {keys} \
         join normalizations n on n.organization_id = $1 and n.id = k.id where n.verdict = 'standard'";
    let keys: Vec<Arg<'_>> = ids.iter().map(|id| Arg::Text(id)).collect();
    let columns = [("id", BulkType::Text)];
    let rows = bulk::fetch_by_keys(connection, sql, &[Arg::Int(organization.0)], &columns, &keys).await?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?.into(), Told::read(row)))).collect())
}
