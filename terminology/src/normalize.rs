//! What a code means in the standards, and how that is known: never a guess. What is not proved is a list of candidates for somebody who
//! decides, or nothing (DESIGN 8; `shared/facts/terminology.md` 5c).
//!
//! The steps, of which the first that tells anything is the last: the code in its own system (as it is written, or cleaned of what is not
//! part of it), what its system says replaces it, concept maps, from NDC to `RxNorm` by what `RxNorm` says, one name that is exactly the same. Names
//! that are like it are candidates.

pub mod alias;
mod named;
mod replaced;
pub mod targets;

use std::sync::Arc;

use crate::codes::ndc::{Forms, forms};
use crate::library::Library;
use crate::model::code_system::Content;
use crate::model::{CodeSystem, parts};

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
    let others = [mapped(library, &url, code), packaged(library, &url, code), named::find(library, coded, targets)];
    others.into_iter().flatten().next().unwrap_or(Told::Unknown(why))
}

/// The code among those of its own system.
fn in_its_system(library: &Library, url: &str, code: &str, coded: Coded<'_>) -> Told {
    let versions = library.systems(url);
    let Some(system) = versions.iter().find(|system| system.content != Content::NotPresent) else {
        return Told::Unknown("no release of its system is here");
    };
    let Some(at) = written(system, url, code) else {
        // One that was taken away may be in a release before.
        let before = versions.iter().skip(1).find_map(|version| Some((version, written(version, url, code)?)));
        return match before {
            Some((version, at)) => replaced::of(library, version, at),
            None if system.content.is_partial() => {
                Told::Unknown("its system is here in part, and that has no such code")
            }
            None => Told::Unknown("its system has no such code"),
        };
    };
    if system.is_inactive(at) {
        return replaced::of(library, system, at);
    }
    let coding = Coding::of(system, at);
    if coding.code == coded.code && coding.system == coded.system {
        return Told::Kept(coding);
    }
    standard(coding, Method::Cleaned, "equal", system.canonical())
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

/// What the concept maps that are known say.
fn mapped(library: &Library, url: &str, code: &str) -> Option<Told> {
    let (mut same, mut near): (Vec<(Coding, String, String)>, Vec<Coding>) = (Vec::new(), Vec::new());
    for map in library.maps() {
        let groups =
            map.group.iter().filter(|group| group.source.as_deref().is_some_and(|source| parts(source).0 == url));
        for group in groups {
            let elements = group.element.iter().filter(|element| element.code.as_deref() == Some(code));
            for target in elements.flat_map(|element| &element.target).filter(|target| target.is_match()) {
                let (Some(system), Some(code)) = (group.target.as_deref(), target.code.as_deref()) else { continue };
                let coding = target_coding(library, parts(system).0, code, target.display.as_deref());
                // What hangs on something else is for somebody who sees that.
                let is_same = matches!(target.nearness(), "equal" | "equivalent") && target.depends_on.is_empty();
                if is_same && target.product.is_empty() && !is_retired(library, &coding) {
                    same.push((coding, target.nearness().to_owned(), map.canonical().unwrap_or_default()));
                } else {
                    near.push(coding);
                }
            }
        }
    }
    same.dedup_by(|one, other| one.0 == other.0);
    let is_one = same.iter().all(|(coding, ..)| *coding == same[0].0);
    match same.into_iter().next() {
        Some((coding, equivalence, by)) if is_one => Some(standard(coding, Method::Mapped, &equivalence, by)),
        Some(_) => Some(review(mapped_candidates(library, url, code), "maps say that it means several codes")),
        None if near.is_empty() => None,
        None => Some(review(near, "maps name codes that are near it, or not used any more")),
    }
}

fn mapped_candidates(library: &Library, url: &str, code: &str) -> Vec<Coding> {
    let groups = library.maps().iter().flat_map(|map| &map.group);
    let groups = groups.filter(|group| group.source.as_deref().is_some_and(|source| parts(source).0 == url));
    let targets = groups.flat_map(|group| {
        let elements = group.element.iter().filter(|element| element.code.as_deref() == Some(code));
        elements.flat_map(|element| &element.target).map(move |target| (group, target))
    });
    targets
        .filter_map(|(group, target)| {
            let (system, code) = (group.target.as_deref()?, target.code.as_deref()?);
            Some(target_coding(library, parts(system).0, code, target.display.as_deref()))
        })
        .collect()
}

/// Whether a release that is here says that a code is not used any more: a map may be older.
fn is_retired(library: &Library, coding: &Coding) -> bool {
    let versions = library.systems(&coding.system);
    versions.iter().find_map(|system| Some(system.is_inactive(system.find(&coding.code)?))).unwrap_or_default()
}

/// The target of a map, as a release that is here knows it.
fn target_coding(library: &Library, url: &str, code: &str, display: Option<&str>) -> Coding {
    let known = library.systems(url).into_iter().find_map(|system| Some(Coding::of(&system, system.find(code)?)));
    known.unwrap_or_else(|| Coding {
        system: url.to_owned(),
        version: None,
        code: code.to_owned(),
        display: display.map(str::to_owned),
    })
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
