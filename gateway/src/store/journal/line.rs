//! A line of the journal: an entry, its place in the chain, and a signature.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::JournalError;
use crate::audit::heads::{self, Signer};

/// What comes before the first line.
pub(super) const FIRST: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What lines are signed for.
const PURPOSE: &str = "erasure journal";

/// One erasure or revocation, or what became of one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) entry: Box<str>,
    /// When: an instant.
    pub(crate) at: String,
    /// The database that it is about.
    pub(crate) database: String,
    /// Whose.
    pub(crate) organization: i64,
    /// How far it is.
    pub(crate) mark: Mark,
    /// What it is, in the line that begins it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) act: Option<Act>,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// Its transaction committed.
    Done,
    /// Its transaction is about to commit.
    Intended,
    /// Its transaction did not commit.
    Void,
}

/// What is done again where a database lacks it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Act {
    /// Something was erased.
    Erase(Erasure),
    /// A Consent does not permit any more what it may have permitted.
    Revoke(Revocation),
}

/// An erasure.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Erasure {
    /// The purge.
    pub(crate) purge: Box<str>,
    /// `Patient/ID`, `Type/ID` or `Type/ID/_history/N`.
    pub(crate) target: String,
    /// With copies of it in other resources.
    pub(crate) copies: bool,
    /// With rows of tables without a map.
    pub(crate) unmapped: bool,
    /// `us` or `eu`.
    pub(crate) preset: String,
    /// Who asked.
    pub(crate) requested_by: String,
    /// Who approved.
    pub(crate) approved_by: String,
}

/// A revocation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Revocation {
    /// Whose Consent it is.
    pub(crate) patient: Option<Box<str>>,
    /// The Consent's id.
    pub(crate) consent: Box<str>,
    /// The version that revokes.
    pub(crate) version: i64,
    /// How.
    pub(crate) how: Revoked,
}

/// How a Consent was revoked.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Revoked {
    /// It was deleted.
    Deleted,
    /// It denies.
    Denies,
    /// Its status says that it does not hold.
    Inactive,
}

/// What a line is.
#[derive(Deserialize, Serialize)]
pub(super) struct Line {
    number: u64,
    previous: String,
    #[serde(flatten)]
    entry: Entry,
    signer: String,
    signature: String,
}

impl Line {
    /// The text of a line, without its end.
    #[expect(clippy::new_ret_no_self, reason = "a line is a text")]
    pub(super) fn new(entry: &Entry, number: u64, previous: &str, signer: &Signer) -> io::Result<String> {
        let mut line = Self {
            number,
            previous: previous.to_owned(),
            entry: entry.clone(),
            signer: signer.name.clone(),
            signature: String::new(),
        };
        line.signature = signer.sign_for(PURPOSE, &serde_json::to_string(&line)?);
        Ok(serde_json::to_string(&line)?)
    }

    /// Whether whoever is named has signed it.
    fn is_signed(&mut self) -> bool {
        let signature = std::mem::take(&mut self.signature);
        let text = serde_json::to_string(&self).unwrap_or_default();
        heads::is_signed_for(PURPOSE, &text, &self.signer, &signature)
    }
}

/// The hash that the next line names.
pub(super) fn chained(line: &str) -> String {
    Sha256::digest(line.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The number of a line.
pub(super) fn number(line: &str) -> Option<u64> {
    serde_json::from_str::<Line>(line).ok().map(|line| line.number)
}

/// All entries of a file, once every line is known to be what it was. Keys may differ from line to line (a data directory that
/// got another one); what a key signed is held against it.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::new();
    let mut previous = FIRST.to_owned();
    // What a crash left of a line has no end, and may end within a letter.
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(entries) };
    for (place, text) in bytes[..end].split(|byte| *byte == b'\n').enumerate() {
        let damaged = |problem| JournalError::Damaged { path: path.display().to_string(), number: place + 1, problem };
        let text = std::str::from_utf8(text).map_err(|_| damaged("is no line of the journal"))?;
        let mut line: Line = serde_json::from_str(text).map_err(|_| damaged("is no line of the journal"))?;
        if line.previous != previous || line.number != place as u64 + 1 {
            return Err(damaged("does not follow the line before it"));
        }
        if !line.is_signed() {
            return Err(damaged("is not as it was signed"));
        }
        previous = chained(text);
        entries.push(line.entry);
    }
    Ok(entries)
}
