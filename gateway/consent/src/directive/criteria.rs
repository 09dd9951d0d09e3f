//! The criteria of one provision. Each value that is in doubt is left out of a permit, and frees a deny of its criterion.

use mappers::json::Element;
use mappers::search;

use super::{has, items, period_of, word};
use crate::asking::{self, Coding, actor};
use crate::labels::Labels;
use crate::purpose;
use crate::rule::{ALWAYS, Data, Meaning, Rule};

/// Members of a provision that are understood.
const MEMBERS: [&str; 15] = [
    "id",
    "extension",
    "modifierExtension",
    "type",
    "period",
    "actor",
    "action",
    "securityLabel",
    "purpose",
    "class",
    "code",
    "dataPeriod",
    "data",
    "provision",
    "fhir_comments",
];
/// Systems of resource types.
const TYPES: [&str; 3] =
    ["http://hl7.org/fhir/resource-types", "http://hl7.org/fhir/fhir-types", "http://hl7.org/fhir/defined-types"];
const ACTIONS: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
/// The longest code that the index keeps whole.
const LONGEST: usize = 200;

/// Whether a provision has members that are not understood (B15).
pub(super) fn has_unknown(provision: Element<'_>) -> bool {
    let known = |key: &str| key == "_type" || MEMBERS.contains(&key);
    provision.children().any(|member| member.key().is_none_or(|key| !known(&key)))
}

/// The rule of a provision; `None` for a permit that is in doubt as a whole. `source`: where a criterion is read, for one may
/// come from the root (B10).
pub(super) fn criteria<'c>(
    provision: Element<'c>,
    source: impl Fn(&str) -> Element<'c>,
    deny: bool,
    place: &str,
) -> Option<Rule> {
    if has_unknown(provision) {
        return deny.then(|| Rule::of_all(true, false, place));
    }
    let period = match period_of(provision) {
        Some(period) => period,
        None if deny => ALWAYS,
        None => return None,
    };
    let mut psychotherapy = false;
    let labels = list(source("securityLabel"), "securityLabel", deny, |label| {
        let coding = coding(label)?;
        psychotherapy |= coding.code == "PSYTHPN" && coding.system == crate::labels::ACT_CODE;
        Labels::reached(&coding.system, &coding.code, deny)
    })?;
    let data_period = match source("dataPeriod").member("dataPeriod") {
        None => None,
        Some(period) => match search::period(period).filter(|(low, high)| low < high) {
            None if !deny => return None,
            period => period,
        },
    };
    Some(Rule {
        deny,
        nested: false,
        period,
        actors: actors(source("actor"), deny)?,
        purposes: list(source("purpose"), "purpose", deny, |purpose| purposes(purpose, deny))?
            .map(|lists| lists.concat()),
        actions: list(source("action"), "action", deny, action)?
            .map(|bits| bits.into_iter().fold(0, |mask, bit| mask | bit)),
        classes: list(source("class"), "class", deny, class)?,
        codes: list(source("code"), "code", deny, code)?.map(|lists| lists.concat()),
        labels: labels.map(|labels| labels.into_iter().fold(Labels::NONE, |all, label| all | label)),
        except: Labels::NONE,
        psychotherapy,
        data_period,
        data: list(source("data"), "data", deny, data)?,
        place: place.to_owned(),
    })
}

/// A list of values. The outer `None`: a permit of which no value is understood. The inner: no criterion, for it is not
/// stated, or is a deny's and in doubt.
fn list<T>(
    provision: Element<'_>,
    name: &str,
    deny: bool,
    mut read: impl FnMut(Element<'_>) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    if !has(provision, name) {
        // A list of nothing is none that FHIR knows: in doubt.
        return if provision.member(name).is_none() || deny { Some(None) } else { None };
    }
    let mut found = Vec::new();
    for item in items(provision, name) {
        match read(item).filter(|_| !has(item, "modifierExtension")) {
            Some(value) => found.push(value),
            None if deny => return Some(None),
            None => {}
        }
    }
    if found.is_empty() { if deny { Some(None) } else { None } } else { Some(Some(found)) }
}

