//! Search: the parameters of R4, what a resource gives for them, and the query string
//! (<https://hl7.org/fhir/R4/search.html>).

mod extract;
mod facts;
pub mod parameters;
mod plan;
pub mod query;
#[rustfmt::skip]
mod table;

pub use extract::{IndexRows, ReferenceRow, TokenRow, extract};
pub use facts::{Facts, facts};
pub use query::{
    Context, DateValue, Handling, Ignored, Parameter, Prefix, QueryError, ReferenceValue, Results, Search, Summary,
    TokenValue, TotalMode, canonical, parse,
};
