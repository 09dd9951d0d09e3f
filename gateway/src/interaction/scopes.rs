//! What a request needs of its token's scopes, type by type: asked before anything is done. Which rows of a type may be shown, the
//! permit's predicate says.
//!
//! <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>

use consent::Caller;
use consent::scoped::Deed::{self, Create, Delete, Read, Search, Update};
use hyper::StatusCode;

use crate::interaction::Request;
use crate::operation::Operation;
use crate::outcome::{Advice, Code, Failure};
use crate::router::Interaction;
use crate::store::provenance;

/// Whether the caller's scopes let it ask this.
///
/// # Errors
/// 403 with the scope that is missing (<https://www.rfc-editor.org/rfc/rfc6750#section-3.1>).
pub(in crate::interaction) fn allow(caller: &Caller, request: &Request) -> Result<(), Failure> {
    let Some(scoped) = &caller.scoped else { return Ok(()) };
    if request.kind.is_none() && matches!(request.interaction, Interaction::Search | Interaction::SearchForm) {
        // Of several types those are shown that may be searched for.
        return if scoped.to(Search).is_none() { Err(missing(&[(Search, None)])) } else { Ok(()) };
    }
    let needed = needed(request);
    let may = |(deed, kind): &Need| {
        let types = scoped.to(*deed);
        // What a type was is shown whole or not at all: of past versions no condition can be asked.
        if request.interaction == Interaction::History && request.id.is_none() {
            return types.have_all(kind.as_slice());
        }
        // The letter stays in the record of a patient of whose record nothing is asked: who may write any does.
        if request.interaction == Interaction::Operation(Operation::BreakGlass) && *deed == Create {
            return types.have_all(kind.as_slice());
        }
        types.may_have(*kind)
    };
    if needed.iter().all(may) { Ok(()) } else { Err(missing(&needed)) }
}

/// Whether the caller's scopes let it say where its writes come from.
///
/// # Errors
/// As [`allow`].
pub(in crate::interaction) fn allow_provenance(caller: &Caller) -> Result<(), Failure> {
    let needed = (Create, Some(provenance::KIND));
    let may = caller.scoped.as_ref().is_none_or(|scoped| scoped.to(needed.0).may_have(needed.1));
    if may { Ok(()) } else { Err(missing(&[needed])) }
}

