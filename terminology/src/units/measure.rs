//! What a unit of UCUM measures, and how much of it: its dimension and its exact factor.
//!
//! UCUM takes moles, equivalents, osmoles, katals and fields of view for plain numbers. Here each is a dimension of its own, as are
//! arbitrary units: none becomes another without knowing more than the unit. What cancels is remembered, too: `mmol/mol` is no
//! `%`, and `mg/kg/h` is no `/h`.

use std::collections::BTreeSet;

use octofhir_ucum::{SpecialKind, UnitExpr, UnitRecord, find_prefix, find_unit, parse_expression};

use super::LONGEST;
use super::exact::Ratio;

/// Units that count something. UCUM has them as numbers.
const COUNTED: [&str; 9] = ["mol", "eq", "osm", "kat", "[HPF]", "[LPF]", "[NTU]", "[FNU]", "[hnsf'U]"];
const MOLES: usize = 0;
const EQUIVALENTS: usize = 1;
const KATALS: usize = 3;
/// The places of UCUM's base units in its dimensions.
const LENGTH: usize = 0;
const MASS: usize = 2;

/// Annotations that only say what is counted or by whom: they may come and go. All others are part of what a unit means here, as
/// in `mg/L{FEU}` and `mL/min/{1.73_m2}`.
const IDLE: [&str; 16] = [
    "#",
    "beat",
    "beats",
    "breath",
    "breaths",
    "cell",
    "cells",
    "count",
    "leukocytes",
    "number",
    "platelets",
    "pulse",
    "rbc",
    "rbcs",
    "wbc",
    "wbcs",
];

/// What is measured.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Dimension {
    base: [i32; 7],
    counted: [i32; COUNTED.len()],
    arbitrary: Vec<(&'static str, i32)>,
    /// Mass by mass, substance by substance.
    cancelled: [u32; 2],
    /// Length by length; it tells plain numbers apart only.
    by_length: u32,
}

/// An amount of substance or mass that a unit counts in, once and not below a fraction line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Amount {
    Grams,
    Moles,
    Equivalents,
}

impl Dimension {
    pub(crate) fn is_number(&self) -> bool {
        self.base == [0; 7] && self.counted == [0; COUNTED.len()] && self.arbitrary.is_empty()
    }

    /// Whether it is a number with nothing said of what was divided by what.
    pub(crate) fn is_bare(&self) -> bool {
        self.is_number() && self.cancelled == [0; 2] && self.by_length == 0
    }

    pub(crate) fn is_arbitrary(&self) -> bool {
        !self.arbitrary.is_empty()
    }

    pub(crate) fn is_mass_by_mass(&self) -> bool {
        self.is_number() && self.cancelled == [1, 0] && self.by_length == 0
    }

    pub(crate) fn is_volume_by_volume(&self) -> bool {
        self.is_number() && self.cancelled == [0; 2] && self.by_length == 3
    }

