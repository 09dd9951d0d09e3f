//! The one table of routes (`table`), and which of them a request is of: method and path pattern to interaction. <https://hl7.org/fhir/R4/http.html#summary>

mod table;

use std::sync::LazyLock;

use hyper::StatusCode;
pub use mappers::references::is_id;
pub use mappers::search::parameters::resource_type as known;

use mappers::search::compartment;

use crate::authorization::Part;
use crate::operation::Operation;
use crate::outcome::{Advice, Code, Failure};
use crate::store::clients::is_id as is_client;

use self::table::TABLE;

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Interaction {
    /// The gateway as an authorization server.
    Authorization(Part),
    /// A batch or a transaction.
    Bundle,
    /// The CapabilityStatement.
    Capabilities,
    /// Delete what a search finds.
    ConditionalDelete,
    /// Patch what a search finds.
    ConditionalPatch,
    /// Update what a search finds.
    ConditionalUpdate,
    /// A new resource.
    Create,
    /// Delete by id.
    Delete,
    /// Versions of a resource, of a type, or of everything.
    History,
    /// The process lives.
    Live,
    /// Change parts of a resource.
    Patch,
    /// The current state of a resource.
    Read,
    /// The database answers.
    Ready,
    /// Search with the parameters in the address.
    Search,
    /// Search with the parameters in the body.
    SearchForm,
    /// A named operation.
    Operation(Operation),
    /// Update by id, or create under the client's id.
    Update,
    /// One version of a resource.
    VersionRead,
}

impl Interaction {
    /// Whether anyone may ask, without a token: these say nothing of anyone's record, or find out by themselves who asks.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Authorization(_) | Self::Capabilities | Self::Live | Self::Ready)
    }

    /// The standard's name where it has one: <https://hl7.org/fhir/R4/valueset-restful-interaction.html>.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization(part) => part.name(),
            Self::Bundle => "transaction",
            Self::Capabilities => "capabilities",
            Self::ConditionalDelete => "delete-conditional",
            Self::ConditionalPatch => "patch-conditional",
            Self::ConditionalUpdate => "update-conditional",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::History => "history",
            Self::Live => "live",
            Self::Operation(operation) => operation.name(),
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Ready => "ready",
            Self::Search | Self::SearchForm => "search",
            Self::Update => "update",
            Self::VersionRead => "vread",
        }
    }

    /// Whether it may change or make a resource.
    pub fn may_change(self) -> bool {
        match self {
            Self::Bundle
            | Self::ConditionalDelete
            | Self::ConditionalPatch
            | Self::ConditionalUpdate
            | Self::Create
            | Self::Delete
            | Self::Patch
            | Self::Update => true,
            Self::Operation(operation) => operation.may_change(),
            _ => false,
        }
    }
}

/// Methods that routes have. HEAD is a GET whose body stays here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verb {
    /// DELETE
    Delete,
    /// GET
    Get,
    /// PATCH
    Patch,
    /// POST
    Post,
    /// PUT
    Put,
}

impl Verb {
    /// The verb of a method's name; `None` for one that no route has.
    pub fn parse(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PATCH" => Some(Self::Patch),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    fn allow(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET, HEAD",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// The longest pattern, in segments, and one more to see that a path is longer.
const SEGMENTS: usize = 7;

/// What a path leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Destination<'p> {
    /// A route.
    Found(Place<'p>),
    /// The path would be a resource's if its id were a FHIR id.
    InvalidId,
    /// The path is known, but not with this method: those it takes, for the Allow header.
    MethodNotAllowed(String),
    /// No such path.
    Unknown,
    /// The path would lead somewhere if R4 had a resource type of this name.
    UnknownType(&'p str),
}

/// A route with what its pattern caught.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place<'p> {
    /// What is asked for.
    pub interaction: Interaction,
    /// The pattern: fit for logs, unlike the path.
    pub pattern: &'static str,
    /// The type that has the compartment which is searched; `id` is then its own.
    pub compartment: Option<&'static str>,
    /// The resource type.
    pub kind: Option<&'static str>,
    /// The logical id.
    pub id: Option<&'p str>,
    /// The version id.
    pub version: Option<&'p str>,
}

impl Place<'_> {
    /// A route that has caught nothing.
    pub fn of_none(interaction: Interaction, pattern: &'static str) -> Self {
        Self { interaction, pattern, compartment: None, kind: None, id: None, version: None }
    }
}

impl<'p> Destination<'p> {
    /// The route, or why there is none.
    ///
    /// # Errors
    /// 404 for an unknown path, type or id, 405 for a method that the path does not take; 400 for a PUT to an id that can
    /// be none.
    pub fn place(self, verb: Option<Verb>) -> Result<Place<'p>, Failure> {
        match self {
            Self::Found(place) => Ok(place),
            Self::InvalidId if verb == Some(Verb::Put) => Err(Failure::bad_request(
                Code::Value,
                "The id in the address is no FHIR id: 1 to 64 letters, digits, hyphens and dots.",
            )),
            Self::InvalidId => Err(Failure::not_found("There is no such resource: its id is no FHIR id.")),
            Self::MethodNotAllowed(allow) => Err(Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                Code::NotSupported,
                format!("This address does not take this method. It takes {allow}."),
            )
            .advising(Advice::Allow(allow))),
            Self::Unknown => Err(Failure::not_found(
                "There is nothing at this address. FHIR lives under /fhir; /fhir/metadata says what is offered.",
            )),
            Self::UnknownType(_) => Err(Failure::new(
                StatusCode::NOT_FOUND,
                Code::NotSupported,
                "R4 has no resource type of this name. Types are written as in the standard: Patient, not patients.",
            )),
        }
    }
}

