//! One connection, from its first byte to its end.
//!
//! hyper bounds headers, streams of HTTP/2 and their number. What it does not see is bounded here: a connection on which nobody
//! asks anything, or takes what was asked for.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch::Receiver;
use tokio::time::{sleep_until, timeout};

use crate::http::Limits;
use crate::http::activity::{Activity, Noted};
use crate::http::early;
use crate::http::exchange::Service;
use crate::http::response::without_body;
use crate::http::secure::{Secure, Shaken};
use crate::http::server::{Front, Peer};

/// Streams that a client opens and takes back before they are looked at; after so many the connection ends (CVE-2023-44487).
const TAKEN_BACK: usize = 20;
/// Streams that end for a client's mistakes; after so many the connection ends.
const MISTAKEN: usize = 100;

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: IpAddr,
    pub(super) service: Arc<Service>,
    pub(super) front: Front,
    /// Says when the server stops. While this is held, the connection is there.
    pub(super) stopping: Receiver<()>,
}

impl Connection {
    /// Makes the handshake and answers until either side ends it.
    pub(super) async fn run(self) {
        let Self { stream, peer, service, front, mut stopping } = self;
        match front.secure.clone() {
            None => converse(stream, peer, service, front, stopping, Offer::All).await,
            Some(secure) => {
                let stream = tokio::select! {
                    biased;
                    // Nothing was asked yet.
                    _ = stopping.changed() => None,
                    stream = shake_hands(&secure, stream, service.limits) => stream,
                };
                match stream {
                    Some(Shaken::Client(stream)) => converse(stream, peer, service, front, stopping, Offer::All).await,
                    Some(Shaken::Unproven(stream)) => {
                        converse(stream, peer, service, front, stopping, Offer::Probes).await;
                    }
                    Some(Shaken::Authority) | None => {}
                }
            }
        }
    }
}

/// What goes wrong is the client's affair, and in nobody's way: anybody can send anything to an open port.
async fn shake_hands(secure: &Secure, stream: TcpStream, limits: Limits) -> Option<Shaken> {
    match timeout(limits.head_time, secure.accept(stream)).await {
        Ok(Ok(shaken)) => return Some(shaken),
        Ok(Err(error)) => tracing::debug!(kind = ?error.kind(), "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
    None
}

/// What is answered on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Offer {
    All,
    /// Whether it lives and is ready, and nothing else.
    Probes,
}

async fn converse<S>(
    stream: S,
    peer: IpAddr,
    service: Arc<Service>,
    front: Front,
    mut stopping: Receiver<()>,
    offer: Offer,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limits = service.limits;
    let activity = Activity::new();
    let under_way = Arc::clone(&activity);
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let under_way = under_way.begin();
        let service = Arc::clone(&service);
        let client = service.edge.proxies.client(peer, request.headers());
        request.extensions_mut().insert(Peer(client));
        // Over HTTP/2 nobody else leaves the body of an answer to HEAD out.
        let is_head = request.method() == Method::HEAD;
        let protection = front.protection.clone();
        async move {
            let is_answered = offer == Offer::All || early::is_probe(&request);
            let response = if is_answered { service.answer(request).await } else { early::unproven() };
            let mut response = if is_head { without_body(response) } else { response };
            protection.beside(response.headers_mut());
            drop(under_way);
            Ok::<_, Infallible>(response)
        }
    });
    let stream = Noted { stream, activity: Arc::clone(&activity) };
    let mut connection = pin!(builder(limits).serve_connection(TokioIo::new(stream), answer).into_owned());
    let (mut patience, mut ending, mut stopped) = (limits.idle, false, false);
    loop {
        tokio::select! {
            biased;
            // How a connection ended is the client's affair; what was answered is audited.
            _ = &mut connection => return,
            _ = stopping.changed(), if !stopped => stopped = true,
            () = sleep_until(activity.quiet_at(patience)) => {
                if !activity.is_quiet(patience) {
                    continue;
                }
                // Half a request, an answer that nobody takes, a client that does not hear that this is the end.
                if ending {
                    return;
                }
            }
        }
        // What is under way comes to its end, and nothing else begins.
        connection.as_mut().graceful_shutdown();
        activity.note();
        (patience, ending) = (limits.linger, true);
    }
}

fn builder(limits: Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(MISTAKEN)
        .keep_alive_interval(Some(limits.head_time))
        .keep_alive_timeout(limits.head_time);
    builder
}
