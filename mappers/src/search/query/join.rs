//! Conditions on other resources: chains (<https://hl7.org/fhir/R4/search.html#chaining>) and `_has`
//! (<https://hl7.org/fhir/R4/search.html#has>).

use super::condition::{Conditions, Fault, refused, wrong};
use super::scope::{Meant, Scope};
use super::value::type_modifier;
use super::{MAX_STEPS, Test};
use crate::search::parameters::{self, ParameterKind, resource_type};

/// `subject:Patient.name`, from its first step on.
pub(super) fn chain(
    conditions: &mut Conditions<'_>,
    scope: Scope<'_>,
    head: &str,
    rest: &str,
    value: &str,
    depth: usize,
) -> Result<Option<Test>, Fault> {
    bounded(depth)?;
    let (name, kind) = head.split_once(':').map_or((head, None), |(name, kind)| (name, Some(kind)));
    let meant = reference(scope, name)?;
    let allowed = meant.targets();
    let kinds = match kind {
        Some(kind) => vec![type_modifier(&allowed, kind).ok_or_else(|| {
            wrong("invalid", "The chain names a type that the parameter does not refer to; give another one")
        })?],
        None if allowed.is_empty() => parameters::resource_types().to_vec(),
        None => allowed,
    };
    let (mut targets, mut first) = (Vec::new(), None);
    for kind in kinds {
        conditions.through_type()?;
        match conditions.step(Scope { kinds: &[kind], ..scope }, rest, value, depth + 1) {
            Ok(Some(test)) => targets.push((kind, test)),
            Ok(None) => return Ok(None),
            // What is not complete yet would leave matches out.
            Err(fault) if matches!(fault.code, "too-long" | "transient") => return Err(fault),
            Err(fault) => first = first.or(Some(fault)),
        }
    }
    match first {
        Some(fault) if targets.is_empty() => Err(fault),
        _ => Ok(Some(Test::Chain { paths: meant.paths(), targets })),
    }
}

/// `_has:Observation:patient:code`, and what may stand in place of `code`.
pub(super) fn has(
    conditions: &mut Conditions<'_>,
    scope: Scope<'_>,
    full: &str,
    value: &str,
    depth: usize,
) -> Result<Option<Test>, Fault> {
    bounded(depth)?;
    conditions.through_type()?;
    let mut parts = full.splitn(4, ':').skip(1);
    let (Some(kind), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong("invalid", "The parameter is not complete; give _has:Type:reference:parameter"));
    };
    let kind =
        resource_type(kind).ok_or_else(|| wrong("invalid", "The parameter names no resource type after _has"))?;
    let kinds = [kind];
    let holder = Scope { kinds: &kinds, ..scope };
    let meant = reference(holder, name)?;
    let allowed = meant.targets();
    let fits = |kind: &&'static str| allowed.is_empty() || allowed.contains(kind);
    if !scope.kinds.is_empty() && !scope.kinds.iter().any(fits) {
        return Err(wrong("invalid", "The reference after _has does not refer to the type that is searched"));
    }
    let test = conditions.step(holder, rest, value, depth + 1)?;
    Ok(test.map(|test| Test::Has { kind, paths: meant.paths(), test: Box::new(test) }))
}

/// `_list=ID`: what is an item of a List (<https://hl7.org/fhir/R4/search.html#list>).
pub(super) fn list(
    conditions: &mut Conditions<'_>,
    scope: Scope<'_>,
    value: &str,
    depth: usize,
) -> Result<Option<Test>, Fault> {
    let ids: Vec<&str> = value.split(',').map(|id| id.strip_prefix("List/").unwrap_or(id)).collect();
    if ids.iter().any(|id| id.starts_with('$')) {
        let details = "Lists that are made up when they are asked for, as $current-problems, are not known here; give a List's id";
        return Err(wrong("not-supported", details));
    }
    has(conditions, scope, "_has:List:item:_id", &ids.join(","), depth)
}

fn reference<'s>(scope: Scope<'s>, name: &str) -> Result<Meant<'s>, Fault> {
    let meant = scope.meant(name)?;
    if meant.kind() != ParameterKind::Reference {
        return Err(refused("invalid", "The parameter is no reference, so nothing can be asked of what it refers to"));
    }
    Ok(meant)
}

fn bounded(depth: usize) -> Result<(), Fault> {
    if depth >= MAX_STEPS {
        return Err(wrong("too-long", format!("The chain has more than {MAX_STEPS} steps; ask in parts")));
    }
    Ok(())
}
