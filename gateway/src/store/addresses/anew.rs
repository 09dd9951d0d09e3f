//! What is stored and refers below an address that is ours now, derived anew: facts, index rows and labels, by the code that derives
//! them of what is written; and the rules of patients whose Consents say something below it.
//!
//! Portion by portion, each a transaction that excludes all that write. What is done twice comes to the same: whoever is killed
//! halfway is followed by one who begins again, for that all is done is kept last.

use std::collections::BTreeSet;

use consent::OrganizationId;
use mappers::json::Document;
use mappers::references::Bases;

use super::DERIVED;
use crate::store::alone::patiently;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};
use crate::store::consents::{self, STAND_ON};
use crate::store::core::Core;
use crate::store::emit::Facts;
use crate::store::index::{self, Index};
use crate::store::labelling::{Mark, encounters};
use crate::store::normalizing::{self, Nearness, Normalized};
use crate::store::{derive, derived, dialect};

/// Resources that are looked for at once: only their numbers are kept.
const FOUND: usize = 10_000;
/// Resources in one transaction.
const PORTION: usize = 100;

/// Derives what refers below these addresses anew, and keeps with the last of it that all is derived under `ours`. `first`: nothing
/// has been derived under any address before, so that no rule could tell whom an address names.
pub(super) async fn derive(
    core: &Core,
    organization: OrganizationId,
    new: &[&str],
    ours: &str,
    first: bool,
) -> Result<(), DbError> {
    tracing::info!(
        organization = organization.0,
        "served at an address that is new: what is stored is looked through for it"
    );
    let mut count = 0;
    for base in new {
        let work = async |connection: &mut Connection| marks(connection, organization, base).await;
        patiently(core, work).await?;
        for statement in finders(core, organization, base).await? {
            let mut after = 0;
            loop {
                let found = find(core, organization, &statement, (base, after)).await?;
                let Some(last) = found.last() else { break };
                after = *last;
                for rids in found.chunks(PORTION) {
                    let work = async |connection: &mut Connection| portion(core, connection, organization, rids).await;
                    patiently(core, work).await?;
                    count += rids.len();
                }
            }
        }
    }
    if count > 0 {
        tracing::info!(
            organization = organization.0,
            resources = count,
            "derived anew: they refer to the server's address"
        );
    }
    if first {
        return consents::make_all_anew(core, organization, DERIVED, ours).await;
    }
    let keep = async |connection: &mut Connection| {
        connection.begin_alone(organization.0).await?;
        derived::keep(connection, organization, DERIVED, ours).await?;
        connection.commit().await
    };
    patiently(core, keep).await
}

/// What an encounter was about that was named by the address is what the one of ours was about: no mark is lost on the way.
async fn marks(connection: &mut Connection, organization: OrganizationId, base: &str) -> Result<(), DbError> {
    connection.begin_alone(organization.0).await?;
    let (low, high) = (format!("{base}/Encounter/"), format!("{base}/Encounter0"));
    let sql = format!(
        "insert into encounter_labels (organization_id, encounter, labels, looked) \
         select organization_id, substr(encounter, {}), labels, looked from encounter_labels \
         where organization_id = $1 and encounter >= $2 and encounter < $3 \
         on conflict (organization_id, encounter) do update set labels = encounter_labels.labels | excluded.labels",
        low.chars().count() + 1
    );
    connection.execute(&sql, &[Arg::Int(organization.0), Arg::Text(&low), Arg::Text(&high)]).await?;
    connection.commit().await
}

