//! OpenID providers outside of here whom an administrator trusts to say who somebody is.

use consent::{OrganizationId, Permit};

use crate::store::Store;
use crate::store::accounts::{Role, end_of_provider};
use crate::store::clients::ClientError;
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind, Engine, Row};
use crate::store::erasure::name as person;
use crate::store::error::StoreError;

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Whose people it knows.
    pub organization: OrganizationId,
    /// What commands and addresses call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its issuer, to the letter.
    pub issuer: String,
    /// What it calls us where people log in; empty where nobody does.
    pub client_id: String,
    /// The secret that we have there, sealed; empty where nobody logs in.
    pub sealed: String,
    /// The claim that says who somebody is in FHIR.
    pub claim_actor: Option<String>,
    /// The claim that says what staff is here.
    pub claim_roles: Option<String>,
    /// Which of its values is which role.
    pub roles: Vec<(String, Role)>,
    /// What its access tokens call this gateway; without it none of them counts here.
    pub audience: Option<String>,
    /// Where its keys are, where no discovery document says so.
    pub jwks_url: Option<String>,
    /// Whom its ID tokens are for that clients exchange here; none: none is exchanged.
    pub exchange_audiences: Vec<String>,
    /// Where it says what an opaque access token of its is.
    pub introspection: Option<Introspection>,
    /// Whether it asks for a second factor itself.
    pub second_factor: bool,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who added it.
    pub created_by: String,
    /// Since when it is trusted no more.
    pub removed_ms: Option<i64>,
}

/// Where a provider says what a token is (RFC 7662), and who asks there.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// The address.
    pub url: String,
    /// Who we are to it.
    pub client_id: String,
    /// The secret that we have for that, sealed.
    pub sealed: String,
}

/// What is to change of a provider; `None` stays. Its issuer, and what it calls us, are what it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// The secret that we have there, sealed.
    pub sealed: Option<String>,
    /// What its access tokens call this gateway.
    pub audience: Option<String>,
    /// Whom its ID tokens are for that clients exchange here, all of them.
    pub exchange_audiences: Option<Vec<String>>,
    /// The secret that we have where it says what a token is, sealed.
    pub introspection_sealed: Option<String>,
    /// Which values of its claim of roles are which role, all of them.
    pub roles: Option<Vec<(String, Role)>>,
    /// Whether it asks for a second factor itself.
    pub second_factor: Option<bool>,
}

pub(in crate::store) const COLUMNS: &str = "organization_id, id, name, issuer, client_id, sealed, claim_actor, created, created_by, removed, claim_roles, \
                       roles, second_factor, audience, jwks_url, exchange_audiences, introspection, introspection_client, introspection_sealed";

/// The most that a login page offers.
const OFFERED: usize = 20;

impl Provider {
    /// Whether another reading of it says the same of who may be vouched for, and as what.
    pub(in crate::store) fn vouches_as(&self, other: &Self) -> bool {
        let of = |provider: &Self| (provider.second_factor, provider.claim_actor.clone(), provider.claim_roles.clone());
        of(self) == of(other) && self.roles == other.roles && self.exchange_audiences == other.exchange_audiences
    }

    pub(in crate::store) fn of(row: &Row) -> Option<Self> {
        let text = |column: usize| row.text(column).map(ToOwned::to_owned);
        Some(Self {
            organization: OrganizationId(row.int(0)?),
            id: text(1)?,
            name: text(2)?,
            issuer: text(3)?,
            client_id: text(4)?,
            sealed: text(5)?,
            claim_actor: text(6),
            created_ms: row.int(7)?,
            created_by: text(8)?,
            removed_ms: row.int(9),
            claim_roles: text(10),
            roles: roles(row.text(11)?)?,
            second_factor: row.int(12)? != 0,
            audience: text(13),
            jwks_url: text(14),
            exchange_audiences: row.text(15)?.split_whitespace().map(ToOwned::to_owned).collect(),
            introspection: match (text(16), text(17), text(18)) {
                (Some(url), Some(client_id), Some(sealed)) => Some(Introspection { url, client_id, sealed }),
                _ => None,
            },
        })
    }
}

