//! One connection that asks, and what was seen.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

/// A connection with a token.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    token: String,
    address: String,
}

impl Line {
    /// Opens one.
    pub(crate) async fn open(address: &str, token: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, token: format!("Bearer {token}"), address: address.to_owned() }
    }

    /// Asks once; an answer is read to its end.
    pub(crate) async fn ask(&mut self, path: &str, seen: &mut Seen) {
        let request = Request::get(path).header("Host", &self.address).header("Authorization", &self.token);
        let request = request.body(Full::default()).unwrap();
        self.send(request, seen).await;
    }

    /// Sends what was made before; the body of the answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>, seen: &mut Seen) -> Bytes {
        let begun = Instant::now();
        let exchange = async {
            self.sender.ready().await?;
            let answer = self.sender.send_request(request).await?;
            let status = answer.status().as_u16();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        match exchange.await {
            Ok((status, body)) => {
                seen.answered(status, begun.elapsed());
                body
            }
            Err(_) => {
                seen.answered(0, begun.elapsed());
                let token = self.token.trim_start_matches("Bearer ").to_owned();
                *self = Self::open(&self.address.clone(), &token).await;
                Bytes::new()
            }
        }
    }
}

/// What was answered, and how fast.
#[derive(Default)]
pub(crate) struct Seen {
    /// How many of each status; 0: the connection broke.
    pub(crate) statuses: BTreeMap<u16, usize>,
    good: Vec<u32>,
    refused: Vec<u32>,
    /// How long it went on.
    pub(crate) took: Duration,
    /// How many processors this process used, and the server.
    pub(crate) processors: (f64, f64),
}

impl Seen {
    fn answered(&mut self, status: u16, took: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        if status == 200 { self.good.push(micros) } else { self.refused.push(micros) }
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.good.extend(other.good);
        self.refused.extend(other.refused);
    }

    /// What was not answered by 200.
    pub(crate) fn errors(&self) -> usize {
        self.refused.len()
    }

    /// Good answers in a second.
    pub(crate) fn good(&self) -> f64 {
        self.good.len() as f64 / self.took.as_secs_f64()
    }

    /// What was asked in a second, and answered one way or the other.
    pub(crate) fn asked(&self) -> f64 {
        (self.good.len() + self.refused.len()) as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn print(&self, name: &str) {
        let at = |all: &[u32], part: f64| {
            let mut sorted = all.to_vec();
            sorted.sort_unstable();
            let place = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
            sorted.get(place).map_or(f64::NAN, |micros| f64::from(*micros) / 1e3)
        };
        let (own, server) = self.processors;
        println!(
            "  {name:<52}{:>8.0}/s  p50 {:>7.1} ms  p99 {:>7.1} ms   processors: server {server:.2}, load {own:.2}",
            self.good(),
            at(&self.good, 0.5),
            at(&self.good, 0.99),
        );
        if !self.refused.is_empty() {
            let per_second = self.refused.len() as f64 / self.took.as_secs_f64();
            println!(
                "  {:<52}{per_second:>8.0}/s  p50 {:>7.1} ms  p99 {:>7.1} ms   {:?}",
                "  others",
                at(&self.refused, 0.5),
                at(&self.refused, 0.99),
                self.statuses
            );
        }
    }
}

/// The processor time that a process has had.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // In hundredths of a second: user and system.
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}
