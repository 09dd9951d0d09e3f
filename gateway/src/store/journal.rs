//! The journal of revocations and erasures: `erasures.jsonl` in the data directory, apart from the database.
//!
//! A database that is restored from a backup has again what was erased since, and permits again what was revoked since. So
//! each erasure and each revocation of a Consent is a line here, on disk before the database commits, and a line of the
//! database (`erasure_journal`) in the transaction itself. What the journal has as done and the database does not have is done
//! again before anything is served (`store/erasure/replay`). Lines hold ids, never what a resource says.
//!
//! Each line names the hash of the one before and is signed with the key of the audit trail, so that nobody takes one out or
//! puts one in without being found. Keep the file in another backup than the database's: newer is always right.

mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::audit::heads::Signer;
use crate::clock::Clock;
use crate::store::alert::Trouble;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
pub(crate) use line::{Act, Entry, Erasure, Mark, Revocation, Revoked};
use line::{FIRST, Line, chained};

/// The journal's file in the data directory.
pub(crate) const FILE: &str = "erasures.jsonl";

/// What the journal knows of one erasure or revocation.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    path: PathBuf,
    data_dir: PathBuf,
    /// Which database lines are about.
    database: String,
    /// What was the matter with it the last time, until somebody tells of it.
    trouble: Mutex<Option<Trouble>>,
}

/// Why the journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// A line is not what it was, or one is missing before it.
    #[error("{path}: line {number} {problem}; restore the file as it was, for what it says must not be lost")]
    Damaged {
        /// The file.
        path: String,
        /// Which line, from 1.
        number: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file or the key cannot be used.
    #[error("the journal of erasures: {0}")]
    File(#[from] io::Error),
}

impl Journal {
    /// The journal of a data directory; nothing is made before there is something to write.
    pub(crate) fn new(data_dir: &Path, database: String) -> Self {
        Self { path: data_dir.join(FILE), data_dir: data_dir.to_owned(), database, trouble: Mutex::default() }
    }

    /// What was the matter with it since somebody asked the last time.
    pub(crate) fn take_trouble(&self) -> Option<Trouble> {
        self.trouble.lock().take()
    }

    fn noticed<T>(&self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &result {
            *self.trouble.lock() = Some(Trouble::of(error));
        }
        result
    }

    /// Where it lies, and the key that signs.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Writes entries ahead of their transaction; on disk when it returns. Their names are given here.
    pub(crate) async fn intend(
        &self,
        clock: &Clock,
        organization: i64,
        acts: Vec<Act>,
    ) -> Result<Vec<Box<str>>, JournalError> {
        let at = Clock::format(clock.now_ms());
        let entry = |act| Entry {
            entry: Box::default(),
            at: at.clone(),
            database: self.database.clone(),
            organization,
            mark: Mark::Intended,
            act: Some(act),
        };
        self.append(acts.into_iter().map(entry).collect()).await
    }

    /// What became of entries.
    pub(crate) async fn mark(
        &self,
        clock: &Clock,
        organization: i64,
        entries: &[Box<str>],
        mark: Mark,
    ) -> Result<(), JournalError> {
        let at = Clock::format(clock.now_ms());
        let line = |entry: &str| Entry {
            entry: entry.into(),
            at: at.clone(),
            database: self.database.clone(),
            organization,
            mark,
            act: None,
        };
        self.append(entries.iter().map(|entry| line(entry)).collect()).await.map(drop)
    }

    /// All that is about this database: each with the last word on it, in the order in which they began.
    ///
    /// # Errors
    /// A line is damaged.
    pub(crate) async fn entries(&self) -> Result<Vec<Entry>, JournalError> {
        let (path, database) = (self.path.clone(), self.database.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut order = Vec::new();
            let mut known: BTreeMap<Box<str>, Entry> = BTreeMap::new();
            for entry in line::read(&path, &bytes)?.into_iter().filter(|entry| entry.database == database) {
                match known.get_mut(&entry.entry) {
                    // A process that was slow to say so has the last word on what it did.
                    Some(first) => first.mark = if first.mark == Mark::Done { Mark::Done } else { entry.mark },
                    None => {
                        order.push(entry.entry.clone());
                        known.insert(entry.entry.clone(), entry);
                    }
                }
            }
            Ok(order.iter().filter_map(|name| known.remove(name)).collect())
        });
        self.noticed(reading.await.unwrap_or_else(|error| Err(io::Error::other(error).into())))
    }

    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Box<str>>, JournalError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let (path, data_dir) = (self.path.clone(), self.data_dir.clone());
        let writing = tokio::task::spawn_blocking(move || append(&path, &data_dir, entries));
        self.noticed(writing.await.unwrap_or_else(|error| Err(io::Error::other(error).into())))
    }
}

