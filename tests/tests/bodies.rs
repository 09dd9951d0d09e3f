//! Bodies of requests that never end, over HTTP/2, answers that have none, and what does not end a server.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use gateway_tests::{Engine, Server, TOKEN, patient, suite};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

type Body = BoxBody<Bytes, std::convert::Infallible>;

async fn connected(server: &Server) -> SendRequest<Body> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(server: &Server, method: Method, path: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("http://{}{path}", server.address()));
    let request = request.header("Authorization", format!("Bearer {TOKEN}"));
    request.header("Content-Type", "application/fhir+json").body(body).unwrap()
}

/// One byte, and then nothing.
fn half() -> Body {
    let first = stream::once(async { Ok(Frame::data(Bytes::from_static(b"{"))) });
    BodyExt::boxed(StreamBody::new(first.chain(stream::pending())))
}

suite! {
    /// More of them than there are writes at a time: who sends slowly keeps nobody from writing.
    async fn bodies_that_never_end_hold_nobody_up(engine: Engine) {
        let server = Server::start(engine);
        let mut waiting = Vec::new();
        for _ in 0..12 {
            let mut sender = connected(&server).await;
            for _ in 0..95 {
                sender.ready().await.unwrap();
                waiting.push(tokio::spawn(sender.send_request(request(&server, Method::POST, "/fhir/Patient", half()))));
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(waiting.iter().all(|one| !one.is_finished()), "they are read");
        let saved = timeout(Duration::from_secs(20), async { server.client().save(&patient("p1", "x")).await });
        assert_eq!(saved.await.expect("others write").status, 201);
    }

    /// A connection over HTTP/2 goes on after a HEAD of whatever is there.
    async fn an_answer_to_head_has_no_body(engine: Engine) {
        let server = Server::start(engine);
        let mut sender = connected(&server).await;
        for path in ["/livez", "/readyz", "/oauth/jwks", "/oauth/login", "/fhir/metadata", "/fhir/Patient/none", "/nothing"]
        {
            let [head, get] =
                [Method::HEAD, Method::GET].map(|method| request(&server, method, path, BodyExt::boxed(Empty::new())));
            let head = sender.send_request(head).await.unwrap_or_else(|error| panic!("{path}: {error}"));
            let get = sender.send_request(get).await.unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(head.status(), get.status(), "{path}");
            let said = head.headers().get("Content-Length").cloned();
            assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty(), "{path}");
            let length = get.into_body().collect().await.unwrap().to_bytes().len();
            // The form of a login page is of its own each time, and as long.
            assert_eq!(said.and_then(|said| said.to_str().ok()?.parse().ok()), Some(length), "{path}");
        }
    }

    /// Who says "reload" means no end, also where there is nothing to load.
    async fn a_hangup_ends_nothing(engine: Engine) {
        let mut server = Server::start(engine);
        server.hang_up();
        assert_eq!(server.client().save(&patient("p1", "x")).await.status, 201);
        server.hang_up();
        assert!(server.terminate().await.success(), "it ended in order, and by that alone");
    }
}
