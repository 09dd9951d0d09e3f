//! Search compiled to SQL (<https://hl7.org/fhir/R4/search.html>): parsed query -> [`plan::Plan`] -> statements.
//!
//! Every condition compiles two ways: as a filter on a row of the directory, and (most) as a source of row ids. The plan
//! takes the source with the fewest rows, or none, and filters by the rest; the permit's predicate stands beside every
//! row of the directory that any part of a statement looks at, so that no page counts, skips, follows or loads what the
//! permit hides.

mod chain;
mod compiler;
mod composite;
mod count;
mod date;
mod include;
mod labels;
mod lastn;
mod near;
mod page;
mod plan;
mod probe;
mod quantity;
mod reference;
mod sort;
mod source;
mod statement;
mod string;
mod token;
mod uri;

use std::sync::LazyLock;

use bytes::Bytes;
use consent::Permit;

use self::compiler::Compiler;
use crate::store::Store;
use crate::store::basis;
use crate::store::connection::Row;
use crate::store::consents::predicate::Span;
use crate::store::custom;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::reading::Reading;
use crate::store::types::{Basis, Method, SearchPage, SearchRequest, Version};

pub use labels::Labels;
pub(crate) use plan::ids;

impl Store {
    /// A page of matches, what comes along with them, and how many there are, all of one state.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn search(&self, permit: &Permit, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        custom::confirm(self.core(), permit, &request.search.custom, &mut reading).await?;
        let plan = plan::choose(self.core(), permit, &request.search, &mut reading).await?;
        let mut page = SearchPage::default();
        if request.count > 0 {
            let found = page::fetch(&plan, request, &mut reading).await?;
            page.next = found.next;
            let (matches, mut included) = (found.matches, Vec::new());
            if !request.search.includes.is_empty() {
                let rids: Vec<i64> = matches.iter().map(|(rid, _)| *rid).collect();
                let found = include::fetch(&plan, &rids, &mut reading).await?;
                (included, page.cut) = (found.versions, found.cut);
            }
            self.confirm(permit, &mut reading, &matches, &included).await?;
            self.show(&mut page, permit, &mut reading, matches, included).await?;
        }
        if request.total {
            page.total = Some(count::count(&plan, &mut reading).await?);
        }
        reading.finish();
        Ok(page)
    }

    /// The alarm behind what a page shows.
    async fn confirm(
        &self,
        permit: &Permit,
        reading: &mut Reading,
        matches: &[(i64, Version)],
        included: &[(i64, Version)],
    ) -> Result<(), StoreError> {
        if !self.alarm_is_due(permit) {
            return Ok(());
        }
        let rids: Vec<i64> = matches.iter().chain(included).map(|(rid, _)| *rid).collect();
        self.confirm_shown(permit, reading, &rids).await
    }

    /// Puts on a page what is shown there, by its row ids.
    pub(crate) async fn show(
        &self,
        page: &mut SearchPage,
        permit: &Permit,
        reading: &mut Reading,
        mut matches: Vec<(i64, Version)>,
        mut included: Vec<(i64, Version)>,
    ) -> Result<(), StoreError> {
        let shown = matches.iter_mut().chain(&mut included).map(|(rid, version)| (*rid, version));
        reading.show(self, permit, Span::Current, shown.collect()).await?;
        let versions = |rows: Vec<(i64, Version)>| rows.into_iter().map(|(_, version)| version).collect();
        (page.matches, page.included) = (versions(matches), versions(included));
        Ok(())
    }

    /// How a search would be answered: the plan, its statements, and what the database says of each.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn explain(&self, permit: &Permit, request: &SearchRequest) -> Result<String, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        custom::confirm(self.core(), permit, &request.search.custom, &mut reading).await?;
        let plan = plan::choose(self.core(), permit, &request.search, &mut reading).await?;
        let text = page::explain(&plan, request, &mut reading).await?;
        reading.finish();
        Ok(text)
    }
}

/// What statements give of a resource, from column `at` on: type, id, version, time, method, body, and its basis.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("d.type, d.id, d.version, d.updated, v.method, v.body, {}", basis::COLUMNS));
/// How many columns that are.
const WIDTH: usize = 10;

/// A statement that gives row id and version of the rows in `{keys}`, of these types (of any, where there is none), in no order.
fn of_keys(compiler: &mut Compiler<'_>, kinds: &[&str]) -> String {
    let visible = compiler.visible("d", kinds);
    // Left to itself, SQLite would rather look through the organization's directory.
    let join = dialect::join_in_order(compiler.engine);
    format!(
        "select d.rid, {} from {{keys}} {join} directory d on d.rid = k.rid \
         {join} resource_versions v on v.rid = d.rid and v.version = d.version where {visible}",
        *VERSION
    )
}

/// Reads a version from the columns of [`VERSION`]. The predicate has been applied; that it holds is checked once more, as
/// an alarm.
fn version(permit: &Permit, row: &Row, at: usize) -> Result<Version, StoreError> {
    let predicate = permit.predicate();
    let (kind, patient) = (row.text(at).unwrap_or_default(), row.text(at + 6));
    if !predicate.admits(patient) || !predicate.admits_scoped(kind, patient) {
        return Err(StoreError::Invariant("a search returned a row outside its permit"));
    }
    Ok(Version {
        kind: row.text(at).unwrap_or_default().into(),
        id: row.text(at + 1).unwrap_or_default().into(),
        version: row.int(at + 2).unwrap_or_default(),
        updated_ms: row.int(at + 3).unwrap_or_default(),
        method: Method::parse(row.text(at + 4).unwrap_or_default()),
        body: Bytes::copy_from_slice(row.text(at + 5).unwrap_or_default().as_bytes()),
        basis: Basis::read(row, at + 6),
    })
}
