//! Refusals counted by client, in memory that is bounded whoever asks: more clients than there are places for count together.

use std::collections::HashMap;
use std::net::IpAddr;

/// Clients that are counted one by one.
const MOST_CLIENTS: usize = 4096;
/// How often places are looked for.
const SWEEP_MS: i64 = 1000;
/// After a burst nothing more is told of the client for so long.
const QUIET_MS: i64 = 3_600_000;
/// Bursts that are told in an hour.
const MOST_TOLD: u32 = 20;
/// The longest name of a client that is kept.
const LONGEST_NAME: usize = 128;
/// Who comes when all places are taken.
const OTHERS: &str = "more clients than are counted one by one";

/// How many refusals of one client are told of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Threshold {
    /// So many (0: none is told of)
    pub(crate) count: u32,
    /// within so many milliseconds.
    pub(crate) within_ms: i64,
}

/// One client was refused so often.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Burst {
    /// Who.
    pub(crate) client: Box<str>,
    /// How often, since when.
    pub(crate) refusals: u32,
    /// See `refusals`.
    pub(crate) since_ms: i64,
    /// Bursts of others that were not told since the last one, for there were too many of them.
    pub(crate) untold: u64,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Refusals {
    threshold: Threshold,
    clients: HashMap<Box<str>, Count>,
    others: Count,
    swept_ms: i64,
    /// The hour that bursts are told in: since when, how many, and how many not.
    hour_ms: i64,
    told: u32,
    untold: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    since_ms: i64,
    refusals: u32,
    quiet_until_ms: i64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self::above(Threshold { count: 0, within_ms: 0 })
    }
}

impl Refusals {
    /// That tells of so many.
    pub(crate) fn above(threshold: Threshold) -> Self {
        let (clients, others) = Default::default();
        Self { threshold, clients, others, swept_ms: 0, hour_ms: 0, told: 0, untold: 0 }
    }

    /// A client was refused now; the burst, where it is one that is to be told.
    pub(crate) fn refused(&mut self, client: &str, now_ms: i64) -> Option<Burst> {
        if self.threshold.count == 0 {
            return None;
        }
        let threshold = self.threshold;
        let client: Box<str> = client.chars().take(LONGEST_NAME).collect();
        if self.clients.len() >= MOST_CLIENTS && !self.clients.contains_key(&client) {
            self.sweep(now_ms);
        }
        let is_full = self.clients.len() >= MOST_CLIENTS;
        let (client, count) = match is_full && !self.clients.contains_key(&client) {
            true => (OTHERS.into(), &mut self.others),
            false => (client.clone(), self.clients.entry(client).or_default()),
        };
        let Count { since_ms, refusals, .. } = count.add(threshold, now_ms)?;
        if now_ms - self.hour_ms >= QUIET_MS {
            (self.hour_ms, self.told) = (now_ms, 0);
        }
        if self.told >= MOST_TOLD {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(Burst { client, refusals, since_ms, untold: std::mem::take(&mut self.untold) })
    }

    /// Forgets clients of whom nothing counts any more, once a second at most.
    fn sweep(&mut self, now_ms: i64) {
        if now_ms - self.swept_ms >= SWEEP_MS {
            self.swept_ms = now_ms;
            let within_ms = self.threshold.within_ms;
            self.clients.retain(|_, count| now_ms < count.quiet_until_ms || now_ms - count.since_ms < within_ms);
        }
    }
}

impl Count {
    /// One more; the whole, where it is to be told.
    fn add(&mut self, threshold: Threshold, now_ms: i64) -> Option<Self> {
        if self.refusals == 0 || now_ms - self.since_ms >= threshold.within_ms {
            (self.since_ms, self.refusals) = (now_ms, 0);
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals < threshold.count || now_ms < self.quiet_until_ms {
            return None;
        }
        self.quiet_until_ms = now_ms + QUIET_MS;
        Some(*self)
    }
}

/// Who an address stands for: who has one of IPv6 has all that share its first half.
pub(crate) fn sender(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => format!("from {address}"),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("from {a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "from nowhere".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_tests::{Random, rounds};

    const TEN_IN_A_MINUTE: Threshold = Threshold { count: 10, within_ms: 60_000 };

    #[test]
    fn a_burst_is_told_once_an_hour() {
        let mut refusals = Refusals::above(TEN_IN_A_MINUTE);
        let told: Vec<i64> = (0..1000).filter(|second| refusals.refused("a", second * 1000).is_some()).collect();
        assert_eq!(told, [9]);
        assert!((0..9).all(|_| refusals.refused("b", 1_000_000).is_none()));
        let burst = refusals.refused("b", 1_000_001).unwrap();
        assert_eq!((&*burst.client, burst.refusals, burst.since_ms, burst.untold), ("b", 10, 1_000_000, 0));
        assert!((0..100).any(|n| refusals.refused("a", 2 * QUIET_MS + n).is_some()));
    }

    #[test]
    fn a_few_now_and_then_are_none() {
        let mut refusals = Refusals::above(TEN_IN_A_MINUTE);
        assert!((0..1000).all(|n| refusals.refused("a", n * 7_000).is_none()));
        let mut none = Refusals::above(Threshold { count: 0, within_ms: 60_000 });
        assert!((0..1000).all(|_| none.refused("a", 5).is_none()));
    }

    /// Whatever comes in whatever order: memory is bounded, and no hour has more bursts than it may.
    #[test]
    fn memory_and_alerts_are_bounded() {
        let mut random = Random::seeded(15);
        for _ in 0..rounds(3, 100) {
            let mut refusals = Refusals::above(Threshold { count: 1 + random.below(3) as u32, within_ms: 60_000 });
            let (mut now_ms, mut told) = (QUIET_MS, Vec::new());
            for _ in 0..30_000 {
                now_ms += random.below(60) as i64;
                let client = format!("{}{}", random.below(20_000), "x".repeat(random.below(300)));
                if let Some(burst) = refusals.refused(&client, now_ms) {
                    assert!(burst.client.chars().count() <= LONGEST_NAME);
                    told.push(now_ms);
                }
                assert!(refusals.clients.len() <= MOST_CLIENTS);
            }
            let hours = (now_ms - QUIET_MS) / QUIET_MS + 1;
            assert!(!told.is_empty() && told.len() <= MOST_TOLD as usize * hours as usize, "{} {hours}", told.len());
        }
    }

    #[test]
    fn an_address_stands_for_its_network() {
        let of = |text: &str| sender(text.parse().ok());
        assert_eq!(of("192.0.2.7"), "from 192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "from 192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
