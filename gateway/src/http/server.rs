//! The listener: connections in, graceful drain out.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::http::exchange::Service;

/// How long to wait after accept failed: without free file descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who asks, as far as addresses tell: the other end of the connection, or whom trusted proxies name. It is among the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// A connection with its place among those there is room for.
struct Accepted {
    stream: TcpStream,
    peer: IpAddr,
    place: OwnedSemaphorePermit,
}

/// Serves until `stop` resolves, then lets exchanges under way finish within the limit.
pub async fn serve(listener: TcpListener, service: Arc<Service>, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let limits = service.limits;
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok(accepted) => spawn(accepted, Arc::clone(&service), &graceful),
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tracing::info!("draining");
    let drained = async {
        graceful.shutdown().await;
        // Writes whose clients went away.
        let _ = service.writes.acquire_many(limits.writes).await;
    };
    if timeout(limits.drain, drained).await.is_err() {
        tracing::warn!("the drain took too long; what is still under way is cut off");
    }
}

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(Accepted { stream, peer: address.ip(), place })
}

fn spawn(accepted: Accepted, service: Arc<Service>, graceful: &GracefulShutdown) {
    let Accepted { stream, peer, place } = accepted;
    let limits = service.limits;
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(limits.head_time));
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let service = Arc::clone(&service);
        let client = service.edge.proxies.client(peer, request.headers());
        request.extensions_mut().insert(Peer(client));
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // How a connection ended is the client's affair; what was answered is audited.
        let _ = connection.await;
        drop(place);
    });
}
