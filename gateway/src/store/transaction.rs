//! One database transaction for an interaction that must look before it writes: conditional create, update and delete,
//! and transaction bundles with conditions.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use consent::Permit;
use mappers::search::{Results, Search};
use tokio::sync::OwnedSemaphorePermit;

use crate::store::Store;
use crate::store::alert::{self, Alert};
use crate::store::apply::{self, Abort, Lessons, Verdict};
use crate::store::batch::{self, Unit};
use crate::store::checkpoint::Checkpoint;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::consents::glass::{self, Breaking, Broken};
use crate::store::consents::redaction;
use crate::store::content::Staged;
use crate::store::core::Core;
use crate::store::error::{ChangeError, StoreError};
use crate::store::search::ids;
use crate::store::types::{Changed, Found, Set, Version};
use crate::store::{custom, drain, normalizing, read, statistics};

/// How often a transaction that collided is tried again.
const TRIES: usize = 8;

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
    asked: Vec<Asked>,
    broken: Option<(Breaking, Broken)>,
    /// Given back when all is done.
    _turn: OwnedSemaphorePermit,
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
        open(&self.core, &mut connection, permit, conditions).await?;
        Ok(Transaction {
            connection,
            core: Arc::clone(&self.core),
            permit: permit.clone(),
            conditions,
            asked: Vec::new(),
            broken: None,
            _turn: turn,
        })
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
        custom::confirm_writing(&self.core, &self.permit, &search.custom, &mut self.connection).await?;
        let query = ids(&self.core, &self.permit, search, limit);
        let rows = self.connection.fetch(query.sql(), &query.args()).await?;
        let found: Vec<Box<str>> = rows.iter().filter_map(|row| row.text(2)).map(Into::into).collect();
        self.asked.push(Asked { search: search.clone(), limit, found: found.clone(), to_change: false });
        Ok(found)
    }

    /// As [`Transaction::find`], for what is to be changed: until the transaction ends nobody else changes what was found.
    /// Whoever was at it before is waited for, and what came of that need not match any more.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer, or the matches do not come to rest.
    pub async fn find_to_change(&mut self, search: &Search, limit: usize) -> Result<Vec<Box<str>>, StoreError> {
        let mut found = self.find(search, limit).await?;
        // SQLite has one writer, and this is it.
        if self.connection.engine() == Engine::Sqlite {
            return Ok(found);
        }
        for _ in 0..TRIES {
            if found.is_empty() {
                return Ok(found);
            }
            self.lock(search, &found).await?;
            self.asked.pop();
            let now = self.find(search, limit).await?;
            if now == found {
                if let Some(asked) = self.asked.last_mut() {
                    asked.to_change = true;
                }
                return Ok(found);
            }
            found = now;
        }
        Err(StoreError::Contention)
    }

    /// Locks resources, always in one order.
    async fn lock(&mut self, search: &Search, ids: &[Box<str>]) -> Result<(), StoreError> {
        let Some(kind) = search.kinds.first() else { return Ok(()) };
        let ids: Vec<Option<&str>> = ids.iter().map(|id| Some(&**id)).collect();
        let sql = "select rid from directory where organization_id = $1 and type = $2 and id = any($3::text[]) \
                   order by rid for update";
        let organization = Arg::Int(self.permit.organization().0);
        self.connection.fetch(sql, &[organization, Arg::Text(kind), Arg::Texts(&ids)]).await?;
        Ok(())
    }

    /// Breaks the glass, or finds it broken, once the transaction commits.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn break_glass(&mut self, breaking: &Breaking) -> Result<Broken, StoreError> {
        let organization = self.permit.organization();
        let broken = glass::break_it(&mut self.connection, organization, breaking).await?;
        if let Broken::Open(opened) = &broken
            && opened.fresh
        {
            let told = Alert::new(alert::Kind::GlassBroken, &opened.id, opened.opened_ms).naming("grant", &opened.id);
            let told = told.until(opened.expires_ms);
            alert::tell(&mut self.connection, organization, &self.core.told.id(), &told).await?;
        }
        self.broken = Some((breaking.clone(), broken.clone()));
        Ok(broken)
    }

    /// The current state of a resource, as this transaction sees it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn read(&mut self, kind: &str, id: &str) -> Result<Found, StoreError> {
        let query = read::narrowed(&self.permit, kind, id, None, self.connection.engine());
        let row = self.connection.fetch_optional(&query.sql, &query.args).await?;
        let row = row.ok_or(StoreError::Invariant("the read probe gave no row"))?;
        let mut found = read::found(&self.core, &self.permit, kind, id, &row)?;
        let mut shown = Vec::from_iter(read::read(&row, &mut found));
        normalizing::show(&self.core, &self.permit, &mut self.connection, &mut shown).await?;
        let mut versions: Vec<&mut Version> = shown.iter_mut().map(|(_, version)| &mut **version).collect();
        redaction::redact(&self.core, &self.permit, &mut self.connection, &mut versions).await?;
        Ok(found)
    }

    /// Applies the changes and commits.
    ///
    /// # Errors
    /// [`ChangeError::Refused`] names the change at fault; nothing was applied.
    pub async fn apply(self, set: impl Into<Set>) -> Result<Vec<Changed>, ChangeError> {
        let permit = self.permit.clone();
        self.finish(Unit::new(permit, set.into(), None)).await
    }

    /// As [`Transaction::apply`], with a mark of progress that commits with the changes.
    ///
    /// # Errors
    /// As [`Transaction::apply`].
    pub async fn apply_checkpointed(
        self,
        set: impl Into<Set>,
        checkpoint: Checkpoint,
    ) -> Result<Vec<Changed>, ChangeError> {
        let permit = self.permit.clone();
        self.finish(Unit::new(permit, set.into(), Some(checkpoint))).await
    }

    /// Applies and commits; what collides on the way is tried again, as long as the conditions find what they found.
    async fn finish(mut self, unit: Unit) -> Result<Vec<Changed>, ChangeError> {
        let mut lessons = Lessons::default();
        let mut last = StoreError::Contention;
        let core = Arc::clone(&self.core);
        let staged = core.contents.stage(&core, &[&unit]).await?;
        for _ in 0..TRIES {
            let attempted = self.attempt(&unit, &lessons, &staged).await;
            if attempted.is_err() {
                staged.try_again();
            }
            let abort = match attempted {
                Ok(changed) => return Ok(changed),
                Err(Abort::Refused { index, reason, .. }) => return Err(ChangeError::Refused { index, reason }),
                Err(abort) => abort,
            };
            self.connection.rollback_if_open().await;
            match abort {
                Abort::Overflow(changes) => lessons.avoid(changes),
                Abort::Clash(keys) => {
                    let organization = self.permit.organization();
                    batch::release(&self.core, &mut self.connection, organization, &keys).await?;
                }
                Abort::Database(error) if error.is_misfit() => {
                    lessons.misfit(&error);
                    last = error.into_store_error();
                }
                Abort::Database(error) if error.is_lock_timeout() => return Err(error.into_store_error().into()),
                Abort::Database(error) if error.is_retryable() => last = error.into_store_error(),
                Abort::Database(error) => return Err(error.into_store_error().into()),
                Abort::Refused { .. } => {}
            }
            self.again().await?;
        }
        Err(last.into())
    }

    async fn attempt(&mut self, unit: &Unit, lessons: &Lessons, staged: &Staged<'_>) -> Result<Vec<Changed>, Abort> {
        let rids = self.core.rids_of_a_transaction();
        let organization = self.permit.organization();
        let mut verdicts =
            apply::apply(&self.core, &mut self.connection, organization, &[unit], &[None], lessons).await?;
        match verdicts.pop() {
            Some(Verdict::Settled(Ok(changed))) => {
                staged.commit(&self.core, &mut self.connection).await?;
                if apply::define(&[unit]) {
                    self.core.registry.committed(organization);
                }
                rids.committed();
                if self.broken.is_some() {
                    self.core.told.wake();
                }
                statistics::grew(&self.core, changed.len());
                Ok(changed)
            }
            Some(Verdict::Settled(Err(ChangeError::Refused { index, reason }))) => {
                self.connection.rollback_if_open().await;
                Err(Abort::Refused { unit: 0, index, reason })
            }
            _ => Err(Abort::Database(DbError::fault("a lone set was put off"))),
        }
    }

    /// Opens the transaction once more, after it was rolled back, and asks the same conditions.
    async fn again(&mut self) -> Result<(), StoreError> {
        open(&self.core, &mut self.connection, &self.permit, self.conditions).await?;
        if let Some((breaking, before)) = self.broken.take()
            && self.break_glass(&breaking).await? != before
        {
            return Err(StoreError::Contention);
        }
        for asked in std::mem::take(&mut self.asked) {
            let found = if asked.to_change {
                self.find_to_change(&asked.search, asked.limit).await?
            } else {
                self.find(&asked.search, asked.limit).await?
            };
            if found != asked.found {
                return Err(StoreError::Contention);
            }
        }
        Ok(())
    }
}

/// A condition and what it found.
struct Asked {
    search: Search,
    limit: usize,
    found: Vec<Box<str>>,
    /// What was found is held.
    to_change: bool,
}

/// Settles what is pending, begins, and takes the organization's lock.
async fn open(
    core: &Core,
    connection: &mut Connection,
    permit: &Permit,
    conditions: Conditions,
) -> Result<(), StoreError> {
    drain::begin(core, connection, permit.organization()).await?;
    if connection.engine() == Engine::Postgres {
        let lock = match conditions {
            Conditions::One => "select pg_advisory_xact_lock_shared($1)",
            Conditions::Many => "select pg_advisory_xact_lock($1)",
        };
        // Whoever has the lock may be at a large bundle.
        connection.script("set local lock_timeout = 20000").await?;
        // Negative: never the number of a condition.
        connection.execute(lock, &[Arg::Int(-1 - permit.organization().0)]).await?;
    }
    Ok(())
}

/// One number for one condition in one organization. A clash only makes two conditions wait for each other.
fn lock_number(permit: &Permit, search: &Search) -> i64 {
    let mut hasher = DefaultHasher::new();
    permit.organization().0.hash(&mut hasher);
    mappers::search::canonical(search, &Results::default()).hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or_default()
}
