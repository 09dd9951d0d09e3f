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
    Ok(parse(&said(url, clients, seconds, script).await?)?.per_second)
}

/// What wrk says of a run in which no request failed.
async fn said(url: &str, clients: usize, seconds: u32, script: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("wrk");
    command
        .args(["-t", "1", "--latency", "-c", &clients.to_string(), "-d", &format!("{seconds}s")])
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
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let load = parse(&said)?;
    if load.failed > 0.0 {
        return Err(format!("{} requests to {url} failed", load.failed));
    }
    Ok(said)
}

/// How long answers took, in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Half of them less.
    pub p50: f64,
    /// All but one in a hundred less.
    pub p99: f64,
}

/// Runs wrk with one client; how long it waited for an answer.
///
/// # Errors
/// As [`run`].
pub async fn times(url: &str, seconds: u32) -> Result<Times, String> {
    let said = said(url, 1, seconds, None).await?;
    let of = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).and_then(ms);
    match (of("50%"), of("99%")) {
        (Some(p50), Some(p99)) => Ok(Times { p50, p99 }),
        _ => Err(format!("wrk said: {said}")),
    }
}

/// `1.24ms`, `250.00us` or `2.01s`, in ms.
fn ms(text: &str) -> Option<f64> {
    let text = text.trim();
    let of = |unit: &str| text.strip_suffix(unit)?.parse::<f64>().ok();
    of("us").map(|us| us / 1000.0).or_else(|| of("ms")).or_else(|| of("s").map(|s| s * 1000.0))
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

    #[test]
    fn times_have_three_units() {
        assert_eq!([ms(" 250.00us"), ms("1.24ms"), ms("2.50s"), ms("-")], [Some(0.25), Some(1.24), Some(2500.0), None]);
    }
}
