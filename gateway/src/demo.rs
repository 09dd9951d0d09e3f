//! Synthetic patients from a seed: for `fhir-gateway demo`, for tests and for benchmarks.
//!
//! Everybody here is invented. Names come from two short lists, places do not exist, telephone numbers are of the
//! 555-0100 range that is kept free for fiction. Codes are `RxNorm` (public domain), ICD-10-CM, CVX, LOINC and UCUM; there
//! is no SNOMED CT and no CPT. The same seed gives the same bytes, whenever and wherever it runs.

mod clinic;
mod json;
mod laboratory;
mod names;
pub mod notes;
mod person;
mod random;
mod record;

use person::Person;

/// The seed of `fhir-gateway demo`.
pub const SEED: u64 = 20;

/// The system of the medical record numbers, as the built-in map of `patients` has it.
pub const MRN_SYSTEM: &str = "urn:example:mrn";

/// The clinic itself (its organization and practitioners): a transaction bundle to load before the patients.
#[must_use]
pub fn clinic() -> Vec<u8> {
    clinic::bundle().into_bytes()
}

/// `n` patients with their records, one transaction bundle each; every entry is a PUT under an id of its own.
///
/// The i-th bundle depends on `seed` and i alone, so that more patients begin with the same ones.
#[must_use]
pub fn patients(seed: u64, n: usize) -> Vec<Vec<u8>> {
    (0..n).map(|index| record::bundle(&Person::new(seed, index)).into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mappers::json::Document;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_more_patients_begin_with_the_same_ones() {
        let few = patients(7, 3);
        assert_eq!(few, patients(7, 5)[..3]);
        assert_ne!(few, patients(8, 3));
    }

    #[test]
    fn every_bundle_is_a_transaction_of_puts_whose_urls_name_their_resources() {
        let mut bundles = patients(SEED, 50);
        bundles.push(clinic());
        for bundle in &bundles {
            let document = Document::parse(bundle).expect("JSON");
            assert_eq!(document.root().member("type").unwrap().string().unwrap(), "transaction");
            for entry in document.root().member("entry").unwrap().children() {
                let resource = entry.member("resource").unwrap();
                let request = entry.member("request").unwrap();
                let url = format!(
                    "{}/{}",
                    resource.member("resourceType").unwrap().string().unwrap(),
                    resource.member("id").unwrap().string().unwrap()
                );
                assert_eq!(request.member("method").unwrap().string().unwrap(), "PUT");
                assert_eq!(request.member("url").unwrap().string().unwrap(), url);
            }
        }
    }
}
