//! The consent decision: pure, with no I/O and no clock, and the only place that can construct a [`Permit`].
//!
//! Every store function that touches clinical data takes a [`Permit`], and its fields are private to this crate:
//! an exchange without a decision does not compile.
//!
//! How R4's Consent is read where the standard leaves it open is written down, row by row:
#![doc = include_str!("../RULINGS.md")]

/// How Consents are read, as text: what a verdict rests on beside policy and Consents.
pub const RULINGS: &str = include_str!("../RULINGS.md");

mod asked;
pub mod asking;
mod caller;
mod check;
mod directive;
mod facts;
pub mod glass;
pub mod labelling;
pub mod labels;
mod permit;
mod policy;
mod predicate;
pub mod proxy;
pub mod purpose;
mod rule;
pub mod scoped;
pub mod statute;
mod verdict;

pub use asked::{Asked, FENCE, NOBODYS, fenced};
pub use asking::{Asking, Coding};
pub use caller::{Caller, CallerKind, OrganizationId};
pub use check::{Malformed, check, check_labelled};
pub use directive::{Directive, PRESUMED, in_force, supersedes_any};
pub use facts::{Facts, Found};
pub use glass::{Breaker, Glass};
pub use labelling::Labelling;
pub use labels::Labels;
pub use permit::{Action, Application, Context, Permit, Refusal, decide};
pub use policy::{Default as PolicyDefault, OrganizationPolicy};
pub use predicate::Predicate;
pub use purpose::{Purpose, SYSTEM as PURPOSES};
pub use rule::{ALWAYS, Data, Meaning, Rule};
pub use scoped::Scoped;
pub use statute::Statutes;
pub use verdict::{NO_REDISCLOSURE, Specialized, Verdict, Weighing, decide as decide_on, weigh};
