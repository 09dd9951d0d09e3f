//! `fhir-gateway key`: the keys that the gateway signs ID tokens with, and the key that secrets are sealed under.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use consent::Action;
use serde_json::{Value, json};

use super::purge::{as_json, close, open};
use crate::cli::list::ListArgs;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::sealing::rotation;
use crate::signing::{self, LEAD_MS, STAYS_MS, SigningError};
use crate::store::erasure::name as person;
use crate::store::signing_keys::{NewKey, SigningKey, SigningKeyError};

/// The keys that the gateway signs ID tokens with (clients find the public parts at /oauth/jwks), and the key that secrets in the database are sealed
/// under.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Lists the keys, the newest first; never a private part.
    List(ListArgs),
    /// Makes a new key, which signs two minutes later in place of the one before.
    #[command(after_help = "\
The new key is published at once and signs two minutes later, when everybody who keeps the key set has
looked once more. The one before stays published until what it signed has expired. Running servers see
it within seconds. Private parts are sealed under secret.key of the data directory (or
FHIR_GATEWAY_SECRET_KEY): use the same here as the servers do.

Example:
  fhir-gateway key rotate --by 'Jane Doe'

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available, 4 refused: it says why")]
    Rotate(RotateArgs),
    /// Takes a key out of the key set at once: what it signed is not to be trusted any more.
    #[command(after_help = "\
For a key that somebody else may know. ID tokens that it signed do not verify from now on (clients that
keep the key set may take them for a minute more). Where it was the one that signs, another one takes its
place. There is no way back.

Example:
  fhir-gateway key retire KID --by 'Jane Doe'

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available,
  4 there is none of that id, or it is retired already")]
    Retire(RetireArgs),
    /// Puts a new key in the place of secret.key, and seals under it all that is sealed in the database.
    #[command(after_help = "\
What is sealed: private keys for ID tokens, secrets of second factors, secrets with providers. Servers may run meanwhile: they
take up the new key by themselves. The old key stays beside the new one, as secret.before.key; whatever ends the command
before (kill -9, too), run it again and it goes on. Until --finish no other key is made. Back up secret.key, and once that is done take the old one away by
--finish, which looks once more for what is sealed under it. Backups of the database from before open with the old key
alone: keep it with them.

Servers of one database with other data directories need the new file before anything is sealed under it, so give all of them
one folder of keys, or the key in the environment. Where the key is in the environment or printed by --secret-key-command,
this command makes none: put the new one there and the old one into FHIR_GATEWAY_SECRET_KEY_BEFORE, here and at all
servers (start them again), run this command, and take the old one away.

Example:
  fhir-gateway key rotate-secret --by 'Jane Doe'
  fhir-gateway key rotate-secret --by 'Jane Doe' --finish

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available,
  4 refused: something opens with neither key (it stays as it is, and so does the old key), or there is nothing to finish")]
    RotateSecret(RotateSecretArgs),
}

