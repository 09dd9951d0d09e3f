//! The key by a command: of a key service, or whatever keeps it (`aws kms decrypt ...`). It runs once, at the start, for so long at most; what it prints
//! is bounded, and goes nowhere but into the key.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret as _, SecretSlice};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than a key in base64 with a line's end, in bytes.
const LONGEST: usize = 256;
/// Between two looks whether it has ended: it has closed its output by then.
const LOOK: Duration = Duration::from_millis(5);

/// A command with all that it starts, which ends when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Mostly it has ended; what it left behind ends now.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// What the command prints.
///
/// # Errors
/// It does not start, does not end in time or with 0, or prints too much. What it printed is never part of that.
pub(crate) async fn printed(command: &str) -> io::Result<SecretSlice<u8>> {
    printed_within(command, PATIENCE).await
}

async fn printed_within(command: &str, patience: Duration) -> io::Result<SecretSlice<u8>> {
    let command = command.to_owned();
    let printed = tokio::task::spawn_blocking(move || run(&command, patience)).await.map_err(io::Error::other)?;
    let wrong = |what| io::Error::other(format!("--secret-key-command {what}: run it by hand to see what it says"));
    printed.map_err(wrong)
}

fn run(command: &str, patience: Duration) -> Result<SecretSlice<u8>, &'static str> {
    let begun = Instant::now();
    let child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It might say what it should not.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut running = Running(child.map_err(|_| "cannot be started")?);
    let out = running.0.stdout.take().ok_or("cannot be read")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // With this room it is never moved: no copy of a key is left behind.
        let mut printed = Vec::with_capacity(2 * LONGEST);
        let read = out.take(LONGEST as u64 + 1).read_to_end(&mut printed);
        // Nobody waits any longer: it goes.
        let _ = sender.send(read.map(|_| SecretSlice::from(printed)));
    });
    let printed = receiver.recv_timeout(patience).map_err(|_| "did not end in time")?.map_err(|_| "cannot be read")?;
    if printed.expose_secret().len() > LONGEST {
        return Err("prints more than a key");
    }
    loop {
        match running.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(printed),
            Ok(Some(_)) => return Err("failed"),
            Ok(None) if begun.elapsed() < patience => std::thread::park_timeout(LOOK),
            _ => return Err("did not end in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn says(command: &str) -> Result<Vec<u8>, String> {
        let printed = printed_within(command, Duration::from_secs(5)).await;
        printed.map(|text| text.expose_secret().to_vec()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_it_prints_is_taken_and_never_told() {
        assert_eq!(says("printf abc").await, Ok(b"abc".to_vec()));
        for (command, what) in [
            ("echo hush; exit 3", "failed"),
            ("echo hush >&2; false", "failed"),
            ("no-such-program-here", "failed"),
            ("yes hush", "prints more"),
        ] {
            let error = says(command).await.unwrap_err();
            assert!(error.contains(what) && !error.contains("hush"), "{error}");
        }
        let begun = Instant::now();
        let hangs = printed_within("sleep 60 & sleep 60", Duration::from_millis(100)).await;
        assert!(hangs.unwrap_err().to_string().contains("in time") && begun.elapsed() < Duration::from_secs(20));
    }
}
