//! Secrets and tokens: made here, told once, and kept as hashes.

use std::fmt;

use aes_gcm_siv::aead::Generate as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::store::connection::DbError;
use crate::store::error::StoreError;

/// What secrets of clients begin with: one that lies where it should not is found by it.
pub(super) const SECRET: &str = "fgs_";
/// What access tokens begin with.
pub const TOKEN: &str = "fgt_";
/// None is longer than this, in bytes.
pub(super) const LONGEST: usize = 128;

/// Whether a text begins as what is made here does: tokens, codes, handles, sessions and secrets have four characters before what is random.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    matches!(text.as_bytes(), [b'f', b'g', _, b'_', ..])
}

/// The hash of a secret or token, as the database has it: SHA-256 in hexadecimal.
#[must_use]
pub fn hash_of(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id for a new client: 22 characters, of which the first is a letter or digit (one that looks like an option is hard to type).
///
/// # Errors
/// The system gives no random numbers.
pub fn new_id() -> Result<String, StoreError> {
    loop {
        let id = BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?);
        if id.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return Ok(id);
        }
    }
}

/// A new secret of 256 random bits, and its hash.
pub(in crate::store) fn make(prefix: &str) -> Result<(SecretString, String), StoreError> {
    let text = format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(random::<32>()?));
    let hash = hash_of(&text);
    Ok((SecretString::from(text), hash))
}

/// Random bytes of the system's.
pub(crate) fn random<const BYTES: usize>() -> Result<[u8; BYTES], DbError> {
    let mut bytes = [0; BYTES];
    for chunk in bytes.chunks_mut(8) {
        let drawn = <[u8; 8]>::try_generate().map_err(|_| DbError::fault("the system gives no random numbers"))?;
        chunk.copy_from_slice(&drawn[..chunk.len()]);
    }
    Ok(bytes)
}

/// The hashes of a client's secrets. They open nothing, and still nobody needs to see them.
#[derive(Clone, Default)]
pub(super) struct Kept {
    /// Of the one that counts.
    pub(super) now: Option<String>,
    /// Of the one before, and until when it counts.
    pub(super) before: Option<(String, i64)>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secrets]")
    }
}

/// The hash of a token that is looked up with what it is of.
#[derive(Clone)]
pub(super) struct Hash(pub(super) String);

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[hash]")
    }
}

impl Hash {
    /// Whether it is that token's.
    pub(super) fn is_of(&self, token: &str) -> bool {
        self.0.as_bytes().ct_eq(hash_of(token).as_bytes()).into()
    }
}

impl Kept {
    /// Whether it is the secret, or the one before while that counts. Both are compared, in full, whatever comes of the first.
    pub(super) fn is(&self, secret: &str, now_ms: i64) -> bool {
        let given = hash_of(secret);
        let is = |kept: Option<&str>| kept.unwrap_or_default().as_bytes().ct_eq(given.as_bytes());
        let before = self.before.as_ref().filter(|(_, until)| now_ms < *until).map(|(hash, _)| hash.as_str());
        (is(self.now.as_deref()) | is(before)).into()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn secrets_are_long_told_by_their_beginning_and_show_nothing() {
        let (secret, hash) = make(SECRET).unwrap();
        let text = secret.expose_secret();
        assert!(text.starts_with("fgs_") && text.len() == 4 + 43, "{}", text.len());
        assert_eq!(hash, hash_of(text));
        assert!(!format!("{secret:?}").contains(&text[4..]));
        let kept = Kept { now: Some(hash.clone()), before: Some((hash.clone(), 1)) };
        assert!(!format!("{kept:?}").contains(&hash));
        assert_ne!(make(TOKEN).unwrap().1, make(TOKEN).unwrap().1);
        assert!(is_ours(text) && is_ours(TOKEN) && !is_ours("fg_x") && !is_ours("FGT_x") && !is_ours(""));
    }

    #[test]
    fn ids_are_not_options() {
        for _ in 0..1000 {
            let id = new_id().unwrap();
            assert!(id.len() == 22 && !id.starts_with(['-', '_']), "{id}");
        }
    }

    #[test]
    fn the_secret_before_counts_until_its_end() {
        let kept = Kept { now: Some(hash_of("new")), before: Some((hash_of("old"), 100)) };
        for (secret, at, holds) in [
            ("new", 0, true),
            ("new", 200, true),
            ("old", 99, true),
            ("old", 100, false),
            ("", 0, false),
            ("x", 0, false),
        ] {
            assert_eq!(kept.is(secret, at), holds, "{secret} at {at}");
        }
        assert!(!Kept::default().is("", 0), "who has no secret has not the empty one");
    }
}
