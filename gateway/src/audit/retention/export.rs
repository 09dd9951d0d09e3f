//! The export: `records.jsonl` with links and records as they lie in the database, and `manifest.json`, which is signed and
//! names the file's hash, and of each chain links, places, heads and the Merkle root of its records.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::super::chain::{Link, prefix};
use super::super::heads::Signer;
use super::super::merkle::{Tree, hex};
use super::super::record;
use super::super::records::{PAGE, Records};
use super::{Part, RetainError};
use crate::store::bulk::BulkType;
use crate::store::connection::{Arg, Connection, Row};

/// The manifest's file.
pub(super) const MANIFEST: &str = "manifest.json";
/// The file of links and records.
const RECORDS: &str = "records.jsonl";
/// What a manifest is signed as.
pub(super) const EXPORT: &str = "export";

/// What an export holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// `fhir-gateway audit export 1`
    pub(super) format: String,
    /// When it was made, and what everything in it is older than (milliseconds since 1970).
    pub(super) made: i64,
    pub(super) cutoff: i64,
    /// What the values of a record's line are.
    pub(super) columns: Vec<String>,
    /// The file beside the manifest, and its SHA-256.
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) records: u64,
    pub(super) links: u64,
    pub(super) chains: Vec<ChainPart>,
}

/// A chain's part of an export.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChainPart {
    pub(super) organization: i64,
    /// 0 = the records from before there were chains.
    pub(super) chain: i64,
    pub(super) first_link: i64,
    pub(super) last_link: i64,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The head before the first link, and the head with the last one.
    pub(super) previous: String,
    pub(super) head: String,
    /// The Merkle root of all its records.
    pub(super) root: String,
}

/// The manifest's file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Signed {
    pub(super) manifest: Manifest,
    pub(super) signer: String,
    pub(super) signature: String,
}

/// A line of the file of records.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// A link; its records follow.
    Link {
        organization: i64,
        chain: i64,
        number: i64,
        first: i64,
        last: i64,
        at: i64,
        previous: String,
        root: String,
        head: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        signer: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// A record: its values in the order of the manifest's columns.
    Record(Vec<serde_json::Value>),
}

impl Manifest {
    /// The hash that is signed, and that statements name.
    pub(super) fn digest(&self) -> io::Result<String> {
        Ok(hex(&Sha256::digest(serde_json::to_vec(self).map_err(io::Error::other)?)))
    }
}

/// Writes the parts; the manifest's digest. All of it is on disk when this returns.
pub(super) async fn write(
    connection: &mut Connection,
    signer: &Signer,
    folder: &Path,
    parts: &[Part],
    (cutoff, made): (i64, i64),
) -> Result<String, RetainError> {
    fs::create_dir_all(folder)?;
    let mut out = Out::create(&folder.join(RECORDS))?;
    let mut chains = Vec::new();
    connection.begin_read(None).await?;
    for part in parts {
        // The owner reads by organization, as everybody does.
        connection.set_organization(part.organization).await?;
        let root = if part.chain == 0 {
            before(connection, part, &mut out).await
        } else {
            chain(connection, part, &mut out).await
        };
        let root = match root {
            Ok(root) => root,
            Err(error) => {
                connection.rollback_if_open().await;
                return Err(error);
            }
        };
        let Part { organization, chain, first_link, last_link, first, last, .. } = *part;
        let (previous, head) = (part.previous.clone(), part.head.clone());
        chains.push(ChainPart { organization, chain, first_link, last_link, first, last, previous, head, root });
    }
    connection.end_read().await?;
    let (records, links) = (out.records, out.links);
    let manifest = Manifest {
        format: "fhir-gateway audit export 1".to_owned(),
        made,
        cutoff,
        columns: record::COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        file: RECORDS.to_owned(),
        sha256: out.finish()?,
        records,
        links,
        chains,
    };
    let digest = manifest.digest()?;
    let signed = Signed { signature: signer.sign_as(EXPORT, &digest), signer: signer.name.clone(), manifest };
    let mut file = create(&folder.join(MANIFEST))?;
    file.write_all(&serde_json::to_vec_pretty(&signed).map_err(io::Error::other)?)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(digest)
}

async fn chain(connection: &mut Connection, part: &Part, out: &mut Out) -> Result<String, RetainError> {
    let prefix = prefix(connection.engine());
    let links = format!(
        "select number, first, last, at, previous, root, head, signer, signature from {prefix}audit_links \
         where organization_id = $1 and chain = $2 and number > $3 and number <= $4 order by number limit $5"
    );
    let mut records = Records::of(part.organization, part.chain, (part.first, part.last));
    let (mut tree, mut number) = (Tree::default(), part.first_link - 1);
    while number < part.last_link {
        let args = [part.organization, part.chain, number, part.last_link, PAGE].map(Arg::Int);
        let rows = connection.fetch(&links, &args).await?;
        if rows.is_empty() {
            return Err(RetainError::Tampered);
        }
        for row in &rows {
            let link = link(part, row).ok_or(RetainError::Tampered)?;
            number = link.number;
            let last = link.last;
            out.link(row, link)?;
            while let Some((_, row)) = records.next(connection, last).await? {
                tree.push(record::leaf(&row));
                out.record(&row)?;
            }
        }
    }
    Ok(hex(&tree.root()))
}

fn link(part: &Part, row: &Row) -> Option<Link> {
    Some(Link {
        organization: part.organization,
        chain: part.chain,
        number: row.int(0)?,
        first: row.int(1)?,
        last: row.int(2)?,
        at: row.int(3)?,
        previous: row.text(4)?.to_owned(),
        root: row.text(5)?.to_owned(),
    })
}

async fn before(connection: &mut Connection, part: &Part, out: &mut Out) -> Result<String, RetainError> {
    let sql = format!(
        "select {}, seq from {}audit_events where organization_id = $1 and chain is null and seq > $2 and seq <= $3 \
         order by seq limit $4",
        record::names(),
        prefix(connection.engine())
    );
    let (mut tree, mut after) = (Tree::default(), i64::MIN);
    loop {
        let rows = connection.fetch(&sql, &[part.organization, after, part.key, PAGE].map(Arg::Int)).await?;
        for row in &rows {
            tree.push(record::leaf(row));
            out.record(row)?;
        }
        match rows.last().and_then(|row| row.int(record::COLUMNS.len())) {
            Some(last) => after = last,
            None => return Ok(hex(&tree.root())),
        }
    }
}

/// The file of records, while it is written.
struct Out {
    file: BufWriter<File>,
    digest: Sha256,
    records: u64,
    links: u64,
}

impl Out {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(create(path)?), digest: Sha256::new(), records: 0, links: 0 })
    }

    fn link(&mut self, row: &Row, link: Link) -> io::Result<()> {
        self.links += 1;
        let text = |place| row.text(place).map(ToOwned::to_owned);
        let Link { organization, chain, number, first, last, at, previous, root } = link;
        let (head, signer, signature) = (text(6).unwrap_or_default(), text(7), text(8));
        self.line(&Line::Link { organization, chain, number, first, last, at, previous, root, head, signer, signature })
    }

    fn record(&mut self, row: &Row) -> io::Result<()> {
        self.records += 1;
        let values = record::COLUMNS.iter().enumerate().map(|(place, (_, kind))| match kind {
            BulkType::Int => row.int(place).into(),
            _ => row.text(place).into(),
        });
        self.line(&Line::Record(values.collect()))
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        self.digest.update(&text);
        self.file.write_all(&text)
    }

    fn finish(mut self) -> io::Result<String> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(hex(&self.digest.finalize()))
    }
}

/// A new file for its owner alone: an export is never written over another one.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
