//! Sessions: browsers in which somebody has logged in.

use std::time::Duration;

use consent::OrganizationId;
use secrecy::SecretString;

use super::{Account, columns};
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::clients::secret;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::error::StoreError;

/// What tokens of sessions begin with.
const SESSION: &str = "fgl_";
/// The most sessions of an account: the one that was idle for longest goes.
const MOST: i64 = 20;
/// A session is noted as in use at most so often.
const NOTED_MS: i64 = 30_000;
/// Rows that are removed at once.
const PORTION: i64 = 1_000;

/// A session that begins.
#[derive(Debug)]
pub struct NewSession {
    /// Its token, for the browser alone.
    pub token: SecretString,
    /// Its token's hash.
    pub hash: String,
}

/// How somebody has shown who it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Shown {
    /// By a second factor, too.
    pub second: bool,
    /// By the word of this provider outside of here; else by a password.
    pub outside: Option<String>,
    /// When, in milliseconds since 1970, where that was not just now.
    pub at_ms: Option<i64>,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whose.
    pub account: Account,
    /// When who it is was shown, in milliseconds since 1970.
    pub authenticated_ms: i64,
    /// Whether by a second factor, too.
    pub second: bool,
    /// By which provider's word; `None`: by a password.
    pub outside: Option<String>,
    /// When it was used last (within half a minute).
    pub seen_ms: i64,
    /// When it ends, whatever is done.
    pub expires_ms: i64,
}

impl Store {
    /// Begins a session of an account; `None` where the account was changed after it was looked up.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn begin_session(
        &self,
        account: &Account,
        shown: &Shown,
        lasting: Duration,
    ) -> Result<Option<NewSession>, StoreError> {
        let core = self.core();
        let (token, hash) = secret::make(SESSION)?;
        let now_ms = core.clock.now_ms();
        let lasting_ms = i64::try_from(lasting.as_millis()).unwrap_or(i64::MAX);
        let organization = Arg::Int(account.organization.0);
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(account.organization.0)).await?;
        let begun = async {
            // Whoever disables the account waits for this, or this finds it disabled.
            let sql = format!(
                "insert into account_sessions (organization_id, hash, account, authenticated, second, seen, expires, outside) \
                 select a.organization_id, $3, a.id, cast($8 as bigint), cast($5 as smallint), cast($4 as bigint), cast($6 as bigint), \
                 cast($9 as text) \
                 from accounts a where a.organization_id = $1 and a.id = $2 and a.revision = $7 and a.disabled is null{}",
                crate::store::dialect::for_share(connection.engine())
            );
            let args = [
                organization,
                Arg::Text(&account.id),
                Arg::Text(&hash),
                Arg::Int(now_ms),
                Arg::Int(shown.second.into()),
                Arg::Int(now_ms.saturating_add(lasting_ms)),
                Arg::Int(account.revision),
                Arg::Int(shown.at_ms.map_or(now_ms, |at_ms| at_ms.min(now_ms))),
                Arg::text(shown.outside.as_deref()),
            ];
            let begun = connection.execute(&sql, &args).await?;
            let surplus = "delete from account_sessions where organization_id = $1 and account = $2 and hash not in \
                           (select hash from account_sessions where organization_id = $1 and account = $2 \
                            order by seen desc, case when hash = $3 then 0 else 1 end limit $4)";
            let args = [organization, Arg::Text(&account.id), Arg::Text(&hash), Arg::Int(MOST)];
            connection.execute(surplus, &args).await?;
            Ok::<u64, DbError>(begun)
        }
        .await;
        if begun.is_err() {
            connection.rollback_if_open().await;
        }
        let begun = begun?;
        connection.commit().await?;
        Ok((begun > 0).then_some(NewSession { token, hash }))
    }

    /// The session whose token has that hash; `None` where there is none, it was idle for too long or has ended, or its account is disabled.
    /// That it is in use is noted.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn session(&self, hash: &str, idle: Duration) -> Result<Option<Kept>, StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        let found = {
            let mut connection = core.pools.reader().await?;
            let from = match connection.engine() {
                Engine::Postgres => {
                    "fhir_gateway.account_session($1) s cross join lateral fhir_gateway.account_of_id(s.account) a"
                }
                Engine::Sqlite => "account_sessions s join accounts a on a.id = s.account where s.hash = $1",
            };
            let sql = format!(
                "select s.organization_id, s.authenticated, s.second, s.seen, s.expires, s.outside, {} from {from}",
                columns("a")
            );
            connection.fetch_optional(&sql, &[Arg::Text(hash)]).await?
        };
        let kept = found.and_then(|row| {
            let kept = Kept {
                account: Account::of(&row, 6)?,
                authenticated_ms: row.int(1)?,
                second: row.int(2) == Some(1),
                seen_ms: row.int(3)?,
                expires_ms: row.int(4)?,
                outside: row.text(5).map(ToOwned::to_owned),
            };
            (row.int(0) == Some(kept.account.organization.0)).then_some(kept)
        });
        let counts = |kept: &Kept| {
            now_ms < kept.expires_ms
                && now_ms.saturating_sub(kept.seen_ms) < idle_ms
                && kept.account.disabled_ms.is_none()
                && (kept.outside.is_some() || kept.account.password().is_some())
        };
        let Some(kept) = kept.filter(counts) else { return Ok(None) };
        if now_ms - kept.seen_ms >= NOTED_MS.min(idle_ms / 4) {
            let sql = "update account_sessions set seen = $3 where organization_id = $1 and hash = $2 and seen < $3";
            let organization = kept.account.organization;
            self.write(organization, sql, &[Arg::Int(organization.0), Arg::Text(hash), Arg::Int(now_ms)]).await?;
        }
        Ok(Some(kept))
    }

    /// When sessions of an account began and were used last, but for the one of that hash; those that were used last first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn other_sessions(
        &self,
        account: &Account,
        but: &str,
        idle: Duration,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let since_ms = now_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX));
        let mut connection = core.pools.reader().await?;
        connection.begin_read(Some(account.organization.0)).await?;
        let sql = "select authenticated, seen from account_sessions where organization_id = $1 and account = $2 and hash <> $3 \
                   and expires > $4 and seen > $5 order by seen desc";
        let args = [
            Arg::Int(account.organization.0),
            Arg::Text(&account.id),
            Arg::Text(but),
            Arg::Int(now_ms),
            Arg::Int(since_ms),
        ];
        let rows = connection.fetch(sql, &args).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| Some((row.int(0)?, row.int(1)?))).collect())
    }

    /// Ends a session; false where there was none.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn end_session(&self, organization: OrganizationId, hash: &str) -> Result<bool, StoreError> {
        // What was approved for as long as it lasts ends first: nobody is left with one without the other.
        let sql = "update oauth_approvals set ended = $3, ended_by = account where organization_id = $1 and session = $2 and ended is null";
        let args = [Arg::Int(organization.0), Arg::Text(hash), Arg::Int(self.core().clock.now_ms())];
        self.write(organization, sql, &args).await?;
        let sql = "delete from account_sessions where organization_id = $1 and hash = $2";
        Ok(self.write(organization, sql, &args[..2]).await? > 0)
    }

    /// Ends all sessions of an account, but for the one of that hash; how many.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn end_other_sessions(&self, account: &Account, but: &str) -> Result<u64, StoreError> {
        let sql = "update oauth_approvals set ended = $4, ended_by = account \
                   where organization_id = $1 and account = $2 and session <> $3 and ended is null";
        let now_ms = self.core().clock.now_ms();
        let args = [Arg::Int(account.organization.0), Arg::Text(&account.id), Arg::Text(but), Arg::Int(now_ms)];
        self.write(account.organization, sql, &args).await?;
        let sql = "delete from account_sessions where organization_id = $1 and account = $2 and hash <> $3";
        self.write(account.organization, sql, &args[..3]).await
    }

    /// Removes sessions that have ended by themselves, of every organization, in portions; how many.
    ///
    /// # Errors
    /// The store does not answer; what was removed stays so.
    pub async fn sweep_sessions(&self, idle: Duration) -> Result<u64, StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let since_ms = now_ms.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX));
        let mut removed = 0;
        for organization in organizations(core).await? {
            let args = [Arg::Int(organization.0), Arg::Int(now_ms), Arg::Int(since_ms)];
            let ended = "from account_sessions where organization_id = $1 and (expires <= $2 or seen <= $3)";
            let sql = format!(
                "delete from account_sessions where organization_id = $1 and hash in (select hash {ended} limit {PORTION})"
            );
            while self.is_there(organization, ended, &args).await? {
                let gone = self.write(organization, &sql, &args).await?;
                if gone == 0 {
                    break;
                }
                removed += gone;
            }
        }
        Ok(removed)
    }
}

