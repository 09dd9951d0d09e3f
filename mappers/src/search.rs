//! Search: the parameters of R4, what a resource gives for them, and the query string
//! (<https://hl7.org/fhir/R4/search.html>).

pub mod compartment;
pub mod custom;
mod extract;
mod facts;
mod index_path;
mod normal;
pub mod parameters;
mod plan;
pub mod position;
pub mod query;
mod summary;
#[rustfmt::skip]
mod table;
#[rustfmt::skip]
mod us_core;

pub use custom::Custom;
pub use extract::{DateRow, IndexRows, QuantityRow, ReferenceRow, StringRow, TokenRow, extract};
pub use facts::{Facts, PROVENANCE_PATIENT, facts, instants, period};
pub use index_path::{index_path, typed_path};
pub use normal::normal;
pub use query::{Context, Handling, Ignored, QueryError, Results, Search, Summary, Test, TotalMode, canonical, parse};
pub use summary::Part;
