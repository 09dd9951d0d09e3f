//! <https://hl7.org/fhir/R4/http.html#history>: of a resource, a type, or everything; newest first.

use crate::clock::Clock;
use crate::http::{precondition, preference, query};
use crate::interaction::cursor::Query;
use crate::interaction::read::unknown;
use crate::interaction::search::resource;
use crate::interaction::search::{address, full_url};
use crate::interaction::searchset::{Head, Page};
use crate::interaction::{Answer, Exchange, Request, Touched, trail};
use crate::outcome::{Code, Failure};
use crate::store::{Found, History, HistoryKey, HistoryPage, Method, Version};

/// Versions per page where the client does not say.
const COUNT: usize = 50;

/// The largest page.
const MOST: usize = 1000;

/// The parameter that names a page.
const CURSOR: &str = "_cursor";

/// Parameters that say how the answer looks, not what is in it: a cursor is not bound to them.
const PRESENTATION: [&str; 4] = [CURSOR, "_count", "_format", "_pretty"];

/// Reads `updated version Type/id`.
fn place(text: &str) -> Option<HistoryKey> {
    let mut parts = text.splitn(3, ' ');
    let updated_ms = parts.next()?.parse().ok()?;
    let version = parts.next()?.parse().ok()?;
    Some(HistoryKey { updated_ms, version, resource: resource(parts.next()?)? })
}

/// A page of versions.
pub(super) async fn history(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let asked = Asked::read(request)?;
    let path = path(request);
    let chosen = query::without(&asked.used, |name| PRESENTATION.contains(&name));
    let (organization, purpose) = (exchange.permit.organization().0, exchange.permit.purpose());
    let bound = Query { organization, path: &path, parameters: &chosen, purpose };
    let after = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(exchange.endpoint.cursors.open_sealed(&bound, text, place)?),
    };
    let wanted = History {
        kind: request.kind.map(Into::into),
        id: request.id.clone(),
        since_ms: asked.since_ms,
        current_ms: asked.current_ms,
        count: asked.count,
        after,
    };
    if let Some((kind, id)) = request.kind.zip(request.id.as_deref())
        && let Some(record) = trail::record(exchange, kind, id).await?
    {
        let since = asked.since_ms.is_none_or(|since| record.updated_ms >= since);
        let current = asked.current_ms.is_none_or(|(_, until)| record.updated_ms < until);
        let versions = if since && current { vec![record] } else { Vec::new() };
        return Ok(answer(exchange, &path, &asked.used, None, HistoryPage { versions, next: None }));
    }
    let store = &exchange.endpoint.gateway.store;
    let page = store.history(&exchange.permit, &wanted).await?;
    if let (true, Some(kind), Some(id)) = (page.versions.is_empty(), request.kind, request.id.as_deref())
        && matches!(store.read(&exchange.permit, kind, id).await?, Found::Unknown)
    {
        return Err(unknown());
    }
    let next = page.next.as_ref().map(|HistoryKey { updated_ms, resource, version }| {
        let place = format!("{updated_ms} {version} {}/{}", resource.kind, resource.id);
        exchange.endpoint.cursors.seal(&bound, &place)
    });
    Ok(answer(exchange, &path, &asked.used, next.as_deref(), page))
}

/// What the query says.
struct Asked {
    count: usize,
    current_ms: Option<(i64, i64)>,
    cursor: Option<String>,
    since_ms: Option<i64>,
    used: String,
}

impl Asked {
    fn read(request: &Request) -> Result<Self, Failure> {
        let mut asked = Self { count: COUNT, current_ms: None, cursor: None, since_ms: None, used: String::new() };
        let mut ignored = Vec::new();
        for (name, value) in query::pairs(&request.query) {
            match &*name {
                "_at" => asked.current_ms = Some(at(&value)?),
                "_count" => asked.count = count(&value)?,
                "_since" => asked.since_ms = Some(since(&value)?),
                CURSOR => asked.cursor = Some(value.into_owned()),
                "_format" | "_pretty" => {}
                _ if request.preference.handling == Some(preference::Handling::Lenient) => ignored.push(name),
                _ => return Err(not_understood(&name)),
            }
        }
        asked.used = query::without(&request.query, |name| ignored.iter().any(|ignored| ignored == name));
        Ok(asked)
    }
}

fn count(value: &str) -> Result<usize, Failure> {
    match value.parse::<usize>() {
        Ok(count) => Ok(count.clamp(1, MOST)),
        Err(_) => Err(Failure::bad_request(Code::Value, "_count is a number of versions.").at("http._count")),
    }
}

fn since(value: &str) -> Result<i64, Failure> {
    // A `+` of the zone that was not escaped arrives as a space.
    Clock::parse(&value.replace(' ', "+")).ok_or_else(|| {
        Failure::bad_request(Code::Value, "_since is an instant with its zone: 2026-11-21T08:00:00Z.").at("http._since")
    })
}

