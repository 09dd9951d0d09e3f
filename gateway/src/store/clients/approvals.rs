//! What people approved for clients, and the codes and tokens that come of it.
//!
//! A code or refresh token that comes twice is in other hands as well, so whoever finds that it was used ends the approval, and with it
//! all that came of it (<https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2>).

use std::time::Duration;

use consent::{OrganizationId, Purpose};
use secrecy::SecretString;

use super::handles::{INSERT, USE};
use super::tokens::{LONGEST, Token};
use super::{Client, Handle, HandleKind, secret};
use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::dialect;
use crate::store::error::StoreError;

/// How long a code counts: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2> has ten minutes for the longest.
const CODE: Duration = Duration::from_secs(60);
/// How exactly it is known when a client was last used.
const DAY_MS: i64 = 86_400_000;
/// The most approvals that are listed.
const LISTED: i64 = 200;

/// What somebody approves.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// The account of who does.
    pub account: String,
    /// What: scopes with spaces between.
    pub scopes: String,
    /// Why the client asks.
    pub purpose: Purpose,
    /// Whose record it is about.
    pub patient: Option<String>,
    /// Which encounter.
    pub encounter: Option<String>,
    /// What else is in context, as JSON.
    pub context: String,
    /// The hash of the session that it ends with.
    pub session: Option<String>,
    /// The provider whose ID token it came of, where an administrator approved it in the person's stead.
    pub exchange: Option<String>,
    /// When the person logged in, in milliseconds since 1970.
    pub authenticated_ms: i64,
    /// Until when it counts.
    pub expires_ms: i64,
}

/// What somebody approved.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Whose client and account.
    pub organization: OrganizationId,
    /// Its id, which is no secret.
    pub id: String,
    /// For which client.
    pub client: String,
    /// What.
    pub approved: NewApproval,
    /// When.
    pub created_ms: i64,
    /// Since when it does not count any more.
    pub ended_ms: Option<i64>,
}

/// What [`Approval::of`] reads, in its order.
pub(super) const COLUMNS: &str = "a.organization_id, a.id, a.client, a.account, a.scopes, a.purpose, a.patient, a.encounter, a.context, \
                                  a.session, a.authenticated, a.created, a.expires, a.ended, a.exchange";

/// How many they are.
pub(super) const WIDTH: usize = 15;

impl Approval {
    /// From [`COLUMNS`] that begin at a place of a row.
    pub(super) fn of(row: &Row, from: usize) -> Option<Self> {
        let text = |column: usize| row.text(from + column).map(ToOwned::to_owned);
        let int = |column: usize| row.int(from + column);
        Some(Self {
            organization: OrganizationId(int(0)?),
            id: text(1)?,
            client: text(2)?,
            approved: NewApproval {
                account: text(3)?,
                scopes: text(4)?,
                purpose: Purpose::parse(row.text(from + 5)?)?,
                patient: text(6),
                encounter: text(7),
                context: text(8)?,
                session: text(9),
                exchange: text(14),
                authenticated_ms: int(10)?,
                expires_ms: int(12)?,
            },
            created_ms: int(11)?,
            ended_ms: int(13),
        })
    }

    /// Whether it counts.
    #[must_use]
    pub fn counts(&self, now_ms: i64) -> bool {
        self.ended_ms.is_none() && now_ms < self.approved.expires_ms
    }
}

/// What came of an approval.
#[derive(Debug)]
pub enum Approved {
    /// The code to send.
    Code(SecretString),
    /// It was approved or denied before, or the client was changed meanwhile: it has to begin anew.
    TooLate,
}

/// What came of a code or a refresh token.
#[derive(Debug)]
pub enum Given {
    /// Tokens.
    Tokens {
        /// The access token.
        access: Token,
        /// The next refresh token, where there is to be one.
        refresh: Option<SecretString>,
    },
    /// Somebody else was faster with it.
    Reused,
    /// The approval has ended, or the client was changed meanwhile.
    Ended,
}

/// What is to be given for a code or refresh token.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The scopes of the access token.
    pub scopes: &'w str,
    /// How long it counts.
    pub lifetime: Duration,
    /// Whether a refresh token goes with it; it counts as long as the approval.
    pub refresh: bool,
}

