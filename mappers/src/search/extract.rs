//! What a resource (or a residue) gives to the index tables.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::parameters::{self, Definition, ElementType, ParameterKind};
use super::plan::{Leaf, Plan};
use crate::json::{Element, Kind};
use crate::references::{self, Reference};

/// Index rows of one resource, sorted, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IndexRows<'d> {
    /// Values of token parameters.
    pub tokens: Vec<TokenRow<'d>>,
    /// Values of reference parameters.
    pub references: Vec<ReferenceRow<'d>>,
    /// `meta.tag`, as tokens of `Resource._tag`.
    pub tags: Vec<TokenRow<'d>>,
    /// Of a residue: a code or value stayed while its system left for a column, so that it is in no row here. Take the
    /// rows from the whole resource then.
    pub half: bool,
}

/// One value of a token parameter (<https://hl7.org/fhir/R4/search.html#token>).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TokenRow<'d> {
    /// `Type.name`.
    pub parameter: &'static str,
    /// The system; empty where the value has none.
    pub system: Cow<'d, str>,
    /// The code or identifier value.
    pub code: Cow<'d, str>,
}

/// One value of a reference parameter (<https://hl7.org/fhir/R4/search.html#reference>).
///
/// A relative reference gives type and id. An absolute one (a URL, `urn:uuid:`, `urn:oid:`) keeps its full text as
/// `target_id` and the type its path tells, so that it never equals a local id: ids hold neither `:` nor `/`. Versions
/// (`/_history/2`) and fragments are cut. References by identifier only, to contained resources, and conditional ones
/// give no row.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ReferenceRow<'d> {
    /// `Type.name`.
    pub parameter: &'static str,
    /// The type; empty where nothing tells it.
    pub target_type: &'static str,
    /// The id of a relative reference; else the reference's text.
    pub target_id: Cow<'d, str>,
}

type TypePlan = Plan<&'static Definition>;

static PLANS: LazyLock<Vec<(&'static str, TypePlan)>> =
    LazyLock::new(|| parameters::resource_types().iter().map(|kind| (*kind, plan(kind))).collect());

/// The index rows of a resource of this type; none for an unknown type.
///
/// Of a residue it gives what stayed there: members that are `null` live in columns, and so does a pair of system and
/// code of which one half is `null`.
#[must_use]
pub fn extract<'d>(kind: &str, resource: Element<'d>) -> IndexRows<'d> {
    let mut rows = IndexRows::default();
    let Ok(at) = PLANS.binary_search_by(|(name, _)| (*name).cmp(kind)) else { return rows };
    PLANS[at].1.visit(resource, &mut |leaf, element| rows.add(leaf, element));
    once(&mut rows.tokens);
    once(&mut rows.references);
    once(&mut rows.tags);
    rows
}

fn plan(kind: &'static str) -> TypePlan {
    let mut plan = Plan::new();
    for definition in parameters::supported(Some(kind)) {
        // Id and time of the last change are columns of the directory.
        if definition.name != "_id" && definition.name != "_lastUpdated" {
            definition.paths.iter().for_each(|path| plan.add(path, definition));
        }
    }
    plan
}

fn once<T: Ord>(rows: &mut Vec<T>) {
    if rows.len() > 1 {
        rows.sort_unstable();
        rows.dedup();
    }
}

impl<'d> IndexRows<'d> {
    fn add(&mut self, leaf: &'static Leaf<&'static Definition>, element: Element<'d>) {
        let definition = leaf.purpose;
        match definition.param_kind {
            ParameterKind::Reference => {
                let row = target(element, leaf.only).map(|(target_type, target_id)| ReferenceRow {
                    parameter: definition.full,
                    target_type,
                    target_id,
                });
                self.references.extend(row);
            }
            ParameterKind::Token => {
                self.half = self.half || is_half(leaf.element, element);
                let rows = if definition.name == "_tag" { &mut self.tags } else { &mut self.tokens };
                tokens(leaf.element, element, &mut |system, code| {
                    rows.push(TokenRow { parameter: definition.full, system, code });
                });
            }
            _ => {}
        }
    }
}

