//! What an administrator wants of a client: a new one, or a change, in the form in which it is kept.

use consent::Purpose;
use ipnet::IpNet;

use super::check::{self, For};
use super::{ClientError, Keys, jwks};

/// A client that is to be.
#[derive(Clone, Debug)]
pub struct New {
    /// `client_id`: [`super::new_id`], or one that the administrator gives.
    pub id: String,
    /// What people call it; no other client of the organization has the name.
    pub name: String,
    /// Its public keys; without, it gets a secret, or is public.
    pub keys: Option<Keys>,
    /// It keeps no secret: an app in a browser or on a phone.
    pub public: bool,
    /// The provider outside of here that knows it; then it gets nothing here.
    pub provider: Option<String>,
    /// The providers whose ID tokens it may exchange.
    pub exchanges: Vec<String>,
    /// Where people who log in for it are sent back to.
    pub redirects: Vec<String>,
    /// What it may ask for at most.
    pub scopes: String,
    /// Why it may ask.
    pub purposes: Vec<Purpose>,
    /// Why it asks where it does not say; of one purpose it is that.
    pub default_purpose: Option<Purpose>,
    /// Who it is to Consents.
    pub actors: Vec<String>,
    /// It reads the audit trail.
    pub officer: bool,
    /// The networks from which it is answered; none are all.
    pub networks: Vec<IpNet>,
    /// It looks after the organization's clients over HTTP.
    pub administrator: bool,
}

/// Of a client with a secret.
pub(super) const UNSAID: &str = "a client with a secret cannot say which of several purposes it asks for: say which it always is (--default-purpose)";

/// Of a client of a provider's.
pub(super) const ELSEWHERE: &str =
    "people log in for it at its provider, which knows where they are sent back to (no --redirect-uri)";

/// Of a client of a provider's that is to exchange ID tokens.
pub(super) const NOTHING_HERE: &str =
    "it gets no token here, so it has none to exchange: add another client for that (no --exchange)";

/// Of a public client.
pub(super) const NOWHERE: &str = "a public client gets tokens for people alone: say where they are sent back to (--redirect-uri), or whose ID tokens it exchanges (--exchange)";

impl New {
    /// Whether people may be sent back there.
    ///
    /// # Errors
    /// [`ClientError::Invalid`]: what is wrong, and what would be right.
    pub fn check_redirects(uris: &[String], public: bool) -> Result<(), ClientError> {
        check::redirects(uris, public).map(drop)
    }

    /// The same in the form in which it is kept.
    ///
    /// # Errors
    /// [`ClientError::Invalid`]: what is wrong, and what would be right.
    pub fn checked(self) -> Result<Self, ClientError> {
        check::id(&self.id)?;
        let (purposes, default_purpose) = check::purposes(&self.purposes, self.default_purpose)?;
        if self.keys.is_none() && default_purpose.is_none() {
            // An assertion may say which; a secret says nothing.
            return Err(ClientError::Invalid(UNSAID.to_owned()));
        }
        let redirects = check::redirects(&self.redirects, self.public)?;
        let exchanges = check::providers(&self.exchanges)?;
        if self.public && redirects.is_empty() && exchanges.is_empty() {
            return Err(ClientError::Invalid(NOWHERE.to_owned()));
        }
        let is_outside = self.provider.is_some();
        if is_outside && !redirects.is_empty() {
            return Err(ClientError::Invalid(ELSEWHERE.to_owned()));
        }
        if is_outside && !exchanges.is_empty() {
            return Err(ClientError::Invalid(NOTHING_HERE.to_owned()));
        }
        let people = is_outside || !redirects.is_empty() || !exchanges.is_empty();
        let of = For { people, public: self.public };
        if is_outside {
            check::of_one_kind(&self.scopes)?;
        }
        Ok(Self {
            name: check::name(&self.name)?,
            keys: self.keys.map(Keys::checked).transpose()?,
            redirects,
            exchanges,
            scopes: check::scopes(&self.scopes, of)?,
            purposes,
            default_purpose,
            actors: check::actors(&self.actors)?,
            networks: check::networks(&self.networks)?,
            ..self
        })
    }
}

/// What is to change of a client; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What people call it.
    pub name: Option<String>,
    /// Its public keys, in place of those before; never of one that has a secret.
    pub keys: Option<Keys>,
    /// What it may ask for at most.
    pub scopes: Option<String>,
    /// Why it may ask.
    pub purposes: Option<Vec<Purpose>>,
    /// Why it asks where it does not say; `Some(None)`: it has to say.
    pub default_purpose: Option<Option<Purpose>>,
    /// Who it is to Consents.
    pub actors: Option<Vec<String>>,
    /// It reads the audit trail.
    pub officer: Option<bool>,
    /// Where people who log in for it are sent back to.
    pub redirects: Option<Vec<String>>,
    /// The providers whose ID tokens it may exchange.
    pub exchanges: Option<Vec<String>>,
    /// The provider outside of here that knows it; of a client that one knows.
    pub provider: Option<String>,
    /// The networks from which it is answered; none are all.
    pub networks: Option<Vec<IpNet>>,
}

impl Change {
    /// The same in the form in which it is kept. Whether the default is one of the purposes shows with the client.
    ///
    /// # Errors
    /// [`ClientError::Invalid`]: what is wrong, and what would be right; also where nothing is to change.
    pub fn checked(self) -> Result<Self, ClientError> {
        let counts_at_once = self.actors.is_some() || self.networks.is_some();
        let nothing = self.name.is_none() && !self.narrows() && !counts_at_once;
        if nothing {
            return Err(ClientError::Invalid(
                "say what is to change (--name, --scope, --purpose, --default-purpose, --actor, --officer, --redirect-uri, --exchange, --outside, --from, --jwks, --jwks-url)"
                    .to_owned(),
            ));
        }
        if let Some(purposes) = &self.purposes {
            check::purposes(purposes, None)?;
        }
        Ok(Self {
            name: self.name.as_deref().map(check::name).transpose()?,
            keys: self.keys.map(Keys::checked).transpose()?,
            scopes: self.scopes.as_deref().map(|scopes| check::scopes(scopes, For::ANY)).transpose()?,
            redirects: self.redirects.as_deref().map(|uris| check::redirects(uris, true)).transpose()?,
            exchanges: self.exchanges.as_deref().map(check::providers).transpose()?,
            actors: self.actors.as_deref().map(check::actors).transpose()?,
            networks: self.networks.as_deref().map(check::networks).transpose()?,
            ..self
        })
    }

    /// Whether it may take away what tokens were given for. Who a client is to Consents, and from where it is answered,
    /// counts at once for all of them.
    pub(super) fn narrows(&self) -> bool {
        self.keys.is_some()
            || self.scopes.is_some()
            || self.purposes.is_some()
            || self.default_purpose.is_some()
            || self.officer.is_some()
            || self.redirects.is_some()
            || self.exchanges.is_some()
            || self.provider.is_some()
    }
}

impl Keys {
    fn checked(self) -> Result<Self, ClientError> {
        match self {
            Self::Inline(text) => jwks::check(&text).map(Self::Inline),
            Self::Url(text) => check::keys_at(&text).map(Self::Url),
        }
    }

    /// For the columns `jwks` and `jwks_url`.
    pub(super) fn columns(keys: Option<&Self>) -> [Option<&str>; 2] {
        match keys {
            None => [None, None],
            Some(Self::Inline(text)) => [Some(text), None],
            Some(Self::Url(text)) => [None, Some(text)],
        }
    }
}
