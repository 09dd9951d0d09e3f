//! Which client asks, and whether it is: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3>,
//! <https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::{HeaderMap, StatusCode, header};
use smart::assertion::{self, ASSERTION_TYPE, Expected, KeySet, Verified};

use super::form::Form;
use super::{AuthorizationServer, Problem, Sent};
use crate::http::query;
use crate::http::source::is_within;
use crate::store::clients::{Client, HandleKind, Keys, Kind};

/// The longest id or secret that is looked at, in bytes.
const LONGEST: usize = 512;

/// How a client says who it is.
enum Claim<'f> {
    /// By an assertion that it has signed.
    Assertion(&'f str),
    /// By a secret.
    Secret { id: String, secret: String },
    /// It names itself, and shows nothing: so do public clients.
    Name(&'f str),
}

/// A client that has shown that it is itself.
pub(super) struct Shown {
    pub(super) client: Client,
    /// What its assertion says.
    pub(super) verified: Option<Verified>,
}

impl Shown {
    /// The same, where it is answered there.
    fn at(self, source: Option<IpAddr>) -> Result<Self, Problem> {
        if is_within(&self.client.networks, source) {
            return Ok(self);
        }
        let says = "the client is answered in certain networks alone, and this address is in none of them";
        let problem = Problem { status: StatusCode::FORBIDDEN, ..Problem::new("access_denied", says) };
        Err(problem.against(self.client))
    }
}

impl AuthorizationServer {
    /// The client that sends a form, and the form.
    pub(super) async fn known(&self, sent: &Sent<'_>, form: &str) -> Result<(Client, Form), Problem> {
        let form = Form::read(form)?;
        let shown = self.shown(sent, &form).await?;
        Ok((shown.client, form))
    }

    /// The client that sends a form. Its assertion is used up by that.
    pub(super) async fn shown(&self, sent: &Sent<'_>, form: &Form) -> Result<Shown, Problem> {
        let shown = match claim(sent.headers, form)? {
            Claim::Assertion(assertion) => self.by_assertion(assertion, form.get("client_id")).await,
            Claim::Secret { id, secret } => self.by_secret(&id, &secret).await,
            Claim::Name(id) => self.by_name(id).await,
        };
        shown?.at(sent.source)
    }

    /// The public client whose refresh token somebody sends without a word of who it is, as `fhirclient` does: what it holds names it.
    /// A client that can show who it is has to.
    pub(super) async fn by_refresh_token(&self, sent: &Sent<'_>, form: &Form) -> Option<Result<Shown, Problem>> {
        let is_named = sent.headers.contains_key(header::AUTHORIZATION)
            || ["client_id", "client_secret", "client_assertion", "client_assertion_type"]
                .iter()
                .any(|name| form.get(name).is_some());
        let token = form.get("refresh_token").filter(|_| !is_named)?;
        Some(match self.gateway.store.handle(HandleKind::Refresh, token).await {
            Ok(Some(handle)) => self.by_name(&handle.client).await.and_then(|shown| shown.at(sent.source)),
            Ok(None) => Err(Problem::invalid_client()),
            Err(_) => Err(Problem::unavailable()),
        })
    }

    async fn by_name(&self, id: &str) -> Result<Shown, Problem> {
        let client = self.gateway.store.client(id).await.map_err(|_| Problem::unavailable())?;
        let client = client.ok_or_else(Problem::invalid_client)?;
        if client.kind == Kind::Public && client.disabled_ms.is_none() {
            return Ok(Shown { client, verified: None });
        }
        Err(Problem::invalid_client().against(client))
    }

    async fn by_secret(&self, id: &str, secret: &str) -> Result<Shown, Problem> {
        let store = &self.gateway.store;
        let client = store.client(id).await.map_err(|_| Problem::unavailable())?;
        let client = client.ok_or_else(Problem::invalid_client)?;
        if client.kind == Kind::ConfidentialSymmetric && store.check_secret(&client, secret) {
            return Ok(Shown { client, verified: None });
        }
        Err(Problem::invalid_client().against(client))
    }

    async fn by_assertion(&self, text: &str, id: Option<&str>) -> Result<Shown, Problem> {
        let invalid = Problem::invalid_client;
        let named = assertion::unverified_client(text).map_err(|_| invalid())?;
        if named.len() > LONGEST || id.is_some_and(|id| id != &*named) {
            return Err(invalid());
        }
        let store = &self.gateway.store;
        let client = store.client(&named).await.map_err(|_| Problem::unavailable())?;
        let counts = |client: &Client| client.kind == Kind::ConfidentialAsymmetric && client.disabled_ms.is_none();
        let client = client.ok_or_else(invalid)?;
        if !counts(&client) {
            return Err(invalid().against(client));
        }
        let invalid = || Problem::invalid_client().against(client.clone());
        let verified = match client.keys.clone() {
            Some(Keys::Inline(set)) => {
                let set = KeySet::parse(set.as_bytes()).map_err(|_| invalid())?;
                self.verify(text, &client, &set, None)
            }
            Some(Keys::Url(url)) => {
                let now_ms = self.gateway.clock.now_ms();
                let keys = self.keys_of(&client);
                let set = keys.at(&url, now_ms).await.ok_or_else(invalid)?;
                match self.verify(text, &client, &set, Some(&url)) {
                    // Keys change, under their ids too: a set that was kept may be the one before.
                    Err(assertion::AssertionError::NoKey | assertion::AssertionError::Signature) => {
                        let set = keys.anew(&url, now_ms).await.ok_or_else(invalid)?;
                        self.verify(text, &client, &set, Some(&url))
                    }
                    verified => verified,
                }
            }
            None => return Err(invalid()),
        };
        let verified = verified.map_err(|error| {
            // For the operator: a client is not told why, and nothing of the assertion is in it.
            tracing::info!(client = %client.id, why = %error, "an assertion was refused");
            invalid()
        })?;
        let used = store.use_assertion(&client, &verified.jti, verified.expires_s).await;
        if !used.map_err(|_| Problem::unavailable())? {
            tracing::info!(client = %client.id, "an assertion was refused: its jti was used before");
            return Err(invalid());
        }
        Ok(Shown { client, verified: Some(verified) })
    }

    fn verify(
        &self,
        text: &str,
        client: &Client,
        keys: &KeySet,
        jku: Option<&str>,
    ) -> Result<Verified, assertion::AssertionError> {
        let now_s = self.gateway.clock.now_ms() / 1000;
        let expected = Expected { client_id: &client.id, token_urls: &[&self.token_url], now_s, keys, jku };
        assertion::verify(text, &expected)
    }
}

/// How the sender of a form says who it is: in one way.
fn claim<'f>(headers: &HeaderMap, form: &'f Form) -> Result<Claim<'f>, Problem> {
    let basic = match headers.get(header::AUTHORIZATION) {
        Some(value) => Some(basic(value.to_str().unwrap_or_default()).ok_or_else(Problem::invalid_client)?),
        None => None,
    };
    let (assertion, secret) = (form.get("client_assertion"), form.get("client_secret"));
    match (basic, assertion, secret) {
        (None, Some(assertion), None) => match form.get("client_assertion_type") {
            Some(ASSERTION_TYPE) => Ok(Claim::Assertion(assertion)),
            _ => Err(Problem::new("invalid_request", format!("client_assertion_type has to be {ASSERTION_TYPE}"))),
        },
        (Some((id, secret)), None, None) if form.get("client_id").is_none_or(|other| other == id) => {
            Ok(Claim::Secret { id, secret })
        }
        (None, None, Some(secret)) => {
            let id = form.get("client_id").ok_or_else(Problem::invalid_client)?;
            Ok(Claim::Secret { id: id.to_owned(), secret: secret.to_owned() })
        }
        (None, None, None) if form.get("client_assertion_type").is_some() => {
            Err(Problem::new("invalid_request", "client_assertion is missing"))
        }
        (None, None, None) => form.get("client_id").map(Claim::Name).ok_or_else(Problem::invalid_client),
        _ => Err(Problem::new("invalid_request", "the client says in more than one way who it is")),
    }
}

