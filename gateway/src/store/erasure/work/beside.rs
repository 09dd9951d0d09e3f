//! What belongs to the record though it says of no patient: Binaries and Provenances.

use std::collections::BTreeSet;

use mappers::json::{Document, Element};
use mappers::references::{self, Reference};

use super::{Working, referring};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::dialect;
use crate::store::erasure::perhaps_own;

impl Working<'_> {
    /// Binaries that nobody but the record's resources leads to: those protected like its encounters, and those that only its
    /// resources name.
    pub(super) async fn binaries(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let nobodys = self.those(connection, "d.type = 'Binary' and d.patient is null", &[]).await?;
        if nobodys.is_empty() {
            return Ok(());
        }
        let sql = "select d.rid from {keys} join directory d on d.organization_id = $1 and d.encounter = k.id \
                   where d.type = 'Binary' and d.patient is null";
        let encounters = self.erased.values().filter(|entry| &*entry.kind == "Encounter");
        let keys: Vec<Arg<'_>> = encounters.map(|entry| Arg::Text(&entry.id)).collect();
        let args = [Arg::Int(self.organization.0)];
        let rows = bulk::fetch_by_keys(connection, sql, &args, &[("id", BulkType::Text)], &keys).await?;
        let mut own: BTreeSet<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
        let mut named: BTreeSet<String> = BTreeSet::new();
        self.each_body(connection, |body| named.extend(binaries_in(body))).await?;
        for entry in nobodys.iter().filter(|entry| named.contains(&*entry.id)) {
            let text = format!("Binary/{}", entry.id);
            let sql = format!(
                "select rid, body from resource_versions where organization_id = $1 and {}",
                dialect::contains(connection.engine(), "body", "$2")
            );
            let rows = connection.fetch(&sql, &[Arg::Int(self.organization.0), Arg::Text(&text)]).await?;
            let mut naming = rows.iter().filter_map(|row| {
                // The text may be the beginning of another one's id, or the end of a sentence.
                let is_it = |id: String| id == *entry.id || id.trim_end_matches('.') == &*entry.id;
                row.int(0).filter(|_| binaries_in(row.text(1).unwrap_or_default()).any(is_it))
            });
            if naming.all(|rid| rid == entry.rid || self.erased.contains_key(&rid)) {
                own.insert(entry.rid);
            } else if !own.contains(&entry.rid) {
                self.plan.kept.insert(text);
            }
        }
        let found = nobodys.into_iter().filter(|entry| own.contains(&entry.rid)).collect();
        self.take(connection, found).await
    }

    /// Provenances that tell of nothing but what goes.
    pub(super) async fn provenances(&mut self, connection: &mut Connection) -> Result<(), DbError> {
        let keys: Vec<Arg<'_>> =
            self.erased.values().flat_map(|entry| [Arg::Text(&entry.kind), Arg::Text(&entry.id)]).collect();
        let sql = format!(
            "select distinct d.rid, v.body from {} join resource_versions v on v.rid = d.rid and v.version = d.version \
             where d.organization_id = $1 and d.type = 'Provenance'",
            referring(connection.engine())
        );
        let args = [Arg::Int(self.organization.0)];
        let columns = [("type", BulkType::Text), ("id", BulkType::Text)];
        let rows = bulk::fetch_by_keys(connection, &sql, &args, &columns, &keys).await?;
        let elsewhere = self.elsewhere(connection, &rows).await?;
        let identities: BTreeSet<(&str, &str)> = self.erased.values().map(|entry| (&*entry.kind, &*entry.id)).collect();
        let bases = self.core.bases();
        let all_go = |rid: i64, body: &str| {
            let Ok(document) = Document::parse(body.as_bytes()) else { return false };
            let targets = document.root().member("target").into_iter().flat_map(|targets| targets.children());
            let goes = |target: Element<'_>| {
                let reference = target.member("reference").and_then(|reference| reference.string());
                reference.is_some_and(|text| match references::parse(&text) {
                    Reference::Local { kind, id, .. } => identities.contains(&(kind, id)),
                    Reference::Absolute { text, .. } if elsewhere.contains(&(rid, text.into())) => false,
                    _ => perhaps_own(&bases, &text).is_some_and(|identity| identities.contains(&identity)),
                })
            };
            targets.map(goes).fold(None, |all, goes| Some(all.unwrap_or(true) && goes)) == Some(true)
        };
        let own: BTreeSet<i64> = rows
            .iter()
            .filter_map(|row| row.int(0).filter(|rid| row.text(1).is_some_and(|body| all_go(*rid, body))))
            .collect();
        for rid in own {
            let found = self.those(connection, "d.rid = $2", &[Arg::Int(rid)]).await?;
            self.take(connection, found).await?;
        }
        Ok(())
    }
}

impl Working<'_> {
    /// Absolute references of resources (row id and text) that the index knows to be no resources of ours: a start at
    /// the address would have made them ours.
    async fn elsewhere(&self, connection: &mut Connection, rows: &[Row]) -> Result<BTreeSet<(i64, Box<str>)>, DbError> {
        let keys: BTreeSet<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
        let keys: Vec<Arg<'_>> = keys.into_iter().map(Arg::Int).collect();
        let sql = "select r.rid, r.target_id from {keys} join index_reference r on r.rid = k.rid where r.organization_id = $1";
        let args = [Arg::Int(self.organization.0)];
        let found = bulk::fetch_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &keys).await?;
        Ok(found
            .iter()
            .filter_map(|row| Some((row.int(0)?, row.text(1).filter(|id| id.contains(':'))?.into())))
            .collect())
    }
}

/// Ids of the Binaries that a text names.
pub(super) fn binaries_in(body: &str) -> impl Iterator<Item = String> {
    body.split("Binary/").skip(1).map(|rest| {
        let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || "-.".contains(character)));
        rest[..end.unwrap_or(rest.len())].to_owned()
    })
}
