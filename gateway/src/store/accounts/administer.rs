//! What an administrator does with accounts. Whatever takes something away ends the sessions that there are, in the same transaction.

use std::time::Duration;

use consent::{OrganizationId, Permit};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Account, AccountError, Role, check, held, outside, sessions};
use crate::store::Store;
use crate::store::clients::administer::{end, named, organization};
use crate::store::clients::secret::{hash_of, random};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};

/// An account that is to be.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id: [`crate::store::clients::new_id`].
    pub id: String,
    /// What is typed to log in; no other account has it.
    pub login: String,
    /// What people call this person.
    pub name: String,
    /// What this person is here.
    pub roles: Vec<Role>,
    /// Who this is in FHIR.
    pub actors: Vec<String>,
}

impl New {
    /// The same in the form in which it is kept.
    ///
    /// # Errors
    /// [`AccountError::Invalid`]: what is wrong, and what would be right.
    pub fn checked(self) -> Result<Self, AccountError> {
        let (roles, actors) = check::persona(&self.roles, &self.actors)?;
        Ok(Self { id: self.id, login: check::login(&self.login)?, name: check::name(&self.name)?, roles, actors })
    }
}

/// What is to change of an account; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What people call this person.
    pub name: Option<String>,
    /// What this person is here.
    pub roles: Option<Vec<Role>>,
    /// Who this is in FHIR.
    pub actors: Option<Vec<String>>,
    /// The password has to be changed at the next login.
    pub must_change: Option<bool>,
}

/// A link that was just made.
#[derive(Debug)]
pub struct Activation {
    /// Its token: 64 hexadecimal digits, told once.
    pub token: SecretString,
    /// Until when it counts, in milliseconds since 1970.
    pub until_ms: i64,
}

impl Activation {
    fn make(now_ms: i64, lasting: Duration) -> Result<(Self, String), AccountError> {
        let token: String = random::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = SecretString::from(token);
        let hash = hash_of(token.expose_secret());
        let until_ms = now_ms.saturating_add(i64::try_from(lasting.as_millis()).unwrap_or_default());
        Ok((Self { token, until_ms }, hash))
    }
}

impl Store {
    /// Adds an account of the permit's organization, which nobody can log in to before its link was used.
    ///
    /// # Errors
    /// Something is not well formed, or the login name is taken; or the store does not answer.
    pub async fn add_account(
        &self,
        permit: &Permit,
        new: New,
        lasting: Duration,
        by: &str,
    ) -> Result<Activation, AccountError> {
        let (organization, by, new) = (organization(permit)?, named(by)?, new.checked()?);
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let (activation, hash) = Activation::make(now_ms, lasting)?;
        let (roles, actors) = (words(&new.roles), new.actors.join(" "));
        let sql = "insert into accounts (organization_id, id, login, name, must_change, roles, actors, failures, recovery, activation, \
                   activation_until, created, created_by, revision) values ($1, $2, $3, $4, 0, $5, $6, 0, '', $7, $8, $9, $10, 1)";
        let args = [
            Arg::Int(organization.0),
            Arg::Text(&new.id),
            Arg::Text(&new.login),
            Arg::Text(&new.name),
            Arg::Text(&roles),
            Arg::Text(&actors),
            Arg::Text(&hash),
            Arg::Int(activation.until_ms),
            Arg::Int(now_ms),
            Arg::Text(by),
        ];
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let added = connection.execute(sql, &args).await.map(drop).map_err(|error| taken(error, &new.login));
        end(&mut connection, added).await?;
        Ok(activation)
    }

