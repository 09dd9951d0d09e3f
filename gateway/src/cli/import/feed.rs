//! Files to chunks: one file after the other, never more in memory than an import may use.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use consent::Permit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::batch::{Chunk, Input};
use super::reader::{Line, Lines};
use super::report::Refusal;
use super::source::Source;
use super::unit::Done;
use crate::gateway::Gateway;
use crate::outcome::{Code, Failure};
use crate::store::StoreError;

/// Text under way at the same time, in KiB. Each byte of it costs a few: tape, change, row.
const ROOM: u32 = 64 << 10;
/// A chunk ends after so many bytes ...
const CHUNK_BYTES: usize = 1 << 20;
/// ... or lines.
const CHUNK_LINES: usize = 200;

/// The files of an import.
pub(super) struct Feed {
    gateway: Arc<Gateway>,
    permit: Permit,
    sources: Vec<Source>,
    read: Arc<AtomicU64>,
    restart: bool,
    digests: bool,
    room: Arc<Semaphore>,
}

/// What the feed has to say at the end.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// Files that were read.
    pub(super) files: usize,
    /// Files that could not be read to their end.
    pub(super) refusals: Vec<Refusal>,
}

impl Feed {
    pub(super) fn new(
        gateway: Arc<Gateway>,
        permit: Permit,
        sources: Vec<Source>,
        read: Arc<AtomicU64>,
        (restart, digests): (bool, bool),
    ) -> Self {
        Self { gateway, permit, sources, read, restart, digests, room: Arc::new(Semaphore::new(ROOM as usize)) }
    }

    /// Sends all chunks; ends early when nobody receives any more.
    ///
    /// # Errors
    /// The checkpoints cannot be read.
    pub(super) async fn run(mut self, chunks: mpsc::Sender<Chunk>) -> Result<Fed, StoreError> {
        let mut fed = Fed::default();
        for source in std::mem::take(&mut self.sources) {
            let name: Box<str> = source.path.to_string_lossy().into();
            let Ok(job) = source.job() else {
                fed.refusals.push(unreadable(&name, 0));
                continue;
            };
            let Ok(digest) = self.digest(&source).await else {
                fed.refusals.push(unreadable(&name, 0));
                continue;
            };
            let done = self.done(&job).await?;
            let file = Arc::new(Input { name, job, digest, rank: source.rank, done });
            let (read, room, chunks) = (Arc::clone(&self.read), Arc::clone(&self.room), chunks.clone());
            let sending = tokio::task::spawn_blocking({
                let file = Arc::clone(&file);
                move || send(&source, &file, read, &room, &chunks)
            });
            fed.files += 1;
            match sending.await {
                Ok(Ok(())) => {}
                Ok(Err(End::Unreadable(line))) => fed.refusals.push(unreadable(&file.name, line)),
                Ok(Err(End::Unwanted)) | Err(_) => return Ok(fed),
            }
        }
        Ok(fed)
    }

    /// What Provenances tell the file by, where they are wanted.
    async fn digest(&self, source: &Source) -> io::Result<Option<Arc<str>>> {
        if !self.digests {
            return Ok(None);
        }
        let source = source.clone();
        let reading = tokio::task::spawn_blocking(move || source.digest());
        reading.await.unwrap_or_else(|error| Err(io::Error::other(error))).map(|digest| Some(digest.into()))
    }

    async fn done(&self, job: &str) -> Result<Done, StoreError> {
        let store = &self.gateway.store;
        if self.restart {
            store.forget_checkpoints(&self.permit, job).await?;
            return Ok(Done::default());
        }
        Ok(Done::new(store.checkpoints(&self.permit, job).await?))
    }
}

/// Why a file was not sent to its end.
enum End {
    /// It cannot be read on after this line.
    Unreadable(u32),
    /// Nobody wants more.
    Unwanted,
}

fn send(
    source: &Source,
    file: &Arc<Input>,
    read: Arc<AtomicU64>,
    room: &Arc<Semaphore>,
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), End> {
    let mut reader = Lines::open(source, read).map_err(|_| End::Unreadable(0))?;
    let mut lines: Vec<Line> = Vec::new();
    let mut bytes = 0;
    let flush = |lines: &mut Vec<Line>, bytes: &mut usize| {
        let room = take_room(room, *bytes)?;
        let chunk = Chunk { file: Arc::clone(file), lines: std::mem::take(lines), room };
        *bytes = 0;
        chunks.blocking_send(chunk).map_err(|_| End::Unwanted)
    };
    let mut last = 0;
    loop {
        match reader.next() {
            Ok(Some(line)) => {
                last = line.number;
                bytes += line.text.as_ref().map_or(0, |text| text.len());
                lines.push(line);
                if bytes >= CHUNK_BYTES || lines.len() >= CHUNK_LINES {
                    flush(&mut lines, &mut bytes)?;
                }
            }
            Ok(None) => return if lines.is_empty() { Ok(()) } else { flush(&mut lines, &mut bytes) },
            Err(_) => {
                flush(&mut lines, &mut bytes)?;
                return Err(End::Unreadable(last));
            }
        }
    }
}

/// Waits for room. This is a thread that may block.
fn take_room(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, End> {
    let wanted = u32::try_from(bytes >> 10).unwrap_or(ROOM).clamp(1, ROOM);
    let handle = tokio::runtime::Handle::current();
    handle.block_on(Arc::clone(room).acquire_many_owned(wanted)).map_err(|_| End::Unwanted)
}

fn unreadable(name: &str, line: u32) -> Refusal {
    let failure = Failure::bad_request(
        Code::Processing,
        "The file cannot be read on from here: it is damaged, or the disk is. What came before is in.",
    );
    Refusal::new(name, line, None, &failure)
}
