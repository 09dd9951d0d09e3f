//! Whether a unit fits what is measured: its dimension against LOINC's PROPERTY. Of results that were mapped to a wrong code, half
//! were wrong in that alone (PMC9846663).

use super::measure::{Dimension, Measure, NoMeasure};
use crate::library::Library;
use crate::model::CodeSystem;
use crate::model::code_system::Property;

/// The address of LOINC.
pub const LOINC: &str = "http://loinc.org";

/// What is known of a measurement besides its unit.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct About {
    /// Its code in LOINC.
    pub loinc: Option<String>,
    /// The PROPERTY of that code: `MCnc`, `NCnc` and so on.
    pub property: Option<String>,
    /// Units that LOINC gives as examples for that code, in UCUM.
    pub examples: Vec<String>,
}

impl About {
    /// What the release of LOINC in a library says of a code; the code alone where there is none, or it does not know it.
    #[must_use]
    pub fn of(library: &Library, loinc: &str) -> Self {
        let known = library.systems(LOINC).into_iter().find_map(|system| Self::told(&system, loinc));
        known.unwrap_or_else(|| Self { loinc: Some(loinc.to_owned()), ..Self::default() })
    }

    fn told(system: &CodeSystem, loinc: &str) -> Option<Self> {
        let concept = system.concept(system.find(loinc)?);
        let value = |name: &str| concept.properties.iter().find(|property| property.code == name);
        let property = value("PROPERTY").and_then(|property| {
            // With the parts of a release it is a coding of the part, which the name is shown of.
            let coded = property.value().and_then(|(_, value)| value.get("display")).and_then(|shown| shown.as_str());
            coded.map(str::to_owned).or_else(|| property.text())
        });
        let examples = value("EXAMPLE_UCUM_UNITS").and_then(Property::text).unwrap_or_default();
        let examples = examples.split(';').map(str::trim).filter(|unit| !unit.is_empty()).map(str::to_owned).collect();
        Some(Self { loinc: Some(loinc.to_owned()), property, examples })
    }

    /// Whether particles in a volume are counted.
    #[must_use]
    pub fn is_number_concentration(&self) -> bool {
        self.is_of("NCnc", "/L")
    }

    /// Whether it has this property, or, where that is not told, units of this kind.
    pub(crate) fn is_of(&self, property: &str, like: &str) -> bool {
        match &self.property {
            Some(known) => known == property,
            None => self.examples.iter().any(|example| is_alike(example, like)),
        }
    }
}

fn is_alike(one: &str, other: &str) -> bool {
    matches!((Measure::of(one), Measure::of(other)), (Ok(one), Ok(other)) if one.dimension.is_same(&other.dimension))
}

/// Whether a unit fits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Check {
    /// It measures that.
    Agrees,
    /// It measures something else: the unit, the code or the map is wrong. The text says what is measured.
    Disagrees(String),
    /// It cannot be told. The text says why.
    NotKnown(String),
}

/// What units measure each property: LOINC Users' Guide, "Kind of property". `ACnc` and its like are looked at apart.
const KINDS: &[(&[&str], &[&str])] = &[
    (&["MCnc", "MCncDiff"], &["g/L"]),
    (&["SCnc", "SCncDiff"], &["mol/L", "eq/L"]),
    (&["NCnc"], &["/L"]),
    (&["CCnc"], &["kat/L"]),
    (&["OsmConc"], &["osm/L"]),
    (&["Osmol"], &["osm/kg"]),
    (&["MCnt"], &["g/g"]),
    (&["SCnt"], &["mol/kg", "eq/kg"]),
    (&["NCnt"], &["/kg"]),
    (&["CCnt"], &["kat/kg"]),
    (&["Mass", "EntMass"], &["g"]),
    (&["Sub", "EntSub"], &["mol", "eq"]),
    (&["CAct", "EntCat"], &["kat"]),
    (&["Vol", "EntVol"], &["L"]),
    (&["Len", "EntLen"], &["m"]),
    (&["Area"], &["m2"]),
    (&["Temp"], &["K"]),
    (&["Pres", "PPres", "PresDiff"], &["Pa"]),
    (&["Time", "TimeDif"], &["s"]),
    (&["Angle"], &["deg"]),
    (&["Vel"], &["m/s"]),
    (&["Elpot"], &["V"]),
    (&["Freq"], &["Hz"]),
    (&["NFr", "CFr", "AFr"], &["%"]),
    (&["MFr"], &["%", "g/g"]),
    (&["VFr"], &["%", "L/L"]),
    (&["SFr"], &["%", "mol/mol"]),
    (&["MRto"], &["%", "g/g"]),
    (&["SRto"], &["%", "mol/mol"]),
    (&["VRto"], &["%", "L/L"]),
    (
        &[
            "NRto", "CRto", "RelTime", "RelMCnc", "RelSCnc", "RelCCnc", "RelACnc", "RelVol", "Num", "EntNum", "Titr",
            "MoM",
        ],
        &["1"],
    ),
    (&["MRat"], &["g/s"]),
    (&["SRat"], &["mol/s", "eq/s"]),
    (&["NRat"], &["/s"]),
    (&["CRat"], &["kat/s"]),
    (&["VRat"], &["L/s"]),
    (&["ArVRat"], &["L/s/m2", "L/s/{1.73_m2}"]),
];

