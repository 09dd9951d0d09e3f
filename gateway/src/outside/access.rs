//! Access tokens that a provider outside of here has given to a client of its own: RFC 9068, and as Keycloak has them.

use smart::outside::{Kind, Verified, unverified_issuer};

use super::{LoginError, Outside, Unclaimed, factor, persona};
use crate::store::accounts::Persona;
use crate::store::providers::Provider;

/// The most scopes of a token that are looked at.
const MOST_SCOPES: usize = 500;

/// What an access token says, once it holds.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whose it is.
    pub provider: Provider,
    /// Who it is for, to the provider's issuer.
    pub subject: Box<str>,
    /// Who that is here, where the trusted claims say so.
    pub persona: Result<Option<Persona>, Unclaimed>,
    /// Whether they have shown a second factor there.
    pub second_factor: bool,
    /// The client that it was given to.
    pub client: String,
    /// Its scopes, with spaces between.
    pub scopes: String,
    /// From when on it does not hold, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl Outside {
    /// What an access token says; `None` where it is of no issuer whose access tokens count here.
    ///
    /// # Errors
    /// It does not hold, or that cannot be told.
    pub async fn access(&self, token: &str) -> Result<Option<Access>, LoginError> {
        let issuer = unverified_issuer(token)?;
        let Some(provider) = self.store.provider_of_issuer(&issuer).await? else { return Ok(None) };
        let Some(audience) = provider.audience.clone() else { return Ok(None) };
        let verified = self.verified(&provider, token, (Kind::Access, &audience)).await?;
        of(provider, verified, &self.fhir).map(Some)
    }
}

/// What a token says that holds, whoever told.
pub(super) fn of(provider: Provider, verified: Verified, fhir: &str) -> Result<Access, LoginError> {
    let client = match (text(&verified, "client_id"), text(&verified, "azp")) {
        (Some(client), Some(azp)) if client != azp => return Err(LoginError::Client),
        (client, azp) => client.or(azp).unwrap_or_default().to_owned(),
    };
    let scopes = scopes(&verified);
    let persona = persona::persona(&provider, &verified, fhir);
    let second_factor = factor::shown(&provider, &verified);
    let Verified { subject, expires_s, .. } = verified;
    let expires_ms = expires_s.saturating_mul(1000);
    Ok(Access { provider, subject, persona, second_factor, client, scopes, expires_ms })
}

fn text<'v>(verified: &'v Verified, name: &str) -> Option<&'v str> {
    verified.claims.get(name)?.as_str()
}

/// A text with spaces between (RFC 9068), or a list.
fn scopes(verified: &Verified) -> String {
    match verified.claims.get("scope") {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Array(list)) => {
            let words: Vec<&str> = list.iter().take(MOST_SCOPES).filter_map(serde_json::Value::as_str).collect();
            words.join(" ")
        }
        _ => String::new(),
    }
}
