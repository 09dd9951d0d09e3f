//! How far a long look at many rows has come: a line on stderr every few seconds.

use std::time::{Duration, Instant};

/// How long it is silent.
const EVERY: Duration = Duration::from_secs(5);

/// What is told, and when it was told last.
pub(super) struct Progress {
    command: &'static str,
    told: Instant,
}

impl Progress {
    pub(super) fn new(command: &'static str) -> Self {
        Self { command, told: Instant::now() }
    }

    /// So many rows of a map are done.
    pub(super) fn tell(&mut self, map: &str, done: i64) {
        if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            eprintln!("{}: {map}, {done} rows", self.command);
        }
    }
}
