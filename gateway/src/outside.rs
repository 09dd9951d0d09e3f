//! Login by an outside OpenID provider (Keycloak, any): the code flow with PKCE, state and nonce
//! (<https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>, RFC 7636, RFC 9207), and what the provider's ID token says.
//!
//! What is under way lies with the browser, sealed: a callback that another browser began, or nobody, opens nothing. Each is used
//! once, which the database sees to. Somebody is tied to a person in FHIR by the claim that the administrator named for the provider,
//! or (by the caller) by an account that is linked to issuer and subject: never by e-mail or demographics.
//!
//! The crate `openidconnect` would bring `rsa` (RUSTSEC-2023-0071), and `oauth2` a second generation of half of what is here; what is
//! left is one address, one form and `smart::outside`.

mod access;
mod discovered;
mod exchange;
mod factor;
mod held;
mod opaque;
mod pending;
mod persona;
mod told;

use std::fmt;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use smart::outside::{Kind, LEEWAY_S, OutsideError, Verified};

pub use self::access::Access;
use self::discovered::Discovered;
pub use self::exchange::seal;
pub use self::factor::FIREBASE;
pub use self::held::Held;
use self::opaque::Opaque;
pub use self::opaque::{is_jwt, may_be_opaque};
use self::pending::Pending;
pub use self::persona::Unclaimed;
pub(crate) use self::told::{Unvouched, vouched};
use crate::authorization::KeysAt;
use crate::clock::Clock;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::outward::Reach;
use crate::sealing::Sealer;
use crate::store::Store;
use crate::store::accounts::Persona;
use crate::store::error::StoreError;
use crate::store::providers::Provider;

/// Where a provider sends people back to, from the origin on.
pub const CALLBACK: &str = "/oauth/outside/callback";

/// How long a login may be under way.
const PATIENCE_MS: i64 = 10 * 60_000;

/// The longest address to go on to, in bytes: it lies in a cookie, and browsers keep no more than 4096.
pub const LONGEST_NEXT: usize = 2048;

/// The longest value of a parameter that a provider sends.
const LONGEST: usize = 4096;

/// What logs people in by outside providers.
pub struct Outside {
    store: Store,
    clock: Arc<Clock>,
    sealer: Arc<Sealer>,
    keys: Arc<KeysAt>,
    fhir: Box<str>,
    callback: Box<str>,
    discovered: Discovered,
    opaque: Opaque,
}

impl fmt::Debug for Outside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outside").field("callback", &self.callback).finish_non_exhaustive()
    }
}

/// A login that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What it keeps until it comes back: a cookie for [`CALLBACK`] alone (`HttpOnly`, `Secure`, `SameSite=Lax`).
    pub cookie: String,
}

/// What a provider sends a browser back with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// The code.
    pub code: Option<&'a str>,
    /// The state.
    pub state: Option<&'a str>,
    /// Who it says it is (RFC 9207).
    pub iss: Option<&'a str>,
    /// Why there is no code.
    pub error: Option<&'a str>,
}

/// Who somebody is, by an outside provider.
#[derive(Clone, Debug)]
pub struct Login {
    /// Which provider says so.
    pub provider: Provider,
    /// Who, to the provider's issuer.
    pub subject: Box<str>,
    /// Who that is here, where the trusted claims say so.
    /// An account that an administrator has tied is what it is, whatever they say.
    pub persona: Result<Option<Persona>, Unclaimed>,
    /// Whether they have shown a second factor there.
    pub second_factor: bool,
    /// When the provider signed that, in seconds since 1970.
    pub signed_s: i64,
    /// When the user showed who it is, in seconds since 1970.
    pub auth_time_s: Option<i64>,
    /// Where the browser was to go then, as the caller gave it.
    pub next: String,
}

