//! FHIRPath (N1, <http://hl7.org/fhirpath/N1/>, with what R4 adds: <https://hl7.org/fhir/R4/fhirpath.html>) on the tape.
//!
//! Nothing is turned into a model: a result is a [`Node`], which knows where it stands in the text, so that a patch can
//! change it there. Numbers are decimals, never floats. `resolve()` finds contained resources and no others; units convert as
//! far as common prefixes go. `memberOf`, `conformsTo` and `htmlChecks` are an error, not an empty answer.

mod evaluate;
mod foresight;
mod functions;
mod moment;
mod node;
mod operators;
mod quantity;
mod syntax;
mod token;
pub(crate) mod types;
mod value;

use std::cell::Cell;
use std::fmt;

pub use foresight::Types;
pub use moment::Moment;
pub use node::Node;
pub use quantity::Quantity;
pub use value::Value;

use crate::json::Element;
use evaluate::Evaluator;
use syntax::{Expr, Operator, Step};

/// What an expression may visit and make: items, and bytes of strings by the hundred.
pub const WORK: u64 = 2_000_000;

/// A text that was read.
#[derive(Clone, Debug)]
pub struct Expression(Expr);

/// Why a text is no FHIRPath.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyntaxError {
    /// Byte offset.
    pub offset: usize,
    /// What is wrong; never quotes the text.
    pub message: &'static str,
}

/// Why an expression has no value here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvaluationError {
    /// What is wrong; never quotes a value.
    pub message: String,
    /// It is more work than was allowed.
    pub too_much: bool,
}

/// What an expression is evaluated for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'c> {
    /// `now()`, as a FHIR instant with its zone; `today()` is its date. `None`: neither is known.
    pub now: Option<&'c str>,
    /// Types are taken as R4's own invariants take them: `as` takes several values and leaves out those of other types (dom-3),
    /// where FHIRPath wants one value at most; and a `boolean` of FHIR is a `Boolean` (que-7).
    pub lenient_types: bool,
    /// `resolve()` gives for a reference what its text tells, the type: for what only asks `resolve() is Patient`, as
    /// expressions of search parameters do.
    pub types_of_references: bool,
    /// What several expressions may spend together (see [`WORK`]). `None`: each may spend it alone.
    pub work: Option<&'c Cell<u64>>,
}

impl Expression {
    /// Reads a text.
    ///
    /// # Errors
    /// [`SyntaxError`], also for what is longer or nests deeper than is sensible.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        syntax::parse(text).map(Self)
    }

    /// What the expression goes from in its last step, and the name of the member it goes to; `None` where the last step is
    /// no member.
    #[must_use]
    pub fn last_member(&self) -> Option<(Self, &str)> {
        let Expr::Path(steps) = &self.0 else { return None };
        let (Step::Member(name), front) = steps.split_last().filter(|(_, front)| !front.is_empty())? else {
            return None;
        };
        Some((Self(Expr::Path(front.to_vec())), name))
    }

    /// What `|` joins, each as an expression of its own: `a | b` without the rule that equal values are one (to which a
    /// quantity `< 60` is equal to `60`).
    #[must_use]
    pub fn alternatives(self) -> Vec<Self> {
        match self.0 {
            Expr::Binary(Operator::Union, sides) => {
                let (left, right) = *sides;
                let mut all = Self(left).alternatives();
                all.extend(Self(right).alternatives());
                all
            }
            other => vec![Self(other)],
        }
    }

    /// The values for a resource.
    ///
    /// # Errors
    /// [`EvaluationError`]: operands that do not fit, a function that is not known, or more work than an expression may do.
    pub fn evaluate<'d>(&self, resource: Element<'d>, context: Context<'_>) -> Result<Vec<Value<'d>>, EvaluationError> {
        Evaluator::new(resource, context).run(&self.0, None)
    }

    /// The values for an element of a resource: it is `$this` and `%context`, the resource stays `%resource`.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn evaluate_on<'d>(
        &self,
        element: Node<'d>,
        resource: Element<'d>,
        context: Context<'_>,
    ) -> Result<Vec<Value<'d>>, EvaluationError> {
        Evaluator::new(resource, context).run(&self.0, Some(element))
    }

    /// As [`Expression::evaluate_on`], for a resource that another contains: that is `%rootResource`, and holds what
    /// `resolve()` finds.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn evaluate_within<'d>(
        &self,
        element: Node<'d>,
        resource: Element<'d>,
        container: Element<'d>,
        context: Context<'_>,
    ) -> Result<Vec<Value<'d>>, EvaluationError> {
        Evaluator::new(resource, context).within(container).run(&self.0, Some(element))
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (at character {})", self.message, self.offset + 1)
    }
}

impl std::error::Error for SyntaxError {}

impl fmt::Display for EvaluationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}

impl EvaluationError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), too_much: false }
    }
}