    /// Changes an account; how many sessions that ended: all, unless only its name changes.
    ///
    /// # Errors
    /// There is none of that id, or the change is not well formed; or the store does not answer.
    pub async fn change_account(
        &self,
        permit: &Permit,
        id: &str,
        change: Change,
        by: &str,
    ) -> Result<u64, AccountError> {
        let ends = change.roles.is_some() || change.actors.is_some() || change.must_change.is_some();
        if !ends && change.name.is_none() {
            return Err(AccountError::Invalid(
                "say what is to change (--name, --role, --actor, --no-actors, --must-change-password)".to_owned(),
            ));
        }
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            if (change.roles.is_some() || change.actors.is_some())
                && let Some(provider) = outside::asserting(connection, organization, id).await?
            {
                return Err(AccountError::Refused(format!(
                    "the claims of the provider {provider} say who this is, and would say it again at the next login: change it there, or \
                     `account disable`"
                )));
            }
            let name = check::name(change.name.as_deref().unwrap_or(&account.name))?;
            let roles = change.roles.as_deref().unwrap_or(&account.roles);
            let (roles, actors) = check::persona(roles, change.actors.as_deref().unwrap_or(&account.actors))?;
            let (roles, actors) = (words(&roles), actors.join(" "));
            let sql = "update accounts set name = $3, roles = $4, actors = $5, must_change = $6, changed = $7, changed_by = $8, \
                       revision = revision + 1 where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(id),
                Arg::Text(&name),
                Arg::Text(&roles),
                Arg::Text(&actors),
                Arg::Int(change.must_change.unwrap_or(account.must_change).into()),
                Arg::Int(now_ms),
                Arg::Text(by),
            ];
            connection.execute(sql, &args).await?;
            if change.roles.is_some() || change.actors.is_some() {
                return Ok(sessions::end_everything(connection, organization, id, (now_ms, by)).await?);
            }
            if !ends {
                return Ok(0);
            }
            Ok(sessions::end_all(connection, organization, id, (now_ms, by)).await?)
        })
        .await
    }

    /// Disables an account, or makes it one again; how many sessions ended.
    ///
    /// # Errors
    /// There is none of that id, or it is so already; or the store does not answer.
    pub async fn disable_account(
        &self,
        permit: &Permit,
        id: &str,
        disabled: bool,
        by: &str,
    ) -> Result<u64, AccountError> {
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            if account.disabled_ms.is_some() == disabled {
                let is = if disabled { "it is disabled already" } else { "it is not disabled" };
                return Err(AccountError::Refused(is.to_owned()));
            }
            let sql = "update accounts set disabled = $3, changed = $4, changed_by = $5, revision = revision + 1, \
                       activation = null, activation_until = null where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(id),
                Arg::int(disabled.then_some(now_ms)),
                Arg::Int(now_ms),
                Arg::Text(by),
            ];
            connection.execute(sql, &args).await?;
            Ok(sessions::end_everything(connection, organization, id, (now_ms, by)).await?)
        })
        .await
    }

    /// Ends a lockout.
    ///
    /// # Errors
    /// There is none of that id; or the store does not answer.
    pub async fn unlock_account(&self, permit: &Permit, id: &str, by: &str) -> Result<(), AccountError> {
        self.alter_account(permit, id, by, async |connection, _, (organization, now_ms, by)| {
            let sql = "update accounts set failures = 0, locked_until = null, changed = $3, changed_by = $4 \
                       where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            Ok(())
        })
        .await
    }

    /// Takes the password away, ends all sessions, and makes a link by which another password is set. The second factor stays.
    ///
    /// # Errors
    /// There is none of that id, or it is disabled; or the store does not answer.
    pub async fn reset_account(
        &self,
        permit: &Permit,
        id: &str,
        lasting: Duration,
        by: &str,
    ) -> Result<Activation, AccountError> {
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            if account.disabled_ms.is_some() {
                return Err(AccountError::Refused("it is disabled: `account enable` first".to_owned()));
            }
            let (activation, hash) = Activation::make(now_ms, lasting)?;
            let sql = "update accounts set password = null, password_set = null, must_change = 0, failures = 0, locked_until = null, \
                       activation = $3, activation_until = $4, changed = $5, changed_by = $6, revision = revision + 1 \
                       where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(id),
                Arg::Text(&hash),
                Arg::Int(activation.until_ms),
                Arg::Int(now_ms),
                Arg::Text(by),
            ];
            connection.execute(sql, &args).await?;
            sessions::end_everything(connection, organization, id, (now_ms, by)).await?;
            Ok(activation)
        })
        .await
    }

    /// Ends all sessions of an account; how many.
    ///
    /// # Errors
    /// There is none of that id; or the store does not answer.
    pub async fn end_sessions_of(&self, permit: &Permit, id: &str, by: &str) -> Result<u64, AccountError> {
        self.alter_account(permit, id, by, async |connection, _, (organization, now_ms, by)| {
            // Who has shown a password and not yet the second factor begins again, too.
            let sql = "update accounts set changed = $3, changed_by = $4, revision = revision + 1 \
                       where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            Ok(sessions::end_everything(connection, organization, id, (now_ms, by)).await?)
        })
        .await
    }

    /// Takes the second factor away, for who has lost it, and ends all sessions; how many.
    ///
    /// # Errors
    /// There is none of that id, or it has no second factor; or the store does not answer.
    pub async fn remove_second_factor(&self, permit: &Permit, id: &str, by: &str) -> Result<u64, AccountError> {
        self.alter_account(permit, id, by, async |connection, account, (organization, now_ms, by)| {
            if !account.has_second_factor() {
                return Err(AccountError::Refused("it has no second factor".to_owned()));
            }
            let sql = "update accounts set totp_secret = null, totp_step = null, recovery = '', changed = $3, changed_by = $4, \
                       revision = revision + 1 where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            Ok(sessions::end_everything(connection, organization, id, (now_ms, by)).await?)
        })
        .await
    }

    /// Work on an account, which nobody else changes meanwhile.
    pub(super) async fn alter_account<T>(
        &self,
        permit: &Permit,
        id: &str,
        by: &str,
        work: impl AsyncFnOnce(&mut Connection, Account, (OrganizationId, i64, &str)) -> Result<T, AccountError>,
    ) -> Result<T, AccountError> {
        let (organization, by) = (organization(permit)?, named(by)?);
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let done = match held(&mut connection, organization, id).await {
            Ok(Some(account)) => work(&mut connection, account, (organization, now_ms, by)).await,
            Ok(None) => Err(AccountError::Refused(
                "there is no account of that id; `account list` shows those that are".to_owned(),
            )),
            Err(error) => Err(error.into()),
        };
        end(&mut connection, done).await
    }
}

fn taken(error: DbError, login: &str) -> AccountError {
    if error.kind != DbErrorKind::Unique {
        return error.into();
    }
    AccountError::Refused(format!("the login name {login} is taken: give another --login"))
}

pub(super) fn words(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
}
