//! The consent decision: pure, with no I/O and no clock, and the only place that can construct a [`Permit`].
//!
//! Every store function that touches clinical data takes a [`Permit`], and its fields are private to this crate:
//! an exchange without a decision does not compile.

mod caller;
mod permit;
mod policy;
mod predicate;
mod purpose;

pub use caller::{Caller, CallerKind, OrganizationId};
pub use permit::{Action, Context, Permit, Refusal, decide};
pub use policy::{Default as PolicyDefault, OrganizationPolicy};
pub use predicate::Predicate;
pub use purpose::Purpose;
