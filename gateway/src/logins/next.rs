//! Where somebody goes on after a login: to a path of ours, never elsewhere.

use reqwest::Url;

/// The longest, in bytes.
const LONGEST: usize = 8_192;

/// The text where it is an address below `/oauth/` of this origin, whatever a browser makes of it.
pub(super) fn ours(text: &str) -> Option<&str> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let fits = text.len() <= LONGEST
        && path.starts_with("/oauth/")
        && !path.contains("//")
        && path.bytes().all(is_plain)
        && query.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\#\"<>".contains(&byte));
    fits.then_some(text)
}

/// A page of ours that goes on to another one.
pub(super) fn going_on(page: &str, next: Option<&str>) -> String {
    let Some(next) = next else { return page.to_owned() };
    let Ok(mut url) = Url::parse("http://localhost") else { return page.to_owned() };
    url.query_pairs_mut().append_pair("next", next);
    format!("{page}?{}", url.query().unwrap_or_default())
}

/// An address of ours that has parameters, going on to another one.
pub(super) fn adding(address: &str, next: &str) -> String {
    let more = going_on("", Some(next));
    format!("{address}&{}", more.trim_start_matches('?'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_leads_elsewhere() {
        for right in [
            "/oauth/account",
            "/oauth/authorize?client_id=a&redirect_uri=https%3A%2F%2Fa.example%2Fcb&state=x",
            "/oauth/authorize?redirect_uri=https://a.example",
        ] {
            assert_eq!(ours(right), Some(right));
        }
        for wrong in [
            "",
            "/",
            "//evil.example",
            "//evil.example/oauth/",
            "/\\evil.example",
            "\\/oauth/",
            "https://evil.example/oauth/",
            "/oauth",
            "oauth/account",
            "/oauth//evil.example",
            "/oauth/../fhir",
            "/oauth/%2e%2e/fhir",
            "/oauth/\\evil.example",
            "/oauth/account\r\nSet-Cookie: a=b",
            "/oauth/account\t",
            " /oauth/account",
            "/oauth/account#x",
            "/oauth/a?b=\\x",
            "/oauth/a?b=\"x",
            "/oauth/caf\u{e9}",
            "javascript:alert(1)",
        ] {
            assert_eq!(ours(wrong), None, "{wrong:?}");
        }
        assert_eq!(ours(&format!("/oauth/{}", "x".repeat(9_000))), None);
    }

    proptest! {
        /// What is taken is, to a browser, of the same origin and below `/oauth/`; and it comes back from the page that goes on to it.
        #[test]
        fn what_is_taken_is_ours(text in "(/oauth/|/|//|\\\\|https:)[ -~\\n\\t]{0,20}|/oauth/[a-z./%?=&#-]{0,20}|\\PC{0,20}") {
            if let Some(next) = ours(&text) {
                let base = Url::parse("https://gateway.example/oauth/login").unwrap();
                let url = base.join(next).unwrap();
                prop_assert_eq!(url.origin(), base.origin());
                prop_assert!(url.path().starts_with("/oauth/"));
                let page = base.join(&going_on("/oauth/login", Some(next))).unwrap();
                let back = page.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
                prop_assert_eq!(&back, next);
            }
        }
    }
}
