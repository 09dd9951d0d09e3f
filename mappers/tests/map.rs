//! The map language: what it compiles to, and what its checker says.

#[path = "map/checker.rs"]
mod checker;
#[path = "map/clinic.rs"]
mod clinic;
#[path = "map/grammar.rs"]
mod grammar;
#[path = "map/paths.rs"]
mod paths;
#[path = "map/schema.rs"]
mod schema;
