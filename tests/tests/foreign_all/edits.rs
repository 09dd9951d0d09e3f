//! What another program does to a resource's rows, as SQL: made from the map, within the table's own checks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_tests::{Engine, Json};
use mappers::map::{Child, Codec, JoinWrite, Map, Slot};
use mappers::row::Cell;
use mappers::schema::ColumnKind;

use crate::clinic::{Clinic, Home};
use crate::dice::Dice;
use crate::rows::{Rows, slots_of};
use crate::shapes::Leaf;
use crate::words::Words;

/// A text as an SQL literal for its column.
pub(crate) fn literal(engine: Engine, slot: &Slot, cell: Option<&str>) -> String {
    let Some(text) = cell else { return "null".to_owned() };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (slot.kind, engine) {
        (ColumnKind::Boolean | ColumnKind::Integer | ColumnKind::Numeric | ColumnKind::Real, _) => text.to_owned(),
        (ColumnKind::Bytes, _) => {
            let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            if engine == Engine::Sqlite { format!("x'{digits}'") } else { format!("'\\x{digits}'") }
        }
        (ColumnKind::Array, Engine::Postgres) => {
            let items = Json::of(text);
            let items: Vec<String> = items.array().iter().filter_map(|item| item.as_str()).map(quoted).collect();
            format!("array[{}]::text[]", items.join(", "))
        }
        _ => quoted(text),
    }
}

/// The statement that inserts a main row with its children, and rows of tables that are written with it.
pub(crate) fn insert(
    map: &Map,
    key: &str,
    cells: &[Cell],
    note: &str,
    more: &[(&str, String)],
    engine: Engine,
) -> String {
    let mut names = vec![map.key.clone()];
    let mut values = vec![format!("'{key}'")];
    names.extend(map.tenant.clone());
    values.extend(map.tenant.iter().map(|_| "1".to_owned()));
    for (name, value) in map
        .fixed
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .chain(more.iter().map(|(name, value)| (*name, value)))
    {
        names.push(name.to_owned());
        values.push(value.clone());
    }
    for (slot, cell) in map.slots.iter().zip(cells).filter(|(slot, _)| slot.join.is_none() && slot.writable) {
        if let Some(text) = cell.as_deref() {
            names.push(slot.column.clone());
            values.push(literal(engine, slot, Some(text)));
        }
    }
    for join in map.joins.iter().filter(|join| join.write == JoinWrite::Never && join.other_table == map.table) {
        if !names.contains(&join.other_column) {
            names.push(join.other_column.clone());
            values.push(format!("'{note}'"));
        }
    }
    let mut text = format!("insert into {} ({}) values ({})", map.table, names.join(", "), values.join(", "));
    for (number, join) in map.joins.iter().enumerate().filter(|(_, join)| join.write == JoinWrite::With) {
        let filled: Vec<(&Slot, &str)> = map
            .slots
            .iter()
            .zip(cells)
            .filter(|(slot, _)| slot.join == Some(number))
            .filter_map(|(slot, cell)| Some((slot, cell.as_deref()?)))
            .collect();
        if !filled.is_empty() {
            text += &format!("; insert into {} ({}", join.table, join.column);
            join.tenant.iter().for_each(|tenant| text += &format!(", {tenant}"));
            filled.iter().for_each(|(slot, _)| text += &format!(", {}", slot.column));
            text += &format!(") values ('{key}'");
            join.tenant.iter().for_each(|_| text += ", 1");
            filled.iter().for_each(|(slot, cell)| text += &format!(", {}", literal(engine, slot, Some(cell))));
            text += ")";
        }
    }
    text
}

/// The statement that inserts a child row.
pub(crate) fn insert_child(
    child: &Child,
    parent: &str,
    key: &str,
    position: i64,
    cells: &[Cell],
    engine: Engine,
) -> String {
    let mut names = vec![child.parent_key.clone()];
    let mut values = vec![format!("'{parent}'")];
    let own = child.key.iter().filter(|_| !child.key_generated).map(|name| (name, format!("'{key}'")));
    let tenant = child.tenant.iter().map(|name| (name, "1".to_owned()));
    let order = child.order.iter().map(|name| (name, position.to_string()));
    for (name, value) in own.chain(tenant).chain(order) {
        names.push(name.clone());
        values.push(value);
    }
    for (slot, cell) in child.slots.iter().zip(cells).filter(|(slot, _)| slot.writable) {
        if let Some(text) = cell.as_deref() {
            names.push(slot.column.clone());
            values.push(literal(engine, slot, Some(text)));
        }
    }
    format!("insert into {} ({}) values ({})", child.table, names.join(", "), values.join(", "))
}

