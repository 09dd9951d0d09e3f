//! The query string of a search (<https://hl7.org/fhir/R4/search.html>), read once into values a plan can use.
//!
//! Everything is bounded, and nothing is guessed: a parameter or modifier that is not supported is an error (or, under
//! lenient handling and only for whole parameters, ignored and reported). Errors name the parameter, never its value.

mod composite;
mod condition;
mod date;
mod encode;
mod include;
mod join;
mod reader;
mod result;
mod scope;
mod sort;
mod split;
mod value;

use std::collections::BTreeSet;

use reader::Reader;

use super::Custom;

pub(super) use date::stored_range;
pub use date::{DateValue, Prefix};
pub use encode::{canonical, escaped, push};
pub use include::Include;
pub use result::{MAX_COUNT, Results, Summary, TotalMode};
pub use sort::{SortKey, SortSource};
pub use value::{
    CodeRelation, NearValue, QuantityValue, ReferenceValue, StringMatch, StringValue, TokenValue, UriMatch, UriValue,
};

/// The longest query, in bytes.
pub const MAX_QUERY: usize = 8 * 1024;
/// The most parameters in a query.
pub const MAX_PARAMETERS: usize = 100;
/// The most alternatives (`a,b,c`) of a parameter.
pub const MAX_VALUES: usize = 200;
/// The most steps of a chain or of nested `_has`.
pub const MAX_STEPS: usize = 6;
/// The most types that the chains of a query may go through in all.
pub const MAX_TYPES: usize = 200;

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// The types; empty = all of them.
    pub kinds: Vec<&'static str>,
    /// All of these must hold. A parameter given twice stands here twice.
    pub tests: Vec<Test>,
    /// The order wanted; empty = any.
    pub sort: Vec<SortKey>,
    /// What comes along with the matches.
    pub includes: Vec<Include>,
    /// The parameters of the organization's own that it asks by, by the number of their first place.
    pub custom: Vec<i32>,
    /// Names and values of what was understood, as given.
    shown: Vec<(Box<str>, Box<str>)>,
}

impl Search {
    /// A search that no client wrote: of these types (empty = all), where all of these hold.
    #[must_use]
    pub fn of(kinds: Vec<&'static str>, tests: Vec<Test>) -> Self {
        Self { kinds, tests, ..Self::default() }
    }

    /// Every place that it looks at.
    fn places(&self) -> BTreeSet<i32> {
        let mut places = BTreeSet::new();
        self.tests.iter().for_each(|test| test.places(&mut places));
        for key in &self.sort {
            if let SortSource::Index { paths, .. } = &key.source {
                places.extend(paths);
            }
        }
        self.includes.iter().for_each(|include| places.extend(&include.paths));
        places
    }

    /// Whether a condition waits for what terminology tells of codes: until then it holds of nothing.
    #[must_use]
    pub fn asks_terminology(&self) -> bool {
        self.tests.iter().any(Test::asks_terminology)
    }
}

/// What must hold of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// All of these.
    All(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    /// It refers to a resource of which something holds: chaining.
    Chain {
        /// The places of the reference.
        paths: Vec<i32>,
        /// By type of the other resource what must hold of it.
        targets: Vec<(&'static str, Self)>,
    },
    /// One of its codes stands in a relation to others that terminology knows; the reader of the query does not.
    Codes {
        /// The places of the codes.
        paths: Vec<i32>,
        /// Which relation.
        relation: CodeRelation,
        /// To which (alternatives): a value set's address, or a code.
        values: Vec<TokenValue>,
    },
    /// A resource refers to it, of which something holds: `_has`.
    Has {
        /// The other resource's type.
        kind: &'static str,
        /// The places of the reference.
        paths: Vec<i32>,
        /// What holds of the other one.
        test: Box<Self>,
    },
    /// Its id is one of these. A text that is no id matches nothing.
    Id(Vec<Box<str>>),
    /// A value fits.
    Index(IndexTest),
    /// The time of its last change fits one of these.
    LastUpdated(Vec<DateValue>),
    /// It is within one of these distances of a point.
    Near(Vec<NearValue>),
    /// This does not hold.
    Not(Box<Self>),
    /// What its references at these places say of what they name may be asked: whoever searches may see what they name.
    Told(Vec<i32>),
    /// All of these, within one item (of a component, of a relation).
    Together(Vec<IndexTest>),
}

impl Test {
    fn places(&self, places: &mut BTreeSet<i32>) {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.places(places)),
            Self::Chain { paths, targets } => {
                places.extend(paths);
                targets.iter().for_each(|(_, test)| test.places(places));
            }
            Self::Codes { paths, .. } | Self::Told(paths) => places.extend(paths),
            Self::Has { paths, test, .. } => {
                places.extend(paths);
                test.places(places);
            }
            Self::Index(test) => places.extend(&test.paths),
            Self::Not(test) => test.places(places),
            Self::Together(tests) => tests.iter().for_each(|test| places.extend(&test.paths)),
            Self::Id(_) | Self::LastUpdated(_) | Self::Near(_) => {}
        }
    }

    fn asks_terminology(&self) -> bool {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::asks_terminology),
            Self::Chain { targets, .. } => targets.iter().any(|(_, test)| test.asks_terminology()),
            Self::Codes { .. } => true,
            Self::Has { test, .. } | Self::Not(test) => test.asks_terminology(),
            Self::Id(_) | Self::Index(_) | Self::LastUpdated(_) | Self::Near(_) | Self::Told(_) | Self::Together(_) => {
                false
            }
        }
    }
}

/// That a value at one of some places fits.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexTest {
    /// The places: [`super::index_path()`].
    pub paths: Vec<i32>,
    /// Alternatives; never empty.
    pub values: Values,
}

/// Values of one kind, each an alternative.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Any value of the kind: for `:missing`.
    Any(IndexKind),
    /// Dates.
    Dates(Vec<DateValue>),
    /// Numbers and quantities.
    Quantities(Vec<QuantityValue>),
    /// References.
    References(Vec<ReferenceValue>),
    /// Texts.
    Strings(Vec<StringValue>),
    /// Tokens.
    Tokens(Vec<TokenValue>),
    /// Addresses.
    Uris(Vec<UriValue>),
}

/// Kinds of index rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IndexKind {
    /// Ranges of time.
    Date,
    /// Numbers and quantities.
    Quantity,
    /// References.
    Reference,
    /// Texts.
    String,
    /// Tokens and addresses.
    Token,
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
    /// What an organization has added to the parameters that are built in.
    pub custom: Option<&'c Custom>,
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
    /// FHIR issue type: `invalid`, `value`, `not-supported`, `too-long`, or `transient` where the same search can be answered
    /// in a while.
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
