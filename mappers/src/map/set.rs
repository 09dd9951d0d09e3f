//! All maps of a gateway.

use std::collections::BTreeSet;

use super::{Map, Problem};

/// Compiled maps in the order of their files, facets in the order of their file.
#[derive(Clone, Debug, Default)]
pub struct MapSet {
    /// The maps.
    pub maps: Vec<Map>,
    /// What is probably not meant, though it works.
    pub warnings: Vec<Problem>,
}

impl MapSet {
    /// The map of that name (`patient`, `vital_signs.hr`).
    pub fn by_name(&self, name: &str) -> Option<&Map> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The maps of a resource type: a new resource goes to the first that accepts it.
    pub fn of_type<'s>(&'s self, resource: &'s str) -> impl Iterator<Item = &'s Map> {
        self.maps.iter().filter(move |map| map.resource == resource)
    }

    /// The maps whose main table it is (several where a row has facets).
    pub fn of_table<'s>(&'s self, table: &'s str) -> impl Iterator<Item = &'s Map> {
        self.maps.iter().filter(move |map| map.table == table)
    }

    /// The main tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.maps.iter().map(|map| map.table.as_str()).collect::<BTreeSet<_>>().into_iter()
    }
}
