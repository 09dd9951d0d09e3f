//! Consents that were stored before this gateway made rules of them, or kept which held when: whose patients have no epoch, or
//! which stand in none. Looked for at every start,
//! before anything is served; mostly there is none.

use std::collections::BTreeSet;

use consent::OrganizationId;

use super::{Changes, begin_for, take};
use crate::store::Store;
use crate::store::alone::{organizations, patiently};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::derived;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::statutes;

/// What `derived_under` calls the table of law.
const LAW: &str = "statutes";
/// And what rules are being made anew for; whoever meanwhile makes some otherwise takes it away.
const MAKING: &str = "making";
/// Patients of one transaction.
const PORTION: usize = 500;

impl Store {
    /// Makes the rules that nobody has made yet.
    ///
    /// # Errors
    /// [`StoreError`]: there may be Consents that nobody knows of, and nothing may be served.
    pub async fn adopt_consents(&self) -> Result<(), StoreError> {
        self.adopt_law().await?;
        for organization in organizations(self.core()).await? {
            loop {
                let work = async |connection: &mut Connection| adopt(self.core(), connection, organization).await;
                let done = patiently(self.core(), work).await.map_err(DbError::into_store_error)?;
                if done < PORTION {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Where another table of law is in force than the rules were made under, what proxies may permit is another matter (D9).
    ///
    /// # Errors
    /// [`StoreError`]: rules may be those of another table.
    pub(crate) async fn adopt_law(&self) -> Result<(), StoreError> {
        let core = self.core();
        let in_force = core.statutes().serial.to_string();
        for organization in organizations(core).await? {
            let kept = {
                let mut connection = core.pools.reader().await?;
                connection.begin_read(Some(organization.0)).await?;
                let kept = law_of_rules(&mut connection, organization).await?;
                connection.commit().await?;
                kept
            };
            if kept != in_force {
                tracing::info!("another table of law is in force than before: all Consents' rules are made anew");
                make_all_anew(core, organization, LAW, &in_force).await.map_err(DbError::into_store_error)?;
            }
        }
        Ok(())
    }
}

/// The number of the table of law that an organization's rules were made under; no number where that is not known.
async fn law_of_rules(connection: &mut Connection, organization: OrganizationId) -> Result<String, DbError> {
    let kept = derived::kept(connection, organization, LAW).await?;
    Ok(kept.unwrap_or_else(|| "0".to_owned()))
}

/// Whether all rules are those of the table of law that is in force, as the open transaction finds both.
pub(super) async fn are_of_the_law(connection: &mut Connection, organization: OrganizationId) -> Result<bool, DbError> {
    Ok(law_of_rules(connection, organization).await? == statutes::newest(connection).await?.to_string())
}

/// Where a table of law is in force that this process cannot go by, rules that are made now are noted to be of no known one: whoever
/// can go by it makes all of them anew, at its start or in its next round.
pub(super) async fn note_unknown_law(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<(), DbError> {
    if statutes::current(connection, &core.statutes()).await?.is_some() {
        return Ok(());
    }
    derived::keep(connection, organization, LAW, "unknown").await?;
    derived::keep(connection, organization, MAKING, "").await
}

/// Makes the rules of all patients of an organization who have Consents anew, and keeps in the transaction of the last of them under
/// what they were made: where the process ends before, that is not kept, and whoever compares it does all of it again.
pub(crate) async fn make_all_anew(
    core: &Core,
    organization: OrganizationId,
    name: &str,
    value: &str,
) -> Result<(), DbError> {
    let making = format!("{name} {value}");
    let mut after: Option<Box<str>> = None;
    loop {
        let from = after.as_deref();
        let work = async |connection: &mut Connection| {
            connection.begin_alone(organization.0).await?;
            if from.is_none() {
                derived::keep(connection, organization, MAKING, &making).await?;
            }
            let last = make_anew(core, connection, organization, from.unwrap_or_default()).await?;
            // Another process may have made some meanwhile that are not as wanted.
            if last.is_none() && derived::kept(connection, organization, MAKING).await? == Some(making.clone()) {
                derived::keep(connection, organization, name, value).await?;
            }
            connection.commit().await?;
            Ok(last)
        };
        match patiently(core, work).await? {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// A portion of them, in the order of their ids; the last one's, or none where there are no more.
async fn make_anew(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    after: &str,
) -> Result<Option<Box<str>>, DbError> {
    let sql = format!(
        "select distinct d.patient from directory d where d.organization_id = $1 and d.type = 'Consent' \
         and d.patient > $2 order by d.patient limit {PORTION}"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(organization.0), Arg::Text(after)]).await?;
    let patients: BTreeSet<Box<str>> = rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect();
    let last = patients.last().cloned();
    begin_for(connection, organization, patients).await?.finish(core, connection, organization).await?;
    Ok(last)
}

/// A portion, and how many patients were in it.
async fn adopt(core: &Core, connection: &mut Connection, organization: OrganizationId) -> Result<usize, DbError> {
    connection.begin_alone(organization.0).await?;
    let sql = format!(
        "select distinct d.patient from directory d where d.organization_id = $1 and d.type = 'Consent' \
         and d.patient is not null and (not exists \
         (select 1 from consent_epochs e where e.organization_id = $1 and e.patient = d.patient) or not exists \
         (select 1 from consent_versions v where v.organization_id = $1 and v.patient = d.patient and v.rid = d.rid)) \
         limit {PORTION}"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
    let patients: BTreeSet<Box<str>> = rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect();
    let count = patients.len();
    take(connection, organization, &patients).await?;
    let join = dialect::join_in_order(connection.engine());
    let sql = format!(
        "select d.patient, d.rid, d.version from {{keys}} {join} directory d on d.organization_id = $1 \
         and d.type = 'Consent' and d.patient = k.patient"
    );
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    let (args, columns) = ([Arg::Int(organization.0)], [("patient", BulkType::Text)]);
    let rows = bulk::fetch_by_keys(connection, &sql, &args, &columns, &keys).await?;
    let version = |row: &Row| Some((row.text(0)?.into(), row.int(1)?, row.int(2)?));
    let versions = rows.iter().filter_map(version).collect();
    Changes { patients, versions }.finish(core, connection, organization).await?;
    connection.commit().await?;
    Ok(count)
}
