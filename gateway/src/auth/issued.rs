//! Access tokens that were issued here, looked up by their hash, and those of outside issuers; each is known for a second.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
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
/// How long one that was none is none without another look.
const BAD_MS: i64 = 1_000;
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
    familiar: Mutex<Familiar>,
    bad: Mutex<Bad>,
}

/// Tokens that were none a moment ago: a program that sends the same one again and again costs nobody a look, and its address no guess.
#[derive(Default)]
struct Bad {
    until_ms: HashMap<u64, i64>,
    numbers: RandomState,
}

impl Bad {
    fn has(&self, hash: &str, now_ms: i64) -> bool {
        self.until_ms.get(&self.numbers.hash_one(hash)).is_some_and(|until_ms| now_ms < *until_ms)
    }

    fn note(&mut self, hash: &str, now_ms: i64) {
        if self.until_ms.len() >= MOST {
            self.until_ms.retain(|_, until_ms| now_ms < *until_ms);
        }
        if self.until_ms.len() < MOST {
            self.until_ms.insert(self.numbers.hash_one(hash), now_ms + BAD_MS);
        }
    }

    fn forget(&mut self, hash: &str) {
        let number = self.numbers.hash_one(hash);
        self.until_ms.remove(&number);
    }
}

/// Tokens that were good here, for as long as they are not found bad and not forgotten over others: by numbers that nobody can choose tokens for.
#[derive(Default)]
struct Familiar {
    /// The newer ones and those before: memory is bounded, and who comes often stays.
    tokens: [HashSet<u64>; 2],
    numbers: RandomState,
}

impl Familiar {
    fn has(&self, hash: &str) -> bool {
        let number = self.numbers.hash_one(hash);
        self.tokens.iter().any(|tokens| tokens.contains(&number))
    }

    fn note(&mut self, hash: &str) {
        if self.tokens[0].len() >= MOST {
            self.tokens.swap(0, 1);
            self.tokens[0].clear();
        }
        self.tokens[0].insert(self.numbers.hash_one(hash));
    }

