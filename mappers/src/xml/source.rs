//! A document of FHIR elements: the markup without comments and white space, and nothing but tags left.

use super::MAX_DEPTH;
use super::attributes::{Attribute, UNKNOWN_REFERENCE, attributes};
use super::characters::{foreign, is_space, reference};
use super::fault::Fault;
use super::markup::{Markup, Piece, Space, Tag};
use super::narrative::{NO_CHARACTER, TOO_DEEP, check};
use super::{FHIR, XHTML};

/// The tags of a document.
pub(super) struct Source<'t> {
    text: &'t str,
    markup: Markup<'t>,
}

impl<'t> Source<'t> {
    /// Looks at the encoding and the characters.
    ///
    /// # Errors
    /// Not XML 1.0 in UTF-8.
    pub(super) fn new(bytes: &'t [u8]) -> Result<Self, Fault> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if matches!(bytes, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, b'<', ..] | [b'<', 0, ..]) {
            return Err(Fault::new(0, "the text is UTF-16 or UTF-32; send UTF-8"));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Fault::new(error.valid_up_to(), "the text is not valid UTF-8 here; send UTF-8"))?;
        if let Some(at) = foreign(text) {
            return Err(Fault::new(at, NO_CHARACTER));
        }
        Ok(Self { text, markup: Markup::new(text) })
    }

    /// The outermost tag.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn root(&mut self) -> Result<Tag<'t>, Fault> {
        match self.piece()? {
            Next::Tag(tag) => Ok(tag),
            Next::TagEnd | Next::End => {
                Err(Fault::new(self.markup.at(), "the text holds no element; send one resource"))
            }
        }
    }

    /// The next tag in the one that is open; `None` where that one ends.
    ///
    /// # Errors
    /// No XML, or what FHIR does not have between elements.
    pub(super) fn child(&mut self) -> Result<Option<Tag<'t>>, Fault> {
        match self.piece()? {
            Next::Tag(tag) => Ok(Some(tag)),
            Next::TagEnd => Ok(None),
            Next::End => Err(Fault::new(self.markup.at(), CUT_OFF)),
        }
    }

    /// Nothing may come behind the root.
    ///
    /// # Errors
    /// Something does.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let at = self.markup.at();
        match self.piece()? {
            Next::End => Ok(()),
            Next::Tag(_) | Next::TagEnd => {
                Err(Fault::new(at, "a second element stands beside the resource; send one resource"))
            }
        }
    }

    /// The attributes of a tag that are no declarations of namespaces. Only the root may say where its schema is.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn attributes(&self, tag: &Tag<'t>, root: bool) -> Result<Vec<Attribute<'t>>, Fault> {
        let mut found = attributes(tag.rest).map_err(|details| Fault::new(tag.at, details))?;
        found.retain(|attribute| {
            let of_schema = root
                && attribute.name.ends_with(":schemaLocation")
                && self.markup.space_of_attribute(attribute.name) == Space::SchemaInstance;
            !attribute.declares() && !of_schema
        });
        Ok(found)
    }

    /// The text of a div that was opened, without prefixes and with its namespace.
    ///
    /// # Errors
    /// No narrative in XHTML that stands by itself.
    pub(super) fn narrative(&mut self, div: &Tag<'t>) -> Result<String, Fault> {
        let mut out = String::new();
        let declared = attributes(div.rest).map_err(|details| Fault::new(div.at, details))?;
        open(&mut out, div, !declared.iter().any(|attribute| attribute.name == "xmlns"));
        let mut prefixes: Vec<bool> = if div.alone { Vec::new() } else { vec![div.qualified != div.name()] };
        while !prefixes.is_empty() {
            let at = self.markup.at();
            match self.markup.next()? {
                Piece::TagStart(tag) => {
                    let ours = tag.space == Space::Xhtml && tag.qualified != tag.name();
                    if ours {
                        open(&mut out, &tag, false)
                    } else {
                        out.push_str(&self.text[at..self.markup.at()])
                    }
                    if !tag.alone {
                        prefixes.push(ours);
                    }
                    if prefixes.len() > MAX_DEPTH {
                        return Err(Fault::new(at, TOO_DEEP));
                    }
                }
                Piece::TagEnd(name) => {
                    let ours = prefixes.pop() == Some(true);
                    let shown = if ours { name.split_once(':').map_or(name, |(_, name)| name) } else { name };
                    out.push_str("</");
                    out.push_str(shown);
                    out.push('>');
                }
                Piece::DocumentType => return Err(Fault::new(at, NO_DTD)),
                Piece::Declaration(_) | Piece::Instruction => return Err(Fault::new(at, NO_INSTRUCTION)),
                Piece::End => return Err(Fault::new(at, CUT_OFF)),
                Piece::Reference(name) if reference(name).is_none() => return Err(Fault::new(at, UNKNOWN_REFERENCE)),
                Piece::Comment | Piece::Reference(_) | Piece::Section | Piece::Text(_) => {
                    out.push_str(&self.text[at..self.markup.at()]);
                }
            }
        }
        check(&out).map_err(|fault| Fault { at: div.at, ..fault })?;
        Ok(out)
    }

    /// What is next, past what says nothing.
    fn piece(&mut self) -> Result<Next<'t>, Fault> {
        loop {
            let at = self.markup.at();
            match self.markup.next()? {
                Piece::TagStart(tag) => return Ok(Next::Tag(tag)),
                Piece::TagEnd(_) => return Ok(Next::TagEnd),
                Piece::End => return Ok(Next::End),
                Piece::Comment => {}
                Piece::Text(text) if text.bytes().all(is_space) => {}
                Piece::Declaration(text) if at == 0 => declaration(text)?,
                Piece::Reference(name) if reference(name).is_none() => return Err(Fault::new(at, UNKNOWN_REFERENCE)),
                Piece::Reference(_) | Piece::Section | Piece::Text(_) => {
                    return Err(Fault::new(at, "text stands between elements; FHIR has values in the attribute value"));
                }
                Piece::DocumentType => return Err(Fault::new(at, NO_DTD)),
                Piece::Declaration(_) | Piece::Instruction => return Err(Fault::new(at, NO_INSTRUCTION)),
            }
        }
    }
}

