//! Pieces of markup: quick-xml's events with their places in the text and the namespaces of their names.

use quick_xml::Error;
use quick_xml::errors::IllFormedError;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::characters::is_name;
use super::fault::Fault;
use super::{FHIR, SCHEMA_INSTANCE, XHTML};

/// The namespaces one tag may declare.
const DECLARED: usize = 16;

/// The declarations of namespaces that may be in scope: each name with a prefix looks through all of them.
const IN_SCOPE: usize = 64;

/// Reads a text piece by piece. End tags are matched with start tags.
pub(super) struct Markup<'t> {
    text: &'t str,
    xml: NsReader<&'t [u8]>,
    /// The declarations in scope at each tag that is open.
    scopes: Vec<usize>,
}

/// One piece, and where it starts.
pub(super) enum Piece<'t> {
    Comment,
    Declaration(&'t str),
    DocumentType,
    /// The end of the text.
    End,
    Instruction,
    /// `&name;`
    Reference(&'t str),
    Section,
    TagEnd(&'t str),
    TagStart(Tag<'t>),
    Text(&'t str),
}

/// A start tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'t> {
    /// With its prefix.
    pub(super) qualified: &'t str,
    /// What stands behind the name: attributes.
    pub(super) rest: &'t str,
    pub(super) space: Space,
    /// `<x/>`
    pub(super) alone: bool,
    /// Where its `<` is.
    pub(super) at: usize,
}

/// The namespace of a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Space {
    Fhir,
    Missing,
    Other,
    SchemaInstance,
    /// The prefix is declared nowhere.
    Unknown,
    Xhtml,
}

impl<'t> Tag<'t> {
    /// Without its prefix.
    pub(super) fn name(&self) -> &'t str {
        self.qualified.split_once(':').map_or(self.qualified, |(_, name)| name)
    }
}

impl<'t> Markup<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut xml = NsReader::from_str(text);
        xml.config_mut().check_comments = true;
        xml.resolver_mut().set_max_declarations_per_element(DECLARED);
        Self { text, xml, scopes: Vec::new() }
    }

    /// Where the next piece starts.
    pub(super) fn at(&self) -> usize {
        usize::try_from(self.xml.buffer_position()).unwrap_or(self.text.len()).min(self.text.len())
    }

    /// The namespace of an attribute's name.
    pub(super) fn space_of_attribute(&self, name: &str) -> Space {
        space(&self.xml.resolver().resolve_attribute(QName(name.as_bytes())).0)
    }

    /// The namespace of an attribute's prefix, as it is written where it is declared.
    pub(super) fn name_of_space(&self, name: &str) -> Option<&str> {
        match self.xml.resolver().resolve_attribute(QName(name.as_bytes())).0 {
            ResolveResult::Bound(Namespace(space)) => std::str::from_utf8(space).ok(),
            ResolveResult::Unbound | ResolveResult::Unknown(_) => None,
        }
    }

    /// The next piece.
    ///
    /// # Errors
    /// No XML.
    pub(super) fn next(&mut self) -> Result<Piece<'t>, Fault> {
        let at = self.at();
        let event = match self.xml.read_event() {
            Ok(event) => event,
            Err(error) => return Err(fault(&error, at)),
        };
        let (tag, alone): (&BytesStart<'_>, bool) = match &event {
            Event::Comment(_) => return Ok(Piece::Comment),
            Event::Decl(_) => return Ok(Piece::Declaration(&self.text[at..self.at()])),
            Event::DocType(_) => return Ok(Piece::DocumentType),
            Event::Eof => return Ok(Piece::End),
            Event::PI(_) => return Ok(Piece::Instruction),
            Event::CData(_) => return Ok(Piece::Section),
            Event::Text(bytes) => return Ok(Piece::Text(self.slice(bytes)?.1)),
            Event::GeneralRef(bytes) => return Ok(Piece::Reference(self.slice(bytes)?.1)),
            Event::End(end) => {
                self.scopes.pop();
                return Ok(Piece::TagEnd(self.slice(end.name().0)?.1));
            }
            Event::Start(start) => (start, false),
            Event::Empty(start) => (start, true),
        };
        let (start, inside) = self.slice(tag)?;
        let at = start.saturating_sub(1);
        let named = inside.bytes().position(super::characters::is_space).unwrap_or(inside.len());
        let (qualified, rest) = inside.split_at(named);
        if !is_name(qualified) {
            return Err(Fault::new(at, "the name of a tag is none of XML; correct it"));
        }
        let in_scope = self.scopes.last().copied().unwrap_or_default() + declarations(tag);
        if in_scope > IN_SCOPE {
            return Err(Fault::new(at, "too many namespaces are declared in each other (limit 64); declare each once"));
        }
        if !alone {
            self.scopes.push(in_scope);
        }
        let space = space(&self.xml.resolver().resolve_element(QName(qualified.as_bytes())).0);
        Ok(Piece::TagStart(Tag { qualified, rest, space, alone, at }))
    }

    /// The bytes of an event where they stand in the text; events of a slice borrow from it.
    fn slice(&self, bytes: &[u8]) -> Result<(usize, &'t str), Fault> {
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        match self.text.get(start..start.wrapping_add(bytes.len())) {
            Some(text) => Ok((start, text)),
            None => Err(Fault::new(self.at(), NOT_WELL_FORMED)),
        }
    }
}

const NOT_WELL_FORMED: &str = "the text is not well-formed XML here; correct it";

/// How many namespaces a tag declares.
fn declarations(tag: &BytesStart<'_>) -> usize {
    // As they are counted and bound by the reader itself.
    let mut attributes = tag.attributes();
    let attributes = attributes.with_checks(false).map_while(Result::ok);
    attributes.filter(|attribute| attribute.key.as_namespace_binding().is_some()).count()
}

fn space(resolved: &ResolveResult<'_>) -> Space {
    match resolved {
        ResolveResult::Bound(Namespace(name)) if *name == FHIR.as_bytes() => Space::Fhir,
        ResolveResult::Bound(Namespace(name)) if *name == XHTML.as_bytes() => Space::Xhtml,
        ResolveResult::Bound(Namespace(name)) if *name == SCHEMA_INSTANCE.as_bytes() => Space::SchemaInstance,
        ResolveResult::Bound(Namespace(name)) if !name.is_empty() => Space::Other,
        ResolveResult::Bound(_) | ResolveResult::Unbound => Space::Missing,
        ResolveResult::Unknown(_) => Space::Unknown,
    }
}

fn fault(error: &Error, at: usize) -> Fault {
    let details = match error {
        Error::Syntax(_) => "the markup that starts here does not end: the text is cut off, or a quote is left open",
        Error::IllFormed(IllFormedError::UnclosedReference) => super::attributes::UNKNOWN_REFERENCE,
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "a comment has -- in it; take it away",
        Error::IllFormed(_) => "tags do not match: close every tag that was opened, in the order of their nesting",
        Error::Namespace(_) => "the tag declares namespaces that cannot be, or too many (limit 16)",
        _ => NOT_WELL_FORMED,
    };
    Fault::new(at, details)
}
