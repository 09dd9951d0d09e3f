//! Value sets that are lists of codes: <https://hl7.org/fhir/R4/valueset.html>.

use std::collections::{BTreeSet, HashSet};

use super::library::{Library, Lookup, Wanted};
use crate::json::{Element, Kind};

/// Codes of a system.
pub(super) type Codes = HashSet<Box<str>>;

/// How deep value sets may stand in each other.
const DEPTH: usize = 8;
/// How many sets may be looked through for one code.
const SETS: usize = 1_000;

/// A value set as far as lists tell it.
#[derive(Debug, Default)]
pub(super) struct ValueSet {
    includes: Vec<Part>,
    excludes: Vec<Part>,
}

/// One include or exclude: a code is in it when every part of it says so.
#[derive(Debug, Default)]
struct Part {
    system: Option<Box<str>>,
    /// `None`: all codes of the system.
    codes: Option<Codes>,
    sets: Vec<Box<str>>,
    /// There is a rule that no list tells.
    by_rule: bool,
}

/// Systems that an expansion may have codes of.
const SYSTEMS: usize = 1_000;

/// Whether a code is in a set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Membership {
    In,
    Out,
    /// What is known here does not tell.
    Unknown,
}

/// The search for a code in value sets, which name each other.
struct Search<'s> {
    system: Option<&'s str>,
    code: &'s str,
    library: &'s Library,
    /// Sets that may still be looked through.
    left: usize,
    /// Definitions that nobody was asked for yet.
    wanted: BTreeSet<Wanted>,
}

impl ValueSet {
    /// A line of the table without its address: `@system`, codes, `@system`, `*`.
    pub(super) fn of_table(rest: &str) -> Self {
        let mut includes: Vec<Part> = Vec::new();
        for word in rest.split('\t') {
            match (word.strip_prefix('@'), includes.last_mut()) {
                (Some(system), _) => {
                    includes.push(Part { system: Some(system.into()), codes: Some(Codes::new()), ..Part::default() })
                }
                (None, Some(part)) if word == "*" || word == "?" => {
                    part.codes = None;
                    part.by_rule = word == "?";
                }
                (None, Some(part)) => {
                    part.codes.get_or_insert_default().insert(word.into());
                }
                (None, None) => {}
            }
        }
        Self { includes, excludes: Vec::new() }
    }

    /// A set of these codes.
    pub(super) fn of_codes(codes: &[(String, String)]) -> Self {
        let mut includes = Vec::new();
        for (system, code) in codes {
            insert(&mut includes, Some(system.as_str().into()), code.as_str().into());
        }
        Self { includes, excludes: Vec::new() }
    }

    /// How many parts a search for a code goes through.
    pub(super) fn len(&self) -> usize {
        self.includes.len() + self.excludes.len()
    }

    /// Whether lists tell all of its codes.
    pub(super) fn is_whole(&self) -> bool {
        !self.includes.iter().chain(&self.excludes).any(|part| part.by_rule)
    }

    /// Reads a `ValueSet`: its expansion, or what it is composed of.
    pub(super) fn read(set: Element<'_>) -> Self {
        if let Some(expansion) = set.member("expansion").filter(|expansion| expansion.member("contains").is_some()) {
            let mut includes = Vec::new();
            contained(expansion, &mut includes);
            return Self { includes, excludes: Vec::new() };
        }
        let parts = |name: &str| {
            let compose = set.member("compose").and_then(|compose| compose.member(name));
            compose.into_iter().flat_map(|list| list.children()).map(Part::read).collect()
        };
        Self { includes: parts("include"), excludes: parts("exclude") }
    }

    /// The codes of a `CodeSystem` that holds them all.
    pub(super) fn codes_of_system(system: Element<'_>) -> Option<Codes> {
        let complete = system.member("content").and_then(|content| content.string()).as_deref() == Some("complete");
        let mut codes = Codes::new();
        concepts(system, &mut codes);
        complete.then_some(codes)
    }

    /// Whether a code is in it. Without a system any will do, as `code` elements have none.
    pub(super) fn membership(
        &self,
        system: Option<&str>,
        code: &str,
        library: &Library,
    ) -> (Membership, BTreeSet<Wanted>) {
        let mut search = Search { system, code, library, left: SETS, wanted: BTreeSet::new() };
        (self.within(&mut search, DEPTH), search.wanted)
    }

