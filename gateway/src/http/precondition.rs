//! Conditions of a request: versions and dates a client has seen. <https://hl7.org/fhir/R4/http.html#concurrency>

use hyper::{HeaderMap, header};

use crate::http::date;
use crate::outcome::{Code, Failure};

/// Conditions, as headers or as members of `Bundle.entry.request`; both have the same texts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<Box<str>>,
    /// `If-None-Match`.
    pub if_none_match: Option<Box<str>>,
    /// `If-Modified-Since` (ms).
    pub if_modified_since: Option<i64>,
    /// `If-None-Exist`: a search.
    pub if_none_exist: Option<Box<str>>,
    /// Whatever copy the client has, it is shown what is there: the copy may be what another purpose of use let it see, of the same
    /// version and not the same, or be from before its codes were looked at anew.
    pub always_shown: bool,
}

impl Conditions {
    /// The conditions in a request's headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(Box::<str>::from);
        Self {
            if_match: text(header::IF_MATCH.as_str()),
            if_none_match: text(header::IF_NONE_MATCH.as_str()),
            if_modified_since: text(header::IF_MODIFIED_SINCE.as_str()).and_then(|value| date::parse_http_date(&value)),
            if_none_exist: text("if-none-exist"),
            always_shown: false,
        }
    }

    /// The version a write is bound to.
    ///
    /// # Errors
    /// 400: not one version. 412: a tag that can be no version of ours.
    pub fn version(&self) -> Result<Option<i64>, Failure> {
        let Some(tag) = self.if_match.as_deref().map(str::trim) else { return Ok(None) };
        if tag == "*" || tag.contains(',') {
            return Err(Failure::bad_request(
                Code::Value,
                "If-Match takes the one version that was read, as in its ETag: If-Match: W/\"3\".",
            ));
        }
        match parse_tag(tag) {
            Some(version) => Ok(Some(version)),
            None => Err(Failure::precondition(
                "If-Match names no version of this resource. Send the ETag of the version you have read: W/\"3\".",
            )),
        }
    }

    /// Whether a write may only create (`If-None-Match: *`).
    ///
    /// # Errors
    /// 400: for a write, versions to avoid have no meaning.
    pub fn only_create(&self) -> Result<bool, Failure> {
        match self.if_none_match.as_deref().map(str::trim) {
            None => Ok(false),
            Some("*") => Ok(true),
            Some(_) => Err(Failure::bad_request(
                Code::Value,
                "On a write, If-None-Match takes only *: do it if there is no such resource yet.",
            )),
        }
    }

    /// Whether the client's copy is still this version: answer 304. If-None-Match outranks the date (RFC 9110 13.2.2).
    pub fn not_modified(&self, version: i64, updated_ms: i64) -> bool {
        match (self.if_none_match.as_deref(), self.if_modified_since) {
            _ if self.always_shown => false,
            (Some(tags), _) => tags.split(',').map(str::trim).any(|tag| tag == "*" || parse_tag(tag) == Some(version)),
            // The header has whole seconds.
            (None, Some(since)) => updated_ms.div_euclid(1000) <= since.div_euclid(1000),
            (None, None) => false,
        }
    }
}

/// The `ETag` of a version.
pub fn tag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The version in an `ETag`; the weak prefix and even the quotes may be missing.
pub fn parse_tag(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
    let version = tag.strip_prefix('"').map_or(Some(tag), |tag| tag.strip_suffix('"'))?;
    if !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    version.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Conditions {
        Conditions {
            if_match: if_match.map(Into::into),
            if_none_match: if_none_match.map(Into::into),
            ..Conditions::default()
        }
    }

    #[test]
    fn tags_are_read_weak_strong_and_bare() {
        assert_eq!(parse_tag("W/\"3\""), Some(3));
        assert_eq!(parse_tag("\"12\""), Some(12));
        assert_eq!(parse_tag("7"), Some(7));
        assert_eq!(parse_tag("W/\"3a\""), None);
        assert_eq!(parse_tag("\"3"), None);
        assert_eq!(parse_tag(&tag(5)), Some(5));
    }

    #[test]
    fn if_match_is_one_version() {
        assert_eq!(conditions(Some("W/\"2\""), None).version().unwrap(), Some(2));
        assert_eq!(conditions(Some("W/\"x\""), None).version().unwrap_err().status, 412);
        assert_eq!(conditions(Some("W/\"1\", W/\"2\""), None).version().unwrap_err().status, 400);
    }

    #[test]
    fn not_modified_by_tag_or_by_second() {
        assert!(conditions(None, Some("W/\"1\", W/\"2\"")).not_modified(2, 0));
        assert!(!conditions(None, Some("W/\"1\"")).not_modified(2, 0));
        let since = Conditions { if_modified_since: Some(5000), ..Conditions::default() };
        assert!(since.not_modified(1, 5999));
        assert!(!since.not_modified(1, 6000));
    }
}