/// Properties of arbitrary units, and what stands beside these.
const ARBITRARY: &[(&str, &str)] = &[("ACnc", "/L"), ("ACnt", "/kg"), ("ARat", "/s"), ("Arb", "1")];

/// Checks a unit of UCUM against what LOINC says of a code: against the property, and where that tells nothing, against the examples.
#[must_use]
pub fn check(about: &About, unit: &str) -> Check {
    let measure = match Measure::of(unit) {
        Ok(measure) => measure,
        Err(NoMeasure::NotUcum) => return Check::NotKnown("the unit is no code of UCUM".to_owned()),
        Err(NoMeasure::NotLinear) => {
            return if about.examples.iter().any(|example| example == unit) {
                Check::Agrees
            } else {
                Check::NotKnown("the unit's scale is not linear".to_owned())
            };
        }
        Err(NoMeasure::TooBig) => return Check::NotKnown("the unit is too big to reckon with".to_owned()),
    };
    let examples: Vec<Measure> = about.examples.iter().filter_map(|example| Measure::of(example).ok()).collect();
    if examples.iter().any(|example| example.dimension.is_same(&measure.dimension) && example.notes == measure.notes) {
        return Check::Agrees;
    }
    let by_property = about.property.as_deref().map(|property| by_property(property, unit, &measure));
    match by_property {
        Some(told @ (Check::Agrees | Check::Disagrees(_))) => told,
        Some(Check::NotKnown(_)) | None if !examples.is_empty() => {
            if examples.iter().any(|example| example.dimension.is_same(&measure.dimension)) {
                Check::Agrees
            } else {
                Check::Disagrees(format!("{unit} measures {}, LOINC's example does not", name(&measure.dimension)))
            }
        }
        Some(told) => told,
        None => Check::NotKnown("nothing is known of the code's property".to_owned()),
    }
}

fn by_property(property: &str, unit: &str, measure: &Measure) -> Check {
    let wrong = || Check::Disagrees(format!("{unit} measures {}, which {property} is not", name(&measure.dimension)));
    let dimension = &measure.dimension;
    if let Some((_, beside)) = ARBITRARY.iter().find(|(known, _)| *known == property) {
        let beside = Measure::of(beside).map(|beside| beside.dimension).unwrap_or_default();
        return match dimension {
            _ if dimension.is_number() => Check::NotKnown(format!("{unit} says nothing of a quantity")),
            _ if dimension.is_arbitrary() && dimension.without_arbitrary().is_same(&beside) => Check::Agrees,
            _ => wrong(),
        };
    }
    let Some((_, like)) = KINDS.iter().find(|(names, _)| names.contains(&property)) else {
        return Check::NotKnown(format!("units do not tell whether something is {property}"));
    };
    let fits = |like: &&str| {
        Measure::of(like).is_ok_and(|like| {
            // What is by 1.73 m2 is another quantity than what is not.
            let is_by_area = |measure: &Measure| measure.notes.contains("1.73m2");
            like.dimension.is_same(dimension) && is_by_area(&like) == is_by_area(measure)
        })
    };
    if like.iter().any(fits) { Check::Agrees } else { wrong() }
}

