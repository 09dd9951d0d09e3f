//! `GET|POST [base]/Patient/[id]/$summary`: the International Patient Summary as a document Bundle.
//!
//! <https://hl7.org/fhir/uv/ips/OperationDefinition-summary.html>. Sections are filled from the record's own resources; a
//! section that must be there and has nothing says so with an emptyReason, never with an invented "no known".

mod narrative;
mod section;

use bytes::Bytes;

use crate::clock::Clock;
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::chart;
use crate::operation::document::{Collection, Target, frame, is_support, references, turn};
use crate::outcome::Failure;
use crate::store::Version;
use section::{SECTIONS, Section};

pub(super) async fn summary(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (_, id) = request.instance()?;
    let (document, touched) = document(exchange, id).await?;
    Ok(Answer::document(document, touched))
}

/// The document, and what is in it.
pub(super) async fn document(exchange: &Exchange<'_>, patient: &str) -> Result<(Bytes, Vec<Touched>), Failure> {
    let subject = chart::instance(exchange, "Patient", patient).await?;
    let _turn = turn().await?;
    let mut filled = Vec::with_capacity(SECTIONS.len());
    for section in &SECTIONS {
        filled.push((section, section.fill(exchange, patient).await?));
    }
    let mut collection = Collection::default();
    // What the sections show, and no more of the record.
    let shown = filled.iter().flat_map(|(_, versions)| versions.iter().take(section::MOST)).cloned();
    for version in std::iter::once(subject).chain(shown) {
        collection.add(version)?;
    }
    // What the entries name, as far as the caller may see it.
    let (bases, mut wanted) = (exchange.endpoint.gateway.store.bases(), Vec::new());
    for version in &collection.entries {
        chart::read(version, |root| {
            references(root, &mut |reference| {
                wanted.extend(Target::of(reference, &bases).filter(|target| is_support(target.kind)));
            });
        });
    }
    collection.fetch(exchange, &wanted).await?;
    let mut out = Vec::with_capacity(collection.bytes + collection.entries.len() * 256 + 4096);
    write(exchange, patient, &filled, &collection, &mut out);
    let touched = collection.entries.iter().map(Touched::of).collect();
    Ok((out.into(), touched))
}

fn write(
    exchange: &Exchange<'_>,
    patient: &str,
    filled: &[(&Section, Vec<Version>)],
    collection: &Collection,
    out: &mut Vec<u8>,
) {
    let gateway = &exchange.endpoint.gateway;
    frame(exchange, collection, out);
    let (composition, now) = (gateway.ids.next(), Clock::format(gateway.clock.now_ms()));
    out.extend_from_slice(
        format!(
            concat!(
                r#"{{"fullUrl":"urn:uuid:{}","resource":"#,
                r#"{{"resourceType":"Composition","id":"{}","status":"final","type":{{"coding":["#,
                r#"{{"system":"http://loinc.org","code":"60591-5"}}],"text":"Patient summary"}},"#,
                r#""subject":{{"reference":"Patient/{}"}},"date":"{}","#,
                r#""author":[{{"display":"fhir-gateway"}}],"title":"Patient summary","section":["#
            ),
            composition, composition, patient, now
        )
        .as_bytes(),
    );
    let mut first = true;
    for (section, versions) in filled.iter().filter(|(section, versions)| section.required || !versions.is_empty()) {
        if !first {
            out.push(b',');
        }
        first = false;
        section.write(versions, out);
    }
    out.extend_from_slice(b"]}}");
    collection.write(&exchange.endpoint.base, false, out);
    out.extend_from_slice(b"]}");
}
