//! What passes between the interactions and the store.

use std::sync::Arc;

use bytes::Bytes;
use mappers::search::Search;

/// A version of a resource.
#[derive(Clone, Debug)]
pub struct Version {
    /// The resource type.
    pub kind: Box<str>,
    /// The logical id.
    pub id: Box<str>,
    /// `meta.versionId`, counted per resource from 1.
    pub version: i64,
    /// `meta.lastUpdated` in milliseconds since 1970 (UTC).
    pub updated_ms: i64,
    /// How this version came about.
    pub method: Method,
    /// Minified JSON as served; empty for a deletion.
    pub body: Bytes,
    /// What the audit trail says beside it.
    pub basis: Basis,
}

/// What was known when it was decided to show or make a version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Basis {
    /// Whose record it is: the directory's patient fact.
    pub patient: Option<Box<str>>,
    /// The epoch of that patient's Consents, of one state with the version; 0 where there never was a Consent. `None` without a
    /// patient.
    pub epoch: Option<i64>,
    /// The labels that any version had, as bits; 0 where nobody has looked.
    pub(crate) labels: i64,
    /// A version of what has been another patient's.
    pub(crate) moved: bool,
    /// Consents and statute were not applied; had they been, it would not have been shown or made.
    pub would_deny: bool,
    /// The notice of 42 CFR 2.32 goes along with it: the Consents (`Consent/id`) that permit it, none in an emergency.
    pub notice: Option<Box<[Box<str>]>>,
}

/// How a version came about: the verb a history entry shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Deleted.
    Delete,
    /// Created with an id of the server's, or by another program.
    Post,
    /// Updated, or created with the client's id.
    Put,
}

impl Method {
    /// The HTTP verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    /// The method a stored verb names.
    pub fn parse(verb: &str) -> Self {
        match verb {
            "DELETE" => Self::Delete,
            "POST" => Self::Post,
            _ => Self::Put,
        }
    }
}

/// What is known of a resource (or a version of it).
#[derive(Clone, Debug)]
pub enum Found {
    /// Deleted; the version is the deletion's.
    Deleted(Version),
    /// Here it is.
    Present(Version),
    /// Never was, or is hidden from this caller: the two look alike.
    Unknown,
}

/// What history is asked for.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Limits it to a type.
    pub kind: Option<Box<str>>,
    /// Limits it to a resource (with `kind`).
    pub id: Option<Box<str>>,
    /// Only versions at or after this instant (ms).
    pub since_ms: Option<i64>,
    /// Only versions that were current at some time from the first instant (ms) until before the second.
    pub current_ms: Option<(i64, i64)>,
    /// Versions per page.
    pub count: usize,
    /// Where the page starts: the last row of the page before.
    pub after: Option<HistoryKey>,
}

/// A place in a history, newest first. It names the resource by what callers know: the directory's row ids count rows of
/// all organizations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HistoryKey {
    /// `lastUpdated` in ms.
    pub updated_ms: i64,
    /// The resource.
    pub resource: ResourceKey,
    /// The version.
    pub version: i64,
}

/// Type and id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResourceKey {
    /// The resource type.
    pub kind: Box<str>,
    /// The logical id.
    pub id: Box<str>,
}

/// A page of history, newest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// The versions.
    pub versions: Vec<Version>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<HistoryKey>,
}

/// A page of search matches, in the order that was asked for.
#[derive(Clone, Debug, Default)]
pub struct SearchPage {
    /// The matches.
    pub matches: Vec<Version>,
    /// What came along with them, each once and none that is a match.
    pub included: Vec<Version>,
    /// There was more to come along than a page may hold.
    pub cut: bool,
    /// The last match, where another page follows.
    pub next: Option<SearchPlace>,
    /// How many match in all, where it was asked for.
    pub total: Option<u64>,
}

/// A place in the order of matches: just after this one.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPlace {
    /// The values of the keys of the order.
    pub keys: Vec<SearchKey>,
    /// The match.
    pub resource: ResourceKey,
}

/// The value of a key of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchKey {
    /// Time, in ms since 1970 (UTC).
    Int(i64),
    /// The match lacks it.
    None,
    /// A number.
    Real(f64),
    /// Text.
    Text(Box<str>),
}

/// A search with its place.
#[derive(Clone, Debug, Default)]
pub struct SearchRequest {
    /// The parameters.
    pub search: Search,
    /// Matches per page; 0 = only the total.
    pub count: usize,
    /// The last match of the page before.
    pub after: Option<SearchPlace>,
    /// Count all matches.
    pub total: bool,
}

/// Changes that are applied together or not at all, with what their client says of where they come from.
#[derive(Clone, Debug)]
pub struct Set {
    /// The changes.
    pub changes: Vec<Change>,
    /// The client's Provenance of them.
    pub attached: Option<Attached>,
}

impl From<Vec<Change>> for Set {
    fn from(changes: Vec<Change>) -> Self {
        Self { changes, attached: None }
    }
}

/// A Provenance whose targets are still to be filled in (`X-Provenance`).
#[derive(Clone, Debug)]
pub struct Attached {
    /// The id that it gets.
    pub id: String,
    /// Checked JSON without `id` and `target`.
    pub text: Arc<str>,
}

/// One change to one resource. Changes are applied together or not at all.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource type.
    pub kind: Box<str>,
    /// The logical id: the client's, or one the interaction took from [`crate::clock::Ids`] for a create.
    pub id: Box<str>,
    /// What is done.
    pub operation: Operation,
}

/// What is done to a resource.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A new resource under a fresh id of the server's. The body is checked JSON of the client's, references rewritten;
    /// its `id`, `meta.versionId` and `meta.lastUpdated` are replaced.
    Create {
        /// The resource.
        body: Bytes,
    },
    /// Deletes. Deleting what is not there succeeds and changes nothing.
    Delete {
        /// `If-Match`.
        if_match: Option<i64>,
    },
    /// Replaces, or creates under the client's id (only for callers with an unrestricted permit).
    Update {
        /// The resource.
        body: Bytes,
        /// `If-Match`: the version the client has seen.
        if_match: Option<i64>,
        /// `If-None-Match: *`: only create.
        if_none_match: bool,
    },
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Changed {
    /// What came about.
    pub outcome: Outcome,
    /// The version after the change; for [`Outcome::Nothing`] the fields are those asked for with version 0.
    pub version: Version,
    /// What else came of it.
    pub note: Option<Note>,
    /// Provenances of the whole set, which were stored with it: the first change that did something has them.
    pub provenances: Vec<Version>,
}

/// What came of a change of a SearchParameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Note {
    /// It defines a parameter that is built in: nothing.
    BuiltIn,
    /// What was stored before is being indexed for it.
    Indexing,
    /// It can be searched by already.
    Ready,
    /// It is not active: nothing.
    Stored,
}

/// What a change did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// There is a resource now that was not there (or was deleted).
    Created,
    /// It is gone.
    Deleted,
    /// There was nothing to delete.
    Nothing,
    /// It has a new version.
    Updated,
}
