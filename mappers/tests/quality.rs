//! What is wrong with resources and names, without a database.
#![allow(missing_docs, clippy::unwrap_used)]

use mappers::json::Document;
use mappers::quality::{normalized, person};

#[test]
fn a_name_is_the_same_whatever_its_case_accents_and_spaces() {
    for name in ["José Núñez", "JOSE  NUNEZ", " jose\u{301} nun\u{303}ez "] {
        assert_eq!(normalized(name), "jose nunez", "{name:?}");
    }
    assert_ne!(normalized("Müller"), normalized("Miller"));
    assert_eq!(normalized("ＡＢＣ"), "abc", "wide letters");
}

#[test]
fn a_person_needs_a_family_name_and_a_date_of_birth() {
    let of = |text: &str| person(&Document::parse(text.as_bytes()).unwrap());
    let ann =
        of(r#"{"name":[{"text":"x"},{"family":"Lee","given":["Ann","B."]}],"birthDate":"1970","gender":"female"}"#);
    let ann = ann.unwrap();
    assert_eq!((ann.name.as_str(), ann.birth.as_str(), ann.sex.as_str()), ("ann b. lee", "1970", "female"));
    assert_eq!(of(r#"{"name":[{"family":"Lee"}]}"#), None);
    assert_eq!(of(r#"{"name":[{"given":["Ann"]}],"birthDate":"1970"}"#), None);
}
