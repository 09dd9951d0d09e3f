//! `fhir-gateway import` of transaction bundles into a new database: resources a second, and memory at its peak.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::interval;

use crate::bench::data::Bundles;
use crate::bench::database::Database;
use crate::bench::report::{Measure, Report};
use crate::bench::server::memory_mb;
use crate::bench::within;

/// How long an import may take.
const SECONDS: u64 = 300;

/// How often its memory is looked at. The kernel keeps the peak; only one in the last moments could be missed.
const LOOK: Duration = Duration::from_millis(10);

/// Imports the bundles.
///
/// # Errors
/// The command fails, takes too long, or refuses something.
pub async fn measure(binary: &Path, database: &Database, bundles: &Bundles, report: &mut Report) -> Result<(), String> {
    let mut command = Command::new(binary);
    command.arg("import").args(["--database", &database.url]).arg("--data-dir").arg(&database.folder);
    command.arg("--json").arg(&bundles.path).stdin(Stdio::null()).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
    let process = child.id();
    let mut peak: Option<f64> = None;
    let running = async {
        let mut output = std::pin::pin!(child.wait_with_output());
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                output = &mut output => return output.map_err(|error| error.to_string()),
                _ = look.tick() => peak = memory_mb(process).map(|memory| memory.peak).or(peak),
            }
        }
    };
    let output = within(SECONDS, "the import", running).await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        return Err(format!(
            "the import ended with {}: {}",
            output.status,
            said.chars().take(2000).collect::<String>()
        ));
    }
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let (imported, seconds) = (said["imported"].as_f64().unwrap_or(0.0), said["seconds"].as_f64().unwrap_or(0.0));
    report.imported(bundles.source, imported);
    report.add(Measure::Import, database.engine, imported / seconds.max(0.001));
    if let Some(peak) = peak {
        report.add(Measure::ImportMemory, database.engine, peak);
    }
    Ok(())
}
