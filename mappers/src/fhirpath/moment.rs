//! Dates, times and both, as precise as they were written: <http://hl7.org/fhirpath/N1/#date>.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::quantity::Quantity;
use crate::calendar::{civil, days_since};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A date, a time, or both. Components that were not written are not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Year, month, day, hour, minute, milliseconds of the minute.
    parts: [i64; 6],
    /// The first component that counts: 0, or 3 for a time.
    first: usize,
    /// How many components count.
    last: usize,
    /// Digits of the second's fraction.
    fraction: usize,
    /// Minutes east of UTC.
    zone: Option<i64>,
}

impl Moment {
    /// `2015`, `2015-02`, `2015-02-04`.
    pub(super) fn date(text: &str) -> Option<Self> {
        let mut moment = Self { parts: [0, 1, 1, 0, 0, 0], first: 0, last: 0, fraction: 0, zone: None };
        for (index, part) in text.split('-').enumerate() {
            let width = if index == 0 { 4 } else { 2 };
            if index > 2 {
                return None;
            }
            moment.parts[index] = digits(part, width)?;
            moment.last = index + 1;
        }
        let [year, month, day, ..] = moment.parts;
        ((1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day)).then_some(moment)
    }

    /// `2015-02-04T14:34:28.123+10:00`; what is left out at the end is not there.
    pub(super) fn date_time(text: &str) -> Option<Self> {
        let Some((date, time)) = text.split_once('T') else { return Self::date(text) };
        let mut moment = Self::date(date)?;
        if time.is_empty() {
            return Some(moment);
        }
        if moment.last < 3 {
            return None;
        }
        let (time, zone) = zone(time)?;
        let time = Self::time(time)?;
        moment.parts[3..].copy_from_slice(&time.parts[3..]);
        Some(Self { last: time.last, fraction: time.fraction, zone, ..moment })
    }

