//! <https://hl7.org/fhir/R4/http.html#search>, with the parameters in the address or in a form.

use bytes::Bytes;
use mappers::json::write_string;
use mappers::search::{Context, Handling, Ignored, Results, TotalMode};

use crate::http::{negotiation, preference};
use crate::interaction::cursor::Query;
use crate::interaction::searchset::{Head, Page};
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::outcome::{self, Code, Failure, Issue, Severity};
use crate::router::Interaction;
use crate::store::{ResourceKey, SearchPage, SearchRequest, Version};

/// Matches per page where the client does not say.
const COUNT: u32 = 50;

/// A page of matches.
pub(super) async fn search(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let endpoint = exchange.endpoint;
    let context = Context { handling: handling(request), base: &endpoint.base };
    let (search, mut results, ignored) = mappers::search::parse(request.kind, &parameters(request)?, context)?;
    check_format(&results)?;
    let path = request.kind.unwrap_or_default();
    // A cursor belongs to what is searched for, not to how the page looks.
    let chosen = mappers::search::canonical(&search, &Results::default());
    let bound = Query { organization: exchange.permit.organization().0, path, parameters: &chosen };
    let after = match results.cursor.as_deref() {
        Some(text) => Some(endpoint.cursors.open_sealed(&bound, text, resource)?),
        None => None,
    };
    let only_count = results.is_count_only();
    let here = address(&endpoint.base, path, &mappers::search::canonical(&search, &results));
    let wanted = SearchRequest {
        count: if only_count { 0 } else { results.count.unwrap_or(COUNT) as usize },
        after,
        total: only_count || matches!(results.total, Some(TotalMode::Accurate | TotalMode::Estimate)),
        search,
    };
    let page = endpoint.gateway.store.search(&exchange.permit, &wanted).await?;
    let next = page.next.as_ref().map(|last| {
        let place = format!("{}/{}", last.kind, last.id);
        results.cursor = Some(endpoint.cursors.seal(&bound, &place).into());
        address(&endpoint.base, path, &mappers::search::canonical(&wanted.search, &results))
    });
    Ok(answer(&endpoint.base, &here, next.as_deref(), &page, &ignored))
}

/// Reads `Type/id`.
pub(super) fn resource(place: &str) -> Option<ResourceKey> {
    let (kind, id) = place.split_once('/')?;
    Some(ResourceKey { kind: kind.into(), id: id.into() })
}

/// The format of a form; that of an address was looked at before.
fn check_format(results: &Results) -> Result<(), Failure> {
    results.format.as_deref().map_or(Ok(()), negotiation::check_format)
}

/// The parameters as one query; those of a form stand beside those of its address.
fn parameters(request: &Request) -> Result<String, Failure> {
    if request.interaction == Interaction::Search {
        return Ok(request.query.to_string());
    }
    let form = std::str::from_utf8(&request.body)
        .map_err(|_| Failure::bad_request(Code::Structure, "The form is not UTF-8."))?
        .trim();
    Ok(match (request.query.is_empty(), form.is_empty()) {
        (false, false) => format!("{}&{form}", request.query),
        (false, true) => request.query.to_string(),
        (true, _) => form.to_owned(),
    })
}

/// What is not understood is refused, unless the client wants it otherwise: a filter that is left out shows more than
/// was asked for.
pub(super) fn handling(request: &Request) -> Handling {
    match request.preference.handling {
        Some(preference::Handling::Lenient) => Handling::Lenient,
        Some(preference::Handling::Strict) | None => Handling::Strict,
    }
}

fn answer(base: &str, here: &str, next: Option<&str>, page: &SearchPage, ignored: &[Ignored]) -> Answer {
    let size = page.matches.iter().map(|version| version.body.len() + base.len() + 160).sum();
    let mut bundle = Page::new(&Head { kind: "searchset", total: page.total, here, next }, size);
    for version in &page.matches {
        bundle.entry(|out| matched(out, base, version));
    }
    if !ignored.is_empty() {
        let said = warnings(ignored);
        bundle.entry(|out| {
            out.extend_from_slice(br#""resource":"#);
            out.extend_from_slice(&said);
            out.extend_from_slice(br#","search":{"mode":"outcome"}"#);
        });
    }
    Answer::document(bundle.finish(), page.matches.iter().map(Touched::of).collect())
}

/// `base/path?query`
pub(super) fn address(base: &str, path: &str, query: &str) -> String {
    let slash = if path.is_empty() { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{slash}{path}{mark}{query}")
}

/// `"fullUrl":...`
pub(super) fn full_url(out: &mut Vec<u8>, base: &str, version: &Version) {
    out.extend_from_slice(br#""fullUrl":"#);
    write_string(out, &format!("{base}/{}/{}", version.kind, version.id));
}

fn matched(out: &mut Vec<u8>, base: &str, version: &Version) {
    full_url(out, base, version);
    out.extend_from_slice(br#","resource":"#);
    out.extend_from_slice(&version.body);
    out.extend_from_slice(br#","search":{"mode":"match"}"#);
}

fn warnings(ignored: &[Ignored]) -> Bytes {
    let issues = ignored.iter().map(|ignored| Issue {
        expression: vec![format!("http.{}", ignored.parameter)],
        ..Issue::new(Severity::Warning, Code::NotSupported, ignored.details.clone())
    });
    outcome::outcome(&issues.collect::<Vec<_>>())
}
