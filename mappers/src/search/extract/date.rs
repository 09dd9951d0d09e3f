//! Ranges of time: <https://hl7.org/fhir/R4/search.html#date>.

use crate::json::{Element, Kind};
use crate::search::parameters::ElementType;
use crate::search::query::stored_range;

/// All instants of a date, time, period or timing; `None` where it says none.
pub(in crate::search) fn range(kind: ElementType, element: Element<'_>) -> Option<(i64, i64)> {
    match kind {
        ElementType::Period => period(element),
        ElementType::Timing => timing(element),
        _ => stored_range(&element.string()?),
    }
}

fn period(period: Element<'_>) -> Option<(i64, i64)> {
    let end = |name: &str| period.member(name).and_then(|time| time.string());
    let (start, end) = (end("start"), end("end"));
    if start.is_none() && end.is_none() {
        return None;
    }
    let low = start.map_or(Some(i64::MIN), |start| Some(stored_range(&start)?.0));
    let high = end.map_or(Some(i64::MAX), |end| Some(stored_range(&end)?.1));
    low.zip(high)
}

/// From the first to the last event, and the bounds of what repeats.
fn timing(timing: Element<'_>) -> Option<(i64, i64)> {
    let events = timing.member("event").filter(|events| events.kind() == Kind::Array);
    let events = events.into_iter().flat_map(|events| events.children());
    let events = events.filter_map(|event| stored_range(&event.string()?));
    let bounds = timing.member("repeat").and_then(|repeat| repeat.member("boundsPeriod")).and_then(period);
    events.chain(bounds).reduce(|(low, high), (from, to)| (low.min(from), high.max(to)))
}
