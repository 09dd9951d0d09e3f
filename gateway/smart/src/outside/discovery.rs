//! Where an outside issuer has what: <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>.

use serde_json::Value;

use crate::jose::{Members, object};

/// The longest document that is read, in bytes.
pub const LONGEST_DOCUMENT: usize = 256 * 1024;

/// The longest address in it, in bytes.
const LONGEST_URL: usize = 2048;

/// What of the document is used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovery {
    /// Where a user is sent.
    pub authorization_endpoint: Box<str>,
    /// Where a code is changed for tokens.
    pub token_endpoint: Box<str>,
    /// Its keys.
    pub jwks_uri: Box<str>,
    /// It names itself when it sends a user back (RFC 9207): then an answer without that name is not from it.
    pub names_itself: bool,
}

/// Why a document is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DiscoveryError {
    /// It is too long, no JSON object, or says something twice or as another type.
    #[error(
        "the issuer's openid-configuration is no JSON object of at most {LONGEST_DOCUMENT} bytes that says nothing twice"
    )]
    Malformed,
    /// It is that of another issuer.
    #[error("the issuer's openid-configuration is that of another issuer: its issuer has to be the same to the letter")]
    Issuer,
    /// An endpoint is missing, or its address is none.
    #[error("the issuer's openid-configuration lacks authorization_endpoint, token_endpoint or jwks_uri")]
    Endpoint,
    /// It has no PKCE by S256.
    #[error("the issuer says that it knows ways of PKCE, and S256 is none of them")]
    Pkce,
}

impl Discovery {
    /// Where the document of an issuer is.
    #[must_use]
    pub fn url(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Reads the document of an issuer.
    ///
    /// # Errors
    /// [`DiscoveryError`].
    pub fn parse(json: &[u8], issuer: &str) -> Result<Self, DiscoveryError> {
        if json.len() > LONGEST_DOCUMENT {
            return Err(DiscoveryError::Malformed);
        }
        let document: Members = object(json).ok_or(DiscoveryError::Malformed)?;
        if document.text("issuer").ok().flatten() != Some(issuer) {
            return Err(DiscoveryError::Issuer);
        }
        let at = |name: &str| match document.text(name) {
            Ok(Some(url)) if !url.is_empty() && url.len() <= LONGEST_URL => Ok(url.into()),
            _ => Err(DiscoveryError::Endpoint),
        };
        // Who does not say which ways there are may still know it, and ignores what it does not know.
        let ways = document.get("code_challenge_methods_supported").map(|ways| ways.as_array().map(Vec::as_slice));
        if ways.is_some_and(|ways| !ways.unwrap_or_default().iter().any(|way| way == "S256")) {
            return Err(DiscoveryError::Pkce);
        }
        let names_itself = document.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            authorization_endpoint: at("authorization_endpoint")?,
            token_endpoint: at("token_endpoint")?,
            jwks_uri: at("jwks_uri")?,
            names_itself: names_itself.is_some_and(|value| *value == Value::Bool(true)),
        })
    }
}
