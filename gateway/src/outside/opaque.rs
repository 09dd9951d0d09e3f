//! Access tokens that say nothing by themselves: their provider is asked what they are (RFC 7662,
//! <https://www.rfc-editor.org/rfc/rfc7662>).
//!
//! Who sends one is not known before, so that is bounded in each way: what cannot be a token is asked of nobody, an answer is kept for
//! seconds whatever it is, one question is under way for a token and few at a time, and each has its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use smart::outside::{IntrospectionError, introspected};
use tokio::sync::{Mutex as Waiting, Semaphore};
use tokio::time::timeout;

use super::access::of;
use super::exchange::{Secret, encoded};
use super::{Access, LoginError, Outside};
use crate::store::clients::hash_of;
use crate::store::providers::{Introspection, Provider};

/// How long an answer is kept.
const KEPT_MS: i64 = 3_000;
/// The most that are kept.
const MOST: usize = 10_000;
/// Questions at a time: more wait for their turn no longer than one may take.
const QUESTIONS: usize = 16;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody asks a provider that did not answer.
const PAUSE_MS: i64 = 1_000;
/// The longest answer, in bytes.
const LONGEST: usize = 64 * 1024;
/// The shortest and the longest token that is asked about, in bytes.
const SHORTEST_TOKEN: usize = 16;
const LONGEST_TOKEN: usize = 2_048;

/// What is known of tokens by their hashes. Who asks first asks the provider, and the others wait for what comes of it.
pub(super) struct Opaque {
    kept: Mutex<HashMap<String, Arc<Waiting<Option<Kept>>>>>,
    questions: Semaphore,
    /// Until when the provider is taken to be away.
    away_until_ms: AtomicI64,
}

impl Default for Opaque {
    fn default() -> Self {
        Self { kept: Mutex::default(), questions: Semaphore::new(QUESTIONS), away_until_ms: AtomicI64::new(0) }
    }
}

struct Kept {
    /// `None`: it is no token.
    access: Option<Access>,
    until_ms: i64,
}

/// Whether a text can be such a token (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>), and is none of ours or a JWT.
#[must_use]
pub fn may_be_opaque(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    (SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&token.len()) && !body.is_empty() && body.bytes().all(is_plain)
}

impl Outside {
    /// What an opaque access token says; `None` where there is nobody to ask, or it is none that counts here.
    ///
    /// # Errors
    /// That cannot be told.
    pub async fn opaque(&self, token: &str) -> Result<Option<Access>, LoginError> {
        let Some(provider) = self.store.provider_of_opaque_tokens().await? else { return Ok(None) };
        let Some(asked) = &provider.introspection else { return Ok(None) };
        let now_ms = self.clock.now_ms();
        let place = self.opaque.place(&format!("{} {}", provider.id, hash_of(token)), now_ms);
        let mut place = place.ok_or(LoginError::Unreachable)?.lock_owned().await;
        let now_ms = self.clock.now_ms();
        if let Some(kept) = place.as_ref().filter(|kept| now_ms < kept.until_ms) {
            return Ok(kept.access.clone());
        }
        if now_ms < self.opaque.away_until_ms.load(Ordering::Relaxed) {
            return Err(LoginError::Unreachable);
        }
        let answer = self.introspected(&provider, asked, token).await;
        let now_ms = self.clock.now_ms();
        let audience = provider.audience.as_deref().unwrap_or_default();
        let said = answer.map(|answer| introspected(&answer, (&provider.issuer, audience), now_ms / 1000));
        let access = match said {
            Ok(Ok(verified)) => Some(of(provider, verified, &self.fhir)?),
            Err(LoginError::Unreachable) | Ok(Err(IntrospectionError::Malformed)) => {
                tracing::warn!(provider = %provider.id, "the provider does not say what a token is");
                // Others who come meanwhile do not wait for it as well.
                self.opaque.away_until_ms.store(now_ms + PAUSE_MS, Ordering::Relaxed);
                return Err(LoginError::Unreachable);
            }
            Err(error) => return Err(error),
            Ok(Err(why)) => {
                tracing::debug!(provider = %provider.id, %why, "a token is none by what its provider says");
                None
            }
        };
        let until_ms = now_ms + KEPT_MS;
        let until_ms = access.as_ref().map_or(until_ms, |access| until_ms.min(access.expires_ms));
        *place = Some(Kept { access: access.clone(), until_ms });
        Ok(access)
    }

    async fn introspected(
        &self,
        provider: &Provider,
        asked: &Introspection,
        token: &str,
    ) -> Result<Vec<u8>, LoginError> {
        let basic = self.basic((&provider.id, Secret::Introspection), (&asked.client_id, &asked.sealed))?;
        let form = encoded(&[("token", token), ("token_type_hint", "access_token")]).ok_or(LoginError::Unreachable)?;
        // Nobody waits long where many ask at once: the answer would be late.
        let turn = timeout(PATIENCE, self.opaque.questions.acquire()).await;
        let _turn = turn.map_err(|_| LoginError::Unreachable)?.map_err(|_| LoginError::Unreachable)?;
        self.keys.posted(&asked.url, &basic, form, LONGEST).await.ok_or(LoginError::Unreachable)
    }
}

impl Opaque {
    /// The place of a token; `None` where so many are known that there is no room.
    fn place(&self, name: &str, now_ms: i64) -> Option<Arc<Waiting<Option<Kept>>>> {
        let mut kept = self.kept.lock();
        if let Some(place) = kept.get(name) {
            return Some(Arc::clone(place));
        }
        if kept.len() >= MOST {
            // Those that somebody is at stay.
            kept.retain(|_, place| {
                place.try_lock().map_or(true, |known| known.as_ref().is_some_and(|known| now_ms < known.until_ms))
            });
        }
        if kept.len() >= MOST {
            return None;
        }
        let place = Arc::default();
        kept.insert(name.to_owned(), Arc::clone(&place));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_asked_of_nobody() {
        for token in ["0123456789abcdef", "0123456789-._~+/Az==", &"a".repeat(LONGEST_TOKEN)] {
            assert!(may_be_opaque(token), "{token}");
        }
        for text in [
            "",
            "short",
            "0123456789abcde\u{e9}",
            "0123456789 abcdef",
            "0123456789=abcdef",
            "================",
            &"a".repeat(LONGEST_TOKEN + 1),
        ] {
            assert!(!may_be_opaque(text), "{text}");
        }
    }

    #[test]
    fn places_are_bounded() {
        let opaque = Opaque::default();
        for number in 0..MOST {
            assert!(opaque.place(&number.to_string(), 0).is_some());
        }
        // Of none anything is known any more, so all may go; one that somebody is at stays.
        let held = opaque.place("0", 0).expect("it is there");
        let _held = held.try_lock().expect("nobody is at it");
        assert!(opaque.place("one more", 0).is_some());
        assert!(opaque.kept.lock().len() == 2);
    }
}
