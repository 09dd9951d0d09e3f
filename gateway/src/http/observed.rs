//! An exchange as operators see it: counted, timed, and in the log by the names of its route and of the request.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response};

use crate::http::exchange::Service;
use crate::http::named::Names;
use crate::http::response::Body;
use crate::http::traceparent::TraceParent;
use crate::metrics::{Metrics, Seen};
use crate::traces::{Noted, Traces};

impl Service {
    /// Answers one request. Never fails: what goes wrong is an answer too. Every line of the log that comes of it has its id.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let parent = TraceParent::of(request.headers());
        let exchange = UnderWay::begin(&self.metrics, self.traces.as_deref(), parent, &request);
        let id = self.request_ids.of(request.headers());
        let trace = match &exchange.noted {
            Some(noted) => Some(noted.trace().to_string().into()),
            None => parent.map(|parent| parent.trace.into()),
        };
        let names = Names { request: id.clone(), trace };
        let answered = async {
            let response = self.exchanged(request, id).await;
            exchange.answered(&response);
            response
        };
        names.during(answered).await
    }
}

/// An exchange that is not answered yet. Dropped before that, its client went away.
struct UnderWay {
    metrics: Arc<Metrics>,
    seen: Seen,
    noted: Option<Noted>,
    begun: Instant,
    answered: bool,
}

impl UnderWay {
    fn begin(
        metrics: &Arc<Metrics>,
        traces: Option<&Traces>,
        parent: Option<TraceParent<'_>>,
        request: &Request<Incoming>,
    ) -> Self {
        let begun = Instant::now();
        let seen = metrics.http.seen(request.method(), request.uri().path());
        metrics.http.under_way.rise(1);
        let noted = traces.map(|traces| traces.begin(parent, seen));
        Self { metrics: Arc::clone(metrics), seen, noted, begun, answered: false }
    }

    fn answered(mut self, response: &Response<Body>) {
        self.answered = true;
        let (took, status) = (self.begun.elapsed(), response.status());
        self.metrics.http.answered(self.seen, status, response.body().size_hint().lower(), took);
        if let Some(noted) = self.noted.take() {
            noted.answered(status);
        }
        tracing::debug!(
            method = self.seen.method(),
            route = self.seen.route,
            status = status.as_u16(),
            ms = took.as_secs_f64() * 1e3,
            "answered"
        );
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.metrics.http.under_way.rise(-1);
        if !self.answered {
            self.metrics.http.aborted(self.seen);
        }
    }
}
