//! Formats: JSON in and out, anything else is refused by name. <https://hl7.org/fhir/R4/http.html#mime-type>

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode, header};

use crate::http::query;
use crate::outcome::{Advice, Code, Failure};

/// What the answer is written in.
pub const FHIR_JSON: &str = "application/fhir+json";

/// The media type of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";

/// Refuses requests whose answer could not be JSON.
///
/// # Errors
/// 406: `_format` or Accept leaves no JSON of R4.
pub fn check_accept(headers: &HeaderMap, query: &str) -> Result<(), Failure> {
    if let Some(format) = query::value(query, "_format") {
        return check_format(&format);
    }
    let mut asked = false;
    for value in headers.get_all(header::ACCEPT) {
        let Ok(value) = value.to_str() else { continue };
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            asked = true;
            if accepts(range) {
                return Ok(());
            }
        }
    }
    if asked { Err(not_acceptable()) } else { Ok(()) }
}

/// Refuses a `_format` that is no JSON.
///
/// # Errors
/// 406.
pub fn check_format(format: &str) -> Result<(), Failure> {
    // A `+` that was not escaped arrives as a space.
    if is_json(&format.replace(' ', "+")) { Ok(()) } else { Err(not_acceptable()) }
}

/// Refuses bodies that are no JSON.
///
/// # Errors
/// 415: another media type, charset or version of FHIR.
pub fn check_resource_type(headers: &HeaderMap) -> Result<(), Failure> {
    let is_ours = |value: &HeaderValue| value.to_str().is_ok_and(|value| is_json(value) && charset_is_utf8(value));
    if headers.get_all(header::CONTENT_TYPE).iter().all(is_ours) {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::NotSupported,
        "The gateway takes resources as FHIR R4 JSON in UTF-8: send Content-Type: application/fhir+json.",
    ))
}

/// Refuses bodies that are no patch in JSON.
///
/// # Errors
/// 415, with the types that are taken.
pub fn check_patch_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if (essence(value).eq_ignore_ascii_case(JSON_PATCH) || is_json(value)) && charset_is_utf8(value) {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::NotSupported,
        "The gateway takes a JSON Patch (Content-Type: application/json-patch+json) or a FHIRPath Patch (a Parameters, \
         Content-Type: application/fhir+json).",
    )
    .advising(Advice::AcceptPatch))
}

/// Refuses a patch that is not of the type its header says.
///
/// # Errors
/// 400.
pub fn check_patch_shape(headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json_patch = essence(value).eq_ignore_ascii_case(JSON_PATCH);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let (wrong, details) = if is_json_patch {
        (b'{', "The Content-Type says JSON Patch, which is an array of operations: [{\"op\": ...}].")
    } else {
        (b'[', "The body is an array, as a JSON Patch is: send it with Content-Type: application/json-patch+json.")
    };
    if first == Some(&wrong) { Err(Failure::bad_request(Code::Structure, details)) } else { Ok(()) }
}

/// Refuses `_search` bodies that are no form.
///
/// # Errors
/// 415.
pub fn check_form_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if essence(value).eq_ignore_ascii_case("application/x-www-form-urlencoded") && charset_is_utf8(value) {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::NotSupported,
        "Send the parameters of _search as Content-Type: application/x-www-form-urlencoded.",
    ))
}

/// Whether the client takes gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let coding = essence(range);
        (coding.eq_ignore_ascii_case("gzip") || coding == "*") && quality_above_zero(range)
    })
}

/// What of a Binary the client takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fit {
    /// The content in its own type.
    Content,
    /// Nothing that there is.
    Neither,
    /// The resource.
    Resource,
}

