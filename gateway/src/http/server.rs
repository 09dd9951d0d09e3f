//! The listener: connections in, graceful drain out.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::http::connection::Connection;
use crate::http::crowd::Crowd;
use crate::http::exchange::Service;
use crate::http::protection::Protection;
use crate::http::secure::Secure;

/// How long to wait after accept failed: without free file descriptors it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is between clients and the service.
#[derive(Clone, Debug)]
pub struct Front {
    /// TLS, where it is not served by others.
    pub secure: Option<Arc<Secure>>,
    /// What stands beside every answer.
    pub protection: Protection,
}

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
pub async fn serve(listener: TcpListener, service: Arc<Service>, front: Front, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let limits = service.limits;
    let (stopping, _) = watch::channel(());
    let room = Arc::new(Semaphore::new(limits.connections));
    let crowd = Crowd::new(limits.connections);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &room) => accepted,
        };
        match accepted {
            Ok(Accepted { stream, peer, place }) => {
                // Where an address has as many as it may, one more is closed.
                let Some(counted) = crowd.one_more(peer, &service.edge.proxies) else { continue };
                let (service, front, stopping) = (Arc::clone(&service), front.clone(), stopping.subscribe());
                let connection = Connection { stream, peer, service, front, stopping };
                tokio::spawn(async move {
                    connection.run().await;
                    drop((place, counted));
                });
            }
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "a connection was not accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tracing::info!("draining");
    let drained = async {
        // Nobody hears it where there is no connection.
        let _ = stopping.send(());
        stopping.closed().await;
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
