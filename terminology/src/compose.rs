//! What a value set holds: by its rules, from the code systems and value sets that they name
//! (<https://hl7.org/fhir/R4/valueset.html#compositions>).

mod filter;
mod find;
mod indexed;
mod unknown;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use self::filter::Prepared;
pub use self::indexed::Indexed;
use self::unknown::unknown_system;
pub use self::unknown::{unknown_set, unknown_system_text};
use crate::issue::{Fault, Issue};
use crate::library::Library;
use crate::model::code_system::Content;
use crate::model::value_set::{Compose, Contained, Include, Listed};
use crate::model::{CodeSystem, Standing, ValueSet, parts, versioned};
use crate::options::{Options, Taken};

/// How deep value sets may name value sets.
const DEEPEST: usize = 16;

/// The most filters of one rule: each may hold an expression that is compiled.
const MOST_FILTERS: usize = 32;

/// Steps that a rule costs by itself: what it names is looked up, and what it gives put together.
const RULE: usize = 200;

/// The most members that are gathered at once.
pub const MOST_MEMBERS: usize = 200_000;

/// A code that a value set holds.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its system.
    pub system: String,
    /// The version of the system.
    pub version: Option<String>,
    /// The code, as the system writes it.
    pub code: String,
    /// Where it is in the system; `None` where a list names it and the system is not known here.
    pub concept: Option<(Arc<CodeSystem>, usize)>,
    /// What the value set says of it.
    pub listed: Option<Listed>,
    /// It comes from a stored expansion, which says these of it.
    pub stored: Option<(bool, bool)>,
}

impl Member {
    /// A concept of a system, with what a value set says of it.
    pub fn of(system: &Arc<CodeSystem>, place: usize, listed: Option<&Listed>) -> Self {
        Self {
            system: system.url.clone(),
            version: system.version.clone(),
            code: system.code(place).to_owned(),
            concept: Some((Arc::clone(system), place)),
            listed: listed.cloned(),
            stored: None,
        }
    }

    /// Whether it is not to be used any more.
    pub fn is_inactive(&self) -> bool {
        match (&self.concept, self.stored) {
            (Some((system, at)), _) => system.is_inactive(*at),
            (None, Some((_, inactive))) => inactive,
            (None, None) => false,
        }
    }

    /// Whether it is there to group others.
    pub fn is_abstract(&self) -> bool {
        match (&self.concept, self.stored) {
            (Some((system, at)), _) => system.is_abstract(*at),
            (None, Some((is_abstract, _))) => is_abstract,
            (None, None) => false,
        }
    }
}

/// What was used on the way, to be said in an expansion.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Code systems, `url|version`.
    pub systems: BTreeSet<String>,
    /// Those of them that are not whole.
    pub fragments: BTreeSet<String>,
    /// Those of them that a rule asked for all of, or for what passes a filter: there may be more that is not here.
    pub partial: BTreeSet<String>,
    /// Value sets that others name.
    pub sets: BTreeSet<String>,
    /// Supplements.
    pub supplements: BTreeSet<String>,
    /// Parameters about versions that made a difference: name and value.
    pub versions: BTreeSet<(&'static str, String)>,
    /// What does not stand well: the word, what it is, `url|version`.
    pub standings: BTreeSet<(&'static str, &'static str, String)>,
    /// Whether codes of any version are the same codes.
    pub versions_match: bool,
}

/// Finds what value sets hold.
pub struct Composer<'l> {
    /// What is known.
    pub library: &'l Library,
    /// What was asked.
    pub options: &'l Options,
    used: RefCell<Used>,
    supplemented: RefCell<HashMap<String, Arc<CodeSystem>>>,
}

type Key = (String, Option<String>, String);

impl<'l> Composer<'l> {
    /// One that has used nothing yet.
    pub fn new(library: &'l Library, options: &'l Options) -> Self {
        Self { library, options, used: RefCell::default(), supplemented: RefCell::default() }
    }

