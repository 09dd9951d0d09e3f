//! What the system says of the process, under the names that Prometheus' own libraries use.

use std::fmt;

use super::out::Out;
use crate::clock::Clock;

/// The process.
#[derive(Debug)]
pub(super) struct Process {
    /// Seconds since 1970.
    started: f64,
}

impl Process {
    /// This one; it begins now, by the machine's clock.
    #[expect(clippy::cast_precision_loss, reason = "what is told is a float")]
    pub(super) fn new() -> Self {
        Self { started: Clock::system().now_ms() as f64 / 1e3 }
    }

    /// Where there is no /proc, what is read there is left out.
    pub(super) fn tell(&self, engine: &'static str, out: &mut Out<'_>) -> fmt::Result {
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("engine", engine)];
        out.info("fhir_gateway_build", "Version of the program, and the database engine that it works on.", &labels)?;
        out.gauge(
            "process_start_time_seconds",
            "When the process began to serve, in seconds since 1970.",
            self.started,
        )?;
        if let Some(bytes) = resident() {
            out.gauge("process_resident_memory_bytes", "Resident memory.", bytes)?;
        }
        if let Some(open) = open_files() {
            out.gauge("process_open_fds", "Open file descriptors.", open)?;
        }
        if let Some(most) = most_files() {
            out.gauge("process_max_fds", "File descriptors that may be open.", most)?;
        }
        Ok(())
    }
}

/// `VmRSS` is in KiB.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "there are not so many")]
fn open_files() -> Option<f64> {
    // The look itself has one open.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(open.saturating_sub(1) as f64)
}

fn most_files() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_the_process() {
        assert!(resident().unwrap() > 1e6);
        assert!(open_files().unwrap() >= 3.0);
        assert!(most_files().unwrap() >= open_files().unwrap());
    }
}
