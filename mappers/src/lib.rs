//! Resource bytes to rows and back, and to SQL text. Pure: no network, no clock, no database handle.

pub mod array;
pub mod calendar;
pub mod codec;
pub mod concepts;
pub mod content;
pub mod fhirpath;
pub mod join;
pub mod json;
pub mod labels;
pub mod map;
pub mod patch;
pub mod quality;
pub mod redaction;
pub mod references;
pub mod row;
pub mod schema;
pub mod search;
pub mod split;
pub mod sql;
pub mod structure;
pub mod us_core;
pub mod validate;
pub mod xml;
