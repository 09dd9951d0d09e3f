//! People who log in here, what they may do, and the browsers in which they have.
//!
//! No password, token or second factor is kept in clear: see `logins`, which makes and checks them. A login name is one over all
//! organizations, as who logs in says none; whose record a login opens is what an administrator has said (`actors`), never what a name,
//! an e-mail address or a birth date looks like.
//!
//! What holds between all processes holds by the database: attempts are counted before a password is looked at, a step of a second
//! factor and a recovery code are used by a statement that finds them unused, and an activation link by one that finds it there.

mod administer;
mod attempts;
mod check;
mod outside;
mod sessions;

use std::fmt;

use consent::{OrganizationId, Permit, Purpose};

pub use administer::{Activation, Change, New};
pub use attempts::Attempt;
pub use check::{folded, is_id};
pub use outside::{Deed, Link, Persona, Vouched, Word};
pub(in crate::store) use outside::{end_of_provider, forgotten};
pub use sessions::{Kept, NewSession, Shown};

use crate::store::Store;
use crate::store::clients::ClientError;
use crate::store::connection::{Arg, Connection, Engine, Row};
use crate::store::error::StoreError;

/// Why something was not done.
pub type AccountError = ClientError;

/// What somebody is here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Answers for the organization.
    Owner,
    /// Looks after accounts and settings.
    Admin,
    /// Treats patients.
    Doctor,
    /// Is a patient, or acts for one.
    Patient,
}

/// What a role lets its people do at most; consent, scopes and the care relation bound it further.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    /// See health data.
    ReadPhi,
    /// Write health data.
    WritePhi,
    /// Delete health data.
    DeletePhi,
    /// Administer accounts.
    ManageUsers,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Doctor, Self::Patient];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "OWNER",
            Self::Admin => "ADMIN",
            Self::Doctor => "DOCTOR",
            Self::Patient => "PATIENT",
        }
    }

    /// A role by its word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether its people may.
    #[must_use]
    pub fn permits(self, permission: Permission) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => matches!(permission, Permission::ManageUsers | Permission::ReadPhi),
            Self::Doctor => matches!(permission, Permission::ReadPhi | Permission::WritePhi),
            Self::Patient => permission == Permission::ReadPhi,
        }
    }
}

/// Somebody who logs in.
#[derive(Clone)]
pub struct Account {
    /// Whose people it is of.
    pub organization: OrganizationId,
    /// Public, and never another's.
    pub id: String,
    /// What is typed to log in, in lower case.
    pub login: String,
    /// What people call this person.
    pub name: String,
    /// What this person is here.
    pub roles: Vec<Role>,
    /// Who this is in FHIR, and to Consents: references.
    pub actors: Vec<String>,
    /// When the password was set; `None`: there is none yet.
    pub password_set_ms: Option<i64>,
    /// The password has to be changed at the next login.
    pub must_change: bool,
    /// Attempts since the last login.
    pub failures: i64,
    /// Until when nobody logs in.
    pub locked_until_ms: Option<i64>,
    /// How many recovery codes are left.
    pub recovery_left: usize,
    /// Until when the activation link counts.
    pub activation_until_ms: Option<i64>,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who added it.
    pub created_by: String,
    /// When it was changed last.
    pub changed_ms: Option<i64>,
    /// Who changed it last.
    pub changed_by: Option<String>,
    /// Since when it is disabled.
    pub disabled_ms: Option<i64>,
    /// Counts what was changed.
    pub revision: i64,
    password: Option<String>,
    totp_secret: Option<String>,
    recovery: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Account").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What [`Account::of`] reads, in its order.
const COLUMNS: [&str; 20] = [
    "organization_id",
    "id",
    "login",
    "name",
    "password",
    "password_set",
    "must_change",
    "roles",
    "actors",
    "failures",
    "locked_until",
    "totp_secret",
    "recovery",
    "activation_until",
    "created",
    "created_by",
    "revision",
    "changed",
    "changed_by",
    "disabled",
];

/// How many they are.
pub(in crate::store) const WIDTH: usize = COLUMNS.len();

/// The columns of an account under a name.
pub(in crate::store) fn columns(of: &str) -> String {
    COLUMNS.map(|column| format!("{of}.{column}")).join(", ")
}

impl Account {
    /// An account from [`COLUMNS`] that begin at a place of a row.
    pub(in crate::store) fn of(row: &Row, from: usize) -> Option<Self> {
        let text = |column: usize| row.text(from + column).unwrap_or_default().to_owned();
        let optional = |column: usize| row.text(from + column).map(ToOwned::to_owned);
        let int = |column: usize| row.int(from + column);
        let words = |column: usize| row.text(from + column).unwrap_or_default().split_whitespace();
        Some(Self {
            organization: OrganizationId(int(0)?),
            id: text(1),
            login: text(2),
            name: text(3),
            password: optional(4),
            password_set_ms: int(5),
            must_change: int(6) != Some(0),
            roles: words(7).filter_map(Role::parse).collect(),
            actors: words(8).map(ToOwned::to_owned).collect(),
            failures: int(9)?,
            locked_until_ms: int(10),
            totp_secret: optional(11),
            recovery: text(12),
            recovery_left: words(12).count(),
            activation_until_ms: int(13),
            created_ms: int(14)?,
            created_by: text(15),
            revision: int(16)?,
            changed_ms: int(17),
            changed_by: optional(18),
            disabled_ms: int(19),
        })
    }