/// What is done with which type; `None`: with all.
type Need = (Deed, Option<&'static str>);

fn needed(request: &Request) -> Vec<Need> {
    let kind = request.kind;
    let by_id = if request.id.is_some() { Read } else { Search };
    let mut needed: Vec<Need> = match request.interaction {
        Interaction::ConditionalDelete => vec![(Search, kind), (Delete, kind)],
        // The answer may show what was there.
        Interaction::ConditionalPatch => vec![(Search, kind), (Read, kind), (Update, kind)],
        Interaction::ConditionalUpdate => vec![(Search, kind), (Create, kind), (Update, kind)],
        Interaction::Create => vec![(Create, kind)],
        Interaction::Delete => vec![(Delete, kind)],
        Interaction::History if request.id.is_some() => vec![(Read, kind)],
        Interaction::History => vec![(Search, kind), (Read, kind)],
        Interaction::Operation(operation) => of_operation(operation, request, by_id),
        Interaction::Patch => vec![(Read, kind), (Update, kind)],
        Interaction::Read | Interaction::VersionRead => vec![(Read, kind)],
        Interaction::Search | Interaction::SearchForm => vec![(Search, kind)],
        Interaction::Update => vec![(Update, kind)],
        // Entries are asked about one by one; the others are open to anybody.
        Interaction::Authorization(_)
        | Interaction::Bundle
        | Interaction::Capabilities
        | Interaction::Live
        | Interaction::Ready => Vec::new(),
    };
    if request.interaction == Interaction::Create && request.conditions.if_none_exist.is_some() {
        needed.push((Search, kind));
    }
    if request.provenance.is_some() && request.changes() {
        needed.push((Create, Some(provenance::KIND)));
    }
    needed
}

fn of_operation(operation: Operation, request: &Request, by_id: Deed) -> Vec<Need> {
    let kind = request.kind;
    match operation {
        // It writes a letter to the patient, and opens the record to whoever is the same caller.
        Operation::BreakGlass => vec![(Read, Some("Patient")), (Create, Some("Communication"))],
        Operation::HasHistory | Operation::Summary => vec![(Read, Some("Patient"))],
        Operation::BatchValidateCode
        | Operation::Expand
        | Operation::Lookup
        | Operation::Subsumes
        | Operation::Translate
        | Operation::ValidateCode => vec![(Read, kind)],
        // It tells of everything, whoever may see it.
        Operation::ConsentExplain => vec![(Read, None)],
        Operation::Docref => vec![(Search, Some("DocumentReference")), (Read, Some("DocumentReference"))],
        Operation::Document if operation.changes(request) => {
            vec![(Read, Some("Composition")), (Create, Some("Bundle"))]
        }
        Operation::Document => vec![(Read, Some("Composition"))],
        Operation::Everything | Operation::ParameterStatus | Operation::VisitSnapshot => vec![(Read, kind)],
        Operation::Lastn => vec![(Search, Some("Observation"))],
        Operation::Match => vec![(Search, Some("Patient")), (Read, Some("Patient"))],
        Operation::Meta => vec![(by_id, kind)],
        Operation::MetaAdd | Operation::MetaDelete => vec![(Read, kind), (Update, kind)],
        // What is sent to be looked at touches nothing.
        Operation::Validate if request.id.is_none() => Vec::new(),
        Operation::Validate => vec![(Read, kind)],
    }
}

fn missing(needed: &[Need]) -> Failure {
    let letter = |deed: &Deed| match deed {
        Create => 'c',
        Read => 'r',
        Update => 'u',
        Delete => 'd',
        Search => 's',
    };
    let scope = |(deed, kind): &Need| format!("{}.{}", kind.unwrap_or("*"), letter(deed));
    let scopes: Vec<String> = needed.iter().map(scope).collect();
    let details = format!(
        "The token's scopes do not reach this: it takes {}. Ask for a token with them, if the client may have them.",
        scopes.join(" and ")
    );
    Failure::new(StatusCode::FORBIDDEN, Code::Forbidden, details).advising(Advice::Scope)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use consent::scoped::{Scoped, Types};
    use consent::{CallerKind, OrganizationId};

    use super::*;
    use crate::router::{Destination, Verb, examples, find};

    fn asked(verb: Verb, path: &str) -> Request {
        let Destination::Found(place) = find(Some(verb), path) else { panic!("{path}") };
        Request::at(&place)
    }

    /// Who may do one thing with one type.
    fn caller(only: Deed, kind: &str) -> Caller {
        let types = |deed| {
            if deed == only { Types::Only([(kind.into(), Vec::new())].into()) } else { Types::none() }
        };
        Caller {
            id: "c".into(),
            client: None,
            kind: CallerKind::System,
            organization: OrganizationId(1),
            actors: Vec::new(),
            officer: false,
            scoped: Some(Arc::new(Scoped::new(types))),
        }
    }

    #[test]
    fn read_and_search_are_apart_and_so_are_types() {
        let status = |caller: &Caller, verb, path| {
            allow(caller, &asked(verb, path)).map_or_else(|f| f.status.as_u16(), |()| 200)
        };
        let (reads, finds) = (caller(Read, "Flag"), caller(Search, "Flag"));
        assert_eq!(status(&reads, Verb::Get, "/fhir/Flag/1"), 200);
        assert_eq!(status(&reads, Verb::Get, "/fhir/Flag/1/_history"), 200);
        for path in
            ["/fhir/Flag", "/fhir", "/fhir/_history", "/fhir/Goal/1", "/fhir/Patient/1/Flag", "/fhir/Flag/_history"]
        {
            assert_eq!(status(&reads, Verb::Get, path), 403, "{path}");
        }
        for path in ["/fhir/Flag", "/fhir", "/fhir/Patient/1/Flag"] {
            assert_eq!(status(&finds, Verb::Get, path), 200, "{path}");
        }
        for (verb, path) in [
            (Verb::Get, "/fhir/Flag/1"),
            (Verb::Get, "/fhir/Goal"),
            (Verb::Put, "/fhir/Flag/1"),
            (Verb::Get, "/fhir/$meta"),
        ] {
            assert_eq!(status(&finds, verb, path), 403, "{path}");
        }
        assert_eq!(status(&caller(Update, "Flag"), Verb::Put, "/fhir/Flag/1"), 200);
        // Its answer shows what nobody let it see.
        assert_eq!(status(&caller(Update, "Flag"), Verb::Patch, "/fhir/Flag/1"), 403);
        assert_eq!(status(&caller(Create, "Flag"), Verb::Post, "/fhir/Flag"), 200);
    }

    #[test]
    fn conditions_are_searches() {
        let mut request = asked(Verb::Post, "/fhir/Flag");
        request.conditions.if_none_exist = Some("identifier=1".into());
        assert!(allow(&caller(Create, "Flag"), &request).is_err());
        assert!(allow(&caller(Delete, "Flag"), &asked(Verb::Delete, "/fhir/Flag")).is_err());
    }

    /// Every route has its needs: none is open by being forgotten.
    #[test]
    fn every_route_needs_a_scope() {
        for (verb, path) in examples() {
            let Destination::Found(place) = find(Some(verb), &path) else { panic!("{path}") };
            let is_told = place.interaction.is_open() || place.interaction == Interaction::Bundle;
            // What is sent to be looked at.
            let touches_nothing = place.pattern == "/fhir/{type}/$validate";
            let needed = needed(&Request::at(&place));
            assert_eq!(needed.is_empty(), is_told || touches_nothing, "{}", place.pattern);
            // What is asked of a type is asked of that one; what an operation takes, its own line says.
            if let (Some(kind), false) = (place.kind, matches!(place.interaction, Interaction::Operation(_))) {
                assert!(needed.iter().all(|(_, needed)| *needed == Some(kind)), "{}", place.pattern);
            }
        }
    }
}
