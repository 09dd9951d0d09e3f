//! For whom somebody acts now: by what relationships and birth dates on record say (RULINGS.md, E3 to E6).

use std::collections::BTreeSet;

use consent::{Labels, OrganizationId};

use super::are_waiting;
use super::proxies::Authorities;
use crate::store::Store;
use crate::store::bulk::{BulkType, fetch_by_keys};
use crate::store::connection::{Arg, Connection};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;

/// Ticks of 100 ns in a millisecond.
const MILLISECOND: i64 = 10_000;

/// A patient whom somebody acts for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ActsFor {
    /// The patient's id.
    pub patient: Box<str>,
    /// What of the record they do not reach: what has one of these labels (E5), and what has no labels yet.
    pub hidden: Labels,
}

impl Store {
    /// The patients for whom these `RelatedPerson`s (their ids) have authority now, by what any program has written until now.
    ///
    /// # Errors
    /// The store does not answer, or what is known is older than what was written.
    pub async fn acts_for(&self, organization: OrganizationId, proxies: &[&str]) -> Result<Vec<ActsFor>, StoreError> {
        if proxies.is_empty() {
            return Ok(Vec::new());
        }
        let core = self.core();
        let mut connection = core.pools.reader().await?;
        if connection.begin_read_asking(organization.0).await? {
            connection.rollback().await?;
            drop(connection);
            self.drain(organization).await?;
            connection = core.pools.reader().await?;
            connection.begin_read(Some(organization.0)).await?;
            if are_waiting(core, &mut connection, organization).await? {
                connection.rollback().await?;
                return Err(StoreError::Unavailable);
            }
        }
        let found = acts_for(core, &mut connection, organization, proxies).await;
        connection.end_read().await?;
        found
    }
}

async fn acts_for(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    proxies: &[&str],
) -> Result<Vec<ActsFor>, StoreError> {
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select d.patient, d.id from {{keys}} {join} directory d on d.organization_id = $1 and d.type = 'RelatedPerson' \
         and d.id = k.id and d.deleted = 0"
    );
    let keys: Vec<Arg<'_>> = proxies.iter().copied().map(Arg::Text).collect();
    let args = [Arg::Int(organization.0)];
    let rows = fetch_by_keys(connection, &sql, &args, &[("id", BulkType::Text)], &keys).await?;
    let wanted: BTreeSet<(Box<str>, Box<str>)> =
        rows.iter().filter_map(|row| Some((row.text(0)?.into(), row.text(1)?.into()))).collect();
    let authorities = Authorities::load(core, connection, organization, &wanted).await?;
    let now = core.clock.now_ms().saturating_mul(MILLISECOND);
    let mut found: Vec<ActsFor> = Vec::new();
    for (patient, proxy) in wanted {
        let windows = authorities.windows(&patient, &BTreeSet::from([proxy]));
        let holding = windows.into_iter().filter(|(_, (from, until))| (*from..*until).contains(&now));
        let Some(reach) = holding.map(|(reach, _)| reach).reduce(|all, reach| all | reach) else { continue };
        let hidden = (Labels::SENSITIVE | Labels::DOUBTFUL).without(reach);
        match found.iter_mut().find(|one| one.patient == patient) {
            Some(one) => one.hidden = one.hidden.without(reach),
            None => found.push(ActsFor { patient, hidden }),
        }
    }
    Ok(found)
}
