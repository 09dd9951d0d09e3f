//! `fhir-gateway client`: the programs that OAuth knows.

mod arguments;
mod registration;
mod secret;
mod show;

use clap::Subcommand;
use consent::Action;

use self::arguments::{AddArgs, ChangeArgs, DisableArgs, RotateArgs, ShowArgs};
use self::registration::RegistrationCommand;
use self::secret::SecretFile;
use super::purge::{as_json, close, open};
use crate::cli::list::ListArgs;
use crate::cli::{self, Exit, Stop};
use crate::store::clients::{Client, ClientError, is_id, new_id};

/// The programs that may ask for access tokens, and what they may ask for.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Adds a client, with public keys, with a secret that is shown once, or without either.
    #[command(after_help = "\
A client shows that it is itself by assertions that it signs (--jwks, --jwks-url: RS384 or ES384,
what SMART recommends) or by a secret (--secret). Give public keys alone: a file with a private
part is refused, and nothing of it is kept. A secret is made here, of 256 random bits; the
database has its hash, so nobody can show it again (rotate-secret makes another one). An app in a
browser or on a phone keeps no secret: it is --public, and acts for people who log in alone.

An app whose people log in elsewhere (Firebase, Supabase) holds an ID token, and exchanges it at the token
endpoint (RFC 8693) with --exchange. Nobody is asked on a page then: who adds the client approves all of
its scopes in their stead, for an app of the organization's own. It is on record as token-exchange; who it
is about finds the app among what has access for them, and can close it out.

Scopes are what it may ask for at most; purposes are why (v3-PurposeOfUse), and without
--default-purpose a client of several has to say which in each assertion (one with a secret
cannot, and needs --default-purpose). Consents know it by --actor. Whoever has its secret or a token of
its has nothing where --from says from where it is answered. An --administrator does over HTTP what `client` does
here (/oauth/clients), but for administrators (here alone) and privacy officers' clients (made and changed here alone).

Examples:
  fhir-gateway client add --by 'Jane Doe' --name 'Nightly warehouse job' \\
      --scope 'system/*.rs' --purpose TREAT --purpose HOPERAT --default-purpose TREAT \\
      --actor Organization/1 --jwks-url https://warehouse.example/jwks.json
  fhir-gateway client add --by 'Jane Doe' --name 'Lab feed' \\
      --scope 'system/Observation.crus' --purpose TREAT --jwks lab.jwks.json
  fhir-gateway client add --by 'Jane Doe' --name 'Reports' \\
      --scope 'system/*.rs' --purpose HOPERAT --secret --secret-file reports.secret
  fhir-gateway client add --by 'Jane Doe' --name 'My Record' --public \\
      --redirect-uri https://myrecord.example/callback --purpose PATRQT \\
      --scope 'openid fhirUser launch/patient offline_access patient/*.rs'
  fhir-gateway client add --by 'Jane Doe' --name 'My Clinic' --public --exchange firebase \
      --purpose PATRQT --scope 'patient/*.rs'

Exit codes:
  0 added, 1 failed, 2 wrong usage (also keys that are none), 3 the database is not available,
  4 id or name is taken")]
    Add(Box<AddArgs>),
    /// Changes a client.
    #[command(after_help = "\
What is given takes the place of what was there: give all of its scopes, purposes or references.
Tokens that it has end within a second, but for a change of its name, of who it is to Consents or from
where it is answered (which count for them at once).

Examples:
  fhir-gateway client change ID --by 'Jane Doe' --scope 'system/Patient.rs system/Observation.rs'
  fhir-gateway client change ID --by 'Jane Doe' --jwks new.jwks.json
  fhir-gateway client change ID --by 'Jane Doe' --outside keycloak2

Exit codes:
  0 changed, 1 failed, 2 wrong usage, 3 the database is not available, 4 refused: it says why")]
    Change(Box<ChangeArgs>),
    /// Disables a client for good, and ends its tokens.
    #[command(after_help = "\
Running servers take neither its tokens nor its assertions from a second later on. It stays in the list, for
what is on record of it; there is no way back: add another one.

Exit codes:
  0 disabled, 1 failed, 2 wrong usage, 3 the database is not available,
  4 there is none of that id, or it is disabled already")]
    Disable(DisableArgs),
    /// Lists clients, disabled ones last.
    List(ListArgs),
    /// The tokens by which programs register themselves.
    #[command(subcommand)]
    Registration(RegistrationCommand),
    /// Ends all tokens of a client, and what people approved for it; it may ask for others.
    RevokeTokens(DisableArgs),
    /// Makes a new secret; the one before counts for a while.
    #[command(after_help = "\
Where the secret may be known to others say --keep 0, and end its tokens (revoke-tokens).

