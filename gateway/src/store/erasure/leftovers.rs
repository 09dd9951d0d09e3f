//! What is left of an erasure once it has committed: files and objects, and on SQLite the pages that the rows were in. Each step
//! can be done again, so whoever comes next goes on where a process was killed.

use std::time::Duration;

use consent::OrganizationId;

use super::ErasureError;
use crate::audit::heads::Signer;
use crate::store::Store;
use crate::store::alert::{self, Alert};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;

/// How long readers may keep the log of an SQLite file from being emptied.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is tried.
const AGAIN: Duration = Duration::from_millis(100);

impl Store {
    /// Every organization of the database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn organizations(&self) -> Result<Vec<OrganizationId>, ErasureError> {
        Ok(organizations(self.core()).await?)
    }

    /// Makes the journal in this process's data directory the database's, unless another one is (`anew`: even then). False where
    /// another one stays it: what is erased or revoked through that one is unknown here.
    ///
    /// # Errors
    /// The key cannot be read, or the database does not answer.
    pub async fn claim_journal(&self, anew: bool) -> Result<bool, ErasureError> {
        let failed = |error: std::io::Error| ErasureError::Failed(format!("the key that signs the journal: {error}"));
        let own = Signer::open(self.core().journal.data_dir()).map_err(failed)?.name;
        let mut connection = self.core().pools.writer().await?;
        let condition = if anew { "journal is null or journal <> $1" } else { "journal is null" };
        let sql = format!("update database_identity set journal = $1 where {condition}");
        connection.execute(&sql, &[Arg::Text(&own)]).await?;
        let row = connection.fetch_optional("select journal from database_identity", &[]).await?;
        Ok(row.is_some_and(|row| row.text(0) == Some(&*own)))
    }

    /// Finishes erasures that have committed: what they left in files goes, and they are done. What cannot be removed now stays
    /// noted. True where nothing is left.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn finish_erasures(&self) -> Result<bool, ErasureError> {
        let core = self.core();
        let mut finished = true;
        for organization in organizations(core).await? {
            finished &= finish(core, organization).await?;
        }
        Ok(finished)
    }
}

/// Every organization of the database.
async fn organizations(core: &Core) -> Result<Vec<OrganizationId>, DbError> {
    let rows = core.pools.reader().await?.fetch("select id from gateway_organizations order by id", &[]).await?;
    Ok(rows.iter().filter_map(|row| row.int(0)).map(OrganizationId).collect())
}

async fn finish(core: &Core, organization: OrganizationId) -> Result<bool, ErasureError> {
    let mut connection = core.pools.lone().await?;
    connection.begin_read(Some(organization.0)).await?;
    let args = [Arg::Int(organization.0)];
    let erased = "select id from purges where organization_id = $1 and state = 'erased' order by id";
    let erased = connection.fetch(erased, &args).await?;
    let content = "select purge, kind, name from erased_content where organization_id = $1 order by purge, kind, name";
    let content = connection.fetch(content, &args).await?;
    connection.end_read().await?;
    let mut left = false;
    for row in &content {
        let (purge, kind, name) =
            (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default());
        if let Err(error) = core.contents.erase(kind == "object", name).await {
            tracing::error!(%error, "content of an erased record cannot be removed now");
            left = true;
            continue;
        }
        let sql = "delete from erased_content where organization_id = $1 and purge = $2 and kind = $3 and name = $4";
        let args = [Arg::Int(organization.0), Arg::Text(purge), Arg::Text(kind), Arg::Text(name)];
        own(&mut connection, organization, sql, &args).await?;
    }
    if left || erased.is_empty() {
        return Ok(!left);
    }
    match scrub(&mut connection).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::error!(
                "readers keep the log of the database from being emptied: it is tried again at the next start"
            );
            return Ok(false);
        }
        // No room for a second copy, say: what is erased is erased, and free pages keep nobody from reading the rest.
        Err(error) => {
            tracing::error!(%error, "free pages of the database still hold what was erased: it is tried again at the next start");
            return Ok(false);
        }
    }
    for id in erased.iter().filter_map(|row| row.text(0)) {
        let sql = "update purges set state = 'done' where organization_id = $1 and id = $2 and state = 'erased'";
        let told = Alert::new(alert::Kind::ErasureDone, id, core.clock.now_ms()).naming("purge", id);
        connection.begin_write(Some(organization.0)).await?;
        connection.execute(sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
        alert::tell(&mut connection, organization, &core.told.id(), &told).await?;
        connection.commit().await?;
        core.told.wake();
    }
    Ok(true)
}

/// One statement in a transaction of our own.
async fn own(
    connection: &mut Connection,
    organization: OrganizationId,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<(), DbError> {
    connection.begin_write(Some(organization.0)).await?;
    connection.execute(sql, args).await?;
    connection.commit().await
}

/// Takes deleted bytes out of the files of the database; false where somebody kept us from it.
async fn scrub(connection: &mut Connection) -> Result<bool, DbError> {
    for sql in dialect::scrub(connection.engine()) {
        connection.script(sql).await?;
    }
    let Some(sql) = dialect::empty_log(connection.engine()) else { return Ok(true) };
    let since = tokio::time::Instant::now();
    loop {
        // The first column says whether somebody reads what is still in the log.
        let busy = connection.fetch_optional(sql, &[]).await?.is_none_or(|row| row.int(0) != Some(0));
        if !busy {
            return Ok(true);
        }
        if since.elapsed() > PATIENCE {
            return Ok(false);
        }
        tokio::time::sleep(AGAIN).await;
    }
}
