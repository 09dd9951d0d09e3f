//! References: <https://hl7.org/fhir/R4/search.html#reference>.

use crate::references::{self, Reference};
use crate::search::parameters::resource_type;
use crate::search::query::split::unescape;

/// A reference: matches an index row whose `target_type` is one of `kinds` (where there are any) and whose `target_id` is
/// one of `ids`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReferenceValue {
    /// The types meant; empty = any, or none is known.
    pub kinds: Vec<&'static str>,
    /// What the reference may say: the id (or the full text of an absolute reference) first, then the absolute forms
    /// of the same local resource under the server's own base.
    pub ids: Vec<Box<str>>,
}

/// Reads one reference, still escaped: `id`, `Type/id` or an absolute URL. `targets` are the types that the parameter may
/// refer to (empty = any), `modifier` is the type of `subject:Patient`.
pub(in crate::search::query) fn reference(
    text: &str,
    targets: &[&'static str],
    modifier: Option<&'static str>,
    base: &str,
) -> Result<ReferenceValue, &'static str> {
    let text = unescape(text);
    let own = (!base.is_empty()).then(|| text.strip_prefix(base)?.strip_prefix('/')).flatten();
    match references::parse(own.unwrap_or(&text)) {
        Reference::Local { kind, id, .. } => {
            let wanted = modifier.is_none_or(|modifier| modifier == kind);
            if !wanted || !may_refer(targets, kind) {
                return Err("names a type that the parameter does not refer to; give an id, or another type");
            }
            Ok(local(vec![kind], id, base))
        }
        Reference::Absolute { .. } => {
            // A canonical address may name a version; a reference's version is not looked at.
            let address = if text.contains('|') { &*text } else { absolute(&text) };
            Ok(ReferenceValue { kinds: Vec::new(), ids: vec![address.into()] })
        }
        Reference::Other(id) if references::is_id(id) => {
            let kinds = modifier.map_or_else(|| targets.to_vec(), |kind| vec![kind]);
            Ok(local(kinds, id, base))
        }
        _ => Err("is not a reference; give an id, Type/id, or an absolute URL"),
    }
}

fn absolute(text: &str) -> &str {
    match references::parse(text) {
        Reference::Absolute { text, .. } => text,
        _ => text,
    }
}

/// The type a modifier names (`subject:Patient`).
pub(in crate::search::query) fn type_modifier(targets: &[&'static str], modifier: &str) -> Option<&'static str> {
    resource_type(modifier).filter(|kind| may_refer(targets, kind))
}

fn may_refer(targets: &[&'static str], kind: &str) -> bool {
    targets.is_empty() || targets.contains(&kind)
}

fn local(kinds: Vec<&'static str>, id: &str, base: &str) -> ReferenceValue {
    let mut ids: Vec<Box<str>> = vec![id.into()];
    if !base.is_empty() {
        ids.extend(kinds.iter().map(|kind| format!("{base}/{kind}/{id}").into_boxed_str()));
    }
    ReferenceValue { kinds, ids }
}
