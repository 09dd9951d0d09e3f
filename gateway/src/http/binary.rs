//! Binary over HTTP: raw bytes in and out. <https://hl7.org/fhir/R4/binary.html#rest>
//!
//! Who asks for FHIR JSON or XML by name, or says nothing, gets the resource; who accepts the content's own type gets the content.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, header};
use mappers::json::{Document, write_string};

use crate::http::negotiation::{self, Fit, Format};
use crate::http::{query, xml};
use crate::interaction::{Answer, Payload};
use crate::outcome::{Code, Failure};
use crate::router::{Interaction, Place};

/// The header that says whose data raw content is.
pub const SECURITY_CONTEXT: &str = "x-security-context";

/// Content as its own type.
#[derive(Debug)]
pub struct Raw {
    /// `Binary.contentType`.
    pub content_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// What a read of a Binary asks for.
#[derive(Debug)]
pub struct Wish(Vec<String>);

impl Wish {
    /// The wish of a request; `None` where it is for no Binary, or for a resource in any case.
    pub fn of(place: &Place<'_>, parts: &Parts) -> Option<Self> {
        let reading = matches!(place.interaction, Interaction::Read | Interaction::VersionRead);
        if place.kind != Some("Binary") || !reading {
            return None;
        }
        let format = query::value(parts.uri.query().unwrap_or_default(), "_format");
        let ranges = match format {
            Some(format) => vec![format.replace(' ', "+")],
            None => {
                let values = parts.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
                values.flat_map(|value| value.split(',')).map(|range| range.trim().to_owned()).collect()
            }
        };
        (!ranges.is_empty()).then_some(Self(ranges))
    }

    /// The content where that is wanted; `None` leaves the resource as it is.
    ///
    /// # Errors
    /// 406: neither the resource nor the content is of a type that was asked for.
    pub fn fulfil(&self, answer: &Answer) -> Result<Option<Raw>, Failure> {
        let Payload::Resource(body) = &answer.payload else { return Ok(None) };
        let document = Document::parse(body).map_err(|_| Failure::internal())?;
        let member = |name: &str| document.root().member(name).and_then(|value| value.string());
        let content_type = member("contentType").unwrap_or_default();
        match negotiation::fit(&self.0, &content_type) {
            Fit::Resource => Ok(None),
            Fit::Neither => Err(negotiation::not_acceptable()),
            Fit::Content => {
                let spelled: String = member("data").unwrap_or_default().split_ascii_whitespace().collect();
                let bytes = BASE64.decode(spelled).map_err(|_| Failure::internal())?;
                Ok(Some(Raw { content_type: content_type.into_owned(), bytes: bytes.into() }))
            }
        }
    }
}

/// The Binary that a body becomes: what is a Binary resource already stays one, everything else is content.
///
/// # Errors
/// 400: nothing was sent, or XML of FHIR that is none.
pub async fn resource(place: &Place<'_>, headers: &HeaderMap, body: Bytes) -> Result<Bytes, Failure> {
    match negotiation::of_body(headers) {
        _ if !is_write(place) => return Ok(body),
        Ok(Format::Json) if !is_other_json(&body) => return Ok(body),
        Ok(Format::Xml) if !is_other_xml(headers, &body) => return xml::read(body).await,
        Ok(_) | Err(_) => {}
    }
    if body.is_empty() {
        return Err(Failure::bad_request(Code::Required, "The request has no body. Send the content."));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let mut out = Vec::with_capacity(body.len() / 3 * 4 + 256);
    out.extend_from_slice(b"{\"resourceType\":\"Binary\"");
    if let Some(id) = place.id {
        member(&mut out, "id", id);
    }
    member(&mut out, "contentType", text("content-type").unwrap_or("application/octet-stream"));
    if let Some(context) = text(SECURITY_CONTEXT).filter(|context| !context.is_empty()) {
        out.extend_from_slice(b",\"securityContext\":{\"reference\":");
        write_string(&mut out, context);
        out.push(b'}');
    }
    member(&mut out, "data", &BASE64.encode(&body));
    out.push(b'}');
    Ok(out.into())
}

/// Whether a write brings a Binary: a resource, or content of any type.
pub fn is_write(place: &Place<'_>) -> bool {
    let writing = matches!(place.interaction, Interaction::Create | Interaction::Update);
    writing && place.kind == Some("Binary")
}

/// JSON that is sound and no Binary is content as any other.
fn is_other_json(body: &[u8]) -> bool {
    let Ok(document) = Document::parse(body) else { return false };
    document.root().member("resourceType").and_then(|kind| kind.string()).is_none_or(|kind| kind != "Binary")
}

/// XML with another root than a Binary is content too, and so is what is XML of anything and says so.
fn is_other_xml(headers: &HeaderMap, body: &[u8]) -> bool {
    match mappers::xml::root(body) {
        Some(kind) => kind != "Binary",
        None => {
            let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            body.is_empty() || !negotiation::is_fhir(value)
        }
    }
}

fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b',');
    write_string(out, name);
    out.push(b':');
    write_string(out, value);
}

/// Whether a browser may show it in a page of its own: types that run nothing.
pub fn is_harmless(content_type: &str) -> bool {
    const HARMLESS: [&str; 6] = ["application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"];
    HARMLESS.iter().any(|harmless| negotiation::essence(content_type).eq_ignore_ascii_case(harmless))
}
