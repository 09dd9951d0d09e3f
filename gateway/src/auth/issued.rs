//! Access tokens that were issued here, looked up by their hash, and those of outside issuers; each is known for a second.

use std::collections::HashMap;
use std::sync::Arc;

use consent::{Caller, CallerKind, Purpose};
use parking_lot::Mutex;
use smart::outside::LONGEST as LONGEST_OUTSIDE;

use crate::auth::outside::{self, Elsewhere};
use crate::auth::scopes::StaffReach;
use crate::auth::{Known, Unknown, scopes};
use crate::clock::Clock;
use crate::store::accounts::Account;
use crate::store::clients::{Client, Issued as Token, hash_of};
use crate::store::{ActsFor, Store};

/// How long a token is known without another look: so long a revoked one may still count.
const KNOWN_MS: i64 = 1_000;
/// Of whoever acts for others nothing is known for a while: their authority is asked for at each request.
pub(super) const ASKED_EACH_TIME: i64 = 0;
/// The most that are known at a time.
const MOST: usize = 10_000;
/// A token that was issued here is no longer than this, in bytes.
const LONGEST: usize = 256;

/// What knows tokens: those that were issued here, and those of outside issuers that are trusted.
pub struct Issued {
    store: Store,
    clock: Arc<Clock>,
    reach: StaffReach,
    elsewhere: Option<Elsewhere>,
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
    pub fn new(store: Store, clock: Arc<Clock>, reach: StaffReach) -> Self {
        Self { store, clock, reach, elsewhere: None, known: Mutex::default() }
    }

    /// The same, and those of outside issuers.
    #[must_use]
    pub fn and_elsewhere(self, elsewhere: Elsewhere) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// It is none, or that cannot be told.
    pub(super) async fn identify(&self, token: &str) -> Result<Known, Unknown> {
        let elsewhere = self.elsewhere.as_ref().filter(|_| outside::is_one(token));
        if token.len() > if elsewhere.is_some() { LONGEST_OUTSIDE } else { LONGEST } {
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
        let (known, expires_ms) = match elsewhere {
            Some(elsewhere) => elsewhere.identify(token).await?,
            None => {
                let found = self.store.token(&hash).await.map_err(|_| Unknown::Unavailable)?;
                let token = found.ok_or(Unknown::NotValid)?;
                let account = token.approved.as_ref().map(|(_, account)| account);
                let acting = match account {
                    Some(account) => acting(&self.store, account).await?,
                    None => None,
                };
                let expires_ms = if acting.is_some() { ASKED_EACH_TIME } else { token.expires_ms };
                (known(token, self.reach, &acting.unwrap_or_default()).ok_or(Unknown::NotValid)?, expires_ms)
            }
        };
        let until_ms = expires_ms.min(now_ms + KNOWN_MS);
        if until_ms <= now_ms {
            return Ok(known);
        }
        let mut kept = self.known.lock();
        if kept.tokens.len() >= MOST {
            kept.tokens.retain(|_, entry| now_ms < entry.until_ms);
        }
        if kept.tokens.len() < MOST && kept.forgotten == forgotten {
            kept.tokens.insert(hash, Entry { known: known.clone(), until_ms });
        }
        Ok(known)
    }

    /// Knows none any longer: several may have been revoked here.
    pub fn forget_all(&self) {
        let mut kept = self.known.lock();
        kept.tokens.clear();
        kept.forgotten += 1;
    }

    /// Knows a token no longer: it was revoked here.
    pub fn forget(&self, hash: &str) {
        let mut kept = self.known.lock();
        kept.tokens.remove(hash);
        kept.forgotten += 1;
    }
}

/// For whom somebody acts, now; `None` for who does so for nobody.
pub(super) async fn acting(store: &Store, account: &Account) -> Result<Option<Vec<ActsFor>>, Unknown> {
    let proxies = account.proxies();
    if proxies.is_empty() {
        return Ok(None);
    }
    store.acts_for(account.organization, &proxies).await.map(Some).map_err(|_| Unknown::Unavailable)
}

/// Somebody who approved what a program does for them. Consents know them, and whoever the program is.
pub(super) fn person(
    client: &Client,
    account: &Account,
    (scopes, patient): (&str, Option<&str>),
    purpose: Purpose,
    reach: StaffReach,
    acting: &[ActsFor],
) -> Option<Known> {
    let scoped = scopes::of_account(account, scopes, patient, reach, acting)?;
    let mut actors = account.actors.clone();
    // A program is no patient, and stands for none.
    let is_one = |actor: &&String| !actor.starts_with("Patient/") && !actor.starts_with("RelatedPerson/");
    actors.extend(client.actors.iter().filter(is_one).cloned());
    let caller = Caller {
        client: Some(client.id.clone()),
        id: account.id.clone(),
        kind: CallerKind::User,
        organization: client.organization,
        actors,
        officer: false,
        scoped: Some(Arc::new(scoped)),
    };
    let networks = client.networks.as_slice().into();
    Some(Known { caller: Arc::new(caller), purpose, networks })
}

/// Who sends a token; `None` where its scopes cannot be read.
fn known(token: Token, reach: StaffReach, acting: &[ActsFor]) -> Option<Known> {
    let Token { client, scopes, purpose, approved, .. } = token;
    if let Some((approval, account)) = approved {
        return person(&client, &account, (&scopes, approval.approved.patient.as_deref()), purpose, reach, acting);
    }
    let networks = client.networks.into();
    let caller = Caller {
        client: Some(client.id.clone()),
        id: client.id,
        kind: CallerKind::System,
        organization: client.organization,
        actors: client.actors,
        officer: client.officer,
        scoped: Some(Arc::new(scopes::of_system(&scopes)?)),
    };
    Some(Known { caller: Arc::new(caller), purpose, networks })
}