/// How a slot's column is named where the joins are.
fn column(map: &Map, slot: &Slot) -> String {
    format!("{}.{}", slot.join.map_or(&map.table, |join| &map.joins[join].table), slot.column)
}

/// The main row and what is joined to it.
fn from(map: &Map, key: &str) -> String {
    let mut text = format!("from {}", map.table);
    for join in &map.joins {
        text += &format!(
            " left join {0} on {0}.{1} = {2}.{3}",
            join.table, join.column, join.other_table, join.other_column
        );
    }
    text + &format!(" where {}.{} = '{key}'", map.table, map.key)
}

fn is_filled(column: &str) -> String {
    format!("case when {column} is null then 0 else 1 end")
}

/// Which columns of the row hold something (`?` stands for what), or `None` where there is no row.
pub(crate) async fn cells(clinic: &mut Clinic, map: &Map, home: &Home) -> Option<Vec<Cell>> {
    let columns: Vec<String> = map.slots.iter().map(|slot| is_filled(&column(map, slot))).collect();
    let query = |engine| format!("select {} {}", columns.join(", "), from(map, home.key(engine)));
    let mut rows = clinic.rows(query).await;
    Some(rows.pop()?.into_iter().map(|filled| (filled.as_deref() == Some("1")).then(|| "?".into())).collect())
}

/// A child's rows: a condition that names each within its parent, and which columns hold something.
pub(crate) async fn child_rows(clinic: &mut Clinic, child: &Child, home: &Home) -> Vec<(String, Vec<Cell>)> {
    let name = child.key.as_ref().or(child.order.as_ref()).expect("child rows can be told from each other");
    let columns: Vec<String> = child.slots.iter().map(|slot| is_filled(&slot.column)).collect();
    let filter = child.filter.as_ref().map_or(String::new(), |filter| format!(" and {filter}"));
    let query = |engine: Engine| {
        let (columns, parent) = (columns.join(", "), home.key(engine));
        format!(
            "select {name}, {columns} from {} where {} = '{parent}'{filter} order by {name}",
            child.table, child.parent_key
        )
    };
    let rows = clinic.rows(query).await;
    let mut found = Vec::new();
    for mut row in rows {
        let key = row.remove(0).unwrap();
        let cells = row.into_iter().map(|filled| (filled.as_deref() == Some("1")).then(|| "?".into())).collect();
        found.push((format!("{name} = '{key}'"), cells));
    }
    found
}

/// Everything that the map's columns hold of a row, as each engine's own text: before and after a write that says nothing new.
/// Rows of a list keep their places where all items of the resource's list are rows.
pub(crate) async fn snapshot(
    clinic: &mut Clinic,
    map: &Map,
    home: &Home,
    body: &Json,
) -> Vec<Vec<Vec<Vec<Option<String>>>>> {
    let shown = |slot: &Slot, name: String, engine: Engine| match (slot.kind, engine) {
        (ColumnKind::Bytes, Engine::Sqlite) => format!("hex({name})"),
        _ => format!("cast({name} as text)"),
    };
    let mut all = Vec::new();
    all.push(
        clinic
            .rows_of_each(|engine| {
                let columns: Vec<String> =
                    map.slots.iter().map(|slot| shown(slot, column(map, slot), engine)).collect();
                format!("select {} {}", columns.join(", "), from(map, home.key(engine)))
            })
            .await,
    );
    for child in &map.children {
        let rows = clinic.rows_of_each(|engine| {
            let name = child.key.as_ref().or(child.order.as_ref()).unwrap();
            let order = child.order.as_ref().unwrap_or(name);
            let mut columns: Vec<String> = vec![format!("cast({name} as text)"), format!("cast({order} as text)")];
            // A row of which no column says anything goes with the next write; what its residue says stays.
            let says: Vec<String> = child.slots.iter().map(|slot| format!("{} is not null", slot.column)).collect();
            columns.extend(child.slots.iter().map(|slot| shown(slot, slot.column.clone(), engine)));
            format!(
                "select {} from {table} where {} = '{}' and ({}) order by {table}.{order}, {table}.{name}",
                columns.join(", "),
                child.parent_key,
                home.key(engine),
                says.join(" or "),
                // Without it PostgreSQL sorts by the texts shown.
                table = child.table,
            )
        });
        let mut rows = rows.await;
        if body.items(&child.path).len() != rows[0].len() {
            rows.iter_mut().flatten().for_each(|row| drop(row.drain(..2)));
        }
        all.push(rows);
    }
    all
}

