//! An HTTP client that hides nothing: no redirects, no decompression, no retries, every header as it came.

use crate::Json;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method};
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::collections::HashSet;
use std::fs::File;
use std::future::{Future, IntoFuture};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::pin::Pin;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    token: Option<String>,
    connections: Connections<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// Talks to `127.0.0.1:PORT`, with a bearer token or without.
    pub fn new(address: &str, token: Option<&str>) -> Self {
        let connections = Connections::builder(TokioExecutor::new()).build_http();
        Self { address: address.to_owned(), token: token.map(str::to_owned), connections }
    }

    /// A request to a path below `/fhir`; a path that names a scheme is taken whole, as next links are.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let uri =
            if path.starts_with("http://") { path.to_owned() } else { format!("http://{}/fhir{path}", self.address) };
        let request = Request { client: self.clone(), method, uri, headers: Vec::new(), body: Bytes::new() };
        match &self.token {
            Some(token) => {
                let bearer = format!("Bearer {token}");
                request.header("Authorization", &bearer)
            }
            None => request,
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// HEAD.
    pub fn head(&self, path: &str) -> Request {
        self.request(Method::HEAD, path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// POST of a resource.
    pub fn post(&self, path: &str, body: impl ToString) -> Request {
        self.request(Method::POST, path).json(body)
    }

    /// PUT of a resource.
    pub fn put(&self, path: &str, body: impl ToString) -> Request {
        self.request(Method::PUT, path).json(body)
    }

    /// PUT of a resource to where its type and id say.
    ///
    /// # Panics
    /// When it has none.
    pub fn save(&self, resource: &Json) -> Request {
        self.put(&path(resource), resource)
    }

    /// All matches of a search, page after page: `Type/id` in the order they came.
    ///
    /// # Panics
    /// When a page is not a searchset or the pages do not end.
    pub async fn search(&self, query: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut next = Some(query.to_owned());
        for _ in 0..10_000 {
            let Some(link) = next else { return found };
            let page = self.get(&link).await.expect(200).json();
            assert_eq!(page.str("type"), Some("searchset"), "{page}");
            found.extend(page.items("entry").iter().map(|entry| {
                let resource = entry.at("resource").unwrap_or_else(|| panic!("an entry without resource: {entry}"));
                path(resource)[1..].to_owned()
            }));
            next = link_of(&page, "next");
        }
        panic!("{query}: the pages do not end");
    }
}

/// Where a resource lies: `/Type/id`.
fn path(resource: &Json) -> String {
    let part = |name| resource.str(name).unwrap_or_else(|| panic!("no {name}: {resource}"));
    format!("/{}/{}", part("resourceType"), part("id"))
}

fn link_of(bundle: &Json, relation: &str) -> Option<String> {
    let link = bundle.items("link").iter().find(|link| link.str("relation") == Some(relation))?;
    Some(link.str("url").expect("a link has a URL").to_owned())
}

/// A request; awaiting it sends it.
#[derive(Clone, Debug)]
pub struct Request {
    client: Client,
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    /// Sets a header (in place of one of that name).
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The body, as bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The body, as `application/fhir+json`.
    #[must_use]
    pub fn json(self, body: impl ToString) -> Self {
        self.header("Content-Type", "application/fhir+json").body(body.to_string())
    }

    /// Sends it; `None` when the connection broke before a whole answer.
    ///
    /// # Panics
    /// When there is no answer within a minute.
    pub async fn attempt(self) -> Option<Response> {
        let mut request = hyper::Request::builder().method(self.method.clone()).uri(&self.uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).unwrap_or_else(|error| panic!("{error}: {}", self.uri));
        let exchange = async {
            let answer = self.client.connections.request(request).await.ok()?;
            let (head, body) = answer.into_parts();
            Some((head, body.collect().await.ok()?.to_bytes()))
        };
        let answer = tokio::time::timeout(Duration::from_secs(60), exchange).await;
        let (head, body) = answer.unwrap_or_else(|_| panic!("no answer: {} {}", self.method, self.uri))?;
        let asked = format!("{} {}", self.method, self.uri);
        let response = Response { asked, status: head.status.as_u16(), headers: head.headers, body };
        emitted(&response);
        Some(response)
    }
}

impl IntoFuture for Request {
    type Output = Response;
    type IntoFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let asked = format!("{} {}", self.method, self.uri);
            self.attempt().await.unwrap_or_else(|| panic!("the connection broke: {asked}"))
        })
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    asked: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
}

