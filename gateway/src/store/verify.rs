//! The loss report: every mapped row joined again and compared with what is served, then split and written back in a
//! transaction that is rolled back.

mod write_back;

use std::collections::BTreeMap;

use consent::Permit;
use mappers::join::{self, Header};
use mappers::json::{Document, Element};
use serde::Serialize;

use crate::clock::Clock;
use crate::store::Store;
use crate::store::connection::{Arg, Connection, Row};
use crate::store::entry::{self, Entry};
use crate::store::error::StoreError;
use crate::store::rows;
pub use write_back::WriteBack;

/// Resources compared at a time.
const PAGE: i64 = 500;
/// The same for tables with content outside the database.
const HEAVY_PAGE: i64 = 8;

/// What a verification found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    /// One line per map.
    pub maps: Vec<MapReport>,
}

/// One map: rows in the table against resources served.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MapReport {
    /// The map's name.
    pub map: String,
    /// The resource type.
    pub resource: String,
    /// Rows of the table that are resources by the map.
    pub rows: i64,
    /// Resources served from them.
    pub resources: i64,
    /// Resources whose row has gone.
    pub missing_rows: i64,
    /// Resources whose row says something else than what is served.
    pub differing: i64,
    /// How often each element differs.
    pub elements: BTreeMap<String, i64>,
    /// Resources an operator should look at (coupled values that fell apart).
    pub flagged: i64,
    /// What writing the rows back would change.
    pub write_back: WriteBack,
}

impl VerifyReport {
    /// Nothing is lost and nothing differs.
    pub fn is_clean(&self) -> bool {
        self.maps.iter().all(|map| map.rows == map.resources && map.missing_rows == 0 && map.differing == 0)
            && self.lost() == 0
    }

    /// Values that writing back would change.
    pub fn lost(&self) -> i64 {
        self.maps.iter().map(|map| map.write_back.lost).sum()
    }

    /// The same in percent of the values.
    pub fn loss(&self) -> f64 {
        write_back::percent(self.lost(), self.values())
    }

    /// Values that were written back.
    pub fn values(&self) -> i64 {
        self.maps.iter().map(|map| map.write_back.values).sum()
    }
}

impl Store {
    /// Compares every mapped row with the resource that is served from it, and with itself after that resource was written
    /// back. `progress` hears of every page: map, resources compared, rows there are. Nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn verify(
        &self,
        permit: &Permit,
        progress: &mut (dyn FnMut(&MapReport) + Send),
    ) -> Result<VerifyReport, StoreError> {
        self.drain_all(permit.organization()).await?;
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(permit.organization().0)).await?;
        let mut report = VerifyReport::default();
        for map in 0..self.core().maps.maps.len() {
            report.maps.push(self.verify_map(&mut connection, permit, map, progress).await?);
        }
        connection.commit().await?;
        Ok(report)
    }

    async fn verify_map(
        &self,
        connection: &mut Connection,
        permit: &Permit,
        map: usize,
        progress: &mut (dyn FnMut(&MapReport) + Send),
    ) -> Result<MapReport, StoreError> {
        let core = self.core();
        let organization = permit.organization();
        let shape = core.map(map);
        let mut report =
            MapReport { map: shape.name.clone(), resource: shape.resource.clone(), ..MapReport::default() };
        let counted = connection.fetch_optional(&core.statements[map].count, &[Arg::Int(organization.0)]).await?;
        report.rows = counted.and_then(|row| row.int(0)).unwrap_or_default();
        if shape.array.is_some() {
            report.rows = rows::elements::count(core, connection, organization, map).await?;
        }
        report.rows -= self.kept_rows(connection, permit, map).await?;
        // Content that rows name lies in memory while a page is compared.
        let size = if core.contents.is_named_by(map) { HEAVY_PAGE } else { PAGE };
        let mut after = 0;
        loop {
            let args = [Arg::Int(organization.0), Arg::Text(&shape.name), Arg::Int(after), Arg::Int(size)];
            let page = connection.fetch(SERVED, &args).await?;
            let Some(last) = page.last().and_then(|row| row.int(0)) else { break };
            after = last;
            let keys: Vec<&str> = page.iter().filter_map(|row| row.text(1)).collect();
            let mut rows = rows::load(core, connection, organization, map, &keys).await?;
            rows::fill_lists(core, connection, organization, map, &mut rows).await?;
            let entries = entry::by_key(core, connection, organization, map, &keys).await?;
            for row in &page {
                let key = row.text(1).unwrap_or_default();
                report.resources += 1;
                match (rows.get(key).filter(|row| row.exists), entries.get(key)) {
                    (Some(held), Some(entry)) => {
                        report.flagged += i64::from(entry.flag.is_some());
                        compare(&mut report, row, &self.joined(map, held, entry, row));
                    }
                    _ => report.missing_rows += 1,
                }
            }
            // A writer for each page: others have their turn in between.
            let mut writer = core.pools.writer().await?;
            write_back::page(core, &mut writer, organization, map, &keys, &mut report.write_back).await?;
            progress(&report);
        }
        Ok(report)
    }

    /// Rows of deleted resources that are still there because others refer to them.
    async fn kept_rows(&self, connection: &mut Connection, permit: &Permit, map: usize) -> Result<i64, StoreError> {
        let (core, organization) = (self.core(), permit.organization());
        let sql = "select key from directory where organization_id = $1 and map = $2 and deleted = 1 and flag = $3";
        let args = [Arg::Int(organization.0), Arg::Text(&core.map(map).name), Arg::Text(entry::KEPT)];
        let kept = connection.fetch(sql, &args).await?;
        let keys: Vec<&str> = kept.iter().filter_map(|row| row.text(0)).collect();
        let rows = rows::load(core, connection, organization, map, &keys).await?;
        Ok(i64::try_from(rows.values().filter(|row| row.exists).count()).unwrap_or_default())
    }

    /// What the row says now, under the header of what is served.
    fn joined(&self, map: usize, held: &rows::Loaded, entry: &Entry, served: &Row) -> Vec<u8> {
        let last_updated = Clock::format(served.int(2).unwrap_or_default());
        let header = Header { id: &entry.id, version: entry.version, last_updated: &last_updated };
        let mut body = Vec::with_capacity(1024);
        join::join(self.core().map(map), &held.stored(entry), &header, &self.core().values(), &mut body);
        body
    }
}

const SERVED: &str = "select d.rid, d.key, d.updated, v.body from directory d \
     join resource_versions v on v.rid = d.rid and v.version = d.version \
     where d.organization_id = $1 and d.map = $2 and d.deleted = 0 and d.rid > $3 order by d.rid limit $4";

fn compare(report: &mut MapReport, served: &Row, joined: &[u8]) {
    let body = served.text(3).unwrap_or_default();
    if body.as_bytes() == joined {
        return;
    }
    report.differing += 1;
    let (Ok(left), Ok(right)) = (Document::parse(body.as_bytes()), Document::parse(joined)) else { return };
    let members = |root: Element<'_>| -> BTreeMap<String, String> {
        root.children().filter_map(|member| Some((member.key()?.into_owned(), member.raw().to_owned()))).collect()
    };
    let (left, right) = (members(left.root()), members(right.root()));
    let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    for name in names.into_iter().filter(|name| left.get(*name) != right.get(*name)) {
        *report.elements.entry(format!("{}.{name}", report.resource)).or_default() += 1;
    }
}
