//! What tables there are, as the database itself tells: the schema that maps are checked and compiled against.

use mappers::schema::{Column, ColumnKind, ForeignKey, Schema, Table};

use super::connection::{Connection, DbError, Engine, Row};
use super::pools::Pools;
use super::security;

/// The tables and views of an open database.
pub async fn schema(pools: &Pools) -> Result<Schema, DbError> {
    introspect(&mut pools.owner().await?).await
}

/// The tables and views that the connection sees by their bare names, without the gateway's own.
pub async fn introspect(connection: &mut Connection) -> Result<Schema, DbError> {
    let (columns, keys) = match connection.engine() {
        Engine::Postgres => (POSTGRES_COLUMNS, POSTGRES_FOREIGN_KEYS),
        Engine::Sqlite => (SQLITE_COLUMNS, SQLITE_FOREIGN_KEYS),
    };
    let mut schema = Schema { no_functions: connection.engine() == Engine::Sqlite, ..Schema::default() };
    for row in connection.fetch(columns, &[]).await? {
        let Some(table) = row.text(0) else { continue };
        let table = schema.tables.entry(table.to_owned()).or_default();
        add_column(connection.engine(), table, &row);
    }
    for row in connection.fetch(keys, &[]).await? {
        add_foreign_key(&mut schema, &row);
    }
    if connection.engine() == Engine::Sqlite {
        schema.tables.retain(|name, _| !is_internal(name));
    }
    Ok(schema)
}

/// The gateway's own tables, which on SQLite lie beside everybody's: those that its role is given, and what triggers and the first
/// release left there.
fn is_internal(table: &str) -> bool {
    security::is_internal(table) || ["gateway_writing", "resources"].contains(&table)
}

/// Table, column, type as declared, base type, not null, default, generated, length, place in the primary key (from 1).
const POSTGRES_COLUMNS: &str = "
with recursive base(oid, root) as (
    select oid, oid from pg_catalog.pg_type where typtype <> 'd'
    union all
    select t.oid, b.root from pg_catalog.pg_type t join base b on t.typtype = 'd' and t.typbasetype = b.oid
)
select c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), r.typname::text,
       a.attnotnull or t.typnotnull,
       a.atthasdef and a.attgenerated = '' or a.attidentity <> '' or t.typdefault is not null,
       a.attgenerated <> '' or a.attidentity = 'a',
       case when r.typname in ('varchar', 'bpchar') then
           nullif(greatest(a.atttypmod, t.typtypmod) - 4, -5)::bigint end,
       array_position(k.conkey, a.attnum)::bigint
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
join base b on b.oid = t.oid
join pg_catalog.pg_type r on r.oid = b.root
left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_table_is_visible(c.oid)
  and n.nspname not in ('pg_catalog', 'information_schema', 'fhir_gateway') and n.nspname not like 'pg\\_%'
order by c.relname, a.attnum";

const POSTGRES_FOREIGN_KEYS: &str = "
select c.relname::text, a.attname::text, f.relname::text, g.attname::text
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class f on f.oid = k.confrelid
join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
join pg_catalog.pg_attribute g on g.attrelid = k.confrelid and g.attnum = k.confkey[1]
where k.contype = 'f' and array_length(k.conkey, 1) = 1 and pg_catalog.pg_table_is_visible(c.oid)
  and n.nspname not in ('pg_catalog', 'information_schema', 'fhir_gateway')
order by c.relname, k.conname";

/// As [`POSTGRES_COLUMNS`]; the base type is read off the declared one. The default of a rowid alias is the engine's.
const SQLITE_COLUMNS: &str = "
select m.name, x.name, x.type, null, x.\"notnull\",
       x.dflt_value is not null or (x.pk > 0 and lower(x.type) = 'integer'
           and (select count(*) from pragma_table_info(m.name) i where i.pk > 0) = 1),
       x.hidden in (2, 3), null, nullif(x.pk, 0)
from sqlite_master m join pragma_table_xinfo(m.name) x
where m.type in ('table', 'view') and m.name not like 'sqlite\\_%' escape '\\' and x.hidden <> 1
order by m.name, x.cid";

const SQLITE_FOREIGN_KEYS: &str = "
select m.name, f.\"from\", f.\"table\", coalesce(f.\"to\", (select i.name from pragma_table_info(f.\"table\") i where i.pk = 1))
from sqlite_master m join pragma_foreign_key_list(m.name) f
where m.type = 'table'
  and (select count(*) from pragma_foreign_key_list(m.name) g where g.id = f.id) = 1
order by m.name, f.id desc";

