//! The table of law that is in force, as the database keeps it with its signature.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use consent::Statutes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::file::{StatuteTable, is_plain};
use crate::audit::heads::is_signed_for;
use crate::audit::merkle::hex;
use crate::store::alone::{organizations_of, patiently_on};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::pools::Pools;

/// What the signature is for: no other signature of the product is one of a table.
pub(crate) const PURPOSE: &str = "statutes";
/// Where the data directory remembers whose signature counts, and which table it has seen last.
const MEMORY: &str = "statutes.json";
/// Held while that is changed.
const LOCK_FILE: &str = "statutes.lock";

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
    /// Whose signature counts.
    pub(super) trusted: Option<String>,
    /// Where it is remembered.
    data_dir: PathBuf,
    /// What it says to decisions.
    pub statutes: Statutes,
    /// Its number; 0 where there is none.
    pub serial: i64,
    /// What names it: the first digits of a SHA-256; empty where there is none.
    pub digest: String,
}

/// What the data directory remembers.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Memory {
    key: String,
    serial: i64,
    digest: String,
}

/// Why no table can be in force.
#[derive(Debug, thiserror::Error)]
pub enum StatutesError {
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The data directory cannot be read or written.
    #[error("{MEMORY} in the data directory: {0}")]
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
    #[error("the table of statutes in the database cannot be read by this version: {0}")]
    Unreadable(String),
    /// There is a newer one.
    #[error("the table of statutes has serial {given}, and {kept} is known: sign one with a greater serial")]
    Older {
        /// What is given, or in the database.
        given: i64,
        /// What is kept, or remembered.
        kept: i64,
    },
    /// There is none where there should be one.
    #[error(
        "the database has no table of statutes: give it with --statutes, or (if there is to be none) leave --statutes-key out and delete {MEMORY} in the data directory"
    )]
    Gone,
}

impl Signed {
    /// What is signed: it is plain where the name ends.
    pub(crate) fn text(document: &str, signed_by: &str) -> String {
        format!("{}\n{signed_by}\n{document}", signed_by.len())
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
        if !is_plain(&self.signed_by) {
            return Err(StatutesError::Changed("whoever is named there".to_owned()));
        }
        if !is_signed_for(PURPOSE, &text, &self.signer, &self.signature) {
            return Err(StatutesError::Changed(self.signed_by.clone()));
        }
        StatuteTable::parse(&self.document)
            .map_err(|faults| StatutesError::Unreadable(faults.first().map(ToString::to_string).unwrap_or_default()))
    }

    fn digest(&self) -> String {
        hex(&Sha256::digest(self.document.as_bytes())[..6])
    }
}

impl InForce {
    /// A table that was kept under this number, if it counts.
    fn of(number: i64, signed: &Signed, trusted: Option<&str>, data_dir: &Path) -> Result<Self, StatutesError> {
        let table = signed.verified(trusted)?;
        // Whoever can write to the database could give an older one a greater number.
        if table.serial != number {
            return Err(StatutesError::Changed(signed.signed_by.clone()));
        }
        let trusted = trusted.map(ToOwned::to_owned);
        let (data_dir, digest) = (data_dir.to_owned(), signed.digest());
        Ok(Self { trusted, data_dir, statutes: table.statutes, serial: table.serial, digest })
    }
}