/// What a dimension is called.
pub(crate) fn name(dimension: &Dimension) -> &'static str {
    let known = [
        ("g/L", "mass by volume"),
        ("mol/L", "substance by volume"),
        ("eq/L", "charge by volume"),
        ("/L", "number by volume"),
        ("osm/L", "osmoles by volume"),
        ("osm/kg", "osmoles by mass"),
        ("kat/L", "catalytic activity by volume"),
        ("K/L", "temperature by volume"),
        ("K", "temperature"),
        ("g", "mass"),
        ("mol", "substance"),
        ("eq", "charge"),
        ("kat", "catalytic activity"),
        ("L", "volume"),
        ("m", "length"),
        ("m2", "area"),
        ("s", "time"),
        ("Pa", "pressure"),
        ("/s", "number by time"),
        ("g/s", "mass by time"),
        ("mol/s", "substance by time"),
        ("L/s", "volume by time"),
        ("g/g", "mass by mass"),
        ("mol/mol", "substance by substance"),
        ("L/L", "volume by volume"),
        ("1", "a plain number"),
        ("mol/kg", "substance by mass"),
        ("g/mol", "mass by substance"),
        ("kg/m2", "mass by area"),
        ("/[HPF]", "number by field"),
        ("/[LPF]", "number by field"),
        ("[IU]/L", "arbitrary units by volume"),
        ("[IU]", "arbitrary units"),
        ("[arb'U]/L", "arbitrary units by volume"),
        ("C", "electric charge"),
        ("F", "electric capacitance"),
    ];
    let fits = |(like, _): &&(&str, &str)| Measure::of(like).is_ok_and(|like| like.dimension.is_same(dimension));
    known.iter().find(fits).map_or("something else", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(property: &str, unit: &str) -> Check {
        check(&About { property: Some(property.to_owned()), ..About::default() }, unit)
    }

    #[test]
    fn units_agree_with_the_property_that_they_measure() {
        for (property, unit) in [
            ("MCnc", "mg/dL"),
            ("SCnc", "mmol/L"),
            ("SCnc", "meq/L"),
            ("NCnc", "10*3/uL"),
            ("NCnc", "{cells}/uL"),
            ("CCnc", "U/L"),
            ("ACnc", "[IU]/mL"),
            ("ACnc", "m[IU]/L"),
            ("ACnc", "[arb'U]/mL"),
            ("Mass", "kg"),
            ("Mass", "[lb_av]"),
            ("Vol", "mL"),
            ("Len", "cm"),
            ("Temp", "[degF]"),
            ("Temp", "Cel"),
            ("Pres", "mm[Hg]"),
            ("Time", "s"),
            ("NFr", "%"),
            ("MFr", "%"),
            ("VFr", "L/L"),
            ("SFr", "mmol/mol"),
            ("NRat", "/min"),
            ("EntVol", "fL"),
            ("EntMass", "pg"),
            ("MRto", "mg/g"),
            ("SCnt", "meq/kg"),
            ("Osmol", "mosm/kg"),
            ("VRat", "mL/min"),
            ("ArVRat", "mL/min/{1.73_m2}"),
            ("RelTime", "{INR}"),
        ] {
            assert_eq!(told(property, unit), Check::Agrees, "{property} {unit}");
        }
    }

    #[test]
    fn units_of_something_else_are_told() {
        for (property, unit) in [
            ("NCnc", "K/uL"),
            ("MCnc", "mmol/L"),
            ("SCnc", "mg/dL"),
            ("NCnc", "/[HPF]"),
            ("CCnc", "[IU]/L"),
            ("ACnc", "U/mL"),
            ("MCnc", "%"),
            ("MFr", "mmol/mol"),
            ("Mass", "F"),
            ("Temp", "C"),
            ("VRat", "mL/min/{1.73_m2}"),
            ("ArVRat", "mL/min"),
            ("SCnc", "mosm/L"),
            ("Len", "ft"),
            ("NRat", "mg/kg/h"),
        ] {
            assert!(matches!(told(property, unit), Check::Disagrees(_)), "{property} {unit}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_not_judged() {
        for (property, unit) in
            [("Ratio", "kg/m2"), ("Find", "mg"), ("ACnc", "{index_val}"), ("MCnc", "mcg/dL"), ("Num", "[pH]")]
        {
            assert!(matches!(told(property, unit), Check::NotKnown(_)), "{property} {unit}");
        }
    }

    #[test]
    fn examples_tell_what_the_property_does_not() {
        let about = |property: &str| About {
            property: Some(property.to_owned()),
            examples: vec!["kg/m2".to_owned()],
            ..About::default()
        };
        assert_eq!(check(&about("Ratio"), "g/cm2"), Check::Agrees);
        assert!(matches!(check(&about("Ratio"), "mg/dL"), Check::Disagrees(_)));
    }

    #[test]
    fn every_unit_of_the_table_is_one() {
        for unit in KINDS.iter().flat_map(|(_, units)| *units).chain(ARBITRARY.iter().map(|(_, unit)| unit)) {
            assert!(Measure::of(unit).is_ok(), "{unit}");
        }
    }
}
