//! A search of AuditEvent resources as conditions on the trail's records. What the trail cannot be asked is refused: to leave it out
//! would show more than was asked for.

use mappers::search::query::{
    IndexKind, IndexTest, ReferenceValue, SortSource, StringMatch, StringValue, TokenValue, UriMatch, Values,
};
use mappers::search::{Search, Test, index_path};

use crate::audit::claim::{self, KIND};
use crate::audit::nature;
use crate::audit::reading::{Column, Condition};
use crate::audit::resource::{CALLERS, POLICIES, SOURCE, site};
use crate::interaction::trail::source_path;
use crate::outcome::{Code, Failure};

/// Whether the oldest are to come first; the newest do where nothing is said.
///
/// # Errors
/// 400: another order.
pub(super) fn order(search: &Search) -> Result<bool, Failure> {
    let by_time = |source: &SortSource| match source {
        SortSource::LastUpdated => true,
        SortSource::Index { paths, .. } => paths[..] == [Place::Recorded.path()],
        SortSource::Id => false,
    };
    match &search.sort[..] {
        [] => Ok(false),
        [key] if by_time(&key.source) => Ok(!key.descending),
        _ => Err(refused("The audit trail is in the order of time alone: _sort=date, or -date, which is the default.")
            .at("http._sort")),
    }
}

/// What must hold of a record.
///
/// # Errors
/// 400: the trail is not searched so.
pub(super) fn condition(search: &Search, now_ms: i64) -> Result<Condition, Failure> {
    if !search.includes.is_empty() {
        return Err(refused(
            "Nothing comes along with records of the audit trail: leave _include and _revinclude out.",
        ));
    }
    all(&search.tests, now_ms).map(Condition::All)
}

fn all(tests: &[Test], now_ms: i64) -> Result<Vec<Condition>, Failure> {
    tests.iter().map(|test| one(test, now_ms)).collect()
}

fn one(test: &Test, now_ms: i64) -> Result<Condition, Failure> {
    Ok(match test {
        Test::All(tests) => Condition::All(all(tests, now_ms)?),
        Test::Any(tests) => Condition::Any(all(tests, now_ms)?),
        Test::Not(test) => Condition::Not(Box::new(one(test, now_ms)?)),
        Test::Id(ids) => {
            let places = ids.iter().filter_map(|id| claim::place(id));
            Condition::Any(places.map(|(chain, place)| Condition::Entry(chain, place)).collect())
        }
        Test::LastUpdated(dates) => within(dates.iter().flat_map(|date| date.ranges(now_ms))),
        Test::Index(test) => index(test, now_ms)?,
        // Who reads the trail is told what its records say.
        Test::Told(_) => Condition::All(Vec::new()),
        Test::Chain { .. } | Test::Codes { .. } | Test::Has { .. } | Test::Near(_) | Test::Together(_) => {
            return Err(not_so());
        }
    })
}

/// The elements that are asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Action,
    Address,
    Agent,
    Entity,
    Outcome,
    Policy,
    Recorded,
    Site,
    Subtype,
    Type,
}

impl Place {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Action, "action"),
        (Self::Address, "agent.network.address"),
        (Self::Agent, "agent.who"),
        (Self::Entity, "entity.what"),
        (Self::Outcome, "outcome"),
        (Self::Policy, "agent.policy"),
        (Self::Recorded, "recorded"),
        (Self::Site, "source.site"),
        (Self::Subtype, "subtype"),
        (Self::Type, "type"),
    ];

    fn path(self) -> i32 {
        Self::ALL.iter().find(|(place, _)| *place == self).map_or(0, |(_, text)| index_path(KIND, text))
    }

    fn of(path: i32) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| index_path(KIND, text) == path).map(|(place, _)| *place)
    }
}

fn index(test: &IndexTest, now_ms: i64) -> Result<Condition, Failure> {
    if test.paths[..] == [source_path()] {
        return Ok(of_source(&test.values));
    }
    let places: Option<Vec<Place>> = test.paths.iter().map(|path| Place::of(*path)).collect();
    let mut places = places.ok_or_else(not_so)?;
    places.sort_unstable_by_key(|place| *place as usize);
    match (&places[..], &test.values) {
        ([Place::Agent, Place::Entity], values) => patient(values),
        ([Place::Action], Values::Tokens(tokens)) => {
            Ok(any(tokens, |token| token.code.as_deref().map_or_else(Condition::never, nature::of_action)))
        }
        ([Place::Outcome], Values::Tokens(tokens)) => {
            Ok(any(tokens, |token| token.code.as_deref().map_or_else(Condition::never, nature::of_outcome)))
        }
        ([Place::Type], Values::Tokens(tokens)) => {
            Ok(any(tokens, |token| nature::of_kind(token.system.as_deref(), token.code.as_deref())))
        }
        ([Place::Subtype], Values::Tokens(tokens)) => {
            Ok(any(tokens, |token| nature::of_subtype(token.system.as_deref(), token.code.as_deref())))
        }
        ([Place::Site], Values::Tokens(tokens)) => Ok(any(tokens, of_site)),
        ([Place::Recorded], Values::Dates(dates)) => Ok(within(dates.iter().flat_map(|date| date.ranges(now_ms)))),
        ([Place::Address], Values::Strings(texts)) => Ok(any(texts, address)),
        ([Place::Policy], Values::Uris(uris)) if uris.iter().all(|uri| uri.how == UriMatch::Exact) => {
            let word = |text: &str| Box::from(text.strip_prefix(POLICIES).unwrap_or(text));
            Ok(any(uris, |uri| Condition::Word(Column::Policy, word(&uri.text))))
        }
        ([Place::Agent], Values::References(references)) => Ok(any(references, agent)),
        ([Place::Agent], Values::Tokens(tokens)) => Ok(any(tokens, caller)),
        ([Place::Entity], Values::References(references)) => Ok(any(references, entity)),
        ([Place::Entity], Values::Tokens(tokens)) => Ok(any(tokens, request)),
        ([place], Values::Any(kind)) => Ok(there(*place, *kind)),
        _ => Err(not_so()),
    }
}

