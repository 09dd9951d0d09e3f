//! Access tokens and the assertions that they are given for.

use std::time::Duration;

use consent::{OrganizationId, Purpose};
use secrecy::SecretString;

use super::approvals::{self, Approval};
use super::{Client, columns, secret};
use crate::store::Store;
use crate::store::accounts::{self, Account};
use crate::store::alone::organizations;
use crate::store::connection::{Arg, Engine};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;

/// The longest that a token counts.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);
/// How long after its end an assertion stays used: clocks differ, and whoever verifies may let that pass.
const MARGIN_MS: i64 = 5 * 60_000;
/// How far ahead the end of an assertion may be: its row would stay until then. SMART allows five minutes.
const AHEAD_MS: i64 = 60 * 60_000;
/// The longest id of an assertion, in bytes.
const JTI: usize = 1000;
/// Rows that are removed at once.
const PORTION: i64 = 1_000;

/// A token that was given.
#[derive(Debug)]
pub struct Token {
    /// Its text, told once.
    pub secret: SecretString,
    /// Until when it counts, in milliseconds since 1970.
    pub expires_ms: i64,
}

/// What a token says of who sends it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Whose it is, as the client is now.
    pub client: Client,
    /// What was granted: scopes with spaces between.
    pub scopes: String,
    /// Why it asks where its request does not say.
    pub purpose: Purpose,
    /// Why it may ask where a program asks by itself.
    pub purposes: Vec<Purpose>,
    /// What it came of, and who approved that; none where a program asks by itself.
    pub approved: Option<(Approval, Account)>,
    /// When it was given, in milliseconds since 1970.
    pub issued_ms: i64,
    /// Until when it counts.
    pub expires_ms: i64,
}

