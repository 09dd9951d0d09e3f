//! Formats: JSON and XML in and out, anything else is refused by name. <https://hl7.org/fhir/R4/http.html#mime-type>

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode, header};

use crate::http::query;
use crate::outcome::{Advice, Code, Failure};

/// The media type of JSON, as the answer says it.
pub const FHIR_JSON: &str = "application/fhir+json";

/// The media type of XML, as the answer says it.
pub const FHIR_XML: &str = "application/fhir+xml";

/// The media type of a JSON Patch.
pub const JSON_PATCH: &str = "application/json-patch+json";

/// What a resource is written in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// <https://hl7.org/fhir/R4/json.html>
    #[default]
    Json,
    /// <https://hl7.org/fhir/R4/xml.html>
    Xml,
}

impl Format {
    /// The format of a name or media type, where that is for no other version of FHIR than R4.
    pub fn named(value: &str) -> Option<Self> {
        const NAMES: [(Format, &str); 10] = [
            (Format::Json, "application/fhir+json"),
            (Format::Json, "application/json"),
            (Format::Json, "application/json+fhir"),
            (Format::Json, "text/json"),
            (Format::Json, "json"),
            (Format::Xml, "application/fhir+xml"),
            (Format::Xml, "application/xml"),
            (Format::Xml, "application/xml+fhir"),
            (Format::Xml, "text/xml"),
            (Format::Xml, "xml"),
        ];
        let name = essence(value);
        let (format, _) = NAMES.into_iter().find(|(_, known)| name.eq_ignore_ascii_case(known))?;
        parameter(value, "fhirVersion").is_none_or(|version| version.starts_with("4.0")).then_some(format)
    }
}

/// The format of the answer: `_format` says it, or Accept by its weights. Among equals the one that is named counts, then the
/// format of the request's own body, then JSON.
///
/// # Errors
/// 406: `_format` or Accept leaves no format of R4.
pub fn accepted(headers: &HeaderMap, query: &str) -> Result<Format, Failure> {
    if let Some(format) = query::value(query, "_format") {
        return of_parameter(&format);
    }
    let mut asked = false;
    let (mut json, mut xml) = (Wanted::default(), Wanted::default());
    for value in headers.get_all(header::ACCEPT) {
        let Ok(value) = value.to_str() else { continue };
        for range in value.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            asked = true;
            match (Format::named(range), essence(range)) {
                (Some(Format::Json), _) => json.add(2, quality(range)),
                (Some(Format::Xml), _) => xml.add(2, quality(range)),
                (None, "application/*") => [&mut json, &mut xml].into_iter().for_each(|all| all.add(1, quality(range))),
                (None, "*/*") => [&mut json, &mut xml].into_iter().for_each(|all| all.add(0, quality(range))),
                _ => {}
            }
        }
    }
    // Other XML than FHIR's may be the content of a Binary.
    let own = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).filter(|value| is_fhir(value));
    let own = own.and_then(Format::named).unwrap_or_default();
    if !asked {
        return Ok(own);
    }
    match (json.quality > 0.0, xml.quality > 0.0) {
        (false, false) => Err(not_acceptable()),
        (true, false) => Ok(Format::Json),
        (false, true) => Ok(Format::Xml),
        (true, true) => Ok(match (json.quality, json.closeness).partial_cmp(&(xml.quality, xml.closeness)) {
            Some(std::cmp::Ordering::Greater) => Format::Json,
            Some(std::cmp::Ordering::Less) => Format::Xml,
            _ => own,
        }),
    }
}

/// How much a format is wanted, by the media ranges that come closest to it.
#[derive(Default)]
struct Wanted {
    closeness: u8,
    quality: f32,
}

impl Wanted {
    fn add(&mut self, closeness: u8, quality: f32) {
        if closeness > self.closeness {
            *self = Self { closeness, quality };
        } else if closeness == self.closeness && quality > self.quality {
            self.quality = quality;
        }
    }
}

/// The format that a `_format` names.
///
/// # Errors
/// 406: another one.
pub fn of_parameter(format: &str) -> Result<Format, Failure> {
    // A `+` that was not escaped arrives as a space.
    Format::named(&format.replace(' ', "+")).ok_or_else(not_acceptable)
}

/// The format of a body; without a header JSON.
///
/// # Errors
/// 415: another media type, charset or version of FHIR.
pub fn of_body(headers: &HeaderMap) -> Result<Format, Failure> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_TYPE) {
        let format = named(value).filter(|format| found.is_none_or(|found| found == *format));
        found = Some(format.ok_or_else(|| {
            Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::NotSupported,
                "The gateway takes resources as FHIR R4 JSON or XML in UTF-8: send Content-Type: application/fhir+json or \
                 application/fhir+xml.",
            )
        })?);
    }
    Ok(found.unwrap_or_default())
}

