//! What a provider's word does to an account, on record beside what administrators do.

use std::net::IpAddr;
use std::sync::Arc;

use consent::Purpose;

use crate::audit::{AuditError, Circumstances, Event, address};
use crate::fair;
use crate::gateway::Gateway;
use crate::http::named;
use crate::store::accounts::{AccountError, Deed, Persona, Vouched, Word};
use crate::store::providers::Provider;

/// Why it shows of nobody whether they have an account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unvouched {
    /// The store or the trail does not answer.
    Unavailable,
    /// What is claimed is no account that could be. Its text may name whose it is.
    NoAccount,
}

/// The account of somebody whom a provider vouches for, with what its word does to that on record. Both are done, or neither is known to be:
/// a client that goes meanwhile does not come between them.
///
/// # Errors
/// [`Unvouched`].
pub(crate) async fn vouched(
    gateway: &Arc<Gateway>,
    provider: &Provider,
    subject: &str,
    (word, persona): (Word, Option<&Persona>),
    source: Option<IpAddr>,
) -> Result<Vouched, Unvouched> {
    let (gateway, provider) = (Arc::clone(gateway), provider.clone());
    let (subject, persona) = (subject.to_owned(), persona.cloned());
    let work = async move {
        let persona = persona.as_ref();
        let found = match word {
            Word::Token => gateway.store.account_of_bearer(&provider, &subject, persona).await,
            Word::Login(_) | Word::Held(_) => {
                gateway.store.account_of_subject(&provider, &subject, (word, persona)).await
            }
        };
        let vouched = found.map_err(|error| match error {
            AccountError::Store(_) => Unvouched::Unavailable,
            _ => Unvouched::NoAccount,
        })?;
        tell(&gateway, &provider, &vouched, source).await.map_err(|_| Unvouched::Unavailable)?;
        Ok(vouched)
    };
    let done = tokio::spawn(named::carried(fair::carried(work))).await;
    done.unwrap_or(Err(Unvouched::Unavailable))
}

/// Puts on record what was done to an account by a provider's claims: whose, by which provider (where a program's name stands), and who
/// that is in FHIR from now on.
async fn tell(
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
    let request = named::names(|request, _| request.to_owned()).unwrap_or_default();
    let actors = vouched.account.as_ref().map(|account| account.actors.join(" ")).filter(|actors| !actors.is_empty());
    let of = Circumstances {
        client: Some(format!("provider {}", provider.id).into()),
        on_behalf: actors.map(Into::into),
        source: source.map(address),
        ..Circumstances::unknown(provider.organization, account, &request, Purpose::Hoperat)
    };
    gateway.audit.record(Event::new(of, interaction, 200, gateway.clock.now_ms())).await
}
