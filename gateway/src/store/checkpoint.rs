//! Marks of progress that commit in the same transaction as the rows they speak of: what makes an import resumable
//! without a duplicate or a gap.

use std::sync::Arc;

use consent::{OrganizationId, Permit};

use crate::store::Store;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::error::StoreError;

/// One unit of a job, done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The job: what is imported, in a form that is the same when it is run again.
    pub job: String,
    /// The unit's number within the job.
    pub unit: i64,
    /// Where what is imported comes from: the SHA-256 of a file in hexadecimal, where its Provenance is wanted.
    pub digest: Option<Arc<str>>,
}

impl Store {
    /// The units of a job that are done, in order.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn checkpoints(&self, permit: &Permit, job: &str) -> Result<Vec<i64>, StoreError> {
        let mut reading = self.reading(permit).await?;
        let args = [Arg::Int(permit.organization().0), Arg::Text(job)];
        let rows = reading
            .fetch("select unit from checkpoints where organization_id = $1 and job = $2 order by unit", &args)
            .await?;
        reading.finish();
        Ok(rows.iter().filter_map(|row| row.int(0)).collect())
    }

    /// Forgets a job's checkpoints: it starts from the beginning.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn forget_checkpoints(&self, permit: &Permit, job: &str) -> Result<(), StoreError> {
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(permit.organization().0)).await?;
        let args = [Arg::Int(permit.organization().0), Arg::Text(job)];
        connection.execute("delete from checkpoints where organization_id = $1 and job = $2", &args).await?;
        Ok(connection.commit().await?)
    }
}

/// Records a checkpoint within the open transaction. A unit that is marked already is a unique violation: another
/// process imported it meanwhile.
pub(crate) async fn record(
    connection: &mut Connection,
    organization: OrganizationId,
    checkpoint: &Checkpoint,
) -> Result<(), DbError> {
    let args = [Arg::Int(organization.0), Arg::Text(&checkpoint.job), Arg::Int(checkpoint.unit)];
    connection
        .execute("insert into checkpoints (organization_id, job, unit) values ($1, $2, $3)", &args)
        .await
        .map(drop)
}
