//! SQL text with the values of its placeholders.

use crate::store::connection::Arg;
use crate::store::consents::predicate::Places;

/// A statement that owns its values.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    /// The text.
    pub(super) sql: String,
    values: Vec<Value>,
}

#[derive(Clone, Debug)]
enum Value {
    Int(i64),
    Real(f64),
    Text(Box<str>),
}

impl Statement {
    /// Adds an integer and gives its placeholder.
    pub(super) fn int(&mut self, value: i64) -> String {
        self.add(Value::Int(value))
    }

    /// Adds a number and gives its placeholder.
    pub(super) fn real(&mut self, value: f64) -> String {
        self.add(Value::Real(value))
    }

    /// Adds a text and gives its placeholder.
    pub(super) fn text(&mut self, value: &str) -> String {
        self.add(Value::Text(value.into()))
    }

    /// The values, for the database.
    pub(super) fn args(&self) -> Vec<Arg<'_>> {
        self.values.iter().map(Value::arg).collect()
    }

    fn add(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}

impl<'p> Places<'p> for Statement {
    fn text(&mut self, value: &'p str) -> String {
        Self::text(self, value)
    }

    fn int(&mut self, value: i64) -> String {
        Self::int(self, value)
    }
}

impl Value {
    fn arg(&self) -> Arg<'_> {
        match self {
            Self::Int(value) => Arg::Int(*value),
            Self::Real(value) => Arg::Real(*value),
            Self::Text(value) => Arg::Text(value),
        }
    }
}
