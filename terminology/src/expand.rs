//! `$expand`: <https://hl7.org/fhir/R4/valueset-operation-expand.html>. What R5 has an element for and R4 has not (properties of
//! codes) goes into the extensions that stand for it (<http://hl7.org/fhir/5.0/StructureDefinition/>).

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::compose::{Composer, Member, Used, unknown_set};
use crate::display::{designations, names, shown};
use crate::issue::Fault;
use crate::library::Library;
use crate::model::code_system::PROPERTIES;
use crate::model::value_set::ValueSet;
use crate::model::{Extension, extension, parts};
use crate::options::{Given, Options};

/// The most codes that one answer holds: more are to be asked for by pages.
pub const MOST: usize = 10_000;

/// How deep codes nest; what is deeper stands beside. A hierarchy by properties has any depth, what reads JSON or XML has not.
const DEEPEST: usize = 40;

const R5: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion";

/// What of a value set stands beside its expansion where its definition is not asked for.
const IDENTIFYING: [&str; 11] = [
    "resourceType",
    "id",
    "language",
    "extension",
    "url",
    "identifier",
    "version",
    "name",
    "title",
    "status",
    "experimental",
];

/// The value set that is asked about: sent along, or known by its address.
///
/// # Errors
/// None is named; it is none; it is not known.
pub fn subject(given: &Given, library: &Library) -> Result<std::sync::Arc<ValueSet>, Fault> {
    if let Some(sent) = given.value("valueSet") {
        let set = ValueSet::read(sent).ok_or_else(|| Fault::invalid("valueSet is no ValueSet.".to_owned()))?;
        return Ok(std::sync::Arc::new(set));
    }
    let canonical = given
        .text("url")
        .ok_or_else(|| Fault::invalid("Name the value set by url, or send it as valueSet.".to_owned()))?;
    let (url, version) = parts(canonical);
    let version = version.or_else(|| given.text("valueSetVersion"));
    library.set(url, version).ok_or_else(|| unknown_set(&crate::model::versioned(url, version)))
}

/// What is to be in the answer.
struct Wanted {
    languages: crate::language::Languages,
    designations: Option<Vec<String>>,
    properties: Vec<String>,
    /// Whether codes of two versions of a system are in it, so that each says its own.
    says_versions: HashSet<String>,
}

/// The value set with its expansion. `identifier` and `timestamp` are the expansion's own, made by whoever has a clock.
///
/// # Errors
/// A parameter that cannot be read; what the value set is made of is not known, cannot be asked or is too much.
pub fn expand(
    library: &Library,
    given: &Given,
    header: Option<&str>,
    identifier: &str,
    timestamp: &str,
) -> Result<Value, Fault> {
    let set = subject(given, library)?;
    let options = Options::of(given, header, Some(&set), library)?;
    let composer = Composer::new(library, &options);
    let (count, offset) = (given.number("count")?, given.number("offset")?);
    let is_paged = count.is_some() || offset.is_some();
    let (total, page) = page(given, &composer, &set, (offset.unwrap_or(0), count.unwrap_or(usize::MAX)))?;
    let used = composer.used();
    // Also where an exclusion left nothing of the other version.
    let mut systems: HashMap<&str, usize> = HashMap::new();
    used.systems.iter().for_each(|canonical| *systems.entry(parts(canonical).0).or_default() += 1);
    let wanted = Wanted {
        languages: options.languages.clone(),
        designations: (given.flag("includeDesignations")? == Some(true)).then(|| given.texts("designation")),
        properties: given.texts("property"),
        says_versions: systems.iter().filter(|(_, all)| **all > 1).map(|(system, _)| (*system).to_owned()).collect(),
    };
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let is_nested = given.flag("excludeNested")? != Some(true) && !is_paged && may_nest(&set);
    let contains = if is_nested {
        nested(&page, &wanted, &mut said)
    } else {
        page.iter().map(|member| contained(member, &wanted, &mut said)).collect()
    };
    let mut expansion = json!({
        "identifier": identifier,
        "timestamp": timestamp,
        "total": total,
    });
    let said_of = parameters(given, &options, &used)?;
    if !said_of.is_empty() {
        expansion["parameter"] = json!(said_of);
    }
    if offset.is_some() || count.is_some_and(|count| count > 0) {
        expansion["offset"] = json!(offset.unwrap_or(0));
    }
    let mut extensions: Vec<Value> = said.iter().map(|(code, uri)| defined(code, uri)).collect();
    for fragment in &used.fragments {
        let reason = format!("This extension is based on a fragment of the code system {}", parts(fragment).0);
        extensions
            .push(json!({ "url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed", "valueBoolean": true }));
        extensions.push(
            json!({ "url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason", "valueString": reason }),
        );
    }
    if !extensions.is_empty() {
        expansion["extension"] = json!(extensions);
    }
    if !contains.is_empty() {
        expansion["contains"] = json!(contains);
    }
    let mut answer = set.resource.clone();
    if let Some(fields) = answer.as_object_mut() {
        if given.flag("includeDefinition")? == Some(true) {
            fields.remove("text");
        } else {
            fields.retain(|field, _| IDENTIFYING.contains(&field.as_str()));
        }
        fields.entry("status").or_insert_with(|| json!("unknown"));
        fields.insert("expansion".to_owned(), expansion);
    }
    Ok(answer)
}

