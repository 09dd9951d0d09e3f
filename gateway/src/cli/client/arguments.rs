//! What the commands are told.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ::consent::Purpose;
use clap::Args;
use ipnet::IpNet;

use crate::cli::incident::Answer;
use crate::cli::serve::purpose;
use crate::cli::{DatabaseArgs, Stop, consent};
use crate::http::source::network;
use crate::store::clients::{Change, Keys, New};

/// The longest file of keys that is read.
const LONGEST: u64 = 64 * 1024;

/// What a client is.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Who adds it.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Its client id, where it is to have one of your choice; else one is made.
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<String>,
    /// What it may ask for at most (`system/*.rs`); give it again for more.
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<String>,
    /// Why it may ask: TREAT, ETREAT, HPAYMT, HOPERAT, HRESCH, PUBHLTH or PATRQT; give it again for more.
    #[arg(long, value_name = "CODE", required = true, value_parser = purpose)]
    purpose: Vec<Purpose>,
    /// Why it asks where it does not say.
    #[arg(long, value_name = "CODE", value_parser = purpose)]
    default_purpose: Option<Purpose>,
    /// Who it is in the terms of Consents (`Organization/1`); give it again for more.
    #[arg(long, value_name = "REF", value_parser = consent::reference)]
    actor: Vec<String>,
    /// It is a privacy officer's, who reads the audit trail.
    #[arg(long)]
    officer: bool,
    /// It looks after the organization's clients over HTTP (`/oauth/clients`): what `client` does here, but for administrators, and
    /// but for making and changing privacy officers' clients.
    #[arg(long, conflicts_with_all = ["public", "outside"])]
    administrator: bool,
    /// Where people who log in for it are sent back to, to the letter as it asks for it; give it again for more. Scopes that begin with
    /// patient/ and user/, openid and launch take one.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// A provider (`fhir-gateway provider add --exchange`, --firebase, --supabase) whose ID tokens it exchanges for access tokens, without
    /// a page for whoever they are about: you approve all of its scopes in the stead of everybody who uses it. They see it among what has
    /// access for them, and can close it out. Of a provider with several names for apps (aud) it says which is this one's: those that were
    /// made for other apps it does not exchange. Give it again for more.
    #[arg(long, value_name = "PROVIDER[=AUDIENCE]")]
    exchange: Vec<String>,
    /// A network (10.0.0.0/8) or address from which it is answered; give it again for more. Without it is from anywhere. Behind a proxy
    /// `serve` has to know which that is (--trusted-proxy).
    #[arg(long, value_name = "CIDR", value_parser = network)]
    from: Vec<IpNet>,
    #[command(flatten)]
    credential: CredentialArgs,
    /// With --secret: writes it to a new file of mode 0600 instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// How it shows that it is itself: exactly one of them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct CredentialArgs {
    /// File of its public keys: a JSON Web Key Set.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Where its public keys are: an https address (or http of this machine) of a JSON Web Key Set.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    /// It gets a secret, which is shown once.
    #[arg(long)]
    secret: bool,
    /// It keeps no secret: an app in a browser or on a phone, which gets tokens for people who log in alone.
    #[arg(long)]
    public: bool,
    /// The outside OpenID provider (`fhir-gateway provider add --audience`) that knows it under this id: its access tokens count here,
    /// within these scopes; it gets none here.
    #[arg(long, value_name = "PROVIDER", requires = "id")]
    outside: Option<String>,
}