    /// `14`, `14:34`, `14:34:28.123`.
    pub(super) fn time(text: &str) -> Option<Self> {
        let mut moment = Self { parts: [0, 1, 1, 0, 0, 0], first: 3, last: 3, fraction: 0, zone: None };
        for (index, part) in text.split(':').enumerate() {
            match index {
                0 => moment.parts[3] = digits(part, 2).filter(|hour| *hour < 24)?,
                1 => moment.parts[4] = digits(part, 2).filter(|minute| *minute < 60)?,
                2 => {
                    let (second, fraction) = part.split_once('.').unwrap_or((part, ""));
                    if part.ends_with('.') {
                        return None;
                    }
                    let millis = format!("{:0<3}", fraction.get(..3).unwrap_or(fraction));
                    moment.fraction = fraction.len().min(3);
                    moment.parts[5] = digits(second, 2).filter(|second| *second < 60)? * 1000 + digits(&millis, 3)?;
                    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                        return None;
                    }
                }
                _ => return None,
            }
            moment.last = index + 4;
        }
        Some(moment)
    }

    /// The date of it alone.
    pub(super) fn to_date(&self) -> Option<Self> {
        (self.first == 0).then(|| Self { last: self.last.min(3), fraction: 0, zone: None, ..self.clone() })
    }

    /// The time of it alone.
    pub(super) fn to_time(&self) -> Option<Self> {
        (self.last > 3).then(|| Self { first: 3, zone: None, ..self.clone() })
    }

    /// Which is earlier; `None` where that is not known, as one is less precise or has no zone.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.first != other.first {
            return None;
        }
        let timed = self.last > 3 && other.last > 3 && self.first == 0;
        let (one, two) = match (timed, self.zone, other.zone) {
            (true, Some(_), None) | (true, None, Some(_)) => return self.far(other),
            (true, Some(one), Some(two)) if one != two => (self.in_utc(), other.in_utc()),
            _ => (self.parts, other.parts),
        };
        let shared = self.last.min(other.last);
        match one[self.first..shared].cmp(&two[self.first..shared]) {
            Ordering::Equal if self.last != other.last => None,
            known => Some(known),
        }
    }

    /// The order of two of which one has no zone: known where no zone could change it.
    fn far(&self, other: &Self) -> Option<Ordering> {
        let apart = self.in_utc_millis() - other.in_utc_millis();
        (apart.abs() > DAY).then(|| apart.cmp(&0))
    }

    /// Whether they are equal; `None` where that is not known.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        if self.first != other.first {
            return Some(false);
        }
        self.compare(other).map(|order| order == Ordering::Equal)
    }

    /// Whether they are equal and equally precise.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.last == other.last && self.equals(other) == Some(true)
    }

    /// How precise it is, in digits: `2014-01` has 6.
    pub(super) fn precision(&self) -> i64 {
        const DATE: [i64; 7] = [0, 4, 6, 8, 10, 12, 14];
        let digits = DATE[self.last] - if self.first == 3 { 8 } else { 0 };
        digits + if self.last == 6 && self.fraction > 0 { 3 } else { 0 }
    }

    /// Its earliest (or latest) instant as precise as so many digits; `None` where there is no such precision.
    pub(super) fn boundary(&self, digits: Option<i64>, latest: bool, is_date: bool) -> Option<Self> {
        let offset = if self.first == 3 { 8 } else { 0 };
        let wanted = digits.unwrap_or(if is_date { 8 } else { 17 - offset }).checked_add(offset)?;
        let (last, fraction) = match wanted {
            4 => (1, 0),
            6 => (2, 0),
            8 => (3, 0),
            10 => (4, 0),
            12 => (5, 0),
            14 => (6, 0),
            17 => (6, 3),
            _ => return None,
        };
        let mut bound = Self { last, fraction, ..self.clone() };
        if latest {
            let [year, ..] = self.parts;
            let month = if self.last < 2 { 12 } else { self.parts[1] };
            let most = [year, 12, days_of(year, month), 23, 59, 59_999];
            bound.parts[self.last..].copy_from_slice(&most[self.last..]);
            if self.last == 6 && self.fraction == 0 {
                bound.parts[5] += 999;
            }
        }
        if fraction == 0 {
            bound.parts[5] -= bound.parts[5] % 1000;
        }
        Some(bound)
    }

    /// So much later (or earlier, for a negative quantity). `None` where the unit is none of time, or the year leaves
    /// 1 to 9999.
    pub(super) fn plus(&self, quantity: &Quantity) -> Option<Self> {
        let (months, millis) = quantity.span()?;
        if self.first == 3 {
            let clock = self.parts[3] * 3_600_000 + self.parts[4] * 60_000 + self.parts[5];
            let clock = (clock + millis).rem_euclid(DAY);
            let mut sum = self.clone();
            sum.parts[3..].copy_from_slice(&[clock / 3_600_000, clock / 60_000 % 60, clock % 60_000]);
            return (months == 0).then_some(sum);
        }
        let total = self.parts[0] * 12 + self.parts[1] - 1 + months;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        let day = self.parts[2].min(days_of(year, month));
        let clock = self.parts[3] * 3_600_000 + self.parts[4] * 60_000 + self.parts[5];
        // A date moves by whole days, a month by whole months.
        let millis = if self.last == 3 { millis / DAY * DAY } else { millis };
        if self.last < 3 {
            let months = total + millis / (30 * DAY);
            let mut sum = self.clone();
            sum.parts[..2].copy_from_slice(&[months.div_euclid(12), months.rem_euclid(12) + 1]);
            return Some(sum).filter(Self::is_in_range);
        }
        let instant = days_since(year, month, day) * DAY + clock + millis;
        let (year, month, day) = civil(instant.div_euclid(DAY));
        let clock = instant.rem_euclid(DAY);
        let mut sum = self.clone();
        sum.parts = [year, month, day, clock / 3_600_000, clock / 60_000 % 60, clock % 60_000];
        Some(sum).filter(Self::is_in_range)
    }

    fn is_in_range(&self) -> bool {
        (1..=9999).contains(&self.parts[0])
    }

    fn in_utc_millis(&self) -> i64 {
        let [year, month, day, hour, minute, millis] = self.parts;
        let minutes = (days_since(year, month, day) * 24 + hour) * 60 + minute - self.zone.unwrap_or(0);
        minutes * 60_000 + millis
    }

    fn in_utc(&self) -> [i64; 6] {
        let instant = self.in_utc_millis();
        let (year, month, day) = civil(instant.div_euclid(DAY));
        let clock = instant.rem_euclid(DAY);
        [year, month, day, clock / 3_600_000, clock / 60_000 % 60, clock % 60_000]
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [year, month, day, hour, minute, millis] = self.parts;
        if self.first == 0 {
            write!(out, "{year:04}")?;
            for part in [month, day].iter().take(self.last.saturating_sub(1)) {
                write!(out, "-{part:02}")?;
            }
            if self.last > 3 {
                out.write_str("T")?;
            }
        }
        if self.last > 3 {
            write!(out, "{hour:02}")?;
        }
        if self.last > 4 {
            write!(out, ":{minute:02}")?;
        }
        if self.last > 5 {
            write!(out, ":{:02}", millis / 1000)?;
            if self.fraction > 0 {
                write!(out, ".{}", &format!("{:03}", millis % 1000)[..self.fraction])?;
            }
        }
        match self.zone {
            None => Ok(()),
            Some(0) => out.write_str("Z"),
            Some(zone) => {
                let sign = if zone < 0 { '-' } else { '+' };
                write!(out, "{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60)
            }
        }
    }
}

