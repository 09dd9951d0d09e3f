//! One exchange: route, token, body, interaction, audit, response.

use std::sync::Arc;

use bytes::Bytes;
use consent::{Action, Purpose};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request as HttpRequest, Response, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::auth::{Authenticator, Identity, Known, Unknown};
use crate::authorization::AuthorizationServer;
use crate::fair;
use crate::http::admission::Admitted;
use crate::http::binary::{Raw, Wish};
use crate::http::edge::Edge;
use crate::http::negotiation::{Format, accepted, of_body, of_patch};
use crate::http::panics::{Panic, Unpanicked, message, unpanicked};
use crate::http::precondition::Conditions;
use crate::http::preference::Preference;
use crate::http::request_id::{self, RequestIds};
use crate::http::response::{self, Body, Presentation};
use crate::http::room::{Held, Room};
use crate::http::server::Peer;
use crate::http::{Limits, binary, body, named, negotiation, query, xml};
use crate::interaction::{Answer, Endpoint, Request, audited, bundle, capabilities, provenance};
use crate::metrics::Metrics;
use crate::operation::Operation;
use crate::outcome::{Code, Failure};
use crate::readiness::Readiness;
use crate::router::{self, Interaction, Place, Verb};
use crate::store::Attached;
use crate::traces::Traces;

/// The notice beside answers that Consents may have shortened.
const INCOMPLETE: (HeaderName, HeaderValue) = (
    HeaderName::from_static("record-notice"),
    HeaderValue::from_static(
        "This record may be incomplete: consent or law can hide parts of it. In an emergency break the glass: POST Patient/ID/$break-glass with a reason, if you are of a group that may; else ask the privacy officer.",
    ),
);

/// What answers requests.
pub struct Service {
    /// The gateway at its base address.
    pub endpoint: Arc<Endpoint>,
    /// Who asks.
    pub authenticator: Authenticator,
    /// Where tokens come from.
    pub authorization: AuthorizationServer,
    /// What stands before an exchange.
    pub edge: Edge,
    /// What bounds an exchange.
    pub limits: Limits,
    /// What operators see.
    pub metrics: Arc<Metrics>,
    /// Whether it can do its work.
    pub readiness: Arc<Readiness>,
    /// Where spans of exchanges go.
    pub traces: Option<Arc<Traces>>,
    /// Names for requests.
    pub request_ids: RequestIds,
    /// Room for bodies.
    pub room: Room,
    /// One permit per write under way, from when its body is there: a client that goes away does not stop its write halfway, and the drain waits.
    pub writes: Arc<Semaphore>,
}

/// Who sends a request, or why nobody knows.
pub(super) type Sender = Result<Known, Unknown>;

impl Service {
    /// Answers one request, which has this id. Never fails: what goes wrong is an answer too.
    pub(super) async fn exchanged(self: Arc<Self>, request: HttpRequest<Incoming>, id: HeaderValue) -> Response<Body> {
        let (parts, mut incoming) = request.into_parts();
        let mut presentation = presentation(&parts);
        let Admitted { sender, standings } = match self.admit(&parts, &id).await {
            Ok(admitted) => admitted,
            Err(not_begun) => {
                // Else a client that still sends would see a reset connection in place of when to come again.
                body::unread(&parts.headers, &mut incoming).await;
                let mut response = not_begun.response(&parts, presentation).await;
                response.headers_mut().insert(request_id::NAME, id);
                return response;
            }
        };
        let may_be_incomplete = self.may_be_incomplete(&sender);
        let parts = Arc::new(parts);
        let who = self.who(&parts, &sender).number();
        let exchanging = Box::pin(self.exchange(parts, &sender, incoming, &id, &mut presentation));
        let mut response = match fair::during(who, exchanging).await {
            Ok(Reply::Answer(answer)) => response::success(answer, presentation).await,
            Ok(Reply::Plain(response)) => response,
            Ok(Reply::Raw(answer, raw)) => response::raw(answer, raw, presentation).await,
            Err(failure) => response::failure(&failure, presentation).await,
        };
        response.headers_mut().insert(request_id::NAME, id);
        if may_be_incomplete {
            response.headers_mut().insert(INCOMPLETE.0, INCOMPLETE.1);
        }
        // Who is sent elsewhere goes there at once, whatever is left.
        if !response.status().is_redirection() {
            standings.tell(response.headers_mut());
        }
        response
    }