/// Where a request's path leads.
pub fn find<'p>(verb: Option<Verb>, path: &'p str) -> Destination<'p> {
    let path = path.strip_prefix('/').unwrap_or(path);
    walk(verb, path.split('/'))
}

/// Where an address under the base leads, as bundle entries write it: `Patient/1`, or empty for the base itself.
pub fn find_under_base<'p>(verb: Option<Verb>, path: &'p str) -> Destination<'p> {
    walk(verb, std::iter::once("fhir").chain(path.split('/')))
}

fn walk<'p>(verb: Option<Verb>, parts: impl Iterator<Item = &'p str>) -> Destination<'p> {
    let mut segments = [""; SEGMENTS];
    let mut length = 0;
    for part in parts {
        if length == SEGMENTS {
            return Destination::Unknown;
        }
        segments[length] = part;
        length += 1;
    }
    // One slash at the end changes nothing.
    if length > 1 && segments[length - 1].is_empty() {
        length -= 1;
    }
    choose(verb, &segments[..length])
}

fn choose<'p>(verb: Option<Verb>, path: &[&'p str]) -> Destination<'p> {
    let mut allowed: Vec<&'static str> = Vec::new();
    let mut unknown_type = None;
    let mut invalid_id = false;
    for route in ROUTES.iter() {
        match route.matches(path) {
            Fit::No => {}
            Fit::ButForId => invalid_id = true,
            Fit::ButForType(name) => unknown_type = Some(name),
            Fit::Yes(place) if verb == Some(route.verb) => return Destination::Found(place),
            Fit::Yes(_) => allowed.push(route.verb.allow()),
        }
    }
    match (allowed.is_empty(), unknown_type) {
        (false, _) => Destination::MethodNotAllowed(allowed.join(", ")),
        (true, Some(name)) => Destination::UnknownType(name),
        (true, None) if invalid_id => Destination::InvalidId,
        (true, None) => Destination::Unknown,
    }
}

/// All routes: method, path pattern, interaction.
pub fn table() -> impl Iterator<Item = (Verb, &'static str, Interaction)> {
    TABLE.into_iter()
}

/// For each route a path that it has.
#[cfg(test)]
pub(crate) fn examples() -> impl Iterator<Item = (Verb, String)> {
    TABLE.into_iter().map(|(verb, pattern, _)| {
        let path = pattern.replace("{compartment}", "Patient").replace("{type}", "Observation");
        (verb, path.replace("{id}", "a-1.B").replace("{client}", "a_1").replace("{version}", "3"))
    })
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let compile = |(verb, pattern, interaction): (Verb, &'static str, Interaction)| Route {
        verb,
        pattern,
        interaction,
        segments: pattern.split('/').skip(1).map(Segment::parse).collect(),
    };
    TABLE.into_iter().map(compile).collect()
});

struct Route {
    verb: Verb,
    pattern: &'static str,
    interaction: Interaction,
    segments: Vec<Segment>,
}

