//! Terminology releases: official files (LOINC, SNOMED CT, `RxNorm`, ICD-10-CM, CVX, NDC, FHIR's own) read from a folder or a zip into drafts
//! of an index. Which file is which is told by its header, not by its name. What is wrong with a file is said with its name and line;
//! nothing of a release counts then.

mod catalog;
pub mod cvx;
mod delimited;
mod fault;
pub mod fhir;
pub mod gems;
mod hierarchy;
pub mod icd10cm;
pub mod loinc;
mod mapped;
pub mod ndc;
mod reading;
mod report;
pub mod rxnorm;
pub mod snomed;
mod source;
mod stated;
pub mod synthetic;
mod table;
mod text;

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

/// Reads the releases of a folder or a zip, whichever they are. `version` goes before what their files say of it, where they may be silent.
///
/// # Errors
/// [`Fault`]; [`Fault::Unknown`] where none of the files is one of those that are known.
pub fn load(path: &Path, version: Option<&str>, progress: Progress<'_>) -> Result<Vec<Loaded>, Fault> {
    let source = Source::open(path)?;
    let mut all = Vec::new();
    if snomed::is_there(&source) {
        all.push(snomed::load(&source, progress)?);
    }
    if rxnorm::is_there(&source) {
        all.push(rxnorm::load(&source, version, progress)?);
    }
    if loinc::is_there(&source)? {
        all.push(loinc::load(&source, version, progress)?);
    }
    if icd10cm::is_there(&source)? {
        all.push(icd10cm::load(&source, version, progress)?);
    }
    for which in [cvx::Which::Cvx, cvx::Which::Mvx] {
        if cvx::is_there(&source, which)? {
            all.push(cvx::load(&source, which, version, progress)?);
        }
    }
    if ndc::is_there(&source)? {
        all.push(ndc::load(&source, version, progress)?);
    }
    if all.is_empty() && fhir::is_there(&source)? {
        all = fhir::load(&source, progress)?;
    }
    if all.is_empty() {
        return Err(Fault::Unknown(path.display().to_string()));
    }
    Ok(all)
}
