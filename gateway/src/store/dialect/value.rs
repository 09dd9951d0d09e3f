//! Names, literals, and columns as canonical text and back.

use mappers::schema::ColumnKind;

use crate::store::connection::Engine;

/// A name as the SQL of both engines takes it, whatever characters it has.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An expression that gives column `e` as its canonical text.
pub fn read(engine: Engine, e: &str, kind: ColumnKind, declared: &str) -> String {
    match engine {
        Engine::Postgres => read_postgres(e, kind),
        Engine::Sqlite => read_sqlite(e, kind, declared),
    }
}

/// An expression of the column's type from placeholder `p`, which holds canonical text.
pub fn bind(engine: Engine, p: &str, kind: ColumnKind, declared: &str) -> String {
    match engine {
        Engine::Postgres => bind_postgres(p, kind, declared),
        Engine::Sqlite => bind_sqlite(p, kind),
    }
}

fn read_postgres(e: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Array => format!("array_to_json({e})::text"),
        ColumnKind::Bytes => format!("upper(encode({e}, 'hex'))"),
        // Our sessions have DateStyle ISO: `2026-01-01 12:00:00.5`, fraction trimmed.
        ColumnKind::Timestamp => format!("replace({e}::text, ' ', 'T')"),
        ColumnKind::TimestampTz => format!("(replace(({e} at time zone 'UTC')::text, ' ', 'T') || 'Z')"),
        ColumnKind::Boolean
        | ColumnKind::Date
        | ColumnKind::Integer
        | ColumnKind::Json
        | ColumnKind::Numeric
        | ColumnKind::Other
        | ColumnKind::Real
        | ColumnKind::Text
        | ColumnKind::Time
        | ColumnKind::Uuid => format!("{e}::text"),
    }
}

/// The cast goes through text, so that the placeholder is of one type everywhere; never to a length or precision, which
/// an explicit cast would cut to silently where an assignment refuses.
fn bind_postgres(p: &str, kind: ColumnKind, declared: &str) -> String {
    match kind {
        ColumnKind::Array => format!(
            "case when {p}::text is not null then coalesce((select array_agg(x.v order by x.n) from \
             json_array_elements_text({p}::text::json) with ordinality as x(v, n))::{declared}, '{{}}') end"
        ),
        ColumnKind::Boolean => format!("{p}::text::boolean"),
        ColumnKind::Bytes => format!("decode({p}::text, 'hex')"),
        ColumnKind::Date => format!("{p}::text::date"),
        ColumnKind::Integer => format!("{p}::text::bigint"),
        // A document may also be kept in a column of text.
        ColumnKind::Json if !declared.starts_with("json") => format!("{p}::text"),
        ColumnKind::Json => format!("{p}::text::{}", if declared.starts_with("jsonb") { "jsonb" } else { "json" }),
        ColumnKind::Numeric => format!("{p}::text::numeric"),
        ColumnKind::Other => format!("{p}::text::{declared}"),
        ColumnKind::Real => format!("{p}::text::{}", if declared == "real" { "real" } else { "double precision" }),
        ColumnKind::Text => format!("{p}::text"),
        ColumnKind::Time => {
            format!("{p}::text::{}", if declared.contains("with time zone") { "timetz" } else { "time" })
        }
        ColumnKind::Timestamp => format!("{p}::text::timestamp"),
        ColumnKind::TimestampTz => format!("{p}::text::timestamptz"),
        ColumnKind::Uuid => format!("{p}::text::uuid"),
    }
}

