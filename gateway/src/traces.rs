//! Traces: a span for each exchange, sent to a collector by OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/>).
//!
//! A span says method, route pattern and status, and which trace it is part of: nothing of a path, a query or a patient. What cannot be
//! sent is dropped; nobody waits for a collector.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, trace};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use reqwest::{Client, Url, redirect};
use tokio::runtime::Handle;

use crate::http::traceparent::TraceParent;
use crate::metrics::Seen;
use crate::tls;

/// How long one batch may take to be sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last one may take when a server ends.
const LAST: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MOST_ANSWERED: usize = 64 * 1024;

/// Where spans go.
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Traces")
    }
}

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
#[error("no client can be made that sends traces")]
pub struct TracesError;

/// The span of an exchange that is under way. Dropped before it is answered, it says nothing of a status.
#[derive(Debug)]
pub struct Noted(Span);

impl Traces {
    /// To a collector (its address is that before `/v1/traces`), a share of traces between 0 and 1; of those that a caller began, what the
    /// caller keeps.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn new(collector: &Url, share: f64) -> Result<Self, TracesError> {
        let tls = tls::config(None).map_err(|_| TracesError)?;
        let client = Client::builder()
            .user_agent(concat!("fhir-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|_| TracesError)?;
        let sending = Sending { client, runtime: Handle::current(), failing: Arc::default() };
        let endpoint = format!("{}/v1/traces", collector.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sending)
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|_| TracesError)?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("fhir-gateway").with_attribute(version).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_batch_exporter(exporter)
            .build();
        let tracer = provider.tracer("fhir-gateway");
        Ok(Self { provider, tracer })
    }

    /// An exchange begins, as part of its caller's trace or of a new one.
    pub(crate) fn begin(&self, parent: Option<TraceParent<'_>>, seen: Seen) -> Noted {
        let method = if seen.method() == "other" { "HTTP" } else { seen.method() };
        let span = trace::SpanBuilder::from_name(format!("{method} {}", seen.route))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", seen.method()),
                KeyValue::new("http.route", seen.route),
            ]);
        let context = parent.and_then(remote).map(|parent| Context::new().with_remote_span_context(parent));
        Noted(self.tracer.build_with_context(span, &context.unwrap_or_default()))
    }

    /// Sends what is left, and no more.
    pub async fn close(&self) {
        let provider = self.provider.clone();
        let closed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST));
        if !closed.await.is_ok_and(|closed| closed.is_ok()) {
            tracing::warn!("the last traces were not sent");
        }
    }
}

impl Noted {
    /// Which trace it is part of.
    pub(crate) fn trace(&self) -> TraceId {
        self.0.span_context().trace_id()
    }

    /// It was answered so.
    pub(crate) fn answered(mut self, status: StatusCode) {
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if status.is_server_error() {
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}

fn remote(parent: TraceParent<'_>) -> Option<SpanContext> {
    let trace = TraceId::from_hex(parent.trace).ok()?;
    let span = trace::SpanId::from_hex(parent.span).ok()?;
    let flags = if parent.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}

/// Sends batches on the server's runtime, for the thread that makes them has none.
#[derive(Clone, Debug)]
struct Sending {
    client: Client,
    runtime: Handle,
    /// The last batch was not taken: that is told once.
    failing: Arc<AtomicBool>,
}

impl Sending {
    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.sent(request).await;
        let taken = sent.as_ref().is_ok_and(|answer| answer.status().is_success());
        let failed = self.failing.swap(!taken, Ordering::Relaxed);
        match &sent {
            Ok(answer) if !taken && !failed => {
                tracing::warn!(status = answer.status().as_u16(), "the collector does not take traces");
            }
            Err(_) if !failed => tracing::warn!("traces cannot be sent: the collector does not answer"),
            _ if taken && failed => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        sent
    }

    async fn sent(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.client.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MOST_ANSWERED {
                return Err("the answer is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

type Pending<'s> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 's>>;

impl HttpClient for Sending {
    fn send_bytes<'life0, 'async_trait>(&'life0 self, request: Request<Bytes>) -> Pending<'async_trait>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        let task = self.runtime.spawn(self.clone().send(request));
        Box::pin(async move { task.await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_is_its_own() {
        let parent = TraceParent { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331", sampled: true };
        let context = remote(parent).unwrap();
        assert_eq!(context.trace_id().to_string(), parent.trace);
        assert_eq!(context.span_id().to_string(), parent.span);
        assert!(context.is_sampled() && context.is_remote() && context.is_valid());
        assert!(!remote(TraceParent { sampled: false, ..parent }).unwrap().is_sampled());
    }
}
