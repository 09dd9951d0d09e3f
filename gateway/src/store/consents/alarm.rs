//! The alarm behind reads under Consents: what SQL showed is decided once more, by the function, from the Consents' own text and in
//! the same snapshot. If it denies anything, nobody is answered, and an incident is recorded: a filter behind the first one would
//! hide that the first is broken.
//!
//! That takes five statements, so not every answer is looked at, but one in so many (`serve --consent-alarm`); tests look at all.

use std::sync::atomic::{AtomicU32, Ordering};

use consent::{Permit, Predicate};

use super::stored::are_of_the_law;
use crate::store::Store;
use crate::store::connection::DbError;
use crate::store::error::StoreError;
use crate::store::incident::Kind;
use crate::store::reading::Reading;

/// One in so many answers is looked at, unless somebody says otherwise.
pub const EVERY: u32 = 64;

/// When it is due.
#[derive(Debug)]
pub(crate) struct Alarm {
    every: AtomicU32,
    answers: AtomicU32,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { every: AtomicU32::new(EVERY), answers: AtomicU32::new(0) }
    }
}

impl Alarm {
    /// Whether the next answer is one that is looked at; the first one is.
    fn is_due(&self) -> bool {
        let every = self.every.load(Ordering::Relaxed);
        every > 0 && self.answers.fetch_add(1, Ordering::Relaxed).is_multiple_of(every)
    }
}

impl Store {
    /// Looks at one in so many answers; at none for 0.
    pub fn sound_alarm_every(&self, answers: u32) {
        self.core().alarm.every.store(answers, Ordering::Relaxed);
    }

    /// Whether the answer that is being made is one that is looked at.
    pub(crate) fn alarm_is_due(&self, permit: &Permit) -> bool {
        matches!(permit.predicate(), Predicate::Consents(_)) && self.core().alarm.is_due()
    }

    /// Decides once more on rows whose current versions a reader is about to be shown, in the snapshot that they were read in.
    ///
    /// # Errors
    /// [`StoreError::Invariant`]: the decision permits less than SQL shows.
    pub(crate) async fn confirm_shown(
        &self,
        permit: &Permit,
        reading: &mut Reading,
        rids: &[i64],
    ) -> Result<(), StoreError> {
        let Predicate::Consents(asked) = permit.predicate() else { return Ok(()) };
        // While rules are made under another table of law, what proxies permit is not yet what the function says.
        let settled = are_of_the_law(reading.connection(), permit.organization()).await;
        if !settled.map_err(DbError::into_store_error)? {
            return Ok(());
        }
        let denied = self.denied(reading.connection(), permit, asked, rids).await?;
        if denied == 0 {
            return Ok(());
        }
        tracing::error!(denied, "consent: what SQL shows is not what the decision permits");
        self.record_incident(permit, Kind::AlarmBehindRead, &[("resources", denied)]).await?;
        Err(StoreError::Invariant("SQL shows what the decision denies"))
    }
}
