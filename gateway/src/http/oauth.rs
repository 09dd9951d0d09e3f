//! What is HTTP about the authorization server: the form of a request, its time, and that it is finished once it has begun.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use tokio::time::timeout;

use crate::authorization::{LONGEST_FORM, Part};
use crate::http::exchange::{Reply, Service, late, message, too_slow};
use crate::http::server::Peer;
use crate::http::{body, negotiation, response};
use crate::outcome::Failure;

impl Service {
    /// What is asked of the authorization server, which finds out by itself who asks. It goes on when its client goes away: what was
    /// given or ended is on record.
    pub(super) async fn authorization(
        self: Arc<Self>,
        part: Part,
        parts: Arc<Parts>,
        incoming: Incoming,
        id: HeaderValue,
    ) -> Result<Reply, Failure> {
        let cross_origin = parts.headers.contains_key(header::ORIGIN);
        if !part.takes_form() {
            // Nothing is given, ended or recorded: nobody waits for writers.
            let reply = self.authorization.answer(part, &parts.headers, Ok(""), ("", None)).await;
            return Ok(Reply::Plain(response::oauth(reply, cross_origin)));
        }
        let limit = self.limits.time;
        let place = Arc::clone(&self.writes).acquire_owned().await.map_err(|_| too_slow())?;
        let work = tokio::spawn(async move {
            let form = self.form(&parts, incoming).await;
            let form = form.as_ref().map_err(|failure| failure.status);
            let form = form.and_then(|form| std::str::from_utf8(form).map_err(|_| StatusCode::BAD_REQUEST));
            let source = parts.extensions.get::<Peer>().map(|peer| peer.0);
            let about = (id.to_str().unwrap_or_default(), source);
            let reply = self.authorization.answer(part, &parts.headers, form, about).await;
            drop(place);
            reply
        });
        // The body has its own time, so the whole has twice the limit.
        match timeout(2 * limit, work).await {
            Ok(Ok(reply)) => Ok(Reply::Plain(response::oauth(reply, cross_origin))),
            Ok(Err(error)) => {
                let panic = error.try_into_panic().unwrap_or_else(|_| Box::new("the work was given up"));
                tracing::error!(route = part.name(), "panicked: {}", message(&*panic));
                Err(Failure::internal())
            }
            Err(_) => Err(too_slow()),
        }
    }

    async fn form(&self, parts: &Parts, incoming: Incoming) -> Result<Bytes, Failure> {
        negotiation::check_form_type(&parts.headers)?;
        let reading = body::collect(&parts.headers, incoming, LONGEST_FORM.min(self.limits.body));
        timeout(self.limits.time, reading).await.unwrap_or_else(|_| Err(late()))
    }
}
