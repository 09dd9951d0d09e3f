//! A value and its reference range in another unit, together and exactly, or why not.
//!
//! How many digits the result has goes by how exactly the value was written. The last digit of the most exact of value and
//! limits is a step of so much in the new unit; the result is rounded to a power of ten that is at most half that step, all three
//! alike, or to the whole step where that is the very number. So different values stay different, their order stays, and the way back,
//! rounded to the digits that were written, gives the value again (at most 1/4 of a step is lost there and 1/8 on the way back).
//! Where that would leave fewer than three digits there are three: `5 [ft_i]` are 152 cm, not 150 cm.

use std::fmt;

use super::exact::{Decimal, Ratio};
use super::measure::{Amount, Measure, NoMeasure};
use super::property::{About, name};
use super::substances::{self, Substance};

/// A measured value with the limits that were reported with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: Decimal,
    /// The lower limit of its reference range.
    pub low: Option<Decimal>,
    /// The upper one.
    pub high: Option<Decimal>,
    /// The unit of all of them, in UCUM.
    pub unit: String,
}

/// How a value came by its unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// It is the same unit.
    Same,
    /// By what the units mean.
    Units,
    /// By the molar mass of what is measured.
    MolarMass(&'static Substance),
    /// By its charge.
    Charge(&'static Substance),
    /// By both.
    MassAndCharge(&'static Substance),
}

impl By {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Units => "units",
            Self::MolarMass(_) => "molar-mass",
            Self::Charge(_) => "charge",
            Self::MassAndCharge(_) => "molar-mass-and-charge",
        }
    }

    /// The substance whose mole or charge was needed.
    #[must_use]
    pub fn substance(self) -> Option<&'static Substance> {
        match self {
            Self::Same | Self::Units => None,
            Self::MolarMass(of) | Self::Charge(of) | Self::MassAndCharge(of) => Some(of),
        }
    }
}

/// Why a value is not converted. The texts name units and codes, never values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// A unit is no code of UCUM.
    NotUcum(String),
    /// A unit's scale is logarithmic or the like.
    NotLinear(String),
    /// Numbers or factors have more digits than are reckoned with.
    TooBig,
    /// The units measure different things.
    Apart(&'static str, &'static str),
    /// An arbitrary unit becomes no other one: what it is worth is laid down for each substance and method.
    Arbitrary,
    /// The substance is not known, and with it its molar mass or charge.
    NoSubstance(Option<String>),
    /// The substance has no charge that is known.
    NoCharge(&'static str),
    /// One unit says by an annotation what the other one does not.
    Notes(String, String),
    /// A fraction of which it is not known of what.
    Fraction(&'static str, &'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUcum(unit) => write!(out, "{unit} is no code of UCUM"),
            Self::NotLinear(unit) => write!(out, "the scale of {unit} is not linear"),
            Self::TooBig => out.write_str("there are more digits than are reckoned with"),
            Self::Apart(from, to) => write!(out, "one unit measures {from}, the other one {to}"),
            Self::Arbitrary => out.write_str(
                "what an arbitrary unit such as [IU] is worth is laid down for each substance and method; it becomes no other unit",
            ),
            Self::NoSubstance(None) => out.write_str(
                "it takes the molar mass or the charge of what is measured: give the LOINC code, which says what that is",
            ),
            Self::NoSubstance(Some(code)) => write!(
                out,
                "it takes the molar mass or the charge of what is measured, and neither is known of what LOINC {code} measures",
            ),
            Self::NoCharge(substance) => write!(out, "it takes the charge of {substance}, of which none is known"),
            Self::Notes(from, to) => {
                write!(out, "{from} and {to} differ in what they say in braces, which may be another quantity")
            }
            Self::Fraction(from, to) => {
                write!(out, "one unit is {from}, the other one {to}: the LOINC code has to say that both are the same fraction")
            }
        }
    }
}

/// Converts a value and its limits.
///
/// # Errors
/// [`Refused`] says what lacks; nothing is guessed.
pub fn convert(given: &Measured, to: &str, about: &About) -> Result<(Measured, By), Refused> {
    if given.unit == to {
        measure(to).map(|_| ()).or_else(|why| if matches!(why, Refused::NotLinear(_)) { Ok(()) } else { Err(why) })?;
        return Ok((given.clone(), By::Same));
    }
    let (from_measure, to_measure) = (measure(&given.unit)?, measure(to)?);
    let (factor, by) = bridge(&from_measure, &to_measure, about)?;
    if from_measure.notes != to_measure.notes {
        return Err(Refused::Notes(given.unit.clone(), to.to_owned()));
    }
    let line = Line::of(&from_measure, &to_measure, factor).ok_or(Refused::TooBig)?;
    let all = line.all(given).ok_or(Refused::TooBig)?;
    let [value, low, high] = all;
    let value = value.ok_or(Refused::TooBig)?;
    Ok((Measured { value, low, high, unit: to.to_owned() }, by))
}

