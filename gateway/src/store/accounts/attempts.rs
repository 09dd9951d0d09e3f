//! What somebody who logs in changes: attempts, the password, the second factor.

use std::time::Duration;

use consent::OrganizationId;

use super::{Account, held, sessions};
use crate::store::Store;
use crate::store::connection::{Arg, Connection};
use crate::store::error::StoreError;

/// What came of an attempt before it was looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// It counts; whether nobody may try again for a while if it fails.
    Counted {
        /// It is the last one that there is.
        locks: bool,
    },
    /// There is none for now, or never: the account is locked or disabled.
    Locked,
}

impl Store {
    /// Counts an attempt before it is looked at, so that of many at once no more than these are.
    ///
    /// # Errors
    /// The store does not answer; then nothing may be looked at.
    pub async fn count_attempt(&self, account: &Account, most: u32, lockout: Duration) -> Result<Attempt, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let until_ms = now_ms.saturating_add(i64::try_from(lockout.as_millis()).unwrap_or(i64::MAX));
        self.on(account.organization, async |connection| {
            let Some(account) = held(connection, account.organization, &account.id).await? else {
                return Ok(Attempt::Locked);
            };
            if !account.is_open(now_ms) {
                return Ok(Attempt::Locked);
            }
            // A lockout that is over begins anew.
            let failures = 1 + if account.locked_until_ms.is_some() { 0 } else { account.failures };
            let locks = failures >= i64::from(most);
            let sql = "update accounts set failures = $3, locked_until = $4 where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(account.organization.0),
                Arg::Text(&account.id),
                Arg::Int(failures),
                Arg::int(locks.then_some(until_ms)),
            ];
            connection.execute(sql, &args).await?;
            Ok(Attempt::Counted { locks })
        })
        .await
    }

    /// The attempt was right, and the login is whole: none is on record any more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn clear_attempts(&self, account: &Account) -> Result<(), StoreError> {
        let sql = "update accounts set failures = 0, locked_until = null where organization_id = $1 and id = $2 and disabled is null";
        let args = [Arg::Int(account.organization.0), Arg::Text(&account.id)];
        self.write(account.organization, sql, &args).await.map(drop)
    }

    /// The attempt was right, and something else is still to be shown: those that failed before it stay on record, or whoever knows a
    /// password could guess at the second factor without end.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn take_back_attempt(&self, account: &Account, most: u32) -> Result<(), StoreError> {
        let sql = "update accounts set failures = failures - 1, \
                   locked_until = case when failures - 1 < $3 then null else locked_until end \
                   where organization_id = $1 and id = $2 and failures > 0";
        let args = [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Int(most.into())];
        self.write(account.organization, sql, &args).await.map(drop)
    }

    /// Sets the password (a PHC string) and ends all sessions; false where the account was changed after it was looked up, or its link
    /// has been used. `activation`: the hash of the link's token, where it is set by that.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn set_password(
        &self,
        account: &Account,
        password: &str,
        activation: Option<&str>,
    ) -> Result<bool, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let sql = "update accounts set password = $3, password_set = $4, must_change = 0, failures = 0, locked_until = null, \
                   activation = null, activation_until = null, revision = revision + 1, changed = $4, changed_by = 'its owner' \
                   where organization_id = $1 and id = $2 and revision = $5 and disabled is null \
                   and (cast($6 as text) is null or (activation = cast($6 as text) and activation_until > $4))";
        let args = [
            Arg::Int(account.organization.0),
            Arg::Text(&account.id),
            Arg::Text(password),
            Arg::Int(now_ms),
            Arg::Int(account.revision),
            Arg::text(activation),
        ];
        self.change_of_owner(account, sql, &args).await
    }

    /// Sets the second factor's secret (sealed) with its recovery codes (hashes), or takes both away, and ends all sessions; false where
    /// the account was changed after it was looked up. `step`: the one whose code has shown that the secret is known.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn set_second_factor(
        &self,
        account: &Account,
        secret: Option<(&str, i64)>,
        recovery: &[String],
    ) -> Result<bool, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let recovery = recovery.join(" ");
        let sql = "update accounts set totp_secret = $3, totp_step = $4, recovery = $5, revision = revision + 1, changed = $6, \
                   changed_by = 'its owner' where organization_id = $1 and id = $2 and revision = $7 and disabled is null";
        let args = [
            Arg::Int(account.organization.0),
            Arg::Text(&account.id),
            Arg::text(secret.map(|(sealed, _)| sealed)),
            Arg::int(secret.map(|(_, step)| step)),
            Arg::Text(&recovery),
            Arg::Int(now_ms),
            Arg::Int(account.revision),
        ];
        self.change_of_owner(account, sql, &args).await
    }

    /// Uses the code of a step; false where one of that step or a later one was used.
    ///
    /// # Errors
    /// The store does not answer; then it must not be taken.
    pub async fn use_step(&self, account: &Account, step: i64) -> Result<bool, StoreError> {
        let sql = "update accounts set totp_step = $3 where organization_id = $1 and id = $2 and totp_secret is not null \
                   and (totp_step is null or totp_step < $3)";
        let args = [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Int(step)];
        Ok(self.write(account.organization, sql, &args).await? > 0)
    }

    /// Uses the recovery code of that hash; false where it is none that is left.
    ///
    /// # Errors
    /// The store does not answer; then it must not be taken.
    pub async fn use_recovery(&self, account: &Account, hash: &str) -> Result<bool, StoreError> {
        self.on(account.organization, async |connection| {
            let Some(account) = held(connection, account.organization, &account.id).await? else { return Ok(false) };
            let codes: Vec<&str> = account.recovery.split_whitespace().collect();
            let left: Vec<&str> = codes.iter().copied().filter(|kept| *kept != hash).collect();
            if left.len() == codes.len() {
                return Ok(false);
            }
            let sql = "update accounts set recovery = $3 where organization_id = $1 and id = $2";
            let left = left.join(" ");
            connection
                .execute(sql, &[Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(&left)])
                .await?;
            Ok(true)
        })
        .await
    }

    /// A change of the owner's, after which all sessions are over.
    async fn change_of_owner(&self, account: &Account, sql: &str, args: &[Arg<'_>]) -> Result<bool, StoreError> {
        self.on(account.organization, async |connection| {
            let done = connection.execute(sql, args).await? > 0;
            if done {
                let now_ms = self.core().clock.now_ms();
                sessions::end_all(connection, account.organization, &account.id, (now_ms, &account.id)).await?;
            }
            Ok(done)
        })
        .await
    }

    /// Work of an organization's in one transaction.
    async fn on<T>(
        &self,
        organization: OrganizationId,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let done = work(&mut connection).await;
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        let value = done?;
        connection.commit().await?;
        Ok(value)
    }
}
