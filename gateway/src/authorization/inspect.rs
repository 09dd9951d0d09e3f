//! What a token is (<https://www.rfc-editor.org/rfc/rfc7662>), and its end (<https://www.rfc-editor.org/rfc/rfc7009>).

use consent::Purpose;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::documents::STYLE;
use super::{Asked, AuthorizationServer, Problem, Reply, Sent};
use crate::store::clients::{Approval, Client, HandleKind, Kind, hash_of};
use crate::store::error::StoreError;

impl AuthorizationServer {
    /// RFC 7662: what a token is, to a client of the same organization; of any other token no more than that it is none.
    pub(super) async fn introspect(&self, sent: &Sent<'_>, form: &str) -> Asked {
        self.about_a_token(sent, form, async |client, token| {
            // Who only names itself is told nothing (<https://www.rfc-editor.org/rfc/rfc7662#section-2.1>).
            if client.kind == Kind::Public {
                return Ok(Problem::invalid_client().into());
            }
            let found = self.gateway.store.token(&hash_of(token)).await?;
            let found = found.filter(|found| found.client.organization == client.organization);
            let body = found.map_or_else(
                || json!({ "active": false }),
                |found| {
                    let mut body = json!({
                        "active": true,
                        "client_id": found.client.id,
                        "exp": found.expires_ms / 1000,
                        "iat": found.issued_ms / 1000,
                        "iss": self.origin,
                        "scope": found.scopes,
                        "token_type": "Bearer",
                    });
                    if let Some((approval, _)) = &found.approved {
                        body["sub"] = approval.approved.account.as_str().into();
                        for (name, value) in self.context(approval) {
                            body[name] = value;
                        }
                    }
                    body
                },
            );
            Ok(Reply::json(StatusCode::OK, &body))
        })
        .await
    }

    /// What is in context of an approval, as the answer of the token endpoint has it:
    /// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token>.
    pub(super) fn context(&self, approval: &Approval) -> Vec<(&'static str, Value)> {
        let approved = &approval.approved;
        let said: Value = serde_json::from_str(&approved.context).unwrap_or_default();
        let mut context = Vec::new();
        context.extend(approved.patient.as_deref().map(|id| ("patient", id.into())));
        context.extend(approved.encounter.as_deref().map(|id| ("encounter", id.into())));
        for name in ["need_patient_banner", "intent", "fhirContext"] {
            context.extend(said.get(name).map(|value| (name, value.clone())));
        }
        let user = said["fhirUser"].as_str().map(|user| format!("{}/{user}", self.base));
        context.extend(user.map(|user| ("fhirUser", user.into())));
        context.push(("smart_style_url", format!("{}{STYLE}", self.origin).into()));
        context
    }

    /// RFC 7009: ends a token of the client's. Of one that is none the answer is the same.
    pub(super) async fn revoke(&self, sent: &Sent<'_>, form: &str) -> Asked {
        self.about_a_token(sent, form, async |client, token| {
            let store = &self.gateway.store;
            // With a refresh token all that came of its approval ends.
            if let Some(handle) = store.handle(HandleKind::Refresh, token).await?
                && handle.client == client.id
                && let Some(approval) = &handle.approval
            {
                store.end_approval(handle.organization, approval, &client.id).await?;
                self.issued.forget_all();
            }
            let hash = &hash_of(token);
            let ended = store.revoke_token(client, hash).await;
            self.issued.forget(hash);
            ended.map(|_| Reply::empty(StatusCode::OK))
        })
        .await
    }

    /// What a client that has shown that it is itself asks of a token.
    async fn about_a_token(
        &self,
        sent: &Sent<'_>,
        form: &str,
        answer: impl AsyncFnOnce(&Client, &str) -> Result<Reply, StoreError>,
    ) -> Asked {
        let (client, form) = match self.known(sent, form).await {
            Ok(known) => known,
            Err(problem) => return (None, Err(problem)),
        };
        let reply = match form.get("token") {
            Some(token) => answer(&client, token).await.map_err(|_| Problem::unavailable()),
            None => Err(Problem::new("invalid_request", "which token? Send it as token")),
        };
        (Some((client, Purpose::Hoperat)), reply)
    }
}
