//! Tokens of an outside issuer: ID tokens (<https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>) and access
//! tokens that are JWTs (<https://www.rfc-editor.org/rfc/rfc9068>). Who trusts an issuer says so by its exact name, and by the name
//! that it has for us.
//!
//! Stricter than those: a header names its key by `kid`, and brings none (`jwk`, `x5c`) and says not where one is (`jku`, `x5u`):
//! keys come from the issuer's own key set alone. Nothing is there twice, at any depth. A token that was made for something else is
//! refused as soon as it says so: an ID token is no access token, a refresh or logout token is neither.
//!
//! What the caller has to do: fetch the issuer's keys over TLS, and make a `nonce` of enough random bits for each login.

mod discovery;
mod introspection;

use serde_json::Value;

pub use discovery::{Discovery, DiscoveryError, LONGEST_DOCUMENT};
pub use introspection::{IntrospectionError, introspected};

pub use crate::jose::LONGEST;
use crate::jose::{Algorithm, KeyError, KeySet, Members, Parts, Unreadable, decoded};

/// How a token may be signed.
pub const ALGORITHMS: [Algorithm; 4] = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Es256, Algorithm::Es384];

/// What says which app a token was given to where `aud` names them all: of a third party's (an OAuth client of a Supabase project) the
/// issuer, the audience and the subject are the same as of the app's own.
const APPS: [&str; 3] = ["client_id", "appid", "cid"];

/// How far the issuer's clock may be ahead, in seconds.
pub const LEEWAY_S: i64 = 60;

/// The longest that a token may still hold, in seconds: a day.
pub const LONGEST_LIFE_S: i64 = 86_400;

/// The longest subject, in bytes.
pub const LONGEST_SUBJECT: usize = 255;

/// The most audiences.
const MOST_AUDIENCES: usize = 20;

/// Members of a header that bring a key or say where it is, that change what is signed, or that nobody here understands.
const FOREIGN: [&str; 7] = ["b64", "crit", "jku", "jwk", "x5c", "x5u", "zip"];

/// What kind of token it has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind<'a> {
    /// An ID token, of the login that this nonce was made for.
    Id {
        /// The nonce that the token has to say.
        nonce: &'a str,
    },
    /// An ID token that an app holds already, which had it for itself, and no login of ours: one that was made for one of these.
    Held {
        /// The names that the issuer may have for whom the token is for.
        audiences: &'a [String],
    },
    /// An access token.
    Access,
}

/// What a token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer, to the letter.
    pub issuer: &'a str,
    /// Of an ID token our client id there; of an access token the name that the issuer has for this server; of one that an
    /// app holds nothing: those of its kind count.
    pub audience: &'a str,
    /// What it has to be.
    pub kind: Kind<'a>,
    /// Now, in seconds since 1970.
    pub now_s: i64,
    /// The issuer's keys.
    pub keys: &'a KeySet,
}

/// A token that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Who, to this issuer.
    pub subject: Box<str>,
    /// From when on it does not hold any more, in seconds since 1970.
    pub expires_s: i64,
    /// When it was signed, in seconds since 1970.
    pub issued_s: i64,
    /// When the user logged in there, where it says so.
    pub auth_time_s: Option<i64>,
    /// All that it says.
    pub claims: Members,
}

