//! What a measurement counts: time by the clock, or the processor time of the gateway and of its database sessions. The
//! latter says what something costs also where other programs keep the machine busy.

use std::collections::BTreeMap;
use std::time::Instant;

/// A meter; readings mean something by their difference only.
#[derive(Clone, Debug)]
pub enum Meter {
    /// The clock, since a moment.
    Clock(Instant),
    /// The processor time of a process and, on a server, of the sessions of a database.
    Processor {
        /// The gateway's process.
        process: u32,
        /// The database's name, where it is a server's.
        database: Option<String>,
    },
}

/// What a meter shows.
#[derive(Clone, Debug)]
pub enum Reading {
    /// Seconds.
    Clock(f64),
    /// Seconds of each thread.
    Processor(BTreeMap<u32, f64>),
}

impl Meter {
    /// What it shows now.
    #[must_use]
    pub fn read(&self) -> Reading {
        match self {
            Self::Clock(since) => Reading::Clock(since.elapsed().as_secs_f64()),
            Self::Processor { process, database } => {
                let sessions = database.as_deref().map(sessions).unwrap_or_default();
                Reading::Processor(sessions.into_iter().chain([*process]).flat_map(threads).collect())
            }
        }
    }

    /// Seconds since a reading.
    #[must_use]
    pub fn since(&self, before: &Reading) -> f64 {
        self.read().since(before)
    }

    /// Seconds that one of a load's requests took: `rate` of them a second for so many `seconds`, since a reading.
    #[must_use]
    pub fn per_request(&self, before: &Reading, rate: f64, seconds: u32) -> f64 {
        match self {
            Self::Clock(_) => 1.0 / rate,
            Self::Processor { .. } => self.since(before) / (rate * f64::from(seconds)),
        }
    }
}

impl Reading {
    /// Threads that have ended meanwhile had been idle: they count for nothing.
    fn since(&self, before: &Self) -> f64 {
        match (self, before) {
            (Self::Clock(now), Self::Clock(before)) => now - before,
            (Self::Processor(now), Self::Processor(before)) => {
                now.iter().map(|(thread, spent)| spent - before.get(thread).unwrap_or(&0.0)).sum()
            }
            _ => 0.0,
        }
    }
}

/// PostgreSQL's processes that serve a database: their titles name it.
fn sessions(database: &str) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let serves = |process: &u32| {
        let title = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        title.starts_with(b"postgres:") && String::from_utf8_lossy(&title).contains(&format!(" {database} "))
    };
    numbers.filter(serves).collect()
}

/// The processor time of a process's threads, in seconds.
fn threads(process: u32) -> Vec<(u32, f64)> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let spent = |thread: std::fs::DirEntry| {
        let number = thread.file_name().to_str()?.parse().ok()?;
        Some((number, on_processor(&std::fs::read_to_string(thread.path().join("schedstat")).ok()?)?))
    };
    threads.flatten().filter_map(spent).collect()
}

/// The first field of a thread's `schedstat`, which is in nanoseconds:
/// <https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>.
fn on_processor(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_in_nanoseconds() {
        assert_eq!(on_processor("1500000000 77 3\n"), Some(1.5));
        assert_eq!(on_processor(""), None);
    }

    #[test]
    fn threads_that_come_or_go_take_nothing_away() {
        let [before, now] = [[(1, 5.0), (2, 1.0)], [(2, 1.5), (3, 0.25)]].map(|all| Reading::Processor(all.into()));
        assert!((now.since(&before) - 0.75).abs() < 1e-9);
    }
}
