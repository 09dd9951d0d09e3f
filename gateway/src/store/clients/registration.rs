//! Programs that register themselves (RFC 7591), the tokens that let them, and what becomes of those that nobody uses.
//!
//! Of those that nobody has used there are no more than an administrator says, and they go again: whoever registers a thousand
//! leaves nothing behind but its place in the trail.

use std::time::Duration;

use consent::{OrganizationId, Permit};
use mappers::quality::normalized;
use secrecy::SecretString;

use super::administer::{Made, insert, named, organization};
use super::check::name;
use super::{Client, ClientError, New, secret};
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::connection::{Arg, Connection, Engine};
use crate::store::dialect;
use crate::store::error::StoreError;

/// What the token of a registration begins with, and what the token that lets somebody register.
const MANAGEMENT: &str = "fgm_";
const INITIAL: &str = "fgi_";
/// The longest that such a token counts, and how often at most.
const LONGEST_DAYS: u32 = 365;
const MOST_USES: u32 = 10_000;
/// The most that are listed.
const LISTED: i64 = 1_000;
/// The lock of registrations among PostgreSQL's advisory locks ("regist" as ASCII), to which the organization is added.
const LOCK: i64 = 0x7265_6769_7374;

/// A token that lets programs register themselves.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whose clients they become.
    pub organization: OrganizationId,
    /// Its id, which is no secret.
    pub id: String,
    /// For whom it was made.
    pub name: String,
    /// How often it may still be used.
    pub uses: i64,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// Until when it counts.
    pub expires_ms: i64,
    /// Since when it does not count any more.
    pub ended_ms: Option<i64>,
}

impl Registration {
    /// Whether it lets somebody register.
    #[must_use]
    pub fn counts(&self, now_ms: i64) -> bool {
        self.ended_ms.is_none() && self.uses > 0 && now_ms < self.expires_ms
    }
}

const COLUMNS: &str = "r.organization_id, r.id, r.name, r.uses, r.created, r.created_by, r.expires, r.ended";

/// A client that has registered itself.
#[derive(Debug)]
pub struct Registered {
    /// Its secret, where it has one.
    pub secret: Option<SecretString>,
    /// By which it looks after its registration.
    pub management: SecretString,
}

/// Those that somebody uses are so many times as many as may be unused, at most.
const ALL: i64 = 100;
/// For so long one that nobody has used yet makes no room for another: an hour.
const FRESH_MS: i64 = 3_600_000;

/// Why there is no such client.
#[derive(Debug)]
pub enum NotRegistered {
    /// Something is not well formed.
    Client(ClientError),
    /// As many as may be are unused, and none of them is old enough to make room.
    Full,
    /// The token does not count (any more).
    NoToken,
}