pub(super) fn measure(unit: &str) -> Result<Measure, Refused> {
    Measure::of(unit).map_err(|why| match why {
        NoMeasure::NotUcum => Refused::NotUcum(unit.to_owned()),
        NoMeasure::NotLinear => Refused::NotLinear(unit.to_owned()),
        NoMeasure::TooBig => Refused::TooBig,
    })
}

/// What base units of one measure are in those of the other: one, where they measure the same.
fn bridge(from: &Measure, to: &Measure, about: &About) -> Result<(Ratio, By), Refused> {
    let (one, other) = (&from.dimension, &to.dimension);
    if one.is_same(other) {
        return Ok((Ratio::ONE, By::Units));
    }
    let names = (name(one), name(other));
    if one.is_arbitrary() || other.is_arbitrary() {
        return Err(Refused::Arbitrary);
    }
    if one.is_number() && other.is_number() {
        // `mmol/mol` becomes no `%`, whatever the code says: HbA1c has both, by standards that differ.
        let is_mass = about.property.as_deref().is_some_and(|property| matches!(property, "MFr" | "MRto" | "MCnt"));
        let is_volume = about.property.as_deref().is_some_and(|property| matches!(property, "VFr" | "VRto"));
        let is_either = |bare: &super::measure::Dimension, known: &super::measure::Dimension| {
            bare.is_bare() && (is_mass && known.is_mass_by_mass() || is_volume && known.is_volume_by_volume())
        };
        return if is_either(one, other) || is_either(other, one) {
            Ok((Ratio::ONE, By::Units))
        } else {
            Err(Refused::Fraction(names.0, names.1))
        };
    }
    let apart = Err(Refused::Apart(names.0, names.1));
    let (Some((from, rest)), Some((to, other_rest))) = (one.amount(), other.amount()) else { return apart };
    if from == to || !rest.is_same(&other_rest) {
        return apart;
    }
    let substance = about.loinc.as_deref().and_then(substances::of);
    let substance = substance.ok_or_else(|| Refused::NoSubstance(about.loinc.clone()))?;
    let mole = Decimal::parse(substance.molar_mass).and_then(Decimal::ratio).ok_or(Refused::TooBig)?;
    let charge = || {
        let charge = substance.charge.ok_or(Refused::NoCharge(substance.name))?;
        Ratio::new(charge.into(), 1, 0).ok_or(Refused::TooBig)
    };
    let (factor, by) = match (from, to) {
        (Amount::Grams, Amount::Moles) => (mole.inverse(), By::MolarMass(substance)),
        (Amount::Moles, Amount::Grams) => (Some(mole), By::MolarMass(substance)),
        (Amount::Moles, Amount::Equivalents) => (Some(charge()?), By::Charge(substance)),
        (Amount::Equivalents, Amount::Moles) => (charge()?.inverse(), By::Charge(substance)),
        (Amount::Grams, _) => (charge()?.by(mole), By::MassAndCharge(substance)),
        (_, _) => (mole.by(charge()?), By::MassAndCharge(substance)),
    };
    factor.map(|factor| (factor, by)).ok_or(Refused::TooBig)
}

/// `value * slope + shift`.
struct Line {
    slope: Ratio,
    shift: Ratio,
}

impl Line {
    fn of(from: &Measure, to: &Measure, factor: Ratio) -> Option<Self> {
        let slope = from.factor.times(factor)?.by(to.factor)?;
        let (zero, other) = (from.offset.unwrap_or(Ratio::ZERO), to.offset.unwrap_or(Ratio::ZERO));
        Some(Self { slope, shift: zero.minus(other)?.by(to.factor)? })
    }

    /// Value and limits, rounded alike.
    fn all(&self, given: &Measured) -> Option<[Option<Decimal>; 3]> {
        let written = [Some(given.value), given.low, given.high];
        let finest = written.iter().flatten().map(|decimal| decimal.places()).max()?;
        let mut exact = [None; 3];
        for (exact, written) in exact.iter_mut().zip(written) {
            if let Some(written) = written {
                *exact = Some(written.ratio()?.times(self.slope)?.plus(self.shift)?);
            }
        }
        // The step of the last digit, and the power of ten at or below it.
        let step = Ratio::new(1, 1, -finest)?.times(self.slope)?;
        if let Some(told) = told(exact, -step.magnitude()?, true) {
            return Some(told);
        }
        let half = -step.times(Ratio::new(5, 1, -1)?)?.magnitude()?;
        let smallest = exact.iter().flatten().filter_map(|exact| exact.magnitude()).min();
        told(exact, smallest.map_or(half, |magnitude| half.max(2 - magnitude)), false)
    }
}

fn told(exact: [Option<Ratio>; 3], places: i32, only_exact: bool) -> Option<[Option<Decimal>; 3]> {
    let mut told = [None; 3];
    for (told, exact) in told.iter_mut().zip(exact) {
        if let Some(exact) = exact {
            let (decimal, is_exact) = exact.rounded(places)?;
            if only_exact && !is_exact {
                return None;
            }
            *told = Some(decimal);
        }
    }
    Some(told)
}
