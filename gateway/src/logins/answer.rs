//! From a request to a page: a login, its second factor, a password by a link, and the end.

use hyper::StatusCode;
use secrecy::SecretString;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

use super::cookies::Cookie;
use super::{
    Asked, Logins, Route, Session, Shown, Standing, Unavailable, Who, csrf_of, is_same, new_form_token, next, paths,
    screens, totp,
};
use crate::authorization::form::Form;
use crate::http::query;
use crate::pages::{Page, go_on, see_other};
use crate::sealing::Sealed;
use crate::store::accounts::{Account, Attempt};
use crate::store::clients::hash_of;

/// No failed login is told sooner: how long its work took tells nothing.
const FLOOR: Duration = Duration::from_millis(400);

/// One sentence for all ways to fail.
const WRONG: &str = "Login name and password do not fit, or there were too many attempts: then wait a while, or ask whoever looks after accounts.";
/// Of the second factor.
const WRONG_CODE: &str =
    "That is not the code, it was used before, or there were too many attempts. Wait for the next code.";
/// Of the two new ones.
const DIFFERENT: &str = "The two new passwords are not the same.";

/// What is shown where something fits nobody.
const REFUSED: StatusCode = StatusCode::FORBIDDEN;

impl Logins {
    /// Answers one request.
    pub async fn answer(&self, route: Route, asked: &Asked<'_>) -> Page {
        let form = match asked.form {
            None => None,
            Some(Ok(text)) => match Form::read(text) {
                Ok(form) => Some(form),
                Err(_) => return screens::stale(paths::LOGIN).with_status(StatusCode::BAD_REQUEST),
            },
            Some(Err(status)) if status.is_server_error() => return screens::unavailable().with_status(status),
            Some(Err(_)) => return screens::stale(paths::LOGIN).with_status(StatusCode::BAD_REQUEST),
        };
        let attempt = match self.attempt(route, asked).await {
            Ok(attempt) => attempt,
            Err(page) => return page,
        };
        let page = match route {
            Route::Account => self.account(asked).await,
            Route::Activate => self.activate(asked, form.as_ref()).await,
            Route::Authenticator => self.authenticator(asked, form.as_ref()).await,
            Route::FromProvider => self.back_from_provider(asked).await,
            Route::Login => self.login(asked, form.as_ref()).await,
            Route::Logout => self.logout(asked, form.as_ref()).await,
            Route::Password => self.password(asked, form.as_ref()).await,
            Route::SecondFactor => self.second_factor(asked, form.as_ref()).await,
            Route::Sessions => self.sessions(asked, form.as_ref()).await,
            Route::ToProvider => self.to_provider(asked).await,
        };
        let page =
            page.unwrap_or_else(|Unavailable| screens::unavailable().with_status(StatusCode::SERVICE_UNAVAILABLE));
        self.answered(attempt, &page);
        page
    }

    /// A page whose form is of somebody who has not logged in: with the cookie that answers for it.
    fn for_guest(&self, asked: &Asked<'_>, page: impl FnOnce(&str) -> Page) -> Result<Page, Unavailable> {
        if let Some(token) = self.cookies.of(Cookie::Form, asked.headers) {
            return Ok(page(&csrf_of(token)));
        }
        let token = new_form_token()?;
        Ok(page(&csrf_of(&token)).with_cookie(&self.cookies.set(Cookie::Form, &token)))
    }

    /// Whether the form is of a page that this browser was given before a login.
    fn is_of_guest(&self, asked: &Asked<'_>, form: &Form) -> bool {
        let token = self.cookies.of(Cookie::Form, asked.headers);
        self.is_from_here(asked.headers) && token.is_some_and(|token| is_same(&csrf_of(token), form.get("csrf")))
    }

    async fn login(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let Some(form) = form else {
            let next = query::value(asked.query, "next");
            let next = next.as_deref().and_then(next::ours);
            if let Some((_, Standing::Whole)) = self.visit(asked.headers).await? {
                return Ok(see_other(next.unwrap_or(paths::ACCOUNT)));
            }
            let providers = self.gateway.store.trusted_providers().await?;
            return self.for_guest(asked, |csrf| screens::login(csrf, next, "", None, &providers));
        };
        let next = form.get("next").and_then(next::ours);
        if !self.is_of_guest(asked, form) {
            self.record(Route::Login.name(), Who::Nobody, REFUSED, asked).await?;
            return Ok(screens::stale(&next::going_on(paths::LOGIN, next)).with_status(REFUSED));
        }
        let begun = Instant::now();
        let typed = form.get("login").unwrap_or_default();
        let password = SecretString::from(form.get("password").unwrap_or_default());
        let account = self.gateway.store.account_of_login(typed).await?;
        let (account, right) = self.try_password(account, password, Route::Login, asked).await?;
        let begun_session = match account.as_ref().filter(|_| right) {
            Some(account) => self.begin(account, &Shown::default(), asked).await?,
            None => None,
        };
        let (Some(account), Some(cookie)) = (account, begun_session) else {
            sleep_until(begun + FLOOR).await;
            // What was typed comes back where it can be a login name.
            let typed = crate::store::accounts::folded(typed).unwrap_or_default();
            let providers = self.gateway.store.trusted_providers().await?;
            let page = self.for_guest(asked, |csrf| screens::login(csrf, next, &typed, Some(WRONG), &providers))?;
            return Ok(page.with_status(REFUSED));
        };
        self.record(Route::Login.name(), Who::Known(&account), StatusCode::OK, asked).await?;
        Ok(self.onward(&account, &Shown::default(), next).with_cookie(&cookie))
    }

