//! Named operations, one file each: <https://hl7.org/fhir/R4/operations.html>. They are interactions like others: permitted,
//! audited resource by resource, and bounded.

pub(crate) mod break_glass;
mod chart;
pub(crate) mod consent_explain;
mod docref;
mod document;
mod everything;
mod has_history;
pub(crate) mod lastn;
mod meta;
mod parameter_status;
mod patient_match;
mod span;
mod summary;
mod terminology;
mod validate;
mod visit_snapshot;

use std::borrow::Cow;

use mappers::json::{Document, Element, Kind};
use mappers::search::query::escaped;

use crate::http::query;
use crate::interaction::{Answer, Exchange, Request};
use crate::outcome::{Code, Failure};

/// An operation that routes lead to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Operation {
    /// `ValueSet/$batch-validate-code`
    BatchValidateCode,
    /// `Patient/{id}/$break-glass`
    BreakGlass,
    /// `$consent-explain`, `Patient/{id}/$consent-explain`
    ConsentExplain,
    /// `DocumentReference/$docref`
    Docref,
    /// `Composition/{id}/$document`, `Composition/$document`
    Document,
    /// `Patient/{id}/$everything`, `Encounter/{id}/$everything`
    Everything,
    /// `ValueSet/$expand`, `ValueSet/{id}/$expand`
    Expand,
    /// `Patient/{id}/$has-history`
    HasHistory,
    /// `Observation/$lastn`
    Lastn,
    /// `CodeSystem/$lookup`
    Lookup,
    /// `Patient/$match`
    Match,
    /// `$meta`, of all, of a type, of a resource, of one of its versions
    Meta,
    /// `[type]/{id}/$meta-add`, also of the current version
    MetaAdd,
    /// `[type]/{id}/$meta-delete`, also of the current version
    MetaDelete,
    /// `SearchParameter/{id}/$status`
    ParameterStatus,
    /// `CodeSystem/$subsumes`, `CodeSystem/{id}/$subsumes`
    Subsumes,
    /// `Patient/{id}/$summary`
    Summary,
    /// `ConceptMap/$translate`, `ConceptMap/{id}/$translate`
    Translate,
    /// `[type]/$validate`, `[type]/{id}/$validate`
    Validate,
    /// `ValueSet/$validate-code`, `CodeSystem/$validate-code`, and of one of them
    ValidateCode,
    /// `Appointment/{id}/$visit-snapshot`
    VisitSnapshot,
}

impl Operation {
    /// Its name in addresses and in the audit trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchValidateCode => "$batch-validate-code",
            Self::BreakGlass => "$break-glass",
            Self::ConsentExplain => "$consent-explain",
            Self::Docref => "$docref",
            Self::Document => "$document",
            Self::Everything => "$everything",
            Self::Expand => "$expand",
            Self::HasHistory => "$has-history",
            Self::Lastn => "$lastn",
            Self::Lookup => "$lookup",
            Self::Match => "$match",
            Self::Meta => "$meta",
            Self::MetaAdd => "$meta-add",
            Self::MetaDelete => "$meta-delete",
            Self::ParameterStatus => "$status",
            Self::Subsumes => "$subsumes",
            Self::Summary => "$summary",
            Self::Translate => "$translate",
            Self::Validate => "$validate",
            Self::ValidateCode => "$validate-code",
            Self::VisitSnapshot => "$visit-snapshot",
        }
    }

    /// Whether it may change or make a resource.
    pub fn may_change(self) -> bool {
        matches!(self, Self::BreakGlass | Self::Document | Self::MetaAdd | Self::MetaDelete)
    }

    /// Whether it does, asked so.
    pub fn changes(self, request: &Request) -> bool {
        match self {
            Self::Document => document::persists(request),
            other => other.may_change(),
        }
    }

    /// What the base is offered: name, and the address of its definition.
    pub fn of_the_base() -> &'static [(&'static str, &'static str)] {
        &[META, CONSENT_EXPLAIN]
    }

    /// What every type is offered.
    pub fn of_all_types() -> &'static [(&'static str, &'static str)] {
        &[
            META,
            ("meta-add", "http://hl7.org/fhir/OperationDefinition/Resource-meta-add"),
            ("meta-delete", "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete"),
            ("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"),
        ]
    }

    /// What one type is offered beside that.
    pub fn of_type(kind: &str) -> &'static [(&'static str, &'static str)] {
        match kind {
            "Appointment" => {
                &[("visit-snapshot", "https://fhir-gateway.dev/OperationDefinition/Appointment-visit-snapshot")]
            }
            "CodeSystem" => &[
                ("lookup", "http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup"),
                ("subsumes", "http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes"),
                ("validate-code", "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code"),
            ],
            "Composition" => &[("document", "http://hl7.org/fhir/OperationDefinition/Composition-document")],
            "ConceptMap" => &[("translate", "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate")],
            "DocumentReference" => &[("docref", "http://hl7.org/fhir/us/core/OperationDefinition/docref")],
            "Encounter" => &[("everything", "http://hl7.org/fhir/OperationDefinition/Encounter-everything")],
            "Observation" => &[("lastn", "http://hl7.org/fhir/OperationDefinition/Observation-lastn")],
            "Patient" => &[
                ("break-glass", "https://fhir-gateway.dev/OperationDefinition/Patient-break-glass"),
                CONSENT_EXPLAIN,
                ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
                ("has-history", "https://fhir-gateway.dev/OperationDefinition/Patient-has-history"),
                ("match", "http://hl7.org/fhir/OperationDefinition/Patient-match"),
                ("summary", "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"),
            ],
            "SearchParameter" => &[("status", "https://fhir-gateway.dev/OperationDefinition/SearchParameter-status")],
            "ValueSet" => &[
                ("batch-validate-code", "https://fhir-gateway.dev/OperationDefinition/ValueSet-batch-validate-code"),
                ("expand", "http://hl7.org/fhir/OperationDefinition/ValueSet-expand"),
                ("validate-code", "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code"),
            ],
            _ => &[],
        }
    }
}

