//! What a FHIR client can do, one file per interaction: <https://hl7.org/fhir/R4/http.html>.
//!
//! An interaction takes a [`Request`], which comes from HTTP or from an entry of a bundle, and the [`Exchange`] it is part
//! of, with the permit of the consent decision. It answers an [`Answer`] or a [`Failure`]; what either looks like on the
//! wire is for `http` and for the bundle's response.

mod about;
pub mod audited;
pub mod bundle;
pub(crate) mod canonical;
pub mod capabilities;
pub(crate) mod codes;
pub mod conditional;
mod create;
pub mod cursor;
mod delete;
mod glass;
mod history;
mod incoming;
pub(crate) mod library;
pub(crate) mod notice;
pub(crate) mod parameters;
pub(crate) mod patch;
pub(crate) mod provenance;
mod read;
mod scopes;
pub(crate) mod search;
pub(crate) mod searchset;
pub(crate) mod trail;
mod update;
mod vread;

use notice::Notice;
pub(crate) use read::not_there;
pub(crate) use vread::number;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use consent::{Action, Caller, Permit, Purpose};
use hyper::StatusCode;

use crate::gateway::Gateway;
use crate::http::precondition::Conditions;
use crate::http::preference::{Content, Preference};
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::operation;
use crate::outcome::{self, Advice, Code, Failure};
use crate::router::{Interaction, Place};
use crate::store::{Attached, Basis, Change, Note, Outcome, Set, Version};

/// The gateway at one base address: what every interaction works with.
pub struct Endpoint {
    /// Store, audit, clock, ids, policy.
    pub gateway: Arc<Gateway>,
    /// The base of every link, without a slash at the end: `http://127.0.0.1:8080/fhir`.
    pub base: Box<str>,
    /// Seals places in pages.
    pub cursors: Cursors,
    /// The CapabilityStatement.
    pub capabilities: Bytes,
    /// What a conditional delete does where several resources match.
    pub conditional_delete: ConditionalDelete,
}

/// What is asked of an interaction.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub interaction: Interaction,
    /// The route's pattern.
    pub pattern: &'static str,
    /// The type that has the compartment which is searched; `id` is then its own.
    pub compartment: Option<&'static str>,
    /// The resource type.
    pub kind: Option<&'static str>,
    /// The logical id.
    pub id: Option<Box<str>>,
    /// The version id.
    pub version: Option<Box<str>>,
    /// The query, as sent.
    pub query: Box<str>,
    /// What must hold.
    pub conditions: Conditions,
    /// What the client prefers.
    pub preference: Preference,
    /// In which languages it wants to be shown what codes mean (Accept-Language), as it was sent.
    pub languages: Option<Box<str>>,
    /// A resource, a patch, or a form.
    pub body: Bytes,
    /// The name of the HTTP request this is, or is part of.
    pub request_id: Box<str>,
    /// The address that it came from; `None` where it did not come by the network.
    pub source: Option<IpAddr>,
    /// It came as GET or HEAD, which change nothing (<https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1>): links are
    /// followed, fetched ahead and sent again by whoever comes along.
    pub safe: bool,
    /// What its client says of where its writes come from.
    pub provenance: Option<Attached>,
}

/// One request of one caller, permitted.
pub struct Exchange<'e> {
    /// Where.
    pub endpoint: &'e Endpoint,
    /// Who.
    pub caller: &'e Caller,
    /// The decision.
    pub permit: Permit,
}

/// What an interaction answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Version and instant (ms) of the one resource that this is about.
    pub stamp: Option<(i64, i64)>,
    /// Where that version is, for writes.
    pub location: Option<String>,
    /// What is in the body.
    pub payload: Payload,
    /// What was seen or changed, for the audit trail.
    pub touched: Vec<Touched>,
    /// What has to go along with it.
    pub notice: Option<Box<Notice>>,
}

/// The body of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payload {
    /// None.
    Nothing,
    /// An OperationOutcome.
    Outcome(Bytes),
    /// A resource.
    Resource(Bytes),
}

/// A resource that an interaction showed or changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Touched {
    /// The type.
    pub kind: Box<str>,
    /// The id.
    pub id: Box<str>,
    /// The version shown or made.
    pub version: i64,
    /// What was decided by, and what enforcement would have come to.
    pub basis: Basis,
}

/// Decides on the exchange and does what is asked. Bundles are for [`bundle`], whose entries come back here.
///
/// # Errors
/// The [`Failure`] to answer with.
pub async fn perform(
    endpoint: &Endpoint,
    caller: &Caller,
    purpose: Purpose,
    request: &Request,
) -> Result<Answer, Failure> {
    if request.safe && request.changes() {
        return Err(only_by_post());
    }
    scopes::allow(caller, request)?;
    let action = if request.changes() { Action::Change } else { Action::Read };
    let permit = endpoint.gateway.permit(caller, purpose, action)?;
    if request.changes() {
        trail::refuse_change(request)?;
    }
    let exchange = Exchange { endpoint, caller, permit };
    // Boxed but for the read: the future of an exchange is moved about, and would be as large as the largest of them.
    match request.interaction {
        Interaction::ConditionalDelete => Box::pin(delete::conditional(&exchange, request)).await,
        Interaction::ConditionalPatch => Box::pin(patch::conditional(&exchange, request)).await,
        Interaction::ConditionalUpdate => Box::pin(update::conditional(&exchange, request)).await,
        Interaction::Create => Box::pin(create::create(&exchange, request)).await,
        Interaction::Delete => Box::pin(delete::delete(&exchange, request)).await,
        Interaction::History => Box::pin(history::history(&exchange, request)).await,
        Interaction::Operation(operation) => Box::pin(operation::perform(operation, &exchange, request)).await,
        Interaction::Patch => Box::pin(patch::patch(&exchange, request)).await,
        Interaction::Read => read::read(&exchange, request).await,
        Interaction::Search | Interaction::SearchForm => Box::pin(search::search(&exchange, request)).await,
        Interaction::Update => Box::pin(update::update(&exchange, request)).await,
        Interaction::VersionRead => Box::pin(vread::vread(&exchange, request)).await,
        Interaction::Capabilities => {
            Ok(Box::pin(capabilities::answer(endpoint, Some(&exchange.permit), &request.query)).await)
        }
        Interaction::Authorization(_) | Interaction::Bundle | Interaction::Live | Interaction::Ready => {
            Err(Failure::internal())
        }
    }
}

