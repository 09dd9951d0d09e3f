//! A resource as a client sends it: one pass of the scanner, the structure check, then minified.

use bytes::Bytes;
use mappers::json::{Document, Element, minify};
use mappers::structure;

use crate::outcome::{Code, Failure};

/// From here on parsing and checking go to a thread that may block.
pub(super) const PARSE_ELSEWHERE: usize = 128 * 1024;

/// A resource that passed the check.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Its id, where it has one.
    pub(super) id: Option<Box<str>>,
    /// Minified, every token as the client wrote it.
    pub(super) body: Bytes,
}

/// Reads a body that must be a resource of this type.
///
/// # Errors
/// 400: no JSON, another type, or not what R4 says of the type.
pub(super) async fn resource(body: Bytes, expected: &'static str) -> Result<Resource, Failure> {
    if body.len() < PARSE_ELSEWHERE {
        return parse(&body, expected);
    }
    tokio::task::spawn_blocking(move || parse(&body, expected)).await.unwrap_or_else(|_| Err(Failure::internal()))
}

fn parse(body: &Bytes, expected: &'static str) -> Result<Resource, Failure> {
    if body.is_empty() {
        return Err(Failure::bad_request(Code::Required, format!("The request has no body. Send the {expected}.")));
    }
    let document = Document::parse(body).map_err(|error| Failure::json(&error, expected))?;
    let root = document.root();
    check_type(root, expected)?;
    structure::check_resource(&document, Some(expected))?;
    Ok(Resource { id: id(root), body: minified(root, body) })
}

/// The type a resource says it is, against the one of its address.
pub(super) fn check_type(resource: Element<'_>, expected: &str) -> Result<(), Failure> {
    let named = resource.member("resourceType").and_then(|kind| kind.string());
    match named.as_deref() {
        Some(kind) if kind == expected => Ok(()),
        Some(kind) if structure::is_resource_type(kind) => Err(Failure::bad_request(
            Code::Value,
            format!("The resource is a {kind}, and the address is for {expected}. Send it to its own type."),
        )
        .at(expected)),
        Some(_) => Err(Failure::bad_request(Code::Value, "resourceType names no resource type of R4.").at(expected)),
        None => Err(Failure::bad_request(
            Code::Required,
            "The body is no FHIR resource: it has no resourceType. Send one JSON object with resourceType.",
        )
        .at(expected)),
    }
}

/// The resource's own id.
pub(super) fn id(resource: Element<'_>) -> Option<Box<str>> {
    resource.member("id").and_then(|id| id.string()).map(|id| Box::from(&*id))
}

/// The text of a value without white space; the source itself where it has none.
pub(super) fn minified(element: Element<'_>, source: &Bytes) -> Bytes {
    if element.is_compact() {
        return source.slice(element.start()..element.end());
    }
    let mut out = Vec::with_capacity(element.end() - element.start());
    minify(&element, &mut out);
    out.into()
}
