//! The gateway as an authorization server: where people let apps act for them (SMART App Launch,
//! <https://hl7.org/fhir/smart-app-launch/app-launch.html>), where programs get tokens by SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>), have them looked at (RFC 7662) and end them (RFC 7009).
//!
//! What OAuth says of an error is one of its words and a sentence; who a client is not, is not told apart: a client that is not
//! known, is disabled, or shows a wrong secret or assertion is `invalid_client`. (Ids of clients are public all the same, and how long the
//! answer takes may tell which there are.)

mod approval;
mod authorize;
mod client;
mod clients;
mod documents;
pub(crate) mod form;
mod inspect;
mod keys;
mod launch;
mod manage;
mod person;
mod record;
mod registration;
mod token;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use consent::Purpose;
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use smart::metadata::Paths;

use self::approval::Step;
use self::person::About;
use self::record::Who;
use crate::auth::{Issued, Known};
use crate::gateway::Gateway;
use crate::interaction::Endpoint;
use crate::logins::{self, Logins};
use crate::metrics::TokenSeries;
use crate::pages::{self, Page};
use crate::signing::Signer;
use crate::store::clients::Client;

pub use self::clients::Deed;
pub use self::documents::site;
pub(crate) use self::keys::NoAnswer;
pub use self::keys::{KeySets, KeysAt};
pub(crate) use self::person::{purpose, role};
pub use self::registration::Registration;

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
    /// A program registers itself.
    Register,
    /// A registration, for who has its token.
    Registered,
    /// The organization's clients, for an administrator's program.
    Clients(Deed),
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
            Self::Register => "register",
            Self::Registered => "registration",
            Self::Clients(deed) => deed.name(),
            Self::Logins(route) => route.name(),
        }
    }

    /// Whether people look at what it answers.
    pub fn is_page(self) -> bool {
        matches!(self, Self::Authorize | Self::Approval | Self::Manage | Self::Logins(_))
    }

    /// Whether what is sent with it is JSON.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Register | Self::Clients(_))
    }

    /// Whether it only tells what everybody may know.
    pub fn is_document(self) -> bool {
        matches!(
            self,
            Self::SmartConfiguration | Self::ServerMetadata | Self::OpenIdConfiguration | Self::KeySet | Self::Style
        )
    }
}

/// How somebody is told to show who they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Challenge {
    /// That is not what is wrong.
    None,
    /// As a client.
    Basic,
    /// By a token.
    Bearer,
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
        challenge: Challenge,
        /// For how many seconds anybody may keep it; 0: nobody may.
        kept_s: u32,
        /// After how many seconds it may be asked again; 0: that is not said.
        wait_s: u32,
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
        Self::Json { status, body: body.to_string().into(), challenge: Challenge::None, kept_s: 0, wait_s: 0 }
    }

    /// Nothing but a status.
    fn empty(status: StatusCode) -> Self {
        Self::Json { status, body: Bytes::new(), challenge: Challenge::None, kept_s: 0, wait_s: 0 }
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
    /// How.
    pub method: &'s Method,
    /// The path that it was sent to.
    pub path: &'s str,
    /// Who sends it, where that is asked before.
    pub sender: Option<&'s Known>,
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
    challenge: Challenge,
    /// The client that somebody said to be and did not show.
    of: Option<Box<Client>>,
}

impl Problem {
    fn new(error: &'static str, says: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, says: says.into(), challenge: Challenge::None, of: None }
    }

    /// Who asks has not shown that it is the client that it says. One sentence for all ways to fail.
    fn invalid_client() -> Self {
        let says = "the client is not known here, is disabled, or has not shown that it is itself by its secret, or by an assertion: RS384 or \
                    ES384 with kid, iss and sub the client_id, aud the token endpoint, exp within five minutes, a jti never used before";
        Self { status: StatusCode::UNAUTHORIZED, challenge: Challenge::Basic, ..Self::new("invalid_client", says) }
    }

