//! The work behind search parameters: what was stored before one came is indexed for it, and the rows of one that has gone
//! are removed. Portion by portion, each a transaction that also says how far it came: whoever is killed is no harm, and
//! several processes take turns.
//!
//! A portion excludes all that write for as long as it lasts, so it is small, and rests twice as long as it took. Where a
//! long transaction is under way it does not queue up behind that (all others would wait behind it), but comes back later.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use consent::OrganizationId;
use mappers::json::Document;
use mappers::search::IndexRows;
use mappers::search::custom::{Definition, Parameter, State};
use mappers::search::parameters::ParameterKind;

use super::{INDEXING, READY, REMOVING};
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::consents::redaction;
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::index::{self, Index};
use crate::store::normalizing::{self, Nearness, Normalized};

/// Resources that are looked at in one portion.
const PORTION: usize = 100;
/// How long expressions are evaluated in one portion: whoever writes waits for it.
const WORKED: Duration = Duration::from_millis(50);
/// Resource types that a portion goes on to where there is nothing of the ones before.
const EMPTY_TYPES: usize = 40;
/// Resources whose rows are removed from a table in one portion.
const REMOVED: usize = 500;
/// The least pause between two portions.
const REST: Duration = Duration::from_millis(2);
/// The pause after a portion that found others at work, or failed.
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often somebody looks for work that another process left.
const ROUND: Duration = Duration::from_secs(60);

