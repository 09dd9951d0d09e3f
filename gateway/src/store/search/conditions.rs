//! One condition as the branches it drives, and as a filter on what another one drives.

use consent::Permit;
use mappers::search::parameters::Definition;
use mappers::search::{DateValue, Parameter, ReferenceValue, Search, TokenValue};

use super::columns;
use crate::store::condition::Query;
use crate::store::connection::Arg;
use crate::store::core::Core;
use crate::store::dialect;

/// One way to find matches: rows of one source, and which directory rows they stand for.
#[derive(Debug)]
pub(super) struct Branch {
    /// The table (with what is joined to it).
    pub(super) source: String,
    /// What must hold of its rows.
    pub(super) conditions: Vec<String>,
    /// The source under its conditions, where it drives.
    pub(super) driver: String,
    /// Finds the directory row (`d`) of a row of the driver.
    pub(super) to_directory: String,
    /// The other way: finds the source rows of a directory row.
    pub(super) from_directory: String,
}

/// A search on its way to SQL.
pub(super) struct Builder<'a> {
    pub(super) query: Query<'a>,
    core: &'a Core,
    organization: String,
    /// What holds of every match: organization, type, not deleted, the permit's predicate.
    base: Vec<String>,
    kind: Option<&'a str>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(core: &'a Core, permit: &'a Permit, search: &'a Search) -> Self {
        let mut query = Query::default();
        let organization = query.arg(Arg::Int(permit.organization().0));
        let mut base = vec![format!("d.organization_id = {organization}"), "d.deleted = 0".to_owned()];
        let kind = search.kind.as_deref();
        if let Some(kind) = kind {
            let kind = query.arg(Arg::Text(kind));
            base.push(format!("d.type = {kind}"));
        }
        base.push(query.predicate(permit.predicate(), "d"));
        Self { query, core, organization, base, kind }
    }

    /// The directory itself, under its conditions.
    pub(super) fn everything(&self) -> String {
        format!("directory d where {}", self.base.join(" and "))
    }

    /// The sources and conditions that `driver` gives, each under the other conditions.
    pub(super) fn branches(&mut self, driver: &'a Parameter, others: &[&'a Parameter]) -> Vec<String> {
        let mut shared = self.base.clone();
        for other in others {
            shared.push(self.filter(other));
        }
        let branches = self.sources(driver);
        if branches.is_empty() {
            shared.push(self.filter(driver));
            return vec![format!("directory d where {}", shared.join(" and "))];
        }
        // The source drives: its index is the one that was chosen, whatever the planner knows of the tables' sizes.
        let join = dialect::join_in_order(self.core.pools.engine());
        let render = |Branch { driver, to_directory, .. }: Branch| {
            format!("{driver} {join} directory d on {to_directory} where {}", shared.join(" and "))
        };
        branches.into_iter().map(render).collect()
    }

    /// A condition as a filter on the directory row `d`.
    fn filter(&mut self, parameter: &'a Parameter) -> String {
        match parameter {
            Parameter::Id(ids) => {
                let ids: Vec<String> = ids.iter().map(|id| self.query.arg(Arg::Text(id))).collect();
                format!("d.id in ({})", ids.join(", "))
            }
            Parameter::LastUpdated(values) => any(values.iter().map(|value| self.updated(value)).collect()),
            Parameter::Tag(_) | Parameter::Token { .. } | Parameter::Reference { .. } => {
                let exists = |Branch { source, conditions, from_directory, .. }: Branch| {
                    format!("exists (select 1 from {source} where {from_directory} and {})", conditions.join(" and "))
                };
                any(self.sources(parameter).into_iter().map(exists).collect())
            }
        }
    }

    /// Where a condition's matches come from; nothing for conditions on the directory itself.
    fn sources(&mut self, parameter: &'a Parameter) -> Vec<Branch> {
        match parameter {
            Parameter::Id(_) | Parameter::LastUpdated(_) => Vec::new(),
            Parameter::Tag(values) => vec![self.token_index("Resource._tag", values)],
            Parameter::Token { definition, values } => {
                let mut branches = vec![self.token_index(definition.full, values)];
                for (map, number) in self.columns(definition) {
                    let core = self.core;
                    let place = columns::Place::new(core, map, &core.predicates(map, definition)[number]);
                    branches.extend(place.tokens(&mut self.query, &self.organization, values));
                }
                branches
            }
            Parameter::Reference { definition, values } => {
                let mut branches = vec![self.reference_index(definition.full, values)];
                for (map, number) in self.columns(definition) {
                    let core = self.core;
                    let place = columns::Place::new(core, map, &core.predicates(map, definition)[number]);
                    branches.extend(place.references(&mut self.query, &self.organization, values));
                }
                branches
            }
        }
    }

    /// The maps of the type that have columns for a parameter, and which of their predicates.
    fn columns(&self, definition: &'static Definition) -> Vec<(usize, usize)> {
        let maps = self.kind.map_or(&[][..], |kind| self.core.maps_of(kind));
        let predicates = |map: &usize| {
            let count = self.core.predicates(*map, definition).len();
            let map = *map;
            (0..count).map(move |number| (map, number))
        };
        maps.iter().flat_map(predicates).collect()
    }

    fn updated(&mut self, value: &DateValue) -> String {
        let ranges = value.ranges(self.core.clock.now_ms());
        let range = |(from, to): (i64, i64)| {
            let from = self.query.arg(Arg::Int(from));
            let to = self.query.arg(Arg::Int(to));
            format!("(d.updated >= {from} and d.updated < {to})")
        };
        any(ranges.into_iter().map(range).collect())
    }

    fn token_index(&mut self, parameter: &'static str, values: &'a [TokenValue]) -> Branch {
        let mut conditions = self.index(parameter);
        let value = |value: &'a TokenValue| {
            let mut parts = Vec::new();
            if let Some(code) = &value.code {
                let code = self.query.arg(Arg::Text(code));
                parts.push(format!("i.code = {code}"));
            }
            if let Some(system) = &value.system {
                let system = self.query.arg(Arg::Text(system));
                parts.push(format!("i.system = {system}"));
            }
            all(parts)
        };
        conditions.push(any(values.iter().map(value).collect()));
        indexed("index_token i", conditions)
    }

    fn reference_index(&mut self, parameter: &'static str, values: &'a [ReferenceValue]) -> Branch {
        let mut conditions = self.index(parameter);
        let value = |value: &'a ReferenceValue| {
            let ids: Vec<String> = value.ids.iter().map(|id| self.query.arg(Arg::Text(id))).collect();
            let mut parts = vec![format!("i.target_id in ({})", ids.join(", "))];
            if !value.kinds.is_empty() {
                let kinds: Vec<String> = value.kinds.iter().map(|kind| self.query.arg(Arg::Text(kind))).collect();
                parts.push(format!("i.target_type in ({})", kinds.join(", ")));
            }
            all(parts)
        };
        conditions.push(any(values.iter().map(value).collect()));
        indexed("index_reference i", conditions)
    }

    fn index(&mut self, parameter: &'static str) -> Vec<String> {
        let parameter = self.query.arg(Arg::Text(parameter));
        vec![format!("i.organization_id = {}", self.organization), format!("i.parameter = {parameter}")]
    }
}

fn indexed(source: &str, conditions: Vec<String>) -> Branch {
    Branch {
        driver: format!("(select i.rid from {source} where {}) as s", conditions.join(" and ")),
        source: source.to_owned(),
        conditions,
        to_directory: "d.rid = s.rid".to_owned(),
        from_directory: "i.rid = d.rid".to_owned(),
    }
}

/// One of them; nothing at all where there is none.
pub(super) fn any(conditions: Vec<String>) -> String {
    if conditions.is_empty() { "1 = 0".to_owned() } else { format!("({})", conditions.join(" or ")) }
}

/// All of them.
pub(super) fn all(conditions: Vec<String>) -> String {
    if conditions.is_empty() { "1 = 1".to_owned() } else { format!("({})", conditions.join(" and ")) }
}
