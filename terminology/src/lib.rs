//! Terminology: code systems, value sets and concept maps, and what is asked of them. Pure: no network, no clock, no database
//! handle. What it is about is brought into a [`library::Library`] by whoever has it; an operation that lacks something says so, and
//! is asked again with it. Release files are read
//! elsewhere, into an [`index`]; normalization comes with a later step.

pub mod codes;
pub mod compose;
pub mod display;
pub mod expand;
pub mod implicit;
pub mod index;
pub mod issue;
pub mod language;
pub mod library;
pub mod lookup;
pub mod model;
pub mod normalize;
pub mod options;
pub mod subsumes;
pub mod translate;
pub mod units;
pub mod validate;
pub mod version;
