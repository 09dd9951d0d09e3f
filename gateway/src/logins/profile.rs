//! What somebody who has logged in sees and changes of the own account.

use hyper::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};

use super::answer::login_page;
use super::outside::ANEW_MS;
use super::screens::Enrolment;
use super::{Asked, Logins, Route, Session, Shown, Standing, Unavailable, Who, next, paths, screens, totp};
use crate::authorization::form::Form;
use crate::http::query;
use crate::pages::{Page, go_on, see_other};
use crate::sealing::Sealed;
use crate::store::accounts::Account;

const REFUSED: StatusCode = StatusCode::FORBIDDEN;
const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The password now is not right; after too many attempts the session goes on, and nothing can be changed.
const WRONG: &str = "The password now is not right, or there were too many attempts.";
const WRONG_EITHER: &str = "Code and password do not fit, or there were too many attempts. Wait for the next code.";

impl Logins {
    pub(super) async fn account(&self, asked: &Asked<'_>) -> Result<Page, Unavailable> {
        let session = match self.whole(asked, paths::ACCOUNT).await? {
            Ok(session) => session,
            Err(page) => return Ok(page),
        };
        let others = self.gateway.store.other_sessions(&session.account, &session.hash, self.policy.idle).await?;
        let said = match query::value(asked.query, "done").as_deref() {
            Some("password") => Some("Your password is changed, and other browsers are logged out."),
            Some("sessions") => Some("Other browsers are logged out."),
            Some("authenticator") => Some("The second factor is off."),
            _ => None,
        };
        Ok(screens::account(&session.csrf, &session.account, &others, said))
    }

    pub(super) async fn sessions(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let session = match self.whole(asked, paths::ACCOUNT).await? {
            Ok(session) => session,
            Err(page) => return Ok(page),
        };
        let Some(form) = form else { return Ok(see_other(paths::ACCOUNT)) };
        if !self.check_csrf(asked.headers, &session, form.get("csrf")) {
            return Ok(screens::stale(paths::ACCOUNT).with_status(REFUSED));
        }
        self.gateway.store.end_other_sessions(&session.account, &session.hash).await?;
        self.record(Route::Sessions.name(), Who::Known(&session.account), StatusCode::OK, asked).await?;
        Ok(see_other("/oauth/account?done=sessions"))
    }

    pub(super) async fn password(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let next = self.next_of(asked, form);
        let next = next.as_deref();
        let Some((session, standing)) = self.visit(asked.headers).await? else {
            return Ok(login_page(Some(paths::PASSWORD)));
        };
        if standing == Standing::SecondFactor {
            return Ok(see_other(&Self::step(standing, Some(paths::PASSWORD))));
        }
        // Whom a provider vouches for has none, and gets none here.
        if !session.account.has_password() {
            return Ok(see_other(paths::ACCOUNT));
        }
        let (rule, must) = (self.policy.says(), standing == Standing::Password);
        let show = |wrong: Option<&str>| screens::password(&session.csrf, next, &rule, must, wrong);
        let Some(form) = form else { return Ok(show(None)) };
        if !self.check_csrf(asked.headers, &session, form.get("csrf")) {
            return Ok(screens::stale(paths::PASSWORD).with_status(REFUSED));
        }
        let account = &session.account;
        let new = match self.new_password(form, account) {
            Ok(new) => new,
            Err(wrong) => return Ok(show(Some(&wrong)).with_status(UNFIT)),
        };
        let current = SecretString::from(form.get("current").unwrap_or_default());
        if current.expose_secret() == new.expose_secret() {
            return Ok(show(Some("The new password is the old one.")).with_status(UNFIT));
        }
        let (_, right) = self.try_password(Some(account.clone()), current, Route::Password, asked).await?;
        if !right {
            return Ok(show(Some(WRONG)).with_status(REFUSED));
        }
        let hash = self.hasher.hash(new).await?;
        if !self.gateway.store.set_password(account, &hash, None).await? {
            return Ok(screens::stale(paths::PASSWORD).with_status(REFUSED));
        }
        self.record(Route::Password.name(), Who::Known(account), StatusCode::OK, asked).await?;
        let shown = session.shown();
        self.anew(&session, &shown, asked, |account| {
            let standing = self.standing(account, &shown);
            match (must, standing) {
                (true, Standing::Whole) => go_on("Your password is changed", &Self::step(standing, next)),
                (_, Standing::Whole) => see_other("/oauth/account?done=password"),
                _ => see_other(&Self::step(standing, next)),
            }
        })
        .await
    }

    pub(super) async fn authenticator(&self, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let next = self.next_of(asked, form);
        let next = next.as_deref();
        let Some((session, standing)) = self.visit(asked.headers).await? else {
            return Ok(login_page(Some(paths::AUTHENTICATOR)));
        };
        if !matches!(standing, Standing::Whole | Standing::Enrolment) {
            return Ok(see_other(&Self::step(standing, Some(paths::AUTHENTICATOR))));
        }
        if let Some(form) = form
            && !self.check_csrf(asked.headers, &session, form.get("csrf"))
        {
            return Ok(screens::stale(paths::AUTHENTICATOR).with_status(REFUSED));
        }
        if standing == Standing::Whole
            && let Some(login) = self.login_anew(&session, next)
        {
            return Ok(see_other(&login));
        }
        if session.account.has_second_factor() {
            return self.turn_off(&session, asked, form).await;
        }
        self.enrol(&session, standing, asked, form, next).await
    }

