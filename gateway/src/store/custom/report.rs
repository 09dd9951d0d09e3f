//! How far the work on a parameter is: for its users in steps of ten percent, for operators in numbers.

use consent::Permit;
use mappers::search::custom::Definition;

use super::{INDEXING, READY, in_tens};
use crate::store::Store;
use crate::store::connection::{Arg, Row};
use crate::store::error::StoreError;

/// How far a parameter is.
#[derive(Clone, Debug)]
pub struct ParameterReport {
    /// The id of its SearchParameter.
    pub id: Box<str>,
    /// `indexing`, `ready` or `removing`.
    pub state: Box<str>,
    /// What it is.
    pub definition: Definition,
    /// How much of what was stored before it is indexed, in steps of ten percent of the row ids; 100 once it is ready.
    pub percent: u8,
    /// For operators alone: the resources that were looked at, also those that callers may not see.
    pub looked_at: i64,
    /// For operators alone: those of them that the expression failed for.
    pub unfit: i64,
}

impl Store {
    /// Every parameter of the organization's own, in the order in which they came.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn parameter_reports(&self, permit: &Permit) -> Result<Vec<ParameterReport>, StoreError> {
        let mut reading = self.reading(permit).await?;
        let sql = "select id, state, definition, percent, looked_at, unfit from search_parameters \
             where organization_id = $1 order by number";
        let rows = reading.fetch(sql, &[Arg::Int(permit.organization().0)]).await?;
        reading.finish();
        let report = |row: &Row| {
            let state: Box<str> = row.text(1)?.into();
            let percent = match &*state {
                READY => 100,
                INDEXING => in_tens(row.int(3)?),
                _ => 0,
            };
            Some(ParameterReport {
                id: row.text(0)?.into(),
                state,
                definition: Definition::from_json(row.text(2)?)?,
                percent,
                looked_at: row.int(4)?,
                unfit: row.int(5)?,
            })
        };
        rows.iter()
            .map(|row| report(row).ok_or(StoreError::Invariant("a search parameter that was kept cannot be read")))
            .collect()
    }
}