impl Quantity {
    /// Months and milliseconds of a duration.
    fn span(&self) -> Option<(i64, i64)> {
        let whole = self.value.trunc().to_i64()?;
        let unit = self.unit.as_str();
        let exact = |millis: i64| Some((0, whole.checked_mul(millis)?));
        let in_range =
            |pair: (i64, i64)| (pair.0.abs() < 200_000 && pair.1.abs() < 400_000_000_000_000).then_some(pair);
        in_range(match unit {
            "year" => (whole.checked_mul(12)?, 0),
            "month" => (whole, 0),
            "week" | "wk" => exact(7 * DAY)?,
            "day" | "d" => exact(DAY)?,
            "hour" | "h" => exact(3_600_000)?,
            "minute" | "min" => exact(60_000)?,
            "second" | "s" => (0, (self.value.checked_mul(Decimal::ONE_THOUSAND)?).trunc().to_i64()?),
            "millisecond" | "ms" => exact(1)?,
            _ => return None,
        })
    }
}

fn digits(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A time and the zone behind it.
fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let (hours, minutes) = text[at + 1..].split_once(':')?;
    let minutes = digits(hours, 2)? * 60 + digits(minutes, 2)?;
    Some((&text[..at], Some(if text[at..].starts_with('-') { -minutes } else { minutes })))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for text in
            ["2015", "2015-02", "2015-02-04", "2015-02-04T14", "2015-02-04T14:34:28.123+10:00", "2015-02-04T14:34Z"]
        {
            assert_eq!(Moment::date_time(text).unwrap().to_string(), text);
        }
        assert_eq!(Moment::time("14:34:28.1").unwrap().to_string(), "14:34:28.1");
        for text in ["2015-13", "2015-02-30", "15", "2015-02-04T25", "2015-02T10", ""] {
            assert!(Moment::date_time(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let order =
            |one: &str, other: &str| Moment::date_time(one).unwrap().compare(&Moment::date_time(other).unwrap());
        assert_eq!(order("2018-03", "2018-03-01"), None);
        assert_eq!(order("2018-03", "2018-04-01"), Some(Ordering::Less));
        assert_eq!(order("2018-03-01T10:00Z", "2018-03-01T12:00+02:00"), Some(Ordering::Equal));
        assert_eq!(order("2018-03-01T10:00Z", "2018-03-01T12:00"), None);
        assert_eq!(order("2018-03-01T10:00Z", "2018-03-05T12:00"), Some(Ordering::Less));
    }
}
