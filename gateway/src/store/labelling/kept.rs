//! Which labelling counts, as the database keeps it: the version of the built-in table, and the rows of the user's own.

use std::time::Duration;

use consent::OrganizationId;
use consent::labelling::{Labelling, VERSION};

use super::Labellings;
use super::file::OwnTable;
use crate::store::alone::{organizations_of, patiently_on};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::pools::Pools;

/// Directory rows whose labels are taken back in one transaction.
const PORTION: i64 = 5_000;
/// The pause between two of them: others write, too.
const REST: Duration = Duration::from_millis(2);

/// What counts from now on.
#[derive(Clone, Debug)]
pub struct KeptLabelling {
    id: i64,
    own: String,
}

impl Labellings {
    /// What was registered counts.
    pub(crate) fn set(&self, kept: &KeptLabelling) {
        let mut known = self.known.write();
        if known.id < kept.id {
            *known = super::Known { id: kept.id, labelling: Some(with_own(&kept.own).into()) };
        }
    }
}

/// Makes this program's built-in table count, with the own rows that are given, or else those that are kept. Where that is
/// another labelling than before (or `anew`), the labels of everything are taken back, to be given anew.
///
/// # Errors
/// [`DbError`] where the database does not answer, or others write for too long.
pub async fn register(pools: &Pools, own: Option<&OwnTable>, anew: bool) -> Result<KeptLabelling, DbError> {
    let current = {
        let mut connection = pools.reader().await?;
        connection.begin_read(None).await?;
        let current = current(&mut connection).await?;
        connection.commit().await?;
        current
    };
    let own = own.map(OwnTable::text);
    let last = match current {
        Some(row) if !anew && row.counts(own) => row,
        _ => {
            let work = async |connection: &mut Connection| add(connection, own, anew).await;
            patiently_on(pools, work).await?
        }
    };
    if !last.cleared {
        clear(pools, last.id).await?;
    }
    Ok(KeptLabelling { id: last.id, own: last.own })
}

/// The tables of a labelling; `None` where they are another program's.
pub(super) async fn load(connection: &mut Connection, id: i64) -> Result<Option<Labelling>, DbError> {
    let sql = "select built_in, own from labellings where id = $1";
    let row = connection.fetch_optional(sql, &[Arg::Int(id)]).await?;
    let row = row.filter(|row| row.text(0) == Some(VERSION));
    Ok(row.map(|row| with_own(row.text(1).unwrap_or_default())))
}

fn with_own(own: &str) -> Labelling {
    let mut labelling = Labelling::built_in();
    OwnTable::add_kept(own, &mut labelling);
    labelling
}

/// A row of `labellings`.
struct Last {
    id: i64,
    built_in: String,
    own: String,
    cleared: bool,
}

impl Last {
    /// Whether it is what is wanted.
    fn counts(&self, own: Option<&str>) -> bool {
        self.built_in == VERSION && own.is_none_or(|own| own == self.own)
    }
}

async fn current(connection: &mut Connection) -> Result<Option<Last>, DbError> {
    let sql = "select id, built_in, own, cleared from labellings order by id desc limit 1";
    let row = connection.fetch_optional(sql, &[]).await?;
    Ok(row.map(|row| Last {
        id: row.int(0).unwrap_or_default(),
        built_in: row.text(1).unwrap_or_default().to_owned(),
        own: row.text(2).unwrap_or_default().to_owned(),
        cleared: row.int(3) == Some(1),
    }))
}

/// Adds the labelling that is wanted, unless another process just did; whoever writes after it knows of it.
async fn add(connection: &mut Connection, own: Option<&str>, anew: bool) -> Result<Last, DbError> {
    let organizations = organizations_of(connection).await?;
    connection.begin_alone(organizations.first().map_or(1, |organization| organization.0)).await?;
    let before = current(connection).await?;
    let last = match before {
        Some(row) if !anew && row.counts(own) => row,
        before => {
            let (id, kept) = before.as_ref().map_or((0, ""), |row| (row.id, row.own.as_str()));
            // The first one finds no labels to take back.
            let (built_in, own, cleared) = (VERSION.to_owned(), own.unwrap_or(kept).to_owned(), before.is_none());
            let last = Last { id: id + 1, built_in, own, cleared };
            let sql = "insert into labellings (id, built_in, own, cleared) values ($1, $2, $3, $4)";
            let cleared = Arg::Int(i64::from(last.cleared));
            let args = [Arg::Int(last.id), Arg::Text(&last.built_in), Arg::Text(&last.own), cleared];
            connection.execute(sql, &args).await?;
            last
        }
    };
    connection.commit().await?;
    Ok(last)
}

/// Takes all labels back, portion by portion; whoever dies halfway is followed by one who begins again.
async fn clear(pools: &Pools, id: i64) -> Result<(), DbError> {
    tracing::info!("the labelling is another one than before: everything is labelled anew");
    let organizations = organizations_of(&mut pools.reader().await?).await?;
    for OrganizationId(organization) in organizations {
        let marks = async |connection: &mut Connection| {
            connection.begin_write(Some(organization)).await?;
            let sql = "delete from encounter_labels where organization_id = $1";
            connection.execute(sql, &[Arg::Int(organization)]).await?;
            connection.commit().await
        };
        patiently_on(pools, marks).await?;
        let mut after = Some(0);
        while let Some(from) = after {
            let portion = async |connection: &mut Connection| clear_some(connection, organization, from).await;
            after = patiently_on(pools, portion).await?;
            tokio::time::sleep(REST).await;
        }
    }
    let done = async |connection: &mut Connection| {
        connection.begin_write(None).await?;
        connection.execute("update labellings set cleared = 1 where id = $1", &[Arg::Int(id)]).await?;
        connection.commit().await
    };
    patiently_on(pools, done).await
}

/// Takes the labels of the next rows back; the last of them, or none where there are no more.
async fn clear_some(connection: &mut Connection, organization: i64, after: i64) -> Result<Option<i64>, DbError> {
    connection.begin_write(Some(organization)).await?;
    let sql = format!(
        "select max(rid) from (select rid from directory where organization_id = $1 and rid > $2 \
         order by rid limit {PORTION}) portion"
    );
    let args = [Arg::Int(organization), Arg::Int(after)];
    let last = connection.fetch_optional(&sql, &args).await?.and_then(|row| row.int(0));
    if let Some(last) = last {
        let sql = "update directory set labels = 0, labels_ever = 0 \
             where organization_id = $1 and rid > $2 and rid <= $3 and (labels <> 0 or labels_ever <> 0)";
        connection.execute(sql, &[Arg::Int(organization), Arg::Int(after), Arg::Int(last)]).await?;
    }
    connection.commit().await?;
    Ok(last)
}