fn named(value: &HeaderValue) -> Option<Format> {
    value.to_str().ok().filter(|value| charset_is_utf8(value)).and_then(Format::named)
}

/// The format of a patch.
///
/// # Errors
/// 415, with the types that are taken.
pub fn of_patch(headers: &HeaderMap) -> Result<Format, Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json_patch = essence(value).eq_ignore_ascii_case(JSON_PATCH);
    let format = if is_json_patch { Some(Format::Json) } else { Format::named(value) };
    format.filter(|_| charset_is_utf8(value)).ok_or_else(|| {
        Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::NotSupported,
            "The gateway takes a JSON Patch (Content-Type: application/json-patch+json) or a FHIRPath Patch (a Parameters, \
             Content-Type: application/fhir+json or application/fhir+xml).",
        )
        .advising(Advice::AcceptPatch)
    })
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

/// Refuses a body that is not said to be JSON: a page of another site sends forms and plain text without asking.
///
/// # Errors
/// 415.
pub fn check_json_type(headers: &HeaderMap) -> Result<(), Failure> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if essence(value).eq_ignore_ascii_case("application/json") && charset_is_utf8(value) {
        return Ok(());
    }
    Err(Failure::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::NotSupported,
        "Send it as Content-Type: application/json.",
    ))
}

/// Whether the client takes gzip.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let coding = essence(range);
        (coding.eq_ignore_ascii_case("gzip") || coding == "*") && quality(range) > 0.0
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
    let ranges = || ranges.iter().filter(|range| quality(range) > 0.0);
    // `application/xml` may mean any XML, as a browser does.
    let is_generic =
        |range: &str| matches!(essence(range).to_ascii_lowercase().as_str(), "application/xml" | "text/xml");
    if ranges().any(|range| Format::named(range).is_some() && !is_generic(range)) {
        return Fit::Resource;
    }
    let whole = essence(content_type);
    let family = whole.split('/').next().unwrap_or_default();
    let takes = |range: &String| match essence(range).split_once("/*") {
        Some(("*", _)) => true,
        Some((wanted, _)) => wanted.eq_ignore_ascii_case(family),
        None => essence(range).eq_ignore_ascii_case(whole),
    };
    if ranges().any(takes) {
        Fit::Content
    } else if ranges().any(|range| Format::named(range).is_some()) {
        Fit::Resource
    } else {
        Fit::Neither
    }
}

/// 406.
pub fn not_acceptable() -> Failure {
    Failure::new(
        StatusCode::NOT_ACCEPTABLE,
        Code::NotSupported,
        "The gateway answers in FHIR R4 JSON and XML: ask with Accept: application/fhir+json or application/fhir+xml, or with \
         _format=json or _format=xml.",
    )
}

/// Whether a media type names FHIR, not JSON or XML of anything.
pub fn is_fhir(value: &str) -> bool {
    essence(value).to_ascii_lowercase().contains("fhir")
}

fn charset_is_utf8(value: &str) -> bool {
    parameter(value, "charset")
        .is_none_or(|charset| ["utf-8", "utf8", "us-ascii"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)))
}