    fn forget(&mut self, hash: &str) {
        let number = self.numbers.hash_one(hash);
        self.tokens.iter_mut().for_each(|tokens| _ = tokens.remove(&number));
    }
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
        Self {
            store,
            clock,
            reach,
            elsewhere: None,
            known: Mutex::default(),
            familiar: Mutex::default(),
            bad: Mutex::default(),
        }
    }

    /// The same, and those of outside issuers.
    #[must_use]
    pub fn and_elsewhere(self, elsewhere: Elsewhere) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// Whether it costs no look that somebody who guesses could make others pay for: the token was good here not long ago, or was given here,
    /// or was none a moment ago.
    pub(super) fn is_told(&self, token: &str) -> bool {
        if token.len() > LONGEST_OUTSIDE {
            return false;
        }
        let (hash, now_ms) = (hash_of(token), self.clock.now_ms());
        self.familiar.lock().has(&hash) || self.bad.lock().has(&hash, now_ms)
    }

    /// A token was given.
    pub fn given(&self, token: &str) {
        let hash = hash_of(token);
        self.bad.lock().forget(&hash);
        self.familiar.lock().note(&hash);
    }

    /// Whose a token is.
    ///
    /// # Errors
    /// It is none, or that cannot be told.
    pub(super) async fn identify(&self, token: &str) -> Result<Known, Unknown> {
        if token.len() > LONGEST_OUTSIDE {
            return Err(Unknown::NotValid);
        }
        let hash = hash_of(token);
        if self.bad.lock().has(&hash, self.clock.now_ms()) {
            return Err(Unknown::NotValid);
        }
        let found = self.found(token, &hash).await;
        if found.as_ref().is_err_and(|unknown| *unknown == Unknown::NotValid) {
            self.familiar.lock().forget(&hash);
            self.bad.lock().note(&hash, self.clock.now_ms());
        }
        found
    }

    async fn found(&self, token: &str, hash: &str) -> Result<Known, Unknown> {
        let elsewhere = self.elsewhere.as_ref().filter(|_| outside::may_be_one(token));
        if token.len() > if elsewhere.is_some() { LONGEST_OUTSIDE } else { LONGEST } {
            return Err(Unknown::NotValid);
        }
        let now_ms = self.clock.now_ms();
        let forgotten = {
            let kept = self.known.lock();
            if let Some(entry) = kept.tokens.get(hash).filter(|entry| now_ms < entry.until_ms) {
                return Ok(entry.known.clone());
            }
            kept.forgotten
        };
        let (known, expires_ms) = match elsewhere {
            Some(elsewhere) => elsewhere.identify(token).await?,
            None => {
                let found = self.store.token(hash).await.map_err(|_| Unknown::Unavailable)?;
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
        self.familiar.lock().note(hash);
        let until_ms = expires_ms.min(now_ms + KNOWN_MS);
        if until_ms <= now_ms {
            return Ok(known);
        }
        let mut kept = self.known.lock();
        if kept.tokens.len() >= MOST {
            kept.tokens.retain(|_, entry| now_ms < entry.until_ms);
        }
        if kept.tokens.len() < MOST && kept.forgotten == forgotten {
            kept.tokens.insert(hash.to_owned(), Entry { known: known.clone(), until_ms });
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
    Some(Known::new(Arc::new(caller), purpose, &purposes_of_person(client, purpose), &client.networks))
}

/// Why a client may ask for somebody: for patients as they do themselves, for people at work as it is registered for them.
fn purposes_of_person(client: &Client, purpose: Purpose) -> Vec<Purpose> {
    let at_work = client.purposes.iter().copied().filter(|purpose| *purpose != Purpose::Patrqt);
    if purpose == Purpose::Patrqt { Vec::new() } else { at_work.collect() }
}

/// Who sends a token; `None` where its scopes cannot be read.
fn known(token: Token, reach: StaffReach, acting: &[ActsFor]) -> Option<Known> {
    let Token { client, scopes, purpose, purposes, approved, .. } = token;
    if let Some((approval, account)) = approved {
        return person(&client, &account, (&scopes, approval.approved.patient.as_deref()), purpose, reach, acting);
    }
    // Of what the token was given for what the client may still ask for.
    let purposes: Vec<Purpose> = purposes.into_iter().filter(|purpose| client.purposes.contains(purpose)).collect();
    let networks = client.networks;
    let caller = Caller {
        client: Some(client.id.clone()),
        id: client.id,
        kind: CallerKind::System,
        organization: client.organization,
        actors: client.actors,
        officer: client.officer,
        scoped: Some(Arc::new(scopes::of_system(&scopes)?)),
    };
    Some(Known::new(Arc::new(caller), purpose, &purposes, &networks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_good_is_familiar_in_bounded_memory() {
        let mut familiar = Familiar::default();
        familiar.note("often");
        for number in 0..5 * MOST {
            familiar.note(&number.to_string());
            if number % 1_000 == 0 {
                familiar.note("often");
            }
        }
        assert!(familiar.has("often") && familiar.has(&(5 * MOST - 1).to_string()) && !familiar.has("0"));
        assert!(familiar.tokens.iter().all(|tokens| tokens.len() <= MOST));
        familiar.note("bad");
        familiar.forget("bad");
        assert!(!familiar.has("bad"));
    }

    #[test]
    fn what_was_bad_is_so_for_a_moment_in_bounded_memory() {
        let mut bad = Bad::default();
        bad.note("x", 0);
        assert!(bad.has("x", BAD_MS - 1) && !bad.has("x", BAD_MS) && !bad.has("y", 0));
        for number in 0..3 * MOST {
            bad.note(&number.to_string(), 1);
        }
        assert!(bad.until_ms.len() <= MOST);
        bad.note("late", BAD_MS + 1);
        assert!(bad.has("late", BAD_MS + 2) && bad.until_ms.len() == 1);
        bad.forget("late");
        assert!(!bad.has("late", BAD_MS + 2));
    }
}
