//! What a provider's word has done to an account, on record beside what administrators do.

use std::net::IpAddr;

use consent::Purpose;

use crate::audit::{AuditError, Circumstances, Event, address};
use crate::gateway::Gateway;
use crate::http;
use crate::store::accounts::{Deed, Vouched};
use crate::store::providers::Provider;

/// Puts on record what was done to an account by a provider's claims: whose, by which provider (where a program's name stands), and who
/// that is in FHIR from now on.
///
/// # Errors
/// It is not on record.
pub(crate) async fn tell(
    gateway: &Gateway,
    provider: &Provider,
    vouched: &Vouched,
    source: Option<IpAddr>,
) -> Result<(), AuditError> {
    let Some((deed, account)) = &vouched.deed else { return Ok(()) };
    let interaction = match deed {
        Deed::Made => "account-add-by-claims",
        Deed::Changed => "account-change-by-claims",
        Deed::Ended => "account-end-by-claims",
    };
    let request = http::named::names(|request, _| request.to_owned()).unwrap_or_default();
    let actors = vouched.account.as_ref().map(|account| account.actors.join(" ")).filter(|actors| !actors.is_empty());
    let of = Circumstances {
        client: Some(format!("provider {}", provider.id).into()),
        on_behalf: actors.map(Into::into),
        source: source.map(address),
        ..Circumstances::unknown(provider.organization, account, &request, Purpose::Hoperat)
    };
    gateway.audit.record(Event::new(of, interaction, 200, gateway.clock.now_ms())).await
}
