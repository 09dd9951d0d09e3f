//! Narratives (`txt-1`, `txt-2`): XHTML that formats and does nothing else (<https://hl7.org/fhir/R4/narrative.html#xhtml>).

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;

/// What may stand in a narrative: text, lists, tables and images of HTML 4.0.
const ELEMENTS: [&str; 60] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "center",
];
/// Entities that XML itself has.
const ENTITIES: [&str; 5] = ["amp", "apos", "gt", "lt", "quot"];
const NAMESPACE: &str = "http://www.w3.org/1999/xhtml";
/// How deep elements may stand in each other.
const DEPTH: usize = 200;

impl<'d> Walk<'_, 'd> {
    /// The `div` of a narrative.
    pub(super) fn narrative(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(text) = node.value.and_then(|value| value.string()) else { return };
        if let Err(fault) = check(&text) {
            let (details, advice) = fault.words();
            self.say_of((Severity::Error, "invalid"), place, details, advice, "narrative");
        }
    }
}

/// Why a text is no narrative.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Active,
    Element,
    Empty,
    Entity,
    Namespace,
    NotWellFormed,
    Root,
}

impl Fault {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Active => ("the narrative has a script, an event or a javascript address", "Take it away."),
            Self::Element => {
                ("the narrative has an element that R4 does not allow", "Use formatting, lists, tables and images.")
            }
            Self::Empty => ("the narrative says nothing", "Add text, or leave the narrative out."),
            Self::Entity => {
                ("the narrative has an entity that XML has not", "Write the character itself, or its number.")
            }
            Self::Namespace => ("the div lacks the namespace of XHTML", "Add xmlns=\"http://www.w3.org/1999/xhtml\"."),
            Self::NotWellFormed => {
                ("the narrative is no well-formed XML", "Close every tag and quote every attribute.")
            }
            Self::Root => ("the narrative is not one div", "Put everything into one <div>."),
        }
    }
}

fn check(text: &str) -> Result<(), Fault> {
    let mut open: Vec<&str> = Vec::new();
    let mut says = false;
    let mut rest = text.trim();
    if !rest.starts_with("<div") {
        return Err(Fault::Root);
    }
    let mut started = false;
    while !rest.is_empty() {
        if started && open.is_empty() {
            return Err(Fault::Root);
        }
        let Some(at) = rest.find('<') else { return Err(Fault::NotWellFormed) };
        let (content, tag) = rest.split_at(at);
        entities(content)?;
        says |= !content.trim().is_empty();
        if let Some(comment) = tag.strip_prefix("<!--") {
            let end = comment.find("-->").ok_or(Fault::NotWellFormed)?;
            rest = &comment[end + 3..];
            continue;
        }
        let (inside, after) = inside(&tag[1..])?;
        rest = after;
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return Err(Fault::NotWellFormed);
            }
            continue;
        }
        let (inside, alone) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let end = inside.find(|letter: char| letter.is_whitespace()).unwrap_or(inside.len());
        let (name, list) = inside.split_at(end);
        if matches!(name, "script" | "iframe" | "object" | "form" | "embed" | "applet") {
            return Err(Fault::Active);
        }
        if !ELEMENTS.contains(&name) {
            return Err(Fault::Element);
        }
        let namespace = attributes(list)?;
        if !started && namespace != Some(NAMESPACE) {
            return Err(Fault::Namespace);
        }
        started = true;
        says |= name == "img";
        if !alone {
            open.push(name);
        }
        if open.len() > DEPTH {
            return Err(Fault::NotWellFormed);
        }
    }
    match (open.is_empty(), says) {
        (false, _) => Err(Fault::NotWellFormed),
        (true, false) => Err(Fault::Empty),
        (true, true) => Ok(()),
    }
}

/// What stands in a tag, and what comes behind it: a `>` in a quoted attribute ends no tag.
fn inside(text: &str) -> Result<(&str, &str), Fault> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => return Ok((&text[..at], &text[at + 1..])),
            (_, b'<') => return Err(Fault::NotWellFormed),
            _ => {}
        }
    }
    Err(Fault::NotWellFormed)
}

/// Checks a tag's attributes; gives its namespace.
fn attributes(list: &str) -> Result<Option<&str>, Fault> {
    let mut namespace = None;
    let mut rest = list.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(Fault::NotWellFormed)?;
        let (name, after) = (name.trim_end(), after.trim_start());
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(Fault::NotWellFormed)?;
        let (value, next) = after[1..].split_once(quote).ok_or(Fault::NotWellFormed)?;
        entities(value)?;
        let address = matches!(name, "href" | "src");
        let lower = value.trim_start().to_ascii_lowercase();
        if name.starts_with("on") || address && lower.starts_with("javascript:") {
            return Err(Fault::Active);
        }
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(Fault::NotWellFormed);
        }
        if name == "xmlns" {
            namespace = Some(value);
        }
        rest = next.trim_start();
    }
    Ok(namespace)
}

/// `&` starts an entity of XML, or the number of a character.
fn entities(text: &str) -> Result<(), Fault> {
    for part in text.split('&').skip(1) {
        let (name, _) = part.split_once(';').ok_or(Fault::NotWellFormed)?;
        let is_number = |digits: &str| {
            let hex = digits.strip_prefix(['x', 'X']);
            let digits_of = hex.unwrap_or(digits);
            !digits_of.is_empty()
                && digits_of
                    .bytes()
                    .all(|byte| if hex.is_some() { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() })
        };
        if !name.strip_prefix('#').map_or_else(|| ENTITIES.contains(&name), is_number) {
            return Err(Fault::Entity);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn div(content: &str) -> Result<(), Fault> {
        check(&format!("<div xmlns=\"{NAMESPACE}\">{content}</div>"))
    }

    #[test]
    fn what_formats_is_a_narrative() {
        for content in [
            "Ada",
            "<p title='a > b'>1 &lt; 2 &#160; &#xA0;</p>",
            "<table border=\"1\"><tr><td>x</td></tr></table>",
            "<img src=\"#photo\" alt=\"x\"/>",
            "<!-- <b> --><br/>x",
        ] {
            assert_eq!(div(content), Ok(()), "{content}");
        }
    }

    #[test]
    fn what_does_more_or_less_is_none() {
        for (content, fault) in [
            ("", Fault::Empty),
            (" <p/>\n", Fault::Empty),
            ("<script>x</script>", Fault::Active),
            ("<a href=\" javascript:x()\">x</a>", Fault::Active),
            ("<p onclick='x'>x</p>", Fault::Active),
            ("<marquee>x</marquee>", Fault::Element),
            ("&reg;", Fault::Entity),
            ("a & b", Fault::NotWellFormed),
            ("<p>x", Fault::NotWellFormed),
            ("<p a=b>x</p>", Fault::NotWellFormed),
            ("</div><div>", Fault::Root),
        ] {
            assert_eq!(div(content), Err(fault), "{content}");
        }
        assert_eq!(check("<div>x</div>"), Err(Fault::Namespace));
        assert_eq!(check("x"), Err(Fault::Root));
        assert_eq!(check(&format!("<div xmlns=\"{NAMESPACE}\">x")), Err(Fault::NotWellFormed));
    }
}
