//! What a code that is not used any more was replaced by, as its own release says.

use std::sync::Arc;

use super::{Coding, Method, Told, review, standard};
use crate::library::Library;
use crate::model::CodeSystem;

/// Properties that name the one code to use instead: LOINC's `MapTo`, `RxNorm`'s archive, SNOMED CT's SAME AS and REPLACED BY.
const INSTEAD: [&str; 4] = ["MAP_TO", "merged_to", "900000000000527005", "900000000000526001"];
/// Properties of SNOMED CT that name codes that may be meant: POSSIBLY EQUIVALENT TO, WAS A, ALTERNATIVE, POSSIBLY REPLACED BY, PARTIALLY
/// EQUIVALENT TO (<https://confluence.ihtsdotools.org/display/DOCRELFMT/5.2.5.1+Historical+Association+Reference+Sets>).
const PERHAPS: [&str; 5] =
    ["900000000000523009", "900000000000528000", "900000000000530003", "1186921001", "1186924009"];
/// How many codes may stand between a code and the one that is in use.
const LONGEST: usize = 16;

/// What is to be used instead of a concept.
pub(super) fn of(library: &Library, system: &Arc<CodeSystem>, at: usize) -> Told {
    let mut seen = vec![at];
    let mut place = at;
    // A successor may have one itself.
    while seen.len() <= LONGEST {
        let next = named(system, place, &INSTEAD);
        match next[..] {
            [] => return perhaps(system, at, place),
            [one] if seen.contains(&one) => return Told::Unknown("what replaces it is replaced by it"),
            [one] if !system.is_inactive(one) => return found(library, system, one),
            [one] => {
                seen.push(one);
                place = one;
            }
            _ => return review(candidates(system, &next), "several codes replace it"),
        }
    }
    Told::Unknown("too many codes replace each other")
}

/// The successor, as the latest release has it: that may have taken it out of use itself.
fn found(library: &Library, system: &Arc<CodeSystem>, at: usize) -> Told {
    let latest = library.systems(&system.url).into_iter().find_map(|latest| {
        let at = latest.find(system.code(at))?;
        Some((latest, at))
    });
    match latest {
        Some((latest, at)) if latest.is_inactive(at) => of(library, &latest, at),
        Some((latest, at)) => standard(Coding::of(&latest, at), Method::Replaced, "equivalent", system.canonical()),
        None => standard(Coding::of(system, at), Method::Replaced, "equivalent", system.canonical()),
    }
}

fn perhaps(system: &Arc<CodeSystem>, at: usize, last: usize) -> Told {
    let mut may_be = named(system, last, &PERHAPS);
    may_be.retain(|place| !system.is_inactive(*place) && *place != at);
    if may_be.is_empty() {
        return Told::Unknown("it is not used any more, and nothing says what replaces it");
    }
    review(candidates(system, &may_be), "it is not used any more, and what may be meant by it is not the same")
}

fn candidates(system: &Arc<CodeSystem>, places: &[usize]) -> Vec<Coding> {
    places.iter().map(|at| Coding::of(system, *at)).collect()
}

/// The concepts that properties of a concept name, each once.
fn named(system: &CodeSystem, at: usize, properties: &[&str]) -> Vec<usize> {
    let concept = system.concept(at);
    let stated = concept.properties.iter().filter(|stated| properties.contains(&stated.code.as_str()));
    let mut places: Vec<usize> = stated.filter_map(|stated| system.find(&stated.text()?)).collect();
    places.sort_unstable();
    places.dedup();
    places
}