    /// What has been used.
    pub fn used(&self) -> Used {
        self.used.borrow().clone()
    }

    /// The value set of a canonical address, by `default-valueset-version` where it names no version.
    pub fn named(&self, canonical: &str) -> Option<Arc<ValueSet>> {
        let (url, version) = parts(canonical);
        self.library.set(url, version.or_else(|| self.options.versions.of_set(url)))
    }

    /// The version of a system that is taken, with what supplements say.
    pub fn take(&self, url: &str, said: Option<&str>) -> Taken {
        let mut taken = self.options.versions.take(self.library, url, said);
        if let Some(system) = &taken.system {
            let mut known = self.supplemented.borrow_mut();
            let whole = known.entry(system.canonical()).or_insert_with(|| self.options.supplemented(system));
            taken.system = Some(Arc::clone(whole));
        }
        taken
    }

    /// Notes that a system is used.
    fn note(&self, taken: &Taken, system: &CodeSystem, user: Standing) {
        let mut used = self.used.borrow_mut();
        used.systems.insert(system.canonical());
        if system.content.is_partial() {
            used.fragments.insert(system.canonical());
        }
        if let (Some(parameter), Some(wanted)) = (taken.why.parameter(), &taken.wanted) {
            used.versions.insert((parameter, versioned(&system.url, Some(wanted))));
        }
        if let (Some(word), true) = (system.standing.word(), system.standing.told_by(user)) {
            used.standings.insert((word, "CodeSystem", system.canonical()));
        }
        for supplement in &self.options.supplements {
            if supplement.supplements.as_deref().is_some_and(|of| parts(of).0 == system.url) {
                used.supplements.insert(supplement.canonical());
            }
        }
    }

    /// The value set that another one names; one that it contains by `#id`.
    pub(crate) fn import(&self, canonical: &str, user: &ValueSet) -> Result<Arc<ValueSet>, Fault> {
        if let Some(id) = canonical.strip_prefix('#') {
            let inner = user.contained.iter().find(|(known, _)| known == id);
            let inner = inner.ok_or_else(|| unknown_set(canonical))?;
            return Ok(Arc::new(inner.1.clone()));
        }
        let set = self.named(canonical).ok_or_else(|| {
            let (url, version) = parts(canonical);
            unknown_set(&versioned(url, version.or_else(|| self.options.versions.of_set(url))))
        })?;
        let mut used = self.used.borrow_mut();
        used.sets.insert(set.canonical());
        if let (Some(word), true) = (set.standing.word(), set.standing.told_by(user.standing)) {
            used.standings.insert((word, "ValueSet", set.canonical()));
        }
        Ok(set)
    }

    /// All that a value set holds, in the order of its rules.
    ///
    /// # Errors
    /// It names what is not known; it cannot be asked; it holds more than [`MOST_MEMBERS`].
    pub fn members(&self, set: &ValueSet) -> Result<Vec<Member>, Fault> {
        self.members_at(set, 0)
    }

    fn members_at(&self, set: &ValueSet, depth: usize) -> Result<Vec<Member>, Fault> {
        if depth > DEEPEST {
            return Err(too_deep(set));
        }
        let Some(compose) = &set.compose else { return Ok(expanded(set)) };
        match self.composed(set, compose, depth) {
            // What its rules hang on is not known here: it was known to whoever expanded it.
            Err(fault) if fault.status == 404 && set.expansion.is_some() => Ok(expanded(set)),
            found => found,
        }
    }

