//! Patients that are likely one person: the database names the dates of birth and the identifiers that several rows share,
//! and only those rows are compared.

use std::collections::{BTreeMap, BTreeSet};

use consent::OrganizationId;
use mappers::join::{self, Header};
use mappers::json::Document;
use mappers::map::{Child, ColumnType, Field, Map, ObjectShape, Selector, Slot, Target};
use mappers::quality::{self, Fault, Kind, Person};
use mappers::schema::ColumnKind;

use super::report::Collector;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::entry::{self, Entry};
use crate::store::rows;

/// Shared values taken together: each page reads the table once.
const PAGE: i64 = 2_000;
/// Rows read together.
const ROWS: usize = 500;

/// Looks for them in one map of patients.
pub(super) async fn find(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    collector: &mut Collector,
) -> Result<(), DbError> {
    let shape = core.map(map);
    for shared in Shared::of(core, map) {
        let mut after = None;
        loop {
            let values = shared.page(connection, organization, after.as_ref()).await?;
            let (Some(first), Some(last)) = (values.first(), values.last()) else { break };
            let rows = shared.rows(connection, organization, first, last).await?;
            let groups = match shared.what {
                What::Birth => by_person(core, connection, organization, map, rows).await?,
                What::Identifier => by_value(rows),
            };
            for group in groups.iter().filter(|group| group.len() > 1) {
                let keys = group.iter().map(|key| &**key).collect::<Vec<_>>().join(" = ");
                let fault = Fault { kind: Kind::Duplicate, place: shared.what.place(shape) };
                collector.row(&shape.name, &keys, std::iter::once(fault));
            }
            after = Some(last.clone());
        }
    }
    Ok(())
}

type Group = BTreeSet<Box<str>>;

#[derive(Clone, Copy, Eq, PartialEq)]
enum What {
    Birth,
    Identifier,
}

impl What {
    fn place(self, map: &Map) -> String {
        match self {
            Self::Birth => format!("{}: name, birthDate and gender", map.resource),
            Self::Identifier => format!("{}.identifier", map.resource),
        }
    }
}

/// A value that rows share, as text: of an identifier its system (empty where a column does not say it) and its value.
type Value = (Box<str>, Box<str>);

/// Columns whose values are looked at for being shared.
struct Shared {
    what: What,
    /// The statement's `from` and `where`, without the page.
    from: String,
    key: String,
    system: String,
    value: String,
}

