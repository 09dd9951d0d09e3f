//! The tests that a value set's rules make: <https://hl7.org/fhir/R4/valueset-filter-operator.html>.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use crate::issue::{Fault, Issue};
use crate::model::code_system::Related;
use crate::model::value_set::Filter;
use crate::model::{CodeSystem, extension};

/// Largest program that an expression may compile to, in bytes: what is posted may be hostile.
const REGEX_SIZE: usize = 1 << 20;

/// What filters may name of any system.
const ALWAYS: [&str; 9] =
    ["code", "concept", "display", "definition", "parent", "child", "inactive", "designation", "label"];

const SNOMED: &str = "http://snomed.info/sct";

/// A filter that is ready to be asked.
pub(super) enum Prepared {
    /// Whether each concept passes, by its place.
    Among(Vec<bool>),
    /// All below a concept of a release, and it itself where that is in.
    Below { anchor: usize, is_in: bool },
    /// Of a release: a concept and all above it.
    Above { anchor: usize },
    /// A test of a property's values.
    Property { property: String, test: Test },
    /// Nothing passes: what it hangs on is not in the system.
    Nothing,
}

pub(super) enum Test {
    Is(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Matches(Box<Regex>),
    Exists(bool),
}

/// Makes a filter ready.
pub(super) fn prepare(system: &CodeSystem, filter: &Filter, at: &str) -> Result<Prepared, Fault> {
    let (property, op) = (&filter.property, filter.op.as_str());
    let Some(value) = &filter.value else {
        let text = format!("The system {} filter with property = {property}, op = {op} has no value", system.url);
        return Err(Fault::processing(Issue::error("invalid", "vs-invalid", text, Some(at.to_owned()))));
    };
    let unsupported = || {
        let text = format!("The filter \"{property} {op} {value}\" is not supported for the system {}", system.url);
        Fault::processing(Issue::error("not-supported", "vs-invalid", text, Some(at.to_owned())))
    };
    let is_concept = matches!(property.as_str(), "concept" | "code");
    // LOINC's own filter (<https://hl7.org/fhir/R4/loinc.html#filters>): all that is below a part.
    if system.index().is_some()
        && property == "ancestor"
        && op == "="
        && !system.properties.iter().any(|own| own.code == "ancestor")
    {
        let anchor = system.find(value);
        return Ok(anchor.map_or(Prepared::Nothing, |anchor| Prepared::Below { anchor, is_in: false }));
    }
    // SNOMED CT's (<https://hl7.org/fhir/R4/snomedct.html#filters>): members of a reference set.
    if system.index().is_some() && system.url == SNOMED && is_concept && op == "in" {
        return Ok(Prepared::Property { property: "memberOf".to_owned(), test: Test::Is(value.clone()) });
    }
    if matches!(op, "is-a" | "descendent-of" | "is-not-a" | "generalizes" | "child-of" | "descendent-leaf") {
        if !is_concept {
            return Err(unsupported());
        }
        let Some(anchor) = system.find(value) else {
            // What is not below something that is not there is all.
            return Ok(if op == "is-not-a" { Prepared::Among(vec![true; system.len()]) } else { Prepared::Nothing });
        };
        if system.index().is_some() {
            match op {
                "is-a" => return Ok(Prepared::Below { anchor, is_in: true }),
                "descendent-of" => return Ok(Prepared::Below { anchor, is_in: false }),
                "generalizes" => return Ok(Prepared::Above { anchor }),
                _ => {}
            }
        }
        let mut among = vec![false; system.len()];
        let mut take = |places: &[usize]| {
            // A place outside there is only in an index that is damaged.
            places.iter().for_each(|&place| among.get_mut(place).into_iter().for_each(|is| *is = true));
        };
        match op {
            "is-a" | "is-not-a" => {
                take(&system.below(anchor));
                take(&[anchor]);
            }
            "descendent-of" => take(&system.below(anchor)),
            "generalizes" => {
                take(&system.above(anchor));
                take(&[anchor]);
            }
            "child-of" => take(&system.children(anchor).iter().collect::<Vec<_>>()),
            _ => {
                let below = system.below(anchor);
                take(&below.into_iter().filter(|&at| system.children(at).is_empty()).collect::<Vec<_>>());
            }
        }
        if op == "is-not-a" {
            among.iter_mut().for_each(|is| *is = !*is);
        }
        return Ok(Prepared::Among(among));
    }
    // Where a release says which properties there are, one that is none of them would pass for one that nothing has.
    if let Some(index) = system.index()
        && !system.properties.is_empty()
        && !ALWAYS.contains(&property.as_str())
        && !index.has_property(property)
        && !system.properties.iter().any(|defined| defined.code == *property)
    {
        return Err(unsupported());
    }
    let list = || value.split(',').map(|one| one.trim().to_owned()).collect();
    let test = match op {
        "=" => Test::Is(value.clone()),
        "in" => Test::In(list()),
        "not-in" => Test::NotIn(list()),
        "exists" => Test::Exists(value == "true"),
        "regex" => {
            let whole = RegexBuilder::new(&format!("^(?:{value})$")).size_limit(REGEX_SIZE).build().map_err(|_| {
                let text = format!("The regular expression of the filter on {property} cannot be used");
                Fault::processing(Issue::error("invalid", "vs-invalid", text, Some(at.to_owned())))
            })?;
            Test::Matches(Box::new(whole))
        }
        _ => return Err(unsupported()),
    };
    Ok(Prepared::Property { property: property.clone(), test })
}

impl Prepared {
    /// Whether a concept passes.
    pub(super) fn passes(&self, system: &CodeSystem, at: usize) -> bool {
        let (property, test) = match self {
            Self::Nothing => return false,
            Self::Among(among) => return among.get(at).copied().unwrap_or_default(),
            Self::Below { anchor, is_in } => return if at == *anchor { *is_in } else { system.is_below(at, *anchor) },
            Self::Above { anchor } => return at == *anchor || system.is_below(*anchor, at),
            Self::Property { property, test } => (property, test),
        };
        let values = values(system, at, property);
        match test {
            Test::Is(wanted) => values.contains(wanted),
            Test::In(wanted) => values.iter().any(|value| wanted.contains(value)),
            Test::NotIn(unwanted) => !values.iter().any(|value| unwanted.contains(value)),
            Test::Matches(expression) => values.iter().any(|value| expression.is_match(value)),
            Test::Exists(wanted) => values.is_empty() != *wanted,
        }
    }
}

/// The values of what a filter names, also of what is not said as a property.
fn values(system: &CodeSystem, at: usize, property: &str) -> Vec<String> {
    let codes = |places: Related<'_>| places.iter().map(|at| system.code(at).to_owned()).collect();
    match property {
        "code" | "concept" => vec![system.code(at).to_owned()],
        "display" => system.shown(at).map(str::to_owned).into_iter().collect(),
        "definition" => system.concept(at).definition.clone().into_iter().collect(),
        "parent" => codes(system.parents(at)),
        "child" => codes(system.children(at)),
        "inactive" => vec![system.is_inactive(at).to_string()],
        "designation" => system.concept(at).designations.iter().map(|designation| designation.value.clone()).collect(),
        _ if system.index().is_some() && property != "label" => {
            let index = system.index().into_iter();
            index.flat_map(|index| index.values(at, property)).map(Cow::into_owned).collect()
        }
        _ => {
            let concept = system.concept(at);
            let mut values: Vec<String> = concept
                .properties
                .iter()
                .filter(|known| known.code == property)
                .filter_map(|known| known.text())
                .collect();
            if values.is_empty() && property == "label" {
                values.extend(
                    extension(&concept.extension, "codesystem-label").and_then(|label| label.text().map(str::to_owned)),
                );
            }
            values
        }
    }
}
