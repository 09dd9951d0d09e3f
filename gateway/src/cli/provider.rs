//! `fhir-gateway provider`: OpenID providers outside of here whom an administrator trusts to say who somebody is.

mod held;
mod introspection;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use consent::Action;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use self::held::{HeldArgs, audiences};
use self::introspection::IntrospectionArgs;
use super::purge::{as_json, close, open};
use crate::cli::incident::Answer;
use crate::cli::list::ListArgs;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::outside;
use crate::outward::Reach;
use crate::sealing::Sealed;
use crate::store::accounts::Role;
use crate::store::providers::{Change, Introspection, Provider};

/// The longest id, name, issuer and secret, in bytes.
const LONGEST: usize = 512;

/// OpenID providers outside of here (Keycloak, any) that say who somebody is.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Trusts a provider.
    #[command(after_help = "\
Register this gateway there as a confidential client, with ORIGIN/oauth/outside/callback as its one
redirect address. The secret is sealed under secret.key of the data directory (or FHIR_GATEWAY_SECRET_KEY).

With --claim-actor the provider says by that claim of its ID tokens who somebody is in FHIR: a reference
(Practitioner/1) or an address below this gateway's. Whoever can set that claim there is whoever they
like here. Without it only accounts that are linked to a subject there log in (`account link`).
E-mail and names tie nobody to anything.

Whoever the claim says is a Patient is a patient here and nothing else. Staff is what --claim-roles says: a
claim, or a path into one, whose values --role makes roles of here; whoever has none of them is refused.
What a provider says counts anew at each login: where it says something else than before, what was
approved for apps ends.

Example:
  fhir-gateway provider add --by 'Jane Doe' --id keycloak --name 'Clinic login' \\
      --issuer https://id.clinic.example/realms/clinic --client-id fhir-gateway \\
      --secret-file provider.secret --claim-actor fhirUser \\
      --claim-roles realm_access.roles --role clinician=DOCTOR --second-factor

With --audience access tokens (in which the claims have to be, too: a token that says nobody is nobody's) of this issuer (RFC 9068, and as Keycloak has them) count here as they are,
where their client is registered by `client add --outside`; without --client-id nobody logs in by it here.

With --exchange, --firebase or --supabase an app that holds an ID token of the provider's gets an access token
for it here (RFC 8693), if it is registered with `client add --exchange`. Without --client-id nobody logs in by such a
provider here, and it need not have a discovery document (--keys says where its keys are). Its tokens have to be signed with
RS256, RS384, ES256 or ES384 (a Supabase project with the legacy JWT secret has to switch to signing keys); those of
anonymous sign-ins are nobody's, and so are those of a tenant of a Firebase project, and those that a third party's client
has (client_id). What the token that was signed last says counts.

With --introspection access tokens that say nothing by themselves are shown to the provider, which says what they
are (RFC 7662), for at most four seconds at a time. Their aud has to be the --audience. The provider has to tell
access tokens from refresh tokens: by token_use, token_usage or typ in its answer, or by calling the latter inactive. One
that tells neither would have its refresh tokens count as access tokens here.

Examples:
  fhir-gateway provider add --by 'Jane Doe' --id firebase --name 'Clinic app' \\
      --firebase clinic-app-1234 --claim-actor fhirUser
  fhir-gateway provider add --by 'Jane Doe' --id supabase --name 'Clinic app' \\
      --supabase https://abcdefgh.supabase.co --claim-actor app_metadata.fhirUser
  fhir-gateway provider add --by 'Jane Doe' --id hydra --name 'Partner' --issuer https://id.partner.example \\
      --audience https://fhir.clinic.example/fhir --introspection https://id.partner.example/introspect \\
      --introspection-client-id gateway --introspection-secret-file introspection.secret

Exit codes:
  0 added, 1 failed, 2 wrong usage, 3 the database is not available, 4 the id is taken")]
    Add(Box<AddArgs>),
    /// Changes a provider: another secret, name, audience, roles.
    #[command(after_help = "\
What is given takes the place of what was there: give all roles. With --role, --second-factor or --exchange whoever the
provider vouched for is logged out, and what they approved for apps ends. For another issuer, client id or
claim remove it, and add it under another id: it knows the same people.

Example:
  fhir-gateway provider change keycloak --by 'Jane Doe' --secret-file provider.secret

Exit codes:
  0 changed, 1 failed, 2 wrong usage, 3 the database is not available, 4 refused: it says why")]
    Change(ChangeArgs),
    /// Lists the providers, without their secrets.
    List(ListArgs),
    /// Trusts a provider no more, for good.
    Remove(RemoveArgs),
}

