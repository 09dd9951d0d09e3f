//! Programs that OAuth knows here, what they may ask for, the access tokens they were given, and the assertions they came with.
//!
//! No secret and no token is kept: what is compared is the SHA-256 of 256 random bits, for which nothing slower is needed. Nothing here
//! is of anybody's record, but for whose record an approval is about: who asks for a token has no permit yet, and finds one by what it holds
//! or by whose login it is. Whoever administers clients has a permit, for the organization.
//!
//! What holds between all processes holds by the database: an assertion is used by inserting its row; no token is given to a client that
//! was changed or disabled after whoever asked was known to be it; and a disabled client's tokens are none.

pub(in crate::store) mod administer;
mod approvals;
pub(in crate::store) mod check;
mod exchanged;
mod handles;
mod jwks;
mod refused;
mod registration;
pub(in crate::store) mod secret;
mod tokens;
mod told;

mod wanted;

use consent::{OrganizationId, Permit, Purpose};
use ipnet::IpNet;

pub use approvals::{Approval, Approved, Given, NewApproval, Wanted};
pub use check::{check_scopes_of_apps, is_id, over_http};
pub use exchanged::Exchanged;
pub use handles::{Handle, HandleKind, NewHandle};
pub use registration::{NotRegistered, Registered, Registration};
pub use secret::{TOKEN, hash_of, is_ours, new_id};
pub use tokens::{Issued, Token};
pub use wanted::{Change, New};

use crate::store::Store;
use crate::store::connection::{Arg, DbError, Engine, Row};
use crate::store::error::StoreError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It is not well formed: what is wrong, and what would be right.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be done as it was asked for: why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbError> for ClientError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

/// How a client shows that it is itself, in the words of SMART.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// By an assertion that it signs with a key of its own.
    ConfidentialAsymmetric,
    /// By a secret that it shares with us.
    ConfidentialSymmetric,
    /// Not to us: a provider outside of here knows it, and gives it access tokens, which count here.
    Outside,
    /// Not at all: it runs where nothing stays secret, in a browser or on a phone. It gets tokens by codes alone, each of which takes the
    /// verifier of who began (PKCE).
    Public,
}

