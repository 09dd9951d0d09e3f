//! What can be told of an expression before there is a resource: whether it can be evaluated at all, and which types its
//! values may have. For expressions that somebody defines once and that are evaluated for every resource from then on.

use std::collections::BTreeSet;

use super::Expression;
use super::functions::arity;
use super::syntax::{Expr, Literal, Operator, Step, TypeName};
use super::types::{is_a, is_primitive};
use crate::structure::{self, Shape};

/// The types that values may have: names of FHIR's (`HumanName`, `Patient.contact`), and of FHIRPath's own with
/// `System.` before them. `None`: not to be told beforehand.
pub type Types = Option<BTreeSet<&'static str>>;

impl Expression {
    /// Why no value of the expression can be kept for later; `None` where nothing stands against it. What changes while the
    /// resource does not (`now()`), what other resources say (`resolve()`, but for the type of what a reference names) and what
    /// is not known here is refused.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        objection(&self.0)
    }

    /// The types of the values for an element of this type.
    #[must_use]
    pub fn types_on(&self, kind: &'static str) -> Types {
        types(&self.0, &one(kind))
    }

    /// The same for elements of several types.
    #[must_use]
    pub fn types_on_any(&self, kinds: &Types) -> Types {
        types(&self.0, kinds)
    }
}

fn objection(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Binary(_, sides) => objection(&sides.0).or_else(|| objection(&sides.1)),
        Expr::Literal(_) => None,
        Expr::Path(steps) => objection_to_path(steps, false),
        Expr::Sign(_, inner) => objection(inner),
        Expr::Typed(is, inner, name) => {
            let inner = match &**inner {
                Expr::Path(steps) => objection_to_path(steps, *is),
                other => objection(other),
            };
            inner.or_else(|| (!name.is_known()).then(|| format!("there is no type {}", name.name)))
        }
    }
}

/// `asked`: of what comes out only the type is asked.
fn objection_to_path(steps: &[Step], asked: bool) -> Option<String> {
    steps.iter().enumerate().find_map(|(at, step)| match step {
        Step::Call(name, _) if name == "resolve" => {
            let is_asked = match steps.get(at + 1) {
                None => asked,
                Some(next) => matches!(next, Step::Call(name, _) if name == "is"),
            };
            let said = "resolve() looks at no other resource here: only the type can be asked, as in where(resolve() is Patient)";
            (!is_asked).then(|| said.to_owned())
        }
        Step::Call(name, arguments) => objection_to_call(name, arguments),
        Step::Item(inner) => objection(inner),
        Step::Nested(inner) => objection(inner),
        Step::Member(_) | Step::Special(_) => None,
        Step::Variable(name) => {
            let is_known = matches!(name.as_str(), "context" | "resource" | "rootResource" | "sct" | "loinc" | "ucum")
                || name.starts_with("vs-")
                || name.starts_with("ext-");
            (!is_known).then(|| format!("there is no variable %{name}"))
        }
    })
}

fn objection_to_call(name: &str, arguments: &[Expr]) -> Option<String> {
    if matches!(name, "now" | "today" | "timeOfDay") {
        return Some(format!("{name}() changes while the resource does not, and what is indexed would stay"));
    }
    let Some((least, most)) = arity(name) else { return Some(format!("there is no function {name}() here")) };
    if !(least..=most).contains(&arguments.len()) {
        return Some(format!("{name}() takes another number of arguments"));
    }
    if matches!(name, "as" | "is" | "ofType") {
        return match arguments.first().and_then(TypeName::of) {
            Some(named) if named.is_known() => None,
            Some(named) => Some(format!("there is no type {}", named.name)),
            None => Some(format!("{name}() takes the name of a type")),
        };
    }
    arguments.iter().find_map(objection)
}

fn one(kind: &'static str) -> Types {
    Some(BTreeSet::from([kind]))
}

fn types(expression: &Expr, this: &Types) -> Types {
    match expression {
        Expr::Binary(operator, sides) => match operator {
            Operator::Union => both(types(&sides.0, this), types(&sides.1, this)),
            Operator::Concatenate => one("System.String"),
            Operator::Add
            | Operator::Div
            | Operator::Divide
            | Operator::Mod
            | Operator::Multiply
            | Operator::Subtract => None,
            _ => one("System.Boolean"),
        },
        Expr::Literal(literal) => of_literal(literal),
        Expr::Path(steps) => of_path(steps, this),
        Expr::Sign(_, inner) => types(inner, this),
        Expr::Typed(true, ..) => one("System.Boolean"),
        Expr::Typed(false, inner, name) => only(types(inner, this), name),
    }
}

fn of_literal(literal: &Literal) -> Types {
    match literal {
        Literal::Boolean(_) => one("System.Boolean"),
        Literal::Date(_) => one("System.Date"),
        Literal::DateTime(_) => one("System.DateTime"),
        Literal::Decimal(_) => one("System.Decimal"),
        Literal::Empty => Some(BTreeSet::new()),
        Literal::Integer(_) => one("System.Integer"),
        Literal::Quantity(_) => one("System.Quantity"),
        Literal::Text(_) => one("System.String"),
        Literal::Time(_) => one("System.Time"),
    }
}

