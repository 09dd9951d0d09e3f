//! Which code systems an organization's records use, for its operator.

use consent::Permit;

use crate::store::Store;
use crate::store::connection::{Arg, Engine, Row};
use crate::store::error::StoreError;

/// A code system that records use.
#[derive(Clone, Debug)]
pub struct Used {
    /// Its address.
    pub system: Box<str>,
    /// In how many places that searches know.
    pub count: i64,
}

/// The most systems that are listed.
const MOST: usize = 500;

impl Store {
    /// The code systems that current versions use, where searches know it: first what is used the most.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn systems_used(&self, permit: &Permit) -> Result<Vec<Used>, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        if connection.engine() == Engine::Postgres {
            // It looks at every row, and nobody is answered meanwhile.
            connection.script("set local statement_timeout = 0").await?;
        }
        let sql = format!(
            "select system, count(*) from index_token where organization_id = $1 and system <> '' \
             group by system order by count(*) desc, system limit {MOST}"
        );
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.commit().await?;
        let used =
            |row: &Row| Used { system: row.text(0).unwrap_or_default().into(), count: row.int(1).unwrap_or_default() };
        Ok(rows.iter().map(used).collect())
    }
}
