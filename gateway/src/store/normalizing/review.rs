//! What somebody has to decide, and what became of what was told: as operators see it. No patient is named in it.

use consent::Permit;

use crate::store::Store;
use crate::store::connection::{Arg, Row};
use crate::store::error::StoreError;

/// A code that waits for somebody.
#[derive(Clone, Debug)]
pub struct Open {
    /// By what it is named.
    pub id: Box<str>,
    /// The code's system; empty for none.
    pub system: Box<str>,
    /// The code; empty for words alone.
    pub code: Box<str>,
    /// How it is shown, or the words.
    pub display: Box<str>,
    /// Why it is not clear.
    pub why: Box<str>,
    /// Between what is to be decided: codings as JSON.
    pub candidates: Box<str>,
    /// In how many places of current versions it stands.
    pub count: i64,
}

/// What is told of a coding.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Now {
    /// Nothing.
    Nothing,
    /// Somebody has to decide.
    Review,
    /// It means this: system and code.
    Standard(Box<str>, Box<str>),
}

/// A code of which something else is told than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The code's system; empty for none.
    pub system: Box<str>,
    /// The code; empty for words alone.
    pub code: Box<str>,
    /// How it is shown, or the words.
    pub display: Box<str>,
    /// What was told.
    pub before: Now,
    /// What is told now.
    pub after: Now,
    /// In how many places of current versions.
    pub count: u64,
}

const WAITING: &str = "select n.id, n.system, n.code, n.display, n.why, n.candidates, count(*) from normalizations n \
     join normalized_codings c on c.organization_id = $1 and c.normalization = n.id and c.ended is null \
     join directory d on d.organization_id = $1 and d.rid = c.rid and d.version = c.version and d.deleted = 0 \
     where n.organization_id = $1 and n.verdict = 'review'";
const GROUPED: &str = "group by n.id, n.system, n.code, n.display, n.why, n.candidates";

impl Store {
    /// Codes that wait for somebody, those first that stand in the most places.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn codes_to_review(&self, permit: &Permit, most: usize) -> Result<Vec<Open>, StoreError> {
        let sql = format!("{WAITING} {GROUPED} order by count(*) desc, n.id limit {most}");
        self.waiting(permit, &sql, &[Arg::Int(permit.organization().0)]).await
    }

    /// One that waits; those of the same code that wait with it (other names, other candidates) are told beside it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn code_to_review(&self, permit: &Permit, id: &str) -> Result<Vec<Open>, StoreError> {
        let same = "and (n.system, n.code) = (select o.system, o.code from normalizations o where o.organization_id = $1 and o.id = $2) \
             and (n.code <> '' or lower(n.display) = (select lower(o.display) from normalizations o where o.organization_id = $1 and o.id = $2))";
        let sql = format!("{WAITING} {same} {GROUPED} order by case when n.id = $2 then 0 else 1 end, n.id");
        self.waiting(permit, &sql, &[Arg::Int(permit.organization().0), Arg::Text(id)]).await
    }

    async fn waiting(&self, permit: &Permit, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Open>, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(permit.organization().0)).await?;
        let rows = connection.fetch(sql, args).await?;
        connection.commit().await?;
        let open = |row: &Row| {
            let text = |place| Box::from(row.text(place).unwrap_or_default());
            let count = row.int(6).unwrap_or_default();
            let (id, system, code, display) = (text(0), text(1), text(2), text(3));
            Open { id, system, code, display, why: text(4), candidates: text(5), count }
        };
        Ok(rows.iter().map(open).collect())
    }
}
