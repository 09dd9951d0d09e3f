//! What a code means in the standards, and how that is known: never a guess. What is not proved is a list of candidates for somebody who
//! decides, or nothing (DESIGN 8; `shared/facts/terminology.md` 5c).
//!
//! The steps, of which the first that tells anything is the last: the code in its own system (as it is written, or cleaned of what is not
//! part of it), what its system says replaces it, concept maps, from NDC to `RxNorm` by what `RxNorm` says, one name that is exactly the same. Names
//! that are like it are candidates.

pub mod alias;
mod mapped;
mod named;
mod replaced;
pub mod targets;

use std::sync::Arc;

use crate::codes::loinc::has_check_digit;
use crate::codes::ndc::{Forms, forms};
use crate::library::Library;
use crate::model::CodeSystem;
use crate::model::code_system::Content;

const LOINC: &str = "http://loinc.org";
const NDC: &str = "http://hl7.org/fhir/sid/ndc";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
/// Systems in which a code may be written with a point or without.
const POINTED: [&str; 4] = [
    "http://hl7.org/fhir/sid/icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-9-cm",
    "http://hl7.org/fhir/sid/icd-10-us",
];

/// A code as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coded<'c> {
    /// Its system; empty where it has none.
    pub system: &'c str,
    /// The code; empty where there is only a name.
    pub code: &'c str,
    /// What it is called.
    pub display: &'c str,
}

/// A code of a standard.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Coding {
    /// Its system.
    pub system: String,
    /// The version of the release.
    pub version: Option<String>,
    /// The code.
    pub code: String,
    /// How it is shown.
    pub display: Option<String>,
}

impl Coding {
    fn of(system: &CodeSystem, at: usize) -> Self {
        Self {
            system: system.url.clone(),
            version: system.version.clone(),
            code: system.code(at).to_owned(),
            display: system.shown(at).map(str::to_owned),
        }
    }
}

/// How it is known what a code means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// It is the code, written as its system writes it.
    Cleaned,
    /// Its system says what replaces it.
    Replaced,
    /// A concept map says so.
    Mapped,
    /// `RxNorm` says of which drug it is a package.
    Package,
    /// A concept has exactly this name, and no other one has.
    Named,
}

impl Method {
    /// A word for it, as events keep it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cleaned => "cleaned",
            Self::Replaced => "replaced",
            Self::Mapped => "mapped",
            Self::Package => "package",
            Self::Named => "named",
        }
    }
}

/// What is known of a code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// It is a code of its system, in use.
    Kept(Coding),
    /// It means this one.
    Standard {
        /// The code of the standard.
        coding: Coding,
        /// How that is known.
        method: Method,
        /// How near the two are, in R4's words (<https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html>).
        equivalence: String,
        /// The release or map that says so, `url|version`.
        by: String,
    },
    /// Somebody has to decide.
    Review {
        /// What it may mean, the likeliest first.
        candidates: Vec<Coding>,
        /// Why it is not clear.
        why: &'static str,
    },
    /// Nothing is known of it: it passes as it is.
    Unknown(&'static str),
}

/// What a code means. `targets` are the systems in which names are looked for, where nothing else is known; none: not by names.
pub fn normalize(library: &Library, coded: Coded<'_>, targets: &[&str]) -> Told {
    let (url, code) = (alias::system(coded.system), coded.code.trim());
    let told = if url.is_empty() || code.is_empty() {
        Told::Unknown("it has no code of a system")
    } else {
        in_its_system(library, &url, code, coded)
    };
    // The steps that follow are for what is unknown so far; a retired code without a successor is asked for, too.
    let Told::Unknown(why) = told else { return told };
    let others =
        [mapped::find(library, &url, code), packaged(library, &url, code), named::find(library, coded, targets)];
    others.into_iter().flatten().next().unwrap_or(Told::Unknown(why))
}

