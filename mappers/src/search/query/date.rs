//! Dates and times in a query (<https://hl7.org/fhir/R4/search.html#date>).

use jiff::civil::Date;

/// Ticks in a millisecond. A tick is 100 ns: an `i64` of them reaches from the first year to past the last one.
const MILLISECOND: i64 = 10_000;
const SECOND: i64 = 1000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// How a date compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Prefix {
    /// `ap`: about.
    Approximately,
    /// `eb`: ends before.
    EndsBefore,
    /// `eq`, or no prefix.
    Equal,
    /// `ge`.
    GreaterOrEqual,
    /// `gt`.
    Greater,
    /// `le`.
    LessOrEqual,
    /// `lt`.
    Less,
    /// `ne`.
    NotEqual,
    /// `sa`: starts after.
    StartsAfter,
}

/// A point of time with its precision: all instants from `low` to before `high`, in ticks of 100 ns since 1970 (UTC).
/// Without a zone the time is UTC.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DateValue {
    /// How it compares.
    pub prefix: Prefix,
    /// The first instant.
    pub low: i64,
    /// Just past the last instant.
    pub high: i64,
    /// The date as given, without prefix.
    pub text: Box<str>,
}

impl Prefix {
    const ALL: [(&'static str, Self); 9] = [
        ("ap", Self::Approximately),
        ("eb", Self::EndsBefore),
        ("eq", Self::Equal),
        ("ge", Self::GreaterOrEqual),
        ("gt", Self::Greater),
        ("le", Self::LessOrEqual),
        ("lt", Self::Less),
        ("ne", Self::NotEqual),
        ("sa", Self::StartsAfter),
    ];

    /// The two letters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, prefix)| *prefix == self).map_or("eq", |(text, _)| text)
    }
}

impl DateValue {
    /// The instants that match, in milliseconds, as up to two ranges [from, to): for values that are instants with a
    /// precision of a millisecond, as `_lastUpdated` is. `i64::MIN` and `i64::MAX` are open ends. `now_ms` is for `ap`,
    /// which allows a tenth of the distance from now.
    #[must_use]
    pub fn ranges(&self, now_ms: i64) -> Vec<(i64, i64)> {
        let up = |ticks: i64| ticks.div_euclid(MILLISECOND) + i64::from(ticks.rem_euclid(MILLISECOND) > 0);
        let (low, high) = (up(self.low), up(self.high));
        match self.prefix {
            Prefix::Approximately => {
                let (low, high) = self.around(now_ms);
                vec![(up(low), up(high))]
            }
            Prefix::Equal => vec![(low, high)],
            Prefix::NotEqual => vec![(i64::MIN, low), (high, i64::MAX)],
            Prefix::Greater | Prefix::StartsAfter => vec![(high, i64::MAX)],
            Prefix::GreaterOrEqual => vec![(low, i64::MAX)],
            Prefix::Less | Prefix::EndsBefore => vec![(i64::MIN, low)],
            Prefix::LessOrEqual => vec![(i64::MIN, high)],
        }
    }

    /// The range that `ap` allows, in ticks: a tenth of the distance from now to both sides.
    #[must_use]
    pub fn around(&self, now_ms: i64) -> (i64, i64) {
        let now = now_ms.saturating_mul(MILLISECOND);
        let slack = self.low.abs_diff(now).max(self.high.abs_diff(now)) / 10;
        (self.low.saturating_sub_unsigned(slack), self.high.saturating_add_unsigned(slack))
    }
}

impl Prefix {
    /// The prefix of a value, and the rest of it.
    pub(super) fn split(text: &str) -> (Self, &str) {
        let prefixed = Self::ALL.iter().find_map(|(code, prefix)| Some((*prefix, text.strip_prefix(code)?)));
        prefixed.unwrap_or((Self::Equal, text))
    }
}