fn add_column(engine: Engine, table: &mut Table, row: &Row) {
    let Some(name) = row.text(1) else { return };
    let declared = row.text(2).unwrap_or_default().to_owned();
    let (kind, max_length) = match engine {
        Engine::Postgres => (postgres_kind(row.text(3).unwrap_or_default()), row.int(7)),
        Engine::Sqlite => (sqlite_kind(&declared), sqlite_length(&declared)),
    };
    if let Some(place) = row.int(8).and_then(|place| usize::try_from(place - 1).ok()) {
        let length = table.primary_key.len().max(place + 1);
        table.primary_key.resize(length, String::new());
        name.clone_into(&mut table.primary_key[place]);
    }
    table.columns.push(Column {
        name: name.to_owned(),
        kind,
        declared,
        not_null: row.flag(4) || (engine == Engine::Sqlite && row.int(8).is_some()),
        has_default: row.flag(5),
        generated: row.flag(6),
        max_length: max_length.and_then(|length| u32::try_from(length).ok()),
    });
}

fn add_foreign_key(schema: &mut Schema, row: &Row) {
    let (Some(table), Some(column), Some(foreign), Some(target)) = (row.text(0), row.text(1), row.text(2), row.text(3))
    else {
        return;
    };
    if let Some(table) = schema.tables.get_mut(table) {
        table.foreign_keys.push(ForeignKey {
            column: column.to_owned(),
            table: foreign.to_owned(),
            target: target.to_owned(),
        });
    }
}

/// The family of a PostgreSQL type (a domain's is that of its base).
fn postgres_kind(name: &str) -> ColumnKind {
    match name {
        "bool" => ColumnKind::Boolean,
        "bpchar" | "citext" | "name" | "text" | "varchar" => ColumnKind::Text,
        "bytea" => ColumnKind::Bytes,
        "date" => ColumnKind::Date,
        "float4" | "float8" => ColumnKind::Real,
        "int2" | "int4" | "int8" => ColumnKind::Integer,
        "json" | "jsonb" => ColumnKind::Json,
        "numeric" => ColumnKind::Numeric,
        "time" | "timetz" => ColumnKind::Time,
        "timestamp" => ColumnKind::Timestamp,
        "timestamptz" => ColumnKind::TimestampTz,
        "uuid" => ColumnKind::Uuid,
        _ if name.starts_with('_') => ColumnKind::Array,
        _ => ColumnKind::Other,
    }
}

/// The family that a declared SQLite type means; SQLite itself knows only affinities.
fn sqlite_kind(declared: &str) -> ColumnKind {
    let declared = declared.to_ascii_lowercase();
    let has = |word: &str| declared.contains(word);
    if declared.ends_with("[]") {
        return ColumnKind::Array;
    }
    match declared.split(['(', ' ']).next().unwrap_or_default() {
        "bool" | "boolean" => ColumnKind::Boolean,
        "date" => ColumnKind::Date,
        "time" | "timetz" => ColumnKind::Time,
        "timestamptz" => ColumnKind::TimestampTz,
        "datetime" | "timestamp" if has("with time zone") => ColumnKind::TimestampTz,
        "datetime" | "timestamp" => ColumnKind::Timestamp,
        "decimal" | "numeric" => ColumnKind::Numeric,
        "json" | "jsonb" => ColumnKind::Json,
        "uuid" => ColumnKind::Uuid,
        "bytea" => ColumnKind::Bytes,
        _ if has("int") => ColumnKind::Integer,
        _ if has("char") || has("clob") || has("text") => ColumnKind::Text,
        _ if has("blob") => ColumnKind::Bytes,
        _ if has("real") || has("floa") || has("doub") => ColumnKind::Real,
        _ => ColumnKind::Other,
    }
}

/// The length of `varchar(n)`: SQLite takes longer texts, but the other engine would not.
fn sqlite_length(declared: &str) -> Option<i64> {
    let (name, rest) = declared.split_once('(')?;
    let is_text = name.to_ascii_lowercase().contains("char");
    if is_text { rest.trim_end().strip_suffix(')')?.trim().parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_of_sqlite_have_families() {
        assert_eq!(sqlite_kind("VARCHAR(20)"), ColumnKind::Text);
        assert_eq!(sqlite_kind("timestamp with time zone"), ColumnKind::TimestampTz);
        assert_eq!(sqlite_kind("numeric(5,1)"), ColumnKind::Numeric);
        assert_eq!(sqlite_kind("DOUBLE PRECISION"), ColumnKind::Real);
        assert_eq!(sqlite_kind("text[]"), ColumnKind::Array);
        assert_eq!(sqlite_kind(""), ColumnKind::Other);
        assert_eq!(sqlite_length("varchar(20)"), Some(20));
    }
}
