//! Reference ranges by code, organization, age and sex: which one applies, and what a value is by it.
//!
//! An interpretation is derived only where one range applies beyond doubt and its unit measures what the value's does. It is always
//! marked as derived (`Derived`), for it is nobody's finding; what a laboratory says itself goes before it.

use std::cmp::Ordering;

use super::convert::{Refused, measure};
use super::exact::{Decimal, Ratio};
use super::property::name;

/// The sex that a range is for, or that a patient has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

/// The limits of a code for some people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Range {
    /// Its code, in LOINC.
    pub code: String,
    /// The organization whose range it is; `None` where it is for all.
    pub organization: Option<String>,
    /// Whom it is for; `None` where for all.
    pub sex: Option<Sex>,
    /// The first day of life that it is for.
    pub from_day: Option<u32>,
    /// The first day of life that it is no longer for.
    pub until_day: Option<u32>,
    /// The unit of all limits, in UCUM.
    pub unit: String,
    /// The lowest value that is normal.
    pub low: Option<Decimal>,
    /// The highest one.
    pub high: Option<Decimal>,
    /// Below it a value is critical.
    pub critical_low: Option<Decimal>,
    /// Above it.
    pub critical_high: Option<Decimal>,
}

/// Whose value it is, as far as that is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Whose<'w> {
    /// Who measured.
    pub organization: Option<&'w str>,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// The patient's age in days when it was measured.
    pub days: Option<u32>,
}

/// Why no range applies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoRange {
    /// There is none for that code and patient.
    None,
    /// Ranges differ by the patient's sex, which is not known.
    SexNotKnown,
    /// Ranges differ by the patient's age, which is not known.
    AgeNotKnown,
    /// Several apply, and none is narrower than all others.
    Several,
}

/// The range that applies: an organization's own before those for all, and among these the one that is for the fewest.
///
/// # Errors
/// [`NoRange`] where it cannot be told. A range that would apply if more were known of the patient is never passed over.
pub fn choose<'r>(ranges: &'r [Range], code: &str, whose: Whose<'_>) -> Result<&'r Range, NoRange> {
    let of_code = |own: bool| {
        ranges.iter().filter(move |range| {
            let organization = range.organization.as_deref();
            range.code == code
                && (if own {
                    organization.is_some() && organization == whose.organization
                } else {
                    organization.is_none()
                })
        })
    };
    match among(of_code(true).collect(), whose) {
        Err(NoRange::None) => among(of_code(false).collect(), whose),
        told => told,
    }
}

fn among<'r>(ranges: Vec<&'r Range>, whose: Whose<'_>) -> Result<&'r Range, NoRange> {
    let may_apply = |range: &&Range| {
        let sex = range.sex.is_none() || whose.sex.is_none() || range.sex == whose.sex;
        let days = whose.days.is_none_or(|days| {
            range.from_day.is_none_or(|from| from <= days) && range.until_day.is_none_or(|until| days < until)
        });
        sex && days
    };
    let ranges: Vec<&Range> = ranges.into_iter().filter(may_apply).collect();
    if whose.sex.is_none() && ranges.iter().any(|range| range.sex.is_some()) {
        return Err(NoRange::SexNotKnown);
    }
    if whose.days.is_none() && ranges.iter().any(|range| range.from_day.is_some() || range.until_day.is_some()) {
        return Err(NoRange::AgeNotKnown);
    }
    let Some(first) = ranges.first() else { return Err(NoRange::None) };
    let narrowest =
        ranges.iter().fold(*first, |narrowest, range| if is_within(range, narrowest) { range } else { narrowest });
    let is_below_all = ranges
        .iter()
        .all(|range| is_within(narrowest, range) && (!is_within(range, narrowest) || is_alike(range, narrowest)));
    if is_below_all { Ok(narrowest) } else { Err(NoRange::Several) }
}

/// Whether one range is for nobody whom the other one is not for.
fn is_within(one: &Range, other: &Range) -> bool {
    let from = |range: &Range| range.from_day.unwrap_or(0);
    let until = |range: &Range| range.until_day.unwrap_or(u32::MAX);
    (other.sex.is_none() || one.sex == other.sex) && from(one) >= from(other) && until(one) <= until(other)
}

/// Whether two ranges say the same.
fn is_alike(one: &Range, other: &Range) -> bool {
    let limits = |range: &Range| [range.low, range.high, range.critical_low, range.critical_high];
    one.unit == other.unit && limits(one) == limits(other)
}

/// A code of <http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation>.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Interpretation {
    /// Critically low.
    LL,
    /// Low.
    L,
    /// Normal.
    N,
    /// High.
    H,
    /// Critically high.
    HH,
}

