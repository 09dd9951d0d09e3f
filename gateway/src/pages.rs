//! Pages for people: HTML made here, which nothing else is needed for. No script runs in them, nothing is fetched from elsewhere, and
//! nobody keeps or frames them.
//!
//! Whatever a page shows is escaped by `maud`; what is not text of ours never comes in by `PreEscaped`.

mod style;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use maud::{DOCTYPE, PreEscaped};
pub use maud::{Markup, html};
use sha2::{Digest as _, Sha256};

/// What a browser may do with a page, but for where its forms go.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(style::SHEET.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
});

/// A page, or where to look instead.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// The whole document; empty where the browser is sent elsewhere.
    pub html: String,
    /// What was sent was not looked at, so that it says nothing of whether it would have fitted.
    pub looked_at_nothing: bool,
    policy: String,
    more: Vec<(HeaderName, HeaderValue)>,
}

/// A page with a title, which is its one heading of the first level, and what is below it.
#[must_use]
pub fn page(title: &str, body: &Markup) -> Page {
    document(title, None, body)
}

/// A page that says something is done, and goes on to another of our pages by itself. Where a form is answered by a redirection,
/// browsers hold what comes after it to the form's policy; after this page they do not, so that what is gone on to may lead to any client.
///
/// `next` has to be a path of ours.
#[must_use]
pub fn go_on(title: &str, next: &str) -> Page {
    let body = html! {
        p { a.button href=(next) { "Go on" } }
    };
    document(title, Some(next), &body)
}

/// What stands in the way, in a sentence.
#[must_use]
pub fn problem(status: StatusCode, says: &str) -> Page {
    page("That did not work", &html! { p { (says) } }).with_status(status)
}

/// Sends the browser elsewhere, by GET: to another of our pages, or to where a client is answered.
#[must_use]
pub fn see_other(next: &str) -> Page {
    let page = Page {
        status: StatusCode::SEE_OTHER,
        html: String::new(),
        looked_at_nothing: false,
        policy: POLICY.clone(),
        more: Vec::new(),
    };
    page.with_header(header::LOCATION, next)
}

/// What went wrong with a form: read first, and pointed to by the field. `None` shows nothing.
///
/// Give the field `aria-describedby=(ERROR)` and `aria-invalid="true"`.
#[must_use]
pub fn error_summary(message: Option<&str>) -> Markup {
    html! {
        @if let Some(message) = message {
            div.error id=(ERROR) role="alert" tabindex="-1" {
                strong { "Please look at this again" }
                p { (message) }
            }
        }
    }
}

/// The id of the error summary.
pub const ERROR: &str = "error";

/// A field with its label, and a hint below the label.
#[derive(Clone, Copy, Debug)]
pub struct Field<'f> {
    /// Its name in the form, and its id.
    pub name: &'f str,
    /// What people read.
    pub label: &'f str,
    /// More of it; empty for nothing.
    pub hint: &'f str,
    /// `text`, `password`.
    pub kind: &'f str,
    /// What browsers may fill in: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill>.
    pub autocomplete: &'f str,
    /// What is there already; never of a password.
    pub value: &'f str,
    /// The longest, in characters.
    pub longest: usize,
    /// `numeric` for digits; empty for none.
    pub inputmode: &'f str,
    /// The error summary is of this field.
    pub is_wrong: bool,
    /// Where people begin to write.
    pub is_first: bool,
}

impl Default for Field<'_> {
    fn default() -> Self {
        Self {
            name: "",
            label: "",
            hint: "",
            kind: "text",
            autocomplete: "off",
            value: "",
            longest: 200,
            inputmode: "",
            is_wrong: false,
            is_first: false,
        }
    }
}

impl Field<'_> {
    /// The label with its field.
    #[must_use]
    pub fn markup(&self) -> Markup {
        let hint = format!("{}-hint", self.name);
        let described: Vec<&str> = [(self.is_wrong, ERROR), (!self.hint.is_empty(), &hint)]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, id)| id)
            .collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                @if !self.hint.is_empty() {
                    p.hint id=(hint) { (self.hint) }
                }
                input id=(self.name) name=(self.name) type=(self.kind) autocomplete=(self.autocomplete) value=(self.value)
                    maxlength=(self.longest) spellcheck="false" autocapitalize="none" required
                    inputmode=[(!self.inputmode.is_empty()).then_some(self.inputmode)]
                    autofocus[self.is_first] aria-describedby=[described] aria-invalid=[self.is_wrong.then_some("true")];
            }
        }
    }
}

