//! ID tokens that an app holds already, of a provider where nobody logs in for us (Firebase, Supabase, any): what they say of whom.

use serde_json::Value;
use smart::outside::{Kind, Verified, unverified_issuer};

use super::{LoginError, Outside, Unclaimed, factor, persona};
use crate::store::accounts::Persona;
use crate::store::clients::Client;
use crate::store::providers::Provider;

/// What an ID token says, once it holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Whose it is.
    pub provider: Provider,
    /// Who it is about, to the provider's issuer.
    pub subject: Box<str>,
    /// Who that is here, where the trusted claims say so.
    pub persona: Result<Option<Persona>, Unclaimed>,
    /// Whether they have shown a second factor there.
    pub second_factor: bool,
    /// When it was signed, in seconds since 1970.
    pub signed_s: i64,
    /// When the user logged in there, where it says so, in seconds since 1970.
    pub auth_time_s: Option<i64>,
    /// From when on it does not hold, in milliseconds since 1970.
    pub expires_ms: i64,
}

impl Outside {
    /// What an ID token says that a client shows, to which an administrator has allowed those of its provider that were made for it.
    ///
    /// # Errors
    /// It is of none of them, does not hold, or that cannot be told.
    pub async fn held(&self, token: &str, client: &Client) -> Result<Held, LoginError> {
        let issuer = unverified_issuer(token)?;
        let mut found = None;
        for id in client.exchanging() {
            let provider = self.store.provider(id).await?;
            let is_its = |provider: &Provider| {
                provider.issuer == *issuer
                    && provider.organization == client.organization
                    && !provider.exchange_audiences.is_empty()
            };
            found = provider.filter(is_its);
            if found.is_some() {
                break;
            }
        }
        let provider = found.ok_or(LoginError::Provider)?;
        let audiences = client.exchanged_of(&provider);
        if audiences.is_empty() {
            return Err(LoginError::Whose);
        }
        let kind = Kind::Held { audiences: &audiences };
        let verified = self.verified(&provider, token, (kind, "")).await?;
        if !is_somebody(&verified) {
            return Err(LoginError::Anonymous);
        }
        // Tenants of a project have one issuer, one audience and people of their own, whom others may administer.
        if verified.claims.get("firebase").is_some_and(|firebase| firebase.get("tenant").is_some()) {
            return Err(LoginError::Tenant);
        }
        let persona = persona::persona(&provider, &verified, &self.fhir);
        let second_factor = factor::shown(&provider, &verified);
        let Verified { subject, expires_s, issued_s: signed_s, auth_time_s, .. } = verified;
        let expires_ms = expires_s.saturating_mul(1000);
        Ok(Held { provider, subject, persona, second_factor, signed_s, auth_time_s, expires_ms })
    }
}

/// Whether it is about somebody: an anonymous sign-in is a browser's, and a project's own key is nobody's, whatever else they say.
fn is_somebody(verified: &Verified) -> bool {
    let claim = |name: &str| verified.claims.get(name);
    // Supabase, of signInAnonymously.
    let is_named = claim("is_anonymous").is_none_or(|value| *value == Value::Bool(false));
    // Of its projects' keys, which are no sessions.
    let is_key = matches!(claim("role").and_then(Value::as_str), Some("anon" | "service_role" | "supabase_admin"));
    // Firebase says how, of signInAnonymously as well.
    let way = claim("firebase").and_then(|firebase| firebase.get("sign_in_provider")).and_then(Value::as_str);
    let way_before = claim("provider_id").and_then(Value::as_str);
    is_named && !is_key && way != Some("anonymous") && way_before != Some("anonymous")
}