/// Adds lines behind the last one, alone with the file; the names of their entries. One without a name gets it from its place in
/// the chain and from who signs: no two have the same, and nothing random is wanted.
fn append(path: &Path, data_dir: &Path, entries: Vec<Entry>) -> Result<Vec<Box<str>>, JournalError> {
    let signer = Signer::open(data_dir)?;
    let fresh = !path.exists();
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // Given back when the file is closed.
    file.lock()?;
    let (mut previous, mut number) = last(path, &mut file)?;
    let (mut lines, mut names) = (String::new(), Vec::with_capacity(entries.len()));
    for mut entry in entries {
        number += 1;
        if entry.entry.is_empty() {
            entry.entry = chained(&format!("{previous} {number} {} {}", signer.name, entry.at))[..32].into();
        }
        let line = Line::new(&entry, number, &previous, &signer)?;
        names.push(entry.entry);
        previous = chained(&line);
        lines.push_str(&line);
        lines.push('\n');
    }
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    if fresh && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(names)
}

/// The hash of the last whole line and its number. What a crash left of a line behind it is cut off.
fn last(path: &Path, file: &mut File) -> Result<(String, u64), JournalError> {
    /// Longer than any line.
    const TAIL: u64 = 64 * 1024;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        file.set_len(0)?;
        return Ok((FIRST.to_owned(), 0));
    };
    file.set_len(start + end as u64 + 1)?;
    let begin = tail[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |before| before + 1);
    let line = std::str::from_utf8(&tail[begin..end]).unwrap_or_default();
    let number = line::number(line).ok_or_else(|| JournalError::Damaged {
        path: path.display().to_string(),
        number: 0,
        problem: "(the last) is no line of the journal",
    })?;
    Ok((chained(line), number))
}

/// Notes entries in the transaction that does what they say.
pub(crate) async fn note(
    connection: &mut Connection,
    organization: i64,
    entries: &[Box<str>],
    at_ms: i64,
) -> Result<(), DbError> {
    let columns = [("organization_id", BulkType::Int), ("entry", BulkType::Text), ("at", BulkType::Int)];
    let row = |entry| [Arg::Int(organization), Arg::Text(entry), Arg::Int(at_ms)];
    let rows: Vec<Arg<'_>> = entries.iter().flat_map(|entry| row(&**entry)).collect();
    bulk::insert_rows(connection, "erasure_journal", &columns, &rows, "on conflict do nothing").await.map(drop)
}

/// Those of the entries that the database has.
pub(crate) async fn noted(
    connection: &mut Connection,
    organization: i64,
    entries: &[&str],
) -> Result<BTreeSet<Box<str>>, DbError> {
    let sql = "select j.entry from {keys} join erasure_journal j on j.organization_id = $1 and j.entry = k.entry";
    let keys: Vec<Arg<'_>> = entries.iter().copied().map(Arg::Text).collect();
    let args = [Arg::Int(organization)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("entry", BulkType::Text)], &keys).await?;
    Ok(rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect())
}

