//! Recomputes the trail and says what is not as it was written.
//!
//! It reads every record once, in the order of its chain, and keeps one page; of the heads' file likewise. Findings name chains, links and records by
//! number, never what a record says.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::ConnectOptions;

use super::chain::{self, Beginning, Link, prefix};
use super::heads::kept::Kept;
use super::heads::{self, Line, SignedHead};
use super::merkle::{Tree, hex};
use super::record;
use super::records::{PAGE, Records};
use super::retention::{self, Statement};
use super::trail;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::pools::{self, Pools};
use crate::store::security::AUDIT_READER;

/// Heads that are looked up at once.
const HEADS: usize = 500;

/// What is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    /// Whose records.
    pub(crate) organization: i64,
    /// The chain; 0 for records of no chain.
    pub(crate) chain: i64,
    /// The link, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<i64>,
    /// The record's place in the chain, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<i64>,
    /// What is wrong.
    pub(crate) problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Problem {
    /// The record does not say what it said, or stands in the place of another.
    RecordChanged,
    /// The record is missing.
    RecordRemoved,
    /// No link knows the record.
    RecordInserted,
    /// The batch's records are not those that were written, though each agrees with its own mark.
    BatchChanged,
    /// The link does not say what it said, or does not follow the one before.
    LinkChanged,
    /// The link is missing.
    LinkRemoved,
    /// The beginning of the chain is missing, or does not say what it said.
    BeginningChanged,
    /// A signed head, or a later chain, knows a link that is missing: the end of the chain was cut off.
    Truncated,
    /// A signed head, or a later chain, knows the link with another head.
    HeadDiffers,
    /// The signature is not one of the signer on this head.
    SignatureForged,
    /// The signature is of a key that is not among the known ones.
    SignerUnknown,
    /// Records from before the chains are not those that the first chain found.
    BeforeChanged,
    /// A link, or a record, that was exported and dropped is there again.
    Returned,
    /// The file is not the one that the manifest was written for.
    FileChanged,
}

impl Problem {
    /// A sentence for people.
    #[must_use]
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::RecordChanged => "the record was changed, or stands in another's place",
            Self::RecordRemoved => "the record is missing",
            Self::RecordInserted => "the record was put in later: no link knows it",
            Self::BatchChanged => "the records of the link are not those that were written",
            Self::LinkChanged => "the link was changed",
            Self::LinkRemoved => "the link is missing",
            Self::BeginningChanged => "the beginning of the chain is missing or was changed",
            Self::Truncated => "a head is known that the chain no longer reaches: its end was cut off",
            Self::HeadDiffers => "the link has another head than the one that is known",
            Self::SignatureForged => "the signature is not the signer's",
            Self::SignerUnknown => "the signer is not one of the known keys",
            Self::BeforeChanged => "the records from before the chains were changed",
            Self::Returned => "what was exported and dropped is there again",
            Self::FileChanged => "the file is not the one that the manifest was written for",
        }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Chains.
    pub(crate) chains: u64,
    /// Links.
    pub(crate) links: u64,
    /// Records of chains.
    pub(crate) records: u64,
    /// Records from before there were chains.
    pub(crate) records_before: u64,
    /// Signatures in links and heads that hold.
    pub(crate) signatures: u64,
    /// Heads of the file.
    pub(crate) heads: u64,
    /// Chains whose beginning was exported and dropped, by signed statements.
    pub(crate) retired: u64,
    /// What is wrong, at most [`Report::MOST`] of it.
    pub(crate) findings: Vec<Finding>,
    /// How much was found in all.
    pub(crate) found: u64,
}

impl Report {
    /// Findings that are listed.
    pub(crate) const MOST: usize = 1000;

    pub(super) fn find(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < Self::MOST {
            self.findings.push(finding);
        }
    }
}

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

/// The heads of the file against the links, some at a time. That the links are as they were written is found elsewhere.
async fn compare_heads(
    connection: &mut Connection,
    known: &Known,
    retired: &Retired,
    report: &mut Report,
) -> Result<(), DbError> {
    let Some(kept) = &known.heads else { return Ok(()) };
    let unreadable = |error: io::Error| DbError::fault(format!("the heads of the audit trail cannot be read: {error}"));
    let mut missing: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    let mut page = Vec::with_capacity(HEADS);
    let mut lines = kept.lines().map_err(unreadable)?;
    loop {
        let line = lines.next().transpose().map_err(unreadable)?;
        let ended = line.is_none();
        if let Some(Line::Head(head)) = line {
            report.heads += 1;
            let SignedHead { organization, chain, link, .. } = head;
            match signature(known, &head.head, &head.signer, &head.signature) {
                None => {
                    report.signatures += 1;
                    page.push(head);
                }
                Some(problem) => report.find(Finding { organization, chain, link: Some(link), record: None, problem }),
            }
        }
        if page.len() >= HEADS || ended {
            for head in stored_otherwise(connection, retired, &page).await? {
                let SignedHead { organization, chain, link, .. } = *head.0;
                if head.1 {
                    let problem = Problem::HeadDiffers;
                    report.find(Finding { organization, chain, link: Some(link), record: None, problem });
                } else {
                    let last = missing.entry((organization, chain)).or_insert(link);
                    *last = link.max(*last);
                }
            }
            page.clear();
        }
        if ended {
            break;
        }
    }
    for ((organization, chain), link) in missing {
        report.find(Finding { organization, chain, link: Some(link), record: None, problem: Problem::Truncated });
    }
    Ok(())
}