fn only_by_post() -> Failure {
    let details = "Asked so, this changes or makes a resource, and GET and HEAD change nothing. Send it as a POST.";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, Code::NotSupported, details).advising(Advice::Allow("POST".to_owned()))
}

impl Request {
    /// What a route asks for, and nothing else: no query, no condition, no body.
    pub(crate) fn at(place: &Place<'_>) -> Self {
        Self {
            interaction: place.interaction,
            pattern: place.pattern,
            compartment: place.compartment,
            kind: place.kind,
            id: place.id.map(Into::into),
            version: place.version.map(Into::into),
            query: Box::default(),
            conditions: Conditions::default(),
            preference: Preference::default(),
            languages: None,
            body: Bytes::new(),
            request_id: Box::default(),
            source: None,
            safe: false,
            provenance: None,
        }
    }

    /// Whether it is asked to change or make a resource.
    pub(crate) fn changes(&self) -> bool {
        match self.interaction {
            Interaction::Operation(operation) => operation.changes(self),
            other => other.may_change(),
        }
    }

    /// These changes, with what the client says of where they come from.
    pub(crate) fn set(&self, changes: Vec<Change>) -> Set {
        Set { changes, attached: self.provenance.clone() }
    }

    /// The resource type; routes that need one have it.
    fn kind(&self) -> Result<&'static str, Failure> {
        self.kind.ok_or_else(Failure::internal)
    }

    /// Type and id; routes that need them have them.
    pub(crate) fn instance(&self) -> Result<(&'static str, &str), Failure> {
        self.kind.zip(self.id.as_deref()).ok_or_else(Failure::internal)
    }
}

impl Answer {
    /// 200 with a resource that is nobody's record: a bundle of results, the CapabilityStatement.
    pub(crate) fn document(body: Bytes, touched: Vec<Touched>) -> Self {
        let notice = Notice::of(&touched);
        Self { status: StatusCode::OK, stamp: None, location: None, payload: Payload::Resource(body), touched, notice }
    }

    /// What a read answers.
    fn shown(version: Version) -> Self {
        let touched = vec![Touched::of(&version)];
        Self {
            status: StatusCode::OK,
            stamp: Some((version.version, version.updated_ms)),
            location: None,
            notice: Notice::of(&touched),
            touched,
            payload: Payload::Resource(version.body),
        }
    }

    /// The same with what else came of the write, where an outcome is wanted.
    fn noting(mut self, note: Option<Note>) -> Self {
        let (Payload::Outcome(_), Some(note)) = (&self.payload, note) else { return self };
        let said = match note {
            Note::BuiltIn => {
                "The resource was stored. The parameter that it defines is built in here already, so it changes nothing."
            }
            Note::Indexing => {
                "The resource was stored. What was stored before is being indexed for the parameter; $status of this resource \
                 tells when it can be searched by."
            }
            Note::Ready => "The resource was stored, and its parameter can be searched by.",
            Note::Stored => "The resource was stored. It becomes a parameter once its status is active.",
        };
        self.payload = Payload::Outcome(outcome::success(said));
        self
    }

    /// The same with the Provenances that were stored with the write.
    pub(crate) fn provided(mut self, provenances: &[Version]) -> Self {
        self.touched.extend(provenances.iter().map(Touched::of));
        self
    }

    /// What a create, an update, or a create that found what it would make answers.
    fn written(endpoint: &Endpoint, preference: Preference, outcome: Option<Outcome>, version: Version) -> Self {
        let (status, said) = match outcome {
            Some(Outcome::Created) => (StatusCode::CREATED, "The resource was created."),
            Some(_) => (StatusCode::OK, "The resource was updated."),
            None => (StatusCode::OK, "A resource that matches was there already; nothing was changed."),
        };
        let touched = vec![Touched::of(&version)];
        Self {
            status,
            stamp: Some((version.version, version.updated_ms)),
            location: Some(endpoint.version_url(&version)),
            notice: Notice::of(&touched),
            touched,
            payload: match preference.content.unwrap_or(Content::Representation) {
                Content::Minimal => Payload::Nothing,
                Content::Outcome => Payload::Outcome(outcome::success(said)),
                Content::Representation => Payload::Resource(version.body),
            },
        }
    }
}

impl Touched {
    pub(crate) fn of(version: &Version) -> Self {
        let Version { kind, id, version, basis, .. } = version;
        Self { kind: kind.clone(), id: id.clone(), version: *version, basis: basis.clone() }
    }
}

impl Endpoint {
    /// The address of a version.
    fn version_url(&self, version: &Version) -> String {
        format!("{}/{}/{}/_history/{}", self.base, version.kind, version.id, version.version)
    }
}
