//! Child rows of a changed resource: what is the same stays untouched, the rest is changed, removed or added.

use consent::OrganizationId;
use mappers::map::Child;
use mappers::row::{Cell, ChildRow};

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::rows::insert::insert_children;

/// Brings the child rows of one parent from `held` to `wanted`; gives the rows as the database has them now, in the order
/// wanted.
#[expect(clippy::too_many_arguments, reason = "each names a different thing of one list")]
pub(super) async fn replace(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    child: usize,
    parent: &str,
    held: &[ChildRow],
    wanted: &[ChildRow],
) -> Result<Vec<ChildRow>, DbError> {
    let tenant = organization.0.to_string();
    let statements = &core.statements[map].children[child];
    if statements.update.is_none() {
        // Rows that cannot be told apart are replaced together, if anything changed at all.
        if held == wanted {
            return Ok(held.to_vec());
        }
        remove_all(core, connection, organization, map, child, &[parent]).await?;
        let rows: Vec<(&str, &ChildRow)> = wanted.iter().map(|row| (parent, row)).collect();
        return insert_children(core, connection, map, child, &tenant, &rows).await;
    }
    let shape = &core.map(map).children[child];
    let mut left: Vec<&ChildRow> = held.iter().collect();
    let mut result: Vec<Option<ChildRow>> = Vec::with_capacity(wanted.len());
    let mut changed = Vec::new();
    for (number, row) in wanted.iter().enumerate() {
        let found = left.iter().position(|held| same_row(shape, held, row));
        match found.map(|place| left.swap_remove(place)) {
            Some(held) if held.cells == row.cells && held.residue == row.residue && held.position == row.position => {
                result.push(Some(held.clone()));
            }
            Some(held) if held.position == row.position => {
                changed.push((number, ChildRow { key: held.key.clone(), ..row.clone() }));
                result.push(None);
            }
            // A row at another place is written anew, so that places never clash on the way.
            Some(held) => {
                left.push(held);
                result.push(None);
            }
            None => result.push(None),
        }
    }
    for row in left {
        remove(core, connection, organization, map, child, parent, row).await?;
    }
    for (number, row) in changed {
        result[number] = Some(update(core, connection, organization, map, child, parent, &row).await?);
    }
    let fresh: Vec<usize> = (0..wanted.len()).filter(|number| result[*number].is_none()).collect();
    let unkeyed: Vec<ChildRow> = fresh.iter().map(|number| ChildRow { key: None, ..wanted[*number].clone() }).collect();
    let rows: Vec<(&str, &ChildRow)> = unkeyed.iter().map(|row| (parent, row)).collect();
    let back = insert_children(core, connection, map, child, &tenant, &rows).await?;
    for (number, row) in fresh.into_iter().zip(back) {
        result[number] = Some(row);
    }
    Ok(result.into_iter().flatten().collect())
}

/// Whether a wanted row is this one.
pub(super) fn same_row(child: &Child, held: &ChildRow, wanted: &ChildRow) -> bool {
    match (&wanted.key, &child.key) {
        (Some(key), Some(_)) => held.key.as_ref() == Some(key),
        _ => held.position == wanted.position,
    }
}

/// Changes one child row; gives it as the database has it now.
pub(super) async fn update(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    child: usize,
    parent: &str,
    row: &ChildRow,
) -> Result<ChildRow, DbError> {
    let shape = &core.map(map).children[child];
    let Some(sql) = &core.statements[map].children[child].update else {
        return Err(DbError::fault("child rows that cannot be told apart"));
    };
    let position = row.position.to_string();
    let mut args = vec![Arg::Int(organization.0), Arg::Text(parent), own_key(row, &position)];
    let writable = || shape.slots.iter().enumerate().filter(|(_, slot)| slot.writable);
    args.extend(writable().map(|(slot, _)| Arg::text(row.cells[slot].as_deref())));
    if shape.residue.is_some() {
        args.push(Arg::text(row.residue.as_deref()));
    }
    let back = connection.fetch_optional(sql, &args).await?;
    let back = back.ok_or_else(|| DbError::moved("a child row has gone"))?;
    let mut held = row.clone();
    for (place, (slot, _)) in writable().enumerate() {
        held.cells[slot] = back.text(place).map(Into::into);
    }
    Ok(held)
}

async fn remove(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    child: usize,
    parent: &str,
    row: &ChildRow,
) -> Result<(), DbError> {
    if let Some(sql) = &core.statements[map].children[child].delete {
        let position = row.position.to_string();
        let args = [Arg::Int(organization.0), Arg::Text(parent), own_key(row, &position)];
        connection.execute(sql, &args).await?;
    }
    Ok(())
}

fn own_key<'a>(row: &'a ChildRow, position: &'a str) -> Arg<'a> {
    let key: &'a Cell = &row.key;
    Arg::Text(key.as_deref().unwrap_or(position))
}

/// Removes all child rows of the parents.
pub(super) async fn remove_all(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    child: usize,
    parents: &[&str],
) -> Result<(), DbError> {
    let sql = &core.statements[map].children[child].delete_all;
    let keys: Vec<Arg<'_>> = parents.iter().copied().map(Arg::Text).collect();
    let args = [Arg::Int(organization.0)];
    bulk::execute_by_keys(connection, sql, &args, &[("key", BulkType::Text)], &keys).await.map(drop)
}
