//! Rates: how much a client may ask, a person, an organization, and an address without a valid token. Each has a bucket of its own, so
//! that whoever asks too much slows nobody else.
//!
//! Memory is bounded whatever is asked: clients, persons and organizations are those with a valid token, so no more than are on
//! register, and addresses share so many buckets.

mod bucket;
mod guesses;

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use consent::{Caller, CallerKind};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use self::bucket::Buckets;
pub(crate) use self::bucket::Standing;
pub use self::bucket::{Rate, Setting, setting};
pub(crate) use self::guesses::Attempt;
pub use self::guesses::Guesses;
use crate::http::source::subscriber;

/// Addresses share so many buckets, chosen by a hash that nobody knows.
const ADDRESSES: u64 = 1 << 16;

/// Who asks, as numbers that tell nothing outside of this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    /// Somebody with a valid token.
    Known {
        /// The client.
        client: u64,
        /// The person whom it acts for.
        user: Option<u64>,
        /// The organization.
        organization: u64,
    },
    /// Anybody else, by address.
    Stranger {
        /// The network that one subscriber has.
        source: u64,
    },
}

impl Who {
    /// Who shares with others, and is on record: the client, or the address.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Known { client, .. } => client,
            Self::Stranger { source } => source,
        }
    }
}

/// Makes numbers of names.
#[derive(Clone, Debug, Default)]
pub struct Numbers(RandomState);

impl Numbers {
    /// A caller with a valid token. Clients of two organizations may have one name.
    pub(crate) fn known(&self, caller: &Caller) -> Who {
        let organization = caller.organization.0;
        let client = caller.client.as_deref().unwrap_or(&caller.id);
        let user = (caller.kind == CallerKind::User).then(|| self.0.hash_one(("user", organization, &*caller.id)));
        Who::Known {
            client: self.0.hash_one(("client", organization, client)),
            user,
            organization: self.0.hash_one(("organization", organization)),
        }
    }

    /// An address; all that are not known are one.
    pub(crate) fn stranger(&self, source: Option<IpAddr>) -> Who {
        Who::Stranger { source: self.0.hash_one(source.map(subscriber)) % ADDRESSES }
    }
}

/// The rates that hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Of each client with a valid token.
    pub client: Option<Rate>,
    /// Of each person, through whichever clients.
    pub user: Option<Rate>,
    /// Of all that is an organization's.
    pub organization: Option<Rate>,
    /// Of each address without a valid token.
    pub source: Option<Rate>,
}

/// The buckets; by default there are none.
#[derive(Default)]
pub struct Rates {
    client: Option<Buckets>,
    user: Option<Buckets>,
    organization: Option<Buckets>,
    source: Option<Buckets>,
    swept: AtomicI64,
}

impl Rates {
    /// All full.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let buckets = |name, rate: Option<Rate>| rate.map(|rate| Buckets::new(name, rate));
        Self {
            client: buckets("client", limits.client),
            user: buckets("user", limits.user),
            organization: buckets("organization", limits.organization),
            source: buckets("source", limits.source),
            swept: AtomicI64::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// Too much was asked; the last standing says of what. What is wider than that was not counted: a person who asks too much takes
    /// nothing from the other persons of a client.
    pub(crate) fn count(&self, who: Who) -> Result<Standings, Standings> {
        let buckets = match who {
            Who::Known { client, user, organization } => [
                self.user.as_ref().zip(user),
                self.client.as_ref().map(|buckets| (buckets, client)),
                self.organization.as_ref().map(|buckets| (buckets, organization)),
            ],
            Who::Stranger { source } => [self.source.as_ref().map(|buckets| (buckets, source)), None, None],
        };
        let mut standings = Standings::default();
        for (buckets, key) in buckets.into_iter().flatten() {
            match buckets.take(key) {
                Ok(standing) => standings.0.push(standing),
                Err(standing) => {
                    standings.0.push(standing);
                    return Err(standings);
                }
            }
        }
        Ok(standings)
    }

    /// Gives up what is full again, once a minute.
    pub(crate) fn sweep(&self, now_ms: i64) {
        let minute = now_ms.div_euclid(60_000);
        if self.swept.load(Ordering::Relaxed) != minute && self.swept.swap(minute, Ordering::Relaxed) != minute {
            let all = [&self.client, &self.user, &self.organization, &self.source];
            all.into_iter().flatten().for_each(Buckets::sweep);
        }
    }
}

/// The buckets that a request was counted in, as they are then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standings(Vec<Standing>);

impl Standings {
    /// One alone.
    pub(crate) fn of(standing: Standing) -> Self {
        Self(vec![standing])
    }