const META: (&str, &str) = ("meta", "http://hl7.org/fhir/OperationDefinition/Resource-meta");

const CONSENT_EXPLAIN: (&str, &str) =
    ("consent-explain", "https://fhir-gateway.dev/OperationDefinition/consent-explain");

/// Does what is asked.
///
/// # Errors
/// The [`Failure`] to answer with.
pub async fn perform(operation: Operation, exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    match operation {
        Operation::BatchValidateCode
        | Operation::Expand
        | Operation::Lookup
        | Operation::Subsumes
        | Operation::Translate
        | Operation::ValidateCode => terminology::terminology(operation, exchange, request).await,
        Operation::BreakGlass => break_glass::break_glass(exchange, request).await,
        Operation::ConsentExplain => consent_explain::consent_explain(exchange, request).await,
        Operation::Docref => docref::docref(exchange, request).await,
        Operation::Document => document::document(exchange, request).await,
        Operation::Everything => everything::everything(exchange, request).await,
        Operation::HasHistory => has_history::has_history(exchange, request).await,
        Operation::Lastn => lastn::lastn(exchange, request).await,
        Operation::Match => patient_match::patient_match(exchange, request).await,
        Operation::Meta => meta::meta(exchange, request).await,
        Operation::MetaAdd | Operation::MetaDelete => meta::change(operation, exchange, request).await,
        Operation::ParameterStatus => parameter_status::parameter_status(exchange, request).await,
        Operation::Summary => summary::summary(exchange, request).await,
        Operation::Validate => validate::validate(exchange, request).await,
        Operation::VisitSnapshot => visit_snapshot::visit_snapshot(exchange, request).await,
    }
}

/// A parameter that is a primitive, a reference, or a code (as a token, `system|code`): from the address, or from the
/// Parameters resource of a POST.
fn parameter<'r>(request: &'r Request, name: &str) -> Result<Option<Cow<'r, str>>, Failure> {
    if let Some(value) = query::value(&request.query, name) {
        return Ok(Some(value));
    }
    if request.body.is_empty() {
        return Ok(None);
    }
    let document = parameters(&request.body)?;
    let Some(parameter) = named(document.root(), name) else { return Ok(None) };
    Ok(Some(Cow::Owned(of_value(parameter)?)))
}

/// The value of a parameter of a Parameters resource, as [`parameter`] gives it.
fn of_value(parameter: Element<'_>) -> Result<String, Failure> {
    let value = parameter.children().find(|member| member.key().is_some_and(|key| key.starts_with("value")));
    let text = value.and_then(|value| if value.kind() == Kind::Object { object(value) } else { scalar(value) });
    text.ok_or_else(malformed)
}

/// The Parameters resource of a POST.
fn parameters(body: &[u8]) -> Result<Document<'_>, Failure> {
    let document = Document::parse(body).map_err(|_| malformed())?;
    if !is_of_type(document.root(), "Parameters") {
        return Err(malformed());
    }
    Ok(document)
}

fn malformed() -> Failure {
    Failure::bad_request(Code::Structure, "Send the parameters of the operation as a Parameters resource.")
}

fn is_of_type(root: Element<'_>, kind: &str) -> bool {
    root.member("resourceType").and_then(|kind| kind.string()).as_deref() == Some(kind)
}

fn scalar(value: Element<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.string().map(Cow::into_owned),
        Kind::False | Kind::Number | Kind::True => Some(value.raw().to_owned()),
        _ => None,
    }
}

/// What a Reference refers to, or the codes of a Coding or `CodeableConcept` as tokens.
fn object(value: Element<'_>) -> Option<String> {
    if let Some(reference) = value.member("reference") {
        return scalar(reference);
    }
    let codings: Vec<Element<'_>> = match value.member("coding") {
        Some(list) => list.children().collect(),
        None => vec![value],
    };
    let token = |coding: &Element<'_>| {
        let code = escaped(&scalar(coding.member("code")?)?);
        Some(match coding.member("system").and_then(scalar) {
            Some(system) => format!("{}|{code}", escaped(&system)),
            None => code,
        })
    };
    let tokens: Vec<String> = codings.iter().filter_map(token).collect();
    (!tokens.is_empty()).then(|| tokens.join(","))
}

/// A parameter of a Parameters resource.
fn named<'d>(parameters: Element<'d>, name: &str) -> Option<Element<'d>> {
    let mut list = parameters.member("parameter").into_iter().flat_map(|list| list.children());
    list.find(|parameter| parameter.member("name").and_then(|text| text.string()).as_deref() == Some(name))
}
