//! What is handed out and comes back once: an authorization under way, a launch, a code, a refresh token.
//!
//! Each is 256 random bits of which the database has the hash. That one was used is a row that was changed: it holds between all
//! processes, and a second use is known for what it is.

use std::time::Duration;

use consent::OrganizationId;
use secrecy::SecretString;

use super::secret;
use crate::store::Store;
use crate::store::connection::{Arg, Engine};
use crate::store::error::StoreError;

/// What one is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HandleKind {
    /// An authorization under way: between the authorization endpoint and the approval.
    Request,
    /// A launch from an EHR, with its context.
    Launch,
    /// An authorization code.
    Code,
    /// A refresh token.
    Refresh,
}

impl HandleKind {
    /// As the database has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Launch => "launch",
            Self::Code => "code",
            Self::Refresh => "refresh",
        }
    }

    /// What such a one begins with: one that lies where it should not is found by it.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Request => "fga_",
            Self::Launch => "fgl_",
            Self::Code => "fgc_",
            Self::Refresh => "fgr_",
        }
    }
}

/// One that is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewHandle<'h> {
    /// What for.
    pub kind: HandleKind,
    /// Whose.
    pub organization: OrganizationId,
    /// For which client.
    pub client: &'h str,
    /// Of which approval, where there is one already.
    pub approval: Option<&'h str>,
    /// What it stands for, as JSON.
    pub content: &'h str,
    /// How long it counts.
    pub lifetime: Duration,
}

/// One that was handed out.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Its hash.
    pub hash: String,
    /// Whose.
    pub organization: OrganizationId,
    /// For which client.
    pub client: String,
    /// Of which approval.
    pub approval: Option<String>,
    /// What it stands for, as JSON.
    pub content: String,
    /// It was used before.
    pub is_used: bool,
}

/// The statement that keeps one, and its values: `$1` organization, `$2` hash, `$3` kind, `$4` client, `$5` approval, `$6` content, `$7`
/// now, `$8` until.
pub(super) const INSERT: &str = "insert into oauth_handles (organization_id, hash, kind, client, approval, content, issued, expires) \
                                 values ($1, $2, $3, $4, $5, $6, $7, $8)";

impl Store {
    /// Hands one out.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn new_handle(&self, new: NewHandle<'_>) -> Result<SecretString, StoreError> {
        let (secret, hash) = secret::make(new.kind.prefix())?;
        let now_ms = self.core().clock.now_ms();
        let until_ms = now_ms.saturating_add(i64::try_from(new.lifetime.as_millis()).unwrap_or(i64::MAX));
        let args = [
            Arg::Int(new.organization.0),
            Arg::Text(&hash),
            Arg::Text(new.kind.as_str()),
            Arg::Text(new.client),
            Arg::text(new.approval),
            Arg::Text(new.content),
            Arg::Int(now_ms),
            Arg::Int(until_ms),
        ];
        self.write(new.organization, INSERT, &args).await?;
        Ok(secret)
    }

    /// One of a kind, by its text, also one that was used; `None` where there is none, or it has expired.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn handle(&self, kind: HandleKind, text: &str) -> Result<Option<Handle>, StoreError> {
        if text.len() > secret::LONGEST || !text.starts_with(kind.prefix()) {
            return Ok(None);
        }
        let core = self.core();
        let hash = secret::hash_of(text);
        let mut connection = core.pools.reader().await?;
        let from = match connection.engine() {
            Engine::Postgres => "fhir_gateway.oauth_handle($1) h",
            Engine::Sqlite => "oauth_handles h where h.hash = $1",
        };
        let sql =
            format!("select h.organization_id, h.kind, h.client, h.approval, h.content, h.expires, h.used from {from}");
        let Some(row) = connection.fetch_optional(&sql, &[Arg::Text(&hash)]).await? else { return Ok(None) };
        let counts = row.text(1) == Some(kind.as_str()) && row.int(5).is_some_and(|until| core.clock.now_ms() < until);
        let Some(organization) = row.int(0).map(OrganizationId).filter(|_| counts) else { return Ok(None) };
        Ok(Some(Handle {
            hash,
            organization,
            client: row.text(2).unwrap_or_default().to_owned(),
            approval: row.text(3).map(ToOwned::to_owned),
            content: row.text(4).unwrap_or_default().to_owned(),
            is_used: row.int(6).is_some(),
        }))
    }

    /// Uses one: false where somebody else was faster, or it has expired meanwhile.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn use_handle(&self, handle: &Handle) -> Result<bool, StoreError> {
        let now_ms = self.core().clock.now_ms();
        let args = [Arg::Int(handle.organization.0), Arg::Text(&handle.hash), Arg::Int(now_ms)];
        Ok(self.write(handle.organization, USE, &args).await? > 0)
    }
}

/// Uses one, if nobody has: `$1` organization, `$2` hash, `$3` now.
pub(super) const USE: &str = "update oauth_handles set used = $3 \
                              where organization_id = $1 and hash = $2 and used is null and expires > $3";
