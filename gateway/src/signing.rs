//! What the gateway signs: ID tokens, by keys that are made at first need, sealed in the database, and changed by command.
//!
//! A new key is published for a while before it signs ([`LEAD_MS`]), and an old one stays until what it signed has expired: neither a
//! client that keeps the key set, nor another process that has not looked yet, meets a signature whose key it cannot have.

mod rsa;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::value::RawValue;
use smart::id_token::{IdToken, IdTokenError, Issuer, LIFETIME_S};

use crate::clock::Clock;
use crate::sealing::{Sealed, Sealer};
use crate::signing::rsa::Pair;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::signing_keys::{NewKey, SigningKey};

/// For how many seconds anybody may keep the key set.
pub const KEPT_S: u32 = 60;

/// How long a new key is published before it signs: everybody who keeps the set has looked once more by then.
pub const LEAD_MS: i64 = 2 * 60_000;

/// How long an old key stays published after it signed last: what it signed has expired, also by a clock that is somewhat behind.
pub const STAYS_MS: i64 = LIFETIME_S * 1000 + 5 * 60_000;

/// How long keys are known without another look.
const KNOWN_MS: i64 = 5_000;

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// What was to be signed cannot be.
    #[error(transparent)]
    Token(#[from] IdTokenError),
    /// The key cannot be opened, or none can be made.
    #[error("{0}")]
    Key(&'static str),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What signs for one issuer.
pub struct Signer {
    store: Store,
    clock: Arc<Clock>,
    sealer: Arc<Sealer>,
    issuer: Box<str>,
    fhir: Box<str>,
    known: Mutex<Option<Arc<Known>>>,
}

/// What the database said a moment ago.
struct Known {
    until_ms: i64,
    keys: Vec<(SigningKey, Option<Pair>)>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Signer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Signer {
    /// For an issuer, and the address of FHIR there; neither has a slash at its end.
    pub fn new(store: Store, clock: Arc<Clock>, sealer: Arc<Sealer>, issuer: &str, fhir: &str) -> Self {
        Self { store, clock, sealer, issuer: issuer.into(), fhir: fhir.into(), known: Mutex::default() }
    }

    /// The ID token that says who logged in, for its client.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn id_token(&self, token: &IdToken<'_>) -> Result<SecretString, SigningError> {
        let known = self.known().await?;
        let now_ms = self.clock.now_ms();
        let (key, pair) = signing(&known.keys, now_ms).ok_or(SigningError::Key("there is no key that signs"))?;
        let pair = pair.as_ref().ok_or(SigningError::Key(
            "the key that signs does not open with the key of this gateway (secret.key, FHIR_GATEWAY_SECRET_KEY)",
        ))?;
        let at = Issuer { issuer: &self.issuer, fhir: &self.fhir, now_s: now_ms / 1000 };
        let signed = pair.signed(&token.signing_input(&key.kid, &at)?);
        signed.map(SecretString::from).ok_or(SigningError::Key("the key does not sign"))
    }

    /// The key set, for anybody.
    ///
    /// # Errors
    /// [`SigningError`].
    pub async fn key_set(&self) -> Result<Bytes, SigningError> {
        let known = self.known().await?;
        let now_ms = self.clock.now_ms();
        let published = known.keys.iter().filter(|(key, _)| key.is_published_at(now_ms, STAYS_MS));
        let keys: Vec<&RawValue> = published.filter_map(|(key, _)| serde_json::from_str(&key.public).ok()).collect();
        let set = serde_json::to_vec(&serde_json::json!({ "keys": keys }));
        set.map(Bytes::from).map_err(|_| SigningError::Key("the key set is no JSON"))
    }

    /// Whether the key that signs opens; there may be none yet. Of what is found somebody else has the use.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn can_sign(&self) -> Result<bool, StoreError> {
        let now_ms = self.clock.now_ms();
        let known = self.recent(now_ms);
        let known = match known {
            Some(known) => known,
            None => {
                let keys = self.store.signing_keys().await?;
                if !keys.iter().any(is_lasting) {
                    return Ok(true);
                }
                self.learned(keys, now_ms)
            }
        };
        Ok(signing(&known.keys, now_ms).is_some_and(|(_, pair)| pair.is_some()))
    }

    /// The keys as they were a moment ago.
    fn recent(&self, now_ms: i64) -> Option<Arc<Known>> {
        self.known.lock().clone().filter(|known| now_ms < known.until_ms)
    }

    /// The keys as they were a moment ago; the first one is made where there is none.
    async fn known(&self) -> Result<Arc<Known>, SigningError> {
        let now_ms = self.clock.now_ms();
        if let Some(known) = self.recent(now_ms) {
            return Ok(known);
        }
        let mut keys = self.store.signing_keys().await?;
        if !keys.iter().any(is_lasting) {
            let first = make(&self.sealer).await?;
            self.store.keep_first_signing_key(&first).await?;
            keys = self.store.signing_keys().await?;
        }
        Ok(self.learned(keys, now_ms))
    }

    /// Opens the keys, and knows them for a while.
    fn learned(&self, keys: Vec<SigningKey>, now_ms: i64) -> Arc<Known> {
        let opened = |key: SigningKey| {
            let sealed = key.sealed.as_deref().filter(|_| key.retired_ms.is_none());
            let pair = sealed.and_then(|sealed| opened(&self.sealer, &key.kid, sealed));
            if sealed.is_some() && pair.is_none() {
                tracing::warn!(kid = %key.kid, "a signing key does not open with the key of this gateway");
            }
            (key, pair)
        };
        let keys = keys.into_iter().map(opened).collect();
        let known = Arc::new(Known { until_ms: now_ms + KNOWN_MS, keys });
        *self.known.lock() = Some(Arc::clone(&known));
        known
    }
}

/// A key without an end: there is one where anything signs.
fn is_lasting(key: &SigningKey) -> bool {
    key.signs_until_ms.is_none() && key.retired_ms.is_none()
}

/// The key that signs: of those that do the newest; where clocks differ so that none does, the one without an end.
fn signing<T>(keys: &[(SigningKey, T)], now_ms: i64) -> Option<&(SigningKey, T)> {
    let newest = keys.iter().filter(|(key, _)| key.signs_at(now_ms)).max_by_key(|(key, _)| key.signs_from_ms);
    newest.or_else(|| keys.iter().find(|(key, _)| key.signs_until_ms.is_none() && key.retired_ms.is_none()))
}

fn opened(sealer: &Sealer, kid: &str, sealed: &str) -> Option<Pair> {
    Pair::open(&sealer.unseal(&Sealed::SigningKey.context(kid), sealed).ok()?)
}

/// A new key, whose private part is sealed.
///
/// # Errors
/// None can be made, or sealed.
pub async fn make(sealer: &Sealer) -> Result<NewKey, SigningError> {
    // It takes some tenths of a second.
    let made = tokio::task::spawn_blocking(rsa::make).await.ok().flatten();
    let made = made.ok_or(SigningError::Key("no key can be made: the system gives no random numbers"))?;
    let sealed =
        sealer.seal(&Sealed::SigningKey.context(&made.kid), secrecy::ExposeSecret::expose_secret(&made.private));
    let sealed = sealed.map_err(|_| SigningError::Key("the new key cannot be sealed"))?;
    Ok(NewKey { kid: made.kid, algorithm: smart::id_token::ALGORITHM.name(), public: made.public, sealed })
}

#[cfg(test)]
mod tests;