impl Store {
    /// Keeps what somebody approved, in place of the request for it, and uses up the launch. `content`: what the code stands for, as JSON.
    ///
    /// # Errors
    /// The store does not answer; then nothing is approved.
    pub async fn keep_approval(
        &self,
        client: &Client,
        request: &Handle,
        launch: Option<&Handle>,
        new: &NewApproval,
        content: &str,
    ) -> Result<Approved, StoreError> {
        let core = self.core();
        let (id, (code, hash)) = (super::new_id()?, secret::make(HandleKind::Code.prefix())?);
        let now_ms = core.clock.now_ms();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(client.organization.0)).await?;
        let work = async |connection: &mut Connection| -> Result<bool, DbError> {
            let organization = client.organization.0;
            for handle in [Some(request), launch].into_iter().flatten() {
                let args = [Arg::Int(organization), Arg::Text(&handle.hash), Arg::Int(now_ms)];
                if connection.execute(USE, &args).await? == 0 {
                    return Ok(false);
                }
            }
            // Before it is looked at for as long as this takes: two at once would wait for each other.
            if client.is_registered && client.used_ms.is_none_or(|used_ms| now_ms - used_ms > DAY_MS) {
                let sql =
                    "update oauth_clients set used = $3 where organization_id = $1 and id = $2 and registered = 1";
                let args = [Arg::Int(organization), Arg::Text(&client.id), Arg::Int(now_ms)];
                connection.execute(sql, &args).await?;
            }
            let sql = format!(
                "insert into oauth_approvals (organization_id, id, client, account, scopes, purpose, patient, encounter, context, session, \
                 authenticated, created, expires) \
                 select c.organization_id, $3, c.id, $4, $5, $6, $7, $8, $9, $10, cast($11 as bigint), cast($12 as bigint), \
                 cast($13 as bigint) from oauth_clients c \
                 where c.organization_id = $1 and c.id = $2 and c.revision = $14 and c.disabled is null{}",
                dialect::for_share(connection.engine())
            );
            let args = [
                Arg::Int(organization),
                Arg::Text(&client.id),
                Arg::Text(&id),
                Arg::Text(&new.account),
                Arg::Text(&new.scopes),
                Arg::Text(new.purpose.code()),
                Arg::text(new.patient.as_deref()),
                Arg::text(new.encounter.as_deref()),
                Arg::Text(&new.context),
                Arg::text(new.session.as_deref()),
                Arg::Int(new.authenticated_ms),
                Arg::Int(now_ms),
                Arg::Int(new.expires_ms),
                Arg::Int(client.revision),
            ];
            if connection.execute(&sql, &args).await? == 0 {
                return Ok(false);
            }
            let until_ms = now_ms + i64::try_from(CODE.as_millis()).unwrap_or_default();
            let args = [
                Arg::Int(organization),
                Arg::Text(&hash),
                Arg::Text(HandleKind::Code.as_str()),
                Arg::Text(&client.id),
                Arg::Text(&id),
                Arg::Text(content),
                Arg::Int(now_ms),
                Arg::Int(until_ms),
            ];
            connection.execute(INSERT, &args).await?;
            Ok(true)
        };
        let done = work(&mut connection).await;
        if matches!(done, Ok(true)) {
            connection.commit().await?;
            return Ok(Approved::Code(code));
        }
        connection.rollback_if_open().await;
        done?;
        Ok(Approved::TooLate)
    }

    /// An approval, also one that has ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn approval(&self, organization: OrganizationId, id: &str) -> Result<Option<Approval>, StoreError> {
        let sql = format!("select {COLUMNS} from oauth_approvals a where a.organization_id = $1 and a.id = $2");
        Ok(self.approvals(organization, &sql, id).await?.into_iter().next())
    }

    /// What somebody approved that counts, the latest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn approvals_of(&self, organization: OrganizationId, account: &str) -> Result<Vec<Approval>, StoreError> {
        let sql = format!(
            "select {COLUMNS} from oauth_approvals a where a.organization_id = $1 and a.account = $2 and a.ended is null \
             order by a.created desc, a.id limit {LISTED}"
        );
        let now_ms = self.core().clock.now_ms();
        let mut found = self.approvals(organization, &sql, account).await?;
        found.retain(|approval| approval.counts(now_ms));
        Ok(found)
    }

    /// Whether whoever approved it may still log in, and, where it goes with a session, that lasts: it was used within the time, and has
    /// not ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn approver_lasts(&self, approval: &Approval, idle: Duration) -> Result<bool, StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        let approved = &approval.approved;
        let sql = "select 1 from accounts u where u.organization_id = $1 and u.id = $2 and u.disabled is null \
                   and (cast($3 as text) is null or exists (select 1 from account_sessions s where s.organization_id = $1 \
                   and s.hash = cast($3 as text) and s.account = u.id and s.expires > $4 and s.seen > $5))";
        let args = [
            Arg::Int(approval.organization.0),
            Arg::Text(&approved.account),
            Arg::text(approved.session.as_deref()),
            Arg::Int(now_ms),
            Arg::Int(now_ms.saturating_sub(idle_ms)),
        ];
        let mut connection = core.pools.reader().await?;
        connection.begin_read(Some(approval.organization.0)).await?;
        let row = connection.fetch_optional(sql, &args).await?;
        connection.end_read().await?;
        Ok(row.is_some())
    }

    async fn approvals(&self, organization: OrganizationId, sql: &str, by: &str) -> Result<Vec<Approval>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let rows = connection.fetch(sql, &[Arg::Int(organization.0), Arg::Text(by)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| Approval::of(row, 0)).collect())
    }

    /// Gives what a code or a refresh token of a client is good for, and uses it up.
    ///
    /// # Errors
    /// The store does not answer; then nothing is given, and it may come again.
    pub async fn redeem(
        &self,
        client: &Client,
        handle: &Handle,
        approval: &Approval,
        wanted: Wanted<'_>,
    ) -> Result<Given, StoreError> {
        let core = self.core();
        let ((access, hash), (next, next_hash)) =
            (secret::make(secret::TOKEN)?, secret::make(HandleKind::Refresh.prefix())?);
        let now_ms = core.clock.now_ms();
        let lifetime_ms = i64::try_from(wanted.lifetime.min(LONGEST).as_millis()).unwrap_or_default();
        let expires_ms = approval.approved.expires_ms.min(now_ms + lifetime_ms);
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(client.organization.0)).await?;
        let work = async |connection: &mut Connection| -> Result<Option<bool>, DbError> {
            let organization = client.organization.0;
            let args = [Arg::Int(organization), Arg::Text(&handle.hash), Arg::Int(now_ms)];
            if connection.execute(USE, &args).await? == 0 {
                return Ok(None);
            }
            // Whoever ends the approval or disables the client waits for this, or this finds it ended.
            let sql = format!(
                "insert into oauth_tokens (organization_id, hash, client, scopes, purpose, issued, expires, approval) \
                 select c.organization_id, $3, c.id, $4, a.purpose, cast($5 as bigint), cast($6 as bigint), a.id \
                 from oauth_clients c join oauth_approvals a on a.organization_id = c.organization_id and a.client = c.id \
                 where c.organization_id = $1 and c.id = $2 and c.revision = $7 and c.disabled is null \
                 and a.id = $8 and a.ended is null and a.expires > $5{}",
                dialect::for_share(connection.engine())
            );
            let args = [
                Arg::Int(organization),
                Arg::Text(&client.id),
                Arg::Text(&hash),
                Arg::Text(wanted.scopes),
                Arg::Int(now_ms),
                Arg::Int(expires_ms),
                Arg::Int(client.revision),
                Arg::Text(&approval.id),
            ];
            if connection.execute(&sql, &args).await? == 0 {
                return Ok(Some(false));
            }
            if wanted.refresh {
                let args = [
                    Arg::Int(organization),
                    Arg::Text(&next_hash),
                    Arg::Text(HandleKind::Refresh.as_str()),
                    Arg::Text(&client.id),
                    Arg::Text(&approval.id),
                    Arg::Text("{}"),
                    Arg::Int(now_ms),
                    Arg::Int(approval.approved.expires_ms),
                ];
                connection.execute(INSERT, &args).await?;
            }
            Ok(Some(true))
        };
        let done = work(&mut connection).await;
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        let done = done?;
        connection.commit().await?;
        Ok(match done {
            Some(true) => {
                Given::Tokens { access: Token { secret: access, expires_ms }, refresh: wanted.refresh.then_some(next) }
            }
            Some(false) => Given::Ended,
            None => Given::Reused,
        })
    }

    /// Ends an approval and every token that came of it; false where it had ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn end_approval(&self, organization: OrganizationId, id: &str, by: &str) -> Result<bool, StoreError> {
        let core = self.core();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let ended = end(&mut connection, organization, id, by, core.clock.now_ms()).await;
        if ended.is_err() {
            connection.rollback_if_open().await;
        }
        let ended = ended?;
        connection.commit().await?;
        Ok(ended)
    }
}

async fn end(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
    by: &str,
    now_ms: i64,
) -> Result<bool, DbError> {
    let sql =
        "update oauth_approvals set ended = $3, ended_by = $4 where organization_id = $1 and id = $2 and ended is null";
    let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
    let ended = connection.execute(sql, &args).await? > 0;
    let sql = "update oauth_tokens set revoked = $3 where organization_id = $1 and approval = $2 and revoked is null";
    connection.execute(sql, &args[..3]).await?;
    Ok(ended)
}
