//! What concept maps say of a code.

use super::{Coding, Method, Told, review, standard};
use crate::library::Library;
use crate::model::concept_map::{Element, Group};
use crate::model::parts;

/// One target of the code, and the map that names it.
struct Said {
    by: String,
    nearness: String,
    /// Whether the map says that both mean the same, whatever else a resource holds, and the target is in use.
    is_same: bool,
    coding: Coding,
}

/// What the concept maps that are known say.
pub(super) fn find(library: &Library, url: &str, code: &str) -> Option<Told> {
    let mut all = said(library, url, code);
    // Who brought maps first does not make one of them right. A map's own order stays: what it names first is likelier.
    all.sort_by(|one, other| one.by.cmp(&other.by));
    if all.is_empty() {
        return None;
    }
    let mut same = all.iter().filter(|said| said.is_same);
    let Some(first) = same.next() else {
        let near = all.into_iter().map(|said| said.coding).collect();
        return Some(review(near, "maps name codes that are near it, or not used any more"));
    };
    if same.all(|said| said.coding == first.coding) {
        return Some(standard(first.coding.clone(), Method::Mapped, &first.nearness, first.by.clone()));
    }
    all.sort_by_key(|said| !said.is_same);
    let several = all.into_iter().map(|said| said.coding).collect();
    Some(review(several, "maps say that it means several codes"))
}

/// All targets that the maps do not rule out.
fn said(library: &Library, url: &str, code: &str) -> Vec<Said> {
    let mut all = Vec::new();
    for map in library.maps() {
        let groups = map.group.iter();
        for group in groups.filter(|group| group.source.as_deref().is_some_and(|source| parts(source).0 == url)) {
            let elements = group.element.iter().filter(|element| element.code.as_deref() == Some(code));
            all.extend(elements.flat_map(|element| targets(library, group, element)).map(
                |(coding, nearness, is_same)| Said {
                    by: map.canonical().unwrap_or_default(),
                    nearness,
                    is_same,
                    coding,
                },
            ));
        }
    }
    all
}

fn targets(library: &Library, group: &Group, element: &Element) -> Vec<(Coding, String, bool)> {
    let matches = element.target.iter().filter(|target| target.is_match());
    let of = matches.filter_map(|target| {
        let (system, code) = (group.target.as_deref()?, target.code.as_deref()?);
        let coding = target_coding(library, parts(system).0, code, target.display.as_deref());
        // What hangs on something else is for somebody who sees that.
        let is_alone = target.depends_on.is_empty() && target.product.is_empty();
        let is_same = is_alone && matches!(target.nearness(), "equal" | "equivalent") && !is_retired(library, &coding);
        Some((coding, target.nearness().to_owned(), is_same))
    });
    of.collect()
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
