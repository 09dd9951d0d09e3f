//! One connection by TLS, which stays the same one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{Json, TOKEN};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Method, Request, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// So long a test waits for what has to happen: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Line {
    sender: Sender,
    origin: String,
    /// What the server showed.
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) version: ProtocolVersion,
    /// Ends when the connection does.
    pub(crate) end: JoinHandle<()>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

/// A status, headers and a body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        Json::parse(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Line {
    /// Of a protocol (`h2`, `http/1.1`), with a handshake of its own: nothing is resumed.
    pub(crate) async fn open(address: &str, roots: RootCertStore, protocol: &str) -> io::Result<Self> {
        Self::of_versions(address, roots, protocol, rustls::ALL_VERSIONS).await
    }

    pub(crate) async fn of_versions(
        address: &str,
        roots: RootCertStore,
        protocol: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Self::by(config, address, "127.0.0.1", protocol).await
    }

    /// To a server of this name, by what a client goes by.
    pub(crate) async fn by(
        mut config: ClientConfig,
        address: &str,
        name: &'static str,
        protocol: &str,
    ) -> io::Result<Self> {
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name).unwrap();
        let stream = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()?;
        let tls = stream.get_ref().1;
        assert_eq!(tls.alpn_protocol(), Some(protocol.as_bytes()));
        let (certificate, version) = (tls.peer_certificates().unwrap()[0].clone(), tls.protocol_version().unwrap());
        let io = TokioIo::new(stream);
        let (sender, end) = if protocol == "h2" {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(io::Error::other)?;
            (Sender::Two(sender), tokio::spawn(async { drop(connection.await) }))
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
            (Sender::One(sender), tokio::spawn(async { drop(connection.await) }))
        };
        Ok(Self { sender, origin: format!("https://{address}"), certificate, version, end })
    }

    /// Asks with the token of the tests; nothing where the connection ended before a whole answer came.
    pub(crate) async fn ask(&mut self, method: Method, path: &str, body: &str) -> Option<Answer> {
        let address = format!("{}{path}", self.origin);
        let (host, _) = address.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let host = host.to_owned();
        let request = Request::builder().method(method).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        let request = request.header(header::CONTENT_TYPE, "application/fhir+json");
        let body = Full::new(Bytes::from(body.to_owned()));
        let exchange = async {
            let answer = match &mut self.sender {
                Sender::One(sender) => {
                    sender.ready().await.ok()?;
                    let request = request.uri(path).header(header::HOST, host);
                    sender.send_request(request.body(body).unwrap()).await.ok()?
                }
                Sender::Two(sender) => {
                    sender.ready().await.ok()?;
                    sender.send_request(request.uri(&address).body(body).unwrap()).await.ok()?
                }
            };
            let (head, body) = answer.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        timeout(PATIENCE, exchange).await.expect("an answer, or an end")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Option<Answer> {
        self.ask(Method::GET, path, "").await
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) {
        let Self { sender, end, .. } = self;
        timeout(PATIENCE, end).await.expect("the connection ends").unwrap();
        drop(sender);
    }
}
