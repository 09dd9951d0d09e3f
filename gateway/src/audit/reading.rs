//! Reading the trail: pages of records, newest or oldest first, by conditions that stand in SQL.
//!
//! On PostgreSQL a reader is the application in a transaction of the caller's organization; on SQLite it has a connection
//! of its own to the trail's file, which waits for no writer. What a caller may see is one of the conditions, so that no
//! count and no page knows of anything else.

mod condition;
mod entry;

use consent::scoped::Deed;
use consent::{Caller, Permit, Scoped};
use sqlx::ConnectOptions;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

use super::chain::prefix;
use super::trail::FILE;
use super::{Audit, AuditError, claim, record};
use crate::store::condition::Query;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::pools::{self, Pools};

use condition::Scope;
pub(crate) use condition::{Column, Condition};
pub(crate) use entry::{Entry, place};

/// Whose records a caller may read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    /// Those of the organization: the privacy officer, the operator.
    All,
    /// Those about these patients: their own.
    Patients(Vec<Box<str>>),
}

impl Sight {
    /// What a caller may read; `None` = nothing, as if there were no trail.
    pub(crate) fn of(caller: &Caller) -> Option<Self> {
        let own = caller.actors.iter().filter_map(|actor| actor.strip_prefix("Patient/"));
        let mut own: Vec<Box<str>> = own.map(Into::into).collect();
        let (of, deeds) = ([claim::KIND], [Deed::Read, Deed::Search]);
        let whole = |scoped: &Scoped| deeds.iter().all(|deed| scoped.to(*deed).have_all(&of));
        if let Some(scoped) = caller.scoped.as_ref().filter(|scoped| !whole(scoped)) {
            // Records have no index rows that conditions of scopes could be asked of: but whose they are is known.
            for deed in deeds {
                let theirs = scoped.to(deed).only_of(claim::KIND)?;
                own.retain(|id| theirs.contains(&&**id));
            }
        } else if caller.officer {
            return Some(Self::All);
        }
        (!own.is_empty()).then_some(Self::Patients(own))
    }

    fn condition(&self) -> Condition {
        match self {
            Self::All => Condition::All(Vec::new()),
            Self::Patients(own) => Condition::Own(own.clone()),
        }
    }
}

/// Where a record stands in the order of all: milliseconds since 1970, and the key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Key {
    pub(crate) at: i64,
    pub(crate) seq: i64,
}

impl Key {
    /// The key as text, to be sealed.
    pub(crate) fn write(self) -> String {
        format!("{} {}", self.at, self.seq)
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (at, seq) = text.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, seq: seq.parse().ok()? })
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// What must hold.
    pub(crate) condition: Condition,
    /// The oldest first.
    pub(crate) ascending: bool,
    /// After this record.
    pub(crate) after: Option<Key>,
    /// Records at most; 0 = none.
    pub(crate) count: usize,
    /// How many there are is wanted, too.
    pub(crate) total: bool,
}

/// What was found, of one moment.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    /// There are more after the last of them.
    pub(crate) more: bool,
    pub(crate) total: Option<u64>,
}

/// Who reads.
pub(super) enum Reader {
    /// The trail's file, with one connection that is opened at first use and again after a failure.
    File(PathBuf, Mutex<Option<Connection>>),
    /// Tables of the database.
    Table(Pools),
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Reader")
    }
}

impl Reader {
    pub(super) fn of(pools: &Pools, data_dir: &Path) -> Self {
        match pools.path() {
            Some(_) => Self::File(data_dir.join(FILE), Mutex::default()),
            None => Self::Table(pools.clone()),
        }
    }
}

impl Audit {
    /// Records of the permit's organization that the caller may see.
    ///
    /// # Errors
    /// The trail cannot be read.
    pub(crate) async fn find(&self, permit: &Permit, sight: &Sight, wish: &Wish) -> Result<Found, AuditError> {
        let organization = permit.organization().0;
        let found = match &*self.reader {
            Reader::Table(pools) => {
                let mut connection = pools.reader().await.map_err(AuditError::Store)?;
                find(&mut connection, organization, sight, wish).await
            }
            Reader::File(path, kept) => {
                let mut kept = kept.lock().await;
                // Whoever is cancelled in between leaves none: the next one opens it again.
                let mut connection = match kept.take() {
                    Some(connection) => connection,
                    None => open(path).await.map_err(AuditError::Store)?,
                };
                let found = find(&mut connection, organization, sight, wish).await;
                if found.is_ok() {
                    *kept = Some(connection);
                }
                found
            }
        };
        found.map_err(AuditError::Store)
    }
}

