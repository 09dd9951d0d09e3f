//! What an administrator does with clients. Whatever takes something away ends the tokens that were given before, in the same
//! transaction.

use consent::{OrganizationId, Permit, Purpose};
use ipnet::IpNet;
use secrecy::SecretString;

use super::check::{self, For};
use super::exchanged::end_exchanges;
use super::wanted::{Change, ELSEWHERE, NOTHING_HERE, NOWHERE, New, UNSAID};
use super::{Client, ClientError, Keys, Kind, columns, secret};
use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::dialect;
use crate::store::erasure::name as person;

/// The longest that the secret before may count, in seconds: 30 days.
const LONGEST_SECONDS: u32 = 30 * 86_400;

/// Of a client that is to exchange ID tokens of a provider that is none.
const NO_EXCHANGE: &str = "there is no provider of that id whose ID tokens are exchanged here (provider add --exchange, --firebase, --supabase); \
                           `provider list` shows those that are";

/// Of one that has several names for apps.
const WHOSE: &str = "the provider has no such name for an app, or several: a client exchanges what was made for it alone, so say which is its \
                     (--exchange PROVIDER=NAME); `provider list --json` shows those that are";

/// Of a client of a provider's that is none.
const NO_PROVIDER: &str = "there is no provider of that id whose access tokens count here (provider add --audience); `provider list` shows those that are";

impl Store {
    /// Adds a client of the permit's organization; its secret where it brings no keys.
    ///
    /// # Errors
    /// Something is not well formed, or id or name is taken; or the store does not answer.
    pub async fn add_client(&self, permit: &Permit, new: New, by: &str) -> Result<Option<SecretString>, ClientError> {
        let (organization, by, new) = (organization(permit)?, named(by)?, new.checked()?);
        let core = self.core();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let added = insert(&mut connection, organization, &new, (core.clock.now_ms(), by), None).await;
        let made = end(&mut connection, added).await?;
        Ok(made.map(|(secret, _)| secret))
    }

