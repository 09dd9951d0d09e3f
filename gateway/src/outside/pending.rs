//! A login that is under way, as the browser keeps it.

use aes_gcm_siv::aead::Generate as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::sealing::Sealer;

/// What it is sealed for.
const CONTEXT: &str = "outside login";
/// The longest cookie that is looked at: browsers keep no longer one.
const LONGEST: usize = 4096;

/// Each of its three secrets has 256 random bits.
#[derive(Deserialize, Serialize)]
pub(super) struct Pending {
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) nonce: String,
    /// Of PKCE.
    pub(super) verifier: String,
    pub(super) next: String,
    pub(super) until_ms: i64,
    /// Since when, in seconds since 1970, whoever it is has to have shown it: a login that was there before is not enough.
    #[serde(default)]
    pub(super) anew_s: Option<i64>,
}

impl Pending {
    /// A new one; `None` where the system gives no random numbers.
    pub(super) fn new(provider: &str, next: &str, until_ms: i64, anew_s: Option<i64>) -> Option<Self> {
        Some(Self {
            provider: provider.to_owned(),
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.to_owned(),
            until_ms,
            anew_s,
        })
    }

    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    pub(super) fn is_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }

    pub(super) fn sealed(&self, sealer: &Sealer) -> Option<String> {
        sealer.seal(CONTEXT, &serde_json::to_vec(self).ok()?).ok()
    }

    pub(super) fn opened(sealer: &Sealer, cookie: &str) -> Option<Self> {
        if cookie.len() > LONGEST {
            return None;
        }
        serde_json::from_slice(sealer.unseal(CONTEXT, cookie).ok()?.expose_secret()).ok()
    }
}

fn random() -> Option<String> {
    <[u8; 32]>::try_generate().ok().map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}
