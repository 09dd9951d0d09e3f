//! Buckets: one for each of those whom a rate is for, by number. One that was not asked for so long that it is full again is not kept.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// The most requests of a rate, and of a burst.
const MOST: u32 = 1_000_000;

/// So many requests in a second or a minute in the long run, and so many at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    number: NonZeroU32,
    per: Per,
    burst: NonZeroU32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Per {
    Second,
    Minute,
}

impl Per {
    fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
        }
    }
}

/// What an option says of a rate: `100/s`, `100/s,burst=200`, `10/min`, or `off`, which is none.
///
/// # Errors
/// What to give instead.
pub fn setting(text: &str) -> Result<Setting, String> {
    if text == "off" {
        return Ok(Setting::Off);
    }
    let wrong = || {
        format!(
            "give requests in a second or a minute, and how many at once: 100/s, 100/s,burst=200 or 10/min (at most {MOST}); or off"
        )
    };
    let (rate, burst) = text.split_once(",burst=").map_or((text, None), |(rate, burst)| (rate, Some(burst)));
    let (number, per) = rate.split_once('/').ok_or_else(wrong)?;
    let per = match per {
        "s" => Per::Second,
        "min" => Per::Minute,
        _ => return Err(wrong()),
    };
    let count = |text: &str| text.parse::<NonZeroU32>().ok().filter(|count| count.get() <= MOST).ok_or_else(wrong);
    let number = count(number)?;
    let burst = burst.map_or(Ok(number), count)?;
    Ok(Setting::At(Rate { number, per, burst }))
}

/// What an option says of a rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Setting {
    /// There is one.
    At(Rate),
    /// There is none.
    Off,
}

impl Rate {
    /// So many in a second, and so many at once.
    #[must_use]
    pub const fn per_second(number: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { number, per: Per::Second, burst }
    }

    /// So many in a minute, and so many at once.
    #[must_use]
    pub const fn per_minute(number: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { number, per: Per::Minute, burst }
    }

    /// In how many seconds an empty bucket is full.
    fn window(self) -> u32 {
        let seconds = u64::from(self.burst.get()) * u64::from(self.per.seconds());
        u32::try_from(seconds.div_ceil(self.number.get().into())).unwrap_or(u32::MAX)
    }

    fn quota(self) -> Quota {
        let quota = match self.per {
            Per::Second => Quota::per_second(self.number),
            Per::Minute => Quota::per_minute(self.number),
        };
        quota.allow_burst(self.burst)
    }
}

/// How a bucket is after a request was counted, for headers:
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-11>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    name: &'static str,
    rate: Rate,
    /// Requests that are left.
    pub(super) left: u32,
    /// Seconds within which there are no more than these; where none is left, until there is one.
    pub(crate) seconds: u32,
}

impl Standing {
    /// The values of `RateLimit-Policy` and `RateLimit`, where there is no more to tell.
    pub(crate) fn headers(&self) -> (String, String) {
        let (mut policy, mut limit) = (String::new(), String::new());
        self.policy(&mut policy);
        self.limit(&mut limit);
        (policy, limit)
    }

    /// An item of `RateLimit-Policy`: the quota is the burst, and the window that in which it comes back, so that their ratio is the rate.
    pub(super) fn policy(&self, text: &mut String) {
        let Self { name, rate, .. } = self;
        // A String takes whatever is written.
        let _ = write!(text, "\"{name}\";q={};w={}", rate.burst, rate.window());
    }

    /// An item of `RateLimit`.
    pub(super) fn limit(&self, text: &mut String) {
        let Self { name, left, seconds, .. } = self;
        let _ = write!(text, "\"{name}\";r={left};t={seconds}");
    }
}

/// The buckets of one rate.
pub(super) struct Buckets {
    name: &'static str,
    rate: Rate,
    limiter: RateLimiter<u64, DashMapStateStore<u64>, DefaultClock, StateInformationMiddleware>,
}

impl Buckets {
    /// All full.
    pub(super) fn new(name: &'static str, rate: Rate) -> Self {
        Self { name, rate, limiter: RateLimiter::dashmap(rate.quota()).with_middleware() }
    }

    /// Takes one from the bucket of that number.
    ///
    /// # Errors
    /// It is empty, and how long it will be.
    pub(super) fn take(&self, key: u64) -> Result<Standing, Standing> {
        let standing = |left, seconds| Standing { name: self.name, rate: self.rate, left, seconds };
        match self.limiter.check_key(&key) {
            Ok(state) => Ok(standing(state.remaining_burst_capacity(), self.rate.window())),
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
                Err(standing(0, seconds))
            }
        }
    }

    /// Gives up those that are full again.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.limiter.len()
    }

    /// How many a full one has.
    pub(super) fn burst(&self) -> u32 {
        self.rate.burst.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        match setting(text).unwrap() {
            Setting::At(rate) => rate,
            Setting::Off => panic!("{text}"),
        }
    }

    #[test]
    fn rates_are_read_as_they_are_written() {
        let count = |number| NonZeroU32::new(number).unwrap();
        assert_eq!(rate("100/s"), Rate::per_second(count(100), count(100)));
        assert_eq!(rate("100/s,burst=200"), Rate::per_second(count(100), count(200)));
        assert_eq!(rate("10/min,burst=20"), Rate::per_minute(count(10), count(20)));
        assert_eq!(setting("off"), Ok(Setting::Off));
        for wrong in [
            "",
            "0",
            "100",
            "0/s",
            "5/h",
            "5/s,burst=0",
            "5/s,burst=",
            "5/s, burst=6",
            "-1/s",
            "1e3/s",
            "1000001/s",
            "5/s,burst=4294967296",
        ] {
            assert!(setting(wrong).is_err_and(|says| says.contains("burst=200")), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_has_its_burst_and_then_what_comes_back() {
        let buckets = Buckets::new("client", rate("1/min,burst=3"));
        let left: Vec<u32> = (0..3).map(|_| buckets.take(7).unwrap().left).collect();
        assert_eq!(left, [2, 1, 0]);
        let empty = buckets.take(7).unwrap_err();
        assert!((50..=60).contains(&empty.seconds), "{}", empty.seconds);
        assert!(buckets.take(8).is_ok(), "each has a bucket of its own");
        // What was not taken costs nothing: whoever goes on asking does not wait longer.
        assert!((0..100).all(|_| buckets.take(7).unwrap_err().seconds <= empty.seconds));
    }

    #[test]
    fn headers_say_the_burst_and_in_which_time_it_comes_back() {
        let told = |text: &str| Buckets::new("source", rate(text)).take(1).unwrap().headers();
        let (policy, limit) = told("200/s,burst=400");
        assert_eq!((&*policy, &*limit), (r#""source";q=400;w=2"#, r#""source";r=399;t=2"#));
        assert_eq!(told("10/min,burst=20").0, r#""source";q=20;w=120"#);
        assert_eq!(told("3/s,burst=10").0, r#""source";q=10;w=4"#);
        assert_eq!(told("100/s,burst=1").0, r#""source";q=1;w=1"#);
    }

    #[test]
    fn what_is_full_again_is_not_kept() {
        let buckets = Buckets::new("client", rate("1000000/s"));
        for key in 0..1000 {
            buckets.take(key).unwrap();
        }
        let begun = std::time::Instant::now();
        while buckets.len() > 0 {
            buckets.sweep();
            assert!(begun.elapsed().as_secs() < 20, "{}", buckets.len());
        }
    }
}
