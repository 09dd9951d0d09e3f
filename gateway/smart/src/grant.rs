//! What a client gets of what it asks for (<https://www.rfc-editor.org/rfc/rfc6749#section-3.3>).
//!
//! Clients ask for more than they need: one scope for each type that they know, whether we have it or not. Others probe with
//! scopes that there are not, and expect a refusal. So:
//!
//! | asked | ruling |
//! |---|---|
//! | a scope that what is allowed covers, by one scope or by several | granted, spelled as it was asked: clients compare |
//! | a scope that is covered in part | the part: fewer actions, fewer types, more conditions |
//! | a scope of which nothing is allowed | left out, and the answer's `scope` tells |
//! | nothing at all, or nothing of which anything is allowed | `invalid_scope` |
//! | a type that R4 does not have | `invalid_scope`, whatever else is asked: a mistake, and no narrowing makes sense of it |
//! | an unknown context (`group/`), unknown actions (`.rx`, `.sr`, none), a query that cannot be read | `invalid_scope`, as for types |
//! | only creates, updates and deletes, and none of them allowed | `invalid_scope`, even where `openid` or the like remains: a client that can only write must learn that it cannot |
//! | creates, updates or deletes beside reads or searches | the intersection, as anything else |
//! | what SMART does not have (`email`, a URL, `launch/imagingstudy`) | left out, as RFC 6749 permits |
//! | `openid`, `launch`, `offline_access` and the like | granted where they are allowed |
//! | a context other than the allowed one (`user/` for `patient/`) | nothing: contexts reach different data, none is part of another |
//! | `*`, where types are allowed | those types |
//! | a type, where `*` is allowed | that type |
//! | a condition, where whole types are allowed | with the condition |
//! | a whole type, where conditions are allowed | with the allowed conditions, one scope for each that is allowed |
//! | conditions, where other conditions are allowed | both sets together: what meets both |
//! | so much that what is granted exceeds the limits of what can be asked | `invalid_scope`; it could not be asked again at a refresh |
//!
//! What is about spelling (types, contexts, actions, queries, what SMART does not have) is ruled where scopes are read:
//! [`Scopes::parse`].
//!
//! The same function narrows a grant to what a user chose, and a refresh to what was granted.

use std::collections::BTreeMap;

use crate::scope::{Actions, Condition, LONGEST, MOST, MOST_CONDITIONS, Scope, Scopes};

/// The error of OAuth for a scope that cannot be granted: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
pub const INVALID_SCOPE: &str = "invalid_scope";

/// Why nothing is granted; to a client, [`INVALID_SCOPE`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotGranted {
    /// No scope was asked for.
    #[error("no scope was asked for; name those that are needed")]
    NothingAsked,
    /// Nothing of what was asked for is allowed.
    #[error("nothing of what was asked for is allowed to this client")]
    NothingAllowed,
    /// Only changes were asked for, and none is allowed.
    #[error("only creates, updates or deletes were asked for, and this client may do none of them")]
    NoChange,
    /// More than could be asked again.
    #[error(
        "what would be granted is more than {MOST} scopes, {LONGEST} bytes, or {MOST_CONDITIONS} conditions of one; ask for less"
    )]
    TooMuch,
}

/// What is granted: never more than was asked for, never more than is allowed.
///
/// # Errors
/// [`NotGranted`]; the module says when.
pub fn grant(asked: &Scopes, allowed: &Scopes) -> Result<Scopes, NotGranted> {
    if asked.is_empty() {
        return Err(NotGranted::NothingAsked);
    }
    let others = asked.others.iter().copied().filter(|other| allowed.has(*other)).collect();
    let mut granted = Scopes { resources: Vec::new(), others };
    for scope in &asked.resources {
        for part in parts(scope, &allowed.resources) {
            if !granted.resources.iter().any(|known| known.as_str() == part.as_str()) {
                granted.resources.push(part);
            }
        }
        if granted.len() > MOST {
            return Err(NotGranted::TooMuch);
        }
    }
    if granted.resources.is_empty() && asked.only_changes() {
        return Err(NotGranted::NoChange);
    }
    if granted.is_empty() {
        return Err(NotGranted::NothingAllowed);
    }
    let has_many = |scope: &Scope| scope.query().len() > MOST_CONDITIONS;
    if granted.to_string().len() > LONGEST || granted.resources.iter().any(has_many) {
        return Err(NotGranted::TooMuch);
    }
    Ok(granted)
}

/// What of one scope is allowed: the scope itself, or parts of which none is within another.
fn parts(asked: &Scope, allowed: &[Scope]) -> Vec<Scope> {
    // By type and conditions: two scopes that allow different actions of the same allow them together.
    let mut parts: BTreeMap<(Option<&str>, Vec<Condition>), Actions> = BTreeMap::new();
    for allowed in allowed.iter().filter(|allowed| allowed.context() == asked.context()) {
        let actions = asked.actions().and(allowed.actions());
        let kind = match (asked.kind(), allowed.kind()) {
            (kind, None) | (None, kind) => kind,
            (Some(asked), Some(allowed)) if asked == allowed => Some(asked),
            _ => continue,
        };
        if actions.is_empty() {
            continue;
        }
        let mut both = asked.conditions();
        both.extend(allowed.conditions());
        both.sort_unstable();
        both.dedup();
        let part = parts.entry((kind, both)).or_default();
        *part = part.or(actions);
    }
    let kept = parts.iter().filter(|part| !parts.iter().any(|wider| wider != *part && covers(&wider, part)));
    kept.filter_map(|((kind, query), actions)| {
        let whole = *kind == asked.kind() && *actions == asked.actions() && *query == asked.conditions();
        let made = || Scope::made(asked.context(), *kind, *actions, query.clone(), asked.spelling());
        if whole { Some(asked.clone()) } else { made() }
    })
    .collect()
}

type Part<'a> = (&'a (Option<&'a str>, Vec<Condition>), &'a Actions);

/// Whether all of a part is in another one.
fn covers(((wide_kind, wide_query), wide): &Part<'_>, ((kind, query), actions): &Part<'_>) -> bool {
    (wide_kind.is_none() || wide_kind == kind)
        && wide.covers(**actions)
        && wide_query.iter().all(|condition| query.binary_search(condition).is_ok())
}
