//! `GET|POST [base]/Composition/[id]/$document`, `Composition/$document?id=[id]`
//! (<https://hl7.org/fhir/R4/composition-operation-document.html>): a Composition and what it names, as a document Bundle.
//!
//! In: `persist` (the Bundle is stored, too; without it nothing is). Out: the Bundle. First the Composition, then all that it refers
//! to in the elements that make up a document (<https://hl7.org/fhir/R4/documents.html#content>), then what these need to be read:
//! who and where they name, their medications, and the results that a report or a panel consists of. Other references
//! of theirs are not followed: a document is no copy of the record. What is not there, or not for this caller, is left out.
//! The Bundle has every security label that something in it has, so that what is labelled is so as a part of it, too.

mod collection;

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::{Document, Element, MAX_DEPTH};
use mappers::references::Bases;
use tokio::time::timeout;

use crate::http::Limits;
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::{chart, parameter};
use crate::outcome::{Code, Failure};
use crate::store::{Change, Changed, Operation as Write, Version};
pub(super) use collection::{Collection, Target, frame, is_support, references, turn};

const KIND: &str = "Composition";
/// Rounds of what entries need: a role names an organization, which is part of another one.
const ROUNDS: usize = 5;

pub(super) async fn document(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let composition = chart::instance(exchange, KIND, &id(request)?).await?;
    if parameter(request, "graph")?.is_some() {
        let details = "Documents are not built by a GraphDefinition here. Leave graph out: the document holds what the \
                       Composition refers to.";
        return Err(wrong(Code::NotSupported, "graph", details));
    }
    let persist = persist(request)?;
    let (body, mut touched) = built(exchange, composition).await?;
    if !persist {
        return Ok(Answer::document(body, touched));
    }
    let Changed { version, provenances, .. } = stored(exchange, request, body).await?;
    touched.extend([&version].into_iter().chain(&provenances).map(Touched::of));
    let location = format!("{}/{}/{}/_history/{}", exchange.endpoint.base, version.kind, version.id, version.version);
    Ok(Answer {
        status: StatusCode::CREATED,
        stamp: Some((version.version, version.updated_ms)),
        location: Some(location),
        ..Answer::document(version.body, touched)
    })
}

/// Whether the request makes a resource: it asks for a document that is stored.
pub(super) fn persists(request: &Request) -> bool {
    persist(request).unwrap_or(false)
}

fn persist(request: &Request) -> Result<bool, Failure> {
    match parameter(request, "persist")?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(wrong(Code::Value, "persist", "The value is true or false.")),
    }
}

/// The id of the Composition: of the address, or of the parameter where the address has none.
fn id(request: &Request) -> Result<String, Failure> {
    match (request.id.as_deref(), parameter(request, "id")?) {
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => Err(wrong(Code::Invalid, "id", "The address names the Composition: leave id out.")),
        (None, Some(id)) if mappers::references::is_id(&id) => Ok(id.into_owned()),
        (None, Some(_)) => {
            let details =
                "The value is no id. Documents are built of Compositions that are stored here: give the id of one.";
            Err(wrong(Code::Value, "id", details))
        }
        (None, None) => Err(wrong(Code::Required, "id", "Say which Composition: id=ID, or Composition/ID/$document.")),
    }
}

fn wrong(code: Code, name: &str, details: &'static str) -> Failure {
    Failure::bad_request(code, details).at(&format!("Parameters.parameter.where(name='{name}')"))
}

/// The Bundle, and what is in it. A POST may be one to store, and such requests go on when their time is over: what only
/// reads does not.
async fn built(exchange: &Exchange<'_>, composition: Version) -> Result<(Bytes, Vec<Touched>), Failure> {
    let building = async {
        let _turn = turn().await?;
        let collection = collected(exchange, composition).await?;
        let touched = collection.entries.iter().map(Touched::of).collect();
        Ok((written(exchange, &collection), touched))
    };
    timeout(Limits::default().time, building).await.unwrap_or_else(|_| {
        let details = "The document could not be gathered in time, and nothing was stored. Try again later, or read its \
                       parts by search.";
        Err(Failure::unavailable(Code::Timeout, details))
    })
}

