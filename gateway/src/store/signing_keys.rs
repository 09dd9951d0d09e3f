//! The keys that the gateway signs with, as the database has them: public parts, sealed private parts, and when each signs.
//!
//! Several processes on one database agree by it: one key has no end yet, which an index sees to. Whoever makes the first one while
//! another process does takes that one's.

use consent::Permit;

use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind, Row};
use crate::store::erasure::name as person;
use crate::store::error::StoreError;

/// What the gateway is called where it makes a key by itself.
const ITSELF: &str = "fhir-gateway";

/// A key.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Which one: the SHA-256 of its public part (RFC 7638).
    pub kid: String,
    /// What it signs by.
    pub algorithm: String,
    /// Its public part, a JSON Web Key.
    pub public: String,
    /// Its private part, sealed; none once it signs no more.
    pub sealed: Option<String>,
    /// When it was made, in milliseconds since 1970 as all times here.
    pub created_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// From when on it signs.
    pub signs_from_ms: i64,
    /// Until when it signs; none until another one takes its place.
    pub signs_until_ms: Option<i64>,
    /// Since when nobody is to trust it.
    pub retired_ms: Option<i64>,
    /// Who said so.
    pub retired_by: Option<String>,
}

/// A key that was just made.
#[derive(Debug)]
pub struct NewKey {
    /// Which one.
    pub kid: String,
    /// What it signs by.
    pub algorithm: &'static str,
    /// Its public part, a JSON Web Key.
    pub public: String,
    /// Its private part, sealed.
    pub sealed: String,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// It cannot be done as it was asked for: why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for SigningKeyError {
    fn from(error: DbError) -> Self {
        if error.kind == DbErrorKind::Unique {
            return Self::Refused("somebody else makes a key at this moment: `key list` shows it".to_owned());
        }
        Self::Store(error.into())
    }
}

const COLUMNS: &str =
    "kid, algorithm, public, sealed, created, created_by, signs_from, signs_until, retired, retired_by";

impl SigningKey {
    fn of(row: &Row) -> Option<Self> {
        let text = |column: usize| row.text(column).map(ToOwned::to_owned);
        Some(Self {
            kid: text(0)?,
            algorithm: text(1)?,
            public: text(2)?,
            sealed: text(3),
            created_ms: row.int(4)?,
            created_by: text(5)?,
            signs_from_ms: row.int(6)?,
            signs_until_ms: row.int(7),
            retired_ms: row.int(8),
            retired_by: text(9),
        })
    }

    /// Whether it is the one that signs, or may be: the newest of those counts.
    #[must_use]
    pub fn signs_at(&self, now_ms: i64) -> bool {
        self.retired_ms.is_none() && self.signs_from_ms <= now_ms && self.signs_until_ms.is_none_or(|end| now_ms < end)
    }

    /// Whether what it signed, or will sign, is to be trusted, where that counts for so long.
    #[must_use]
    pub fn is_published_at(&self, now_ms: i64, for_ms: i64) -> bool {
        self.retired_ms.is_none() && self.signs_until_ms.is_none_or(|end| now_ms < end.saturating_add(for_ms))
    }
}

