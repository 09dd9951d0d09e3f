//! Profiles, security labels and tags of a resource: what `$meta`, `$meta-add` and `$meta-delete` are about
//! (<https://hl7.org/fhir/R4/resource-operation-meta-add.html>).
//!
//! Each list is a set. A label is itself by system and code, a profile by its whole address; version, display and
//! extensions say nothing of that. Everything else of `meta` stays as it was written.

mod subject;

use std::borrow::Cow;

use crate::json::{Element, Kind, minify_value};

pub use subject::Subject;

/// The lists, in the order of the definition.
pub const LISTS: [&str; 3] = ["profile", "security", "tag"];

/// By what an item of a list is itself.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Name {
    /// The system; empty for none, and for profiles.
    pub system: String,
    /// The code, or the address of a profile.
    pub code: String,
}

impl Name {
    /// The name of an item; `None` for one that has no code (or no address): nothing can be said of it.
    #[must_use]
    pub fn of(item: Element<'_>) -> Option<Self> {
        let member = |name: &str| item.member(name).and_then(|text| text.string()).map(Cow::into_owned);
        if item.kind() == Kind::String {
            return Some(Self { system: String::new(), code: item.string()?.into_owned() });
        }
        Some(Self { system: member("system").unwrap_or_default(), code: member("code")? })
    }
}

/// The names in one list of a `meta`.
pub fn names<'d>(meta: Element<'d>, list: &str) -> impl Iterator<Item = Name> + use<'d> {
    meta.member(list).into_iter().flat_map(|items| items.children()).filter_map(Name::of)
}

/// The path of the first item that has no name, under `meta` (`tag[1]`).
#[must_use]
pub fn nameless(meta: Element<'_>) -> Option<String> {
    LISTS.into_iter().find_map(|list| {
        let mut items = meta.member(list)?.children();
        items.position(|item| Name::of(item).is_none()).map(|index| format!("{list}[{index}]"))
    })
}

/// The text of the resource with what the lists of `labels` (a Meta) hold added to its own; `None` where it has all of it.
#[must_use]
pub fn add(resource: Element<'_>, labels: Element<'_>) -> Option<String> {
    changed(resource, |list, items| {
        let before = items.len();
        for item in Item::all(labels, list) {
            if !items.iter().any(|own| own.name == item.name) {
                items.push(item);
            }
        }
        items.len() > before
    })
}

/// The text of the resource without what the lists of `labels` (a Meta) hold; `None` where it has none of it.
#[must_use]
pub fn delete(resource: Element<'_>, labels: Element<'_>) -> Option<String> {
    changed(resource, |list, items| {
        let before = items.len();
        let gone: Vec<Name> = names(labels, list).collect();
        items.retain(|item| item.name.as_ref().is_none_or(|name| !gone.contains(name)));
        items.len() < before
    })
}

/// One item of a list, as text.
struct Item {
    name: Option<Name>,
    text: String,
    /// What `_profile` says of it.
    beside: String,
}

impl Item {
    fn all(meta: Element<'_>, list: &str) -> Vec<Self> {
        let beside: Vec<Element<'_>> =
            meta.member(&format!("_{list}")).into_iter().flat_map(|items| items.children()).collect();
        let items = meta.member(list).into_iter().flat_map(|items| items.children()).enumerate();
        let beside = |index: usize| beside.get(index).map_or_else(|| "null".to_owned(), |item| text(*item));
        items.map(|(index, item)| Self { name: Name::of(item), text: text(item), beside: beside(index) }).collect()
    }
}

fn text(element: Element<'_>) -> String {
    String::from_utf8(minify_value(&element)).unwrap_or_default()
}

fn changed(resource: Element<'_>, mut change: impl FnMut(&str, &mut Vec<Item>) -> bool) -> Option<String> {
    let meta = resource.member("meta");
    let mut members: Vec<(String, String)> = Vec::new();
    for member in meta.into_iter().flat_map(|meta| meta.children()) {
        members.push((member.key().unwrap_or_default().into_owned(), text(member)));
    }
    let mut is_changed = false;
    for list in LISTS {
        let mut items = meta.map(|meta| Item::all(meta, list)).unwrap_or_default();
        if !change(list, &mut items) {
            continue;
        }
        is_changed = true;
        let of = |part: fn(&Item) -> &str| format!("[{}]", items.iter().map(part).collect::<Vec<_>>().join(","));
        let beside = items.iter().any(|item| item.beside != "null");
        put(&mut members, list, (!items.is_empty()).then(|| of(|item| &item.text)));
        put(&mut members, &format!("_{list}"), beside.then(|| of(|item| &item.beside)));
    }
    if !is_changed {
        return None;
    }
    let written: Vec<String> = members.into_iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    let value = format!("{{{}}}", written.join(","));
    Some(match meta {
        // An object without members is no FHIR JSON.
        Some(meta) if written.is_empty() => meta.without(),
        Some(meta) => meta.with_value(&value),
        None => resource.with_member("meta", &value),
    })
}

