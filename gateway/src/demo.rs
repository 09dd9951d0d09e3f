//! Synthetic patients from a seed: for `fhir-gateway demo`, for tests and for benchmarks.
//!
//! Everybody here is invented. Names come from two short lists, places do not exist, telephone numbers are of the
//! 555-0100 range that is kept free for fiction. Codes are `RxNorm` (public domain), ICD-10-CM, CVX, LOINC, UCUM and HL7's own;
//! there is no SNOMED CT and no CPT. The same seed gives the same bytes, whenever and wherever it runs. Every patient has a
//! stream of numbers of its own: any number of patients is made one after the other, and none is kept.

mod care;
mod catalogue;
mod clinic;
mod history;
mod json;
mod laboratory;
mod medication;
mod names;
mod note;
mod person;
mod random;
mod record;
mod rows;
mod story;
mod visit;

/// The seed of `fhir-gateway demo`.
pub const SEED: u64 = 20;

/// The system of the medical record numbers, as the built-in map of `patients` has it.
pub const MRN_SYSTEM: &str = "urn:example:mrn";

/// The clinic itself (its organizations, places, practitioners and drugs): a transaction bundle to load before the patients.
#[must_use]
pub fn clinic() -> Vec<u8> {
    clinic::bundle()
}

/// `n` patients with their records of five years, one transaction bundle each; every entry is a PUT under an id of its own.
///
/// The i-th bundle depends on `seed` and i alone, so that more patients begin with the same ones.
pub fn patients(seed: u64, n: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..n).map(move |index| record::bundle(seed, index))
}

/// What the clinic's own programs wrote of these patients: SQL statements, to run when the patients are there.
pub fn statements(seed: u64, n: usize) -> impl Iterator<Item = String> {
    (0..n).map(move |index| rows::of(seed, index))
}

#[cfg(test)]
mod tests;