/// What changes.
#[derive(Args, Debug)]
pub struct ChangeArgs {
    /// Its client id.
    pub(super) id: String,
    /// Who changes it.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it may ask for at most, in place of what was there; give it again for more.
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Why it may ask, in place of what was there; give it again for more.
    #[arg(long, value_name = "CODE", value_parser = purpose)]
    purpose: Vec<Purpose>,
    /// Why it asks where it does not say.
    #[arg(long, value_name = "CODE", value_parser = purpose, conflicts_with = "no_default_purpose")]
    default_purpose: Option<Purpose>,
    /// It has to say why it asks (of one purpose it is that all the same).
    #[arg(long)]
    no_default_purpose: bool,
    /// Who it is in the terms of Consents, in place of what was there; give it again for more.
    #[arg(long, value_name = "REF", value_parser = consent::reference, conflicts_with = "no_actors")]
    actor: Vec<String>,
    /// It is nobody whom Consents name.
    #[arg(long)]
    no_actors: bool,
    /// Whether it is a privacy officer's, who reads the audit trail.
    #[arg(long, value_enum, value_name = "ANSWER")]
    officer: Option<Answer>,
    /// Where people who log in for it are sent back to, in place of what was there; give it again for more.
    #[arg(long, value_name = "URI", conflicts_with = "no_redirect_uris")]
    redirect_uri: Vec<String>,
    /// Nobody logs in for it.
    #[arg(long)]
    no_redirect_uris: bool,
    /// A provider whose ID tokens it exchanges (with the name that it has for this app, where it has several), in place of those before;
    /// give it again for more. You approve its scopes in the stead of everybody who uses it.
    #[arg(long, value_name = "PROVIDER[=AUDIENCE]", conflicts_with = "no_exchange")]
    exchange: Vec<String>,
    /// It exchanges no ID tokens; what came of those that it did ends.
    #[arg(long)]
    no_exchange: bool,
    /// The outside provider that knows it from now on, of a client that was added with --outside: tokens of the one before are good for
    /// nothing any more.
    #[arg(long, value_name = "PROVIDER")]
    outside: Option<String>,
    /// A network (10.0.0.0/8) or address from which it is answered, in place of what was there; give it again for more.
    #[arg(long, value_name = "CIDR", value_parser = network, conflicts_with = "from_anywhere")]
    from: Vec<IpNet>,
    /// It is answered from anywhere.
    #[arg(long)]
    from_anywhere: bool,
    /// File of its public keys, in place of those before.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_url")]
    jwks: Option<PathBuf>,
    /// Where its public keys are, in place of those before.
    #[arg(long, value_name = "URL")]
    jwks_url: Option<String>,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Whose secret.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// Its client id.
    pub(super) id: String,
    /// Who asks for it.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// Seconds for which the secret before still counts (at most 30 days).
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(super) keep: u32,
    /// Writes the secret to a new file of mode 0600 instead of showing it.
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Which one, and who says so.
#[derive(Args, Debug)]
pub struct DisableArgs {
    /// Its client id.
    pub(super) id: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Which one.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Its client id.
    pub(super) id: String,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

impl AddArgs {
    /// The client, under its id.
    pub(super) fn client(self, id: String) -> Result<New, Stop> {
        if self.secret_file.is_some() && !self.credential.secret {
            return Err(Stop::usage("--secret-file is for a client with a secret (--secret)"));
        }
        Ok(New {
            id,
            name: self.name,
            keys: keys(self.credential.jwks.as_deref(), self.credential.jwks_url)?,
            public: self.credential.public,
            provider: self.credential.outside,
            exchanges: self.exchange,
            redirects: self.redirect_uri,
            scopes: self.scope.join(" "),
            purposes: self.purpose,
            default_purpose: self.default_purpose,
            actors: self.actor,
            officer: self.officer,
            networks: self.from,
            administrator: self.administrator,
        })
    }
}

impl ChangeArgs {
    /// What is to change.
    pub(super) fn change(self) -> Result<Change, Stop> {
        let given = |list: Vec<String>| (!list.is_empty()).then_some(list);
        Ok(Change {
            name: self.name,
            keys: keys(self.jwks.as_deref(), self.jwks_url)?,
            scopes: given(self.scope).map(|scopes| scopes.join(" ")),
            purposes: (!self.purpose.is_empty()).then_some(self.purpose),
            default_purpose: if self.no_default_purpose { Some(None) } else { self.default_purpose.map(Some) },
            actors: if self.no_actors { Some(Vec::new()) } else { given(self.actor) },
            officer: self.officer.map(|answer| answer == Answer::Yes),
            networks: (self.from_anywhere || !self.from.is_empty()).then_some(self.from),
            exchanges: if self.no_exchange { Some(Vec::new()) } else { given(self.exchange) },
            provider: self.outside,
            redirects: if self.no_redirect_uris { Some(Vec::new()) } else { given(self.redirect_uri) },
        })
    }
}

fn keys(file: Option<&Path>, url: Option<String>) -> Result<Option<Keys>, Stop> {
    let Some(path) = file else { return Ok(url.map(Keys::Url)) };
    let unusable = |error: std::io::Error| Stop::usage(format!("{}: {error}", path.display()));
    let mut text = String::new();
    // One more than may be: what is longer shows.
    File::open(path).map_err(unusable)?.take(LONGEST + 1).read_to_string(&mut text).map_err(unusable)?;
    Ok(Some(Keys::Inline(text)))
}
