//! Requests that were not begun: on record once a minute for each who, and counted in the log beyond that. A record of each would cost
//! what refusing it saves.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

/// So many are on record in a minute; more are counted alone.
const MOST: usize = 1_000;

/// Why a request was not begun.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Why {
    /// There is no place for it.
    Load,
    /// Its address is of a network that is not answered.
    Network,
    /// Too much was asked.
    Rate,
}

/// Who is on record in this minute, and how many were not begun.
#[derive(Default)]
pub struct Noted {
    minute: AtomicI64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    who: HashSet<(Why, u64)>,
    load: u64,
    network: u64,
    rate: u64,
}

impl Noted {
    /// Counts one; whether it is to be on record.
    pub(crate) fn is_first(&self, why: Why, who: u64, now_ms: i64) -> bool {
        self.turn(now_ms);
        let mut state = self.state.lock();
        *match why {
            Why::Load => &mut state.load,
            Why::Network => &mut state.network,
            Why::Rate => &mut state.rate,
        } += 1;
        state.who.len() < MOST && state.who.insert((why, who))
    }

    /// Where another minute has begun, tells of the last one.
    pub(crate) fn turn(&self, now_ms: i64) {
        let minute = now_ms.div_euclid(60_000);
        if self.minute.load(Ordering::Relaxed) == minute || self.minute.swap(minute, Ordering::Relaxed) == minute {
            return;
        }
        let State { who, load, network, rate } = std::mem::take(&mut *self.state.lock());
        if load + network + rate > 0 {
            let senders = who.len();
            tracing::warn!(
                over_rate = rate,
                overloaded = load,
                elsewhere = network,
                senders,
                "requests were not begun within a minute"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_on_record_once_a_minute() {
        let noted = Noted::default();
        assert!(noted.is_first(Why::Rate, 1, 60_000));
        assert!((0..100).all(|ms| !noted.is_first(Why::Rate, 1, 60_000 + ms)));
        assert!(noted.is_first(Why::Rate, 2, 60_500) && noted.is_first(Why::Load, 1, 60_500));
        assert_eq!(noted.state.lock().rate, 102);
        assert!(noted.is_first(Why::Rate, 1, 120_000), "another minute");
        assert_eq!(noted.state.lock().rate, 1);
    }

    #[test]
    fn memory_is_bounded() {
        let noted = Noted::default();
        let first = (0..100_000).filter(|who| noted.is_first(Why::Network, *who, 0)).count();
        assert_eq!((first, noted.state.lock().who.len()), (MOST, MOST));
    }
}
