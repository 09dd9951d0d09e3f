//! Rows that show what other rows hold: when those change, what they are shown as changes with them.

use std::collections::BTreeSet;

use consent::OrganizationId;
use mappers::map::{Join, JoinWrite, Map};
use mappers::sql::Dialect as _;

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;

/// Has rows settled that join rows of a map with these keys without owning them: a note that is signed makes resources of
/// its rows, and its patient is theirs. Our own writes leave no other trace in the outbox.
pub(super) async fn note(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<(), DbError> {
    let keys: Vec<Arg<'_>> = keys.iter().copied().map(Arg::Text).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let joined = core.map(map);
    let mut statements = BTreeSet::new();
    for other in &core.maps.maps {
        let foreign = other.joins.iter().filter(|join| join.table == joined.table && join.write == JoinWrite::Never);
        statements.extend(foreign.filter_map(|join| statement(core, joined, other, join)));
    }
    for sql in statements {
        let args = [Arg::Int(organization.0)];
        bulk::execute_by_keys(connection, &sql, &args, &[("key", BulkType::Text)], &keys).await?;
    }
    Ok(())
}

/// Notes the rows of `map` that reach rows of `joined` by a join.
fn statement(core: &Core, joined: &Map, map: &Map, join: &Join) -> Option<String> {
    let dialect = core.dialect();
    let column = |table: &str, column: &str| format!("{}.{}", core.quote(table), core.quote(column));
    let mut from = format!(
        "{{keys}} join {} on {} = {}",
        core.quote(&joined.table),
        column(&joined.table, &joined.key),
        core.bind_key("k.key", joined)
    );
    let mut at = join;
    loop {
        from += &format!(
            " join {} on {} = {}",
            core.quote(&at.other_table),
            column(&at.other_table, &at.other_column),
            column(&at.table, &at.column)
        );
        if at.other_table == map.table {
            break;
        }
        at = map.joins.iter().find(|earlier| earlier.table == at.other_table)?;
    }
    let declared = core.schema.column(&map.table, &map.key).map(|key| key.declared.as_str()).unwrap_or_default();
    let key = dialect.read(&column(&map.table, &map.key), map.key_kind, declared);
    let own = map.tenant.as_ref().map(|tenant| format!(" where {} = cast($1 as bigint)", column(&map.table, tenant)));
    Some(format!(
        "insert into outbox (map_table, key, organization_id) select '{}', {key}, cast($1 as bigint) from {from}{}",
        map.table.replace('\'', "''"),
        own.unwrap_or_default()
    ))
}
