//! Search compiled to SQL: columns of users' tables and the overflow index, as disjoint branches.
//!
//! The most selective condition drives: each of its branches (one per map with columns for it, one for the overflow
//! index) applies the other conditions, the permit's predicate, the keyset and the limit inside, and all of it holds
//! again outside. No page counts, skips or loads a row that the permit hides.

mod columns;
mod conditions;

use bytes::Bytes;
use consent::Permit;
use mappers::search::{Parameter, Search};

use crate::store::Store;
use crate::store::condition::Query;
use crate::store::connection::{Arg, Row};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::types::{Method, ResourceKey, SearchPage, SearchRequest, Version};
use conditions::Builder;

/// What is wanted of the matches, and where they start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order<'r> {
    /// Only matches after this one.
    after: Option<&'r ResourceKey>,
    /// At most so many.
    limit: usize,
    /// With their bodies.
    bodies: bool,
}

impl Order<'_> {
    /// Only ids, from the start.
    pub(crate) fn ids(limit: usize) -> Self {
        Self { after: None, limit, bodies: false }
    }
}

impl Store {
    /// A page of matches, in the order of their creation.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn search(&self, permit: &Permit, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        self.settle(permit).await?;
        let mut page = SearchPage::default();
        if request.count > 0 {
            let order = Order { after: request.after.as_ref(), limit: request.count + 1, bodies: true };
            let query = plan(self.core(), permit, &request.search, &order);
            let mut reading = self.reading(permit).await?;
            let rows = reading.fetch(&query.sql, &query.args).await?;
            reading.finish().await?;
            if rows.len() > request.count {
                let last = &rows[request.count - 1];
                let text = |column: usize| Box::from(last.text(column).unwrap_or_default());
                page.next = Some(ResourceKey { kind: text(1), id: text(2) });
            }
            for row in rows.iter().take(request.count) {
                page.matches.push(version(permit, row)?);
            }
        }
        if request.total {
            let query = count(self.core(), permit, &request.search);
            let mut reading = self.reading(permit).await?;
            let row = reading.fetch_optional(&query.sql, &query.args).await?;
            reading.finish().await?;
            page.total = row.and_then(|row| row.int(0)).and_then(|total| u64::try_from(total).ok());
        }
        Ok(page)
    }
}

fn version(permit: &Permit, row: &Row) -> Result<Version, StoreError> {
    if !permit.predicate().admits(row.text(7)) {
        return Err(StoreError::Invariant("a search returned a row outside its permit"));
    }
    Ok(Version {
        kind: row.text(1).unwrap_or_default().into(),
        id: row.text(2).unwrap_or_default().into(),
        version: row.int(3).unwrap_or_default(),
        updated_ms: row.int(4).unwrap_or_default(),
        method: Method::parse(row.text(5).unwrap_or_default()),
        body: Bytes::copy_from_slice(row.text(6).unwrap_or_default().as_bytes()),
    })
}

/// The statement of a page: row id, type, id, version, time, method, body, patient.
pub(crate) fn plan<'a>(core: &'a Core, permit: &'a Permit, search: &'a Search, order: &Order<'a>) -> Query<'a> {
    let mut builder = Builder::new(core, permit, search);
    let after = order.after.map(|after| builder.query.rid_of(permit, after));
    let limit = builder.query.arg(Arg::Int(i64::try_from(order.limit).unwrap_or(i64::MAX)));
    let keyset = after.map_or_else(String::new, |after| format!(" and d.rid > {after}"));
    let tail = format!("{keyset} order by d.rid limit {limit}");
    let union = union(&mut builder, search, &tail);
    let bodies = if order.bodies {
        ("v.method, v.body", "join resource_versions v on v.rid = d.rid and v.version = d.version")
    } else {
        ("null, null", "")
    };
    let sql = format!(
        "select d.rid, d.type, d.id, d.version, d.updated, {}, d.patient \
         from (select rid from ({union}) as found order by rid limit {limit}) as page \
         join directory d on d.rid = page.rid {} order by d.rid",
        bodies.0, bodies.1
    );
    Query { sql, args: builder.query.args }
}

/// The statement that counts all matches.
fn count<'a>(core: &'a Core, permit: &'a Permit, search: &'a Search) -> Query<'a> {
    let mut builder = Builder::new(core, permit, search);
    let union = union(&mut builder, search, "");
    let sql = format!("select count(*) from ({union}) as found");
    Query { sql, args: builder.query.args }
}

/// The branches of the driving condition. `union` (not `union all`): a resource that matches by a column and by the
/// index is one match.
fn union<'a>(builder: &mut Builder<'a>, search: &'a Search, tail: &str) -> String {
    let driver = search.parameters.iter().enumerate().min_by_key(|(_, parameter)| rank(parameter));
    let branches = match driver {
        Some((number, parameter)) => {
            let others = search.parameters.iter().enumerate().filter(|(other, _)| *other != number);
            let others: Vec<&Parameter> = others.map(|(_, parameter)| parameter).collect();
            builder.branches(parameter, &others)
        }
        None => vec![builder.everything()],
    };
    let rendered: Vec<String> = branches
        .iter()
        .map(|branch| format!("select * from (select distinct d.rid from {branch}{tail}) as branch"))
        .collect();
    rendered.join(" union ")
}

/// How many rows a condition usually leaves: the least drives.
fn rank(parameter: &Parameter) -> usize {
    match parameter {
        Parameter::Id(_) => 0,
        Parameter::Token { definition, .. } if definition.name == "identifier" => 1,
        Parameter::Reference { .. } => 2,
        Parameter::Token { .. } => 3,
        Parameter::Tag(_) => 4,
        Parameter::LastUpdated(_) => 5,
    }
}
