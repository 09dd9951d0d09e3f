//! Requests to an authority: by TLS, to where an administrator's authority may be, without redirects, and of bounded length.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use hyper::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use reqwest::{Client, redirect};

use super::problem::{Problem, Unreachable};
use crate::http::acme::Acme;
use crate::outward::Reach;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the connection may take of that.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024 * 1024;
/// For how long an authority is left alone at most, whatever it says, in seconds.
const LONGEST_PAUSE_S: u64 = 7 * 86_400;

/// Who asks an authority.
#[derive(Clone)]
pub(super) struct Directory {
    client: Client,
    /// For how many seconds it wants to be left alone, as it said last with a refusal.
    pause_s: Arc<Mutex<Option<u64>>>,
}

impl Directory {
    pub(super) fn new(told: &Acme) -> Result<Self, Problem> {
        let client = Client::builder()
            .tls_backend_preconfigured(told.tls.clone())
            .redirect(redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(Reach::Named))
            .timeout(PATIENCE)
            .connect_timeout(CONNECT)
            .build();
        Ok(Self { client: client.map_err(|_| Problem::Unmade)?, pause_s: Arc::default() })
    }

    /// For how long it wants to be left alone.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.pause_s.lock().map(|seconds| Duration::from_secs(seconds.min(LONGEST_PAUSE_S)))
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Problem> {
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        // It names addresses itself, too.
        let url =
            Reach::Named.url(&parts.uri.to_string()).filter(|url| url.scheme() == "https").ok_or(Problem::Address)?;
        let request = self.client.request(parts.method, url).headers(parts.headers).body(body.to_bytes());
        let mut answer = request.send().await?;
        let status = answer.status();
        if status.is_client_error() || status.is_server_error() {
            *self.pause_s.lock() = seconds(answer.headers());
            if !is_problem(answer.headers()) {
                return Err(Problem::Unreachable(Unreachable::Status(status.as_u16())));
            }
        }
        let headers = answer.headers().clone();
        let mut read = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if read.len() + part.len() > LONGEST {
                return Err(Problem::Odd);
            }
            read.extend_from_slice(&part);
        }
        let mut response = Response::new(Full::new(Bytes::from(read)));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(BytesResponse::from(response))
    }
}

impl HttpClient for Directory {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let directory = self.clone();
        Box::pin(async move { directory.ask(request).await.map_err(|problem| Error::Other(Box::new(problem))) })
    }
}

/// `Retry-After`, where it says seconds, as authorities do.
fn seconds(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Whether an answer says what is wrong as RFC 8555 6.7 has it.
fn is_problem(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/problem+json") || kind.starts_with("application/json"))
}
