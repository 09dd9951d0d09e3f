//! A permit's predicate as SQL: the one place that renders it, into every plan.

use consent::{Permit, Predicate};

use crate::store::connection::{Arg, Engine};
use crate::store::consents;
use crate::store::consents::predicate::{Breadth, Places, Span};
use crate::store::types::ResourceKey;

/// SQL text under construction, with its arguments.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    /// The text so far.
    pub(crate) sql: String,
    /// The arguments so far: `$1` is the first.
    pub(crate) args: Vec<Arg<'a>>,
}

impl<'a> Query<'a> {
    /// Adds an argument and gives its placeholder.
    pub(crate) fn arg(&mut self, arg: Arg<'a>) -> String {
        self.args.push(arg);
        format!("${}", self.args.len())
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// The directory's row id of a resource (whether it is there still or not), as an expression.
    pub(crate) fn rid_of(&mut self, permit: &Permit, resource: &'a ResourceKey) -> String {
        let organization = self.arg(Arg::Int(permit.organization().0));
        let kind = self.arg(Arg::Text(&resource.kind));
        let id = self.arg(Arg::Text(&resource.id));
        format!("(select rid from directory where organization_id = {organization} and type = {kind} and id = {id})")
    }

    /// The condition that a directory row (under `alias`), of one of the types (of any, where there is none), passes the predicate;
    /// `span`: for what shows such versions.
    pub(crate) fn predicate(
        &mut self,
        predicate: &'a Predicate,
        (alias, kinds): (&str, &[&str]),
        span: Span,
        engine: Engine,
    ) -> String {
        self::predicate(predicate, (alias, kinds), span, engine, Breadth::Few, self)
    }
}

impl<'a> Places<'a> for Query<'a> {
    fn text(&mut self, value: &'a str) -> String {
        self.arg(Arg::Text(value))
    }

    fn int(&mut self, value: i64) -> String {
        self.arg(Arg::Int(value))
    }
}

/// The condition that a directory row (under `alias`, of one of the types, or of any where there is none) passes the predicate.
pub(crate) fn predicate<'p>(
    predicate: &'p Predicate,
    (alias, kinds): (&str, &[&str]),
    span: Span,
    engine: Engine,
    breadth: Breadth<'_>,
    places: &mut impl Places<'p>,
) -> String {
    match predicate {
        Predicate::Consents(asked) => {
            consents::predicate::condition(asked, (alias, kinds), span, engine, breadth, places)
        }
        Predicate::Organization => "true".to_owned(),
        Predicate::Patient(id) => format!("{alias}.patient = {}", places.text(id)),
    }
}