/// What of a Binary is asked for by media ranges: the resource where its own type is among them.
pub fn fit(ranges: &[String], content_type: &str) -> Fit {
    let mut ranges = ranges.iter().filter(|range| quality_above_zero(range)).peekable();
    if ranges.clone().any(|range| is_json(range)) {
        return Fit::Resource;
    }
    let whole = essence(content_type);
    let family = whole.split('/').next().unwrap_or_default();
    let takes = |range: &String| match essence(range).split_once("/*") {
        Some(("*", _)) => true,
        Some((wanted, _)) => wanted.eq_ignore_ascii_case(family),
        None => essence(range).eq_ignore_ascii_case(whole),
    };
    if ranges.any(takes) { Fit::Content } else { Fit::Neither }
}

/// 406.
pub fn not_acceptable() -> Failure {
    Failure::new(
        StatusCode::NOT_ACCEPTABLE,
        Code::NotSupported,
        "The gateway answers in FHIR R4 JSON only: ask with Accept: application/fhir+json or _format=json.",
    )
}

fn accepts(range: &str) -> bool {
    let wild = matches!(essence(range), "*/*" | "application/*");
    (wild || is_json(range)) && quality_above_zero(range)
}

/// A name of JSON, and no other version of FHIR than R4.
fn is_json(value: &str) -> bool {
    let name = essence(value);
    let json = ["application/fhir+json", "application/json", "application/json+fhir", "text/json", "json"]
        .iter()
        .any(|json| name.eq_ignore_ascii_case(json));
    json && parameter(value, "fhirVersion").is_none_or(|version| version.starts_with("4.0"))
}

fn charset_is_utf8(value: &str) -> bool {
    parameter(value, "charset")
        .is_none_or(|charset| ["utf-8", "utf8", "us-ascii"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)))
}

fn quality_above_zero(range: &str) -> bool {
    parameter(range, "q").is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0))
}

/// A media type without its parameters.
pub fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    fn accept(value: &str, query: &str) -> bool {
        check_accept(&headers(header::ACCEPT, value), query).is_ok()
    }

    #[test]
    fn json_is_acceptable_under_all_its_names() {
        for value in [
            "*/*",
            "application/fhir+json",
            "application/json;q=0.5, text/html",
            "application/fhir+json; fhirVersion=4.0",
        ] {
            assert!(accept(value, ""), "{value}");
        }
        assert!(check_accept(&HeaderMap::new(), "").is_ok());
        assert!(accept("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", ""), "a browser");
    }

    #[test]
    fn other_formats_are_not() {
        for value in
            ["application/fhir+xml", "text/turtle", "application/json;q=0", "application/fhir+json;fhirVersion=5.0"]
        {
            assert!(!accept(value, ""), "{value}");
        }
    }

    #[test]
    fn the_format_parameter_overrides_the_header() {
        assert!(accept("application/fhir+xml", "_format=json"));
        assert!(accept("application/fhir+xml", "_format=application/fhir+json"));
        assert!(!accept("application/json", "_format=xml"));
    }

    #[test]
    fn content_is_asked_for_by_its_type() {
        let fit = |accept: &str| fit(&[accept.to_owned()], "text/plain; charset=utf-8");
        assert_eq!([fit("*/*"), fit("text/*"), fit("TEXT/PLAIN")], [Fit::Content; 3]);
        assert_eq!([fit("image/*"), fit("text/html"), fit("text/plain;q=0")], [Fit::Neither; 3]);
        assert_eq!([fit("application/fhir+json"), fit("json")], [Fit::Resource; 2]);
    }

    #[test]
    fn bodies_are_json_in_utf8() {
        let check = |value: &str| check_resource_type(&headers(header::CONTENT_TYPE, value)).is_ok();
        assert!(check("application/fhir+json; charset=UTF-8"));
        assert!(!check("application/fhir+json; charset=iso-8859-1"));
        assert!(!check("application/fhir+xml"));
    }

    #[test]
    fn gzip_is_taken_when_named_with_weight() {
        assert!(accepts_gzip(&headers(header::ACCEPT_ENCODING, "br;q=1.0, gzip;q=0.8")));
        assert!(!accepts_gzip(&headers(header::ACCEPT_ENCODING, "gzip;q=0")));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