/// The first instant of a period and the first after it (ms).
fn at(value: &str) -> Result<(i64, i64), Failure> {
    period(&value.replace(' ', "+")).ok_or_else(|| {
        Failure::bad_request(
            Code::Value,
            "_at is a year, a month, a day (in UTC), or an instant with its zone: 2026-11-21T08:00:00Z.",
        )
        .at("http._at")
    })
}

fn period(value: &str) -> Option<(i64, i64)> {
    const SECOND: i64 = 1000;
    if let Some((_, time)) = value.split_once('T') {
        let zone = time.find(['Z', '+', '-'])?;
        let length = match (zone, time[..zone].contains('.')) {
            (5, false) => 60 * SECOND,
            (8, false) => SECOND,
            (9.., true) => 1,
            _ => return None,
        };
        let whole =
            if zone == 5 { value.replacen(&time[..5], &format!("{}:00", &time[..5]), 1) } else { value.to_owned() };
        let start = Clock::parse(&whole)?;
        return Some((start, start + length));
    }
    let digits = |part: &str, width: usize| {
        (part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<i64>().ok())?
    };
    let midnight = |year: i64, month: i64, day: i64| Clock::parse(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    let parts: Vec<&str> = value.split('-').collect();
    let year = digits(parts.first()?, 4)?;
    match parts[1..] {
        [] => Some((midnight(year, 1, 1)?, midnight(year + 1, 1, 1)?)),
        [month] => {
            let month = digits(month, 2)?;
            let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            Some((midnight(year, month, 1)?, midnight(next_year, next, 1)?))
        }
        [month, day] => {
            let start = midnight(year, digits(month, 2)?, digits(day, 2)?)?;
            Some((start, start + 24 * 60 * 60 * SECOND))
        }
        _ => None,
    }
}

fn not_understood(name: &str) -> Failure {
    Failure::bad_request(
        Code::NotSupported,
        "History takes _at, _count, _since and the links of its pages. Leave this parameter out, or send Prefer: \
         handling=lenient to have it ignored.",
    )
    .at(&format!("http.{name}"))
}

fn path(request: &Request) -> String {
    match (request.kind, request.id.as_deref()) {
        (Some(kind), Some(id)) => format!("{kind}/{id}/_history"),
        (Some(kind), None) => format!("{kind}/_history"),
        (None, _) => "_history".to_owned(),
    }
}

fn answer(exchange: &Exchange<'_>, path: &str, used: &str, next: Option<&str>, page: HistoryPage) -> Answer {
    let base = &*exchange.endpoint.base;
    let here = address(base, path, used);
    let next = next.map(|cursor| {
        let rest = query::without(used, |name| name == CURSOR);
        let ampersand = if rest.is_empty() { "" } else { "&" };
        address(base, path, &format!("{rest}{ampersand}{CURSOR}={cursor}"))
    });
    let size = page.versions.iter().map(|version| version.body.len() + 2 * base.len() + 300).sum();
    let mut bundle = Page::new(&Head { kind: "history", total: None, here: &here, next: next.as_deref() }, size);
    for version in &page.versions {
        bundle.entry(|out| entry(out, base, version));
    }
    Answer::document(bundle.finish(), page.versions.iter().map(Touched::of).collect())
}

fn entry(out: &mut Vec<u8>, base: &str, version: &Version) {
    full_url(out, base, version);
    if version.method != Method::Delete {
        out.extend_from_slice(br#","resource":"#);
        out.extend_from_slice(&version.body);
    }
    let (url, status) = match version.method {
        Method::Post => (version.kind.to_string(), "201 Created"),
        Method::Put if version.version == 1 => (format!("{}/{}", version.kind, version.id), "201 Created"),
        Method::Put => (format!("{}/{}", version.kind, version.id), "200 OK"),
        Method::Delete => (format!("{}/{}", version.kind, version.id), "204 No Content"),
    };
    // Types, ids, verbs, numbers and instants hold nothing that JSON escapes.
    let text = format!(
        r#","request":{{"method":"{}","url":"{url}"}},"response":{{"status":"{status}","etag":"{}","lastModified":"{}"}}"#,
        version.method.as_str(),
        precondition::tag(version.version).replace('"', "\\\""),
        Clock::format(version.updated_ms)
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_as_long_as_it_is_written() {
        const DAY: i64 = 86_400_000;
        let length = |text: &str| period(text).map(|(from, until)| until - from);
        assert_eq!(period("1970"), Some((0, 365 * DAY)));
        assert_eq!(length("2024-02"), Some(29 * DAY));
        assert_eq!(length("2024-12"), Some(31 * DAY));
        assert_eq!(period("1970-01-02"), Some((DAY, 2 * DAY)));
        assert_eq!(period("1970-01-01T01:00+01:00"), Some((0, 60_000)));
        assert_eq!(period("1970-01-01T00:00:00Z"), Some((0, 1000)));
        assert_eq!(period("1970-01-01T00:00:00.005Z"), Some((5, 6)));
        for bad in ["", "70", "1970-13", "1970-02-30", "1970-01-01T00:00:00", "1970-01-01T00Z", "yesterday", "1970-1"] {
            assert_eq!(period(bad), None, "{bad}");
        }
    }
}
