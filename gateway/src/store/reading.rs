//! A consistent view for reading, limited to the permit's organization.

use consent::Permit;

use crate::store::Store;
use crate::store::connection::{Arg, Connection, Engine, Row};
use crate::store::error::StoreError;

/// A read-only transaction.
///
/// On SQLite a single statement is its own snapshot and nothing is begun: one statement per `Reading` there.
pub(crate) struct Reading {
    connection: Connection,
}

impl Store {
    /// Begins reading under a permit.
    pub(crate) async fn reading(&self, permit: &Permit) -> Result<Reading, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        if connection.engine() == Engine::Postgres {
            connection.begin_read(Some(permit.organization().0)).await?;
        }
        Ok(Reading { connection })
    }
}

impl Reading {
    /// Runs a query.
    pub(crate) async fn fetch(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(self.connection.fetch(sql, args).await?)
    }

    /// Runs a query of at most one row.
    pub(crate) async fn fetch_optional(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.connection.fetch_optional(sql, args).await?)
    }

    /// Ends it.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.connection.engine() == Engine::Postgres {
            self.connection.commit().await?;
        }
        Ok(())
    }
}
