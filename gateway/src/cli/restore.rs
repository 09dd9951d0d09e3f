//! `fhir-gateway restore-replay`: a database from a backup learns what was erased and revoked since.

use clap::Args;

use super::purge::{close, event};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::erasure::Replayed;
use crate::store::incident::Kind;

/// Erases and revokes again what a database that was restored from a backup lacks; `serve` does it, too, before it serves.
#[derive(Args, Debug)]
#[command(after_help = "\
erasures.jsonl in the data directory says what was erased and which Consents were revoked; the database says how much of
that it has. Keep the file in a backup apart from the database's, and put back the newest of both. Consents that came to
deny something since the backup deny everything until they are entered again: the journal holds ids and no text.

Exit codes:
  0 done (also where nothing was to do), 1 something cannot be done again, 2 wrong usage, 3 the database is not available")]
pub struct ReplayArgs {
    /// From now on the journal of this data directory is the database's: where the one before is lost.
    #[arg(long)]
    claim: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(args: ReplayArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let replayed = match gateway.store.claim_journal(args.claim).await {
        Ok(_) => replay(&gateway).await,
        Err(error) => Err(error.into()),
    };
    close(gateway).await;
    cli::print(&text(&replayed?))?;
    Ok(Exit::Done)
}

/// Does again what the database lacks, and finishes what an erasure left in files. Nothing may be served before.
///
/// # Errors
/// Something cannot be done again.
pub(super) async fn replay(gateway: &Gateway) -> Result<Replayed, Stop> {
    let replayed = do_again(gateway).await;
    if replayed.as_ref().is_err_and(|stop| stop.exit != Exit::Unavailable) {
        // What the journal itself has noticed says more.
        gateway.store.tell_of_what_was_not_done_again();
    }
    if let Err(error) = gateway.store.write_told().await {
        tracing::warn!(%error, "an alert about the journal cannot be written");
    }
    replayed
}

async fn do_again(gateway: &Gateway) -> Result<Replayed, Stop> {
    let mut all = Replayed::default();
    for organization in gateway.store.organizations().await? {
        let permit = gateway.upkeep(organization).map_err(|refusal| Stop::failed(refusal.to_string()))?;
        let replayed = gateway.store.replay(&permit).await?;
        let items = replayed.erased.iter().map(|target| (target, "purge-again"));
        let items = items.chain(replayed.revoked.iter().map(|consent| (consent, "revoke-again")));
        let events = items.map(|(item, what)| event(gateway, what, "restore-replay", Some((item, None)), 200));
        gateway.audit.record_all(events.collect()).await.map_err(|error| Stop::failed(error.to_string()))?;
        if !replayed.is_empty() {
            let counts = [("erasures", replayed.erased.len() as u64), ("revocations", replayed.revoked.len() as u64)];
            gateway.store.record_incident(&permit, Kind::RestoredDatabase, &counts).await?;
        }
        all.erased.extend(replayed.erased);
        all.revoked.extend(replayed.revoked);
        all.denying.extend(replayed.denying);
        all.unsure.extend(replayed.unsure);
    }
    gateway.store.finish_erasures().await?;
    Ok(all)
}

/// Does so for a command that writes: a log is told, not who reads the command's output.
///
/// # Errors
/// Something cannot be done again: nothing may be written before.
pub(super) async fn ahead(gateway: &Gateway) -> Result<(), Stop> {
    let replayed = replay(gateway).await?;
    if !replayed.is_empty() {
        let (erasures, revocations) = (replayed.erased.len(), replayed.revoked.len());
        tracing::warn!(erasures, revocations, "the database was older than the journal: they were done again");
    }
    if !replayed.unsure.is_empty() {
        let erasures = replayed.unsure.len();
        tracing::warn!(
            erasures,
            "nobody knows whether these were done, and the database does not have them: see `incident list` and erasures.jsonl"
        );
    }
    Ok(())
}

/// Counts for a log or a terminal.
fn text(replayed: &Replayed) -> String {
    let mut text = match replayed.is_empty() {
        true => "the database has all that the journal has\n".to_owned(),
        false => format!(
            "the database was older than the journal: {} erasures and {} revocations were done again\n",
            replayed.erased.len(),
            replayed.revoked.len()
        ),
    };
    for target in &replayed.unsure {
        text += &format!(
            "{target} is here, and was to be erased: the journal does not say whether it was; ask whoever approved it, and for \
             another erasure where it was\n"
        );
    }
    for consent in &replayed.denying {
        text += &format!("{consent} denies everything until it is entered again\n");
    }
    text
}
