//! Compartments: which references make a resource part of one's record
//! (<https://hl7.org/fhir/R4/compartmentdefinition.html>).

#[rustfmt::skip]
mod table;

use super::parameters::{self, resource_types};
use super::query::{IndexTest, ReferenceValue, Test, Values};
use table::TABLE;

/// Types that have a compartment.
pub const KINDS: [&str; 5] = ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"];

/// The types that can be in a compartment, in order.
pub fn members(compartment: &str) -> impl Iterator<Item = &'static str> {
    let at = KINDS.iter().position(|kind| *kind == compartment);
    resource_types().iter().copied().filter(move |kind| at.is_some_and(|at| !parameters_of(at, kind).is_empty()))
}

/// What must hold of a resource of one of the types to be in the compartment of this one; the types that never are do not
/// count. `None` where there is no such compartment.
#[must_use]
pub fn test(compartment: &str, id: &str, kinds: &[&'static str], base: &str) -> Option<Test> {
    let (at, owner) = KINDS.iter().enumerate().find(|(_, kind)| **kind == compartment)?;
    let mut paths = Vec::new();
    for kind in kinds {
        for name in parameters_of(at, kind) {
            paths.extend(parameters::definition(kind, name).into_iter().flat_map(|found| found.index_paths()));
        }
    }
    paths.sort_unstable();
    paths.dedup();
    let ids = vec![id.into(), format!("{}/{owner}/{id}", base.trim_end_matches('/')).into()];
    let value = ReferenceValue { kinds: vec![*owner], ids };
    let refers = Test::Index(IndexTest { paths, values: Values::References(vec![value]) });
    // The owner is in its own compartment.
    Some(if kinds.contains(owner) { Test::Any(vec![Test::Id(vec![id.into()]), refers]) } else { refers })
}

/// The places of a type whose references put a resource of it into a compartment.
#[must_use]
pub fn paths(compartment: &str, kind: &str) -> Vec<i32> {
    let Some(at) = KINDS.iter().position(|known| *known == compartment) else { return Vec::new() };
    let definitions = parameters_of(at, kind).iter().filter_map(|name| parameters::definition(kind, name));
    definitions.flat_map(|found| found.index_paths()).collect()
}

fn parameters_of(compartment: usize, kind: &str) -> &'static [&'static str] {
    TABLE.binary_search_by(|(name, _)| (*name).cmp(kind)).map_or(&[], |row| TABLE[row].1[compartment])
}
