//! Who logs in: passwords, second factors, sessions, and the pages for them.
//!
//! A page's form counts from this origin alone: it carries a token that its session's cookie (or, before there is one, a form's cookie)
//! answers for. What fails says the same, and takes as long, whether or not there is such a login.

mod answer;
mod cookies;
mod guessing;
mod hasher;
mod next;
mod outside;
mod policy;
mod profile;
mod screens;
mod totp;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use self::cookies::{Cookie, Cookies};
use self::hasher::Hasher;
pub(crate) use self::hasher::hash;
pub use self::policy::Policy;
use crate::audit::{AuditError, Circumstances, Decision, Event, address};
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::http::rate::Guesses;
use crate::interaction::audited::NOBODY;
use crate::outside::Outside;
use crate::sealing::Unsealable;
use crate::store::accounts::{Account, Shown};
use crate::store::clients::{Approval, hash_of};
use crate::store::error::StoreError;
use crate::store::random;

/// What is asked of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Route {
    /// Who I am, and what I can change.
    Account,
    /// A password by a one-time link.
    Activate,
    /// A second factor, on or off.
    Authenticator,
    /// A login.
    Login,
    /// Back from a provider outside of here.
    FromProvider,
    /// The end of a session.
    Logout,
    /// Another password.
    Password,
    /// The code of a second factor.
    SecondFactor,
    /// The end of the other sessions.
    Sessions,
    /// To a provider outside of here.
    ToProvider,
}

impl Route {
    /// What the audit trail calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Activate => "activate",
            Self::Authenticator => "authenticator",
            Self::FromProvider => "outside-login",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::Password => "password-change",
            Self::SecondFactor => "second-factor",
            Self::Sessions => "sessions-end",
            Self::ToProvider => "outside-login-begin",
        }
    }
}

/// Where they are, from the origin on.
pub mod paths {
    /// Who I am.
    pub const ACCOUNT: &str = "/oauth/account";
    /// A second factor.
    pub const AUTHENTICATOR: &str = "/oauth/authenticator";
    /// A login; `next` says where to go on.
    pub const LOGIN: &str = "/oauth/login";
    /// The end of a session.
    pub const LOGOUT: &str = "/oauth/logout";
    /// Another password.
    pub const PASSWORD: &str = "/oauth/password";
    /// A login by a provider outside of here; `provider` says which, `next` where to go on.
    pub const TO_PROVIDER: &str = "/oauth/outside/start";
    /// The code of a second factor.
    pub const SECOND_FACTOR: &str = "/oauth/second-factor";
    /// The end of the other sessions.
    pub const SESSIONS: &str = "/oauth/sessions";
    /// What an activation link begins with.
    pub const ACTIVATE: &str = "/oauth/activate/";
}

/// The address of the login page that goes on to a path of ours.
#[must_use]
pub fn login_address(next: &str) -> String {
    next::going_on(paths::LOGIN, next::ours(next))
}

/// Somebody who has logged in, wholly.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who.
    pub account: Account,
    /// When who it is was shown, in milliseconds since 1970.
    pub authenticated_ms: i64,
    /// Whether by a second factor, too.
    pub second_factor: bool,
    /// By which provider's word; `None`: by a password.
    pub outside: Option<String>,
    /// When it ends, whatever is done.
    pub expires_ms: i64,
    /// The hash of its token: names it to the store.
    hash: String,
    csrf: String,
}

impl Session {
    /// What names it to the store, and opens nothing.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// How who it is was shown.
    fn shown(&self) -> Shown {
        Shown { second: self.second_factor, outside: self.outside.clone(), at_ms: Some(self.authenticated_ms) }
    }
}

/// How far a login is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// The second factor is still to be shown.
    SecondFactor,
    /// The password has to be changed.
    Password,
    /// There has to be a second factor, and is none.
    Enrolment,
    /// It is whole.
    Whole,
}

