//! `fhir-gateway hold`: records that nobody may erase.

use clap::{Args, Subcommand};
use consent::Action;

use super::purge::{as_json, close, open};
use crate::cli::list::ListArgs;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::store::erasure::Hold;

/// Legal holds: records that nobody may erase.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Places a hold on a patient's record.
    #[command(after_help = "\
A record under a hold can neither be purged nor be part of another purge. Deletions by FHIR and by SQL go on as
usual: every version is kept, so nothing is lost by them.

Exit codes:
  0 placed, 1 failed, 2 wrong usage, 3 the database is not available, 4 there is no such patient")]
    Add(AddArgs),
    /// Asks to lift a hold; lifted it is when another person asks, too.
    #[command(after_help = "\
Exit codes:
  0 lifted, or asked for by the first of two people (it says which), 1 failed, 2 wrong usage, 3 the database is not
  available, 4 refused")]
    Lift(LiftArgs),
    /// Lists holds, those in force first.
    List(ListArgs),
}

/// Whose record.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// The patient's id.
    #[arg(long, value_name = "ID")]
    patient: String,
    /// Who places it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which hold.
#[derive(Args, Debug)]
pub struct LiftArgs {
    /// The hold's id.
    id: String,
    /// Who lifts it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why; the first of the two has to say it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: HoldCommand) -> Result<Exit, Stop> {
    match command {
        HoldCommand::Add(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("hold-add", "hold add")).await?;
            let placed = gateway.store.place_hold(&permit, &args.patient, &args.by, &args.reason).await;
            close(gateway).await;
            cli::print(&format!("{}\n", placed?))?;
        }
        HoldCommand::Lift(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("hold-lift", &args.id)).await?;
            let lifted = gateway.store.lift_hold(&permit, &args.id, &args.by, args.reason.as_deref()).await;
            close(gateway).await;
            cli::print(if lifted? {
                "lifted\n"
            } else {
                "asked for: it is lifted when another person lifts it, too\n"
            })?;
        }
        HoldCommand::List(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("hold-list", "hold list")).await?;
            let holds = gateway.store.holds(&permit).await;
            close(gateway).await;
            let holds = holds?;
            cli::print(&if args.json { as_json(&holds)? } else { holds.iter().map(line).collect() })?;
        }
    }
    Ok(Exit::Done)
}

fn line(hold: &Hold) -> String {
    let state = match (&hold.lifted_by, &hold.lift_asked_by) {
        (Some(by), _) => format!("lifted by {by} on {}", hold.lifted.as_deref().unwrap_or_default()),
        (None, Some(by)) => format!("in force, {by} asks to lift it"),
        (None, None) => "in force".to_owned(),
    };
    format!(
        "{}  Patient/{}  {state}  placed by {} on {} ({})\n",
        hold.id, hold.patient, hold.placed_by, hold.placed, hold.reason
    )
}