/// Who asks (C2, C3).
fn actors(provision: Element<'_>, deny: bool) -> Option<Option<Vec<String>>> {
    if !has(provision, "actor") {
        return Some(None);
    }
    let mut found = Vec::new();
    for item in items(provision, "actor") {
        let role = match item.member("role") {
            None => Role::Asks,
            Some(role) => role_of(role),
        };
        let named = item.member("reference").and_then(|named| word(named, "reference").as_deref().and_then(actor));
        match (role, named) {
            (Role::Custodian, _) if !has(item, "modifierExtension") => {}
            (Role::Asks, Some(named)) if !has(item, "modifierExtension") => found.push(named),
            _ if deny => return Some(None),
            _ => {}
        }
    }
    if found.is_empty() { if deny { Some(None) } else { None } } else { Some(Some(found)) }
}

enum Role {
    Asks,
    Custodian,
    Doubtful,
}

fn role_of(role: Element<'_>) -> Role {
    let codes: Vec<_> = items(role, "coding").map(|coding| word(coding, "code").unwrap_or_default()).collect();
    if codes.iter().any(|code| matches!(&**code, "IRCP" | "PRCP")) {
        Role::Asks
    } else if codes.iter().any(|code| code == "CST") {
        Role::Custodian
    } else {
        Role::Doubtful
    }
}

/// Why (C4). A deny for a code of another system may be one for what is asked: in doubt.
fn purposes(purpose: Element<'_>, deny: bool) -> Option<Vec<String>> {
    let coding = coding(purpose)?;
    if coding.system == purpose::SYSTEM {
        return Some(purpose::with_all_under(&coding.code)?.into_iter().map(str::to_owned).collect());
    }
    (!deny).then(|| vec![purpose::key(&coding)])
}

/// What for (C5).
fn action(concept: Element<'_>) -> Option<u8> {
    let mut codings = items(concept, "coding").filter_map(coding);
    codings.find(|coding| coding.system == ACTIONS).and_then(|coding| asking::action(&coding.code))
}

/// Of which type (C6).
fn class(class: Element<'_>) -> Option<String> {
    let coding = coding(class)?;
    let known =
        TYPES.contains(&&*coding.system) && mappers::structure::resource_types().any(|kind| kind == coding.code);
    known.then_some(coding.code)
}

/// With which codes (C7).
fn code(concept: Element<'_>) -> Option<Vec<(String, String)>> {
    let whole =
        |coding: &Coding| !coding.system.is_empty() && coding.system.len() <= LONGEST && coding.code.len() <= LONGEST;
    let all: Option<Vec<Coding>> = items(concept, "coding").map(coding).collect();
    let all = all.filter(|all| !all.is_empty() && all.iter().all(whole))?;
    Some(all.into_iter().map(|coding| (coding.system, coding.code)).collect())
}

/// Which resources (C12).
fn data(data: Element<'_>) -> Option<Data> {
    let meaning = match &*word(data, "meaning")? {
        "authoredby" => Meaning::AuthoredBy,
        "dependents" => Meaning::Dependents,
        "instance" => Meaning::Instance,
        "related" => Meaning::Related,
        _ => return None,
    };
    let reference = actor(&word(data.member("reference")?, "reference")?)?;
    match mappers::references::parse(&reference) {
        mappers::references::Reference::Local { kind, id, .. } => {
            Some(Data { meaning, kind: kind.to_owned(), id: id.to_owned() })
        }
        _ => None,
    }
}

fn coding(coding: Element<'_>) -> Option<Coding> {
    let system = word(coding, "system").unwrap_or_default().into_owned();
    let code = word(coding, "code").filter(|code| !code.is_empty())?.into_owned();
    (asking::is_plain(&system) && asking::is_plain(&code)).then_some(Coding { system, code })
}