impl Store {
    /// All keys, the newest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let sql = format!("select {COLUMNS} from signing_keys order by signs_from desc, created desc, kid");
        let rows = connection.fetch(&sql, &[]).await?;
        Ok(rows.iter().filter_map(SigningKey::of).collect())
    }

    /// Keeps a key that signs from now on, unless there is one: then that stays the one.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn keep_first_signing_key(&self, key: &NewKey) -> Result<(), StoreError> {
        let kept = self.signing_work(async |connection, now_ms| {
            let sql = "select 1 from signing_keys where signs_until is null and retired is null";
            if connection.fetch_optional(sql, &[]).await?.is_some() {
                return Ok(());
            }
            insert(connection, key, ITSELF, (now_ms, now_ms)).await
        });
        match kept.await {
            // Another process was faster.
            Err(SigningKeyError::Refused(_)) | Ok(()) => Ok(()),
            Err(SigningKeyError::Store(error)) => Err(error),
        }
    }

    /// Puts a key in the place of the one that signs; it signs after so many milliseconds, and that one until then.
    ///
    /// # Errors
    /// The permit does not cover it, or somebody else does the same at this moment; or the store does not answer.
    pub async fn rotate_signing_key(
        &self,
        permit: &Permit,
        key: &NewKey,
        lead_ms: i64,
        by: &str,
    ) -> Result<(), SigningKeyError> {
        let by = allowed(permit, by)?;
        self.signing_work(async |connection, now_ms| {
            let ended = "update signing_keys set signs_until = $1 where signs_until is null and retired is null";
            let was_one = connection.execute(ended, &[Arg::Int(now_ms + lead_ms)]).await? > 0;
            insert(connection, key, by, (now_ms, if was_one { now_ms + lead_ms } else { now_ms })).await?;
            forget(connection, now_ms).await
        })
        .await
    }

    /// Takes a key out of the key set at once: what it signed is not to be trusted. Where it is the one without an end, `next` takes
    /// its place; false where that was not needed.
    ///
    /// # Errors
    /// There is no such key, or it is retired; the permit does not cover it; or the store does not answer.
    pub async fn retire_signing_key(
        &self,
        permit: &Permit,
        kid: &str,
        next: &NewKey,
        by: &str,
    ) -> Result<bool, SigningKeyError> {
        let by = allowed(permit, by)?;
        self.signing_work(async |connection, now_ms| {
            let sql = "update signing_keys set retired = $2, retired_by = $3, sealed = null where kid = $1 and retired is null";
            if connection.execute(sql, &[Arg::Text(kid), Arg::Int(now_ms), Arg::Text(by)]).await? == 0 {
                return Err(SigningKeyError::Refused(
                    "there is no key of that id that is not retired; `key list` shows them".to_owned(),
                ));
            }
            let there = "select 1 from signing_keys where signs_until is null and retired is null";
            let is_needed = connection.fetch_optional(there, &[]).await?.is_none();
            if is_needed {
                insert(connection, next, by, (now_ms, now_ms)).await?;
            }
            Ok(is_needed)
        })
        .await
    }

    /// Removes the private parts of keys that sign no more.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn sweep_signing_keys(&self) -> Result<(), StoreError> {
        let now_ms = self.core().clock.now_ms();
        // Mostly there is nothing: that keeps nobody from writing.
        let is_ended = |key: &SigningKey| key.sealed.is_some() && key.signs_until_ms.is_some_and(|end| end <= now_ms);
        if !self.signing_keys().await?.iter().any(is_ended) {
            return Ok(());
        }
        match self.signing_work(async |connection, now_ms| forget(connection, now_ms).await).await {
            Err(SigningKeyError::Store(error)) => Err(error),
            Err(SigningKeyError::Refused(_)) | Ok(()) => Ok(()),
        }
    }

    async fn signing_work<T>(
        &self,
        work: impl AsyncFnOnce(&mut Connection, i64) -> Result<T, SigningKeyError>,
    ) -> Result<T, SigningKeyError> {
        let core = self.core();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(None).await?;
        match work(&mut connection, core.clock.now_ms()).await {
            Ok(value) => connection.commit().await.map(|()| value).map_err(SigningKeyError::from),
            Err(error) => {
                connection.rollback_if_open().await;
                Err(error)
            }
        }
    }
}

async fn insert(
    connection: &mut Connection,
    key: &NewKey,
    by: &str,
    (now_ms, from_ms): (i64, i64),
) -> Result<(), SigningKeyError> {
    let sql = "insert into signing_keys (kid, algorithm, public, sealed, created, created_by, signs_from) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let args = [
        Arg::Text(&key.kid),
        Arg::Text(key.algorithm),
        Arg::Text(&key.public),
        Arg::Text(&key.sealed),
        Arg::Int(now_ms),
        Arg::Text(by),
        Arg::Int(from_ms),
    ];
    connection.execute(sql, &args).await?;
    Ok(())
}

async fn forget(connection: &mut Connection, now_ms: i64) -> Result<(), SigningKeyError> {
    let sql = "update signing_keys set sealed = null where sealed is not null and signs_until <= $1";
    connection.execute(sql, &[Arg::Int(now_ms)]).await?;
    Ok(())
}

/// Who does it, where the permit covers it: who administers keys may change everything.
fn allowed<'a>(permit: &Permit, by: &'a str) -> Result<&'a str, SigningKeyError> {
    if !permit.allows_change() || !permit.predicate().is_unrestricted() {
        return Err(SigningKeyError::Refused("this permit does not cover keys".to_owned()));
    }
    person(by).map_err(|error| SigningKeyError::Refused(error.to_string()))
}
