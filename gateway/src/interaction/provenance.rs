//! `X-Provenance` (<https://hl7.org/fhir/R4/provenance.html#header>): what a client says of where its write comes from, as a
//! Provenance without targets. It is stored in the transaction of the write, with the versions that were written as its targets,
//! and is the client's own resource from then on. Of a transaction it tells as a whole, of a batch entry by entry.

use std::sync::Arc;

use mappers::json::{Document, Element, Kind, MAX_DEPTH, minify_value};
use mappers::search::PROVENANCE_PATIENT;
use mappers::structure;

use crate::clock::Clock;
use crate::outcome::{Code, Failure};
use crate::store::provenance::claim::{self, KIND};

/// The header.
pub(crate) const NAME: &str = "x-provenance";
/// The longest header, in bytes.
const LONGEST: usize = 16 * 1024;
/// How deep it may be: what is filled in stands within.
const DEPTH: usize = MAX_DEPTH - 4;
/// What stands for the targets while the rest is checked.
const ANY_TARGET: &str = r#"[{"reference":"Provenance/x"}]"#;

/// Reads the header's values: checked JSON without `id` and `target`; `None` where there is none. `now_ms` is when it is recorded,
/// where it does not say so itself.
///
/// # Errors
/// 400: several, too long, no JSON, no Provenance of R4, one with targets, or one that says what is the gateway's to say.
pub(crate) fn read<'h>(mut values: impl Iterator<Item = &'h [u8]>, now_ms: i64) -> Result<Option<Arc<str>>, Failure> {
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong(Code::Invalid, "There are several X-Provenance headers. Send one."));
    }
    if value.len() > LONGEST {
        let details = "The X-Provenance header is longer than 16 KiB. Send less, or a Provenance of its own.";
        return Err(wrong(Code::TooLong, details));
    }
    let document = parse(value)?;
    let root = document.root();
    let kind = root.member("resourceType").and_then(|kind| kind.string());
    if root.kind() != Kind::Object || kind.as_deref() != Some(KIND) {
        return Err(wrong(Code::Value, "X-Provenance is a Provenance in JSON, in one line."));
    }
    if root.member("target").is_some() || root.member("_target").is_some() {
        let details =
            "A Provenance in X-Provenance has no target: what is written becomes its target. Leave target out.";
        return Err(Failure::bad_request(Code::Invalid, details).at("Provenance.target"));
    }
    if claim::is_claimed(root) {
        let details = "This meta.source is that of the gateway's own Provenances. Name another source, or none.";
        return Err(Failure::bad_request(Code::BusinessRule, details).at("Provenance.meta.source"));
    }
    if names_a_patient(root) {
        let details = "Whose data it is, what is written tells. Leave the extension out.";
        return Err(Failure::bad_request(Code::Invalid, details).at("Provenance.extension"));
    }
    let text = String::from_utf8(minify_value(&root)).map_err(|_| Failure::internal())?;
    let text = edited(&text, |root| root.member("id").map(|id| id.without()))?;
    let recorded = format!("\"{}\"", Clock::format(now_ms));
    let is_open = |root: Element<'_>| root.member("recorded").is_none() && root.member("_recorded").is_none();
    let text = edited(&text, |root| is_open(root).then(|| root.with_member("recorded", &recorded)))?;
    let whole = edited(&text, |root| Some(root.with_member("target", ANY_TARGET)))?;
    structure::check_resource(&parse(whole.as_bytes())?, Some(KIND))?;
    Ok(Some(text.into()))
}

fn names_a_patient(root: Element<'_>) -> bool {
    let extensions = root.member("extension").into_iter().flat_map(|all| all.children());
    let mut urls = extensions.filter_map(|extension| extension.member("url").and_then(|url| url.string()));
    urls.any(|url| url == PROVENANCE_PATIENT)
}

/// The text with a change, where there is one to make.
fn edited(text: &str, change: impl FnOnce(Element<'_>) -> Option<String>) -> Result<String, Failure> {
    let document = Document::parse(text.as_bytes()).map_err(|_| Failure::internal())?;
    Ok(change(document.root()).unwrap_or_else(|| text.to_owned()))
}

fn parse(text: &[u8]) -> Result<Document<'_>, Failure> {
    Document::parse_within(text, DEPTH).map_err(|error| Failure::json(&error, KIND))
}

fn wrong(code: Code, details: &'static str) -> Failure {
    Failure::bad_request(code, details).at("http.X-Provenance")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = r#""agent":[{"who":{"display":"x"}}]"#;

    fn of(text: &str) -> Result<Option<Arc<str>>, u16> {
        read([text.as_bytes()].into_iter(), 0).map_err(|failure| failure.status.as_u16())
    }

    #[test]
    fn what_is_stored_has_no_id_and_a_time() {
        let text = of(&format!(r#"{{ "resourceType": "Provenance", "id": "x", {AGENT} }}"#)).unwrap().unwrap();
        let expected =
            r#"{"resourceType":"Provenance",AGENT,"recorded":"1970-01-01T00:00:00.000Z"}"#.replace("AGENT", AGENT);
        assert_eq!(&*text, expected);
        let own = format!(r#"{{"resourceType":"Provenance","recorded":"2024-01-01T00:00:00Z",{AGENT}}}"#);
        assert_eq!(of(&own).unwrap().as_deref(), Some(&*own));
        assert_eq!(read(std::iter::empty(), 0).unwrap(), None);
    }

    #[test]
    fn what_is_no_provenance_without_targets_is_refused() {
        let of_members = |members: &str| of(&format!(r#"{{"resourceType":"Provenance",{members}}}"#));
        for wrong in [
            of(""),
            of("null"),
            of("[]"),
            of("{"),
            of(r#"{"resourceType":"Patient"}"#),
            of_members(r#""policy":["urn:x"]"#),
            of_members(&format!(r#"{AGENT},"target":[{{"reference":"Patient/1"}}]"#)),
            of_members(&format!(r#"{AGENT},"target":[]"#)),
            of_members(&format!(r#"{AGENT},"nonsense":1"#)),
            of_members(&format!(r#"{AGENT},"meta":{{"source":"urn:fhir-gateway:provenance#1"}}"#)),
            of_members(&format!(
                r#"{AGENT},"extension":[{{"url":"{PROVENANCE_PATIENT}","valueReference":{{"reference":"Patient/1"}}}}]"#
            )),
            of_members(&format!(r#"{AGENT},"recorded":"yesterday""#)),
            of_members(&format!(r#"{AGENT},"language":"{}""#, "x".repeat(LONGEST))),
            of(&"[".repeat(LONGEST)),
        ] {
            assert_eq!(wrong, Err(400));
        }
        let twice = read([&b"{}"[..], b"{}"].into_iter(), 0);
        assert_eq!(twice.unwrap_err().status.as_u16(), 400);
        assert_eq!(read([&b"\xff"[..]].into_iter(), 0).unwrap_err().status.as_u16(), 400);
    }
}
