//! Recomputes the trail and says what is not as it was written.
//!
//! It reads every record once, in the order of its chain, and keeps one page; of the heads' file likewise. Findings name
//! chains, links and records by number, never what a record says.

mod compare;
mod report;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions;

use super::chain::{self, Beginning, prefix};
use super::heads::kept::Kept;
use super::heads::{self, Line};
use super::retention::{self, Statement};
use super::trail;
use crate::store::connection::{Connection, DbError};
use crate::store::pools::{self, Pools};
use crate::store::security::AUDIT_READER;

use compare::compare_heads;
pub(crate) use report::{Finding, Problem, Report};
use walk::Walk;

/// What to verify against.
#[derive(Debug)]
pub(crate) struct Known {
    /// Signed heads, where they were kept; none where there are none yet.
    pub(crate) heads: Option<Kept>,
    /// How far chains were dropped, from there too.
    pub(crate) retired: Vec<Statement>,
    /// Public keys that may have signed, in hexadecimal.
    pub(crate) signers: BTreeSet<String>,
}

impl Known {
    /// The heads of a file, by default that of the data directory, and the data directory's key with `keys`.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn read(data_dir: &Path, file: Option<&Path>, keys: &[String]) -> Result<Self, String> {
        let own = data_dir.join(heads::FILE);
        let path: PathBuf = file.map_or(own, Path::to_owned);
        let (mut heads, mut retired) = (None, Vec::new());
        if file.is_some() || path.exists() {
            let unusable = |error| format!("{}: {error}", path.display());
            let kept = Kept::open(&path).map_err(unusable)?;
            for line in kept.lines().map_err(unusable)? {
                if let Line::Retired(statement) = line.map_err(unusable)? {
                    retired.push(statement);
                }
            }
            heads = Some(kept);
        }
        Ok(Self { heads, retired, signers: Self::signers(data_dir, keys)? })
    }

    /// The data directory's key, with `keys`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn signers(data_dir: &Path, keys: &[String]) -> Result<BTreeSet<String>, String> {
        let own = heads::public_key(data_dir).map_err(|error| error.to_string())?;
        Ok(keys.iter().map(|key| key.to_ascii_lowercase()).chain(own).collect())
    }
}

/// A connection that may read the whole trail and change nothing.
///
/// # Errors
/// The database's; there may be no trail yet.
pub(crate) async fn reader(pools: &Pools, data_dir: &Path) -> Result<Connection, DbError> {
    match pools.path() {
        Some(_) => {
            let options = pools::sqlite_options(&data_dir.join(trail::FILE)).read_only(true);
            Ok(Connection::sqlite(options.connect().await?))
        }
        None => {
            let mut connection = pools.owner().await?;
            connection.script(&format!("set role {AUDIT_READER}; set default_transaction_read_only = on")).await?;
            Ok(connection)
        }
    }
}

/// Verifies the whole trail, as it is at one moment; `progress` is told the number of records so far. The heads must have
/// been read before: a gateway at work adds to both.
///
/// # Errors
/// The database's.
pub(crate) async fn verify(
    connection: &mut Connection,
    known: &Known,
    progress: impl FnMut(u64),
) -> Result<Report, DbError> {
    connection.begin_read(None).await?;
    let report = recompute(connection, known, progress).await?;
    connection.end_read().await?;
    Ok(report)
}

async fn recompute(
    connection: &mut Connection,
    known: &Known,
    mut progress: impl FnMut(u64),
) -> Result<Report, DbError> {
    let mut report = Report::default();
    let mut expected = Heads::new();
    let retired = retired(connection, known, &mut report).await?;
    let chains = chains(connection).await?;
    for ((organization, chain), _) in retired.iter().filter(|(key, _)| key.1 != 0 && !chains.contains_key(key)) {
        let (organization, chain, problem) = (*organization, *chain, Problem::BeginningChanged);
        report.find(Finding { organization, chain, link: None, record: None, problem });
    }
    compare_heads(connection, known, &retired, &mut report).await?;
    let (mut joined, mut before) = (Vec::new(), BTreeMap::new());
    for beginning in chains.values().flatten() {
        for (chain, link, head) in beginning.joined() {
            joined.push((beginning.organization, chain, link, head.to_owned()));
        }
        if beginning.before_count > 0 {
            before.insert(beginning.organization, beginning.clone());
        }
    }
    for (organization, chain, link, head) in joined {
        expected.entry((organization, chain)).or_default().push((link, head));
    }
    for ((organization, chain), beginning) in &chains {
        let expected = expected.remove(&(*organization, *chain)).unwrap_or_default();
        let retired = retired.get(&(*organization, *chain));
        let (organization, chain) = (*organization, *chain);
        let mut walk = Walk { connection, known, report: &mut report, organization, chain, retired };
        walk.run(beginning.as_ref(), expected, &mut progress).await?;
    }
    for ((organization, chain), heads) in expected {
        let link = heads.iter().map(|(link, _)| *link).max();
        report.find(Finding { organization, chain, link, record: None, problem: Problem::Truncated });
    }
    verify_before(connection, &before, &retired, &mut report).await?;
    Ok(report)
}