    fn composed(&self, set: &ValueSet, compose: &Compose, depth: usize) -> Result<Vec<Member>, Fault> {
        let mut members: Vec<Member> = Vec::new();
        let mut seen: HashSet<Key> = HashSet::new();
        for (nth, include) in compose.include.iter().enumerate() {
            let at = format!("ValueSet.compose.include[{nth}]");
            for member in self.included(set, include, &at, depth)? {
                if seen.insert(key(&member, false)) {
                    members.push(member);
                }
            }
            if members.len() > MOST_MEMBERS {
                return Err(too_many());
            }
        }
        let mut is_matching = set.parameter("versionsMatch") == Some("true");
        let mut excluded: Vec<Member> = Vec::new();
        for (nth, exclude) in compose.exclude.iter().enumerate() {
            let at = format!("ValueSet.compose.exclude[{nth}]");
            excluded.extend(self.included(set, exclude, &at, depth)?);
        }
        // An exclusion that names a version of which nothing is in can only mean the codes, whatever their version.
        let versions = |members: &[Member]| -> HashSet<(String, Option<String>)> {
            members.iter().map(|member| (member.system.clone(), member.version.clone())).collect()
        };
        let included = versions(&members);
        is_matching |= versions(&excluded).iter().any(|(system, version)| {
            included.iter().any(|(known, _)| known == system) && !included.contains(&(system.clone(), version.clone()))
        });
        let excluded: HashSet<Key> = excluded.iter().map(|member| key(member, is_matching)).collect();
        members.retain(|member| !excluded.contains(&key(member, is_matching)));
        if is_matching {
            self.used.borrow_mut().versions_match = true;
            let mut latest: HashMap<Key, usize> = HashMap::new();
            let mut merged: Vec<Member> = Vec::new();
            for member in members {
                match latest.get(&key(&member, true)) {
                    Some(&at) => merged[at] = member,
                    None => {
                        latest.insert(key(&member, true), merged.len());
                        merged.push(member);
                    }
                }
            }
            members = merged;
        }
        if compose.inactive == Some(false) {
            members.retain(|member| !member.is_inactive());
        }
        Ok(members)
    }

    fn included(&self, set: &ValueSet, include: &Include, at: &str, depth: usize) -> Result<Vec<Member>, Fault> {
        self.library.spend(RULE)?;
        let mut members = match &include.system {
            None => None,
            Some(url) => Some(self.of_system(set, url, include, at)?),
        };
        for canonical in &include.value_set {
            let imported = self.members_at(&*self.import(canonical, set)?, depth + 1)?;
            self.library.spend(imported.len())?;
            members = Some(match members {
                None => imported,
                Some(members) => {
                    let keys: HashSet<Key> = imported.iter().map(|member| key(member, true)).collect();
                    members.into_iter().filter(|member| keys.contains(&key(member, true))).collect()
                }
            });
        }
        Ok(members.unwrap_or_default())
    }

    fn of_system(&self, set: &ValueSet, url: &str, include: &Include, at: &str) -> Result<Vec<Member>, Fault> {
        let taken = self.take(url, include.version.as_deref());
        let Some(system) = taken.system.clone() else {
            // A list says itself which codes there are; where nothing is known of the system they stand as they are.
            let is_known = !self.library.systems(url).is_empty();
            if is_known || include.concept.is_empty() {
                return Err(unknown_system(
                    self.library,
                    url,
                    taken.wanted.as_deref(),
                    "the value set cannot be expanded",
                ));
            }
            let listed = include.concept.iter();
            return Ok(listed.map(|listed| unknown_member(url, include.version.as_deref(), listed)).collect());
        };
        self.options.versions.check(&system).map_err(Fault::processing)?;
        self.note(&taken, &system, set.standing);
        self.library.spend(cost(&system, include))?;
        let filters = prepared(&system, include, at)?;
        let passes = |place: usize| filters.iter().all(|filter| filter.passes(&system, place));
        let member = |place: usize, listed: Option<&Listed>| Member::of(&system, place, listed);
        if include.concept.is_empty() {
            if system.content.is_partial() {
                self.used.borrow_mut().partial.insert(system.canonical());
            }
            if system.content == Content::NotPresent {
                return Err(without_concepts(&system));
            }
            // A release has many times that: it is told before each is made a member.
            let places = (0..system.len()).filter(|&place| passes(place)).take(MOST_MEMBERS + 1);
            let places: Vec<usize> = places.collect();
            if places.len() > MOST_MEMBERS {
                return Err(too_many());
            }
            return Ok(places.into_iter().map(|place| member(place, None)).collect());
        }
        let found = include.concept.iter().filter_map(|listed| match system.find(&listed.code) {
            Some(place) => passes(place).then(|| member(place, Some(listed))),
            // Of a system that is not whole the list knows more; what cannot be asked a filter does not pass.
            None if is_beyond(&system, include) => Some(unknown_member(url, system.version.as_deref(), listed)),
            None => None,
        });
        Ok(found.collect())
    }
}

