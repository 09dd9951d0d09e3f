//! The div of a narrative: XHTML in XML, a text in JSON (<https://hl7.org/fhir/R4/narrative.html>).

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use super::attributes::{Attribute, UNKNOWN_REFERENCE, attributes};
use super::characters::{foreign, is_char, reference};
use super::fault::Fault;
use super::markup::{Markup, Piece, Space};
use super::{MAX_DEPTH, XHTML};

static ENTITIES: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let lines = include_str!("entities.txt").lines().filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.split(", ")).filter_map(|word| word.split_once(' '));
    words.filter_map(|(name, number)| Some((name, number.parse().ok()?))).collect()
});

/// Whether a text can stand in XML as it is: one div of XHTML, well-formed by itself.
///
/// # Errors
/// Why not.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    if let Some(at) = foreign(text) {
        return Err(Fault::new(at, NO_CHARACTER));
    }
    let mut markup = Markup::new(text);
    let (mut depth, mut over) = (0_usize, false);
    loop {
        let at = markup.at();
        match markup.next()? {
            Piece::TagStart(tag) => {
                if over || depth == 0 && (tag.at, tag.qualified, tag.space) != (0, "div", Space::Xhtml) {
                    return Err(Fault::new(at, "a narrative is one div in the namespace of XHTML"));
                }
                // The prefix xmlns is there for declarations alone.
                if tag.space == Space::Unknown || tag.qualified.starts_with("xmlns:") {
                    return Err(Fault::new(at, "the prefix of a tag is not declared; take it away"));
                }
                attributes_of(&markup, tag.rest).map_err(|details| Fault::new(at, details))?;
                depth += usize::from(!tag.alone);
                over = depth == 0;
                if depth > MAX_DEPTH {
                    return Err(Fault::new(at, TOO_DEEP));
                }
            }
            Piece::TagEnd(_) => {
                depth = depth.saturating_sub(1);
                over = depth == 0;
            }
            Piece::End if over => return Ok(()),
            Piece::End => return Err(Fault::new(at, "the narrative does not end: close its tags")),
            Piece::Comment | Piece::Reference(_) | Piece::Section | Piece::Text(_) if depth == 0 => {
                return Err(Fault::new(at, "a narrative is one div and nothing beside it"));
            }
            Piece::Comment | Piece::Section => {}
            Piece::Reference(name) => {
                reference(name).ok_or_else(|| Fault::new(at, UNKNOWN_REFERENCE))?;
            }
            Piece::Text(text) if text.contains("]]>") => {
                return Err(Fault::new(at, "]]> stands in the text; write ]]&gt;"));
            }
            Piece::Text(_) => {}
            Piece::Declaration(_) | Piece::DocumentType | Piece::Instruction => {
                return Err(Fault::new(at, "a narrative has no DTD and no processing instructions; take them away"));
            }
        }
    }
}

pub(super) const NO_CHARACTER: &str = "a character stands here that XML does not have; take it away";
pub(super) const TOO_DEEP: &str = "elements stand too deep in each other (limit 200); flatten the narrative";

/// Checks attributes and their names (<https://www.w3.org/TR/xml-names/>).
fn attributes_of(markup: &Markup<'_>, text: &str) -> Result<(), &'static str> {
    let mut prefixed = HashSet::new();
    for attribute in attributes(text)? {
        let value = attribute.value()?;
        if attribute.declares() {
            declared(attribute.name, &value, attribute.raw.len())?;
        } else if let Some((_, name)) = attribute.name.split_once(':') {
            let raw = markup.name_of_space(attribute.name).ok_or(UNDECLARED)?;
            // Declarations have references too, and two prefixes may stand for one namespace.
            let space = Attribute { name, raw }.value()?;
            if !prefixed.insert((space, name)) {
                return Err("an attribute stands twice in a tag, by two prefixes of one namespace; keep one");
            }
        }
    }
    Ok(())
}

const UNDECLARED: &str = "the prefix of an attribute is not declared; take it away";

/// Checks the declaration of a namespace, whose name is `length` bytes as it is written.
fn declared(name: &str, space: &str, length: usize) -> Result<(), &'static str> {
    match (name, space) {
        _ if length > SPACE => Err("the name of a namespace is too long (limit 256 bytes)"),
        ("xmlns:xml", XML) => Ok(()),
        ("xmlns:xml" | "xmlns:xmlns", _) | (_, XML | XMLNS) => {
            Err("the prefixes xml and xmlns and their namespaces are not declared anew; take the declaration away")
        }
        ("xmlns", _) => Ok(()),
        (_, "") => Err("a prefix is declared for no namespace; take the declaration away"),
        _ => Ok(()),
    }
}

