//! Evaluation: <http://hl7.org/fhirpath/N1/#expressions>. Every expression takes a focus and gives a collection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use regex::Regex;

use super::functions;
use super::node::Node;
use super::operators;
use super::syntax::{Expr, Literal, Step};
use super::types::is_a;
use super::value::Value;
use super::{Context, EvaluationError, WORK};
use crate::json::Element;

/// The items an expression gives, in order.
pub(super) type Collection<'d> = Vec<Value<'d>>;
pub(super) type Outcome<'d> = Result<Collection<'d>, EvaluationError>;

/// Evaluates for one resource.
pub(super) struct Evaluator<'d, 'c> {
    pub(super) root: Option<Node<'d>>,
    /// The resource that contains it, or itself.
    pub(super) container: Option<Node<'d>>,
    /// What the expression as a whole is for.
    focus: Option<Node<'d>>,
    pub(super) context: Context<'c>,
    /// The pattern that was compiled last: mostly one is applied to many items.
    pub(super) pattern: RefCell<Option<(String, Rc<Regex>)>>,
    work: Cell<u64>,
}

/// Bytes of texts that are one unit of work.
pub(super) const BYTES: usize = 100;

/// What `$this`, `$index` and `$total` are.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 'd> {
    pub(super) this: &'s [Value<'d>],
    pub(super) index: Option<usize>,
    pub(super) total: Option<&'s [Value<'d>]>,
}

impl<'d, 'c> Evaluator<'d, 'c> {
    pub(super) fn new(resource: Element<'d>, context: Context<'c>) -> Self {
        let root = Node::resource(resource);
        Self { root, container: root, focus: None, context, pattern: RefCell::default(), work: Cell::new(WORK) }
    }

    pub(super) fn within(self, container: Element<'d>) -> Self {
        Self { container: Node::resource(container), ..self }
    }

    pub(super) fn run(mut self, expression: &Expr, focus: Option<Node<'d>>) -> Outcome<'d> {
        self.focus = focus.or(self.root);
        let this: Vec<Value<'d>> = self.focus.map(Value::Node).into_iter().collect();
        self.evaluate(expression, Scope { this: &this, index: None, total: None })
    }

    /// The value of an expression, `$this` being its focus.
    pub(super) fn evaluate(&self, expression: &Expr, scope: Scope<'_, 'd>) -> Outcome<'d> {
        self.spend(1)?;
        match expression {
            Expr::Binary(operator, sides) => operators::binary(self, *operator, &sides.0, &sides.1, scope),
            Expr::Literal(literal) => Ok(value(literal).into_iter().collect()),
            Expr::Path(steps) => self.path(steps, scope),
            Expr::Sign(minus, inner) => operators::signed(*minus, self.evaluate(inner, scope)?),
            Expr::Typed(is, inner, name) => {
                let items = self.evaluate(inner, scope)?;
                if *is { functions::is(&items, name, self.context) } else { functions::cast(items, name, self.context) }
            }
        }
    }

