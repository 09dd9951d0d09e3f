//! A code becomes an ID token, and that becomes what it says.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use smart::outside::{Discovery, Expected, Kind, OutsideError, Verified, verify};

use super::{LoginError, Outside};
use crate::sealing::{Sealed, Sealer};
use crate::store::providers::Provider;

/// The longest answer of a token endpoint, in bytes.
const LONGEST: usize = 64 * 1024;

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// Seals the secret that we have with a provider.
///
/// # Errors
/// It cannot be sealed.
pub fn seal(sealer: &Sealer, (provider, which): (&str, Sealed), secret: &SecretString) -> Result<String, LoginError> {
    sealer.seal(&which.context(provider), secret.expose_secret().as_bytes()).map_err(|_| LoginError::Sealed)
}

impl Outside {
    /// The ID token for a code.
    pub(super) async fn exchanged(
        &self,
        provider: &Provider,
        discovery: &Discovery,
        code: &str,
        verifier: &str,
    ) -> Result<SecretString, LoginError> {
        let basic = self.basic((&provider.id, Sealed::Login), (&provider.client_id, &provider.sealed))?;
        let form = encoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", verifier),
        ])
        .ok_or(LoginError::Unreachable)?;
        let answer = self.keys.posted(&discovery.token_endpoint, &basic, form, LONGEST).await;
        let tokens: Option<Tokens> = answer.ok().and_then(|answer| serde_json::from_slice(&answer).ok());
        tokens.map(|tokens| SecretString::from(tokens.id_token)).ok_or(LoginError::Unreachable)
    }

    /// Who we are to a provider, as its endpoints take it.
    pub(super) fn basic(
        &self,
        (provider, which): (&str, Sealed),
        (client_id, sealed): (&str, &str),
    ) -> Result<String, LoginError> {
        let secret = self.sealer.unseal(&which.context(provider), sealed).map_err(|_| LoginError::Sealed)?;
        let secret: &str = std::str::from_utf8(secret.expose_secret()).map_err(|_| LoginError::Sealed)?;
        // RFC 6749, 2.3.1: both are form-encoded before. What every provider has to know.
        let [id, secret] =
            [client_id, secret].map(|text| encoded(&[("", text)]).unwrap_or_else(|| "=".to_owned()).split_off(1));
        Ok(format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}"))))
    }

    /// What a token says, once it holds for an audience by the keys of the provider: those that are known, or those that are there now.
    pub(super) async fn verified(
        &self,
        provider: &Provider,
        token: &str,
        (kind, audience): (Kind<'_>, &str),
    ) -> Result<Verified, LoginError> {
        let url: Box<str> = match &provider.jwks_url {
            Some(url) => url.as_str().into(),
            None => self.discovery(provider).await?.jwks_uri.clone(),
        };
        let now_ms = self.clock.now_ms();
        let keys = self.keys.at(&url, now_ms).await.ok_or(LoginError::Unreachable)?;
        let expected = Expected { issuer: &provider.issuer, audience, kind, now_s: now_ms / 1000, keys: &keys };
        let verified = match verify(token, &expected) {
            Err(OutsideError::NoKey | OutsideError::Signature) => {
                let keys = self.keys.anew(&url, now_ms).await.ok_or(LoginError::Unreachable)?;
                verify(token, &Expected { keys: &keys, ..expected })
            }
            verified => verified,
        };
        Ok(verified?)
    }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn encoded(pairs: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse("http://form.invalid/").ok()?;
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().map(ToOwned::to_owned)
}
