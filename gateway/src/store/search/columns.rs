//! Search values compared with columns of users' tables.

use mappers::map::{Map, Slot};
use mappers::search::{ReferenceValue, TokenValue};
use mappers::sql::{ColumnPredicate, System};

use super::conditions::{Branch, all, any};
use crate::store::condition::Query;
use crate::store::connection::Arg;
use crate::store::core::Core;
use crate::store::dialect;

/// Columns of a map's main table, or of one of its child tables, that hold values of a parameter.
pub(super) struct Place<'c> {
    core: &'c Core,
    map: usize,
    predicate: &'c ColumnPredicate,
    slots: &'c [Slot],
}

impl<'c> Place<'c> {
    pub(super) fn new(core: &'c Core, map: usize, predicate: &'c ColumnPredicate) -> Self {
        let shape = core.map(map);
        let slots = predicate.child.map_or(&shape.slots, |child| &shape.children[child].slots);
        Self { core, map, predicate, slots }
    }

    /// The rows whose token column has one of the values; `None` where no value can be there.
    pub(super) fn tokens<'a>(
        &self,
        query: &mut Query<'a>,
        organization: &str,
        values: &'a [TokenValue],
    ) -> Option<Branch>
    where
        'c: 'a,
    {
        let conditions: Vec<String> = values.iter().filter_map(|value| self.token(query, value)).collect();
        (!conditions.is_empty()).then(|| self.branch(organization, any(conditions)))
    }

    /// The rows whose reference column holds the key of one of the targets.
    pub(super) fn references<'a>(
        &self,
        query: &mut Query<'a>,
        organization: &str,
        values: &'a [ReferenceValue],
    ) -> Option<Branch> {
        let reference = self.slots[self.predicate.value].reference.as_ref()?;
        let target = reference.target.as_str();
        // The column holds keys of the target's tables, and ids of those in the generic store.
        let places: Vec<String> =
            reference.maps.iter().map(|map| format!("t.map = '{}'", map.replace('\'', "''"))).collect();
        let placed = [vec!["t.map is null".to_owned()], places].concat().join(" or ");
        let mut conditions = Vec::new();
        for value in values.iter().filter(|value| value.kinds.is_empty() || value.kinds.contains(&target)) {
            for id in value.ids.iter().filter(|id| mappers::references::is_id(id)) {
                let id = query.arg(Arg::Text(id));
                let key = format!(
                    "(select t.key from directory t \
                     where t.organization_id = {organization} and t.type = '{target}' and t.id = {id} and ({placed}))"
                );
                conditions.push(self.equals(self.predicate.value, &key));
            }
        }
        (!conditions.is_empty()).then(|| self.branch(organization, any(conditions)))
    }

    fn shape(&self) -> &'c Map {
        self.core.map(self.map)
    }

    /// `"table"."column"` of a slot.
    fn column(&self, slot: usize) -> String {
        let slot = &self.slots[slot];
        let table = match (self.predicate.child, slot.join) {
            (Some(child), _) => &self.shape().children[child].table,
            (None, Some(join)) => &self.shape().joins[join].table,
            (None, None) => &self.shape().table,
        };
        format!("{}.{}", self.core.quote(table), self.core.quote(&slot.column))
    }

    /// The column equals a canonical text.
    fn equals(&self, slot: usize, text: &str) -> String {
        format!("{} = {}", self.column(slot), self.core.bind_slot(text, &self.slots[slot]))
    }

    fn token<'a>(&self, query: &mut Query<'a>, value: &'a TokenValue) -> Option<String>
    where
        'c: 'a,
    {
        let mut parts = Vec::new();
        match (&self.predicate.system, value.system.as_deref()) {
            (_, None) | (System::None, Some("")) => {}
            (System::Fixed(fixed), Some(system)) if fixed == system => {}
            (System::Column(slot), Some("")) => parts.push(format!("{} is null", self.column(*slot))),
            (System::Column(slot), Some(system)) => {
                let system = query.arg(Arg::Text(system));
                parts.push(self.equals(*slot, &system));
            }
            (System::Fixed(_) | System::None, Some(_)) => return None,
        }
        match value.code.as_deref() {
            Some(code) => parts.push(self.code(query, code)?),
            None => parts.push(format!("{} is not null", self.column(self.predicate.value))),
        }
        Some(all(parts))
    }

    /// The column has the code, or one of the words that stand for it.
    fn code<'a>(&self, query: &mut Query<'a>, code: &'a str) -> Option<String>
    where
        'c: 'a,
    {
        let predicate = self.predicate;
        if predicate.codes.is_empty() {
            if !Core::can_hold(&self.slots[predicate.value], code) {
                return None;
            }
            let code = query.arg(Arg::Text(code));
            return Some(self.equals(predicate.value, &code));
        }
        let words = predicate.codes.iter().filter(|(_, mapped)| mapped == code);
        let words: Vec<String> = words
            .map(|(word, _)| {
                let word = query.arg(Arg::Text(word));
                self.equals(predicate.value, &word)
            })
            .collect();
        (!words.is_empty()).then(|| any(words))
    }

    /// The rows under a condition.
    fn branch(&self, organization: &str, condition: String) -> Branch {
        let (core, map) = (self.core, self.shape());
        let name = map.name.replace('\'', "''");
        let (source, read, column, bound, tenant, table) = match self.predicate.child {
            Some(child) => {
                let child = &map.children[child];
                let column = format!("{}.{}", core.quote(&child.table), core.quote(&child.parent_key));
                let bound = core.bind_parent_key("d.key", child);
                (
                    core.quote(&child.table),
                    core.read_parent_key(child),
                    column,
                    bound,
                    child.tenant.as_deref(),
                    &child.table,
                )
            }
            None => {
                let column = format!("{}.{}", core.quote(&map.table), core.quote(&map.key));
                let bound = core.bind_key("d.key", map);
                (self.joined(), core.read_key(map), column, bound, map.tenant.as_deref(), &map.table)
            }
        };
        let mut conditions = Vec::new();
        if let Some(tenant) = tenant {
            conditions.push(format!("{}.{} = {organization}", core.quote(table), core.quote(tenant)));
        }
        conditions.push(condition);
        Branch {
            driver: format!(
                "(select {read} as key from {source} where {}{}) as s",
                conditions.join(" and "),
                dialect::barrier(core.pools.engine())
            ),
            to_directory: format!("d.organization_id = {organization} and d.map = '{name}' and d.key = s.key"),
            source,
            conditions,
            // Only a key of this very map can be a value of the key column.
            from_directory: format!("{column} = case when d.map = '{name}' then {bound} end"),
        }
    }

    fn joined(&self) -> String {
        let (core, map) = (self.core, self.shape());
        let mut source = core.quote(&map.table);
        for join in &map.joins {
            let on = |table: &str, column: &str| format!("{}.{}", core.quote(table), core.quote(column));
            let (left, right) = (on(&join.table, &join.column), on(&join.other_table, &join.other_column));
            source.push_str(&format!(" left join {} on {left} = {right}", core.quote(&join.table)));
        }
        source
    }
}
