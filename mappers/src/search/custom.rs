//! Search parameters that an organization defines for itself, by SearchParameter resources
//! (<https://hl7.org/fhir/R4/searchparameter.html>).
//!
//! Where a built-in parameter has paths, these have an expression in FHIRPath, evaluated when a resource is written. Its
//! values become rows of the same index tables by the same extractors, under places of the parameter's own: negative
//! numbers, which no built-in place has ([`super::index_path()`] gives none below zero), given once and never again.

mod definition;
mod fit;
mod values;

use std::cell::Cell;

use crate::fhirpath::Expression;
use crate::json::Element;
use crate::search::IndexRows;
use crate::search::parameters::ParameterKind;

pub use definition::{Definition, Known, Part, Problem, Verdict, read};

/// The most parameters of an organization's own.
pub const MOST: usize = 200;
/// What the expressions of one parameter may spend on one resource (see [`crate::fhirpath::WORK`]).
pub const WORK: u64 = 100_000;
/// What those of all parameters may spend on one resource together: the ones that were defined last are left without.
const WORK_OF_ALL: u64 = 1_000_000;
/// The most values that one parameter takes from one resource.
pub const MOST_VALUES: usize = 1000;
/// The most bytes that these values have together.
pub const MOST_BYTES: usize = 1 << 20;

/// The parameters that an organization has added, as of a version.
#[derive(Debug, Default)]
pub struct Custom {
    version: i64,
    parameters: Vec<Parameter>,
}

/// A parameter that an organization has added.
#[derive(Debug)]
pub struct Parameter {
    /// The number of its first place; the places are the negative numbers from its own downwards.
    pub number: i32,
    /// Whether searches can rely on it.
    pub state: State,
    /// What it is.
    pub definition: Definition,
    /// What `|` joins in its expression.
    expressions: Vec<Expression>,
    parts: Vec<Expression>,
    bare: bool,
}

/// Whether searches can rely on a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Not yet: what was written before the parameter is still being indexed; so many percent of it are, in steps of ten.
    Indexing(u8),
    /// It is complete.
    Ready,
}

impl Custom {
    /// The parameters as of a version.
    #[must_use]
    pub fn new(version: i64, parameters: Vec<Parameter>) -> Self {
        Self { version, parameters }
    }

    /// Which state of the definitions this is.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// All of them.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Those of a resource type.
    pub fn of<'c>(&'c self, kind: &'c str) -> impl Iterator<Item = &'c Parameter> + 'c {
        self.parameters.iter().filter(move |parameter| parameter.is_of(kind))
    }

    /// The one of this name of a type.
    #[must_use]
    pub fn named(&self, kind: &str, code: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| &*parameter.definition.code == code && parameter.is_of(kind))
    }

    /// The one that has a place.
    #[must_use]
    pub fn at(&self, path: i32) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.places().contains(&path))
    }

    /// Adds the rows that these parameters give for a resource as it is served.
    pub fn extract<'d>(&self, kind: &str, resource: Element<'d>, rows: &mut IndexRows<'d>) {
        let (mut is_any, mut left) = (false, WORK_OF_ALL);
        for parameter in self.of(kind) {
            is_any = true;
            let work = Cell::new(WORK.min(left));
            let allowed = work.get();
            // A resource that an expression fails for is not found by it.
            let _ = values::extract(parameter, resource, &work, rows);
            left -= allowed - work.get();
        }
        if is_any {
            rows.once();
        }
    }
}

impl Parameter {
    /// Compiles a definition.
    ///
    /// # Errors
    /// Its expressions cannot be read: they were checked before, so what was kept is broken.
    pub fn new(number: i32, state: State, definition: Definition) -> Result<Self, crate::fhirpath::SyntaxError> {
        let expression = Expression::parse(&definition.expression)?;
        let parts = definition.parts.iter().map(|part| Expression::parse(&part.expression));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let bare = definition.kinds().iter().all(|kind| fit::is_bare(&expression.types_on(kind)));
        let expressions = expression.alternatives();
        Ok(Self { number, state, definition, expressions, parts, bare })
    }

    /// Whether it is a parameter of this type.
    #[must_use]
    pub fn is_of(&self, kind: &str) -> bool {
        self.definition.is_of(kind)
    }

    /// Its own place.
    #[must_use]
    pub fn path(&self) -> i32 {
        -self.number
    }

    /// Where tokens of identifiers with their type stand.
    #[must_use]
    pub fn typed_path(&self) -> i32 {
        -self.number - 1
    }

    /// The place of a part of a composite.
    #[must_use]
    pub fn part_path(&self, part: usize) -> i32 {
        let part = i32::try_from(part).unwrap_or_default();
        -self.number - 2 - 2 * part
    }

    /// All its places, from the least.
    #[must_use]
    pub fn places(&self) -> std::ops::RangeInclusive<i32> {
        1 - self.number - self.definition.span()..=-self.number
    }

    /// Whether its values are codes or yes and no, whose system goes without saying.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// Adds the rows of a resource as it is served.
    ///
    /// # Errors
    /// The expression fails for the resource, or gives more than is taken: no row is added.
    pub fn extract<'d>(&self, resource: Element<'d>, rows: &mut IndexRows<'d>) -> Result<(), Unfit> {
        values::extract(self, resource, &Cell::new(WORK), rows)
    }

    /// Whether a kind of parameter has rows in each table; see [`super::extract()`].
    #[must_use]
    pub fn kinds(&self) -> Vec<ParameterKind> {
        match self.definition.param_kind {
            ParameterKind::Composite => self.definition.parts.iter().map(|part| part.param_kind).collect(),
            kind => vec![kind],
        }
    }
}

/// A resource gives no values for a parameter: evaluation failed, was too much work, or gave too many.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unfit;
