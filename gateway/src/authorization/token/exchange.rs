//! Codes and refresh tokens for access tokens: <https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-access-token>.

use std::time::Duration;

use consent::Purpose;
use hyper::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smart::grant::{INVALID_SCOPE, grant};
use smart::id_token::{IdToken, USERS};
use smart::pkce;
use smart::scope::{Other, Scopes};

use super::super::form::Form;
use super::super::{Asked, AuthorizationServer, Problem, Reply, Sent};
use crate::auth::scopes::{parsed, read};
use crate::metrics::Grant;
use crate::store::clients::{Approval, Client, Given, Handle, HandleKind, Wanted};

/// How long a token counts that somebody approved.
pub(super) const LIFETIME: Duration = Duration::from_secs(3_600);

/// What an authorization code stands for beside its approval.
#[derive(Debug, Deserialize, Serialize)]
pub(in crate::authorization) struct CodeContent {
    /// Where it was sent.
    pub(in crate::authorization) redirect_uri: String,
    /// What its verifier has to make.
    pub(in crate::authorization) challenge: String,
    /// What the ID token has to have in it.
    pub(in crate::authorization) nonce: Option<String>,
}

/// One sentence for all that a code or token may be that is none: whoever has it learns no more.
fn invalid_grant() -> Problem {
    Problem::new(
        "invalid_grant",
        "it is not known here, has expired, was used or revoked, or is another client's, another redirect_uri's or another code_verifier's",
    )
}

impl AuthorizationServer {
    /// Gives what a code or a refresh token is good for.
    pub(super) async fn exchange(&self, sent: &Sent<'_>, form: &Form, kind: HandleKind) -> Asked {
        let shown = match kind {
            HandleKind::Refresh => self.by_refresh_token(sent, form).await,
            _ => None,
        };
        let shown = match shown {
            Some(shown) => shown,
            None => self.shown(sent, form).await,
        };
        let shown = match shown {
            Ok(shown) => shown,
            Err(problem) => return (None, Err(problem)),
        };
        let purpose = shown.client.default_purpose.unwrap_or(Purpose::Hoperat);
        match self.redeemed(&shown.client, form, kind).await {
            Ok((purpose, reply)) => (Some((shown.client, purpose)), Ok(reply)),
            Err(problem) => (Some((shown.client, purpose)), Err(problem)),
        }
    }

    async fn redeemed(&self, client: &Client, form: &Form, kind: HandleKind) -> Result<(Purpose, Reply), Problem> {
        let store = &self.gateway.store;
        let name = if kind == HandleKind::Code { "code" } else { "refresh_token" };
        let text = form.get(name).ok_or_else(|| Problem::new("invalid_request", format!("{name} is missing")))?;
        let unavailable = |_| Problem::unavailable();
        let handle = store.handle(kind, text).await.map_err(unavailable)?.ok_or_else(invalid_grant)?;
        if handle.client != client.id || handle.organization != client.organization {
            return Err(invalid_grant());
        }
        let id = handle.approval.as_deref().ok_or_else(invalid_grant)?;
        let approval = store.approval(handle.organization, id).await.map_err(unavailable)?.ok_or_else(invalid_grant)?;
        if handle.is_used {
            return Err(self.twice(client, &approval).await);
        }
        let nonce = match kind {
            HandleKind::Code => self.proven(&handle, form).await?.nonce,
            _ => None,
        };
        self.still_may(&approval).await?;
        if !client.purposes.contains(&approval.approved.purpose) {
            return Err(invalid_grant());
        }
        let scopes = scopes(&approval, client, form.get("scope").filter(|_| kind == HandleKind::Refresh))?;
        let approved = parsed(&approval.approved.scopes);
        let refresh = approved.has(Other::OfflineAccess) || approved.has(Other::OnlineAccess);
        let text = scopes.to_string();
        let wanted = Wanted { scopes: &text, lifetime: LIFETIME, refresh };
        // What cannot be signed uses nothing up.
        let signed = match kind {
            HandleKind::Code if scopes.has(Other::Openid) => {
                Some(self.id_token(client, &approval, &scopes, nonce.as_deref()).await?)
            }
            _ => None,
        };
        let given = store.redeem(client, &handle, &approval, wanted).await.map_err(unavailable)?;
        let (access, next) = match given {
            Given::Tokens { access, refresh } => (access, refresh),
            Given::Reused => return Err(self.twice(client, &approval).await),
            Given::Ended => return Err(invalid_grant()),
        };
        self.issued.given(access.secret.expose_secret());
        self.issuing.issued(if kind == HandleKind::Code { Grant::AuthorizationCode } else { Grant::RefreshToken });
        let left_ms = access.expires_ms - self.gateway.clock.now_ms();
        let mut body = json!({
            "access_token": access.secret.expose_secret(),
            "expires_in": left_ms.max(0).unsigned_abs().div_ceil(1000),
            "scope": text,
            "token_type": "Bearer",
        });
        if let Some(next) = next {
            body["refresh_token"] = next.expose_secret().into();
        }
        for (name, value) in self.context(&approval) {
            body[name] = value;
        }
        if let Some(signed) = signed {
            body["id_token"] = signed.into();
        }
        Ok((approval.approved.purpose, Reply::json(StatusCode::OK, &body)))
    }

