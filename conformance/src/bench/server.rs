//! The gateway binary as a benchmark starts it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::bench::{progress, within};

/// The token of benchmark servers; they listen on loopback only.
pub const TOKEN: &str = "bench-token";

/// How long a start may take.
const SECONDS: u64 = 60;

/// Lines of its log that are shown with a fault.
const LAST_LINES: usize = 10;

/// A running gateway.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// What it says on standard error.
    log: PathBuf,
    /// Its FHIR base address.
    pub base: String,
    /// From start to ready.
    pub ready_after: Duration,
    /// Kept, so that what it says later has somewhere to go.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts the binary and waits until it is ready.
    ///
    /// # Errors
    /// The binary cannot be started or ends before it is ready.
    pub async fn start(binary: &Path, database: &str, data_dir: &Path) -> Result<Self, String> {
        Self::start_with(binary, database, data_dir, &[]).await
    }

    /// The same with more arguments of `serve`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(
        binary: &Path,
        database: &str,
        data_dir: &Path,
        arguments: &[&str],
    ) -> Result<Self, String> {
        let begun = Instant::now();
        let log = data_dir.join("gateway.log");
        let unusable = |error| format!("{}: {error}", log.display());
        std::fs::create_dir_all(data_dir).map_err(unusable)?;
        let errors = std::fs::File::create(&log).map_err(unusable)?;
        let mut child = Command::new(binary)
            .args(["serve", "--dev", "--database", database, "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut output = BufReader::new(stdout).lines();
        let line = within(SECONDS, "the start of the gateway", async {
            let line = output.next_line().await.ok().flatten();
            line.ok_or_else(|| "the gateway ended before it was ready".to_owned())
        });
        let line = line.await?;
        let ready_after = begun.elapsed();
        let ready: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let base = ready["fhir"].as_str().ok_or("no address in the ready line")?.to_owned();
        Ok(Self { child, log, base, ready_after, _output: output })
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its resident memory.
    pub fn memory_mb(&self) -> Option<Memory> {
        memory_mb(self.child.id())
    }

    /// A fault with what can be said of the gateway behind it: whether it still runs, and what it said last.
    pub fn explained(&mut self, fault: &str) -> String {
        let state = match self.child.try_wait() {
            Ok(Some(status)) => format!("the gateway had ended ({status})"),
            _ => "the gateway was running".to_owned(),
        };
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        format!("{fault}; {state}; it said last:\n{}", last.join("\n"))
    }

    /// Ends it.
    pub async fn stop(mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill().await;
    }
}

/// Resident memory of a process in MB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// At the moment.
    pub now: f64,
    /// At its peak.
    pub peak: f64,
}

/// Resident memory of a process, as Linux tells it.
pub fn memory_mb(process: Option<u32>) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process?)).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    };
    Some(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// The gateway's binary: the one that `FHIR_GATEWAY_BIN` names, else the one beside this program, which cargo first
/// brings up to date (it does not by itself: we do not depend on the binary, only on its library).
///
/// # Errors
/// There is none, or it does not compile.
pub async fn binary() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("FHIR_GATEWAY_BIN") {
        return Ok(named.into());
    }
    if let Some(cargo) = std::env::var_os("CARGO") {
        progress("cargo build --release (FHIR_GATEWAY_BIN names a binary to take as it is)");
        let mut build = Command::new(cargo);
        // With our own package, so that dependencies have the features they have here and are not compiled twice.
        build.args(["build", "--quiet", "--release", "-p", "conformance", "-p", "gateway", "--bin", "fhir-gateway"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        let built = build.stdin(Stdio::null()).status().await.map_err(|error| error.to_string())?;
        if !built.success() {
            return Err("the gateway does not compile".to_owned());
        }
    }
    let beside = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("fhir-gateway");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(format!("there is no {}: run cargo build --release -p gateway", beside.display()))
}
