//! The demo's app: what a developer would write against the gateway, a page with a script at an origin of its own. It knows the FHIR
//! address and its client id, and nothing else of the gateway.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
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
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// The port that is tried first.
const PORT: u16 = 8081;
/// Its client id.
pub(super) const CLIENT: &str = "demo-app";
/// What it may ask for.
pub(super) const SCOPES: &str = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs";

/// Connections at a time, how long the head of a request may take, a connection, and a pause after accept failed.
const CONNECTIONS: usize = 32;
const HEAD_TIME: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// No script and no style but its own, and no frame around it. What it asks is at the gateway's address, which is another port.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src http://127.0.0.1:*; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

/// Where it is served, before anybody serves it.
pub(super) struct Stand {
    listener: TcpListener,
    address: SocketAddr,
}

impl Stand {
    /// At 8081 where nobody has it, and where any free port will do at a free one.
    pub(super) fn take(is_any: bool) -> io::Result<Self> {
        let at = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = at(if is_any { 0 } else { PORT }).or_else(|_| at(0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Its address, which is also where people are sent back to.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves it until the process ends.
    pub(super) fn open(self, fhir: &str) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let page = include_str!("app/index.html").replace("{fhir}", fhir).replace("{client}", CLIENT);
        let page = page.replace("{scope}", SCOPES);
        tokio::spawn(serve(listener, page.into()));
        Ok(())
    }
}

async fn serve(listener: tokio::net::TcpListener, page: Bytes) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let page = page.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let answer = answer(&request, &page);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .serve_connection(TokioIo::new(stream), answer);
            // How a connection ended is the browser's affair.
            let _ended = timeout(LONGEST, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, page: &Bytes) -> Response<Full<Bytes>> {
    let of = |text: &'static str| Bytes::from_static(text.as_bytes());
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, "text/html; charset=utf-8", page.clone()),
        (&Method::GET, "/app.js") => (StatusCode::OK, "text/javascript; charset=utf-8", of(include_str!("app/app.js"))),
        (&Method::GET, "/app.css") => (StatusCode::OK, "text/css; charset=utf-8", of(include_str!("app/app.css"))),
        _ => {
            (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", of("There is nothing here but the demo's app at /.\n"))
        }
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The code is in the page's address.
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
