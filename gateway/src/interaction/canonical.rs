//! Resources by their canonical address: <https://hl7.org/fhir/R4/references.html#canonical>.

use consent::Permit;
use mappers::json::Document;
use mappers::search::query::{escaped, push};
use mappers::search::{Context, Handling};
use terminology::model::parts;

use crate::interaction::{Endpoint, Exchange};
use crate::outcome::Failure;
use crate::store::{SearchRequest, Version};

/// Addresses that one search asks for.
const TOGETHER: usize = 10;
/// The longest address that is asked for, in bytes: escaped and together they fit a query.
const LONGEST: usize = 250;
/// Resources that one search may give: an address may have many versions.
const FOUND: usize = 200;

/// The resource with a canonical address, as the caller may see it; the one of the version where the address names one.
pub(crate) async fn canonical(
    exchange: &Exchange<'_>,
    kind: &'static str,
    address: &str,
) -> Result<Option<Version>, Failure> {
    if address.len() > 4 * LONGEST {
        return Ok(None);
    }
    let (url, version) = parts(address);
    let mut query = String::from("_sort=-_lastUpdated");
    push(&mut query, "url", &escaped(url));
    if let Some(version) = version {
        push(&mut query, "version", &escaped(version));
    }
    Ok(search(exchange, kind, &query, 1).await?.into_iter().next())
}

/// All versions of what has a canonical address, as the caller may see them; `None` for more than are looked at.
pub(crate) async fn versions(
    exchange: &Exchange<'_>,
    kind: &'static str,
    url: &str,
) -> Result<Option<Vec<Version>>, Failure> {
    if url.len() > 4 * LONGEST {
        return Ok(Some(Vec::new()));
    }
    let mut query = String::from("_sort=-_lastUpdated");
    push(&mut query, "url", &escaped(url));
    bounded(exchange, kind, &query).await
}

/// All resources of a type that says what is canonical; `None` for more than are looked at.
pub(crate) async fn all(exchange: &Exchange<'_>, kind: &'static str) -> Result<Option<Vec<Version>>, Failure> {
    bounded(exchange, kind, "_sort=-_lastUpdated").await
}

async fn bounded(exchange: &Exchange<'_>, kind: &'static str, query: &str) -> Result<Option<Vec<Version>>, Failure> {
    let found = search(exchange, kind, query, FOUND).await?;
    Ok(Some(found).filter(|found| found.len() < FOUND))
}

/// The resource of each address, `None` where there is none: a few searches for any number of addresses.
pub(crate) async fn canonicals<'a>(
    exchange: &Exchange<'_>,
    kind: &'static str,
    addresses: &[&'a str],
) -> Result<Vec<(&'a str, Option<Version>)>, Failure> {
    let mut all = Vec::with_capacity(addresses.len());
    let (short, long): (Vec<&str>, Vec<&str>) = addresses.iter().partition(|address| address.len() <= LONGEST);
    for address in long {
        all.push((address, canonical(exchange, kind, address).await?));
    }
    for some in short.chunks(TOGETHER) {
        let urls: Vec<String> = some.iter().map(|address| escaped(parts(address).0)).collect();
        let mut query = String::from("_sort=-_lastUpdated");
        push(&mut query, "url", &urls.join(","));
        let found = search(exchange, kind, &query, FOUND).await?;
        // More versions of one than fit may hide the others.
        let is_cut = found.len() == FOUND;
        let named: Vec<(Option<(String, String)>, Version)> =
            found.into_iter().map(|version| (name(&version), version)).collect();
        for address in some {
            let (url, version) = parts(address);
            let is_it = |(name, _): &&(Option<(String, String)>, Version)| {
                name.as_ref()
                    .is_some_and(|(own, edition)| own == url && version.is_none_or(|version| version == edition))
            };
            // The latest comes first.
            all.push(match named.iter().find(is_it) {
                Some((_, version)) => (*address, Some(version.clone())),
                None if is_cut => (*address, canonical(exchange, kind, address).await?),
                None => (*address, None),
            });
        }
    }
    Ok(all)
}

/// Address and business version of a resource.
fn name(version: &Version) -> Option<(String, String)> {
    let document = Document::parse(&version.body).ok()?;
    let text = |name: &str| document.root().member(name).and_then(|text| text.string()).map(|text| text.into_owned());
    Some((text("url")?, text("version").unwrap_or_default()))
}

/// Address and version of what is known of a type, as far as one search tells.
pub(crate) async fn known(
    endpoint: &Endpoint,
    permit: &Permit,
    kind: &'static str,
) -> Result<Vec<(String, String)>, Failure> {
    let found = search_at(endpoint, permit, kind, "_sort=-_lastUpdated", FOUND).await?;
    Ok(found.iter().filter_map(name).collect())
}

async fn search(
    exchange: &Exchange<'_>,
    kind: &'static str,
    query: &str,
    count: usize,
) -> Result<Vec<Version>, Failure> {
    search_at(exchange.endpoint, &exchange.permit, kind, query, count).await
}

async fn search_at(
    endpoint: &Endpoint,
    permit: &Permit,
    kind: &'static str,
    query: &str,
    count: usize,
) -> Result<Vec<Version>, Failure> {
    let context = Context { handling: Handling::Strict, base: &endpoint.base, custom: None };
    let (search, ..) = mappers::search::parse(Some(kind), query, context)?;
    let request = SearchRequest { search, count, ..SearchRequest::default() };
    Ok(endpoint.gateway.store.search(permit, &request).await?.matches)
}
