//! What an issuer says that a token is: <https://www.rfc-editor.org/rfc/rfc7662#section-2.2>.

use serde_json::Value;

use super::{LEEWAY_S, LONGEST_SUBJECT, Verified};
use crate::jose::{Members, object};

/// How long a token counts of which nobody says when it ends, in seconds: whoever shows it then asks anew.
const UNSAID_S: i64 = 60;

/// What `typ` is of an access token, where it is there.
const ACCESS: [&str; 3] = ["Bearer", "at+jwt", "application/at+jwt"];

/// Why a token does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IntrospectionError {
    /// No JSON object, or a member twice or of another type: nothing is said of the token.
    #[error("the answer is no JSON object that says nothing twice, with the members of RFC 7662")]
    Malformed,
    /// It does not say `active`.
    #[error("the token is not active")]
    Inactive,
    /// `iss` is another one.
    #[error("the token is of another issuer")]
    Issuer,
    /// Whoever shows it would have to show a key as well.
    #[error("the token is no bearer's (token_type, cnf)")]
    Bound,
    /// It is no access token, but a refresh or ID token.
    #[error("the token is no access token (token_use, token_usage, typ)")]
    Kind,
    /// `aud` is another one, or there is none.
    #[error("the token is for another audience, or for none that is said")]
    Audience,
    /// `sub` is too long.
    #[error("the token's sub is longer than {LONGEST_SUBJECT} bytes")]
    Subject,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` is in the future.
    #[error("the token's iat or nbf is in the future; set the clock")]
    NotYet,
}

/// Reads an answer of an introspection endpoint. The subject is empty where it is a program's own token.
///
/// # Errors
/// [`IntrospectionError`]: why the token does not count; of one of which nothing is said [`IntrospectionError::Malformed`].
pub fn introspected(json: &[u8], (issuer, audience): (&str, &str), now_s: i64) -> Result<Verified, IntrospectionError> {
    use IntrospectionError::{Audience, Bound, Expired, Inactive, Issuer, Kind, Malformed, NotYet, Subject};
    let claims: Members = object(json).ok_or(Malformed)?;
    let text = |name: &str| claims.text(name).map_err(|_| Malformed);
    let time = |name: &str| claims.number(name).map_err(|_| Malformed);
    match claims.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(Inactive),
        _ => return Err(Malformed),
    }
    if text("iss")?.is_some_and(|said| said != issuer) {
        return Err(Issuer);
    }
    let is_bearer = text("token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer || claims.has("cnf") {
        return Err(Bound);
    }
    // Many providers say of any token of theirs what it is: Hydra and OpenIddict by its use, Keycloak by its type.
    for name in ["token_use", "token_usage"] {
        if text(name)?.is_some_and(|of| !of.eq_ignore_ascii_case("access_token")) {
            return Err(Kind);
        }
    }
    let is_access = |typ: &str| ACCESS.iter().any(|access| typ.eq_ignore_ascii_case(access));
    if text("typ")?.is_some_and(|typ| !is_access(typ)) {
        return Err(Kind);
    }
    let is_ours = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
        _ => false,
    };
    if !is_ours {
        return Err(Audience);
    }
    let subject = text("sub")?.unwrap_or_default();
    if subject.len() > LONGEST_SUBJECT {
        return Err(Subject);
    }
    let (exp, iat, nbf) = (time("exp")?, time("iat")?, time("nbf")?);
    let expires_s = exp.map_or_else(|| now_s.saturating_add(UNSAID_S), |at| at.floor() as i64);
    if expires_s <= now_s {
        return Err(Expired);
    }
    let latest = now_s.saturating_add(LEEWAY_S) as f64;
    if [iat, nbf].into_iter().flatten().any(|at| at > latest) {
        return Err(NotYet);
    }
    let issued_s = iat.map_or(now_s, |at| at as i64);
    Ok(Verified { subject: subject.into(), expires_s, issued_s, auth_time_s: None, claims })
}