/// What a provider is.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Who adds it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// What commands and addresses call it: letters, digits and '-'.
    #[arg(long, value_name = "ID")]
    id: String,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its issuer, to the letter (https).
    #[arg(long, value_name = "URL", required_unless_present_any = ["firebase", "supabase"])]
    issuer: Option<String>,
    #[command(flatten)]
    held: HeldArgs,
    #[command(flatten)]
    introspection: IntrospectionArgs,
    /// What it calls this gateway, where people log in by it.
    #[arg(long, value_name = "ID", requires = "secret_file", required_unless_present_any = ["audience", "exchange", "firebase", "supabase"])]
    client_id: Option<String>,
    /// File with the secret that this gateway has there.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    secret_file: Option<PathBuf>,
    /// What its access tokens call this gateway (aud): then those of clients that are registered here with `client add --outside` count.
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// The claim of its ID tokens that says who somebody is in FHIR.
    #[arg(long, value_name = "CLAIM")]
    claim_actor: Option<String>,
    /// The claim of its ID tokens that says what staff is here: a name, or a path (`realm_access.roles`).
    #[arg(long, value_name = "CLAIM", requires = "claim_actor")]
    claim_roles: Option<String>,
    /// A value of that claim, and the role that it is here (clinician=DOCTOR); give it again for more.
    #[arg(long, value_name = "VALUE=ROLE", requires = "claim_roles", value_parser = role)]
    role: Vec<(String, Role)>,
    /// The provider asks for a second factor itself: none is asked for here, but of whom it says that they were let in without (aal1 at
    /// Supabase, no `sign_in_second_factor` at Firebase).
    #[arg(long)]
    second_factor: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What changes.
#[derive(Args, Debug)]
#[group(id = "changed", required = true, multiple = true, args = ["name", "secret_file", "audience", "role", "second_factor", "exchange", "introspection_secret_file"])]
pub struct ChangeArgs {
    /// Its id.
    id: String,
    /// Who changes it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// File with the secret that this gateway has there now.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// What its access tokens call this gateway (aud).
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// Whom its ID tokens are for that clients exchange (aud), in place of those before; give it again for more.
    #[arg(long, value_name = "NAME")]
    exchange: Vec<String>,
    /// File with the secret with which it is asked what a token is now.
    #[arg(long, value_name = "FILE")]
    introspection_secret_file: Option<PathBuf>,
    /// A value of its claim of roles, and the role that it is here, in place of those before; give it again for more.
    #[arg(long, value_name = "VALUE=ROLE", value_parser = role)]
    role: Vec<(String, Role)>,
    /// Whether it asks for a second factor itself.
    #[arg(long, value_enum, value_name = "ANSWER")]
    second_factor: Option<Answer>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which one, and who says so.
#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// Its id.
    id: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: ProviderCommand) -> Result<Exit, Stop> {
    match command {
        ProviderCommand::Add(args) => add(*args).await?,
        ProviderCommand::Change(args) => change(&args).await?,
        ProviderCommand::List(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("provider-list", "provider list")).await?;
            let providers = gateway.store.providers(permit.organization()).await;
            close(gateway).await;
            let providers = providers?;
            cli::print(&if args.json {
                as_json(&providers.iter().map(shown).collect::<Vec<_>>())?
            } else {
                providers.iter().map(line).collect()
            })?;
        }
        ProviderCommand::Remove(args) => {
            let id = known(&args.id)?;
            let (gateway, permit) = open(&args.database, Action::Change, ("provider-remove", id)).await?;
            let done = gateway.store.remove_provider(&permit, id, &args.by).await;
            close(gateway).await;
            done?;
            cli::print("removed\n")?;
        }
    }
    Ok(Exit::Done)
}

