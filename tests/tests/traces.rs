//! Spans as a collector gets them, and what they never say.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gateway_tests::{Command, Engine, Options, Server, TOKEN, patient, suite};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const KEPT: &str = "0af7651916cd43dd8448eb211c80319c";
const DROPPED: &str = "1bf7651916cd43dd8448eb211c80319d";

/// A collector: what was posted to it.
struct Collector {
    address: String,
    posted: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let posted = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&posted);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let (mut text, mut part) = (Vec::new(), [0; 4096]);
                    let end = loop {
                        let read = stream.read(&mut part).await.unwrap();
                        if read == 0 {
                            return;
                        }
                        text.extend_from_slice(&part[..read]);
                        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
                            break end + 4;
                        }
                    };
                    let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
                    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
                    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    let length: usize = length.trim().parse().unwrap();
                    while text.len() < end + length {
                        let read = stream.read(&mut part).await.unwrap();
                        assert!(read > 0, "the body ended early");
                        text.extend_from_slice(&part[..read]);
                    }
                    kept.lock().unwrap().extend_from_slice(&text[end..]);
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .await
                        .unwrap();
                });
            }
        });
        Self { address, posted }
    }

    fn has(&self, bytes: &[u8]) -> bool {
        let posted = self.posted.lock().unwrap();
        posted.windows(bytes.len()).any(|window| window.eq_ignore_ascii_case(bytes))
    }
}

/// The bytes that digits stand for.
fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn start(engine: Engine, collector: &str, share: &str, delay: &str) -> Server {
    let arguments = ["--otlp-endpoint", collector, "--otlp-sample", share, "--log-format", "json"];
    let environment = [("OTEL_BSP_SCHEDULE_DELAY", delay), ("FHIR_GATEWAY_LOG", "debug")];
    Server::with(
        engine,
        Options {
            arguments: arguments.map(ToOwned::to_owned).to_vec(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..Options::default()
        },
    )
}

async fn eventually(so: impl Fn() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not become so");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

suite! {
    async fn a_callers_trace_goes_on_in_a_span_of_the_exchange(engine: Engine) {
        let collector = Collector::start().await;
        // Of new traces none is kept, of a caller's what the caller says.
        let server = start(engine, &collector.address, "0", "50");
        let api = server.client();
        api.save(&patient("zwirn-id", "Zwirnfamily")).await.expect(201);
        api.get("/Patient/zwirn-id").header("traceparent", &format!("00-{DROPPED}-b7ad6b7169203331-00")).await.expect(200);
        api.get("/Patient?name=zwirn").header("traceparent", &format!("00-{KEPT}-b7ad6b7169203331-01")).await.expect(200);
        eventually(|| collector.has(&bytes(KEPT))).await;
        assert!(collector.has(&bytes("b7ad6b7169203331")) && collector.has(b"GET /fhir/{type}") && collector.has(b"http.response.status_code"));
        assert!(!collector.has(&bytes(DROPPED)) && !collector.has(b"PUT /fhir/{type}/{id}"));
        assert!(collector.has(b"fhir-gateway"));
        for word in ["zwirn", "mrn", TOKEN, "127.0.0.1"] {
            assert!(!collector.has(word.as_bytes()), "{word}");
        }
        assert!(server.log().contains(KEPT), "and in the log");
    }

    async fn what_is_left_is_sent_at_the_end(engine: Engine) {
        let collector = Collector::start().await;
        let mut server = start(engine, &collector.address, "1", "60000");
        server.client().save(&patient("t-2", "Zwirn")).await.expect(201);
        assert!(!collector.has(b"PUT /fhir/{type}/{id}"));
        assert_eq!(server.terminate().await.code(), Some(0));
        assert!(collector.has(b"PUT /fhir/{type}/{id}"), "{}", server.log());
    }

    async fn a_collector_that_is_gone_is_told_once_and_waited_for_by_nobody(engine: Engine) {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut server = start(engine, &format!("http://{gone}"), "1", "20");
        let api = server.client();
        let told = "the collector does not answer";
        for number in 0..40 {
            api.save(&patient(&format!("t-{number}"), "Zwirn")).await.expect(201);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        eventually(|| server.log().contains(told)).await;
        assert_eq!(server.log().matches(told).count(), 1, "{}", server.log());
        assert_eq!(server.terminate().await.code(), Some(0));
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    for address in ["127.0.0.1:4318", "https://user:secret@otlp.example"] {
        let ended = Command::run(&["serve", "--dev", "--otlp-endpoint", address]).await.expect(2);
        assert!(ended.stderr.contains("give the address of a collector"), "{}", ended.stderr);
    }
}