    fn within(&self, search: &mut Search<'_>, depth: usize) -> Membership {
        if depth == 0 || search.left == 0 {
            return Membership::Unknown;
        }
        search.left -= 1;
        let mut any = |parts: &[Part]| {
            let mut best = Membership::Out;
            for part in parts {
                match part.membership(search, depth - 1) {
                    Membership::In => return Membership::In,
                    Membership::Unknown => best = Membership::Unknown,
                    Membership::Out => {}
                }
            }
            best
        };
        match (any(&self.includes), any(&self.excludes)) {
            (Membership::Out, _) | (_, Membership::In) => Membership::Out,
            (Membership::In, Membership::Out) => Membership::In,
            _ => Membership::Unknown,
        }
    }
}

impl Part {
    fn read(part: Element<'_>) -> Self {
        let list = |name: &str| part.member(name).into_iter().flat_map(|list| list.children());
        let codes = part.member("concept").map(|_| {
            let codes = list("concept").filter_map(|concept| concept.member("code")?.string());
            codes.map(|code| code.into()).collect()
        });
        Self {
            system: part.member("system").and_then(|system| system.string()).map(|system| system.into()),
            codes,
            sets: list("valueSet").filter_map(|set| set.string()).map(|set| set.into()).collect(),
            by_rule: part.member("filter").is_some(),
        }
    }

    fn membership(&self, search: &mut Search<'_>, depth: usize) -> Membership {
        let (system, code, library) = (search.system, search.code, search.library);
        if let (Some(own), Some(system)) = (self.system.as_deref(), system)
            && own != system
        {
            return Membership::Out;
        }
        let mut said = match (&self.codes, self.system.as_deref()) {
            (Some(codes), _) if codes.contains(code) => Membership::In,
            (Some(_), _) => return Membership::Out,
            (None, Some(own)) => search.whole(own),
            (None, None) => Membership::In,
        };
        if said == Membership::Out {
            return said;
        }
        for set in &self.sets {
            let inner = match library.value_set(set) {
                Lookup::Found(found) => found.within(search, depth),
                Lookup::Unasked => {
                    search.wanted.insert(Wanted { kind: "ValueSet", url: set.clone() });
                    Membership::Unknown
                }
                Lookup::Unknown => Membership::Unknown,
            };
            match inner {
                Membership::Out => return Membership::Out,
                Membership::Unknown => said = Membership::Unknown,
                Membership::In => {}
            }
        }
        if self.by_rule { Membership::Unknown } else { said }
    }
}

impl Search<'_> {
    /// Whether a system has the code.
    fn whole(&mut self, system: &str) -> Membership {
        let told = |is_in: bool| if is_in { Membership::In } else { Membership::Out };
        if system == "http://unitsofmeasure.org" {
            return self.library.is_unit(self.code).map_or(Membership::Unknown, told);
        }
        match self.library.system(system) {
            Lookup::Found(codes) => told(codes.contains(self.code)),
            Lookup::Unasked => {
                self.wanted.insert(Wanted { kind: "CodeSystem", url: system.into() });
                Membership::Unknown
            }
            Lookup::Unknown => Membership::Unknown,
        }
    }
}

/// Puts a code beside the others of its system.
fn insert(parts: &mut Vec<Part>, system: Option<Box<str>>, code: Box<str>) {
    let at = parts.iter().position(|part| part.system == system).unwrap_or(parts.len());
    if at == parts.len() && at > SYSTEMS {
        return;
    }
    if at == SYSTEMS {
        // Of the rest nothing is known.
        return parts.push(Part { by_rule: true, ..Part::default() });
    }
    if at == parts.len() {
        parts.push(Part { system, ..Part::default() });
    }
    parts[at].codes.get_or_insert_default().insert(code);
}

fn contained(parent: Element<'_>, parts: &mut Vec<Part>) {
    for item in parent.member("contains").into_iter().flat_map(|list| list.children()) {
        let text = |name: &str| item.member(name).and_then(|text| text.string()).map(Box::<str>::from);
        let is_abstract = item.member("abstract").is_some_and(|flag| flag.kind() == Kind::True);
        if let Some(code) = text("code").filter(|_| !is_abstract) {
            insert(parts, text("system"), code);
        }
        contained(item, parts);
    }
}

fn concepts(parent: Element<'_>, codes: &mut Codes) {
    for concept in parent.member("concept").into_iter().flat_map(|list| list.children()) {
        codes.extend(concept.member("code").and_then(|code| code.string()).map(|code| Box::from(&*code)));
        concepts(concept, codes);
    }
}
