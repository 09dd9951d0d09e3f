//! Functions on collections.

use std::cmp::Ordering;

use super::{Call, holds};
use crate::fhirpath::EvaluationError;
use crate::fhirpath::evaluate::{Collection, Outcome, Scope, single};
use crate::fhirpath::node::Node;
use crate::fhirpath::operators::{self, boolean, distinct};
use crate::fhirpath::syntax::Expr;
use crate::fhirpath::value::Value;
use crate::references::{self, Reference};
use crate::search::parameters::resource_type;

/// Calls a function on a collection; `None` where the name is none of these.
pub(super) fn call<'d>(call: &Call<'_, 'd, '_>) -> Option<Outcome<'d>> {
    let focus = call.focus;
    Some(match call.name {
        "aggregate" => aggregate(call),
        "all" => every(call),
        "allFalse" => booleans(focus).map(|values| boolean(values.iter().all(|value| !value))),
        "allTrue" => booleans(focus).map(|values| boolean(values.iter().all(|value| *value))),
        "anyFalse" => booleans(focus).map(|values| boolean(values.iter().any(|value| !value))),
        "anyTrue" => booleans(focus).map(|values| boolean(values.iter().any(|value| *value))),
        "children" => Ok(children(focus)),
        "combine" => call.argument(0).map(|other| focus.iter().cloned().chain(other).collect()),
        "count" => Ok(vec![Value::Integer(focus.len() as i64)]),
        "descendants" => descendants(call),
        "distinct" => call.quadratic(0).map(|()| distinct(focus.iter().cloned())),
        "empty" => Ok(boolean(focus.is_empty())),
        "exclude" => call.argument(0).and_then(|other| {
            call.quadratic(other.len())?;
            Ok(focus.iter().filter(|item| !operators::holds(&other, item)).cloned().collect())
        }),
        "exists" => match call.arguments.first() {
            Some(condition) => filtered(call, condition).map(|found| boolean(!found.is_empty())),
            None => Ok(boolean(!focus.is_empty())),
        },
        "extension" => extension(call),
        "first" => Ok(focus.first().cloned().into_iter().collect()),
        "getValue" => call
            .evaluator
            .spend_on(focus)
            .map(|()| focus.iter().filter(|item| has_value(item)).map(Value::system).collect()),
        "hasValue" => single(focus).map(|item| boolean(item.is_some_and(has_value))),
        "intersect" => call.argument(0).and_then(|other| {
            call.quadratic(other.len())?;
            Ok(distinct(focus.iter().filter(|item| operators::holds(&other, item)).cloned()))
        }),
        "isDistinct" => call.quadratic(0).map(|()| boolean(distinct(focus.iter().cloned()).len() == focus.len())),
        "last" => Ok(focus.last().cloned().into_iter().collect()),
        "not" => {
            crate::fhirpath::evaluate::truth(focus).map(|value| value.map(|value| boolean(!value)).unwrap_or_default())
        }
        "ofType" => call.type_name().map(|name| focus.iter().filter(|item| name.names(item)).cloned().collect()),
        "repeat" => repeat(call),
        "resolve" => Ok(resolved(call)),
        "select" => select(call),
        "single" => single(focus).map(|item| item.cloned().into_iter().collect()),
        "skip" => call.integer(0).map(|count| focus.iter().skip(to_count(count)).cloned().collect()),
        "sort" => sort(call),
        "subsetOf" => call.argument(0).and_then(|other| {
            call.quadratic(other.len())?;
            Ok(boolean(focus.iter().all(|item| operators::holds(&other, item))))
        }),
        "supersetOf" => call.argument(0).and_then(|other| {
            call.quadratic(other.len())?;
            Ok(boolean(other.iter().all(|item| operators::holds(focus, item))))
        }),
        "tail" => Ok(focus.iter().skip(1).cloned().collect()),
        "take" => call.integer(0).map(|count| focus.iter().take(to_count(count)).cloned().collect()),
        "union" => call.argument(0).and_then(|other| {
            call.quadratic(other.len())?;
            Ok(distinct(focus.iter().cloned().chain(other)))
        }),
        "where" => filtered(call, &call.arguments[0]),
        _ => return None,
    })
}

impl Call<'_, '_, '_> {
    /// Counts the work of comparing every item with every other.
    fn quadratic(&self, other: usize) -> Result<(), EvaluationError> {
        let all = self.focus.len() + other;
        self.evaluator.spend(all.saturating_mul(all) / 8)
    }
}

fn to_count(count: Option<i64>) -> usize {
    usize::try_from(count.unwrap_or(0)).unwrap_or(0)
}

fn has_value(item: &Value<'_>) -> bool {
    item.node().is_none_or(|node| node.is_primitive() && node.value.is_some())
}

fn filtered<'d>(call: &Call<'_, 'd, '_>, condition: &Expr) -> Outcome<'d> {
    let mut found = Vec::new();
    for (index, item) in call.focus.iter().enumerate() {
        if holds(call, condition, item, index)? {
            found.push(item.clone());
        }
    }
    Ok(found)
}

fn every<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    for (index, item) in call.focus.iter().enumerate() {
        if !holds(call, &call.arguments[0], item, index)? {
            return Ok(boolean(false));
        }
    }
    Ok(boolean(true))
}

fn select<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let mut found = Vec::new();
    for (index, item) in call.focus.iter().enumerate() {
        found.extend(call.evaluator.for_item(&call.arguments[0], item, index, call.scope)?);
    }
    Ok(found)
}

