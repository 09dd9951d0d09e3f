//! A consistent view for reading, limited to the permit's organization.

use consent::{Permit, Predicate};

use crate::store::Store;
use crate::store::basis;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, Engine, Row};
use crate::store::consents;
use crate::store::consents::predicate::Span;
use crate::store::error::StoreError;
use crate::store::normalizing;
use crate::store::types::Version;

/// A read-only transaction.
///
/// On SQLite a single statement is its own snapshot and nothing is begun: one statement per [`Store::reading`] there, any
/// number in a [`Store::snapshot`].
pub(crate) struct Reading {
    connection: Connection,
    begun: bool,
}

impl Store {
    /// Begins reading under a permit.
    pub(crate) async fn reading(&self, permit: &Permit) -> Result<Reading, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let begun = connection.engine() == Engine::Postgres;
        if begun {
            connection.begin_read(Some(permit.organization().0)).await?;
        }
        Ok(Reading { connection, begun })
    }

    /// Begins reading by any number of statements that see one state, with what other programs did until now.
    pub(crate) async fn snapshot(&self, permit: &Permit) -> Result<Reading, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        if connection.begin_read_asking(organization.0).await? {
            connection.rollback().await?;
            drop(connection);
            self.drain(organization).await?;
            connection = self.core().pools.reader().await?;
            connection.begin_read(Some(organization.0)).await?;
            if matches!(permit.predicate(), Predicate::Consents(_))
                && consents::are_waiting(self.core(), &mut connection, organization).await?
            {
                // Nobody is answered by Consents that are known to be old.
                connection.rollback().await?;
                return Err(StoreError::Unavailable);
            }
        }
        Ok(Reading { connection, begun: true })
    }
}

impl Reading {
    /// The connection, for what takes one.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs a query.
    pub(crate) async fn fetch(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>, StoreError> {
        Ok(self.connection.fetch(sql, args).await?)
    }

    /// Runs a query of at most one row.
    pub(crate) async fn fetch_optional(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.connection.fetch_optional(sql, args).await?)
    }

    /// Runs a query by many row ids; `{keys}` in it stands for a table `k` of them.
    pub(crate) async fn fetch_by_rids(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        rids: &[i64],
    ) -> Result<Vec<Row>, StoreError> {
        let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
        Ok(bulk::fetch_by_keys(&mut self.connection, sql, args, &[("rid", BulkType::Int)], &keys).await?)
    }

    /// Makes what was read in it fit to be shown: without what it says of what is hidden, and with the
    /// notice that goes along; and where Consents are not applied, with
    /// what they would have come to.
    pub(crate) async fn show(
        &mut self,
        store: &Store,
        permit: &Permit,
        span: Span,
        mut read: Vec<(i64, &mut Version)>,
    ) -> Result<(), StoreError> {
        // Concepts are counted in what is stored.
        normalizing::show(store.core(), permit, &mut self.connection, &mut read).await?;
        let mut versions: Vec<&mut Version> = read.iter_mut().map(|(_, version)| &mut **version).collect();
        consents::redaction::redact(store.core(), permit, &mut self.connection, &mut versions).await?;
        consents::notice::give(store, permit, &mut self.connection, &mut read).await?;
        Ok(basis::observe(permit, span, &mut self.connection, read).await?)
    }

    /// Ends it. Nobody waits for that: what was read is read, and a connection that cannot end it is closed.
    pub(crate) fn finish(mut self) {
        if self.begun {
            tokio::spawn(async move { self.connection.end_read().await });
        }
    }
}
