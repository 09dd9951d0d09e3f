//! A login by a provider outside of here: there and back.

use hyper::StatusCode;

use super::answer::login_page;
use super::cookies::Cookie;
use super::{Asked, Logins, Route, Shown, Standing, Unavailable, Who, next, paths, screens};
use crate::authorization::form::Form;
use crate::http::query;
use crate::outside::{Answer, Login, LoginError, Unvouched, vouched};
use crate::pages::{Page, see_other};
use crate::store::accounts::{Vouched, Word};

/// How long after a login at a provider what takes more than a session is done without another one, in milliseconds.
pub(super) const ANEW_MS: i64 = 5 * 60_000;

/// Nobody is told more: whether there is an account is not a stranger's to know.
const NOBODY_HERE: &str = "Your login there is right, and there is no account for it here, or it is closed. Ask whoever looks after accounts at your clinic.";

impl Logins {
    /// Sends somebody to the provider that the address names.
    pub(super) async fn to_provider(&self, asked: &Asked<'_>) -> Result<Page, Unavailable> {
        let next = self.next_of(asked, None);
        // Before what takes more than a session: not by one.
        let anew = query::value(asked.query, "anew").is_some_and(|anew| anew == "1");
        if !anew && let Some((_, Standing::Whole)) = self.visit(asked.headers).await? {
            return Ok(see_other(next.as_deref().unwrap_or(paths::ACCOUNT)));
        }
        let provider = query::value(asked.query, "provider").unwrap_or_default();
        match self.outside.begin(&provider, next.as_deref().unwrap_or_default(), anew).await {
            Ok(begun) => Ok(see_other(&begun.url).with_cookie(&self.cookies.set(Cookie::Outside, &begun.cookie))),
            Err(error) => self.not_by_provider(Route::ToProvider, &error, next.as_deref(), asked).await,
        }
    }

    /// Somebody comes back from a provider. The browser keeps what it began no longer, unless that was another login.
    pub(super) async fn back_from_provider(&self, asked: &Asked<'_>) -> Result<Page, Unavailable> {
        let cookie = self.cookies.of(Cookie::Outside, asked.headers).unwrap_or_default();
        let mut is_used = true;
        let page = match Form::read(asked.query) {
            Ok(answer) => {
                let answer = Answer {
                    code: answer.get("code"),
                    state: answer.get("state"),
                    iss: answer.get("iss"),
                    error: answer.get("error"),
                };
                match self.outside.finish(cookie, answer).await {
                    Ok(login) => self.vouched_for(&login, asked).await?,
                    Err(error) => {
                        is_used = !matches!(error, LoginError::State);
                        self.not_by_provider(Route::FromProvider, &error, None, asked).await?
                    }
                }
            }
            Err(_) => self.not_by_provider(Route::FromProvider, &LoginError::State, None, asked).await?,
        };
        Ok(if is_used { page.with_cookie(&self.cookies.clear(Cookie::Outside)) } else { page })
    }

    /// The session of whom a provider has vouched for.
    async fn vouched_for(&self, login: &Login, asked: &Asked<'_>) -> Result<Page, Unavailable> {
        let Login { provider, subject, persona, second_factor, signed_s, auth_time_s, next } = login;
        let next = next::ours(next);
        if let Err(why) = persona {
            tracing::warn!(provider = %provider.id, %why, "somebody logs in who is nobody here by claims");
        }
        let persona = persona.as_ref().ok().and_then(Option::as_ref);
        let said = (Word::Login(*signed_s), persona);
        let vouched = match vouched(&self.gateway, provider, subject, said, asked.source).await {
            Ok(vouched) => vouched,
            Err(Unvouched::Unavailable) => return Err(Unavailable),
            Err(Unvouched::NoAccount) => {
                tracing::warn!(provider = %provider.id, "what the provider claims of somebody can be no account");
                Vouched::default()
            }
        };
        let account = vouched.account;
        let shown = Shown {
            second: *second_factor,
            outside: Some(provider.id.clone()),
            // Of a login whose time nobody says it is not known that it was just now.
            at_ms: Some(
                auth_time_s.map_or_else(|| self.gateway.clock.now_ms() - ANEW_MS, |at_s| at_s.saturating_mul(1000)),
            ),
        };
        let begun = match &account {
            Some(account) => self.begin(account, &shown, asked).await?,
            None => None,
        };
        let (Some(account), Some(cookie)) = (account.as_ref(), begun) else {
            tracing::info!(provider = %provider.id, "somebody has no account here, or it is disabled");
            self.record(Route::FromProvider.name(), Who::Nobody, StatusCode::FORBIDDEN, asked).await?;
            return Ok(screens::not_outside(NOBODY_HERE, next).with_status(StatusCode::FORBIDDEN));
        };
        self.record(Route::FromProvider.name(), Who::Known(account), StatusCode::OK, asked).await?;
        Ok(self.onward(account, &shown, next).with_cookie(&cookie))
    }

    /// Why nobody was logged in, in words for people; what only an administrator can mend is in the log as well.
    async fn not_by_provider(
        &self,
        route: Route,
        error: &LoginError,
        next: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<Page, Unavailable> {
        let (status, says) = match error {
            LoginError::Store(_) => return Err(Unavailable),
            LoginError::Provider if route == Route::ToProvider => return Ok(login_page(next)),
            LoginError::Provider => (StatusCode::FORBIDDEN, "That other login is not there any more."),
            LoginError::Next => (
                StatusCode::BAD_REQUEST,
                "The app's request is too long to be taken along to another login. Log in by a password, or ask whoever made the app.",
            ),
            LoginError::State | LoginError::Issuer => (
                StatusCode::FORBIDDEN,
                "This login was not begun in this browser, was used already, or took too long. Begin again.",
            ),
            LoginError::Denied => (StatusCode::FORBIDDEN, "You were not logged in there. Try again, or another way."),
            LoginError::NotAnew => (
                StatusCode::FORBIDDEN,
                "The other login did not ask you to log in again, or does not say so. Log out there, and try again.",
            ),
            LoginError::Unreachable => {
                (StatusCode::BAD_GATEWAY, "The other login does not answer. Try again in a while, or another way.")
            }
            LoginError::Anonymous
            | LoginError::Whose
            | LoginError::Tenant
            | LoginError::Client
            | LoginError::Token(_)
            | LoginError::Sealed => (
                StatusCode::BAD_GATEWAY,
                "What the other login answered does not hold. Ask whoever looks after this server.",
            ),
        };
        if !matches!(error, LoginError::State | LoginError::Denied | LoginError::Next) {
            tracing::warn!(%error, "nobody was logged in by a provider");
        }
        if route == Route::FromProvider {
            self.record(route.name(), Who::Nobody, StatusCode::FORBIDDEN, asked).await?;
        }
        Ok(screens::not_outside(says, next).with_status(status))
    }
}