Examples:
  fhir-gateway client rotate-secret ID --by 'Jane Doe' --keep 86400 --secret-file reports.secret
  fhir-gateway client rotate-secret ID --by 'Jane Doe' --keep 0

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available,
  4 there is none of that id, or it has no secret")]
    RotateSecret(RotateArgs),
    /// Shows a client, without its secret.
    Show(ShowArgs),
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Invalid(message) => Self::usage(message),
            ClientError::Refused(message) => Self { exit: Exit::Refused, message },
            ClientError::Store(error) => error.into(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: ClientCommand) -> Result<Exit, Stop> {
    match command {
        ClientCommand::Add(args) => add(*args).await?,
        ClientCommand::Change(args) => change(*args).await?,
        ClientCommand::Disable(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("client-disable", known(&args.id)?)).await?;
            let done = gateway.store.disable_client(&permit, &args.id, &args.by).await;
            close(gateway).await;
            cli::print(&format!("disabled\n{}", ended(done?)))?;
        }
        ClientCommand::List(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("client-list", "client list")).await?;
            let (clients, now_ms) = (gateway.store.clients(&permit).await, gateway.clock.now_ms());
            close(gateway).await;
            let clients = clients?;
            cli::print(&if args.json {
                as_json(&clients.iter().map(|client| client.told(now_ms)).collect::<Vec<_>>())?
            } else {
                clients.iter().map(show::line).collect()
            })?;
        }
        ClientCommand::RevokeTokens(args) => {
            let record = ("client-revoke-tokens", known(&args.id)?);
            let (gateway, permit) = open(&args.database, Action::Change, record).await?;
            let done = gateway.store.revoke_tokens(&permit, &args.id, &args.by).await;
            close(gateway).await;
            cli::print(&ended(done?))?;
        }
        ClientCommand::Registration(command) => registration::run(command).await?,
        ClientCommand::RotateSecret(args) => rotate(args).await?,
        ClientCommand::Show(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("client-show", known(&args.id)?)).await?;
            let (clients, now_ms) = (gateway.store.clients(&permit).await, gateway.clock.now_ms());
            close(gateway).await;
            let client = one(clients?, &args.id)?;
            cli::print(&if args.json { as_json(&client.told(now_ms))? } else { show::text(&client, now_ms) })?;
        }
    }
    Ok(Exit::Done)
}

async fn add(args: AddArgs) -> Result<(), Stop> {
    let id = args.id.clone().map_or_else(new_id, Ok)?;
    let (json, database, by) = (args.json, args.database.clone(), args.by.clone());
    let path = args.secret_file.clone();
    // Whatever is wrong with it is said before anything is on record.
    let new = args.client(id)?.checked()?;
    let id = new.id.clone();
    let file = path.as_deref().map(SecretFile::make).transpose()?;
    let (gateway, permit) = open(&database, Action::Change, ("client-add", &id)).await?;
    let added = gateway.store.add_client(&permit, new, &by).await;
    close(gateway).await;
    let secret = added?;
    secret::tell(("client id", &id), secret.as_ref(), file, json)
}

async fn change(args: ChangeArgs) -> Result<(), Stop> {
    let (id, by, database) = (args.id.clone(), args.by.clone(), args.database.clone());
    let change = args.change()?.checked()?;
    let (gateway, permit) = open(&database, Action::Change, ("client-change", known(&id)?)).await?;
    let done = gateway.store.change_client(&permit, &id, change, &by).await;
    close(gateway).await;
    cli::print(&format!("changed\n{}", ended(done?)))
}

async fn rotate(args: RotateArgs) -> Result<(), Stop> {
    let file = args.secret_file.as_deref().map(SecretFile::make).transpose()?;
    let (gateway, permit) = open(&args.database, Action::Change, ("client-rotate-secret", known(&args.id)?)).await?;
    let rotated = gateway.store.rotate_secret(&permit, &args.id, args.keep, &args.by).await;
    close(gateway).await;
    secret::tell(("client id", &args.id), Some(&rotated?), file, args.json)
}

/// An id as it may stand in the trail: what is none names no client, and could be anything (a secret that was pasted).
fn known(id: &str) -> Result<&str, Stop> {
    if is_id(id) { Ok(id) } else { Err(Stop::usage("that is no client id; `client list` shows those that are")) }
}

fn one(clients: Vec<Client>, id: &str) -> Result<Client, Stop> {
    clients.into_iter().find(|client| client.id == id).ok_or_else(|| Stop {
        exit: Exit::Refused,
        message: "there is no client of that id; `client list` shows those that are".into(),
    })
}

fn ended(tokens: u64) -> String {
    match tokens {
        0 => "no token ended\n".to_owned(),
        1 => "1 token ended\n".to_owned(),
        tokens => format!("{tokens} tokens ended\n"),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Cli;

    /// The words of a line as a shell takes them: quotes keep spaces.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (place, part) in line.split('\'').enumerate() {
            let mut pieces = if place % 2 == 1 { vec![part] } else { part.split(' ').collect() }.into_iter();
            words.last_mut().unwrap().push_str(pieces.next().unwrap_or_default());
            words.extend(pieces.map(str::to_owned));
        }
        words.into_iter().filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn the_examples_of_the_help_are_commands() {
        let mut cli = Cli::command();
        let client = cli.find_subcommand_mut("client").unwrap();
        let mut examples = 0;
        let nested = client.get_subcommands().flat_map(clap::Command::get_subcommands);
        for command in client.get_subcommands().chain(nested) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
            for line in help.lines().map(str::trim).filter(|line| line.starts_with("fhir-gateway client")) {
                assert!(Cli::try_parse_from(words(line)).is_ok(), "{line}");
                examples += 1;
            }
        }
        assert_eq!(examples, 12);
    }
}