impl Shared {
    fn of(core: &Core, map: usize) -> Vec<Self> {
        let shape = core.map(map);
        let level = Level { core, map: shape, table: &shape.table };
        let mut found = Vec::new();
        for member in &shape.shape.members {
            match (&*member.name, &member.target) {
                ("birthDate", Target::Field(field)) if level.column(&shape.slots, field).is_some() => {
                    found.extend(level.shared(What::Birth, None, level.column(&shape.slots, field), None));
                }
                ("identifier", Target::Children(child)) => {
                    let child = &shape.children[*child];
                    let level = Level { table: &child.table, ..level };
                    let (system, value) = (field(&child.shape, "system"), field(&child.shape, "value"));
                    let of = |field: Option<&Field>| level.column(&child.slots, field?);
                    found.extend(level.shared(What::Identifier, of(system), of(value), Some(child)));
                }
                ("identifier", Target::Slices(slices)) => {
                    for slice in slices.iter().filter(|slice| matches!(slice.selector, Selector::Where(_))) {
                        let value = field(&slice.shape, "value").and_then(|field| level.column(&shape.slots, field));
                        found.extend(level.shared(What::Identifier, None, value, None));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The next values that more than one row has, in their order.
    async fn page(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        after: Option<&Value>,
    ) -> Result<Vec<Value>, DbError> {
        let Self { from, key, system, value, .. } = self;
        let rest = if after.is_some() {
            format!(" and ({system} > $3 or ({system} = $3 and {value} > $4))")
        } else {
            String::new()
        };
        let sql = format!(
            "select {system} as s, {value} as v from {from}{rest} group by 1, 2 \
             having count(distinct {key}) > 1 order by 1, 2 limit $2"
        );
        let mut args = vec![Arg::Int(organization.0), Arg::Int(PAGE)];
        if let Some((system, value)) = after {
            args.extend([Arg::Text(system), Arg::Text(value)]);
        }
        let rows = connection.fetch(&sql, &args).await?;
        let text = |cell: Option<&str>| cell.unwrap_or_default().into();
        Ok(rows.iter().map(|row| (text(row.text(0)), text(row.text(1)))).collect())
    }

    /// The rows whose value, from the first to the last, others have too.
    async fn rows(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        first: &Value,
        last: &Value,
    ) -> Result<Vec<(Value, Box<str>)>, DbError> {
        let Self { from, key, system, value, .. } = self;
        let sql = format!(
            "select s, v, k from (select s, v, k, count(*) over (partition by s, v) as n from \
             (select {system} as s, {value} as v, {key} as k from {from}) r \
             where (s > $2 or (s = $2 and v >= $3)) and (s < $4 or (s = $4 and v <= $5))) r where n > 1"
        );
        let mut args = vec![Arg::Int(organization.0)];
        args.extend([&first.0, &first.1, &last.0, &last.1].map(|text| Arg::Text(text)));
        let rows = connection.fetch(&sql, &args).await?;
        let text = |cell: Option<&str>| -> Box<str> { cell.unwrap_or_default().into() };
        Ok(rows.iter().map(|row| ((text(row.text(0)), text(row.text(1))), text(row.text(2)))).collect())
    }
}

/// Where columns are.
#[derive(Clone, Copy)]
struct Level<'c> {
    core: &'c Core,
    map: &'c Map,
    table: &'c str,
}

impl Level<'_> {
    /// A field's one column of this very table, as canonical text.
    fn column(&self, slots: &[Slot], field: &Field) -> Option<String> {
        let slot = &slots[*field.slots.first()?];
        let engine = self.core.pools.engine();
        let column = format!("{}.{}", dialect::quote(self.table), dialect::quote(&slot.column));
        (slot.join.is_none() && field.json_path.is_empty())
            .then(|| dialect::read(engine, &column, slot.kind, &slot.declared))
    }

    fn shared(
        &self,
        what: What,
        system: Option<String>,
        value: Option<String>,
        child: Option<&Child>,
    ) -> Option<Shared> {
        let value = value?;
        let tenant = child.map_or(&self.map.tenant, |child| &child.tenant);
        let bare = child.map_or(&self.map.bare, |child| &child.bare);
        let key = match child {
            Some(child) => self.core.read_parent_key(child),
            None => self.core.read_key(self.map),
        };
        let tenancy = tenant.as_ref().map_or_else(|| "$1 is not null".to_owned(), |tenant| self.tenancy(tenant, bare));
        Some(Shared {
            what,
            from: format!("{} where {tenancy} and {value} is not null", dialect::quote(self.table)),
            key,
            system: system.map_or_else(|| "''".to_owned(), |system| format!("coalesce({system}, '')")),
            value,
        })
    }

    fn tenancy(&self, tenant: &str, bare: &[ColumnType]) -> String {
        let column = format!("{}.{}", dialect::quote(self.table), dialect::quote(tenant));
        match bare.iter().find(|column| column.name == tenant) {
            Some(text) if !matches!(text.kind, ColumnKind::Integer | ColumnKind::Numeric) => {
                let read = dialect::read(self.core.pools.engine(), &column, text.kind, &text.declared);
                format!("{read} = cast($1 as text)")
            }
            _ => format!("{column} = $1"),
        }
    }
}

fn field<'s>(shape: &'s ObjectShape, name: &str) -> Option<&'s Field> {
    shape.members.iter().find(|member| member.name == name).and_then(|member| match &member.target {
        Target::Field(field) => Some(field),
        _ => None,
    })
}

fn by_value(rows: Vec<(Value, Box<str>)>) -> Vec<Group> {
    let mut groups: BTreeMap<Value, Group> = BTreeMap::new();
    for (value, key) in rows {
        groups.entry(value).or_default().insert(key);
    }
    groups.into_values().collect()
}

/// Groups of rows whose resources are of one person. Only names are kept in mind, and a portion of rows at a time.
async fn by_person(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: Vec<(Value, Box<str>)>,
) -> Result<Vec<Group>, DbError> {
    let mut groups: BTreeMap<Person, Group> = BTreeMap::new();
    for portion in rows.chunks(ROWS) {
        let keys: Vec<&str> = portion.iter().map(|(_, key)| &**key).collect();
        let loaded = rows::load(core, connection, organization, map, &keys).await?;
        let entries = entry::by_key(core, connection, organization, map, &keys).await?;
        for (key, held) in loaded.iter().filter(|(_, held)| held.exists) {
            let fallback = Entry::new(0, core.map(map).resource.as_str().into(), key.clone());
            let entry = entries.get(key).unwrap_or(&fallback);
            let header = Header { id: &entry.id, version: entry.version, last_updated: "2000-01-01T00:00:00.000Z" };
            let mut body = Vec::with_capacity(1024);
            join::join(core.map(map), &held.stored(entry), &header, &core.values(), &mut body);
            if let Some(person) = Document::parse(&body).ok().as_ref().and_then(quality::person) {
                groups.entry(person).or_default().insert(key.clone());
            }
        }
    }
    Ok(groups.into_values().collect())
}