impl Store {
    /// Works on index rows in the background from now on.
    pub fn keep_indexing(&self) {
        let store = self.clone();
        tokio::spawn(async move {
            let mut pause = PAUSE;
            while !store.core().registry.closing.load(Ordering::Acquire) {
                match store.index_all().await {
                    Ok(()) => {
                        pause = PAUSE;
                        // Told of new work, or time to look for what a process that is gone has left.
                        let _ = tokio::time::timeout(ROUND, store.core().registry.work.notified()).await;
                    }
                    Err(_) if store.core().registry.closing.load(Ordering::Acquire) => {}
                    Err(error) => {
                        tracing::warn!(%error, "indexing for search parameters was interrupted; it is tried again");
                        // Other work that comes meanwhile does not wait for the one that fails.
                        tokio::time::sleep(PAUSE).await;
                        let _ = tokio::time::timeout(pause, store.core().registry.work.notified()).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        });
    }

    /// Does all the work that there is, the organizations by turns. What fails for one of them does not keep the others from
    /// theirs.
    ///
    /// # Errors
    /// [`StoreError`]: the first that an organization's work failed with, once that of the others is done.
    pub async fn index_all(&self) -> Result<(), StoreError> {
        let mut waiting = organizations(self.core()).await?;
        let mut failed = None;
        while !waiting.is_empty() {
            let mut left = Vec::with_capacity(waiting.len());
            for organization in waiting {
                if self.core().registry.closing.load(Ordering::Acquire) {
                    return Ok(());
                }
                let begun = Instant::now();
                match portion(self.core(), organization).await {
                    Ok(true) => {
                        left.push(organization);
                        tokio::time::sleep(REST.max(2 * begun.elapsed())).await;
                    }
                    Ok(false) => {}
                    Err(error) if error.is_lock_timeout() || error.is_retryable() => {
                        left.push(organization);
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(error) => {
                        let error = error.into_store_error();
                        tracing::warn!(organization = organization.0, %error, "indexing for a search parameter failed");
                        failed = failed.or(Some(error));
                    }
                }
            }
            waiting = left;
        }
        failed.map_or(Ok(()), Err)
    }
}

/// A parameter with work to do.
struct Task {
    number: i64,
    state: Box<str>,
    definition: Definition,
    at_type: Box<str>,
    at_rid: i64,
    percent: i64,
    looked_at: i64,
    unfit: i64,
}

const TASK: &str = "select number, state, definition, at_type, at_rid, looked_at, unfit, percent from search_parameters \
     where organization_id = $1 and state <> 'ready' order by number limit 1";

impl Task {
    fn read(row: &Row) -> Result<Self, DbError> {
        let definition = row.text(2).and_then(Definition::from_json);
        Ok(Self {
            number: row.int(0).unwrap_or_default(),
            state: row.text(1).unwrap_or_default().into(),
            definition: definition.ok_or_else(|| DbError::fault("a search parameter that was kept cannot be read"))?,
            at_type: row.text(3).unwrap_or_default().into(),
            at_rid: row.int(4).unwrap_or_default(),
            looked_at: row.int(5).unwrap_or_default(),
            unfit: row.int(6).unwrap_or_default(),
            percent: row.int(7).unwrap_or_default(),
        })
    }
}

/// One portion of an organization's work; false where there is none.
async fn portion(core: &Core, organization: OrganizationId) -> Result<bool, DbError> {
    let args = [Arg::Int(organization.0)];
    {
        // Mostly there is nothing, and nobody must wait for that to be found out.
        let mut reader = core.pools.reader().await?;
        reader.begin_read(Some(organization.0)).await?;
        let waiting = reader.fetch_optional(TASK, &args).await?;
        reader.commit().await?;
        if waiting.is_none() {
            return Ok(false);
        }
    }
    let mut connection = core.pools.writer().await?;
    let worked = work(core, &mut connection, organization).await;
    if worked.is_err() {
        connection.rollback_if_open().await;
    }
    worked
}

async fn work(core: &Core, connection: &mut Connection, organization: OrganizationId) -> Result<bool, DbError> {
    connection.begin_alone(organization.0).await?;
    let Some(row) = connection.fetch_optional(TASK, &[Arg::Int(organization.0)]).await? else {
        connection.rollback().await?;
        return Ok(false);
    };
    let task = Task::read(&row)?;
    core.addresses.learn_now(connection, organization).await?;
    if *task.state == *INDEXING {
        index_some(core, connection, organization, task).await?;
    } else if *task.state == *REMOVING {
        remove_some(connection, organization, &task).await?;
    }
    connection.commit().await?;
    // It may be ready now.
    core.registry.doubt(organization);
    Ok(true)
}

/// Indexes the next resources.
async fn index_some(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    mut task: Task,
) -> Result<(), DbError> {
    let number =
        i32::try_from(task.number).map_err(|_| DbError::fault("the number of a search parameter is too large"))?;
    let kinds = task.definition.kinds();
    let broken = || DbError::fault("a search parameter that was kept cannot be read");
    let parameter = Parameter::new(number, State::Indexing(0), task.definition.clone()).map_err(|_| broken())?;
    let mut at = kinds.iter().position(|kind| **kind == *task.at_type).unwrap_or(0);
    for _ in 0..EMPTY_TYPES {
        let Some(kind) = kinds.get(at) else { break };
        let rows = next(connection, organization, kind, task.at_rid).await?;
        if !rows.is_empty() {
            let kept = keep(core, connection, organization, &parameter, &rows).await?;
            task.unfit += kept.unfit;
            task.looked_at += i64::try_from(kept.looked_at).unwrap_or_default();
            let last = kept.looked_at.checked_sub(1).and_then(|last| rows.get(last)?.int(0));
            task.at_rid = last.unwrap_or(task.at_rid);
            if kept.looked_at < rows.len() {
                break;
            }
        }
        if rows.len() < PORTION {
            (at, task.at_rid) = (at + 1, 0);
        }
        if !rows.is_empty() {
            break;
        }
    }
    let Some(kind) = kinds.get(at) else { return finish(connection, organization, &task).await };
    let last = "select max(rid) from directory where organization_id = $1 and type = $2";
    let last = connection.fetch_optional(last, &[Arg::Int(organization.0), Arg::Text(kind)]).await?;
    let last = last.and_then(|row| row.int(0)).unwrap_or_default().max(1);
    let whole = i64::try_from(kinds.len()).unwrap_or(1);
    let percent = (100 * i64::try_from(at).unwrap_or_default() + 100 * task.at_rid.min(last) / last) / whole;
    let sql = "update search_parameters set at_type = $3, at_rid = $4, looked_at = $5, unfit = $6, percent = $7 \
         where organization_id = $1 and number = $2";
    let args = [
        Arg::Int(organization.0),
        Arg::Int(task.number),
        Arg::Text(kind),
        Arg::Int(task.at_rid),
        Arg::Int(task.looked_at),
        Arg::Int(task.unfit),
        Arg::Int(percent),
    ];
    connection.execute(sql, &args).await?;
    if percent / 10 > task.percent / 10 {
        tracing::info!(organization = organization.0, number = task.number, percent, "indexing for a search parameter");
    }
    Ok(())
}

/// Row id and body of the next resources of a type.
async fn next(
    connection: &mut Connection,
    organization: OrganizationId,
    kind: &str,
    after: i64,
) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "select d.rid, v.body, d.version, d.type from directory d join resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.type = $2 and d.rid > $3 and d.deleted = 0 order by d.rid limit {PORTION}"
    );
    connection.fetch(&sql, &[Arg::Int(organization.0), Arg::Text(kind), Arg::Int(after)]).await
}

/// What was done of a portion.
struct Kept {
    looked_at: usize,
    /// Those of them that the expression failed for.
    unfit: i64,
}

/// Puts the rows of resources in the place of those that are there: writers that knew the parameter already have written
/// theirs. At least one of the resources, and as many as there is time for.
async fn keep(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    parameter: &Parameter,
    rows: &[Row],
) -> Result<Kept, DbError> {
    let begun = Instant::now();
    let bases = core.bases();
    let versions: Vec<(i64, i64)> = rows.iter().filter_map(|row| row.int(0).zip(row.int(2))).collect();
    let told = normalizing::codings(connection, organization, &versions, Nearness::Found).await?;
    let (mut found, mut rids, mut unfit) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()), 0);
    for row in rows {
        if !rids.is_empty() && begun.elapsed() > WORKED {
            break;
        }
        let rid = row.int(0).unwrap_or_default();
        rids.push(rid);
        let (body, kind) = (row.text(1).unwrap_or_default(), row.text(3).unwrap_or_default());
        let version = (rid, row.int(2).unwrap_or_default());
        let whole = Normalized::as_told(&told, version, kind, body.as_bytes()).whole;
        let Ok(document) = Document::parse(whole.as_deref().unwrap_or(body).as_bytes()) else { continue };
        let unspoken = redaction::unspoken(document.root(), &bases);
        let unspoken = unspoken.as_deref().and_then(|text| Document::parse(text).ok());
        let document = unspoken.as_ref().unwrap_or(&document);
        let mut values = IndexRows::default();
        match parameter.extract(document.root(), &mut values) {
            Ok(()) => found.push((rid, Index::of_rows(values.into_owned(), &bases))),
            Err(_) => unfit += 1,
        }
    }
    let places: Vec<String> = parameter.places().map(|place| place.to_string()).collect();
    let looked_at = rids.len();
    let rids: Vec<Arg<'_>> = rids.into_iter().map(Arg::Int).collect();
    for table in tables(parameter) {
        let sql = format!(
            "delete from {table} where path in ({}) and rid in (select k.rid from {{keys}})",
            places.join(", ")
        );
        bulk::execute_by_keys(connection, &sql, &[], &[("rid", bulk::BulkType::Int)], &rids).await?;
    }
    let found: Vec<(i64, &Index)> = found.iter().map(|(rid, index)| (*rid, index)).collect();
    bulk::insert_together(connection, organization.0, &index::batches(&found)).await?;
    Ok(Kept { looked_at, unfit })
}