/// A condition for each alternative.
fn any<T>(values: &[T], one: impl Fn(&T) -> Condition) -> Condition {
    Condition::Any(values.iter().map(one).collect())
}

fn within(ranges: impl Iterator<Item = (i64, i64)>) -> Condition {
    Condition::Any(ranges.map(|(from, until)| Condition::At(from, until)).collect())
}

/// Every record says the same of where it comes from.
fn of_source(values: &Values) -> Condition {
    Condition::constant(match values {
        Values::Any(_) => true,
        // Nothing is above or below it.
        Values::Uris(uris) => uris.iter().any(|uri| &*uri.text == SOURCE),
        _ => false,
    })
}

/// The patient whose record it is, or who was asked for by id; who acted is for `agent`.
fn patient(values: &Values) -> Result<Condition, Failure> {
    match values {
        Values::References(references) => Ok(any(references, |reference| match reference.ids.first() {
            Some(id) if reference.kinds.contains(&"Patient") => Condition::OfPatient(id.clone()),
            _ => Condition::never(),
        })),
        Values::Any(IndexKind::Reference) => Ok(Condition::Any(vec![
            Condition::There(Column::Patient),
            Condition::All(vec![Condition::IsOneOf(Column::Kind, vec!["Patient"]), Condition::There(Column::Id)]),
        ])),
        // The trail has no identifiers of patients.
        Values::Tokens(_) => Ok(Condition::never()),
        _ => Err(not_so()),
    }
}

fn of_site(token: &TokenValue) -> Condition {
    let code = token.code.as_deref().unwrap_or_default();
    let number = code.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
    number.filter(|number| site(*number) == code).map_or_else(Condition::never, Condition::Organization)
}

/// Where the request came from; the gateway's own address is no condition.
fn address(text: &StringValue) -> Condition {
    match text.how {
        StringMatch::Exact => Condition::Is(Column::Source, text.text.clone()),
        StringMatch::Part => Condition::Contains(Column::Source, text.text.to_lowercase().into()),
        StringMatch::Start => Condition::Starts(Column::Source, text.text.to_lowercase().into()),
    }
}

/// On whose behalf, by reference; a bare id may also be the caller's.
fn agent(reference: &ReferenceValue) -> Condition {
    let Some(id) = reference.ids.first() else { return Condition::never() };
    let mut found: Vec<Condition> =
        reference.kinds.iter().map(|kind| Condition::Word(Column::OnBehalf, format!("{kind}/{id}").into())).collect();
    if reference.kinds.len() != 1 {
        found.push(Condition::Is(Column::Caller, id.clone()));
    }
    Condition::Any(found)
}

/// The caller's identifier.
fn caller(token: &TokenValue) -> Condition {
    match (token.system.as_deref(), &token.code) {
        (None | Some(CALLERS), Some(code)) => Condition::Is(Column::Caller, code.clone()),
        (Some(CALLERS), None) => Condition::always(),
        _ => Condition::never(),
    }
}

/// The resource, the patient, or a Consent that was decided on.
fn entity(reference: &ReferenceValue) -> Condition {
    let Some(id) = reference.ids.first() else { return Condition::never() };
    let is = |kind: &str| reference.kinds.is_empty() || reference.kinds.contains(&kind);
    let mut resource = vec![Condition::Is(Column::Id, id.clone())];
    if !reference.kinds.is_empty() {
        resource.push(Condition::IsOneOf(Column::Kind, reference.kinds.clone()));
    }
    let mut found = vec![Condition::All(resource)];
    if is("Patient") {
        found.push(Condition::Is(Column::Patient, id.clone()));
    }
    if is("Consent") {
        found.push(Condition::Word(Column::Policy, format!("Consent/{id}").into()));
        found.push(Condition::WordStarts(Column::Policy, format!("Consent/{id}/_history/").into()));
    }
    Condition::Any(found)
}

/// The name of the request.
fn request(token: &TokenValue) -> Condition {
    match (token.system.as_deref(), &token.code) {
        (None | Some(""), Some(code)) => Condition::Is(Column::Request, code.clone()),
        _ => Condition::never(),
    }
}

/// `:missing`.
fn there(place: Place, kind: IndexKind) -> Condition {
    match place {
        Place::Address => Condition::There(Column::Source),
        Place::Policy => Condition::There(Column::Policy),
        // Every record has a request, which is an identifier; the query asks for references.
        Place::Entity => Condition::Any(vec![
            Condition::There(Column::Id),
            Condition::There(Column::Patient),
            Condition::WordStarts(Column::Policy, "Consent/".into()),
        ]),
        Place::Agent => Condition::There(Column::OnBehalf),
        Place::Subtype => nature::of_subtype(None, None),
        // Concepts of the trail are codes, never words alone.
        _ => Condition::constant(kind != IndexKind::String),
    }
}

fn not_so() -> Failure {
    refused(
        "The audit trail is searched by date, patient, entity, agent, action, type, subtype, outcome, address, site, policy, _id and \
         _lastUpdated, without chains. Leave the rest out, or _source, to search the AuditEvents that clients have written.",
    )
}

fn refused(details: &'static str) -> Failure {
    Failure::bad_request(Code::NotSupported, details)
}
