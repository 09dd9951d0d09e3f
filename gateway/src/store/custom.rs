//! Search parameters of organizations' own: what is in force, for those who write and those who search.
//!
//! Definitions are kept in `search_parameters`; `search_registry` counts their changes. Every process keeps what it knows, by
//! organization. A transaction that writes learns of the count in the round trip that begins it, so that every row it writes
//! is indexed by what is in force. A search reads by what its process knows, asks whether that still holds within its own
//! snapshot where it uses such a parameter, and asks anew before a name is refused: searches that use none ask nothing.
//!
//! Transactions that write hold the registry's table in a weak mode, the work on index rows ([`job`]) in one that excludes
//! them: so the work sees no row half written, and nobody writes by definitions that are older than the work.

pub(crate) mod desk;
mod job;
mod positions;
mod report;
mod stored;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use consent::{OrganizationId, Permit};
use mappers::search::Custom;
use mappers::search::custom::{Definition, Parameter, State};
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::store::Store;
use crate::store::alone::organizations_of;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::normalizing::{self, Normalizing};
use crate::store::reading::Reading;

pub use report::ParameterReport;

/// What a process knows of the definitions, and whether there is work for it.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: RwLock<HashMap<i64, Known>>,
    /// A settlement that changes definitions is under way.
    settled: AtomicBool,
    /// There may be rows to index or to remove.
    work: Notify,
    /// The store closes: no more of it.
    closing: AtomicBool,
}

/// What a process knows of one organization's.
#[derive(Clone, Debug, Default)]
struct Known {
    in_force: InForce,
    /// Nobody has said since that there is something newer. What is not fresh is kept all the same: a transaction that began
    /// by it is under way, and what it writes must be indexed.
    fresh: bool,
}

/// What an organization has beside what is built in.
#[derive(Clone, Debug, Default)]
pub(crate) struct InForce {
    /// Search parameters.
    pub(crate) custom: Arc<Custom>,
    /// What its codes mean, and what becomes of that.
    pub(crate) normalizing: Arc<Normalizing>,
}

impl Registry {
    /// The parameters in force, as far as this process knows; within a transaction that writes, exactly.
    pub(crate) fn known(&self, organization: OrganizationId) -> Arc<Custom> {
        self.in_force(organization).custom
    }

    /// All that is in force, as far as this process knows; within a transaction that writes, exactly.
    pub(crate) fn in_force(&self, organization: OrganizationId) -> InForce {
        self.known.read().get(&organization.0).map(|known| known.in_force.clone()).unwrap_or_default()
    }

    /// All that is in force, of each organization that is known.
    pub(crate) fn any(&self, is_it: impl Fn(&InForce) -> bool) -> bool {
        self.known.read().values().any(|known| is_it(&known.in_force))
    }

    /// Learns what is in force, if that is of another version than is known; in a transaction of any kind.
    pub(crate) async fn learn(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        version: i64,
    ) -> Result<Arc<Custom>, DbError> {
        let known = self.known.read().get(&organization.0).cloned();
        if let Some(known) = known.filter(|known| known.fresh && known.in_force.custom.version() == version) {
            return Ok(known.in_force.custom);
        }
        let parameters = if version == 0 { Vec::new() } else { load(connection, organization).await? };
        if parameters.iter().any(|parameter| parameter.state != State::Ready) {
            self.work.notify_one();
        }
        let normalizing =
            if version == 0 { Normalizing::default() } else { normalizing::load(connection, organization).await? };
        let custom = Arc::new(Custom::new(version, parameters));
        self.keep(organization, InForce { custom: Arc::clone(&custom), normalizing: Arc::new(normalizing) });
        Ok(custom)
    }

    /// Learns what is in force now; in a transaction of any kind.
    pub(crate) async fn learn_now(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
    ) -> Result<(), DbError> {
        let version = version(connection, organization).await?;
        self.learn(connection, organization, version).await.map(drop)
    }

    /// Keeps what was read, but for what is newer: a transaction that began by that may be under way, and a reader whose
    /// snapshot is older must not make it index by less.
    fn keep(&self, organization: OrganizationId, in_force: InForce) {
        let mut known = self.known.write();
        let is_newer = |known: &Known| known.in_force.custom.version() > in_force.custom.version();
        if !known.get(&organization.0).is_some_and(is_newer) {
            known.insert(organization.0, Known { in_force, fresh: true });
        }
    }

    /// There is something newer.
    fn doubt(&self, organization: OrganizationId) {
        if let Some(known) = self.known.write().get_mut(&organization.0) {
            known.fresh = false;
        }
    }

    /// Rows of other programs have changed definitions, in a settlement that is about to commit.
    fn settles(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// A settlement has committed. (Where two run at once the work may be begun a while later: [`job`] looks by itself.)
    pub(crate) fn has_settled(&self, organization: OrganizationId) {
        if self.settled.swap(false, Ordering::AcqRel) {
            self.committed(organization);
        }
    }

    /// Whether the store closes.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// No more work is begun.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.work.notify_one();
    }

    /// A transaction that changes definitions has committed: there is work.
    pub(crate) fn committed(&self, organization: OrganizationId) {
        self.doubt(organization);
        self.work.notify_one();
    }
}

impl Store {
    /// Learns what is in force in every organization: who only reads learns of it no other way.
    ///
    /// # Errors
    /// [`DbError`] where the database does not answer.
    pub async fn learn_in_force(&self) -> Result<(), DbError> {
        let mut connection = self.core().pools.reader().await?;
        for organization in organizations_of(&mut connection).await? {
            connection.begin_read(Some(organization.0)).await?;
            self.core().registry.learn_now(&mut connection, organization).await?;
            connection.commit().await?;
        }
        Ok(())
    }

