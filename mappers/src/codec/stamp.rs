//! Dates, times and instants: R4 spellings (<https://hl7.org/fhir/R4/datatypes.html#dateTime>) and what databases
//! and other programs write.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::schema::ColumnKind;

/// A date, perhaps partial, perhaps with a time, perhaps with an offset.
struct Stamp<'a> {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    time: Option<Clock<'a>>,
    offset: Option<i32>,
}

struct Clock<'a> {
    hour: i8,
    minute: i8,
    second: i8,
    fraction: &'a str,
}

/// A `date` from a column's text.
pub(super) fn date<'a>(kind: ColumnKind, cell: &'a str, zone: &TimeZone) -> Option<Cow<'a, str>> {
    let text = cell.trim();
    let stamp = parse(text)?;
    if stamp.time.is_none() {
        return Some(Cow::Borrowed(text));
    }
    let local = match (stamp.offset, kind) {
        (Some(offset), _) => zone.to_datetime(stamp.instant(offset)?),
        (None, _) => stamp.civil()?,
    };
    Some(Cow::Owned(day_text(&local)))
}

/// The cell for a `date`.
pub(super) fn date_cell(kind: ColumnKind, value: &str, zone: &TimeZone) -> Option<String> {
    let stamp = parse_date(value)?;
    match kind {
        ColumnKind::Text | ColumnKind::Other => Some(value.to_owned()),
        ColumnKind::Date => Some(day_text(&stamp.civil()?)),
        ColumnKind::Timestamp => Some(format!("{}T00:00:00", day_text(&stamp.civil()?))),
        ColumnKind::TimestampTz => utc_text(zone.to_timestamp(stamp.civil()?).ok()?, ""),
        ColumnKind::Integer => Some(value[..4].to_owned()),
        _ => None,
    }
}

/// A `dateTime` from a column's text. `civil`: the zone of columns that name none; else such columns are in UTC.
pub(super) fn date_time<'a>(
    kind: ColumnKind,
    cell: &'a str,
    civil: Option<&TimeZone>,
    zone: &TimeZone,
) -> Option<Cow<'a, str>> {
    let text = cell.trim();
    let stamp = parse(text)?;
    let Some(clock) = &stamp.time else { return Some(Cow::Borrowed(text)) };
    if kind == ColumnKind::Date {
        return Some(Cow::Owned(text[..10].to_owned()));
    }
    match stamp.offset {
        Some(offset) if kind == ColumnKind::TimestampTz => zoned_text(stamp.instant(offset)?, clock.fraction, zone),
        Some(_) if is_r4(text) => Some(Cow::Borrowed(text)),
        Some(offset) => zoned_text(stamp.instant(offset)?, clock.fraction, &fixed(offset)?),
        None => {
            let zone = civil.unwrap_or(const { &TimeZone::UTC });
            zoned_text(zone.to_timestamp(stamp.civil()?).ok()?, clock.fraction, zone)
        }
    }
    .map(|text| Cow::Owned(text.into_owned()))
}

/// An `instant` from a column's text: like [`date_time`], and a day alone is its first moment.
pub(super) fn instant<'a>(
    kind: ColumnKind,
    cell: &'a str,
    civil: Option<&TimeZone>,
    zone: &TimeZone,
) -> Option<Cow<'a, str>> {
    let stamp = parse(cell.trim())?;
    if stamp.time.is_some() && kind != ColumnKind::Date {
        return date_time(kind, cell, civil, zone);
    }
    stamp.day?;
    let zone = civil.unwrap_or(const { &TimeZone::UTC });
    zoned_text(zone.to_timestamp(stamp.civil()?.date().to_datetime(jiff::civil::Time::midnight())).ok()?, "", zone)
}

