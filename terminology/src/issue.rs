//! What is wrong, as terminology services say it: an issue with a code of its own
//! (<http://hl7.org/fhir/tools/CodeSystem/tx-issue-type>), so that a validator can tell one from another.

use serde_json::{Value, json};

/// The code system of [`Issue::kind`].
pub const KINDS: &str = "http://hl7.org/fhir/tools/CodeSystem/tx-issue-type";

const MESSAGE_ID: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id";

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// It does not hold.
    Error,
    /// It should be looked at.
    Warning,
    /// It is said, no more.
    Information,
}

/// Something to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// A code of <https://hl7.org/fhir/R4/valueset-issue-type.html>.
    pub code: &'static str,
    /// A code of [`KINDS`]; empty for none.
    pub kind: &'static str,
    /// What, in words.
    pub text: String,
    /// Where, as a FHIRPath into what was sent.
    pub at: Option<String>,
    /// The name that FHIR's validators give to what is said (<http://hl7.org/fhir/StructureDefinition/operationoutcome-message-id>);
    /// empty for none.
    pub id: &'static str,
    /// Whether the answer's `message` says it too.
    pub is_told: bool,
}

impl Issue {
    /// An error that the message tells.
    pub fn error(code: &'static str, kind: &'static str, text: String, at: Option<String>) -> Self {
        Self { severity: Severity::Error, code, kind, text, at, id: "", is_told: true }
    }

    /// A warning that the message tells.
    pub fn warning(code: &'static str, kind: &'static str, text: String, at: Option<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, kind, text, at) }
    }

    /// Said, no more.
    pub fn information(code: &'static str, kind: &'static str, text: String, at: Option<String>) -> Self {
        Self { severity: Severity::Information, ..Self::error(code, kind, text, at) }
    }

    /// The same, by the name that validators give to it.
    #[must_use]
    pub fn called(self, id: &'static str) -> Self {
        Self { id, ..self }
    }

    /// The same, which the message does not tell.
    #[must_use]
    pub fn untold(self) -> Self {
        Self { is_told: false, ..self }
    }

    fn json(&self) -> Value {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        };
        let mut details = json!({ "text": self.text });
        if !self.kind.is_empty() {
            details["coding"] = json!([{ "system": KINDS, "code": self.kind }]);
        }
        let mut issue = json!({ "severity": severity, "code": self.code, "details": details });
        if !self.id.is_empty() {
            issue["extension"] = json!([{ "url": MESSAGE_ID, "valueString": self.id }]);
        }
        if let Some(at) = &self.at {
            issue["location"] = json!([at]);
            issue["expression"] = json!([at]);
        }
        issue
    }
}

/// Issues as an `OperationOutcome`.
pub fn outcome(issues: &[Issue]) -> Value {
    json!({ "resourceType": "OperationOutcome", "issue": issues.iter().map(Issue::json).collect::<Vec<_>>() })
}

/// Why nothing could be answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// What is said.
    pub issue: Issue,
    /// The HTTP status that goes with it: 400, 404 or 422.
    pub status: u16,
}

impl Fault {
    /// Something that was asked for is not known.
    pub fn not_found(text: String) -> Self {
        Self { issue: Issue::error("not-found", "not-found", text, None), status: 404 }
    }

    /// What was sent says nothing that can be answered.
    pub fn invalid(text: String) -> Self {
        Self { issue: Issue::error("invalid", "", text, None), status: 400 }
    }

    /// It would be more than is answered at once: <https://hl7.org/fhir/R4/valueset-operation-expand.html>.
    pub fn too_costly(text: String) -> Self {
        Self { issue: Issue::error("too-costly", "", text, None), status: 422 }
    }

    /// What a definition says cannot be done.
    pub fn processing(issue: Issue) -> Self {
        Self { issue, status: 422 }
    }
}