/// Heads whose link has another one (true), or is not there (false). Heads before what was dropped are in the export; that of
/// the last link that was dropped is in the statement.
async fn stored_otherwise<'h>(
    connection: &mut Connection,
    retired: &Retired,
    page: &'h [SignedHead],
) -> Result<Vec<(&'h SignedHead, bool)>, DbError> {
    let sql = format!(
        "select l.organization_id, l.chain, l.number, l.head from {{keys}} join {}audit_links l \
         on l.organization_id = k.organization_id and l.chain = k.chain and l.number = k.number",
        prefix(connection.engine())
    );
    let columns = [("organization_id", BulkType::Int), ("chain", BulkType::Int), ("number", BulkType::Int)];
    let keys: Vec<Arg<'_>> =
        page.iter().flat_map(|head| [head.organization, head.chain, head.link].map(Arg::Int)).collect();
    let rows = bulk::fetch_by_keys(connection, &sql, &[], &columns, &keys).await?;
    let key = |row: &Row| Some(((row.int(0)?, row.int(1)?, row.int(2)?), row.text(3)?.to_owned()));
    let stored: BTreeMap<(i64, i64, i64), String> = rows.iter().filter_map(key).collect();
    let otherwise = |head: &'h SignedHead| {
        let retired = retired.get(&(head.organization, head.chain));
        match retired {
            Some(retired) if head.link < retired.link => None,
            Some(retired) if head.link == retired.link => (head.head != retired.head).then_some((head, true)),
            _ => match stored.get(&(head.organization, head.chain, head.link)) {
                Some(stored) => (*stored != head.head).then_some((head, true)),
                None => Some((head, false)),
            },
        }
    };
    Ok(page.iter().filter_map(otherwise).collect())
}

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

/// One chain from its beginning to its end.
struct Walk<'w> {
    connection: &'w mut Connection,
    known: &'w Known,
    report: &'w mut Report,
    organization: i64,
    chain: i64,
    /// How far it was dropped.
    retired: Option<&'w Statement>,
}

