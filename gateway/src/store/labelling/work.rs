//! The work behind labels: what was stored before, or is without labels for another reason (`labels` = 0), is labelled,
//! portion by portion. That a row is labelled is all the progress there is to keep, so whoever is killed is no harm.
//!
//! A portion keeps nobody from writing: a resource that changes meanwhile has its labels from whoever changed it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use consent::OrganizationId;
use consent::labelling::Labelling;
use consent::labels::Labels;
use mappers::json::Document;
use mappers::references::Bases;

use super::encounters;
use super::{Mark, label};
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::emit::Facts;
use crate::store::error::StoreError;
use crate::store::normalizing::{self, Codings, Nearness, Normalized};

/// Resources in one portion.
const PORTION: usize = 200;
/// Versions in one portion (one resource is looked at, however many it has).
const VERSIONS: i64 = 1_000;
/// The least pause between two portions; longer ones rest as long as they took.
const REST: Duration = Duration::from_millis(2);
/// The pause after a portion that met others, or failed.
const PAUSE: Duration = Duration::from_millis(400);
/// How often somebody looks for work that another process left.
const ROUND: Duration = Duration::from_secs(60);

impl Store {
    /// Labels in the background from now on.
    pub fn keep_labelling(&self) {
        let store = self.clone();
        tokio::spawn(async move {
            while !store.core().registry.is_closing() {
                if let Err(error) = store.label_all().await
                    && !store.core().registry.is_closing()
                {
                    tracing::warn!(%error, "labelling was interrupted; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
                let _ = tokio::time::timeout(ROUND, store.core().labellings.work.notified()).await;
            }
        });
    }

    /// Labels all that is without labels; how many resources that were.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn label_all(&self) -> Result<u64, StoreError> {
        let core = self.core();
        let mut all = 0;
        for organization in organizations(core).await? {
            let mut progress = Progress::default();
            while !core.registry.is_closing() {
                let begun = Instant::now();
                match portion(core, organization).await {
                    Ok(None) => break,
                    Ok(Some(done)) => {
                        progress.add(organization, &done);
                        tokio::time::sleep(REST.max(begun.elapsed())).await;
                    }
                    Err(error) if error.is_lock_timeout() || error.is_retryable() => tokio::time::sleep(PAUSE).await,
                    Err(error) => return Err(error.into_store_error()),
                }
            }
            progress.finish(organization);
            all += progress.done;
        }
        Ok(all)
    }
}

/// What a portion has done.
struct Done {
    resources: u64,
    /// The last row id of it, and the last there is.
    at: i64,
    of: i64,
}

/// How far the work on an organization is, for its log.
#[derive(Default)]
struct Progress {
    done: u64,
    percent: i64,
}

impl Progress {
    fn add(&mut self, organization: OrganizationId, done: &Done) {
        self.done += done.resources;
        let percent = 100 * done.at / done.of.max(1);
        if percent / 10 > self.percent / 10 {
            tracing::info!(
                organization = organization.0,
                labelled = self.done,
                percent,
                "labelling what was stored before"
            );
        }
        self.percent = self.percent.max(percent);
    }

