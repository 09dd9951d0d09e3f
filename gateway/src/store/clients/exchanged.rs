//! ID tokens of outside issuers for access tokens (<https://www.rfc-editor.org/rfc/rfc8693>): what comes of it is an approval that an
//! administrator gave in the person's stead, and that the person ends for good.

use consent::OrganizationId;

use super::approvals::{Approval, COLUMNS, NewApproval};
use super::tokens::{LONGEST, Token};
use super::{Client, check, refused, secret};
use crate::store::Store;
use crate::store::accounts::Account;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::providers::Provider;

/// An approval that ends within so long is made anew at the next exchange.
const RENEWED_MS: i64 = 30 * 86_400_000;

/// What came of an exchange.
#[derive(Debug)]
pub enum Exchanged {
    /// A token, by this approval.
    Token(Token, Box<Approval>),
    /// Whoever it is about has closed the client out.
    Refused,
    /// The client or the account was changed meanwhile.
    Changed,
}

impl Client {
    /// Which of the names that a provider has for apps are this client's: those that an administrator said, or the one that there is.
    #[must_use]
    pub fn exchanged_of(&self, provider: &Provider) -> Vec<String> {
        let names = &provider.exchange_audiences;
        let of_word = |word: &String| match check::exchange(word) {
            (id, Some(name)) if *id == *provider.id => names.iter().find(|own| *own == name).cloned(),
            (id, None) if *id == *provider.id && names.len() == 1 => names.first().cloned(),
            _ => None,
        };
        self.exchanges.iter().filter_map(of_word).collect()
    }

    /// The providers whose ID tokens it may exchange, by their ids.
    pub fn exchanging(&self) -> impl Iterator<Item = &str> {
        self.exchanges.iter().map(|word| check::exchange(word).0)
    }
}

impl Store {
    /// Gives a client a token with these scopes for somebody whom a provider vouches for, until then and for a day at most. What was
    /// approved in that person's stead before counts on; else `new` is kept.
    ///
    /// # Errors
    /// The store does not answer; then nothing is given.
    pub async fn exchange(
        &self,
        client: &Client,
        account: &Account,
        new: &NewApproval,
        (scopes, until_ms): (&str, i64),
    ) -> Result<Exchanged, StoreError> {
        let core = self.core();
        let (id, (access, hash)) = (super::new_id()?, secret::make(secret::TOKEN)?);
        let now_ms = core.clock.now_ms();
        let longest_ms = i64::try_from(LONGEST.as_millis()).unwrap_or_default();
        let expires_ms = until_ms.min(now_ms + longest_ms).min(new.expires_ms);
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(client.organization.0)).await?;
        let work = async |connection: &mut Connection| -> Result<Result<Approval, Exchanged>, DbError> {
            let organization = client.organization.0;
            let locked = dialect::for_share(connection.engine());
            // Who changes a provider or removes it takes it before its accounts: so does this, and neither waits for the other for good.
            let sql = format!(
                "select 1 from outside_providers where organization_id = $1 and id = $2 and removed is null{locked}"
            );
            let args = [Arg::Int(organization), Arg::Text(new.exchange.as_deref().unwrap_or_default())];
            if connection.fetch_optional(&sql, &args).await?.is_none() {
                return Ok(Err(Exchanged::Changed));
            }
            // Whoever closes the client out, or changes the account, waits for this, or this finds that done.
            let sql = format!(
                "select 1 from accounts where organization_id = $1 and id = $2 and revision = $3 and disabled is null{locked}"
            );
            let args = [Arg::Int(organization), Arg::Text(&account.id), Arg::Int(account.revision)];
            if connection.fetch_optional(&sql, &args).await?.is_none() {
                return Ok(Err(Exchanged::Changed));
            }
            if refused::is_refused(connection, account, &client.id).await? {
                return Ok(Err(Exchanged::Refused));
            }
            let approval = match before(connection, client, new, now_ms).await? {
                Some(approval) => approval,
                None => match kept(connection, client, &id, new, now_ms).await? {
                    Some(approval) => approval,
                    None => return Ok(Err(Exchanged::Changed)),
                },
            };
            let sql = format!(
                "insert into oauth_tokens (organization_id, hash, client, scopes, purpose, issued, expires, approval) \
                 select c.organization_id, $3, c.id, $4, a.purpose, cast($5 as bigint), cast($6 as bigint), a.id \
                 from oauth_clients c join oauth_approvals a on a.organization_id = c.organization_id and a.client = c.id \
                 where c.organization_id = $1 and c.id = $2 and c.revision = $7 and c.disabled is null \
                 and a.id = $8 and a.ended is null and a.expires > $5{locked}"
            );
            let args = [
                Arg::Int(organization),
                Arg::Text(&client.id),
                Arg::Text(&hash),
                Arg::Text(scopes),
                Arg::Int(now_ms),
                Arg::Int(expires_ms),
                Arg::Int(client.revision),
                Arg::Text(&approval.id),
            ];
            Ok(if connection.execute(&sql, &args).await? == 0 { Err(Exchanged::Changed) } else { Ok(approval) })
        };
        match work(&mut connection).await {
            Ok(Ok(approval)) => {
                connection.commit().await?;
                Ok(Exchanged::Token(Token { secret: access, expires_ms }, Box::new(approval)))
            }
            Ok(Err(why)) => {
                connection.rollback_if_open().await;
                Ok(why)
            }
            Err(error) => {
                connection.rollback_if_open().await;
                Err(error.into())
            }
        }
    }
}

