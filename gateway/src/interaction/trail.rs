//! The audit trail as AuditEvent resources that are nowhere stored: read by id, searched with `_source=urn:fhir-gateway:audit`.
//!
//! Without that filter nothing of the trail is found: a search shows what clients have written. Whoever may not read the
//! trail is answered as if it had no records. Reading it is an exchange as any other, and so on record itself.

mod query;

use bytes::Bytes;
use mappers::search::query::{IndexTest, UriMatch, Values};
use mappers::search::{Ignored, Results, Search, Test, TotalMode, index_path};

use crate::audit::claim::{self, KIND};
use crate::audit::reading::{Condition, Entry, Found, Key, Sight, Wish};
use crate::audit::resource::SOURCE;
use crate::interaction::cursor::Query;
use crate::interaction::search::{COUNT, framed, link};
use crate::interaction::{Answer, Exchange, Request};
use crate::outcome::Failure;
use crate::store::{Basis, ChangeRefusal, Method, SearchPage, Version};

/// The version that all records are of: they never change.
const VERSION: i64 = 1;

/// The record that an id names, where it is one of the trail's and the caller may read it.
///
/// # Errors
/// 503: the trail cannot be read.
pub(crate) async fn record(exchange: &Exchange<'_>, kind: &str, id: &str) -> Result<Option<Version>, Failure> {
    let (Some((chain, place)), Some(sight)) = (claim::place(id).filter(|_| kind == KIND), Sight::of(exchange.caller))
    else {
        return Ok(None);
    };
    let condition = Condition::Entry(chain, place);
    let wish = Wish { condition, ascending: false, after: None, count: 1, total: false };
    let found = exchange.endpoint.gateway.audit.find(&exchange.permit, &sight, &wish).await?;
    Ok(found.entries.first().map(|entry| version(entry, &exchange.endpoint.base)))
}

/// Refuses what would change a record of the trail, whether there is such a record or not.
///
/// # Errors
/// 405.
pub(crate) fn refuse_change(request: &Request) -> Result<(), Failure> {
    match (request.kind, request.id.as_deref()) {
        (Some(KIND), Some(id)) if claim::place(id).is_some() => Err(ChangeRefusal::TrailRecord.into()),
        _ => Ok(()),
    }
}

/// Whether a search is of the trail.
pub(super) fn is_asked(request: &Request, search: &Search) -> bool {
    request.kind == Some(KIND) && search.tests.iter().any(is_filter)
}

/// The one filter that opens the trail.
fn is_filter(test: &Test) -> bool {
    let Test::Index(IndexTest { paths, values: Values::Uris(values) }) = test else { return false };
    let [value] = &values[..] else { return false };
    paths[..] == [source_path()] && value.how == UriMatch::Exact && &*value.text == SOURCE
}

fn source_path() -> i32 {
    index_path(mappers::search::parameters::COMMON, "meta.source")
}

/// A search of the trail.
pub(super) struct Asked {
    /// The path under the base.
    pub(super) path: String,
    /// The parameters that choose the matches, encoded.
    pub(super) chosen: String,
    /// What they mean.
    pub(super) search: Search,
    /// How the page should look.
    pub(super) results: Results,
    /// What was left out.
    pub(super) ignored: Vec<Ignored>,
}

/// A page of records.
///
/// # Errors
/// 400: the trail is not searched so. 503: it cannot be read.
pub(super) async fn search(exchange: &Exchange<'_>, asked: Asked) -> Result<Answer, Failure> {
    let (endpoint, permit) = (exchange.endpoint, &exchange.permit);
    let Asked { path, chosen, search, results, ignored } = asked;
    let ascending = query::order(&search)?;
    let condition = query::condition(&search, endpoint.gateway.clock.now_ms())?;
    let (organization, purpose) = (permit.organization().0, permit.purpose());
    let bound = Query { organization, path: &path, parameters: &chosen, purpose };
    let after = match results.cursor.as_deref() {
        Some(text) => Some(endpoint.cursors.open_sealed(&bound, text, Key::read)?),
        None => None,
    };
    let only_count = results.is_count_only();
    let wish = Wish {
        condition,
        ascending,
        after,
        count: if only_count { 0 } else { results.count.unwrap_or(COUNT) as usize },
        total: only_count || matches!(results.total, Some(TotalMode::Accurate | TotalMode::Estimate)),
    };
    let found = match Sight::of(exchange.caller) {
        Some(sight) => endpoint.gateway.audit.find(permit, &sight, &wish).await?,
        None => Found { total: wish.total.then_some(0), ..Found::default() },
    };
    let here = link(&endpoint.base, &path, &chosen, &results);
    let next = found.entries.last().filter(|_| found.more).map(|last| {
        let sealed = endpoint.cursors.seal(&bound, &last.key.write());
        link(&endpoint.base, &path, &chosen, &Results { cursor: Some(sealed.into()), ..results.clone() })
    });
    let matches = found.entries.iter().map(|entry| version(entry, &endpoint.base)).collect();
    let page = SearchPage { matches, total: found.total, ..SearchPage::default() };
    let answer = framed(exchange, (&here, next.as_deref()), &results, &ignored, &page);
    // One record of the search: one for each record that it showed would drown what they are about.
    Ok(Answer { touched: Vec::new(), ..answer })
}

fn version(entry: &Entry, base: &str) -> Version {
    let body: Bytes = entry.resource(base);
    Version {
        kind: KIND.into(),
        id: entry.name().into(),
        version: VERSION,
        updated_ms: entry.key.at,
        method: Method::Post,
        body,
        basis: Basis::default(),
    }
}
