//! Names of code systems that mean the same system: object identifiers as HL7 registered them
//! (<https://hl7.org/fhir/R4/terminologies-systems.html>, <https://terminology.hl7.org>).

use std::borrow::Cow;

/// Object identifiers below 2.16.840.1.113883, and the systems that they name.
const REGISTERED: [(&str, &str); 22] = [
    ("12.292", "http://hl7.org/fhir/sid/cvx"),
    ("3.26.1.2", "http://ncimeta.nci.nih.gov"),
    ("4.9", "http://fdasis.nlm.nih.gov"),
    ("6.1", "http://loinc.org"),
    ("6.103", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("6.104", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("6.12", "http://www.ama-assn.org/go/cpt"),
    ("6.209", "http://hl7.org/fhir/ndfrt"),
    ("6.238", "urn:oid:2.16.840.1.113883.6.238"),
    ("6.24", "urn:iso:std:iso:11073:10101"),
    ("6.256", "http://www.radlex.org"),
    ("6.3", "http://hl7.org/fhir/sid/icd-10"),
    ("6.4", "http://www.cms.gov/Medicare/Coding/ICD10"),
    ("6.42", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("6.43.1", "http://hl7.org/fhir/sid/icd-o-3"),
    ("6.59", "http://hl7.org/fhir/sid/mvx"),
    ("6.69", "http://hl7.org/fhir/sid/ndc"),
    ("6.73", "http://www.whocc.no/atc"),
    ("6.8", "http://unitsofmeasure.org"),
    ("6.88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("6.90", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("6.96", "http://snomed.info/sct"),
];

const HL7: &str = "2.16.840.1.113883.";

/// The system that is meant by what was written: spaces go, and an object identifier (with `urn:oid:` or without) that is registered
/// becomes the system's address. Everything else stays as it is.
pub fn system(written: &str) -> Cow<'_, str> {
    let trimmed = written.trim();
    let oid = trimmed.strip_prefix("urn:oid:").unwrap_or(trimmed);
    let registered = oid.strip_prefix(HL7).and_then(|rest| REGISTERED.iter().find(|(known, _)| *known == rest));
    match registered {
        Some((_, address)) => Cow::Borrowed(*address),
        None if is_oid(trimmed) => Cow::Owned(format!("urn:oid:{trimmed}")),
        None => Cow::Borrowed(trimmed),
    }
}

fn is_oid(text: &str) -> bool {
    text.contains('.')
        && text.starts_with(['0', '1', '2'])
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_identifier_is_the_system_that_it_is_registered_for() {
        for (written, meant) in [
            ("urn:oid:2.16.840.1.113883.6.1", "http://loinc.org"),
            ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
            (" http://loinc.org ", "http://loinc.org"),
            ("2.16.840.1.113883.6.238", "urn:oid:2.16.840.1.113883.6.238"),
            ("1.2.840.114350.1.13.44.2.7.2.768282", "urn:oid:1.2.840.114350.1.13.44.2.7.2.768282"),
            ("urn:oid:1.2.3", "urn:oid:1.2.3"),
            ("http://example.org/a", "http://example.org/a"),
            ("", ""),
        ] {
            assert_eq!(system(written), meant, "{written}");
        }
        assert!(REGISTERED.is_sorted(), "one is easily found, and none stands twice");
    }
}
