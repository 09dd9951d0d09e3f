//! Queries read with the organization's own search parameters: <https://hl7.org/fhir/R4/searchparameter.html>.

use consent::Permit;
use mappers::search::{Context, Custom, Handling, Ignored, Results, Search, parse};

use crate::interaction::Exchange;
use crate::outcome::Failure;
use crate::store::Store;

/// What a query says: the search, how its page should look, and what was left out.
type Read = (Search, Results, Vec<Ignored>);

/// Reads a query. Where a name is not known, another process may have learnt of it since: the definitions are looked up
/// once more before it is refused or left out.
///
/// # Errors
/// 400: it is not understood. 503: it asks by a parameter that what is stored is still being indexed for.
pub(crate) async fn read(
    exchange: &Exchange<'_>,
    kind: Option<&str>,
    query: &str,
    handling: Handling,
) -> Result<Read, Failure> {
    let (store, permit) = (&exchange.endpoint.gateway.store, &exchange.permit);
    let context = |custom| Context { handling, base: &exchange.endpoint.base, custom: Some(custom) };
    let custom = store.search_parameters(permit).await?;
    if let Ok(read) = parse(kind, query, context(&custom))
        && read.2.is_empty()
        && (read.0.custom.is_empty() || store.parameters_hold(permit, &read.0.custom).await?)
    {
        return Ok(read);
    }
    let now = store.search_parameters_now(permit).await?;
    Ok(parse(kind, query, context(&now))?)
}

/// Does something with the parameters that are known, and where that fails once more with those that are in force now.
///
/// # Errors
/// The second failure.
pub(crate) async fn with<T>(
    store: &Store,
    permit: &Permit,
    read: impl Fn(&Custom) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let custom = store.search_parameters(permit).await?;
    match read(&custom) {
        Ok(value) => Ok(value),
        Err(_) => read(&*store.search_parameters_now(permit).await?),
    }
}
