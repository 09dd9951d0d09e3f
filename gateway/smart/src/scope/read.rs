//! One scope, from its text.

use super::{Action, Actions, ContextKind, Scope, Spelling, query};

/// Why a scope is refused. No text of the scope is in it: a condition may name a patient.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A character that no scope has (<https://www.rfc-editor.org/rfc/rfc6749#section-3.3>).
    #[error("has a character that is not allowed in scopes; percent-encode it")]
    Character,
    /// Neither `patient`, nor `user`, nor `system`.
    #[error("is about neither patient/, user/ nor system/")]
    Context,
    /// Not a type of FHIR R4.
    #[error("names no resource type of FHIR R4; write the type's name or *")]
    Type,
    /// Neither v1 nor v2.
    #[error("has no actions; write read, write or *, or letters of cruds, in that order and each once")]
    Actions,
    /// Conditions that cannot be read, or that choose nothing.
    #[error("has a query that is no list of search parameters with values, name=value with & between")]
    Query,
    /// No scope that SMART has.
    #[error("is not a scope of SMART App Launch")]
    Unknown,
}

/// Whether a character may be in a scope: `%x21 / %x23-5B / %x5D-7E`.
fn is_scope_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

pub(super) fn scope(text: &str, is_type: &dyn Fn(&str) -> bool) -> Result<Scope, Fault> {
    if !text.bytes().all(is_scope_character) {
        return Err(Fault::Character);
    }
    let (before, rest) = text.split_once('/').ok_or(Fault::Unknown)?;
    let Some(context) = ContextKind::ALL.into_iter().find(|context| context.name() == before) else {
        // `launch/...` and URLs are scopes of other kinds; a word is a context that there is not.
        let is_word = !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_alphabetic());
        return Err(if is_word && before != "launch" { Fault::Context } else { Fault::Unknown });
    };
    let (rest, asked) = match rest.split_once('?') {
        Some((rest, asked)) => (rest, Some(asked)),
        None => (rest, None),
    };
    let (kind, actions) = rest.split_once('.').ok_or(Fault::Actions)?;
    let kind = (kind != "*").then_some(kind);
    if kind.is_some_and(|kind| !is_type(kind)) {
        return Err(Fault::Type);
    }
    let (actions, spelling) = match actions {
        "read" => (Actions::READ, Spelling::V1),
        "write" => (Actions::WRITE, Spelling::V1),
        "*" => (Actions::ALL, Spelling::V1),
        letters => (self::letters(letters).ok_or(Fault::Actions)?, Spelling::V2),
    };
    if spelling == Spelling::V1 && asked.is_some() {
        return Err(Fault::Query);
    }
    let query = asked.map(query::read).transpose()?.unwrap_or_default();
    Ok(Scope { context, kind: kind.map(Into::into), actions, query, spelling, text: text.into() })
}

/// `c?r?u?d?s?`, at least one.
fn letters(text: &str) -> Option<Actions> {
    let mut rest = text;
    let mut actions = Actions::NONE;
    for action in Action::ALL {
        if let Some(after) = rest.strip_prefix(action.letter()) {
            (rest, actions) = (after, actions.with(action));
        }
    }
    (rest.is_empty() && !actions.is_empty()).then_some(actions)
}
