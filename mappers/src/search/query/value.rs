//! Values of token and reference parameters.

use super::split::{split_unescaped, unescape};
use crate::references::{self, Reference};
use crate::search::parameters::{Definition, resource_type};

/// A token (<https://hl7.org/fhir/R4/search.html#token>). At least one half is there and not empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenValue {
    /// `None` = any system or none; empty = values without a system.
    pub system: Option<Box<str>>,
    /// `None` = any code of the system.
    pub code: Option<Box<str>>,
}

/// A reference (<https://hl7.org/fhir/R4/search.html#reference>): matches an index row whose `target_type` is one of
/// `kinds` (where there are any) and whose `target_id` is one of `ids`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReferenceValue {
    /// The types meant; empty = any, or none is known.
    pub kinds: Vec<&'static str>,
    /// What the reference may say: the id (or the full text of an absolute reference) first, then the absolute forms
    /// of the same local resource under the server's own base.
    pub ids: Vec<Box<str>>,
    /// The type was given, so that the value is `Type/id`.
    pub typed: bool,
}

/// Reads one token, still escaped: `code`, `system|code`, `|code` or `system|`.
pub(super) fn token(text: &str) -> Result<TokenValue, &'static str> {
    let parts = split_unescaped(text, '|');
    let value = match parts[..] {
        [code] => TokenValue { system: None, code: Some(unescape(code)) },
        [system, ""] => TokenValue { system: Some(unescape(system)), code: None },
        [system, code] => TokenValue { system: Some(unescape(system)), code: Some(unescape(code)) },
        _ => return Err("has more than one |; write a | that belongs to the value as \\|"),
    };
    if value.code.is_none() && value.system.as_deref() == Some("") {
        return Err("is only a |; give a system, a code, or both");
    }
    Ok(value)
}

/// Reads one reference, still escaped: `id`, `Type/id` or an absolute URL. `modifier` is the type of `subject:Patient`.
pub(super) fn reference(
    text: &str,
    definition: &Definition,
    modifier: Option<&'static str>,
    base: &str,
) -> Result<ReferenceValue, &'static str> {
    let text = unescape(text);
    let own = (!base.is_empty()).then(|| text.strip_prefix(base)?.strip_prefix('/')).flatten();
    match references::parse(own.unwrap_or(&text)) {
        Reference::Local { kind, id, .. } => {
            let wanted = modifier.is_none_or(|modifier| modifier == kind);
            if !wanted || !may_refer(definition, kind) {
                return Err("names a type that the parameter does not refer to; give an id, or another type");
            }
            Ok(local(vec![kind], id, true, base))
        }
        Reference::Absolute { text, .. } => {
            Ok(ReferenceValue { kinds: Vec::new(), ids: vec![text.into()], typed: false })
        }
        Reference::Other(id) if references::is_id(id) => {
            let kinds = modifier.map_or_else(|| definition.targets.to_vec(), |kind| vec![kind]);
            Ok(local(kinds, id, modifier.is_some(), base))
        }
        _ => Err("is not a reference; give an id, Type/id, or an absolute URL"),
    }
}

/// The type a modifier names (`subject:Patient`).
pub(super) fn type_modifier(definition: &Definition, modifier: &str) -> Option<&'static str> {
    resource_type(modifier).filter(|kind| may_refer(definition, kind))
}

fn may_refer(definition: &Definition, kind: &str) -> bool {
    definition.targets.is_empty() || definition.targets.contains(&kind)
}

fn local(kinds: Vec<&'static str>, id: &str, typed: bool, base: &str) -> ReferenceValue {
    let mut ids: Vec<Box<str>> = vec![id.into()];
    if !base.is_empty() {
        ids.extend(kinds.iter().map(|kind| format!("{base}/{kind}/{id}").into_boxed_str()));
    }
    ReferenceValue { kinds, ids, typed }
}