    /// Changes a client; how many tokens that ended. Those that were given before end unless only its name, who it is to Consents or from
    /// where it is answered changes.
    ///
    /// # Errors
    /// There is none of that id, it is disabled, the change does not fit it or its name is taken; or the store does not answer.
    pub async fn change_client(&self, permit: &Permit, id: &str, change: Change, by: &str) -> Result<u64, ClientError> {
        let (organization, by, change) = (organization(permit)?, named(by)?, change.checked()?);
        let ends_tokens = change.narrows();
        let now_ms = self.core().clock.now_ms();
        self.alter(organization, id, async |connection, client| {
            if change.keys.is_some() && client.kind != Kind::ConfidentialAsymmetric {
                return Err(ClientError::Refused(
                    "it has no keys: add another client with keys, and disable this one".to_owned(),
                ));
            }
            let is_public = client.kind == Kind::Public;
            let redirects = check::redirects(change.redirects.as_ref().unwrap_or(&client.redirects), is_public)?;
            let exchanges = change.exchanges.as_ref().unwrap_or(&client.exchanges);
            are_exchanged(connection, organization, change.exchanges.as_deref().unwrap_or_default()).await?;
            if is_public && redirects.is_empty() && exchanges.is_empty() {
                return Err(ClientError::Invalid(NOWHERE.to_owned()));
            }
            let is_outside = client.kind == Kind::Outside;
            if is_outside && !redirects.is_empty() {
                return Err(ClientError::Invalid(ELSEWHERE.to_owned()));
            }
            if is_outside && !exchanges.is_empty() {
                return Err(ClientError::Invalid(NOTHING_HERE.to_owned()));
            }
            if let Some(provider) = change.provider.as_deref() {
                moves(connection, organization, &client, provider).await?;
            }
            let provider = change.provider.as_ref().or(client.provider.as_ref());
            if let Some(scopes) = change.scopes.as_deref().filter(|_| is_outside) {
                check::of_one_kind(scopes)?;
            }
            let people = is_outside || !redirects.is_empty() || !exchanges.is_empty();
            let of = For { people, public: is_public };
            let scopes = check::scopes(change.scopes.as_deref().unwrap_or(&client.scopes), of)?;
            let redirects = redirects.join(" ");
            let exchanges = exchanges.join(" ");
            let keys = change.keys.clone().or(client.keys);
            let [jwks, jwks_url] = Keys::columns(keys.as_ref());
            let purposes = change.purposes.clone().unwrap_or(client.purposes);
            let default = change.default_purpose.unwrap_or(client.default_purpose);
            let (purposes, default) = match change.default_purpose {
                // Somebody says that it has to say.
                Some(None) => (check::purposes(&purposes, None)?.0, None),
                _ => check::purposes(&purposes, default)?,
            };
            if client.kind != Kind::ConfidentialAsymmetric && default.is_none() {
                return Err(ClientError::Refused(UNSAID.to_owned()));
            }
            let name = change.name.as_deref().unwrap_or(&client.name);
            let purposes = codes(&purposes);
            let actors = change.actors.as_ref().unwrap_or(&client.actors).join(" ");
            let networks = words(change.networks.as_ref().unwrap_or(&client.networks));
            let sql = "update oauth_clients set name = $3, jwks = $4, jwks_url = $5, scopes = $6, purposes = $7, default_purpose = $8, \
                       actors = $9, officer = $10, changed = $11, changed_by = $12, redirect_uris = $13, networks = $14, exchanges = $15, provider = $16, revision = revision + 1 \
                       where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(id),
                Arg::Text(name),
                Arg::text(jwks),
                Arg::text(jwks_url),
                Arg::Text(&scopes),
                Arg::Text(&purposes),
                Arg::text(default.map(Purpose::code)),
                Arg::Text(&actors),
                Arg::Int(change.officer.unwrap_or(client.officer).into()),
                Arg::Int(now_ms),
                Arg::Text(by),
                Arg::Text(&redirects),
                Arg::Text(&networks),
                Arg::Text(&exchanges),
                Arg::text(provider.map(String::as_str)),
            ];
            connection.execute(sql, &args).await.map_err(|error| taken(error, id, name))?;
            if change.exchanges.is_some() {
                end_exchanges(connection, organization, id, (now_ms, by)).await?;
            }
            if ends_tokens { Ok(end_tokens(connection, organization, id, now_ms).await?) } else { Ok(0) }
        })
        .await
    }

    /// Makes a new secret; the one before counts for so many seconds, at most 30 days.
    ///
    /// # Errors
    /// There is none of that id, it is disabled, or it has keys; or the store does not answer.
    pub async fn rotate_secret(
        &self,
        permit: &Permit,
        id: &str,
        keep_seconds: u32,
        by: &str,
    ) -> Result<SecretString, ClientError> {
        let (organization, by) = (organization(permit)?, named(by)?);
        if keep_seconds > LONGEST_SECONDS {
            return Err(ClientError::Invalid("the secret before counts for 30 days at most (--keep)".to_owned()));
        }
        let now_ms = self.core().clock.now_ms();
        let until = (keep_seconds > 0).then(|| now_ms + i64::from(keep_seconds) * 1000);
        self.alter(organization, id, async |connection, client| {
            if client.kind != Kind::ConfidentialSymmetric {
                return Err(ClientError::Refused(
                    "it has no secret: it shows who it is by keys (`client change --jwks` puts others in their place), or is public".to_owned(),
                ));
            }
            let (secret, hash) = secret::make(secret::SECRET)?;
            let sql = "update oauth_clients set secret_before = case when cast($4 as bigint) is null then null else secret_hash end, \
                       secret_until = cast($4 as bigint), secret_hash = $3, changed = $5, changed_by = $6, revision = revision + 1 \
                       where organization_id = $1 and id = $2";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(id),
                Arg::Text(&hash),
                Arg::int(until),
                Arg::Int(now_ms),
                Arg::Text(by),
            ];
            connection.execute(sql, &args).await?;
            Ok(secret)
        })
        .await
    }

    /// Disables a client for good, and ends its tokens; how many.
    ///
    /// # Errors
    /// There is none of that id, or it is disabled already; or the store does not answer.
    pub async fn disable_client(&self, permit: &Permit, id: &str, by: &str) -> Result<u64, ClientError> {
        let (organization, by) = (organization(permit)?, named(by)?);
        let now_ms = self.core().clock.now_ms();
        self.alter(organization, id, async |connection, _| {
            let sql = "update oauth_clients set disabled = $3, changed = $3, changed_by = $4, revision = revision + 1, \
                       secret_hash = null, secret_before = null, secret_until = null where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            end_approvals(connection, organization, id, (now_ms, by)).await?;
            Ok(end_tokens(connection, organization, id, now_ms).await?)
        })
        .await
    }

    /// Ends all tokens of a client, and what people approved for it; it may ask for others. How many tokens.
    ///
    /// # Errors
    /// There is none of that id, or it is disabled; or the store does not answer.
    pub async fn revoke_tokens(&self, permit: &Permit, id: &str, by: &str) -> Result<u64, ClientError> {
        let (organization, by) = (organization(permit)?, named(by)?);
        let now_ms = self.core().clock.now_ms();
        self.alter(organization, id, async |connection, _| {
            // Who was known to be it before, and has no token yet, has to come again.
            let sql = "update oauth_clients set changed = $3, changed_by = $4, revision = revision + 1 \
                       where organization_id = $1 and id = $2";
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            end_approvals(connection, organization, id, (now_ms, by)).await?;
            Ok(end_tokens(connection, organization, id, now_ms).await?)
        })
        .await
    }

    /// Work on a client that is not disabled, which nobody else changes meanwhile.
    async fn alter<T>(
        &self,
        organization: OrganizationId,
        id: &str,
        work: impl AsyncFnOnce(&mut Connection, Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let done = match held(&mut connection, organization, id).await {
            Ok(client) => work(&mut connection, client).await,
            Err(error) => Err(error),
        };
        end(&mut connection, done).await
    }
}