/// The cell for a `dateTime` or `instant`.
pub(super) fn stamp_cell(kind: ColumnKind, value: &str, civil: Option<&TimeZone>, zone: &TimeZone) -> Option<String> {
    let stamp = parse(value)?;
    let text = matches!(kind, ColumnKind::Text | ColumnKind::Other);
    let Some(clock) = &stamp.time else {
        // Only a day: a text column keeps it as it is, a stamp column gets its first moment.
        return if text { Some(value.to_owned()) } else { date_cell(kind, value, civil.unwrap_or(zone)) };
    };
    let offset = stamp.offset?;
    let fraction = short_fraction(clock.fraction);
    match kind {
        ColumnKind::TimestampTz => utc_text(stamp.instant(offset)?, fraction),
        ColumnKind::Timestamp => {
            let zone = civil.unwrap_or(const { &TimeZone::UTC });
            Some(civil_text(&zone.to_datetime(stamp.instant(offset)?), fraction))
        }
        ColumnKind::Date => {
            let local = civil.map_or_else(|| stamp.civil(), |zone| Some(zone.to_datetime(stamp.instant(offset)?)));
            Some(day_text(&local?))
        }
        _ if text && civil.is_some() => Some(civil_text(&civil?.to_datetime(stamp.instant(offset)?), clock.fraction)),
        _ if text => Some(value.to_owned()),
        _ => None,
    }
}

/// Whether a wall clock's text is a time that the zone's clocks showed twice or never.
pub(super) fn is_doubtful(cell: &str, zone: &TimeZone) -> bool {
    let Some(stamp) = parse(cell.trim()).filter(|stamp| stamp.time.is_some() && stamp.offset.is_none()) else {
        return false;
    };
    stamp.civil().is_some_and(|local| zone.to_ambiguous_timestamp(local).is_ambiguous())
}

/// A `time` from a column's text: seconds are added where they are missing, a date before it is dropped.
pub(super) fn time(cell: &str) -> Option<Cow<'_, str>> {
    let text = cell.trim();
    let text = match text.find(['T', ' ']) {
        Some(at) => &text[at + 1..],
        None => text,
    };
    let clock = parse_clock(text)?;
    let full = text.len() >= 8;
    Some(if full { Cow::Borrowed(text) } else { Cow::Owned(format!("{:02}:{:02}:00", clock.hour, clock.minute)) })
}

/// The cell for a `time`.
pub(super) fn time_cell(kind: ColumnKind, value: &str) -> Option<String> {
    let clock = parse_clock(value).filter(|_| value.len() >= 8)?;
    match kind {
        ColumnKind::Text | ColumnKind::Other => Some(value.to_owned()),
        ColumnKind::Time => {
            let mut out = format!("{:02}:{:02}:{:02}", clock.hour, clock.minute, clock.second);
            push_fraction(&mut out, short_fraction(clock.fraction));
            Some(out)
        }
        _ => None,
    }
}

impl Stamp<'_> {
    fn civil(&self) -> Option<DateTime> {
        let (hour, minute, second) = self.time.as_ref().map_or((0, 0, 0), |time| (time.hour, time.minute, time.second));
        DateTime::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1), hour, minute, second, 0).ok()
    }

    fn instant(&self, offset: i32) -> Option<Timestamp> {
        Offset::from_seconds(offset).ok()?.to_timestamp(self.civil()?).ok()
    }
}

fn parse_date(text: &str) -> Option<Stamp<'_>> {
    parse(text).filter(|stamp| stamp.time.is_none())
}

/// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, and after a day `T` or a space, a clock, and perhaps an offset.
fn parse(text: &str) -> Option<Stamp<'_>> {
    let year = digits(text.get(..4)?)?;
    let mut stamp = Stamp { year, month: None, day: None, time: None, offset: None };
    if year == 0 {
        return None;
    }
    if text.len() > 4 {
        stamp.month = Some(digits(text.get(4..7)?.strip_prefix('-')?)? as i8).filter(|month| (1..=12).contains(month));
        stamp.month?;
    }
    if text.len() > 7 {
        stamp.day = Some(digits(text.get(7..10)?.strip_prefix('-')?)? as i8);
        DateTime::new(year, stamp.month?, stamp.day?, 0, 0, 0, 0).ok()?;
    }
    if text.len() > 10 {
        let rest = text.get(10..)?.strip_prefix(['T', 't', ' '])?;
        let end = rest
            .find(|letter: char| !(letter.is_ascii_digit() || letter == ':' || letter == '.'))
            .unwrap_or(rest.len());
        stamp.time = Some(parse_clock(&rest[..end])?);
        stamp.offset = parse_offset(rest[end..].trim_start())?;
    }
    Some(stamp)
}

