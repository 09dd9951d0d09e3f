//! The table of law that is in force, as the database keeps it with its signature.

use std::fs;
use std::io;
use std::path::Path;

use consent::Statutes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::file::StatuteTable;
use crate::audit::heads::is_signed_for;
use crate::audit::merkle::hex;
use crate::store::alone::{organizations_of, patiently_on};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::pools::Pools;

/// What the signature is for: no other signature of the product is one of a table.
pub(crate) const PURPOSE: &str = "statutes";
/// Where the data directory remembers whose signature counts.
const KEY: &str = "statutes.pub";

/// A table, and who answers for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The file, as it is.
    #[serde(skip)]
    pub document: String,
    /// Who answers for it.
    pub signed_by: String,
    /// The public key in hexadecimal.
    pub signer: String,
    /// Of name and document, as base64.
    pub signature: String,
}

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// Its number; 0 where there is none.
    id: i64,
    /// Whose signature counts.
    trusted: Option<String>,
    /// What it says to decisions.
    pub statutes: Statutes,
    /// What names it: the first digits of a SHA-256; empty where there is none.
    pub digest: String,
}

/// Why no table can be in force.
#[derive(Debug, thiserror::Error)]
pub enum StatutesError {
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The data directory cannot be read or written.
    #[error("{KEY} in the data directory: {0}")]
    File(#[from] io::Error),
    /// There is a table, and nobody said whose signature counts.
    #[error(
        "the table of statutes is signed with the key {0}: if that is whose signature counts, say --statutes-key {0}"
    )]
    NobodyTrusted(String),
    /// It is signed by somebody else.
    #[error("the table of statutes is signed with the key {0}, which is not the one of --statutes-key")]
    Untrusted(String),
    /// It is not what was signed.
    #[error(
        "the table of statutes is not what {0} signed: sign it (fhir-gateway statutes sign), or bring back the one that was signed"
    )]
    Changed(String),
    /// It is signed, but cannot be read.
    #[error("the table of statutes cannot be read by this version: fhir-gateway statutes check says where")]
    Unreadable,
    /// There was one.
    #[error(
        "the database has no table of statutes any more, and this data directory knows of one: give it again with --statutes, or delete {KEY} there if there is to be none"
    )]
    Gone,
}

impl Signed {
    /// What is signed.
    pub(crate) fn text(document: &str, signed_by: &str) -> String {
        format!("{signed_by}\n{document}")
    }

    /// Reads it, if it is what was signed with the key that counts.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verified(&self, trusted: Option<&str>) -> Result<StatuteTable, StatutesError> {
        let Some(trusted) = trusted else { return Err(StatutesError::NobodyTrusted(self.signer.clone())) };
        if trusted != self.signer {
            return Err(StatutesError::Untrusted(self.signer.clone()));
        }
        let text = Self::text(&self.document, &self.signed_by);
        if !is_signed_for(PURPOSE, &text, &self.signer, &self.signature) {
            return Err(StatutesError::Changed(self.signed_by.clone()));
        }
        StatuteTable::parse(&self.document).map_err(|_| StatutesError::Unreadable)
    }

    fn digest(&self) -> String {
        hex(&Sha256::digest(self.document.as_bytes())[..6])
    }
}

/// What is in force from now on: the table that is given, else the one that is kept. The key that counts is remembered.
///
/// # Errors
/// There is a table that does not count, or there was one.
pub async fn keep(
    pools: &Pools,
    data_dir: &Path,
    (given, key): (Option<&Signed>, Option<&str>),
    now_ms: i64,
) -> Result<InForce, StatutesError> {
    let remembered = remembered(data_dir)?;
    let trusted = key.or(remembered.as_deref());
    if let Some(given) = given {
        given.verified(trusted)?;
        let work = async |connection: &mut Connection| add(connection, given, now_ms).await;
        patiently_on(pools, work).await?;
    }
    let kept = load(&mut pools.reader().await?).await?;
    let Some((id, signed)) = kept else {
        return if remembered.is_some() { Err(StatutesError::Gone) } else { Ok(InForce::default()) };
    };
    let table = signed.verified(trusted)?;
    if remembered.as_deref() != trusted {
        fs::create_dir_all(data_dir)?;
        fs::write(data_dir.join(KEY), format!("{}\n", signed.signer))?;
    }
    let (trusted, digest) = (trusted.map(ToOwned::to_owned), signed.digest());
    Ok(InForce { id, trusted, statutes: table.statutes, digest })
}

/// The table that is kept, with its number: not verified.
///
/// # Errors
/// The database does not answer.
pub(super) async fn load(connection: &mut Connection) -> Result<Option<(i64, Signed)>, DbError> {
    let sql = "select id, document, signed_by, signer, signature from statutes order by id desc limit 1";
    let row = connection.fetch_optional(sql, &[]).await?;
    let text = |row: &Row, place| row.text(place).unwrap_or_default().to_owned();
    Ok(row.map(|row| {
        let (document, signed_by, signer, signature) = (text(&row, 1), text(&row, 2), text(&row, 3), text(&row, 4));
        (row.int(0).unwrap_or_default(), Signed { document, signed_by, signer, signature })
    }))
}

/// The law as the open transaction finds it: another process may have kept a newer table. `None` where that one does not count.
pub(crate) async fn current(connection: &mut Connection, known: &InForce) -> Result<Option<Statutes>, DbError> {
    let id = connection.fetch_optional("select coalesce(max(id), 0) from statutes", &[]).await?;
    if id.and_then(|row| row.int(0)) == Some(known.id) {
        return Ok(Some(known.statutes.clone()));
    }
    let Some((_, signed)) = load(connection).await? else { return Ok(None) };
    Ok(signed.verified(known.trusted.as_deref()).ok().map(|table| table.statutes))
}

async fn add(connection: &mut Connection, given: &Signed, now_ms: i64) -> Result<(), DbError> {
    let organizations = organizations_of(connection).await?;
    connection.begin_alone(organizations.first().map_or(1, |organization| organization.0)).await?;
    let before = load(connection).await?;
    if before.as_ref().is_none_or(|(_, kept)| kept != given) {
        let id = before.map_or(1, |(id, _)| id + 1);
        let sql = "insert into statutes (id, document, signed_by, signer, signature, kept_at) values ($1, $2, $3, $4, $5, $6)";
        let Signed { document, signed_by, signer, signature } = given;
        let texts = [document, signed_by, signer, signature].map(|text| Arg::Text(text));
        let args: Vec<Arg<'_>> = [Arg::Int(id)].into_iter().chain(texts).chain([Arg::Int(now_ms)]).collect();
        connection.execute(sql, &args).await?;
    }
    connection.commit().await
}

fn remembered(data_dir: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(data_dir.join(KEY)) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|key| !key.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