    /// Whether somebody who treats patients is answered where Consents are applied. No clinician may trust a list that is
    /// silently short; and the notice tells nothing, for it stands beside every answer, whether or not something is hidden.
    fn may_be_incomplete(&self, sender: &Sender) -> bool {
        sender.as_ref().is_ok_and(|known| {
            let treats = matches!(known.purpose, Purpose::Etreat | Purpose::Treat);
            treats && self.endpoint.gateway.applies_consents_to(&known.caller)
        })
    }

    async fn exchange(
        self: Arc<Self>,
        parts: Arc<Parts>,
        sender: &Arc<Sender>,
        incoming: Incoming,
        id: &HeaderValue,
        presentation: &mut Presentation,
    ) -> Result<Reply, Failure> {
        if parts.method == Method::OPTIONS {
            return Ok(Reply::Plain(response::preflight()));
        }
        let verb = Verb::parse(parts.method.as_str());
        let place = match router::find(verb, parts.uri.path()).place(verb) {
            Ok(place) => place,
            // Without a token nobody learns what else there is.
            Err(failure) => return Err(sender.as_ref().as_ref().err().map_or(failure, |unknown| (*unknown).into())),
        };
        let pattern = place.pattern;
        if place.interaction.is_open() {
            return match place.interaction {
                Interaction::Authorization(part) => self.authorization(part, parts, sender, incoming, id.clone()).await,
                other => self.open(other, sender, &parts, id).await,
            };
        }
        let wish = Wish::of(&place, &parts);
        let done = if place.interaction.may_change() && !parts.method.is_safe() {
            Arc::clone(&self).write(Arc::clone(&parts), Arc::clone(sender), incoming, id.clone(), presentation).await
        } else {
            let limit = self.limits.time;
            let work = timeout(limit, unpanicked(self.work(&parts, sender, incoming, id, presentation))).await;
            work.map_or(Done::TooSlow, Done::of)
        };
        let result = match done {
            Done::Told(result) => result,
            Done::Panicked(panic) => {
                tracing::error!(route = pattern, "panicked: {}", message(&*panic));
                self.cut_short(&parts, sender, id, Failure::internal()).await
            }
            Done::TooSlow => self.cut_short(&parts, sender, id, too_slow()).await,
        };
        if let Err(failure) = &result
            && failure.status.is_server_error()
            // What is not begun is counted where that is decided.
            && !failure.issues.iter().any(|issue| issue.code == Code::Throttled)
        {
            tracing::warn!(route = pattern, status = failure.status.as_u16(), "failed");
        }
        let answer = result?;
        match wish.map(|wish| wish.fulfil(&answer)).transpose()?.flatten() {
            Some(raw) => Ok(Reply::Raw(answer, raw)),
            None => Ok(Reply::Answer(answer)),
        }
    }

    /// What anyone may ask.
    async fn open(
        &self,
        interaction: Interaction,
        sender: &Sender,
        parts: &Parts,
        id: &HeaderValue,
    ) -> Result<Reply, Failure> {
        match interaction {
            Interaction::Live => Ok(Reply::Plain(response::text(StatusCode::OK, "live\n"))),
            Interaction::Ready => {
                let report = self.readiness.report().await;
                let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                Ok(Reply::Plain(response::text(status, report.text())))
            }
            _ => {
                accepted(&parts.headers, parts.uri.query().unwrap_or_default())?;
                if let Some(failure) = sender.as_ref().ok().and_then(Known::misuse) {
                    return Err(failure);
                }
                let _place = self.enter(parts, sender, id).await?;
                let permit = sender.as_ref().ok();
                let permit = permit
                    .and_then(|known| self.endpoint.gateway.permit(&known.caller, known.purpose, Action::Read).ok());
                Ok(Reply::Answer(
                    capabilities::answer(&self.endpoint, permit.as_ref(), parts.uri.query().unwrap_or_default()).await,
                ))
            }
        }
    }

    /// A write goes on when its client goes away: what was committed is audited.
    async fn write(
        self: Arc<Self>,
        parts: Arc<Parts>,
        sender: Arc<Sender>,
        incoming: Incoming,
        id: HeaderValue,
        presentation: &mut Presentation,
    ) -> Done {
        let limit = self.limits.time;
        let mut shown = *presentation;
        let work = async move {
            let result = self.work(&parts, &sender, incoming, &id, &mut shown).await;
            (result, shown)
        };
        let work = tokio::spawn(named::carried(fair::carried(work)));
        // The body has its own time, so the whole has twice the limit.
        match timeout(2 * limit, work).await {
            Ok(Ok((result, shown))) => {
                *presentation = shown;
                Done::Told(result)
            }
            Ok(Err(error)) => {
                Done::Panicked(error.try_into_panic().unwrap_or_else(|_| Box::new("the work was given up")))
            }
            Err(_) => Done::TooSlow,
        }
    }