/// Ends all sessions of an account, and what it approved for apps, within an open transaction; how many sessions. Whoever the account is
/// from now on, or was by mistake, approved none of it.
pub(super) async fn end_everything(
    connection: &mut Connection,
    organization: OrganizationId,
    account: &str,
    (now_ms, by): (i64, &str),
) -> Result<u64, DbError> {
    let sql = "update oauth_approvals set ended = $3, ended_by = $4 where organization_id = $1 and account = $2 and ended is null";
    let args = [Arg::Int(organization.0), Arg::Text(account), Arg::Int(now_ms), Arg::Text(by)];
    connection.execute(sql, &args).await?;
    end_all(connection, organization, account, (now_ms, by)).await
}

/// Ends all sessions of an account, and what was approved for as long as one of them lasts, within an open transaction; how many sessions.
pub(super) async fn end_all(
    connection: &mut Connection,
    organization: OrganizationId,
    account: &str,
    (now_ms, by): (i64, &str),
) -> Result<u64, DbError> {
    let sql = "update oauth_approvals set ended = $3, ended_by = $4 \
               where organization_id = $1 and account = $2 and session is not null and ended is null";
    let args = [Arg::Int(organization.0), Arg::Text(account), Arg::Int(now_ms), Arg::Text(by)];
    connection.execute(sql, &args).await?;
    let sql = "delete from account_sessions where organization_id = $1 and account = $2";
    connection.execute(sql, &[Arg::Int(organization.0), Arg::Text(account)]).await
}