/// A member gets another value, or goes; a new one comes last.
fn put(members: &mut Vec<(String, String)>, name: &str, value: Option<String>) {
    let at = members.iter().position(|(own, _)| own == name);
    match (at, value) {
        (Some(at), Some(value)) => members[at].1 = value,
        (Some(at), None) => drop(members.remove(at)),
        (None, Some(value)) => members.push((name.to_owned(), value)),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    type Change = fn(Element<'_>, Element<'_>) -> Option<String>;

    fn done(change: Change, resource: &str, meta: &str) -> Option<String> {
        let (resource, meta) =
            (Document::parse(resource.as_bytes()).unwrap(), Document::parse(meta.as_bytes()).unwrap());
        change(resource.root(), meta.root())
    }

    const LABELLED: &str =
        r#"{"a":1.10,"meta":{"versionId":"3","tag":[{"system":"s","code":"t","display":"T"}],"source":"x"},"b":[]}"#;

    #[test]
    fn what_is_added_stands_last_and_once() {
        let added = done(
            add,
            LABELLED,
            r#"{"tag":[{"code":"t","system":"s","display":"Other"},{ "system":"z", "code":"t"}],"source":"y"}"#,
        );
        let expected = r#"{"a":1.10,"meta":{"versionId":"3","tag":[{"system":"s","code":"t","display":"T"},{"system":"z","code":"t"}],"source":"x"},"b":[]}"#;
        assert_eq!(added.as_deref(), Some(expected));
        assert_eq!(done(add, LABELLED, r#"{"tag":[{"system":"s","code":"t","version":"2"}]}"#), None);
        assert_eq!(done(add, LABELLED, r#"{"source":"y"}"#), None);
        let twice = done(add, r#"{"meta":{}}"#, r#"{"security":[{"code":"R"},{"code":"R"}]}"#);
        assert_eq!(twice.as_deref(), Some(r#"{"meta":{"security":[{"code":"R"}]}}"#));
        assert_eq!(
            done(add, r#"{"id":"1"}"#, r#"{"profile":["p"]}"#).as_deref(),
            Some(r#"{"id":"1","meta":{"profile":["p"]}}"#)
        );
    }

    #[test]
    fn what_is_deleted_takes_its_empty_list_along() {
        let deleted = done(delete, LABELLED, r#"{"tag":[{"system":"s","code":"t"},{"code":"t"}]}"#);
        assert_eq!(deleted.as_deref(), Some(r#"{"a":1.10,"meta":{"versionId":"3","source":"x"},"b":[]}"#));
        assert_eq!(done(delete, LABELLED, r#"{"tag":[{"code":"t"}],"security":[{"system":"s","code":"t"}]}"#), None);
        assert_eq!(
            done(delete, r#"{"meta":{"profile":["p"]},"b":1}"#, r#"{"profile":["p"]}"#).as_deref(),
            Some(r#"{"b":1}"#)
        );
        // Without a code it is nobody's to name.
        let bare = r#"{"meta":{"tag":[{"display":"x"}]}}"#;
        assert_eq!(done(delete, bare, r#"{"tag":[{"display":"x"}]}"#), None);
    }

    #[test]
    fn extensions_of_profiles_stay_beside_them() {
        let resource = r#"{"meta":{"profile":["p","q"],"_profile":[null,{"id":"x"}]}}"#;
        let added = done(add, resource, r#"{"profile":["r"]}"#);
        assert_eq!(added.as_deref(), Some(r#"{"meta":{"profile":["p","q","r"],"_profile":[null,{"id":"x"},null]}}"#));
        let deleted = done(delete, resource, r#"{"profile":["q"]}"#);
        assert_eq!(deleted.as_deref(), Some(r#"{"meta":{"profile":["p"]}}"#));
        let deleted = done(delete, resource, r#"{"profile":["p"]}"#);
        assert_eq!(deleted.as_deref(), Some(r#"{"meta":{"profile":["q"],"_profile":[{"id":"x"}]}}"#));
    }

    #[test]
    fn an_item_without_a_code_is_named_by_its_place() {
        let place = |meta: &str| nameless(Document::parse(meta.as_bytes()).unwrap().root());
        assert_eq!(place(r#"{"tag":[{"code":"a"},{"system":"s"}]}"#).as_deref(), Some("tag[1]"));
        assert_eq!(place(r#"{"profile":["a"],"security":[{"code":"R"}]}"#), None);
    }
}
