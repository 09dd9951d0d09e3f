//! Programs that register themselves: <https://www.rfc-editor.org/rfc/rfc7591>, and look after that: <https://www.rfc-editor.org/rfc/rfc7592>
//! (reading and deleting; what is to change registers anew).
//!
//! They act for patients who approve it, for nobody else and for no other purpose, with scopes that the operator has said. Nobody has
//! looked at what such a program says of itself, and the page on which somebody approves it says so.

use consent::{OrganizationId, Purpose};
use hyper::{HeaderMap, Method, StatusCode};
use mappers::references::is_id;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use smart::grant::grant;
use smart::scope::{Other, Scopes};

use super::record::Who;
use super::{AuthorizationServer, PATHS, Problem, Reply, Sent};
use crate::auth::bearer;
use crate::auth::scopes::{parsed, read};
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::http::rate::{Guesses, Rate};
use crate::outward::Reach;
use crate::store::clients::{
    Client, ClientError, Keys, Kind, New, NotRegistered, Registered, Registration as Token, check_scopes_of_apps,
    new_id, over_http,
};

/// Characters of a name that show nothing, or turn what stands beside them around: what somebody reads is to be what it says.
const UNSEEN: [std::ops::RangeInclusive<char>; 16] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{e0000}'..='\u{e0fff}',
];

/// How programs register themselves here.
pub struct Registration {
    needs_token: bool,
    scopes: Scopes,
    most: u32,
    attempts: Guesses,
}

impl Registration {
    /// With an initial access token or without, for these scopes at most, so many of them, and so often from one address.
    ///
    /// # Errors
    /// The scopes are none that an app of patients may have.
    pub fn new(needs_token: bool, scopes: &str, most: u32, rate: Option<Rate>) -> Result<Self, String> {
        let scopes = check_scopes_of_apps(scopes)?;
        Ok(Self { needs_token, scopes: parsed(&scopes), most, attempts: Guesses::new(rate) })
    }
}

/// What a program says of itself; what we have no use for is left where it is.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    client_name: Option<String>,
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
}

/// How it shows that it is itself, where it does not say: <https://www.rfc-editor.org/rfc/rfc7591#section-2>.
const USUAL_METHOD: &str = "client_secret_basic";

fn metadata(says: impl Into<String>) -> Problem {
    Problem::new("invalid_client_metadata", says)
}

fn invalid_token() -> Problem {
    let says = "registering here takes a token (Authorization: Bearer) that counts: the operator makes initial access tokens, and a registration \
                has one of its own";
    Problem::no_token(says)
}

fn off() -> Problem {
    let says = "programs do not register themselves here: ask whoever runs this server to add a client";
    Problem { status: StatusCode::NOT_FOUND, ..Problem::new("not_found", says) }
}

/// Of a registration, on record.
struct Step {
    organization: OrganizationId,
    by: Option<String>,
    client: Option<String>,
}

impl AuthorizationServer {
    /// A program registers itself, reads its registration, or ends it.
    pub(super) async fn registering(&self, sent: &Sent<'_>, text: &str) -> Reply {
        let mut step = Step { organization: DEFAULT_ORGANIZATION, by: None, client: None };
        let reply = match &self.registration {
            None => Err(off()),
            Some(registration) if *sent.method == Method::POST => match registration.attempts.attempt(sent.source) {
                Ok(_) => self.register(registration, &mut step, sent.headers, text).await,
                Err(standing) => {
                    let says = format!("too many registrations from this address: ask again in {} s", standing.seconds);
                    let status = StatusCode::TOO_MANY_REQUESTS;
                    let problem = Problem { status, ..Problem::new("temporarily_unavailable", says) };
                    let mut reply = Reply::from(problem);
                    if let Reply::Json { wait_s, .. } = &mut reply {
                        *wait_s = standing.seconds;
                    }
                    // Once a minute: a record of each would cost what refusing it saves.
                    if !registration.attempts.is_first(sent.source, self.gateway.clock.now_ms()) {
                        return reply;
                    }
                    Ok(reply)
                }
            },
            Some(_) => self.look_after(&mut step, sent).await,
        };
        let reply: Reply = reply.unwrap_or_else(Into::into);
        let Step { organization, by, client } = step;
        let who = Who::Registering { organization, by, client };
        self.on_record(sent.part.name(), sent, &who, reply).await
    }

