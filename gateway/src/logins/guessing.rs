//! Guessing from one address at the logins of many: bounded beside the lockout of each account.

use hyper::StatusCode;
use hyper::header::{self, HeaderName};

use super::{Asked, Logins, Route, Unavailable, Who, paths, screens};
use crate::http::rate::{Attempt, Standing};
use crate::pages::Page;

impl Route {
    /// Whether a request may be a guess at what opens a login. A link's token is shown by opening it already.
    fn is_guess(self, is_form: bool) -> bool {
        match self {
            // Each of those asks the provider, too.
            Self::Activate | Self::FromProvider => true,
            Self::Authenticator | Self::Login | Self::Password | Self::SecondFactor => is_form,
            Self::Account | Self::Logout | Self::Sessions | Self::ToProvider => false,
        }
    }
}

/// Whether an answer says that something did not fit that was looked at.
fn has_failed(page: &Page) -> bool {
    !page.looked_at_nothing && matches!(page.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

/// Whether another site's page makes a browser ask this by itself (a picture, a frame, a form): it must not use up what people of the same
/// address have. Who follows a link there does so in a window of its own.
fn is_of_another_page(asked: &Asked<'_>) -> bool {
    let said = |name: &str| asked.headers.get(name).and_then(|value| value.to_str().ok());
    let from_elsewhere = said("sec-fetch-site").is_some_and(|site| !matches!(site, "none" | "same-origin"));
    from_elsewhere && (asked.form.is_some() || said("sec-fetch-dest") != Some("document"))
}

impl Logins {
    /// Counts what may be a guess; the page to show where there is none for now.
    pub(super) async fn attempt(&self, route: Route, asked: &Asked<'_>) -> Result<Option<Attempt>, Page> {
        if !route.is_guess(asked.form.is_some()) {
            return Ok(None);
        }
        if is_of_another_page(asked) {
            // A form is refused, and on record, before anything of it is looked at; what comes by an address alone is not looked at.
            let looks_first = matches!(route, Route::Activate | Route::FromProvider);
            let stale = || screens::stale(paths::LOGIN).with_status(StatusCode::FORBIDDEN);
            return if looks_first { Err(stale()) } else { Ok(None) };
        }
        match self.guesses.attempt(asked.source) {
            Ok(attempt) => Ok(Some(attempt)),
            Err(standing) => Err(self
                .too_often(route, asked, &standing)
                .await
                .unwrap_or_else(|Unavailable| screens::unavailable().with_status(StatusCode::SERVICE_UNAVAILABLE))),
        }
    }

    /// What did not fail was no guess.
    pub(super) fn answered(&self, attempt: Option<Attempt>, page: &Page) {
        if let Some(attempt) = attempt
            && !has_failed(page)
        {
            self.guesses.give_back(attempt);
        }
    }

    /// Nobody is asked, so nothing tells whether it would have fitted.
    async fn too_often(&self, route: Route, asked: &Asked<'_>, standing: &Standing) -> Result<Page, Unavailable> {
        let status = StatusCode::TOO_MANY_REQUESTS;
        if self.guesses.is_first(asked.source, self.gateway.clock.now_ms()) {
            self.record(route.name(), Who::Nobody, status, asked).await?;
        }
        let (policy, limit) = standing.headers();
        let page = screens::too_often(standing.seconds).with_status(status);
        let page = page.with_header(header::RETRY_AFTER, &standing.seconds.to_string());
        let page = page.with_header(HeaderName::from_static("ratelimit-policy"), &policy);
        Ok(page.with_header(HeaderName::from_static("ratelimit"), &limit))
    }
}
