//! The gateway as an authorization server: where programs get tokens by SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>), have them looked at (RFC 7662) and end them (RFC 7009).
//!
//! What OAuth says of an error is one of its words and a sentence; who a client is not, is not told apart: a client that is not
//! known, is disabled, or shows a wrong secret or assertion is `invalid_client`. (Ids of clients are public all the same, and how long the
//! answer takes may tell which there are.)

mod approval;
mod authorize;
mod client;
pub(crate) mod form;
mod keys;
mod launch;
mod manage;
mod person;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use consent::{OrganizationId, Purpose};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use smart::metadata::{Features, Paths, Site};

use self::approval::Step;
use self::person::About;

use crate::audit::{AuditError, Circumstances, Decision, Event, address};
use crate::auth::Issued;
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::interaction::Endpoint;
use crate::interaction::audited::NOBODY;
use crate::logins::{self, Logins};
use crate::pages::{self, Page};
use crate::signing::{self, Signer};
use crate::store::accounts::Account;
use crate::store::clients::{Approval, Client, HandleKind, Kind, hash_of};
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

/// Where apps find how the EHR looks.
const STYLE: &str = "/oauth/smart-style.json";

/// The longest form that is read, in bytes.
pub const LONGEST_FORM: usize = 64 * 1024;

/// What is asked of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// `.well-known/smart-configuration`
    SmartConfiguration,
    /// `.well-known/oauth-authorization-server`
    ServerMetadata,
    /// Where an app begins, for somebody.
    Authorize,
    /// Where somebody approves it.
    Approval,
    /// What somebody approved, and its end.
    Manage,
    /// A launch from an EHR.
    Launch,
    /// How the EHR looks.
    Style,
    /// `.well-known/openid-configuration`
    OpenIdConfiguration,
    /// The keys that ID tokens are signed with.
    KeySet,
    /// A token.
    Token,
    /// What a token is.
    Introspect,
    /// The end of a token.
    Revoke,
    /// A page for people: who logs in.
    Logins(logins::Route),
}

impl Part {
    /// What the audit trail calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmartConfiguration => "smart-configuration",
            Self::ServerMetadata => "oauth-metadata",
            Self::Authorize => "authorize",
            Self::Approval => "approval",
            Self::Manage => "approvals",
            Self::Launch => "launch",
            Self::Style => "smart-style",
            Self::OpenIdConfiguration => "openid-configuration",
            Self::KeySet => "jwks",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Logins(route) => route.name(),
        }
    }

    /// Whether it only tells what everybody may know.
    pub fn is_document(self) -> bool {
        matches!(
            self,
            Self::SmartConfiguration | Self::ServerMetadata | Self::OpenIdConfiguration | Self::KeySet | Self::Style
        )
    }
}

/// An answer, which nobody keeps. It may hold a token, and shows none.
pub enum Reply {
    /// To a program.
    Json {
        /// Its status.
        status: StatusCode,
        /// Its body; empty for none.
        body: Bytes,
        /// Who asks is not known: it is told how to show who it is.
        challenges: bool,
        /// For how many seconds anybody may keep it; 0: nobody may.
        kept_s: u32,
    },
    /// To somebody's browser: a page, or where to go.
    Page(Box<Page>),
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reply").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Reply {
    fn json(status: StatusCode, body: &Value) -> Self {
        Self::Json { status, body: body.to_string().into(), challenges: false, kept_s: 0 }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Json { status, .. } => *status,
            Self::Page(page) => page.status,
        }
    }
}

/// What is sent to it.
pub struct Sent<'s> {
    /// What.
    pub part: Part,
    /// It came as a form.
    pub is_form: bool,
    /// Its headers.
    pub headers: &'s HeaderMap,
    /// The form, or of a GET the query; the status of why there is none.
    pub text: Result<&'s str, StatusCode>,
    /// The name of the HTTP request.
    pub request: &'s str,
    /// The address that it came from.
    pub source: Option<IpAddr>,
}

/// What went wrong, in OAuth's words: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
#[derive(Debug)]
pub(crate) struct Problem {
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
        let challenges = problem.status == StatusCode::UNAUTHORIZED;
        Self::Json { status: problem.status, body: body.to_string().into(), challenges, kept_s: 0 }
    }
}