    async fn register(
        &self,
        registration: &Registration,
        step: &mut Step,
        headers: &HeaderMap,
        text: &str,
    ) -> Result<Reply, Problem> {
        let unavailable = |_| Problem::unavailable();
        let store = &self.gateway.store;
        let with = match bearer(headers) {
            Some(token) => Some(store.registration(token).await.map_err(unavailable)?.ok_or_else(invalid_token)?),
            None if registration.needs_token => return Err(invalid_token()),
            None => None,
        };
        if let Some(with) = &with {
            (step.organization, step.by) = (with.organization, Some(with.id.clone()));
        }
        let said: Said = serde_json::from_str(text).map_err(|_| {
            metadata("send a JSON object of client metadata (RFC 7591, 2), with the types of values that it says there")
        })?;
        let method = said.token_endpoint_auth_method.clone().unwrap_or_else(|| USUAL_METHOD.to_owned());
        let new = self.wanted(registration, said, &method, with.as_ref())?;
        let id = new.id.clone();
        let done = store.register_client(step.organization, new, with.as_ref(), registration.most).await;
        let registered = done.map_err(|error| match error {
            NotRegistered::Client(ClientError::Store(_)) => Problem::unavailable(),
            NotRegistered::Client(ClientError::Invalid(says) | ClientError::Refused(says)) => {
                metadata(over_http(&says))
            }
            NotRegistered::Full => {
                let says = "as many programs as may be have registered here that nobody has used yet: try again in an hour, or ask whoever runs this server";
                Problem { status: StatusCode::SERVICE_UNAVAILABLE, ..Problem::new("temporarily_unavailable", says) }
            }
            NotRegistered::NoToken => invalid_token(),
        })?;
        step.client = Some(id.clone());
        let client = store.client(&id).await.map_err(unavailable)?.ok_or_else(Problem::unavailable)?;
        let Registered { secret, management } = registered;
        let mut body = self.registration_of(&client, &method, management.expose_secret());
        if let Some(secret) = secret {
            body["client_secret"] = secret.expose_secret().into();
            body["client_secret_expires_at"] = 0.into();
        }
        Ok(Reply::json(StatusCode::CREATED, &body))
    }

