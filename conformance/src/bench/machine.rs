//! What the figures were measured on.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::bench::database;

/// The machine, as far as it says.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Processors we may use.
    pub cores: usize,
    /// The kernel.
    pub kernel: String,
    /// The file system under the databases of SQLite.
    pub file_system: String,
    /// How busy it was when we began: the load average of the last minute.
    pub load: String,
    /// PostgreSQL's version, and what makes a commit durable there.
    pub postgres: Option<String>,
}

impl Machine {
    /// Looks around.
    ///
    /// # Errors
    /// PostgreSQL cannot be reached.
    pub async fn of(folder: &Path, postgres: Option<&str>) -> Result<Self, String> {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let first = |text: String| text.split_whitespace().next().unwrap_or("unknown").to_owned();
        let postgres = match postgres {
            Some(server) => Some(database::ask(server, DURABILITY).await?),
            None => None,
        };
        Ok(Self {
            cpu: cpu(&read("/proc/cpuinfo")).unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: first(read("/proc/sys/kernel/osrelease")),
            file_system: file_system(&read("/proc/mounts"), folder).unwrap_or_else(|| "unknown".to_owned()),
            load: first(read("/proc/loadavg")),
            postgres,
        })
    }
}

const DURABILITY: &str = "select format('PostgreSQL %s (fsync %s, synchronous_commit %s)', \
     split_part(current_setting('server_version'), ' ', 1), current_setting('fsync'), \
     current_setting('synchronous_commit'))";

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, file_system, load, postgres } = self;
        write!(f, "{cpu}, {cores} cores, Linux {kernel}, {file_system}, load {load} before the run, SQLite embedded")?;
        postgres.iter().try_for_each(|postgres| write!(f, ", {postgres}"))
    }
}

fn cpu(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The type of the mount that the folder lies below: the longest that matches, the last of equals.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let below = mounts.filter(|(mount, _)| folder.starts_with(mount));
    below.max_by_key(|(mount, _)| mount.len()).map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /proc proc rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/")).as_deref(), Some("ext4"));
        assert_eq!(file_system(mounts, Path::new("/proc")).as_deref(), Some("proc"));
        assert_eq!(cpu("model name\t: Some CPU\n"), Some("Some CPU"));
    }
}
