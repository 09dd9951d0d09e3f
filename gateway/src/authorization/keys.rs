//! Key sets of clients and of outside issuers, at their addresses: fetched when they are needed, and kept for as long as they say.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use smart::assertion::{KeySet, LONGEST_SET};
use tokio::sync::Semaphore;

use crate::outward::Reach;

/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a set is kept that does not say.
const USUALLY_MS: i64 = 300_000;
/// At most, whatever it says.
const LONGEST_MS: i64 = 3_600_000;
/// How long after a fetch nobody fetches again, whoever asks with what key, and whatever the set says.
const PAUSE_MS: i64 = 10_000;
/// The most sets that are kept.
const MOST: usize = 1000;
/// Fetches at a time.
const FETCHES: usize = 16;

/// What fetches and keeps them.
pub struct KeysAt {
    /// By TLS, through a proxy of the environment where an administrator named the address.
    client: Client,
    /// On this machine: a proxy would see secrets in clear.
    here: Client,
    reach: Reach,
    kept: Mutex<HashMap<Box<str>, Arc<Address>>>,
    fetches: Semaphore,
}

/// Those that administrators named the addresses of, and those of anybody: apart, so that strangers use up no place of theirs.
pub struct KeySets {
    /// Of providers, and of clients that an administrator added.
    pub named: Arc<KeysAt>,
    /// Of clients that registered themselves.
    pub anybody: Arc<KeysAt>,
}

impl KeySets {
    /// By HTTPS clients of ours.
    ///
    /// # Errors
    /// There can be no such client.
    pub fn new(tls: &rustls::ClientConfig) -> Result<Self, reqwest::Error> {
        let of = |reach| KeysAt::new(tls.clone(), reach).map(Arc::new);
        Ok(Self { named: of(Reach::Named)?, anybody: of(Reach::Anybody)? })
    }
}

/// What is known of one address.
#[derive(Default)]
struct Address {
    known: Mutex<Kept>,
    /// Who fetches: the others wait for what comes of it.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Kept {
    set: Option<Arc<KeySet>>,
    /// When it was asked for last.
    asked_ms: Option<i64>,
    until_ms: i64,
}

impl Kept {
    /// The set, while it may be kept.
    fn valid(&self, now_ms: i64) -> Option<Arc<KeySet>> {
        self.set.clone().filter(|_| now_ms < self.until_ms)
    }

    fn was_asked_just_now(&self, now_ms: i64) -> bool {
        self.asked_ms.is_some_and(|asked_ms| now_ms < asked_ms + PAUSE_MS)
    }
}

impl KeysAt {
    /// By an HTTPS client: it follows no redirect, and goes no further than it may.
    ///
    /// # Errors
    /// There can be no such client.
    pub fn new(tls: rustls::ClientConfig, reach: Reach) -> Result<Self, reqwest::Error> {
        let made = |tls| {
            Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(redirect::Policy::none())
                .referer(false)
                .dns_resolver(Arc::new(reach))
                .timeout(PATIENCE)
                .connect_timeout(PATIENCE)
        };
        let here = made(tls.clone()).no_proxy().build()?;
        // What a stranger named is resolved here, and nowhere else.
        let client = match reach {
            Reach::Named => made(tls).build()?,
            Reach::Anybody => here.clone(),
        };
        Ok(Self { client, here, reach, kept: Mutex::default(), fetches: Semaphore::new(FETCHES) })
    }

    /// The set at an address, which may have been fetched before.
    pub(crate) async fn at(&self, url: &str, now_ms: i64) -> Option<Arc<KeySet>> {
        let address = self.address(url, now_ms);
        let valid = address.known.lock().valid(now_ms);
        match valid {
            Some(set) => Some(set),
            None => self.fetch(url, &address, now_ms).await,
        }
    }

    /// The set as it is now, but for one that was asked for a moment ago: who sends keys that nobody knows does not make us fetch.
    pub(crate) async fn anew(&self, url: &str, now_ms: i64) -> Option<Arc<KeySet>> {
        let address = self.address(url, now_ms);
        self.fetch(url, &address, now_ms).await
    }

    fn address(&self, url: &str, now_ms: i64) -> Arc<Address> {
        let mut kept = self.kept.lock();
        if let Some(address) = kept.get(url) {
            return Arc::clone(address);
        }
        if kept.len() >= MOST {
            kept.retain(|_, address| address.known.lock().was_asked_just_now(now_ms));
        }
        let address = Arc::<Address>::default();
        if kept.len() < MOST {
            kept.insert(url.into(), Arc::clone(&address));
        }
        address
    }