    /// Who this is in FHIR, as the claim `fhirUser` says it.
    #[must_use]
    pub fn fhir_user(&self) -> Option<&str> {
        self.actors.first().map(String::as_str)
    }

    /// Whether one of the roles permits it.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.permits(permission))
    }

    /// The `RelatedPerson`s that this is, by their ids, where it is of somebody who acts for patients.
    #[must_use]
    pub fn proxies(&self) -> Vec<&str> {
        let id = |actor: &'_ String| actor.strip_prefix("RelatedPerson/").is_some();
        if !self.actors.first().is_some_and(id) {
            return Vec::new();
        }
        self.actors.iter().filter_map(|actor| actor.strip_prefix("RelatedPerson/")).collect()
    }

    /// Whether it is a patient's, or of somebody who acts for one.
    #[must_use]
    pub fn is_patient(&self) -> bool {
        self.roles.contains(&Role::Patient)
    }

    /// Why this person asks where nothing else is said.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        if self.is_patient() { Purpose::Patrqt } else { Purpose::Treat }
    }

    /// Whether there is a password; whom a provider vouches for has none.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether a second factor is asked for.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.totp_secret.is_some()
    }

    /// The password, as a PHC string.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The second factor's secret, sealed.
    pub(crate) fn totp_secret(&self) -> Option<&str> {
        self.totp_secret.as_deref()
    }

    /// Whether somebody can log in, and is not to wait.
    pub(crate) fn is_open(&self, now_ms: i64) -> bool {
        self.disabled_ms.is_none() && self.locked_until_ms.is_none_or(|until| until <= now_ms)
    }
}

impl Store {
    /// The account of that id, also a disabled one; `None` where the organization has none of it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn account(&self, organization: OrganizationId, id: &str) -> Result<Option<Account>, StoreError> {
        let found = self.account_by(By::Id, id).await?;
        Ok(found.filter(|account| account.organization == organization))
    }

    /// The account of that login name, whatever its case.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn account_of_login(&self, login: &str) -> Result<Option<Account>, StoreError> {
        match folded(login) {
            Some(login) => self.account_by(By::Login, &login).await,
            None => Ok(None),
        }
    }

    /// The account whose activation link has a token of that hash, while the link counts.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn account_of_activation(&self, hash: &str) -> Result<Option<Account>, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let found = self.account_by(By::Activation, hash).await?;
        let counts = |account: &Account| {
            account.disabled_ms.is_none() && account.activation_until_ms.is_some_and(|until| now_ms < until)
        };
        Ok(found.filter(counts))
    }

    /// The accounts of the permit's organization: those that are not disabled first, by login name.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn accounts(&self, permit: &Permit) -> Result<Vec<Account>, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = format!(
            "select {} from accounts a where a.organization_id = $1 \
             order by case when a.disabled is null then 0 else 1 end, a.login",
            columns("a")
        );
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| Account::of(row, 0)).collect())
    }

    async fn account_by(&self, by: By, value: &str) -> Result<Option<Account>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let sql = format!("select {} from {}", columns("a"), by.source(connection.engine()));
        let row = connection.fetch_optional(&sql, &[Arg::Text(value)]).await?;
        Ok(row.and_then(|row| Account::of(&row, 0)))
    }
}

/// What an account is found by before its organization is known.
#[derive(Clone, Copy)]
enum By {
    Id,
    Login,
    Activation,
}

impl By {
    fn source(self, engine: Engine) -> &'static str {
        match (engine, self) {
            (Engine::Postgres, Self::Id) => "fhir_gateway.account_of_id($1) a",
            (Engine::Postgres, Self::Login) => "fhir_gateway.account_of_login($1) a",
            (Engine::Postgres, Self::Activation) => "fhir_gateway.account_of_activation($1) a",
            (Engine::Sqlite, Self::Id) => "accounts a where a.id = $1",
            (Engine::Sqlite, Self::Login) => "accounts a where a.login = $1",
            (Engine::Sqlite, Self::Activation) => "accounts a where a.activation = $1",
        }
    }
}

/// An account, for this transaction alone.
async fn held(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
) -> Result<Option<Account>, StoreError> {
    let locked = crate::store::dialect::for_update(connection.engine());
    let sql = format!("select {} from accounts a where a.organization_id = $1 and a.id = $2{locked}", columns("a"));
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
    Ok(row.and_then(|row| Account::of(&row, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_permit_what_they_are_for() {
        let all = [Permission::ReadPhi, Permission::WritePhi, Permission::DeletePhi, Permission::ManageUsers];
        let of = |role: Role| all.map(|permission| role.permits(permission));
        assert_eq!(of(Role::Owner), [true; 4]);
        assert_eq!(of(Role::Admin), [true, false, false, true]);
        assert_eq!(of(Role::Doctor), [true, true, false, false]);
        assert_eq!(of(Role::Patient), [true, false, false, false]);
        for role in Role::ALL {
            assert_eq!(Role::parse(&role.as_str().to_lowercase()), Some(role));
        }
    }
}