impl Store {
    /// The provider of that issuer whose access tokens count here.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn provider_of_issuer(&self, issuer: &str) -> Result<Option<Provider>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let from = trusted(connection.engine(), "null", "$1");
        let sql = format!("select {COLUMNS} from {from} and audience is not null order by created, id limit 1");
        let row = connection.fetch_optional(&sql, &[Arg::Text(issuer)]).await?;
        Ok(row.and_then(|row| Provider::of(&row)))
    }

    /// The provider of that id, if it is trusted.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn provider(&self, id: &str) -> Result<Option<Provider>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let sql = format!("select {COLUMNS} from {}", trusted(connection.engine(), "$1", "null"));
        let row = connection.fetch_optional(&sql, &[Arg::Text(id)]).await?;
        Ok(row.and_then(|row| Provider::of(&row)))
    }

    /// The providers by which people log in, of every organization: what a login page offers.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn trusted_providers(&self) -> Result<Vec<Provider>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let from = trusted(connection.engine(), "null", "null");
        let sql = format!("select {COLUMNS} from {from} and sealed <> '' order by created, id limit {OFFERED}");
        let rows = connection.fetch(&sql, &[]).await?;
        Ok(rows.iter().filter_map(Provider::of).collect())
    }

    /// The provider that says what opaque access tokens are; of several, which there are not, the first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn provider_of_opaque_tokens(&self) -> Result<Option<Provider>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let from = trusted(connection.engine(), "null", "null");
        let sql = format!("select {COLUMNS} from {from} and introspection is not null order by created, id limit 1");
        let row = connection.fetch_optional(&sql, &[]).await?;
        Ok(row.and_then(|row| Provider::of(&row)))
    }

    /// Whether there is a provider whose ID tokens are exchanged here.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn has_exchanges(&self) -> Result<bool, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let from = trusted(connection.engine(), "null", "null");
        let sql = format!("select 1 from {from} and exchange_audiences <> '' limit 1");
        Ok(connection.fetch_optional(&sql, &[]).await?.is_some())
    }

    /// The providers of an organization, those that were removed last.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn providers(&self, organization: OrganizationId) -> Result<Vec<Provider>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let sql = format!(
            "select {COLUMNS} from outside_providers where organization_id = $1 \
             order by case when removed is null then 0 else 1 end, id"
        );
        connection.begin_read(Some(organization.0)).await?;
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(Provider::of).collect())
    }

    /// Trusts a provider for the permit's organization, which it is of whatever it says.
    ///
    /// # Errors
    /// The permit does not cover it, or the id is taken; or the store does not answer.
    pub async fn add_provider(&self, permit: &Permit, provider: &Provider, by: &str) -> Result<(), ClientError> {
        let (organization, by) = allowed(permit, by)?;
        let sql = "insert into outside_providers (organization_id, id, name, issuer, client_id, sealed, claim_actor, created, created_by, \
                   claim_roles, roles, second_factor, audience, jwks_url, exchange_audiences, introspection, introspection_client, \
                   introspection_sealed) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        let exchange_audiences = provider.exchange_audiences.join(" ");
        let asked = provider.introspection.as_ref();
        let roles = kept(&provider.roles);
        let args = [
            Arg::Int(organization.0),
            Arg::Text(&provider.id),
            Arg::Text(&provider.name),
            Arg::Text(&provider.issuer),
            Arg::Text(&provider.client_id),
            Arg::Text(&provider.sealed),
            Arg::text(provider.claim_actor.as_deref()),
            Arg::Int(self.core().clock.now_ms()),
            Arg::Text(by),
            Arg::text(provider.claim_roles.as_deref()),
            Arg::Text(&roles),
            Arg::Int(provider.second_factor.into()),
            Arg::text(provider.audience.as_deref()),
            Arg::text(provider.jwks_url.as_deref()),
            Arg::Text(&exchange_audiences),
            Arg::text(asked.map(|asked| &*asked.url)),
            Arg::text(asked.map(|asked| &*asked.client_id)),
            Arg::text(asked.map(|asked| &*asked.sealed)),
        ];
        // An opaque token says not whose it is: whoever is asked about it could use it elsewhere, so one alone is.
        if asked.is_some() && self.provider_of_opaque_tokens().await?.is_some() {
            let says = "another provider says what opaque access tokens are: who sends one says not whose it is, and no provider is shown another's \
                        tokens. `provider remove` that one first, or leave --introspection out";
            return Err(ClientError::Refused(says.to_owned()));
        }
        self.provider_write(organization, sql, &args, async |_, _| Ok(())).await.map(drop)
    }

    /// Changes a provider. With its roles, who asks for a second factor, or whom its ID tokens are for, whoever it vouched for is logged out, and what they approved ends.
    ///
    /// # Errors
    /// There is none of that id, or it has no secret or claim of roles to change; the permit does not cover it; or the store does not answer.
    pub async fn change_provider(
        &self,
        permit: &Permit,
        id: &str,
        change: &Change,
        by: &str,
    ) -> Result<(), ClientError> {
        let (organization, by) = allowed(permit, by)?;
        let roles = change.roles.as_deref().map(kept);
        // What it does not have it does not get: that would be another provider.
        let sql = "update outside_providers set name = coalesce(cast($3 as text), name), sealed = coalesce(cast($4 as text), sealed), \
                   audience = coalesce(cast($5 as text), audience), roles = coalesce(cast($6 as text), roles), \
                   second_factor = coalesce(cast($7 as smallint), second_factor), \
                   exchange_audiences = coalesce(cast($8 as text), exchange_audiences), \
                   introspection_sealed = coalesce(cast($9 as text), introspection_sealed) \
                   where organization_id = $1 and id = $2 and removed is null and (cast($4 as text) is null or sealed <> '') \
                   and (cast($6 as text) is null or claim_roles is not null) and (cast($8 as text) is null or exchange_audiences <> '') \
                   and (cast($9 as text) is null or introspection is not null)";
        let exchange_audiences = change.exchange_audiences.as_ref().map(|names| names.join(" "));
        let args = [
            Arg::Int(organization.0),
            Arg::Text(id),
            Arg::text(change.name.as_deref()),
            Arg::text(change.sealed.as_deref()),
            Arg::text(change.audience.as_deref()),
            Arg::text(roles.as_deref()),
            Arg::int(change.second_factor.map(i64::from)),
            Arg::text(exchange_audiences.as_deref()),
            Arg::text(change.introspection_sealed.as_deref()),
        ];
        let now_ms = self.core().clock.now_ms();
        let ends = change.roles.is_some() || change.second_factor.is_some() || change.exchange_audiences.is_some();
        let ended = async |connection: &mut Connection, rows| {
            if ends && rows > 0 { end_of_provider(connection, organization, id, (now_ms, by)).await } else { Ok(()) }
        };
        if self.provider_write(organization, sql, &args, ended).await? == 0 {
            let says = "there is no provider of that id that has such a thing to change (a secret, a claim of roles, audiences of an exchange); `provider list` shows those \
                        that are";
            return Err(ClientError::Refused(says.to_owned()));
        }
        Ok(())
    }

    /// Trusts a provider no more, for good: whoever it vouched for is logged out, and what they approved ends.
    ///
    /// # Errors
    /// There is none of that id; the permit does not cover it; or the store does not answer.
    pub async fn remove_provider(&self, permit: &Permit, id: &str, by: &str) -> Result<(), ClientError> {
        let (organization, by) = allowed(permit, by)?;
        // The secret goes; who was trusted stays on record.
        let sql = "update outside_providers set removed = $3, removed_by = $4, sealed = '', \
                   introspection_sealed = case when introspection_sealed is null then null else '' end \
                   where organization_id = $1 and id = $2 and removed is null";
        let now_ms = self.core().clock.now_ms();
        let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(now_ms), Arg::Text(by)];
        let ended = async |connection: &mut Connection, rows| match rows {
            0 => Ok(()),
            _ => end_of_provider(connection, organization, id, (now_ms, by)).await,
        };
        if self.provider_write(organization, sql, &args, ended).await? == 0 {
            let says = "there is no provider of that id; `provider list` shows those that are";
            return Err(ClientError::Refused(says.to_owned()));
        }
        Ok(())
    }

    /// A change of a provider, and what goes with it.
    async fn provider_write(
        &self,
        organization: OrganizationId,
        sql: &str,
        args: &[Arg<'_>],
        then: impl AsyncFnOnce(&mut Connection, u64) -> Result<(), DbError>,
    ) -> Result<u64, ClientError> {
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let done = match connection.execute(sql, args).await {
            Ok(rows) => then(&mut connection, rows).await.map(|()| rows),
            Err(error) => Err(error),
        };
        if done.is_err() {
            connection.rollback_if_open().await;
        }
        let rows = done.map_err(|error| match error.kind {
            DbErrorKind::Unique => {
                ClientError::Refused("the id is taken, also by one that was removed: give another --id".to_owned())
            }
            _ => error.into(),
        })?;
        connection.commit().await?;
        Ok(rows)
    }
}

