//! What a mole of common analytes weighs and what charge an ion has, by LOINC code: a unit alone does not say it.
//!
//! Molar masses are reckoned from the formulas with the abridged standard atomic weights of IUPAC (2021,
//! <https://iupac.qmul.ac.uk/AtWt/>); a test does it again. Where laboratories count something else than the molecule, `counted` says what.
//! LOINC's own groups state the same weights (glucose 180.156 g/mol in LG7967-5, sodium 22.99 g/mol in LG11363-5).
//! The codes are those of serum, plasma and blood. Each is a fact about one code; no text of LOINC is here.

/// An analyte.
#[derive(Debug, Eq, PartialEq)]
pub struct Substance {
    /// What it is.
    pub name: &'static str,
    /// What is counted, as a chemist writes it.
    pub formula: &'static str,
    /// Grams in a mole.
    pub molar_mass: &'static str,
    /// Equivalents in a mole; `None` where it has no charge, or one that hangs on more than the substance.
    pub charge: Option<u8>,
    /// The convention, where the mass is not simply that of the molecule.
    pub counted: Option<&'static str>,
    /// Codes of LOINC that measure it.
    pub codes: &'static [&'static str],
}

/// What a code of LOINC measures, where it is known here.
#[must_use]
pub fn of(loinc: &str) -> Option<&'static Substance> {
    SUBSTANCES.iter().find(|substance| substance.codes.contains(&loinc))
}

const fn plain(
    name: &'static str,
    formula: &'static str,
    molar_mass: &'static str,
    codes: &'static [&'static str],
) -> Substance {
    Substance { name, formula, molar_mass, charge: None, counted: None, codes }
}

const fn ion(
    name: &'static str,
    formula: &'static str,
    molar_mass: &'static str,
    charge: u8,
    codes: &'static [&'static str],
) -> Substance {
    Substance { charge: Some(charge), ..plain(name, formula, molar_mass, codes) }
}

const fn by_convention(
    name: &'static str,
    formula: &'static str,
    molar_mass: &'static str,
    counted: &'static str,
    codes: &'static [&'static str],
) -> Substance {
    Substance { counted: Some(counted), ..plain(name, formula, molar_mass, codes) }
}

/// The table.
pub static SUBSTANCES: &[Substance] = &[
    plain(
        "glucose",
        "C6H12O6",
        "180.156",
        &[
            "2345-7", "2339-0", "2340-8", "2341-6", "1558-6", "41653-7", // mass
            "14749-6", "15074-8", "14771-0", // substance
        ],
    ),
    // LDL and HDL are reported as the cholesterol in them.
    plain(
        "cholesterol",
        "C27H46O",
        "386.664",
        &["2093-3", "14647-2", "2085-9", "14646-4", "2089-1", "13457-7", "18262-6", "22748-8", "39469-2"],
    ),
    by_convention(
        "triglycerides",
        "C57H104O6",
        "885.4",
        "a mixture, by convention as triolein (88.54 mg/dL are 1 mmol/L)",
        &["2571-8", "14927-8"],
    ),
    plain("creatinine", "C4H7N3O", "113.120", &["2160-0", "14682-9", "38483-4"]),
    by_convention(
        "urea nitrogen",
        "N2",
        "28.014",
        "as the two nitrogens of urea, so that moles of it are moles of urea",
        &["3094-0", "14937-7", "6299-2"],
    ),
    plain("urea", "CH4N2O", "60.056", &["3091-6", "22664-7"]),
    ion("calcium", "Ca", "40.078", 2, &["17861-6", "2000-8", "49765-1"]),
    ion("calcium, ionized", "Ca", "40.078", 2, &["1995-0", "1994-3"]),
    ion("magnesium", "Mg", "24.305", 2, &["19123-9", "2601-3"]),
    ion("sodium", "Na", "22.990", 1, &["2951-2", "2947-0"]),
    ion("potassium", "K", "39.098", 1, &["2823-3", "6298-4"]),
    ion("chloride", "Cl", "35.45", 1, &["2075-0", "2069-3"]),
    ion("bicarbonate", "HCO3", "61.016", 1, &["1963-8", "1959-6", "1960-4"]),
    Substance {
        counted: Some("nearly all of it is bicarbonate, whose charge it is given"),
        ..ion("carbon dioxide, total", "CO2", "44.009", 1, &["2028-9", "20565-8"])
    },
    // Its charge hangs on the pH.
    by_convention("phosphate", "P", "30.974", "as phosphorus", &["2777-1", "14879-1"]),
    plain("urate", "C5H4N4O3", "168.112", &["3084-1", "14933-6"]),
    plain("bilirubin", "C33H36N4O6", "584.673", &["1975-2", "14631-6"]),
    by_convention(
        "bilirubin, direct",
        "C33H36N4O6",
        "584.673",
        "as bilirubin without what it is bound to",
        &["1968-7", "14629-0"],
    ),
    plain("iron", "Fe", "55.845", &["2498-4", "14798-3"]),
    by_convention("iron binding capacity", "Fe", "55.845", "as the iron that is bound", &["2500-7", "14800-7"]),
    Substance {
        counted: Some("as lactic acid (9.008 mg/dL are 1 mmol/L)"),
        ..ion("lactate", "C3H6O3", "90.078", 1, &["2524-7", "14118-4", "32693-4"])
    },
    ion("lithium", "Li", "6.94", 1, &["14334-7", "3719-2"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::codes::loinc::has_check_digit;

    /// Standard atomic weights, abridged (IUPAC 2021), in thousandths.
    const WEIGHTS: [(&str, u32); 13] = [
        ("C", 12_011),
        ("H", 1_008),
        ("N", 14_007),
        ("O", 15_999),
        ("P", 30_974),
        ("Na", 22_990),
        ("K", 39_098),
        ("Cl", 35_450),
        ("Ca", 40_078),
        ("Mg", 24_305),
        ("Fe", 55_845),
        ("Li", 6_940),
        ("S", 32_060),
    ];

    fn weight(formula: &str) -> u32 {
        let mut total = 0;
        let mut rest = formula;
        while !rest.is_empty() {
            let end = rest[1..].find(|next: char| !next.is_ascii_lowercase()).map_or(rest.len(), |at| at + 1);
            let (atom, after) = rest.split_at(end);
            let end = after.find(|next: char| !next.is_ascii_digit()).unwrap_or(after.len());
            let (count, after) = after.split_at(end);
            let known = WEIGHTS.iter().find(|(known, _)| *known == atom).unwrap_or_else(|| panic!("{atom}"));
            total += known.1 * if count.is_empty() { 1 } else { count.parse::<u32>().unwrap() };
            rest = after;
        }
        total
    }

    #[test]
    fn masses_are_those_of_the_formulas() {
        for substance in SUBSTANCES {
            let (whole, part) = substance.molar_mass.split_once('.').unwrap();
            let told: u32 = format!("{whole}{part:0<3}").parse().unwrap();
            // Triglycerides are rounded as their convention has it.
            let off = if substance.name == "triglycerides" { 60 } else { 0 };
            assert!(weight(substance.formula).abs_diff(told) <= off, "{substance:?} {}", weight(substance.formula));
        }
    }

    #[test]
    fn codes_are_codes_and_mean_one_thing() {
        let mut seen = BTreeSet::new();
        for code in SUBSTANCES.iter().flat_map(|substance| substance.codes) {
            assert!(has_check_digit(code), "{code}");
            assert!(seen.insert(code), "{code}");
        }
    }
}
