//! Lists of references to other maps' resources, as a client wrote them.

use super::matches;
use crate::json::{Document, Element, Kind};
use crate::map::{Map, ObjectShape, Target};
use crate::references::{self, Reference};

/// What each list (parallel to `Map::lists`) refers to here on this server, as `Type/id`.
#[must_use]
pub fn listed(map: &Map, document: &Document<'_>) -> Vec<Vec<Box<str>>> {
    let mut found = vec![Vec::new(); map.lists.len()];
    if !map.lists.is_empty() {
        in_object(&map.shape, document.root(), &mut found);
    }
    found
}

/// What each list (by path) leaves out of the references that other tables put in it (`derived`, parallel to
/// `Map::lists`): the client knew of them, or could have, and did not write them.
#[must_use]
pub fn left_out(map: &Map, document: &Document<'_>, derived: &[Vec<Box<str>>]) -> Vec<(Box<str>, Vec<Box<str>>)> {
    let written = listed(map, document);
    let lists = map.lists.iter().zip(&written).zip(derived);
    let left_out = lists.map(|((list, written), derived)| {
        let missing = derived.iter().filter(|reference| !written.contains(reference));
        (list.path.as_str().into(), missing.cloned().collect::<Vec<_>>())
    });
    left_out.filter(|(_, references)| !references.is_empty()).collect()
}

/// What the items of a list refer to.
pub(crate) fn literals(list: &str) -> Vec<Box<str>> {
    Document::parse(list.as_bytes()).map(|document| of_list(document.root())).unwrap_or_default()
}

fn of_list(list: Element<'_>) -> Vec<Box<str>> {
    let reference = |item: Element<'_>| match references::parse(&item.member("reference")?.string()?) {
        Reference::Local { kind, id, .. } => Some(format!("{kind}/{id}").into()),
        _ => None,
    };
    list.children().filter_map(reference).collect()
}

fn in_object(shape: &ObjectShape, object: Element<'_>, found: &mut [Vec<Box<str>>]) {
    for member in &shape.members {
        let Some(value) = object.member(&member.name) else { continue };
        match &member.target {
            Target::Children(_) | Target::Field(_) => {}
            Target::List(number) if value.kind() == Kind::Array => found[*number] = of_list(value),
            Target::List(_) => {}
            Target::Object(inner) => in_object(inner, value, found),
            Target::Slices(slices) => {
                // As the split gives items to slices: each to the first that it matches and that has none yet.
                let mut claimed = vec![false; slices.len()];
                for (index, item) in value.children().enumerate() {
                    let mut homes = slices.iter().enumerate();
                    let home = homes.find(|(number, slice)| !claimed[*number] && matches(&slice.selector, index, item));
                    if let Some((number, slice)) = home {
                        claimed[number] = true;
                        in_object(&slice.shape, item, found);
                    }
                }
            }
        }
    }
}
