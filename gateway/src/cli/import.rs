//! `fhir-gateway import`: files into the database, fast, and resumable without a duplicate or a gap.
//!
//! A reader unpacks files and cuts them into lines; two parsers check them and make batches; a few batches are committed
//! at a time, each together with the checkpoint that names its lines. Batches that write the same resource keep their
//! order, and files that others refer to are committed first.

mod batch;
mod commit;
mod feed;
mod item;
mod progress;
mod reader;
mod report;
mod source;
mod unit;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use consent::Action;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::{self, DatabaseArgs, Exit, Stop, restore, serve};
use crate::gateway::Gateway;
use crate::interaction::Endpoint;
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::store::StoreError;
use batch::{Batch, Chunk, Gathered, gather};
use commit::{Committed, Committer};
use feed::Feed;
use progress::Progress;
use report::Report;

/// Chunks that are parsed at the same time.
const PARSERS: usize = 2;
/// Batches that are committed at the same time: enough for the store to gather them in one transaction.
const IN_FLIGHT: usize = 16;

/// Loads Bundles, NDJSON and single resources.
#[derive(Args, Debug)]
#[command(after_help = "\
What is taken, gzipped or not, one document a file or one a line:
  a resource             with an id it is updated or created under it, without one created
  Bundle: transaction    applied whole or not at all, with urn:uuid and conditional references
  Bundle: batch          each entry for itself
  Bundle: collection     the resources in it, as one transaction where they refer to each
    and searchset          other by urn:uuid
  Bundle: document       kept as the Bundle it is
    and message
In folders, .json, .ndjson and .jsonl (and .gz of these) are taken. Files named after
organizations, practitioners and patients come first: others find what they refer to.

An import that was stopped, even by kill -9, goes on where it stopped when the same
command is run again. What is in is known by the file's path, size and first megabyte,
and is not loaded twice; --restart loads it again. An import may run beside a gateway
that serves the same database.

Examples:
  fhir-gateway import --data-dir data synthea/output/fhir
  fhir-gateway import --data-dir data load.ndjson.gz --report refused.json
  fhir-gateway import --database postgres://gateway@db/clinic patients.ndjson --json | jq .types

Exit codes:
  0 all in, 1 failed, 2 wrong usage, 3 the database is not available,
  4 done but some input was refused")]
pub struct ImportArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Files and folders.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Load everything again, also what earlier runs of these files committed.
    #[arg(long)]
    restart: bool,
    /// With everything that is written a Provenance is stored that says by whom, when and from which file (by its SHA-256).
    #[arg(long)]
    provenance: bool,
    /// Write the full report (JSON) to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print the report as JSON on stdout; no progress bar.
    #[arg(long)]
    json: bool,
}

impl ImportArgs {
    /// Where it goes.
    #[must_use]
    pub fn database(&self) -> &DatabaseArgs {
        &self.database
    }
}

/// Runs the command.
pub(super) async fn run(args: ImportArgs) -> Result<Exit, Stop> {
    serve::log("warn");
    let sources = source::find(&args.paths)
        .map_err(|(path, error)| Stop::usage(format!("{} cannot be read: {error}", path.display())))?;
    if sources.is_empty() {
        return Err(Stop::usage("there is no .json, .ndjson or .jsonl file under the given paths"));
    }
    let gateway = Arc::new(Gateway::open(args.database.options(true)?).await?);
    if args.provenance {
        gateway.keep_provenance(None);
    }
    restore::ahead(&gateway).await?;
    let permit = gateway
        .permit(&Gateway::operator(), commit::PURPOSE, Action::Change)
        .map_err(|refusal| Stop::failed(refusal.to_string()))?;
    let read = Arc::new(AtomicU64::new(0));
    let total = sources.iter().map(|source| source.bytes).sum();
    let progress = Progress::new(total, args.json, Arc::clone(&read));
    let feed = Feed::new(Arc::clone(&gateway), permit.clone(), sources, read, (args.restart, args.provenance));
    let started = Instant::now();
    let committer = Committer { endpoint: endpoint(&gateway, &args)?, permit, faults: Arc::default() };
    let outcome = load(committer, feed, &progress).await;
    progress.finish();
    // The audit trail has a connection of its own, which goes with the last handle on it.
    let (store, closing) = (gateway.store.clone(), gateway.audit.closing());
    drop(gateway);
    // After an error the reader may hold on to it for a moment; the process ends in any case.
    // Neither is worth waiting for longer.
    let _ = tokio::time::timeout(Duration::from_secs(30), store.take_statistics()).await;
    let _ = tokio::time::timeout(Duration::from_secs(5), store.close()).await;
    closing.wait().await;
    let (mut report, error) = outcome;
    report.finish(started.elapsed());
    publish(&report, &args)?;
    match error {
        Some(error) => Err(explain(error)),
        None if report.refused > 0 => Ok(Exit::Refused),
        None => Ok(Exit::Done),
    }
}