    /// The organization's own search parameters, as this process knows them.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn search_parameters(&self, permit: &Permit) -> Result<Arc<Custom>, StoreError> {
        let known = self.core().registry.known.read().get(&permit.organization().0).cloned();
        match known.filter(|known| known.fresh) {
            Some(known) => Ok(known.in_force.custom),
            None => self.search_parameters_now(permit).await,
        }
    }

    /// As [`Store::search_parameters`], as they are now in the database: what other processes have changed counts.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn search_parameters_now(&self, permit: &Permit) -> Result<Arc<Custom>, StoreError> {
        let organization = permit.organization();
        let registry = &self.core().registry;
        let is_under_way = |parameter: &Parameter| parameter.state != State::Ready;
        if registry.known(organization).parameters().iter().any(is_under_way) {
            // How far it has come is no new version.
            registry.doubt(organization);
        }
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let version = version(&mut connection, organization).await?;
        let custom = registry.learn(&mut connection, organization, version).await?;
        connection.commit().await?;
        Ok(custom)
    }
}

impl Store {
    /// Whether the parameters that a search uses (see [`mappers::search::Search::custom`]) are still what it took them for.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn parameters_hold(&self, permit: &Permit, numbers: &[i32]) -> Result<bool, StoreError> {
        let mut reading = self.reading(permit).await?;
        let confirmed = confirm(self.core(), permit, numbers, &mut reading).await;
        reading.finish();
        match confirmed {
            Ok(()) => Ok(true),
            Err(StoreError::Stale) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the parameters that a search uses are still what it took them for, as its snapshot has them.
///
/// # Errors
/// [`StoreError::Stale`] where they are not: the search must be read anew.
pub(crate) async fn confirm(
    core: &Core,
    permit: &Permit,
    numbers: &[i32],
    reading: &mut Reading,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (sql, organization) = (ready(numbers), permit.organization());
    let row = reading.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?;
    judge(core, organization, numbers, row.as_ref())
}

/// As [`confirm`], in a transaction that writes.
pub(crate) async fn confirm_writing(
    core: &Core,
    permit: &Permit,
    numbers: &[i32],
    connection: &mut Connection,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (sql, organization) = (ready(numbers), permit.organization());
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?;
    judge(core, organization, numbers, row.as_ref())
}

fn ready(numbers: &[i32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
    format!(
        "select count(*) from search_parameters where organization_id = $1 and state = '{READY}' and number in ({})",
        numbers.join(", ")
    )
}

fn judge(core: &Core, organization: OrganizationId, numbers: &[i32], row: Option<&Row>) -> Result<(), StoreError> {
    let found = row.and_then(|row| row.int(0)).and_then(|count| usize::try_from(count).ok());
    if found == Some(numbers.len()) {
        return Ok(());
    }
    core.registry.doubt(organization);
    Err(StoreError::Stale)
}

const INDEXING: &str = "indexing";
const READY: &str = "ready";
const REMOVING: &str = "removing";

/// What is in force has changed, with the open transaction's commit; who writes after that learns of it.
pub(crate) async fn changed(connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
    let sql = "insert into search_registry (organization_id, version, next) values ($1, 1, 1) \
         on conflict (organization_id) do update set version = search_registry.version + 1";
    connection.execute(sql, &[Arg::Int(organization.0)]).await.map(drop)
}

/// How often the definitions have changed; 0 where there never was one.
async fn version(connection: &mut Connection, organization: OrganizationId) -> Result<i64, DbError> {
    let sql = "select version from search_registry where organization_id = $1";
    let row = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
    Ok(row.and_then(|row| row.int(0)).unwrap_or_default())
}

/// The parameters in force.
async fn load(connection: &mut Connection, organization: OrganizationId) -> Result<Vec<Parameter>, DbError> {
    let sql = "select number, state, percent, definition from search_parameters \
         where organization_id = $1 and state <> $2 order by number";
    let rows = connection.fetch(sql, &[Arg::Int(organization.0), Arg::Text(REMOVING)]).await?;
    let parameter = |row: &Row| {
        let number = row.int(0).and_then(|number| i32::try_from(number).ok())?;
        let state = match row.text(1) {
            Some(READY) => State::Ready,
            _ => State::Indexing(in_tens(row.int(2).unwrap_or_default())),
        };
        Parameter::new(number, state, Definition::from_json(row.text(3)?)?).ok()
    };
    let parameters = rows
        .iter()
        .map(|row| parameter(row).ok_or_else(|| DbError::fault("a search parameter that was kept cannot be read")));
    parameters.collect()
}

/// A share as callers are told it: what is hidden from them must not be told by how it moves.
fn in_tens(percent: i64) -> u8 {
    u8::try_from(percent.clamp(0, 90) / 10 * 10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_takes_nothing_back() {
        let (registry, organization) = (Registry::default(), OrganizationId(1));
        let learn = |version| {
            let custom = Arc::new(Custom::new(version, Vec::new()));
            registry.keep(organization, InForce { custom, ..InForce::default() });
        };
        learn(2);
        learn(1);
        assert_eq!(registry.known(organization).version(), 2);
        // A doubt stays one: the older answer does not settle it.
        registry.doubt(organization);
        learn(1);
        assert!(!registry.known.read()[&1].fresh);
        // The same version again is how far the work has come.
        learn(2);
        assert!(registry.known.read()[&1].fresh);
        learn(3);
        assert_eq!(registry.known(organization).version(), 3);
        assert_eq!(registry.known(OrganizationId(2)).version(), 0);
    }
}