/// A secret that was made, and its hash; none where a client shows who it is by something else, or not at all.
pub(super) type Made = Option<(SecretString, String)>;

/// Puts a client in that was [checked](New::checked); `registration`: the hash of the token by which one that registers itself looks after
/// that.
pub(super) async fn insert(
    connection: &mut Connection,
    organization: OrganizationId,
    new: &New,
    (now_ms, by): (i64, &str),
    registration: Option<&str>,
) -> Result<Made, ClientError> {
    let (kind, made) = match new.keys {
        Some(_) => (Kind::ConfidentialAsymmetric, None),
        None if new.provider.is_some() => (Kind::Outside, None),
        None if new.public => (Kind::Public, None),
        None => (Kind::ConfidentialSymmetric, Some(secret::make(secret::SECRET)?)),
    };
    let (purposes, actors) = (codes(&new.purposes), new.actors.join(" "));
    let [jwks, jwks_url] = Keys::columns(new.keys.as_ref());
    let sql = "insert into oauth_clients (organization_id, id, name, kind, secret_hash, jwks, jwks_url, scopes, purposes, \
               default_purpose, actors, officer, created, created_by, redirect_uris, provider, networks, exchanges, administrator, registered, \
               registration_hash, revision) \
               select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, cast($12 as smallint), cast($13 as bigint), $14, $15, $16, $17, $18, \
               cast($19 as smallint), cast($20 as smallint), $21, 1 \
               where cast($16 as text) is null or exists (select 1 from outside_providers p where p.organization_id = $1 \
               and p.id = cast($16 as text) and p.removed is null and p.audience is not null)";
    let (redirects, networks, exchanges) = (new.redirects.join(" "), words(&new.networks), new.exchanges.join(" "));
    let args = [
        Arg::Int(organization.0),
        Arg::Text(&new.id),
        Arg::Text(&new.name),
        Arg::Text(kind.as_str()),
        Arg::text(made.as_ref().map(|(_, hash)| &**hash)),
        Arg::text(jwks),
        Arg::text(jwks_url),
        Arg::Text(&new.scopes),
        Arg::Text(&purposes),
        Arg::text(new.default_purpose.map(Purpose::code)),
        Arg::Text(&actors),
        Arg::Int(new.officer.into()),
        Arg::Int(now_ms),
        Arg::Text(by),
        Arg::Text(&redirects),
        Arg::text(new.provider.as_deref()),
        Arg::Text(&networks),
        Arg::Text(&exchanges),
        Arg::Int(new.administrator.into()),
        Arg::Int(registration.is_some().into()),
        Arg::text(registration),
    ];
    if connection.execute(sql, &args).await.map_err(|error| taken(error, &new.id, &new.name))? == 0 {
        return Err(ClientError::Refused(NO_PROVIDER.to_owned()));
    }
    are_exchanged(connection, organization, &new.exchanges).await?;
    Ok(made)
}

