//! The store: clinical data behind permits, on SQLite and PostgreSQL alike.
//!
//! Everything here that touches clinical data takes a [`consent::Permit`]; the permit names the organization (row-level
//! security) and carries the predicate that every plan applies.

pub mod accounts;
mod addresses;
pub mod alert;
pub(crate) mod alone;
mod apply;
mod basis;
mod batch;
pub mod bulk;
pub mod checkpoint;
pub mod clients;
pub(crate) mod condition;
pub mod connection;
mod consents;
pub mod content;
mod core;
mod custom;
mod derive;
pub(crate) mod derived;
pub mod dialect;
mod drain;
mod emit;
mod entry;
pub mod erasure;
pub mod error;
mod health;
mod history;
pub mod incident;
mod index;
pub(crate) use index::{key as index_key, start_of};
pub mod introspect;
pub(crate) mod journal;
mod judge;
pub mod labelling;
pub mod migrate;
pub mod normalizing;
mod open;
mod place;
pub mod pools;
pub(crate) mod provenance;
pub mod providers;
mod quality;
mod read;
mod reading;
mod referrers;
mod rows;
mod sealed;
mod search;
pub mod security;
pub mod signing_keys;
mod statistics;
pub mod statutes;
mod transaction;
pub mod triggers;
pub mod types;
mod verify;

use std::sync::Arc;

use consent::Permit;

pub use checkpoint::Checkpoint;
pub(crate) use clients::secret::random;
pub use consents::{ALARM_EVERY, ActsFor, explain, glass, report};
pub use content::ContentOptions;
pub use custom::ParameterReport;
pub use error::{ChangeError, ChangeRefusal, StoreError};
pub use open::{OpenError, StoreOptions};
pub use quality::{Finding, QualityReport};
pub use search::Labels;
pub use transaction::Transaction;
pub use types::{
    Attached, Basis, Change, Changed, Found, History, HistoryKey, HistoryPage, Method, Note, Operation, Outcome,
    ResourceKey, SearchKey, SearchPage, SearchPlace, SearchRequest, Set, Version,
};
pub use verify::{MapReport, VerifyReport, WriteBack};

use crate::metrics::StoreSeries;
use crate::store::batch::{Batcher, Unit};
use crate::store::connection::Engine;
use crate::store::core::Core;
use crate::store::pools::Connections;

/// A handle on the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    core: Arc<Core>,
    batcher: Batcher,
}

impl Store {
    /// The shared parts.
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// Applies a set of changes, all of it or nothing, together with other sets that arrive at the same time.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] names the change at fault; nothing of the set was applied.
    pub async fn submit(&self, permit: &Permit, set: impl Into<Set>) -> Result<Vec<Changed>, ChangeError> {
        self.batcher.submit(Unit::new(permit.clone(), set.into(), None)).await
    }

    /// As [`Store::submit`], with a mark of progress that commits with the changes.
    ///
    /// # Errors
    /// As [`Store::submit`].
    pub async fn submit_checkpointed(
        &self,
        permit: &Permit,
        set: impl Into<Set>,
        checkpoint: Checkpoint,
    ) -> Result<Vec<Changed>, ChangeError> {
        self.batcher.submit(Unit::new(permit.clone(), set.into(), Some(checkpoint))).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.core.pools.reader().await?;
        connection.fetch_optional("select 1", &[]).await?;
        Ok(())
    }

    /// What operators see of writes.
    pub(crate) fn series(&self) -> &StoreSeries {
        &self.core.series
    }

    /// The pools by their names, as they are now.
    pub(crate) fn connections(&self) -> [(&'static str, Connections); 2] {
        self.core.pools.connections()
    }

    /// What the engine is called.
    pub(crate) fn engine_name(&self) -> &'static str {
        match self.core.pools.engine() {
            Engine::Postgres => "postgresql",
            Engine::Sqlite => "sqlite",
        }
    }

    /// Closes all connections once what is under way is done.
    pub async fn close(&self) {
        self.core.registry.close();
        self.core.pools.close().await;
    }
}