async fn collected(exchange: &Exchange<'_>, composition: Version) -> Result<Collection, Failure> {
    let bases = exchange.endpoint.gateway.store.bases();
    let mut wanted = Vec::new();
    chart::read(&composition, |root| {
        named_by(root, &mut |reference| wanted.extend(Target::of(reference, &bases)));
    });
    let mut collection = Collection::default();
    collection.add(composition)?;
    let mut read = collection.entries.len();
    for _ in 0..ROUNDS {
        collection.fetch(exchange, &wanted).await?;
        wanted.clear();
        for version in &collection.entries[read..] {
            chart::read(version, |root| needed_by(root, &mut wanted, &bases));
        }
        read = collection.entries.len();
        if wanted.is_empty() {
            break;
        }
    }
    Ok(collection)
}

/// What a Composition refers to as the content of its document.
fn named_by<'d>(composition: Element<'d>, found: &mut impl FnMut(Element<'d>)) {
    for name in ["subject", "encounter", "author", "custodian"] {
        each(composition.member(name), found);
    }
    for (list, name) in [("attester", "party"), ("event", "detail")] {
        for item in items(composition.member(list)) {
            each(item.member(name), found);
        }
    }
    in_sections(composition, found);
}

fn in_sections<'d>(holder: Element<'d>, found: &mut impl FnMut(Element<'d>)) {
    for section in items(holder.member("section")) {
        for name in ["author", "focus", "entry"] {
            each(section.member(name), found);
        }
        in_sections(section, found);
    }
}

/// What a reader of an entry needs beside it.
fn needed_by(root: Element<'_>, wanted: &mut Vec<Target>, bases: &Bases) {
    let kind = root.member("resourceType").and_then(|kind| kind.string()).unwrap_or_default();
    let parts = match &*kind {
        "DiagnosticReport" => "result",
        "Observation" => "hasMember",
        _ => "",
    };
    each(root.member(parts), &mut |reference| wanted.extend(Target::of(reference, bases)));
    for item in items(root.member("entry").filter(|_| kind == "List")) {
        each(item.member("item"), &mut |reference| wanted.extend(Target::of(reference, bases)));
    }
    references(root, &mut |reference| {
        wanted.extend(Target::of(reference, bases).filter(|target| is_support(target.kind)));
    });
}

/// A reference, or each of a list of them.
fn each<'d>(member: Option<Element<'d>>, found: &mut impl FnMut(Element<'d>)) {
    match member {
        Some(member) if member.kind() == mappers::json::Kind::Array => member.children().for_each(found),
        Some(member) => found(member),
        None => {}
    }
}

fn items<'d>(list: Option<Element<'d>>) -> impl Iterator<Item = Element<'d>> {
    list.into_iter().flat_map(|list| list.children())
}

fn written(exchange: &Exchange<'_>, collection: &Collection) -> Bytes {
    let mut out = Vec::with_capacity(collection.bytes + collection.entries.len() * 128 + 256);
    frame(exchange, collection, &mut out);
    collection.write(&exchange.endpoint.base, true, &mut out);
    out.extend_from_slice(b"]}");
    out.into()
}

/// Stores the Bundle: the permit of such a request is one to change.
///
/// # Errors
/// 422: an entry is so deep that the Bundle around it is deeper than what can be stored.
async fn stored(exchange: &Exchange<'_>, request: &Request, body: Bytes) -> Result<Changed, Failure> {
    if Document::parse(&body).is_err() {
        let details = format!(
            "A resource of the document is nested too deep: the Bundle around it would have more than {MAX_DEPTH} levels, \
             and was not stored. Ask for the document without persist."
        );
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details));
    }
    let gateway = &exchange.endpoint.gateway;
    let change = Change { kind: "Bundle".into(), id: gateway.ids.next().into(), operation: Write::Create { body } };
    let mut changed = gateway.store.submit(&exchange.permit, request.set(vec![change])).await?;
    changed.pop().ok_or_else(Failure::internal)
}
