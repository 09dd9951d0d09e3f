//! An answer against what a case expects: order says nothing, all that is expected is there, nothing else is.

use super::cases::MODES;
use super::words;
use gateway_tests::Json;
use std::borrow::Cow;

/// How answers are compared.
pub(crate) struct Comparison {
    is_pattern: bool,
}

impl Comparison {
    /// A pattern's answer may say more than it.
    pub(crate) fn of(is_pattern: bool) -> Self {
        Self { is_pattern }
    }

    /// Where an answer differs, each as `path: expected ..., found ...`.
    pub(crate) fn differences(&self, expected: &Json, found: &Json) -> Vec<String> {
        let mut differences = Vec::new();
        self.value("", expected, found, &mut differences);
        differences
    }

    fn value(&self, path: &str, expected: &Json, found: &Json, out: &mut Vec<String>) {
        match (expected, found) {
            (Json::Object(_), Json::Object(_)) => self.object(path, expected, found, out),
            (Json::Array(expected), Json::Array(found)) => self.array(path, expected, found, out),
            (Json::String(template), Json::String(text)) if words::fits(template, text) => {}
            _ if expected == found => {}
            _ => out.push(format!("{path}: expected {}, found {}", brief(expected), brief(found))),
        }
    }

    fn object(&self, path: &str, expected: &Json, found: &Json, out: &mut Vec<String>) {
        if expected.at("resourceType").is_some() && expected.str("resourceType") != found.str("resourceType") {
            let kind = |resource: &Json| resource.str("resourceType").unwrap_or("none").to_owned();
            out.push(format!(
                "{}: expected {}, found {} {}",
                join(path, "resourceType"),
                kind(expected),
                kind(found),
                brief(found)
            ));
            return;
        }
        let listed = |list: &str, name: &str| {
            expected.items(list).iter().filter_map(Json::as_str).any(|listed| listed == name || listed == "*")
        };
        let is_message = expected.str("name") == Some("message");
        for (name, value) in expected.members() {
            if is_control(name) {
                continue;
            }
            let path = join(path, name);
            match found.at(name) {
                Some(found) if listed("$count-arrays$", name) => {
                    let (expected, found) = (value.array().len(), found.array().len());
                    if expected != found {
                        out.push(format!("{path}: expected {expected} items, found {found}"));
                    }
                }
                Some(found) if is_message && name == "valueString" => {
                    self.value(&path, &in_order(value), &in_order(found), out);
                }
                Some(found) => self.value(&path, value, found, out),
                None if listed("$optional-properties$", name) || may_be_absent(value) => {}
                None => out.push(format!("{path}: missing, expected {}", brief(value))),
            }
        }
        if !self.is_pattern {
            let extra =
                found.members().iter().filter(|(name, _)| expected.members().iter().all(|(known, _)| known != name));
            let extra = extra.filter(|(name, _)| !is_told_twice(name, found));
            out.extend(extra.map(|(name, value)| format!("{}: unexpected {}", join(path, name), brief(value))));
        }
    }

    fn fits(&self, expected: &Json, found: &Json) -> bool {
        !are_told_apart(expected, found) && {
            let mut differences = Vec::new();
            self.value("", expected, found, &mut differences);
            differences.is_empty()
        }
    }