/// Ends a transaction of our own writes. Consents that it revokes are in the journal before it commits; a revocation that cannot
/// be written there does not happen.
pub(crate) async fn commit(journal: &Journal, clock: &Clock, connection: &mut Connection) -> Result<(), DbError> {
    let Some((organization, revocations)) = connection.take_revocations() else { return connection.commit().await };
    let acts = revocations.into_iter().map(Act::Revoke).collect();
    let entries = journal.intend(clock, organization, acts).await.map_err(|error| {
        tracing::error!(%error, "a revocation cannot be written to the journal: nothing is answered that depends on it");
        // No row is at fault, so none is passed over: it is tried again until the file can be written.
        DbError { note: Some("the journal of erasures cannot be written".into()), ..DbError::unavailable() }
    })?;
    let committed = match note(connection, organization, &entries, clock.now_ms()).await {
        Ok(()) => connection.commit().await,
        Err(error) => {
            // Nobody asked the database to commit.
            say(journal, clock, organization, &entries, Mark::Void).await;
            return Err(error);
        }
    };
    settle(journal, clock, organization, &entries, &committed).await;
    committed
}

/// Says in the journal what became of a transaction. Where nobody knows, nothing is said: the database does, at the next start.
pub(crate) async fn settle(
    journal: &Journal,
    clock: &Clock,
    organization: i64,
    entries: &[Box<str>],
    committed: &Result<(), DbError>,
) {
    let mark = match committed {
        Ok(()) => Mark::Done,
        Err(error) if matches!(error.kind, DbErrorKind::Unavailable | DbErrorKind::NoTransaction) => return,
        Err(_) => Mark::Void,
    };
    say(journal, clock, organization, entries, mark).await;
}

async fn say(journal: &Journal, clock: &Clock, organization: i64, entries: &[Box<str>], mark: Mark) {
    if let Err(error) = journal.mark(clock, organization, entries, mark).await {
        tracing::error!(%error, "the journal of erasures does not know yet what was done: it learns it at the next start");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(consent: &str) -> Act {
        Act::Revoke(Revocation {
            patient: Some("p".into()),
            consent: consent.into(),
            version: 2,
            how: Revoked::Inactive,
        })
    }

    fn journal(folder: &Path) -> (Journal, Clock) {
        (Journal::new(folder, "db".to_owned()), Clock::seeded())
    }

    #[tokio::test]
    async fn entries_have_the_last_word_on_them() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, clock) = journal(folder.path());
        assert!(journal.entries().await.unwrap().is_empty());
        let names = journal.intend(&clock, 1, vec![revocation("a"), revocation("b")]).await.unwrap();
        journal.mark(&clock, 1, &names[..1], Mark::Done).await.unwrap();
        let entries = journal.entries().await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.mark).collect::<Vec<_>>(), [Mark::Done, Mark::Intended]);
        assert_eq!(entries[1].act, Some(revocation("b")));
        let other = Journal::new(folder.path(), "another database".to_owned());
        assert!(other.entries().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_line_that_a_crash_cut_short_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, clock) = journal(folder.path());
        journal.intend(&clock, 1, vec![revocation("a")]).await.unwrap();
        let path = folder.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
        assert_eq!(journal.entries().await.unwrap().len(), 1);
        // Within a letter, too.
        std::fs::write(&path, [whole.as_bytes(), "{\"by\":\"Jos\u{e9}".as_bytes().split_last().unwrap().1].concat())
            .unwrap();
        assert_eq!(journal.entries().await.unwrap().len(), 1);
        journal.intend(&clock, 1, vec![revocation("b")]).await.unwrap();
        assert_eq!(journal.entries().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn lines_that_were_changed_taken_out_or_put_in_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, clock) = journal(folder.path());
        for consent in ["a", "b", "c"] {
            journal.intend(&clock, 1, vec![revocation(consent)]).await.unwrap();
        }
        let path = folder.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        for spoilt in [
            whole.replacen("\"consent\":\"b\"", "\"consent\":\"x\"", 1),
            format!("{}\n{}\n", lines[0], lines[2]),
            format!("{}\n{}\n", lines[1], lines[2]),
            format!("{whole}{}\n", lines[1]),
            format!("{whole}{{}}\n"),
        ] {
            std::fs::write(&path, spoilt).unwrap();
            assert!(matches!(journal.entries().await, Err(JournalError::Damaged { .. })));
        }
    }
}
