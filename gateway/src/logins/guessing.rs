//! Guessing from one address at the logins of many: bounded beside the lockout of each account.

use hyper::StatusCode;
use hyper::header::{self, HeaderName};

use super::{Asked, Logins, Route, Unavailable, Who, screens};
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

/// Whether an answer says that something did not fit.
fn has_failed(page: &Page) -> bool {
    matches!(page.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

impl Logins {
    /// Counts what may be a guess; the page to show where there is none for now.
    pub(super) async fn attempt(&self, route: Route, asked: &Asked<'_>) -> Result<Option<Attempt>, Page> {
        if !route.is_guess(asked.form.is_some()) {
            return Ok(None);
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
