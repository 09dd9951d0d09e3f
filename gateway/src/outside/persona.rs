//! Who somebody is here, by the claims that the administrator named for the provider.

use serde_json::Value;
use smart::id_token::is_user;
use smart::outside::Verified;

use crate::store::accounts::{Persona, Role};
use crate::store::providers::Provider;

/// What a provider's claims say of somebody that makes nobody of them here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unclaimed {
    /// The trusted claim names nobody.
    #[error(
        "the claim that says who somebody is in FHIR does not name a Patient, Person, Practitioner or RelatedPerson of ours"
    )]
    Actor,
    /// Staff has no role here.
    #[error("the provider's claim of roles has no value that is a role here (provider add --claim-roles, --role)")]
    Roles,
}

/// The most values of a claim of roles that are looked at.
const MOST_VALUES: usize = 1_000;
/// The longest name that is kept, in characters.
const NAME: usize = 120;

/// Who that is; `None` where the provider says nothing about that. A patient is a patient alone, whatever roles there are; staff is what
/// the claim of roles says, and nobody without one.
///
/// # Errors
/// The claim names nobody that it could be, or gives staff no role.
pub(super) fn persona(provider: &Provider, verified: &Verified, fhir: &str) -> Result<Option<Persona>, Unclaimed> {
    let Some(claim) = &provider.claim_actor else { return Ok(None) };
    let Some(value) = at(verified, claim) else { return Ok(None) };
    let text = value.as_str().ok_or(Unclaimed::Actor)?;
    // A reference, or an address below ours.
    let below = text.strip_prefix(fhir).and_then(|rest| rest.strip_prefix('/'));
    let actor = below.unwrap_or(text);
    if !is_user(actor) {
        return Err(Unclaimed::Actor);
    }
    let is_patient = actor.starts_with("Patient/") || actor.starts_with("RelatedPerson/");
    let roles = if is_patient { vec![Role::Patient] } else { roles(provider, verified) };
    if roles.is_empty() {
        return Err(Unclaimed::Roles);
    }
    Ok(Some(Persona { name: name(verified, provider), roles, actor: actor.to_owned() }))
}

/// A claim by its name, or by a path of names with dots between (`realm_access.roles`).
fn at<'v>(verified: &'v Verified, claim: &str) -> Option<&'v Value> {
    if let Some(value) = verified.claims.get(claim) {
        return Some(value);
    }
    let mut names = claim.split('.');
    let first = verified.claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

/// What the claim's values are here. That of a patient is nobody's who is staff.
fn roles(provider: &Provider, verified: &Verified) -> Vec<Role> {
    let said = provider.claim_roles.as_deref().and_then(|claim| at(verified, claim));
    let values: Vec<&str> = match said {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().take(MOST_VALUES).filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is_said = |(value, role): &&(String, Role)| *role != Role::Patient && values.contains(&value.as_str());
    let mut roles: Vec<Role> = provider.roles.iter().filter(is_said).map(|(_, role)| *role).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// What people call this person, to be shown and for nothing else.
fn name(verified: &Verified, provider: &Provider) -> String {
    let said = at(verified, "name").and_then(Value::as_str).unwrap_or_default();
    let plain: String = said.chars().filter(|letter| !letter.is_control()).take(NAME).collect();
    let plain = plain.trim();
    if plain.is_empty() { format!("Login by {}", provider.id) } else { plain.to_owned() }
}
