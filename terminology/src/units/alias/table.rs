//! The reviewed tables. No key has a blank, for blanks are taken out before; keys that are read in any case are in small letters.

/// What something written means.
pub(super) enum Meaning {
    /// This, whatever is measured.
    Is(&'static str),
    /// What fits the property; else nobody can tell, and why.
    ByProperty(&'static [(&'static [&'static str], &'static str)], &'static str),
    /// This, but for some properties, where it may be something else, and why.
    Unless { code: &'static str, not: &'static [&'static str], why: &'static str },
    /// Nobody can tell, and why.
    Never(&'static str),
}

use Meaning::{ByProperty, Is, Never, Unless};

/// What is written, and what it means.
pub(super) type Table = &'static [(&'static str, Meaning)];

/// Properties of masses.
const MASSES: &[&str] = &["Mass", "EntMass", "MCnc", "MCncDiff", "MCnt", "MRat", "MRto", "MFr"];
/// Properties of arbitrary units.
const ARBITRARY: &[&str] = &["ACnc", "ACnt", "ARat", "Arb"];
/// Properties of catalytic activity.
const CATALYTIC: &[&str] = &["CCnc", "CCnt", "CRat", "CAct", "EntCat"];

const LOST_POWER: &str =
    "it looks like a power of ten whose raised digit was lost, and as it is written it is another number";
const GAUSS: &str =
    "to UCUM it is a unit of magnetic induction; it means a mass only where the property does (MCnc, Mass)";
const UNITS: &str = "units may be enzyme units (U, property CCnc) or international ones ([IU], property ACnc)";
const ENZYME: &str = "an enzyme unit to UCUM, but the property is of arbitrary units, and does not say which";

/// Whole units that UCUM would read as something that nobody means, as they are written.
pub(super) static TRAPS: Table = &[
    (
        "C",
        ByProperty(
            &[(&["Temp"], "Cel")],
            "to UCUM it is the coulomb; it is a temperature only where the property is (Temp)",
        ),
    ),
    (
        "F",
        ByProperty(
            &[(&["Temp"], "[degF]")],
            "to UCUM it is the farad; it is a temperature only where the property is (Temp)",
        ),
    ),
    ("S", ByProperty(&[(&["Time"], "s")], "to UCUM it is the siemens; it is a time only where the property is (Time)")),
    ("H", ByProperty(&[(&["Time"], "h")], "to UCUM it is the henry; it is a time only where the property is (Time)")),
    (
        "ft",
        ByProperty(
            &[(&["Len"], "[ft_i]")],
            "to UCUM it is the femtotonne; it is a length only where the property is (Len)",
        ),
    ),
    (
        "pt",
        ByProperty(
            &[(&["Vol"], "[pt_us]")],
            "to UCUM it is the picotonne; it is a volume only where the property is (Vol)",
        ),
    ),
    ("pH", Is("[pH]")),
    ("PH", Is("[pH]")),
    ("ML", ByProperty(&[(&["Vol"], "mL")], "to UCUM it is the megalitre")),
    ("mL/min/1.73", Is("mL/min/{1.73_m2}")),
    ("ml/min/1.73", Is("mL/min/{1.73_m2}")),
    ("ph", Is("[pH]")),
    (
        "Gm",
        ByProperty(&[(MASSES, "g")], "to UCUM it is the gigametre; it is a gram only where the property is of masses"),
    ),
    (
        "YR",
        ByProperty(
            &[(&["Time"], "a")],
            "to UCUM it is the yottaroentgen; it is a year only where the property is (Time)",
        ),
    ),
    ("HR", ByProperty(&[(&["Time"], "h")], "an hour to some, the heart rate to others")),
    ("N/A", Never("newton by ampere to UCUM, not applicable to others")),
    ("AU", Never("the distance of the sun to UCUM, arbitrary units to others")),
    ("T", Never("the tesla to UCUM; something else to whoever wrote it")),
    ("N", Never("the newton to UCUM; something else to whoever wrote it")),
    ("P", Never("the poise to UCUM; something else to whoever wrote it")),
    ("R", Never("the roentgen to UCUM; something else to whoever wrote it")),
    ("B", Never("the bel to UCUM; something else to whoever wrote it")),
    ("A", Never("the ampere to UCUM; something else to whoever wrote it")),
    ("103/uL", Never(LOST_POWER)),
    ("103/ul", Never(LOST_POWER)),
    ("103/mm3", Never(LOST_POWER)),
    ("106/uL", Never(LOST_POWER)),
    ("106/ul", Never(LOST_POWER)),
    ("106/mm3", Never(LOST_POWER)),
    ("106/mL", Never(LOST_POWER)),
    ("109/L", Never(LOST_POWER)),
    ("109/l", Never(LOST_POWER)),
    ("1012/L", Never(LOST_POWER)),
    ("1012/l", Never(LOST_POWER)),
    ("mgm", Never("milligram to some; nothing to UCUM")),
    ("PT", Never("a petatesla to UCUM, a patient, a pint or a part to others")),
];

/// Parts of units of which the same is true.
pub(super) static TRAPS_IN_PARTS: Table = &[
    ("MG", ByProperty(&[(MASSES, "mg")], GAUSS)),
    ("PG", ByProperty(&[(MASSES, "pg")], GAUSS)),
    ("G", ByProperty(&[(MASSES, "g")], GAUSS)),
    (
        "ML",
        ByProperty(
            &[(&["Vol", "MCnc", "SCnc", "NCnc", "ACnc", "CCnc", "VRat"], "mL")],
            "to UCUM it is the megalitre; it is a millilitre where the property shows that capitals are used for all",
        ),
    ),
    ("u", ByProperty(&[(CATALYTIC, "U"), (ARBITRARY, "[IU]")], UNITS)),
    ("U", Unless { code: "U", not: ARBITRARY, why: ENZYME }),
    ("mU", Unless { code: "mU", not: ARBITRARY, why: ENZYME }),
    ("uU", Unless { code: "uU", not: ARBITRARY, why: ENZYME }),
    ("kU", Unless { code: "kU", not: ARBITRARY, why: ENZYME }),
    ("nU", Unless { code: "nU", not: ARBITRARY, why: ENZYME }),
    ("MU", Never("a million enzyme units to UCUM, thousandths in capitals to others")),
    ("ft", ByProperty(&[(&["Len", "Area"], "[ft_i]")], "to UCUM it is the femtotonne")),
];

/// Whole units, in any case.
pub(super) static ANY_CASE: Table = &[
    ("mmhg", Is("mm[Hg]")),
    ("torr", Is("mm[Hg]")),
    ("cmh2o", Is("cm[H2O]")),
    ("cmh20", Is("cm[H2O]")),
    ("degc", Is("Cel")),
    ("°c", Is("Cel")),
    ("celsius", Is("Cel")),
    ("degreescelsius", Is("Cel")),
    ("degreecelsius", Is("Cel")),
    ("degf", Is("[degF]")),
    ("°f", Is("[degF]")),
    ("fahrenheit", Is("[degF]")),
    ("degreesfahrenheit", Is("[degF]")),
    ("degreefahrenheit", Is("[degF]")),
    ("percent", Is("%")),
    ("pct", Is("%")),
    ("bpm", Is("/min")),
    ("brpm", Is("/min")),
    ("beats/min", Is("/min")),
    ("beats/minute", Is("/min")),
    ("beat/min", Is("/min")),
    ("breaths/min", Is("/min")),
    ("breaths/minute", Is("/min")),
    ("br/min", Is("/min")),
    ("resp/min", Is("/min")),
    ("permin", Is("/min")),
    ("perminute", Is("/min")),
    ("perhpf", Is("/[HPF]")),
    ("perlpf", Is("/[LPF]")),
    ("mgperdl", Is("mg/dL")),
    ("in", Is("[in_i]")),
    ("inch", Is("[in_i]")),
    ("inches", Is("[in_i]")),
    ("feet", Is("[ft_i]")),
    ("foot", Is("[ft_i]")),
    ("lb", Is("[lb_av]")),
    ("lbs", Is("[lb_av]")),
    ("pound", Is("[lb_av]")),
    ("pounds", Is("[lb_av]")),
    (
        "oz",
        ByProperty(
            &[(&["Mass"], "[oz_av]"), (&["Vol"], "[foz_us]")],
            "an ounce is a mass or a volume, and the property has to say which",
        ),
    ),
    (
        "ounces",
        ByProperty(
            &[(&["Mass"], "[oz_av]"), (&["Vol"], "[foz_us]")],
            "an ounce is a mass or a volume, and the property has to say which",
        ),
    ),
    ("floz", Is("[foz_us]")),
    ("kg/m^2", Is("kg/m2")),
    ("kg/sqm", Is("kg/m2")),
    ("m^2", Is("m2")),
    ("sqm", Is("m2")),
    ("ml/min/1.73m2", Is("mL/min/{1.73_m2}")),
    ("ml/min/1.73m^2", Is("mL/min/{1.73_m2}")),
    ("ml/min/1.73sqm", Is("mL/min/{1.73_m2}")),
    ("ml/min/1.73sq.m", Is("mL/min/{1.73_m2}")),
    ("ml/min/1.73m*2", Is("mL/min/{1.73_m2}")),
    ("ng/mlfeu", Is("ng/mL{FEU}")),
    ("ug/mlfeu", Is("ug/mL{FEU}")),
    ("mcg/mlfeu", Is("ug/mL{FEU}")),
    ("mg/lfeu", Is("mg/L{FEU}")),
    ("ng/mlddu", Is("ng/mL{DDU}")),
    ("ng/mld-du", Is("ng/mL{DDU}")),
    ("ug/mlddu", Is("ug/mL{DDU}")),
    ("mosm/kgh2o", Is("mosm/kg")),
    ("mosmol/kg", Is("mosm/kg")),
    ("inr", Is("{INR}")),
    ("ratio", Is("{ratio}")),
    ("titer", Is("{titer}")),
    ("score", Is("{score}")),
    ("index", Is("{index_val}")),
];

/// Parts of units, in any case. A whole unit of one part is read so, too.
pub(super) static PARTS: Table = &[
    ("mcg", Is("ug")),
    ("ug", Is("ug")),
    ("ng", Is("ng")),
    ("pg", Is("pg")),
    ("fg", Is("fg")),
    ("mg", Is("mg")),
    ("gm", Is("g")),
    ("gms", Is("g")),
    ("gram", Is("g")),
    ("grams", Is("g")),
    ("milligram", Is("mg")),
    ("milligrams", Is("mg")),
    ("microgram", Is("ug")),
    ("micrograms", Is("ug")),
    ("kg", Is("kg")),
    ("kgs", Is("kg")),
    ("kilogram", Is("kg")),
    ("kilograms", Is("kg")),
    ("lb", Is("[lb_av]")),
    ("lbs", Is("[lb_av]")),
    ("dl", Is("dL")),
    ("ml", Is("mL")),
    ("mls", Is("mL")),
    ("cc", Is("mL")),
    ("milliliter", Is("mL")),
    ("milliliters", Is("mL")),
    ("liter", Is("L")),
    ("liters", Is("L")),
    ("litre", Is("L")),
    ("ul", Is("uL")),
    ("mcl", Is("uL")),
    ("microliter", Is("uL")),
    ("fl", Is("fL")),
    ("nl", Is("nL")),
    ("pl", Is("pL")),
    ("cmm", Is("mm3")),
    ("cumm", Is("mm3")),
    ("mm^3", Is("mm3")),
    ("m^2", Is("m2")),
    ("mmole", Is("mmol")),
    ("mmoles", Is("mmol")),
    ("mmol", Is("mmol")),
    ("umol", Is("umol")),
    ("mcmol", Is("umol")),
    ("micromol", Is("umol")),
    ("nmol", Is("nmol")),
    ("pmol", Is("pmol")),
    ("meq", Is("meq")),
    ("meqs", Is("meq")),
    ("ueq", Is("ueq")),
    ("mcq", Never("nobody knows what it was to be")),
    ("mosm", Is("mosm")),
    ("mosmol", Is("mosm")),
    (
        "iu",
        ByProperty(
            &[(CATALYTIC, "U"), (ARBITRARY, "[IU]")],
            "an international unit is an enzyme unit (U) where the property is catalytic (CCnc), and arbitrary ([IU]) else (ACnc)",
        ),
    ),
    ("miu", ByProperty(&[(CATALYTIC, "mU"), (ARBITRARY, "m[IU]")], UNITS)),
    ("uiu", ByProperty(&[(CATALYTIC, "uU"), (ARBITRARY, "u[IU]")], UNITS)),
    ("mciu", ByProperty(&[(CATALYTIC, "uU"), (ARBITRARY, "u[IU]")], UNITS)),
    ("kiu", ByProperty(&[(CATALYTIC, "kU"), (ARBITRARY, "k[IU]")], UNITS)),
    ("unit", ByProperty(&[(CATALYTIC, "U")], UNITS)),
    ("units", ByProperty(&[(CATALYTIC, "U")], UNITS)),
    ("enzymeunits", Is("U")),
    ("cfu", Is("[CFU]")),
    ("pfu", Is("[PFU]")),
    ("copies", Is("{copies}")),
    ("copy", Is("{copies}")),
    ("cps", Never("copies to some, counts by second to others")),
    ("cell", Is("{cells}")),
    ("cells", Is("{cells}")),
    ("#", Is("{#}")),
    ("wbc", Is("{WBC}")),
    ("rbc", Is("{RBC}")),
    ("wbcs", Is("{WBC}")),
    ("rbcs", Is("{RBC}")),
    ("100wbc", Is("100{WBC}")),
    ("100wbcs", Is("100{WBC}")),
    ("hpf", Is("[HPF]")),
    ("lpf", Is("[LPF]")),
    ("sec", Is("s")),
    ("secs", Is("s")),
    ("second", Is("s")),
    ("seconds", Is("s")),
    ("msec", Is("ms")),
    ("mins", Is("min")),
    ("minute", Is("min")),
    ("minutes", Is("min")),
    ("hr", Is("h")),
    ("hrs", Is("h")),
    ("hour", Is("h")),
    ("hours", Is("h")),
    ("24h", Is("(24.h)")),
    ("24hr", Is("(24.h)")),
    ("24hrs", Is("(24.h)")),
    ("24hours", Is("(24.h)")),
    ("day", Is("d")),
    ("days", Is("d")),
    ("week", Is("wk")),
    ("weeks", Is("wk")),
    ("month", Is("mo")),
    ("months", Is("mo")),
    ("year", Is("a")),
    ("years", Is("a")),
    ("yrs", Is("a")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::is_code;
    use super::super::super::measure::Measure;
    use super::*;
    use std::cmp::Ordering;

    fn codes(meaning: &Meaning) -> Vec<&'static str> {
        match meaning {
            Is(code) | Unless { code, .. } => vec![code],
            ByProperty(cases, _) => cases.iter().map(|(_, code)| *code).collect(),
            Never(_) => Vec::new(),
        }
    }

    #[test]
    fn every_meaning_is_ucum_and_every_key_stands_once() {
        let tables = [TRAPS, TRAPS_IN_PARTS, ANY_CASE, PARTS];
        for table in tables {
            let mut seen = BTreeSet::new();
            for (written, meaning) in table {
                assert!(seen.insert(written), "{written}");
                assert!(!written.contains(char::is_whitespace), "{written}");
                for code in codes(meaning) {
                    assert!(is_code(code), "{written}: {code}");
                }
            }
        }
        for (written, _) in ANY_CASE.iter().chain(PARTS) {
            assert_eq!(*written, written.to_ascii_lowercase());
        }
    }

    /// UCUM goes before these tables, so that such a key would be read only by chance.
    #[test]
    fn what_is_ucum_is_not_among_the_aliases() {
        for (written, meaning) in ANY_CASE.iter().chain(PARTS).filter(|(written, _)| is_code(written)) {
            let [code] = codes(meaning)[..] else { panic!("{written}") };
            // Small letters of a unit that is written in capitals.
            let same = |one: &str, other: &str| {
                let (one, other) = (Measure::of(one).unwrap(), Measure::of(other).unwrap());
                one.dimension.is_same(&other.dimension)
                    && one.notes == other.notes
                    && one.factor.compared(other.factor) == Some(Ordering::Equal)
            };
            assert!(same(code, written), "{written} {code}");
        }
    }
}
