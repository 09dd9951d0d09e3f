//! Access tokens that say nothing by themselves: their provider is asked what they are (RFC 7662,
//! <https://www.rfc-editor.org/rfc/rfc7662>).
//!
//! Who sends one is not known before, so that is bounded in each way: what cannot be a token is asked of nobody, an answer is kept for
//! seconds whatever it is, one question is under way for a token and few at a time, and each has its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use reqwest::StatusCode;
use smart::outside::{IntrospectionError, introspected};
use tokio::sync::{Mutex as Waiting, Semaphore};
use tokio::time::timeout;

use super::access::of;
use super::exchange::encoded;
use super::{Access, LoginError, Outside};
use crate::authorization::NoAnswer;
use crate::sealing::Sealed;
use crate::store::clients::{hash_of, is_ours};
use crate::store::providers::{Introspection, Provider};

/// How long an answer is kept.
const KEPT_MS: i64 = 3_000;
/// The most that are kept.
const MOST: usize = 10_000;
/// Questions at a time: more wait for their turn no longer than one may take.
const QUESTIONS: usize = 16;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nobody asks a provider that is away.
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
    said: Said,
    until_ms: i64,
}

/// What came of a question.
#[derive(Clone)]
enum Said {
    /// It is a token that counts here.
    Access(Box<Access>),
    /// It is none.
    None,
    /// Its provider does not say, of this one: of others it may.
    Nothing,
}

impl Said {
    fn told(&self) -> Result<Option<Access>, LoginError> {
        match self {
            Self::Access(access) => Ok(Some((**access).clone())),
            Self::None => Ok(None),
            Self::Nothing => Err(LoginError::Unreachable),
        }
    }
}

/// Why nothing is known of a token.
enum Unasked {
    /// The provider is away: it would not answer of others either.
    Away,
    /// Nothing was asked, for want of a place, or of what we show there.
    Here(LoginError),
}

/// Whether a text is a token that says what it is: of three parts, the first of which is a JSON object, or begins as one does.
#[must_use]
pub fn is_jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let header = parts.next().unwrap_or_default();
    // A header that begins with whitespace begins otherwise.
    let is_object = || {
        let text = BASE64_URL_SAFE_NO_PAD.decode(header.trim_end_matches('=')).unwrap_or_default();
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&text).is_ok()
    };
    parts.count() == 2 && (header.starts_with("ey") || is_object())
}

/// Whether a text can be such a token (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>), and is none of ours or a JWT: nobody else is
/// shown a token, a code or a secret of here that somebody sends by mistake.
#[must_use]
pub fn may_be_opaque(token: &str) -> bool {
    if is_ours(token) || is_jwt(token) {
        return false;
    }
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
            return kept.said.told();
        }
        if now_ms < self.opaque.away_until_ms.load(Ordering::Relaxed) {
            return Err(LoginError::Unreachable);
        }
        let said = self.introspected(&provider, asked, token).await;
        let now_ms = self.clock.now_ms();
        let said = match said {
            Ok(said) => said,
            Err(Unasked::Away) => {
                tracing::warn!(provider = %provider.id, "the provider does not answer what a token is");
                // Others who come meanwhile do not wait for it as well.
                self.opaque.away_until_ms.store(now_ms + PAUSE_MS, Ordering::Relaxed);
                return Err(LoginError::Unreachable);
            }
            Err(Unasked::Here(error)) => return Err(error),
        };
        let until_ms = match &said {
            Said::Access(access) => access.expires_ms.min(now_ms + KEPT_MS),
            Said::None | Said::Nothing => now_ms + KEPT_MS,
        };
        let told = said.told();
        *place = Some(Kept { said, until_ms });
        told
    }

    /// Asks. What one token's answer is like tells nothing of others: whoever sends odd ones keeps nobody out.
    async fn introspected(&self, provider: &Provider, asked: &Introspection, token: &str) -> Result<Said, Unasked> {
        let basic = self.basic((&provider.id, Sealed::Introspection), (&asked.client_id, &asked.sealed));
        let basic = basic.map_err(Unasked::Here)?;
        let busy = || Unasked::Here(LoginError::Unreachable);
        let form = encoded(&[("token", token), ("token_type_hint", "access_token")]).ok_or_else(busy)?;
        // Nobody waits long where many ask at once: the answer would be late.
        let turn = timeout(PATIENCE, self.opaque.questions.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let answer = match self.keys.posted(&asked.url, &basic, form, LONGEST).await {
            Ok(answer) => answer,
            Err(NoAnswer::Away) => return Err(Unasked::Away),
            // No token's text brings these about: it would be so for everybody, and asking on makes it worse.
            Err(NoAnswer::Refused(status)) if is_about_us(status) => {
                tracing::warn!(provider = %provider.id, %status, "the provider does not let this gateway ask what a token is");
                return Err(Unasked::Away);
            }
            Err(NoAnswer::Refused(StatusCode::FORBIDDEN)) => return Ok(Said::Nothing),
            Err(NoAnswer::Refused(_)) => return Ok(Said::None),
            Err(NoAnswer::Unreadable) => return Ok(Said::Nothing),
        };
        let audience = provider.audience.as_deref().unwrap_or_default();
        match introspected(&answer, (&provider.issuer, audience), self.clock.now_ms() / 1000) {
            Ok(verified) => match of(provider.clone(), verified, &self.fhir) {
                Ok(access) => Ok(Said::Access(Box::new(access))),
                Err(error) => {
                    tracing::info!(provider = %provider.id, %error, "a token is none by what its provider says");
                    Ok(Said::None)
                }
            },
            Err(IntrospectionError::Malformed) => {
                tracing::warn!(provider = %provider.id, "the provider's answer does not say what a token is");
                Ok(Said::Nothing)
            }
            Err(why) => {
                tracing::debug!(provider = %provider.id, %why, "a token is none by what its provider says");
                Ok(Said::None)
            }
        }
    }
}

/// Whether a refusal is of whoever asks, and not of the token.
fn is_about_us(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
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
        for token in [
            "0123456789abcdef",
            "0123456789-._~+/Az==",
            "0123456789.abcdef.0123",
            "fgabc_0123456789abcdef",
            &"a".repeat(LONGEST_TOKEN),
        ] {
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
            "fgt_0123456789abcdef",
            "fgr_0123456789abcdef",
            "eyJhbGciOiJub25lIn0.e30.",
            "CnsiYWxnIjoibm9uZSJ9.e30.",
            "IHsiYWxnIjoibm9uZSJ9.e30.AAAA",
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