/// Whether a code or value is here whose system has left.
fn is_half(kind: ElementType, element: Element<'_>) -> bool {
    let left = |value: &str| {
        element.member("system").is_some_and(|system| system.is_null())
            && element.member(value).is_some_and(|value| !value.is_null())
    };
    match kind {
        ElementType::CodeableConcept => {
            let mut codings = element.member("coding").into_iter().flat_map(|list| list.children());
            codings.any(|coding| is_half(ElementType::Coding, coding))
        }
        ElementType::Coding => left("code"),
        ElementType::Identifier => left("value"),
        _ => false,
    }
}

/// Calls `found` with system and code of every token an element holds. Text is no token.
pub(super) fn tokens<'d>(kind: ElementType, element: Element<'d>, found: &mut impl FnMut(Cow<'d, str>, Cow<'d, str>)) {
    let pair = match kind {
        ElementType::CodeableConcept => {
            let codings = element.member("coding").into_iter().flat_map(|list| list.children());
            return codings.for_each(|coding| tokens(ElementType::Coding, coding, found));
        }
        ElementType::Coding => pair(element, "system", "code"),
        ElementType::Identifier => pair(element, "system", "value"),
        ElementType::ContactPoint => pair(element, "", "value"),
        // A date where a yes or no is asked for (deceased) says yes.
        ElementType::DateTime => Some((None, Some(Cow::Borrowed("true")))),
        _ => match element.kind() {
            Kind::String => Some((None, element.string())),
            Kind::True | Kind::False | Kind::Number => Some((None, Some(Cow::Borrowed(element.raw())))),
            _ => None,
        },
    };
    if let Some((system, Some(code))) = pair {
        found(system.unwrap_or_default(), code);
    }
}

/// Type and id (or full text) of a Reference.
pub(super) fn target<'d>(element: Element<'d>, only: &str) -> Option<(&'static str, Cow<'d, str>)> {
    let (reference, told) = match element.kind() {
        Kind::String => (element.string(), None),
        _ => pair(element, "reference", "type")?,
    };
    let (kind, id) = split(reference?)?;
    let kind = kind.or_else(|| parameters::resource_type(&told?)).unwrap_or_default();
    (only.is_empty() || only == kind).then_some((kind, id))
}

fn split(reference: Cow<'_, str>) -> Option<(Option<&'static str>, Cow<'_, str>)> {
    match reference {
        Cow::Borrowed(text) => pick(text).map(|(kind, id)| (kind, Cow::Borrowed(id))),
        Cow::Owned(text) => pick(&text).map(|(kind, id)| (kind, Cow::Owned(id.to_owned()))),
    }
}

fn pick(text: &str) -> Option<(Option<&'static str>, &str)> {
    match references::parse(text) {
        Reference::Local { kind, id, .. } => Some((Some(kind), id)),
        Reference::Absolute { kind, text } => Some((kind, text)),
        Reference::Other(text) => Some((None, text)),
        Reference::Conditional { .. } | Reference::Contained(_) => None,
    }
}

type Pair<'d> = (Option<Cow<'d, str>>, Option<Cow<'d, str>>);

/// Two string members of an object; `None` where one of them is a hole or the value is no object.
fn pair<'d>(object: Element<'d>, first: &str, second: &str) -> Option<Pair<'d>> {
    if object.kind() != Kind::Object {
        return None;
    }
    let mut pair = (None, None);
    for child in object.children() {
        let key = child.key()?;
        let half = match &*key {
            key if key == first => &mut pair.0,
            key if key == second => &mut pair.1,
            _ => continue,
        };
        if child.is_null() {
            return None;
        }
        *half = child.string().filter(|text| !text.is_empty());
    }
    Some(pair)
}
