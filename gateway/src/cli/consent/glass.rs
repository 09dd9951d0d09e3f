//! `fhir-gateway consent glass`: the review queue of broken glasses, for the privacy officer.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::cli::map::operator_permit;
use crate::cli::{self, DatabaseArgs, DecideArgs, Exit, Stop};
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::store::glass::{GlassChange, GlassReport, GlassReview};

/// Lists and reviews broken glasses.
#[derive(Debug, Subcommand)]
pub enum GlassCommand {
    /// Ends a glass before its time: the next request is decided without it.
    Close(DecideArgs),
    /// Lists the glasses that wait for their review, the oldest first, with their reasons.
    #[command(after_help = "\
Reasons are health data: this prints them, for the review, and nothing else does.

Example:
  fhir-gateway consent glass list --data-dir data --json")]
    List(ListArgs),
    /// Says whether it was right to break a glass, once. One that was not justified ends at once.
    #[command(after_help = "\
Example:
  fhir-gateway consent glass review 0198a2c4-... --verdict justified --by 'A. Privacy' --data-dir data

Exit codes:
  0 done, 1 the work failed, 2 wrong usage, 3 the database is not available,
  4 there is no such glass, or it was reviewed before")]
    Review(ReviewArgs),
}

/// Which glasses.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Also those that were reviewed.
    #[arg(long)]
    all: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What the review says.
#[derive(Args, Debug)]
pub struct ReviewArgs {
    /// The glass.
    id: String,
    /// Whether it was right to break it.
    #[arg(long, value_enum, value_name = "VERDICT")]
    verdict: Verdict,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// What else there is to say.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What a review can say.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Verdict {
    /// It was right.
    Justified,
    /// It was not.
    Unjustified,
}

pub(super) async fn run(command: GlassCommand) -> Result<Exit, Stop> {
    match command {
        GlassCommand::Close(args) => {
            let gateway = Gateway::open(args.database.options(false)?).await?;
            let permit = operator_permit(&gateway, "glass", "consent glass close").await?;
            let now_ms = gateway.clock.now_ms();
            let change = gateway.store.close_glass(&permit, &args.id, named(&args.by)?, now_ms).await?;
            said(change, "it has ended before")
        }
        GlassCommand::List(args) => list(&args).await,
        GlassCommand::Review(args) => {
            let gateway = Gateway::open(args.database.options(false)?).await?;
            let permit = operator_permit(&gateway, "glass", "consent glass review").await?;
            let review = GlassReview {
                at_ms: gateway.clock.now_ms(),
                justified: args.verdict == Verdict::Justified,
                by: named(&args.by)?.to_owned(),
                note: args.note.clone(),
            };
            said(gateway.store.review_glass(&permit, &args.id, &review).await?, "it was reviewed before")
        }
    }
}

fn named(name: &str) -> Result<&str, Stop> {
    let name = name.trim();
    if name.is_empty() { Err(Stop::usage("--by names whoever does this")) } else { Ok(name) }
}

fn said(change: GlassChange, before: &str) -> Result<Exit, Stop> {
    match change {
        GlassChange::Done => Ok(Exit::Done),
        GlassChange::Before => Err(Stop { exit: Exit::Refused, message: before.to_owned() }),
        GlassChange::Unknown => Err(Stop { exit: Exit::Refused, message: "there is no such glass".to_owned() }),
    }
}

async fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = operator_permit(&gateway, "glass", "consent glass list").await?;
    let glasses = gateway.store.glasses(&permit, args.all).await?;
    let now_ms = gateway.clock.now_ms();
    if args.json {
        let list = glasses.iter().map(|glass| as_json(glass, now_ms));
        cli::print(&format!("{}\n", Value::from_iter(list)))?;
        return Ok(Exit::Done);
    }
    let lines: String = glasses.iter().map(|glass| as_text(glass, now_ms)).collect();
    let waiting = glasses.iter().filter(|glass| glass.review.is_none()).count();
    cli::print(&format!("{lines}{waiting} to review\n"))?;
    Ok(Exit::Done)
}

/// Whole minutes since it was broken.
fn age(glass: &GlassReport, now_ms: i64) -> i64 {
    (now_ms - glass.opened_ms).max(0) / 60_000
}

fn state(glass: &GlassReport, now_ms: i64) -> &'static str {
    match glass.closed {
        Some(_) => "closed",
        None if glass.expires_ms <= now_ms => "expired",
        None => "open",
    }
}

fn as_json(glass: &GlassReport, now_ms: i64) -> Value {
    json!({
        "id": glass.id,
        "patient": format!("Patient/{}", glass.patient),
        "caller": glass.caller,
        "actors": glass.actors,
        "purpose": glass.purpose,
        "reason": glass.reason,
        "opened": Clock::format(glass.opened_ms),
        "expires": Clock::format(glass.expires_ms),
        "state": state(glass, now_ms),
        "ageMinutes": age(glass, now_ms),
        "closed": glass.closed.as_ref().map(|(at, by)| json!({ "at": Clock::format(*at), "by": by })),
        "review": glass.review.as_ref().map(|review| json!({
            "at": Clock::format(review.at_ms),
            "verdict": if review.justified { "justified" } else { "unjustified" },
            "by": review.by,
            "note": review.note,
        })),
    })
}

fn as_text(glass: &GlassReport, now_ms: i64) -> String {
    let review = match &glass.review {
        None => "to review".to_owned(),
        Some(review) if review.justified => format!("justified, says {}", review.by),
        Some(review) => format!("unjustified, says {}", review.by),
    };
    format!(
        "{}  {}  {} min ago, {} until {}  {} ({})  {}  {review}\n    {}\n",
        glass.id,
        format_args!("Patient/{}", glass.patient),
        age(glass, now_ms),
        state(glass, now_ms),
        Clock::format(glass.expires_ms),
        glass.caller,
        glass.actors.join(", "),
        glass.purpose,
        // Control characters of a reason do nothing at a terminal.
        glass.reason.replace(char::is_control, " "),
    )
}
