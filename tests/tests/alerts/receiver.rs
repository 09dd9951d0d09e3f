//! A receiver of webhooks, as an operator's would be: it checks signatures, and answers as it is told.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gateway_tests::{Json, Options};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The secret that both know, and what it stands for.
const SECRET: &[u8] = b"a secret for tests only: 32 byte";
/// A part of the address that nobody may tell.
pub(crate) const HIDDEN: &str = "zqhiddenpath";

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// `webhook-id`.
    pub(crate) id: String,
    /// The path it came to.
    pub(crate) path: String,
    /// The body's text.
    pub(crate) text: String,
    /// What was answered; `None` where nobody was.
    pub(crate) status: Option<u16>,
}

impl Delivery {
    /// The body.
    pub(crate) fn json(&self) -> Json {
        Json::of(&self.text)
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> String {
        self.json().str("kind").unwrap().to_owned()
    }
}

type Script = Arc<dyn Fn(usize, &str) -> Option<u16> + Send + Sync>;

/// A receiver at an address of its own.
pub(crate) struct Receiver {
    /// `http://127.0.0.1:PORT/zqhiddenpath?key=zqhiddenpath`.
    pub(crate) url: String,
    desk: Arc<Desk>,
}

/// What came, and what is answered.
struct Desk {
    deliveries: Mutex<Vec<Delivery>>,
    script: Mutex<Script>,
    pause: Mutex<Duration>,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same behind TLS, with a certificate of `ca.pem`.
    pub(crate) async fn with_tls() -> Self {
        let chain = CertificateDer::pem_slice_iter(include_bytes!("tls/server.pem"));
        let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        Self::listen(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}/{HIDDEN}?key={HIDDEN}", listener.local_addr().unwrap());
        let script: Script = Arc::new(|_, _| Some(204));
        let (deliveries, pause) = Default::default();
        let desk = Arc::new(Desk { deliveries, script: Mutex::new(script), pause });
        let receiver = Self { url, desk: Arc::clone(&desk) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (desk, tls) = (Arc::clone(&desk), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            // Who does not trust it goes away.
                            let Ok(stream) = tls.accept(stream).await else { return };
                            serve(stream, desk).await;
                        }
                        None => serve(stream, desk).await,
                    }
                });
            }
        });
        receiver
    }

    /// From now on it answers so: how many came before, and the body; `None` is no answer at all.
    pub(crate) fn answer(&self, script: impl Fn(usize, &str) -> Option<u16> + Send + Sync + 'static) {
        *self.desk.script.lock().unwrap() = Arc::new(script);
    }

    /// From now on it takes so long.
    pub(crate) fn take_its_time(&self, pause: Duration) {
        *self.desk.pause.lock().unwrap() = pause;
    }

    /// All that came so far.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.desk.deliveries.lock().unwrap().clone()
    }

    /// All that came once there is what is asked for.
    pub(crate) async fn until(&self, is_there: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let since = std::time::Instant::now();
        loop {
            let deliveries = self.deliveries();
            if is_there(&deliveries) {
                return deliveries;
            }
            assert!(since.elapsed() < Duration::from_secs(90), "{deliveries:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The same, of kinds: in that order, among others.
    pub(crate) async fn taken(&self, kinds: &[&str]) -> Vec<Delivery> {
        let all = self
            .until(|deliveries| kinds.iter().all(|kind| deliveries.iter().any(|it| taken(it) && it.kind() == *kind)));
        all.await.into_iter().filter(taken).collect()
    }

    /// Arguments of a server, or of `alerts send`, that tells this receiver. The secret lies in the folder.
    pub(crate) fn arguments(&self, folder: &Path) -> Vec<String> {
        let of = |text: &str| text.to_owned();
        vec![of("--alert-webhook"), self.url.clone(), of("--alert-secret-file"), secret_file(folder)]
    }

    /// Options of such a server.
    pub(crate) fn options(&self, folder: &Path, more: &[&str]) -> Options {
        let mut arguments = self.arguments(folder);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        Options { arguments, ..Options::default() }
    }
}

/// Whether the receiver has taken it.
pub(crate) fn taken(delivery: &Delivery) -> bool {
    delivery.status.is_some_and(|status| status < 300)
}

/// The file of the secret, with the rights it must have.
pub(crate) fn secret_file(folder: &Path) -> String {
    let path = folder.join("webhook.secret");
    std::fs::write(&path, format!("whsec_{}\n", STANDARD.encode(SECRET))).unwrap();
    set_mode(&path, 0o600);
    path.display().to_string()
}

/// The rights of a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, desk: Arc<Desk>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(receive(request, &desk).await) }
    });
    // A server that is killed goes away in the middle.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn receive(request: Request<Incoming>, desk: &Desk) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(request.method(), Method::POST);
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    let id = header("webhook-id").unwrap();
    let timestamp = header("webhook-timestamp").unwrap();
    let signature = header("webhook-signature").unwrap();
    let path = request.uri().path_and_query().unwrap().to_string();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let age = jiff::Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
    assert!(age.abs() <= 5, "the timestamp is that of the attempt: {age} s");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(format!("{id}.{timestamp}.{text}").as_bytes());
    assert_eq!(signature, format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    assert_eq!(Json::of(&text).str("id"), Some(&*id));
    let status = {
        let script = Arc::clone(&desk.script.lock().unwrap());
        let mut deliveries = desk.deliveries.lock().unwrap();
        let status = script(deliveries.len(), &text);
        deliveries.push(Delivery { id, path: path.clone(), text, status });
        status
    };
    let pause = *desk.pause.lock().unwrap();
    tokio::time::sleep(pause).await;
    let Some(status) = status else {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        unreachable!("nobody waits for so long");
    };
    Response::builder()
        .status(status)
        .header("location", "/elsewhere")
        .body(Full::from(Bytes::from(vec![b'x'; if status == 204 { 0 } else { 300_000 }])))
        .unwrap()
}
