//! What is older than it has to be kept: exported, verified, and only then dropped.
//!
//! A chain is dropped from its beginning to the end of a link; links after it, and the beginning with the heads that the chain
//! joined, stay. A signed statement says how far, in the database and in the heads' file, so that a verification starts there:
//! whoever has not the key cannot drop anything unseen. What does not agree with its chain is not dropped: it is evidence.

pub(crate) mod check;
mod dropping;
mod export;
mod months;
pub(crate) mod run;
mod statement;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions;

use super::AuditError;
use super::chain::{self, prefix};
use super::heads::{self, Signer, kept};
use super::trail;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::pools::{self, Pools};

use dropping::Dropping;
#[cfg(test)]
pub(super) use statement::RETIRED;
pub(crate) use statement::{Statement, dropped_before, statements};

/// The beginning of a chain that may be dropped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) organization: i64,
    /// 0 = the records from before there were chains.
    pub(crate) chain: i64,
    /// The head before its first link.
    pub(crate) previous: String,
    /// Links and places of records, all within; of records from before the chains their number is `last`.
    pub(crate) first_link: i64,
    pub(crate) last_link: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The head with its last link; of records from before the chains their root.
    pub(crate) head: String,
    /// Of records from before the chains the last key; what came since is not part of it.
    pub(crate) key: i64,
}

impl Part {
    pub(crate) fn records(&self) -> u64 {
        u64::try_from(self.last - self.first + 1).unwrap_or(0)
    }
}

/// What is older than `cutoff` (milliseconds since 1970) and can be dropped: of each chain the links before the first younger
/// one. Records from before the chains go when all of them are older.
pub(crate) async fn due(connection: &mut Connection, cutoff: i64) -> Result<Vec<Part>, DbError> {
    let prefix = prefix(connection.engine());
    let mut parts = Vec::new();
    let sql = format!(
        "select organization_id from {prefix}audit_events where chain is null group by organization_id \
         having max(at) < $1 order by organization_id"
    );
    for row in connection.fetch(&sql, &[Arg::Int(cutoff)]).await? {
        let organization = row.int(0).unwrap_or_default();
        let chain::Before { count: last, root: head, key } = chain::before(connection, organization, |_| ()).await?;
        let previous = String::new();
        parts.push(Part { organization, chain: 0, previous, first_link: 0, last_link: 0, first: 1, last, head, key });
    }
    let sql = format!(
        "select l.organization_id, l.chain, f.previous, f.number, l.number, f.first, l.last, l.head from {prefix}audit_links l \
         join (select m.organization_id, m.chain, min(m.number) as low, \
                   min(case when m.at >= $1 then m.number end) as young, max(m.number) as high \
               from {prefix}audit_links m group by m.organization_id, m.chain) r \
             on r.organization_id = l.organization_id and r.chain = l.chain \
                 and l.number = coalesce(r.young - 1, r.high) and l.number >= r.low \
         join {prefix}audit_links f on f.organization_id = l.organization_id and f.chain = l.chain and f.number = r.low \
         order by l.organization_id, l.chain"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(cutoff)]).await?;
    parts.extend(rows.iter().filter_map(|row| {
        Some(Part {
            organization: row.int(0)?,
            chain: row.int(1)?,
            previous: row.text(2)?.to_owned(),
            first_link: row.int(3)?,
            last_link: row.int(4)?,
            first: row.int(5)?,
            last: row.int(6)?,
            head: row.text(7)?.to_owned(),
            key: 0,
        })
    }));
    Ok(parts)
}

/// Whether anything is: [`due`] tells what, and looks through records from before there were chains for it.
pub(super) async fn is_due(connection: &mut Connection, cutoff: i64) -> Result<bool, DbError> {
    let prefix = prefix(connection.engine());
    let sql = format!(
        "select exists (select 1 from (select organization_id, chain, min(number) as number from {prefix}audit_links \
             group by organization_id, chain) f join {prefix}audit_links l on l.organization_id = f.organization_id \
             and l.chain = f.chain and l.number = f.number where l.at < $1) \
         or exists (select organization_id from {prefix}audit_events where chain is null group by organization_id having max(at) < $1)"
    );
    Ok(connection.fetch_optional(&sql, &[Arg::Int(cutoff)]).await?.is_some_and(|row| row.flag(0)))
}

