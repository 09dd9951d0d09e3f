//! What an app asks of the authorization endpoint, and where it is answered:
//! <https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code>.
//!
//! Nobody is sent anywhere before client and `redirect_uri` are known to belong together ([`Target`]); all else that is wrong is
//! answered there.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::pkce;

/// All but what is unreserved: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The longest `state` and `nonce`, in bytes.
pub const LONGEST: usize = 1_000;

/// Where an app is answered.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// One of its addresses, to the letter as it is registered.
    pub redirect_uri: &'t str,
    /// What it wants to see again.
    pub state: Option<&'t str>,
    /// Who answers (<https://www.rfc-editor.org/rfc/rfc9207>): an app that asks several knows by it whose code this is.
    pub issuer: &'t str,
}

impl Target<'_> {
    /// The address with a code.
    #[must_use]
    pub fn with_code(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// The address with an error: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1>.
    #[must_use]
    pub fn with_error(&self, error: &str, says: &str) -> String {
        self.with(&[("error", error), ("error_description", says)])
    }

    fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut uri = self.redirect_uri.to_owned();
        let known = self.state.map(|state| ("state", state));
        for (name, value) in parameters.iter().copied().chain(known).chain([("iss", self.issuer)]) {
            uri.push(if uri.contains('?') { '&' } else { '?' });
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, &ESCAPED));
        }
        uri
    }
}

/// What is asked, once it is known where to answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Scopes, as sent.
    pub scope: String,
    /// What the token will be used for: the FHIR base.
    pub challenge: String,
    /// What the app wants to see again.
    pub state: String,
    /// What the ID token has to have in it.
    pub nonce: Option<String>,
    /// The launch of an EHR.
    pub launch: Option<String>,
}

/// Why it is not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// In OAuth's words.
    pub error: &'static str,
    /// In ours.
    pub says: Cow<'static, str>,
}

impl Fault {
    /// One of these words, and a sentence.
    #[must_use]
    pub fn new(error: &'static str, says: impl Into<Cow<'static, str>>) -> Self {
        Self { error, says: says.into() }
    }
}

fn invalid(says: &'static str) -> Fault {
    Fault::new("invalid_request", says)
}

/// Reads the parameters of a request. `base`: the FHIR base that tokens of here are for.
///
/// # Errors
/// [`Fault`], for the app.
pub fn read<'f>(base: &str, get: impl Fn(&str) -> Option<&'f str>) -> Result<Asked, Fault> {
    let is_short = |name: &str| get(name).is_none_or(|value| value.len() <= LONGEST);
    match get("response_type") {
        Some("code") => {}
        Some(_) => return Err(Fault::new("unsupported_response_type", "response_type has to be code")),
        None => return Err(invalid("response_type is missing: it has to be code")),
    }
    if get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode has to be query, or left out"));
    }
    if get("request").is_some() || get("request_uri").is_some() {
        return Err(Fault::new("request_not_supported", "send the parameters themselves, and no request object"));
    }
    if !is_short("state") || !is_short("nonce") || !is_short("launch") {
        return Err(invalid("state, nonce and launch have at most 1000 bytes each"));
    }
    let state = get("state")
        .ok_or_else(|| invalid("state is missing: an unguessable value that the app keeps and compares"))?;
    if get("aud").map(|aud| aud.trim_end_matches('/')) != Some(base) {
        return Err(invalid(
            "aud has to be the FHIR base that the app will use the token for, as it stands in our links",
        ));
    }
    let challenge =
        get("code_challenge").ok_or_else(|| invalid("code_challenge is missing: PKCE with S256 is required"))?;
    if get("code_challenge_method") != Some(pkce::METHOD) {
        return Err(invalid("code_challenge_method has to be S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(invalid("code_challenge has to be the base64url of a SHA-256, without padding"));
    }
    if get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        return Err(Fault::new("interaction_required", "somebody has to approve what the app asks"));
    }
    let owned = |name: &str| get(name).map(ToOwned::to_owned);
    Ok(Asked {
        scope: owned("scope").unwrap_or_default(),
        challenge: challenge.to_owned(),
        state: state.to_owned(),
        nonce: owned("nonce"),
        launch: owned("launch"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "https://g.example/fhir";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn asked(changes: &[(&'static str, Option<&'static str>)]) -> Result<Asked, &'static str> {
        let mut parameters = HashMap::from([
            ("response_type", "code"),
            ("state", "s"),
            ("aud", BASE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", "patient/*.rs"),
        ]);
        for (name, value) in changes {
            match value {
                Some(value) => parameters.insert(name, value),
                None => parameters.remove(name),
            };
        }
        read(BASE, |name| parameters.get(name).copied()).map_err(|fault| fault.error)
    }

    #[test]
    fn what_is_asked_is_asked_whole() {
        assert!(asked(&[]).is_ok() && asked(&[("aud", Some("https://g.example/fhir/"))]).is_ok());
        for (name, value, error) in [
            ("response_type", Some("token"), "unsupported_response_type"),
            ("response_type", None, "invalid_request"),
            ("response_mode", Some("fragment"), "invalid_request"),
            ("state", None, "invalid_request"),
            ("aud", None, "invalid_request"),
            ("aud", Some("https://g.example/fhir2"), "invalid_request"),
            ("aud", Some("https://G.example/fhir"), "invalid_request"),
            ("code_challenge", None, "invalid_request"),
            ("code_challenge", Some("plain-verifier"), "invalid_request"),
            ("code_challenge_method", Some("plain"), "invalid_request"),
            ("code_challenge_method", None, "invalid_request"),
            ("prompt", Some("none"), "interaction_required"),
            ("request", Some("a.b.c"), "request_not_supported"),
        ] {
            assert_eq!(asked(&[(name, value)]), Err(error), "{name} {value:?}");
        }
    }

    #[test]
    fn an_answer_goes_where_it_was_asked_for() {
        let target = Target { redirect_uri: "https://a.example/cb", state: Some("a b&c"), issuer: "https://g.example" };
        assert_eq!(target.with_code("x"), "https://a.example/cb?code=x&state=a%20b%26c&iss=https%3A%2F%2Fg.example");
        let target = Target { redirect_uri: "https://a.example/cb?k=v", state: None, ..target };
        assert!(target.with_error("access_denied", "no").starts_with("https://a.example/cb?k=v&error=access_denied&"));
    }

    proptest! {
        /// Whatever an app sends as its state comes back as it was, and nothing of it becomes another parameter.
        #[test]
        fn states_come_back(state in "\\PC{0,60}") {
            let uri = Target { redirect_uri: "https://a.example/cb", state: Some(&state), issuer: "i" }.with_code("c");
            prop_assert!(uri.is_ascii() && !uri.contains(['#', ' ', '"', '<']));
            let query = uri.split_once('?').expect("a query").1;
            prop_assert_eq!(query.split('&').count(), 3);
            let sent = query.split('&').nth(1).expect("state").strip_prefix("state=").expect("its name").to_owned();
            let decoded = percent_encoding::percent_decode_str(&sent).decode_utf8().expect("text").into_owned();
            prop_assert_eq!(decoded, state);
        }
    }
}
