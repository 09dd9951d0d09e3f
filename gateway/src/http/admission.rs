//! Whether an exchange is begun: by where it comes from, by how much was asked before, and by what there is to do. Probes are always
//! answered, and a page's question whether it may ask counts as nothing: both cost nothing.
//!
//! Whose token it is has to be looked up first, or an address from which too much is asked could keep a client out that has a token.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use crate::audit::{Circumstances, Decision, Event, address};
use crate::auth::{Known, Unknown};
use crate::authorization::{self, Challenge, Part};
use crate::fair;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::http::exchange::{Sender, Service};
use crate::http::noted::Why;
use crate::http::rate::{Standings, Who};
use crate::http::response::{self, Body, Presentation};
use crate::http::server::Peer;
use crate::http::source::is_within;
use crate::interaction::audited::NOBODY;
use crate::outcome::{Advice, Code, Failure};
use crate::pages;
use crate::router::{self, Destination, Interaction, Place, Verb};

/// Seconds after which somebody may ask again for whom there was no place.
const BUSY_S: u32 = 2;

/// An exchange that may begin.
pub(super) struct Admitted {
    /// Who asks.
    pub(super) sender: Arc<Sender>,
    /// What is left of what may be asked.
    pub(super) standings: Standings,
}

/// An exchange that is not begun.
#[derive(Debug)]
pub(super) struct NotBegun {
    why: Why,
    standings: Standings,
}

impl NotBegun {
    fn status(&self) -> StatusCode {
        match self.why {
            Why::Load => StatusCode::SERVICE_UNAVAILABLE,
            Why::Network => StatusCode::FORBIDDEN,
            Why::Rate => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Seconds after which it may be asked again.
    fn wait(&self) -> Option<u32> {
        match self.why {
            Why::Load => Some(BUSY_S),
            Why::Network => None,
            Why::Rate => Some(self.standings.wait()),
        }
    }

    /// To a program.
    fn says(&self) -> Cow<'static, str> {
        match self.why {
            Why::Load => format!("The gateway has more to do than it can at this moment. Ask again in {BUSY_S} s.").into(),
            Why::Network => "Only some networks are answered here, or for this client, and this address is in none of them. Ask from there, or ask the operator."
                .into(),
            Why::Rate => {
                let wait = self.standings.wait();
                format!("Too many requests. Ask again in {wait} s, and then no more than RateLimit-Policy says.").into()
            }
        }
    }

    /// To somebody at a browser.
    fn says_to_people(&self) -> Cow<'static, str> {
        match self.why {
            Why::Load => "There is much to do at this moment. Wait a little, then try again.".into(),
            Why::Network => "This page is not shown where you are. Ask whoever looks after it at your clinic.".into(),
            Why::Rate => {
                let wait = self.standings.wait();
                let plural = if wait == 1 { "" } else { "s" };
                format!("Too much was asked from where you are. Wait {wait} second{plural}, then try again.").into()
            }
        }
    }

    /// As the authorization server answers: a page where people look, OAuth's words elsewhere.
    pub(super) fn of_oauth(&self, part: Part, cross_origin: bool) -> Response<Body> {
        let status = self.status();
        let reply = if part.is_page() {
            authorization::Reply::Page(Box::new(pages::problem(status, &self.says_to_people())))
        } else {
            let error = if self.why == Why::Network { "access_denied" } else { "temporarily_unavailable" };
            let body = json!({ "error": error, "error_description": self.says() }).to_string().into();
            authorization::Reply::Json { status, body, challenge: Challenge::None, kept_s: 0, wait_s: 0 }
        };
        let mut response = response::oauth(reply, cross_origin);
        if let Some(wait) = self.wait() {
            response.headers_mut().insert(header::RETRY_AFTER, wait.into());
        }
        self.standings.tell(response.headers_mut());
        response
    }

    /// As whatever was asked answers.
    pub(super) async fn response(self, parts: &Parts, presentation: Presentation) -> Response<Body> {
        if let Some(Place { interaction: Interaction::Authorization(part), .. }) = place(parts) {
            return self.of_oauth(part, presentation.cross_origin);
        }
        let standings = self.standings.clone();
        let mut response = response::failure(&self.into(), presentation).await;
        standings.tell(response.headers_mut());
        response
    }
}

impl From<NotBegun> for Failure {
    fn from(not_begun: NotBegun) -> Self {
        let code = if not_begun.why == Why::Network { Code::Forbidden } else { Code::Throttled };
        let advice = not_begun.wait().map_or(Advice::None, Advice::RetryAfter);
        Self::new(not_begun.status(), code, not_begun.says()).advising(advice)
    }
}

/// What is asked for, where there is such a thing.
fn place(parts: &Parts) -> Option<Place<'_>> {
    match router::find(Verb::parse(parts.method.as_str()), parts.uri.path()) {
        Destination::Found(place) => Some(place),
        _ => None,
    }
}

