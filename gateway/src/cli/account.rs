//! `fhir-gateway account`: people who log in.

mod arguments;
mod link;
mod show;

use std::time::Duration;

use clap::Subcommand;
use consent::Action;
use secrecy::ExposeSecret as _;
use serde_json::json;

use self::arguments::{AddArgs, ChangeArgs, OneArgs, ResetArgs, ShowArgs};
use super::purge::{as_json, close, open};
use crate::cli::list::ListArgs;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::logins::paths;
use crate::store::accounts::{Account, AccountError, Activation, is_id};
use crate::store::clients::new_id;

/// The people who log in here, who they are in FHIR, and what they may do.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Adds an account, and prints the link by which its owner sets a password, once.
    #[command(after_help = "\
Whose record a login opens is what you say here, and nothing else: neither a name nor an e-mail
address ties anybody to a Patient. Give the link to the person whom you mean; it counts once.

  OWNER    READ_PHI WRITE_PHI DELETE_PHI MANAGE_USERS
  ADMIN    READ_PHI MANAGE_USERS
  DOCTOR   READ_PHI WRITE_PHI
  PATIENT  READ_PHI, of the record of --actor

Examples:
  fhir-gateway account add --by 'Jane Doe' --login ada --name 'Dr. Ada Hart' --role DOCTOR \\
      --actor Practitioner/1 --actor Organization/1 --public-url https://fhir.clinic.example
  fhir-gateway account add --by 'Jane Doe' --login p.miller --name 'Paul Miller' --role PATIENT \\
      --actor Patient/1
  fhir-gateway account add --by 'Jane Doe' --login m.miller --name 'Mary Miller' --role PATIENT \\
      --actor RelatedPerson/9 --hours 24

Exit codes:
  0 added, 1 failed, 2 wrong usage, 3 the database is not available, 4 the login name is taken")]
    Add(Box<AddArgs>),
    /// Changes an account, and ends its sessions unless only its name changes; with roles or references also what it approved for apps.
    #[command(after_help = "\
What is given takes the place of what was there: give all of its roles or references.

Examples:
  fhir-gateway account change ID --by 'Jane Doe' --role DOCTOR --role ADMIN
  fhir-gateway account change ID --by 'Jane Doe' --must-change-password

Exit codes:
  0 changed, 1 failed, 2 wrong usage, 3 the database is not available, 4 refused: it says why")]
    Change(Box<ChangeArgs>),
    /// Disables an account, and ends its sessions and what it approved for apps.
    Disable(OneArgs),
    /// Makes a disabled account one again.
    Enable(OneArgs),
    /// Ties an account to somebody whom an outside OpenID provider (`fhir-gateway provider`) knows, who then logs in by that.
    #[command(after_help = "\
The account stays as you made it, whatever the provider claims. It goes by issuer and subject alone, never by
an e-mail address or a name.

Example:
  fhir-gateway account link AAAAAAAAAAAAAAAAAAAAAA --by 'Jane Doe' --provider keycloak \\
      --subject 1c2a7e3e-0b43-4bd4-8ac5-9d0f0f2f3b11

