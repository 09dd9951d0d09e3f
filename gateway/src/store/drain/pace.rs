//! What is done after a collision with another transaction, and around rows that are at fault.

use std::time::Duration;

use consent::OrganizationId;

use crate::store::connection::{Arg, Connection, DbError, DbErrorKind, Engine};
use crate::store::core::Core;
use crate::store::{dialect, entry};

/// Outbox rows taken in one transaction.
pub(super) const BATCH: i64 = 2048;
/// Rows taken in the first: after it PostgreSQL's planner can know the gateway's own tables, which may have been empty. So
/// many are worth that look.
pub(super) const FIRST: i64 = 256;
/// How many times fewer are taken where one of them is at fault.
const NARROWER: i64 = 8;
/// How often a settlement that collided is tried again.
const TRIES: u32 = 20;
/// After so many collisions rows are locked and waited for instead: what is torn then is settled once more, for the writer
/// we waited for has left its own row in the outbox.
const PATIENT_FROM: u32 = 4;
/// The first pause after a collision; each further one is longer by as much.
const PAUSE: Duration = Duration::from_millis(5);

/// How carefully the outbox is worked off.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// How often it collided with other transactions.
    pub(super) collisions: u32,
    /// How many rows are taken at once.
    pub(super) batch: i64,
    /// Rows up to this number are left for later: somebody holds a lock on what they stand for.
    pub(super) after: i64,
}

impl Pace {
    /// How it begins.
    pub(super) fn new() -> Self {
        Self { collisions: 0, batch: FIRST, after: 0 }
    }

    /// A batch went well.
    pub(super) fn went_well(&mut self) {
        self.batch = BATCH.min(self.batch * NARROWER);
    }

    /// Nobody is waited for: rather is tried again.
    pub(super) fn is_impatient(&self) -> bool {
        self.collisions < PATIENT_FROM
    }

    /// Waits after a collision. Where rows themselves are at fault (their table refuses a residue, say), they are found by
    /// taking fewer at once, and the one that is left alone is passed over: it must not keep everybody from reading.
    pub(super) async fn after(
        &mut self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        error: DbError,
    ) -> Result<(), DbError> {
        if error.is_lock_timeout() && connection.engine() == Engine::Postgres {
            if self.batch > 1 {
                self.batch = 1;
            } else {
                self.after = oldest(connection, organization, self.after).await?;
            }
            return Ok(());
        }
        // A race is with another process that adopts the same row.
        if !error.is_lock_timeout() && error.is_retryable() || error.is_race() {
            self.collisions += 1;
            // A shorter transaction meets fewer others.
            self.batch = (self.batch / NARROWER).max(NARROWER);
            if self.collisions >= TRIES {
                return Err(error);
            }
            tokio::time::sleep(PAUSE * self.collisions).await;
            return Ok(());
        }
        match error.kind {
            DbErrorKind::Unavailable | DbErrorKind::DiskFull | DbErrorKind::NoTransaction | DbErrorKind::Retry => {
                Err(error)
            }
            _ if self.batch > 1 => {
                self.batch = (self.batch / NARROWER).max(1);
                Ok(())
            }
            _ => pass_over(core, connection, organization, self.after, &error).await,
        }
    }
}

/// The number of the oldest row in the outbox after a number.
async fn oldest(connection: &mut Connection, organization: OrganizationId, after: i64) -> Result<i64, DbError> {
    connection.begin_read(Some(organization.0)).await?;
    let sql = "select min(seq) from outbox where organization_id = $1 and seq > $2";
    let row = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Int(after)]).await?;
    connection.commit().await?;
    Ok(row.and_then(|row| row.int(0)).unwrap_or(i64::MAX))
}

/// Takes the oldest row out of the outbox without looking at it, and leaves a flag for the operator.
async fn pass_over(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    after: i64,
    error: &DbError,
) -> Result<(), DbError> {
    connection.begin_write(Some(organization.0)).await?;
    let organization = Arg::Int(organization.0);
    let lock = dialect::for_update(connection.engine());
    let oldest =
        format!("select map_table, key from outbox where organization_id = $1 and seq > $2 order by seq limit 1{lock}");
    if let Some(row) = connection.fetch_optional(&oldest, &[organization, Arg::Int(after)]).await? {
        let (table, key) = (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default());
        tracing::error!(table, %error, "a row of another program's cannot be read; what it was before is served");
        for map in core.maps_on(table).iter().map(|map| core.map(*map)) {
            // The elements of its arrays have keys `row#element`.
            let of_row = if map.array.is_some() { "key >= $3 || '#' and key < $3 || '$'" } else { "key = $3" };
            let flag = format!("update directory set flag = $4 where organization_id = $1 and map = $2 and {of_row}");
            let args = [organization, Arg::Text(&map.name), Arg::Text(key), Arg::Text(entry::UNREADABLE)];
            connection.execute(&flag, &args).await?;
        }
        let gone = "delete from outbox where organization_id = $1 and map_table = $2 and key = $3";
        connection.execute(gone, &[organization, Arg::Text(table), Arg::Text(key)]).await?;
    }
    connection.commit().await
}
