//! One database transaction for an interaction that must look before it writes: conditional create, update and delete,
//! and transaction bundles with conditions.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use consent::{OrganizationId, Permit};
use mappers::search::{Results, Search};
use tokio::sync::OwnedSemaphorePermit;

use crate::store::Store;
use crate::store::apply::{self, Abort, Tables, Verdict};
use crate::store::batch::Unit;
use crate::store::checkpoint::Checkpoint;
use crate::store::connection::{Arg, Connection, Engine};
use crate::store::core::Core;
use crate::store::{dialect, drain};
use crate::store::error::{ChangeError, StoreError};
use crate::store::search::{Order, plan};
use crate::store::types::{Change, Changed};

/// How many conditions a transaction looks for. Equal conditions must wait for each other (SQLite has one writer and needs
/// nothing more). A transaction with one condition shares the organization's lock and locks its condition; one with many
/// has the organization's lock alone, so that two of them never wait for each other in a circle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Conditions {
    Many,
    One,
}

/// An open transaction. Dropping it rolls back.
pub struct Transaction {
    connection: Connection,
    core: Arc<Core>,
    permit: Permit,
    conditions: Conditions,
    turn: OwnedSemaphorePermit,
}

impl Store {
    /// Begins a transaction under a permit. On SQLite it holds the one writer until it ends.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn begin(&self, permit: &Permit) -> Result<Transaction, StoreError> {
        self.begin_with(permit, Conditions::One).await
    }

    /// As [`Store::begin`], for a transaction that looks for more than one condition.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin_many(&self, permit: &Permit) -> Result<Transaction, StoreError> {
        self.begin_with(permit, Conditions::Many).await
    }

    async fn begin_with(&self, permit: &Permit, conditions: Conditions) -> Result<Transaction, StoreError> {
        let turn = Arc::clone(&self.core.turns).acquire_owned().await.map_err(|_| StoreError::Unavailable)?;
        let mut connection = self.core.pools.writer().await?;
        drain::settle(&self.core, &mut connection, permit.organization()).await?;
        connection.begin_write(Some(permit.organization().0)).await?;
        if connection.engine() == Engine::Postgres {
            let lock = match conditions {
                Conditions::One => "select pg_advisory_xact_lock_shared($1)",
                Conditions::Many => "select pg_advisory_xact_lock($1)",
            };
            // Negative: never the number of a condition.
            connection.execute(lock, &[Arg::Int(-1 - permit.organization().0)]).await?;
        }
        Ok(Transaction { connection, core: Arc::clone(&self.core), permit: permit.clone(), conditions, turn })
    }
}

impl Transaction {
    /// Ids of at most `limit` matches. Equal conditions of one type wait for each other until their transactions end, so
    /// that of two simultaneous conditional creates one finds what the other made.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn find(&mut self, search: &Search, limit: usize) -> Result<Vec<Box<str>>, StoreError> {
        if self.connection.engine() == Engine::Postgres && self.conditions == Conditions::One {
            let lock = [Arg::Int(lock_number(&self.permit, search))];
            self.connection.execute("select pg_advisory_xact_lock($1)", &lock).await?;
        }
        let query = plan(&self.core, &self.permit, search, &Order::ids(limit));
        let rows = self.connection.fetch(&query.sql, &query.args).await?;
        Ok(rows.iter().filter_map(|row| row.text(2)).map(Into::into).collect())
    }

    /// Applies the changes and commits.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] names the change at fault; nothing was applied.
    pub async fn apply(self, changes: Vec<Change>) -> Result<Vec<Changed>, ChangeError> {
        let permit = self.permit.clone();
        self.finish(Unit { permit, changes, checkpoint: None }).await
    }

    /// As [`Transaction::apply`], with a mark of progress that commits with the changes.
    ///
    /// # Errors
    /// As [`Transaction::apply`].
    pub async fn apply_checkpointed(
        self,
        changes: Vec<Change>,
        checkpoint: Checkpoint,
    ) -> Result<Vec<Changed>, ChangeError> {
        let permit = self.permit.clone();
        self.finish(Unit { permit, changes, checkpoint: Some(checkpoint) }).await
    }

    async fn finish(self, unit: Unit) -> Result<Vec<Changed>, ChangeError> {
        let Self { mut connection, core, permit, turn, .. } = self;
        // Given back when all is done.
        let _turn = turn;
        let organization = permit.organization();
        let attempt = attempt(&core, &mut connection, organization, &unit).await;
        let verdict = match attempt {
            Ok(mut verdicts) => verdicts.pop(),
            Err(Abort::Refused { index, reason, .. }) => Some(Verdict::Settled(Err(ChangeError::Refused { index, reason }))),
            Err(Abort::Again | Abort::Overflow(_)) => Some(Verdict::Settled(Err(StoreError::Contention.into()))),
            Err(Abort::Database(error)) => {
                core.forget_rids();
                return Err(error.into_store_error().into());
            }
        };
        match verdict {
            Some(Verdict::Settled(Ok(changed))) => {
                if let Err(error) = connection.commit().await {
                    core.forget_rids();
                    return Err(error.into_store_error().into());
                }
                Ok(changed)
            }
            Some(Verdict::Settled(Err(error))) => {
                core.forget_rids();
                connection.rollback().await.map_err(StoreError::from)?;
                Err(error)
            }
            _ => Err(StoreError::Invariant("a lone set was put off").into()),
        }
    }
}

/// Applies within a savepoint, again and again while tables refuse resources that others refer to.
async fn attempt(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    unit: &Unit,
) -> Result<Vec<Verdict>, Abort> {
    const TRIES: usize = 8;
    let mut overflowed = HashSet::new();
    for _ in 0..TRIES {
        connection.script(&dialect::savepoint("changes")).await?;
        let tables = Tables::UseExcept(overflowed.clone());
        match apply::apply(core, connection, organization, &[unit], &[None], &tables).await {
            Err(Abort::Overflow(changes)) => overflowed.extend(changes),
            other => return other,
        }
        connection.script(&dialect::rollback_to("changes")).await?;
        core.forget_rids();
    }
    Err(Abort::Again)
}

/// One number for one condition in one organization. A clash only makes two conditions wait for each other.
fn lock_number(permit: &Permit, search: &Search) -> i64 {
    let mut hasher = DefaultHasher::new();
    permit.organization().0.hash(&mut hasher);
    mappers::search::canonical(search, &Results::default()).hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or_default()
}
