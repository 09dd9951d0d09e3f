//! Work for every organization, before a server is ready or behind it, that excludes all who write, who may be at work
//! themselves.

use std::time::{Duration, Instant};

use consent::OrganizationId;

use crate::store::connection::{Connection, DbError};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::pools::Pools;

/// The pause where others are at work.
const PAUSE: Duration = Duration::from_millis(50);
/// How long others are waited for: a start that hangs helps nobody.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does a portion of work on a connection that writes, and once more where it met others, as long as there is patience. What
/// it leaves open is rolled back.
pub(crate) async fn patiently<T>(
    core: &Core,
    work: impl AsyncFnMut(&mut Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    patiently_on(&core.pools, work).await
}

/// As [`patiently`], where there is no core yet.
pub(crate) async fn patiently_on<T>(
    pools: &Pools,
    mut work: impl AsyncFnMut(&mut Connection) -> Result<T, DbError>,
) -> Result<T, DbError> {
    let begun = Instant::now();
    loop {
        let mut connection = pools.writer().await?;
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

/// All organizations.
pub(crate) async fn organizations(core: &Core) -> Result<Vec<OrganizationId>, StoreError> {
    Ok(organizations_of(&mut core.pools.reader().await?).await?)
}

/// As [`organizations`], where there is no core yet.
pub(crate) async fn organizations_of(connection: &mut Connection) -> Result<Vec<OrganizationId>, DbError> {
    let rows = connection.fetch("select id from gateway_organizations order by id", &[]).await?;
    Ok(rows.iter().filter_map(|row| row.int(0)).map(OrganizationId).collect())
}
