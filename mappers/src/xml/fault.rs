//! What is wrong with a text that is no FHIR XML, and with a resource that XML cannot tell.

use std::borrow::Cow;
use std::fmt;

use crate::json::line_and_column;
use crate::structure::{IssueCode, Place};

/// Why a text was refused, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct XmlError {
    /// FHIR issue type.
    pub code: IssueCode,
    /// The element as a FHIRPath: `Patient.name[1].famly`; empty outside of any resource.
    pub expression: String,
    /// What is wrong and what to do; never quotes a value.
    pub details: Cow<'static, str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for XmlError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (line {}, column {})", self.details, self.line, self.column)
    }
}

impl std::error::Error for XmlError {}

/// A fault at a byte offset, before lines are counted and the place is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) code: IssueCode,
    pub(super) expression: Option<String>,
    pub(super) details: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(at: usize, details: impl Into<Cow<'static, str>>) -> Self {
        Self { at, code: IssueCode::Structure, expression: None, details: details.into() }
    }

    /// A value that its type does not allow.
    pub(super) fn value(at: usize, details: impl Into<Cow<'static, str>>) -> Self {
        Self { code: IssueCode::Value, ..Self::new(at, details) }
    }

    /// At this place, where it has none yet.
    pub(super) fn within(mut self, place: &Place<'_>) -> Self {
        self.expression.get_or_insert_with(|| place.expression());
        self
    }

    pub(super) fn error(self, text: &[u8]) -> XmlError {
        let (line, column) = line_and_column(text, self.at);
        let expression = self.expression.unwrap_or_default();
        XmlError { code: self.code, expression, details: self.details, line, column }
    }
}

/// A resource that XML has no way to tell: what should be in no database of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unwritable {
    /// The element.
    pub expression: String,
    /// What is wrong.
    pub details: &'static str,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.expression, self.details)
    }
}

impl std::error::Error for Unwritable {}
