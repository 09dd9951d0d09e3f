//! `GET|POST [base]/$meta`, `[type]/$meta`, `[type]/[id]/$meta`, `[type]/[id]/_history/[version]/$meta`
//! (<https://hl7.org/fhir/R4/resource-operation-meta.html>): the profiles, security labels and tags in use, or the `meta` of one
//! version. `POST [type]/[id]/$meta-add` and `$meta-delete`
//! (<https://hl7.org/fhir/R4/resource-operation-meta-add.html>) change those of a resource. In and out: a Meta.
//!
//! A change of labels is a new version, as a PATCH of `meta` would be. Up to STU3 the standard said that none is made; R4 dropped
//! the sentence, and HAPI still writes into the versions that are there. Here a version is what was served under its `ETag` and
//! stays so: history is lossless, `If-Match` sees the change, and index and facts come from the same transaction as of every
//! other write. Consent goes by the current version for all versions of a resource, so that nothing that was labelled late
//! leaks through its history, and no past version needs (or gets) another label.

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::{Document, Element, write_string};
use mappers::labels::{self, LISTS, Name};
use mappers::structure;

use crate::interaction::{Answer, Exchange, Request, Touched, not_there, number, patch, trail};
use crate::operation::{Operation, named, parameters};
use crate::outcome::{Code, Failure};
use crate::store::{Change, Changed, Found, Labels, Operation as Write, StoreError, Version};

/// Where the Meta stands in what is sent.
const META: &str = "Parameters.parameter.where(name='meta')";

pub(super) async fn meta(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let Ok((kind, id)) = request.instance() else { return in_use(exchange, request.kind).await };
    if let Some(record) = trail::record(exchange, kind, id).await? {
        let is_asked = request.version.as_deref().is_none_or(|version| number(version) == Some(record.version));
        return if is_asked { answer(&record) } else { Err(not_there(&Found::Unknown)) };
    }
    let store = &exchange.endpoint.gateway.store;
    let found = match request.version.as_deref() {
        None => store.read(&exchange.permit, kind, id).await?,
        Some(version) => match number(version) {
            Some(version) => store.vread(&exchange.permit, kind, id, version).await?,
            None => Found::Unknown,
        },
    };
    match found {
        Found::Present(version) => answer(&version),
        found => Err(not_there(&found)),
    }
}

/// `$meta-add` and `$meta-delete`.
pub(super) async fn change(
    operation: Operation,
    exchange: &Exchange<'_>,
    request: &Request,
) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let sent = sent(&request.body)?;
    let changed = match operation {
        Operation::MetaAdd => labels::add,
        _ => labels::delete,
    };
    let store = &exchange.endpoint.gateway.store;
    for _ in 0..patch::TRIES {
        let version = patch::current(store.read(&exchange.permit, kind, id).await?, request)?;
        is_current(exchange, request, &version).await?;
        let revised = {
            let (resource, sent) = (read(&version.body)?, read(sent.as_bytes())?);
            changed(resource.root(), sent.root())
        };
        // Labels are sets: what has them all has no new version.
        let Some(body) = revised.map(Bytes::from) else { return answer(&version) };
        let operation = Write::Update { body, if_match: Some(version.version), if_none_match: false };
        let change = Change { kind: version.kind, id: version.id, operation };
        match store.submit(&exchange.permit, request.set(vec![change])).await {
            Err(error) if patch::met_another(&error, request) => {}
            changed => {
                let Changed { version, provenances, .. } = changed?.pop().ok_or_else(Failure::internal)?;
                return Ok(answer(&version)?.provided(&provenances));
            }
        }
    }
    Err(StoreError::Contention.into())
}

/// The Meta that was sent, checked. A label that we let fall may be one that hides the resource: what is sent beside the one
/// Meta is refused.
fn sent(body: &[u8]) -> Result<String, Failure> {
    let document = parameters(body)?;
    structure::check_resource(&document, Some("Parameters"))?;
    nothing_beside(document.root())?;
    let meta = named(document.root(), "meta").and_then(|parameter| parameter.member("valueMeta")).ok_or_else(|| {
        let details = "Send a Parameters resource with a parameter `meta` that has a valueMeta: the profiles, security labels \
                       and tags that are meant.";
        Failure::bad_request(Code::Required, details).at(META)
    })?;
    if let Some(place) = labels::nameless(meta) {
        let details = "A security label or tag is named by its system and code, a profile by its address: this one says \
                       neither code nor address.";
        return Err(Failure::bad_request(Code::Required, details).at(&format!("{META}.value.{place}")));
    }
    Ok(meta.raw().to_owned())
}

