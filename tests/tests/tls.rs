//! TLS of the server's own: who gets in, with which certificate, for how long, and how it ends.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "tls/authority.rs"]
mod authority;
#[path = "tls/frames.rs"]
mod frames;
#[path = "tls/line.rs"]
mod line;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authority::{Authority, Files, Issued};
use gateway_tests::{Command, Engine, Options, Server, patient, suite};
use hyper::Method;
use line::{Line, PATIENCE};
use rustls::ProtocolVersion;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PROTOCOLS: [&str; 2] = ["http/1.1", "h2"];

/// A server with a certificate of an authority.
struct Secured {
    server: Server,
    authority: Authority,
    files: Files,
    first: Issued,
    _folder: TempDir,
}

impl Secured {
    fn start(engine: Engine, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::in_folder(folder.path());
        let authority = Authority::new();
        let first = authority.issue(90);
        files.write(&first);
        let mut arguments = files.arguments();
        arguments.extend(more.iter().map(ToString::to_string));
        let server = Server::with(engine, Options { arguments, ..Options::default() });
        Self { server, authority, files, first, _folder: folder }
    }

    async fn open(&self, protocol: &str) -> Line {
        Line::open(self.server.address(), self.authority.roots(), protocol).await.unwrap()
    }

    /// The certificate that somebody new is shown.
    async fn shown(&self) -> Vec<u8> {
        self.open("http/1.1").await.certificate.to_vec()
    }