    /// Where somebody logs in again who has no password that a change could be confirmed by, and whose login was not just now: whoever finds
    /// the browser open has its session, and not that.
    fn login_anew(&self, session: &Session, next: Option<&str>) -> Option<String> {
        let provider = session.outside.as_deref().filter(|_| !session.account.has_password())?;
        let is_new = self.gateway.clock.now_ms() - session.authenticated_ms < ANEW_MS;
        let here = next::going_on(paths::AUTHENTICATOR, next);
        let there = format!("{}?provider={provider}&anew=1", paths::TO_PROVIDER);
        (!is_new).then(|| next::adding(&there, &here))
    }

    async fn turn_off(&self, session: &Session, asked: &Asked<'_>, form: Option<&Form>) -> Result<Page, Unavailable> {
        let account = &session.account;
        let may = !self.policy.second_factor;
        let show = |wrong: Option<&str>| screens::authenticator_off(&session.csrf, account, may, wrong);
        let Some(form) = form.filter(|form| may && form.get("off").is_some()) else { return Ok(show(None)) };
        if !self.confirmed(account, form, asked).await?
            || !self.try_code(account, form.get("code").unwrap_or_default(), Route::Authenticator, asked).await?
        {
            return Ok(show(Some(WRONG_EITHER)).with_status(REFUSED));
        }
        if !self.gateway.store.set_second_factor(account, None, &[]).await? {
            return Ok(screens::stale(paths::AUTHENTICATOR).with_status(REFUSED));
        }
        self.record("second-factor-off", Who::Known(account), StatusCode::OK, asked).await?;
        let shown = Shown { second: false, ..session.shown() };
        self.anew(session, &shown, asked, |_| see_other("/oauth/account?done=authenticator")).await
    }

    async fn enrol(
        &self,
        session: &Session,
        standing: Standing,
        asked: &Asked<'_>,
        form: Option<&Form>,
        next: Option<&str>,
    ) -> Result<Page, Unavailable> {
        let account = &session.account;
        let sealer = &self.gateway.sealer;
        // Until it is on, the browser has it, sealed for this session alone.
        let pending = format!("totp pending {} {}", account.id, session.hash);
        let said = form.and_then(|form| form.get("secret"));
        let secret = said.and_then(|sealed| sealer.unseal(&pending, sealed).ok());
        let is_new = secret.is_none();
        let secret = match secret {
            Some(secret) => secret,
            None => totp::new_secret()?,
        };
        let sealed = sealer.seal(&pending, secret.expose_secret())?;
        let issuer = self.origin.split_once("://").map_or(&*self.origin, |(_, host)| host);
        let must = standing == Standing::Enrolment;
        let shown = Enrolment { csrf: &session.csrf, next, secret: &secret, sealed: &sealed, issuer, must };
        let Some(form) = form.filter(|_| !is_new) else { return Ok(shown.page(account, None)) };
        let code = form.get("code").unwrap_or_default();
        let Some(step) = totp::step_of(&secret, code, self.gateway.clock.now_ms()) else {
            return Ok(shown.page(account, Some("That is not the code that the app shows now.")).with_status(UNFIT));
        };
        if !self.confirmed(account, form, asked).await? {
            return Ok(shown.page(account, Some(WRONG)).with_status(REFUSED));
        }
        let (codes, hashes) = totp::recovery()?;
        let sealed = sealer.seal(&Sealed::SecondFactor.context(&account.id), secret.expose_secret())?;
        if !self.gateway.store.set_second_factor(account, Some((&sealed, step)), &hashes).await? {
            return Ok(screens::stale(paths::AUTHENTICATOR).with_status(REFUSED));
        }
        self.record("second-factor-on", Who::Known(account), StatusCode::OK, asked).await?;
        let onward = next.and_then(next::ours).unwrap_or(paths::ACCOUNT);
        let shown = Shown { second: true, ..session.shown() };
        self.anew(session, &shown, asked, |_| screens::recovery(&codes, onward)).await
    }

    /// Whether a change is its owner's: by the password, where there is one.
    async fn confirmed(&self, account: &Account, form: &Form, asked: &Asked<'_>) -> Result<bool, Unavailable> {
        if !account.has_password() {
            return Ok(true);
        }
        let password = SecretString::from(form.get("password").unwrap_or_default());
        let (_, right) = self.try_password(Some(account.clone()), password, Route::Authenticator, asked).await?;
        Ok(right)
    }

    /// A session in place of all that a change of the owner's has ended.
    async fn anew(
        &self,
        session: &Session,
        shown: &Shown,
        asked: &Asked<'_>,
        page: impl FnOnce(&Account) -> Page,
    ) -> Result<Page, Unavailable> {
        let account = &session.account;
        let found = self.gateway.store.account(account.organization, &account.id).await?;
        let Some(account) = found else { return Ok(login_page(None)) };
        match self.begin(&account, shown, asked).await? {
            Some(cookie) => Ok(page(&account).with_cookie(&cookie)),
            None => Ok(login_page(None)),
        }
    }
}