/// Why nothing, or not all, was dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RetainError {
    /// The database's.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The export cannot be written, or reads otherwise than it was written.
    #[error("the export: {0}")]
    Export(#[from] io::Error),
    /// The run cannot be put on record.
    #[error("{0}; nothing was dropped")]
    Unrecorded(#[from] AuditError),
    /// The clocks of server, database and trail are too far apart to say what is old.
    #[error(
        "the clocks of the server, of the database and of the trail's newest records are too far apart, and nothing was dropped"
    )]
    Clock,
    /// The trail is not as it was written.
    #[error("the trail is not as it was written, and nothing was dropped: see `audit verify`")]
    Tampered,
}

/// Writes the parts to a folder, reads that back, and drops them.
///
/// `signers` are the keys that may have signed what is dropped.
///
/// `record` is given the hash of the export's manifest, and puts on record what is going to be dropped.
///
/// # Errors
/// [`RetainError`]; the export is complete, and the run is on record, before the first record goes.
pub(crate) async fn retire(
    connection: &mut Connection,
    (data_dir, signers): (&Path, &BTreeSet<String>),
    folder: &Path,
    parts: &[Part],
    (cutoff, made): (i64, i64),
    record: impl AsyncFnOnce(&str) -> Result<(), AuditError>,
) -> Result<(), RetainError> {
    let signer = Signer::open(data_dir)?;
    // A new folder has its name once it is complete: whoever sees that finds all of it.
    let place = if folder.exists() { folder.to_owned() } else { unfinished(folder)? };
    let manifest = export::write(connection, &signer, &place, parts, (cutoff, made)).await?;
    let mut signers = signers.clone();
    signers.insert(signer.name.clone());
    let (written, known) = (place.join(export::MANIFEST), signers.clone());
    let checked = tokio::task::spawn_blocking(move || check::check(&written, &known));
    if checked.await.map_err(io::Error::other)??.found > 0 {
        return Err(RetainError::Tampered);
    }
    if place != folder {
        finish(&place, folder)?;
    }
    record(&manifest).await?;
    let drop = Dropping { signer: &signer, manifest: &manifest, cutoff, made };
    let mut statements = months::drop_whole(connection, &drop, parts).await?;
    let mut lines = String::new();
    for part in parts {
        let dropped = statements.remove(&(part.organization, part.chain));
        let statement = drop.rest(connection, part, dropped).await?;
        lines += &(serde_json::to_string(&statement).map_err(io::Error::other)? + "\n");
    }
    heads::append(data_dir.join(heads::FILE), lines).await?;
    kept::compact(data_dir, signers).await?;
    Ok(())
}

/// How the name of an export's folder ends until the export is complete.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// The folder until the export is complete; what a run that was killed left there goes.
fn unfinished(folder: &Path) -> io::Result<PathBuf> {
    let name = folder.file_name().ok_or_else(|| io::Error::other("the export's folder has no name"))?;
    let mut name = name.to_owned();
    name.push(UNFINISHED);
    let unfinished = folder.with_file_name(name);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    Ok(unfinished)
}