    /// That who approved it still may.
    async fn still_may(&self, approval: &Approval) -> Result<(), Problem> {
        let counts = self.logins.still_counts(approval).await.map_err(|_| Problem::unavailable())?;
        if counts { Ok(()) } else { Err(invalid_grant()) }
    }

    /// Who approved it, as OpenID Connect says it.
    async fn id_token(
        &self,
        client: &Client,
        approval: &Approval,
        scopes: &Scopes,
        nonce: Option<&str>,
    ) -> Result<String, Problem> {
        let profile = scopes.has(Other::Profile);
        let user = fhir_user(approval).filter(|_| profile || scopes.has(Other::FhirUser));
        let token = IdToken {
            subject: &approval.approved.account,
            client_id: &client.id,
            nonce,
            auth_time_s: Some(approval.approved.authenticated_ms / 1000),
            fhir_user: user.as_deref(),
            profile,
        };
        let signed = self.signer.id_token(&token).await.map_err(|error| {
            tracing::warn!(%error, "an ID token cannot be signed");
            Problem::unavailable()
        })?;
        Ok(signed.expose_secret().to_owned())
    }

    /// What comes twice is in other hands as well: all that came of the approval ends.
    async fn twice(&self, client: &Client, approval: &Approval) -> Problem {
        tracing::warn!(client = %client.id, "a code or refresh token came twice: what came of its approval has ended");
        match self.gateway.store.end_approval(approval.organization, &approval.id, "came twice").await {
            Ok(_) => invalid_grant(),
            Err(_) => Problem::unavailable(),
        }
    }

    /// That who sends a code is who asked for it. Whoever shows something else has used it up.
    async fn proven(&self, handle: &Handle, form: &Form) -> Result<CodeContent, Problem> {
        let content: CodeContent = serde_json::from_str(&handle.content).map_err(|_| invalid_grant())?;
        let is_it = form.get("redirect_uri") == Some(&content.redirect_uri)
            && form.get("code_verifier").is_some_and(|verifier| pkce::verifies(&content.challenge, verifier));
        if is_it {
            return Ok(content);
        }
        self.gateway.store.use_handle(handle).await.map_err(|_| Problem::unavailable())?;
        Err(invalid_grant())
    }
}

/// Who approved it, as a resource; a role is no person, and said to nobody.
fn fhir_user(approval: &Approval) -> Option<String> {
    let context: serde_json::Value = serde_json::from_str(&approval.approved.context).ok()?;
    let user = context["fhirUser"].as_str()?;
    USERS.contains(&user.split('/').next()?).then(|| user.to_owned())
}

/// The scopes of a token: what was approved, as far as the client may still have it; of these those that are asked for.
fn scopes(approval: &Approval, client: &Client, asked: Option<&str>) -> Result<Scopes, Problem> {
    let refused = |says: String| Problem::new(INVALID_SCOPE, says);
    let left = grant(&parsed(&approval.approved.scopes), &parsed(&client.scopes));
    let left = left.map_err(|error| refused(error.to_string()))?;
    let Some(asked) = asked else { return Ok(left) };
    let asked = read(asked).map_err(|error| refused(error.to_string()))?;
    grant(&asked, &left).map_err(|error| refused(error.to_string()))
}
