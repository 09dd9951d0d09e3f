//! What is HTTP about the authorization server: the form of a request, its time, and that it is finished once it has begun.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::auth::Unknown;
use crate::authorization::{Deed, LONGEST_FORM, Part, Sent};
use crate::fair;
use crate::http::admission::NotBegun;
use crate::http::exchange::{Reply, Sender, Service, late, too_slow};
use crate::http::panics::message;
use crate::http::server::Peer;
use crate::http::{body, named, negotiation, response};
use crate::logins::{Asked, Route};
use crate::outcome::Failure;

/// Who asks is found out by what is asked; until then it is somebody at an address.
const STRANGER: Sender = Err(Unknown::NoToken);

/// What stands in the address of a request that has no form.
fn query(parts: &Parts) -> Bytes {
    Bytes::copy_from_slice(parts.uri.query().unwrap_or_default().as_bytes())
}

impl Service {
    /// What is asked of the authorization server, which finds out by itself who asks. It goes on when its client goes away: what was
    /// given or ended is on record.
    pub(super) async fn authorization(
        self: Arc<Self>,
        part: Part,
        parts: Arc<Parts>,
        sender: &Arc<Sender>,
        incoming: Incoming,
        id: HeaderValue,
    ) -> Result<Reply, Failure> {
        if let Part::Logins(route) = part {
            return self.login(route, parts, incoming, id).await;
        }
        let cross_origin = parts.headers.contains_key(header::ORIGIN);
        if part.is_document() {
            // Nothing is given, ended or recorded: nobody waits for writers.
            let _place = match self.enter(&parts, &STRANGER, &id).await {
                Ok(place) => place,
                Err(not_begun) => return Ok(Reply::Plain(not_begun.of_oauth(part, cross_origin))),
            };
            return Ok(Reply::Plain(response::oauth(self.authorization.document(part).await, cross_origin)));
        }
        let limit = self.limits.time;
        let sender = Arc::clone(sender);
        if let Err(Unknown::Unavailable) = &*sender {
            return Err(Unknown::Unavailable.into());
        }
        let work = async move {
            let is_form = parts.method == Method::POST || parts.method == Method::PATCH;
            let form = if is_form { self.form(part, &parts, incoming).await } else { Ok(query(&parts)) };
            let _entered = self.enter(&parts, &STRANGER, &id).await?;
            let place = self.place().await;
            let form = form.as_ref().map_err(|failure| failure.status);
            let text = form.and_then(|form| std::str::from_utf8(form).map_err(|_| StatusCode::BAD_REQUEST));
            let source = parts.extensions.get::<Peer>().map(|peer| peer.0);
            let request = id.to_str().unwrap_or_default();
            let headers = &parts.headers;
            let (method, path, sender) = (&parts.method, parts.uri.path(), sender.as_ref().as_ref().ok());
            let sent = Sent { part, method, path, sender, is_form, headers, text, request, source };
            let reply = self.authorization.answer(&sent).await;
            drop(place);
            Ok(reply)
        };
        let work: JoinHandle<Result<_, NotBegun>> = tokio::spawn(named::carried(fair::carried(work)));
        // The body has its own time, so the whole has twice the limit.
        match timeout(2 * limit, work).await {
            Ok(Ok(Ok(reply))) => Ok(Reply::Plain(response::oauth(reply, cross_origin))),
            Ok(Ok(Err(not_begun))) => Ok(Reply::Plain(not_begun.of_oauth(part, cross_origin))),
            Ok(Err(error)) => {
                let panic = error.try_into_panic().unwrap_or_else(|_| Box::new("the work was given up"));
                tracing::error!(route = part.name(), "panicked: {}", message(&*panic));
                Err(Failure::internal())
            }
            Err(_) => Err(too_slow()),
        }
    }

    /// A page for people. What a form does goes on when the browser goes away: it is on record.
    async fn login(
        self: Arc<Self>,
        route: Route,
        parts: Arc<Parts>,
        incoming: Incoming,
        id: HeaderValue,
    ) -> Result<Reply, Failure> {
        let limit = self.limits.time;
        let work = async move {
            let is_form = parts.method == Method::POST;
            let form = if is_form { Some(self.form(Part::Logins(route), &parts, incoming).await) } else { None };
            let _entered = self.enter(&parts, &STRANGER, &id).await?;
            // Who waits for others' servers does not wait in a writer's place.
            let is_outside = matches!(route, Route::ToProvider | Route::FromProvider);
            let place = if is_outside { None } else { self.place().await };
            let form = form.as_ref().map(|form| {
                let form = form.as_ref().map_err(|failure| failure.status);
                form.and_then(|form| std::str::from_utf8(form).map_err(|_| StatusCode::BAD_REQUEST))
            });
            let asked = Asked {
                headers: &parts.headers,
                form,
                path: parts.uri.path(),
                query: parts.uri.query().unwrap_or_default(),
                request: id.to_str().unwrap_or_default(),
                source: parts.extensions.get::<Peer>().map(|peer| peer.0),
            };
            let page = self.authorization.logins.answer(route, &asked).await;
            drop(place);
            Ok(page)
        };
        let work: JoinHandle<Result<_, NotBegun>> = tokio::spawn(named::carried(fair::carried(work)));
        // The body has its own time, so the whole has twice the limit.
        match timeout(2 * limit, work).await {
            Ok(Ok(Ok(page))) => Ok(Reply::Plain(response::page(page))),
            Ok(Ok(Err(not_begun))) => Ok(Reply::Plain(not_begun.of_oauth(Part::Logins(route), false))),
            Ok(Err(error)) => {
                let panic = error.try_into_panic().unwrap_or_else(|_| Box::new("the work was given up"));
                tracing::error!(route = route.name(), "panicked: {}", message(&*panic));
                Err(Failure::internal())
            }
            Err(_) => Err(too_slow()),
        }
    }

    /// A place among those who write, which the drain waits for: once there is something to do, for strangers send slowly.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.writes).acquire_owned().await.ok()
    }

    /// A form, or JSON where that is what is sent there.
    async fn form(&self, part: Part, parts: &Parts, incoming: Incoming) -> Result<Bytes, Failure> {
        let is_empty = || !parts.headers.contains_key(header::CONTENT_TYPE);
        match part {
            Part::Clients(Deed::RevokeTokens | Deed::RotateSecret) if is_empty() => {}
            part if part.is_json() => negotiation::check_json_type(&parts.headers)?,
            _ => negotiation::check_form_type(&parts.headers)?,
        }
        let longest = LONGEST_FORM.min(self.limits.body);
        let counted = (&self.room, &self.metrics.http.request_bytes);
        let reading = body::collect(&parts.headers, incoming, longest, counted);
        // A form is short: its room is for others at once.
        timeout(self.limits.time, reading).await.unwrap_or_else(|_| Err(late())).map(|(form, _)| form)
    }
}