    /// Records what nobody finished: it is answered too. What its work records by itself, then or later, stands beside that.
    async fn cut_short(
        &self,
        parts: &Parts,
        sender: &Sender,
        id: &HeaderValue,
        failure: Failure,
    ) -> Result<Answer, Failure> {
        let verb = Verb::parse(parts.method.as_str());
        let place = router::find(verb, parts.uri.path()).place(verb)?;
        let request = request(parts, place, Bytes::new(), id);
        match sender {
            Ok(known) => audited::refused(&self.endpoint, Some(known.identity()), &request, failure).await,
            // Whoever that was is told what anybody without a valid token is told.
            Err(unknown) => audited::refused(&self.endpoint, None, &request, (*unknown).into()).await,
        }
    }

    /// Everything between the route and the answer, audited.
    async fn work(
        &self,
        parts: &Parts,
        sender: &Sender,
        incoming: Incoming,
        id: &HeaderValue,
        presentation: &mut Presentation,
    ) -> Result<Answer, Failure> {
        let verb = Verb::parse(parts.method.as_str());
        let place = router::find(verb, parts.uri.path()).place(verb)?;
        let (identity, misuse) = match sender {
            Ok(known) => (known.identity(), known.misuse()),
            Err(unknown) => {
                let _permit = self.permit(parts, place).await?;
                let _place = self.enter(parts, sender, id).await?;
                let request = request(parts, place, Bytes::new(), id);
                return audited::refused(&self.endpoint, None, &request, (*unknown).into()).await;
            }
        };
        let body = match misuse {
            None => self.body(parts, place, incoming).await,
            Some(failure) => Err(failure),
        };
        // Only now: who sends slowly keeps no place that others need.
        let _permit = self.permit(parts, place).await?;
        let (body, _held) = match body {
            Ok((body, held)) => (body, held),
            Err(failure) => {
                let _place = self.enter(parts, sender, id).await?;
                let request = request(parts, place, Bytes::new(), id);
                return audited::refused(&self.endpoint, Some(identity), &request, failure).await;
            }
        };
        let _place = self.enter(parts, sender, id).await?;
        if place.interaction == Interaction::SearchForm {
            presentation.follow(std::str::from_utf8(&body).unwrap_or_default());
        }
        let mut request = request(parts, place, body, id);
        presentation.changes = request.changes();
        let has_purposes = sender.as_ref().is_ok_and(|known| known.purposes.len() > 1);
        request.conditions.always_shown = has_purposes || self.endpoint.gateway.store.merges_anywhere();
        if request.changes() {
            match self.provenance(parts) {
                Ok(said) => request.provenance = said,
                Err(failure) => return audited::refused(&self.endpoint, Some(identity), &request, failure).await,
            }
        }
        self.perform(identity, request).await
    }

    /// A place among the writes, which go on when their clients go away; nothing else needs one.
    async fn permit(&self, parts: &Parts, place: Place<'_>) -> Result<Option<OwnedSemaphorePermit>, Failure> {
        if !place.interaction.may_change() || parts.method.is_safe() {
            return Ok(None);
        }
        let ending = |_| Failure::unavailable(Code::Transient, "The gateway is shutting down. Try again.");
        Arc::clone(&self.writes).acquire_owned().await.map(Some).map_err(ending)
    }

    /// What the client says of where its writes come from.
    fn provenance(&self, parts: &Parts) -> Result<Option<Attached>, Failure> {
        let gateway = &self.endpoint.gateway;
        let values = parts.headers.get_all(provenance::NAME).iter().map(HeaderValue::as_bytes);
        let text = provenance::read(values, gateway.clock.now_ms())?;
        Ok(text.map(|text| Attached { id: gateway.ids.next(), text }))
    }

    async fn perform(&self, identity: Identity<'_>, request: Request) -> Result<Answer, Failure> {
        let Identity { caller, purpose } = identity;
        if request.interaction != Interaction::Bundle {
            return audited::perform(&self.endpoint, caller, purpose, &request).await;
        }
        match Box::pin(bundle::perform(&self.endpoint, caller, purpose, &request)).await {
            Ok(answer) => Ok(answer),
            Err(failure) => audited::refused(&self.endpoint, Some(identity), &request, failure).await,
        }
    }

