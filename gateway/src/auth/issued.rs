//! Access tokens that were issued here: looked up by their hash, and known for a second.

use std::collections::HashMap;
use std::sync::Arc;

use consent::{Caller, CallerKind};
use parking_lot::Mutex;

use crate::auth::{Known, Unknown, scopes};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::clients::{Issued as Token, hash_of};

/// How long a token is known without another look: so long a revoked one may still count.
const KNOWN_MS: i64 = 1_000;
/// The most that are known at a time.
const MOST: usize = 10_000;
/// A token is no longer than this, in bytes.
const LONGEST: usize = 256;

/// What knows the tokens that were issued here.
pub struct Issued {
    store: Store,
    clock: Arc<Clock>,
    known: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    tokens: HashMap<String, Entry>,
    /// How often one was forgotten: what was looked up before may not be known after.
    forgotten: u64,
}

struct Entry {
    known: Known,
    until_ms: i64,
}

impl Issued {
    /// The tokens of a store.
    pub fn new(store: Store, clock: Arc<Clock>) -> Self {
        Self { store, clock, known: Mutex::default() }
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// It is none, or that cannot be told.
    pub(super) async fn identify(&self, token: &str) -> Result<Known, Unknown> {
        if token.len() > LONGEST {
            return Err(Unknown::NotValid);
        }
        let (hash, now_ms) = (hash_of(token), self.clock.now_ms());
        let forgotten = {
            let kept = self.known.lock();
            if let Some(entry) = kept.tokens.get(&hash).filter(|entry| now_ms < entry.until_ms) {
                return Ok(entry.known.clone());
            }
            kept.forgotten
        };
        let found = self.store.token(&hash).await.map_err(|_| Unknown::Unavailable)?;
        let token = found.ok_or(Unknown::NotValid)?;
        let until_ms = token.expires_ms.min(now_ms + KNOWN_MS);
        let known = known(token).ok_or(Unknown::NotValid)?;
        let mut kept = self.known.lock();
        if kept.tokens.len() >= MOST {
            kept.tokens.retain(|_, entry| now_ms < entry.until_ms);
        }
        if kept.tokens.len() < MOST && kept.forgotten == forgotten {
            kept.tokens.insert(hash, Entry { known: known.clone(), until_ms });
        }
        Ok(known)
    }

    /// Knows a token no longer: it was revoked here.
    pub fn forget(&self, hash: &str) {
        let mut kept = self.known.lock();
        kept.tokens.remove(hash);
        kept.forgotten += 1;
    }
}

/// Who sends a token; `None` where its scopes cannot be read.
fn known(token: Token) -> Option<Known> {
    let Token { client, scopes, purpose, .. } = token;
    let caller = Caller {
        client: Some(client.id.clone()),
        id: client.id,
        kind: CallerKind::System,
        organization: client.organization,
        actors: client.actors,
        officer: client.officer,
        scoped: Some(Arc::new(scopes::of_system(&scopes)?)),
    };
    Some(Known { caller: Arc::new(caller), purpose })
}
