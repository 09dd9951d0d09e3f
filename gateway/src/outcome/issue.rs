//! One issue of an OperationOutcome, and the writer: <https://hl7.org/fhir/R4/operationoutcome.html>.

use std::borrow::Cow;

use bytes::Bytes;
use mappers::json::write_string;

/// One thing that is wrong (or worth saying).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: Code,
    /// A sentence for people: what is wrong.
    pub details: Cow<'static, str>,
    /// What to do about it, or where in the text it is.
    pub diagnostics: Option<Cow<'static, str>>,
    /// FHIRPath of the element.
    pub expression: Vec<String>,
    /// What kind of thing it is to a terminology service: a code of [`terminology::issue::KINDS`].
    pub kind: Option<&'static str>,
}

impl Issue {
    /// An issue with neither place nor diagnostics.
    pub fn new(severity: Severity, code: Code, details: impl Into<Cow<'static, str>>) -> Self {
        Self { severity, code, details: details.into(), diagnostics: None, expression: Vec::new(), kind: None }
    }

    /// An issue of severity `error`.
    pub fn error(code: Code, details: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Severity::Error, code, details)
    }
}

/// <https://hl7.org/fhir/R4/valueset-issue-severity.html>
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// The request failed.
    Error,
    /// The request failed and so did the gateway.
    Fatal,
    /// Worth saying.
    Information,
    /// The request was done, and something about it may not be what the caller meant.
    Warning,
}

impl Severity {
    /// The code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Information => "information",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// <https://hl7.org/fhir/R4/valueset-issue-type.html>, what we use of it.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// The code.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The code of this text.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// A rule of the resource's table or type.
    BusinessRule = "business-rule",
    /// A code that a required binding does not hold.
    CodeInvalid = "code-invalid",
    /// Two writers.
    Conflict = "conflict",
    /// The resource was deleted.
    Deleted = "deleted",
    /// The same thing twice.
    Duplicate = "duplicate",
    /// Our fault.
    Exception = "exception",
    /// An extension that is not known, or stands where it may not.
    Extension = "extension",
    /// Refused.
    Forbidden = "forbidden",
    /// All is well.
    Informational = "informational",
    /// Content that cannot be.
    Invalid = "invalid",
    /// A rule of the standard.
    Invariant = "invariant",
    /// Locked by others' work just now.
    LockError = "lock-error",
    /// No token, or not ours.
    Login = "login",
    /// A condition matched more than one resource.
    MultipleMatches = "multiple-matches",
    /// No space left.
    NoStore = "no-store",
    /// No such resource, type or address.
    NotFound = "not-found",
    /// Not offered.
    NotSupported = "not-supported",
    /// Something failed that is nobody's structure or value.
    Processing = "processing",
    /// An element is missing.
    Required = "required",
    /// Not the shape the standard gives.
    Structure = "structure",
    /// Too much is asked, or there is too much to do.
    Throttled = "throttled",
    /// Took too long.
    Timeout = "timeout",
    /// Too much of it.
    TooCostly = "too-costly",
    /// Longer than the limit.
    TooLong = "too-long",
    /// Comes and goes.
    Transient = "transient",
    /// A value that its type does not allow.
    Value = "value",
}

/// Writes an OperationOutcome. An empty list would be invalid; callers have at least one issue.
pub(super) fn outcome(issues: &[Issue]) -> Bytes {
    let mut out = Vec::with_capacity(128 + issues.len() * 192);
    out.extend_from_slice(br#"{"resourceType":"OperationOutcome","issue":["#);
    for (index, issue) in issues.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(&mut out, issue);
    }
    out.extend_from_slice(b"]}");
    out.into()
}

fn write(out: &mut Vec<u8>, issue: &Issue) {
    out.extend_from_slice(br#"{"severity":""#);
    out.extend_from_slice(issue.severity.as_str().as_bytes());
    out.extend_from_slice(br#"","code":""#);
    out.extend_from_slice(issue.code.as_str().as_bytes());
    out.extend_from_slice(br#"","details":{"#);
    if let Some(kind) = issue.kind {
        out.extend_from_slice(
            format!(r#""coding":[{{"system":"{}","code":"{kind}"}}],"#, terminology::issue::KINDS).as_bytes(),
        );
    }
    out.extend_from_slice(br#""text":"#);
    write_string(out, &issue.details);
    out.push(b'}');
    if let Some(diagnostics) = &issue.diagnostics {
        out.extend_from_slice(br#","diagnostics":"#);
        write_string(out, diagnostics);
    }
    for (index, expression) in issue.expression.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#","expression":["# } else { b"," });
        write_string(out, expression);
    }
    if !issue.expression.is_empty() {
        out.push(b']');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_json_with_every_part() {
        let issue = Issue {
            diagnostics: Some("line 1".into()),
            expression: vec!["Patient.name[0]".into(), "Patient.id".into()],
            ..Issue::error(Code::Structure, "a \"quoted\" word")
        };
        assert_eq!(
            outcome(&[issue, Issue::new(Severity::Warning, Code::Value, "w")]),
            concat!(
                r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"structure","#,
                r#""details":{"text":"a \"quoted\" word"},"diagnostics":"line 1","#,
                r#""expression":["Patient.name[0]","Patient.id"]},"#,
                r#"{"severity":"warning","code":"value","details":{"text":"w"}}]}"#
            )
        );
    }

    #[test]
    fn codes_parse_their_own_text() {
        for code in [Code::BusinessRule, Code::Value, Code::NotFound, Code::TooLong] {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }
}
