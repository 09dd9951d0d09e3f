//! `GET|POST [base]/Observation/$lastn` (<https://hl7.org/fhir/R4/observation-operation-lastn.html>): of each kind of
//! observation of a subject the latest.
//!
//! In: the search parameters of Observation, among them one subject by its id, and `max` (how many of each kind; 1 where it is
//! not said). Out: a searchset Bundle, group by group, latest first. The answer is whole: it has no pages.
//!
//! R4 does not speak of results that were entered in error. One of them must not hide the latest that holds, so they are left
//! out unless the request asks by `status`; the link of the answer says so.

use mappers::json::Element;
use mappers::search::canonical;
use mappers::search::query::push;

use crate::http::query::pairs;
use crate::interaction::search::{address, handling, whole};
use crate::interaction::{self, codes};
use crate::interaction::{Answer, Exchange, Request};
use crate::operation::{of_value, parameters};
use crate::outcome::{Code, Failure, Issue};

const KIND: &str = "Observation";
/// The most of each kind that may be asked for.
const MOST: usize = 100;
/// Parameters of pages and orders, of which there is one here.
const FIXED: [&str; 4] = ["_count", "_cursor", "_sort", "_total"];

pub(super) async fn lastn(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let base = &*exchange.endpoint.base;
    let Asked { query, max } = asked(request)?;
    let (mut search, results, ignored) =
        interaction::parameters::read(exchange, Some(KIND), &query, handling(request)).await?;
    let mut chosen = canonical(&search, &results);
    push(&mut chosen, "max", &max.to_string());
    codes::resolve(exchange, &mut search).await?;
    let page = exchange.endpoint.gateway.store.lastn(&exchange.permit, &search, max).await?;
    let mut page = page.ok_or_else(|| {
        let details = "The latest of each kind are more than one answer holds. Ask by category, code or date, or with a \
                       smaller max.";
        Failure::new(hyper::StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details)
    })?;
    if results.is_count_only() {
        (page.matches, page.included) = (Vec::new(), Vec::new());
    }
    let here = address(base, &format!("{KIND}/$lastn"), &chosen);
    Ok(whole(exchange, &here, &results, &ignored, &page))
}

/// What is asked for, as a query of a search.
pub(crate) struct Asked {
    /// The parameters but `max`.
    pub(crate) query: String,
    /// How many of each kind.
    pub(crate) max: usize,
}

impl Asked {
    /// Reads names and values.
    ///
    /// # Errors
    /// 400: no subject, or not one; a `max` that is no number; a parameter of pages.
    pub(crate) fn read<'p>(given: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Self, Failure> {
        let (mut query, mut max, mut subject, mut status) = (String::new(), 1, false, false);
        for (name, value) in given.filter(|(_, value)| !value.is_empty()) {
            if FIXED.contains(&name) {
                let details = "The operation has an order of its own and no pages: leave the parameter out.";
                return Err(wrong(Code::NotSupported, name, details));
            }
            if name == "max" {
                let number = value.parse().ok().filter(|max| (1..=MOST).contains(max));
                let details = || wrong(Code::Value, name, format!("The value is no number from 1 to {MOST}."));
                max = number.ok_or_else(details)?;
                continue;
            }
            if let Some(named) = subject_of(name, value)? {
                subject = true;
                push(&mut query, name, &named);
                continue;
            }
            status |= name == "status" || name.starts_with("status:");
            push(&mut query, name, value);
        }
        if !subject {
            let details = "Say whose observations: patient=ID, or subject=Type/ID for another subject.";
            return Err(wrong(Code::Required, "patient", details));
        }
        if !status {
            push(&mut query, "status:not", "entered-in-error");
        }
        Ok(Self { query, max })
    }
}

/// The one subject that a parameter names; `None` for other parameters. The latest of one must never hide those of another, so
/// several are refused, and so is what may name several.
fn subject_of(name: &str, value: &str) -> Result<Option<String>, Failure> {
    let (parameter, modifier) = name.split_once(':').map_or((name, None), |(name, modifier)| (name, Some(modifier)));
    let is_id = mappers::references::is_id(value);
    match (parameter, modifier) {
        ("patient" | "subject", _) if value.contains(',') => {
            Err(wrong(Code::Value, name, "The value names several subjects. Ask for each of them."))
        }
        ("patient", None) if is_id => Ok(Some(format!("Patient/{value}"))),
        ("subject", None) if is_id => Err(wrong(
            Code::Value,
            name,
            "The value does not say what the subject is. Write subject=Patient/ID, or patient=ID.",
        )),
        ("patient" | "subject", None) => Ok(Some(value.to_owned())),
        ("patient" | "subject", Some(kind))
            if kind.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('.') =>
        {
            Ok(Some(value.to_owned()))
        }
        _ => Ok(None),
    }
}

fn wrong(code: Code, name: &str, details: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    let issue = Issue { expression: vec![format!("http.{name}")], ..Issue::error(code, details) };
    Failure { issues: vec![issue], ..Failure::bad_request(code, "") }
}

/// The parameters of the address, and those of the Parameters resource of a POST.
fn asked(request: &Request) -> Result<Asked, Failure> {
    let mut given: Vec<(String, String)> =
        pairs(&request.query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    if !request.body.is_empty() {
        let document = parameters(&request.body)?;
        let list = document.root().member("parameter").into_iter().flat_map(|list| list.children());
        for parameter in list {
            let name = parameter.member("name").and_then(|name: Element<'_>| name.string()).unwrap_or_default();
            given.push((name.into_owned(), of_value(parameter)?));
        }
    }
    Asked::read(given.iter().map(|(name, value)| (&**name, &**value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<(String, usize), (u16, String)> {
        let told = |failure: Failure| (failure.status.as_u16(), failure.issues[0].expression.join(","));
        Asked::read(given.iter().copied()).map(|asked| (asked.query, asked.max)).map_err(told)
    }

    #[test]
    fn one_subject_is_named_by_its_id() {
        let valid = |query: &str, max| Ok((format!("{query}&status:not=entered-in-error"), max));
        assert_eq!(read(&[("patient", "a"), ("max", "3")]), valid("patient=Patient/a", 3));
        assert_eq!(read(&[("code", "x"), ("subject", "Group/a")]), valid("code=x&subject=Group/a", 1));
        assert_eq!(read(&[("subject:Patient", "a")]), valid("subject:Patient=a", 1));
        assert_eq!(read(&[("patient", "a"), ("status", "")]), valid("patient=Patient/a", 1));
        for status in ["status", "status:not"] {
            assert_eq!(read(&[("patient", "a"), (status, "x")]), Ok((format!("patient=Patient/a&{status}=x"), 1)));
        }
        for (given, place) in [
            (vec![], "http.patient"),
            (vec![("code", "x")], "http.patient"),
            (vec![("patient", "")], "http.patient"),
            (vec![("patient", "a,b")], "http.patient"),
            (vec![("subject", "a")], "http.subject"),
            (vec![("patient.identifier", "x")], "http.patient"),
            (vec![("patient:missing", "false")], "http.patient"),
            (vec![("subject:Patient.name", "x")], "http.patient"),
            (vec![("patient", "a"), ("max", "0")], "http.max"),
            (vec![("patient", "a"), ("max", "101")], "http.max"),
            (vec![("patient", "a"), ("_count", "5")], "http._count"),
        ] {
            assert_eq!(read(&given), Err((400, place.to_owned())), "{given:?}");
        }
    }
}