enum Fit<'p> {
    No,
    Yes(Place<'p>),
    ButForId,
    ButForType(&'p str),
}

impl Route {
    fn matches<'p>(&self, path: &[&'p str]) -> Fit<'p> {
        if path.len() != self.segments.len() {
            return Fit::No;
        }
        let mut place = Place::of_none(self.interaction, self.pattern);
        let mut unknown = None;
        let mut invalid = false;
        for (segment, part) in self.segments.iter().zip(path) {
            match segment {
                Segment::Literal(literal) if literal == part => {}
                Segment::Only(kind) if kind == part => place.kind = Some(kind),
                Segment::Compartment => match compartment::KINDS.into_iter().find(|kind| kind == part) {
                    Some(kind) => place.compartment = Some(kind),
                    None => return Fit::No,
                },
                Segment::Type if place.kind.is_none() && unknown.is_none() => match known(part) {
                    Some(kind) => place.kind = Some(kind),
                    // A name like a type's; `metadata` and `_history` are no misspelt types.
                    None if part.starts_with(|first: char| first.is_ascii_alphabetic()) => unknown = Some(*part),
                    None => return Fit::No,
                },
                Segment::Client if is_client(part) => place.id = Some(part),
                Segment::Id if is_id(part) => place.id = Some(part),
                Segment::Version if is_id(part) => place.version = Some(part),
                // Names of interactions and operations are no misspelt ids.
                Segment::Id if !part.starts_with(['_', '$']) && !part.is_empty() => invalid = true,
                Segment::Client
                | Segment::Literal(_)
                | Segment::Only(_)
                | Segment::Type
                | Segment::Id
                | Segment::Version => {
                    return Fit::No;
                }
            }
        }
        match unknown {
            Some(name) => Fit::ButForType(name),
            None if invalid => Fit::ButForId,
            None => Fit::Yes(place),
        }
    }
}

enum Segment {
    /// A client's id.
    Client,
    Compartment,
    Id,
    Literal(&'static str),
    /// One type alone.
    Only(&'static str),
    Type,
    Version,
}

impl Segment {
    fn parse(text: &'static str) -> Self {
        match text {
            "{compartment}" => Self::Compartment,
            "{client}" => Self::Client,
            "{id}" => Self::Id,
            "{type}" => Self::Type,
            "{version}" => Self::Version,
            kind if kind.starts_with(|first: char| first.is_ascii_uppercase()) => Self::Only(kind),
            literal => Self::Literal(literal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'p>(verb: Verb, path: &'p str) -> Place<'p> {
        match find(Some(verb), path) {
            Destination::Found(place) => place,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn every_route_is_found_by_its_own_pattern() {
        for ((verb, pattern, interaction), (_, path)) in TABLE.into_iter().zip(examples()) {
            let found = place(verb, &path);
            assert_eq!((found.interaction, found.pattern), (interaction, pattern), "{path}");
            assert_eq!(place(verb, &format!("{path}/")).pattern, pattern, "with a slash at the end");
        }
    }

    #[test]
    fn a_path_gives_type_id_and_version() {
        let found = place(Verb::Get, "/fhir/Observation/vs-1/_history/2");
        assert_eq!((found.kind, found.id, found.version), (Some("Observation"), Some("vs-1"), Some("2")));
    }

    #[test]
    fn entries_address_under_the_base() {
        let Destination::Found(found) = find_under_base(Some(Verb::Put), "Patient/1") else { panic!("not found") };
        assert_eq!((found.interaction, found.id), (Interaction::Update, Some("1")));
        let Destination::Found(found) = find_under_base(Some(Verb::Post), "") else { panic!("not found") };
        assert_eq!(found.interaction, Interaction::Bundle);
    }

    #[test]
    fn unknown_types_paths_and_methods_are_told_apart() {
        assert_eq!(find(Some(Verb::Get), "/fhir/Patiens/1"), Destination::UnknownType("Patiens"));
        assert_eq!(find(Some(Verb::Get), "/fhir/metadata/1"), Destination::UnknownType("metadata"));
        assert_eq!(find(Some(Verb::Get), "/elsewhere"), Destination::Unknown);
        assert_eq!(find(Some(Verb::Get), "/fhir/Patient/1/$nothing"), Destination::Unknown);
        assert_eq!(find(Some(Verb::Get), "/fhir//Patient"), Destination::Unknown);
        assert_eq!(find(Some(Verb::Get), "/fhir/Patient/a/b/c/d/e/f"), Destination::Unknown);
        assert_eq!(
            find(None, "/fhir/Patient/1"),
            Destination::MethodNotAllowed("GET, HEAD, PUT, PATCH, DELETE".to_owned()),
            "TRACE"
        );
        assert_eq!(find(Some(Verb::Post), "/fhir/metadata"), Destination::MethodNotAllowed("GET, HEAD".to_owned()));
    }

    #[test]
    fn ids_have_at_most_64_characters_of_the_standard() {
        assert!(is_id("A-z.9"));
        assert!(!is_id(""));
        assert!(!is_id("a_b"));
        assert!(!is_id(&"a".repeat(65)));
        assert_eq!(find(Some(Verb::Get), "/fhir/Patient/a_b"), Destination::InvalidId);
        assert_eq!(find(Some(Verb::Get), "/fhir/Patient/$nothing"), Destination::Unknown);
    }
}
