//! The gateway as an authorization server: where programs get tokens by SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>), have them looked at (RFC 7662) and end them (RFC 7009).
//!
//! What OAuth says of an error is one of its words and a sentence; who a client is not, is not told apart: a client that is not
//! known, is disabled, or shows a wrong secret or assertion is `invalid_client`. (Ids of clients are public all the same, and how long the
//! answer takes may tell which there are.)

mod client;
mod form;
mod keys;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use consent::{OrganizationId, Purpose};
use hyper::{HeaderMap, StatusCode};
use serde_json::json;
use smart::metadata::{Features, Paths, Site};

use crate::audit::{AuditError, Circumstances, Decision, Event, address};
use crate::auth::Issued;
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::interaction::audited::NOBODY;
use crate::store::clients::{Client, hash_of};
use crate::store::error::StoreError;

pub use self::keys::KeysAt;

/// Where its endpoints are, from the origin on.
pub const PATHS: Paths<'static> = Paths {
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    jwks: "/oauth/jwks",
    register: "/oauth/register",
    manage: "/oauth/manage",
    introspect: "/oauth/introspect",
    revoke: "/oauth/revoke",
};

/// The longest form that is read, in bytes.
pub const LONGEST_FORM: usize = 64 * 1024;

/// What is asked of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// `.well-known/smart-configuration`
    SmartConfiguration,
    /// `.well-known/oauth-authorization-server`
    ServerMetadata,
    /// A token.
    Token,
    /// What a token is.
    Introspect,
    /// The end of a token.
    Revoke,
}

impl Part {
    /// What the audit trail calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmartConfiguration => "smart-configuration",
            Self::ServerMetadata => "oauth-metadata",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
        }
    }

    /// Whether it takes a form.
    pub fn takes_form(self) -> bool {
        matches!(self, Self::Token | Self::Introspect | Self::Revoke)
    }
}

/// An answer: JSON, which nobody keeps. It may hold a token, and shows none.
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its body; empty for none.
    pub body: Bytes,
    /// Who asks is not known: it is told how to show who it is.
    pub challenges: bool,
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self { status, body: body.to_string().into(), challenges: false }
    }
}

/// What went wrong, in OAuth's words: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    error: &'static str,
    says: String,
    /// The client that somebody said to be and did not show.
    of: Option<Box<Client>>,
}

impl Problem {
    fn new(error: &'static str, says: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, says: says.into(), of: None }
    }

    /// Who asks has not shown that it is the client that it says. One sentence for all ways to fail.
    fn invalid_client() -> Self {
        let says = "the client is not known here, is disabled, or has not shown that it is itself by its secret, or by an assertion: RS384 or \
                    ES384 with kid, iss and sub the client_id, aud the token endpoint, exp within five minutes, a jti never used before";
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", says) }
    }

    /// The same, of a client that is known: it is on record with its organization, and told nothing.
    fn against(self, client: Client) -> Self {
        Self { of: Some(Box::new(client)), ..self }
    }

    fn unavailable() -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new("temporarily_unavailable", "try again") }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let body = json!({ "error": problem.error, "error_description": problem.says });
        Self { challenges: problem.status == StatusCode::UNAUTHORIZED, ..Self::json(problem.status, &body) }
    }
}

/// The authorization server.
pub struct AuthorizationServer {
    gateway: Arc<Gateway>,
    issued: Arc<Issued>,
    keys: KeysAt,
    /// The origin, without a slash at the end.
    origin: Box<str>,
    token_url: Box<str>,
}

impl AuthorizationServer {
    /// At an origin (`https://gateway.clinic.example`).
    pub fn new(gateway: Arc<Gateway>, issued: Arc<Issued>, keys: KeysAt, origin: &str) -> Self {
        let token_url = format!("{origin}{}", PATHS.token).into();
        Self { gateway, issued, keys, origin: origin.into(), token_url }
    }

