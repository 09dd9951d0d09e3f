//! What a release of LOINC says of a code, as far as units go by it.

use serde_json::json;
use terminology::library::Library;
use terminology::units::alias::told;
use terminology::units::property::{About, Check, LOINC, check};

/// Terms that are made up: with the property as a text, as a part, and with examples alone.
fn library() -> Library {
    let mut library = Library::default();
    library.add(&json!({
        "resourceType": "CodeSystem", "url": LOINC, "version": "1", "content": "complete",
        "concept": [
            { "code": "1-8", "property": [
                { "code": "PROPERTY", "valueString": "NCnc" },
                { "code": "EXAMPLE_UCUM_UNITS", "valueString": "10*3/uL;10*9/L" },
            ] },
            { "code": "2-6", "property": [
                { "code": "PROPERTY", "valueCoding": { "system": LOINC, "code": "LP6827-2", "display": "MCnc" } },
            ] },
            { "code": "3-4", "property": [{ "code": "EXAMPLE_UCUM_UNITS", "valueString": "10*3/uL" }] },
            { "code": "4-2" },
        ],
    }));
    library
}

#[test]
fn a_release_tells_property_and_examples() {
    let library = library();
    let about = About::of(&library, "1-8");
    assert_eq!(about.property.as_deref(), Some("NCnc"));
    assert_eq!(about.examples, ["10*3/uL", "10*9/L"]);
    assert_eq!(About::of(&library, "2-6").property.as_deref(), Some("MCnc"));
    let unknown = About { loinc: Some("9-9".to_owned()), ..About::default() };
    assert_eq!(About::of(&library, "9-9"), unknown);
    assert_eq!(About::of(&Library::default(), "9-9"), unknown);
}

#[test]
fn units_are_read_and_checked_by_it() {
    let library = library();
    for code in ["1-8", "3-4"] {
        let about = About::of(&library, code);
        assert_eq!(told("K/uL", &about).code(), Some("10*3/uL"), "{code}");
        assert_eq!(check(&about, "10*3/uL"), Check::Agrees);
        assert!(matches!(check(&about, "K/uL"), Check::Disagrees(_)), "{code}");
        assert!(matches!(check(&about, "mg/dL"), Check::Disagrees(_)), "{code}");
    }
    for code in ["2-6", "4-2", "9-9"] {
        assert_eq!(told("K/uL", &About::of(&library, code)).code(), None, "{code}");
    }
    assert!(matches!(check(&About::of(&library, "4-2"), "mg/dL"), Check::NotKnown(_)));
}