    /// Every item that must be there finds one of its own, and every item there is wanted by one.
    fn array(&self, path: &str, expected: &[Json], found: &[Json], out: &mut Vec<String>) {
        let fits: Vec<Vec<bool>> =
            expected.iter().map(|expected| found.iter().map(|found| self.fits(expected, found)).collect()).collect();
        // Those that must be there choose first: what is matched stays so while others are.
        let (optional, required): (Vec<usize>, Vec<usize>) =
            (0..expected.len()).partition(|&index| is_optional(&expected[index]));
        let mut matched: Vec<Option<usize>> = vec![None; found.len()];
        let mut missing = Vec::new();
        for &index in &required {
            if !augment(index, &fits, &mut matched, &mut vec![false; found.len()]) {
                missing.push(index);
            }
        }
        for &index in &optional {
            if !augment(index, &fits, &mut matched, &mut vec![false; found.len()]) {
                missing.push(index);
            }
        }
        let mut unexpected: Vec<usize> = (0..found.len()).filter(|&index| matched[index].is_none()).collect();
        // What is missing and what nobody wanted are told as one where they are about the same thing.
        for item in missing.into_iter().map(|index| &expected[index]) {
            let path = format!("{path}[{}]", key(item).unwrap_or_default());
            let about_the_same = unexpected.iter().copied().filter(|&other| key(item) == key(&found[other]));
            let compared = about_the_same.map(|other| {
                let mut faults = Vec::new();
                self.value(&path, item, &found[other], &mut faults);
                (other, faults)
            });
            match compared.min_by_key(|(_, faults)| faults.len()) {
                Some((near, faults)) if !self.is_pattern => {
                    unexpected.retain(|other| *other != near);
                    out.extend(faults);
                }
                _ if is_optional(item) => {}
                _ => out.push(format!("{path}: missing, expected {}", brief(item))),
            }
        }
        if !self.is_pattern {
            let unexpected =
                unexpected.iter().map(|&index| (key(&found[index]).unwrap_or_default(), brief(&found[index])));
            out.extend(unexpected.map(|(key, item)| format!("{path}[{key}]: unexpected {item}")));
        }
    }
}

/// The place of an issue in the element that R4 has for it beside `expression`, which says the same: the older of the suite's answers
/// ask for it, the newer ones know it no more (R5 leaves it), and one server is asked both.
fn is_told_twice(name: &str, issue: &Json) -> bool {
    name == "location" && issue.at("severity").is_some() && issue.at("location") == issue.at("expression")
}

/// Finds an expected item one that is there, moving others to another of theirs where that helps (Kuhn's matching).
fn augment(expected: usize, fits: &[Vec<bool>], matched: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for found in 0..matched.len() {
        if seen[found] || !fits[expected][found] {
            continue;
        }
        seen[found] = true;
        if matched[found].is_none_or(|other| augment(other, fits, matched, seen)) {
            matched[found] = Some(expected);
            return true;
        }
    }
    false
}

/// Whether a name says already that two objects differ: most pairs of items need no more.
fn are_told_apart(expected: &Json, found: &Json) -> bool {
    ["name", "code", "url", "value"].iter().any(|name| {
        let (Some(Json::String(expected)), Some(Json::String(found))) = (expected.at(name), found.at(name)) else {
            return false;
        };
        !words::fits(expected, found)
    })
}

/// Whether a member's absence is allowed by what is in it: an optional object, an array of nothing but these.
pub(crate) fn may_be_absent(value: &Json) -> bool {
    match value {
        Json::Array(items) => !items.is_empty() && items.iter().all(is_optional),
        value => is_optional(value),
    }
}

/// Whether an object is marked as one that may be absent.
pub(crate) fn is_optional(value: &Json) -> bool {
    match value.at("$optional$") {
        Some(Json::Bool(mark)) => *mark,
        Some(Json::String(mark)) => words::is_optional(mark, MODES),
        Some(mark) => panic!("what is $optional$ {mark}?"),
        None => false,
    }
}

/// Whether a member of a template is no member of the answer.
pub(crate) fn is_control(name: &str) -> bool {
    let is_known = matches!(name, "$count-arrays$" | "$optional$" | "$optional-properties$");
    assert!(is_known || !name.starts_with('$'), "what is {name}?");
    is_known
}

/// What tells an item from its neighbours, for a path that a reader finds.
fn key(item: &Json) -> Option<String> {
    let own = ["name", "code", "url"].iter().find_map(|name| item.str(name));
    let text = own.or_else(|| item.str("language")).or_else(|| item.as_str());
    // An issue has a code too; what it is about is in its details.
    let text = item.str("details.coding.0.code").or(text);
    text.map(|text| text.rsplit('/').next().unwrap_or(text).to_owned())
}

/// The sentences of a message, in one order.
fn in_order(message: &Json) -> Cow<'_, Json> {
    match message.as_str() {
        Some(text) if text.contains("; ") && !text.starts_with('$') => {
            let mut sentences: Vec<&str> = text.split("; ").collect();
            sentences.sort_unstable();
            Cow::Owned(Json::text(sentences.join("; ")))
        }
        _ => Cow::Borrowed(message),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn brief(value: &Json) -> String {
    let text = value.to_string();
    let mut brief: String = text.chars().take(240).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}
