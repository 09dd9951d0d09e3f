//! Lists of references that rows of other tables give: reading them, and telling the rows whose lists change.

use std::collections::{BTreeSet, HashMap};

use consent::OrganizationId;
use mappers::map::Map;
use mappers::references::is_id;
use mappers::row::Cell;
use mappers::schema::ColumnKind;
use mappers::split::{self, Shadow};

use crate::store::apply::Step;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::core::Core;
use crate::store::entry;
use crate::store::place::{Claim, Holder, Placed};
use crate::store::rows::load::Loaded;

/// Columns of the outbox.
pub(super) const OUTBOX: &[BulkColumn<'_>] =
    &[("map_table", BulkType::Text), ("key", BulkType::Text), ("organization_id", BulkType::Int)];

/// A row that holds another row's key.
struct Listed {
    /// The other row's key.
    holder: Box<str>,
    /// Index into the lists of the other row's map.
    list: usize,
    /// Its map.
    of: usize,
    /// Its key.
    key: Box<str>,
    /// The resource's id, where the directory knows the row.
    id: Option<Box<str>>,
}

/// Fills in what the lists of these rows hold: one statement for each map that is listed.
pub(crate) async fn fill(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: &mut HashMap<Box<str>, Loaded>,
) -> Result<(), DbError> {
    if core.map(map).lists.is_empty() || rows.is_empty() {
        return Ok(());
    }
    let keys: Vec<Box<str>> = rows.keys().cloned().collect();
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let mut found = listed(core, connection, organization, map, &keys).await?;
    guess_ids(core, connection, organization, &mut found).await?;
    for row in rows.values_mut() {
        row.listed = vec![Vec::new(); core.map(map).lists.len()];
    }
    for item in found {
        let (Some(id), Some(row)) = (&item.id, rows.get_mut(&item.holder)) else { continue };
        row.listed[item.list].push(reference(core.map(item.of), id));
    }
    Ok(())
}

/// Has rows settled whose lists hold rows of a map with these keys.
pub(crate) async fn note(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<(), DbError> {
    let mut noted: BTreeSet<(&str, Box<str>)> = BTreeSet::new();
    for (number, listed) in core.map(map).listed_by.iter().enumerate() {
        for (_, holder) in holders(core, connection, organization, map, number, keys).await? {
            noted.insert((&listed.table, holder));
        }
    }
    let lines: Vec<Arg<'_>> =
        noted.iter().flat_map(|(table, key)| [Arg::Text(table), Arg::Text(key), Arg::Int(organization.0)]).collect();
    bulk::insert_rows(connection, "outbox", OUTBOX, &lines, "").await.map(drop)
}

/// The keys that rows hold in the column of one list (an index into `Map::listed_by`): pairs of own key and held one.
async fn holders(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    number: usize,
    keys: &[&str],
) -> Result<Vec<(Box<str>, Box<str>)>, DbError> {
    let sql = &core.statements[map].listed[number].holders;
    let keys: Vec<Arg<'_>> = keys.iter().copied().map(Arg::Text).collect();
    let args = [Arg::Int(organization.0)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("key", BulkType::Text)], &keys).await?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?.into(), row.text(1)?.into()))).collect())
}

/// The keys that a new row holds by the lists it is in, parallel to `Map::listed_by`. A row of a map that comes to be only
/// through a list needs one.
pub(super) fn holders_of(core: &Core, map: usize, steps: &[Step<'_>], claims: &[Claim]) -> Result<Vec<Cell>, DbError> {
    let shape = core.map(map);
    let mut holders: Vec<Cell> = vec![None; shape.listed_by.len()];
    for claim in claims {
        let key = match &claim.holder {
            Holder::Key(key) => Some(key.clone()),
            Holder::Step(number) => match &steps[*number].placed {
                Placed::Mapped { key, .. } => Some(key.clone()),
                Placed::Generic => None,
            },
        };
        let column = &shape.listed_by[claim.listed].column.name;
        for (holder, listed) in holders.iter_mut().zip(&shape.listed_by) {
            if listed.column.name == *column && holder.is_none() {
                holder.clone_from(&key);
            }
        }
    }
    if shape.listed && holders.iter().all(Option::is_none) {
        return Err(DbError { kind: DbErrorKind::ForeignKey, ..DbError::fault("a row that no list names") });
    }
    Ok(holders)
}

/// The key that a row holds in a column by a list.
pub(super) fn holder_in<'h>(map: &Map, column: &str, holders: &'h [Cell]) -> Option<&'h str> {
    let mut listed = map.listed_by.iter().zip(holders).filter(|(listed, _)| listed.column.name == column);
    listed.find_map(|(_, holder)| holder.as_deref())
}

/// Whether a change moves a row from one list to another: where a field maps the column that the list goes by.
pub(super) fn moves(map: &Map, held: &[Cell], wanted: &[Cell]) -> bool {
    let by = |column: &str| map.listed_by.iter().any(|listed| listed.column.name == column);
    let slots = map.slots.iter().zip(held.iter().zip(wanted));
    slots.filter(|(slot, _)| slot.join.is_none() && by(&slot.column)).any(|(_, (held, wanted))| held != wanted)
}

