//! Load from `wrk` (Debian package `wrk`).

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::bench::server::TOKEN;
use crate::bench::within;

/// What a run of wrk found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Load {
    per_second: f64,
    /// Answers that were not 2xx or 3xx, and requests without an answer.
    failed: f64,
}

/// Runs wrk against an address; requests a second.
///
/// # Errors
/// wrk is missing, says something we do not understand, or saw requests fail: the figure would mean nothing.
pub async fn run(url: &str, clients: usize, seconds: u32, script: Option<&Path>) -> Result<f64, String> {
    let mut command = Command::new("wrk");
    command
        .args(["-t", "1", "-c", &clients.to_string(), "-d", &format!("{seconds}s")])
        .args(["-H", &format!("Authorization: Bearer {TOKEN}")])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let running = async {
        let output = command.arg(url).output().await;
        output.map_err(|error| format!("wrk cannot be started ({error}); install it: apt-get install wrk"))
    };
    let output = within(u64::from(seconds) + 30, "wrk", running).await?;
    let load = parse(&String::from_utf8_lossy(&output.stdout))?;
    if load.failed > 0.0 {
        return Err(format!("{} requests to {url} failed", load.failed));
    }
    Ok(load.per_second)
}

fn parse(text: &str) -> Result<Load, String> {
    let rest = |label: &str| text.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let numbers = |rest: &str| -> f64 { rest.split([' ', ',']).filter_map(|word| word.parse::<f64>().ok()).sum() };
    let per_second =
        rest("Requests/sec:").and_then(|rest| rest.parse().ok()).ok_or_else(|| format!("wrk said: {text}"))?;
    let failed = ["Non-2xx or 3xx responses:", "Socket errors:"].into_iter().filter_map(rest).map(numbers).sum();
    Ok(Load { per_second, failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_wrk_is_read() {
        let text = "  Socket errors: connect 0, read 1, write 0, timeout 2\n  Non-2xx or 3xx responses: 3\n\
                    Requests/sec:  12345.67\nTransfer/sec: 1MB\n";
        assert_eq!(parse(text), Ok(Load { per_second: 12345.67, failed: 6.0 }));
        assert_eq!(parse("Requests/sec:      0.50\n"), Ok(Load { per_second: 0.5, failed: 0.0 }));
        assert!(parse("unable to connect").is_err());
    }
}