impl Interpretation {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::LL => "LL",
            Self::L => "L",
            Self::N => "N",
            Self::H => "H",
            Self::HH => "HH",
        }
    }
}

/// An interpretation that was derived from a range, by the gateway and nobody else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Derived<'r> {
    /// What it is.
    pub interpretation: Interpretation,
    /// By which range.
    pub by: &'r Range,
}

/// How a value was compared with what could be measured (`Quantity.comparator`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// Why nothing is derived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NotDerived {
    /// Value and range have units of different things, or of which it is not known.
    Unit(Refused),
    /// The range has no limits, or they are not in order.
    Limits,
    /// The value is only known to be above or below something, and may be on both sides of a limit.
    Open,
}

/// What a value is by a range. Values are compared exactly, in the base units of both.
///
/// A limit is itself within: a value at `high` is normal, one at `critical_high` is high, as laboratories print their ranges.
///
/// # Errors
/// [`NotDerived`] says why it is not told.
pub fn derive<'r>(
    value: Decimal,
    comparator: Option<Comparator>,
    unit: &str,
    range: &'r Range,
) -> Result<Derived<'r>, NotDerived> {
    let value = in_base(value, unit, range)?;
    let limit = |limit: Option<Decimal>| limit.map(|limit| in_base(limit, &range.unit, range)).transpose();
    let limits = [limit(range.critical_low)?, limit(range.low)?, limit(range.high)?, limit(range.critical_high)?];
    let is_known = range.low.is_some() || range.high.is_some();
    let is_sorted = || {
        let known: Vec<Ratio> = limits.iter().flatten().copied().collect();
        known.windows(2).all(|pair| matches!(pair, [one, other] if is_ordered(*one, *other)))
    };
    if !is_known || !is_sorted() {
        return Err(NotDerived::Limits);
    }
    let too_big = || NotDerived::Unit(Refused::TooBig);
    // Just below or above the value counts as the value itself, but for the very limit.
    let (lowest, highest) = match comparator {
        None => (Side::At, Side::At),
        Some(Comparator::Less) => (Side::Under, Side::JustBelow),
        Some(Comparator::AtMost) => (Side::Under, Side::At),
        Some(Comparator::More) => (Side::JustAbove, Side::Over),
        Some(Comparator::AtLeast) => (Side::At, Side::Over),
    };
    let one = class(value, lowest, limits).ok_or_else(too_big)?;
    let other = class(value, highest, limits).ok_or_else(too_big)?;
    if one == other { Ok(Derived { interpretation: one, by: range }) } else { Err(NotDerived::Open) }
}

/// Where around a value.
#[derive(Clone, Copy)]
enum Side {
    /// Below all limits.
    Under,
    JustBelow,
    At,
    JustAbove,
    /// Above all limits.
    Over,
}

fn class(value: Ratio, side: Side, limits: [Option<Ratio>; 4]) -> Option<Interpretation> {
    let against = |limit: Ratio| {
        Some(match side {
            Side::Under => Ordering::Less,
            Side::Over => Ordering::Greater,
            Side::At => value.compared(limit)?,
            Side::JustBelow => value.compared(limit)?.then(Ordering::Less),
            Side::JustAbove => value.compared(limit)?.then(Ordering::Greater),
        })
    };
    let [critical_low, low, high, critical_high] = limits;
    let is = |limit: Option<Ratio>, side: Ordering| limit.map_or(Some(false), |limit| Some(against(limit)? == side));
    Some(if is(critical_low, Ordering::Less)? {
        Interpretation::LL
    } else if is(low, Ordering::Less)? {
        Interpretation::L
    } else if is(critical_high, Ordering::Greater)? {
        Interpretation::HH
    } else if is(high, Ordering::Greater)? {
        Interpretation::H
    } else {
        Interpretation::N
    })
}

fn is_ordered(one: Ratio, other: Ratio) -> bool {
    one.compared(other).is_some_and(Ordering::is_le)
}

fn in_base(value: Decimal, unit: &str, range: &Range) -> Result<Ratio, NotDerived> {
    let (one, other) = (measure(unit).map_err(NotDerived::Unit)?, measure(&range.unit).map_err(NotDerived::Unit)?);
    if !one.dimension.is_same(&other.dimension) {
        return Err(NotDerived::Unit(Refused::Apart(name(&one.dimension), name(&other.dimension))));
    }
    if one.notes != other.notes {
        return Err(NotDerived::Unit(Refused::Notes(unit.to_owned(), range.unit.clone())));
    }
    let in_base = || value.ratio()?.times(one.factor)?.plus(one.offset.unwrap_or(Ratio::ZERO));
    in_base().ok_or(NotDerived::Unit(Refused::TooBig))
}