    /// Whether units of both measure the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.base == other.base
            && self.counted == other.counted
            && self.arbitrary == other.arbitrary
            && self.cancelled == other.cancelled
            && (!self.is_number() || self.by_length == other.by_length)
    }

    /// The amount it counts in, and what is left of it without.
    pub(crate) fn amount(&self) -> Option<(Amount, Self)> {
        let all = (self.base[MASS], self.counted[MOLES], self.counted[EQUIVALENTS]);
        let amount = match all {
            (1, 0, 0) => Amount::Grams,
            (0, 1, 0) => Amount::Moles,
            (0, 0, 1) => Amount::Equivalents,
            _ => return None,
        };
        if self.cancelled != [0; 2] || self.is_arbitrary() {
            return None;
        }
        let mut rest = self.clone();
        rest.base[MASS] = 0;
        rest.counted[MOLES] = 0;
        rest.counted[EQUIVALENTS] = 0;
        Some((amount, rest))
    }

    /// What is left without the arbitrary units.
    pub(crate) fn without_arbitrary(&self) -> Self {
        Self { arbitrary: Vec::new(), ..self.clone() }
    }

    fn times(&self, other: &Self, sign: i32) -> Option<Self> {
        let mut all = self.clone();
        let against =
            |one: i32, two: i32| if (one < 0) == (two < 0) { 0 } else { one.unsigned_abs().min(two.unsigned_abs()) };
        let second = |exponent: i32| exponent.checked_mul(sign);
        let moles = against(self.counted[MOLES], second(other.counted[MOLES])?);
        let masses = against(self.base[MASS], second(other.base[MASS])?);
        all.cancelled[0] = all.cancelled[0].checked_add(other.cancelled[0])?.checked_add(masses)?;
        all.cancelled[1] = all.cancelled[1].checked_add(other.cancelled[1])?.checked_add(moles)?;
        let lengths = against(self.base[LENGTH], second(other.base[LENGTH])?);
        all.by_length = all.by_length.checked_add(other.by_length)?.checked_add(lengths)?;
        for (mine, theirs) in all.base.iter_mut().zip(other.base).chain(all.counted.iter_mut().zip(other.counted)) {
            *mine = mine.checked_add(second(theirs)?)?;
        }
        for &(atom, exponent) in &other.arbitrary {
            match all.arbitrary.iter_mut().find(|(known, _)| *known == atom) {
                Some((_, mine)) => *mine = mine.checked_add(second(exponent)?)?,
                None => all.arbitrary.push((atom, second(exponent)?)),
            }
        }
        all.arbitrary.retain(|&(_, exponent)| exponent != 0);
        all.arbitrary.sort_unstable();
        Some(all)
    }

    fn power(&self, exponent: i32) -> Option<Self> {
        let mut all = self.clone();
        let times = i32::try_from(exponent.unsigned_abs()).ok()?;
        for cancelled in all.cancelled.iter_mut().chain([&mut all.by_length]) {
            *cancelled = cancelled.checked_mul(times.unsigned_abs())?;
        }
        for mine in all.base.iter_mut().chain(&mut all.counted).chain(all.arbitrary.iter_mut().map(|(_, mine)| mine)) {
            *mine = mine.checked_mul(exponent)?;
        }
        all.arbitrary.retain(|&(_, exponent)| exponent != 0);
        Some(all)
    }
}

/// What a unit is: `value * factor + offset` of its base units, which for temperatures are kelvins.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    pub(crate) dimension: Dimension,
    pub(crate) factor: Ratio,
    pub(crate) offset: Option<Ratio>,
    pub(crate) notes: BTreeSet<String>,
}

/// Why a unit has no measure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoMeasure {
    /// It is no code of UCUM.
    NotUcum,
    /// Its scale is not linear.
    NotLinear,
    /// Its factor has too many digits to reckon with.
    TooBig,
}

impl Measure {
    fn number(factor: Ratio) -> Self {
        Self { dimension: Dimension::default(), factor, offset: None, notes: BTreeSet::new() }
    }

    /// What a code of UCUM measures.
    pub(crate) fn of(code: &str) -> Result<Self, NoMeasure> {
        if code.is_empty() || code.len() > LONGEST || octofhir_ucum::validate(code).is_err() {
            return Err(NoMeasure::NotUcum);
        }
        let parsed = parse_expression(code).map_err(|_| NoMeasure::NotUcum)?;
        let mut measure = measured(&parsed)?;
        measure.notes.retain(|note| !IDLE.contains(&note.as_str()));
        Ok(measure)
    }

    fn times(self, other: &Self, sign: i32) -> Result<Self, NoMeasure> {
        if self.offset.is_some() || other.offset.is_some() {
            return Err(NoMeasure::NotLinear);
        }
        let factor = if sign < 0 { self.factor.by(other.factor) } else { self.factor.times(other.factor) };
        let dimension = self.dimension.times(&other.dimension, sign).ok_or(NoMeasure::TooBig)?;
        let notes = &self.notes | &other.notes;
        Ok(Self { dimension, factor: factor.ok_or(NoMeasure::TooBig)?, offset: None, notes })
    }
}