/// The tables that rows of a parameter may be in.
fn tables(parameter: &Parameter) -> Vec<&'static str> {
    let of = |kind| -> &'static [&'static str] {
        match kind {
            ParameterKind::Composite | ParameterKind::Special => &[],
            ParameterKind::Date => &["index_date"],
            ParameterKind::Number | ParameterKind::Quantity => &["index_quantity"],
            ParameterKind::Reference => &["index_reference", "index_token"],
            ParameterKind::String => &["index_string"],
            ParameterKind::Token => &["index_token", "index_string"],
            ParameterKind::Uri => &["index_token"],
        }
    };
    let mut tables: Vec<&str> = parameter.kinds().into_iter().flat_map(of).copied().collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// The parameter is complete: from now on it answers.
async fn finish(connection: &mut Connection, organization: OrganizationId, task: &Task) -> Result<(), DbError> {
    let sql = "update search_parameters set state = $3, percent = 100, looked_at = $4, unfit = $5 \
         where organization_id = $1 and number = $2";
    let args = [
        Arg::Int(organization.0),
        Arg::Int(task.number),
        Arg::Text(READY),
        Arg::Int(task.looked_at),
        Arg::Int(task.unfit),
    ];
    connection.execute(sql, &args).await?;
    changed(connection, organization).await?;
    let (number, looked_at, unfit) = (task.number, task.looked_at, task.unfit);
    tracing::info!(organization = organization.0, number, looked_at, unfit, "a search parameter is ready");
    Ok(())
}

async fn changed(connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
    let sql = "update search_registry set version = version + 1 where organization_id = $1";
    connection.execute(sql, &[Arg::Int(organization.0)]).await.map(drop)
}

/// Removes index rows of a parameter that has gone; with the last of them it is forgotten.
async fn remove_some(connection: &mut Connection, organization: OrganizationId, task: &Task) -> Result<(), DbError> {
    let span = i64::from(task.definition.span());
    let places: Vec<String> = (task.number..task.number + span).map(|place| format!("-{place}")).collect();
    let places = places.join(", ");
    let mut removed = 0;
    for table in index::TABLES {
        let sql = format!(
            "delete from {table} where organization_id = $1 and path in ({places}) and rid in \
             (select rid from {table} where organization_id = $1 and path in ({places}) limit {REMOVED})"
        );
        removed += connection.execute(&sql, &[Arg::Int(organization.0)]).await?;
    }
    if removed == 0 {
        let sql = "delete from search_parameters where organization_id = $1 and number = $2";
        connection.execute(sql, &[Arg::Int(organization.0), Arg::Int(task.number)]).await?;
        tracing::info!(organization = organization.0, number = task.number, "a search parameter is gone");
    }
    Ok(())
}