type Retired = BTreeMap<(i64, i64), Statement>;

/// How far chains were dropped, by statements of the database and of the heads' file whose signatures hold.
async fn retired(connection: &mut Connection, known: &Known, report: &mut Report) -> Result<Retired, DbError> {
    let mut retired = Retired::new();
    let stored = retention::statements(connection).await?;
    for statement in stored.iter().chain(&known.retired) {
        let Statement { organization, chain, link, .. } = *statement;
        if let Some(problem) = statement.problem(&known.signers) {
            report.find(Finding { organization, chain, link: Some(link), record: None, problem });
            continue;
        }
        report.signatures += 1;
        let newest = retired.entry((organization, chain)).or_insert_with(|| statement.clone());
        if link > newest.link {
            *newest = statement.clone();
        }
    }
    report.retired = retired.len() as u64;
    Ok(retired)
}

type Heads = BTreeMap<(i64, i64), Vec<(i64, String)>>;

/// What is wrong with a signature.
fn signature(known: &Known, head: &str, signer: &str, signature: &str) -> Option<Problem> {
    if !known.signers.contains(signer) {
        Some(Problem::SignerUnknown)
    } else if !heads::is_signed(head, signer, signature) {
        Some(Problem::SignatureForged)
    } else {
        None
    }
}

/// Every chain that any table knows, with its beginning.
async fn chains(connection: &mut Connection) -> Result<BTreeMap<(i64, i64), Option<Beginning>>, DbError> {
    let prefix = prefix(connection.engine());
    let sql = format!(
        "select organization_id, chain from {prefix}audit_links where chain is not null \
         union select organization_id, chain from {prefix}audit_events where chain is not null"
    );
    let rows = connection.fetch(&sql, &[]).await?;
    let mut chains: BTreeMap<(i64, i64), Option<Beginning>> =
        rows.iter().filter_map(|row| Some(((row.int(0)?, row.int(1)?), None))).collect();
    let sql = format!(
        "select organization_id, chain, began, joined, before_count, before_root, head from {prefix}audit_chains"
    );
    for row in connection.fetch(&sql, &[]).await? {
        let beginning = Beginning {
            organization: row.int(0).unwrap_or_default(),
            chain: row.int(1).unwrap_or_default(),
            began: row.int(2).unwrap_or_default(),
            joined: row.text(3).unwrap_or_default().to_owned(),
            before_count: row.int(4).unwrap_or_default(),
            before_root: row.text(5).unwrap_or_default().to_owned(),
        };
        let key = (beginning.organization, beginning.chain);
        let whole = row.text(6) == Some(&beginning.head());
        chains.insert(key, whole.then_some(beginning));
    }
    Ok(chains)
}

/// Records of no chain: only those that the organization's first chain found may be there.
async fn verify_before(
    connection: &mut Connection,
    before: &BTreeMap<i64, Beginning>,
    retired: &Retired,
    report: &mut Report,
) -> Result<(), DbError> {
    let sql = format!(
        "select organization_id, count(*) from {}audit_events where chain is null group by organization_id",
        prefix(connection.engine())
    );
    let rows = connection.fetch(&sql, &[]).await?;
    let mut counts: BTreeMap<i64, i64> = rows.iter().filter_map(|row| Some((row.int(0)?, row.int(1)?))).collect();
    for (organization, beginning) in before {
        let count = counts.remove(organization).unwrap_or(0);
        report.records_before += u64::try_from(count).unwrap_or(0);
        let (mut count, mut root) = (count, chain::before(connection, *organization, |_| ()).await?.root);
        if let Some(dropped) = retired.get(&(*organization, 0)) {
            if count > 0 {
                let finding = Finding {
                    organization: *organization,
                    chain: 0,
                    link: None,
                    record: None,
                    problem: Problem::Returned,
                };
                report.find(finding);
            }
            (count, root) = (dropped.last, dropped.head.clone());
        }
        if count != beginning.before_count || root != beginning.before_root {
            let (organization, chain) = (*organization, beginning.chain);
            report.find(Finding { organization, chain, link: None, record: None, problem: Problem::BeforeChanged });
        }
    }
    for (organization, count) in counts {
        report.records_before += u64::try_from(count).unwrap_or(0);
        report.find(Finding { organization, chain: 0, link: None, record: None, problem: Problem::RecordInserted });
    }
    Ok(())
}