/// Reads a date with its prefix.
pub(super) fn date(text: &str) -> Result<DateValue, &'static str> {
    const FAULT: &str = "is not a date; give [prefix]YYYY[-MM[-DD[Thh:mm[:ss[.fff]][Z|+hh:mm]]]] with a prefix of eq, \
                         ne, lt, le, gt, ge, sa, eb or ap";
    let (prefix, text) = Prefix::split(text);
    // A `+` that was not percent-encoded has become a space.
    let text = text.replace(' ', "+");
    let (low, high) = range(&text).ok_or(FAULT)?;
    Ok(DateValue { prefix, low, high, text: text.into() })
}

/// The instants of a date or time that a resource says, as [`range`] gives them; a fraction of three digits or more is a
/// measured instant, not a span of all instants that start so.
pub(in crate::search) fn stored_range(text: &str) -> Option<(i64, i64)> {
    let (low, high) = range(text)?;
    let fraction = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    Some((low, if fraction >= 3 { low + 1 } else { high }))
}

/// The instants of a date or time, possibly partial: from the first to just past the last, in ticks of 100 ns since 1970
/// (UTC). Without a zone the time is UTC. `None` where the text is neither.
fn range(text: &str) -> Option<(i64, i64)> {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4).filter(|year| *year > 0)?;
    let (month, number) = (parts.next(), parts.next());
    if parts.next().is_some() || (time.is_some() && number.is_none()) {
        return None;
    }
    let start = |year: i64, month: i64, day: i64| {
        let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(i64::from(days(date)) * DAY)
    };
    match (month.map(|text| digits(text, 2)), number.map(|text| digits(text, 2))) {
        (None, _) => Some((start(year, 1, 1)?, start(year, 12, 31)? + DAY)),
        (Some(month), None) => {
            let first = start(year, month?, 1)?;
            let last = Date::new(i16::try_from(year).ok()?, i8::try_from(month?).ok()?, 1).ok()?.days_in_month();
            Some((first, first + i64::from(last) * DAY))
        }
        (Some(month), Some(day)) => {
            let midnight = start(year, month?, day?)?;
            let Some(time) = time else { return Some((midnight, midnight + DAY)) };
            let (clock, offset) = zone(time)?;
            let (low, width) = of_day(clock)?;
            Some((midnight + low - offset, midnight + low - offset + width))
        }
    }
}

/// Days since 1970.
fn days(date: Date) -> i32 {
    let span = date.duration_since(Date::constant(1970, 1, 1));
    // 10,000 years are 3.7 million days.
    i32::try_from(span.as_hours() / 24).unwrap_or_default()
}

/// Splits a zone off a time; the offset is in ticks.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (hours, minutes) = time[at + 1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let offset = (hours <= 14 && minutes < 60).then_some((hours * 60 + minutes) * MINUTE)?;
    Some((&time[..at], if time.as_bytes()[at] == b'-' { -offset } else { offset }))
}

/// First tick within the day of `hh:mm[:ss[.fff]]`, and how many it stands for.
fn of_day(clock: &str) -> Option<(i64, i64)> {
    let mut parts = clock.split(':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, parts.next());
    if hour > 23 || minute > 59 || parts.next().is_some() {
        return None;
    }
    let start = (hour * 60 + minute) * MINUTE;
    let Some(second) = second else { return Some((start, MINUTE)) };
    let (whole, fraction) = second.split_once('.').map_or((second, None), |(whole, rest)| (whole, Some(rest)));
    // A leap second (60) is the first second of the next minute.
    let start = start + digits(whole, 2).filter(|second| *second <= 60)? * SECOND;
    let Some(fraction) = fraction else { return Some((start, SECOND)) };
    if fraction.is_empty() || fraction.len() > 12 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let ticks: i64 = format!("{fraction:0<7}")[..7].parse().ok()?;
    let width = u32::try_from(7_usize.saturating_sub(fraction.len())).ok()?;
    Some((start + ticks, 10_i64.pow(width)))
}

fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|digit| digit.is_ascii_digit())).then(|| text.parse().ok())?
}
