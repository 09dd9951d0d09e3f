//! Signed heads of chains: kept apart from the database, they show what was cut off its end or replaced as a whole.
//!
//! The key lies in the data directory and never in the database. A head is signed (Ed25519, RFC 8032) at most once a second
//! for each chain, in its link and in `audit-heads.jsonl`, a file that can be copied to where nobody can change it. The file
//! is never held in memory: `kept` reads it line by line, and leaves out what retention has made needless.

pub(crate) mod kept;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::Faults;
use super::chain::Chain;
use super::merkle::hex;
use super::retention::Statement;
use crate::interaction::cursor::make_key;

/// The key's file in the data directory.
const KEY: &str = "audit-signing.key";
/// The heads' file in the data directory.
pub(crate) const FILE: &str = "audit-heads.jsonl";
/// How often a chain's head is signed at most.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Who signs.
pub(crate) struct Signer {
    key: SigningKey,
    /// The public key in hexadecimal.
    pub(crate) name: String,
}

impl Signer {
    /// With the key of a data directory, which is made if it is missing.
    ///
    /// # Errors
    /// The key cannot be made or read.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        Self::of_file(&data_dir.join(KEY))
    }

    /// With the key of a file, which is made if it is missing.
    ///
    /// # Errors
    /// The key cannot be made or read.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        if !path.exists() {
            make_key(path)?;
        }
        let seed = <[u8; 32]>::try_from(fs::read(path)?)
            .map_err(|_| io::Error::other(format!("{} is not a key of 32 bytes", path.display())))?;
        let key = SigningKey::from_bytes(&seed);
        let name = hex(key.verifying_key().as_bytes());
        Ok(Self { key, name })
    }

    /// The signature of a head, as base64.
    pub(super) fn sign(&self, head: &str) -> String {
        self.sign_as(HEAD, head)
    }

    /// The signature of a text as what it is, as base64.
    pub(super) fn sign_as(&self, what: &str, text: &str) -> String {
        STANDARD.encode(self.key.sign(&message(what, text)).to_bytes())
    }

    /// The signature of a text of another purpose, as base64.
    pub(crate) fn sign_for(&self, purpose: &str, text: &str) -> String {
        STANDARD.encode(self.key.sign(&message_for(purpose, text)).to_bytes())
    }
}

/// Whether `signature` is that of `signer` on a text that was signed for a purpose.
pub(crate) fn is_signed_for(purpose: &str, text: &str, signer: &str, signature: &str) -> bool {
    is_message_signed(&message_for(purpose, text), signer, signature)
}

/// What is signed for a purpose: never what a head could be.
fn message_for(purpose: &str, text: &str) -> Vec<u8> {
    format!("fhir-gateway {purpose} 1\n{text}").into_bytes()
}

/// The public key of a data directory, in hexadecimal; none where there is no key yet.
pub(super) fn public_key(data_dir: &Path) -> io::Result<Option<String>> {
    match data_dir.join(KEY).exists() {
        true => Signer::open(data_dir).map(|signer| Some(signer.name)),
        false => Ok(None),
    }
}

/// Whether `signature` (base64) is that of `signer` (a public key in hexadecimal) on a head.
pub(super) fn is_signed(head: &str, signer: &str, signature: &str) -> bool {
    is_signed_as(HEAD, head, signer, signature)
}

/// The same of a text as what it is.
pub(super) fn is_signed_as(what: &str, text: &str, signer: &str, signature: &str) -> bool {
    is_message_signed(&message(what, text), signer, signature)
}

fn is_message_signed(message: &[u8], signer: &str, signature: &str) -> bool {
    let verified = || {
        let key = VerifyingKey::from_bytes(&unhex(signer)?).ok()?;
        let signature = Signature::from_slice(&STANDARD.decode(signature).ok()?).ok()?;
        key.verify_strict(message, &signature).ok()
    };
    verified().is_some()
}

/// The head of a chain, in hexadecimal.
const HEAD: &str = "head";

/// What is signed: a text as what it is, and as nothing else that the key may ever sign.
fn message(what: &str, text: &str) -> Vec<u8> {
    format!("fhir-gateway audit {what} 1\n{text}").into_bytes()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A head, as a line of the file has it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SignedHead {
    /// Whose records.
    pub(crate) organization: i64,
    /// The chain.
    pub(crate) chain: i64,
    /// Its last link.
    pub(crate) link: i64,
    /// The place of its last record.
    pub(crate) last: i64,
    /// The head, in hexadecimal.
    pub(crate) head: String,
    /// The public key, in hexadecimal.
    pub(crate) signer: String,
    /// The signature, as base64.
    pub(crate) signature: String,
}

/// A line of the heads' file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// How far a chain was dropped.
    Retired(Statement),
    /// A head.
    Head(SignedHead),
}

/// Writes the heads it is told to the file, each chain's newest once a second, until nobody can tell it any more.
pub(super) async fn keep(signer: Arc<Signer>, path: PathBuf, mut told: UnboundedReceiver<Chain>, faults: &Faults) {
    let mut newest: BTreeMap<(i64, i64), Chain> = BTreeMap::new();
    loop {
        let until = Instant::now() + EVERY;
        let first = match newest.is_empty() {
            true => told.recv().await,
            false => None,
        };
        newest.extend(first.map(|chain| ((chain.organization, chain.chain), chain)));
        let mut open = !told.is_closed() || !told.is_empty();
        while open {
            match tokio::time::timeout_at(until, told.recv()).await {
                Ok(Some(chain)) => drop(newest.insert((chain.organization, chain.chain), chain)),
                Ok(None) => open = false,
                Err(_) => break,
            }
        }
        let lines: String = newest.values().map(|chain| line(&signer, chain)).collect();
        match append(path.clone(), lines).await {
            Ok(()) => newest.clear(),
            // Tried again with the next ones.
            Err(error) => {
                tracing::error!(%error, "the heads of the audit trail cannot be written");
                faults.of_heads();
            }
        }
        if !open {
            return;
        }
    }
}

fn line(signer: &Signer, chain: &Chain) -> String {
    let head = SignedHead {
        organization: chain.organization,
        chain: chain.chain,
        link: chain.number,
        last: chain.last,
        head: chain.head.clone(),
        signer: signer.name.clone(),
        signature: signer.sign(&chain.head),
    };
    serde_json::to_string(&head).map(|line| line + "\n").unwrap_or_default()
}

/// Adds lines in one write, so that those of two processes stay whole; on disk when it returns.
pub(super) async fn append(path: PathBuf, lines: String) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let write = move || {
        // Nobody puts another file in its place between opening and writing.
        let _alone = lock(&path)?;
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}

/// Keeps everybody else from the heads' file until it is dropped; `None` where the file system has no locks.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.with_extension("lock"))?;
    match lock.lock() {
        Ok(()) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_head_and_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let signer = Signer::open(folder.path()).unwrap();
        let signature = signer.sign("ab");
        assert!(is_signed("ab", &signer.name, &signature));
        assert!(!is_signed("ac", &signer.name, &signature));
        assert!(!is_signed("ab", &Signer::open(other.path()).unwrap().name, &signature));
        assert!(!is_signed("ab", "not a key", &signature) && !is_signed("ab", &signer.name, "?"));
        assert_eq!(Signer::open(folder.path()).unwrap().name, signer.name, "the key stays");
    }
}