/// What was approved before, just so.
async fn before(
    connection: &mut Connection,
    client: &Client,
    new: &NewApproval,
    now_ms: i64,
) -> Result<Option<Approval>, DbError> {
    let sql = format!(
        "select {COLUMNS} from oauth_approvals a where a.organization_id = $1 and a.account = $2 and a.client = $3 and a.exchange = $4 \
         and a.scopes = $5 and a.purpose = $6 and coalesce(a.patient, '') = $7 and a.context = $8 and a.ended is null and a.expires > $9 \
         order by a.created desc, a.id limit 1"
    );
    let args = [
        Arg::Int(client.organization.0),
        Arg::Text(&new.account),
        Arg::Text(&client.id),
        Arg::Text(new.exchange.as_deref().unwrap_or_default()),
        Arg::Text(&new.scopes),
        Arg::Text(new.purpose.code()),
        Arg::Text(new.patient.as_deref().unwrap_or_default()),
        Arg::Text(&new.context),
        Arg::Int(now_ms + RENEWED_MS),
    ];
    Ok(connection.fetch_optional(&sql, &args).await?.and_then(|row| Approval::of(&row, 0)))
}

/// Keeps what is approved now; `None` where the client was changed meanwhile.
async fn kept(
    connection: &mut Connection,
    client: &Client,
    id: &str,
    new: &NewApproval,
    now_ms: i64,
) -> Result<Option<Approval>, DbError> {
    let sql = format!(
        "insert into oauth_approvals (organization_id, id, client, account, scopes, purpose, patient, context, authenticated, created, \
         expires, exchange) \
         select c.organization_id, $3, c.id, $4, $5, $6, $7, $8, cast($9 as bigint), cast($10 as bigint), cast($11 as bigint), p.id \
         from oauth_clients c join outside_providers p on p.organization_id = c.organization_id \
         where c.organization_id = $1 and c.id = $2 and c.revision = $12 and c.disabled is null \
         and p.id = $13 and p.removed is null{}",
        dialect::for_share(connection.engine())
    );
    let args = [
        Arg::Int(client.organization.0),
        Arg::Text(&client.id),
        Arg::Text(id),
        Arg::Text(&new.account),
        Arg::Text(&new.scopes),
        Arg::Text(new.purpose.code()),
        Arg::text(new.patient.as_deref()),
        Arg::Text(&new.context),
        Arg::Int(new.authenticated_ms),
        Arg::Int(now_ms),
        Arg::Int(new.expires_ms),
        Arg::Int(client.revision),
        Arg::Text(new.exchange.as_deref().unwrap_or_default()),
    ];
    let is_kept = connection.execute(&sql, &args).await? > 0;
    let approval = Approval {
        organization: client.organization,
        id: id.to_owned(),
        client: client.id.clone(),
        approved: new.clone(),
        created_ms: now_ms,
        ended_ms: None,
    };
    Ok(is_kept.then_some(approval))
}

/// Ends what came of exchanges of a client, within an open transaction.
pub(super) async fn end_exchanges(
    connection: &mut Connection,
    organization: OrganizationId,
    client: &str,
    (now_ms, by): (i64, &str),
) -> Result<(), DbError> {
    let sql = "update oauth_approvals set ended = $3, ended_by = $4 \
               where organization_id = $1 and client = $2 and exchange is not null and ended is null";
    let args = [Arg::Int(organization.0), Arg::Text(client), Arg::Int(now_ms), Arg::Text(by)];
    connection.execute(sql, &args).await.map(drop)
}