/// What a change of a column writes: the columns that change and their texts (a choice's other columns are cleared).
pub(crate) struct Change {
    /// Slot and new text.
    pub(crate) columns: Vec<(usize, Cell)>,
    /// It takes a row with values away.
    pub(crate) takes_away: bool,
}

/// A new text for one of the leaf's columns, and what else must give way to it. `None`: nothing to do.
pub(crate) fn change(
    rows: &Rows<'_>,
    words: &Words,
    leaf: &Leaf<'_>,
    before: &[Cell],
    dice: &mut Dice,
) -> Option<Change> {
    let slots = slots_of(rows.map, leaf);
    let last = leaf.field.slots.iter().filter(|slot| before[**slot].is_some()).count();
    let slot = leaf.field.slots[dice.below(leaf.field.slots.len().min(last + 1))];
    let cell = match dice.below(10) {
        0 | 1 => None,
        2 if matches!(leaf.field.codec, Codec::Codes(_)) => Some("not a code".into()),
        _ => {
            let mut cells = vec![None; slots.len()];
            cells[slot] = rows.cell(leaf.child, slot, dice);
            words.fit(rows.map, leaf.child, &mut cells, dice);
            cells.swap_remove(slot)
        }
    };
    if cell.is_none() && leaf.child.is_none() && rows.map.when_one.contains(&slot) {
        return None;
    }
    let mut after = before.to_vec();
    rows.set(leaf.child, &mut after, slot, cell);
    // What has no place without another column gives way only within the same element: elsewhere a client may have said the rest.
    let near = |other: &&Leaf<'_>| other.child == leaf.child && other.top == leaf.top;
    let may = |slot: &usize| {
        leaf.rivals.contains(slot) || rows.leaves.iter().filter(near).any(|other| other.field.slots.contains(slot))
    };
    let is_new = |slot: &usize| after[*slot] != before[*slot] && may(slot);
    let columns: Vec<(usize, Cell)> = (0..slots.len()).filter(is_new).map(|slot| (slot, after[slot].clone())).collect();
    (!columns.is_empty()).then_some(Change { columns, takes_away: false })
}

/// The statements that change columns of a main row and of rows joined to it.
pub(crate) fn update(map: &Map, key: &str, columns: &[(usize, Cell)], there: &[bool], engine: Engine) -> String {
    let mut statements = Vec::new();
    let places = std::iter::once(None).chain((0..map.joins.len()).map(Some));
    for place in places {
        let of_place: Vec<(&Slot, Option<&str>)> = columns
            .iter()
            .map(|(slot, cell)| (&map.slots[*slot], cell.as_deref()))
            .filter(|(slot, _)| slot.join == place)
            .collect();
        if of_place.is_empty() {
            continue;
        }
        let sets: Vec<String> =
            of_place.iter().map(|(slot, cell)| format!("{} = {}", slot.column, literal(engine, slot, *cell))).collect();
        let sets = sets.join(", ");
        let Some(join) = place.map(|place| &map.joins[place]) else {
            statements.push(format!("update {} set {sets} where {} = '{key}'", map.table, map.key));
            continue;
        };
        let other = format!("(select {} from {} where {} = '{key}')", join.other_column, map.table, map.key);
        if !there[place.unwrap()] {
            let tenant = join.tenant.as_ref().map_or(String::new(), |tenant| format!(", {tenant}"));
            let one = if join.tenant.is_some() { ", 1" } else { "" };
            statements.push(format!("insert into {} ({}{tenant}) values ({other}{one})", join.table, join.column));
        }
        statements.push(format!("update {} set {sets} where {} = {other}", join.table, join.column));
    }
    statements.join("; ")
}

/// Which joined rows are there.
pub(crate) async fn joined(clinic: &mut Clinic, map: &Map, home: &Home) -> Vec<bool> {
    if map.joins.is_empty() {
        return Vec::new();
    }
    let columns: Vec<String> =
        map.joins.iter().map(|join| is_filled(&format!("{}.{}", join.table, join.column))).collect();
    let query = |engine| format!("select {} {}", columns.join(", "), from(map, home.key(engine)));
    let rows = clinic.rows(query).await;
    rows.first().map_or(Vec::new(), |row| row.iter().map(|there| there.as_deref() == Some("1")).collect())
}