/// How many codes there are, and those of the page: number `offset` and `count - 1` more.
fn page(
    given: &Given,
    composer: &Composer<'_>,
    set: &ValueSet,
    (offset, count): (usize, usize),
) -> Result<(usize, Vec<Member>), Fault> {
    let is_active_only = given.flag("activeOnly")? == Some(true);
    let words = given.text("filter").map(|filter| filter.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>());
    let excluded: Vec<String> = given.texts("exclude-system");
    let is_excluded = |url: &str| excluded.iter().any(|system| parts(system).0 == url);
    let bounded = |total: usize| {
        let asked = total.saturating_sub(offset).min(count);
        if asked > MOST {
            return Err(Fault::too_costly(format!(
                "The answer would hold {asked} of {total} codes, more than the {MOST} that one answer has; ask for smaller pages by count and offset."
            )));
        }
        Ok(asked)
    };
    if let Some(mut indexed) = composer.indexed(set)? {
        if is_active_only {
            indexed.retain_active();
        }
        if let Some(words) = &words {
            indexed.retain_named(words, composer.library, |system, at| passes(&Member::of(system, at, None), words))?;
        }
        let total = if is_excluded(&indexed.system.url) { 0 } else { indexed.len() };
        let asked = bounded(total)?;
        let places = indexed.page(offset, asked).into_iter();
        return Ok((total, places.map(|at| Member::of(&indexed.system, at, None)).collect()));
    }
    let mut members = composer.members(set).map_err(pinned(given))?;
    if is_active_only {
        members.retain(|member| !member.is_inactive());
    }
    if let Some(words) = &words {
        members.retain(|member| passes(member, words));
    }
    members.retain(|member| !is_excluded(&member.system));
    let asked = bounded(members.len())?;
    Ok((members.len(), members.into_iter().skip(offset).take(asked).collect()))
}

/// Where a version of a value set that was pinned is not known, that is said.
fn pinned(given: &Given) -> impl Fn(Fault) -> Fault {
    let pins = given.texts("default-valueset-version");
    move |mut fault| {
        if pins.iter().any(|pin| fault.issue.text.contains(pin.as_str())) {
            fault.issue.text.push_str(" (the version was asked for by default-valueset-version)");
        }
        fault
    }
}

/// Whether each word begins a word of what the concept is called.
fn passes(member: &Member, words: &[String]) -> bool {
    let texts: Vec<String> =
        names(member).iter().map(|name| name.text.to_lowercase()).chain([member.code.to_lowercase()]).collect();
    words.iter().all(|wanted| {
        texts.iter().any(|text| {
            text.starts_with(wanted.as_str())
                || text.split(|letter: char| !letter.is_alphanumeric()).any(|word| word.starts_with(wanted.as_str()))
        })
    })
}

/// One rule about one system keeps the system's hierarchy; a list and what is put together have an order of their own.
fn may_nest(set: &ValueSet) -> bool {
    set.compose.as_ref().is_some_and(|compose| {
        matches!(&compose.include[..], [one] if one.system.is_some() && one.concept.is_empty() && one.value_set.is_empty())
    })
}

fn nested(members: &[Member], wanted: &Wanted, said: &mut BTreeMap<String, String>) -> Vec<Value> {
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (nth, member) in members.iter().enumerate() {
        if let Some((_, at)) = &member.concept {
            places.insert(*at, nth);
        }
    }
    let mut below: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    let mut depths = vec![0_usize; members.len()];
    for (nth, member) in members.iter().enumerate() {
        // The first parent that is in it and goes before: others would make the code stand twice, or a circle.
        let parent = member.concept.as_ref().and_then(|(system, at)| {
            system
                .parents(*at)
                .iter()
                .filter_map(|parent| places.get(&parent).copied())
                .find(|parent| *parent < nth && depths[*parent] < DEEPEST)
        });
        match parent {
            Some(parent) => {
                depths[nth] = depths[parent] + 1;
                below.entry(parent).or_default().push(nth);
            }
            None => roots.push(nth),
        }
    }
    // Parents go before their children, so from the last to the first all that is below is there already.
    let mut made: HashMap<usize, Value> = HashMap::new();
    for nth in (0..members.len()).rev() {
        let mut one = contained(&members[nth], wanted, said);
        if let Some(children) = below.get(&nth) {
            one["contains"] = children.iter().filter_map(|child| made.remove(child)).collect();
        }
        made.insert(nth, one);
    }
    roots.into_iter().filter_map(|root| made.remove(&root)).collect()
}

/// Extensions of a concept that its place in an expansion says, too.
const SAID: [&str; 5] = [
    "rendering-style",
    "rendering-xhtml",
    "valueset-deprecated",
    "valueset-concept-definition",
    "structuredefinition-standards-status",
];