    /// For one item of a collection.
    pub(super) fn for_item(
        &self,
        expression: &Expr,
        item: &Value<'d>,
        index: usize,
        scope: Scope<'_, 'd>,
    ) -> Outcome<'d> {
        self.evaluate(expression, Scope { this: std::slice::from_ref(item), index: Some(index), ..scope })
    }

    /// Counts work.
    pub(super) fn spend(&self, work: usize) -> Result<(), EvaluationError> {
        let left = self.context.work.unwrap_or(&self.work);
        match left.get().checked_sub(work as u64) {
            Some(rest) => {
                left.set(rest);
                Ok(())
            }
            None => Err(EvaluationError {
                message: "the expression is too much work; make it narrower".to_owned(),
                too_much: true,
            }),
        }
    }

    /// Counts the bytes of texts, before they are looked at or copied.
    pub(super) fn spend_on(&self, items: &[Value<'d>]) -> Result<(), EvaluationError> {
        self.spend(items.iter().map(Value::weight).fold(0, usize::saturating_add) / BYTES)
    }

    fn path(&self, steps: &[Step], scope: Scope<'_, 'd>) -> Outcome<'d> {
        let mut focus: Option<Collection<'d>> = None;
        for step in steps {
            let next = self.step(step, focus.as_deref(), scope)?;
            self.spend(next.len())?;
            focus = Some(next);
        }
        Ok(focus.unwrap_or_default())
    }

    /// One step; the first has no focus of its own and starts from `$this`.
    fn step(&self, step: &Step, focus: Option<&[Value<'d>]>, scope: Scope<'_, 'd>) -> Outcome<'d> {
        let here = focus.unwrap_or(scope.this);
        match step {
            Step::Call(name, arguments) => functions::call(self, name, arguments, here, scope),
            Step::Item(index) => {
                let index = self.evaluate(index, scope)?;
                match single(&index)?.map(|index| index.system()) {
                    None => Ok(Vec::new()),
                    Some(Value::Integer(index)) => {
                        Ok(usize::try_from(index).ok().and_then(|index| here.get(index)).cloned().into_iter().collect())
                    }
                    Some(_) => Err(EvaluationError::new("an index is an integer")),
                }
            }
            Step::Member(name) => Ok(self.members(name, here, focus.is_none())?),
            Step::Nested(inner) => self.evaluate(inner, scope),
            Step::Special("index") => match scope.index {
                Some(index) => Ok(vec![Value::Integer(index as i64)]),
                None => Err(EvaluationError::new("$index has a meaning only for items of a collection")),
            },
            Step::Special("total") => match scope.total {
                Some(total) => Ok(total.to_vec()),
                None => Err(EvaluationError::new("$total has a meaning only in aggregate()")),
            },
            Step::Special(_) => Ok(scope.this.to_vec()),
            Step::Variable(name) => self.variable(name),
        }
    }

    fn members(&self, name: &str, focus: &[Value<'d>], first: bool) -> Outcome<'d> {
        // An expression may start with the type it is for.
        if first && name.starts_with(|first: char| first.is_ascii_uppercase()) {
            let of_type = |value: &&Value<'d>| value.node().is_some_and(|node| is_a(node.kind, name));
            return Ok(focus.iter().filter(of_type).cloned().collect());
        }
        let mut found = Vec::new();
        for value in focus {
            match value {
                Value::Node(node) => node.children(Some(name), &mut found),
                Value::Type { namespace, name: own } if name == "namespace" || name == "name" => {
                    let text = if name == "name" { own } else { namespace };
                    return Ok(vec![Value::String((*text).into())]);
                }
                _ => {}
            }
        }
        Ok(found.into_iter().map(Value::Node).collect())
    }

    fn variable(&self, name: &str) -> Outcome<'d> {
        let text = match name {
            "context" => return Ok(self.focus.map(Value::Node).into_iter().collect()),
            "resource" => return Ok(self.root.map(Value::Node).into_iter().collect()),
            "rootResource" => return Ok(self.container.map(Value::Node).into_iter().collect()),
            "sct" => "http://snomed.info/sct".to_owned(),
            "loinc" => "http://loinc.org".to_owned(),
            "ucum" => "http://unitsofmeasure.org".to_owned(),
            _ => match (name.strip_prefix("vs-"), name.strip_prefix("ext-")) {
                (Some(set), _) => format!("http://hl7.org/fhir/ValueSet/{set}"),
                (_, Some(extension)) => format!("http://hl7.org/fhir/StructureDefinition/{extension}"),
                _ => return Err(EvaluationError::new("there is no variable of this name")),
            },
        };
        Ok(vec![Value::String(text.into())])
    }
}

/// The one item; `None` where there is none.
pub(super) fn single<'v, 'd>(items: &'v [Value<'d>]) -> Result<Option<&'v Value<'d>>, EvaluationError> {
    match items {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(EvaluationError::new("one value is needed here, and there are several")),
    }
}

/// What a condition says: its Boolean, or that there is one value of another type.
pub(super) fn truth(items: &[Value<'_>]) -> Result<Option<bool>, EvaluationError> {
    Ok(single(items)?.map(|value| match value.system() {
        Value::Boolean(value) => value,
        _ => true,
    }))
}

fn value<'d>(literal: &Literal) -> Option<Value<'d>> {
    Some(match literal {
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Date(moment) => Value::Date(moment.clone()),
        Literal::DateTime(moment) => Value::DateTime(moment.clone()),
        Literal::Decimal(value) => Value::Decimal(*value),
        Literal::Empty => return None,
        Literal::Integer(value) => Value::Integer(*value),
        Literal::Quantity(quantity) => Value::Quantity(quantity.clone()),
        Literal::Text(text) => Value::String(text.as_str().into()),
        Literal::Time(moment) => Value::Time(moment.clone()),
    })
}