fn read_sqlite(e: &str, kind: ColumnKind, declared: &str) -> String {
    match kind {
        ColumnKind::Boolean => format!(
            "case when {e} is null then null when typeof({e}) = 'integer' then iif({e} <> 0, 'true', 'false') \
             when lower({e}) in ('true', 't', 'yes', 'y', 'on', '1') then 'true' \
             when lower({e}) in ('false', 'f', 'no', 'n', 'off', '0') then 'false' else cast({e} as text) end"
        ),
        // hex(null) is an empty text.
        ColumnKind::Bytes => format!("case when {e} is not null then hex({e}) end"),
        ColumnKind::Numeric | ColumnKind::Real => number_of(e, kind, declared),
        ColumnKind::Time => clock_of(e),
        ColumnKind::Timestamp => format!(
            "case when typeof({e}) <> 'text' then cast({e} as text) when length({e}) = 10 then {e} || 'T00:00:00' \
             else replace({}, ' ', 'T') end",
            clock_of(&format!("rtrim({e}, 'Z')"))
        ),
        ColumnKind::TimestampTz => instant_of(e),
        ColumnKind::Uuid => format!(
            "case typeof({e}) when 'blob' then lower(substr(hex({e}), 1, 8) || '-' || substr(hex({e}), 9, 4) || '-' || \
             substr(hex({e}), 13, 4) || '-' || substr(hex({e}), 17, 4) || '-' || substr(hex({e}), 21)) else lower({e}) end"
        ),
        ColumnKind::Json => format!("case typeof({e}) when 'blob' then json({e}) else cast({e} as text) end"),
        ColumnKind::Array | ColumnKind::Date | ColumnKind::Integer | ColumnKind::Other | ColumnKind::Text => {
            format!("cast({e} as text)")
        }
    }
}

/// SQLite compares and stores by the column's affinity, so text suffices except where the stored form differs.
fn bind_sqlite(p: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Boolean => format!("case {p} when 'true' then 1 when 'false' then 0 else {p} end"),
        ColumnKind::Bytes => format!("unhex({p})"),
        ColumnKind::Array
        | ColumnKind::Date
        | ColumnKind::Integer
        | ColumnKind::Json
        | ColumnKind::Numeric
        | ColumnKind::Other
        | ColumnKind::Real
        | ColumnKind::Text
        | ColumnKind::Time
        | ColumnKind::Timestamp
        | ColumnKind::TimestampTz
        | ColumnKind::Uuid => p.to_owned(),
    }
}

/// PostgreSQL's text of the same number: a declared scale is kept (`numeric(5,1)`: 98 reads `98.0`), a whole `real`
/// number has no `.0`.
fn number_of(e: &str, kind: ColumnKind, declared: &str) -> String {
    if kind == ColumnKind::Numeric
        && let Some(scale) = declared_scale(declared)
    {
        return format!(
            "case when typeof({e}) in ('real', 'integer') then printf('%.{scale}f', {e}) else cast({e} as text) end"
        );
    }
    format!(
        "case when typeof({e}) = 'real' and abs({e}) < 1e15 and {e} = cast({e} as integer) \
         then cast(cast({e} as integer) as text) else cast({e} as text) end"
    )
}

/// The scale of `numeric(p, s)`.
fn declared_scale(declared: &str) -> Option<u8> {
    let (_, arguments) = declared.strip_suffix(')')?.rsplit_once('(')?;
    arguments.split_once(',').map_or("0", |(_, scale)| scale.trim()).parse().ok().filter(|scale| *scale <= 15)
}

/// A time (alone or at the end of a timestamp) with seconds, its fraction trimmed.
fn clock_of(e: &str) -> String {
    format!(
        "case when {e} glob '*.*' then rtrim(rtrim({e}, '0'), '.') \
         when {e} glob '*[0-9][0-9]:[0-9][0-9]' and not {e} glob '*:[0-9][0-9]:[0-9][0-9]' then {e} || ':00' \
         else cast({e} as text) end"
    )
}

/// An instant in UTC. A text with no zone is in UTC, as SQLite's own `CURRENT_TIMESTAMP` is.
fn instant_of(e: &str) -> String {
    let local = clock_of(&format!("rtrim({e}, 'Z')"));
    format!(
        "case when typeof({e}) <> 'text' then cast({e} as text) when length({e}) = 10 then {e} || 'T00:00:00Z' \
         when length({e}) > 16 and substr({e}, -6, 1) in ('+', '-') then \
         coalesce(rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', {e}), '0'), '.') || 'Z', {e}) \
         else replace({local}, ' ', 'T') || 'Z' end"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_whatever_they_hold() {
        assert_eq!(quote("Patient \"x\""), "\"Patient \"\"x\"\"\"");
        assert_eq!(literal("O'Hara"), "'O''Hara'");
    }

    #[test]
    fn a_declared_scale_is_found() {
        assert_eq!(declared_scale("numeric(5,1)"), Some(1));
        assert_eq!(declared_scale("DECIMAL(10, 2)"), Some(2));
        assert_eq!(declared_scale("numeric(5)"), Some(0));
        assert_eq!(declared_scale("numeric"), None);
    }
}
