//! <https://hl7.org/fhir/R4/http.html#patch>, also by condition: JSON Patch and FHIRPath Patch.
//!
//! A patch is read, patch the text, update (so are `$meta-add` and `$meta-delete`): the version that was read is what the update is bound to, so nothing of another
//! writer is lost in between. In history it is the update that it came to (a PUT of the whole, which can be replayed).

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::{Document, Element, Kind, write_string};
use mappers::patch::{self, Fault, PatchError};
use mappers::references::{self, Reference};
use mappers::structure;

use crate::interaction::create::written;
use crate::interaction::incoming::{self, Resource};
use crate::interaction::read::not_there;
use crate::interaction::{Answer, Exchange, Request, conditional, update};
use crate::outcome::{Code, Failure};
use crate::store::{Change, ChangeError, ChangeRefusal, Found, Operation, StoreError, Version};

/// How often a patch that met another writer is tried on what that one left.
pub(crate) const TRIES: usize = 8;

/// A patch that can be read: an array of operations, or a `Parameters` that passed the structure check.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    text: Bytes,
    /// Conditional references in what it brings.
    pub(super) conditional: Vec<Box<str>>,
}

/// Patches a resource.
pub(super) async fn patch(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let patch = Patch::read(request.body.clone()).await?;
    let store = &exchange.endpoint.gateway.store;
    for _ in 0..TRIES {
        let version = current(store.read(&exchange.permit, kind, id).await?, request)?;
        let change = patch.change(kind, version).await?;
        match store.submit(&exchange.permit, request.set(vec![change])).await {
            Err(error) if met_another(&error, request) => {}
            changed => return written(exchange, request, changed?),
        }
    }
    Err(StoreError::Contention.into())
}

/// Patches the one resource that matches.
pub(super) async fn conditional(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind()?;
    let search = conditional::criteria(exchange, kind, &request.query).await?;
    let patch = Patch::read(request.body.clone()).await?;
    for _ in 0..TRIES {
        let mut transaction = exchange.endpoint.gateway.store.begin(&exchange.permit).await?;
        let id = conditional::only_match_to_change(&mut transaction, &search).await?.ok_or_else(no_match)?;
        let version = current(transaction.read(kind, &id).await?, request)?;
        let change = patch.change(kind, version).await?;
        match transaction.apply(request.set(vec![change])).await {
            Err(error) if met_another(&error, request) => {}
            changed => return written(exchange, request, changed?),
        }
    }
    Err(StoreError::Contention.into())
}

/// 404: a conditional patch creates nothing.
pub(super) fn no_match() -> Failure {
    Failure::not_found("The condition matches no resource, so there is nothing to patch.")
}

/// The version that is patched.
///
/// # Errors
/// 404 and 410 for what is not there; 412 where the client has seen another version.
pub(crate) fn current(found: Found, request: &Request) -> Result<Version, Failure> {
    let Found::Present(version) = found else { return Err(not_there(&found)) };
    let seen = request.conditions.version()?;
    if seen.is_some_and(|seen| seen != version.version) {
        return Err(ChangeRefusal::VersionMismatch { current: Some(version.version) }.into());
    }
    if request.conditions.only_create()? {
        return Err(Failure::precondition(
            "If-None-Match: * asks for a resource that is not there yet, and this one is.",
        ));
    }
    Ok(version)
}

/// Whether somebody else changed what was to be patched, and the client did not bind itself to a version.
pub(crate) fn met_another(error: &ChangeError, request: &Request) -> bool {
    let mismatch = matches!(error, ChangeError::Refused { reason: ChangeRefusal::VersionMismatch { .. }, .. });
    mismatch && request.conditions.if_match.is_none()
}

impl Patch {
    /// Reads a body.
    ///
    /// # Errors
    /// 400: no JSON, no patch, or a `Parameters` that is no resource of R4.
    pub(super) async fn read(text: Bytes) -> Result<Self, Failure> {
        if text.len() < incoming::PARSE_ELSEWHERE {
            return Self::parse(text);
        }
        tokio::task::spawn_blocking(move || Self::parse(text)).await.unwrap_or_else(|_| Err(Failure::internal()))
    }

    /// As [`Patch::read`], here and now.
    ///
    /// # Errors
    /// As [`Patch::read`].
    pub(super) fn parse(text: Bytes) -> Result<Self, Failure> {
        if text.is_empty() {
            return Err(Failure::bad_request(Code::Required, "The request has no body. Send the patch."));
        }
        let document = Document::parse(&text).map_err(|error| Failure::json(&error, "Parameters"))?;
        let root = document.root();
        if root.kind() != Kind::Array {
            if root.member("resourceType").and_then(|kind| kind.string()).as_deref() != Some("Parameters") {
                return Err(Failure::bad_request(
                    Code::Structure,
                    "A patch is an array of operations (JSON Patch) or a Parameters resource (FHIRPath Patch).",
                ));
            }
            structure::check_resource(&document, Some("Parameters"))?;
        }
        let mut conditional: Vec<Box<str>> =
            references::conditional(root).into_iter().map(|text| Box::from(&*text)).collect();
        let lone = lone_references(root).into_iter().filter_map(|value| value.string());
        conditional.extend(
            lone.filter(|text| matches!(references::parse(text), Reference::Conditional { .. }))
                .map(|text| Box::from(&*text)),
        );
        drop(document);
        Ok(Self { text, conditional })
    }