    /// What a program says of itself, as a client of patients.
    fn wanted(
        &self,
        registration: &Registration,
        said: Said,
        method: &str,
        with: Option<&Token>,
    ) -> Result<New, Problem> {
        let all = |given: Option<&Vec<String>>, known: &[&str]| {
            given.is_none_or(|given| given.iter().all(|one| known.contains(&&**one)))
        };
        let has_code =
            |given: Option<&Vec<String>>, code: &str| given.is_none_or(|given| given.iter().any(|one| one == code));
        let grants = said.grant_types.as_ref();
        if !all(grants, &["authorization_code", "refresh_token"]) || !has_code(grants, "authorization_code") {
            return Err(metadata(
                "grant_types has authorization_code, and refresh_token at most: who registers here acts for people who approve it",
            ));
        }
        let responses = said.response_types.as_ref();
        if !all(responses, &["code"]) || !has_code(responses, "code") {
            return Err(metadata("response_types is [\"code\"]"));
        }
        let keys = match (method, said.jwks, said.jwks_uri) {
            (_, Some(_), Some(_)) => return Err(metadata("give jwks or jwks_uri, not both")),
            ("private_key_jwt", Some(set), None) => Some(Keys::Inline(set.to_string())),
            // What strangers name is not fetched: it may be an address that this machine alone reaches.
            ("private_key_jwt", None, Some(_)) if with.is_none() => {
                return Err(metadata(
                    "send the keys themselves (jwks): an address of keys takes an initial access token",
                ));
            }
            ("private_key_jwt", None, Some(url)) if Reach::Anybody.url(&url).is_some() => Some(Keys::Url(url)),
            ("private_key_jwt", ..) => {
                return Err(metadata("private_key_jwt takes public keys: jwks, or an https jwks_uri"));
            }
            ("none" | "client_secret_basic" | "client_secret_post", None, None) => None,
            ("none" | "client_secret_basic" | "client_secret_post", ..) => {
                return Err(metadata("keys (jwks, jwks_uri) are for private_key_jwt alone"));
            }
            _ => {
                return Err(metadata(
                    "token_endpoint_auth_method is none, client_secret_basic, client_secret_post or private_key_jwt",
                ));
            }
        };
        let public = method == "none";
        if said.redirect_uris.is_empty() {
            let says = "say where people are sent back to: redirect_uris";
            return Err(Problem::new("invalid_redirect_uri", says));
        }
        if let Err(error) = New::check_redirects(&said.redirect_uris, public) {
            return Err(Problem::new("invalid_redirect_uri", over_http(&error.to_string())));
        }
        let scopes = match said.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty()) {
            None => registration.scopes.to_string(),
            Some(asked) => {
                let asked = read(asked).map_err(|error| metadata(error.to_string()))?;
                let granted = grant(&asked, &registration.scopes);
                granted
                    .map_err(|error| metadata(format!("scope: {error}; at most {}", registration.scopes)))?
                    .to_string()
            }
        };
        let id = fresh_id()?;
        let name = said.client_name.unwrap_or_else(|| format!("App {id}"));
        if name.contains(|one| UNSEEN.iter().any(|range| range.contains(&one))) {
            return Err(metadata("client_name has characters that nobody sees, or that turn a line around"));
        }
        if name.contains("  ") || name.contains(|one: char| one.is_whitespace() && one != ' ') {
            return Err(metadata("client_name has a blank beside another, or one that is no plain blank"));
        }
        if !name.contains(char::is_alphanumeric) {
            return Err(metadata("client_name has no letter and no digit"));
        }
        Ok(New {
            id,
            name,
            keys,
            public,
            provider: None,
            redirects: said.redirect_uris,
            exchanges: Vec::new(),
            scopes,
            purposes: vec![Purpose::Patrqt],
            default_purpose: Some(Purpose::Patrqt),
            actors: Vec::new(),
            officer: false,
            networks: Vec::new(),
            administrator: false,
        })
    }

    /// RFC 7592: who has the registration's token reads or ends it.
    async fn look_after(&self, step: &mut Step, sent: &Sent<'_>) -> Result<Reply, Problem> {
        let store = &self.gateway.store;
        let id = sent.path.rsplit('/').next().unwrap_or_default();
        let token = bearer(sent.headers).ok_or_else(invalid_token)?;
        let found = store.registered_client(id, token).await.map_err(|_| Problem::unavailable())?;
        let client = found.ok_or_else(invalid_token)?;
        (step.organization, step.client) = (client.organization, Some(client.id.clone()));
        step.by = step.client.clone();
        if *sent.method != Method::DELETE {
            let method = match client.kind {
                Kind::ConfidentialAsymmetric => "private_key_jwt",
                Kind::ConfidentialSymmetric => USUAL_METHOD,
                Kind::Outside | Kind::Public => "none",
            };
            return Ok(Reply::json(StatusCode::OK, &self.registration_of(&client, method, token)));
        }
        let permit = self.gateway.upkeep(client.organization).map_err(|_| Problem::unavailable())?;
        store.deregister(&permit, &client).await.map_err(|_| Problem::unavailable())?;
        self.issued.forget_all();
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// A registration, as RFC 7591, 3.2.1 has it.
    fn registration_of(&self, client: &Client, method: &str, management: &str) -> Value {
        let scopes = parsed(&client.scopes);
        let refreshes = scopes.has(Other::OfflineAccess) || scopes.has(Other::OnlineAccess);
        let grants: &[&str] =
            if refreshes { &["authorization_code", "refresh_token"] } else { &["authorization_code"] };
        let address = format!("{}{}/{}", self.origin, PATHS.register, client.id);
        let mut body = json!({
            "client_id": client.id,
            "client_id_issued_at": client.created_ms / 1000,
            "client_name": client.name,
            "redirect_uris": client.redirects,
            "token_endpoint_auth_method": method,
            "grant_types": grants,
            "response_types": ["code"],
            "scope": client.scopes,
            "registration_client_uri": address,
            "registration_access_token": management,
        });
        match &client.keys {
            Some(Keys::Inline(text)) => body["jwks"] = serde_json::from_str(text).unwrap_or_default(),
            Some(Keys::Url(url)) => body["jwks_uri"] = url.as_str().into(),
            None => {}
        }
        body
    }
}

/// An id that can stand in a path of ours.
fn fresh_id() -> Result<String, Problem> {
    loop {
        let id = new_id().map_err(|_| Problem::unavailable())?;
        if is_id(&id) {
            return Ok(id);
        }
    }
}
