//! Units of UCUM (<https://ucum.org/ucum>): which are one quantity in other words, what is meant by units as they are written, and
//! values in other units.

pub mod alias;
pub mod convert;
pub mod exact;
mod measure;
pub mod property;
pub mod range;
pub mod substances;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

/// The system of UCUM's codes.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// How many units are remembered: records use a few dozen, a hostile sender may use any number.
const REMEMBERED: usize = 4096;
/// The longest code that is looked at, in bytes.
const LONGEST: usize = 128;

/// A unit in terms of base units: a value `v` of it is `v * factor + offset` of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The base units. Moles, osmoles and equivalents are numbers to UCUM; here they stay what they are, for none of them
    /// becomes another without knowing the substance.
    pub unit: Box<str>,
    factor: f64,
    offset: f64,
}

impl Base {
    /// The value in base units.
    #[must_use]
    pub fn of(&self, value: f64) -> f64 {
        value * self.factor + self.offset
    }
}

/// Units looked at before, by code.
type Known = HashMap<Box<str>, Option<Arc<Base>>>;

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// The base units of a code; `None` where the system is not UCUM, the code is none of its codes, or its scale is not
/// linear (`[pH]`).
#[must_use]
pub fn base(system: &str, code: &str) -> Option<Arc<Base>> {
    if system != UCUM || code.is_empty() || code.len() > LONGEST {
        return None;
    }
    if let Ok(known) = KNOWN.read()
        && let Some(base) = known.get(code)
    {
        return base.clone();
    }
    let base = compute(code).map(Arc::new);
    if let Ok(mut known) = KNOWN.write()
        && known.len() < REMEMBERED
    {
        known.insert(code.into(), base.clone());
    }
    base
}

/// Whether a text is a code of UCUM.
#[must_use]
pub fn is_code(code: &str) -> bool {
    !code.is_empty() && code.len() <= LONGEST && octofhir_ucum::validate(code).is_ok()
}

fn compute(code: &str) -> Option<Base> {
    let canonical = octofhir_ucum::get_canonical_units(code).ok()?;
    let (factor, offset) = (canonical.factor.to_f64(), canonical.offset.to_f64());
    let unit = match amount(code) {
        Some(amount) => format!("{} {amount}", canonical.unit),
        None => canonical.unit,
    };
    (factor.is_finite() && offset.is_finite() && factor != 0.0).then(|| Base { unit: unit.into(), factor, offset })
}

/// The amount of substance that a code counts in, if it does.
fn amount(code: &str) -> Option<&'static str> {
    let mut plain = String::with_capacity(code.len());
    let mut depth = 0_usize;
    for character in code.chars() {
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    ["osm", "mol", "eq", "kat"].into_iter().find(|amount| {
        plain.split(['.', '/', '(', ')']).any(|atom| {
            atom.trim_end_matches(|end: char| end.is_ascii_digit() || matches!(end, '-' | '+')).ends_with(amount)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_base(value: f64, code: &str) -> (String, f64) {
        let base = base(UCUM, code).unwrap_or_else(|| panic!("{code}"));
        (base.unit.to_string(), base.of(value))
    }

    #[test]
    fn codes_are_told_from_other_texts() {
        assert!(["mg/dL", "mm[Hg]", "%", "10*3/uL", "{score}", "Cel", "a"].into_iter().all(is_code));
        assert!(["", "mg per dL", "years old", "mmHg!"].into_iter().all(|text| !is_code(text)));
    }

    #[test]
    fn units_of_one_quantity_have_one_base() {
        for (one, other) in [
            ((5.4, "mg/dL"), (0.054, "g/L")),
            ((1.0, "kg"), (1000.0, "g")),
            ((7.0, "10*9/L"), (7.0, "10*3/uL")),
            ((1.0, "h"), (60.0, "min")),
            ((1.0, "mmol/L"), (1000.0, "umol/L")),
        ] {
            let ((unit, value), (other_unit, other_value)) = (in_base(one.0, one.1), in_base(other.0, other.1));
            assert_eq!(unit, other_unit);
            assert!((value - other_value).abs() <= value.abs() * 1e-12, "{value} {other_value}");
        }
        let ((unit, value), (other_unit, other_value)) = (in_base(37.0, "Cel"), in_base(98.6, "[degF]"));
        assert_eq!(unit, other_unit);
        assert!((value - other_value).abs() < 1e-9);
    }

    #[test]
    fn amounts_are_not_numbers_and_not_each_other() {
        let units: Vec<String> =
            ["mmol/L", "meq/L", "mosm/L", "10*9/L", "K/uL", "mg/dL"].iter().map(|code| in_base(1.0, code).0).collect();
        for (at, unit) in units.iter().enumerate() {
            assert!(!units[at + 1..].contains(unit), "{unit}");
        }
    }

    #[test]
    fn what_is_no_linear_unit_has_no_base() {
        assert_eq!(base(UCUM, "[pH]"), None);
        assert_eq!(base(UCUM, "nothing$"), None);
        assert_eq!(base("urn:other", "mg"), None);
        assert_eq!(base(UCUM, &"m.".repeat(200)), None);
    }
}
