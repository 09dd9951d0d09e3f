//! A permit's predicate as SQL: the one place that renders it, into every plan.

use consent::{Permit, Predicate};

use crate::store::connection::{Arg, Engine};
use crate::store::consents;
use crate::store::consents::predicate::{Breadth, Places, Span, Types};
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

    /// The condition that a directory row (under `alias`) passes the predicate, for what shows past versions.
    pub(crate) fn predicate_ever(&mut self, predicate: &'a Predicate, alias: &str, engine: Engine) -> String {
        self::predicate(predicate, (alias, Types::All), Span::Ever, engine, Breadth::Few, self)
    }

    /// The same of a row of one type, for what shows such versions.
    pub(crate) fn predicate_of(
        &mut self,
        predicate: &'a Predicate,
        (alias, kind): (&str, &str),
        span: Span,
        engine: Engine,
    ) -> String {
        self::predicate(predicate, (alias, Types::Of(&[kind])), span, engine, Breadth::Few, self)
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

/// The condition that a directory row (under `alias`, of one of the types) passes the predicate.
pub(crate) fn predicate<'p>(
    predicate: &'p Predicate,
    (alias, types): (&str, Types<'_>),
    span: Span,
    engine: Engine,
    breadth: Breadth<'_>,
    places: &mut impl Places<'p>,
) -> String {
    match predicate {
        Predicate::Consents(asked) => {
            consents::predicate::condition(asked, (alias, types), span, engine, breadth, places)
        }
        Predicate::Organization => "true".to_owned(),
        Predicate::Patient(id) => format!("{alias}.patient = {}", places.text(id)),
    }
}