fn of_path(steps: &[Step], this: &Types) -> Types {
    let mut here = this.clone();
    for (at, step) in steps.iter().enumerate() {
        here = match step {
            Step::Call(name, arguments) => of_call(name, arguments, &here, this),
            Step::Item(_) => here,
            // An expression may start with the type it is for.
            Step::Member(name) if at == 0 && name.starts_with(|first: char| first.is_ascii_uppercase()) => {
                here.map(|kinds| kinds.into_iter().filter(|kind| is_a(kind, name)).collect())
            }
            Step::Member(name) => members(&here, name),
            Step::Nested(inner) => types(inner, this),
            Step::Special("this") => this.clone(),
            Step::Special("index") => one("System.Integer"),
            Step::Special(_) => None,
            Step::Variable(name) if name == "context" || name == "resource" || name == "rootResource" => None,
            Step::Variable(_) => one("System.String"),
        };
    }
    here
}

fn of_call(name: &str, arguments: &[Expr], here: &Types, this: &Types) -> Types {
    match name {
        "as" | "ofType" => match arguments.first().and_then(TypeName::of) {
            Some(name) => only(here.clone(), &name),
            None => None,
        },
        "distinct" | "exclude" | "first" | "intersect" | "last" | "single" | "skip" | "sort" | "tail" | "take"
        | "trace" | "where" => here.clone(),
        "combine" | "union" => both(here.clone(), arguments.first().map_or_else(|| None, |other| types(other, this))),
        "select" => arguments.first().map_or_else(|| None, |inner| types(inner, here)),
        "iif" => {
            let branch =
                |at: usize| arguments.get(at).map_or_else(|| Some(BTreeSet::new()), |inner| types(inner, here));
            both(branch(1), branch(2))
        }
        "extension" => members(here, "extension"),
        "all" | "allFalse" | "allTrue" | "anyFalse" | "anyTrue" | "contains" | "convertsToBoolean"
        | "convertsToDate" | "convertsToDateTime" | "convertsToDecimal" | "convertsToInteger"
        | "convertsToQuantity" | "convertsToString" | "convertsToTime" | "empty" | "endsWith" | "exists"
        | "hasValue" | "is" | "isDistinct" | "matches" | "matchesFull" | "not" | "startsWith" | "subsetOf"
        | "supersetOf" | "toBoolean" => one("System.Boolean"),
        "count" | "indexOf" | "lastIndexOf" | "length" | "toInteger" => one("System.Integer"),
        "join" | "lower" | "replace" | "replaceMatches" | "substring" | "toString" | "trim" | "upper" => {
            one("System.String")
        }
        "toDate" => one("System.Date"),
        "toDateTime" => one("System.DateTime"),
        "toDecimal" => one("System.Decimal"),
        "toQuantity" => one("System.Quantity"),
        _ => None,
    }
}

fn both(one: Types, other: Types) -> Types {
    let (mut one, other) = one.zip(other)?;
    one.extend(other);
    Some(one)
}

/// What of it `as` and `ofType` let through.
fn only(kinds: Types, name: &TypeName) -> Types {
    let is_it = |kind: &&str| match kind.strip_prefix("System.") {
        Some(system) => name.namespace.as_deref() != Some("FHIR") && system == name.name,
        None if name.namespace.as_deref() == Some("System") => false,
        None if is_primitive(kind) => *kind == name.name,
        None => is_a(kind, &name.name),
    };
    kinds.map(|kinds| kinds.into_iter().filter(is_it).collect())
}

/// The types of a member of elements of these types.
fn members(kinds: &Types, name: &str) -> Types {
    let mut found = BTreeSet::new();
    for kind in kinds.as_ref()? {
        let owner = if is_primitive(kind) { "Element" } else { kind };
        for definition in structure::named(owner, name) {
            match definition.shape {
                Shape::Object(kind) | Shape::Primitive(kind) => {
                    found.insert(kind);
                }
                // Any resource may stand there.
                Shape::Resource => return None,
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &'static str, text: &str) -> Option<String> {
        let types = Expression::parse(text).unwrap().types_on(kind)?;
        Some(types.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn types_are_told_beforehand() {
        for (kind, text, expected) in [
            ("Patient", "Patient.name", "HumanName"),
            ("Patient", "name.family", "string"),
            ("Patient", "Practitioner.name", ""),
            ("Patient", "Patient.nonsense", ""),
            ("Patient", "contact.where(relationship.exists()).name", "HumanName"),
            ("Observation", "Observation.value.as(Quantity)", "Quantity"),
            ("Observation", "(Observation.value as CodeableConcept).coding", "Coding"),
            ("Observation", "value.ofType(dateTime) | effective.ofType(Period)", "Period dateTime"),
            ("Patient", "extension('http://x').value.as(Coding)", "Coding"),
            ("Patient", "deceased.exists() and active", "System.Boolean"),
            ("Patient", "name.count()", "System.Integer"),
            ("Observation", "subject.where(resolve() is Patient)", "Reference"),
            ("Patient", "birthDate.extension('http://x').value.as(dateTime)", "dateTime"),
        ] {
            assert_eq!(told(kind, text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(told("Patient", "contained.name"), None);
        assert_eq!(told("Patient", "descendants()"), None);
    }

    #[test]
    fn what_cannot_be_kept_is_objected_to() {
        let objected = |text: &str| Expression::parse(text).unwrap().objection();
        for text in [
            "Patient.name",
            "Observation.subject.where(resolve() is Patient)",
            "subject.where(resolve().is(Patient))",
            "a.where(b = %ucum)",
        ] {
            assert_eq!(objected(text), None, "{text}");
        }
        for text in [
            "birthDate < today()",
            "subject.resolve().name",
            "subject.resolve()",
            "code.memberOf('http://x')",
            "name.first(1)",
            "value.as(Nonsense)",
            "value as Nonsense",
            "%unknown",
            "name.where(nonsense())",
        ] {
            assert!(objected(text).is_some(), "{text}");
        }
    }
}
