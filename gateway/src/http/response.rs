//! An answer or a failure as an HTTP response.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body as _;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};

use crate::authorization::{self, Challenge};
use crate::http::binary::{self, Raw};
use crate::http::negotiation::{FHIR_JSON, FHIR_XML, Format, of_parameter};
use crate::http::{compression, date, precondition, pretty, query, xml};
use crate::interaction::notice::{self, Notice};
use crate::interaction::{Answer, Payload};
use crate::outcome::{Advice, Failure};
use crate::pages::Page;

/// Nobody keeps it.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The body of every response.
pub type Body = Full<Bytes>;

/// How the client wants its answer to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presentation {
    /// JSON or XML.
    pub format: Format,
    /// The request changes something: what was done must not look refused.
    pub changes: bool,
    /// For people.
    pub pretty: bool,
    /// Compressed.
    pub gzip: bool,
    /// Headers alone.
    pub head: bool,
    /// From a page of another origin.
    pub cross_origin: bool,
}

impl Presentation {
    /// As a form says, which counts beside the address.
    pub fn follow(&mut self, form: &str) {
        if let Some(Ok(format)) = query::value(form, "_format").map(|format| of_parameter(&format)) {
            self.format = format;
        }
        if let Some(pretty) = query::value(form, "_pretty") {
            self.pretty = pretty == "true";
        }
    }
}

/// The response to an answer.
pub async fn success(answer: Answer, presentation: Presentation) -> Response<Body> {
    let body = match answer.payload {
        Payload::Nothing => Bytes::new(),
        Payload::Outcome(body) | Payload::Resource(body) => body,
    };
    let response = match represented(body, presentation).await {
        Ok((body, content_type)) => write(answer.status, body, content_type, presentation).await,
        Err(error) => return failure(&error, presentation).await,
    };
    stamped(response, answer.stamp, answer.location, answer.notice.as_deref())
}

/// A body in the format that was asked for, with its media type.
///
/// # Errors
/// 406: XML cannot tell it. A write that was done is answered in JSON then: it must not look refused.
async fn represented(body: Bytes, presentation: Presentation) -> Result<(Bytes, HeaderValue), Failure> {
    if presentation.format == Format::Xml && !body.is_empty() {
        match xml::write(body.clone(), presentation.pretty).await {
            Ok(text) => return Ok((text, HeaderValue::from_static(FHIR_XML))),
            Err(error) if !presentation.changes => return Err(error),
            Err(_) => {}
        }
    }
    let body = if presentation.pretty && !body.is_empty() { pretty::indent(&body) } else { body };
    Ok((body, HeaderValue::from_static(FHIR_JSON)))
}

/// The content of a Binary. Nothing of it is ever run in our name: what a browser may not merely show it saves.
pub async fn raw(answer: Answer, raw: Raw, presentation: Presentation) -> Response<Body> {
    let content_type = HeaderValue::try_from(raw.content_type.as_str());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = write(answer.status, raw.bytes, content_type, presentation).await;
    let headers = response.headers_mut();
    let disposition = if binary::is_harmless(&raw.content_type) { "inline" } else { "attachment" };
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    stamped(response, answer.stamp, answer.location, answer.notice.as_deref())
}

/// With version, time and place of the resource it is about, and what has to go along with it.
fn stamped(
    mut response: Response<Body>,
    stamp: Option<(i64, i64)>,
    location: Option<String>,
    notice: Option<&Notice>,
) -> Response<Body> {
    let headers = response.headers_mut();
    if let Some(notice) = notice {
        headers.insert(notice::HEADER, notice.value());
    }
    if let Some((version, updated_ms)) = stamp {
        insert(headers, header::ETAG, precondition::tag(version));
        if let Some(updated) = date::http_date(updated_ms) {
            insert(headers, header::LAST_MODIFIED, updated);
        }
    }
    if let Some(location) = location {
        insert(headers, header::LOCATION, location);
    }
    response
}