    fn finish(&self, organization: OrganizationId) {
        if self.done > 0 {
            tracing::info!(
                organization = organization.0,
                labelled = self.done,
                "all that was stored before is labelled"
            );
        }
    }
}

/// A row without labels.
struct Unlabelled {
    rid: i64,
    kind: Box<str>,
    id: Box<str>,
    version: i64,
    deleted: bool,
}

const NEXT: &str = "select rid, type, id, version, deleted from directory where organization_id = $1 and labels = 0 \
     order by rid limit ";

/// One portion; `None` where there is nothing to label, or this process has not the tables that count.
async fn portion(core: &Core, organization: OrganizationId) -> Result<Option<Done>, DbError> {
    {
        // Mostly there is nothing, and nobody must wait for that to be found out.
        let mut reader = core.pools.reader().await?;
        reader.begin_read(Some(organization.0)).await?;
        let waiting = reader.fetch_optional(&format!("{NEXT}1"), &[Arg::Int(organization.0)]).await?;
        // Who writes nothing learns here of a server that has come beside it at another address.
        core.addresses.learn_now(&mut reader, organization).await?;
        core.registry.learn_now(&mut reader, organization).await?;
        reader.commit().await?;
        if waiting.is_none() {
            return Ok(None);
        }
    }
    let mut connection = core.pools.writer().await?;
    let worked = work(core, &mut connection, organization).await;
    if worked.is_err() {
        connection.rollback_if_open().await;
    }
    worked
}

async fn work(core: &Core, connection: &mut Connection, organization: OrganizationId) -> Result<Option<Done>, DbError> {
    connection.begin_write(Some(organization.0)).await?;
    let counts = connection.fetch_optional("select coalesce(max(id), 0) from labellings", &[]).await?;
    core.addresses.learn_now(connection, organization).await?;
    core.labellings.learn(connection, counts.and_then(|row| row.int(0)).unwrap_or_default()).await?;
    let Some(labelling) = core.labellings.known().labelling else {
        connection.rollback().await?;
        return Ok(None);
    };
    let rows = next(connection, organization).await?;
    let Some(last) = rows.last() else {
        connection.rollback().await?;
        return Ok(None);
    };
    let versions = versions(connection, organization, &rows).await?;
    let of_versions = versions.iter().flat_map(|(rid, of)| of.iter().map(|(version, _)| (*rid, *version)));
    let told =
        normalizing::codings(connection, organization, &of_versions.collect::<Vec<_>>(), Nearness::Found).await?;
    let looking = Looking { labelling: &labelling, bases: &core.bases(), told: &told };
    let looked = |row: &Unlabelled| looking.look(row, versions.get(&row.rid));
    let (mut marks, evers): (Vec<Mark>, Vec<Labels>) = rows.iter().map(looked).unzip();
    encounters::pass_on(connection, organization, marks.iter_mut().collect()).await?;
    const COLUMNS: &[BulkColumn<'static>] = &[
        ("rid", BulkType::Int),
        ("version", BulkType::Int),
        ("labels", BulkType::Int),
        ("ever", BulkType::Int),
        ("hears", BulkType::Int),
        ("encounter", BulkType::Text),
    ];
    let sql = "update directory set labels = k.labels, labels_ever = directory.labels_ever | k.ever, hears = k.hears, \
         encounter = coalesce(k.encounter, directory.encounter) from {keys} \
         where directory.organization_id = $1 and directory.rid = k.rid and directory.version = k.version \
         and directory.labels = 0";
    let values = rows.iter().zip(marks.iter().zip(&evers)).flat_map(|(row, (mark, ever))| {
        let ever = *ever | mark.labels;
        let (hears, encounter) = (Arg::Int(mark.hears.into()), Arg::text(mark.encounter.as_deref()));
        let labels = [Arg::Int(mark.labels.bits()), Arg::Int(ever.bits())];
        [Arg::Int(row.rid), Arg::Int(row.version), labels[0], labels[1], hears, encounter]
    });
    let values: Vec<Arg<'_>> = values.collect();
    let done = bulk::execute_by_keys(connection, sql, &[Arg::Int(organization.0)], COLUMNS, &values).await?;
    let sql = "select max(rid) from directory where organization_id = $1";
    let of = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
    let of = of.and_then(|row| row.int(0)).unwrap_or_default();
    connection.commit().await?;
    Ok(Some(Done { resources: done, at: last.rid, of }))
}

async fn next(connection: &mut Connection, organization: OrganizationId) -> Result<Vec<Unlabelled>, DbError> {
    let rows = connection.fetch(&format!("{NEXT}{PORTION}"), &[Arg::Int(organization.0)]).await?;
    let mut left = VERSIONS;
    let mut taken = Vec::with_capacity(rows.len());
    for row in &rows {
        let version = row.int(3).unwrap_or_default();
        if left < version && !taken.is_empty() {
            break;
        }
        left -= version;
        taken.push(Unlabelled {
            rid: row.int(0).unwrap_or_default(),
            kind: row.text(1).unwrap_or_default().into(),
            id: row.text(2).unwrap_or_default().into(),
            version,
            deleted: row.int(4) == Some(1),
        });
    }
    Ok(taken)
}

/// Numbers and bodies of versions.
type Versions = Vec<(i64, Box<str>)>;

/// All versions but deletions, by row id, the latest first.
async fn versions(
    connection: &mut Connection,
    organization: OrganizationId,
    rows: &[Unlabelled],
) -> Result<HashMap<i64, Versions>, DbError> {
    let keys: Vec<Arg<'_>> = rows.iter().flat_map(|row| [Arg::Int(row.rid), Arg::Int(row.version)]).collect();
    let sql = "select v.rid, v.body, v.version from {keys} join resource_versions v on v.rid = k.rid and v.version <= k.version \
         where v.organization_id = $1 and v.deleted = 0 order by v.rid, v.version desc";
    let columns = [("rid", BulkType::Int), ("version", BulkType::Int)];
    let found = bulk::fetch_by_keys(connection, sql, &[Arg::Int(organization.0)], &columns, &keys).await?;
    let mut versions: HashMap<i64, Versions> = HashMap::with_capacity(rows.len());
    for row in &found {
        let (rid, body) = (row.int(0).unwrap_or_default(), row.text(1).unwrap_or_default());
        versions.entry(rid).or_default().push((row.int(2).unwrap_or_default(), body.into()));
    }
    Ok(versions)
}

/// By what labels are told.
struct Looking<'l> {
    labelling: &'l Labelling,
    bases: &'l Bases,
    /// What codes were told to mean: one of somebody's own is as sensitive as what it stands for.
    told: &'l Codings,
}

impl Looking<'_> {
    /// The labels of a resource (of its last version, where it is deleted), and those that any version of it has.
    fn look(&self, row: &Unlabelled, versions: Option<&Versions>) -> (Mark, Labels) {
        let mut marks = versions.into_iter().flatten().map(|(version, body)| self.read(row, *version, body));
        // What nobody can read is not understood.
        let unknown = || Mark { labels: (Labels::UNKNOWN | Labels::NORMAL).settled(), ..Mark::default() };
        let mut mark = marks.next().flatten().unwrap_or_else(unknown);
        let ever = marks.fold(mark.labels, |ever, mark| ever | mark.unwrap_or_else(unknown).labels);
        if row.deleted {
            // It is in no encounter any more.
            mark = Mark { labels: mark.labels, ..Mark::default() };
        }
        (mark, ever)
    }

    fn read(&self, row: &Unlabelled, version: i64, body: &str) -> Option<Mark> {
        let whole = Normalized::as_told(self.told, (row.rid, version), &row.kind, body.as_bytes()).whole;
        let document = Document::parse(whole.as_deref().unwrap_or(body).as_bytes()).ok()?;
        let mut mark = Facts::of(&row.kind, &row.id, document.root(), self.bases).mark;
        label(self.labelling, &row.kind, document.root(), &mut mark);
        Some(mark)
    }
}
