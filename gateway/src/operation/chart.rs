//! What a patient's record holds, type by type: what the operations on a patient read.

use mappers::json::{Document, Element};
use mappers::search::{self, Context, Handling};

use crate::interaction::{Exchange, not_there, trail};
use crate::outcome::{Code, Failure};
use crate::store::{Found, SearchRequest, Version};

/// What a record names and does not hold: who, where, with what.
pub(super) const NAMED: [&str; 8] = [
    "Device",
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Substance",
];

/// Resources of one type that are looked at. Who has more gets the rest by search.
const MOST: usize = 5_000;
/// Resources read at a time.
const PAGE: usize = 500;

/// The resource, or 404 and 410 as a read would answer.
pub(super) async fn instance(exchange: &Exchange<'_>, kind: &str, id: &str) -> Result<Version, Failure> {
    if let Some(record) = trail::record(exchange, kind, id).await? {
        return Ok(record);
    }
    match exchange.endpoint.gateway.store.read(&exchange.permit, kind, id).await? {
        Found::Present(version) => Ok(version),
        found => Err(not_there(&found)),
    }
}

/// The resources of a type that are about the patient, in the order they came to be.
pub(super) async fn of_type(exchange: &Exchange<'_>, kind: &str, patient: &str) -> Result<Vec<Version>, Failure> {
    let context = Context { handling: Handling::Strict, base: &exchange.endpoint.base, custom: None };
    let (search, _, _) = search::parse(Some(kind), &format!("patient=Patient/{patient}"), context)?;
    let mut request = SearchRequest { search, count: PAGE, ..SearchRequest::default() };
    let mut found = Vec::new();
    loop {
        let page = exchange.endpoint.gateway.store.search(&exchange.permit, &request).await?;
        found.extend(page.matches);
        request.after = page.next;
        if request.after.is_none() {
            return Ok(found);
        }
        if found.len() >= MOST {
            return Err(Failure::new(
                hyper::StatusCode::UNPROCESSABLE_ENTITY,
                Code::TooCostly,
                format!("The patient has more than {MOST} resources of type {kind}: read them by search instead."),
            ));
        }
    }
}

/// Whether there is a resource of the type about the patient for which `wanted` holds.
pub(super) async fn any(
    exchange: &Exchange<'_>,
    kind: &str,
    patient: &str,
    wanted: impl Fn(Element<'_>) -> bool,
) -> Result<bool, Failure> {
    let versions = of_type(exchange, kind, patient).await?;
    Ok(versions.iter().any(|version| read(version, &wanted).unwrap_or(false)))
}

/// Looks into a resource; `None` where the store holds something that is no JSON, which it does not.
pub(super) fn read<T>(version: &Version, look: impl FnOnce(Element<'_>) -> T) -> Option<T> {
    Document::parse(&version.body).ok().map(|document| look(document.root()))
}

/// The text at a path of members, the first item of each list.
pub(super) fn text(element: Element<'_>, path: &str) -> Option<String> {
    let mut at = element;
    for name in path.split('.') {
        at = at.member(name)?;
        if at.kind() == mappers::json::Kind::Array {
            at = at.children().next()?;
        }
    }
    at.string().map(|text| text.into_owned()).filter(|text| !text.is_empty())
}

/// Whether a `CodeableConcept`, or one of a list of them, has one of these codes.
pub(super) fn has_code(concept: Option<Element<'_>>, codes: &[&str]) -> bool {
    let Some(concept) = concept else { return false };
    let concepts: Vec<Element<'_>> =
        if concept.kind() == mappers::json::Kind::Array { concept.children().collect() } else { vec![concept] };
    let codings = concepts.iter().filter_map(|concept| concept.member("coding")).flat_map(|list| list.children());
    codings
        .into_iter()
        .any(|coding| coding.member("code").and_then(|code| code.string()).is_some_and(|code| codes.contains(&&*code)))
}

/// When the resource is about: the first of the elements that say so.
pub(super) fn moment(root: Element<'_>) -> Option<String> {
    const PATHS: [&str; 15] = [
        "effectiveDateTime",
        "effectivePeriod.start",
        "onsetDateTime",
        "performedDateTime",
        "performedPeriod.start",
        "occurrenceDateTime",
        "authoredOn",
        "recordedDate",
        "dateAsserted",
        "date",
        "issued",
        "period.start",
        "created",
        "recorded",
        "start",
    ];
    PATHS.iter().find_map(|path| text(root, path))
}
