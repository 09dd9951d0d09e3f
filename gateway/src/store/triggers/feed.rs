//! Which main rows a changed row stands for.

use mappers::map::{Join, Map};
use mappers::schema::{ColumnKind, Schema};

use crate::store::connection::{DbError, Engine};
use crate::store::dialect::{self, literal, quote};
use crate::store::security::is_tenant_kind;

/// The organization of rows whose table knows none.
const DEFAULT_ORGANIZATION: i64 = 1;

/// The way from a watched table to the main table's keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Feed {
    main: String,
    key: String,
    key_kind: ColumnKind,
    key_declared: String,
    tenant: Option<String>,
    /// Empty: the watched table is the main one. Else the tables from the watched one (exclusive) to the main one.
    steps: Vec<Step>,
}

/// One table nearer to the main one.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Step {
    /// The table gone to.
    table: String,
    /// Its column.
    column: String,
    /// The column of the table come from.
    from: String,
}

/// The rows a trigger is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Changed {
    /// Every row (TRUNCATE).
    All,
    /// As they are now.
    New,
    /// As they were.
    Old,
}

/// The watched tables of a map with their ways.
pub(super) fn of_map(map: &Map, schema: &Schema) -> Result<Vec<(String, Feed)>, DbError> {
    let main = main_feed(map, schema)?;
    let with = |steps| Feed { steps, ..main.clone() };
    let mut feeds = vec![(map.table.clone(), main.clone())];
    for child in &map.children {
        let step = Step { table: map.table.clone(), column: map.key.clone(), from: child.parent_key.clone() };
        feeds.push((child.table.clone(), with(vec![step])));
    }
    for join in &map.joins {
        feeds.push((join.table.clone(), with(way(map, join)?)));
    }
    for listed in &map.listed_by {
        // The row whose list it is, by the key that the row itself holds.
        let holder = Feed {
            main: listed.table.clone(),
            key: listed.column.name.clone(),
            key_kind: listed.column.kind,
            key_declared: listed.column.declared.clone(),
            ..main.clone()
        };
        feeds.push((map.table.clone(), holder.clone()));
        for join in &map.joins {
            feeds.push((join.table.clone(), Feed { steps: way(map, join)?, ..holder.clone() }));
        }
    }
    Ok(feeds)
}

/// The tables between a joined table and the main one.
fn way(map: &Map, join: &Join) -> Result<Vec<Step>, DbError> {
    let mut steps = Vec::new();
    let mut at = join;
    loop {
        steps.push(Step { table: at.other_table.clone(), column: at.other_column.clone(), from: at.column.clone() });
        if at.other_table == map.table {
            return Ok(steps);
        }
        let next = map.joins.iter().find(|other| other.table == at.other_table);
        match next {
            Some(next) if steps.len() <= map.joins.len() => at = next,
            _ => return Err(DbError::fault(format!("map {}: join of {} leads nowhere", map.name, join.table))),
        }
    }
}

fn main_feed(map: &Map, schema: &Schema) -> Result<Feed, DbError> {
    if let Some(tenant) = &map.tenant
        && !schema.column(&map.table, tenant).is_some_and(|column| is_tenant_kind(column.kind))
    {
        return Err(DbError::fault(format!(
            "map {}: column {tenant} must be an integer to hold organizations",
            map.name
        )));
    }
    let declared = schema.column(&map.table, &map.key).map(|column| column.declared.clone());
    Ok(Feed {
        main: map.table.clone(),
        key: map.key.clone(),
        key_kind: map.key_kind,
        key_declared: declared.unwrap_or_default(),
        tenant: map.tenant.clone(),
        steps: Vec::new(),
    })
}