/// Gives the folder its name.
fn finish(unfinished: &Path, folder: &Path) -> io::Result<()> {
    fs::rename(unfinished, folder)?;
    // On disk before the first record goes.
    match folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// A connection that may drop what is due: to the trail's file, or as the tables' owner.
///
/// # Errors
/// The database's.
pub(crate) async fn owner(pools: &Pools, data_dir: &Path) -> Result<Connection, DbError> {
    match pools.path() {
        Some(_) => {
            let patience = std::time::Duration::from_secs(30);
            let options = pools::sqlite_options(&data_dir.join(trail::FILE)).busy_timeout(patience);
            let mut connection = Connection::sqlite(options.connect().await?);
            trail::prepare(&mut connection).await?;
            Ok(connection)
        }
        None => pools.owner().await,
    }
}

#[cfg(test)]
mod tests {
    use consent::{OrganizationId, Purpose};

    use super::super::verify::{self, Known, Report};
    use super::super::{Audit, Circumstances, Event};
    use super::*;
    use crate::store::pools::PoolSettings;

    fn event(at_ms: i64) -> Event {
        let of = Circumstances::unknown(OrganizationId(1), "c", "r", Purpose::Treat);
        Event {
            kind: Some("Patient".into()),
            id: Some(at_ms.to_string().into()),
            version: Some(1),
            ..Event::new(of, "read", 200, at_ms)
        }
    }

    async fn verified(pools: &Pools, folder: &Path) -> Report {
        let known = Known::read(folder, None, &[]).unwrap();
        let mut connection = verify::reader(pools, folder).await.unwrap();
        let report = verify::verify(&mut connection, &known, |_| {}).await.unwrap();
        assert_eq!(report.findings, [], "{report:?}");
        report
    }

    #[tokio::test]
    async fn a_chain_is_dropped_up_to_its_first_young_link_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let pools = Pools::open(None, folder, &PoolSettings::default()).await.unwrap();
        let audit = Audit::open(&pools, folder).await.unwrap();
        // The clock went back once: what is old behind what is young stays.
        for at in [10, 20, 30, 5000, 40, 6000] {
            audit.record(event(at)).await.unwrap();
        }
        let dropped = async |cutoff: i64, export: &str| {
            let mut connection = owner(&pools, folder).await.unwrap();
            let parts = due(&mut connection, cutoff).await.unwrap();
            retire(
                &mut connection,
                (folder, &BTreeSet::new()),
                &folder.join(export),
                &parts,
                (cutoff, 9000),
                async |_| Ok(()),
            )
            .await
            .unwrap();
            parts.iter().map(|part| (part.first_link, part.last_link, part.first, part.last)).collect::<Vec<_>>()
        };
        assert_eq!(dropped(10, "none").await, [], "nothing is older than the oldest");
        assert_eq!(dropped(1000, "a").await, [(1, 3, 1, 3)]);
        let report = verified(&pools, folder).await;
        assert_eq!((report.records, report.retired), (3, 1));
        // The writer has the chain still.
        audit.record(event(7000)).await.unwrap();
        assert_eq!(verified(&pools, folder).await.records, 4);
        assert_eq!(dropped(6500, "b").await, [(4, 6, 4, 6)]);
        assert_eq!(dropped(8000, "c").await, [(7, 7, 7, 7)]);
        assert_eq!(verified(&pools, folder).await.records, 0, "a chain without a link");
        audit.record(event(9000)).await.unwrap();
        assert_eq!(verified(&pools, folder).await.records, 1);
        let signers = Known::signers(folder, &[]).unwrap();
        for (export, records) in [("a", 3), ("b", 3), ("c", 1)] {
            let report = check::check(&folder.join(export).join("manifest.json"), &signers).unwrap();
            assert_eq!((report.records, report.found), (records, 0), "{report:?}");
        }
        // What came without a chain since it was looked for was not exported, and stays.
        let insert = "insert into audit_events (organization_id, at, request, caller, purpose, interaction, status, decision) \
                      values (1, 1, 'r', 'c', 'TREAT', 'read', 200, 'permit')";
        let mut connection = owner(&pools, folder).await.unwrap();
        connection.script(insert).await.unwrap();
        let parts = due(&mut connection, 1000).await.unwrap();
        assert_eq!(parts.iter().map(|part| (part.chain, part.last)).collect::<Vec<_>>(), [(0, 1)]);
        connection.script(insert).await.unwrap();
        retire(&mut connection, (folder, &BTreeSet::new()), &folder.join("d"), &parts, (1000, 9000), async |_| Ok(()))
            .await
            .unwrap();
        let report = check::check(&folder.join("d").join("manifest.json"), &signers).unwrap();
        assert_eq!((report.records_before, report.found), (1, 0));
        let left = connection.fetch("select count(*) from audit_events where chain is null", &[]).await.unwrap();
        assert_eq!(left.first().and_then(|row| row.int(0)), Some(1));
        let again =
            retire(&mut connection, (folder, &BTreeSet::new()), &folder.join("a"), &[], (1, 1), async |_| Ok(())).await;
        assert!(matches!(again, Err(RetainError::Export(_))), "never over another export");
    }
}
