//! US Core 6.1.0 as far as maps and rows are measured by it: which elements a profile wants supported or requires
//! (<https://hl7.org/fhir/us/core/STU6.1/>).
//!
//! The knowledge is `facts.txt` beside this file, made by `conformance/tables/us_core.py`: paths and codes, no text of the
//! guide. Not known: bindings, lengths, targets of references.

mod check;
mod coverage;
mod profile;

pub use check::{Lack, lacks, profile_of};
pub use coverage::{Coverage, Form, Measured, Place, coverage, coverage_of};
pub use profile::{Condition, Element, Profile, Step, profiles};
