//! Terminology releases: official files (LOINC, SNOMED CT, `RxNorm`, ICD-10-CM, CVX, NDC, FHIR's own) read from a folder or a zip into drafts
//! of an index. Which file is which is told by its header, not by its name. What is wrong with a file is said with its name and line;
//! nothing of a release counts then.

mod fault;
mod hierarchy;
mod report;
mod source;
mod table;
mod text;

pub mod cvx;
pub mod fhir;
pub mod gems;
pub mod icd10cm;
pub mod loinc;
pub mod ndc;

use terminology::index::Draft;

pub use self::fault::Fault;
pub use self::report::{Odd, Report};
pub use self::source::{File, Source};

/// What was read of one release: a code system, and what was seen.
pub struct Loaded {
    /// The code system with its concepts.
    pub draft: Draft,
    /// Which files there were, how many rows, and what is odd.
    pub report: Report,
}
