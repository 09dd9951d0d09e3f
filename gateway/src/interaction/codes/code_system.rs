//! Codes above and below a code, by the hierarchy that a code system's concepts stand in:
//! <https://hl7.org/fhir/R4/codesystem.html#hierarchy>.

use mappers::json::{Document, Element};
use mappers::search::query::{CodeRelation, TokenValue};

use crate::store::Version;

/// The code and all above (or below) it in a stored `CodeSystem`; only the code itself where the system does not hold it.
pub(super) fn related(found: &Version, relation: CodeRelation, system: &str, code: &str) -> Vec<TokenValue> {
    let mut codes: Vec<Box<str>> = vec![code.into()];
    if let Ok(document) = Document::parse(&found.body) {
        let mut path = Vec::new();
        walk(document.root(), relation, code, &mut path, &mut codes);
    }
    codes.dedup();
    codes.into_iter().map(|code| TokenValue { system: Some(system.into()), code: Some(code) }).collect()
}

fn walk(parent: Element<'_>, relation: CodeRelation, code: &str, path: &mut Vec<Box<str>>, codes: &mut Vec<Box<str>>) {
    for concept in parent.member("concept").into_iter().flat_map(|list| list.children()) {
        let Some(own) = concept.member("code").and_then(|code| code.string()) else { continue };
        if own == code {
            match relation {
                CodeRelation::Above => codes.extend(path.iter().cloned()),
                CodeRelation::Below | CodeRelation::In => all(concept, codes),
            }
        }
        path.push((&*own).into());
        walk(concept, relation, code, path, codes);
        path.pop();
    }
}

fn all(parent: Element<'_>, codes: &mut Vec<Box<str>>) {
    for concept in parent.member("concept").into_iter().flat_map(|list| list.children()) {
        codes.extend(concept.member("code").and_then(|code| code.string()).map(|code| Box::from(&*code)));
        all(concept, codes);
    }
}
