//! Certificates that an authority is asked for: got on the server's own port, kept, renewed, and what happens without one.
//!
//! `FHIR_GATEWAY_TEST_ACME` names the folder with the authority (`tests/acme/fetch FOLDER`).
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "tls/line.rs"]
#[expect(dead_code, reason = "the tests of TLS use the rest")]
mod line;
#[path = "acme/pebble.rs"]
mod pebble;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_tests::{Engine, Options, Scrape, Server};
use line::{Answer, Line, PATIENCE};
use pebble::{Pebble, free_port};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::time::sleep;

/// The host of the server.
const NAME: &str = "gateway.example";
const READY: &str = "/readyz";

/// What a client goes by that trusts some authorities.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
}

/// Takes any certificate, as a probe does.
#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &default_provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &default_provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// What a probe goes by.
fn careless() -> ClientConfig {
    let mut config = trusting(RootCertStore::empty());
    config.dangerous().set_certificate_verifier(Arc::new(Careless));
    config
}

/// A server at a port, of these names.
fn options(port: u16, domains: &[&str], more: &[String]) -> Options {
    let mut arguments = vec!["--listen".to_owned(), format!("127.0.0.1:{port}")];
    arguments.extend(["--public-url".to_owned(), format!("https://{}", domains[0])]);
    arguments.extend(["--metrics-listen".to_owned(), "127.0.0.1:0".to_owned()]);
    arguments.extend(domains.iter().flat_map(|name| ["--acme-domain".to_owned(), (*name).to_owned()]));
    arguments.extend_from_slice(more);
    Options { arguments, production: true, ..Options::default() }
}

fn start(port: u16, domains: &[&str], more: &[String]) -> Server {
    Server::with(Engine::Sqlite, options(port, domains, more))
}

/// A connection of somebody who trusts the authority, once there is a certificate of it.
async fn trusted(server: &Server, roots: &RootCertStore, protocol: &str) -> Line {
    let since = Instant::now();
    loop {
        match Line::by(trusting(roots.clone()), server.address(), NAME, protocol).await {
            Ok(line) => return line,
            Err(error) => assert!(since.elapsed() < PATIENCE, "{error}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// What a probe is answered.
async fn probed(server: &Server, path: &str, protocol: &str) -> Answer {
    let mut line = Line::by(careless(), server.address(), NAME, protocol).await.unwrap();
    line.get(path).await.unwrap()
}

/// Waits until the log has so many of a text.
async fn until_logged(server: &Server, text: &str, count: usize) {
    let since = Instant::now();
    while server.log().matches(text).count() < count {
        assert!(since.elapsed() < PATIENCE, "the log does not say {text}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn scrape(server: &Server) -> Scrape {
    let answer = server.stranger().get(server.metrics()).await.expect(200);
    Scrape::prometheus(&answer.text())
}

fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    scrape.samples.get(&(name.to_owned(), labels)).copied()
}

/// What is kept of certificates, below the data folder: every path.
fn kept(server: &Server) -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, found);
            }
            found.push(path);
        }
    }
    let folder = server.data_dir().join("acme");
    let mut found = vec![folder.clone()];
    below(&folder, &mut found);
    found
}

