//! Writing rows back as they are: what the database makes of them is law 2 (GetPut) in figures.
//!
//! A change writes only what differs; here everything is written that a change may write, so that what the database would
//! rewrite, or refuse, shows. What no resource can say (`NaN`, the end of time) no change would write. The caller rolls back.

use consent::OrganizationId;
use mappers::map::{JoinWrite, PatientSource};
use mappers::quality;
use mappers::row::{ChildRow, Row as MappedRow};
use mappers::split::Split;
use mappers::sql::{InsertParameter, Statements};

use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::rows::children;
use crate::store::rows::insert::insert_children;
use crate::store::rows::load::Loaded;

/// Writes the split of a row into the row; gives what the database has then. Child rows come in the order of the split.
pub(crate) async fn put_back(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    key: &str,
    held: &Loaded,
    split: &Split,
) -> Result<MappedRow, DbError> {
    let mut back = split.row.clone();
    let shape = core.map(map);
    if shape.readonly || shape.append_only.is_some() || shape.array.is_some() {
        // Such rows are never updated: the split alone says what a write would mean.
        return Ok(back);
    }
    // What a resource leaves unsaid of a row that is another's stays as it is there, but for whose it is.
    for slot in 0..shape.slots.len() {
        let never = shape.slots[slot].join.is_some_and(|join| shape.joins[join].write == JoinWrite::Never);
        if never && back.cells[slot].is_none() && shape.patient != PatientSource::Slot(slot) {
            back.cells[slot].clone_from(&held.row.cells[slot]);
        }
    }
    let unsaid = quality::unsaid(&shape.slots, &shape.shape, &held.row.cells, &held.references, &core.values());
    let same = |slot: usize| split.row.cells[slot] == held.row.cells[slot];
    let left: Vec<bool> = unsaid.into_iter().enumerate().map(|(slot, unsaid)| unsaid && same(slot)).collect();
    for join in std::iter::once(None).chain((0..shape.joins.len()).map(Some)) {
        let slots: Vec<usize> = (0..shape.slots.len())
            .filter(|slot| shape.slots[*slot].join == join && shape.slots[*slot].writable && !left[*slot])
            .collect();
        let skipped = join.is_some_and(|join| {
            let nothing_held = slots.iter().all(|slot| held.row.cells[*slot].is_none());
            shape.joins[join].write == JoinWrite::Never || nothing_held
        });
        let mut changes: Vec<InsertParameter> = slots.iter().copied().map(InsertParameter::Slot).collect();
        if join.is_none() && shape.residue.is_some() {
            changes.push(InsertParameter::Residue);
        }
        if skipped || changes.is_empty() {
            continue;
        }
        let mut args = vec![Arg::Int(organization.0), Arg::Text(key)];
        args.extend(slots.iter().map(|slot| Arg::text(split.row.cells[*slot].as_deref())));
        if changes.len() > slots.len() {
            args.push(Arg::text(held.residue.as_deref()));
        }
        let sql = Statements::update(shape, &core.dialect(), join, &changes);
        let row = connection.fetch_optional(&sql, &args).await?;
        let row = row.ok_or_else(|| DbError::moved("a row has gone"))?;
        for (place, slot) in slots.into_iter().enumerate() {
            back.cells[slot] = row.text(place).map(Into::into);
        }
    }
    for child in 0..shape.children.len() {
        let wanted = &split.row.children[child];
        back.children[child] = children_back(core, connection, organization, (map, child), key, held, wanted).await?;
    }
    Ok(back)
}

async fn children_back(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    (map, child): (usize, usize),
    key: &str,
    held: &Loaded,
    wanted: &[ChildRow],
) -> Result<Vec<ChildRow>, DbError> {
    if core.statements[map].children[child].update.is_none() {
        let tenant = organization.0.to_string();
        children::remove_all(core, connection, organization, map, child, &[key]).await?;
        let rows: Vec<(&str, &ChildRow)> = wanted.iter().map(|row| (key, row)).collect();
        return insert_children(core, connection, map, child, &tenant, &rows).await;
    }
    let shape = &core.map(map).children[child];
    let mut back = Vec::with_capacity(wanted.len());
    for row in wanted {
        // A row that is not there would be added: the caller counts it as a difference.
        let before = held.row.children[child].iter().find(|held| children::same_row(shape, held, row));
        let known = before.is_some_and(|before| {
            let unsaid = quality::unsaid(&shape.slots, &shape.shape, &before.cells, &[], &core.values());
            !(before.cells == row.cells && unsaid.contains(&true))
        });
        let is_written = known && (shape.residue.is_some() || shape.slots.iter().any(|slot| slot.writable));
        back.push(match is_written {
            true => children::update(core, connection, organization, map, child, key, row).await?,
            false => row.clone(),
        });
    }
    Ok(back)
}