/// What comes between elements.
enum Next<'t> {
    End,
    Tag(Tag<'t>),
    TagEnd,
}

const NO_DTD: &str = "a document type (DTD) is refused, and so are entities of its own; take the <!DOCTYPE away";
const NO_INSTRUCTION: &str = "a processing instruction is refused; take the <? away";
const CUT_OFF: &str = "the text ends before the resource does; send the whole of it";

/// The start tag of a narrative's element, without prefix.
fn open(out: &mut String, tag: &Tag<'_>, declare: bool) {
    out.push('<');
    out.push_str(tag.name());
    if declare {
        out.push_str(" xmlns=\"");
        out.push_str(XHTML);
        out.push('"');
    }
    out.push_str(tag.rest);
    out.push_str(if tag.alone { "/>" } else { ">" });
}

/// `<?xml version="1.0" encoding="UTF-8"?>`, or less.
fn declaration(text: &str) -> Result<(), Fault> {
    let inside = text.strip_prefix("<?xml").and_then(|text| text.strip_suffix("?>")).unwrap_or_default();
    let found = attributes(inside).map_err(|details| Fault::new(0, details))?;
    let said = |name: &str| found.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.raw);
    if said("version") != Some("1.0") {
        return Err(Fault::new(0, "only XML 1.0 is taken; write <?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    }
    let utf8 = |encoding: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|name| encoding.eq_ignore_ascii_case(name));
    if !said("encoding").is_none_or(utf8) {
        return Err(Fault::new(0, "the encoding is not UTF-8; send UTF-8 and say so"));
    }
    Ok(())
}

/// What a tag in the wrong namespace should be in.
pub(super) fn misplaced(tag: &Tag<'_>) -> Fault {
    let details = match tag.space {
        Space::Missing => format!("the element has no namespace; write xmlns=\"{FHIR}\" on the outermost element"),
        Space::Unknown => "the prefix of the element is not declared; declare it, or leave prefixes away".to_owned(),
        _ => format!("the element is not in the namespace {FHIR}; only a narrative's div is in another"),
    };
    Fault::new(tag.at, details)
}
