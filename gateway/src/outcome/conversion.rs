//! The errors of every layer as failures: the one place where a status is chosen for them.

use consent::Refusal;
use hyper::StatusCode;
use mappers::json::JsonError;
use mappers::search::QueryError;
use mappers::search::custom::Problem;
use mappers::structure;
use mappers::xml::XmlError;

use crate::audit::AuditError;
use crate::outcome::{Advice, Code, Failure, Issue};
use crate::store::{ChangeError, ChangeRefusal, StoreError};

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => {
                Self::unavailable(Code::Transient, "The database is not available now. Try again.")
            }
            StoreError::Contention => Self::unavailable(
                Code::LockError,
                "Too many requests change the same records at this moment; nothing was changed. Try again.",
            ),
            StoreError::Stale => Self::unavailable(
                Code::Transient,
                "The definition of a search parameter has changed at this moment. Ask again.",
            ),
            StoreError::StorageFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                Code::NoStore,
                "The storage is full; nothing was changed. An operator must make room before writes succeed again.",
            ),
            // Texts of these are about tables and constraints, never about values.
            StoreError::Database(_) | StoreError::Invariant(_) => {
                tracing::error!(%error, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Refused { reason, .. } => reason.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeRefusal> for Failure {
    fn from(refusal: ChangeRefusal) -> Self {
        match refusal {
            ChangeRefusal::ReadOnly => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::NotSupported,
                "The table behind this type is read-only here: it can be read and searched.",
            )
            .advising(Advice::Allow("GET, HEAD".to_owned())),
            ChangeRefusal::VersionMismatch { current: Some(version) } => Self::precondition(format!(
                "The resource is at version {version} now. Read it, apply the change to that, and send its ETag."
            )),
            ChangeRefusal::VersionMismatch { current: None } => {
                Self::precondition("There is no such resource now, so no version of it can match.")
            }
            ChangeRefusal::Unknown => Self::not_found("There is no such resource."),
            ChangeRefusal::Unprocessable { column, expression, reason } => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                issues: vec![Issue {
                    expression: vec![expression],
                    ..Issue::error(Code::BusinessRule, format!("The column {column} cannot carry this: {reason}"))
                }],
                advice: Advice::None,
            },
            ChangeRefusal::SearchParameter(problems) => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                issues: problems.into_iter().map(issue).collect(),
                advice: Advice::None,
            },
            ChangeRefusal::UnseenPatient => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                Code::BusinessRule,
                "The patient that this is about is not there, or not for this caller: create the patient first, or ask for access.",
            ),
            ChangeRefusal::TrailRecord => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::NotSupported,
                "AuditEvents with an id of this form are records of the audit trail. They can be read and searched by those who may, \
                 and never written. Give an AuditEvent of your own another id.",
            )
            .advising(Advice::Allow("GET, HEAD".to_owned())),
            ChangeRefusal::TrailSource => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                Code::BusinessRule,
                "This meta.source is that of the records of the audit trail here, and of nothing that a client writes. Name another \
                 source, or none.",
            )
            .at("AuditEvent.meta.source"),
            ChangeRefusal::OwnProvenance => Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::NotSupported,
                "Provenances with an id of this form are the gateway's own statements of what was written. They can be read and \
                 searched, and never written. Give a Provenance of your own another id.",
            )
            .advising(Advice::Allow("GET, HEAD".to_owned())),
            ChangeRefusal::ProvenanceSource => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                Code::BusinessRule,
                "This meta.source is that of the gateway's own Provenances here, and of nothing that a client writes. Name another \
                 source, or none.",
            )
            .at("Provenance.meta.source"),
            ChangeRefusal::Forbidden => {
                Self::new(StatusCode::FORBIDDEN, Code::Forbidden, "This caller may not make this change.")
            }
            ChangeRefusal::BeyondScopes => Self::new(
                StatusCode::FORBIDDEN,
                Code::Forbidden,
                "The token's scopes do not reach what this would be: it has to be of a patient whom they are about, name no other one as whose \
                 it is, be in no encounter but that patient's, and keep to the scopes' conditions.",
            )
            .advising(Advice::Scope),
            ChangeRefusal::ProvenanceTooOften(times) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                Code::TooCostly,
                format!(
                    "X-Provenance would be stored {times} times, once for each patient, and is too long for that: send fewer patients at \
                     a time, or a shorter one."
                ),
            ),
            ChangeRefusal::Withheld => Self::new(
                StatusCode::FORBIDDEN,
                Code::Forbidden,
                "The resource names something that is not there for this caller, and what is said of that there is withheld \
                 (meta.security says REDACTED): it cannot be taken away unseen. Leave these references in their places.",
            ),
            ChangeRefusal::Twice => Self::bad_request(
                Code::Duplicate,
                "The same resource is changed twice in one transaction. Send one change of each resource.",
            ),
        }
    }
}