impl Store {
    /// Gives a client a token for a purpose, and for those others that a request of its may name, for a day at most; `None` where the client was changed or disabled after it was looked up, so that whoever
    /// asked has to show anew that it is it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn issue_token(
        &self,
        client: &Client,
        scopes: &str,
        (purpose, purposes): (Purpose, &[Purpose]),
        lifetime: Duration,
    ) -> Result<Option<Token>, StoreError> {
        let core = self.core();
        let (secret, hash) = secret::make(secret::TOKEN)?;
        let issued_ms = core.clock.now_ms();
        let lifetime_ms = i64::try_from(lifetime.min(LONGEST).as_millis()).unwrap_or_default();
        let expires_ms = issued_ms + lifetime_ms;
        let purposes = super::administer::codes(purposes);
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(client.organization.0)).await?;
        // Whoever disables the client waits for this, or this finds it disabled.
        let sql = format!(
            "insert into oauth_tokens (organization_id, hash, client, scopes, purpose, issued, expires, purposes) \
             select c.organization_id, $3, c.id, $4, $5, cast($6 as bigint), cast($7 as bigint), $9 from oauth_clients c \
             where c.organization_id = $1 and c.id = $2 and c.revision = $8 and c.disabled is null{}",
            dialect::for_share(connection.engine())
        );
        let args = [
            Arg::Int(client.organization.0),
            Arg::Text(&client.id),
            Arg::Text(&hash),
            Arg::Text(scopes),
            Arg::Text(purpose.code()),
            Arg::Int(issued_ms),
            Arg::Int(expires_ms),
            Arg::Int(client.revision),
            Arg::Text(&purposes),
        ];
        let given = connection.execute(&sql, &args).await;
        if given.is_err() {
            connection.rollback_if_open().await;
        }
        let given = given?;
        connection.commit().await?;
        Ok((given > 0).then_some(Token { secret, expires_ms }))
    }

    /// What the token of that hash ([`super::hash_of`]) says; `None` where there is none, it has expired or was revoked, or its client
    /// is disabled.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn token(&self, hash: &str) -> Result<Option<Issued>, StoreError> {
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let core = self.core();
        let mut connection = core.pools.reader().await?;
        let from = match connection.engine() {
            Engine::Postgres => {
                "fhir_gateway.oauth_token($1) t cross join lateral fhir_gateway.oauth_client(t.client) c \
                 left join lateral fhir_gateway.oauth_approval(t.approval) a on true \
                 left join lateral fhir_gateway.account_of_id(a.account) u on true"
            }
            Engine::Sqlite => {
                "oauth_tokens t join oauth_clients c on c.id = t.client left join oauth_approvals a on a.id = t.approval \
                 left join accounts u on u.id = a.account where t.hash = $1"
            }
        };
        let sql = format!(
            "select t.organization_id, t.scopes, t.purpose, t.issued, t.expires, t.revoked, t.approval, t.purposes, {}, {}, {} from {from}",
            approvals::COLUMNS,
            accounts::columns("u"),
            columns()
        );
        let Some(row) = connection.fetch_optional(&sql, &[Arg::Text(hash)]).await? else { return Ok(None) };
        let issued = || {
            Some(Issued {
                client: Client::of(&row, 8 + approvals::WIDTH + accounts::WIDTH)?,
                approved: Approval::of(&row, 8).zip(Account::of(&row, 8 + approvals::WIDTH)),
                scopes: row.text(1)?.to_owned(),
                purpose: Purpose::parse(row.text(2)?)?,
                purposes: row.text(7).unwrap_or_default().split(' ').filter_map(Purpose::parse).collect(),
                issued_ms: row.int(3)?,
                expires_ms: row.int(4)?,
            })
        };
        let now_ms = core.clock.now_ms();
        let (organization, revoked) = (row.int(0).map(OrganizationId), row.int(5));
        // What came of an approval counts with it alone.
        let approved = |issued: &Issued| match (row.text(6), &issued.approved) {
            (None, None) => true,
            (Some(_), Some((approval, account))) => {
                let is_whole = [approval.organization, account.organization].iter().all(|of| Some(*of) == organization);
                is_whole
                    && approval.counts(now_ms)
                    && approval.client == issued.client.id
                    && account.disabled_ms.is_none()
            }
            _ => false,
        };
        let counts = |issued: &Issued| {
            revoked.is_none()
                && approved(issued)
                && now_ms < issued.expires_ms
                && issued.client.disabled_ms.is_none()
                && Some(issued.client.organization) == organization
        };
        Ok(issued().filter(counts))
    }

    /// Ends a token of the client's; false where that is none of its, or had ended.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn revoke_token(&self, client: &Client, hash: &str) -> Result<bool, StoreError> {
        let core = self.core();
        let sql = "update oauth_tokens set revoked = $4 \
                   where organization_id = $1 and client = $2 and hash = $3 and revoked is null and expires > $4";
        let now_ms = core.clock.now_ms();
        let args = [Arg::Int(client.organization.0), Arg::Text(&client.id), Arg::Text(hash), Arg::Int(now_ms)];
        Ok(self.write(client.organization, sql, &args).await? > 0)
    }

    /// Uses an assertion of a client's, whose `jti` and `exp` (in seconds since 1970) these are. False: it was used before, has ended so
    /// long ago that nobody knows any more, or ends further ahead than assertions do.
    ///
    /// # Errors
    /// The store does not answer; then it must not be taken.
    pub async fn use_assertion(&self, client: &Client, jti: &str, expires_s: i64) -> Result<bool, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let expires_ms = expires_s.saturating_mul(1000);
        let until_ms = expires_ms.saturating_add(MARGIN_MS);
        if jti.is_empty() || jti.len() > JTI || until_ms <= now_ms || expires_ms.saturating_sub(now_ms) > AHEAD_MS {
            return Ok(false);
        }
        self.use_once(client.organization, &client.id, jti, until_ms).await
    }

    /// Uses something of somebody's (a client, or what is no id of one) that is used once. False: it was used before.
    ///
    /// # Errors
    /// The store does not answer; then it must not be taken.
    pub(crate) async fn use_once(
        &self,
        organization: OrganizationId,
        whose: &str,
        what: &str,
        until_ms: i64,
    ) -> Result<bool, StoreError> {
        let sql = "insert into oauth_assertions (organization_id, client, jti, expires) values ($1, $2, $3, $4) \
                   on conflict (client, jti) do nothing";
        let what = secret::hash_of(what);
        let args = [Arg::Int(organization.0), Arg::Text(whose), Arg::Text(&what), Arg::Int(until_ms)];
        Ok(self.write(organization, sql, &args).await? > 0)
    }

    /// Removes tokens and assertions that have expired, of every organization, in portions; how many.
    ///
    /// # Errors
    /// The store does not answer; what was removed stays so.
    pub async fn sweep_oauth(&self) -> Result<u64, StoreError> {
        let core = self.core();
        let mut removed = 0;
        for organization in organizations(core).await? {
            for (table, key) in [
                ("oauth_tokens", "hash"),
                ("oauth_assertions", "client, jti"),
                ("oauth_handles", "hash"),
                ("oauth_approvals", "id"),
                ("oauth_registrations", "hash"),
            ] {
                removed += self.sweep(core, organization, table, key).await?;
            }
        }
        Ok(removed)
    }

    async fn sweep(
        &self,
        core: &Core,
        organization: OrganizationId,
        table: &str,
        key: &str,
    ) -> Result<u64, StoreError> {
        let args = [Arg::Int(organization.0), Arg::Int(core.clock.now_ms())];
        let expired = format!("from {table} where organization_id = $1 and expires <= $2");
        let sql = format!(
            "delete from {table} where organization_id = $1 and ({key}) in (select {key} {expired} limit {PORTION})"
        );
        let mut removed = 0;
        // Mostly there is nothing: that keeps nobody from writing.
        while self.is_there(organization, &expired, &args).await? {
            let gone = self.write(organization, &sql, &args).await?;
            if gone == 0 {
                // Another process was faster.
                break;
            }
            removed += gone;
        }
        Ok(removed)
    }

    pub(in crate::store) async fn is_there(
        &self,
        organization: OrganizationId,
        what: &str,
        args: &[Arg<'_>],
    ) -> Result<bool, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let row = connection.fetch_optional(&format!("select 1 {what} limit 1"), args).await?;
        connection.end_read().await?;
        Ok(row.is_some())
    }

    /// One statement of an organization's, by itself.
    pub(in crate::store) async fn write(
        &self,
        organization: OrganizationId,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let done = connection.execute(sql, args).await;
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        let rows = done?;
        connection.commit().await?;
        Ok(rows)
    }
}
