//! Conditions that are searches: If-None-Exist, conditional update and delete, conditional references.

use hyper::StatusCode;
use mappers::search::{Context, Custom, Handling, Results, Search};

use crate::interaction::{Exchange, parameters};
use crate::outcome::{Code, Failure};
use crate::store::Transaction;

/// The most resources that the conditions of one request may delete.
pub(super) const MOST_DELETED: usize = 1000;

/// What a conditional delete does where several resources match:
/// <https://hl7.org/fhir/R4/valueset-conditional-delete-status.html>.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum ConditionalDelete {
    /// Delete all of them, at most 1000 in a request.
    Multiple,
    /// Refuse: 412.
    #[default]
    Single,
}

impl ConditionalDelete {
    /// The code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Multiple => "multiple",
            Self::Single => "single",
        }
    }

    /// What holds of a request: one that names a version means one resource.
    pub(super) fn of(self, if_match: Option<&str>) -> Self {
        if if_match.is_some() { Self::Single } else { self }
    }
}

/// The search of a condition. Every parameter must be understood: one that is left out would match too much.
///
/// # Errors
/// 400: not understood, or no criteria at all.
pub(super) async fn criteria(exchange: &Exchange<'_>, kind: &'static str, query: &str) -> Result<Search, Failure> {
    let (store, permit) = (&exchange.endpoint.gateway.store, &exchange.permit);
    parameters::with(store, permit, |custom| read(&exchange.endpoint.base, custom, kind, query)).await
}

/// As [`criteria`], by search parameters that are at hand.
///
/// # Errors
/// As [`criteria`].
pub(super) fn read(base: &str, custom: &Custom, kind: &str, query: &str) -> Result<Search, Failure> {
    let query = query.trim_start_matches('?');
    let context = Context { handling: Handling::Strict, base, custom: Some(custom) };
    let (search, results, _) = mappers::search::parse(Some(kind), query, context)?;
    if let Some(name) = of_pages(&search, &results) {
        let details = "A condition says which resources are meant, all of them: a page, an order or what comes along has no \
                       place in it. Leave the parameter out.";
        return Err(Failure::bad_request(Code::NotSupported, details).at(&format!("http.{name}")));
    }
    if search.tests.is_empty() {
        return Err(Failure::bad_request(
            Code::Required,
            "A condition needs at least one search parameter: without one it would match every resource of the type.",
        ));
    }
    if search.asks_terminology() {
        return Err(Failure::bad_request(
            Code::NotSupported,
            "A condition cannot ask for value sets or for codes above and below others (:in, :not-in, :above, :below); \
             give the codes.",
        ));
    }
    Ok(search)
}

/// The name of a parameter that says how a page looks, where there is one. `_format` and `_pretty` are of the answer.
fn of_pages(search: &Search, results: &Results) -> Option<&'static str> {
    let Results { count, elements, summary, total, cursor, format: _, pretty: _ } = results;
    let given = [
        ("_count", count.is_some()),
        ("_cursor", cursor.is_some()),
        ("_elements", !elements.is_empty()),
        ("_include", !search.includes.is_empty()),
        ("_sort", !search.sort.is_empty()),
        ("_summary", summary.is_some()),
        ("_total", total.is_some()),
    ];
    given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
}

/// The id of the one match; `None` where nothing matches.
///
/// # Errors
/// 412: more than one.
pub(super) async fn only_match(transaction: &mut Transaction, search: &Search) -> Result<Option<Box<str>>, Failure> {
    only(transaction.find(search, 2).await?)
}

/// As [`only_match`], for what is to be changed: nobody else changes it until the transaction ends.
///
/// # Errors
/// 412: more than one.
pub(super) async fn only_match_to_change(
    transaction: &mut Transaction,
    search: &Search,
) -> Result<Option<Box<str>>, Failure> {
    only(transaction.find_to_change(search, 2).await?)
}

fn only(mut found: Vec<Box<str>>) -> Result<Option<Box<str>>, Failure> {
    let first = found.pop();
    if found.is_empty() { Ok(first) } else { Err(too_many()) }
}

/// The ids of what a conditional delete deletes.
///
/// # Errors
/// 412: more than one where that is the most, or too many.
pub(super) async fn deleted(
    transaction: &mut Transaction,
    search: &Search,
    policy: ConditionalDelete,
) -> Result<Vec<Box<str>>, Failure> {
    match policy {
        ConditionalDelete::Single => Ok(only_match_to_change(transaction, search).await?.into_iter().collect()),
        ConditionalDelete::Multiple => {
            let found = transaction.find_to_change(search, MOST_DELETED + 1).await?;
            if found.len() > MOST_DELETED { Err(too_many_deleted()) } else { Ok(found) }
        }
    }
}

/// 412: conditions that would delete more than a request may.
pub(super) fn too_many_deleted() -> Failure {
    let details = format!(
        "More than {MOST_DELETED} resources would be deleted by condition, and one request deletes no more; nothing was \
         deleted. Make the conditions narrower, and delete in parts."
    );
    Failure::new(StatusCode::PRECONDITION_FAILED, Code::TooCostly, details)
}

/// 412: a condition that must name one resource names several.
pub(super) fn too_many() -> Failure {
    let mut failure =
        Failure::precondition("The condition matches more than one resource. Make it name one, or address it by id.");
    for issue in &mut failure.issues {
        issue.code = Code::MultipleMatches;
    }
    failure
}