fn too_many() -> Fault {
    Fault::too_costly(format!("The value set holds more than {MOST_MEMBERS} codes."))
}

/// Steps that a rule takes in a system.
fn cost(system: &CodeSystem, include: &Include) -> usize {
    include.concept.len() + system.len() * (1 + include.filter.len())
}

/// Steps that it takes to hold one code against a rule.
fn cost_of_one(system: &CodeSystem, include: &Include) -> usize {
    match (system.index(), include.filter.is_empty()) {
        (_, true) | (Some(_), _) => include.concept.len() + include.filter.len(),
        (None, false) => cost(system, include),
    }
}

fn prepared(system: &CodeSystem, include: &Include, at: &str) -> Result<Vec<Prepared>, Fault> {
    if include.filter.len() > MOST_FILTERS {
        let text = format!("A rule has at most {MOST_FILTERS} filters");
        return Err(Fault::processing(Issue::error("too-costly", "vs-invalid", text, Some(format!("{at}.filter")))));
    }
    let filters = include.filter.iter().enumerate();
    filters.map(|(nth, filter)| filter::prepare(system, filter, &format!("{at}.filter[{nth}]"))).collect()
}

/// Whether a rule may list codes that the system as it is here does not have.
fn is_beyond(system: &CodeSystem, include: &Include) -> bool {
    system.content != Content::Complete && include.filter.is_empty()
}

/// That a system is known by name alone: what it holds cannot be told, which is not that it holds nothing.
fn without_concepts(system: &CodeSystem) -> Fault {
    let text = format!(
        "The CodeSystem '{}' is here without its concepts, so the value set cannot be expanded",
        system.canonical()
    );
    Fault::not_found(text)
}

fn unknown_member(url: &str, version: Option<&str>, listed: &Listed) -> Member {
    Member {
        system: url.to_owned(),
        version: version.map(str::to_owned),
        code: listed.code.clone(),
        concept: None,
        listed: Some(listed.clone()),
        stored: None,
    }
}

/// What a value set was once found to hold.
fn expanded(set: &ValueSet) -> Vec<Member> {
    let mut members = Vec::new();
    if let Some(stored) = &set.expansion {
        stored_members(&stored.contains, &mut members);
    }
    members
}

fn stored_members(contains: &[Contained], members: &mut Vec<Member>) {
    for one in contains {
        if let Some(code) = &one.code {
            members.push(Member {
                system: one.system.clone().unwrap_or_default(),
                version: one.version.clone(),
                code: code.clone(),
                concept: None,
                listed: Some(Listed {
                    code: code.clone(),
                    display: one.display.clone(),
                    designation: one.designation.clone(),
                    extension: Vec::new(),
                }),
                stored: Some((one.is_abstract, one.inactive)),
            });
        }
        stored_members(&one.contains, members);
    }
}

fn key(member: &Member, of_any_version: bool) -> Key {
    let version = member.version.clone().filter(|_| !of_any_version);
    (member.system.clone(), version, member.code.clone())
}

fn too_deep(set: &ValueSet) -> Fault {
    let text = format!("The value set {} names value sets more than {DEEPEST} deep, or itself", set.canonical());
    Fault::processing(Issue::error("processing", "vs-invalid", text, None))
}