/// Something does not answer. Nobody is told more.
#[derive(Clone, Copy, Debug)]
struct Unavailable;

impl From<StoreError> for Unavailable {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl From<AuditError> for Unavailable {
    fn from(_: AuditError) -> Self {
        Self
    }
}

impl From<Unsealable> for Unavailable {
    fn from(error: Unsealable) -> Self {
        tracing::error!(%error, "a second factor cannot be used");
        Self
    }
}

/// What comes in.
pub struct Asked<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The form of a POST, or the status of why there is none; `None` for a GET.
    pub form: Option<Result<&'a str, StatusCode>>,
    /// The address, from the path on.
    pub path: &'a str,
    /// What follows `?`.
    pub query: &'a str,
    /// The request's id.
    pub request: &'a str,
    /// Where it comes from.
    pub source: Option<IpAddr>,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Asked")
    }
}

/// Who an exchange is on record for.
#[derive(Clone, Copy)]
enum Who<'a> {
    /// Somebody who has shown it.
    Known(&'a Account),
    /// Somebody who said to be this person.
    NotShown(&'a Account),
    /// Nobody knows. What was typed is not on record: it may be a password.
    Nobody,
}

/// What knows who has logged in.
pub struct Logins {
    gateway: Arc<Gateway>,
    guesses: Arc<Guesses>,
    policy: Policy,
    hasher: Hasher,
    cookies: Cookies,
    outside: Arc<Outside>,
    /// The origin, without a slash at the end.
    origin: Box<str>,
}

impl Logins {
    /// At an origin (`https://gateway.clinic.example`).
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, outside: Arc<Outside>, guesses: Arc<Guesses>, origin: &str) -> Self {
        let policy = gateway.logins;
        let cookies = Cookies { secure: origin.starts_with("https://") };
        Self { gateway, guesses, policy, hasher: Hasher::new(), cookies, outside, origin: origin.into() }
    }

    /// What logs people in by outside providers.
    pub(crate) fn outside(&self) -> &Outside {
        &self.outside
    }

    /// Who sends a request, where somebody has logged in wholly: with the second factor where there is one, and a password that need not
    /// be changed. Everybody else goes to [`login_address`].
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn session(&self, headers: &HeaderMap) -> Result<Option<Session>, StoreError> {
        let visit = self.visit(headers).await?;
        Ok(visit.and_then(|(session, standing)| (standing == Standing::Whole).then_some(session)))
    }

    /// What the forms of a session's pages carry, as the hidden field `csrf`.
    #[must_use]
    pub fn csrf(&self, session: &Session) -> String {
        session.csrf.clone()
    }

    /// Whether a form comes from a page of this session's: by its field `csrf`, and by what the browser says of where it comes from.
    #[must_use]
    pub fn check_csrf(&self, headers: &HeaderMap, session: &Session, given: Option<&str>) -> bool {
        self.is_from_here(headers) && is_same(&session.csrf, given)
    }

    /// Whether somebody's approval still counts for what goes with their login: the account is not disabled, and the session, where it goes
    /// with one, lasts. That it is asked is no use of it.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn still_counts(&self, approval: &Approval) -> Result<bool, StoreError> {
        self.gateway.store.approver_lasts(approval, self.policy.idle).await
    }

    /// Who sends a request, and how far the login is.
    async fn visit(&self, headers: &HeaderMap) -> Result<Option<(Session, Standing)>, StoreError> {
        let Some(token) = self.cookies.of(Cookie::Session, headers) else { return Ok(None) };
        let hash = hash_of(token);
        let Some(kept) = self.gateway.store.session(&hash, self.policy.idle).await? else { return Ok(None) };
        let shown = Shown { second: kept.second, outside: kept.outside, at_ms: Some(kept.authenticated_ms) };
        let standing = self.standing(&kept.account, &shown);
        let session = Session {
            account: kept.account,
            authenticated_ms: kept.authenticated_ms,
            second_factor: shown.second,
            outside: shown.outside,
            expires_ms: kept.expires_ms,
            hash,
            csrf: csrf_of(token),
        };
        Ok(Some((session, standing)))
    }

    /// Rules for passwords are for who has shown one. A second factor that a provider asks for is as good as ours.
    fn standing(&self, account: &Account, shown: &Shown) -> Standing {
        let is_by_password = shown.outside.is_none();
        if account.has_second_factor() && !shown.second {
            Standing::SecondFactor
        } else if is_by_password && self.has_to_change(account) {
            Standing::Password
        } else if self.policy.second_factor && !account.has_second_factor() && (is_by_password || !shown.second) {
            Standing::Enrolment
        } else {
            Standing::Whole
        }
    }

    fn has_to_change(&self, account: &Account) -> bool {
        account.must_change || self.policy.is_over(account.password_set_ms, self.gateway.clock.now_ms())
    }

    /// How long a session of that standing lasts.
    fn lasting(&self, standing: Standing) -> Duration {
        let short = Duration::from_secs(600);
        if standing == Standing::Whole { self.policy.lasting } else { short.min(self.policy.lasting) }
    }

    /// Whether the browser says that a form comes from a page of this origin, as far as it says anything. Our pages send no referrer,
    /// and some browsers then call their origin null.
    fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = said(header::ORIGIN.as_str()).is_none_or(|origin| origin == &*self.origin || origin == "null");
        let site = said("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
        let alone = headers.get_all(header::ORIGIN).iter().count() <= 1;
        origin && site && alone
    }

    /// Puts an exchange on record.
    async fn record(
        &self,
        what: &'static str,
        who: Who<'_>,
        status: StatusCode,
        asked: &Asked<'_>,
    ) -> Result<(), Unavailable> {
        let store = &self.gateway.store;
        let is_refused = status.is_client_error();
        let (organization, account, decision) = match who {
            Who::Known(account) if is_refused => (account.organization, Some(account), Decision::Refused),
            Who::Known(account) => (account.organization, Some(account), Decision::Permit),
            Who::NotShown(account) => (account.organization, Some(account), Decision::Unauthenticated),
            Who::Nobody => (DEFAULT_ORGANIZATION, None, Decision::Unauthenticated),
        };
        if is_refused {
            match account {
                Some(account) => store.refused(account.organization, &account.id),
                None => store.refused_stranger(asked.source),
            }
        }
        let purpose = account.map_or(consent::Purpose::Treat, Account::purpose);
        let is_known = matches!(who, Who::Known(_));
        let caller = account.filter(|_| is_known).map_or(NOBODY, |account| &account.id);
        let of = Circumstances {
            // Whom somebody said to be stands where a program's name does.
            client: account.filter(|_| !is_known).map(|account| account.id.as_str().into()),
            on_behalf: account
                .filter(|account| is_known && !account.actors.is_empty())
                .map(|account| account.actors.join(" ").into()),
            source: asked.source.map(address),
            ..Circumstances::unknown(organization, caller, asked.request, purpose)
        };
        let event = Event { decision, ..Event::new(of, what, status.as_u16(), self.gateway.clock.now_ms()) };
        Ok(self.gateway.audit.record(event).await?)
    }
}

/// What a cookie's value answers for: who knows it does not know the cookie.
fn csrf_of(token: &str) -> String {
    hash_of(&format!("fhir-gateway csrf 1 {token}"))
}

fn is_same(expected: &str, given: Option<&str>) -> bool {
    given.unwrap_or_default().as_bytes().ct_eq(expected.as_bytes()).into()
}

/// A value for a form's cookie.
fn new_form_token() -> Result<String, Unavailable> {
    let bytes = random::<32>().map_err(|_| Unavailable)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The text of a secret, for a cookie.
fn shown(secret: &SecretString) -> &str {
    secret.expose_secret()
}