async fn add(args: AddArgs) -> Result<(), Stop> {
    let id = known(&args.id)?;
    let held = args.held.held(args.issuer.as_deref())?;
    let issuer = issuer(&held.issuer)?;
    let asked = args.introspection.asked()?;
    let name = words("--name", &args.name)?;
    let client_id = args.client_id.as_deref().map(|id| words("--client-id", id)).transpose()?;
    let audience = args.audience.as_deref().map(|name| words("--audience", name)).transpose()?;
    let actor = args.claim_actor.as_deref().map(|name| claim("--claim-actor", name)).transpose()?;
    let roles = args.claim_roles.as_deref().map(|name| claim("--claim-roles", name)).transpose()?;
    if roles.is_some() && args.role.is_empty() {
        return Err(Stop::usage("--claim-roles says nothing without --role VALUE=ROLE"));
    }
    let secret = args.secret_file.as_deref().map(secret).transpose()?;
    let (gateway, permit) = open(&args.database, Action::Change, ("provider-add", id)).await?;
    let done = async {
        let seal = |which: Sealed, secret: &SecretString| {
            outside::seal(&gateway.sealer, (id, which), secret).map_err(|error| Stop::failed(error.to_string()))
        };
        let sealed = secret.as_ref().map(|secret| seal(Sealed::Login, secret)).transpose()?.unwrap_or_default();
        let introspection = match &asked {
            Some((url, client_id, secret)) => Some(Introspection {
                url: url.clone(),
                client_id: client_id.clone(),
                sealed: seal(Sealed::Introspection, secret)?,
            }),
            None => None,
        };
        let provider = Provider {
            organization: permit.organization(),
            id: id.to_owned(),
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.unwrap_or_default().to_owned(),
            sealed,
            claim_actor: actor.map(ToOwned::to_owned),
            claim_roles: roles.map(ToOwned::to_owned),
            roles: args.role.clone(),
            audience: audience.map(ToOwned::to_owned),
            jwks_url: held.keys.clone(),
            exchange_audiences: held.audiences.clone(),
            introspection,
            second_factor: args.second_factor,
            created_ms: gateway.clock.now_ms(),
            created_by: args.by.clone(),
            removed_ms: None,
        };
        Ok::<_, Stop>(gateway.store.add_provider(&permit, &provider, &args.by).await?)
    };
    let done = done.await;
    close(gateway).await;
    done?;
    cli::print(&format!("added {id}\n"))
}

async fn change(args: &ChangeArgs) -> Result<(), Stop> {
    let id = known(&args.id)?;
    let name = args.name.as_deref().map(|name| words("--name", name)).transpose()?;
    let audience = args.audience.as_deref().map(|name| words("--audience", name)).transpose()?;
    let exchange = audiences(&args.exchange)?;
    let introspection = args.introspection_secret_file.as_deref().map(secret).transpose()?;
    let secret = args.secret_file.as_deref().map(secret).transpose()?;
    let (gateway, permit) = open(&args.database, Action::Change, ("provider-change", id)).await?;
    let done = async {
        let seal = |which: Sealed, secret: Option<&SecretString>| {
            let sealed = secret.map(|secret| outside::seal(&gateway.sealer, (id, which), secret)).transpose();
            sealed.map_err(|error| Stop::failed(error.to_string()))
        };
        let change = Change {
            name: name.map(ToOwned::to_owned),
            sealed: seal(Sealed::Login, secret.as_ref())?,
            introspection_sealed: seal(Sealed::Introspection, introspection.as_ref())?,
            exchange_audiences: (!exchange.is_empty()).then_some(exchange),
            audience: audience.map(ToOwned::to_owned),
            roles: (!args.role.is_empty()).then(|| args.role.clone()),
            second_factor: args.second_factor.map(|answer| answer == Answer::Yes),
        };
        Ok::<_, Stop>(gateway.store.change_provider(&permit, id, &change, &args.by).await?)
    };
    let done = done.await;
    close(gateway).await;
    done?;
    cli::print("changed\n")
}

/// An id as it may stand in an address and in the trail.
fn known(id: &str) -> Result<&str, Stop> {
    let fits = (1..=64).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        Ok(id)
    } else {
        Err(Stop::usage("a provider's id has 1 to 64 letters, digits and '-', a letter or digit first"))
    }
}

