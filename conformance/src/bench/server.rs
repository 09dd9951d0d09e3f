//! The gateway binary as a benchmark starts it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The token of benchmark servers; they listen on loopback only.
pub const TOKEN: &str = "bench-token";

/// A running gateway.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its FHIR base address.
    pub base: String,
    /// From start to ready.
    pub ready_after: Duration,
}

impl Server {
    /// Starts the binary and waits until it is ready.
    ///
    /// # Errors
    /// The binary cannot be started or ends before it is ready.
    pub async fn start(binary: &Path, database: &str, data_dir: &Path) -> Result<Self, String> {
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--dev", "--database", database, "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let line = BufReader::new(stdout).lines().next_line().await.ok().flatten();
        let line = line.ok_or("the server ended before it was ready")?;
        let ready: serde_json::Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let base = ready["fhir"].as_str().ok_or("no address in the ready line")?.to_owned();
        Ok(Self { child, base, ready_after: begun.elapsed() })
    }

    /// Resident memory in MB, now and at its peak.
    pub fn memory_mb(&self) -> (f64, f64) {
        memory_mb(self.child.id())
    }

    /// Stops it.
    pub async fn stop(mut self) {
        let _ = self.child.kill().await;
    }
}

/// Resident memory of a process in MB, now and at its peak.
pub fn memory_mb(process: Option<u32>) -> (f64, f64) {
    let Some(process) = process else { return (0.0, 0.0) };
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|text| text.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// The release binary of this workspace.
pub fn binary() -> PathBuf {
    let name = std::env::var_os("FHIR_GATEWAY_BIN").map(PathBuf::from);
    name.unwrap_or_else(|| {
        let mut path = std::env::current_exe().unwrap_or_default();
        path.set_file_name("fhir-gateway");
        path
    })
}