/// The statements that find what refers below an address: row ids above `$2` in order. `$3` and `$4` are the first text below it and
/// the first that is not.
async fn finders(core: &Core, organization: OrganizationId, base: &str) -> Result<Vec<String>, DbError> {
    let has_parameters = {
        let mut reader = core.pools.reader().await?;
        reader.begin_read(Some(organization.0)).await?;
        let sql = "select 1 from search_parameters where organization_id = $1 limit 1";
        let row = reader.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
        reader.commit().await?;
        row.is_some()
    };
    let engine = core.pools.engine();
    let below = |column: &str| format!("({column} >= $3 and {column} < $4)");
    let facts = format!(
        "select d.rid from directory d where d.organization_id = $1 and d.rid > $2 and ({} or {} or {}) \
         order by d.rid limit {FOUND}",
        below("d.patient"),
        below("d.author"),
        below("d.encounter")
    );
    // Place by place, for the index knows targets within their places only.
    let join = dialect::join_in_order(engine);
    let references = format!(
        "with recursive places (path) as (select min(r.path) from index_reference r where r.organization_id = $1 \
             union all select (select min(r.path) from index_reference r \
             where r.organization_id = $1 and r.path > places.path) from places where places.path is not null) \
         select distinct r.rid from places p {join} index_reference r on r.organization_id = $1 and r.path = p.path \
         and {} where r.rid > $2 order by r.rid limit {FOUND}",
        below("r.target_id")
    );
    // What has left no such text: whose words a Consent stands on, the encounter of a Binary, and what an organization's own
    // parameters were not shown. What does not spell host and port as they are has an escape (slashes have others).
    let kinds = if has_parameters { "" } else { "and d.type in ('Binary', 'Consent') " };
    let host = base.split_once("://").map_or(base, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let bodies = format!(
        "select d.rid from directory d {join} resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.rid > $2 and d.deleted = 0 {kinds}and ({} or {}) and $3 < $4 \
         order by d.rid limit {FOUND}",
        dialect::contains(engine, "v.body", &dialect::literal(host)),
        dialect::contains(engine, "v.body", r"'\u'"),
    );
    Ok(vec![facts, references, bodies])
}

async fn find(
    core: &Core,
    organization: OrganizationId,
    statement: &str,
    (base, after): (&str, i64),
) -> Result<Vec<i64>, DbError> {
    let (low, high) = (format!("{base}/"), format!("{base}0"));
    let mut reader = core.pools.reader().await?;
    reader.begin_read(Some(organization.0)).await?;
    if reader.engine() == Engine::Postgres {
        // It may look at every row, and nobody is answered meanwhile.
        reader.script("set local statement_timeout = 0").await?;
    }
    let args = [Arg::Int(organization.0), Arg::Int(after), Arg::Text(&low), Arg::Text(&high)];
    let rows = reader.fetch(statement, &args).await?;
    reader.commit().await?;
    Ok(rows.iter().filter_map(|row| row.int(0)).collect())
}

/// A resource as it is stored.
struct Stored<'r> {
    rid: i64,
    kind: &'r str,
    id: &'r str,
    version: i64,
    deleted: bool,
    patient: Option<&'r str>,
    body: &'r str,
}

impl<'r> Stored<'r> {
    fn read(row: &'r Row) -> Option<Self> {
        let (rid, kind, id) = (row.int(0)?, row.text(1)?, row.text(2)?);
        let (version, deleted, patient) = (row.int(3)?, row.int(4) == Some(1), row.text(5));
        Some(Self { rid, kind, id, version, deleted, patient, body: row.text(6)? })
    }

    /// What is left of one that was deleted: whose it was.
    fn of_deleted(&self, bases: &Bases) -> Facts {
        let own = self.patient.and_then(|patient| bases.own(patient)).map(|(_, id)| id);
        Facts::of_deleted(own.or(self.patient).map(Box::from))
    }
}

async fn portion(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    rids: &[i64],
) -> Result<(), DbError> {
    connection.begin_alone(organization.0).await?;
    learn(core, connection, organization).await?;
    again(core, connection, organization, rids, Codes::AsTold).await?;
    connection.commit().await
}

/// What codes mean to what is derived anew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Codes {
    /// What was told of them when they were written, or looked at since.
    AsTold,
    /// What is told now, which whoever asks keeps.
    Now,
}

