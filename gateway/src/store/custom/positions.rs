//! Positions of Locations that were stored before this gateway knew `near`. Looked for at every start: there are few Locations,
//! and what has its rows is passed over.

use consent::OrganizationId;
use mappers::json::Document;
use mappers::search::{IndexRows, position};

use crate::store::Store;
use crate::store::alone::{organizations, patiently};
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::index::{self, Index};

/// Locations in one transaction.
const PORTION: usize = 100;

impl Store {
    /// Indexes the positions that are not indexed yet.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn index_positions(&self) -> Result<(), StoreError> {
        for organization in organizations(self.core()).await? {
            let mut after = 0;
            let next = async |after| {
                let work =
                    async |connection: &mut Connection| portion(self.core(), connection, organization, after).await;
                patiently(self.core(), work).await
            };
            while let Some(last) = next(after).await.map_err(DbError::into_store_error)? {
                after = last;
            }
        }
        Ok(())
    }
}

/// Indexes the next ones; the last one's row id, or none where there are no more.
async fn portion(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    after: i64,
) -> Result<Option<i64>, DbError> {
    let [_, _, place] = position::places();
    let sql = format!(
        "select d.rid, v.body from directory d join resource_versions v on v.rid = d.rid and v.version = d.version \
         where d.organization_id = $1 and d.type = $2 and d.rid > $3 and d.deleted = 0 \
         and not exists (select 1 from index_quantity i where i.rid = d.rid and i.path = {place}) \
         and v.body like '%\"position\"%' order by d.rid limit {PORTION}"
    );
    let args = [Arg::Int(organization.0), Arg::Text(position::KIND), Arg::Int(after)];
    // Mostly there is none, and nobody must wait for that to be found out.
    connection.begin_read(Some(organization.0)).await?;
    let found = connection.fetch_optional(&sql, &args).await?;
    connection.commit().await?;
    if found.is_none() {
        return Ok(None);
    }
    connection.begin_alone(organization.0).await?;
    let rows = connection.fetch(&sql, &args).await?;
    let bases = core.bases();
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let Ok(document) = Document::parse(row.text(1).unwrap_or_default().as_bytes()) else { continue };
        let mut values = IndexRows::default();
        position::extract(document.root(), &mut values);
        found.push((row.int(0).unwrap_or_default(), Index::of_rows(values.into_owned(), &bases)));
    }
    let found: Vec<(i64, &Index)> = found.iter().map(|(rid, index)| (*rid, index)).collect();
    bulk::insert_together(connection, organization.0, &index::batches(&found)).await?;
    connection.commit().await?;
    Ok(rows.last().and_then(|row| row.int(0)))
}
