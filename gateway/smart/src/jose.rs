//! What all signed tokens here have in common (RFC 7515, 7517, 7519): three parts in base64url, JSON objects that say nothing twice,
//! and key sets of which exactly one key verifies.
//!
//! Client assertions ([`crate::assertion`]) and tokens of outside issuers ([`crate::outside`]) are read by it; each has rules of its
//! own beside. `ring` verifies signatures and does nothing else.

mod keys;
mod strict;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};

pub(crate) use keys::KeyError;
pub use keys::{Algorithm, KeySet, KeySetError, LONGEST_SET, MOST_KEYS};
pub use strict::Members;

/// The longest token that is read, in bytes.
pub const LONGEST: usize = 16 * 1024;

/// Why a text is no signed token at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// More than [`LONGEST`] bytes.
    TooLong,
    /// Not three parts in base64url, or not JSON, or a member of another type, or twice the same.
    Malformed,
}

/// The three parts, as they are spelled.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    signature: &'a str,
    pub(crate) signed: &'a str,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(token: &'a str) -> Result<Self, Unreadable> {
        if token.len() > LONGEST {
            return Err(Unreadable::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Unreadable::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Unreadable::Malformed)?;
        if claims.contains('.') {
            return Err(Unreadable::Malformed);
        }
        Ok(Self { header, claims, signature, signed })
    }

    pub(crate) fn signature(&self) -> Result<Vec<u8>, Unreadable> {
        URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| Unreadable::Malformed)
    }
}

/// JSON in base64url, which has one spelling: no padding, no spaces, no bits that nobody reads.
pub(crate) fn decoded<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Unreadable> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Unreadable::Malformed)?;
    object(&bytes).ok_or(Unreadable::Malformed)
}

/// A JSON object. (An array, `serde` would take too: its elements as the members in the order in which they are declared.)
pub(crate) fn object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    let starts = json.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if starts { serde_json::from_slice(json).ok() } else { None }
}

/// `null` is a value, and not one of the type.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
