//! Whether somebody has shown a second factor to a provider.

use smart::outside::Verified;

use crate::store::providers::Provider;

/// The issuers of Firebase's projects.
pub const FIREBASE: &str = "https://securetoken.google.com/";

/// Whether whoever a token is about has shown one there. An administrator says of a provider that it asks for one; what it says of this
/// login goes before that. Supabase says how sure it is (`aal`), Firebase which one it was and nothing where there was none.
pub(super) fn shown(provider: &Provider, verified: &Verified) -> bool {
    let is_sure = verified.claims.get("aal").is_none_or(|level| level.as_str() == Some("aal2"));
    let is_named = || {
        let which = verified.claims.get("firebase").and_then(|firebase| firebase.get("sign_in_second_factor"));
        which.and_then(serde_json::Value::as_str).is_some_and(|which| !which.is_empty())
    };
    provider.second_factor && is_sure && (!provider.issuer.starts_with(FIREBASE) || is_named())
}
