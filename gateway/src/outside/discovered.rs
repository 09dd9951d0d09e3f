//! Where providers have what: their discovery documents, kept for as long as they say.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use smart::outside::{Discovery, LONGEST_DOCUMENT};
use tokio::sync::Mutex as Waiting;

use super::{LoginError, Outside};
use crate::store::providers::Provider;

/// The most that are kept.
const MOST: usize = 100;
/// A provider is not asked again for so long, whatever it says of keeping and whether or not it answered: a login begins, and a token is
/// looked at, before anybody is known.
const PAUSE_MS: i64 = 10_000;

/// What is known, by issuer. Who asks first fetches, and the others wait for what comes of it.
#[derive(Default)]
pub(super) struct Discovered(Mutex<HashMap<Box<str>, Arc<Waiting<Kept>>>>);

#[derive(Default)]
struct Kept {
    found: Option<Arc<Discovery>>,
    until_ms: i64,
}

impl Discovered {
    fn of(&self, issuer: &str) -> Arc<Waiting<Kept>> {
        let mut all = self.0.lock();
        if all.len() >= MOST && !all.contains_key(issuer) {
            // No more are trusted at a time; those of providers that were removed go.
            all.clear();
        }
        Arc::clone(all.entry(issuer.into()).or_default())
    }

    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.0.lock().clear();
    }
}

impl Outside {
    /// Where the provider has what.
    pub(super) async fn discovery(&self, provider: &Provider) -> Result<Arc<Discovery>, LoginError> {
        let kept = self.discovered.of(&provider.issuer);
        let mut kept = kept.lock().await;
        if self.clock.now_ms() >= kept.until_ms {
            let (found, for_ms) = match self.discover(provider).await {
                Some((discovery, for_ms)) => (Some(Arc::new(discovery)), for_ms.max(PAUSE_MS)),
                // What it said last is as good as anything, while it is away.
                None => (kept.found.take(), PAUSE_MS),
            };
            // From now on: it may have taken as long as the pause.
            *kept = Kept { found, until_ms: self.clock.now_ms() + for_ms };
        }
        kept.found.clone().ok_or(LoginError::Unreachable)
    }

    async fn discover(&self, provider: &Provider) -> Option<(Discovery, i64)> {
        let (text, for_ms) = self.keys.document(&Discovery::url(&provider.issuer), LONGEST_DOCUMENT).await?;
        match Discovery::parse(&text, &provider.issuer) {
            Ok(discovery) => Some((discovery, for_ms)),
            Err(error) => {
                tracing::warn!(provider = %provider.id, %error, "the provider's document is refused");
                None
            }
        }
    }
}
