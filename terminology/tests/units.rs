//! Units as they are written, values in other units, and what must be refused.
#![allow(missing_docs, clippy::unwrap_used)]

mod units {
    mod aliases;
    mod conversions;
    mod laws;
    mod official;
    mod properties;
    mod ranges;
}

use terminology::units::convert::{By, Measured, Refused, convert};
use terminology::units::exact::Decimal;
use terminology::units::property::About;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn measured(value: &str, unit: &str) -> Measured {
    Measured { value: decimal(value), low: None, high: None, unit: unit.to_owned() }
}

fn loinc(code: &str) -> About {
    About { loinc: Some(code.to_owned()), ..About::default() }
}

fn property(property: &str) -> About {
    About { property: Some(property.to_owned()), ..About::default() }
}

/// The value in another unit, as text.
fn in_unit(value: &str, unit: &str, to: &str, about: &About) -> Result<(String, By), Refused> {
    convert(&measured(value, unit), to, about).map(|(told, by)| {
        assert_eq!(told.unit, to);
        (told.value.to_string(), by)
    })
}