Exit codes:
  0 linked, 1 failed, 2 wrong usage, 3 the database is not available, 4 refused: it says why")]
    Link(link::LinkArgs),
    /// Lists accounts, disabled ones last.
    List(ListArgs),
    /// Takes the password away, ends all sessions and what was approved for apps, and prints a link by which another one is set, once.
    Reset(ResetArgs),
    /// Ends all sessions of an account, and what it approved for apps; its owner may log in again.
    SessionsEnd(OneArgs),
    /// Shows an account, without anything secret.
    Show(ShowArgs),
    /// Takes the second factor of who has lost it away, and ends all sessions and what was approved for apps.
    TotpOff(OneArgs),
    /// Unties an account from an outside provider, and ends its sessions and what it approved for apps.
    Unlink(link::UnlinkArgs),
    /// Ends a lockout.
    Unlock(OneArgs),
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: AccountCommand) -> Result<Exit, Stop> {
    match command {
        AccountCommand::Add(args) => {
            let id = new_id()?;
            let (database, by, told) = (args.database.clone(), args.by.clone(), args.told.clone());
            // Whatever is wrong with it is said before anything is on record.
            let new = args.account(id.clone()).checked()?;
            let (gateway, permit) = open(&database, Action::Change, ("account-add", &id)).await?;
            let added = gateway.store.add_account(&permit, new, told.lasting(), &by).await;
            close(gateway).await;
            tell(&id, &added?, &told)?;
        }
        AccountCommand::Change(args) => {
            let (id, by, database) = (args.id.clone(), args.by.clone(), args.database.clone());
            let change = args.change();
            let (gateway, permit) = open(&database, Action::Change, ("account-change", known(&id)?)).await?;
            let done = gateway.store.change_account(&permit, &id, change, &by).await;
            close(gateway).await;
            cli::print(&format!("changed\n{}", ended(done?)))?;
        }
        AccountCommand::Disable(args) => disable(&args, true).await?,
        AccountCommand::Enable(args) => disable(&args, false).await?,
        AccountCommand::Link(args) => link::link(args).await?,
        AccountCommand::List(args) => {
            let (accounts, now_ms) = all(&args.database, ("account-list", "account list")).await?;
            cli::print(&if args.json {
                as_json(&accounts.iter().map(|account| show::json(account, now_ms)).collect::<Vec<_>>())?
            } else {
                accounts.iter().map(|account| show::line(account, now_ms)).collect()
            })?;
        }
        AccountCommand::Reset(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("account-reset", known(&args.id)?)).await?;
            let done = gateway.store.reset_account(&permit, &args.id, args.told.lasting(), &args.by).await;
            close(gateway).await;
            tell(&args.id, &done?, &args.told)?;
        }
        AccountCommand::SessionsEnd(args) => {
            let record = ("account-sessions-end", known(&args.id)?);
            let (gateway, permit) = open(&args.database, Action::Change, record).await?;
            let done = gateway.store.end_sessions_of(&permit, &args.id, &args.by).await;
            close(gateway).await;
            cli::print(&ended(done?))?;
        }
        AccountCommand::Show(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("account-show", known(&args.id)?)).await?;
            let found = gateway.store.account(permit.organization(), &args.id).await;
            let (links, now_ms) = (gateway.store.links(&permit, &args.id).await, gateway.clock.now_ms());
            close(gateway).await;
            let account = found.map_err(AccountError::from)?.ok_or_else(|| Stop {
                exit: Exit::Refused,
                message: "there is no account of that id; `account list` shows those that are".into(),
            })?;
            let links = links?;
            cli::print(&if args.json {
                let mut shown = show::json(&account, now_ms);
                shown["links"] = links.iter().map(show::link_json).collect();
                as_json(&shown)?
            } else {
                show::text(&account, now_ms) + &links.iter().map(show::link_line).collect::<String>()
            })?;
        }
        AccountCommand::TotpOff(args) => {
            let record = ("account-totp-off", known(&args.id)?);
            let (gateway, permit) = open(&args.database, Action::Change, record).await?;
            let done = gateway.store.remove_second_factor(&permit, &args.id, &args.by).await;
            close(gateway).await;
            cli::print(&format!("the second factor is off\n{}", ended(done?)))?;
        }
        AccountCommand::Unlink(args) => link::unlink(args).await?,
        AccountCommand::Unlock(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("account-unlock", known(&args.id)?)).await?;
            let done = gateway.store.unlock_account(&permit, &args.id, &args.by).await;
            close(gateway).await;
            done?;
            cli::print("unlocked\n")?;
        }
    }
    Ok(Exit::Done)
}

async fn disable(args: &OneArgs, disabled: bool) -> Result<(), Stop> {
    let (interaction, word) = if disabled { ("account-disable", "disabled") } else { ("account-enable", "enabled") };
    let (gateway, permit) = open(&args.database, Action::Change, (interaction, known(&args.id)?)).await?;
    let done = gateway.store.disable_account(&permit, &args.id, disabled, &args.by).await;
    close(gateway).await;
    cli::print(&format!("{word}\n{}", ended(done?)))
}

/// All accounts, and the time.
async fn all(database: &DatabaseArgs, record: (&'static str, &str)) -> Result<(Vec<Account>, i64), Stop> {
    let (gateway, permit) = open(database, Action::Read, record).await?;
    let (accounts, now_ms) = (gateway.store.accounts(&permit).await, gateway.clock.now_ms());
    close(gateway).await;
    Ok((accounts.map_err(AccountError::from)?, now_ms))
}

/// An id as it may stand in the trail: what is none could be anything (a password that was pasted).
fn known(id: &str) -> Result<&str, Stop> {
    if is_id(id) { Ok(id) } else { Err(Stop::usage("that is no account id; `account list` shows those that are")) }
}

fn tell(id: &str, activation: &Activation, told: &arguments::LinkArgs) -> Result<(), Stop> {
    let path = format!("{}{}", paths::ACTIVATE, activation.token.expose_secret());
    let link = format!("{}{path}", told.public_url.as_deref().unwrap_or_default());
    let until = Clock::format(activation.until_ms);
    if told.json {
        return cli::print(&format!("{}\n", json!({ "id": id, "activation": link, "until": until })));
    }
    let note = if told.public_url.is_some() { "" } else { "   (below the origin that the server is reached by)" };
    cli::print(&format!(
        "account id  {id}\nlink        {link}{note}\n            (shown this once, counts once, until {until}: give it to nobody else)\n"
    ))
}

fn ended(sessions: u64) -> String {
    match sessions {
        0 => "no session ended\n".to_owned(),
        1 => "1 session ended\n".to_owned(),
        sessions => format!("{sessions} sessions ended\n"),
    }
}

impl arguments::LinkArgs {
    fn lasting(&self) -> Duration {
        Duration::from_secs(u64::from(self.hours) * 3_600)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Cli;

    #[test]
    fn the_examples_of_the_help_are_commands() {
        let mut cli = Cli::command();
        let account = cli.find_subcommand_mut("account").unwrap();
        let mut examples = 0;
        for command in account.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
            for line in help.lines().map(str::trim).filter(|line| line.starts_with("fhir-gateway account")) {
                // Quotes keep spaces.
                let words = line.split('\'').enumerate().flat_map(|(place, part)| {
                    if place % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }
                });
                assert!(Cli::try_parse_from(words).is_ok(), "{line}");
                examples += 1;
            }
        }
        assert_eq!(examples, 6);
    }
}
