//! Resources that another of the same set names in a list: how they come to be rows of the maps that the list is of.

use std::collections::HashMap;

use mappers::split;

use crate::store::apply::Step;
use crate::store::core::Core;

/// Whose list a new row belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// Index into `Map::listed_by` of the row's map.
    pub(crate) listed: usize,
    /// Whose key the row holds.
    pub(crate) holder: Holder,
}

/// The row that a row belongs to.
#[derive(Clone, Debug)]
pub(crate) enum Holder {
    /// One that was there before.
    Key(Box<str>),
    /// That of another step.
    Step(usize),
}

/// A list of one step that names another, should the one become a row of `by`.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The map that the named step is a candidate for.
    pub(super) map: usize,
    /// Index into its `Map::listed_by`.
    pub(super) listed: usize,
    /// The step whose list it is.
    pub(super) holder: usize,
    /// The map the holder must be a row of.
    pub(super) by: usize,
}

/// By step: where it is named, in the order of sets and lists. What is named in another set of the same transaction was
/// there before or comes later: it is not claimed.
pub(super) fn named(core: &Core, steps: &[Step<'_>]) -> Vec<Vec<Named>> {
    let mut found: Vec<Vec<Named>> = vec![Vec::new(); steps.len()];
    let has_lists =
        |step: &Step<'_>| core.maps_of(&step.change.kind).iter().any(|map| !core.map(*map).lists.is_empty());
    if !steps.iter().any(has_lists) {
        return found;
    }
    let identity = |step: &Step<'_>| (step.unit, format!("{}/{}", step.change.kind, step.change.id));
    let inside: HashMap<(usize, String), usize> =
        steps.iter().enumerate().map(|(number, step)| (identity(step), number)).collect();
    for (holder, step) in steps.iter().enumerate() {
        let Some(document) = &step.document else { continue };
        for &by in core.maps_of(&step.change.kind) {
            let lists = core.listed_in(by);
            if lists.is_empty() {
                continue;
            }
            for (list, references) in split::listed(core.map(by), document).into_iter().enumerate() {
                for reference in references {
                    let Some(&number) = inside.get(&(step.unit, reference.into_string())) else { continue };
                    let of = lists.iter().filter(|(map, _, of)| *of == list && accepts(core, *map, &steps[number]));
                    found[number].extend(of.map(|(map, listed, _)| Named { map: *map, listed: *listed, holder, by }));
                }
            }
        }
    }
    found
}

/// Whether a map takes new rows, and this one.
pub(super) fn accepts(core: &Core, map: usize, step: &Step<'_>) -> bool {
    let map = core.map(map);
    let accepted = |document| split::accepts(map, document);
    !map.readonly && step.document.as_ref().is_some_and(accepted)
}
