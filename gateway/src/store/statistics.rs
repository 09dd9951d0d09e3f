//! The planner's statistics on PostgreSQL, kept near the truth while tables grow.
//!
//! Autovacuum looks once a minute. A table that has grown from nothing in that minute is planned as if every condition
//! left one row, and searches then take seconds that should take milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Store;
use crate::store::connection::{Connection, Engine};
use crate::store::core::Core;

/// Resources written before the statistics are taken for the first time.
const FIRST: u64 = 200;
/// After that many times as many they are taken again.
const FACTOR: u64 = 4;

/// How far this process has made the tables grow.
#[derive(Debug)]
pub(crate) struct Growth {
    written: AtomicU64,
    next: AtomicU64,
}

impl Default for Growth {
    fn default() -> Self {
        Self { written: AtomicU64::new(0), next: AtomicU64::new(FIRST) }
    }
}

impl Growth {
    /// Counts what was written; true when the statistics are due, for one caller only.
    fn is_due(&self, resources: u64) -> bool {
        let written = self.written.fetch_add(resources, Ordering::Relaxed) + resources;
        let next = self.next.load(Ordering::Relaxed);
        let later = written.saturating_mul(FACTOR);
        written >= next && self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Counts resources that were written and takes the statistics in the background when they are due.
pub(crate) fn grew(core: &Arc<Core>, resources: usize) {
    if core.pools.engine() == Engine::Sqlite || !core.growth.is_due(resources as u64) {
        return;
    }
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let taken = async {
            let mut connection = core.pools.writer().await?;
            connection.execute("select fhir_gateway.refresh_statistics()", &[]).await
        };
        if let Err(error) = taken.await {
            tracing::warn!(%error, "the planner's statistics could not be taken");
        }
    });
}

/// Takes the statistics of tables that have outgrown them, if there are any: before a transaction on many rows, with no
/// transaction open. Where that fails the work goes on: it is only slower.
pub(crate) async fn keep_up(connection: &mut Connection) {
    if connection.engine() == Engine::Sqlite {
        return;
    }
    if let Err(error) = connection.execute("select fhir_gateway.refresh_outgrown_statistics()", &[]).await {
        tracing::warn!(%error, "the planner's statistics could not be taken");
    }
}

impl Store {
    /// Takes the statistics now: at the end of a load, so that the first searches after it are planned for what is there.
    pub async fn take_statistics(&self) {
        if self.core().pools.engine() == Engine::Sqlite {
            return;
        }
        let taken = async {
            let mut connection = self.core().pools.writer().await?;
            connection.execute("select fhir_gateway.refresh_statistics()", &[]).await
        };
        if let Err(error) = taken.await {
            tracing::warn!(%error, "the planner's statistics could not be taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_due_at_growing_distances() {
        let growth = Growth::default();
        assert!(!growth.is_due(199));
        assert!(growth.is_due(1));
        assert!(!growth.is_due(599));
        assert!(growth.is_due(1));
        assert!(!growth.is_due(2399));
        assert!(growth.is_due(1));
    }
}