/// The weight of a range, from 0 to 1; one that is no number is none.
fn quality(range: &str) -> f32 {
    parameter(range, "q")
        .map_or(1.0, |q| q.parse::<f32>().ok().filter(|q| q.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0))
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

    fn accept(value: &str, query: &str) -> Option<Format> {
        accepted(&headers(header::ACCEPT, value), query).ok()
    }

    #[test]
    fn json_is_acceptable_under_all_its_names() {
        for value in [
            "*/*",
            "application/*",
            "application/fhir+json",
            "application/json;q=0.5, text/html",
            "application/fhir+json; fhirVersion=4.0",
            "text/html, */*;q=0.1",
        ] {
            assert_eq!(accept(value, ""), Some(Format::Json), "{value}");
        }
        assert_eq!(accepted(&HeaderMap::new(), "").ok(), Some(Format::Json));
    }

    #[test]
    fn xml_is_acceptable_under_all_its_names() {
        for value in [
            "application/fhir+xml",
            "application/xml",
            "TEXT/XML",
            "application/xml+fhir;q=0.1",
            "text/html, application/xml;q=0.9",
        ] {
            assert_eq!(accept(value, ""), Some(Format::Xml), "{value}");
        }
    }

    #[test]
    fn weights_choose_and_then_what_is_named() {
        for (value, format) in [
            ("application/fhir+xml, application/fhir+json;q=0.5", Format::Xml),
            ("application/fhir+xml;q=0.4, application/fhir+json;q=0.5", Format::Json),
            ("application/fhir+json;q=0.5, application/xml;q=0.500001", Format::Xml),
            ("application/fhir+xml, application/fhir+json", Format::Json),
            ("*/*, application/fhir+xml", Format::Xml),
            ("application/fhir+xml;q=0.5, */*", Format::Json),
            ("application/fhir+json;q=0, */*;q=0.1", Format::Xml),
            ("application/fhir+xml;q=0, application/*", Format::Json),
            ("application/*;q=0.5, */*;q=0.9, application/fhir+xml;q=0.6", Format::Xml),
            ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", Format::Xml),
            ("application/xml;q=nan, application/json;q=0.1", Format::Json),
        ] {
            assert_eq!(accept(value, ""), Some(format), "{value}");
        }
    }

    #[test]
    fn who_says_nothing_gets_what_he_sent() {
        let mut sent = headers(header::CONTENT_TYPE, "application/fhir+xml");
        assert_eq!(accepted(&sent, "").ok(), Some(Format::Xml));
        sent.insert(header::ACCEPT, "*/*".parse().unwrap());
        assert_eq!(accepted(&sent, "").ok(), Some(Format::Xml));
        sent.insert(header::ACCEPT, "application/json".parse().unwrap());
        assert_eq!(accepted(&sent, "").ok(), Some(Format::Json));
        assert_eq!(accepted(&headers(header::CONTENT_TYPE, "text/xml"), "").ok(), Some(Format::Json));
    }

    #[test]
    fn other_formats_are_not() {
        for value in
            ["text/turtle", "application/json;q=0", "application/fhir+json;fhirVersion=5.0", "text/html", "*/*;q=0"]
        {
            assert_eq!(accept(value, ""), None, "{value}");
        }
    }

    #[test]
    fn the_format_parameter_overrides_the_header() {
        assert_eq!(accept("application/fhir+xml", "_format=json"), Some(Format::Json));
        assert_eq!(accept("application/fhir+xml", "_format=application/fhir+json"), Some(Format::Json));
        assert_eq!(accept("application/json", "_format=xml"), Some(Format::Xml));
        assert_eq!(accept("application/json", "_format=application%2Ffhir%2Bxml"), Some(Format::Xml));
        assert_eq!(accept("application/json", "_format=ttl"), None);
    }

    #[test]
    fn content_is_asked_for_by_its_type() {
        let fit = |accept: &str| fit(&[accept.to_owned()], "text/plain; charset=utf-8");
        assert_eq!([fit("*/*"), fit("text/*"), fit("TEXT/PLAIN")], [Fit::Content; 3]);
        assert_eq!([fit("image/*"), fit("text/html"), fit("text/plain;q=0")], [Fit::Neither; 3]);
        assert_eq!(
            [fit("application/fhir+json"), fit("json"), fit("application/fhir+xml"), fit("xml")],
            [Fit::Resource; 4]
        );
        assert_eq!([fit("application/xml"), fit("text/xml")], [Fit::Resource; 2]);
        let browser = ["text/html", "application/xml;q=0.9", "*/*;q=0.8"].map(str::to_owned);
        assert_eq!(super::fit(&browser, "application/pdf"), Fit::Content);
        assert_eq!(super::fit(&browser[..2], "application/pdf"), Fit::Resource);
    }

    #[test]
    fn bodies_are_json_or_xml_in_utf8() {
        let body = |value: &str| of_body(&headers(header::CONTENT_TYPE, value)).ok();
        assert_eq!(body("application/fhir+json; charset=UTF-8"), Some(Format::Json));
        assert_eq!(body("application/fhir+xml; charset=UTF-8"), Some(Format::Xml));
        assert_eq!([body("application/xml"), body("text/xml")], [Some(Format::Xml); 2]);
        assert_eq!(body("application/fhir+json; charset=iso-8859-1"), None);
        assert_eq!(body("text/xml; charset=utf-16"), None);
        assert_eq!(body("text/plain"), None);
        let mut both = headers(header::CONTENT_TYPE, "application/fhir+xml");
        both.append(header::CONTENT_TYPE, "application/fhir+json".parse().unwrap());
        assert!(of_body(&both).is_err());
    }

    #[test]
    fn gzip_is_taken_when_named_with_weight() {
        assert!(accepts_gzip(&headers(header::ACCEPT_ENCODING, "br;q=1.0, gzip;q=0.8")));
        assert!(!accepts_gzip(&headers(header::ACCEPT_ENCODING, "gzip;q=0")));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
