//! `GET|POST [base]/DocumentReference/$docref` (<https://hl7.org/fhir/us/core/STU6.1/OperationDefinition-docref.html>): the
//! documents of a patient, latest first.
//!
//! In: `patient` (id), `start` and `end` (care that the documents are about), `type` (LOINC code of the document), `on-demand`.
//! Without a span only the latest document is in scope: the continuity of care document (CCD) where there is one and no other
//! type is asked for.

use mappers::search::query::{Test, escaped, push};
use mappers::search::{Context, Handling, Ignored, Search, parameters};

use crate::interaction::search::{Asked, page};
use crate::interaction::{Answer, Exchange, Request};
use crate::operation::{chart, parameter, span};
use crate::outcome::{Code, Failure};
use crate::store::{SearchRequest, Version};

const KIND: &str = "DocumentReference";
/// LOINC 34133-9, summary of episode note: what a CCD is.
const CCD: &str = "http://loinc.org|34133-9";
/// Documents per page where the client does not say.
const COUNT: u32 = 50;

pub(super) async fn docref(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let base = &*exchange.endpoint.base;
    let Some(patient) = parameter(request, "patient")? else {
        let details = "Say whose documents: patient=ID, or a parameter patient with a valueId.";
        return Err(Failure::bad_request(Code::Required, details).at("Parameters.parameter.where(name='patient')"));
    };
    let patient = patient.strip_prefix("Patient/").unwrap_or(&patient);
    chart::instance(exchange, "Patient", patient).await?;
    if parameter(request, "profile")?.is_some() {
        let details = "Documents are not told apart by profile here; ask by type.";
        return Err(Failure::bad_request(Code::NotSupported, details));
    }
    let kind = parameter(request, "type")?;
    let mut chosen = String::new();
    push(&mut chosen, "patient", patient);
    let mut spans = Vec::new();
    for name in ["start", "end"] {
        if let Some(value) = parameter(request, name)? {
            let paths = parameters::definition(KIND, "period").map(|period| period.index_paths().collect());
            spans.push(span::within(name, &value, paths.unwrap_or_default(), base)?);
            push(&mut chosen, name, &value);
        }
    }
    if let Some(kind) = &kind {
        push(&mut chosen, "type", kind);
    }
    let mut query = String::from("status=current&_sort=-date,-_lastUpdated");
    push(&mut query, "patient", &format!("Patient/{}", escaped(patient)));
    let mut shown = String::new();
    for name in ["_count", "_cursor"] {
        if let Some(value) = parameter(request, name)? {
            push(&mut shown, name, &value);
        }
    }
    let (_, results, _) =
        mappers::search::parse(None, &shown, Context { handling: Handling::Strict, base, custom: None })?;
    let wanted = |kind: Option<&str>| -> Result<Search, Failure> {
        let mut query = query.clone();
        if let Some(kind) = kind {
            push(&mut query, "type", kind);
        }
        let (mut search, ..) =
            mappers::search::parse(Some(KIND), &query, Context { handling: Handling::Strict, base, custom: None })?;
        search.tests.extend(spans.iter().cloned());
        Ok(search)
    };
    let mut search = wanted(kind.as_deref())?;
    if spans.is_empty() {
        let care = if kind.is_none() { latest(exchange, wanted(Some(CCD))?).await? } else { None };
        let latest = match care {
            Some(found) => Some(found),
            None => latest(exchange, search.clone()).await?,
        };
        // With none there is nothing to choose from.
        search.tests.extend(latest.map(|found| Test::Id(vec![found.id])));
    }
    let ignored = on_demand(request)?;
    page(exchange, Asked { path: format!("{KIND}/$docref"), chosen, search, results, ignored, count: COUNT }).await
}

/// The first document of a search.
async fn latest(exchange: &Exchange<'_>, search: Search) -> Result<Option<Version>, Failure> {
    let request = SearchRequest { search, count: 1, ..SearchRequest::default() };
    Ok(exchange.endpoint.gateway.store.search(&exchange.permit, &request).await?.matches.into_iter().next())
}

/// Documents that are made when they are asked for: there are none beside `$summary`.
fn on_demand(request: &Request) -> Result<Vec<Ignored>, Failure> {
    match parameter(request, "on-demand")?.as_deref() {
        None | Some("false") => Ok(Vec::new()),
        Some("true") => Ok(vec![Ignored {
            parameter: "on-demand".into(),
            details: "No document is made on demand here: what is listed is stored. Patient/[id]/$summary makes a summary of now.".into(),
        }]),
        Some(_) => Err(Failure::bad_request(Code::Value, "The value of on-demand is true or false.")),
    }
}
