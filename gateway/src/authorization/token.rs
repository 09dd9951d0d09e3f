//! The token endpoint: <https://hl7.org/fhir/smart-app-launch/backend-services.html#obtain-access-token>, and, for somebody who
//! approved it, <https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-access-token>.

mod exchange;
mod held;

pub(super) use exchange::CodeContent;

use std::time::Duration;

use consent::Purpose;
use hyper::StatusCode;
use secrecy::ExposeSecret as _;
use smart::assertion::{PURPOSES, PurposeOfUse};
use smart::grant::{INVALID_SCOPE, grant};
use smart::scope::ContextKind;

use super::client::Shown;
use super::form::Form;
use super::{Asked, AuthorizationServer, Problem, Reply, Sent};
use crate::auth::scopes::{parsed, read};
use crate::metrics::Grant;
use crate::store::clients::{Client, HandleKind, Kind};

/// How long a token counts: <https://hl7.org/fhir/smart-app-launch/backend-services.html#issue-access-token> recommends no more.
const LIFETIME: Duration = Duration::from_secs(300);

impl AuthorizationServer {
    /// Gives a client a token.
    pub(super) async fn token(&self, sent: &Sent<'_>, form: &str) -> Asked {
        let form = match Form::read(form) {
            Ok(form) => form,
            Err(problem) => return (None, Err(problem)),
        };
        match form.get("grant_type") {
            Some("client_credentials") => {}
            Some("authorization_code") => return self.exchange(sent, &form, HandleKind::Code).await,
            Some("refresh_token") => return self.exchange(sent, &form, HandleKind::Refresh).await,
            Some(_) => {
                let says = "grant_type has to be authorization_code, refresh_token, client_credentials or urn:ietf:params:oauth:grant-type:token-exchange";
                return (None, Err(Problem::new("unsupported_grant_type", says)));
            }
            None => return (None, Err(Problem::new("invalid_request", "grant_type is missing"))),
        }
        let shown = match self.shown(sent, &form).await {
            Ok(shown) => shown,
            Err(problem) => return (None, Err(problem)),
        };
        if shown.client.kind == Kind::Public {
            let says = "a public client gets tokens for people alone, by an authorization code";
            let purpose = shown.client.default_purpose.unwrap_or(Purpose::Hoperat);
            return (Some((shown.client, purpose)), Err(Problem::new("unauthorized_client", says)));
        }
        let purposes = match purposes(&shown) {
            Ok(purposes) => purposes,
            Err(problem) => {
                let purpose = shown.client.default_purpose.unwrap_or(Purpose::Hoperat);
                return (Some((shown.client, purpose)), Err(problem));
            }
        };
        let purpose = purposes.0;
        let reply = self.give(&shown.client, purposes, form.get("scope").unwrap_or_default()).await;
        (Some((shown.client, purpose)), reply)
    }

    async fn give(
        &self,
        client: &Client,
        (purpose, purposes): (Purpose, Vec<Purpose>),
        asked: &str,
    ) -> Result<Reply, Problem> {
        let scopes = granted(asked, &client.scopes)?;
        let given = self.gateway.store.issue_token(client, &scopes, (purpose, &purposes), LIFETIME).await;
        // Who was changed meanwhile shows anew that it is itself.
        let token = given.map_err(|_| Problem::unavailable())?.ok_or_else(Problem::invalid_client)?;
        self.issuing.issued(Grant::ClientCredentials);
        self.issued.given(token.secret.expose_secret());
        let left_ms = token.expires_ms - self.gateway.clock.now_ms();
        let expires_in = left_ms.max(0).unsigned_abs().div_ceil(1000);
        let body = serde_json::json!({
            "access_token": token.secret.expose_secret(),
            "expires_in": expires_in,
            "scope": scopes,
            "token_type": "Bearer",
        });
        Ok(Reply::json(StatusCode::OK, &body))
    }
}

/// What of the scopes that are asked for is granted: of those in the context `system/`, for nobody has logged in.
fn granted(asked: &str, allowed: &str) -> Result<String, Problem> {
    let refused = |says: String| Problem::new(INVALID_SCOPE, says);
    let asked = read(asked).map_err(|error| refused(error.to_string()))?;
    let granted =
        grant(&asked, &parsed(allowed).of_context(ContextKind::System)).map_err(|error| refused(error.to_string()))?;
    Ok(granted.to_string())
}

/// Why the client asks, and why its requests may say that they ask: what its assertion says, as far as it may; where that says nothing,
/// what it always does, and all that it is registered with.
fn purposes(shown: &Shown) -> Result<(Purpose, Vec<Purpose>), Problem> {
    let client = &shown.client;
    let refused = |says| Problem::new("unauthorized_client", says);
    match shown.verified.as_ref().and_then(|verified| verified.purpose_of_use.as_deref()) {
        Some(wanted) => {
            let known = |of: &PurposeOfUse| Purpose::parse(&of.code).filter(|_| &*of.system == PURPOSES);
            let named = wanted.iter().filter_map(known).filter(|purpose| client.purposes.contains(purpose));
            let named: Vec<Purpose> = named.collect();
            let first = named.first().copied();
            let first =
                first.ok_or_else(|| refused("the client may ask for none of the purposes of use of its assertion"))?;
            Ok((first, named))
        }
        None => {
            let default = client.default_purpose.ok_or_else(|| {
                refused(
                    "the client has no purpose of use by default: say which in the hl7-b2b extension of the assertion",
                )
            })?;
            Ok((default, client.purposes.clone()))
        }
    }
}