impl From<StoreError> for NotRegistered {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

impl From<crate::store::connection::DbError> for NotRegistered {
    fn from(error: crate::store::connection::DbError) -> Self {
        Self::Client(error.into())
    }
}

impl Store {
    /// Lets a program register itself in an organization, where fewer than `most` are unused, or the oldest of those makes room;
    /// `with`: by that token, of which it takes one use.
    ///
    /// # Errors
    /// [`NotRegistered`] says why not.
    pub async fn register_client(
        &self,
        organization: OrganizationId,
        new: New,
        with: Option<&Registration>,
        most: u32,
    ) -> Result<Registered, NotRegistered> {
        let new = new.checked().map_err(NotRegistered::Client)?;
        let by = with.map_or_else(|| "itself".to_owned(), |with| format!("itself, by {}", with.id));
        let (management, hash) = secret::make(MANAGEMENT)?;
        let core = self.core();
        let created_ms = core.clock.now_ms();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let work = async |connection: &mut Connection| -> Result<Made, NotRegistered> {
            if let Some(sql) = dialect::advisory_lock(connection.engine(), LOCK + organization.0) {
                connection.script(&sql).await?;
            }
            if let Some(with) = with {
                let sql = "update oauth_registrations set uses = uses - 1 where organization_id = $1 and id = $2 \
                           and ended is null and uses > 0 and expires > $3";
                let args = [Arg::Int(organization.0), Arg::Text(&with.id), Arg::Int(created_ms)];
                if connection.execute(sql, &args).await? == 0 {
                    return Err(NotRegistered::NoToken);
                }
            }
            // Nobody takes the name of what an administrator added, in whatever letters: people would not know which one they let in.
            let sql = "select name from oauth_clients where organization_id = $1 and registered = 0";
            let names = connection.fetch(sql, &[Arg::Int(organization.0)]).await?;
            let wanted = normalized(&new.name);
            if names.iter().filter_map(|row| row.text(0)).any(|name| normalized(name) == wanted) {
                let says = "another app here is called so: register by another client_name".to_owned();
                return Err(NotRegistered::Client(ClientError::Invalid(says)));
            }
            // What somebody approves something for takes no place among those; but no person makes any number of them.
            let sql =
                "select count(*) from oauth_clients where organization_id = $1 and registered = 1 and disabled is null";
            let row = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
            if row.and_then(|row| row.int(0)).unwrap_or(i64::MAX) >= i64::from(most) * ALL {
                return Err(NotRegistered::Full);
            }
            let sql = "select count(*) from oauth_clients where organization_id = $1 and registered = 1 and used is null \
                       and disabled is null";
            let row = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
            if row.and_then(|row| row.int(0)).unwrap_or(i64::MAX) >= i64::from(most) {
                // The oldest makes room: a stranger does not keep all others out for longer than it takes to use a new one.
                let sql = "delete from oauth_clients where organization_id = $1 and id in (select id from oauth_clients \
                           where organization_id = $1 and registered = 1 and used is null and disabled is null and created < $2 \
                           order by created, id limit 1) and used is null";
                let args = [Arg::Int(organization.0), Arg::Int(created_ms - FRESH_MS)];
                if connection.execute(sql, &args).await? == 0 {
                    return Err(NotRegistered::Full);
                }
            }
            insert(connection, organization, &new, (created_ms, &by), Some(&hash)).await.map_err(NotRegistered::Client)
        };
        match work(&mut connection).await {
            Ok(made) => {
                connection.commit().await?;
                Ok(Registered { secret: made.map(|(secret, _)| secret), management })
            }
            Err(error) => {
                connection.rollback_if_open().await;
                Err(error)
            }
        }
    }

    /// The client whose registration a token looks after: of that id, and not disabled.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn registered_client(&self, id: &str, token: &str) -> Result<Option<Client>, StoreError> {
        let client = self.client(id).await?;
        let is_its =
            |client: &Client| client.is_registered && client.disabled_ms.is_none() && client.is_managed_by(token);
        Ok(client.filter(is_its))
    }