impl Kind {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfidentialAsymmetric => "confidential-asymmetric",
            Self::ConfidentialSymmetric => "confidential-symmetric",
            Self::Outside => "outside",
            Self::Public => "public",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [Self::ConfidentialAsymmetric, Self::ConfidentialSymmetric, Self::Outside, Self::Public];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The public keys of a client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Keys {
    /// A JSON Web Key Set (RFC 7517), as text.
    Inline(String),
    /// Where it is.
    Url(String),
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Whose data it may ask for.
    pub organization: OrganizationId,
    /// `client_id`; public.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it shows that it is itself.
    pub kind: Kind,
    /// Its public keys; none where it has a secret, or is public.
    pub keys: Option<Keys>,
    /// What it may ask for at most: scopes with spaces between.
    pub scopes: String,
    /// Why it may ask.
    pub purposes: Vec<Purpose>,
    /// Why it asks where it does not say.
    pub default_purpose: Option<Purpose>,
    /// Who it is to Consents: references.
    pub actors: Vec<String>,
    /// A privacy officer's: it reads the audit trail.
    pub officer: bool,
    /// Where people who log in for it are sent back to, to the letter; none where nobody does.
    pub redirects: Vec<String>,
    /// Whose access tokens it has, where it gets none here.
    pub provider: Option<String>,
    /// The providers whose ID tokens it may exchange for access tokens: an administrator approved that in the stead of whom they are about.
    /// Where the provider has several names for apps (`aud`), after a `=` the one that is this client's ([`Client::exchanged_of`]).
    pub exchanges: Vec<String>,
    /// The networks from which it is answered; none are all.
    pub networks: Vec<IpNet>,
    /// When it was added, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who added it.
    pub created_by: String,
    /// When it was changed last.
    pub changed_ms: Option<i64>,
    /// Who changed it last.
    pub changed_by: Option<String>,
    /// Since when it is disabled.
    pub disabled_ms: Option<i64>,
    /// Until when the secret before counts.
    pub secret_until_ms: Option<i64>,
    /// It looks after the organization's clients over HTTP.
    pub administrator: bool,
    /// It registered itself: what it says of itself nobody here has looked at.
    pub is_registered: bool,
    /// When somebody last approved what it asks, to the day, where it registered itself.
    pub used_ms: Option<i64>,
    registration: Option<secret::Hash>,
    revision: i64,
    secrets: secret::Kept,
}

/// What [`Client::of`] reads, in its order.
const COLUMNS: [&str; 28] = [
    "organization_id",
    "id",
    "name",
    "kind",
    "secret_hash",
    "secret_before",
    "secret_until",
    "jwks",
    "jwks_url",
    "scopes",
    "purposes",
    "default_purpose",
    "actors",
    "officer",
    "created",
    "created_by",
    "revision",
    "changed",
    "changed_by",
    "disabled",
    "redirect_uris",
    "provider",
    "networks",
    "exchanges",
    "administrator",
    "registered",
    "used",
    "registration_hash",
];

/// The columns of a client under `c`.
fn columns() -> String {
    COLUMNS.map(|column| format!("c.{column}")).join(", ")
}

impl Client {
    /// A client from [`COLUMNS`] that begin at a place of a row; `None` for one of a kind that this program does not know.
    fn of(row: &Row, from: usize) -> Option<Self> {
        let text = |column: usize| row.text(from + column).unwrap_or_default().to_owned();
        let optional = |column: usize| row.text(from + column).map(ToOwned::to_owned);
        let int = |column: usize| row.int(from + column);
        Some(Self {
            organization: OrganizationId(int(0)?),
            id: text(1),
            name: text(2),
            kind: Kind::parse(row.text(from + 3)?)?,
            secrets: secret::Kept { now: optional(4), before: optional(5).zip(int(6)) },
            secret_until_ms: int(6),
            keys: optional(7).map(Keys::Inline).or_else(|| optional(8).map(Keys::Url)),
            scopes: text(9),
            purposes: text(10).split(' ').filter_map(Purpose::parse).collect(),
            default_purpose: row.text(from + 11).and_then(Purpose::parse),
            actors: text(12).split(' ').filter(|actor| !actor.is_empty()).map(ToOwned::to_owned).collect(),
            officer: int(13) == Some(1),
            created_ms: int(14)?,
            created_by: text(15),
            revision: int(16)?,
            changed_ms: int(17),
            changed_by: optional(18),
            disabled_ms: int(19),
            redirects: text(20).split(' ').filter(|uri| !uri.is_empty()).map(ToOwned::to_owned).collect(),
            provider: optional(21),
            exchanges: text(23).split_whitespace().map(ToOwned::to_owned).collect(),
            // One that cannot be read must not come to none.
            networks: text(22).split_whitespace().map(|network| network.parse().ok()).collect::<Option<_>>()?,
            administrator: int(24) == Some(1),
            is_registered: int(25) == Some(1),
            used_ms: int(26),
            registration: optional(27).map(secret::Hash),
        })
    }
}

impl Client {
    /// Whether a token is the one by which it looks after its registration.
    #[must_use]
    pub fn is_managed_by(&self, token: &str) -> bool {
        self.registration.as_ref().is_some_and(|hash| hash.is_of(token))
    }
}

impl Store {
    /// The client of that id, of whatever organization, also a disabled one.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        let mut connection = self.core().pools.reader().await?;
        let from = match connection.engine() {
            Engine::Postgres => "fhir_gateway.oauth_client($1) c",
            Engine::Sqlite => "oauth_clients c where c.id = $1",
        };
        let sql = format!("select {} from {from}", columns());
        let row = connection.fetch_optional(&sql, &[Arg::Text(id)]).await?;
        Ok(row.and_then(|row| Client::of(&row, 0)))
    }

    /// The clients of the permit's organization: those that are not disabled first, by name.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn clients(&self, permit: &Permit) -> Result<Vec<Client>, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = format!(
            "select {} from oauth_clients c where c.organization_id = $1 \
             order by case when c.disabled is null then 0 else 1 end, c.name, c.id",
            columns()
        );
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().filter_map(|row| Client::of(row, 0)).collect())
    }

    /// Whether a secret is the client's, or the one before while that counts. It takes the same time for every wrong one; a disabled
    /// client has none.
    #[must_use]
    pub fn check_secret(&self, client: &Client, secret: &str) -> bool {
        let holds = client.secrets.is(secret, self.core().clock.now_ms());
        holds & client.disabled_ms.is_none()
    }
}