/// A client that is not disabled, for this transaction alone.
async fn held(connection: &mut Connection, organization: OrganizationId, id: &str) -> Result<Client, ClientError> {
    let locked = dialect::for_update(connection.engine());
    let sql = format!("select {} from oauth_clients c where c.organization_id = $1 and c.id = $2{locked}", columns());
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
    match row.and_then(|row| Client::of(&row, 0)) {
        None => Err(unknown()),
        Some(client) if client.disabled_ms.is_some() => {
            Err(ClientError::Refused("it is disabled, for good: `client add` makes another one".to_owned()))
        }
        Some(client) => Ok(client),
    }
}

/// That the ID tokens of these providers are exchanged here.
async fn are_exchanged(
    connection: &mut Connection,
    organization: OrganizationId,
    providers: &[String],
) -> Result<(), ClientError> {
    let sql = "select exchange_audiences from outside_providers \
               where organization_id = $1 and id = $2 and removed is null and exchange_audiences <> ''";
    for word in providers {
        let (id, audience) = check::exchange(word);
        let row = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
        let Some(row) = row else { return Err(ClientError::Refused(NO_EXCHANGE.to_owned())) };
        let all: Vec<&str> = row.text(0).unwrap_or_default().split_whitespace().collect();
        let is_said = audience.map_or(all.len() == 1, |audience| all.contains(&audience));
        if !is_said {
            return Err(ClientError::Refused(WHOSE.to_owned()));
        }
    }
    Ok(())
}

/// That a client that one provider knows can be another's: no token of the one before is good for anything from then on.
async fn moves(
    connection: &mut Connection,
    organization: OrganizationId,
    client: &Client,
    provider: &str,
) -> Result<(), ClientError> {
    if client.kind != Kind::Outside {
        let says = "no provider knows it: it gets its tokens here. Add another client under the id that the provider has for it";
        return Err(ClientError::Refused(says.to_owned()));
    }
    let sql = "select 1 from outside_providers where organization_id = $1 and id = $2 and removed is null and audience is not null";
    match connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(provider)]).await? {
        Some(_) => Ok(()),
        None => Err(ClientError::Refused(NO_PROVIDER.to_owned())),
    }
}

/// There is no such client here.
fn unknown() -> ClientError {
    ClientError::Refused("there is no client of that id; `client list` shows those that are".to_owned())
}

async fn end_tokens(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
    now_ms: i64,
) -> Result<u64, DbError> {
    let sql = "update oauth_tokens set revoked = $3 \
               where organization_id = $1 and client = $2 and revoked is null and expires > $3";
    connection.execute(sql, &[Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms)]).await
}

async fn end_approvals(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
    (now_ms, by): (i64, &str),
) -> Result<(), DbError> {
    let sql = "update oauth_approvals set ended = $3, ended_by = $4 where organization_id = $1 and client = $2 and ended is null";
    let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
    connection.execute(sql, &args).await.map(drop)
}

/// Says what is taken where a row does not fit beside another one.
fn taken(error: DbError, id: &str, name: &str) -> ClientError {
    if error.kind != DbErrorKind::Unique {
        return error.into();
    }
    let by_id = error.constraint.as_deref() == Some("oauth_clients_pkey") || error.column.as_deref() == Some("id");
    ClientError::Refused(if by_id {
        format!("the client id {id} is taken: give another --id, or none")
    } else {
        format!("there is a client named {name} already: give another --name, or disable that one")
    })
}

pub(in crate::store) async fn end<T>(
    connection: &mut Connection,
    done: Result<T, ClientError>,
) -> Result<T, ClientError> {
    match done {
        Ok(value) => connection.commit().await.map(|()| value).map_err(ClientError::from),
        Err(error) => {
            connection.rollback_if_open().await;
            Err(error)
        }
    }
}

/// Networks, with spaces between.
fn words(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn codes(purposes: &[Purpose]) -> String {
    purposes.iter().map(|purpose| purpose.code()).collect::<Vec<_>>().join(" ")
}

pub(in crate::store) fn named(by: &str) -> Result<&str, ClientError> {
    person(by).map_err(|error| ClientError::Invalid(error.to_string()))
}

/// Whether the caller may: who administers clients and accounts may change everything.
pub(in crate::store) fn organization(permit: &Permit) -> Result<OrganizationId, ClientError> {
    if permit.allows_change() && permit.predicate().is_unrestricted() {
        return Ok(permit.organization());
    }
    Err(ClientError::Refused("this permit does not cover clients and accounts".to_owned()))
}
