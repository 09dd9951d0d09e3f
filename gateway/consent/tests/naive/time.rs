//! FHIR's dates and times as the milliseconds they may mean.

use serde_json::Value;

/// The first and the last millisecond of a date, dateTime or instant; without a zone it is UTC (row C1).
pub(crate) fn span(text: &str) -> Option<(i64, i64)> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts =
        date.split('-').map(|part| part.parse::<i64>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit())));
    let year = parts.next()??;
    let month = parts.next();
    let day = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let (Some(month), Some(day)) = (month, day) else {
        if time.is_some() {
            return None;
        }
        return Some(match month {
            None => (midnight(year, 1, 1), midnight(year + 1, 1, 1) - 1),
            Some(month) => {
                let month = month.filter(|month| (1..=12).contains(month))?;
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (midnight(year, month, 1), midnight(next.0, next.1, 1) - 1)
            }
        });
    };
    let start = midnight(year, month.filter(|m| (1..=12).contains(m))?, day.filter(|d| (1..=31).contains(d))?);
    let Some(time) = time else { return Some((start, start + 86_400_000 - 1)) };
    let (clock, offset) = zone(time)?;
    let (whole, fraction) = clock.split_once('.').map_or((clock, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut numbers = whole.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let at = start + ((hours * 60 + minutes) * 60 + seconds) * 1000 - offset;
    match fraction {
        None => Some((at, at + 999)),
        Some(fraction) => {
            let millis = format!("{fraction:0<3}")[..3].parse::<i64>().ok()?;
            let width = [100, 10, 1][fraction.len().clamp(1, 3) - 1];
            Some((at + millis, at + millis + width - 1))
        }
    }
}

fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (hours, minutes) = time[at + 1..].split_once(':')?;
    let offset = (hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?) * 60_000;
    Some((&time[..at], if time.as_bytes()[at] == b'-' { -offset } else { offset }))
}

/// Milliseconds since 1970 of a day's beginning, counted year by year.
fn midnight(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let years: i64 = if year >= 1970 {
        (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum()
    } else {
        -(year..1970).map(|year| if leap(year) { 366 } else { 365 }).sum::<i64>()
    };
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).expect("a month")).sum();
    (years + months + day - 1) * 86_400_000
}

/// A Period as the span it may mean.
pub(crate) enum Span {
    /// It cannot be read, or ends before it starts.
    Doubtful,
    /// From the first to the last millisecond.
    Whole(i64, i64),
}

pub(crate) fn period(period: &Value) -> Span {
    let side = |name: &str, open: i64, pick: fn((i64, i64)) -> i64| match period.get(name) {
        None => Some(open),
        Some(text) => text.as_str().and_then(span).map(pick),
    };
    match (side("start", i64::MIN, |span| span.0), side("end", i64::MAX, |span| span.1)) {
        (Some(start), Some(end)) if start <= end => Span::Whole(start, end),
        _ => Span::Doubtful,
    }
}

#[test]
fn spans() {
    let at = |text| span(text).expect("a time");
    assert_eq!(at("1970"), (0, 365 * 86_400_000 - 1));
    assert_eq!(at("1970-01-02"), (86_400_000, 2 * 86_400_000 - 1));
    assert_eq!(at("2022-12").1 + 1, at("2023").0);
    assert_eq!(at("1969-12-31").1, -1);
    assert_eq!(at("2016-06-23T17:02:33+10:00"), (1_466_665_353_000, 1_466_665_353_999));
    assert_eq!(at("2020-02-29T00:00:00.5Z").1 - at("2020-02-29T00:00:00Z").0, 599);
    assert!(span("2022-13").is_none() && span("soon").is_none() && span("").is_none());
}
