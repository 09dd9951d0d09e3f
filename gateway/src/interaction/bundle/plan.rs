//! Reading a batch or transaction: its frame, and a request per entry.

use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use mappers::json::{Document, Element, minify_value};
use mappers::{references, structure};

use crate::clock::Clock;
use crate::http::negotiation;
use crate::http::precondition::Conditions;
use crate::http::preference::{Content, Preference};
use crate::interaction::patch::Patch;
use crate::interaction::{Endpoint, Request, incoming};
use crate::outcome::{Advice, Code, Failure};
use crate::router::{self, Interaction, Verb};
use crate::store::Attached;

/// Issues that one answer names at most.
const ISSUES: usize = 50;

/// A bundle that can be worked on.
pub(super) struct Plan {
    /// What it is.
    pub(super) kind: Kind,
    /// The Bundle, minified: entries point into it.
    pub(super) text: Bytes,
    /// The entries, in the order of the bundle. In a transaction none is a failure.
    pub(super) entries: Vec<Result<Entry, Failure>>,
    /// What the client says of where the writes of a transaction come from.
    pub(super) provenance: Option<Attached>,
}

/// The two kinds of bundles that ask for something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Each entry on its own.
    Batch,
    /// All or nothing.
    Transaction,
}

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it asks for. In a batch, and of an operation, the body is the resource.
    pub(super) request: Request,
    /// It asked for the headers alone.
    pub(super) head: bool,
    /// `fullUrl`.
    pub(super) full_url: Option<Box<str>>,
    /// The patch of a transaction.
    pub(super) patch: Option<Patch>,
    /// The resource of a create or update in a transaction.
    pub(super) sent: Option<Sent>,
}

impl Entry {
    /// Conditional references in what it brings.
    pub(super) fn conditional(&self) -> &[Box<str>] {
        match (&self.sent, &self.patch) {
            (Some(sent), _) => &sent.conditional,
            (None, Some(patch)) => &patch.conditional,
            (None, None) => &[],
        }
    }
}

/// A resource in a transaction, checked.
#[derive(Debug)]
pub(super) struct Sent {
    /// Its place on the tape of [`Plan::text`].
    pub(super) at: usize,
    /// Where it stands in [`Plan::text`].
    pub(super) span: Range<usize>,
    /// Its id, where it has one.
    pub(super) id: Option<Box<str>>,
    /// Its conditional references, as they are written.
    pub(super) conditional: Vec<Box<str>>,
}

/// Reads a body that must be a batch or a transaction.
///
/// # Errors
/// 400: no JSON, no such Bundle; in a transaction also everything that is wrong with any entry.
pub(super) fn read(endpoint: &Endpoint, request: &Request) -> Result<Plan, Failure> {
    let body = &request.body;
    let document = parse(body)?;
    let root = document.root();
    if root.is_compact() && root.end() - root.start() == body.len() {
        return entries(endpoint, request, &document, body);
    }
    // Without white space every resource in it is a slice that can be stored.
    let text = Bytes::from(minify_value(&root));
    entries(endpoint, request, &parse(&text)?, &text)
}

fn entries(endpoint: &Endpoint, request: &Request, document: &Document<'_>, text: &Bytes) -> Result<Plan, Failure> {
    let root = document.root();
    let kind = kind(root)?;
    structure::check_frame(root)?;
    // Whoever sends thousands of resources rarely wants them all back.
    let preference =
        Preference { content: request.preference.content.or(Some(Content::Minimal)), ..request.preference };
    let items = root.member("entry").into_iter().flat_map(|entry| entry.children());
    let read = |(index, item)| {
        let place = format!("Bundle.entry[{index}]");
        let reader = Reader { endpoint, whole: request, preference, kind, text, place: &place };
        reader.entry(item).map_err(|failure| failure.at(&place))
    };
    let entries: Vec<_> = items.enumerate().map(read).collect();
    if kind == Kind::Transaction {
        all_or_nothing(&entries)?;
    }
    Ok(Plan { kind, text: text.clone(), entries, provenance: request.provenance.clone() })
}

fn parse(text: &[u8]) -> Result<Document<'_>, Failure> {
    Document::parse(text).map_err(|error| Failure::json(&error, "Bundle"))
}

