//! Terminology releases: official files (LOINC, SNOMED CT, `RxNorm`, ICD-10-CM, CVX, NDC, FHIR's own) read from a folder or a zip into drafts
//! of an index. Which file is which is told by its header, not by its name. What is wrong with a file is said with its name and line;
//! nothing of a release counts then.

mod catalog;
mod delimited;
mod fault;
mod hierarchy;
pub mod loinc;
mod mapped;
mod reading;
mod report;
pub mod rxnorm;
pub mod snomed;
mod source;
mod stated;
pub mod synthetic;
mod table;

use std::path::Path;

use terminology::index::Draft;

pub use self::catalog::{Catalog, KeepError, Kept};
pub use self::delimited::{Delimited, Row};
pub use self::fault::Fault;
pub use self::reading::Progress;
pub use self::report::{Odd, Report};
pub use self::source::{File, Source};

/// What was read of one release: a code system, and what was seen.
pub struct Loaded {
    /// The code system with its concepts.
    pub draft: Draft,
    /// Which files there were, how many rows, and what is odd.
    pub report: Report,
}

/// Reads a release, whichever it is. `version` goes before what its files say of it, where they may be silent.
///
/// # Errors
/// [`Fault`]; [`Fault::Unknown`] where none of its files is one of those that are known.
pub fn load(path: &Path, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let source = Source::open(path)?;
    if snomed::is_there(&source) {
        snomed::load(&source, progress)
    } else if rxnorm::is_there(&source) {
        rxnorm::load(&source, version, progress)
    } else if loinc::is_there(&source) {
        loinc::load(&source, version, progress)
    } else {
        Err(Fault::Unknown(path.display().to_string()))
    }
}