/// There is one parameter `meta` at most, and no other.
fn nothing_beside(root: Element<'_>) -> Result<(), Failure> {
    let mut metas = 0;
    for (index, parameter) in root.member("parameter").into_iter().flat_map(|list| list.children()).enumerate() {
        let (code, details) = if parameter.member("name").and_then(|name| name.string()).as_deref() != Some("meta") {
            let details = "The operation takes one parameter, `meta`, and nothing was changed. Leave this one out, or put its \
                           labels into the valueMeta of `meta`.";
            (Code::NotSupported, details)
        } else if metas > 0 {
            let details = "The operation takes one parameter `meta`, and nothing was changed. Put all labels into one \
                           valueMeta, or send the operation once for each.";
            (Code::Invalid, details)
        } else {
            metas += 1;
            continue;
        };
        return Err(Failure::bad_request(code, details).at(&format!("Parameters.parameter[{index}]")));
    }
    Ok(())
}

/// Where the address names a version it must be the current one: what was served stays as it was.
async fn is_current(exchange: &Exchange<'_>, request: &Request, version: &Version) -> Result<(), Failure> {
    let Some(named) = request.version.as_deref() else { return Ok(()) };
    let Some(named) = number(named) else { return Err(not_there(&Found::Unknown)) };
    if named == version.version {
        return Ok(());
    }
    let past = exchange.endpoint.gateway.store.vread(&exchange.permit, &version.kind, &version.id, named).await?;
    if matches!(past, Found::Unknown) {
        return Err(not_there(&past));
    }
    Err(Failure::new(
        StatusCode::CONFLICT,
        Code::BusinessRule,
        format!(
            "The resource is at version {} now, and past versions are not changed. Label the resource itself: what may be \
             seen of any of its versions goes by its current labels.",
            version.version
        ),
    ))
}

fn read(text: &[u8]) -> Result<Document<'_>, Failure> {
    Document::parse(text).map_err(|_| Failure::internal())
}

/// The `meta` of a version.
fn answer(version: &Version) -> Result<Answer, Failure> {
    let document = read(&version.body)?;
    let meta = document.root().member("meta").map_or("{}", |meta: Element<'_>| meta.raw());
    let touched = vec![Touched::of(version)];
    Ok(Answer { stamp: Some((version.version, version.updated_ms)), ..returned(meta.as_bytes(), touched) })
}

/// The labels in use, in a type or in all.
async fn in_use(exchange: &Exchange<'_>, kind: Option<&'static str>) -> Result<Answer, Failure> {
    let labels = exchange.endpoint.gateway.store.labels(&exchange.permit, kind).await?.ok_or_else(|| {
        let details = "More labels are in use than one answer names. Ask type by type, or search by _tag, _security and \
                       _profile.";
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details)
    })?;
    Ok(returned(&written(&labels), Vec::new()))
}

fn written(labels: &Labels) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (list, names) in LISTS.iter().zip(labels).filter(|(_, names)| !names.is_empty()) {
        out.extend_from_slice(if out.len() > 1 { b",\"" } else { b"\"" });
        out.extend_from_slice(list.as_bytes());
        out.extend_from_slice(b"\":[");
        for (index, Name { system, code }) in names.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if *list == "profile" {
                write_string(&mut out, code);
                continue;
            }
            out.push(b'{');
            if !system.is_empty() {
                out.extend_from_slice(br#""system":"#);
                write_string(&mut out, system);
                out.push(b',');
            }
            out.extend_from_slice(br#""code":"#);
            write_string(&mut out, code);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// A Parameters resource with a Meta; one without labels has no value, for FHIR JSON has no empty objects.
fn returned(meta: &[u8], touched: Vec<Touched>) -> Answer {
    let mut out = br#"{"resourceType":"Parameters","parameter":[{"name":"return""#.to_vec();
    if meta != b"{}" {
        out.extend_from_slice(br#","valueMeta":"#);
        out.extend_from_slice(meta);
    }
    out.extend_from_slice(b"}]}");
    Answer::document(out.into(), touched)
}
