//! Access tokens of issuers outside of here, which an administrator trusts (`fhir-gateway provider add --audience`): JWTs, and opaque
//! ones where the provider is asked what they are (`--introspection`).
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
use super::scopes;
use super::{Known, Unknown};
use crate::authorization::{purpose, role};
use crate::gateway::Gateway;
use crate::outside::{Access, LoginError, Outside, Unvouched, is_jwt, may_be_opaque, vouched};
use crate::store::accounts::Word;
use crate::store::clients::{Client, Kind};

/// Whose such tokens are.
pub struct Elsewhere {
    gateway: Arc<Gateway>,
    outside: Arc<Outside>,
}

/// Whether a text can be a token of an outside issuer's.
pub(super) fn may_be_one(token: &str) -> bool {
    is_jwt(token) || may_be_opaque(token)
}

impl Elsewhere {
    /// Of what providers vouch for.
    pub fn new(gateway: Arc<Gateway>, outside: Arc<Outside>) -> Self {
        Self { gateway, outside }
    }

    /// Whose a token is, and until when that counts.
    ///
    /// # Errors
    /// It is none, or that cannot be told.
    pub(super) async fn identify(&self, token: &str) -> Result<(Known, i64), Unknown> {
        let access = if is_jwt(token) { self.outside.access(token).await } else { self.outside.opaque(token).await };
        let access = match access {
            Ok(Some(access)) => access,
            Ok(None) => return Err(Unknown::NotValid),
            Err(LoginError::Store(_) | LoginError::Unreachable) => return Err(Unknown::Unavailable),
            Err(error) => {
                // For the operator: nobody is told why, and nothing of the token is in it.
                tracing::info!(%error, "an access token of a provider's was refused");
                return Err(Unknown::NotValid);
            }
        };
        let client = self.gateway.store.client(&access.client).await.map_err(|_| Unknown::Unavailable)?;
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
        let Access { provider, subject, persona, second_factor, .. } = access;
        if let Err(why) = persona {
            tracing::info!(provider = %provider.id, %why, "a token is of nobody here by its claims");
        }
        let persona = persona.as_ref().ok().and_then(Option::as_ref);
        if subject.is_empty() {
            return Ok(None);
        }
        let vouched = match vouched(&self.gateway, provider, subject, (Word::Token, persona), None).await {
            Ok(vouched) => vouched,
            Err(Unvouched::Unavailable) => return Err(Unknown::Unavailable),
            Err(Unvouched::NoAccount) => return Ok(None),
        };
        let Some(account) = vouched.account else { return Ok(None) };
        // What a login asks for a token does not go without: a second factor was shown to a provider that asks for one.
        if !second_factor && (self.gateway.logins.second_factor || account.has_second_factor()) {
            return Ok(None);
        }
        let Some(purpose) = role(&account).and_then(|role| purpose(client, role)) else { return Ok(None) };
        // Whoever is a patient has one in context; nobody else has chosen one.
        let own = account.fhir_user().and_then(|user| user.strip_prefix("Patient/")).map(ToOwned::to_owned);
        let acting = acting(&self.gateway.store, &account).await?;
        let is_acting = acting.is_some();
        let acting = acting.unwrap_or_default();
        let known = person(client, &account, (scopes, own.as_deref()), purpose, self.gateway.staff_reach, &acting);
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
    Some(Known::new(Arc::new(caller), client.default_purpose?, &client.purposes, &client.networks))
}
