//! What is wrong with the rows: every mapped row as FHIR, page by page, and patients that are likely one person.

mod duplicates;
mod report;

use std::collections::HashMap;

use consent::{OrganizationId, Permit};
use mappers::json::Document;
use mappers::quality::{self, Fault, Kind};

pub use report::{Finding, QualityReport};

use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::entry;
use crate::store::error::StoreError;
use crate::store::rows::{self, Loaded};
use report::Collector;

/// Resources looked at together.
const PAGE: i64 = 500;

impl Store {
    /// Looks at every mapped row. `keys` is how many row keys each finding names; `progress` hears of every page: map and
    /// rows looked at.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn quality(
        &self,
        permit: &Permit,
        keys: usize,
        progress: &mut (dyn FnMut(&str, i64) + Send),
    ) -> Result<QualityReport, StoreError> {
        self.drain_all(permit.organization()).await?;
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(permit.organization().0)).await?;
        let mut collector = Collector::new(keys);
        let look = Look { core: self.core(), organization: permit.organization() };
        for map in 0..look.core.maps.maps.len() {
            look.map(&mut connection, map, &mut collector, progress).await?;
            look.adrift(&mut connection, map, &mut collector).await?;
            if look.core.map(map).resource == "Patient" {
                duplicates::find(look.core, &mut connection, look.organization, map, &mut collector).await?;
            }
        }
        connection.commit().await?;
        Ok(collector.report())
    }
}

const SERVED: &str = "select d.rid, d.key, d.flag, v.body from directory d \
     join resource_versions v on v.rid = d.rid and v.version = d.version \
     where d.organization_id = $1 and d.map = $2 and d.deleted = 0 and d.rid > $3 order by d.rid limit $4";

struct Look<'c> {
    core: &'c Core,
    organization: OrganizationId,
}

impl Look<'_> {
    async fn map(
        &self,
        connection: &mut Connection,
        map: usize,
        collector: &mut Collector,
        progress: &mut (dyn FnMut(&str, i64) + Send),
    ) -> Result<(), DbError> {
        let name = &self.core.map(map).name;
        let (mut after, mut seen) = (0, 0);
        loop {
            let args = [Arg::Int(self.organization.0), Arg::Text(name), Arg::Int(after), Arg::Int(PAGE)];
            let page = connection.fetch(SERVED, &args).await?;
            let Some(last) = page.last().and_then(|row| row.int(0)) else { return Ok(()) };
            after = last;
            let keys: Vec<&str> = page.iter().filter_map(|row| row.text(1)).collect();
            let loaded = rows::load(self.core, connection, self.organization, map, &keys).await?;
            let orphans = self.orphans(connection, map, &loaded).await?;
            for row in &page {
                let key = row.text(1).unwrap_or_default();
                let held = loaded.get(key).filter(|held| held.exists);
                collector.row(name, key, self.faults(map, row, held).into_iter());
                collector.row(name, key, orphans.get(key).into_iter().flatten().cloned());
            }
            seen += i64::try_from(page.len()).unwrap_or_default();
            collector.rows += i64::try_from(page.len()).unwrap_or_default();
            progress(name, seen);
        }
    }

    /// Rows that are no resources because what they hang on is not there. Of the facets of a row the first says it.
    async fn adrift(&self, connection: &mut Connection, map: usize, collector: &mut Collector) -> Result<(), DbError> {
        let shape = self.core.map(map);
        if self.core.maps.maps[..map].iter().any(|other| other.table == shape.table && other.facet && shape.facet) {
            return Ok(());
        }
        for (column, sql) in &self.core.statements[map].adrift {
            for row in connection.fetch(sql, &[Arg::Int(self.organization.0)]).await? {
                let fault = Fault { kind: Kind::Orphan, place: column.clone() };
                collector.row(&shape.name, row.text(0).unwrap_or_default(), std::iter::once(fault));
            }
        }
        Ok(())
    }

    fn faults(&self, map: usize, row: &Row, held: Option<&Loaded>) -> Vec<Fault> {
        let shape = self.core.map(map);
        let mut faults = Vec::new();
        if let Some(flag) = row.text(2) {
            // What a flag says of characters the columns say too.
            let told = flag.split("; ").filter(|flag| !flag.starts_with("characters: "));
            faults.extend(told.map(|flag| match flag.strip_prefix("coupled: ") {
                Some(groups) => Fault { kind: Kind::Coupled, place: groups.to_owned() },
                None => Fault { kind: Kind::Unreadable, place: shape.table.clone() },
            }));
        }
        // A row that has gone since is for `map verify` to tell.
        let Some(held) = held else { return faults };
        let body = row.text(3).unwrap_or_default();
        match Document::parse(body.as_bytes()) {
            Ok(document) => faults.extend(quality::of_resource(shape, &held.row, &document)),
            Err(_) => faults.push(Fault { kind: Kind::Structure, place: shape.resource.clone() }),
        }
        faults.extend(quality::of_columns(shape, &held.row, &self.core.values()));
        faults
    }

    /// By row key: reference columns whose resource is not there. One statement a page.
    async fn orphans(
        &self,
        connection: &mut Connection,
        map: usize,
        loaded: &HashMap<Box<str>, Loaded>,
    ) -> Result<HashMap<Box<str>, Vec<Fault>>, DbError> {
        let shape = self.core.map(map);
        let referred: Vec<(&Box<str>, quality::References)> = loaded
            .iter()
            .filter(|(_, held)| held.exists)
            .map(|(key, held)| (key, quality::references(shape, &held.row, &held.references, &held.child_references)))
            .collect();
        let mut wanted: Vec<(&str, &str)> =
            referred.iter().flat_map(|(_, found)| found).map(|(_, kind, id)| (kind.as_str(), &**id)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let there = entry::by_identity(self.core, connection, self.organization, &wanted, false).await?;
        let mut orphans: HashMap<Box<str>, Vec<Fault>> = HashMap::new();
        for (key, found) in referred {
            for (column, kind, id) in found {
                let entry = there.get(&(kind.into_boxed_str(), id));
                if entry.is_none_or(|entry| entry.deleted) {
                    let fault = Fault { kind: Kind::Orphan, place: column };
                    orphans.entry(key.clone()).or_default().push(fault);
                }
            }
        }
        Ok(orphans)
    }
}
