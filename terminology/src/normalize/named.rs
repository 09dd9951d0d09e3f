//! Concepts by what they are called.

use std::sync::Arc;

use super::{Coded, Coding, Method, Told, codings, review, standard};
use crate::library::Library;
use crate::model::CodeSystem;

const LOINC: &str = "http://loinc.org";

/// How the addresses of systems begin that are everybody's.
const STANDARDS: [&str; 12] = [
    "http://hl7.org/",
    "http://loinc.org",
    "http://nucc.org/",
    "http://snomed.info/",
    "http://terminology.hl7.org/",
    "http://unitsofmeasure.org",
    "http://www.ama-assn.org/",
    "http://www.cms.gov/",
    "http://www.nlm.nih.gov/",
    "http://www.whocc.no/",
    "https://www.cms.gov/",
    "urn:ietf:",
];

/// More concepts than this that have all the words of a name are no candidates: the name says too little.
const MANY: usize = 200;
/// Names with more letters are texts.
const LONGEST: usize = 400;

/// A concept of one of the systems that is shown exactly so, or those whose names have all its words. Short and consumers' names say less
/// than the name that a concept is shown by (`Glucose` is one of many): who is only called so by them is a candidate.
pub(super) fn find(library: &Library, coded: Coded<'_>, targets: &[&str]) -> Option<Told> {
    let name = coded.display.trim();
    if name.is_empty() || name.len() > LONGEST || is_standard(&super::alias::system(coded.system)) {
        return None;
    }
    let (plain, words) = (plain(name), words(name));
    if words.is_empty() {
        return None;
    }
    let (mut same, mut like): (Vec<(Arc<CodeSystem>, usize)>, Vec<Coding>) = (Vec::new(), Vec::new());
    for target in targets {
        let Some(system) = library.systems(target).into_iter().next() else { continue };
        let Some(index) = system.index() else { continue };
        let mut places = index.named(&words);
        // Nothing is observed by LOINC's parts, lists and answers.
        let is_term = |at: usize| *target != LOINC || index.code(at).starts_with(|first: char| first.is_ascii_digit());
        places.retain(|at| !index.is_inactive(*at) && !index.is_abstract(*at) && is_term(*at));
        same.extend(
            places
                .iter()
                .filter(|at| index.display(**at).is_some_and(|display| self::plain(display) == plain))
                .map(|at| (Arc::clone(&system), *at)),
        );
        if places.len() <= MANY {
            // The shorter the name, the less else it says.
            places.sort_by_key(|at| (index.display(*at).map_or(usize::MAX, str::len), *at));
            like.extend(codings(&system, &places));
        }
    }
    match &same[..] {
        [(system, at)] => Some(standard(Coding::of(system, *at), Method::Named, "equivalent", system.canonical())),
        [] if like.is_empty() => None,
        [] => Some(review(like, "names are like it")),
        several => {
            let all = several.iter().map(|(system, at)| Coding::of(system, *at)).collect();
            Some(review(all, "several concepts are called so"))
        }
    }
}

/// Whether a system is one of everybody's: its codes mean what it says, and a name that another system has, too, says nothing more.
fn is_standard(url: &str) -> bool {
    STANDARDS.iter().any(|standard| url.starts_with(standard))
}

fn words(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A name without what only its writing is about: letters' case, and how many spaces there are. Signs stay: `A+` is not `A-`.
fn plain(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
