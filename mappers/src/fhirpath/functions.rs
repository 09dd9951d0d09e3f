//! Functions: <http://hl7.org/fhirpath/N1/#functions>, and those of FHIR: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

mod boundary;
mod conversion;
mod filter;
mod math;
mod text;

use super::evaluate::{Collection, Evaluator, Outcome, Scope, single, truth};
use super::moment::Moment;
use super::operators::boolean;
use super::syntax::{Expr, TypeName};
use super::value::Value;
use super::{Context, EvaluationError};

/// A call: the function's focus, its arguments, and what `$this` is around it.
pub(super) struct Call<'k, 'd, 'c> {
    evaluator: &'k Evaluator<'d, 'c>,
    name: &'k str,
    arguments: &'k [Expr],
    focus: &'k [Value<'d>],
    scope: Scope<'k, 'd>,
}

/// Calls a function.
pub(super) fn call<'d>(
    evaluator: &Evaluator<'d, '_>,
    name: &str,
    arguments: &[Expr],
    focus: &[Value<'d>],
    scope: Scope<'_, 'd>,
) -> Outcome<'d> {
    let call = Call { evaluator, name, arguments, focus, scope };
    let (least, most) = arity(name).ok_or_else(|| EvaluationError::new("there is no function of this name here"))?;
    if !(least..=most).contains(&arguments.len()) {
        return Err(EvaluationError::new("the function takes another number of arguments"));
    }
    match name {
        "as" => cast(focus.to_vec(), &call.type_name()?, evaluator.context),
        "is" => is(focus, &call.type_name()?, evaluator.context),
        "iif" => call.choice(),
        "now" => call.now().map(|moment| vec![Value::DateTime(moment)]),
        "today" => Ok(call.now()?.to_date().map(Value::Date).into_iter().collect()),
        "timeOfDay" => Ok(call.now()?.to_time().map(Value::Time).into_iter().collect()),
        "trace" => call.traced(),
        "type" => focus.iter().map(type_of).collect(),
        _ => {
            if let Some(outcome) = filter::call(&call) {
                return outcome;
            }
            if let Some(outcome) = conversion::call(&call) {
                return outcome;
            }
            if let Some(outcome) = math::call(&call).or_else(|| boundary::call(&call)) {
                return outcome;
            }
            text::call(&call)
        }
    }
}

/// How few and how many arguments a function takes.
pub(super) fn arity(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "abs" | "allFalse" | "allTrue" | "anyFalse" | "anyTrue" | "ceiling" | "children" | "convertsToBoolean"
        | "convertsToDate" | "convertsToDateTime" | "convertsToDecimal" | "convertsToInteger" | "convertsToString"
        | "convertsToTime" | "count" | "descendants" | "distinct" | "empty" | "exp" | "first" | "floor"
        | "hasValue" | "isDistinct" | "last" | "length" | "ln" | "lower" | "not" | "now" | "precision" | "single"
        | "resolve" | "sqrt" | "tail" | "timeOfDay" | "toBoolean" | "toChars" | "toDate" | "toDateTime"
        | "toDecimal" | "toInteger" | "toString" | "toTime" | "today" | "trim" | "truncate" | "type" | "upper" => {
            (0, 0)
        }
        "all" | "as" | "combine" | "comparable" | "contains" | "decode" | "encode" | "endsWith" | "escape"
        | "exclude" | "extension" | "indexOf" | "intersect" | "is" | "lastIndexOf" | "log" | "matches"
        | "matchesFull" | "ofType" | "power" | "repeat" | "select" | "skip" | "split" | "startsWith" | "subsetOf"
        | "supersetOf" | "take" | "unescape" | "union" | "where" => (1, 1),
        "convertsToQuantity" | "exists" | "getValue" | "highBoundary" | "join" | "lowBoundary" | "round"
        | "toQuantity" => (0, 1),
        "aggregate" | "substring" | "trace" => (1, 2),
        "iif" => (2, 3),
        "replace" | "replaceMatches" => (2, 2),
        "sort" => (0, 10),
        _ => return None,
    })
}

