//! `GET|POST [base]/Patient/[id]/$summary`: the International Patient Summary as a document Bundle.
//!
//! <https://hl7.org/fhir/uv/ips/OperationDefinition-summary.html>. Sections are filled from the record's own resources; a
//! section that must be there and has nothing says so with an emptyReason, never with an invented "no known".

mod narrative;
mod section;

use std::collections::HashSet;

use bytes::Bytes;
use mappers::json::{Element, Kind, write_string};

use crate::clock::Clock;
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::chart;
use crate::outcome::Failure;
use crate::store::{Found, Version};
use section::{SECTIONS, Section};

/// Resources that entries refer to and the document carries too.
const SUPPORT: [&str; 4] = ["Medication", "Organization", "Practitioner", "PractitionerRole"];
/// The most of them.
const MOST_SUPPORT: usize = 200;

pub(super) async fn summary(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (_, id) = request.instance()?;
    let (document, touched) = document(exchange, id).await?;
    Ok(Answer::document(document, touched))
}

/// The document, and what is in it.
pub(super) async fn document(exchange: &Exchange<'_>, patient: &str) -> Result<(Bytes, Vec<Touched>), Failure> {
    let subject = chart::instance(exchange, "Patient", patient).await?;
    let mut filled = Vec::with_capacity(SECTIONS.len());
    for section in &SECTIONS {
        filled.push((section, section.fill(exchange, patient).await?));
    }
    let mut entries: Vec<Version> = Vec::new();
    let mut seen = HashSet::new();
    for version in std::iter::once(&subject).chain(filled.iter().flat_map(|(_, versions)| versions)) {
        if seen.insert((version.kind.clone(), version.id.clone())) {
            entries.push(version.clone());
        }
    }
    support(exchange, &mut entries, &mut seen).await?;
    let mut out = Vec::with_capacity(entries.iter().map(|version| version.body.len() + 256).sum::<usize>() + 4096);
    write(exchange, patient, &filled, &entries, &mut out);
    let touched = entries.iter().map(Touched::of).collect();
    Ok((out.into(), touched))
}

/// Adds what the entries refer to, as far as the caller may see it.
async fn support(
    exchange: &Exchange<'_>,
    entries: &mut Vec<Version>,
    seen: &mut HashSet<(Box<str>, Box<str>)>,
) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    for version in entries.iter() {
        chart::read(version, |root| references(root, &mut wanted));
    }
    for (kind, id) in wanted {
        if seen.len() > entries.len() + MOST_SUPPORT || !seen.insert((kind.as_str().into(), id.as_str().into())) {
            continue;
        }
        if let Found::Present(version) = exchange.endpoint.gateway.store.read(&exchange.permit, &kind, &id).await? {
            entries.push(version);
        }
        if entries.len() > section::MOST + MOST_SUPPORT {
            break;
        }
    }
    Ok(())
}

/// Every `Type/id` of the supporting types that stands in the resource.
fn references(element: Element<'_>, wanted: &mut Vec<(String, String)>) {
    for child in element.children() {
        match child.kind() {
            Kind::Object | Kind::Array => references(child, wanted),
            Kind::String if child.is_named("reference") => {
                let text = child.string().unwrap_or_default();
                if let Some((kind, id)) = text.split_once('/')
                    && SUPPORT.contains(&kind)
                    && mappers::references::is_id(id)
                {
                    wanted.push((kind.to_owned(), id.to_owned()));
                }
            }
            _ => {}
        }
    }
}

fn write(
    exchange: &Exchange<'_>,
    patient: &str,
    filled: &[(&Section, Vec<Version>)],
    entries: &[Version],
    out: &mut Vec<u8>,
) {
    let gateway = &exchange.endpoint.gateway;
    let (document, composition) = (gateway.ids.next(), gateway.ids.next());
    let now = Clock::format(gateway.clock.now_ms());
    out.extend_from_slice(
        format!(
            concat!(
                r#"{{"resourceType":"Bundle","identifier":{{"system":"urn:ietf:rfc:3986","value":"urn:uuid:{}"}},"#,
                r#""type":"document","timestamp":"{}","entry":[{{"fullUrl":"urn:uuid:{}","resource":"#,
                r#"{{"resourceType":"Composition","id":"{}","status":"final","type":{{"coding":["#,
                r#"{{"system":"http://loinc.org","code":"60591-5"}}],"text":"Patient summary"}},"#,
                r#""subject":{{"reference":"Patient/{}"}},"date":"{}","#,
                r#""author":[{{"display":"fhir-gateway"}}],"title":"Patient summary","section":["#
            ),
            document, now, composition, composition, patient, now
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
    for version in entries {
        out.extend_from_slice(br#",{"fullUrl":"#);
        write_string(out, &format!("{}/{}/{}", exchange.endpoint.base, version.kind, version.id));
        out.extend_from_slice(br#","resource":"#);
        out.extend_from_slice(&version.body);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}