    /// Looks at a password, after the attempt was counted; what fails is on record, and so is that nobody may try for a while.
    pub(super) async fn try_password(
        &self,
        account: Option<Account>,
        password: SecretString,
        route: Route,
        asked: &Asked<'_>,
    ) -> Result<(Option<Account>, bool), Unavailable> {
        let store = &self.gateway.store;
        let attempt = match &account {
            Some(account) => store.count_attempt(account, self.policy.attempts, self.policy.lockout).await?,
            None => Attempt::Locked,
        };
        let counted = account.as_ref().filter(|_| attempt != Attempt::Locked);
        let right = self.hasher.is(password, counted.and_then(Account::password)).await?;
        match (&account, attempt) {
            (Some(account), Attempt::Counted { .. }) if right => {
                if account.has_second_factor() {
                    store.take_back_attempt(account, self.policy.attempts).await?;
                } else {
                    store.clear_attempts(account).await?;
                }
                return Ok((Some(account.clone()), true));
            }
            (Some(who), attempt) => {
                self.record(route.name(), Who::NotShown(who), REFUSED, asked).await?;
                self.record_lockout(who, attempt, asked).await?;
            }
            (None, _) => self.record(route.name(), Who::Nobody, REFUSED, asked).await?,
        }
        Ok((account, false))
    }

    async fn record_lockout(&self, account: &Account, attempt: Attempt, asked: &Asked<'_>) -> Result<(), Unavailable> {
        if attempt == (Attempt::Counted { locks: true }) {
            self.record("lockout", Who::NotShown(account), REFUSED, asked).await?;
        }
        Ok(())
    }

    /// Looks at a code, after the attempt was counted, and uses it.
    pub(super) async fn try_code(
        &self,
        account: &Account,
        given: &str,
        route: Route,
        asked: &Asked<'_>,
    ) -> Result<bool, Unavailable> {
        let store = &self.gateway.store;
        let attempt = store.count_attempt(account, self.policy.attempts, self.policy.lockout).await?;
        let right = match (attempt, account.totp_secret()) {
            (Attempt::Counted { .. }, Some(sealed)) => {
                let secret = self.gateway.sealer.unseal(&Sealed::SecondFactor.context(&account.id), sealed)?;
                match totp::step_of(&secret, given, self.gateway.clock.now_ms()) {
                    Some(step) => store.use_step(account, step).await?,
                    None => store.use_recovery(account, &totp::recovery_hash(given)).await?,
                }
            }
            _ => false,
        };
        if right {
            store.clear_attempts(account).await?;
        } else {
            self.record(route.name(), Who::NotShown(account), REFUSED, asked).await?;
            self.record_lockout(account, attempt, asked).await?;
        }
        Ok(right)
    }

    async fn second_factor(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let next = self.next_of(asked, form);
        let next = next.as_deref();
        let Some((session, standing)) = self.visit(asked.headers).await? else { return Ok(login_page(next)) };
        if standing != Standing::SecondFactor {
            return Ok(see_other(&Self::step(standing, next)));
        }
        let Some(form) = form else { return Ok(screens::second_factor(&session.csrf, next, None)) };
        if !self.check_csrf(asked.headers, &session, form.get("csrf")) {
            return Ok(screens::stale(&next::going_on(paths::SECOND_FACTOR, next)).with_status(REFUSED));
        }
        let begun = Instant::now();
        let account = &session.account;
        let right = self.try_code(account, form.get("code").unwrap_or_default(), Route::SecondFactor, asked).await?;
        let shown = Shown { second: true, ..session.shown() };
        let cookie = if right { self.begin(account, &shown, asked).await? } else { None };
        let Some(cookie) = cookie else {
            sleep_until(begun + FLOOR).await;
            return Ok(screens::second_factor(&session.csrf, next, Some(WRONG_CODE)).with_status(REFUSED));
        };
        self.record(Route::SecondFactor.name(), Who::Known(account), StatusCode::OK, asked).await?;
        Ok(self.onward(account, &shown, next).with_cookie(&cookie))
    }