/// `HH:MM`, `HH:MM:SS`, `HH:MM:SS.f`
fn parse_clock(text: &str) -> Option<Clock<'_>> {
    let two = |from: usize, most: i16| {
        digits(text.get(from..from + 2)?).filter(|value| *value <= most).map(|value| value as i8)
    };
    let colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    let (hour, minute) = (two(0, 23)?, colon(2).then(|| two(3, 59))??);
    if text.len() == 5 {
        return Some(Clock { hour, minute, second: 0, fraction: "" });
    }
    let second = colon(5).then(|| two(6, 59))??;
    let fraction =
        if text.len() == 8 { "" } else { text.get(8..)?.strip_prefix('.').filter(|rest| !rest.is_empty())? };
    let sound = fraction.len() <= 18 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    sound.then_some(Clock { hour, minute, second, fraction })
}

/// Nothing, `Z`, or `+HH`, `+HHMM`, `+HH:MM` in seconds.
#[allow(clippy::option_option)]
fn parse_offset(text: &str) -> Option<Option<i32>> {
    if text.is_empty() {
        return Some(None);
    }
    if matches!(text, "Z" | "z" | "UTC") {
        return Some(Some(0));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = text.strip_prefix(['+', '-'])?;
    let hours = i32::from(digits(rest.get(..2)?)?);
    let minutes = match rest.get(2..)? {
        "" => 0,
        rest => i32::from(digits(rest.strip_prefix(':').unwrap_or(rest).get(..2).filter(|_| rest.len() <= 3)?)?),
    };
    (hours <= 18 && minutes < 60).then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

fn digits(text: &str) -> Option<i16> {
    let sound = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.bytes().fold(0, |value, byte| value * 10 + i16::from(byte - b'0')))
}

/// Whether a text with time and offset is spelled as R4 wants it: `YYYY-MM-DDTHH:MM:SS[.f](Z|+HH:MM)`.
fn is_r4(text: &str) -> bool {
    let bytes = text.as_bytes();
    let end = if bytes.ends_with(b"Z") { 1 } else { 6 };
    let offset = end == 1
        || (bytes.len() > 19 + 5
            && matches!(bytes[bytes.len() - 6], b'+' | b'-')
            && bytes[bytes.len() - 3] == b':'
            && &bytes[bytes.len() - 5..bytes.len() - 3] <= b"14".as_slice());
    let clock_end = bytes.len().saturating_sub(end);
    let clock = clock_end == 19 || (clock_end > 20 && bytes[19] == b'.');
    offset && clock && bytes[10] == b'T' && bytes[16] == b':' && bytes[11..clock_end].iter().all(|byte| *byte != b' ')
}

fn fixed(offset: i32) -> Option<TimeZone> {
    Offset::from_seconds(offset).ok().map(Offset::to_time_zone)
}

/// Databases keep six digits and trim zeros; more is cut.
fn short_fraction(fraction: &str) -> &str {
    fraction.get(..6).unwrap_or(fraction).trim_end_matches('0')
}

fn zoned_text(instant: Timestamp, fraction: &str, zone: &TimeZone) -> Option<Cow<'static, str>> {
    let offset = zone.to_offset(instant).seconds();
    // Local mean times have offsets with seconds, which R4 cannot spell: the same instant in UTC.
    let offset = if offset % 60 == 0 && offset.abs() <= 14 * 3600 { offset } else { 0 };
    let local = Offset::from_seconds(offset).ok()?.to_datetime(instant);
    if local.year() < 1 {
        return None;
    }
    let mut out = civil_text(&local, fraction);
    if offset == 0 {
        out.push('Z');
    } else {
        let (sign, offset) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        let _ = write!(out, "{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60);
    }
    Some(Cow::Owned(out))
}

fn utc_text(instant: Timestamp, fraction: &str) -> Option<String> {
    let utc = Offset::UTC.to_datetime(instant);
    (utc.year() >= 1).then(|| civil_text(&utc, fraction) + "Z")
}

fn civil_text(local: &DateTime, fraction: &str) -> String {
    let mut out = day_text(local);
    let _ = write!(out, "T{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second());
    push_fraction(&mut out, fraction);
    out
}

fn push_fraction(out: &mut String, fraction: &str) {
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
}

fn day_text(local: &DateTime) -> String {
    format!("{:04}-{:02}-{:02}", local.year(), local.month(), local.day())
}
