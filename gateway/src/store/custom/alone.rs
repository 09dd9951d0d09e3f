//! Work before a server is ready that excludes all who write, who may be at work themselves.

use std::time::{Duration, Instant};

use crate::store::connection::{Connection, DbError};
use crate::store::core::Core;

/// The pause where others are at work.
const PAUSE: Duration = Duration::from_millis(50);
/// How long others are waited for: a start that hangs helps nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does a portion of work on a connection that writes, and once more where it met others, as long as there is patience. What
/// it leaves open is rolled back.
pub(super) async fn patiently<T>(
    core: &Core,
    mut work: impl AsyncFnMut(&mut Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let begun = Instant::now();
    loop {
        let mut connection = core.pools.writer().await?;
        let error = match work(&mut connection).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        connection.rollback_if_open().await;
        drop(connection);
        let met_others = error.is_lock_timeout() || error.is_retryable();
        if !met_others || begun.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
