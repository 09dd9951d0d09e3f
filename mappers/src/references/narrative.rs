//! Links in narrative: `href` and `src` of the XHTML in `div` (<https://hl7.org/fhir/R4/narrative.html>).

use memchr::memchr_iter;

use super::rewrite::{Splice, replacement};
use crate::json::{Element, unescape, write_string};

/// Collects what to replace in a `div`, byte ranges of the source.
pub(super) fn splices(div: Element<'_>, target: &dyn Fn(&str) -> Option<String>, out: &mut Vec<Splice>) {
    let Some(raw) = div.raw_string() else { return };
    let base = div.start() + 1;
    let mut done = 0;
    for equals in memchr_iter(b'=', raw.as_bytes()) {
        if equals < done || !is_link(&raw[..equals]) {
            continue;
        }
        let Some((start, end)) = quoted(raw, equals + 1) else { continue };
        done = end;
        let escaped = &raw[start..end];
        let text = if escaped.contains('\\') { unescape(escaped) } else { escaped.to_owned() };
        if let Some(new) = replacement(&text, target) {
            out.push(Splice { start: base + start, end: base + end, with: inner(&new) });
        }
    }
}

/// Whether an attribute name of a link ends here.
fn is_link(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    let front = before.strip_suffix("href").or_else(|| before.strip_suffix("src"));
    // White space stands before an attribute; as JSON it may be an escape (`\n`).
    front.is_some_and(|front| {
        front.ends_with([' ', '\t']) || front.ends_with("\\n") || front.ends_with("\\r") || front.ends_with("\\t")
    })
}

/// Where the attribute value after `from` starts and ends, without its quotes (`'` or, as JSON, `\"`).
fn quoted(raw: &str, from: usize) -> Option<(usize, usize)> {
    let rest = &raw[from..];
    let quote = rest.trim_start_matches([' ', '\t']);
    let start = from + rest.len() - quote.len();
    let mark = ["\\\"", "'"].into_iter().find(|mark| quote.starts_with(mark))?;
    let value = start + mark.len();
    raw[value..].find(mark).map(|length| (value, value + length))
}

/// The text as it stands inside a JSON string inside an XML attribute.
fn inner(text: &str) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_string(&mut quoted, &text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;"));
    quoted.pop();
    quoted.remove(0);
    quoted
}