fn issue(problem: Problem) -> Issue {
    let code = Code::parse(problem.code).unwrap_or(Code::Invalid);
    Issue { expression: vec![problem.expression], ..Issue::error(code, problem.details) }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, Code::Forbidden, format!("Refused: {refusal}."))
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::json(&error, "Resource")
    }
}

impl Failure {
    /// 400: no JSON for us, in what should be a resource of type `root`.
    pub fn json(error: &JsonError, root: &str) -> Self {
        let issue = Issue {
            diagnostics: Some(format!("line {}, column {}", error.line, error.column).into()),
            expression: vec![error.expression_in(root)],
            ..Issue::error(Code::Structure, error.message)
        };
        Self { status: StatusCode::BAD_REQUEST, issues: vec![issue], advice: Advice::None }
    }
}

impl From<XmlError> for Failure {
    /// 400: no FHIR XML.
    fn from(error: XmlError) -> Self {
        let expression = if error.expression.is_empty() { "Resource".to_owned() } else { error.expression };
        let issue = Issue {
            diagnostics: Some(format!("line {}, column {}", error.line, error.column).into()),
            expression: vec![expression],
            ..Issue::error(Code::parse(error.code.as_str()).unwrap_or(Code::Invalid), error.details)
        };
        Self { status: StatusCode::BAD_REQUEST, issues: vec![issue], advice: Advice::None }
    }
}

impl From<Vec<structure::Issue>> for Failure {
    fn from(issues: Vec<structure::Issue>) -> Self {
        let issues = issues.into_iter().map(|issue| Issue {
            expression: vec![issue.expression],
            ..Issue::error(Code::parse(issue.code.as_str()).unwrap_or(Code::Invalid), issue.details)
        });
        Self { status: StatusCode::BAD_REQUEST, issues: issues.collect(), advice: Advice::None }
    }
}

impl From<Vec<QueryError>> for Failure {
    fn from(errors: Vec<QueryError>) -> Self {
        let issues = errors.into_iter().map(|error| Issue {
            expression: if error.parameter.is_empty() { Vec::new() } else { vec![format!("http.{}", error.parameter)] },
            ..Issue::error(Code::parse(error.code).unwrap_or(Code::Invalid), error.details)
        });
        let issues: Vec<Issue> = issues.collect();
        // All that is wrong would be wrong in a while, too, but this.
        if !issues.is_empty() && issues.iter().all(|issue| issue.code == Code::Transient) {
            return Self { status: StatusCode::SERVICE_UNAVAILABLE, issues, advice: Advice::RetryAfter(2) };
        }
        Self { status: StatusCode::BAD_REQUEST, issues, advice: Advice::None }
    }
}

impl From<AuditError> for Failure {
    fn from(_: AuditError) -> Self {
        Self::unavailable(
            Code::Transient,
            "The audit trail is not available, and no data leaves without it. Try again.",
        )
    }
}
