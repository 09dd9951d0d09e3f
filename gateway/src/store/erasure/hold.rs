//! Legal holds: a record under one cannot be erased, neither by itself nor as a part of something else. Deletions by REST and by
//! SQL go on: they keep every version, so nothing is lost by them. One person places a hold; it takes two to lift it.

use std::collections::BTreeSet;

use consent::{OrganizationId, Permit};
use serde::Serialize;

use super::{ErasureError, is_known, is_same, lock, name, organization, reason};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};

/// One hold.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Its id.
    pub id: String,
    /// The patient's id.
    pub patient: String,
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When: an instant.
    pub placed: String,
    /// Who asked to lift it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lift_asked_by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lift_reason: Option<String>,
    /// Who lifted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifted_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifted: Option<String>,
}

impl Hold {
    fn of(row: &Row) -> Self {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        let optional = |column| row.text(column).map(ToOwned::to_owned);
        Self {
            id: text(0),
            patient: text(1),
            reason: text(2),
            placed_by: text(3),
            placed: Clock::format(row.int(4).unwrap_or_default()),
            lift_asked_by: optional(5),
            lift_reason: optional(6),
            lifted_by: optional(7),
            lifted: row.int(8).map(Clock::format),
        }
    }
}

const COLUMNS: &str = "id, patient, reason, placed_by, placed, lift_asked_by, lift_reason, lifted_by, lifted";

impl Store {
    /// Places a hold on a patient's record; its id.
    ///
    /// # Errors
    /// Nobody here is that patient; or the store does not answer.
    pub async fn place_hold(
        &self,
        permit: &Permit,
        patient: &str,
        by: &str,
        why: &str,
    ) -> Result<String, ErasureError> {
        let (organization, by, why) = (organization(permit)?, name(by)?, reason(why)?);
        self.drain(organization).await?;
        let core = self.core();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let work = async |connection: &mut Connection| {
            lock(connection, organization).await?;
            if !is_known(connection, organization, patient).await? {
                return Err(ErasureError::Refused(format!(
                    "there is no patient {patient}: a hold on an id that is misspelt protects nobody"
                )));
            }
            let id = core.ids.next();
            let sql = "insert into legal_holds (organization_id, id, patient, reason, placed_by, placed) \
                       values ($1, $2, $3, $4, $5, $6)";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(&id),
                Arg::Text(patient),
                Arg::Text(why),
                Arg::Text(by),
                Arg::Int(core.clock.now_ms()),
            ];
            connection.execute(sql, &args).await?;
            Ok(id)
        };
        let placed = work(&mut connection).await;
        end(&mut connection, placed).await
    }

    /// Asks to lift a hold, or (another person) lifts it: true where it is lifted now.
    ///
    /// # Errors
    /// There is no such hold, or the same person asks again; or the store does not answer.
    pub async fn lift_hold(
        &self,
        permit: &Permit,
        id: &str,
        by: &str,
        why: Option<&str>,
    ) -> Result<bool, ErasureError> {
        let (organization, by) = (organization(permit)?, name(by)?);
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let work = async |connection: &mut Connection| {
            lock(connection, organization).await?;
            let sql = format!("select {COLUMNS} from legal_holds where organization_id = $1 and id = $2");
            let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
            let unknown = || ErasureError::Refused(format!("there is no hold {id}; `hold list` shows those that are"));
            let hold = Hold::of(&row.ok_or_else(unknown)?);
            if hold.lifted_by.is_some() {
                return Err(ErasureError::Refused(format!("hold {id} is lifted already")));
            }
            let (set, lifted, why) = match hold.lift_asked_by {
                None => (
                    "lift_asked_by = $3, lift_asked = $4, lift_reason = $5",
                    false,
                    Some(reason(why.unwrap_or_default())?),
                ),
                Some(first) if is_same(&first, by) => {
                    return Err(ErasureError::Refused(format!(
                        "{first} has asked for it: another person has to lift it"
                    )));
                }
                Some(_) => ("lifted_by = $3, lifted = $4, lift_reason = coalesce(lift_reason, $5)", true, None),
            };
            let sql = format!("update legal_holds set {set} where organization_id = $1 and id = $2");
            let args = [Arg::Int(organization.0), Arg::Text(id), Arg::Text(by), Arg::Int(now_ms), Arg::text(why)];
            connection.execute(&sql, &args).await?;
            Ok(lifted)
        };
        let lifted = work(&mut connection).await;
        end(&mut connection, lifted).await
    }

    /// All holds, those in force first.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn holds(&self, permit: &Permit) -> Result<Vec<Hold>, ErasureError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = format!(
            "select {COLUMNS} from legal_holds where organization_id = $1 \
             order by case when lifted is null then 0 else 1 end, placed desc, id desc"
        );
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        Ok(rows.iter().map(Hold::of).collect())
    }
}

/// Commits what went well, and rolls back what did not.
pub(super) async fn end<T>(connection: &mut Connection, done: Result<T, ErasureError>) -> Result<T, ErasureError> {
    match done {
        Ok(value) => connection.commit().await.map(|()| value).map_err(ErasureError::from),
        Err(error) => {
            connection.rollback_if_open().await;
            Err(error)
        }
    }
}

/// The holds in force on any of these patients.
pub(super) async fn in_force(
    connection: &mut Connection,
    organization: OrganizationId,
    patients: &BTreeSet<Box<str>>,
) -> Result<BTreeSet<String>, DbError> {
    let sql = "select h.id from {keys} join legal_holds h on h.organization_id = $1 and h.patient = k.patient \
               where h.lifted is null";
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    let args = [Arg::Int(organization.0)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("patient", BulkType::Text)], &keys).await?;
    Ok(rows.iter().filter_map(|row| row.text(0).map(ToOwned::to_owned)).collect())
}