fn measured(unit: &UnitExpr) -> Result<Measure, NoMeasure> {
    match unit {
        UnitExpr::Symbol(symbol) => simple(symbol),
        UnitExpr::Numeric(number) => {
            let (digits, ten) = number.to_integer_and_exponent();
            Ratio::new(digits, 1, ten).map(Measure::number).ok_or(NoMeasure::TooBig)
        }
        UnitExpr::Annotation(note) => {
            Ok(Measure { notes: BTreeSet::from([plain(note)]), ..Measure::number(Ratio::ONE) })
        }
        UnitExpr::Annotated(unit, note) => {
            let mut measure = measured(unit)?;
            measure.notes.insert(plain(note));
            Ok(measure)
        }
        UnitExpr::Power(unit, exponent) => {
            let measure = measured(unit)?;
            if measure.offset.is_some() {
                return Err(NoMeasure::NotLinear);
            }
            let dimension = measure.dimension.power(*exponent).ok_or(NoMeasure::TooBig)?;
            let factor = measure.factor.power(*exponent).ok_or(NoMeasure::TooBig)?;
            Ok(Measure { dimension, factor, ..measure })
        }
        UnitExpr::Product(units) => {
            units.iter().try_fold(Measure::number(Ratio::ONE), |all, unit| all.times(&measured(unit)?, 1))
        }
        UnitExpr::Quotient(over, under) => measured(over)?.times(&measured(under)?, -1),
        UnitExpr::Reciprocal(unit) => Measure::number(Ratio::ONE).times(&measured(unit)?, -1),
    }
}