/// What is in force from now on: the table that is given, else the one that is kept. The key that counts is remembered, and which
/// table was the last: an older one does not count again.
///
/// # Errors
/// There is a table that does not count, or there was one.
pub async fn keep(
    pools: &Pools,
    data_dir: &Path,
    (given, key): (Option<&Signed>, Option<&str>),
    now_ms: i64,
) -> Result<InForce, StatutesError> {
    let remembered = Memory::of(data_dir)?;
    let trusted = key.or_else(|| remembered.as_ref().map(|memory| &*memory.key));
    let kept = load(&mut pools.reader().await?).await?;
    if let Some(given) = given
        && kept.as_ref().is_none_or(|(_, kept)| kept != given)
    {
        let serial = given.verified(trusted)?.serial;
        if let Some(before) = &remembered {
            before.allows(&Memory { key: given.signer.clone(), serial, digest: given.digest() })?;
        }
        if let Some((kept, _)) = kept.filter(|(kept, _)| *kept >= serial) {
            return Err(StatutesError::Older { given: serial, kept });
        }
        let work = async |connection: &mut Connection| add(connection, serial, given, now_ms).await;
        patiently_on(pools, work).await?;
    }
    let Some((number, signed)) = load(&mut pools.reader().await?).await? else {
        let none = InForce { data_dir: data_dir.to_owned(), ..InForce::default() };
        return if trusted.is_some() { Err(StatutesError::Gone) } else { Ok(none) };
    };
    let in_force = InForce::of(number, &signed, trusted, data_dir)?;
    if let Some(given) = given.filter(|given| **given != signed) {
        // Another process has kept another one meanwhile.
        return Err(StatutesError::Older { given: given.verified(trusted)?.serial, kept: number });
    }
    let now = Memory { key: signed.signer, serial: in_force.serial, digest: in_force.digest.clone() };
    if remembered.as_ref() != Some(&now) {
        now.keep(data_dir, |before| before.allows(&now))?;
    }
    Ok(in_force)
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

/// The number of the newest table in the open transaction; 0 where there is none.
pub(crate) async fn newest(connection: &mut Connection) -> Result<i64, DbError> {
    let row = connection.fetch_optional("select coalesce(max(id), 0) from statutes", &[]).await?;
    Ok(row.and_then(|row| row.int(0)).unwrap_or_default())
}

/// The law as the open transaction finds it: another process may have kept a newer table. `None` where that one does not count, or
/// the known one is not there any more.
pub(crate) async fn current(connection: &mut Connection, known: &InForce) -> Result<Option<InForce>, DbError> {
    if newest(connection).await? == known.serial {
        return Ok(Some(known.clone()));
    }
    let Some((number, signed)) = load(connection).await? else { return Ok(None) };
    // Whose signature counts a command may have said meanwhile, for the same data directory.
    let remembered = || Memory::of(&known.data_dir).ok().flatten().map(|memory| memory.key);
    let trusted = known.trusted.clone().or_else(remembered);
    let found = InForce::of(number, &signed, trusted.as_deref(), &known.data_dir).ok();
    Ok(found.filter(|found| found.serial > known.serial))
}

async fn add(connection: &mut Connection, serial: i64, given: &Signed, now_ms: i64) -> Result<(), DbError> {
    let organizations = organizations_of(connection).await?;
    connection.begin_alone(organizations.first().map_or(1, |organization| organization.0)).await?;
    // Whoever was faster with a newer one is right; what is in force is looked up after this.
    if newest(connection).await? < serial {
        let sql = "insert into statutes (id, document, signed_by, signer, signature, kept_at) values ($1, $2, $3, $4, $5, $6)";
        let Signed { document, signed_by, signer, signature } = given;
        let texts = [document, signed_by, signer, signature].map(|text| Arg::Text(text));
        let args: Vec<Arg<'_>> = [Arg::Int(serial)].into_iter().chain(texts).chain([Arg::Int(now_ms)]).collect();
        connection.execute(sql, &args).await?;
    }
    connection.commit().await
}

impl InForce {
    /// Has the data directory remember it, as far as it can: the next start knows that no older one counts. A command may have said
    /// another key meanwhile, or given a newer table: that stays.
    pub(super) fn remember(&self) {
        let Some(key) = self.trusted.clone() else { return };
        let now = Memory { key, serial: self.serial, digest: self.digest.clone() };
        let is_next = |before: &Memory| match before.key == now.key {
            true => before.allows(&now),
            false => Err(StatutesError::Untrusted(now.key.clone())),
        };
        match now.keep(&self.data_dir, is_next) {
            Ok(()) | Err(StatutesError::Older { .. } | StatutesError::Untrusted(_)) => {}
            Err(error) => tracing::warn!(%error, "the data directory does not remember the table of law"),
        }
    }
}

impl Memory {
    /// Whether another one counts after this one.
    fn allows(&self, other: &Self) -> Result<(), StatutesError> {
        let is_older = self.serial > other.serial || (self.serial == other.serial && self.digest != other.digest);
        if self.key == other.key && is_older {
            return Err(StatutesError::Older { given: other.serial, kept: self.serial });
        }
        Ok(())
    }

    fn of(data_dir: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(data_dir.join(MEMORY)) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, and only where what is remembered then lets it: a server and a command do this at the same time.
    fn keep(&self, data_dir: &Path, allows: impl Fn(&Self) -> Result<(), StatutesError>) -> Result<(), StatutesError> {
        fs::create_dir_all(data_dir)?;
        // Dropped, it is open to the next one.
        let lock = File::options().create(true).truncate(false).write(true).open(data_dir.join(LOCK_FILE))?;
        lock.lock()?;
        if let Some(before) = Self::of(data_dir)? {
            allows(&before)?;
        }
        let draft = data_dir.join(format!("{MEMORY}.{}.tmp", std::process::id()));
        fs::write(&draft, format!("{}\n", serde_json::to_string(self).map_err(io::Error::other)?))?;
        Ok(fs::rename(&draft, data_dir.join(MEMORY))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(missing_docs, clippy::unwrap_used)]

    use super::*;

    fn seen(key: &str, serial: i64) -> Memory {
        Memory { key: key.to_owned(), serial, digest: format!("d{serial}") }
    }

    fn in_force(data_dir: &Path, key: &str, serial: i64) -> InForce {
        let trusted = Some(key.to_owned());
        InForce { trusted, data_dir: data_dir.to_owned(), serial, digest: format!("d{serial}"), ..InForce::default() }
    }

    /// A server that saw a table before a command gave the next one may come to write it down after.
    #[test]
    fn what_was_seen_last_is_not_forgotten_for_what_was_seen_before() {
        let folder = tempfile::tempdir().unwrap();
        let remembered = || Memory::of(folder.path()).unwrap().unwrap();
        in_force(folder.path(), "a", 1).remember();
        assert_eq!(remembered(), seen("a", 1));
        in_force(folder.path(), "a", 3).remember();
        in_force(folder.path(), "a", 2).remember();
        assert_eq!(remembered(), seen("a", 3));
        let next = seen("b", 1);
        next.keep(folder.path(), |before| before.allows(&next)).unwrap();
        in_force(folder.path(), "a", 4).remember();
        assert_eq!(remembered(), next, "whose signature counts is said by commands");
    }

    /// However many write at once, the newest one is remembered.
    #[test]
    fn the_newest_of_many_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            for serial in 1..=64 {
                let path = folder.path();
                threads.spawn(move || in_force(path, "a", serial).remember());
            }
        });
        assert_eq!(Memory::of(folder.path()).unwrap(), Some(seen("a", 64)));
    }
}