    /// The token that lets somebody register, where it counts.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn registration(&self, token: &str) -> Result<Option<Registration>, StoreError> {
        if token.len() > secret::LONGEST || !token.starts_with(INITIAL) {
            return Ok(None);
        }
        let core = self.core();
        let mut connection = core.pools.reader().await?;
        let from = match connection.engine() {
            Engine::Postgres => "fhir_gateway.oauth_registration($1) r",
            Engine::Sqlite => "oauth_registrations r where r.hash = $1",
        };
        let sql = format!("select {COLUMNS} from {from}");
        let row = connection.fetch_optional(&sql, &[Arg::Text(&secret::hash_of(token))]).await?;
        let now_ms = core.clock.now_ms();
        Ok(row.and_then(|row| of(&row)).filter(|found| found.counts(now_ms)))
    }

    /// Makes a token that lets programs register themselves so often, for so many days; its id, and itself.
    ///
    /// # Errors
    /// Something is not well formed; or the store does not answer.
    pub async fn new_registration(
        &self,
        permit: &Permit,
        whose: &str,
        (uses, days): (u32, u32),
        by: &str,
    ) -> Result<(String, SecretString), ClientError> {
        let (organization, by, whose) = (organization(permit)?, named(by)?, name(whose)?);
        if !(1..=MOST_USES).contains(&uses) || !(1..=LONGEST_DAYS).contains(&days) {
            let says = format!("it counts 1 to {MOST_USES} times (--uses), for 1 to {LONGEST_DAYS} days (--days)");
            return Err(ClientError::Invalid(says));
        }
        let (id, (secret, hash)) = (super::new_id()?, secret::make(INITIAL)?);
        let now_ms = self.core().clock.now_ms();
        let sql = "insert into oauth_registrations (organization_id, hash, id, name, uses, created, created_by, expires) \
                   values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let args = [
            Arg::Int(organization.0),
            Arg::Text(&hash),
            Arg::Text(&id),
            Arg::Text(&whose),
            Arg::Int(uses.into()),
            Arg::Int(now_ms),
            Arg::Text(by),
            Arg::Int(now_ms + i64::from(days) * 86_400_000),
        ];
        self.write(organization, sql, &args).await?;
        Ok((id, secret))
    }

    /// The tokens that let programs register themselves, the latest first; also those that do not count any more, until they expire.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn registrations(&self, permit: &Permit) -> Result<Vec<Registration>, StoreError> {
        let organization = permit.organization();
        let sql = format!(
            "select {COLUMNS} from oauth_registrations r where r.organization_id = $1 order by r.created desc, r.id limit {LISTED}"
        );
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(of).collect())
    }

    /// Ends such a token. What registered by it stays.
    ///
    /// # Errors
    /// There is none of that id, or it has ended; or the store does not answer.
    pub async fn end_registration(&self, permit: &Permit, id: &str, by: &str) -> Result<(), ClientError> {
        let (organization, by) = (organization(permit)?, named(by)?);
        let sql = "update oauth_registrations set ended = $3, ended_by = $4 \
                   where organization_id = $1 and id = $2 and ended is null and expires > $3";
        let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Int(self.core().clock.now_ms()), Arg::Text(by)];
        if self.write(organization, sql, &args).await? > 0 {
            return Ok(());
        }
        let says = "there is no such token that counts; `client registration list` shows those that are";
        Err(ClientError::Refused(says.to_owned()))
    }

    /// Ends a client that registered itself, by its own token. One that was never used goes without a trace of it here.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn deregister(&self, permit: &Permit, client: &Client) -> Result<(), ClientError> {
        let unused =
            "delete from oauth_clients where organization_id = $1 and id = $2 and registered = 1 and used is null";
        if self.write(client.organization, unused, &[Arg::Int(client.organization.0), Arg::Text(&client.id)]).await? > 0
        {
            return Ok(());
        }
        match self.disable_client(permit, &client.id, &client.id).await {
            // It had ended.
            Ok(_) | Err(ClientError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes clients that registered themselves longer ago than `unused`, and for whom nobody has ever approved anything; how many.
    ///
    /// # Errors
    /// The store does not answer; what was removed stays so.
    pub async fn sweep_registrations(&self, unused: Duration) -> Result<u64, StoreError> {
        let core = self.core();
        let before_ms = core.clock.now_ms() - i64::try_from(unused.as_millis()).unwrap_or(i64::MAX);
        let mut removed = 0;
        for organization in organizations(core).await? {
            let args = [Arg::Int(organization.0), Arg::Int(before_ms)];
            let which =
                "from oauth_clients where organization_id = $1 and registered = 1 and used is null and created <= $2";
            if self.is_there(organization, which, &args).await? {
                removed += self.write(organization, &format!("delete {which}"), &args).await?;
            }
        }
        Ok(removed)
    }
}

fn of(row: &crate::store::connection::Row) -> Option<Registration> {
    Some(Registration {
        organization: OrganizationId(row.int(0)?),
        id: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        uses: row.int(3)?,
        created_ms: row.int(4)?,
        created_by: row.text(5)?.to_owned(),
        expires_ms: row.int(6)?,
        ended_ms: row.int(7),
    })
}
