//! The series of the parts behind HTTP: tokens, the audit trail, the store.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::instrument::{Count, Histogram, Level};
use super::out::Out;
use crate::auth::Unknown;
use crate::http::secure::Secure;
use crate::store::pools::Connections;

/// How a client got a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grant {
    /// By a code that somebody approved.
    AuthorizationCode,
    /// By its own secret or key.
    ClientCredentials,
    /// By the token before.
    RefreshToken,
    /// By an ID token of an outside issuer.
    TokenExchange,
    /// By one that was exchanged before.
    TokenExchangeAgain,
}

/// What is counted of access tokens.
#[derive(Debug)]
pub struct TokenSeries {
    issued: [Count; 5],
    valid: Count,
    not_valid: Count,
    unavailable: Count,
    duration: Histogram,
}

impl Default for TokenSeries {
    fn default() -> Self {
        Self {
            issued: Default::default(),
            valid: Count::default(),
            not_valid: Count::default(),
            unavailable: Count::default(),
            duration: Histogram::of_times(),
        }
    }
}

impl TokenSeries {
    /// A token was issued.
    pub fn issued(&self, grant: Grant) {
        self.issued[grant as usize].one();
    }

    /// A token was looked at, and it took so long to tell whose it is. No token is none that was looked at.
    pub fn verified<T>(&self, result: &Result<T, Unknown>, took: Duration) {
        match result {
            Ok(_) => self.valid.one(),
            Err(Unknown::NoToken) => return,
            Err(Unknown::NotValid) => self.not_valid.one(),
            Err(Unknown::Unavailable) => self.unavailable.one(),
        }
        self.duration.time(took);
    }

    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let [code, client, refresh, exchange, again] = &self.issued;
        let issued = [
            ("authorization_code", code),
            ("client_credentials", client),
            ("refresh_token", refresh),
            ("token_exchange", exchange),
            ("token_exchange_again", again),
        ];
        out.counters(
            ("fhir_gateway_tokens_issued", "Access tokens that were issued, by grant type."),
            issued.into_iter().map(|(grant, count)| ([("grant_type", grant)], count.get())),
        )?;
        let results = [("valid", &self.valid), ("not_valid", &self.not_valid), ("unavailable", &self.unavailable)];
        out.counters(
            ("fhir_gateway_token_verifications", "Bearer tokens that came with requests, by what was found."),
            results.into_iter().map(|(result, count)| ([("result", result)], count.get())),
        )?;
        let help = "Time to tell whose a bearer token is.";
        out.histogram("fhir_gateway_token_verification_duration_seconds", help, &self.duration.told())
    }
}

/// What is counted of the audit trail, and how it is.
#[derive(Debug)]
pub struct AuditSeries {
    records: Count,
    commits: Count,
    failures: Count,
    /// Entries that somebody waits for.
    waiting: Level,
    duration: Histogram,
    opened: Instant,
    /// When something last went forward, in ms after that.
    moved_ms: AtomicU64,
    /// The last commit failed.
    failing: Level,
}

impl Default for AuditSeries {
    fn default() -> Self {
        Self {
            records: Count::default(),
            commits: Count::default(),
            failures: Count::default(),
            waiting: Level::default(),
            duration: Histogram::of_times(),
            opened: Instant::now(),
            moved_ms: AtomicU64::default(),
            failing: Level::default(),
        }
    }
}

/// An entry that is not durable yet.
#[derive(Debug)]
pub(crate) struct Waits<'s> {
    series: &'s AuditSeries,
    begun: Instant,
}

impl Waits<'_> {
    /// It is durable.
    pub(crate) fn done(self) {
        self.series.duration.time(self.begun.elapsed());
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.series.waiting.rise(-1);
    }
}

