//! Resources that are the elements of a JSON array in a column: finding them in the document, and putting, adding and
//! removing one. All other bytes of the document stay as they are.
//!
//! An element is known by the member that the map names as `id`. What has none (or one that an earlier element has), and
//! every element of a map that names no member, is known by its place: `~3`. What is no object is no resource.

use std::collections::HashSet;

use crate::codec::{nested, quoted};
use crate::json::{Document, Element, Kind};
use crate::map::JsonArray;

/// Longer ids are no ids: they stand in the key of an index.
const LONGEST: usize = 200;

/// An element that is a resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// What it is known by in its array.
    pub id: Box<str>,
    /// It has no id of its own.
    pub by_place: bool,
    /// Where its text begins in the document.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// What stands in the column is no JSON, or something else than an array at the map's path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreadable;

/// The directory's key of an element: the row's key and the element's id.
#[must_use]
pub fn key(row: &str, id: &str) -> Box<str> {
    format!("{row}#{id}").into()
}

/// Row and element of a key. An id has no `#`, so that the last one is between them.
#[must_use]
pub fn parts_of_key(key: &str) -> Option<(&str, &str)> {
    key.rsplit_once('#')
}

/// The elements that are resources, in their order. Where nothing is, there are none.
///
/// # Errors
/// [`Unreadable`]: nobody can say which elements there are.
pub fn parts(array: &JsonArray, text: Option<&str>) -> Result<Vec<Part>, Unreadable> {
    let Some(text) = filled(text) else { return Ok(Vec::new()) };
    let document = Document::parse(text.as_bytes()).map_err(|_| Unreadable)?;
    let Some(list) = find(array, document.root())? else { return Ok(Vec::new()) };
    let mut taken = HashSet::new();
    let mut parts = Vec::new();
    for (place, element) in list.children().enumerate() {
        if element.kind() != Kind::Object {
            continue;
        }
        let own = array.id.as_deref().and_then(|member| own_id(element, member)).filter(|id| taken.insert(id.clone()));
        parts.push(Part {
            by_place: own.is_none(),
            id: own.unwrap_or_else(|| format!("~{place}").into()),
            start: element.start(),
            end: element.end(),
        });
    }
    Ok(parts)
}

/// The document with another text in the place of an element; `None` where it has none of that id.
#[must_use]
pub fn put(array: &JsonArray, text: &str, id: &str, element: &str) -> Option<String> {
    let parts = parts(array, Some(text)).ok()?;
    let part = parts.iter().find(|part| *part.id == *id)?;
    Some(format!("{}{element}{}", &text[..part.start], &text[part.end..]))
}

/// The document without an element; `None` where it has none of that id. Where later ones are known by their place, `null`
/// is left there, so that none is taken for another.
#[must_use]
pub fn remove(array: &JsonArray, text: &str, id: &str) -> Option<String> {
    let parts = parts(array, Some(text)).ok()?;
    let at = parts.iter().position(|part| *part.id == *id)?;
    let part = &parts[at];
    let (mut from, mut to, mut left) = (part.start, part.end, "null");
    if !parts[at + 1..].iter().any(|later| later.by_place) {
        left = "";
        let document = Document::parse(text.as_bytes()).ok()?;
        let list = find(array, document.root()).ok()??;
        let next = list.children().find(|other| other.start() > part.start);
        let before = list.children().take_while(|other| other.start() < part.start).last();
        match (before, next) {
            (_, Some(next)) => to = next.start(),
            (Some(before), None) => from = before.end(),
            (None, None) => {}
        }
    }
    Some(format!("{}{left}{}", &text[..from], &text[to..]))
}

/// The document with an element more, at the end. An element without an id is given one: a number more than the highest
/// where all others have whole numbers, else the first of `ids` that is not taken.
///
/// # Errors
/// [`Unreadable`]: there is something else than an array.
pub fn append(array: &JsonArray, text: Option<&str>, element: &str, ids: &[&str]) -> Result<String, Unreadable> {
    let Some(text) = filled(text) else {
        return Ok(nested(&array.path, &format!("[{}]", identified(array, element, None, ids)?)));
    };
    let document = Document::parse(text.as_bytes()).map_err(|_| Unreadable)?;
    let list = find(array, document.root())?;
    let element = identified(array, element, list, ids)?;
    let Some(list) = list else {
        return begun(text, document.root(), &array.path, &element).ok_or(Unreadable);
    };
    let (at, comma) = match list.children().last() {
        Some(last) => (last.end(), ","),
        None => (list.start() + 1, ""),
    };
    Ok(format!("{}{comma}{element}{}", &text[..at], &text[at..]))
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

/// The array; `None` where there is nothing in its place.
fn find<'d>(array: &JsonArray, root: Element<'d>) -> Result<Option<Element<'d>>, Unreadable> {
    let mut at = root;
    for name in &array.path {
        if is_nothing(at) {
            return Ok(None);
        }
        if at.kind() != Kind::Object {
            return Err(Unreadable);
        }
        match at.member(name) {
            Some(member) => at = member,
            None => return Ok(None),
        }
    }
    match at.kind() {
        Kind::Array => Ok(Some(at)),
        _ if is_nothing(at) => Ok(None),
        _ => Err(Unreadable),
    }
}