/// The lists that a row is in stay its own when it is written anew.
pub(super) async fn hold(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    step: &mut Step<'_>,
) -> Result<(), DbError> {
    let Placed::Mapped { key, claims, .. } = &mut step.placed else { return Ok(()) };
    claims.clear();
    for listed in 0..core.map(map).listed_by.len() {
        let held = holders(core, connection, organization, map, listed, &[key]).await?;
        claims.extend(held.into_iter().map(|(_, holder)| Claim { listed, holder: Holder::Key(holder) }));
    }
    Ok(())
}

/// Remembers what the clients of the steps' lists left out of them, though they could know of it: what they wrote is what
/// is served. Rows of other programs that nobody has been shown yet are not among it.
pub(crate) async fn leave_out(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    steps: &mut [Step<'_>],
) -> Result<(), DbError> {
    let mut parents: HashMap<usize, HashMap<Box<str>, usize>> = HashMap::new();
    for (number, step) in steps.iter().enumerate() {
        if let Placed::Mapped { map, key, .. } = &step.placed
            && !core.map(*map).lists.is_empty()
        {
            parents.entry(*map).or_default().insert(key.clone(), number);
        }
    }
    for (map, parents) in parents {
        let keys: Vec<&str> = parents.keys().map(|key| &**key).collect();
        let mut known = vec![vec![Vec::new(); core.map(map).lists.len()]; steps.len()];
        for item in listed(core, connection, organization, map, &keys).await? {
            let id = item.id.or_else(|| written(steps, item.of, &item.key));
            if let (Some(id), Some(number)) = (id, parents.get(&item.holder)) {
                known[*number][item.list].push(reference(core.map(item.of), &id));
            }
        }
        for number in parents.into_values() {
            let step = &mut steps[number];
            let Some(document) = &step.document else { continue };
            let left_out = split::left_out(core.map(map), document, &known[number]);
            let shadow = step.side.shadow.as_deref().and_then(Shadow::parse);
            step.side.shadow = Shadow::leaving_out(shadow, left_out).map(|shadow| shadow.to_json().into());
        }
    }
    Ok(())
}

/// The id of the resource that this transaction has put in a row.
fn written(steps: &[Step<'_>], of: usize, row: &str) -> Option<Box<str>> {
    let is_it =
        |step: &&Step<'_>| matches!(&step.placed, Placed::Mapped { map, key, .. } if *map == of && **key == *row);
    steps.iter().find(is_it).map(|step| step.change.id.clone())
}

fn reference(map: &Map, id: &str) -> Box<str> {
    format!("{}/{id}", map.resource).into()
}

/// The rows that the lists of these rows hold, in the lists' order: by map, then by key.
async fn listed(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<Vec<Listed>, DbError> {
    let args = [Arg::Int(organization.0)];
    let keys: Vec<Arg<'_>> = keys.iter().copied().map(Arg::Text).collect();
    let mut found = Vec::new();
    for (of, number, list) in core.listed_in(map) {
        let sql = &core.statements[of].listed[number].select;
        let rows = bulk::fetch_by_keys(connection, sql, &args, &[("key", BulkType::Text)], &keys).await?;
        let start = found.len();
        for row in &rows {
            // The row of a deleted resource, kept for others' sake, is none.
            if row.int(3).unwrap_or_default() != 0 && row.text(4) == Some(entry::KEPT) {
                continue;
            }
            let text = |column| row.text(column).map(Box::<str>::from);
            let (Some(holder), Some(key)) = (text(0), text(1)) else { continue };
            found.push(Listed { holder, list, of, key, id: text(2) });
        }
        let whole = matches!(core.map(of).key_kind, ColumnKind::Integer | ColumnKind::Numeric);
        found[start..].sort_by(|left, right| {
            // Whole numbers in their own order.
            let place = |key: &str| (if whole { key.len() } else { 0 }, key.to_owned());
            place(&left.key).cmp(&place(&right.key))
        });
    }
    Ok(found)
}

/// The ids that rows will have which the directory does not know yet, unless another resource has them already: then they
/// are listed once they have one of their own.
async fn guess_ids(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    found: &mut [Listed],
) -> Result<(), DbError> {
    let guess = |item: &Listed| {
        let id = core.map(item.of).id_of(&item.key);
        is_id(&id).then_some((core.map(item.of).resource.as_str(), id))
    };
    let guesses: Vec<(&str, String)> = found.iter().filter(|item| item.id.is_none()).filter_map(guess).collect();
    let wanted: Vec<(&str, &str)> = guesses.iter().map(|(kind, id)| (*kind, id.as_str())).collect();
    let taken = entry::by_identity(core, connection, organization, &wanted, false).await?;
    for item in found.iter_mut().filter(|item| item.id.is_none()) {
        let Some((kind, id)) = guess(item) else { continue };
        let entry = taken.get(&(Box::from(kind), Box::from(id.as_str())));
        let free = entry.is_none_or(|entry| entry.deleted && entry.flag.as_deref() != Some(entry::KEPT));
        item.id = free.then(|| id.into());
    }
    Ok(())
}
