//! Probes while a server prepares: it lives, and is not ready. Without an answer, whoever watches it would end it for that.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::http::response::{self, Body};
use crate::http::secure::{Secure, Shaken};
use crate::outcome::{Code, Failure};
use crate::readiness;
use crate::router::{self, Destination, Interaction, Verb};

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// How long one may last.
const LONGEST: Duration = Duration::from_secs(5);
/// How long to wait after accept failed.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers one request for each connection, until it is dropped.
pub async fn answer(listener: &TcpListener, secure: Option<&Arc<Secure>>) -> Infallible {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (Ok(place), Ok((stream, _))) = (Arc::clone(&room).acquire_owned().await, listener.accept().await) else {
            sleep(PAUSE).await;
            continue;
        };
        let secure = secure.map(Arc::clone);
        tokio::spawn(async move {
            let answered = async {
                match secure {
                    Some(secure) => {
                        if let Ok(Shaken::Client(stream) | Shaken::Unproven(stream)) = secure.accept(stream).await {
                            connection(stream).await;
                        }
                    }
                    None => connection(stream).await,
                }
            };
            let _ended = timeout(LONGEST, answered).await;
            drop(place);
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
    let answer = service_fn(async |request: Request<Incoming>| {
        let response = told(&request);
        Ok::<_, Infallible>(if request.method() == Method::HEAD { response::without_body(response) } else { response })
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).keep_alive(false);
    // How it ended is the client's affair.
    let _ended = builder.serve_connection(TokioIo::new(stream), answer).await;
}

fn told(request: &Request<Incoming>) -> Response<Body> {
    let verb = Verb::parse(request.method().as_str());
    match router::find(verb, request.uri().path()) {
        Destination::Found(place) if place.interaction == Interaction::Live => response::text(StatusCode::OK, "live\n"),
        Destination::Found(place) if place.interaction == Interaction::Ready => {
            response::text(StatusCode::SERVICE_UNAVAILABLE, readiness::PREPARING)
        }
        _ => refused("The gateway prepares to serve. Try again.", "1"),
    }
}

/// Whether somebody asks only how the server is.
pub(super) fn is_probe(request: &Request<Incoming>) -> bool {
    let found = router::find(Verb::parse(request.method().as_str()), request.uri().path());
    matches!(found, Destination::Found(place) if matches!(place.interaction, Interaction::Live | Interaction::Ready))
}

/// The answer to anything but a probe while there is no certificate: nothing is told to who does not know whom they ask.
pub(super) fn unproven() -> Response<Body> {
    refused("The gateway has no certificate yet, and answers nobody before. Try again later.", "60")
}

fn refused(why: &'static str, after_s: &'static str) -> Response<Body> {
    let failure = Failure::unavailable(Code::Transient, why);
    let mut response = Response::new(Body::new(failure.outcome()));
    *response.status_mut() = failure.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+json"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(after_s));
    response
}