/// Learns what counts, within the open transaction.
pub(crate) async fn learn(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<(), DbError> {
    let args = [Arg::Int(organization.0)];
    let sql = "select coalesce((select version from search_registry where organization_id = $1), 0), \
         coalesce((select max(id) from labellings), 0)";
    let row = connection.fetch_optional(sql, &args).await?;
    let number = |place| row.as_ref().and_then(|row| row.int(place)).unwrap_or_default();
    core.learn(connection, organization, number(0), number(1)).await
}

/// Derives facts, index rows and labels of these resources anew, within an open transaction that excludes all that write. What is found
/// of the current versions: row id, version and index.
pub(crate) async fn again(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    rids: &[i64],
    codes: Codes,
) -> Result<Vec<(i64, i64, Index)>, DbError> {
    let args = [Arg::Int(organization.0)];
    let (bases, in_force) = (core.bases(), core.registry.in_force(organization));
    let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select d.rid, d.type, d.id, d.version, d.deleted, d.patient, v.body from {{keys}} {join} directory d \
         on d.rid = k.rid {join} resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1"
    );
    let rows = bulk::fetch_by_keys(connection, &sql, &args, &[("rid", BulkType::Int)], &keys).await?;
    let stored: Vec<Stored<'_>> = rows.iter().filter_map(Stored::read).collect();
    let versions: Vec<(i64, i64)> = match codes {
        Codes::AsTold => stored.iter().map(|one| (one.rid, one.version)).collect(),
        Codes::Now => Vec::new(),
    };
    let told = normalizing::codings(connection, organization, &versions, Nearness::Found).await?;
    let (mut facts, mut indexes) = (Vec::with_capacity(stored.len()), Vec::with_capacity(stored.len()));
    for one in &stored {
        if one.deleted {
            facts.push(one.of_deleted(&bases));
            continue;
        }
        // By its row's number: whose it may be does not belong into a log.
        let unreadable = |_| {
            DbError::fault(format!("what directory row {} says cannot be read, so whose it is cannot be told", one.rid))
        };
        let document = Document::parse(one.body.as_bytes()).map_err(unreadable)?;
        let (of, body) = ((one.kind, one.id), one.body.as_bytes());
        let (fact, index) = match codes {
            Codes::AsTold => {
                let told = Normalized::as_told(&told, (one.rid, one.version), one.kind, body);
                derive::derive_with(core, &in_force, of, (document.root(), body), told)
            }
            Codes::Now => derive::derive(core, &in_force, of, document.root(), body),
        };
        facts.push(fact);
        indexes.push((one.rid, one.version, index));
    }
    let marks: Vec<&mut Mark> = facts.iter_mut().map(|facts| &mut facts.mark).collect();
    encounters::pass_on(connection, organization, marks).await?;
    let (patients, versions) = whose_rules(&stored, &facts);
    let changes = consents::begin_moved(connection, organization, patients, versions).await?;
    keep_facts(connection, organization, &stored, &facts).await?;
    let indexed: Vec<i64> = indexes.iter().map(|(rid, ..)| *rid).collect();
    index::forget(connection, &indexed).await?;
    let lent: Vec<(i64, &Index)> = indexes.iter().map(|(rid, _, index)| (*rid, index)).collect();
    bulk::insert_together(connection, organization.0, &index::batches(&lent)).await?;
    changes.finish(core, connection, organization).await?;
    Ok(indexes)
}

/// Patients, and versions of Consents with whose they are.
type Rules = (BTreeSet<Box<str>>, Vec<(Box<str>, i64, i64)>);

/// Whose rules are to be made anew: those of whom Consents and proxies were taken to be, and are; and which versions of Consents hold
/// from now on for other patients than before.
fn whose_rules(stored: &[Stored<'_>], facts: &[Facts]) -> Rules {
    let (mut patients, mut versions) = (BTreeSet::new(), Vec::new());
    for (one, facts) in
        stored.iter().zip(facts).filter(|(one, _)| STAND_ON.contains(&one.kind) && one.kind != "Patient")
    {
        let [before, after] = [one.patient.map(Box::from), facts.patient.clone()];
        let moves = before != after;
        for patient in [before, after].into_iter().flatten() {
            if moves && one.kind == consents::KIND {
                versions.push((patient.clone(), one.rid, one.version));
            }
            patients.insert(patient);
        }
    }
    (patients, versions)
}

async fn keep_facts(
    connection: &mut Connection,
    organization: OrganizationId,
    stored: &[Stored<'_>],
    facts: &[Facts],
) -> Result<(), DbError> {
    const COLUMNS: &[BulkColumn<'static>] = &[
        ("rid", BulkType::Int),
        ("patient", BulkType::Text),
        ("author", BulkType::Text),
        ("encounter", BulkType::Text),
        ("labels", BulkType::Int),
        ("hears", BulkType::Int),
    ];
    // What has no labels yet gets them of all its versions.
    let sql = "update directory set patient = k.patient, author = k.author, encounter = k.encounter, \
         labels = case when directory.deleted = 1 or directory.labels = 0 then directory.labels else k.labels end, \
         labels_ever = directory.labels_ever | k.labels, hears = k.hears \
         from {keys} where directory.organization_id = $1 and directory.rid = k.rid";
    let mut values = Vec::with_capacity(stored.len() * COLUMNS.len());
    for (one, facts) in stored.iter().zip(facts) {
        values.extend([Arg::Int(one.rid), Arg::text(facts.patient.as_deref()), Arg::text(facts.author.as_deref())]);
        values.extend([Arg::text(facts.mark.encounter.as_deref()), Arg::Int(facts.mark.labels.bits())]);
        values.push(Arg::Int(facts.mark.hears.into()));
    }
    bulk::execute_by_keys(connection, sql, &[Arg::Int(organization.0)], COLUMNS, &values).await.map(drop)
}
