//! What series are made of: atomics, which nobody waits for.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Bounds of times, in nanoseconds: from half a millisecond to half a minute.
const TIMES: [u64; 15] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];
/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

/// What only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What rises and falls.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    /// One more, until what is returned is dropped: also where a future is dropped halfway.
    pub fn hold(&self) -> Held<'_> {
        self.rise(1);
        Held(self)
    }

    /// By so much up, or down; what it was before.
    pub fn rise(&self, by: i64) -> i64 {
        self.0.fetch_add(by, Ordering::Relaxed)
    }

    /// It is this now.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// See [`Level::hold`].
#[derive(Debug)]
pub struct Held<'l>(&'l Level);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.rise(-1);
    }
}

/// How values are distributed over classic buckets.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// How many of its whole numbers are one of the unit that is told.
    scale: f64,
    /// One for each bound, and one for what is more.
    cells: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram as it is told: the sum, and how many values are in each bucket alone, up to its bound.
#[derive(Clone, Debug)]
pub struct Told {
    /// The sum of all values.
    pub sum: f64,
    /// Their number.
    pub count: u64,
    /// Upper bound and number; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Of times, told in seconds.
    #[must_use]
    pub fn of_times() -> Self {
        Self::new(&TIMES, SECOND)
    }

    /// Of numbers, by these upper bounds in rising order.
    #[must_use]
    pub fn of_numbers(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let cells = std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect();
        Self { bounds, scale, cells, sum: AtomicU64::default() }
    }

    /// One more value, of a histogram of times.
    pub fn time(&self, took: Duration) {
        self.number(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// One more value.
    pub fn number(&self, value: u64) {
        let cell = self.bounds.partition_point(|bound| *bound < value);
        self.cells[cell].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Whether no value was added.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.load(Ordering::Relaxed) == 0)
    }

    /// As it is now. Number and buckets agree; a value that comes meanwhile may be in the sum alone.
    #[expect(clippy::cast_precision_loss, reason = "what is told is a float")]
    pub fn told(&self) -> Told {
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.scale).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(&self.cells).map(|(bound, cell)| (bound, cell.load(Ordering::Relaxed))).collect();
        let count = buckets.iter().map(|(_, number)| number).sum();
        Told { sum: self.sum.load(Ordering::Relaxed) as f64 / self.scale, count, buckets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_is_within_it() {
        let histogram = Histogram::of_numbers(&[1, 2, 4]);
        for value in [0, 1, 2, 3, 4, 5, u64::from(u32::MAX)] {
            histogram.number(value);
        }
        let told = histogram.told();
        assert_eq!(told.buckets, [(1.0, 2), (2.0, 1), (4.0, 2), (f64::INFINITY, 2)]);
        assert_eq!(told.count, 7);
        assert!((told.sum - 4_294_967_310.0).abs() < 0.5);
    }

    #[test]
    fn times_are_told_in_seconds() {
        let histogram = Histogram::of_times();
        assert!(histogram.is_empty());
        histogram.time(Duration::from_micros(500));
        histogram.time(Duration::from_secs(31));
        let told = histogram.told();
        assert_eq!(told.buckets[0], (0.0005, 1));
        assert_eq!(told.buckets[14], (30.0, 0));
        assert_eq!(told.buckets[15], (f64::INFINITY, 1));
        assert!((told.sum - 31.0005).abs() < 1e-9);
    }

    #[test]
    fn a_level_falls_when_what_holds_it_goes() {
        let level = Level::default();
        let held = level.hold();
        assert_eq!(level.get(), 1);
        drop(held);
        assert_eq!(level.get(), 0);
    }
}