fn contained(member: &Member, wanted: &Wanted, said: &mut BTreeMap<String, String>) -> Value {
    let mut one = json!({ "system": member.system, "code": member.code });
    if let Some(version) = member.version.as_ref().filter(|_| wanted.says_versions.contains(&member.system)) {
        one["version"] = json!(version);
    }
    if member.is_abstract() {
        one["abstract"] = json!(true);
    }
    if member.is_inactive() {
        one["inactive"] = json!(true);
    }
    let names = names(member);
    let shown = shown(&names, &wanted.languages);
    if let Some(shown) = shown {
        one["display"] = json!(shown.text);
    }
    if let Some(designated) = &wanted.designations {
        let beside = designations(&names, shown, designated);
        if !beside.is_empty() {
            one["designation"] = json!(beside);
        }
    }
    let of_list = member.listed.as_ref().map(|listed| &listed.extension[..]).unwrap_or_default();
    let concept = member.concept.as_ref().map(|(system, at)| system.concept(*at));
    let of_system = concept.as_ref().map(|concept| &concept.extension[..]).unwrap_or_default();
    let mut extensions: Vec<Value> = Vec::new();
    for name in SAID {
        // What the system says of a concept's standing is a property.
        let own =
            extension(of_list, name).or_else(|| extension(of_system, name).filter(|_| name.starts_with("rendering-")));
        extensions.extend(own.and_then(|own| serde_json::to_value(own).ok()));
    }
    let mut property = |code: &str, uri: Option<String>, value: (&str, Value)| {
        said.entry(code.to_owned()).or_insert_with(|| uri.unwrap_or_else(|| format!("{PROPERTIES}{code}")));
        let (name, value) = value;
        extensions.push(json!({
            "url": format!("{R5}.contains.property"),
            "extension": [{ "url": "code", "valueCode": code }, { "url": "value", name: value }],
        }));
    };
    let either = |in_list: &str, in_system: &str| -> Option<Value> {
        extension(of_list, in_list).or_else(|| extension(of_system, in_system)).and_then(Extension::value).cloned()
    };
    if let Some(order) = either("valueset-conceptOrder", "codesystem-conceptOrder") {
        property("order", None, ("valueDecimal", order));
    }
    if let Some(label) = either("valueset-label", "codesystem-label") {
        property("label", None, ("valueString", label));
    }
    if let Some(weight) = either("itemWeight", "itemWeight") {
        property("weight", Some(format!("{PROPERTIES}itemWeight")), ("valueDecimal", weight));
    }
    if let Some(((system, _), concept)) = member.concept.as_ref().zip(concept.as_deref()) {
        if let Some(status) = system.status(concept) {
            property("status", None, ("valueCode", json!(status)));
        }
        for code in
            wanted.properties.iter().filter(|code| !matches!(code.as_str(), "status" | "order" | "label" | "weight"))
        {
            if let Some(definition) = concept.definition.as_ref().filter(|_| code == "definition") {
                property(code, None, ("valueString", json!(definition)));
            }
            let uri =
                system.properties.iter().find(|defined| defined.code == *code).and_then(|defined| defined.uri.clone());
            for known in concept.properties.iter().filter(|known| known.code == *code) {
                if let Some((name, value)) = known.value() {
                    property(code, uri.clone(), (name, value.clone()));
                }
            }
        }
    }
    if !extensions.is_empty() {
        one["extension"] = json!(extensions);
    }
    one
}

fn defined(code: &str, uri: &str) -> Value {
    json!({
        "url": format!("{R5}.property"),
        "extension": [{ "url": "code", "valueCode": code }, { "url": "uri", "valueUri": uri }],
    })
}

/// What the expansion was made by: what was asked, and what was used.
fn parameters(given: &Given, options: &Options, used: &Used) -> Result<Vec<Value>, Fault> {
    let mut said = Vec::new();
    for name in ["activeOnly", "excludeNested", "includeDesignations"] {
        if let Some(flag) = given.flag(name)? {
            said.push(json!({ "name": name, "valueBoolean": flag }));
        }
    }
    for name in ["count", "offset"] {
        if let Some(number) = given.number(name)? {
            said.push(json!({ "name": name, "valueInteger": number }));
        }
    }
    if let Some(filter) = given.text("filter") {
        said.push(json!({ "name": "filter", "valueString": filter }));
    }
    if !options.languages.text().is_empty() {
        said.push(json!({ "name": "displayLanguage", "valueCode": options.languages.text() }));
    }
    said.extend(given.texts("designation").iter().map(|token| json!({ "name": "designation", "valueString": token })));
    let uri = |name: &str, value: &str| json!({ "name": name, "valueUri": value });
    said.extend(used.versions.iter().map(|(name, value)| uri(name, value)));
    said.extend(used.systems.iter().map(|value| uri("used-codesystem", value)));
    said.extend(used.fragments.iter().map(|value| uri("used-fragment", value)));
    said.extend(used.sets.iter().map(|value| uri("used-valueset", value)));
    said.extend(used.supplements.iter().map(|value| uri("used-supplement", value)));
    said.extend(used.standings.iter().map(|(word, _, value)| uri(&format!("warning-{word}"), value)));
    if used.versions_match {
        said.push(json!({ "name": "versionsMatch", "valueBoolean": true }));
    }
    Ok(said)
}
