//! Client assertions (`private_key_jwt`): <https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>,
//! <https://www.rfc-editor.org/rfc/rfc7523#section-3>.
//!
//! Every rule is here and none is left to a library's defaults: `ring` verifies signatures and does nothing else. Signatures
//! are RS384 or ES384; which one, the header says, but the registered key has to be of that kind, so that no header turns a
//! public key into a secret. Claims are looked at only after the signature.
//!
//! What the caller has to do: find the client by [`unverified_client`], get its keys (registered, or from its registered
//! URL), and refuse a `jti` that it has seen from this client, in one step with remembering it until
//! [`Verified::expires_s`] and some time longer where clocks of several servers differ. Whatever is wrong, a client is told
//! [`INVALID_CLIENT`].

mod claims;
mod purpose;

use claims::{Claims, Header, Parties};
pub use purpose::{MOST_PURPOSES, PURPOSES, PurposeOfUse};

pub use crate::jose::{Algorithm, KeySet, KeySetError, LONGEST, LONGEST_SET, MOST_KEYS};
use crate::jose::{KeyError, Parts, Unreadable, decoded};

/// How an assertion is signed.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es384, Algorithm::Rs384];

/// The value of `client_assertion_type`: <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The error of OAuth for an assertion that does not hold: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
pub const INVALID_CLIENT: &str = "invalid_client";

/// The longest `jti`, in bytes.
pub const LONGEST_JTI: usize = 256;

/// The longest that an assertion may still hold, in seconds.
pub const LONGEST_LIFE_S: i64 = 300;

/// How far the client's clock may be ahead, in seconds.
pub const LEEWAY_S: i64 = 60;

/// What an assertion is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client, as it is registered.
    pub client_id: &'a str,
    /// Every URL of the token endpoint: the same endpoint may have several.
    pub token_urls: &'a [&'a str],
    /// Now, in seconds since 1970.
    pub now_s: i64,
    /// The client's keys.
    pub keys: &'a KeySet,
    /// Where the client's keys are, as it is registered; `None` for a client whose keys are registered themselves.
    pub jku: Option<&'a str>,
}

/// An assertion that holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// What makes it unlike any other of this client.
    pub jti: Box<str>,
    /// From when on it does not hold any more, in seconds since 1970.
    pub expires_s: i64,
    /// What the client asks for data for, where its `hl7-b2b` extension says so. There is at least one then.
    pub purpose_of_use: Option<Vec<PurposeOfUse>>,
}

/// Why an assertion does not hold. No text of it is in here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssertionError {
    /// More than [`LONGEST`] bytes.
    #[error("the assertion is longer than {LONGEST} bytes")]
    TooLong,
    /// Not three parts in base64url, or not JSON, or a claim of another type, or twice the same.
    #[error("the assertion is no JWT in compact form, or has a header or claim of the wrong type or twice")]
    Malformed,
    /// Neither RS384 nor ES384.
    #[error("the assertion's alg is neither RS384 nor ES384")]
    Algorithm,
    /// `crit`: extensions that nobody here understands.
    #[error("the assertion's header has crit; leave it out")]
    Critical,
    /// `typ` is there and is not `JWT`.
    #[error("the assertion's typ is not JWT")]
    Type,
    /// `jku` is not the registered URL.
    #[error("the assertion's jku is not the URL of the registered key set")]
    KeySetUrl,
    /// There is no `kid`.
    #[error("the assertion's header has no kid")]
    NoKeyId,
    /// No key with this `kid` that fits the algorithm.
    #[error("the client has no key with the assertion's kid and the kty of its alg")]
    NoKey,
    /// More than one.
    #[error("the client has more than one key with the assertion's kid and the kty of its alg")]
    ManyKeys,
    /// The key is for something else (`use`, `key_ops`, `alg`) or of another curve.
    #[error("the client's key is not one to verify signatures of the assertion's alg with (use, key_ops, alg, crv)")]
    KeyNotFit,
    /// The key is too short, too long, or no key.
    #[error("the client's key is no RSA key of 2048 to 8192 bits and no point of P-384")]
    KeyRefused,
    /// The signature does not verify.
    #[error("the assertion's signature does not verify")]
    Signature,
    /// `iss` and `sub` are not both the client.
    #[error("the assertion's iss and sub are not both the client's id")]
    Client,
    /// `aud` is not the token endpoint.
    #[error("the assertion's aud is not this token endpoint's URL")]
    Audience,
    /// There is no `exp`.
    #[error("the assertion has no exp")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the assertion has expired")]
    Expired,
    /// `exp` is too far away.
    #[error("the assertion's exp is more than {LONGEST_LIFE_S} seconds away")]
    ExpiresTooLate,
    /// `nbf` or `iat` is in the future.
    #[error("the assertion's iat or nbf is in the future; set the clock")]
    NotYet,
    /// There is no `jti`, or it is empty or more than [`LONGEST_JTI`] bytes.
    #[error("the assertion has no jti of 1 to {LONGEST_JTI} bytes")]
    Jti,
    /// The `hl7-b2b` extension cannot be read.
    #[error(
        "the assertion's hl7-b2b extension is not of version 1 with a purpose_of_use of 1 to {MOST_PURPOSES} codes"
    )]
    Purpose,
}

/// Which client an assertion says it is from, so that its keys can be found. Nothing is verified.
///
/// # Errors
/// [`AssertionError`] where it says none.
pub fn unverified_client(assertion: &str) -> Result<Box<str>, AssertionError> {
    let parts = Parts::of(assertion)?;
    let parties: Parties = decoded(parts.claims)?;
    match (parties.iss, parties.sub) {
        (Some(iss), Some(sub)) if iss == sub && !iss.is_empty() => Ok(iss),
        _ => Err(AssertionError::Client),
    }
}

/// Verifies an assertion; whether its `jti` was seen before is left to the caller.
///
/// # Errors
/// [`AssertionError`]: the first rule that it breaks.
pub fn verify(assertion: &str, expected: &Expected<'_>) -> Result<Verified, AssertionError> {
    let parts = Parts::of(assertion)?;
    let header: Header = decoded(parts.header)?;
    let algorithm = Algorithm::among(&ALGORITHMS, &header.alg).ok_or(AssertionError::Algorithm)?;
    if header.crit.is_some() {
        return Err(AssertionError::Critical);
    }
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(AssertionError::Type);
    }
    if header.jku.is_some() && header.jku.as_deref() != expected.jku {
        return Err(AssertionError::KeySetUrl);
    }
    let kid = header.kid.ok_or(AssertionError::NoKeyId)?;
    let signature = parts.signature();
    match expected.keys.verify(&kid, algorithm, parts.signed.as_bytes(), signature.as_deref().unwrap_or_default()) {
        // Where there is a key, what is no base64url is told apart from what does not verify.
        Err(KeyError::Signature) if signature.is_err() => return Err(AssertionError::Malformed),
        verified => verified?,
    }
    decoded::<Claims>(parts.claims)?.check(expected)
}

impl From<Unreadable> for AssertionError {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLong => Self::TooLong,
            Unreadable::Malformed => Self::Malformed,
        }
    }
}

impl From<KeyError> for AssertionError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoKey => Self::NoKey,
            KeyError::ManyKeys => Self::ManyKeys,
            KeyError::NotFit => Self::KeyNotFit,
            KeyError::Refused => Self::KeyRefused,
            KeyError::Signature => Self::Signature,
        }
    }
}

impl KeySet {
    /// How many of its keys can verify an assertion: a registration without one is a mistake.
    #[must_use]
    pub fn usable(&self) -> usize {
        self.fitting(&ALGORITHMS)
    }
}