/// Why a token does not hold. No text of it is in here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutsideError {
    /// More than [`LONGEST`] bytes.
    #[error("the token is longer than {LONGEST} bytes")]
    TooLong,
    /// Not three parts in base64url, or not JSON, or a member of another type, or twice the same.
    #[error("the token is no JWT in compact form, or has a header or claim of the wrong type or twice")]
    Malformed,
    /// None of [`ALGORITHMS`].
    #[error("the token's alg is none of RS256, RS384, ES256 and ES384")]
    Algorithm,
    /// The header brings a key, or what nobody here understands.
    #[error("the token's header has jwk, jku, x5c, x5u, crit, b64 or zip")]
    Header,
    /// It is of another kind.
    #[error("the token is of another kind than it has to be here")]
    Kind,
    /// There is no `kid`.
    #[error("the token's header has no kid")]
    NoKeyId,
    /// No key with this `kid` that fits the algorithm.
    #[error("the issuer has no key with the token's kid and the kty of its alg")]
    NoKey,
    /// A key that cannot be used: one of several, for something else, or too short.
    #[error("the issuer's key of that kid is one of several, is for something else, or is of a wrong size or curve")]
    KeyNotFit,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// `iss` is another one.
    #[error("the token's iss is not the issuer, to the letter")]
    Issuer,
    /// `aud` or `azp` is another one; or an app shows what was made for another one.
    #[error("the token is for another audience (aud, azp, client_id)")]
    Audience,
    /// There is no `sub`, or it is empty or too long.
    #[error("the token has no sub of 1 to {LONGEST_SUBJECT} bytes")]
    Subject,
    /// There is no `exp` or no `iat`.
    #[error("the token has no exp or no iat")]
    NoTime,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `exp` is too far away.
    #[error("the token's exp is more than {LONGEST_LIFE_S} seconds away")]
    ExpiresTooLate,
    /// `nbf`, `iat` or `auth_time` is in the future.
    #[error("the token's iat, nbf or auth_time is in the future; set the clock")]
    NotYet,
    /// `nonce` is another one, or there is none.
    #[error("the token's nonce is not that of this login")]
    Nonce,
}

/// Verifies a token.
///
/// # Errors
/// [`OutsideError`]: the first rule that it breaks.
pub fn verify(token: &str, expected: &Expected<'_>) -> Result<Verified, OutsideError> {
    let parts = Parts::of(token)?;
    let header: Members = decoded(parts.header)?;
    let text = |name: &str| header.text(name).map_err(|_| OutsideError::Malformed);
    let algorithm = text("alg")?.ok_or(OutsideError::Malformed)?;
    let algorithm = Algorithm::among(&ALGORITHMS, algorithm).ok_or(OutsideError::Algorithm)?;
    if FOREIGN.iter().any(|name| header.has(name)) {
        return Err(OutsideError::Header);
    }
    let typ = text("typ")?.map(str::to_ascii_lowercase);
    let kid = text("kid")?.ok_or(OutsideError::NoKeyId)?;
    let signature = parts.signature()?;
    expected.keys.verify(kid, algorithm, parts.signed.as_bytes(), &signature)?;
    check(decoded(parts.claims)?, typ.as_deref(), expected)
}

/// Who says that it has signed a token, before anything of it is believed: whose keys to look for.
///
/// # Errors
/// It is no signed token.
pub fn unverified_issuer(token: &str) -> Result<Box<str>, OutsideError> {
    let claims: Members = decoded(Parts::of(token)?.claims)?;
    match claims.text("iss") {
        Ok(Some(issuer)) if !issuer.is_empty() && !issuer.chars().any(char::is_control) => Ok(issuer.into()),
        Ok(_) => Err(OutsideError::Issuer),
        Err(_) => Err(OutsideError::Malformed),
    }
}

fn check(claims: Members, typ: Option<&str>, expected: &Expected<'_>) -> Result<Verified, OutsideError> {
    let text = |name: &str| claims.text(name).map_err(|_| OutsideError::Malformed);
    if text("iss")? != Some(expected.issuer) {
        return Err(OutsideError::Issuer);
    }
    is_of_kind(&claims, typ, expected.kind)?;
    is_for(&claims, expected)?;
    let subject = text("sub")?.filter(|sub| !sub.is_empty() && sub.len() <= LONGEST_SUBJECT);
    let subject = subject.ok_or(OutsideError::Subject)?.into();
    let (expires_s, issued_s, auth_time_s) = times(&claims, expected.now_s)?;
    if let Kind::Id { nonce } = expected.kind
        && (nonce.is_empty() || text("nonce")? != Some(nonce))
    {
        return Err(OutsideError::Nonce);
    }
    Ok(Verified { subject, expires_s, issued_s, auth_time_s, claims })
}