/// The response to a failure: its OperationOutcome.
pub async fn failure(failure: &Failure, presentation: Presentation) -> Response<Body> {
    // Outcomes are ours, and XML tells them all.
    let (body, content_type) = match represented(failure.outcome(), presentation).await {
        Ok(represented) => represented,
        Err(_) => (failure.outcome(), HeaderValue::from_static(FHIR_JSON)),
    };
    let mut response = write(failure.status, body, content_type, presentation).await;
    let headers = response.headers_mut();
    match &failure.advice {
        Advice::AcceptPatch => {
            headers.insert(
                "accept-patch",
                HeaderValue::from_static("application/json-patch+json, application/fhir+json, application/fhir+xml"),
            );
        }
        Advice::Allow(methods) => insert(headers, header::ALLOW, methods.clone()),
        Advice::Authenticate => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fhir\""));
        }
        Advice::Close => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Advice::None => {}
        Advice::OtherToken => {
            let challenge = HeaderValue::from_static("Bearer realm=\"fhir\", error=\"invalid_token\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        Advice::RetryAfter(seconds) => insert(headers, header::RETRY_AFTER, seconds.to_string()),
        Advice::Scope => {
            let challenge = HeaderValue::from_static("Bearer realm=\"fhir\", error=\"insufficient_scope\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
    response
}

/// What the authorization server answers: <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>.
pub fn oauth(reply: authorization::Reply, cross_origin: bool) -> Response<Body> {
    let (status, body, challenge, kept_s, wait_s) = match reply {
        authorization::Reply::Json { status, body, challenge, kept_s, wait_s } => {
            (status, body, challenge, kept_s, wait_s)
        }
        // What a person looks at is for no other page to read.
        authorization::Reply::Page(page) => return self::page(*page),
    };
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !is_empty {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let kept = (kept_s > 0).then(|| format!("public, max-age={}", kept_s));
    let kept = kept.and_then(|kept| HeaderValue::try_from(kept).ok());
    // What is kept is kept for every origin.
    let cross_origin = cross_origin || kept.is_some();
    if let Some(kept) = kept {
        headers.insert(header::CACHE_CONTROL, kept);
    } else {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    let challenge = match challenge {
        Challenge::None => None,
        Challenge::Basic => Some("Basic realm=\"fhir-gateway\""),
        Challenge::Bearer => Some("Bearer realm=\"fhir-gateway\", error=\"invalid_token\""),
    };
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if wait_s > 0 {
        headers.insert(header::RETRY_AFTER, wait_s.into());
    }
    if cross_origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// An answer to HEAD: what it would be, without its body.
pub fn without_body(mut response: Response<Body>) -> Response<Body> {
    let length = response.body().size_hint().exact().filter(|length| *length > 0);
    if let Some(length) = length {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    *response.body_mut() = Body::default();
    response
}

/// A page for people.
pub fn page(page: Page) -> Response<Body> {
    let headers = page.headers();
    let mut response = Response::new(Body::from(page.html));
    *response.status_mut() = page.status;
    *response.headers_mut() = headers;
    response
}

/// Lines of text: what probes read.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// The answer to a page's question whether it may ask: the token is what decides, not the page's origin.
pub fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// What pages of other origins may read of an answer.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, last-modified, location, ratelimit, ratelimit-policy, record-notice, redisclosure-notice, retry-after, x-request-id",
);

const REQUEST_HEADERS: &str = "accept, authorization, content-type, if-match, if-modified-since, if-none-exist, \
     if-none-match, prefer, x-provenance, x-purpose-of-use, x-request-id, x-security-context";

async fn write(
    status: StatusCode,
    body: Bytes,
    content_type: HeaderValue,
    presentation: Presentation,
) -> Response<Body> {
    let compressible = body.len() > compression::THRESHOLD;
    let zipped = if presentation.gzip && compressible { compression::gzip(body.clone()).await } else { None };
    let is_zipped = zipped.is_some();
    let body = zipped.unwrap_or(body);
    let length = body.len();
    let mut response = Response::new(Body::new(if presentation.head { Bytes::new() } else { body }));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if length > 0 {
        headers.insert(header::CONTENT_TYPE, content_type);
        if presentation.head {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
    }
    if is_zipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let vary = if compressible { "accept, accept-encoding, x-purpose-of-use" } else { "accept, x-purpose-of-use" };
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    // Health data is for the one who asked, at the moment of asking: a browser that keeps it shows it to whoever sits there next.
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    if presentation.cross_origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

/// Headers hold what we wrote ourselves; a text that is none would be left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(changes: bool) -> (StatusCode, Option<HeaderValue>) {
        // What no checker lets in, but somebody else may have put into a table.
        let body = Bytes::from_static(br#"{"resourceType":"Patient","colour":"red"}"#);
        let presentation = Presentation { format: Format::Xml, changes, ..Presentation::default() };
        let response = success(Answer::document(body, Vec::new()), presentation).await;
        (response.status(), response.headers().get(header::CONTENT_TYPE).cloned())
    }

    #[tokio::test]
    async fn what_xml_cannot_tell_is_refused_unless_something_was_changed() {
        let (json, xml) = (HeaderValue::from_static(FHIR_JSON), HeaderValue::from_static(FHIR_XML));
        assert_eq!(answered(false).await, (StatusCode::NOT_ACCEPTABLE, Some(xml)));
        assert_eq!(answered(true).await, (StatusCode::OK, Some(json)));
    }
}
