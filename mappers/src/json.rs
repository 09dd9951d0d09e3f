//! Exact JSON (RFC 8259, <https://www.rfc-editor.org/rfc/rfc8259>): one pass over the bytes makes a tape of nodes.
//!
//! A resource is never turned into a tree of values: numbers, member order, spelling and escapes stay as the sender
//! wrote them, and every value knows its span in the source. Duplicate member names, text after the value, lone
//! surrogates and NUL (which PostgreSQL cannot hold) are refused here, once, for every way in.

mod edit;
mod fault;
mod scan;
mod tape;
mod write;

use std::borrow::Cow;

pub use fault::JsonError;
pub(crate) use fault::line_and_column;
pub use scan::{MAX_DEPTH, MAX_LENGTH};
use tape::Node;
pub(crate) use tape::plain_name;
pub use write::{minify, minify_value, unescape, write_string};

/// A parsed text: the source and its tape.
///
/// The tape takes 32 bytes a value: about the text's own size for resources, 16 times it for the worst text (`[0,0,...`),
/// so bound the text before it comes here.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// `{...}`
    Object,
    /// `[...]`
    Array,
    /// `"..."`
    String,
    /// A number, exactly as written: see [`Element::raw`].
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

impl<'a> Document<'a> {
    /// Reads one JSON text.
    ///
    /// # Errors
    /// Not UTF-8, not RFC 8259, deeper than [`MAX_DEPTH`], longer than [`MAX_LENGTH`], a member name given twice, or a
    /// string that holds NUL or half a surrogate pair. The error says where, and never quotes a value.
    pub fn parse(text: &'a [u8]) -> Result<Self, JsonError> {
        Self::parse_within(text, MAX_DEPTH)
    }

    /// Reads one JSON text that may be deeper than what is sent to us: resources in the bundles that we put them in.
    ///
    /// # Errors
    /// As [`Document::parse`], with `depth` for [`MAX_DEPTH`].
    pub fn parse_within(text: &'a [u8], depth: usize) -> Result<Self, JsonError> {
        let (text, nodes) = scan::scan(text, depth)?;
        Ok(Self { text, nodes })
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Element<'_> {
        Element { document: self, at: 0 }
    }

    /// The whole source.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The value with this place on the tape (see [`Element::index`]); `None` past the end.
    #[must_use]
    pub fn element(&self, index: usize) -> Option<Element<'_>> {
        let at = u32::try_from(index).ok()?;
        (index < self.nodes.len()).then_some(Element { document: self, at })
    }

    /// How many values the tape holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len()
    }
}

/// One value of a [`Document`]: a handle that is cheap to copy.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'d> Element<'d> {
    /// What the value is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.node().kind == Kind::Null
    }

    /// The exact source text of the value, without its key.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        let node = self.node();
        &self.document.text[node.start as usize..node.end as usize]
    }

    /// Byte offset of the value's first byte.
    #[must_use]
    pub fn start(&self) -> usize {
        self.node().start as usize
    }

    /// Byte offset just past the value.
    #[must_use]
    pub fn end(&self) -> usize {
        self.node().end as usize
    }

    /// The member's name, unescaped; `None` for items of arrays and the root.
    #[must_use]
    pub fn key(&self) -> Option<Cow<'d, str>> {
        let key = self.raw_key()?;
        Some(if self.node().key_escaped() { Cow::Owned(unescape(key)) } else { Cow::Borrowed(key) })
    }

    /// The member's name as written between its quotes, still escaped.
    #[must_use]
    pub fn raw_key(&self) -> Option<&'d str> {
        let node = self.node();
        node.has_key().then(|| &self.document.text[node.key_start as usize + 1..node.key_end as usize])
    }

    /// Byte offset of the opening quote of the member's name; the value's own start where there is no name.
    #[must_use]
    pub fn key_start(&self) -> usize {
        let node = self.node();
        if node.has_key() { node.key_start as usize } else { node.start as usize }
    }

    /// Whether the member's name is `name`, whatever its escapes.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.raw_key().is_some_and(|key| if self.node().key_escaped() { unescape(key) == name } else { key == name })
    }

    /// The string, unescaped; `None` for other kinds.
    #[must_use]
    pub fn string(&self) -> Option<Cow<'d, str>> {
        let inner = self.raw_string()?;
        Some(if self.node().value_escaped() { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
    }

    /// The string as written between its quotes, still escaped; `None` for other kinds.
    #[must_use]
    pub fn raw_string(&self) -> Option<&'d str> {
        let node = self.node();
        (node.kind == Kind::String).then(|| &self.document.text[node.start as usize + 1..node.end as usize - 1])
    }

    /// Members or items, in order; nothing for scalars.
    #[must_use]
    pub fn children(&self) -> Children<'d> {
        let node = self.node();
        Children { document: self.document, at: self.at + 1, end: node.next, left: node.count as usize }
    }

    /// Every value below this one, in the order of the text.
    pub(crate) fn below(&self) -> impl Iterator<Item = Self> + use<'d> {
        let document = self.document;
        (self.at + 1..self.node().next).map(move |at| Self { document, at })
    }

    /// How many members or items; 0 for scalars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.node().count as usize
    }

    /// Whether there are no members or items; true for scalars.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.node().count == 0
    }

    /// The member of this name; `None` where there is none or the value is no object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        if self.kind() != Kind::Object {
            return None;
        }
        self.children().find(|child| child.is_named(name))
    }

    /// The object or array this value stands in; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        (self.at != 0).then(|| Self { document: self.document, at: self.node().parent })
    }

    /// Place on the tape: values are numbered in the order of the text, the root is 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.at as usize
    }

    /// Place on the tape just past this value and all it holds.
    #[must_use]
    pub fn next_index(&self) -> usize {
        self.node().next as usize
    }

    /// Where the value stands under the root, as JSON names: `name[1].given[0]`; empty for the root.
    #[must_use]
    pub fn path(&self) -> String {
        tape::path(&self.document.nodes, self.document.text, self.at, self.parent().is_some())
    }

    /// Whether the value holds no white space outside strings, so that its source is already minified.
    #[must_use]
    pub fn is_compact(&self) -> bool {
        self.node().compact()
    }

    fn node(&self) -> &'d Node {
        &self.document.nodes[self.at as usize]
    }
}

impl std::fmt::Debug for Element<'_> {
    /// The place and never the text: a value may be somebody's health data.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?} at {}..{}", self.kind(), self.start(), self.end())
    }
}

/// Iterator over the members of an object or the items of an array; stepping over a subtree costs nothing.
#[derive(Clone)]
pub struct Children<'d> {
    document: &'d Document<'d>,
    at: u32,
    end: u32,
    left: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        if self.at >= self.end {
            return None;
        }
        let element = Element { document: self.document, at: self.at };
        self.at = element.node().next;
        self.left -= 1;
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Children<'_> {}