impl Walk<'_> {
    fn find(&mut self, link: Option<i64>, record: Option<i64>, problem: Problem) {
        let (organization, chain) = (self.organization, self.chain);
        self.report.find(Finding { organization, chain, link, record, problem });
    }

    async fn run(
        &mut self,
        beginning: Option<&Beginning>,
        expected: Vec<(i64, String)>,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), DbError> {
        self.report.chains += 1;
        if beginning.is_none() {
            self.find(None, None, Problem::BeginningChanged);
        }
        let began = beginning.map(Beginning::head);
        let (mut head, mut number, mut last) = match self.retired {
            Some(retired) => (Some(retired.head.clone()), retired.link, retired.last),
            None => (began.clone(), 0, 0),
        };
        let mut expected: BTreeMap<i64, BTreeSet<String>> =
            expected.into_iter().fold(BTreeMap::new(), |mut heads, (link, head)| {
                heads.entry(link).or_default().insert(head);
                heads
            });
        // A chain that was joined before its first link.
        if let Some(known) = expected.remove(&0)
            && known.iter().any(|known| Some(known) != began.as_ref())
        {
            self.find(None, None, Problem::HeadDiffers);
        }
        if let Some(retired) = self.retired {
            // Heads before are in the export; that of the last link that was dropped is in the statement.
            let dropped = std::mem::take(&mut expected);
            for (link, known) in dropped {
                if link > retired.link {
                    expected.insert(link, known);
                } else if link == retired.link && known.iter().any(|known| *known != retired.head) {
                    self.find(Some(link), None, Problem::HeadDiffers);
                }
            }
            self.returned(retired.link).await?;
        }
        let mut records = Records::of(self.organization, self.chain, (last.saturating_add(1), i64::MAX));
        loop {
            let rows = self.links(number).await?;
            for row in &rows {
                let Some(stored) = Stored::of(row) else { continue };
                for missing in number + 1..stored.link.number.min(number + 1 + PAGE) {
                    self.find(Some(missing), None, Problem::LinkRemoved);
                    // The heads after a gap cannot be recomputed: the next link is taken at its word.
                    head = None;
                    last = stored.link.first - 1;
                }
                let link = &stored.link;
                number = link.number;
                self.report.links += 1;
                let follows = head.as_ref().is_none_or(|head| *head == link.previous) && link.first == last + 1;
                if !follows || link.head() != stored.head || link.last < link.first {
                    self.find(Some(number), None, Problem::LinkChanged);
                }
                self.signed(&stored);
                for known in expected.remove(&number).unwrap_or_default() {
                    if known != stored.head {
                        self.find(Some(number), None, Problem::HeadDiffers);
                    }
                }
                self.records(link, &mut records, progress).await?;
                last = last.max(link.last);
                head = Some(stored.head);
            }
            if rows.is_empty() {
                break;
            }
        }
        if let Some((link, _)) = expected.last_key_value() {
            self.find(Some(*link), None, Problem::Truncated);
        }
        self.after(last).await
    }

    /// Links that were dropped and are there again.
    async fn returned(&mut self, until: i64) -> Result<(), DbError> {
        let sql = format!(
            "select number from {}audit_links where organization_id = $1 and chain = $2 and number <= $3 order by number limit $4",
            prefix(self.connection.engine())
        );
        let args = [self.organization, self.chain, until, PAGE].map(Arg::Int);
        for row in self.connection.fetch(&sql, &args).await? {
            self.find(row.int(0), None, Problem::Returned);
        }
        Ok(())
    }

    fn signed(&mut self, stored: &Stored) {
        let problem = match (&stored.signer, &stored.signature) {
            (None, None) => return,
            (Some(signer), Some(given)) => signature(self.known, &stored.head, signer, given),
            _ => Some(Problem::SignatureForged),
        };
        match problem {
            None => self.report.signatures += 1,
            Some(problem) => self.find(Some(stored.link.number), None, problem),
        }
    }

    async fn links(&mut self, after: i64) -> Result<Vec<Row>, DbError> {
        let sql = format!(
            "select number, first, last, at, previous, root, head, signer, signature, organization_id, chain \
             from {}audit_links where organization_id = $1 and chain = $2 and number > $3 order by number limit $4",
            prefix(self.connection.engine())
        );
        let args = [Arg::Int(self.organization), Arg::Int(self.chain), Arg::Int(after), Arg::Int(PAGE)];
        self.connection.fetch(&sql, &args).await
    }

    /// The records of one link against its root.
    async fn records(
        &mut self,
        link: &Link,
        records: &mut Records,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), DbError> {
        let (mut tree, mut next, mut sound) = (Tree::default(), link.first, true);
        while let Some((place, row)) = records.next(self.connection, link.last).await? {
            // Of a link that is missing, or one place once more: in one month the database keeps it from being there twice.
            if place < next {
                if place >= link.first {
                    self.find(Some(link.number), Some(place), Problem::RecordInserted);
                    sound = false;
                }
                continue;
            }
            sound &= self.missing(link.number, next, place);
            let leaf = record::leaf(&row);
            if row.int(record::MARK) != Some(record::mark(&leaf)) {
                self.find(Some(link.number), Some(place), Problem::RecordChanged);
                sound = false;
            }
            tree.push(leaf);
            next = place.saturating_add(1);
            self.report.records += 1;
        }
        if next <= link.last {
            sound &= self.missing(link.number, next, link.last.saturating_add(1));
        }
        progress(self.report.records);
        if sound && hex(&tree.root()) != link.root {
            self.find(Some(link.number), None, Problem::BatchChanged);
        }
        Ok(())
    }

    /// Whether none is missing from `next` to before `place`; a changed link may name any number, so only so many are told.
    fn missing(&mut self, link: i64, next: i64, place: i64) -> bool {
        for missing in next..place.min(next.saturating_add(PAGE)) {
            self.find(Some(link), Some(missing), Problem::RecordRemoved);
        }
        next >= place
    }

    /// Records after the last link, or before the first place.
    async fn after(&mut self, last: i64) -> Result<(), DbError> {
        let sql = format!(
            "select place from {}audit_events where organization_id = $1 and chain = $2 \
             and (place is null or place < $5 or place > $3) order by place limit $4",
            prefix(self.connection.engine())
        );
        let dropped = self.retired.map_or(0, |retired| retired.last);
        let args = [self.organization, self.chain, last, PAGE, dropped + 1].map(Arg::Int);
        let rows = self.connection.fetch(&sql, &args).await?;
        for place in rows.iter().map(|row| row.int(0)) {
            let returned = place.is_some_and(|place| place >= 1 && place <= dropped);
            self.find(None, place, if returned { Problem::Returned } else { Problem::RecordInserted });
        }
        Ok(())
    }
}

/// A link's row.
struct Stored {
    link: Link,
    head: String,
    signer: Option<String>,
    signature: Option<String>,
}

impl Stored {
    fn of(row: &Row) -> Option<Self> {
        let text = |place| row.text(place).map(ToOwned::to_owned);
        let link = Link {
            organization: row.int(9)?,
            chain: row.int(10)?,
            number: row.int(0)?,
            first: row.int(1)?,
            last: row.int(2)?,
            at: row.int(3)?,
            previous: text(4)?,
            root: text(5)?,
        };
        Some(Self { link, head: text(6)?, signer: text(7), signature: text(8) })
    }
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
