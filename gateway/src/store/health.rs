//! Whether the database is as this program needs it: what `/readyz` asks.

use mappers::map::Map;

use crate::store::connection::{Connection, DbError, Engine};
use crate::store::error::StoreError;
use crate::store::{Store, dialect, migrate, security};

/// What was there when the store was opened.
#[derive(Debug, Default)]
pub(crate) struct AsOpened {
    /// With the clinic schema.
    pub(crate) clinic: bool,
    /// A query for the number of tables that are missing now.
    missing: String,
}

impl AsOpened {
    /// The gateway's own tables and those of maps, as they are now.
    pub(crate) async fn look(connection: &mut Connection, maps: &[Map], clinic: bool) -> Result<Self, DbError> {
        let engine = connection.engine();
        let own = match engine {
            // Partitions come and go.
            Engine::Postgres => {
                "select 'fhir_gateway.' || pg_catalog.quote_ident(c.relname) from pg_catalog.pg_class c \
                 where c.relnamespace = 'fhir_gateway'::pg_catalog.regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
            }
            Engine::Sqlite => "select name from sqlite_master where type = 'table'",
        };
        let rows = connection.fetch(own, &[]).await?;
        let names = rows.iter().filter_map(|row| row.text(0));
        let mut names: Vec<String> = match engine {
            Engine::Postgres => names.map(ToOwned::to_owned).collect(),
            Engine::Sqlite => names.filter(|name| security::is_internal(name)).map(ToOwned::to_owned).collect(),
        };
        let quoted = |name: &String| if engine == Engine::Postgres { dialect::quote(name) } else { name.clone() };
        names.extend(maps.iter().flat_map(|map| {
            let children = map.children.iter().map(|child| &child.table);
            std::iter::once(&map.table).chain(children).map(quoted)
        }));
        names.sort_unstable();
        names.dedup();
        let missing = match engine {
            Engine::Postgres => {
                let names: Vec<String> = names.iter().map(|name| format!("({})", dialect::literal(name))).collect();
                format!(
                    "select count(*) from (values {}) as known(name) where pg_catalog.to_regclass(known.name) is null",
                    names.join(", ")
                )
            }
            Engine::Sqlite => {
                let count = names.len();
                let names: Vec<String> = names.iter().map(|name| dialect::literal(name)).collect();
                format!(
                    "select {count} - count(*) from sqlite_master where type in ('table', 'view') and name in ({})",
                    names.join(", ")
                )
            }
        };
        Ok(Self { clinic, missing })
    }
}

/// The partitions of the trail that cover this month and the next one, by the database's clock. The view of partitions is not for the
/// application; the catalog is for everybody.
const COVERED: &str = "
select count(*) from (values (0), (1)) as wanted(months),
    lateral (select (extract(epoch from date_trunc('month', clock_timestamp() at time zone 'UTC')
        + wanted.months * interval '1 month') * 1000)::bigint as at) as month
where exists (
    select from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid,
        lateral (select pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound) b
    where i.inhparent = pg_catalog.to_regclass('fhir_gateway.audit_events') and b.bound <> 'DEFAULT'
        and coalesce((regexp_match(b.bound, 'FROM \\(''?(-?\\d+)''?\\)'))[1]::bigint <= month.at, true)
        and coalesce((regexp_match(b.bound, 'TO \\(''?(-?\\d+)''?\\)'))[1]::bigint > month.at, true))";

impl Store {
    /// Whether every migration that this program knows has been applied. Those of a later release may have been, too.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn is_migrated(&self) -> Result<bool, StoreError> {
        let mut connection = self.core.pools.reader().await?;
        Ok(migrate::pending(&mut connection, self.core.as_opened.clinic).await?.is_empty())
    }

    /// Whether the tables are there that were there when it was opened: its own, and those of maps.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn has_its_tables(&self) -> Result<bool, StoreError> {
        let mut connection = self.core.pools.reader().await?;
        let row = connection.fetch_optional(&self.core.as_opened.missing, &[]).await?;
        Ok(row.and_then(|row| row.int(0)) == Some(0))
    }

    /// Whether the audit trail has partitions of this month and the next one; on SQLite it has none.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn has_audit_partitions(&self) -> Result<bool, StoreError> {
        if self.core.pools.engine() == Engine::Sqlite {
            return Ok(true);
        }
        let mut connection = self.core.pools.reader().await?;
        let row = connection.fetch_optional(COVERED, &[]).await?;
        Ok(row.and_then(|row| row.int(0)) == Some(2))
    }
}
