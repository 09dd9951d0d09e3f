//! `fhir-gateway client registration`: the tokens by which programs register themselves.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use consent::Action;
use serde_json::json;

use super::known;
use super::secret::{self, SecretFile};
use crate::cli::list::ListArgs;
use crate::cli::purge::{as_json, close, open};
use crate::cli::{self, DatabaseArgs, Stop};
use crate::clock::Clock;
use crate::store::clients::Registration;

/// Initial access tokens, by which programs register themselves (`serve --register-clients token`).
#[derive(Debug, Subcommand)]
pub enum RegistrationCommand {
    /// Makes a token, which is shown once.
    #[command(after_help = "\
Whoever has it registers a client for patients at /oauth/register (RFC 7591), with the scopes that the
server says at most (serve --register-scope) and for PATRQT alone. Give each maker of apps one of its own:
the trail names it, and ending it leaves what registered by it. With it keys may be at an address (jwks_uri).

Examples:
  fhir-gateway client registration add --by 'Jane Doe' --name 'Maker of My Record'
  fhir-gateway client registration add --by 'Jane Doe' --name 'Fair' --uses 100 --days 3 --json

Exit codes:
  0 made, 1 failed, 2 wrong usage, 3 the database is not available")]
    Add(AddArgs),
    /// Ends a token. What registered by it stays: `client disable` ends that.
    End(EndArgs),
    /// Lists the tokens, without what they are, the latest first.
    List(ListArgs),
}

/// A token that is to be.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Who makes it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// For whom.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// How many clients may register by it.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    uses: u32,
    /// For how many days it counts.
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    days: u32,
    /// Writes it to a new file of mode 0600 instead of showing it.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A token that is to end.
#[derive(Args, Debug)]
pub struct EndArgs {
    /// Its id.
    id: String,
    /// Who ends it.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: RegistrationCommand) -> Result<(), Stop> {
    match command {
        RegistrationCommand::Add(args) => {
            let file = args.secret_file.as_deref().map(SecretFile::make).transpose()?;
            let record = ("client-registration-add", "client registration");
            let (gateway, permit) = open(&args.database, Action::Change, record).await?;
            let made = gateway.store.new_registration(&permit, &args.name, (args.uses, args.days), &args.by).await;
            close(gateway).await;
            let (id, token) = made?;
            secret::tell(("token id", &id), Some(&token), file, args.json)
        }
        RegistrationCommand::End(args) => {
            let record = ("client-registration-end", known(&args.id)?);
            let (gateway, permit) = open(&args.database, Action::Change, record).await?;
            let done = gateway.store.end_registration(&permit, &args.id, &args.by).await;
            close(gateway).await;
            done?;
            cli::print("ended\n")
        }
        RegistrationCommand::List(args) => {
            let record = ("client-registration-list", "client registration list");
            let (gateway, permit) = open(&args.database, Action::Read, record).await?;
            let (found, now_ms) = (gateway.store.registrations(&permit).await, gateway.clock.now_ms());
            close(gateway).await;
            let found = found?;
            cli::print(&if args.json {
                as_json(&found.iter().map(|one| told(one, now_ms)).collect::<Vec<_>>())?
            } else {
                found.iter().map(|one| line(one, now_ms)).collect()
            })
        }
    }
}

fn state(one: &Registration, now_ms: i64) -> &'static str {
    match (one.counts(now_ms), one.ended_ms) {
        (true, _) => "counts",
        (false, Some(_)) => "ended",
        (false, None) => "used up",
    }
}

fn told(one: &Registration, now_ms: i64) -> serde_json::Value {
    json!({
        "id": one.id,
        "name": one.name,
        "state": state(one, now_ms),
        "uses": one.uses,
        "created": Clock::format(one.created_ms),
        "createdBy": one.created_by,
        "expires": Clock::format(one.expires_ms),
    })
}

fn line(one: &Registration, now_ms: i64) -> String {
    let (state, until) = (state(one, now_ms), Clock::format(one.expires_ms));
    format!("{}  {state}  {} left  until {until}  ({}, by {})\n", one.id, one.uses, one.name, one.created_by)
}
