//! The query string of a search (<https://hl7.org/fhir/R4/search.html>), read once into values a plan can use.
//!
//! Everything is bounded, and nothing is guessed: a parameter or modifier that is not supported is an error (or, under
//! lenient handling and only for whole parameters, ignored and reported). Errors name the parameter, never its value.

mod date;
mod encode;
mod reader;
mod result;
mod split;
mod value;

use super::parameters::Definition;
use reader::Reader;

pub use date::{DateValue, Prefix};
pub use encode::canonical;
pub use result::{MAX_COUNT, Results, Summary, TotalMode};
pub use value::{ReferenceValue, TokenValue};

/// The longest query, in bytes.
pub const MAX_QUERY: usize = 8 * 1024;
/// The most parameters in a query.
pub const MAX_PARAMETERS: usize = 100;
/// The most alternatives (`a,b,c`) of a parameter.
pub const MAX_VALUES: usize = 200;

/// What is searched for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Search {
    /// The type; `None` = all types, with the parameters that every type has.
    pub kind: Option<Box<str>>,
    /// All of these must hold. A parameter given twice stands here twice.
    pub parameters: Vec<Parameter>,
}

/// One condition: any of its values must match. The lists are never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parameter {
    /// `_id`. A text that is no id matches nothing.
    Id(Vec<Box<str>>),
    /// `_lastUpdated`.
    LastUpdated(Vec<DateValue>),
    /// `_tag`.
    Tag(Vec<TokenValue>),
    /// A token parameter of the type.
    Token {
        /// Which.
        definition: &'static Definition,
        /// The alternatives.
        values: Vec<TokenValue>,
    },
    /// A reference parameter of the type.
    Reference {
        /// Which.
        definition: &'static Definition,
        /// The alternatives.
        values: Vec<ReferenceValue>,
    },
}

/// What to do with parameters that are not supported (`Prefer: handling=`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Handling {
    /// Leave them out and say so.
    Lenient,
    /// Refuse the search.
    #[default]
    Strict,
}

/// What a query is read against.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'c> {
    /// What to do with parameters that are not supported.
    pub handling: Handling,
    /// The server's own base URL, with or without a trailing slash (`https://example.org/fhir`); references below it
    /// are local. Empty = unknown.
    pub base: &'c str,
}

/// A parameter that was left out under lenient handling.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ignored {
    /// Its name as given, if it is printable and short.
    pub parameter: Box<str>,
    /// Why.
    pub details: String,
}

/// What is wrong with a query.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{parameter}: {details}")]
pub struct QueryError {
    /// FHIR issue type: `invalid`, `value`, `not-supported` or `too-long`.
    pub code: &'static str,
    /// The parameter's name as given, if it is printable and short; empty where the query as a whole is meant.
    pub parameter: Box<str>,
    /// What is wrong and what to do. Holds no values.
    pub details: String,
}

/// Reads a query string (what stands after `?`, or the body of a `_search`; no leading `?`).
///
/// # Errors
/// Everything that is wrong with it, at most 20 items.
pub fn parse(
    kind: Option<&str>,
    query: &str,
    context: Context<'_>,
) -> Result<(Search, Results, Vec<Ignored>), Vec<QueryError>> {
    let mut reader = Reader::new(kind, context);
    reader.read(query);
    reader.finish()
}