/// An annotation as it is compared: `1.73_m2` is `1.73m2`.
fn plain(note: &str) -> String {
    note.chars().filter(|letter| !matches!(letter, '_' | ' ')).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn simple(symbol: &str) -> Result<Measure, NoMeasure> {
    let (prefix, unit) = split(symbol).ok_or(NoMeasure::NotUcum)?;
    let mut measure = atom(unit)?;
    measure.factor = measure.factor.times(prefix).ok_or(NoMeasure::TooBig)?;
    Ok(measure)
}

/// A symbol's prefix and its unit: the longest prefix that leaves a metric unit (UCUM §4.4).
fn split(symbol: &str) -> Option<(Ratio, &'static UnitRecord)> {
    for length in [2, 1] {
        let (Some(prefix), Some(rest)) = (symbol.get(..length), symbol.get(length..)) else { continue };
        if let (Some(prefix), Some(unit)) = (find_prefix(prefix), find_unit(rest))
            && unit.is_metric
        {
            return Some((exact(prefix.factor)?, unit));
        }
    }
    Some((Ratio::ONE, find_unit(symbol)?))
}

fn exact(number: octofhir_ucum::Number) -> Option<Ratio> {
    let (digits, ten) = number.to_integer_and_exponent();
    Ratio::new(digits, 1, ten)
}

fn atom(unit: &UnitRecord) -> Result<Measure, NoMeasure> {
    let mut dimension = Dimension { base: unit.dim.0.map(i32::from), ..Dimension::default() };
    // Their kelvins as UCUM defines them (table 3), for the crate has 5/9 as a decimal only.
    let kelvins = |over, under, zero, places| {
        let factor = Ratio::new(over, under, 0)?;
        Some((factor, Some(Ratio::new(zero, 1, places)?.times(factor)?)))
    };
    let linear = match unit.special {
        SpecialKind::None | SpecialKind::Arbitrary => exact(unit.factor).map(|factor| (factor, None)),
        SpecialKind::Celsius => kelvins(1, 1, 27315, -2),
        SpecialKind::Fahrenheit => kelvins(5, 9, 45967, -2),
        SpecialKind::Reaumur => kelvins(5, 4, 21852, -2),
        _ => return Err(NoMeasure::NotLinear),
    };
    let (mut factor, offset) = linear.ok_or(NoMeasure::TooBig)?;
    dimension.arbitrary = unit.arbitrary.to_vec();
    if unit.code == "U" {
        // A micromole in a minute (UCUM table 9).
        dimension = Dimension::default();
        dimension.counted[KATALS] = 1;
        factor = Ratio::new(1, 60, -6).ok_or(NoMeasure::TooBig)?;
    } else if let Some(at) = COUNTED.iter().position(|counted| *counted == unit.code) {
        dimension = Dimension::default();
        dimension.counted[at] = 1;
        factor = Ratio::ONE;
    }
    Ok(Measure { dimension, factor, offset, notes: BTreeSet::new() })
}

/// Units that medicine has in millions and more.
const OFTEN_BIG: [&str; 11] = ["Bq", "Hz", "Pa", "J", "eV", "V", "W", "Ohm", "[IU]", "[iU]", "cal"];

/// A symbol in a code of UCUM that is there by chance more likely than by intent: `EA` is an exaampere, `YR` a yottaroentgen and `Kit`
/// a kibitonne.
pub(crate) fn strange(code: &str) -> Option<String> {
    if code.len() > LONGEST {
        return None;
    }
    find_strange(&parse_expression(code).ok()?)
}

fn find_strange(unit: &UnitExpr) -> Option<String> {
    match unit {
        UnitExpr::Symbol(symbol) => {
            let (prefix, unit) = split(symbol)?;
            let is_big = prefix.compared(Ratio::new(1, 1, 3)?)?.is_gt();
            (is_big && !OFTEN_BIG.contains(&unit.code)).then(|| symbol.clone())
        }
        UnitExpr::Numeric(_) | UnitExpr::Annotation(_) => None,
        UnitExpr::Annotated(unit, _) | UnitExpr::Power(unit, _) | UnitExpr::Reciprocal(unit) => find_strange(unit),
        UnitExpr::Product(units) => units.iter().find_map(find_strange),
        UnitExpr::Quotient(over, under) => find_strange(over).or_else(|| find_strange(under)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(code: &str) -> Measure {
        Measure::of(code).unwrap_or_else(|why| panic!("{code}: {why:?}"))
    }

    #[test]
    fn units_of_one_quantity_measure_the_same() {
        for (one, other) in [
            ("mg/dL", "g/L"),
            ("mm[Hg]", "kPa"),
            ("U/L", "nkat/L"),
            ("Cel", "[degF]"),
            ("mmol/mol", "umol/mmol"),
            ("{cells}/uL", "10*9/L"),
            ("mg/kg/h", "ug/kg/min"),
            ("m[IU]/mL", "[iU]/L"),
            ("g%", "g/dL"),
            ("%", "1"),
        ] {
            assert!(measure(one).dimension.is_same(&measure(other).dimension), "{one} {other}");
        }
    }

    #[test]
    fn what_only_ucum_takes_for_the_same_is_told_apart() {
        let units = [
            "%", "mmol/mol", "mg/g", "mL/L", "mol", "eq", "osm", "[IU]", "[arb'U]", "kat", "mol/s", "U", "[HPF]",
            "[LPF]", "/h", "mg/kg/h", "K/uL", "/uL", "meq/L", "mmol/L",
        ];
        for (at, one) in units.iter().enumerate().filter(|(_, one)| **one != "U") {
            for other in units[at + 1..].iter().filter(|other| **other != "U") {
                assert!(!measure(one).dimension.is_same(&measure(other).dimension), "{one} {other}");
            }
        }
    }

    #[test]
    fn what_cannot_be_measured_says_why() {
        for (code, why) in [
            ("mcg", NoMeasure::NotUcum),
            ("", NoMeasure::NotUcum),
            ("[pH]", NoMeasure::NotLinear),
            ("dB", NoMeasure::NotLinear),
            ("10*9999", NoMeasure::TooBig),
        ] {
            assert_eq!(Measure::of(code).err(), Some(why), "{code}");
        }
    }
}
