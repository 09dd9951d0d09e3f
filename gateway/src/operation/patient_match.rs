//! `POST [base]/Patient/$match` (<https://hl7.org/fhir/R4/patient-operation-match.html>): which patients here are likely the
//! person whom the caller describes.
//!
//! In: `resource` (a Patient, as far as it is known), `onlyCertainMatches`, `count`. Out: a searchset Bundle, best first, with
//! score (the probability) and grade. Searches name the candidates (by identifier, by name, by birth date, by telephone), each of
//! them is compared with the description, and whoever agrees too little is left out.

mod likeness;

use std::collections::HashSet;

use mappers::json::Document;
use mappers::search::query::{escaped, push};
use mappers::search::{Context, Handling};

use crate::interaction::search::full_url;
use crate::interaction::searchset::{Head, Page};
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::{chart, is_of_type, named, parameter, parameters};
use crate::outcome::{self, Code, Failure, Issue, Severity};
use crate::store::{SearchRequest, Version};
use likeness::{Grade, Likeness, Person};

/// Candidates that one search may name: of a common name or birthday not all are looked at.
const CANDIDATES: usize = 200;
/// Matches where the client does not say.
const COUNT: usize = 10;
/// The most that it may ask for.
const MOST: usize = 100;

pub(super) async fn patient_match(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (person, certain, count) = {
        let document = Document::parse(&request.body).map_err(|_| no_patient())?;
        (described(&document)?, flag(request, "onlyCertainMatches")?, count(request)?)
    };
    let searches = searches(&person);
    if searches.is_empty() {
        let details = "The Patient says too little to look for: send an identifier, a telephone number or mail address, a birth \
                       date, or a family name.";
        let failure = Failure::new(hyper::StatusCode::UNPROCESSABLE_ENTITY, Code::Required, details);
        return Err(failure.at("Parameters.parameter.where(name='resource').resource"));
    }
    let mut seen: HashSet<Box<str>> = HashSet::new();
    let mut found: Vec<(Likeness, Version)> = Vec::new();
    for query in &searches {
        for version in candidates(exchange, query).await? {
            if !seen.insert(version.id.clone()) {
                continue;
            }
            let other = chart::read(&version, Person::of);
            if let Some(likeness) = other.and_then(|other| person.likeness(&other)) {
                found.push((likeness, version));
            }
        }
    }
    found.sort_by(|(one, left), (other, right)| other.score.total_cmp(&one.score).then_with(|| left.id.cmp(&right.id)));
    let mut issues = Vec::new();
    if certain {
        found.retain(|(likeness, _)| likeness.grade == Grade::Certain);
        if found.len() > 1 {
            // One record was asked for; which of them it is, somebody must see.
            found.clear();
            let details =
                "Several patients match for certain, so that none is the one. Ask without onlyCertainMatches.";
            issues.push(Issue::new(Severity::Warning, Code::MultipleMatches, details));
        }
    }
    found.truncate(count);
    Ok(answer(exchange, &found, &issues))
}

/// The Patient of the `resource` parameter, or the body itself.
fn described(document: &Document<'_>) -> Result<Person, Failure> {
    let root = document.root();
    let resource = if is_of_type(root, "Parameters") {
        named(root, "resource").and_then(|item| item.member("resource"))
    } else {
        Some(root)
    };
    resource.filter(|patient| is_of_type(*patient, "Patient")).map(Person::of).ok_or_else(no_patient)
}

fn no_patient() -> Failure {
    let details = "Send a Parameters resource with a parameter `resource` that holds a Patient.";
    Failure::bad_request(Code::Required, details).at("Parameters.parameter.where(name='resource')")
}

fn flag(request: &Request, name: &str) -> Result<bool, Failure> {
    match given(request, name)?.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Failure::bad_request(Code::Value, format!("The value of {name} is true or false."))),
    }
}

fn count(request: &Request) -> Result<usize, Failure> {
    let Some(text) = given(request, "count")? else { return Ok(COUNT) };
    match text.parse::<usize>() {
        Ok(count) if count > 0 => Ok(count.min(MOST)),
        _ => Err(Failure::bad_request(Code::Value, "The value of count is a number of matches, 1 or more.")),
    }
}

