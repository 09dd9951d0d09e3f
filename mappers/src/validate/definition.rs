//! What a `StructureDefinition` says, as far as a validation needs it: <https://hl7.org/fhir/R4/structuredefinition.html>,
//! <https://hl7.org/fhir/R4/elementdefinition.html>.

use crate::fhirpath::Expression;

/// A profile, or the definition of an extension.
#[derive(Debug)]
pub struct Definition {
    /// Its canonical address.
    pub(super) url: Box<str>,
    /// Its business version.
    pub(super) version: Option<Box<str>>,
    /// The type it is about: `Observation`, `Extension`.
    pub(super) kind: Box<str>,
    /// What it is derived from, where it only says what it adds.
    pub(super) base: Option<Box<str>>,
    /// Where an extension may stand.
    pub(super) contexts: Vec<ExtensionContext>,
    /// An extension that changes the meaning of what it stands in.
    pub(super) modifier: bool,
    /// The rules, from the type itself on.
    pub(super) root: Rule,
}

/// Where an extension may stand: <https://hl7.org/fhir/R4/defining-extensions.html#context>.
#[derive(Clone, Debug)]
pub(super) struct ExtensionContext {
    pub(super) kind: Box<str>,
    pub(super) expression: Box<str>,
}

/// What is said of one element, and of those in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    /// Its name, of a choice without `[x]`; of the first the type.
    pub(super) name: Box<str>,
    /// The name of the slice that it is.
    pub(super) slice: Option<Box<str>>,
    pub(super) min: u32,
    /// `None`: any number.
    pub(super) max: Option<u32>,
    /// Types it may have; none: those of the base.
    pub(super) types: Vec<TypeRule>,
    pub(super) fixed: Option<Sample>,
    pub(super) pattern: Option<Sample>,
    pub(super) max_length: Option<usize>,
    pub(super) least: Option<Sample>,
    pub(super) most: Option<Sample>,
    pub(super) binding: Option<Binding>,
    pub(super) invariants: Vec<Invariant>,
    pub(super) slicing: Option<Slicing>,
    /// `Questionnaire.item`: the rules of that element hold here.
    pub(super) same_as: Option<Box<str>>,
    /// It fixes what the tables may not hold.
    pub(super) unchecked: bool,
    pub(super) children: Vec<Self>,
    pub(super) slices: Vec<Self>,
}

/// A type that an element may have.
#[derive(Clone, Debug)]
pub(super) struct TypeRule {
    pub(super) code: Box<str>,
    /// One of these must be met.
    pub(super) profiles: Vec<Box<str>>,
    /// What a reference may name.
    pub(super) targets: Vec<Box<str>>,
}

/// A value of a definition, as its JSON.
#[derive(Clone, Debug)]
pub(super) struct Sample(pub(super) Box<str>);

/// <https://hl7.org/fhir/R4/terminologies.html#strength>
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) required: bool,
    pub(super) value_set: Box<str>,
}

/// An invariant.
#[derive(Clone, Debug)]
pub(super) struct Invariant {
    pub(super) key: Box<str>,
    pub(super) is_error: bool,
    /// `None`: what is written there is no FHIRPath.
    pub(super) expression: Option<Expression>,
    /// It asks for what only another resource tells.
    pub(super) resolves: bool,
}

/// <https://hl7.org/fhir/R4/profiling.html#slicing>
#[derive(Clone, Debug)]
pub(super) struct Slicing {
    pub(super) discriminators: Vec<Discriminator>,
    pub(super) ordered: bool,
    pub(super) rules: Openness,
}

/// Whether items of no slice may be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Openness {
    Closed,
    Open,
    OpenAtEnd,
}

/// How slices are told apart.
#[derive(Clone, Debug)]
pub(super) struct Discriminator {
    pub(super) kind: DiscriminatorKind,
    pub(super) path: Vec<PathStep>,
}

/// <https://hl7.org/fhir/R4/valueset-discriminator-type.html>; a pattern is tested as a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum DiscriminatorKind {
    Exists,
    Profile,
    Type,
    Value,
}

/// A step of a discriminator's path: <https://hl7.org/fhir/R4/profiling.html#discriminator>.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum PathStep {
    Extension(Box<str>),
    Member(Box<str>),
    OfType(Box<str>),
    Resolve,
    /// What is none of the restricted FHIRPath.
    Unknown,
}

impl Rule {
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The rule of a member.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| &*child.name == name)
    }
}
