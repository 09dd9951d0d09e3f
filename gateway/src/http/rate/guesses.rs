//! Guesses at what opens a login, or at tokens, by address: beside the lockout of each account, which whoever tries one password on many accounts
//! never meets.
//!
//! An attempt is counted before it is looked at, so that of many at once no more than these are, and given back where it was right: a
//! clinic behind one address, where a hundred people log in at eight, is not held up.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use super::bucket::Buckets;
use super::{Numbers, Rate, Standing};
use crate::http::noted::{Noted, Why};

/// What counts attempts that fail; by default nothing.
#[derive(Default)]
pub struct Guesses {
    buckets: Option<Buckets>,
    /// Attempts that were given back, by address: they are taken before those of the bucket are, which takes nothing back. No more than a
    /// burst of each is kept, and no more addresses than share buckets.
    returned: Mutex<HashMap<u64, u32>>,
    numbers: Numbers,
    noted: Noted,
}

/// An attempt that was counted.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt(Option<u64>);

impl Guesses {
    /// So many may fail.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        Self::of("login", rate)
    }

    /// So many tokens may be none.
    #[must_use]
    pub fn of_tokens(rate: Option<Rate>) -> Self {
        Self::of("token", rate)
    }

    fn of(name: &'static str, rate: Option<Rate>) -> Self {
        Self { buckets: rate.map(|rate| Buckets::new(name, rate)), ..Self::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// There is none for now.
    pub(crate) fn attempt(&self, source: Option<IpAddr>) -> Result<Attempt, Standing> {
        let Some(buckets) = &self.buckets else { return Ok(Attempt(None)) };
        let number = self.numbers.stranger(source).number();
        if self.take_returned(number) {
            return Ok(Attempt(Some(number)));
        }
        buckets.take(number).map(|_| Attempt(Some(number)))
    }

    fn take_returned(&self, number: u64) -> bool {
        let mut returned = self.returned.lock();
        let Some(count) = returned.get_mut(&number) else { return false };
        *count -= 1;
        if *count == 0 {
            returned.remove(&number);
        }
        true
    }

    /// An attempt was right, or was none.
    pub(crate) fn give_back(&self, attempt: Attempt) {
        let (Some(number), Some(buckets)) = (attempt.0, &self.buckets) else { return };
        let mut returned = self.returned.lock();
        let count = returned.entry(number).or_default();
        *count = (*count + 1).min(buckets.burst());
    }

    /// Whether an address is refused for the first time in a minute.
    pub(crate) fn is_first(&self, source: Option<IpAddr>, now_ms: i64) -> bool {
        self.noted.is_first(Why::Rate, self.numbers.stranger(source).number(), now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Setting, setting};
    use super::*;

    fn guesses(text: &str) -> Guesses {
        match setting(text).unwrap() {
            Setting::At(rate) => Guesses::new(Some(rate)),
            Setting::Off => Guesses::new(None),
        }
    }

    #[test]
    fn what_fails_is_counted_and_what_is_right_is_not() {
        let guesses = guesses("1/min,burst=3");
        let here = "192.0.2.1".parse().ok();
        for _ in 0..100 {
            guesses.give_back(guesses.attempt(here).unwrap());
        }
        for _ in 0..3 {
            let _failed = guesses.attempt(here).unwrap();
        }
        assert!(guesses.attempt(here).is_err());
        assert!(guesses.attempt("192.0.2.2".parse().ok()).is_ok());
    }

    #[test]
    fn of_many_at_once_no_more_are_looked_at() {
        let guesses = guesses("1/min,burst=3");
        let under_way: Vec<Attempt> = (0..100).filter_map(|_| guesses.attempt(None).ok()).collect();
        assert_eq!(under_way.len(), 3);
        under_way.into_iter().for_each(|attempt| guesses.give_back(attempt));
        assert_eq!((0..100).filter(|_| guesses.attempt(None).is_ok()).count(), 3);
    }

    #[test]
    fn whoever_knows_one_password_guesses_at_others_no_more_often() {
        let guesses = guesses("1/min,burst=5");
        let mut failed = 0;
        for _ in 0..1000 {
            if let Ok(own) = guesses.attempt(None) {
                guesses.give_back(own);
            }
            failed += u32::from(guesses.attempt(None).is_ok());
        }
        assert!(failed <= 5, "{failed}");
    }

    #[test]
    fn where_nothing_is_counted_nothing_is_kept() {
        let guesses = guesses("off");
        (0..1000).for_each(|_| guesses.give_back(guesses.attempt(None).unwrap()));
        assert!(guesses.returned.lock().is_empty());
    }
}
