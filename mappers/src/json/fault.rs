//! What is wrong with a text that is no JSON for us.

use std::fmt;

/// Why a text was refused, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JsonError {
    /// Byte offset.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Where in the value, under its root: `name[1].given[0]`. Empty at the root.
    pub expression: String,
    /// What is wrong and what to do; never quotes the text.
    pub message: &'static str,
}

impl JsonError {
    /// The place as a FHIRPath below `root`, for `OperationOutcome.issue.expression`: `Patient.name[1]`.
    #[must_use]
    pub fn expression_in(&self, root: &str) -> String {
        if self.expression.is_empty() { root.to_owned() } else { format!("{root}.{}", self.expression) }
    }

    pub(super) fn at(text: &[u8], offset: usize, expression: String, message: &'static str) -> Self {
        let (line, column) = line_and_column(text, offset);
        Self { offset, line, column, expression, message }
    }
}

/// Line and column (in characters) of a byte offset, both from 1.
pub(crate) fn line_and_column(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    // A byte that continues a character starts no column of its own.
    let column = before[line_start..].iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
    (line, column)
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

impl std::error::Error for JsonError {}