/// `null`, and what languages with one kind of list write for an empty one.
fn is_nothing(element: Element<'_>) -> bool {
    element.is_null() || (matches!(element.kind(), Kind::Array | Kind::Object) && element.is_empty())
}

/// The text of the member that identifies an element, with nothing in it that means something in a key.
fn own_id(element: Element<'_>, member: &str) -> Option<Box<str>> {
    let found = element.member(member)?;
    let text = match found.kind() {
        Kind::String => found.string()?,
        Kind::Number => found.raw().into(),
        _ => return None,
    };
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return None;
    }
    Some(text.replace('%', "%25").replace('#', "%23").replace('~', "%7E").into())
}

/// The element with an id, where the map names a member for it.
fn identified(array: &JsonArray, element: &str, list: Option<Element<'_>>, ids: &[&str]) -> Result<String, Unreadable> {
    let Some(member) = &array.id else { return Ok(element.to_owned()) };
    let document = Document::parse(element.as_bytes()).map_err(|_| Unreadable)?;
    let root = document.root();
    if own_id(root, member).is_some() {
        return Ok(element.to_owned());
    }
    let others = || list.into_iter().flat_map(|list| list.children()).filter_map(|other| other.member(member));
    let number = |other: Element<'_>| (other.kind() == Kind::Number).then(|| other.raw().parse::<i64>().ok()).flatten();
    let highest = others().map(number).collect::<Option<Vec<i64>>>().and_then(|numbers| numbers.into_iter().max());
    let id = match highest.and_then(|highest| highest.checked_add(1)) {
        Some(next) => next.to_string(),
        None => {
            let is_taken = |id: &&&str| others().any(|other| other.string().is_some_and(|other| *other == ***id));
            quoted(ids.iter().find(|id| !is_taken(id)).ok_or(Unreadable)?)
        }
    };
    Ok(match root.member(member) {
        // A member that is no id.
        Some(found) => format!("{}{id}{}", &element[..found.start()], &element[found.end()..]),
        None => {
            let (at, comma) = (root.start() + 1, if root.is_empty() { "" } else { "," });
            format!("{}{}:{id}{comma}{}", &element[..at], quoted(member), &element[at..])
        }
    })
}

