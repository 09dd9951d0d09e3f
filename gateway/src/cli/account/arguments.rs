//! What the commands are told.

use clap::Args;

use crate::cli::serve::public_url;
use crate::cli::{DatabaseArgs, consent};
use crate::store::accounts::{Change, New, Role};

/// How a link is told.
#[derive(Args, Clone, Debug)]
pub(super) struct LinkArgs {
    /// For how many hours the link counts.
    #[arg(long, value_name = "HOURS", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=168))]
    pub(super) hours: u32,
    /// The origin that the server is reached by, for the link.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_PUBLIC_URL", value_parser = public_url)]
    pub(super) public_url: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Who somebody is.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Who adds it.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// What is typed to log in: 3 to 64 letters, digits and - . _ @ +, in any case.
    #[arg(long, value_name = "LOGIN")]
    login: String,
    /// What people call this person.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What this person is here: OWNER, ADMIN, DOCTOR or PATIENT; give it again for more.
    #[arg(long, value_name = "ROLE", required = true, value_parser = role)]
    role: Vec<Role>,
    /// Who this is in FHIR (`Practitioner/1`, `Patient/1`, `RelatedPerson/9`), fhirUser first; give it again for organization, role.
    #[arg(long, value_name = "REF", value_parser = consent::reference)]
    actor: Vec<String>,
    #[command(flatten)]
    pub(super) told: LinkArgs,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// What changes.
#[derive(Args, Debug)]
pub struct ChangeArgs {
    /// Its id.
    pub(super) id: String,
    /// Who changes it.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    /// What people call this person.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What this person is here, in place of what was there; give it again for more.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Vec<Role>,
    /// Who this is in FHIR, in place of what was there, fhirUser first; give it again for more.
    #[arg(long, value_name = "REF", value_parser = consent::reference, conflicts_with = "no_actors")]
    actor: Vec<String>,
    /// It is nobody in FHIR.
    #[arg(long)]
    no_actors: bool,
    /// The password has to be changed at the next login.
    #[arg(long)]
    must_change_password: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Which one, and who says so.
#[derive(Args, Debug)]
pub struct OneArgs {
    /// Its id.
    pub(super) id: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Whose password.
#[derive(Args, Debug)]
pub struct ResetArgs {
    /// Its id.
    pub(super) id: String,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    pub(super) by: String,
    #[command(flatten)]
    pub(super) told: LinkArgs,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

/// Which one.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Its id.
    pub(super) id: String,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
}

impl AddArgs {
    /// The account, under its id.
    pub(super) fn account(self, id: String) -> New {
        New { id, login: self.login, name: self.name, roles: self.role, actors: self.actor }
    }
}

impl ChangeArgs {
    /// What is to change.
    pub(super) fn change(self) -> Change {
        let actors = if self.no_actors { Some(Vec::new()) } else { (!self.actor.is_empty()).then_some(self.actor) };
        Change {
            name: self.name,
            roles: (!self.role.is_empty()).then_some(self.role),
            actors,
            must_change: self.must_change_password.then_some(true),
        }
    }
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "give OWNER, ADMIN, DOCTOR or PATIENT".to_owned())
}
