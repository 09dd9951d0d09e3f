//! Errors to callers: one type, [`Failure`], and the OperationOutcome it becomes.
//!
//! <https://hl7.org/fhir/R4/operationoutcome.html>

mod conversion;
mod issue;

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;

pub use issue::{Code, Issue, Severity};

/// Why an interaction did not do what was asked: a status and at least one issue.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong, and what to do about it.
    pub issues: Vec<Issue>,
    /// What else the answer's headers say.
    pub advice: Advice,
}

/// What a failure adds to the answer's headers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Advice {
    /// The types of a patch (415): <https://www.rfc-editor.org/rfc/rfc5789#section-3.1>.
    AcceptPatch,
    /// The methods that are allowed (405).
    Allow(String),
    /// How to authenticate (401).
    Authenticate,
    /// The rest of the request was not read: the connection ends with the answer.
    Close,
    /// Nothing.
    #[default]
    None,
    /// That the token is not valid (401): <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>.
    OtherToken,
    /// Try again after this many seconds (429, 503).
    RetryAfter(u32),
    /// That the token's scopes do not reach (403): <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>.
    Scope,
}

impl Failure {
    /// A failure of one issue of severity `error`.
    pub fn new(status: StatusCode, code: Code, details: impl Into<Cow<'static, str>>) -> Self {
        Self { status, issues: vec![Issue::error(code, details)], advice: Advice::None }
    }

    /// 400: the request cannot be understood or breaks a rule of the syntax.
    pub fn bad_request(code: Code, details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, details)
    }

    /// 404: there is no such thing for this caller.
    pub fn not_found(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, details)
    }

    /// 412: a condition of the request does not hold.
    pub fn precondition(details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, Code::Conflict, details)
    }

    /// 500. The caller learns that it is our fault and nothing else.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Exception,
            "The gateway failed on this request. Nothing more can be said here; the operator finds it in the log by the \
             X-Request-Id of this answer.",
        )
    }

    /// 503 with Retry-After.
    pub fn unavailable(code: Code, details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, details).advising(Advice::RetryAfter(1))
    }

    /// The same failure, at this FHIRPath where its issues name none.
    #[must_use]
    pub fn at(mut self, expression: &str) -> Self {
        for issue in &mut self.issues {
            if issue.expression.is_empty() {
                issue.expression.push(expression.to_owned());
            }
        }
        self
    }

    /// The same failure with advice.
    #[must_use]
    pub fn advising(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// The OperationOutcome as JSON.
    pub fn outcome(&self) -> Bytes {
        issue::outcome(&self.issues)
    }
}

/// The OperationOutcome of something that went well.
pub fn success(details: impl Into<Cow<'static, str>>) -> Bytes {
    issue::outcome(&[Issue::new(Severity::Information, Code::Informational, details)])
}

/// An OperationOutcome of these issues.
pub fn outcome(issues: &[Issue]) -> Bytes {
    issue::outcome(issues)
}