fn kind(root: Element<'_>) -> Result<Kind, Failure> {
    incoming::check_type(root, "Bundle")?;
    match root.member("type").and_then(|kind| kind.string()).as_deref() {
        Some("batch") => Ok(Kind::Batch),
        Some("transaction") => Ok(Kind::Transaction),
        Some(_) => Err(Failure::bad_request(
            Code::Value,
            "The base takes a Bundle of type batch or transaction. To store another Bundle, send it to /Bundle.",
        )
        .at("Bundle.type")),
        None => {
            Err(Failure::bad_request(Code::Required, "The Bundle has no type: the base takes batch and transaction.")
                .at("Bundle.type"))
        }
    }
}

/// One failure of all that is wrong with the entries of a transaction.
fn all_or_nothing(entries: &[Result<Entry, Failure>]) -> Result<(), Failure> {
    let mut failures = entries.iter().filter_map(|entry| entry.as_ref().err());
    let Some(first) = failures.next() else { return Ok(()) };
    let mut all = Failure { advice: Advice::None, ..first.clone() };
    all.issues.extend(failures.flat_map(|failure| failure.issues.iter().cloned()));
    all.issues.truncate(ISSUES);
    // What an entry answers with 404 or 405 on its own makes the whole a bad request.
    if matches!(all.status.as_u16(), 404 | 405) {
        all.status = hyper::StatusCode::BAD_REQUEST;
    }
    Err(all)
}

struct Reader<'r> {
    endpoint: &'r Endpoint,
    /// The request that the entries are part of.
    whole: &'r Request,
    preference: Preference,
    kind: Kind,
    text: &'r Bytes,
    place: &'r str,
}