/// The code among those of its own system, as the latest release that has it tells it.
fn in_its_system(library: &Library, url: &str, code: &str, coded: Coded<'_>) -> Told {
    let mut versions = library.systems(url);
    versions.retain(|system| system.content != Content::NotPresent);
    let mut is_gone = false;
    for system in &versions {
        if let Some(at) = written(system, url, code) {
            if is_gone || system.is_inactive(at) {
                return replaced::of(library, system, at);
            }
            let coding = Coding::of(system, at);
            if coding.code == coded.code && coding.system == coded.system {
                return Told::Kept(coding);
            }
            return standard(coding, Method::Cleaned, "equal", system.canonical());
        }
        // A part of a later release takes nothing away from one before it.
        is_gone |= !system.content.is_partial();
    }
    Told::Unknown(match versions.first() {
        _ if url == LOINC && !has_check_digit(code) => "it is no code of LOINC: its check digit is not right",
        None => "no release of its system is here",
        Some(_) if is_gone => "its system has no such code",
        Some(_) => "its system is here in part, and that has no such code",
    })
}

fn standard(coding: Coding, method: Method, equivalence: &str, by: String) -> Told {
    Told::Standard { coding, method, equivalence: equivalence.to_owned(), by }
}

/// Where a code is, as it is written or as its system writes it.
fn written(system: &CodeSystem, url: &str, code: &str) -> Option<usize> {
    if let Some(at) = system.find(code) {
        return Some(at);
    }
    if POINTED.contains(&url) && code.is_ascii() && code.len() > 3 && !code.contains('.') {
        // ICD-9-CM's external causes have the point after four signs.
        let places = if url.ends_with("icd-9-cm") && code.starts_with(['E', 'e']) { [4, 3] } else { [3, 3] };
        let point = |place: usize| Some(format!("{}.{}", code.get(..place)?, code.get(place..)?));
        return places.iter().filter_map(|place| point(*place)).find_map(|pointed| system.find(&pointed));
    }
    if url == NDC {
        let index = system.index()?;
        let mut found: Vec<usize> = readings(code).iter().flat_map(|eleven| index.holding("NDC11", eleven)).collect();
        found.dedup();
        return <[usize; 1]>::try_from(found).ok().map(|[one]| one);
    }
    None
}

/// The eleven digits that an NDC may be.
fn readings(code: &str) -> Vec<String> {
    let all = match forms(code) {
        Forms::One(one) => vec![one],
        Forms::Ambiguous(several) => several,
        Forms::Not(_) => Vec::new(),
    };
    all.iter().filter_map(|ndc| ndc.eleven().map(str::to_owned)).collect()
}

/// Of which drug a package is: what `RxNorm` says of its NDC. A drug has many packages, so it is wider.
fn packaged(library: &Library, url: &str, code: &str) -> Option<Told> {
    if url != NDC {
        return None;
    }
    let system = library.systems(RXNORM).into_iter().next()?;
    let index = system.index()?;
    let mut found: Vec<usize> = readings(code).iter().flat_map(|eleven| index.holding("NDC", eleven)).collect();
    found.sort_unstable();
    found.dedup();
    found.retain(|at| !index.is_inactive(*at));
    match found[..] {
        [] => None,
        [one] => Some(standard(Coding::of(&system, one), Method::Package, "wider", system.canonical())),
        _ => Some(review(codings(&system, &found), "ten digits without hyphens are packages of several drugs")),
    }
}

fn codings(system: &Arc<CodeSystem>, places: &[usize]) -> Vec<Coding> {
    places.iter().map(|at| Coding::of(system, *at)).collect()
}

/// The most candidates that somebody is shown.
const MOST: usize = 20;

fn review(mut candidates: Vec<Coding>, why: &'static str) -> Told {
    let mut seen = std::collections::HashSet::new();
    candidates.retain(|coding| seen.insert(coding.clone()));
    candidates.truncate(MOST);
    Told::Review { candidates, why }
}
