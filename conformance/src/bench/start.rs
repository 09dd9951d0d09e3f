//! From start to ready on a database that is migrated and full, and memory while nobody asks for anything.

use std::path::Path;
use std::time::Duration;

use crate::bench::database::Database;
use crate::bench::report::{Measure, Report};
use crate::bench::server::Server;

/// How often it is started.
const STARTS: usize = 5;

/// How long it idles before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// Starts the gateway a few times; the last one goes on running.
///
/// # Errors
/// It does not start.
pub async fn measure(binary: &Path, database: &Database, report: &mut Report) -> Result<Server, String> {
    for _ in 1..STARTS {
        let server = Server::start(binary, &database.url, &database.folder).await?;
        report.add(Measure::Ready, database.engine, server.ready_after.as_secs_f64() * 1e3);
        server.stop().await;
    }
    let server = Server::start(binary, &database.url, &database.folder).await?;
    report.add(Measure::Ready, database.engine, server.ready_after.as_secs_f64() * 1e3);
    tokio::time::sleep(IDLE).await;
    if let Some(memory) = server.memory_mb() {
        report.add(Measure::IdleMemory, database.engine, memory.now);
    }
    Ok(server)
}