    /// The patch with the links in what it brings rewritten. What the resource holds already is not the bundle's to name.
    ///
    /// # Errors
    /// None but ours: the text was read before.
    pub(super) fn linked(&self, target: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let document = Document::parse(&self.text).map_err(|_| Failure::internal())?;
        let text = references::rewrite(document.root(), target).map_or_else(|| self.text.clone(), Bytes::from);
        let document = Document::parse(&text).map_err(|_| Failure::internal())?;
        let mut places: Vec<_> = lone_references(document.root())
            .into_iter()
            .filter_map(|value| Some((value.start()..value.end(), target(&value.string()?)?)))
            .collect();
        places.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut linked = document.text().to_owned();
        for (range, link) in places {
            let mut value = Vec::with_capacity(link.len() + 2);
            write_string(&mut value, &link);
            linked.replace_range(range, &String::from_utf8(value).map_err(|_| Failure::internal())?);
        }
        Ok(Self { text: linked.into(), conditional: Vec::new() })
    }

    /// The update that the patch comes to.
    ///
    /// # Errors
    /// 400: the patch is none, or what it makes is no resource of R4 under this id. 413: it is too much work. 422: it does
    /// not fit the resource.
    pub(super) async fn change(&self, kind: &'static str, version: Version) -> Result<Change, Failure> {
        let text = self.text.clone();
        let body = version.body.clone();
        // A path may be long to follow, however short the patch.
        let patched = tokio::task::spawn_blocking(move || {
            let document = Document::parse(&text).map_err(|_| Failure::internal())?;
            patch::apply(&body, &document).map_err(Failure::from)
        });
        let patched = patched.await.unwrap_or_else(|_| Err(Failure::internal()))?;
        let Resource { id, body } = incoming::resource(patched.into(), kind).await?;
        update::check_id(id.as_deref(), &version.id).map_err(|failure| failure.at(&format!("{kind}.id")))?;
        let operation = Operation::Update { body, if_match: Some(version.version), if_none_match: false };
        Ok(Change { kind: kind.into(), id: version.id, operation })
    }
}

/// The strings that become the `reference` of a Reference by themselves.
fn lone_references<'d>(root: Element<'d>) -> Vec<Element<'d>> {
    let text = |item: Element<'d>, name: &str| item.member(name).and_then(|value| value.string());
    let mut found = Vec::new();
    if root.kind() == Kind::Array {
        let named = root.children().filter(|item| text(*item, "path").is_some_and(|path| path.ends_with("/reference")));
        found.extend(named.filter_map(|item| item.member("value")).filter(|value| value.kind() == Kind::String));
        return found;
    }
    for operation in root.member("parameter").into_iter().flat_map(|all| all.children()) {
        let parts = || operation.member("part").into_iter().flat_map(|parts| parts.children());
        let part = |name: &str| parts().find(|part| text(*part, "name").as_deref() == Some(name));
        let says = |name: &str, wanted: &str| {
            let value = part(name).and_then(|part| text(part, "valueString"));
            value.is_some_and(|value| value == wanted || value.ends_with(&format!(".{wanted}")))
        };
        if says("path", "reference") || says("name", "reference") {
            found.extend(part("value").and_then(|part| part.member("valueString")));
        }
        part("value").into_iter().for_each(|value| named_reference(value, &mut found));
    }
    found
}

/// The same among parts that are named as elements.
fn named_reference<'d>(part: Element<'d>, found: &mut Vec<Element<'d>>) {
    for inner in part.member("part").into_iter().flat_map(|parts| parts.children()) {
        if inner.member("name").and_then(|name| name.string()).as_deref() == Some("reference") {
            found.extend(inner.member("valueString"));
        }
        named_reference(inner, found);
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        let (status, code) = match error.fault {
            Fault::Malformed => (StatusCode::BAD_REQUEST, Code::Invalid),
            Fault::Target => (StatusCode::UNPROCESSABLE_ENTITY, Code::Processing),
            Fault::Test => (StatusCode::UNPROCESSABLE_ENTITY, Code::Conflict),
            Fault::TooMuch => (StatusCode::PAYLOAD_TOO_LARGE, Code::TooCostly),
        };
        let failure = Self::new(status, code, error.details);
        if error.expression.is_empty() { failure } else { failure.at(&error.expression) }
    }
}