/// `typ` of the header as RFC 9068 has it; `typ` of the claims as Keycloak has it; and what only one kind says.
fn is_of_kind(claims: &Members, typ: Option<&str>, kind: Kind<'_>) -> Result<(), OutsideError> {
    let of_claims = claims.text("typ").map_err(|_| OutsideError::Malformed)?;
    let is_logout = claims.has("events");
    // Whoever shows it would have to show a key as well (RFC 7800): it is no bearer's.
    let is_bound = claims.has("cnf");
    let is = match kind {
        Kind::Id { .. } | Kind::Held { .. } => {
            matches!(typ, None | Some("jwt")) && matches!(of_claims, None | Some("ID"))
        }
        Kind::Access => {
            let says_so = matches!(typ, Some("at+jwt" | "application/at+jwt"))
                || (matches!(typ, None | Some("jwt")) && of_claims == Some("Bearer"));
            let says_other =
                !matches!(of_claims, None | Some("Bearer")) || claims.has("nonce") || claims.has("at_hash");
            says_so && !says_other
        }
    };
    if is && !is_logout && !is_bound { Ok(()) } else { Err(OutsideError::Kind) }
}

/// An ID token is for us alone: one that others may show, too, is theirs to show. `azp` of an access token is whoever asked for it.
fn is_for(claims: &Members, expected: &Expected<'_>) -> Result<(), OutsideError> {
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) if several.len() <= MOST_AUDIENCES => {
            let texts = several.iter().map(Value::as_str).collect::<Option<_>>();
            texts.ok_or(OutsideError::Malformed)?
        }
        Some(Value::Array(_)) | None => return Err(OutsideError::Audience),
        Some(_) => return Err(OutsideError::Malformed),
    };
    let azp = claims.text("azp").map_err(|_| OutsideError::Malformed)?;
    let is_ours = audiences.contains(&expected.audience);
    let is_one_of = |names: &[String], name: &str| names.iter().any(|own| own == name);
    let is_for_us = match expected.kind {
        Kind::Id { .. } => is_ours && audiences.len() == 1 && azp.is_none_or(|azp| azp == expected.audience),
        Kind::Held { audiences: names } => {
            let is_its = |name: &str| match claims.get(name) {
                Some(app) => app.as_str().is_some_and(|app| is_one_of(names, app)),
                None => true,
            };
            audiences.len() == 1
                && is_one_of(names, audiences[0])
                && azp.is_none_or(|azp| is_one_of(names, azp))
                && APPS.into_iter().all(is_its)
        }
        Kind::Access => is_ours,
    };
    if is_for_us { Ok(()) } else { Err(OutsideError::Audience) }
}

/// When it ends, when it was signed, and when the user logged in. Times are numbers that need not be whole; seconds are few enough to be exact.
fn times(claims: &Members, now_s: i64) -> Result<(i64, i64, Option<i64>), OutsideError> {
    let number = |name: &str| claims.number(name).map_err(|_| OutsideError::Malformed);
    let (exp, iat) = (number("exp")?.ok_or(OutsideError::NoTime)?, number("iat")?.ok_or(OutsideError::NoTime)?);
    let auth_time = number("auth_time")?;
    if exp <= now_s as f64 {
        return Err(OutsideError::Expired);
    }
    if exp > now_s.saturating_add(LONGEST_LIFE_S) as f64 {
        return Err(OutsideError::ExpiresTooLate);
    }
    let latest = now_s.saturating_add(LEEWAY_S) as f64;
    if [Some(iat), number("nbf")?, auth_time].into_iter().flatten().any(|time| time > latest) {
        return Err(OutsideError::NotYet);
    }
    Ok((exp.ceil() as i64, iat as i64, auth_time.map(|time| time as i64)))
}

impl From<Unreadable> for OutsideError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLong => Self::TooLong,
            Unreadable::Malformed => Self::Malformed,
        }
    }
}

impl From<KeyError> for OutsideError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoKey => Self::NoKey,
            KeyError::ManyKeys | KeyError::NotFit | KeyError::Refused => Self::KeyNotFit,
            KeyError::Signature => Self::Signature,
        }
    }
}