    async fn activate(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let token = asked.path.strip_prefix(paths::ACTIVATE).unwrap_or_default().trim_end_matches('/');
        let hash = hash_of(token);
        let rule = self.policy.says();
        let Some(account) = self.gateway.store.account_of_activation(&hash).await? else {
            if form.is_some() {
                self.record(Route::Activate.name(), Who::Nobody, StatusCode::NOT_FOUND, asked).await?;
            }
            return Ok(screens::no_activation().with_status(StatusCode::NOT_FOUND));
        };
        let path = format!("{}{token}", paths::ACTIVATE);
        let Some(form) = form else {
            return self.for_guest(asked, |csrf| screens::activate(csrf, &path, &account, &rule, None));
        };
        if !self.is_of_guest(asked, form) {
            return Ok(screens::stale(&path).with_status(REFUSED));
        }
        let password = match self.new_password(form, &account) {
            Ok(password) => password,
            Err(wrong) => {
                let page =
                    self.for_guest(asked, |csrf| screens::activate(csrf, &path, &account, &rule, Some(&wrong)))?;
                return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY));
            }
        };
        let password = self.hasher.hash(password).await?;
        if !self.gateway.store.set_password(&account, &password, Some(&hash)).await? {
            return Ok(screens::no_activation().with_status(StatusCode::NOT_FOUND));
        }
        self.record(Route::Activate.name(), Who::Known(&account), StatusCode::OK, asked).await?;
        Ok(screens::activated())
    }

    async fn logout(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let Some(form) = form else { return Ok(see_other(paths::ACCOUNT)) };
        let gone = self.cookies.clear(Cookie::Session);
        let Some((session, _)) = self.visit(asked.headers).await? else {
            return Ok(screens::logged_out(false).with_cookie(&gone));
        };
        if !self.check_csrf(asked.headers, &session, form.get("csrf")) {
            return Ok(screens::stale(paths::ACCOUNT).with_status(REFUSED));
        }
        self.gateway.store.end_session(session.account.organization, &session.hash).await?;
        self.record(Route::Logout.name(), Who::Known(&session.account), StatusCode::OK, asked).await?;
        Ok(screens::logged_out(session.outside.is_some()).with_cookie(&gone))
    }

    /// The two new passwords of a form as one that may be set.
    pub(super) fn new_password(&self, form: &Form, account: &Account) -> Result<SecretString, String> {
        let (new, again) = (form.get("new").unwrap_or_default(), form.get("again").unwrap_or_default());
        self.policy.check(&super::policy::normal(new), &account.login)?;
        if !is_same(new, Some(again)) {
            return Err(DIFFERENT.to_owned());
        }
        Ok(SecretString::from(new))
    }

    /// Begins a session in place of the one that the browser has; what to set the cookie to. `None`: the account was changed meanwhile.
    pub(super) async fn begin(
        &self,
        account: &Account,
        shown: &Shown,
        asked: &Asked<'_>,
    ) -> Result<Option<String>, Unavailable> {
        let store = &self.gateway.store;
        let lasting = self.lasting(self.standing(account, shown));
        let Some(begun) = store.begin_session(account, shown, lasting).await? else { return Ok(None) };
        if let Some(before) = self.cookies.of(Cookie::Session, asked.headers) {
            // Of whichever account: nobody goes on under a token from before a login.
            let before = hash_of(before);
            if let Some(kept) = store.session(&before, self.policy.idle).await? {
                store.end_session(kept.account.organization, &before).await?;
            }
        }
        Ok(Some(self.cookies.set(Cookie::Session, super::shown(&begun.token))))
    }

    /// Where somebody of that standing goes.
    pub(super) fn step(standing: Standing, next: Option<&str>) -> String {
        match standing {
            Standing::SecondFactor => next::going_on(paths::SECOND_FACTOR, next),
            Standing::Password => next::going_on(paths::PASSWORD, next),
            Standing::Enrolment => next::going_on(paths::AUTHENTICATOR, next),
            Standing::Whole => next.unwrap_or(paths::ACCOUNT).to_owned(),
        }
    }

    /// What comes after a form was right. Where the login is whole the chain of redirections ends: what is gone on to may lead to a client.
    pub(super) fn onward(&self, account: &Account, shown: &Shown, next: Option<&str>) -> Page {
        let standing = self.standing(account, shown);
        let step = Self::step(standing, next);
        if standing == Standing::Whole { go_on("You are logged in", &step) } else { see_other(&step) }
    }

    /// Where to go on, as the form or the address says.
    pub(super) fn next_of(&self, asked: &Asked<'_>, form: Option<&Form>) -> Option<String> {
        let said = match form {
            Some(form) => form.get("next").map(str::to_owned),
            None => query::value(asked.query, "next").map(std::borrow::Cow::into_owned),
        };
        said.filter(|next| next::ours(next).is_some())
    }

    /// Somebody whose login is whole, or where to go instead.
    pub(super) async fn whole(&self, asked: &Asked<'_>, path: &str) -> Result<Result<Session, Page>, Unavailable> {
        Ok(match self.visit(asked.headers).await? {
            None => Err(login_page(Some(path))),
            Some((session, Standing::Whole)) => Ok(session),
            Some((_, standing)) => Err(see_other(&Self::step(standing, Some(path)))),
        })
    }
}

/// To the login.
pub(super) fn login_page(next: Option<&str>) -> Page {
    see_other(&next::going_on(paths::LOGIN, next))
}