impl Response {
    /// Requires a status.
    ///
    /// # Panics
    /// When it is another.
    pub fn expect(self, status: u16) -> Self {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2_000).collect();
        assert_eq!(self.status, status, "{}\n{body}", self.asked);
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("an ASCII header"))
    }

    /// All values of a header.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("an ASCII header")).collect()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Json {
        Json::parse(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, String::from_utf8_lossy(&self.body)))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The version of the `ETag`.
    ///
    /// # Panics
    /// When there is no weak `ETag` with a number.
    pub fn version(&self) -> i64 {
        let tag = self.header("ETag").unwrap_or_else(|| panic!("{}: no ETag", self.asked));
        let version = tag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"'));
        version.and_then(|version| version.parse().ok()).unwrap_or_else(|| panic!("{}: ETag {tag}", self.asked))
    }

    /// The issues of an OperationOutcome as every error has: a code, a severity, and text that says what to do.
    ///
    /// # Panics
    /// When the body is anything else.
    pub fn issues(&self) -> Vec<Issue> {
        let outcome = self.json();
        assert_eq!(outcome.str("resourceType"), Some("OperationOutcome"), "{}: {outcome}", self.asked);
        let content_type = self.header("Content-Type").unwrap_or_default();
        assert!(content_type.starts_with("application/fhir+json"), "{}: {content_type}", self.asked);
        let issues: Vec<Issue> = outcome.items("issue").iter().map(Issue::of).collect();
        assert!(!issues.is_empty(), "{}: an OperationOutcome without issue", self.asked);
        issues
    }

    /// Requires a status and an error outcome with an issue of a code.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn refused(self, status: u16, code: &str) -> Issue {
        let response = self.expect(status);
        let issues = response.issues();
        let Some(issue) = issues.iter().find(|issue| issue.code == code) else {
            panic!("{}: no issue with code {code}: {issues:?}", response.asked)
        };
        assert!(matches!(issue.severity.as_str(), "error" | "fatal"), "{}: {issue:?}", response.asked);
        issue.clone()
    }
}

/// An issue of an OperationOutcome.
#[derive(Clone, Debug)]
pub struct Issue {
    /// `fatal`, `error`, `warning` or `information`.
    pub severity: String,
    /// The issue type.
    pub code: String,
    /// Where, as FHIRPath.
    pub expression: Vec<String>,
    /// `details.text`, then `diagnostics`.
    pub text: String,
}

impl Issue {
    fn of(issue: &Json) -> Self {
        let part = |name| issue.str(name).unwrap_or_else(|| panic!("an issue without {name}: {issue}")).to_owned();
        let text =
            [issue.str("details.text"), issue.str("diagnostics")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        assert!(!text.is_empty(), "an issue without text: {issue}");
        let expression = issue.items("expression").iter().filter_map(Json::as_str).map(str::to_owned).collect();
        Self { severity: part("severity"), code: part("code"), expression, text }
    }
}

/// Compresses.
///
/// # Panics
/// Never: memory does not refuse.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Decompresses.
///
/// # Panics
/// When it is no gzip.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut text).expect("gzip");
    text
}

/// Writes every FHIR body the gateway emitted, once each, to `$FHIR_GATEWAY_EMITTED/<process>.ndjson`, for the oracle.
fn emitted(response: &Response) {
    type Emitted = Mutex<(File, HashSet<u64>)>;
    static FILE: OnceLock<Option<Emitted>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let folder = std::env::var_os("FHIR_GATEWAY_EMITTED")?;
        std::fs::create_dir_all(&folder).expect("a folder for what is emitted");
        let path = std::path::Path::new(&folder).join(format!("{}.ndjson", std::process::id()));
        Some(Mutex::new((File::create(path).expect("a file for what is emitted"), HashSet::new())))
    });
    let says = |kind: &str| response.header("Content-Type").is_some_and(|said| said.starts_with(kind));
    let is_xml = says("application/fhir+xml");
    let is_fhir = is_xml || says("application/fhir+json");
    let is_plain = response.header("Content-Encoding").is_none();
    let (Some(file), true, true, false) = (file, is_fhir, is_plain, response.body.is_empty()) else { return };
    let mut hasher = DefaultHasher::new();
    response.body.hash(&mut hasher);
    let mut guard = file.lock().expect("no writer panics");
    if guard.1.insert(hasher.finish()) {
        // XML stands in its line as a JSON string.
        let body = match is_xml {
            true => Bytes::from(Json::text(String::from_utf8_lossy(&response.body)).to_string()),
            false => response.body.clone(),
        };
        let line: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').chain([b'\n']).collect();
        guard.0.write_all(&line).expect("what is emitted is written");
    }
}
