//! The records of one exchange, each as one line.

use gateway_tests::{Request, Response, Server, Sql};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// Reads the trail of a server, exchange by exchange.
pub(crate) struct Trail {
    sql: Sql,
    table: String,
    /// Who, by which program, on whose behalf, from where, why: what every record of its exchanges says alike.
    alike: [Option<&'static str>; 5],
}

impl Trail {
    pub(crate) async fn of(server: &Server, alike: [Option<&'static str>; 5]) -> Self {
        let (sql, prefix) = server.trail().await;
        Self { sql, table: format!("{prefix}audit_events"), alike }
    }

    /// Runs statements of somebody with all rights.
    pub(crate) async fn run(&mut self, statements: &str) {
        self.sql.run(statements).await;
    }

    /// Sends a request and gives its answer with its records, in order.
    pub(crate) async fn told(&mut self, request: Request) -> (Response, Vec<String>) {
        static EXCHANGES: AtomicU32 = AtomicU32::new(0);
        let id = format!("exchange-{}", EXCHANGES.fetch_add(1, Ordering::Relaxed));
        let answer = request.header("X-Request-Id", &id).await;
        let records = self.records(&format!("request = '{id}'")).await;
        (answer, records)
    }

    /// Requires status and records of a request, the records in any order.
    pub(crate) async fn expect(&mut self, request: Request, status: u16, expected: &[&str]) -> Response {
        let name = format!("{request:?}");
        let (answer, records) = self.told(request).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(records, expected, "{name}");
        answer
    }

    /// `interaction Type/id/version of PATIENT: STATUS DECISION POLICY` of each, sorted.
    pub(crate) async fn records(&mut self, which: &str) -> Vec<String> {
        let rows = self
            .sql
            .rows(&format!(
                "select caller, client, on_behalf, source, purpose, interaction, type, id, version, patient, status, decision, policy \
                 from {} where {which} order by seq",
                self.table
            ))
            .await;
        let mut records: Vec<String> = rows
            .iter()
            .map(|row| {
                let alike: Vec<Option<&str>> = row[..5].iter().map(Option::as_deref).collect();
                assert_eq!(alike, self.alike, "{row:?}");
                line(&row[5..])
            })
            .collect();
        records.sort_unstable();
        records
    }
}

fn line(row: &[Option<String>]) -> String {
    let [interaction, kind, id, version, patient, status, decision, policy] = row else { panic!("eight columns") };
    let mut line = interaction.clone().expect("an interaction");
    if let Some(kind) = kind {
        write!(line, " {kind}").expect("a String takes it");
    }
    for part in [id, version].into_iter().flatten() {
        write!(line, "/{part}").expect("a String takes it");
    }
    if let Some(patient) = patient {
        write!(line, " of {patient}").expect("a String takes it");
    }
    let (status, decision) = (status.as_deref().expect("a status"), decision.as_deref().expect("a decision"));
    write!(line, ": {status} {decision}").expect("a String takes it");
    if let Some(policy) = policy {
        write!(line, " {}", short(policy)).expect("a String takes it");
    }
    line
}

/// `PRESET@HASH/EPOCH` without the hash, which is of twelve digits.
fn short(policy: &str) -> String {
    let (preset, rest) = policy.split_once('@').unwrap_or_else(|| panic!("no version: {policy}"));
    let (hash, epoch) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    assert!(hash.len() == 12 && hash.bytes().all(|digit| digit.is_ascii_hexdigit()), "{policy}");
    format!("{preset}{epoch}")
}