/// The authorization server.
pub struct AuthorizationServer {
    endpoint: Arc<Endpoint>,
    gateway: Arc<Gateway>,
    /// Who has logged in.
    pub logins: Logins,
    issued: Arc<Issued>,
    keys: KeysAt,
    signer: Arc<Signer>,
    /// The origin, without a slash at the end.
    origin: Box<str>,
    /// The FHIR base.
    base: Box<str>,
    token_url: Box<str>,
}

impl AuthorizationServer {
    /// At an origin (`https://gateway.clinic.example`).
    pub fn new(
        endpoint: Arc<Endpoint>,
        logins: Logins,
        (issued, keys, signer): (Arc<Issued>, KeysAt, Arc<Signer>),
        origin: &str,
    ) -> Self {
        let token_url = format!("{origin}{}", PATHS.token).into();
        let (gateway, base) = (Arc::clone(&endpoint.gateway), endpoint.base.clone());
        Self { endpoint, gateway, logins, issued, keys, signer, origin: origin.into(), base, token_url }
    }

    /// Where clients find what.
    pub fn site(&self) -> Site<'_> {
        site(&self.origin)
    }

    /// What everybody may know.
    pub async fn document(&self, part: Part) -> Reply {
        match part {
            Part::OpenIdConfiguration => self.openid_configuration(),
            Part::KeySet => self.key_set().await,
            Part::SmartConfiguration => document(&self.site().smart_configuration()),
            Part::ServerMetadata => document(&self.site().authorization_server()),
            Part::Style => Reply::json(StatusCode::OK, &style()),
            _ => Problem::unavailable().into(),
        }
    }

    /// Answers one request.
    pub async fn answer(&self, sent: &Sent<'_>) -> Reply {
        let Sent { part, headers, .. } = *sent;
        let text = match sent.text {
            Ok(text) => text,
            Err(status) => {
                let says = "send a form of at most 64 KiB (application/x-www-form-urlencoded, UTF-8)";
                // RFC 6749 knows one status for what is not well formed.
                let status = if status.is_server_error() { status } else { StatusCode::BAD_REQUEST };
                let problem = Problem { status, ..Problem::new("invalid_request", says) };
                return self.recorded(sent, (None, Err(problem))).await;
            }
        };
        let asked = match part {
            Part::Token => self.token(headers, text).await,
            Part::Introspect => self.introspect(headers, text).await,
            Part::Revoke => self.revoke(headers, text).await,
            Part::Launch => self.launch(headers, text).await,
            Part::Authorize | Part::Approval | Part::Manage => return self.page(sent, text).await,
            // Those of logins are answered by `logins`, with pages.
            _ => return self.document(part).await,
        };
        self.recorded(sent, asked).await
    }

    /// Answers somebody's browser.
    async fn page(&self, sent: &Sent<'_>, text: &str) -> Reply {
        let form = sent.is_form.then_some(text);
        let step = match sent.part {
            Part::Authorize => self.authorize(text).await.map(|(client, page)| Step { client, ..Step::nobody(page) }),
            Part::Manage => self.manage(sent.headers, form).await,
            _ => {
                let about = About { request_id: sent.request, source: sent.source };
                self.approval(sent.headers, text, form, about).await
            }
        };
        let step = step.unwrap_or_else(|problem| {
            let page = pages::problem(problem.status, &problem.says);
            Step { client: problem.of.map(|client| *client), ..Step::nobody(page) }
        });
        let who = match (step.account, step.client, step.purpose) {
            (Some(account), client, purpose) => {
                Who::Person(Box::new(account), client.map(Box::new), purpose.unwrap_or(Purpose::Hoperat))
            }
            (None, Some(client), _) => Who::NotShown(client),
            (None, None, _) => Who::Nobody,
        };
        let reply = Reply::Page(Box::new(step.page));
        if self.record(sent, &who, &reply).await.is_err() { Problem::unavailable().into() } else { reply }
    }

    /// Where OpenID Connect is to be found, if it is there.
    fn openid_configuration(&self) -> Reply {
        match self.site().openid_configuration() {
            Some(found) => match serde_json::to_vec(&found) {
                Ok(body) => kept(body.into()),
                Err(_) => Problem::unavailable().into(),
            },
            None => {
                let says = "there is no OpenID Connect here: nobody logs in";
                Problem { status: StatusCode::NOT_FOUND, ..Problem::new("not_found", says) }.into()
            }
        }
    }

    async fn key_set(&self) -> Reply {
        match self.signer.key_set().await {
            Ok(body) => kept(body),
            Err(error) => {
                tracing::warn!(%error, "the key set cannot be shown");
                Problem::unavailable().into()
            }
        }
    }

    /// The reply, once it is on record: nobody is given what is not.
    async fn recorded(&self, sent: &Sent<'_>, (client, reply): Asked) -> Reply {
        let against = reply.as_ref().err().and_then(|problem| problem.of.as_deref().cloned());
        let reply: Reply = reply.unwrap_or_else(Into::into);
        let who = match (client, against) {
            (Some((client, purpose)), _) => Who::Known(client, purpose),
            (None, Some(client)) => Who::NotShown(client),
            (None, None) => Who::Nobody,
        };
        if self.record(sent, &who, &reply).await.is_err() { Problem::unavailable().into() } else { reply }
    }

    /// Puts an exchange on record: who asked, and what came of it.
    async fn record(&self, sent: &Sent<'_>, who: &Who, reply: &Reply) -> Result<(), AuditError> {
        let Sent { part, request, source, .. } = *sent;
        let status = reply.status();
        let store = &self.gateway.store;
        let of = |organization: OrganizationId, caller: &str, purpose| Circumstances {
            source: source.map(address),
            ..Circumstances::unknown(organization, caller, request, purpose)
        };
        let is_refused = status.is_client_error();
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
                (known, if status.is_success() { Decision::Permit } else { Decision::Refused })
            }
            Who::Person(account, client, purpose) => {
                if is_refused {
                    store.refused(account.organization, &account.id);
                }
                let known = Circumstances {
                    client: client.as_ref().map(|client| client.id.as_str().into()),
                    on_behalf: (!account.actors.is_empty()).then(|| account.actors.join(" ").into()),
                    ..of(account.organization, &account.id, *purpose)
                };
                (known, if is_refused || status.is_server_error() { Decision::Refused } else { Decision::Permit })
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
                if status == StatusCode::UNAUTHORIZED {
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
            status: status.as_u16(),
            at_ms: self.gateway.clock.now_ms(),
            decision,
        };
        self.gateway.audit.record(event).await
    }

    /// RFC 7662: what a token is, to a client of the same organization; of any other token no more than that it is none.
    async fn introspect(&self, headers: &HeaderMap, form: &str) -> Asked {
        self.about_a_token(headers, form, async |client, token| {
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
    fn context(&self, approval: &Approval) -> Vec<(&'static str, Value)> {
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
    async fn revoke(&self, headers: &HeaderMap, form: &str) -> Asked {
        self.about_a_token(headers, form, async |client, token| {
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
            ended.map(|_| Reply::Json { status: StatusCode::OK, body: Bytes::new(), challenges: false, kept_s: 0 })
        })
        .await
    }

    /// What a client that has shown that it is itself asks of a token.
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
            Some(token) => answer(&client, token).await.map_err(|_| Problem::unavailable()),
            None => Err(Problem::new("invalid_request", "which token? Send it as token")),
        };
        (Some((client, Purpose::Hoperat)), reply)
    }
}

/// Who asked.
enum Who {
    /// A client that has shown that it is, and why it asked.
    Known(Client, Purpose),
    /// Somebody who logged in, for a client, and why.
    Person(Box<Account>, Option<Box<Client>>, Purpose),
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
        authorize: true,
        ehr_launch: true,
        public_clients: true,
        asymmetric_clients: true,
        offline: true,
        online: true,
        response_issuer: true,
        management: true,
        introspection: true,
        revocation: true,
        openid: true,
        ..Features::default()
    };
    Site { issuer: origin, base: origin, paths: PATHS, features }
}

/// What anybody may keep for a while.
fn kept(body: Bytes) -> Reply {
    Reply::Json { status: StatusCode::OK, body, challenges: false, kept_s: signing::KEPT_S }
}

/// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#styling>
fn style() -> Value {
    json!({
        "color_background": "#ffffff",
        "color_error": "#a3180f",
        "color_highlight": "#0b57a4",
        "color_modal_backdrop": "#10171d",
        "color_success": "#1b6e3c",
        "color_text": "#16202a",
        "dim_border_radius": "5px",
        "dim_font_size": "16px",
        "dim_spacing_size": "20px",
        "font_family_body": "system-ui, sans-serif",
        "font_family_heading": "system-ui, sans-serif",
    })
}

fn document(metadata: &smart::metadata::Metadata) -> Reply {
    match serde_json::to_value(metadata) {
        Ok(document) => Reply::json(StatusCode::OK, &document),
        Err(_) => Problem::unavailable().into(),
    }
}