impl AuditSeries {
    /// An entry wants to be written.
    pub(crate) fn enter(&self) -> Waits<'_> {
        let begun = Instant::now();
        // Nothing moves where nothing waits: time begins with the first one.
        if self.waiting.rise(1) <= 0 {
            self.moved();
        }
        Waits { series: self, begun }
    }

    /// A commit of so many records ended.
    pub(crate) fn committed(&self, records: usize, done: bool) {
        if done {
            self.records.add(records as u64);
            self.commits.one();
        } else {
            self.failures.one();
        }
        self.failing.set(i64::from(!done));
        self.moved();
    }

    fn moved(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(now, Ordering::Relaxed);
    }

    /// The last commit failed: nobody knows whether the next one will.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.get() > 0
    }

    /// Somebody waits, and for so long no commit has ended.
    pub(crate) fn is_stuck_for(&self, patience: Duration) -> bool {
        let moved = Duration::from_millis(self.moved_ms.load(Ordering::Relaxed));
        self.waiting.get() > 0 && self.opened.elapsed().saturating_sub(moved) > patience
    }

    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let help = "Records of the audit trail that were written and are durable.";
        out.counter("fhir_gateway_audit_records", help, self.records.get())?;
        out.counter("fhir_gateway_audit_commits", "Commits of the audit trail.", self.commits.get())?;
        let help = "Commits of the audit trail that failed: their exchanges were answered 503, and no data left.";
        out.counter("fhir_gateway_audit_failures", help, self.failures.get())?;
        #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
        let waiting = self.waiting.get() as f64;
        out.gauge("fhir_gateway_audit_waiting", "Exchanges whose records are not durable yet.", waiting)?;
        let help = "Time until the records of an exchange are durable.";
        out.histogram("fhir_gateway_audit_duration_seconds", help, &self.duration.told())
    }
}

/// Upper bounds of the number of sets in a commit.
const SETS: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// What is counted of the store's writes.
#[derive(Debug)]
pub struct StoreSeries {
    /// From a write's coming to the beginning of its transaction.
    pub(crate) wait: Histogram,
    /// How many writes a transaction takes.
    pub(crate) sets: Histogram,
}

impl Default for StoreSeries {
    fn default() -> Self {
        Self { wait: Histogram::of_times(), sets: Histogram::of_numbers(&SETS) }
    }
}

impl StoreSeries {
    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let help = "Time that a write waits for the transaction that takes it along.";
        out.histogram("fhir_gateway_write_wait_seconds", help, &self.wait.told())?;
        let help = "Writes that one transaction takes together.";
        out.histogram("fhir_gateway_write_group_size", help, &self.sets.told())
    }
}

/// The pools as they are now.
#[expect(clippy::cast_precision_loss, reason = "there are not so many")]
pub(super) fn tell_pools(pools: &[(&'static str, Connections)], out: &mut Out<'_>) -> fmt::Result {
    let states = pools.iter().flat_map(|(pool, connections)| {
        let Connections { used, idle, .. } = *connections;
        [("used", used), ("idle", idle)].map(|(state, number)| ([("pool", *pool), ("state", state)], number as f64))
    });
    let name = "fhir_gateway_database_connections";
    out.gauges((name, "Connections to the database, by pool and whether somebody has them."), states)?;
    let most = pools.iter().map(|(pool, connections)| ([("pool", *pool)], connections.most as f64));
    out.gauges(("fhir_gateway_database_connections_max", "Connections that a pool may have."), most)?;
    let waiting = pools.iter().map(|(pool, connections)| ([("pool", *pool)], connections.waiting as f64));
    out.gauges(("fhir_gateway_database_connections_awaited", "Tasks that wait for a connection of a pool."), waiting)
}

/// TLS of the server's own, where it is that.
#[expect(clippy::cast_precision_loss, reason = "a double holds milliseconds of thousands of years")]
pub(super) fn tell_secure(secure: Option<&Secure>, out: &mut Out<'_>) -> fmt::Result {
    let Some(secure) = secure else { return Ok(()) };
    // Where there is none yet, a figure would pass for one.
    if let Some(until_ms) = secure.until_ms() {
        let help = "When the certificate in use ends, in seconds since 1970.";
        out.gauge("fhir_gateway_tls_certificate_end_timestamp_seconds", help, until_ms as f64 / 1000.0)?;
    }
    let Some(automatic) = secure.as_automatic() else { return Ok(()) };
    let results = [("issued", automatic.issued.get()), ("failed", automatic.failed.get())];
    out.counters(
        ("fhir_gateway_acme_orders", "Certificates that an authority was asked for, by what came of it."),
        results.into_iter().map(|(result, count)| ([("result", result)], count)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trail_is_stuck_where_somebody_waits_and_nothing_moves() {
        let series = AuditSeries::default();
        let nothing = Duration::ZERO;
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(!series.is_stuck_for(nothing), "nobody waits");
        let waits = series.enter();
        assert!(!series.is_stuck_for(Duration::from_secs(5)));
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(series.is_stuck_for(nothing));
        series.committed(1, false);
        assert!(series.is_failing() && !series.is_stuck_for(Duration::from_secs(5)));
        series.committed(2, true);
        waits.done();
        assert!(!series.is_failing());
        assert_eq!((series.waiting.get(), series.records.get(), series.failures.get()), (0, 2, 1));
        assert_eq!(series.duration.told().count, 1);
    }
}
