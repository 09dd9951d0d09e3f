//! Header and claims of an assertion: <https://www.rfc-editor.org/rfc/rfc7515#section-4.1>,
//! <https://www.rfc-editor.org/rfc/rfc7519#section-4.1>.
//!
//! What is there has to be of its type: a claim of another type, `null` too, is not taken as absent. What is there twice is
//! refused, and what is not named here is not read: `jwk`, `x5c` and `x5u` in a header are anybody's word.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::purpose::PurposeOfUse;
use super::{AssertionError, Expected, LEEWAY_S, LONGEST_JTI, LONGEST_LIFE_S, Verified};
use crate::jose::present;

/// The header.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: Box<str>,
    #[serde(default, deserialize_with = "present")]
    pub(super) crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    pub(super) jku: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) kid: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) typ: Option<Box<str>>,
}

/// Who an assertion is from and about.
#[derive(Deserialize)]
pub(super) struct Parties {
    #[serde(default, deserialize_with = "present")]
    pub(super) iss: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) sub: Option<Box<str>>,
}

/// The claims. Times are numbers that need not be whole (<https://www.rfc-editor.org/rfc/rfc7519#section-2>).
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default, deserialize_with = "present")]
    iss: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "present")]
    exp: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    iat: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    #[serde(default, deserialize_with = "present")]
    jti: Option<Box<str>>,
    #[serde(default, deserialize_with = "present")]
    extensions: Option<Box<RawValue>>,
}

/// For whom: one, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(Box<str>),
    Several(Vec<Box<str>>),
}

impl Claims {
    pub(super) fn check(self, expected: &Expected<'_>) -> Result<Verified, AssertionError> {
        if self.iss.as_deref() != Some(expected.client_id) || self.sub.as_deref() != Some(expected.client_id) {
            return Err(AssertionError::Client);
        }
        let is_ours = |audience: &str| expected.token_urls.contains(&audience);
        let audience = match &self.aud {
            Some(Audience::One(audience)) => is_ours(audience),
            Some(Audience::Several(audiences)) => audiences.iter().any(|audience| is_ours(audience)),
            None => false,
        };
        if !audience {
            return Err(AssertionError::Audience);
        }
        let expires_s = self.expires_s(expected.now_s)?;
        let jti = self.jti.filter(|jti| !jti.is_empty() && jti.len() <= LONGEST_JTI).ok_or(AssertionError::Jti)?;
        let purpose_of_use = self.extensions.as_deref().map(PurposeOfUse::all).transpose()?.flatten();
        Ok(Verified { jti, expires_s, purpose_of_use })
    }

    /// Seconds are few enough to be exact as floating point numbers.
    fn expires_s(&self, now_s: i64) -> Result<i64, AssertionError> {
        let exp = self.exp.ok_or(AssertionError::NoExpiry)?;
        if exp <= now_s as f64 {
            return Err(AssertionError::Expired);
        }
        // Clients make it to the second, and their clocks differ.
        if exp > now_s.saturating_add(LONGEST_LIFE_S + LEEWAY_S) as f64 {
            return Err(AssertionError::ExpiresTooLate);
        }
        let latest = now_s.saturating_add(LEEWAY_S) as f64;
        if [self.iat, self.nbf].into_iter().flatten().any(|time| time > latest) {
            return Err(AssertionError::NotYet);
        }
        // Within the five minutes after now: rounding up forgets no `jti` too early.
        Ok(exp.ceil() as i64)
    }
}
