//! Load from `wrk` (Debian package `wrk`).

use std::path::Path;

use tokio::process::Command;

/// What a run of wrk found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Requests per second.
    pub per_second: f64,
    /// Answers that were not 2xx or 3xx.
    pub failed: u64,
}

/// Runs wrk against an address.
///
/// # Errors
/// wrk is missing, or says something we do not understand.
pub async fn run(url: &str, clients: usize, seconds: u32, token: &str, script: Option<&Path>) -> Result<Load, String> {
    let mut command = Command::new("wrk");
    command
        .args(["-t", "1", "-c", &clients.to_string(), "-d", &format!("{seconds}s")])
        .args(["-H", &format!("Authorization: Bearer {token}")]);
    if let Some(script) = script {
        command.arg("-s").arg(script);
    }
    let output = command.arg(url).output().await.map_err(|error| {
        format!("wrk cannot be started ({error}); install it: apt-get install wrk")
    })?;
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> Result<Load, String> {
    let field = |label: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(label));
        line.and_then(|line| line[label.len()..].trim().split_whitespace().next())
            .and_then(|number| number.parse::<f64>().ok())
    };
    let per_second = field("Requests/sec:").ok_or_else(|| format!("wrk said: {text}"))?;
    let failed = field("Non-2xx or 3xx responses:").unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    Ok(Load { per_second, failed: failed as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_wrk_is_read() {
        let load = parse("  Non-2xx or 3xx responses: 3\nRequests/sec:  12345.67\nTransfer/sec: 1MB\n").unwrap();
        assert!((load.per_second - 12345.67).abs() < 0.001);
        assert_eq!(load.failed, 3);
        assert!(parse("unable to connect").is_err());
    }
}
