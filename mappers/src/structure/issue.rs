//! What is wrong with a resource, and where.

/// How many issues one check reports; the walk stops there.
pub const MAX_ISSUES: usize = 50;

/// The codes of <https://hl7.org/fhir/R4/valueset-issue-type.html> that the check uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IssueCode {
    /// An element that is unknown, or has the wrong shape.
    Structure,
    /// A required element is missing.
    Required,
    /// A value that its type does not allow.
    Value,
    /// A rule of the standard between elements is broken.
    Invariant,
    /// A code that a required binding does not hold.
    CodeInvalid,
    /// A value beyond the length the standard allows.
    TooLong,
}

impl IssueCode {
    /// The code as `OperationOutcome.issue.code` writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Required => "required",
            Self::Value => "value",
            Self::Invariant => "invariant",
            Self::CodeInvalid => "code-invalid",
            Self::TooLong => "too-long",
        }
    }
}

/// One error: as much as an `OperationOutcome.issue` needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// FHIR issue type.
    pub code: IssueCode,
    /// The element, in the simple FHIRPath of <https://hl7.org/fhir/R4/operationoutcome.html>: `Patient.name[1].famly`.
    /// A choice is its name without the type: `Observation.value`.
    pub expression: String,
    /// What is wrong and what to do; never the value that was sent.
    pub details: String,
}

/// Where the walk stands: a list on the stack, which costs nothing until an issue needs its text.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    parent: Option<&'p Self>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Name(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    pub(crate) fn root(name: &'p str) -> Self {
        Self { parent: None, step: Step::Name(name) }
    }

    pub(crate) fn member<'c>(&'c self, name: &'c str) -> Place<'c> {
        Place { parent: Some(self), step: Step::Name(name) }
    }

    pub(crate) fn item(&self, index: usize) -> Place<'_> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    pub(crate) fn expression(&self) -> String {
        let mut out = self.parent.map(Self::expression).unwrap_or_default();
        match self.step {
            Step::Name(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(name);
            }
            Step::Index(index) => {
                out.push('[');
                out.push_str(&index.to_string());
                out.push(']');
            }
        }
        out
    }
}
