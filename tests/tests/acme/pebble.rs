//! An authority of a test's own: Let's Encrypt's Pebble (<https://github.com/letsencrypt/pebble>), with a DNS in which every name is this
//! machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::{Json, skipped};
use hyper::Method;
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::line::{Line, PATIENCE};
use crate::trusting;

pub(crate) struct Pebble {
    children: Vec<Child>,
    address: String,
    management: String,
    own: CertificateDer<'static>,
    folder: TempDir,
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Pebble {
    /// One whose certificates count for so many seconds, and which looks for servers at a port; nothing where there is no Pebble.
    pub(crate) async fn start(looks_at: u16, life_s: u32) -> Option<Self> {
        let Some(programs) = std::env::var_os("FHIR_GATEWAY_TEST_ACME").map(PathBuf::from) else {
            skipped("FHIR_GATEWAY_TEST_ACME is not set");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        fs::write(path("own.pem"), own.pem()).unwrap();
        fs::write(path("own.key"), key.serialize_pem()).unwrap();
        let [listen, management, dns] = [(); 3].map(|()| format!("127.0.0.1:{}", free_port()));
        let text = |path: PathBuf| Json::text(path.display().to_string());
        let settings = format!(
            r#"{{"pebble": {{"listenAddress": "{listen}", "managementListenAddress": "{management}", "certificate": {}, "privateKey": {},
                "httpPort": 1, "tlsPort": {looks_at}, "domainBlocklist": ["blocked.example"], "keyAlgorithm": "ecdsa",
                "retryAfter": {{"authz": 1, "order": 1}}, "profiles": {{"default": {{"description": "-", "validityPeriod": {life_s}}}}}}}}}"#,
            text(path("own.pem")),
            text(path("own.key")),
        );
        fs::write(path("pebble.json"), settings).unwrap();
        let mut pebble = Self { children: Vec::new(), address: listen, management, own: own.der().clone(), folder };
        let names = ["-dnsserver", &dns, "-management", &format!("127.0.0.1:{}", free_port()), "-defaultIPv6", ""];
        let nothing_else = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""];
        pebble.run(&programs, "pebble-challtestsrv", &[names.as_slice(), &nothing_else].concat());
        let config = pebble.folder.path().join("pebble.json").display().to_string();
        pebble.run(&programs, "pebble", &["-config", &config, "-dnsserver", &dns]);
        for address in [&pebble.address, &pebble.management] {
            let since = Instant::now();
            while TcpStream::connect(address).await.is_err() {
                assert!(since.elapsed() < PATIENCE, "Pebble does not listen: {}", pebble.log());
                sleep(Duration::from_millis(50)).await;
            }
        }
        Some(pebble)
    }

    fn run(&mut self, programs: &Path, name: &str, arguments: &[&str]) {
        let log = File::create(self.folder.path().join(name)).unwrap();
        let child = Command::new(programs.join(name))
            .args(arguments)
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "0")
            .env("PEBBLE_AUTHZREUSE", "0")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.children.push(child.unwrap_or_else(|error| panic!("{name}: {error}")));
    }

    /// The options of a server that asks it.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let ca = self.folder.path().join("own.pem").display().to_string();
        let directory = format!("https://{}/dir", self.address);
        ["--acme-contact", "mailto:it@clinic.example", "--acme-directory", &directory, "--acme-ca-file", &ca]
            .map(ToOwned::to_owned)
            .to_vec()
    }

    /// Who trusts the certificates that it gives.
    pub(crate) async fn roots(&self) -> RootCertStore {
        let mut own = RootCertStore::empty();
        own.add(self.own.clone()).unwrap();
        let mut line = Line::by(trusting(own), &self.management, "127.0.0.1", "http/1.1").await.unwrap();
        let answer = line.ask(Method::GET, "/roots/0", "").await.unwrap();
        assert_eq!(answer.status, 200);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&answer.body).unwrap()).unwrap();
        roots
    }

    /// How many orders it was given.
    pub(crate) fn orders(&self) -> usize {
        self.log().matches("Added order").count()
    }

    /// How many requests of any kind it had.
    pub(crate) fn requests(&self) -> usize {
        self.log().matches("-> calling handler()").count()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("pebble")).unwrap_or_default()
    }

    /// It is not there any more.
    pub(crate) fn end(&mut self) {
        for child in &mut self.children {
            let _ended_before = child.kill();
            let _reaped = child.wait();
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let log = self.log();
            log.lines().skip(log.lines().count().saturating_sub(30)).for_each(|line| eprintln!("  {line}"));
        }
    }
}
