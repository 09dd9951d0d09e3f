//! The two limits: a handler that answers a constant, and one that runs the bare SELECT of the same row over the same
//! kind of pool. Both over hyper as the gateway uses it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use gateway::store::connection::Arg;
use gateway::store::pools::Pools;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

/// What a limit server does for a request.
#[derive(Clone)]
pub enum Limit {
    /// Answers these bytes.
    Constant(Bytes),
    /// Runs the SELECT with the id, over the pool.
    Select {
        /// The pool.
        pools: Arc<Pools>,
        /// The statement: `$1` is the id; the first column of the row is the answer.
        sql: Arc<str>,
        /// The id.
        id: Arc<str>,
    },
}

/// Serves a limit on a free port of loopback until the task ends; gives the address.
///
/// # Errors
/// No port can be had.
pub async fn serve(limit: Limit) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let limit = limit.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_: Request<hyper::body::Incoming>| {
                    let limit = limit.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(limit.answer().await))) }
                });
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

impl Limit {
    async fn answer(&self) -> Bytes {
        match self {
            Self::Constant(bytes) => bytes.clone(),
            Self::Select { pools, sql, id } => {
                let Ok(mut connection) = pools.reader().await else { return Bytes::new() };
                let row = connection.fetch_optional(sql, &[Arg::Text(id)]).await.ok().flatten();
                row.and_then(|row| row.text(0).map(|text| Bytes::copy_from_slice(text.as_bytes()))).unwrap_or_default()
            }
        }
    }
}