/// The providers that are trusted, of every organization: those of an id or an issuer, which are the texts of a placeholder, or null for all.
fn trusted(engine: Engine, id: &str, issuer: &str) -> String {
    match engine {
        Engine::Postgres => format!("fhir_gateway.outside_provider({id}, {issuer}) where removed is null"),
        Engine::Sqlite => {
            let of = |column: &str, value: &str| {
                if value == "null" { String::new() } else { format!(" and {column} = {value}") }
            };
            format!("outside_providers where removed is null{}{}", of("id", id), of("issuer", issuer))
        }
    }
}

/// Roles as they are kept.
fn kept(roles: &[(String, Role)]) -> String {
    let roles = roles.iter().map(|(value, role)| (value.clone(), role.as_str().into()));
    serde_json::Value::Object(roles.collect()).to_string()
}

/// Roles from how they are kept; `None` for what is none.
fn roles(text: &str) -> Option<Vec<(String, Role)>> {
    let kept: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    kept.into_iter().map(|(value, role)| Some((value, Role::parse(role.as_str()?)?))).collect()
}

/// Whose provider, and who does it: who administers providers may change everything.
fn allowed<'a>(permit: &Permit, by: &'a str) -> Result<(OrganizationId, &'a str), ClientError> {
    if !permit.allows_change() || !permit.predicate().is_unrestricted() {
        return Err(ClientError::Refused("this permit does not cover providers".to_owned()));
    }
    let by = person(by).map_err(|error| ClientError::Invalid(error.to_string()))?;
    Ok((permit.organization(), by))
}