/// A parameter beside the Patient; a body that is the Patient itself has none.
fn given(request: &Request, name: &str) -> Result<Option<String>, Failure> {
    let bare = parameters(&request.body).is_err();
    let value = if bare { crate::http::query::value(&request.query, name) } else { parameter(request, name)? };
    Ok(value.map(std::borrow::Cow::into_owned))
}

/// Queries that name candidates: whoever is the person is found by one of them, unless most of what is said differs.
fn searches(person: &Person) -> Vec<String> {
    let mut searches = Vec::new();
    let mut add = |parameters: &[(&str, String)]| {
        let mut query = String::new();
        parameters.iter().for_each(|(name, value)| push(&mut query, name, value));
        searches.push(query);
    };
    let listed = |values: &mut dyn Iterator<Item = String>| values.take(20).collect::<Vec<_>>().join(",");
    if !person.identifiers.is_empty() {
        let token = |(system, value): &(String, String)| match &**system {
            "" => escaped(value),
            system => format!("{}|{}", escaped(system), escaped(value)),
        };
        add(&[("identifier", listed(&mut person.identifiers.iter().map(token)))]);
    }
    if !person.contacts.is_empty() {
        add(&[("telecom", listed(&mut person.contacts.iter().map(|contact| escaped(&contact.written))))]);
    }
    if let Some(birth) = person.birth.as_deref().filter(|birth| birth.len() == 10) {
        add(&[("birthdate", birth.to_owned())]);
    }
    let families = listed(&mut person.families.iter().map(|name| escaped(name)));
    let givens = listed(&mut person.givens.iter().map(|name| escaped(name)));
    match (families.is_empty(), givens.is_empty(), person.birth.as_deref().and_then(|birth| birth.get(..4))) {
        (false, false, _) => add(&[("family", families), ("given", givens)]),
        (false, true, Some(year)) => add(&[("family", families), ("birthdate", year.to_owned())]),
        (false, true, None) => add(&[("family", families)]),
        (true, false, Some(year)) => add(&[("given", givens), ("birthdate", year.to_owned())]),
        _ => {}
    }
    searches
}

async fn candidates(exchange: &Exchange<'_>, query: &str) -> Result<Vec<Version>, Failure> {
    let context = Context { handling: Handling::Strict, base: &exchange.endpoint.base, custom: None };
    let (search, ..) = mappers::search::parse(Some("Patient"), query, context)?;
    let request = SearchRequest { search, count: CANDIDATES, ..SearchRequest::default() };
    Ok(exchange.endpoint.gateway.store.search(&exchange.permit, &request).await?.matches)
}

fn answer(exchange: &Exchange<'_>, found: &[(Likeness, Version)], issues: &[Issue]) -> Answer {
    let base = &*exchange.endpoint.base;
    // The description of a person does not go into an address.
    let here = format!("{base}/Patient/$match");
    let size = found.iter().map(|(_, version)| version.body.len() + base.len() + 300).sum();
    let head = Head { kind: "searchset", total: Some(found.len() as u64), here: &here, next: None };
    let mut page = Page::new(&head, size);
    for (Likeness { score, grade }, version) in found {
        page.entry(|out| {
            full_url(out, base, version);
            out.extend_from_slice(br#","resource":"#);
            out.extend_from_slice(&version.body);
            out.extend_from_slice(
                format!(
                    r#","search":{{"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"{}"}}],"mode":"match","score":{score:.4}}}"#,
                    grade.code()
                )
                .as_bytes(),
            );
        });
    }
    if !issues.is_empty() {
        page.entry(|out| {
            out.extend_from_slice(br#""resource":"#);
            out.extend_from_slice(&outcome::outcome(issues));
            out.extend_from_slice(br#","search":{"mode":"outcome"}"#);
        });
    }
    Answer::document(page.finish(), found.iter().map(|(_, version)| Touched::of(version)).collect())
}
