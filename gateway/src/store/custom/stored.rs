//! Active `SearchParameter` resources that were stored before this gateway took them for definitions. Looked for at every
//! start: there are few, and those that are known by now are passed over.

use consent::OrganizationId;
use mappers::json::Document;
use mappers::search::custom::{self, Verdict};

use super::desk::{Desk, KIND};
use super::{INDEXING, READY};
use crate::store::Store;
use crate::store::alone::{organizations, patiently};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::error::StoreError;

impl Store {
    /// Takes the definitions that nobody has looked at yet. What cannot be a parameter stays a resource.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn adopt_stored(&self) -> Result<(), StoreError> {
        for organization in organizations(self.core()).await? {
            let work = async |connection: &mut Connection| adopt(self.core(), connection, organization).await;
            if let Err(error) = patiently(self.core(), work).await {
                // The others have theirs.
                let error = error.into_store_error();
                tracing::warn!(organization = organization.0, %error, "stored search parameters were not looked at");
            }
        }
        Ok(())
    }
}

async fn adopt(core: &Core, connection: &mut Connection, organization: OrganizationId) -> Result<(), DbError> {
    // Mostly there is none, and nobody must wait for that to be found out.
    connection.begin_read(Some(organization.0)).await?;
    let found = without_a_row(connection, organization).await?;
    connection.commit().await?;
    if !found.iter().any(may_define) {
        return Ok(());
    }
    connection.begin_alone(organization.0).await?;
    let found = without_a_row(connection, organization).await?;
    let mut desk = Desk::open(connection, organization).await?;
    for row in found.iter().filter(|row| may_define(row)) {
        let Ok(document) = Document::parse(row.text(1).unwrap_or_default().as_bytes()) else { continue };
        if desk.take(row.text(0).unwrap_or_default(), Some(document.root())).is_err() {
            tracing::warn!("a stored SearchParameter is active, and cannot be a parameter here");
        }
    }
    desk.keep(connection, organization).await?;
    connection.commit().await?;
    core.registry.committed(organization);
    Ok(())
}

/// Id and body of each SearchParameter that there is no parameter of.
async fn without_a_row(connection: &mut Connection, organization: OrganizationId) -> Result<Vec<Row>, DbError> {
    let sql = format!(
        "select d.id, v.body from directory d join resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.type = $2 and d.deleted = 0 and not exists \
         (select 1 from search_parameters p where p.organization_id = $1 and p.id = d.id and p.state in ('{INDEXING}', '{READY}')) \
         order by d.rid"
    );
    connection.fetch(&sql, &[Arg::Int(organization.0), Arg::Text(KIND)]).await
}

/// Whether a SearchParameter is more than a resource, as far as can be seen without the others.
fn may_define(row: &Row) -> bool {
    let Ok(document) = Document::parse(row.text(1).unwrap_or_default().as_bytes()) else { return false };
    !matches!(custom::read(document.root(), &|_: &str| None), Ok(Verdict::BuiltIn | Verdict::Stored))
}
