//! `GET|POST [base]/Patient/[id]/$everything` (<https://hl7.org/fhir/R4/patient-operation-everything.html>) and
//! `Encounter/[id]/$everything` (<https://hl7.org/fhir/R4/encounter-operation-everything.html>): a record as a search over
//! its compartment, page by page, with the practitioners, organizations, places and things that it names.
//!
//! In: `start` and `end` (dates of care: what has no date of its own counts), `_since` (changed after), `_type`, `_count`.

use mappers::search::query::{Include, Prefix, Test};
use mappers::search::{Context, Handling, Search, compartment, parameters};

use crate::interaction::search::{Asked, page};
use crate::interaction::{Answer, Exchange, Request};
use crate::operation::{chart, parameter, span};
use crate::outcome::{Code, Failure};

/// Resources per page where the client does not say: most records are one page.
const COUNT: u32 = 1000;
/// Parameters that tell when care took place; of a type the first that it has.
const DATES: [&str; 11] = [
    // Before `date`, which of a prescription is when it is to be taken.
    "authoredon",
    "authored",
    "date",
    "effective",
    "effective-time",
    "onset-date",
    "whenhandedover",
    "start-date",
    "event-date",
    "period",
    "created",
];
pub(super) async fn everything(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (owner, id) = request.instance()?;
    chart::instance(exchange, owner, id).await?;
    let base = &exchange.endpoint.base;
    let kinds = kinds(request, owner)?;
    let mut query = String::new();
    for name in ["_count", "_cursor"] {
        if let Some(value) = parameter(request, name)? {
            query.push_str(&format!("{name}={value}&"));
        }
    }
    let (_, results, _) =
        mappers::search::parse(None, &query, Context { handling: Handling::Strict, base, custom: None })?;
    let mut tests: Vec<Test> = compartment::test(owner, id, &kinds, base).into_iter().collect();
    let mut chosen = Vec::new();
    for name in ["start", "end", "_since", "_type"] {
        if let Some(value) = parameter(request, name)? {
            tests.extend(limit(name, &value, &kinds, base)?);
            chosen.push(format!("{name}={}", value.replace('+', "%2B").replace('&', "%26")));
        }
    }
    let along = |kind: &&'static str| Include {
        reverse: false,
        iterate: false,
        kind: None,
        paths: Vec::new(),
        target: Some(*kind),
    };
    // An encounter's record names its patient.
    let patient = (owner == "Encounter").then_some(&"Patient");
    let mut includes: Vec<Include> = chart::NAMED
        .iter()
        .chain(&["Endpoint"])
        .chain(patient)
        .filter(|kind| !kinds.contains(kind))
        .map(along)
        .collect();
    if parameter(request, "_type")?.is_some() {
        // Only what was asked for.
        includes.clear();
    }
    let mut search = Search::of(kinds, tests);
    search.includes = includes;
    let path = format!("{owner}/{id}/$everything");
    page(exchange, Asked { path, chosen: chosen.join("&"), search, results, ignored: Vec::new(), count: COUNT }).await
}

/// The types of the record, or those of them that were asked for.
fn kinds(request: &Request, owner: &'static str) -> Result<Vec<&'static str>, Failure> {
    let mut kinds: Vec<&'static str> = compartment::members(owner).collect();
    if !kinds.contains(&owner) {
        kinds.push(owner);
        kinds.sort_unstable();
    }
    let Some(wanted) = parameter(request, "_type")? else { return Ok(kinds) };
    let wanted: Vec<&str> = wanted.split(',').filter(|kind| !kind.is_empty()).collect();
    if wanted.iter().any(|kind| parameters::resource_type(kind).is_none()) {
        let details = "A value of _type is no resource type; give names of types, as in Observation,Condition.";
        return Err(Failure::bad_request(Code::Value, details));
    }
    kinds.retain(|kind| wanted.contains(kind));
    Ok(kinds)
}

/// What a parameter asks of a resource.
fn limit(name: &str, value: &str, kinds: &[&'static str], base: &str) -> Result<Option<Test>, Failure> {
    match name {
        "start" | "end" => Ok(Some(span::within(name, value, dates(kinds), base)?)),
        "_since" => Ok(Some(Test::LastUpdated(span::date(name, value, Prefix::GreaterOrEqual, base)?))),
        _ => Ok(None),
    }
}

/// The places of the dates of care.
fn dates(kinds: &[&'static str]) -> Vec<i32> {
    let of = |kind: &&'static str| {
        let found = DATES.iter().filter_map(|name| parameters::definition(kind, name));
        let mut dates = found.filter(|found| found.param_kind == parameters::ParameterKind::Date);
        dates.next().into_iter().flat_map(parameters::Definition::index_paths).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(of).collect()
}
