//! Named operations, one file each: <https://hl7.org/fhir/R4/operations.html>. They are interactions like others: permitted,
//! audited resource by resource, and bounded.

mod chart;
mod everything;
mod has_history;
mod summary;
mod validate;
mod visit_snapshot;

use std::borrow::Cow;

use mappers::json::{Document, Element, Kind};

use crate::http::query;
use crate::interaction::{Answer, Exchange, Request};
use crate::outcome::{Code, Failure};

/// An operation that routes lead to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Operation {
    /// `Patient/{id}/$everything`, `Encounter/{id}/$everything`
    Everything,
    /// `Patient/{id}/$has-history`
    HasHistory,
    /// `Patient/{id}/$summary`
    Summary,
    /// `[type]/$validate`, `[type]/{id}/$validate`
    Validate,
    /// `Appointment/{id}/$visit-snapshot`
    VisitSnapshot,
}

impl Operation {
    /// Its name in addresses and in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everything => "$everything",
            Self::HasHistory => "$has-history",
            Self::Summary => "$summary",
            Self::Validate => "$validate",
            Self::VisitSnapshot => "$visit-snapshot",
        }
    }

    /// What every type is offered: name, and the address of its definition.
    pub fn of_all_types() -> &'static [(&'static str, &'static str)] {
        &[("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate")]
    }

    /// What one type is offered beside that.
    pub fn of_type(kind: &str) -> &'static [(&'static str, &'static str)] {
        match kind {
            "Appointment" => {
                &[("visit-snapshot", "https://fhir-gateway.dev/OperationDefinition/Appointment-visit-snapshot")]
            }
            "Encounter" => &[("everything", "http://hl7.org/fhir/OperationDefinition/Encounter-everything")],
            "Patient" => &[
                ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
                ("has-history", "https://fhir-gateway.dev/OperationDefinition/Patient-has-history"),
                ("summary", "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"),
            ],
            _ => &[],
        }
    }
}

/// Does what is asked.
///
/// # Errors
/// The [`Failure`] to answer with.
pub async fn perform(operation: Operation, exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    match operation {
        Operation::Everything => everything::everything(exchange, request).await,
        Operation::HasHistory => has_history::has_history(exchange, request).await,
        Operation::Summary => summary::summary(exchange, request).await,
        Operation::Validate => validate::validate(exchange, request).await,
        Operation::VisitSnapshot => visit_snapshot::visit_snapshot(exchange, request).await,
    }
}

/// A parameter that is a primitive or a reference: from the address, or from the Parameters resource of a POST.
fn parameter<'r>(request: &'r Request, name: &str) -> Result<Option<Cow<'r, str>>, Failure> {
    if let Some(value) = query::value(&request.query, name) {
        return Ok(Some(value));
    }
    if request.body.is_empty() {
        return Ok(None);
    }
    let malformed =
        || Failure::bad_request(Code::Structure, "Send the parameters of the operation as a Parameters resource.");
    let document = Document::parse(&request.body).map_err(|_| malformed())?;
    let root = document.root();
    if root.member("resourceType").and_then(|kind| kind.string()).as_deref() != Some("Parameters") {
        return Err(malformed());
    }
    let Some(parameter) = named(root, name) else { return Ok(None) };
    let value = parameter.children().find(|member| member.key().is_some_and(|key| key.starts_with("value")));
    let value =
        value.and_then(|value| if value.kind() == Kind::Object { value.member("reference") } else { Some(value) });
    let text = value.and_then(|value| value.string()).ok_or_else(malformed)?;
    Ok(Some(Cow::Owned(text.into_owned())))
}

/// A parameter of a Parameters resource.
fn named<'d>(parameters: Element<'d>, name: &str) -> Option<Element<'d>> {
    let mut list = parameters.member("parameter").into_iter().flat_map(|list| list.children());
    list.find(|parameter| parameter.member("name").and_then(|text| text.string()).as_deref() == Some(name))
}