#[tokio::test]
async fn a_certificate_is_got_on_the_servers_own_port_and_kept_over_a_restart() {
    let port = free_port();
    let Some(mut pebble) = Pebble::start(port, 90 * 86_400).await else { return };
    let roots = pebble.roots().await;
    let mut server = start(port, &[NAME, "other.example"], &pebble.arguments());
    let mut line = trusted(&server, &roots, "h2").await;
    let first = line.certificate.clone();
    assert_eq!(line.get("/fhir/metadata").await.unwrap().status, 200);
    assert_eq!(line.get("/fhir/Patient").await.unwrap().status, 401);
    let ready = line.get(READY).await.unwrap();
    assert_eq!(ready.status, 200);
    assert!(String::from_utf8_lossy(&ready.body).contains("[+]certificate ok\n"));
    // Both names, both protocols.
    let other = Line::by(trusting(roots.clone()), server.address(), "other.example", "http/1.1").await.unwrap();
    assert_eq!((other.certificate, pebble.orders()), (first.clone(), 1));
    let told = scrape(&server).await;
    assert_eq!(value(&told, "fhir_gateway_acme_orders_total", &[("result", "issued")]), Some(1.0));
    assert_eq!(value(&told, "fhir_gateway_acme_orders_total", &[("result", "failed")]), Some(0.0));
    assert!(value(&told, "fhir_gateway_tls_certificate_end_timestamp_seconds", &[]).is_some_and(|end| end > 1.7e9));
    // For the server's user alone, and nothing of it in the log.
    let mut keys = 0;
    for path in kept(&server) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        let text = fs::read_to_string(&path).unwrap_or_default();
        let secret = match path.file_name().unwrap().to_str().unwrap() {
            "account.json" => text.split(r#""key_pkcs8":""#).nth(1).unwrap()[..40].to_owned(),
            "certificate.pem" => text.lines().nth(1).unwrap().to_owned(),
            _ => continue,
        };
        assert!(!server.log().contains(&secret));
        keys += 1;
    }
    assert_eq!(keys, 2);
    // Nobody is asked at the next start: not even whether it is there.
    let asked = pebble.requests();
    server.terminate().await;
    server.restart();
    let line = trusted(&server, &roots, "http/1.1").await;
    assert_eq!((&line.certificate, pebble.orders(), pebble.requests()), (&first, 1, asked));
    server.terminate().await;
    pebble.end();
    server.restart();
    assert_eq!(trusted(&server, &roots, "h2").await.certificate, first);
}

#[tokio::test]
async fn one_that_ends_is_renewed_and_no_connection_with_it() {
    let port = free_port();
    let Some(pebble) = Pebble::start(port, 24).await else { return };
    let roots = pebble.roots().await;
    let server = start(port, &[NAME], &pebble.arguments());
    let mut old = [trusted(&server, &roots, "h2").await, trusted(&server, &roots, "http/1.1").await];
    let (first, since) = (old[0].certificate.clone(), Instant::now());
    let renewed = loop {
        // Somebody new is never refused, and who is there goes on.
        let line = Line::by(trusting(roots.clone()), server.address(), NAME, "h2").await.unwrap();
        for line in &mut old {
            assert_eq!(line.get("/fhir/metadata").await.unwrap().status, 200);
        }
        if line.certificate != first {
            break since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(23), "it is not renewed");
        sleep(Duration::from_millis(100)).await;
    };
    // With a third of its life left, not sooner.
    assert!(renewed > Duration::from_secs(10), "{renewed:?}");
    assert_eq!(pebble.orders(), 2);
    for line in &mut old {
        assert_eq!(line.get("/fhir/metadata").await.unwrap().status, 200);
    }
    until_logged(&server, "get a new certificate", 2).await;
}

#[tokio::test]
async fn one_that_ended_while_the_server_was_down_is_replaced() {
    let port = free_port();
    let Some(pebble) = Pebble::start(port, 8).await else { return };
    let roots = pebble.roots().await;
    let mut server = start(port, &[NAME], &pebble.arguments());
    let first = trusted(&server, &roots, "h2").await.certificate;
    server.terminate().await;
    sleep(Duration::from_secs(9)).await;
    server.restart();
    let line = trusted(&server, &roots, "h2").await;
    assert_ne!(line.certificate, first);
}