/// An issuer: no query, no fragment, and reached by TLS (or on this machine).
fn issuer(text: &str) -> Result<&str, Stop> {
    let fits = |url: Url| url.query().is_none() && url.fragment().is_none();
    if text.len() <= LONGEST && Reach::Named.url(text).is_some_and(fits) {
        Ok(text)
    } else {
        Err(Stop::usage("--issuer has to be an https address without query, as the provider says it"))
    }
}

fn words<'a>(option: &str, text: &'a str) -> Result<&'a str, Stop> {
    let fits = !text.trim().is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    if fits {
        Ok(text)
    } else {
        Err(Stop::usage(format!("{option} has to be of 1 to {LONGEST} bytes, without line breaks")))
    }
}

/// What everybody may set of themselves ties nobody to a person, at whichever place of a path.
fn claim<'a>(option: &str, name: &'a str) -> Result<&'a str, Stop> {
    let name = words(option, name)?;
    let own = [
        "email",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "nickname",
        "phone",
        "phone_number",
        "birthdate",
    ];
    // Supabase: everybody writes their own, and `app_metadata` is the project's.
    if name.split('.').any(|part| ["user_metadata", "raw_user_meta_data"].contains(&part)) {
        return Err(Stop::usage(format!(
            "{option} {name}: people write that themselves there, so it says nothing of who they are; take a claim that the project alone \
             sets (app_metadata.fhirUser)"
        )));
    }
    if name.split('.').any(|part| own.contains(&part)) {
        return Err(Stop::usage(format!(
            "{option} {name}: nobody is tied to a person by e-mail, name or demographics"
        )));
    }
    Ok(name)
}

/// A value of a provider's, and what it is here. Patients are patients by who they are.
fn role(text: &str) -> Result<(String, Role), String> {
    let wrong = || "give VALUE=OWNER, VALUE=ADMIN or VALUE=DOCTOR".to_owned();
    let (value, role) = text.rsplit_once('=').ok_or_else(wrong)?;
    let role = Role::parse(role).filter(|role| *role != Role::Patient).ok_or_else(wrong)?;
    let fits = (1..=LONGEST).contains(&value.len()) && !value.chars().any(char::is_control);
    if fits { Ok((value.to_owned(), role)) } else { Err(wrong()) }
}

fn secret(path: &Path) -> Result<SecretString, Stop> {
    let wrong = |why: String| Stop::usage(format!("{}: {why}", path.display()));
    let text = SecretString::from(fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
    let secret = text.expose_secret().trim();
    if secret.is_empty() || secret.len() > LONGEST {
        return Err(wrong(format!("it has to hold the secret alone, of 1 to {LONGEST} bytes")));
    }
    Ok(SecretString::from(secret))
}

fn shown(provider: &Provider) -> Value {
    let mut shown = json!({
        "id": provider.id,
        "name": provider.name,
        "issuer": provider.issuer,
        "clientId": provider.client_id,
        "created": Clock::format(provider.created_ms),
        "createdBy": provider.created_by,
        "state": if provider.removed_ms.is_some() { "removed" } else { "trusted" },
    });
    if let Some(claim) = &provider.claim_actor {
        shown["claimActor"] = claim.as_str().into();
    }
    if let Some(claim) = &provider.claim_roles {
        shown["claimRoles"] = claim.as_str().into();
        shown["roles"] = provider
            .roles
            .iter()
            .map(|(value, role)| (value.clone(), role.as_str().into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if let Some(audience) = &provider.audience {
        shown["audience"] = audience.as_str().into();
    }
    if let Some(url) = &provider.jwks_url {
        shown["keys"] = url.as_str().into();
    }
    if !provider.exchange_audiences.is_empty() {
        shown["exchange"] = provider.exchange_audiences.clone().into();
    }
    if let Some(asked) = &provider.introspection {
        shown["introspection"] = json!({ "url": asked.url, "clientId": asked.client_id });
    }
    shown["secondFactor"] = provider.second_factor.into();
    if let Some(at) = provider.removed_ms {
        shown["removed"] = Clock::format(at).into();
    }
    shown
}

fn line(provider: &Provider) -> String {
    let state = if provider.removed_ms.is_some() { "removed" } else { "trusted" };
    let claim = provider.claim_actor.as_deref().unwrap_or("-");
    format!(
        "{}  {state}  {}  {}  claim {claim}  ({})\n",
        provider.id, provider.issuer, provider.client_id, provider.name
    )
}
