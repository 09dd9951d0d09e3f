//! The codes of a value set that lists them: <https://hl7.org/fhir/R4/valueset.html>.

use mappers::json::{Document, Element};
use mappers::search::query::TokenValue;

use crate::store::Version;

/// The codes of a stored `ValueSet`: its expansion, or what its definition lists.
///
/// # Errors
/// It is defined by more than lists (filters, other value sets, whole systems).
pub(super) fn codes(set: &Version) -> Result<Vec<TokenValue>, String> {
    let document = Document::parse(&set.body).map_err(|_| "The value set cannot be read.".to_owned())?;
    let root = document.root();
    let mut found = Vec::new();
    if let Some(expansion) = root.member("expansion") {
        contained(expansion, &mut found);
        return Ok(found);
    }
    let compose = root.member("compose");
    for include in compose.and_then(|compose| compose.member("include")).into_iter().flat_map(|list| list.children()) {
        if include.member("filter").is_some() || include.member("valueSet").is_some() {
            return Err(BY_RULE.to_owned());
        }
        let system = text(include, "system");
        match include.member("concept") {
            Some(concepts) => found.extend(concepts.children().filter_map(|concept| token(system.clone(), concept))),
            None => return Err(BY_RULE.to_owned()),
        }
    }
    let mut excluded: Vec<TokenValue> = Vec::new();
    for exclude in compose.and_then(|compose| compose.member("exclude")).into_iter().flat_map(|list| list.children()) {
        let is_list = exclude.member("filter").is_none() && exclude.member("valueSet").is_none();
        // To leave an exclusion out would find what the set does not hold.
        let concepts = exclude.member("concept").filter(|_| is_list).ok_or_else(|| BY_RULE.to_owned())?;
        let system = text(exclude, "system");
        excluded.extend(concepts.children().filter_map(|concept| token(system.clone(), concept)));
    }
    found.retain(|token| !excluded.contains(token));
    Ok(found)
}

const BY_RULE: &str = "The value set is defined by a rule, not by a list, and no terminology that could expand it is loaded; \
                       store it with its expansion.";

fn contained(parent: Element<'_>, found: &mut Vec<TokenValue>) {
    for item in parent.member("contains").into_iter().flat_map(|list| list.children()) {
        let is_abstract = item.member("abstract").is_some_and(|flag| flag.raw() == "true");
        if !is_abstract {
            found.extend(token(text(item, "system"), item));
        }
        contained(item, found);
    }
}

fn token(system: Option<Box<str>>, concept: Element<'_>) -> Option<TokenValue> {
    Some(TokenValue { system, code: Some(text(concept, "code")?) })
}

fn text(element: Element<'_>, name: &str) -> Option<Box<str>> {
    element.member(name)?.string().map(|text| text.into())
}
