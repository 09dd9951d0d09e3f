//! `fhir-gateway alerts`: what the webhook was told and what it was not, and whether it listens.

mod webhook;

use std::time::Instant;

use clap::{Args, Subcommand};
use consent::Action;

use super::purge::{as_json, close, open};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::{Clock, Ids};
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::store::alert::{Report, State, test_body};
use crate::webhook::{REVIEW_HOURS, Sent};
use std::sync::Arc;

pub use self::webhook::WebhookArgs;

/// Alerts to the webhook of a privacy or security officer.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// Lists alerts that wait or were given up, the oldest first.
    #[command(after_help = "\
A server that has --alert-webhook sends alerts; without one they wait, and are forgotten after 90
days. With --json `body` is what is sent; `about` stays here.

Example:
  fhir-gateway alerts list --check --data-dir data    in a job that tells when nobody is told

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available,
  4 with --check: an alert was given up, or has waited through ten attempts")]
    List(ListArgs),
    /// Sends what waits now, once, where no server does it.
    #[command(after_help = "\
It also looks for reviews and deadlines that have become due, so that a job that runs it every few
minutes does all that a server does. Beside a server it is of no harm: nobody sends an alert that
another one is sending.

Example:
  fhir-gateway alerts send --data-dir data --alert-webhook @url.txt --alert-secret-file whsec.txt

Exit codes:
  0 nothing is left to send, 1 the receiver did not take something: it is tried again, 2 wrong usage,
  3 the database is not available")]
    Send(SendArgs),
    /// Shows one alert as JSON: what is sent, and who is meant.
    #[command(after_help = "\
Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available, 4 there is no such alert")]
    Show(ShowArgs),
    /// Sends a test to the webhook, past the database.
    #[command(after_help = "\
Example:
  (umask 077; echo \"whsec_$(head -c 32 /dev/urandom | base64)\" > whsec.txt)
  fhir-gateway alerts test --alert-webhook https://example.org/hook --alert-secret-file whsec.txt

Exit codes:
  0 the receiver has taken it, 1 it has not: why, 2 wrong usage")]
    Test(TestArgs),
}

/// How alerts are listed.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Those that were sent, too.
    #[arg(long)]
    all: bool,
    /// Ends with 4 where one was given up or does not arrive.
    #[arg(long)]
    check: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// How they are sent.
#[derive(Args, Debug)]
pub struct SendArgs {
    /// Those that were given up, too.
    #[arg(long)]
    given_up: bool,
    /// Hours in which the review of a broken glass is to be done, as `serve` has it.
    #[arg(long, value_name = "HOURS", env = "FHIR_GATEWAY_GLASS_REVIEW_HOURS", default_value_t = REVIEW_HOURS, value_parser = clap::value_parser!(i64).range(1..=8760))]
    glass_review_hours: i64,
    #[command(flatten)]
    webhook: WebhookArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which one.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The alert's id.
    id: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Where a test goes.
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    webhook: WebhookArgs,
}

/// Attempts after which an alert that waits is one to look at.
const MANY: i64 = 10;

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: AlertsCommand) -> Result<Exit, Stop> {
    match command {
        AlertsCommand::List(args) => list(args).await,
        AlertsCommand::Send(args) => send(args).await,
        AlertsCommand::Show(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("alerts-show", &args.id)).await?;
            let alert = gateway.store.alert(&permit, &args.id).await;
            close(gateway).await;
            let none = || Stop {
                exit: Exit::Refused,
                message: "there is no such alert; `alerts list --all` shows those that are".into(),
            };
            cli::print(&as_json(&alert?.ok_or_else(none)?)?)?;
            Ok(Exit::Done)
        }
        AlertsCommand::Test(args) => test(&args).await,
    }
}

async fn list(args: ListArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Read, ("alerts-list", "alerts list")).await?;
    let alerts = gateway.store.alerts(&permit, args.all).await;
    close(gateway).await;
    let alerts = alerts?;
    cli::print(&if args.json { as_json(&alerts)? } else { alerts.iter().map(line).collect() })?;
    let lost = |alert: &Report| alert.state == State::GivenUp || (alert.state == State::Waiting && alert.tries >= MANY);
    Ok(if args.check && alerts.iter().any(lost) { Exit::Refused } else { Exit::Done })
}

fn line(alert: &Report) -> String {
    let more = alert.body["more"].as_str().unwrap_or_default();
    let mut line = format!("{}  {}  {}  {}", alert.id, alert.kind, alert.at, alert.state.as_str());
    if alert.tries > 0 {
        line += &format!(" after {} attempts", alert.tries);
    }
    if let Some(problem) = &alert.problem {
        line += &format!(" ({problem})");
    }
    line + "\n  " + more + "\n"
}

async fn send(args: SendArgs) -> Result<Exit, Stop> {
    let sender = args.webhook.sender()?.ok_or_else(missing)?;
    // Deliveries are told by their alerts; the rows that this writes are nobody's record.
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let store = &gateway.store;
    let done = async {
        store.watch(args.glass_review_hours * 3_600_000).await?;
        for organization in store.alerted_organizations().await? {
            store.hasten_alerts(organization, args.given_up).await?;
        }
        sender.round(store, &gateway.clock).await
    };
    let done = done.await;
    close(gateway).await;
    let Sent { sent, failed, given_up, problem } = done?;
    cli::print(&format!("{sent} sent, {failed} not taken, {given_up} given up\n"))?;
    match problem {
        Some(problem) => Err(Stop::failed(format!("{}: {problem}", sender.webhook.host()))),
        None => Ok(Exit::Done),
    }
}

async fn test(args: &TestArgs) -> Result<Exit, Stop> {
    let sender = args.webhook.sender()?.ok_or_else(missing)?;
    let clock = Arc::new(Clock::system());
    let id = Ids::random(Arc::clone(&clock)).next();
    let body = test_body(DEFAULT_ORGANIZATION, &id, clock.now_ms());
    let begun = Instant::now();
    let host = sender.webhook.host();
    match sender.webhook.deliver(&clock, &id, &body).await {
        Ok(()) => {
            cli::print(&format!("{host} has taken {id} in {} ms\n", begun.elapsed().as_millis()))?;
            Ok(Exit::Done)
        }
        Err(problem) => Err(Stop::failed(format!("{host}: {problem}"))),
    }
}

fn missing() -> Stop {
    Stop::usage("say where alerts go: --alert-webhook URL, or FHIR_GATEWAY_ALERT_WEBHOOK")
}