    /// Looks at the formats, and reads the body of those interactions that have one.
    async fn body(
        &self,
        parts: &Parts,
        place: Place<'_>,
        incoming: Incoming,
    ) -> Result<(Bytes, Option<Held>), Failure> {
        let is_form = place.interaction == Interaction::SearchForm;
        if Wish::of(&place, parts).is_none() && !is_form {
            accepted(&parts.headers, parts.uri.query().unwrap_or_default())?;
        }
        let format = match place.interaction {
            _ if binary::is_write(&place) => Format::Json,
            Interaction::Bundle | Interaction::ConditionalUpdate | Interaction::Create | Interaction::Update => {
                of_body(&parts.headers)?
            }
            Interaction::ConditionalPatch | Interaction::Patch => of_patch(&parts.headers)?,
            Interaction::SearchForm => {
                negotiation::check_form_type(&parts.headers)?;
                Format::Json
            }
            // An operation without parameters needs no body, and no type of one.
            Interaction::Operation(_) if parts.method == Method::POST => of_body(&parts.headers)?,
            _ => return Ok((Bytes::new(), None)),
        };
        let counted = (&self.room, &self.metrics.http.request_bytes);
        let reading = body::collect(&parts.headers, incoming, self.limits.body, counted);
        let (body, held) = timeout(self.limits.time, reading).await.unwrap_or_else(|_| Err(late()))?;
        let body = match format {
            Format::Xml if !body.is_empty() => xml::read(body).await.map_err(|failure| judged(place, failure))?,
            _ => body,
        };
        // The search looks at a format in the form; without one the header counts, or the address.
        if is_form && query::value(std::str::from_utf8(&body).unwrap_or_default(), "_format").is_none() {
            accepted(&parts.headers, parts.uri.query().unwrap_or_default())?;
        }
        if matches!(place.interaction, Interaction::ConditionalPatch | Interaction::Patch) {
            negotiation::check_patch_shape(&parts.headers, &body)?;
        }
        Ok((binary::resource(&place, &parts.headers, body).await?, Some(held)))
    }
}

/// What is answered.
pub(super) enum Reply {
    Answer(Answer),
    Plain(Response<Body>),
    Raw(Answer, Raw),
}

/// That a text is no resource is what a validation has to say of it.
fn judged(place: Place<'_>, failure: Failure) -> Failure {
    let is_validation = place.interaction == Interaction::Operation(Operation::Validate);
    if is_validation { Failure { status: StatusCode::OK, ..failure } } else { failure }
}

fn presentation(parts: &Parts) -> Presentation {
    let query = parts.uri.query().unwrap_or_default();
    Presentation {
        // What cannot be given is refused in JSON.
        format: accepted(&parts.headers, query).unwrap_or_default(),
        changes: false,
        pretty: query::value(query, "_pretty").as_deref() == Some("true"),
        gzip: negotiation::accepts_gzip(&parts.headers),
        head: parts.method == Method::HEAD,
        cross_origin: parts.headers.contains_key(header::ORIGIN),
    }
}

fn request(parts: &Parts, place: Place<'_>, body: Bytes, id: &HeaderValue) -> Request {
    Request {
        query: parts.uri.query().unwrap_or_default().into(),
        conditions: Conditions::of(&parts.headers),
        preference: Preference::of(&parts.headers),
        languages: parts.headers.get("accept-language").and_then(|value| value.to_str().ok()).map(Box::from),
        body,
        request_id: id.to_str().unwrap_or_default().into(),
        source: parts.extensions.get::<Peer>().map(|peer| peer.0),
        safe: parts.method.is_safe(),
        ..Request::at(&place)
    }
}

pub(super) fn late() -> Failure {
    Failure::new(
        StatusCode::REQUEST_TIMEOUT,
        Code::Timeout,
        "The body did not arrive in time. Send it in one go, or in several requests.",
    )
}

pub(super) fn too_slow() -> Failure {
    Failure::unavailable(
        Code::Timeout,
        "The gateway could not finish in time. A write may still be done: read before you send it again.",
    )
}

/// How the work of an exchange ended.
enum Done {
    /// It panicked.
    Panicked(Panic),
    /// It came to its end, and is recorded.
    Told(Result<Answer, Failure>),
    /// Nobody waits for it any longer.
    TooSlow,
}

impl Done {
    fn of(result: Unpanicked<Result<Answer, Failure>>) -> Self {
        result.map_or_else(Self::Panicked, Self::Told)
    }
}