/// Why nobody is logged in. No text of a provider's is in here.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no such provider.
    #[error("there is no such provider")]
    Provider,
    /// The browser did not begin this login, or has ended it, or it took too long.
    #[error("this login was not begun in this browser, was used already, or took too long; begin again")]
    State,
    /// Where to go on is too long for a cookie.
    #[error("the address to go on to is longer than {LONGEST_NEXT} bytes")]
    Next,
    /// The answer is another provider's.
    #[error("the answer is not from the provider that this login was begun with")]
    Issuer,
    /// The provider says no.
    #[error("the provider has not logged anybody in")]
    Denied,
    /// The provider cannot be reached, or its answers are none.
    #[error("the provider does not answer as OpenID Connect wants it")]
    Unreachable,
    /// Its token names two clients.
    #[error("the provider's token says two clients that it was given to (client_id, azp)")]
    Client,
    /// Somebody who has not said who they are.
    #[error("the token is of an anonymous sign-in, or of a key and no person: nobody is anybody by it")]
    Anonymous,
    /// Which of the provider's names for apps is the client's is not said.
    #[error("its issuer has several names for apps, and none of them is said to be this client's")]
    Whose,
    /// Somebody of another of its tenants.
    #[error(
        "the token is of a tenant of the project (firebase.tenant): who is who counts here for the project's own people alone"
    )]
    Tenant,
    /// Its token does not hold.
    #[error("the provider's token does not hold: {0}")]
    Token(#[from] OutsideError),
    /// It has not let anybody log in anew.
    #[error(
        "the provider's token does not say that somebody logged in anew (auth_time), as it was asked for (prompt=login, max_age=0)"
    )]
    NotAnew,
    /// Our secret there does not open.
    #[error("the provider's secret does not open with the key of this gateway")]
    Sealed,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outside {
    /// At an origin, with FHIR at its address there; neither has a slash at its end.
    pub fn new(
        store: Store,
        clock: Arc<Clock>,
        sealer: Arc<Sealer>,
        keys: Arc<KeysAt>,
        origin: &str,
        fhir: &str,
    ) -> Self {
        let callback = format!("{origin}{CALLBACK}").into();
        Self {
            store,
            clock,
            sealer,
            keys,
            fhir: fhir.into(),
            callback,
            discovered: Discovered::default(),
            opaque: Opaque::default(),
        }
    }

    /// Sends somebody to a provider, to log in `anew` also where that was done before; `next` comes back with the [`Login`], and the caller has checked where that leads.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn begin(&self, provider: &str, next: &str, anew: bool) -> Result<Begun, LoginError> {
        if next.len() > LONGEST_NEXT {
            return Err(LoginError::Next);
        }
        let provider = self.provider(provider).await?;
        if provider.sealed.is_empty() {
            // Nobody logs in by it.
            return Err(LoginError::Provider);
        }
        let discovery = self.discovery(&provider).await?;
        let now_ms = self.clock.now_ms();
        let anew_s = anew.then_some(now_ms / 1000);
        let pending = Pending::new(&provider.id, next, now_ms + PATIENCE_MS, anew_s).ok_or(LoginError::Sealed)?;
        let mut url = Reach::Named.url(&discovery.authorization_endpoint).ok_or(LoginError::Unreachable)?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", &self.callback),
            ("scope", "openid"),
            ("state", &pending.state),
            ("nonce", &pending.nonce),
            ("code_challenge", &pending.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        if anew {
            // With max_age the ID token says when, which prompt alone need not (OpenID Connect Core, 2 and 3.1.2.1).
            url.query_pairs_mut().extend_pairs([("prompt", "login"), ("max_age", "0")]);
        }
        let cookie = pending.sealed(&self.sealer).ok_or(LoginError::Sealed)?;
        Ok(Begun { url: url.into(), cookie })
    }

    /// Who somebody is that comes back from a provider. What the cookie holds is used up by that, whatever comes of it.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn finish(&self, cookie: &str, answer: Answer<'_>) -> Result<Login, LoginError> {
        let pending = Pending::opened(&self.sealer, cookie).ok_or(LoginError::State)?;
        let now_ms = self.clock.now_ms();
        if now_ms >= pending.until_ms || !answer.state.is_some_and(|state| pending.is_state(state)) {
            return Err(LoginError::State);
        }
        if !self.store.use_once(DEFAULT_ORGANIZATION, "(outside login)", &pending.state, pending.until_ms).await? {
            return Err(LoginError::State);
        }
        let provider = self.provider(&pending.provider).await?;
        let discovery = self.discovery(&provider).await?;
        // RFC 9207: who says that it names itself does; and nobody names another one.
        if answer.iss.map_or(discovery.names_itself, |iss| iss != provider.issuer) {
            return Err(LoginError::Issuer);
        }
        if answer.error.is_some() {
            return Err(LoginError::Denied);
        }
        let code = answer.code.filter(|code| !code.is_empty() && code.len() <= LONGEST).ok_or(LoginError::Denied)?;
        let token = self.exchanged(&provider, &discovery, code, &pending.verifier).await?;
        let held_against = (Kind::Id { nonce: &pending.nonce }, &*provider.client_id);
        let verified = self.verified(&provider, token.expose_secret(), held_against).await?;
        let is_since = |since_s: i64| verified.auth_time_s.is_some_and(|at_s| at_s >= since_s - LEEWAY_S);
        if pending.anew_s.is_some_and(|since_s| !is_since(since_s)) {
            return Err(LoginError::NotAnew);
        }
        let persona = persona::persona(&provider, &verified, &self.fhir);
        let second_factor = factor::shown(&provider, &verified);
        let Verified { subject, issued_s: signed_s, auth_time_s, .. } = verified;
        Ok(Login { provider, subject, persona, second_factor, signed_s, auth_time_s, next: pending.next })
    }

    async fn provider(&self, id: &str) -> Result<Provider, LoginError> {
        let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let found = if is_id { self.store.provider(id).await? } else { None };
        found.ok_or(LoginError::Provider)
    }
}

#[cfg(test)]
mod tests;