/// Who makes a new one.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// Who does it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Who rotates the key that all is sealed under.
#[derive(Args, Debug)]
pub struct RotateSecretArgs {
    /// Who does it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Takes the key before away, once nothing is sealed under it any more and there is a backup of the new one.
    #[arg(long)]
    finish: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which one, and who says so.
#[derive(Args, Debug)]
pub struct RetireArgs {
    /// Its id, as the list has it: one in sixty-four begins with a hyphen, and is no option for that.
    #[arg(allow_hyphen_values = true)]
    kid: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl From<SigningKeyError> for Stop {
    fn from(error: SigningKeyError) -> Self {
        match error {
            SigningKeyError::Refused(message) => Self { exit: Exit::Refused, message },
            SigningKeyError::Store(error) => error.into(),
        }
    }
}

impl From<SigningError> for Stop {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Store(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: KeyCommand) -> Result<Exit, Stop> {
    match command {
        KeyCommand::List(args) => {
            let (gateway, _permit) = open(&args.database, Action::Read, ("key-list", "key list")).await?;
            let (keys, now_ms) = (gateway.store.signing_keys().await, gateway.clock.now_ms());
            close(gateway).await;
            let keys = keys?;
            cli::print(&if args.json {
                as_json(&keys.iter().map(|key| shown(key, now_ms)).collect::<Vec<_>>())?
            } else {
                keys.iter().map(|key| line(key, now_ms)).collect()
            })?;
        }
        KeyCommand::Rotate(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("key-rotate", "key rotate")).await?;
            let done = async {
                let new = new(&gateway).await?;
                gateway.store.rotate_signing_key(&permit, &new, LEAD_MS, &args.by).await?;
                Ok::<_, Stop>(new.kid)
            };
            let done = done.await;
            close(gateway).await;
            let kid = done?;
            cli::print(&if args.json {
                format!("{}\n", json!({ "kid": kid }))
            } else {
                format!("key {kid} is published, and signs in two minutes\n")
            })?;
        }
        KeyCommand::RotateSecret(args) => return rotate_secret(&args).await,
        KeyCommand::Retire(args) => {
            let kid = known(&args.kid)?;
            let (gateway, permit) = open(&args.database, Action::Change, ("key-retire", kid)).await?;
            let done = async {
                let new = new(&gateway).await?;
                let is_new = gateway.store.retire_signing_key(&permit, kid, &new, &args.by).await?;
                Ok::<_, Stop>(is_new.then_some(new.kid))
            };
            let done = done.await;
            close(gateway).await;
            let next = done?;
            cli::print(&match (args.json, next) {
                (true, next) => format!("{}\n", json!({ "retired": kid, "kid": next })),
                (false, None) => "retired\n".to_owned(),
                (false, Some(next)) => format!("retired\nkey {next} signs in its place\n"),
            })?;
        }
    }
    Ok(Exit::Done)
}

/// Servers that were sealing while the key changed have written what they sealed.
const SETTLED: Duration = Duration::from_secs(2);

async fn rotate_secret(args: &RotateSecretArgs) -> Result<Exit, Stop> {
    person(&args.by).map_err(|error| Stop { exit: Exit::Refused, message: error.to_string() })?;
    let failed = |error: io::Error| Stop::failed(format!("the key cannot be changed: {error}"));
    let (gateway, permit) = open(&args.database, Action::Change, ("key-rotate-secret", &args.by)).await?;
    let folder = gateway.sealer.is_of_files().then_some(args.database.data_dir.as_path());
    let has_files = folder.is_some();
    let done = async {
        let _lock = folder.map(rotation::lock).transpose().map_err(failed)?;
        let refused = |message: &str| Stop { exit: Exit::Refused, message: message.to_owned() };
        let is_made = match folder {
            Some(folder) if args.finish => {
                if !rotation::is_begun(folder).map_err(failed)? {
                    return Err(refused(
                        "there is no other key before the one that is used: there is nothing to finish",
                    ));
                }
                true
            }
            Some(folder) => rotation::begin(folder).map_err(failed)?,
            None => true,
        };
        let begun = Instant::now();
        let first = gateway.store.reseal(&permit, &gateway.sealer).await?;
        tokio::time::sleep(SETTLED.saturating_sub(begun.elapsed())).await;
        let second = gateway.store.reseal(&permit, &gateway.sealer).await?;
        if second.closed > 0 {
            let message = format!(
                "{} values were sealed anew, {} open with neither key and stay as they are: log those people in by other factors (account totp-off), \
                 retire those keys (key retire), give those providers their secrets again (provider change); then run this again. Until then the old key stays",
                first.done + second.done,
                second.closed
            );
            return Err(Stop { exit: Exit::Refused, message });
        }
        if !is_made && first.done + second.done == 0 {
            // Whoever rotates because the key has leaked must not take this for done.
            return Err(refused(
                "no new key was made: a rotation before is not finished. Run this with --finish, then again without it",
            ));
        }
        if args.finish {
            folder.map(rotation::end).transpose().map_err(failed)?;
        }
        Ok(first.done + second.done)
    };
    let done = done.await;
    close(gateway).await;
    let count = done?;
    cli::print(&if args.json {
        format!("{}\n", json!({ "sealed": count }))
    } else {
        let next = match (has_files, args.finish) {
            (true, false) => {
                "; the one before stays as secret.before.key: back up secret.key, then run this with --finish"
            }
            (true, true) => "; the one before has gone. Servers know it until they are started again",
            (false, _) => "",
        };
        format!("{count} values are sealed under the new key{next}\n")
    })?;
    Ok(Exit::Done)
}

async fn new(gateway: &Gateway) -> Result<NewKey, Stop> {
    Ok(signing::make(&gateway.sealer).await?)
}

/// An id as it may stand in the trail: the base64url of a SHA-256.
fn known(kid: &str) -> Result<&str, Stop> {
    let fits = kid.len() == 43 && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if fits { Ok(kid) } else { Err(Stop::usage("that is no key id; `key list` shows those that are")) }
}

fn state(key: &SigningKey, now_ms: i64) -> &'static str {
    if key.retired_ms.is_some() {
        "retired"
    } else if now_ms < key.signs_from_ms {
        "published"
    } else if key.signs_at(now_ms) {
        "signs"
    } else if key.is_published_at(now_ms, STAYS_MS) {
        "verifies"
    } else {
        "ended"
    }
}

fn shown(key: &SigningKey, now_ms: i64) -> Value {
    let mut shown = json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": state(key, now_ms),
        "created": Clock::format(key.created_ms),
        "createdBy": key.created_by,
        "signsFrom": Clock::format(key.signs_from_ms),
    });
    let optional = [
        ("signsUntil", key.signs_until_ms.map(Clock::format)),
        ("publishedUntil", key.signs_until_ms.map(|end| Clock::format(end.saturating_add(STAYS_MS)))),
        ("retired", key.retired_ms.map(Clock::format)),
        ("retiredBy", key.retired_by.clone()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = value.into();
        }
    }
    shown
}

fn line(key: &SigningKey, now_ms: i64) -> String {
    let state = state(key, now_ms);
    let mut line = format!("{}  {state:<9}  {}  from {}", key.kid, key.algorithm, Clock::format(key.signs_from_ms));
    // Writing to a String does not fail.
    if let Some(end) = key.signs_until_ms {
        let _ = write!(line, " until {}", Clock::format(end));
    }
    if let (Some(at), Some(by)) = (key.retired_ms, &key.retired_by) {
        let _ = write!(line, ", retired {} by {by}", Clock::format(at));
    }
    line + "\n"
}