/// The document with the array begun where there was none.
fn begun(text: &str, at: Element<'_>, path: &[String], element: &str) -> Option<String> {
    let here = || {
        let value = nested(path, &format!("[{element}]"));
        format!("{}{value}{}", &text[..at.start()], &text[at.end()..])
    };
    let Some((name, rest)) = path.split_first() else { return Some(here()) };
    if is_nothing(at) {
        return Some(here());
    }
    if at.kind() != Kind::Object {
        return None;
    }
    match at.member(name) {
        Some(member) => begun(text, member, rest, element),
        None => {
            let end = at.children().last()?.end();
            let value = nested(rest, &format!("[{element}]"));
            Some(format!("{},{}:{value}{}", &text[..end], quoted(name), &text[end..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &[&str], id: Option<&str>) -> JsonArray {
        JsonArray {
            column: "doc".to_owned(),
            path: path.iter().map(ToString::to_string).collect(),
            id: id.map(ToOwned::to_owned),
        }
    }

    fn ids(array: &JsonArray, text: &str) -> Vec<String> {
        parts(array, Some(text))
            .map_or_else(|_| vec!["?".to_owned()], |parts| parts.into_iter().map(|part| part.id.into()).collect())
    }

    #[test]
    fn elements_are_known_by_their_id_or_their_place() {
        let text = r#"{"a":[{"id":"x"},7,{"id":5},{"id":"x"},null,{"n":1},{"id":"a#b~c%"},{"id":{}}],"b":1}"#;
        assert_eq!(ids(&of(&["a"], Some("id")), text), ["x", "5", "~3", "~5", "a%23b%7Ec%25", "~7"]);
        assert_eq!(ids(&of(&["a"], None), text), ["~0", "~2", "~3", "~5", "~6", "~7"]);
        assert_eq!(parts_of_key(&key("r#1", "x")), Some(("r#1", "x")));
    }

    #[test]
    fn nothing_is_no_element_and_something_else_is_unreadable() {
        let array = of(&["a", "b"], Some("id"));
        for text in
            ["", " ", "null", "{}", "[]", r#"{"a":null}"#, r#"{"a":[]}"#, r#"{"a":{"b":{}}}"#, r#"{"a":{"c":1}}"#]
        {
            assert_eq!(parts(&array, Some(text)), Ok(Vec::new()), "{text}");
        }
        assert_eq!(parts(&array, None), Ok(Vec::new()));
        for text in ["{", "7", r#"{"a":7}"#, r#"{"a":[1]}"#, r#"{"a":{"b":"x"}}"#, r#"{"a":{"b":{"c":1}}}"#] {
            assert_eq!(parts(&array, Some(text)), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn one_element_changes_and_no_other_byte() {
        let array = of(&["a"], Some("id"));
        let text = "{ \"z\": 1.10, \"a\": [ {\"id\":\"x\"} , {\"id\":\"y\",\"k\":[1]}, {\"id\":\"z\"} ] }";
        assert_eq!(
            put(&array, text, "y", "{\"id\":\"y\"}").as_deref(),
            Some("{ \"z\": 1.10, \"a\": [ {\"id\":\"x\"} , {\"id\":\"y\"}, {\"id\":\"z\"} ] }")
        );
        assert_eq!(
            remove(&array, text, "y").as_deref(),
            Some("{ \"z\": 1.10, \"a\": [ {\"id\":\"x\"} , {\"id\":\"z\"} ] }")
        );
        assert_eq!(
            remove(&array, text, "z").as_deref(),
            Some("{ \"z\": 1.10, \"a\": [ {\"id\":\"x\"} , {\"id\":\"y\",\"k\":[1]} ] }")
        );
        assert_eq!(remove(&array, "{\"a\":[{\"id\":\"x\"}]}", "x").as_deref(), Some("{\"a\":[]}"));
        assert_eq!((put(&array, text, "w", "{}"), remove(&array, text, "w")), (None, None));
    }

    #[test]
    fn what_is_known_by_its_place_keeps_it() {
        let array = of(&[], Some("id"));
        let text = r#"[{"id":"x"},{"n":1},{"id":"y"}]"#;
        assert_eq!(remove(&array, text, "x").as_deref(), Some(r#"[null,{"n":1},{"id":"y"}]"#));
        assert_eq!(remove(&array, text, "~1").as_deref(), Some(r#"[{"id":"x"},{"id":"y"}]"#));
    }

    #[test]
    fn a_new_element_gets_an_id() {
        let array = of(&["a"], Some("id"));
        let add = |text: Option<&str>, element: &str| append(&array, text, element, &["r1", "r2"]);
        assert_eq!(add(None, "{}").as_deref(), Ok(r#"{"a":[{"id":"r1"}]}"#));
        assert_eq!(add(Some("{\"b\":1}"), r#"{"n":1}"#).as_deref(), Ok(r#"{"b":1,"a":[{"id":"r1","n":1}]}"#));
        assert_eq!(add(Some(r#"{"a":null,"b":2}"#), "{}").as_deref(), Ok(r#"{"a":[{"id":"r1"}],"b":2}"#));
        assert_eq!(add(Some("[]"), "{}").as_deref(), Ok(r#"{"a":[{"id":"r1"}]}"#));
        assert_eq!(add(Some(r#"{"a":[ {"id":"r1"} ]}"#), "{}").as_deref(), Ok(r#"{"a":[ {"id":"r1"},{"id":"r2"} ]}"#));
        assert_eq!(
            add(Some(r#"{"a":[{"id":4},{"id":2}]}"#), r#"{"id":null}"#).as_deref(),
            Ok(r#"{"a":[{"id":4},{"id":2},{"id":5}]}"#)
        );
        assert_eq!(add(Some(r#"{"a":[]}"#), r#"{"id":"own"}"#).as_deref(), Ok(r#"{"a":[{"id":"own"}]}"#));
        assert_eq!(add(Some(r#"{"a":7}"#), "{}"), Err(Unreadable));
    }
}