    /// Fetches, unless somebody has just done so. A fetch that fails leaves what there was, while that may be kept.
    async fn fetch(&self, url: &str, address: &Address, now_ms: i64) -> Option<Arc<KeySet>> {
        let _alone = address.fetching.lock().await;
        {
            let mut known = address.known.lock();
            if known.was_asked_just_now(now_ms) {
                // What may not be kept may be used for as long as nobody asks anew.
                return known.set.clone();
            }
            // Whatever comes of it, and also if nobody waits for it.
            known.asked_ms = Some(now_ms);
        }
        let _place = tokio::time::timeout(PATIENCE, self.fetches.acquire()).await.ok()?.ok()?;
        let found = self.fetched(url).await;
        let mut known = address.known.lock();
        match found {
            Some((set, for_ms)) => {
                known.set = Some(Arc::new(set));
                known.until_ms = now_ms + for_ms;
            }
            None => {
                tracing::info!("a key set cannot be fetched");
                known.set = known.valid(now_ms);
            }
        }
        known.set.clone()
    }

    async fn fetched(&self, url: &str) -> Option<(KeySet, i64)> {
        let (text, for_ms) = self.document(url, LONGEST_SET).await?;
        Some((KeySet::parse(&text).ok()?, for_ms))
    }

    fn by(&self, address: &Url) -> &Client {
        if address.scheme() == "https" { &self.client } else { &self.here }
    }

    /// A JSON document of so many bytes at most, and how long it may be kept.
    pub(crate) async fn document(&self, url: &str, longest: usize) -> Option<(Vec<u8>, i64)> {
        let address = self.reach.url(url)?;
        let answer = self.by(&address).get(address).header(ACCEPT, "application/json").send().await.ok()?;
        let for_ms = kept_for_ms(answer.headers());
        Some((body(answer, longest).await?, for_ms))
    }

    /// What an endpoint answers to a form.
    ///
    /// # Errors
    /// [`NoAnswer`]: what was in its place.
    pub(crate) async fn posted(
        &self,
        url: &str,
        authorization: &str,
        form: String,
        longest: usize,
    ) -> Result<Vec<u8>, NoAnswer> {
        let address = self.reach.url(url).ok_or(NoAnswer::Away)?;
        let request =
            self.by(&address).post(address).header(ACCEPT, "application/json").header(AUTHORIZATION, authorization);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.map_err(|_| NoAnswer::Away)?;
        match answer.status() {
            status if status.is_success() => body(answer, longest).await.ok_or(NoAnswer::Unreadable),
            status if status.is_server_error() => Err(NoAnswer::Away),
            status => Err(NoAnswer::Refused(status)),
        }
    }
}

/// Why an endpoint's answer says nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoAnswer {
    /// There was none, or one that says that something is wrong there: it would be so for everybody.
    Away,
    /// It did not take the question.
    Refused(StatusCode),
    /// It is too long, or broke off.
    Unreadable,
}

/// The body of an answer that succeeds, if it is not longer.
async fn body(mut answer: Response, longest: usize) -> Option<Vec<u8>> {
    if !answer.status().is_success() {
        return None;
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        text.extend_from_slice(&chunk);
        if text.len() > longest {
            return None;
        }
    }
    Some(text)
}

/// How long an answer says that it may be kept (<https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2>): never longer, whatever else it
/// says.
fn kept_for_ms(headers: &HeaderMap) -> i64 {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let directives = values.flat_map(|value| value.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let said = directives.filter_map(|directive| match directive.split_once('=') {
        None if directive == "no-store" || directive == "no-cache" => Some(0),
        Some(("max-age", seconds)) => Some(seconds.trim_matches('"').parse::<i64>().unwrap_or_default()),
        _ => None,
    });
    let age = headers.get(AGE).and_then(|value| value.to_str().ok()?.trim().parse::<i64>().ok()).unwrap_or_default();
    let left = said.min().map_or(USUALLY_MS, |seconds| seconds.saturating_sub(age).saturating_mul(1000));
    left.clamp(0, LONGEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_kept_within_bounds() {
        let kept = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, value.parse().expect("a header"));
            kept_for_ms(&headers)
        };
        assert_eq!(kept("public, max-age=600"), 600_000);
        assert_eq!(kept("max-age=1"), 1_000);
        assert_eq!(kept("max-age=999999999999"), LONGEST_MS);
        assert_eq!(kept("no-store"), 0);
        assert_eq!(kept("max-age=600, no-store"), 0);
        assert_eq!(kept("max-age=soon"), 0);
        assert_eq!(kept("private"), USUALLY_MS);
        assert_eq!(kept_for_ms(&HeaderMap::new()), USUALLY_MS);
    }
}