/// Where transactions are applied. Nobody sees its addresses.
fn endpoint(gateway: &Arc<Gateway>, args: &ImportArgs) -> Result<Arc<Endpoint>, Stop> {
    let data_dir = &args.database.data_dir;
    let cursors = Cursors::open(data_dir)
        .map_err(|error| Stop::usage(format!("the data directory {}: {error}", data_dir.display())))?;
    let base = "http://localhost/fhir".into();
    // A file may hold a condition that somebody wrote for another server: one match, or nothing is done.
    let conditional_delete = ConditionalDelete::Single;
    let (gateway, capabilities) = (Arc::clone(gateway), Bytes::new());
    Ok(Arc::new(Endpoint { gateway, base, cursors, capabilities, conditional_delete }))
}

/// Everything the feed gives, into the store; what came of it, and what stopped it.
async fn load(committer: Committer, feed: Feed, progress: &Progress) -> (Report, Option<StoreError>) {
    let ids = Arc::clone(&committer.endpoint.gateway.ids);
    let mut loading =
        Loading { committer, flights: JoinSet::new(), busy: HashSet::new(), rank: 0, report: Report::default() };
    let (chunks, received) = mpsc::channel::<Chunk>(PARSERS);
    let feeding = tokio::spawn(feed.run(chunks));
    let received = futures_util::stream::unfold(received, |mut received| async move {
        let chunk = received.recv().await?;
        Some((chunk, received))
    });
    let parsed = received.map(move |chunk| {
        let ids = Arc::clone(&ids);
        tokio::task::spawn_blocking(move || gather(chunk, &ids))
    });
    let mut parsed = std::pin::pin!(parsed.buffered(PARSERS));
    while let Some(gathered) = parsed.next().await {
        let result = match gathered {
            Ok(gathered) => loading.take(gathered).await,
            Err(_) => Err(StoreError::Invariant("a parser of the import died")),
        };
        progress.show(loading.report.imported, loading.report.refused);
        if let Err(error) = result {
            loading.land().await;
            return (loading.report, Some(error));
        }
    }
    let settled = loading.settle(0).await;
    let fed = feeding.await.unwrap_or(Err(StoreError::Invariant("the reader of the import died")));
    match fed {
        Ok(read) => {
            loading.report.files = read.files;
            read.refusals.into_iter().for_each(|refusal| loading.report.refuse(refusal));
            (loading.report, settled.err())
        }
        Err(error) => (loading.report, Some(error)),
    }
}

/// A batch that came back, with what it was to write.
type Landed = (Vec<Box<str>>, Result<Committed, StoreError>);

struct Loading {
    committer: Committer,
    flights: JoinSet<Landed>,
    /// What the batches in flight write.
    busy: HashSet<Box<str>>,
    /// The rank of the files in flight.
    rank: usize,
    report: Report,
}

impl Loading {
    async fn take(&mut self, gathered: Gathered) -> Result<(), StoreError> {
        self.report.skipped += gathered.skipped;
        gathered.refusals.into_iter().for_each(|refusal| self.report.refuse(refusal));
        for batch in gathered.batches {
            self.start(batch).await?;
        }
        Ok(())
    }

    /// Starts a batch once nothing in flight must come before it.
    async fn start(&mut self, batch: Batch) -> Result<(), StoreError> {
        if batch.file.rank != self.rank {
            self.settle(0).await?;
            self.rank = batch.file.rank;
        }
        self.settle(IN_FLIGHT - 1).await?;
        let targets = batch.targets();
        while targets.iter().any(|target| self.busy.contains(target)) {
            let left = self.flights.len().saturating_sub(1);
            self.settle(left).await?;
        }
        self.busy.extend(targets.iter().cloned());
        let committer = self.committer.clone();
        self.flights.spawn(async move {
            let committed = committer.commit(&batch).await;
            (targets, committed)
        });
        Ok(())
    }

    /// Waits for everything in flight, whatever becomes of it.
    async fn land(&mut self) {
        while !self.flights.is_empty() {
            let left = self.flights.len() - 1;
            // The error that stopped the import is told already.
            let _ = self.settle(left).await;
        }
    }

    /// Waits until at most `left` batches are in flight.
    async fn settle(&mut self, left: usize) -> Result<(), StoreError> {
        while self.flights.len() > left {
            let Some(landed) = self.flights.join_next().await else { return Ok(()) };
            let (targets, committed) =
                landed.map_err(|_| StoreError::Invariant("a committing task of the import died"))?;
            for target in &targets {
                self.busy.remove(target);
            }
            let committed = committed?;
            committed.kinds.iter().for_each(|kind| self.report.count(kind, 1));
            committed.refusals.into_iter().for_each(|refusal| self.report.refuse(refusal));
        }
        Ok(())
    }
}

/// The report, where it was asked for and for whoever looks.
fn publish(report: &Report, args: &ImportArgs) -> Result<(), Stop> {
    let json = || serde_json::to_string_pretty(report).map_err(|error| Stop::failed(error.to_string()));
    if let Some(path) = &args.report {
        std::fs::write(path, json()?)
            .map_err(|error| Stop::failed(format!("the report cannot be written to {}: {error}", path.display())))?;
    }
    let text = if args.json { json()? + "\n" } else { report.text() };
    cli::print(&text)
}

fn explain(error: StoreError) -> Stop {
    let resume = "What was committed stays; the same command goes on from there.";
    match error {
        StoreError::Unavailable | StoreError::Contention => Stop::unavailable(format!("{error}. {resume}")),
        error => Stop::failed(format!("{error}. {resume}")),
    }
}