impl Reader<'_> {
    fn entry(&self, entry: Element<'_>) -> Result<Entry, Failure> {
        let asked = entry
            .member("request")
            .ok_or_else(|| Failure::bad_request(Code::Required, "The entry has no request: add its method and url."))?;
        let (mut request, head) = self.request(asked)?;
        let (mut sent, mut patch) = (None, None);
        if matches!(request.interaction, Interaction::Create | Interaction::Update | Interaction::ConditionalUpdate) {
            let resource = entry.member("resource").ok_or_else(|| {
                Failure::bad_request(Code::Required, "The entry creates or updates and has no resource.")
            })?;
            match self.kind {
                Kind::Batch => request.body = self.text.slice(resource.start()..resource.end()),
                Kind::Transaction => sent = Some(self.sent(&request, resource)?),
            }
        }
        if let (Interaction::Operation(_), Some(resource)) = (request.interaction, entry.member("resource")) {
            request.body = self.text.slice(resource.start()..resource.end());
        }
        if self.kind == Kind::Transaction
            && matches!(request.interaction, Interaction::Operation(_))
            && request.changes()
        {
            return Err(Failure::bad_request(
                Code::NotSupported,
                "An operation that changes or makes resources is no part of a transaction. Use PATCH or POST here, or send \
                 the operation in a batch or on its own.",
            )
            .at(&format!("{}.request.url", self.place)));
        }
        if matches!(request.interaction, Interaction::ConditionalPatch | Interaction::Patch) {
            request.body = self.patch(entry)?;
            if self.kind == Kind::Transaction {
                let place = format!("{}.resource", self.place);
                patch = Some(Patch::parse(request.body.clone()).map_err(|failure| moved(failure, &place))?);
            }
        }
        let full_url = entry.member("fullUrl").and_then(|url| url.string()).map(|url| Box::from(&*url));
        Ok(Entry { request, head, full_url, patch, sent })
    }

    /// What is said of a batch is said of each of its entries, which are stored apart from one another.
    fn provenance(&self) -> Option<Attached> {
        let said = self.whole.provenance.as_ref().filter(|_| self.kind == Kind::Batch)?;
        Some(Attached { id: self.endpoint.gateway.ids.next(), text: Arc::clone(&said.text) })
    }

    /// The patch of an entry: a Parameters, or a JSON Patch in a Binary.
    fn patch(&self, entry: Element<'_>) -> Result<Bytes, Failure> {
        let place = format!("{}.resource", self.place);
        let resource = entry
            .member("resource")
            .ok_or_else(|| Failure::bad_request(Code::Required, "The entry patches and has no resource."))?;
        let text = |name: &str| resource.member(name).and_then(|value| value.string());
        match text("resourceType").as_deref() {
            Some("Parameters") => Ok(self.text.slice(resource.start()..resource.end())),
            Some("Binary") => {
                if negotiation::essence(&text("contentType").unwrap_or_default()) != negotiation::JSON_PATCH {
                    return Err(Failure::bad_request(
                        Code::NotSupported,
                        "A Binary in a PATCH entry holds a JSON Patch, with contentType application/json-patch+json.",
                    )
                    .at(&format!("{place}.contentType")));
                }
                let spelled: String = text("data").unwrap_or_default().split_ascii_whitespace().collect();
                BASE64.decode(spelled).map(Bytes::from).map_err(|_| {
                    Failure::bad_request(Code::Value, "The data of the Binary is no base64.")
                        .at(&format!("{place}.data"))
                })
            }
            _ => Err(Failure::bad_request(
                Code::Structure,
                "A PATCH entry has a Parameters (FHIRPath Patch) or a Binary with a JSON Patch as its resource.",
            )
            .at(&place)),
        }
    }

    fn sent(&self, request: &Request, resource: Element<'_>) -> Result<Sent, Failure> {
        let place = format!("{}.resource", self.place);
        structure::check_element(resource, &place)?;
        incoming::check_type(resource, request.kind()?).map_err(|failure| moved(failure, &place))?;
        let conditional = references::conditional(resource).into_iter().map(|text| Box::from(&*text)).collect();
        let span = resource.start()..resource.end();
        Ok(Sent { at: resource.index(), span, id: incoming::id(resource), conditional })
    }

    fn request(&self, asked: Element<'_>) -> Result<(Request, bool), Failure> {
        let text = |name| asked.member(name).and_then(|value| value.string());
        let method = text("method").unwrap_or_default();
        let url = text("url").unwrap_or_default();
        let (path, query) = relative(&url, &self.endpoint.base);
        let verb = Verb::parse(&method);
        let place = router::find_under_base(verb, path)
            .place(verb)
            .map_err(|failure| failure.at(&format!("{}.request.url", self.place)))?;
        let is_whole =
            matches!(place.interaction, Interaction::Authorization(_) | Interaction::Bundle | Interaction::SearchForm);
        if is_whole {
            return Err(Failure::bad_request(
                Code::NotSupported,
                "An entry cannot ask for this. Send bundles and tokens' requests one by one, and searches as GET.",
            ));
        }
        let request = Request {
            query: query.into(),
            conditions: Conditions {
                if_match: text("ifMatch").map(|value| Box::from(&*value)),
                if_none_match: text("ifNoneMatch").map(|value| Box::from(&*value)),
                if_modified_since: text("ifModifiedSince").and_then(|value| Clock::parse(&value)),
                if_none_exist: text("ifNoneExist").map(|value| Box::from(&*value)),
                always_shown: self.whole.conditions.always_shown,
            },
            preference: self.preference,
            languages: self.whole.languages.clone(),
            request_id: self.whole.request_id.clone(),
            source: self.whole.source,
            safe: verb == Some(Verb::Get),
            provenance: self.provenance(),
            ..Request::at(&place)
        };
        Ok((request, method == "HEAD"))
    }
}

/// Path and query of an entry's url under the base, which it may name or not.
fn relative<'u>(url: &'u str, base: &str) -> (&'u str, &'u str) {
    let under = url.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?'])).unwrap_or(url);
    let (path, query) = under.split_once('?').unwrap_or((under, ""));
    (path.strip_prefix('/').unwrap_or(path), query)
}

/// The failure of a resource of its own, told from where the resource is.
fn moved(mut failure: Failure, place: &str) -> Failure {
    for issue in &mut failure.issues {
        issue.expression = vec![place.to_owned()];
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_under_the_base() {
        let base = "http://h:1/fhir";
        assert_eq!(relative("Patient/1", base), ("Patient/1", ""));
        assert_eq!(relative("http://h:1/fhir/Patient?identifier=a|b", base), ("Patient", "identifier=a|b"));
        assert_eq!(relative("/Patient/1", base), ("Patient/1", ""));
        assert_eq!(relative("http://h:1/fhirs/Patient", base).0, "http://h:1/fhirs/Patient");
    }
}