impl<'d> Call<'_, 'd, '_> {
    /// An argument, for the focus around the call.
    fn argument(&self, index: usize) -> Outcome<'d> {
        match self.arguments.get(index) {
            Some(argument) => self.evaluator.evaluate(argument, self.scope),
            None => Ok(Vec::new()),
        }
    }

    /// An argument that is one string; `None` where it is empty.
    fn string(&self, index: usize) -> Result<Option<String>, EvaluationError> {
        let given = self.argument(index)?;
        self.evaluator.spend_on(&given)?;
        match single(&given)?.map(Value::system) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.to_string())),
            Some(_) => Err(EvaluationError::new("a string is needed here")),
        }
    }

    /// An argument that is one integer; `None` where it is empty.
    fn integer(&self, index: usize) -> Result<Option<i64>, EvaluationError> {
        match single(&self.argument(index)?)?.map(Value::system) {
            None => Ok(None),
            Some(Value::Integer(value)) => Ok(Some(value)),
            Some(_) => Err(EvaluationError::new("an integer is needed here")),
        }
    }

    fn type_name(&self) -> Result<TypeName, EvaluationError> {
        let name = self.arguments.first().and_then(TypeName::of);
        let name = name.ok_or_else(|| EvaluationError::new("the name of a type is needed here"))?;
        if name.is_known() { Ok(name) } else { Err(EvaluationError::new("there is no type of this name")) }
    }

    /// The one item of the focus.
    fn one(&self) -> Result<Option<Value<'d>>, EvaluationError> {
        self.evaluator.spend_on(self.focus)?;
        Ok(single(self.focus)?.map(Value::system))
    }

    /// `iif`: only the branch that counts is looked at.
    fn choice(&self) -> Outcome<'d> {
        let this = single(self.focus)?;
        let scope = match this {
            Some(this) => Scope { this: std::slice::from_ref(this), ..self.scope },
            None => self.scope,
        };
        let condition = self.evaluator.evaluate(&self.arguments[0], scope)?;
        let holds = match single(&condition)?.map(Value::system) {
            None => false,
            Some(Value::Boolean(holds)) => holds,
            Some(_) => return Err(EvaluationError::new("the condition of iif is a Boolean")),
        };
        let branch = if holds { self.arguments.get(1) } else { self.arguments.get(2) };
        branch.map_or_else(|| Ok(Vec::new()), |branch| self.evaluator.evaluate(branch, scope))
    }

    /// The focus as it is. Nothing is written anywhere: a value may be somebody's health data.
    fn traced(&self) -> Outcome<'d> {
        self.string(0)?;
        Ok(self.focus.to_vec())
    }

    fn now(&self) -> Result<Moment, EvaluationError> {
        let now = self.evaluator.context.now.and_then(Moment::date_time);
        now.ok_or_else(|| EvaluationError::new("the time is not known here"))
    }
}

/// `is`
pub(super) fn is<'d>(items: &[Value<'d>], name: &TypeName, context: Context<'_>) -> Outcome<'d> {
    if !name.is_known() {
        return Err(EvaluationError::new("there is no type of this name"));
    }
    let admits = |value: &Value<'_>| {
        name.admits(value)
            || context.lenient_types && name.namespace.is_none() && value.system().system_name() == name.name
    };
    Ok(single(items)?.map(|value| boolean(admits(value))).unwrap_or_default())
}

/// `as`
pub(super) fn cast<'d>(items: Collection<'d>, name: &TypeName, context: Context<'_>) -> Outcome<'d> {
    if !name.is_known() {
        return Err(EvaluationError::new("there is no type of this name"));
    }
    if !context.lenient_types {
        single(&items)?;
    }
    Ok(items.into_iter().filter(|value| name.names(value)).collect())
}

fn type_of<'d>(value: &Value<'d>) -> Result<Value<'d>, EvaluationError> {
    Ok(match value {
        Value::Node(node) => Value::Type { namespace: "FHIR", name: node.kind },
        other => Value::Type { namespace: "System", name: other.system_name() },
    })
}

/// Whether a condition holds for an item.
fn holds<'d>(
    call: &Call<'_, 'd, '_>,
    condition: &Expr,
    item: &Value<'d>,
    index: usize,
) -> Result<bool, EvaluationError> {
    Ok(truth(&call.evaluator.for_item(condition, item, index, call.scope)?)? == Some(true))
}