fn repeat<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let mut found: Collection<'d> = Vec::new();
    let mut queue: Collection<'d> = call.focus.to_vec();
    while !queue.is_empty() {
        let mut next = Vec::new();
        for (index, item) in queue.iter().enumerate() {
            for one in call.evaluator.for_item(&call.arguments[0], item, index, call.scope)? {
                call.evaluator.spend(1 + found.len() / 8)?;
                if !found.iter().any(|known| is_one(known, &one)) {
                    found.push(one.clone());
                    next.push(one);
                }
            }
        }
        queue = next;
    }
    Ok(found)
}

/// The same element, or equal values.
fn is_one(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one.node(), other.node()) {
        (Some(one), Some(other)) if !one.is_primitive() => one.place() == other.place(),
        _ => one.equals(other) == Some(true),
    }
}

fn aggregate<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let mut total = call.argument(1)?;
    for (index, item) in call.focus.iter().enumerate() {
        let scope = Scope { this: std::slice::from_ref(item), index: Some(index), total: Some(&total) };
        total = call.evaluator.evaluate(&call.arguments[0], scope)?;
    }
    Ok(total)
}

fn children<'d>(focus: &[Value<'d>]) -> Collection<'d> {
    let mut found: Vec<Node<'d>> = Vec::new();
    for node in focus.iter().filter_map(Value::node) {
        node.children(None, &mut found);
    }
    found.into_iter().map(Value::Node).collect()
}

fn descendants<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let mut found = Vec::new();
    let mut level = children(call.focus);
    while !level.is_empty() {
        call.evaluator.spend(level.len())?;
        found.extend(level.iter().cloned());
        level = children(&level);
    }
    Ok(found)
}

fn extension<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let Some(url) = call.string(0)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for node in call.focus.iter().filter_map(Value::node) {
        node.children(Some("extension"), &mut found);
    }
    let of_url = |node: &Node<'d>| {
        let own = node.value.and_then(|value| value.member("url")).and_then(|own| own.string());
        own.as_deref() == Some(url.as_str())
    };
    Ok(found.into_iter().filter(of_url).map(Value::Node).collect())
}

/// The contained resources that references name. What is elsewhere is not looked for: it is left out, as what cannot be
/// resolved is.
fn resolved<'d>(call: &Call<'_, 'd, '_>) -> Collection<'d> {
    let mut contained = Vec::new();
    if let Some(root) = call.evaluator.container {
        root.children(Some("contained"), &mut contained);
    }
    let target = |item: &Value<'d>| {
        let reference = match item.node().filter(|node| !node.is_primitive()) {
            Some(node) => node.value?.member("reference")?.string()?.into_owned(),
            None => item.text()?,
        };
        let Some(id) = reference.strip_prefix('#') else {
            return if call.evaluator.context.types_of_references { stand_in(item, &reference) } else { None };
        };
        if id.is_empty() {
            return call.evaluator.container;
        }
        let named = |node: &&Node<'d>| {
            let own = node.value.and_then(|value| value.member("id")).and_then(|own| own.string());
            own.as_deref() == Some(id)
        };
        contained.iter().find(named).copied()
    };
    call.focus.iter().filter_map(target).map(Value::Node).collect()
}

/// What stands for the resource that a reference names: of it only the type is known.
fn stand_in<'d>(item: &Value<'d>, reference: &str) -> Option<Node<'d>> {
    let value = item.node()?.value?;
    let kind = match references::parse(reference) {
        Reference::Local { kind, .. } => Some(kind),
        Reference::Absolute { kind, .. } => kind,
        _ => None,
    };
    let told = || resource_type(&value.member("type")?.string()?);
    Some(Node::of_type(value, kind.or_else(told)?))
}

fn booleans(focus: &[Value<'_>]) -> Result<Vec<bool>, EvaluationError> {
    let boolean = |item: &Value<'_>| match item.system() {
        Value::Boolean(value) => Ok(value),
        _ => Err(EvaluationError::new("Booleans are needed here")),
    };
    focus.iter().map(boolean).collect()
}

/// `sort`: by each key in turn, backwards where a minus stands before it.
fn sort<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let mut keyed: Vec<(Vec<Option<Value<'d>>>, Value<'d>)> = Vec::with_capacity(call.focus.len());
    for (index, item) in call.focus.iter().enumerate() {
        let mut keys = Vec::new();
        for key in call.arguments {
            let key = if let Expr::Sign(true, inner) = key { inner } else { key };
            let values = call.evaluator.for_item(key, item, index, call.scope)?;
            keys.push(single(&values)?.map(Value::system));
        }
        if call.arguments.is_empty() {
            keys.push(Some(item.system()));
        }
        keyed.push((keys, item.clone()));
    }
    let mut misfit = false;
    keyed.sort_by(|(one, _), (other, _)| {
        for (index, (one, other)) in one.iter().zip(other).enumerate() {
            let order = match (one, other) {
                (Some(one), Some(other)) => one.compare(other).unwrap_or_else(|()| {
                    misfit = true;
                    None
                }),
                // What has no key comes last, and first backwards.
                (one, other) => Some(one.is_none().cmp(&other.is_none())),
            };
            let order = order.unwrap_or(Ordering::Equal);
            let backwards = matches!(call.arguments.get(index), Some(Expr::Sign(true, _)));
            let order = if backwards { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    });
    if misfit {
        return Err(EvaluationError::new("these types do not compare"));
    }
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}