    /// Seconds until there is something again, where there is nothing.
    pub(crate) fn wait(&self) -> u32 {
        self.0.last().map_or(1, |standing| standing.seconds)
    }

    /// `RateLimit-Policy` and `RateLimit`: whatever is asked has all of them, for a client to slow down before it is refused.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let list = |item: fn(&Standing, &mut String)| {
            let mut text = String::new();
            for standing in &self.0 {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                item(standing, &mut text);
            }
            HeaderValue::try_from(text)
        };
        for (name, value) in [("ratelimit-policy", list(Standing::policy)), ("ratelimit", list(Standing::limit))] {
            if let Ok(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use consent::OrganizationId;

    use super::*;

    fn rate(text: &str) -> Option<Rate> {
        match setting(text).unwrap() {
            Setting::At(rate) => Some(rate),
            Setting::Off => None,
        }
    }

    fn caller(organization: i64, client: &str, user: Option<&str>) -> Caller {
        Caller {
            id: user.unwrap_or(client).to_owned(),
            client: Some(client.to_owned()),
            kind: if user.is_some() { CallerKind::User } else { CallerKind::System },
            organization: OrganizationId(organization),
            actors: Vec::new(),
            officer: false,
            scoped: None,
        }
    }

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let (numbers, rates) = (
            Numbers::default(),
            Rates::new(Limits { client: rate("1/min,burst=2"), source: rate("1/min,burst=1"), ..Limits::default() }),
        );
        let ask = |organization, client| rates.count(numbers.known(&caller(organization, client, None))).is_ok();
        assert!(ask(1, "greedy") && ask(1, "greedy") && !ask(1, "greedy"));
        assert!(ask(1, "modest") && ask(2, "greedy"));
        let from = |text: &str| rates.count(numbers.stranger(text.parse().ok())).is_ok();
        assert!(from("192.0.2.1") && !from("192.0.2.1") && !from("::ffff:192.0.2.1"));
        assert!(from("192.0.2.2") && from("2001:db8::1") && !from("2001:db8::ffff:2") && from("2001:db8:0:1::1"));
    }

    #[test]
    fn a_person_who_asks_too_much_takes_nothing_from_the_others() {
        let limits = Limits {
            client: rate("1/min,burst=5"),
            user: rate("1/min,burst=2"),
            organization: rate("1/min,burst=6"),
            source: None,
        };
        let (numbers, rates) = (Numbers::default(), Rates::new(limits));
        let ask = |client, user| rates.count(numbers.known(&caller(1, client, user)));
        for _ in 0..50 {
            let _ = ask("app", Some("ada"));
        }
        assert!(ask("another", Some("ada")).is_err(), "whichever app she uses");
        assert!(ask("app", Some("bo")).is_ok() && ask("app", Some("bo")).is_ok());
        assert!(ask("app", Some("cy")).is_ok(), "the fifth of the app");
        let mut headers = HeaderMap::new();
        let refused = ask("app", Some("di")).unwrap_err();
        refused.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], r#""user";q=2;w=120, "client";q=5;w=300"#);
        assert!(headers["ratelimit"].to_str().unwrap().starts_with(r#""user";r=1;t=120, "client";r=0;t="#));
        assert!((50..=60).contains(&refused.wait()));
        assert!(ask("another", None).is_ok(), "the sixth of the organization");
        assert!(ask("another", None).is_err());
        assert!(rates.count(numbers.stranger(None)).unwrap().0.is_empty(), "nothing holds");
    }

    #[test]
    fn whatever_addresses_ask_memory_is_bounded() {
        let (numbers, rates) = (Numbers::default(), Rates::new(Limits { source: rate("1/s"), ..Limits::default() }));
        for number in 0..200_000_u32 {
            let _ = rates.count(numbers.stranger(Some(IpAddr::from(number.to_be_bytes()))));
        }
        assert!(rates.source.unwrap().len() as u64 <= ADDRESSES);
    }
}