/// Id and secret of `Basic`, each form-encoded before: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>.
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4 * LONGEST {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((query::decode(id).into_owned(), query::decode(secret).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(authorization: Option<&str>, form: &str) -> Result<&'static str, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
        }
        let form = Form::read(form).map_err(|problem| problem.error)?;
        match claim(&headers, &form) {
            Ok(Claim::Assertion(_)) => Ok("assertion"),
            Ok(Claim::Secret { id, secret }) => {
                assert_eq!((&*id, &*secret), ("c", "s"));
                Ok("secret")
            }
            Ok(Claim::Name(id)) => {
                assert_eq!(id, "c");
                Ok("name")
            }
            Err(problem) => Err(problem.error),
        }
    }

    #[test]
    fn a_client_says_in_one_way_who_it_is() {
        let jwt = format!("client_assertion_type={}&client_assertion=a.b.c", ASSERTION_TYPE.replace(':', "%3A"));
        let basic = format!("Basic {}", BASE64.encode("c:s"));
        assert_eq!(claimed(None, &jwt), Ok("assertion"));
        assert_eq!(claimed(Some(&basic), "grant_type=x"), Ok("secret"));
        assert_eq!(claimed(Some(&basic), "client_id=c"), Ok("secret"));
        assert_eq!(claimed(None, "client_id=c&client_secret=s"), Ok("secret"));
        assert_eq!(claimed(Some(&basic), "client_id=d"), Err("invalid_request"));
        assert_eq!(claimed(Some(&basic), &jwt), Err("invalid_request"));
        assert_eq!(claimed(None, &format!("{jwt}&client_secret=s&client_id=c")), Err("invalid_request"));
        assert_eq!(claimed(None, "client_assertion_type=x&client_assertion=a.b.c"), Err("invalid_request"));
        assert_eq!(claimed(None, "client_id=c"), Ok("name"));
        for nobody in ["", "client_secret=s"] {
            assert_eq!(claimed(None, nobody), Err("invalid_client"), "{nobody}");
        }
        for other in ["Bearer x", "Basic", "Basic !", "Basic YQ=="] {
            assert_eq!(claimed(Some(other), ""), Err("invalid_client"), "{other}");
        }
    }
}