fn document(title: &str, next: Option<&str>, body: &Markup) -> Page {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                @if let Some(next) = next {
                    meta http-equiv="refresh" content={ "0; url=" (next) };
                }
                title { (title) }
                style { (PreEscaped(style::SHEET)) }
            }
            body {
                main {
                    h1 { (title) }
                    (body)
                }
            }
        }
    };
    Page {
        status: StatusCode::OK,
        html: html.into_string(),
        looked_at_nothing: false,
        policy: POLICY.clone(),
        more: Vec::new(),
    }
}

impl Page {
    /// With another status than 200.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its forms may also lead to where an address is, by redirections: what a client registered as its `redirect_uri`. Of an address
    /// that is none nothing is added.
    #[must_use]
    pub fn forms_to(mut self, address: &str) -> Self {
        if let Some(source) = source_of(address) {
            self.policy.push(' ');
            self.policy.push_str(&source);
        }
        self
    }

    /// With one more header; what is none is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.more.push((name, value));
        }
        self
    }

    /// Sets a cookie (the whole value of `Set-Cookie`).
    #[must_use]
    pub fn with_cookie(self, cookie: &str) -> Self {
        self.with_header(header::SET_COOKIE, cookie)
    }

    /// The headers of its response.
    #[must_use]
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !self.html.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
        headers
            .insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        for (name, value) in &self.more {
            headers.append(name, value.clone());
        }
        headers
    }
}

/// How a policy names where an address is: its origin, or the scheme of an app's own (`org.example.app:`).
fn source_of(address: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).ok()?;
    let source = match url.scheme() {
        "http" | "https" => {
            // Hosts of the parser need no escaping, but for what a policy takes for a pattern.
            url.host_str().filter(|host| !host.is_empty() && !host.contains('*'))?;
            url.origin().ascii_serialization()
        }
        "data" | "javascript" | "blob" | "about" | "file" | "filesystem" => return None,
        scheme => format!("{scheme}:"),
    };
    source.bytes().all(|byte| byte.is_ascii_graphic() && !b";,'\"".contains(&byte)).then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_text() {
        let hostile = "<script>alert(1)</script>\"'&";
        let body = html! { p title=(hostile) { (hostile) } (error_summary(Some(hostile))) };
        let page = page(hostile, &body);
        assert!(!page.html.contains("<script"), "{}", page.html);
        assert_eq!(page.html.matches("&lt;script&gt;").count(), 5, "{}", page.html);
        assert_eq!(page.html.matches("<h1>").count(), 1);
        let page = go_on("Done", "/oauth/authorize?a=b&c=\"><x");
        assert!(page.html.contains("url=/oauth/authorize?a=b&amp;c=&quot;&gt;&lt;x") && !page.html.contains("<x"));
    }

    #[test]
    fn no_page_runs_fetches_or_frames_anything() {
        let headers = page("A page", &html! { p { "text" } }).headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.ends_with("form-action 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let headers = see_other("/oauth/account").headers();
        assert!(!headers.contains_key(header::CONTENT_TYPE) && headers[header::LOCATION] == "/oauth/account");
    }

    #[test]
    fn the_policy_names_the_style_that_is_there() {
        let page = page("A page", &html! {});
        let (_, rest) = page.html.split_once("<style>").unwrap();
        let (sheet, _) = rest.split_once("</style>").unwrap();
        let hash = BASE64_STANDARD.encode(Sha256::digest(sheet.as_bytes()));
        assert!(page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains(&hash));
    }

    #[test]
    fn forms_lead_to_us_and_where_a_client_is() {
        let policy = |address: &str| {
            let page = page("A page", &html! {}).forms_to(address);
            let headers = page.headers();
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            policy.rsplit_once("form-action ").unwrap().1.to_owned()
        };
        assert_eq!(policy("https://app.example/callback?a=b"), "'self' https://app.example");
        assert_eq!(policy("http://127.0.0.1:8000/cb"), "'self' http://127.0.0.1:8000");
        assert_eq!(policy("org.example.app:/cb"), "'self' org.example.app:");
        for none in [
            "",
            "no address",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://*/x",
            "https://a.example;script-src *",
        ] {
            assert!(!policy(none).contains(['*', ';']), "{none}: {}", policy(none));
        }
        assert_eq!(policy("javascript:alert(1)"), "'self'");
    }

    #[test]
    fn fields_are_labelled_and_tied_to_what_is_wrong() {
        let field =
            Field { name: "login", label: "Login name", hint: "As you were told", is_wrong: true, ..Field::default() };
        let html = field.markup().into_string();
        assert!(html.contains("<label for=\"login\">Login name</label>"), "{html}");
        assert!(
            html.contains("aria-describedby=\"error login-hint\"") && html.contains("aria-invalid=\"true\""),
            "{html}"
        );
        let html = Field { hint: "", is_wrong: false, ..field }.markup().into_string();
        assert!(!html.contains("aria-") && !html.contains("autofocus"), "{html}");
    }
}
