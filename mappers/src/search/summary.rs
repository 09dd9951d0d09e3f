//! Parts of a resource: `_summary` (<https://hl7.org/fhir/R4/search.html#summary>) and `_elements`
//! (<https://hl7.org/fhir/R4/search.html#elements>).

#[rustfmt::skip]
mod table;

use super::query::{Results, Summary};
use crate::json::{Document, Element, Kind};
use table::TABLE;

const TAG: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// Which elements of a resource are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Part<'r> {
    elements: &'r [Box<str>],
    summary: Option<Summary>,
}

impl<'r> Part<'r> {
    /// The part that the results are to have; `None` = all of it.
    #[must_use]
    pub fn of(results: &'r Results) -> Option<Self> {
        let summary =
            results.summary.filter(|summary| matches!(summary, Summary::Data | Summary::Text | Summary::True));
        (summary.is_some() || !results.elements.is_empty()).then_some(Self { elements: &results.elements, summary })
    }

    /// The part that what comes along is to have: elements are those of the matches.
    #[must_use]
    pub fn of_included(self) -> Option<Self> {
        self.summary.is_some().then_some(Self { elements: &[], ..self })
    }

    /// The part of a resource, marked as one; the resource as it is where it cannot be read.
    #[must_use]
    pub fn cut(self, body: &[u8]) -> Vec<u8> {
        let Ok(document) = Document::parse(body) else { return body.to_vec() };
        let root = document.root();
        let kind = root.member("resourceType").and_then(|kind| kind.string()).unwrap_or_default();
        let mut out = Vec::with_capacity(body.len());
        out.push(b'{');
        for member in root.children() {
            let Some(key) = member.key() else { continue };
            if !self.keeps(&kind, key.trim_start_matches('_')) {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{key}\":").as_bytes());
            if key == "meta" {
                tagged(&mut out, member);
            } else {
                out.extend_from_slice(member.raw().as_bytes());
            }
        }
        out.push(b'}');
        out
    }

    fn keeps(self, kind: &str, name: &str) -> bool {
        if matches!(name, "id" | "meta" | "resourceType") {
            return true;
        }
        let (summary, mandatory) =
            TABLE.binary_search_by(|row| row.0.cmp(kind)).map_or((&[][..], &[][..]), |at| (TABLE[at].1, TABLE[at].2));
        let of = |names: &[&str]| names.iter().any(|wanted| is_one(wanted, name));
        let listed = self.elements.iter().any(|wanted| is_one(wanted, name) || is_choice(wanted, name));
        match self.summary {
            Some(Summary::True) => of(summary),
            Some(Summary::Text) => name == "text" || of(mandatory),
            Some(Summary::Data) => name != "text",
            Some(Summary::Count | Summary::False) | None => listed || of(mandatory),
        }
    }
}

fn is_one(wanted: &str, name: &str) -> bool {
    wanted == name || wanted.strip_suffix("[x]").is_some_and(|choice| is_choice(choice, name))
}

/// `value` means `valueQuantity`, too.
fn is_choice(choice: &str, name: &str) -> bool {
    name.strip_prefix(choice).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Writes `meta` with the tag that tells a part from a whole.
fn tagged(out: &mut Vec<u8>, meta: Element<'_>) {
    let raw = meta.raw();
    let tags = meta.member("tag").filter(|tags| tags.kind() == Kind::Array);
    match tags {
        Some(tags) => {
            let at = tags.end() - meta.start() - 1;
            let comma = if tags.is_empty() { "" } else { "," };
            out.extend_from_slice(format!("{}{comma}{TAG}{}", &raw[..at], &raw[at..]).as_bytes());
        }
        None => {
            let at = raw.len() - 1;
            let comma = if meta.is_empty() { "" } else { "," };
            out.extend_from_slice(format!("{}{comma}\"tag\":[{TAG}]{}", &raw[..at], &raw[at..]).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"resourceType":"Observation","id":"1","meta":{"versionId":"1","tag":[{"code":"a"}]},"text":{"status":"empty"},"status":"final","code":{"text":"x"},"note":[{"text":"n"}],"valueQuantity":{"value":1.10},"_valueString":{"id":"v"}}"#;

    fn cut(summary: Option<Summary>, elements: &[&str]) -> String {
        let elements = elements.iter().map(|name| Box::from(*name)).collect();
        let results = Results { summary, elements, ..Results::default() };
        String::from_utf8(Part::of(&results).expect("a part").cut(BODY.as_bytes())).expect("text")
    }

    #[test]
    fn parts_keep_what_was_asked_for_and_say_that_they_are_parts() {
        let summary = cut(Some(Summary::True), &[]);
        assert!(summary.contains("1.10") && !summary.contains("note") && !summary.contains("\"text\":{"), "{summary}");
        assert!(summary.contains(r#""tag":[{"code":"a"},{"system""#), "{summary}");
        let text = cut(Some(Summary::Text), &[]);
        assert!(text.contains("\"text\":{") && text.contains("status\":\"final") && !text.contains("1.10"), "{text}");
        let data = cut(Some(Summary::Data), &[]);
        assert!(data.contains("note") && !data.contains("\"text\":{"), "{data}");
        let elements = cut(None, &["value"]);
        assert!(
            elements.contains("1.10") && elements.contains("_valueString") && elements.contains("\"code\""),
            "{elements}"
        );
        assert!(!elements.contains("note"), "{elements}");
        assert!(Part::of(&Results::default()).is_none());
    }

    #[test]
    fn every_part_is_json() {
        for body in [BODY, r#"{"resourceType":"Patient","meta":{}}"#, r#"{"resourceType":"Patient","meta":{"tag":[]}}"#]
        {
            let results = Results { summary: Some(Summary::True), ..Results::default() };
            let part = Part::of(&results).expect("a part").cut(body.as_bytes());
            assert!(Document::parse(&part).is_ok(), "{}", String::from_utf8_lossy(&part));
        }
    }
}