    /// Where clients find what.
    pub fn site(&self) -> Site<'_> {
        site(&self.origin)
    }

    /// Answers one request. `form`: its body, or the status of why there is none.
    pub async fn answer(
        &self,
        part: Part,
        headers: &HeaderMap,
        form: Result<&str, StatusCode>,
        (request, source): (&str, Option<IpAddr>),
    ) -> Reply {
        let form = match form {
            Ok(form) => form,
            Err(status) => {
                let says = "send a form of at most 64 KiB (application/x-www-form-urlencoded, UTF-8)";
                // RFC 6749 knows one status for what is not well formed.
                let status = if status.is_server_error() { status } else { StatusCode::BAD_REQUEST };
                let problem = Problem { status, ..Problem::new("invalid_request", says) };
                return self.recorded(part, (None, Err(problem)), (request, source)).await;
            }
        };
        let asked = match part {
            Part::SmartConfiguration => return document(&self.site().smart_configuration()),
            Part::ServerMetadata => return document(&self.site().authorization_server()),
            Part::Token => self.token(headers, form).await,
            Part::Introspect => self.introspect(headers, form).await,
            Part::Revoke => self.revoke(headers, form).await,
        };
        self.recorded(part, asked, (request, source)).await
    }

    /// The reply, once it is on record: nobody is given what is not.
    async fn recorded(&self, part: Part, (client, reply): Asked, about: (&str, Option<IpAddr>)) -> Reply {
        let against = reply.as_ref().err().and_then(|problem| problem.of.as_deref().cloned());
        let reply: Reply = reply.unwrap_or_else(Into::into);
        let who = match (client, against) {
            (Some((client, purpose)), _) => Who::Known(client, purpose),
            (None, Some(client)) => Who::NotShown(client),
            (None, None) => Who::Nobody,
        };
        if self.record(part, &who, &reply, about).await.is_err() { Problem::unavailable().into() } else { reply }
    }

    /// Puts an exchange on record: who asked, and what came of it.
    async fn record(
        &self,
        part: Part,
        who: &Who,
        reply: &Reply,
        (request, source): (&str, Option<IpAddr>),
    ) -> Result<(), AuditError> {
        let store = &self.gateway.store;
        let of = |organization: OrganizationId, caller: &str, purpose| Circumstances {
            source: source.map(address),
            ..Circumstances::unknown(organization, caller, request, purpose)
        };
        let is_refused = reply.status.is_client_error();
        let (of, decision) = match who {
            Who::Known(client, purpose) => {
                if is_refused {
                    store.refused(client.organization, &client.id);
                }
                let known = Circumstances {
                    client: Some(client.id.as_str().into()),
                    on_behalf: (!client.actors.is_empty()).then(|| client.actors.join(" ").into()),
                    ..of(client.organization, &client.id, *purpose)
                };
                (known, if reply.status.is_success() { Decision::Permit } else { Decision::Refused })
            }
            Who::NotShown(client) => {
                if is_refused {
                    store.refused(client.organization, &client.id);
                }
                let said = Circumstances {
                    client: Some(client.id.as_str().into()),
                    ..of(client.organization, NOBODY, Purpose::Treat)
                };
                (said, Decision::Unauthenticated)
            }
            Who::Nobody => {
                if reply.status == StatusCode::UNAUTHORIZED {
                    store.refused_stranger(source);
                }
                (of(DEFAULT_ORGANIZATION, NOBODY, Purpose::Treat), Decision::Unauthenticated)
            }
        };
        let event = Event {
            of: Arc::new(of),
            interaction: part.name(),
            kind: None,
            id: None,
            version: None,
            patient: None,
            epoch: None,
            status: reply.status.as_u16(),
            at_ms: self.gateway.clock.now_ms(),
            decision,
        };
        self.gateway.audit.record(event).await
    }

    /// RFC 7662: what a token is, to a client of the same organization; of any other token no more than that it is none.
    async fn introspect(&self, headers: &HeaderMap, form: &str) -> Asked {
        self.about_a_token(headers, form, async |client, hash| {
            let found = self.gateway.store.token(hash).await?;
            let found = found.filter(|found| found.client.organization == client.organization);
            let body = found.map_or_else(
                || json!({ "active": false }),
                |found| {
                    json!({
                        "active": true,
                        "client_id": found.client.id,
                        "exp": found.expires_ms / 1000,
                        "iat": found.issued_ms / 1000,
                        "scope": found.scopes,
                        "token_type": "Bearer",
                    })
                },
            );
            Ok(Reply::json(StatusCode::OK, &body))
        })
        .await
    }

    /// RFC 7009: ends a token of the client's. Of one that is none the answer is the same.
    async fn revoke(&self, headers: &HeaderMap, form: &str) -> Asked {
        self.about_a_token(headers, form, async |client, hash| {
            let ended = self.gateway.store.revoke_token(client, hash).await;
            self.issued.forget(hash);
            ended.map(|_| Reply { status: StatusCode::OK, body: Bytes::new(), challenges: false })
        })
        .await
    }

    /// What a client that has shown that it is itself asks of a token, by its hash.
    async fn about_a_token(
        &self,
        headers: &HeaderMap,
        form: &str,
        answer: impl AsyncFnOnce(&Client, &str) -> Result<Reply, StoreError>,
    ) -> Asked {
        let (client, form) = match self.known(headers, form).await {
            Ok(known) => known,
            Err(problem) => return (None, Err(problem)),
        };
        let reply = match form.get("token") {
            Some(token) => answer(&client, &hash_of(token)).await.map_err(|_| Problem::unavailable()),
            None => Err(Problem::new("invalid_request", "which token? Send it as token")),
        };
        (Some((client, Purpose::Hoperat)), reply)
    }
}

/// Who asked.
enum Who {
    /// A client that has shown that it is, and why it asked.
    Known(Client, Purpose),
    /// Somebody who said to be this client.
    NotShown(Client),
    /// Nobody knows.
    Nobody,
}

/// Who asked, where that is known, and what is answered.
type Asked = (Option<(Client, Purpose)>, Result<Reply, Problem>);

/// What is there, at an origin.
pub fn site(origin: &str) -> Site<'_> {
    let features = Features {
        backend_services: true,
        symmetric_clients: true,
        introspection: true,
        revocation: true,
        ..Features::default()
    };
    Site { issuer: origin, base: origin, paths: PATHS, features }
}

fn document(metadata: &smart::metadata::Metadata) -> Reply {
    match serde_json::to_value(metadata) {
        Ok(document) => Reply::json(StatusCode::OK, &document),
        Err(_) => Problem::unavailable().into(),
    }
}