    /// The same, of a client that is known: it is on record with its organization, and told nothing.
    fn against(self, client: Client) -> Self {
        Self { of: Some(Box::new(client)), ..self }
    }

    /// What was asked takes a token (`Authorization: Bearer`) that counts.
    fn no_token(says: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, challenge: Challenge::Bearer, ..Self::new("invalid_token", says) }
    }

    fn unavailable() -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new("temporarily_unavailable", "try again") }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let body = json!({ "error": problem.error, "error_description": problem.says });
        let Problem { status, challenge, .. } = problem;
        Self::Json { status, body: body.to_string().into(), challenge, kept_s: 0, wait_s: 0 }
    }
}

/// The authorization server.
pub struct AuthorizationServer {
    endpoint: Arc<Endpoint>,
    gateway: Arc<Gateway>,
    /// Who has logged in.
    pub logins: Logins,
    issued: Arc<Issued>,
    /// What operators see of tokens.
    issuing: Arc<TokenSeries>,
    keys: KeySets,
    signer: Arc<Signer>,
    /// The origin, without a slash at the end.
    origin: Box<str>,
    /// The FHIR base.
    base: Box<str>,
    token_url: Box<str>,
    /// Whether and how programs register themselves.
    registration: Option<Registration>,
}

impl AuthorizationServer {
    /// At an origin (`https://gateway.clinic.example`).
    pub fn new(
        endpoint: Arc<Endpoint>,
        logins: Logins,
        (issued, issuing, keys, signer): (Arc<Issued>, Arc<TokenSeries>, KeySets, Arc<Signer>),
        origin: &str,
    ) -> Self {
        let token_url = format!("{origin}{}", PATHS.token).into();
        let (gateway, base) = (Arc::clone(&endpoint.gateway), endpoint.base.clone());
        Self {
            endpoint,
            gateway,
            logins,
            issued,
            issuing,
            keys,
            signer,
            origin: origin.into(),
            base,
            token_url,
            registration: None,
        }
    }

    /// What fetches a client's keys: where one that registered itself says they are is a stranger's word.
    fn keys_of(&self, client: &Client) -> &KeysAt {
        if client.is_registered { &self.keys.anybody } else { &self.keys.named }
    }

    /// The same, where programs register themselves.
    #[must_use]
    pub fn and_registration(self, registration: Option<Registration>) -> Self {
        Self { registration, ..self }
    }

    /// Answers one request.
    pub async fn answer(&self, sent: &Sent<'_>) -> Reply {
        let part = sent.part;
        let text = match sent.text {
            Ok(text) => text,
            Err(status) => {
                let says = if part.is_json() {
                    "send JSON of at most 64 KiB (application/json, UTF-8)"
                } else {
                    "send a form of at most 64 KiB (application/x-www-form-urlencoded, UTF-8)"
                };
                // RFC 6749 knows one status for what is not well formed.
                let status = if status.is_server_error() { status } else { StatusCode::BAD_REQUEST };
                let problem = Problem { status, ..Problem::new("invalid_request", says) };
                return self.recorded(sent, (None, Err(problem))).await;
            }
        };
        let asked = match part {
            Part::Token => match self.token_exchange(sent, text).await {
                Some(reply) => return reply,
                None => self.token(sent, text).await,
            },
            Part::Introspect => self.introspect(sent, text).await,
            Part::Revoke => self.revoke(sent, text).await,
            Part::Launch => self.launch(sent, text).await,
            Part::Authorize | Part::Approval | Part::Manage => return self.page(sent, text).await,
            Part::Register | Part::Registered => return self.registering(sent, text).await,
            Part::Clients(deed) => return self.administer(deed, sent, text).await,
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
        self.on_record(sent.part.name(), sent, &who, reply).await
    }
}

/// Who asked, where that is known, and what is answered.
type Asked = (Option<(Client, Purpose)>, Result<Reply, Problem>);