impl Service {
    /// Admits an exchange, or not.
    pub(super) async fn admit(&self, parts: &Parts, id: &HeaderValue) -> Result<Admitted, NotBegun> {
        let interaction = place(parts).map(|place| place.interaction);
        let nobody = || Admitted { sender: Arc::new(Err(Unknown::NoToken)), standings: Standings::default() };
        if matches!(interaction, Some(Interaction::Live | Interaction::Ready)) {
            return Ok(nobody());
        }
        let edge = &self.edge;
        let now_ms = self.endpoint.gateway.clock.now_ms();
        edge.noted.turn(now_ms);
        edge.rates.sweep(now_ms);
        if !is_within(&edge.networks, source(parts)) {
            let not_begun = NotBegun { why: Why::Network, standings: Standings::default() };
            return Err(self.noted(not_begun, &Err(Unknown::NoToken), parts, id).await);
        }
        if parts.method == Method::OPTIONS {
            return Ok(nobody());
        }
        let sender = match self.sender(parts, interaction).await {
            Ok(sender) => sender,
            Err(standings) => {
                let not_begun = NotBegun { why: Why::Rate, standings };
                return Err(self.noted(not_begun, &Err(Unknown::NotValid), parts, id).await);
            }
        };
        if let Ok(known) = &sender
            && !is_within(&known.networks, source(parts))
        {
            let not_begun = NotBegun { why: Why::Network, standings: Standings::default() };
            return Err(self.noted(not_begun, &sender, parts, id).await);
        }
        let counted = match sender {
            // Whose rate it is cannot be told; of a token that was never good here it is the address's.
            Err(Unknown::Unavailable) if !self.authenticator.is_stranger(&parts.headers) => Ok(Standings::default()),
            _ => edge.rates.count(self.who(parts, &sender)),
        };
        let standings = match counted {
            Ok(standings) => standings,
            Err(standings) => {
                return Err(self.noted(NotBegun { why: Why::Rate, standings }, &sender, parts, id).await);
            }
        };
        if let Some(load) = &edge.load
            && !load.has_room(self.who(parts, &sender).number())
        {
            return Err(self.noted(NotBegun { why: Why::Load, standings }, &sender, parts, id).await);
        }
        Ok(Admitted { sender: Arc::new(sender), standings })
    }

    /// Who sends a request; of what does not depend on that nobody asks. Of tokens that were never good here so many are looked at as may be
    /// none, from each address.
    async fn sender(&self, parts: &Parts, interaction: Option<Interaction>) -> Result<Sender, Standings> {
        let finds_out = |asked: Interaction| {
            asked.is_open()
                && !matches!(asked, Interaction::Capabilities | Interaction::Authorization(Part::Clients(_)))
        };
        if interaction.is_some_and(finds_out) {
            return Ok(Err(Unknown::NoToken));
        }
        let (edge, address) = (&self.edge, source(parts));
        let attempt = match self.authenticator.is_stranger(&parts.headers) {
            true => Some(edge.tokens.attempt(address).map_err(Standings::of)?),
            false => None,
        };
        // Of a token that was never good here the address counts until it is told: of many bad ones no more are looked up at once than may be.
        // Whose any other one is, everybody waits for.
        let whose = if attempt.is_some() { edge.numbers.stranger(address).number() } else { fair::OWN };
        let identifying = fair::during(whose, self.authenticator.identify(&parts.headers));
        let identified = timeout(self.limits.time, identifying).await.unwrap_or(Err(Unknown::Unavailable));
        if let (Some(attempt), Ok(_) | Err(Unknown::Unavailable)) = (attempt, &identified) {
            edge.tokens.give_back(attempt);
        }
        Ok(identified)
    }

    pub(super) fn who(&self, parts: &Parts, sender: &Sender) -> Who {
        match sender {
            Ok(known) => self.edge.numbers.known(&known.caller),
            Err(_) => self.edge.numbers.stranger(source(parts)),
        }
    }

    /// A place among the exchanges that are worked on, once all that has to arrive is there. It is kept for as long as the work takes.
    pub(super) async fn enter(
        &self,
        parts: &Parts,
        sender: &Sender,
        id: &HeaderValue,
    ) -> Result<Option<fair::Place>, NotBegun> {
        let Some(load) = &self.edge.load else { return Ok(None) };
        match load.enter(self.who(parts, sender).number()).await {
            Some(place) => Ok(Some(place)),
            None => {
                let not_begun = NotBegun { why: Why::Load, standings: Standings::default() };
                Err(self.noted(not_begun, sender, parts, id).await)
            }
        }
    }

    /// The same, counted; and on record, where it is the first in a minute. Where that fails it is refused all the same: most of
    /// its kind are not on record.
    async fn noted(&self, not_begun: NotBegun, sender: &Sender, parts: &Parts, id: &HeaderValue) -> NotBegun {
        let gateway = &self.endpoint.gateway;
        let now_ms = gateway.clock.now_ms();
        let is_first = self.edge.noted.is_first(not_begun.why, self.who(parts, sender).number(), now_ms);
        if not_begun.why == Why::Network {
            match sender {
                Ok(known) => gateway.store.refused(known.caller.organization, &known.caller.id),
                Err(_) => gateway.store.refused_stranger(source(parts)),
            }
        }
        // What is nothing that can be asked is never on record.
        let (true, Some(place)) = (is_first, place(parts)) else { return not_begun };
        let request = id.to_str().unwrap_or_default();
        let (of, decision) = match sender {
            Ok(Known { caller, purpose, .. }) => {
                (Circumstances::of(gateway, caller, *purpose, request), Decision::Refused)
            }
            Err(_) => {
                let of = Circumstances::unknown(DEFAULT_ORGANIZATION, NOBODY, request, consent::Purpose::Treat);
                (of, Decision::Unauthenticated)
            }
        };
        let of = Circumstances { source: source(parts).map(address), ..of };
        let event = Event::new(of, place.interaction.name(), not_begun.status().as_u16(), now_ms);
        let event = Event { kind: place.kind.map(Into::into), decision, ..event };
        if let Err(error) = gateway.audit.record(event).await {
            tracing::warn!(%error, "a refusal is not on record");
        }
        not_begun
    }
}

fn source(parts: &Parts) -> Option<std::net::IpAddr> {
    parts.extensions.get::<Peer>().map(|peer| peer.0)
}