impl Feed {
    /// `select 'patients', key, organization` for the main rows that `changed` rows of the watched `table` stand for. A
    /// row without organization or key is nobody's: noting it must not fail the other program's write.
    pub(super) fn select(&self, engine: Engine, changed: Changed, table: &str) -> String {
        let (source, alias) = match (engine, changed) {
            (Engine::Sqlite, Changed::New | Changed::All) => (None, "new"),
            (Engine::Sqlite, Changed::Old) => (None, "old"),
            (Engine::Postgres, Changed::All) => (Some(quote(table)), "c"),
            (Engine::Postgres, Changed::New) => (Some("new_rows".to_owned()), "c"),
            (Engine::Postgres, Changed::Old) => (Some("old_rows".to_owned()), "c"),
        };
        let main = if self.steps.is_empty() { alias.to_owned() } else { format!("s{}", self.steps.len()) };
        let mut from: Vec<String> = source.map(|source| format!("{source} c")).into_iter().collect();
        let mut conditions = Vec::new();
        let mut before = alias.to_owned();
        for (place, step) in self.steps.iter().enumerate() {
            let here = format!("s{}", place + 1);
            from.push(format!("{} {here}", quote(&step.table)));
            conditions.push(format!("{here}.{} = {before}.{}", quote(&step.column), quote(&step.from)));
            before = here;
        }
        let key = self.read_key(engine, &main);
        let organization = self.organization(&main);
        conditions.push(format!("{main}.{} is not null", quote(&self.key)));
        if self.tenant.is_some() {
            conditions.push(format!("{organization} is not null"));
        }
        let from = if from.is_empty() { String::new() } else { format!(" from {}", from.join(", ")) };
        format!("select {}, {key}, {organization}{from} where {}", literal(&self.main), conditions.join(" and "))
    }

    fn read_key(&self, engine: Engine, alias: &str) -> String {
        dialect::read(engine, &format!("{alias}.{}", quote(&self.key)), self.key_kind, &self.key_declared)
    }

    fn organization(&self, alias: &str) -> String {
        match &self.tenant {
            Some(tenant) => format!("{alias}.{}", quote(tenant)),
            None => DEFAULT_ORGANIZATION.to_string(),
        }
    }
}

/// See [`super::adopt`]. `maps` are those over one main table. `None` where no map has rows of its own.
pub(super) fn adopt(engine: Engine, maps: &[&Map], schema: &Schema, all: bool) -> Result<Option<String>, DbError> {
    let Some(first) = maps.first() else { return Ok(None) };
    let feed = main_feed(first, schema)?;
    let table = quote(&feed.main);
    let key = feed.read_key(engine, &table);
    let mut conditions = vec![format!("{} = $1", feed.organization(&table))];
    if !all {
        let names = maps.iter().map(|map| literal(&map.name)).collect::<Vec<_>>().join(", ");
        // Elements of a JSON array have keys `row#element`; `$` is the character after `#`.
        let known = format!("d.key = {key} or (d.key >= {key} || '#' and d.key < {key} || '$')");
        let known = if maps.iter().any(|map| map.array.is_some()) { known } else { format!("d.key = {key}") };
        conditions.push(format!(
            "not exists (select 1 from directory d where d.organization_id = $1 and d.map in ({names}) and ({known}))"
        ));
        conditions.extend(resources_only(maps, &table, schema));
        conditions.extend(first.append_only.as_ref().map(|append| {
            let (supersedes, key) = (quote(&append.supersedes), quote(&feed.key));
            format!("not exists (select 1 from {table} newer where newer.{supersedes} = {table}.{key})")
        }));
    }
    Ok(Some(format!(
        "insert into outbox (map_table, key, organization_id) select {}, {key}, $1 from {table} where {}",
        literal(&feed.main),
        conditions.join(" and ")
    )))
}

/// A condition that leaves rows out which are no resource under any of the maps.
fn resources_only(maps: &[&Map], table: &str, schema: &Schema) -> Option<String> {
    let mut alternatives = Vec::new();
    for map in maps {
        let mut conditions: Vec<String> = map.filter.iter().map(|filter| format!("({filter})")).collect();
        if let Some(deleted) = &map.deleted {
            let column = format!("{table}.{}", quote(deleted));
            let kind = schema.column(&map.table, deleted).map(|column| column.kind);
            conditions.push(match kind {
                Some(ColumnKind::Boolean) => format!("({column} is null or not {column})"),
                _ => format!("{column} is null"),
            });
        }
        if conditions.is_empty() {
            return None;
        }
        let alternative = conditions.join(" and ");
        if !alternatives.contains(&alternative) {
            alternatives.push(alternative);
        }
    }
    Some(format!("({})", alternatives.join(" or ")))
}
