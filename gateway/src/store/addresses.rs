//! The addresses that the gateway is served at, and was: what a reference names below one of them is a resource of ours.
//!
//! They are kept in the database (`derived_under`), so that whatever opens it takes the same references for ours: an import, a
//! command, a second server. A server that is started under an address that is new to them adds it, and what is stored and refers
//! below it is derived anew ([`anew`]) before anything is served. None is taken away while there is room for it
//! ([`Bases::MOST`]): what was ours when it was written does not become another's because the server moves.
//!
//! Who writes learns of a new one in the round trip that begins a transaction: adding it counts on the version of the
//! organization's search parameters, and excludes all that write. So none derives by the old ones once the work has begun.

pub(crate) mod anew;

use std::collections::HashMap;
use std::sync::Arc;

use consent::OrganizationId;
use mappers::references::Bases;
use parking_lot::RwLock;

use crate::store::Store;
use crate::store::alone::{organizations, patiently};
use crate::store::connection::{Connection, DbError};
use crate::store::core::Core;
use crate::store::custom;
use crate::store::derived;
use crate::store::error::StoreError;

/// All that are ours, a line each.
const OURS: &str = "addresses";
/// Those of them that everything that is stored is derived under.
const DERIVED: &str = "address";

/// What a process knows of them.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    bases: RwLock<Arc<Bases>>,
    /// Those that this process is served at itself: they stay, however many others come.
    served: RwLock<Vec<Box<str>>>,
    /// By organization: the version of its search parameters at which they were read.
    versions: RwLock<HashMap<i64, i64>>,
}

impl Addresses {
    /// All that are known.
    pub(crate) fn bases(&self) -> Arc<Bases> {
        Arc::clone(&self.bases.read())
    }

    fn add(&self, more: &Bases) {
        if more.iter().all(|base| self.bases.read().contains(base)) {
            return;
        }
        let mut bases = self.bases.write();
        let mut all = Bases::clone(&bases);
        for base in more.iter() {
            all.add(base);
        }
        for base in self.served.read().iter() {
            all.serve_at(base);
        }
        *bases = Arc::new(all);
    }

    fn serve_at(&self, base: &str) {
        self.served.write().push(base.into());
        self.add(&base.into());
    }

    /// Learns of those that were added, if the organization's search parameters are of another version than they were; in a
    /// transaction of any kind.
    pub(crate) async fn learn(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        version: i64,
    ) -> Result<(), DbError> {
        if self.versions.read().get(&organization.0) == Some(&version) {
            return Ok(());
        }
        self.learn_now(connection, organization).await?;
        self.versions.write().insert(organization.0, version);
        Ok(())
    }

    /// Learns of those that were added.
    pub(crate) async fn learn_now(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
    ) -> Result<(), DbError> {
        let kept = derived::kept(connection, organization, OURS).await?;
        self.add(&lines(kept.as_deref()));
        Ok(())
    }
}

impl Store {
    /// The addresses that it is served at, and was, as far as is known.
    #[must_use]
    pub fn bases(&self) -> Arc<Bases> {
        self.core().bases()
    }

    /// Says where it is served from now on. What is stored and refers below an address that is new is derived anew.
    ///
    /// # Errors
    /// [`StoreError`]: what is stored may be taken for another server's, and nothing may be served.
    pub async fn serve_at(&self, base: &str) -> Result<(), StoreError> {
        for organization in organizations(self.core()).await? {
            serve_at(self.core(), organization, base).await.map_err(DbError::into_store_error)?;
        }
        self.core().addresses.serve_at(base);
        Ok(())
    }

    /// Learns which addresses are ours, when it is opened.
    pub(crate) async fn learn_addresses(core: &Core) -> Result<(), DbError> {
        let organizations = organizations(core).await.map_err(|error| DbError::fault(error.to_string()))?;
        let mut connection = core.pools.reader().await?;
        for organization in organizations {
            connection.begin_read(Some(organization.0)).await?;
            core.addresses.learn_now(&mut connection, organization).await?;
            connection.commit().await?;
        }
        Ok(())
    }
}

/// What is kept of an organization.
struct Kept {
    ours: Bases,
    derived: Bases,
}

impl Kept {
    async fn read(connection: &mut Connection, organization: OrganizationId) -> Result<Self, DbError> {
        let ours = derived::kept(connection, organization, OURS).await?;
        let derived = derived::kept(connection, organization, DERIVED).await?;
        Ok(Self { ours: lines(ours.as_deref()), derived: lines(derived.as_deref()) })
    }
}

async fn serve_at(core: &Core, organization: OrganizationId, base: &str) -> Result<(), DbError> {
    let kept = {
        let mut reader = core.pools.reader().await?;
        reader.begin_read(Some(organization.0)).await?;
        let kept = Kept::read(&mut reader, organization).await?;
        reader.commit().await?;
        kept
    };
    // One that others were served at since is noted again, or 64 of them would have it forgotten.
    let kept = if kept.ours.iter().last() == Some(base) {
        kept
    } else {
        patiently(core, async |connection: &mut Connection| add(connection, organization, base).await).await?
    };
    core.addresses.add(&kept.ours);
    let new: Vec<&str> = kept.ours.iter().filter(|base| !kept.derived.contains(base)).collect();
    if new.is_empty() {
        return Ok(());
    }
    anew::derive(core, organization, &new, &text(&kept.ours), kept.derived.are_unknown()).await
}

/// It is ours, and the one that was served at last: from this commit on to all that write.
async fn add(connection: &mut Connection, organization: OrganizationId, base: &str) -> Result<Kept, DbError> {
    connection.begin_alone(organization.0).await?;
    let mut kept = Kept::read(connection, organization).await?;
    if kept.ours.serve_at(base) {
        derived::keep(connection, organization, OURS, &text(&kept.ours)).await?;
        custom::changed(connection, organization).await?;
    }
    connection.commit().await?;
    Ok(kept)
}

fn lines(kept: Option<&str>) -> Bases {
    kept.unwrap_or_default().lines().collect()
}

fn text(bases: &Bases) -> String {
    bases.iter().collect::<Vec<_>>().join("\n")
}