#[tokio::test]
async fn an_authority_that_refuses_leaves_the_server_up_and_is_left_alone() {
    let port = free_port();
    let Some(pebble) = Pebble::start(port, 3600).await else { return };
    let mut server = start(port, &["blocked.example"], &pebble.arguments());
    until_logged(&server, "no certificate could be had", 1).await;
    let log = server.log();
    assert!(log.contains("the authority refuses") && log.contains("blocked.example"), "{log}");
    // It lives, says what it lacks, and answers nobody else.
    for protocol in ["h2", "http/1.1"] {
        assert_eq!(probed(&server, "/livez", protocol).await.status, 200);
        let ready = probed(&server, READY, protocol).await;
        assert_eq!(ready.status, 503);
        assert!(String::from_utf8_lossy(&ready.body).contains("[-]certificate failed: there is none yet\n"));
        for path in ["/fhir/metadata", "/fhir/Patient", "/oauth/login", "/.well-known/smart-configuration"] {
            let refused = probed(&server, path, protocol).await;
            assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("60")), "{path}");
        }
    }
    // Who looks at certificates does not come so far.
    let stranger = Line::by(trusting(pebble.roots().await), server.address(), NAME, "h2").await;
    assert!(stranger.err().unwrap().to_string().contains("certificate"));
    let told = scrape(&server).await;
    assert_eq!(value(&told, "fhir_gateway_ready_check", &[("check", "certificate")]), Some(0.0));
    assert_eq!(value(&told, "fhir_gateway_acme_orders_total", &[("result", "failed")]), Some(1.0));
    assert_eq!(value(&told, "fhir_gateway_tls_certificate_end_timestamp_seconds", &[]), None);
    // It is not asked again for a while, also after a start.
    let asked = pebble.requests();
    sleep(Duration::from_secs(3)).await;
    server.terminate().await;
    server.restart();
    until_logged(&server, "it is not tried again at once", 1).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(pebble.requests(), asked);
    // But for somebody who says so.
    server.hang_up();
    until_logged(&server, "no certificate could be had: what is in use stays", 2).await;
    assert!(pebble.requests() > asked);
    // Or asks for something else.
    let roots = pebble.roots().await;
    server.terminate().await;
    server.restart_with(options(port, &[NAME], &pebble.arguments()));
    assert_eq!(trusted(&server, &roots, "h2").await.get(READY).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_named() {
    let Some(pebble) = Pebble::start(free_port(), 3600).await else { return };
    let server = start(free_port(), &[NAME], &pebble.arguments());
    until_logged(&server, "no certificate could be had", 1).await;
    let log = server.log();
    assert!(log.contains("the authority could not see that gateway.example is this server"), "{log}");
    // Nobody is answered who asks as an authority does what none asked for.
    assert!(Line::by(careless(), server.address(), NAME, "acme-tls/1").await.is_err());
    assert_eq!(probed(&server, "/livez", "h2").await.status, 200);
}

#[tokio::test]
async fn a_directory_that_is_not_there_or_not_trusted_is_told_of() {
    let port = free_port();
    let Some(mut pebble) = Pebble::start(port, 3600).await else { return };
    let mut arguments = pebble.arguments();
    arguments.truncate(4);
    let mut server = start(port, &[NAME], &arguments);
    until_logged(&server, "--acme-ca-file", 1).await;
    server.terminate().await;
    let told = pebble.arguments();
    pebble.end();
    server.restart_with(options(port, &[NAME], &told));
    server.hang_up();
    until_logged(&server, "nobody listens there", 1).await;
    assert_eq!(server.log().matches("panicked").count(), 0);
}

#[tokio::test]
async fn an_account_that_the_directory_has_lost_is_made_anew() {
    let port = free_port();
    let Some(pebble) = Pebble::start(port, 3600).await else { return };
    let roots = pebble.roots().await;
    let mut server = start(port, &[NAME], &pebble.arguments());
    let first = trusted(&server, &roots, "h2").await.certificate;
    server.terminate().await;
    let path = kept(&server).into_iter().find(|path| path.ends_with("account.json")).unwrap();
    let account = fs::read_to_string(&path).unwrap();
    let (id, _) = account.split_once("/my-account/").unwrap().1.split_once('"').unwrap();
    fs::write(&path, account.replace(&format!("/my-account/{id}"), "/my-account/unknown")).unwrap();
    fs::remove_file(path.with_file_name("certificate.pem")).unwrap();
    server.restart();
    until_logged(&server, "it is not tried again at once", 1).await;
    server.hang_up();
    assert_ne!(trusted(&server, &roots, "h2").await.certificate, first);
    until_logged(&server, "does not know the account any more", 1).await;
    assert!(!fs::read_to_string(&path).unwrap().contains("unknown"));
}