/// The longest name of a namespace, in bytes: it is looked at for each attribute with its prefix.
const SPACE: usize = 256;
/// What the prefix xml stands for.
const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix xmlns stands for.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Appends the div that tells a JSON text in XML: the text itself, where it is one. A div without its namespace gets it, the
/// named characters of HTML become numbers. What is still no XHTML is shown as the text it is: nothing is lost, and
/// nothing is guessed.
pub(super) fn write(out: &mut String, text: &str) {
    let text = text.trim_matches(|letter: char| letter.is_ascii_whitespace());
    if check(text).is_ok() {
        return out.push_str(text);
    }
    let repaired = numbered(&spaced(text));
    if check(&repaired).is_ok() {
        return out.push_str(&repaired);
    }
    let _ = write!(out, "<div xmlns=\"{XHTML}\">");
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            letter if is_char(letter) => out.push(letter),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    out.push_str("</div>");
}

/// With the namespace, where the first tag names none.
fn spaced(text: &str) -> String {
    let Some(rest) = text.strip_prefix("<div") else { return text.to_owned() };
    let end = rest.find('>').unwrap_or(rest.len());
    let list = rest[..end].strip_suffix('/').unwrap_or(&rest[..end]);
    let declared = attributes(list).is_ok_and(|found| found.iter().any(|attribute| attribute.name == "xmlns"));
    if declared { text.to_owned() } else { format!("<div xmlns=\"{XHTML}\"{rest}") }
}

/// With numbers in place of the names that HTML has and XML has not.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let end = reference.bytes().skip(1).position(|byte| !byte.is_ascii_alphanumeric()).map_or(0, |end| end + 1);
        let number = ENTITIES.get(&reference[1.min(end)..end]).filter(|_| reference[end..].starts_with(';'));
        match number {
            Some(number) => {
                let _ = write!(out, "&#{number};");
                rest = &reference[end + 1..];
            }
            None => {
                out.push('&');
                rest = &reference[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write(&mut out, text);
        assert!(check(&out).is_ok(), "{out}");
        out
    }

    #[test]
    fn a_sound_div_stays_as_it_is() {
        for text in [
            r#"<div xmlns="http://www.w3.org/1999/xhtml">a &lt; b<br/>é &#160;<!-- c --><p class='x'>y</p></div>"#,
            r#"<div xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"/>"#,
            r#"<div xmlns="http://www.w3.org/1999/xhtml" xmlns:o="urn:o"><o:p o:x="1"/><![CDATA[<]]></div>"#,
            r#"<div xmlns="http://www.w3.org/1999/xhtml" xmlns:a="u" xmlns:b="v"><p a:x="1" b:x="2" x="3"/><p xmlns="" xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:x="1"/></div>"#,
        ] {
            assert_eq!(written(text), text);
        }
    }

    #[test]
    fn what_means_the_same_in_html_is_told_in_xml() {
        assert_eq!(
            written("<div>a&nbsp;b &amp; c</div>"),
            r#"<div xmlns="http://www.w3.org/1999/xhtml">a&#160;b &amp; c</div>"#
        );
        assert_eq!(written("<div/>"), r#"<div xmlns="http://www.w3.org/1999/xhtml"/>"#);
    }

    #[test]
    fn what_is_no_xhtml_is_shown_as_text() {
        let deep = format!("<div>{}", "<p>".repeat(300));
        let long = format!("<div xmlns:p='{}'/>", "u".repeat(257));
        for text in [
            "",
            "plain",
            "<div",
            "<div>a<br>b</div>",
            "<div>&bogus;</div>",
            "<div>a</div><div>b</div>",
            "<p>x</p>",
            "<div><o:p/></div>",
            "<div>\u{1}</div>",
            "<div><?x y?></div>",
            "<!DOCTYPE div><div>x</div>",
            "<div>a & b</div>",
            "<div>]]></div>",
            "<div a='1' a='2'/>",
            "<div a=\"<\"/>",
            "<div xmlns:p=''/>",
            "<div xmlns:p='u'><b xmlns:p=''/></div>",
            "<div><xmlns:b/></div>",
            "<div xmlns:xmlns='u'/>",
            "<div xmlns:xml='u'/>",
            "<div xmlns:xml=''/>",
            "<div xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<div xmlns:p='http://www.w3.org/XML/1998/&#110;amespace'/>",
            "<div><b xmlns='http://www.w3.org/XML/1998/namespace'/></div>",
            "<div xmlns:p='http://www.w3.org/2000/xmlns/'/>",
            "<div><b xmlns='http://www.w3.org/2000/xmlns&#x2f;'/></div>",
            "<div xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>",
            "<div xmlns:a='u'><b xmlns:b='&#117;' a:x='1' b:x='2'/></div>",
            "<div xmlns:a='u v'><b xmlns:b='u\tv' a:x='1' b:x='2'/></div>",
            "<div><1/></div>",
            "x<div/>",
            "<div/>x",
            "&",
            "<div>é&",
            &deep,
            &long,
        ] {
            let div = written(text);
            let shown = div.strip_prefix(r#"<div xmlns="http://www.w3.org/1999/xhtml">"#).unwrap();
            assert!(!shown.strip_suffix("</div>").unwrap().contains('<'), "{div}");
        }
    }

    #[test]
    fn the_names_of_html_are_known() {
        assert_eq!(ENTITIES.len(), 248);
        assert_eq!((ENTITIES.get("nbsp"), ENTITIES.get("euro")), (Some(&160), Some(&8364)));
    }
}
