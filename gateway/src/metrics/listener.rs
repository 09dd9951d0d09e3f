//! The listener of scrapes: apart from FHIR's, without a token, and with `/metrics` alone.
//!
//! What it tells holds no patient's data, and still says how busy a clinic is: it is for addresses that strangers do not reach.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Exposition, Metrics};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 16;
/// How long the head of a request may take to arrive, also of the next one on the same connection.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long a connection may last: a scraper opens another one.
const LONGEST: Duration = Duration::from_secs(600);
/// The longest line and headers of a request together, in bytes.
const HEAD: usize = 16 * 1024;
/// How long to wait after accept failed.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether strangers may reach an address: it is neither of this machine nor of a private network.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !(address.is_loopback() || address.is_private() || address.is_link_local()),
        IpAddr::V6(address) => !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()),
    }
}

/// Answers scrapes until it is aborted.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "a connection for metrics was not accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let metrics = Arc::clone(&metrics);
                async move { Ok::<_, Infallible>(answer(&metrics, &request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), answer);
            // How a connection ended is the scraper's affair.
            let _ended = timeout(LONGEST, connection).await;
            drop(place);
        });
    }
}

async fn answer(metrics: &Arc<Metrics>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "There is nothing here but /metrics.\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "/metrics takes GET and HEAD.\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let accepted = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let exposition = Exposition::of(&accepted.collect::<Vec<_>>().join(","));
    let text = metrics.text(exposition).await;
    if text.is_empty() {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "The series cannot be written down.\n");
    }
    let length = text.len();
    let head = request.method() == Method::HEAD;
    let mut response = Response::new(Full::new(if head { Bytes::new() } else { text.into() }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(exposition.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if head {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        for private in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["0.0.0.0", "::", "198.51.100.7", "172.32.0.1", "2001:db8::1", "::ffff:198.51.100.7"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
