//! Time and new ids, injected everywhere: with a seed, two gateways given the same requests give the same bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mappers::calendar::civil;
use uuid::{Builder, NoContext, Timestamp, Uuid};

/// The first instant of a seeded clock: 2026-01-01T00:00:00Z.
const SEEDED_START_MS: i64 = 1_767_225_600_000;
const MS_PER_DAY: i64 = 86_400_000;

/// A clock in milliseconds since 1970 (UTC). It never goes back.
#[derive(Debug)]
pub struct Clock {
    latest: AtomicI64,
    seeded: bool,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { latest: AtomicI64::new(0), seeded: false }
    }

    /// A clock that starts at 2026-01-01T00:00:00Z and moves by one millisecond at every [`Self::tick`].
    pub fn seeded() -> Self {
        Self { latest: AtomicI64::new(SEEDED_START_MS), seeded: true }
    }

    /// Now.
    pub fn now_ms(&self) -> i64 {
        if self.seeded {
            return self.latest.load(Ordering::Relaxed);
        }
        let now = system_ms();
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Now, as the time of something that happens: a seeded clock moves on.
    pub fn tick(&self) -> i64 {
        if self.seeded { self.latest.fetch_add(1, Ordering::Relaxed) + 1 } else { self.now_ms() }
    }

    /// `2026-01-01T00:00:00.000Z`: <https://hl7.org/fhir/R4/datatypes.html#instant>.
    pub fn format(ms: i64) -> String {
        let (year, month, day) = civil(ms.div_euclid(MS_PER_DAY));
        let of_day = ms.rem_euclid(MS_PER_DAY);
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, fraction) = (of_day / 1000 % 60, of_day % 1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
    }

    /// Milliseconds since 1970 of an ISO 8601 instant; finer fractions are cut, a missing zone means UTC. `None` for
    /// anything else.
    pub fn parse(text: &str) -> Option<i64> {
        let instant = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            let local = text.parse::<jiff::civil::DateTime>().ok()?;
            local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        })?;
        i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// New ids: UUIDs of version 7, which are ordered by time (kind to indexes) and cannot be guessed from each other.
#[derive(Debug)]
pub struct Ids {
    clock: Arc<Clock>,
    /// Seed and how many ids were given out.
    seeded: Option<(u64, AtomicU64)>,
}

impl Ids {
    /// Ids of random bits.
    pub fn random(clock: Arc<Clock>) -> Self {
        Self { clock, seeded: None }
    }

    /// The ids of that seed, the same at every run.
    pub fn seeded(seed: u64, clock: Arc<Clock>) -> Self {
        Self { clock, seeded: Some((seed, AtomicU64::new(0))) }
    }

    /// A new id: lower case with hyphens.
    pub fn next(&self) -> String {
        let ms = u64::try_from(self.clock.now_ms()).unwrap_or_default();
        let id = match &self.seeded {
            None => {
                let nanoseconds = u32::try_from(ms % 1000).unwrap_or_default() * 1_000_000;
                Uuid::new_v7(Timestamp::from_unix(NoContext, ms / 1000, nanoseconds))
            }
            Some((seed, count)) => {
                let count = count.fetch_add(1, Ordering::Relaxed);
                Builder::from_unix_timestamp_millis(ms, &seeded_bytes(*seed, count)).into_uuid()
            }
        };
        id.to_string()
    }
}

/// The random part of the seeded id number `count`: the count leads, so that seeded ids keep their order within a
/// millisecond too.
fn seeded_bytes(seed: u64, count: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..4].copy_from_slice(&u32::try_from(count & 0x0fff_ffff).unwrap_or_default().to_be_bytes());
    bytes[4..].copy_from_slice(&split_mix(seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes()[..6]);
    // The version overwrites the first four bits and the variant two more: the count stands to their right.
    let shifted = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    bytes[..2].copy_from_slice(&u16::try_from(shifted >> 14 & 0x0fff).unwrap_or_default().to_be_bytes());
    bytes[2..4].copy_from_slice(&u16::try_from(shifted & 0x3fff).unwrap_or_default().to_be_bytes());
    bytes
}

/// The output function of `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>.
fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_and_read() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (SEEDED_START_MS, "2026-01-01T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Clock::format(ms), text);
            assert_eq!(Clock::parse(text), Some(ms));
        }
        assert_eq!(Clock::parse("2024-02-29T13:34:56.789999+01:00"), Some(1_709_210_096_789));
        assert_eq!(Clock::parse("2024-02-29T12:34:56"), Some(1_709_210_096_000));
        assert_eq!(Clock::parse("yesterday"), None);
    }

    #[test]
    fn every_day_of_a_cycle_is_right() {
        let mut days = 0;
        for year in 1970..2400 {
            for month in 1..=12 {
                assert_eq!(civil(days), (year, month, 1));
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                days += match month {
                    2 if leap => 29,
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
            }
        }
    }

    #[test]
    fn a_seeded_clock_moves_only_when_something_happens() {
        let clock = Clock::seeded();
        assert_eq!(clock.now_ms(), SEEDED_START_MS);
        assert_eq!(clock.tick(), SEEDED_START_MS + 1);
        assert_eq!(clock.now_ms(), SEEDED_START_MS + 1);
    }

    #[test]
    fn seeded_ids_repeat_and_are_ordered() {
        let ids = |seed| {
            let ids = Ids::seeded(seed, Arc::new(Clock::seeded()));
            (0..20_000).map(|_| ids.next()).collect::<Vec<_>>()
        };
        let (first, again, other) = (ids(7), ids(7), ids(8));
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert!(first.is_sorted_by(|a, b| a < b));
        assert!(first.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'));
    }

    #[test]
    fn random_ids_differ() {
        let ids = Ids::random(Arc::new(Clock::system()));
        let mut given: Vec<_> = (0..1000).map(|_| ids.next()).collect();
        given.sort();
        given.dedup();
        assert_eq!(given.len(), 1000);
    }
}
