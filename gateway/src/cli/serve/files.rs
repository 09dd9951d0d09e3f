//! How many files the process may have open: connections are files, too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are not asked for.
const MOST: u64 = 65_536;
/// What is left for the database, its connections, keys, logs and what is asked of others.
const RESERVE: u64 = 256;

/// Raises the limit as far as this process may (systemd gives 1,024 at first, and lets every process raise that), and says how many of
/// so many connections fit within.
pub(super) fn connections(wanted: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(MOST).min(MOST);
    let is_low = current.is_some_and(|current| current < most);
    let is_raised = is_low && setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).is_ok();
    let open = if is_raised { most } else { current.unwrap_or(MOST) };
    let fitting = usize::try_from(open.saturating_sub(RESERVE)).unwrap_or(usize::MAX).max(16);
    if fitting < wanted {
        tracing::warn!(
            files = open,
            connections = fitting,
            "few files may be open, so there are fewer connections: raise LimitNOFILE"
        );
    }
    wanted.min(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_connections_than_files() {
        let open = connections(1_000_000);
        assert!(getrlimit(Resource::Nofile).current.is_none_or(|files| open as u64 <= files), "{open}");
        assert_eq!(connections(16), 16);
    }
}