    /// Waits until somebody new is shown it.
    async fn until_shown(&self, issued: &Issued) {
        let since = Instant::now();
        while self.shown().await != issued.der.as_ref() {
            assert!(since.elapsed() < PATIENCE, "the new certificate does not come");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the log has so many of a text.
    async fn until_logged(&self, text: &str, count: usize) {
        let since = Instant::now();
        while self.logged(text) < count {
            assert!(since.elapsed() < PATIENCE, "the log does not say {text}");
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(self.logged(text), count, "{text}");
    }

    fn logged(&self, text: &str) -> usize {
        self.server.log().matches(text).count()
    }
}

/// Reads until the other side ends it; what came.
async fn to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ended = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the other side ends it");
    bytes
}

#[tokio::test]
async fn both_protocols_and_both_versions_are_spoken() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    let origin = format!("https://{}", secured.server.address());
    for (number, protocol) in PROTOCOLS.into_iter().enumerate() {
        for (versions, version) in [
            ([&rustls::version::TLS12], ProtocolVersion::TLSv1_2),
            ([&rustls::version::TLS13], ProtocolVersion::TLSv1_3),
        ] {
            let (address, roots) = (secured.server.address(), secured.authority.roots());
            let mut line = Line::of_versions(address, roots, protocol, &versions).await.unwrap();
            assert_eq!((line.version, &line.certificate), (version, &secured.first.der));
            let id = format!("p-{number}-{}", u16::from(version));
            let body = patient(&id, "Secure").to_string();
            let made = line.ask(Method::PUT, &format!("/fhir/Patient/{id}"), &body).await.unwrap();
            assert_eq!(made.status, 201);
            assert!(made.header("Location").unwrap().starts_with(&format!("{origin}/fhir/Patient/{id}/")));
            assert_eq!(line.get(&format!("/fhir/Patient/{id}")).await.unwrap().json().str("id"), Some(id.as_str()));
        }
    }
    // Whatever says where something is says it by https.
    let mut line = secured.open("h2").await;
    let page = line.get("/fhir/Patient?_count=1").await.unwrap().json();
    let links = page.items("link");
    assert!(links.len() > 1 && links.iter().all(|link| link.str("url").unwrap().starts_with(&origin)), "{page}");
    let metadata = line.get("/fhir/metadata").await.unwrap().json();
    assert_eq!(metadata.str("implementation.url"), Some(format!("{origin}/fhir").as_str()));
    let smart = line.get("/fhir/.well-known/smart-configuration").await.unwrap().json().to_string();
    assert!(smart.contains(&format!("{origin}/oauth/token")) && !smart.contains("http://127"), "{smart}");
    // And cookies are for https alone.
    let login = line.get("/oauth/login").await.unwrap();
    let cookie = login.header("Set-Cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(login.header("Content-Security-Policy").unwrap().contains("form-action"));
    // What a browser were told of this machine it would hold against all that is served there.
    assert_eq!(login.header("Strict-Transport-Security"), None);
}

#[tokio::test]
async fn what_is_no_tls_of_our_time_is_refused_without_harm() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    // A hello of TLS 1.1: a random of 32 bytes, no session, one suite (AES 128 CBC SHA), no compression.
    let hello = [&[1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
    let record = [&[22, 3, 1, 0, 45][..], &hello].concat();
    let noise: Vec<u8> = (0..20_000_u32).map(|byte| (byte * 7 % 251) as u8).collect();
    for sent in [
        &record[..],
        b"GET /fhir/Patient HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &noise,
    ] {
        let mut stream = TcpStream::connect(secured.server.address()).await.unwrap();
        let _closed_early = stream.write_all(sent).await;
        let answer = to_the_end(&mut stream).await;
        // An alert, or nothing: no HTTP.
        assert!(answer.len() < 16 && answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
    }
    // Who trusts another authority goes away.
    let stranger = Line::open(secured.server.address(), Authority::new().roots(), "h2").await;
    assert!(stranger.err().unwrap().to_string().contains("certificate"));
    assert_eq!(secured.open("h2").await.get("/healthz").await.unwrap().status, 200);
    assert_eq!(secured.logged("panicked"), 0);
}

#[tokio::test]
async fn replaced_files_count_for_new_connections_and_end_no_other() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    let mut old = [secured.open("h2").await, secured.open("http/1.1").await];
    // One after the other, without a signal.
    let second = secured.authority.issue(90);
    secured.files.write_certificate(&second);
    for line in &mut old {
        assert_eq!(line.get("/fhir/Patient?_count=0").await.unwrap().status, 200);
    }
    assert_eq!(secured.shown().await, secured.first.der.as_ref());
    secured.files.write_key(&second);
    let since = Instant::now();
    while secured.shown().await != second.der.as_ref() {
        assert!(since.elapsed() < PATIENCE);
        for line in &mut old {
            assert_eq!(line.get("/fhir/Patient?_count=0").await.unwrap().status, 200);
        }
        sleep(Duration::from_millis(100)).await;
    }
    // At once, where it is told.
    let third = secured.authority.issue(90);
    secured.files.write(&third);
    secured.server.hang_up();
    secured.until_shown(&third).await;
    for line in &mut old {
        assert_eq!(line.get("/healthz").await.unwrap().status, 200);
        assert_eq!(line.certificate, secured.first.der);
    }
    assert_eq!(secured.logged("get a new certificate"), 2);
}

#[tokio::test]
async fn what_cannot_be_used_leaves_the_certificate_before() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    let (files, other) = (&secured.files, secured.authority.issue(90));
    let complaint = "the one before stays in use";
    // The key of another one; told twice, complained of once.
    files.write_certificate(&other);
    secured.server.hang_up();
    secured.until_logged(complaint, 1).await;
    secured.server.hang_up();
    assert_eq!(secured.shown().await, secured.first.der.as_ref());
    // Half a file. Nobody tells: it gets a second look.
    authority::replace(&files.certificate, &other.certificate[..200]);
    secured.until_logged(complaint, 2).await;
    // No file.
    fs::remove_file(&files.certificate).unwrap();
    secured.server.hang_up();
    secured.until_logged(complaint, 3).await;
    assert_eq!(secured.shown().await, secured.first.der.as_ref());
    assert!(secured.server.log().contains("does not belong to"));
    // What was there before is what is in use.
    files.write(&secured.first);
    secured.server.hang_up();
    secured.until_logged("is the one in use", 1).await;
    files.write(&other);
    secured.until_shown(&other).await;
    let log = secured.server.log();
    for issued in [&secured.first, &other] {
        assert!(!log.contains(issued.key.lines().nth(1).unwrap()), "{log}");
    }
    assert_eq!(secured.logged(complaint), 3);
}

#[tokio::test]
async fn an_end_that_is_near_is_warned_of() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    assert_eq!(secured.logged("expire"), 0);
    secured.files.write(&secured.authority.issue(10));
    secured.server.hang_up();
    secured.until_logged("expires soon", 1).await;
    secured.files.write(&secured.authority.issue(-1));
    secured.server.hang_up();
    secured.until_logged("has expired", 1).await;
    // Others may read the key.
    assert_eq!(secured.logged("may read or write the key"), 0);
    let last = secured.authority.issue(90);
    secured.files.write(&last);
    fs::set_permissions(&secured.files.key, fs::Permissions::from_mode(0o644)).unwrap();
    secured.server.hang_up();
    secured.until_logged("may read or write the key", 1).await;
    secured.until_shown(&last).await;
    assert_eq!((secured.logged("expires soon"), secured.logged("has expired")), (1, 1));
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::in_folder(folder.path());
    let authority = Authority::new();
    let (one, other) = (authority.issue(90), authority.issue(90));
    let data = folder.path().join("data").display().to_string();
    let refused = async |wanted: &str| {
        let mut arguments = vec!["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", &data];
        let tls = files.arguments();
        arguments.extend(tls.iter().map(String::as_str));
        let told = Command::run(&arguments).await.expect(2).stderr;
        assert!(told.contains(wanted), "{told}");
    };
    refused("fullchain.pem cannot be read").await;
    files.write_certificate(&one);
    refused("privkey.pem cannot be read").await;
    files.write_key(&other);
    refused("does not belong to the first certificate").await;
    authority::replace(&files.certificate, &one.key);
    refused("there is no certificate in").await;
    files.write_certificate(&one);
    authority::replace(&files.key, &one.certificate);
    refused("there is no private key in").await;
    // Nothing of the database was made for that.
    assert!(!folder.path().join("data").exists());
}

#[tokio::test]
async fn who_never_says_anything_holds_up_neither_others_nor_the_end() {
    let mut secured = Secured::start(Engine::Sqlite, &[]);
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(secured.server.address()).await.unwrap();
        if number % 2 == 0 {
            // The beginning of a hello.
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    for protocol in PROTOCOLS {
        assert_eq!(secured.open(protocol).await.get("/healthz").await.unwrap().status, 200);
    }
    // The drain may take 30 s, and a handshake, too; this is well before.
    let since = Instant::now();
    assert_eq!(secured.server.terminate().await.code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_handshake_that_does_not_go_on_is_ended() {
    let secured = Secured::start(Engine::Sqlite, &[]);
    let mut nothing = TcpStream::connect(secured.server.address()).await.unwrap();
    let mut begun = TcpStream::connect(secured.server.address()).await.unwrap();
    begun.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    let (nothing, begun) = tokio::join!(to_the_end(&mut nothing), to_the_end(&mut begun));
    assert!(nothing.is_empty() && begun.is_empty());
}

#[tokio::test]
async fn half_a_request_does_not_hold_up_the_end() {
    let mut server = Server::start(Engine::Sqlite);
    let mut half = TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: local").await.unwrap();
    let mut whole = TcpStream::connect(server.address()).await.unwrap();
    whole.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    whole.readable().await.unwrap();
    let since = Instant::now();
    assert_eq!(server.terminate().await.code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    assert!(to_the_end(&mut whole).await.starts_with(b"HTTP/1.1 200"));
    assert!(to_the_end(&mut half).await.is_empty());
}

#[tokio::test]
async fn a_connection_without_use_ends_and_one_in_use_does_not() {
    let secured = Secured::start(Engine::Sqlite, &["--idle-limit", "2"]);
    let (mut used, idle, old) = (secured.open("h2").await, secured.open("h2").await, secured.open("http/1.1").await);
    let asking = async {
        // Longer than the limit, and never as long without a request.
        for _ in 0..40 {
            assert_eq!(used.get("/healthz").await.unwrap().status, 200);
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::join!(asking, idle.ended(), old.ended());
    used.ended().await;
}

#[tokio::test]
async fn who_takes_nothing_is_cut_off_and_who_takes_it_slowly_is_not() {
    const LENGTH: usize = 24 * 1024 * 1024;
    let server = Server::with(
        Engine::Sqlite,
        Options { arguments: vec!["--idle-limit".to_owned(), "1".to_owned()], ..Options::default() },
    );
    let made = server.client().request(Method::POST, "/Binary").header("Content-Type", "application/pdf");
    let made = made.body(vec![b'x'; LENGTH]).await.expect(201);
    let id = made.header("Location").unwrap().split('/').rev().nth(2).unwrap().to_owned();
    let ask = async || {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let ask = format!(
            "GET /fhir/Binary/{id} HTTP/1.1\r\nHost: localhost\r\nAccept: application/pdf\r\nAuthorization: Bearer {}\r\n\r\n",
            gateway_tests::TOKEN
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        stream
    };
    let mut slow = ask().await;
    let mut never = ask().await;
    // 12 s for one in which the other does nothing.
    let (mut taken, mut part) = (0, vec![0; 1024 * 1024]);
    loop {
        let some = timeout(PATIENCE, slow.read(&mut part)).await.unwrap().unwrap();
        taken += some;
        if some == 0 || taken > LENGTH {
            break;
        }
        sleep(Duration::from_millis(500).mul_f64(f64::from(u32::try_from(some).unwrap()) / (1024.0 * 1024.0))).await;
    }
    assert!(taken > LENGTH, "{taken}");
    let taken = to_the_end(&mut never).await.len();
    assert!(taken < LENGTH, "{taken}");
}

#[tokio::test]
async fn http2_is_bounded() {
    use frames::{ENDS, GO_AWAY, HEADERS, RST_STREAM, SETTINGS, begun, frame, get_health, settings, until};
    let server = Server::start(Engine::Sqlite);
    let mut stream = begun(server.address(), &frame(HEADERS, ENDS, 1, &get_health())).await;
    let told = settings(&until(&mut stream, SETTINGS).await.unwrap());
    // Streams at a time, and the length of headers.
    assert!(told.contains(&(3, 100)) && told.contains(&(6, 65_536)), "{told:?}");
    until(&mut stream, HEADERS).await.expect("an answer");
    // Streams that are taken back as they begin: the connection ends, and says why (11: calm down).
    let taken_back = |number: u32| {
        let id = 2 * number + 1;
        [frame(HEADERS, ENDS, id, &get_health()), frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())].concat()
    };
    let flood: Vec<u8> = (0..2_000).flat_map(taken_back).collect();
    let mut stream = begun(server.address(), &flood).await;
    let end = until(&mut stream, GO_AWAY).await.expect("a reason");
    assert_eq!(&end.payload[4..8], &11_u32.to_be_bytes());
    server.client().get("/metadata").await.expect(200);
}

#[tokio::test]
async fn in_production_other_machines_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    let (files, authority) = (Files::in_folder(folder.path()), Authority::new());
    files.write(&authority.issue(90));
    let mut arguments = files.arguments();
    let more = ["--listen", "0.0.0.0:0", "--public-url", "https://gateway.example:8443"];
    arguments.extend(more.iter().map(ToString::to_string));
    let server = Server::with(Engine::Sqlite, Options { arguments, production: true, ..Options::default() });
    assert!(server.address().starts_with("0.0.0.0:"));
    let mut line = Line::open(server.address(), authority.roots(), "h2").await.unwrap();
    let metadata = line.get("/fhir/metadata").await.unwrap();
    assert_eq!(metadata.json().str("implementation.url"), Some("https://gateway.example:8443/fhir"));
    assert_eq!(metadata.header("Strict-Transport-Security"), Some("max-age=31536000"));
    // The token of development is none here.
    assert_eq!(line.get("/fhir/Patient").await.unwrap().status, 401);
}

#[tokio::test]
async fn a_host_that_is_reached_by_tls_says_so_behind_a_proxy_too() {
    let arguments = vec!["--public-url".to_owned(), "https://gateway.example".to_owned()];
    let told = Options { arguments, production: true, ..Options::default() };
    let mut server = Server::with(Engine::Sqlite, told.clone());
    for answer in
        [server.stranger().get("/metadata").await.expect(200), server.stranger().get("/Patient").await.expect(401)]
    {
        assert_eq!(answer.header("Strict-Transport-Security"), Some("max-age=31536000"));
    }
    // As the operator says: a clinic that is reached by an address, or has its own authority, may not want it.
    for (said, header) in [("off", None), ("600", Some("max-age=600"))] {
        server.terminate().await;
        let arguments = [&told.arguments[..], &["--hsts".to_owned(), said.to_owned()]].concat();
        server.restart_with(Options { arguments, ..told.clone() });
        assert_eq!(server.stranger().get("/metadata").await.expect(200).header("Strict-Transport-Security"), header);
    }
}

/// Writes and reads until its connection ends; ids of what was written (201), and of what nobody answered.
async fn busy(mut line: Line, client: usize, written: Arc<AtomicUsize>) -> (Vec<String>, Vec<String>) {
    let (mut stored, mut unanswered) = (Vec::new(), Vec::new());
    for number in 0_usize.. {
        let id = format!("c{client}-{number}");
        let address = format!("/fhir/Patient/{id}");
        let Some(answer) = line.ask(Method::PUT, &address, &patient(&id, "Busy").to_string()).await else {
            unanswered.push(id);
            break;
        };
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        written.fetch_add(1, Ordering::Relaxed);
        stored.push(id);
        match line.get(&address).await {
            Some(answer) => assert_eq!(answer.status, 200),
            None => break,
        }
    }
    (stored, unanswered)
}

suite! {
    async fn nothing_is_lost_when_it_is_told_to_end_under_load(engine: Engine) {
        let mut secured = Secured::start(engine, &[]);
        let written = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for client in 0..64 {
            let line = secured.open(PROTOCOLS[client % 2]).await;
            clients.push(tokio::spawn(busy(line, client, Arc::clone(&written))));
        }
        let since = Instant::now();
        while written.load(Ordering::Relaxed) < 300 {
            assert!(since.elapsed() < PATIENCE, "{written:?} were written");
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(secured.server.terminate().await.code(), Some(0));
        let (mut stored, mut unanswered) = (BTreeSet::new(), Vec::new());
        for client in clients {
            let (its, lost) = client.await.unwrap();
            stored.extend(its);
            unanswered.extend(lost);
        }
        assert_eq!(secured.logged("took too long"), 0);
        secured.server.restart();
        let mut line = secured.open("h2").await;
        for id in &stored {
            assert_eq!(line.get(&format!("/fhir/Patient/{id}")).await.unwrap().status, 200, "{id}");
        }
        // What nobody was answered was not begun.
        for id in &unanswered {
            assert_eq!(line.get(&format!("/fhir/Patient/{id}")).await.unwrap().status, 404, "{id}");
        }
        let count = line.get("/fhir/Patient?_summary=count").await.unwrap().json();
        assert_eq!(count.str("total"), Some(stored.len().to_string().as_str()));
    }
}