async fn open(path: &Path) -> Result<Connection, DbError> {
    Ok(Connection::sqlite(pools::sqlite_options(path).read_only(true).connect().await?))
}

/// The page and the total, in one transaction that only reads.
pub(crate) async fn find(
    connection: &mut Connection,
    organization: i64,
    sight: &Sight,
    wish: &Wish,
) -> Result<Found, DbError> {
    connection.begin_read(Some(organization)).await?;
    let found = within(connection, organization, sight, wish).await;
    match found {
        Ok(found) => connection.end_read().await.map(|()| found),
        Err(error) => {
            connection.rollback_if_open().await;
            Err(error)
        }
    }
}

async fn within(connection: &mut Connection, organization: i64, sight: &Sight, wish: &Wish) -> Result<Found, DbError> {
    let mut found = Found::default();
    let engine = connection.engine();
    let table = format!("{}audit_events", prefix(engine));
    let wanted = match sight {
        Sight::All => wish.condition.clone(),
        Sight::Patients(own) => wish.condition.about(own),
    };
    let sight = sight.condition();
    let (comparison, direction) = if wish.ascending { (">", "asc") } else { ("<", "desc") };
    if wish.count > 0 {
        let mut query = Query::default();
        query.push(&format!("select {}, seq from {table} where ", record::names()));
        conditions(&mut query, &table, (organization, engine), (&sight, &wanted));
        if let Some(after) = wish.after {
            let (at, seq) = (query.arg(Arg::Int(after.at)), query.arg(Arg::Int(after.seq)));
            // The first half says to PostgreSQL which months need not be looked at.
            query.push(&format!(" and at {comparison}= {at} and (at, seq) {comparison} ({at}, {seq})"));
        }
        let limit = query.arg(Arg::Int(i64::try_from(wish.count + 1).unwrap_or(i64::MAX)));
        query.push(&format!(" order by at {direction}, seq {direction} limit {limit}"));
        let rows = connection.fetch(&query.sql, &query.args).await?;
        found.more = rows.len() > wish.count;
        found.entries = rows.iter().take(wish.count).map(Entry::of).collect();
    }
    if wish.total {
        let mut query = Query::default();
        query.push(&format!("select count(*) from {table} where "));
        conditions(&mut query, &table, (organization, engine), (&sight, &wanted));
        let row = connection.fetch_optional(&query.sql, &query.args).await?;
        found.total = Some(row.and_then(|row| row.int(0)).and_then(|count| u64::try_from(count).ok()).unwrap_or(0));
    }
    Ok(found)
}

fn conditions<'c>(
    query: &mut Query<'c>,
    table: &str,
    (organization, engine): (i64, Engine),
    (sight, wanted): (&'c Condition, &'c Condition),
) {
    let scope = Scope { table: table.to_owned(), organization: query.arg(Arg::Int(organization)), engine };
    // SQLite would rather go through all of the organization's records than to the few of a patient; the plus forbids that.
    let of_few = engine == Engine::Sqlite && (wanted.is_of_patients() || sight.is_of_patients());
    let column = if of_few { "+organization_id" } else { "organization_id" };
    query.push(&format!("{column} = {} and ", scope.organization));
    sight.push(query, &scope);
    query.push(" and ");
    wanted.push(query, &scope);
}

#[cfg(test)]
mod tests {
    use consent::{CallerKind, OrganizationId};

    use super::*;

    fn sight(actors: &[&str], officer: bool) -> Option<Sight> {
        Sight::of(&Caller {
            id: "c".into(),
            client: None,
            kind: CallerKind::System,
            organization: OrganizationId(1),
            actors: actors.iter().map(|actor| (*actor).to_owned()).collect(),
            officer,
            scoped: None,
        })
    }

    #[test]
    fn only_officers_and_patients_see_anything() {
        assert_eq!(sight(&["Practitioner/1"], true), Some(Sight::All));
        assert_eq!(sight(&["Practitioner/1", "Organization/1"], false), None);
        assert_eq!(sight(&[], false), None);
        assert_eq!(sight(&["Patient/a", "RelatedPerson/b"], false), Some(Sight::Patients(vec!["a".into()])));
    }
}
