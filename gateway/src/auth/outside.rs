//! Access tokens of issuers outside of here, which an administrator trusts (`fhir-gateway provider add --audience`).
//!
//! A token is its client's, which is registered here under the id that the provider has for it, with the scopes and purposes that it may
//! have at most. A client whose scopes begin with system/ is a program, and its tokens are nobody's; any other one's are a person's,
//! who has an account: by a trusted claim, or tied to the subject.

use std::sync::Arc;

use consent::{Caller, CallerKind};
use mappers::search::parameters;
use smart::grant::grant;
use smart::scope::{Scopes, Unknown as Unread};

use super::issued::{ASKED_EACH_TIME, acting, person};
use super::scopes::{self, StaffReach};
use super::{Known, Unknown};
use crate::authorization::{purpose, role};
use crate::outside::{Access, LoginError, Outside};
use crate::store::Store;
use crate::store::accounts::AccountError;
use crate::store::clients::{Client, Kind};

/// Whose such tokens are.
pub struct Elsewhere {
    store: Store,
    outside: Arc<Outside>,
    reach: StaffReach,
    /// Nobody works here without a second factor.
    second_factor: bool,
}

/// Whether a text can be such a token: three parts, the first of which is JSON.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Elsewhere {
    /// Of what providers vouch for.
    pub fn new(store: Store, outside: Arc<Outside>, reach: StaffReach, second_factor: bool) -> Self {
        Self { store, outside, reach, second_factor }
    }

    /// Whose a token is, and until when that counts.
    ///
    /// # Errors
    /// It is none, or that cannot be told.
    pub(super) async fn identify(&self, token: &str) -> Result<(Known, i64), Unknown> {
        let access = match self.outside.access(token).await {
            Ok(Some(access)) => access,
            Ok(None) => return Err(Unknown::NotValid),
            Err(LoginError::Store(_) | LoginError::Unreachable) => return Err(Unknown::Unavailable),
            Err(error) => {
                // For the operator: nobody is told why, and nothing of the token is in it.
                tracing::info!(%error, "an access token of a provider's was refused");
                return Err(Unknown::NotValid);
            }
        };
        let client = self.store.client(&access.client).await.map_err(|_| Unknown::Unavailable)?;
        let is_its = |client: &Client| {
            client.kind == Kind::Outside
                && client.provider.as_deref() == Some(&*access.provider.id)
                && client.organization == access.provider.organization
                && client.disabled_ms.is_none()
        };
        let client = client.filter(is_its).ok_or(Unknown::NotValid)?;
        let scopes = granted(&access.scopes, &client.scopes);
        if client.scopes.starts_with("system/") {
            return Ok((program(&client, &scopes).ok_or(Unknown::NotValid)?, access.expires_ms));
        }
        let (known, is_acting) = self.somebody(&access, &client, &scopes).await?.ok_or(Unknown::NotValid)?;
        Ok((known, if is_acting { ASKED_EACH_TIME } else { access.expires_ms }))
    }

    /// Whoever has an account, and whether they act for others.
    async fn somebody(&self, access: &Access, client: &Client, scopes: &str) -> Result<Option<(Known, bool)>, Unknown> {
        let Access { provider, subject, persona, .. } = access;
        if let Err(why) = persona {
            tracing::info!(provider = %provider.id, %why, "a token is of nobody here by its claims");
        }
        let persona = persona.as_ref().ok().and_then(Option::as_ref);
        let account = match self.store.account_of_bearer(provider, subject, persona).await {
            Ok(account) => account,
            Err(AccountError::Store(_)) => return Err(Unknown::Unavailable),
            Err(_) => None,
        };
        let Some(account) = account else { return Ok(None) };
        // What a login asks for a token does not go without: it shows a second factor where its provider asks for one.
        if !provider.second_factor && (self.second_factor || account.has_second_factor()) {
            return Ok(None);
        }
        let Some(purpose) = role(&account).and_then(|role| purpose(client, role)) else { return Ok(None) };
        // Whoever is a patient has one in context; nobody else has chosen one.
        let own = account.fhir_user().and_then(|user| user.strip_prefix("Patient/")).map(ToOwned::to_owned);
        let acting = acting(&self.store, &account).await?;
        let is_acting = acting.is_some();
        let acting = acting.unwrap_or_default();
        let known = person(client, &account, (scopes, own.as_deref()), purpose, self.reach, &acting);
        Ok(known.map(|known| (known, is_acting)))
    }
}

/// What of a token's scopes counts here: none more than the client may have.
fn granted(asked: &str, allowed: &str) -> String {
    let parsed = |text: &str| {
        let is_type = |kind: &str| parameters::resource_type(kind).is_some();
        Scopes::parse(text, Unread::Ignore, &is_type).unwrap_or_default()
    };
    grant(&parsed(asked), &parsed(allowed)).map(|scopes| scopes.to_string()).unwrap_or_default()
}

/// A program, by a token that it has for itself.
fn program(client: &Client, scopes: &str) -> Option<Known> {
    let caller = Caller {
        client: Some(client.id.clone()),
        id: client.id.clone(),
        kind: CallerKind::System,
        organization: client.organization,
        actors: client.actors.clone(),
        officer: client.officer,
        scoped: Some(Arc::new(scopes::of_system(scopes)?)),
    };
    let networks = client.networks.as_slice().into();
    Some(Known { caller: Arc::new(caller), purpose: client.default_purpose?, networks })
}
