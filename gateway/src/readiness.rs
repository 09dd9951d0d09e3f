//! Whether the gateway can do its work at this moment: what `/readyz` says, check by check.
//!
//! Who asks needs no token, so what is found is known for a second: strangers cannot load the database by asking. Nothing is said
//! but the names of the checks and whether they passed; the log has the reasons where parts of the gateway know them.

use std::fmt::Write as _;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use consent::Purpose;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::audit::{Circumstances, Event};
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::http::secure::{Secure, Standing};
use crate::router::Interaction;
use crate::signing::Signer;

/// How long an answer is known.
const KNOWN: Duration = Duration::from_secs(1);
/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// From here on a trail that takes nothing counts as stuck.
const STUCK: Duration = Duration::from_secs(5);
/// What is said before there is anything to check.
pub const PREPARING: &str = "[-]start failed\nreadyz check failed\n";

/// The checks, in the order in which they are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Check {
    /// What had to be prepared before anything is served is done.
    Start,
    /// The database answers.
    Database,
    /// Every migration that this program knows has been applied.
    Migrations,
    /// The tables are there that were there at the start.
    Tables,
    /// The audit trail takes records.
    Audit,
    /// The trail has partitions of this month and the next one (PostgreSQL).
    Partitions,
    /// The key that signs ID tokens opens, where there is one.
    SigningKey,
    /// The certificate counts, where the server speaks TLS itself.
    Certificate,
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Database => "database",
            Self::Migrations => "migrations",
            Self::Tables => "tables",
            Self::Audit => "audit",
            Self::Partitions => "partitions",
            Self::SigningKey => "signing-key",
            Self::Certificate => "certificate",
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    checks: Vec<(Check, bool)>,
    /// More of [`Check::Certificate`], which everybody who connects sees.
    certificate: Option<Standing>,
}

impl Report {
    fn not_begun() -> Self {
        Self { checks: vec![(Check::Start, false)], certificate: None }
    }

    /// Whether every check passed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|(_, passed)| *passed)
    }

    /// The checks by name, and whether they passed.
    pub fn checks(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.checks.iter().map(|(check, passed)| (check.name(), *passed))
    }

    fn failed(&self) -> Vec<&'static str> {
        self.checks().filter(|(_, passed)| !passed).map(|(name, _)| name).collect()
    }

    /// A line for each check, as Kubernetes' own probes write them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (check, passed) in &self.checks {
            let (sign, word) = if *passed { ('+', "ok") } else { ('-', "failed") };
            let more = if *check == Check::Certificate { self.certificate.map_or("", told_of) } else { "" };
            // Writing to a String does not fail.
            let _ = writeln!(text, "[{sign}]{} {word}{more}", check.name());
        }
        text + if self.is_ready() { "readyz check passed\n" } else { "readyz check failed\n" }
    }
}

/// How it stands with the certificate, beside whether clients take it.
fn told_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "",
        Standing::Soon => ": it ends soon",
        Standing::Early => ": it does not count yet",
        Standing::Ended => ": it has ended",
        Standing::Missing => ": there is none yet",
    }
}

/// What was found, and when.
type Known = (Instant, Arc<Report>);

/// Finds out, at most once a second.
pub struct Readiness {
    /// It does not keep the audit trail open when a server ends.
    gateway: Weak<Gateway>,
    signer: Arc<Signer>,
    /// TLS of its own.
    secure: Option<Arc<Secure>>,
    known: Arc<Mutex<Option<Known>>>,
}

impl Readiness {
    /// Of a gateway that serves: what had to be prepared is done.
    pub fn new(gateway: &Arc<Gateway>, signer: Arc<Signer>, secure: Option<Arc<Secure>>) -> Self {
        Self { gateway: Arc::downgrade(gateway), signer, secure, known: Arc::default() }
    }

    /// What was found, at most a second ago. The look goes on when nobody waits for it any longer: who asks and goes away asks no more
    /// often than others.
    pub async fn report(&self) -> Arc<Report> {
        let mut known = Arc::clone(&self.known).lock_owned().await;
        if let Some((_, report)) = known.as_ref().filter(|(at, _)| at.elapsed() < KNOWN) {
            return Arc::clone(report);
        }
        let (gateway, signer, secure) = (self.gateway.clone(), Arc::clone(&self.signer), self.secure.clone());
        let look = tokio::spawn(async move {
            let report = Arc::new(look(&gateway, &signer, secure.as_deref()).await);
            tell(known.as_ref().map(|(_, before)| &**before), &report);
            *known = Some((Instant::now(), Arc::clone(&report)));
            report
        });
        look.await.unwrap_or_else(|_| Arc::new(Report::not_begun()))
    }
}

/// A change is in the log once.
fn tell(before: Option<&Report>, now: &Report) {
    let failed = now.failed();
    let before = before.map(Report::failed).unwrap_or_default();
    if failed == before {
        return;
    }
    if failed.is_empty() {
        tracing::info!("ready again");
    } else {
        tracing::warn!(failed = failed.join(","), "not ready");
    }
}

/// Whether something is so, where that is found out in time.
async fn so<E>(check: impl Future<Output = Result<bool, E>>) -> bool {
    timeout(PATIENCE, check).await.is_ok_and(|found| found.unwrap_or(false))
}

async fn look(gateway: &Weak<Gateway>, signer: &Signer, secure: Option<&Secure>) -> Report {
    let Some(gateway) = gateway.upgrade() else { return Report::not_begun() };
    let store = &gateway.store;
    let database = so(async { store.ping().await.map(|()| true) }).await;
    // Without the database the others would only take their time to fail.
    let (migrations, tables, audit, partitions, key) = if database {
        tokio::join!(
            so(store.is_migrated()),
            so(store.has_its_tables()),
            takes_records(&gateway),
            so(store.has_audit_partitions()),
            so(signer.can_sign()),
        )
    } else {
        Default::default()
    };
    let certificate = secure.map(|secure| secure.standing(gateway.clock.now_ms()));
    let mut checks = vec![
        (Check::Start, true),
        (Check::Database, database),
        (Check::Migrations, migrations),
        (Check::Tables, tables),
        (Check::Audit, audit),
        (Check::Partitions, partitions),
        (Check::SigningKey, key),
    ];
    checks.extend(certificate.map(|standing| (Check::Certificate, standing.is_fit())));
    Report { checks, certificate }
}

/// Whether the trail takes records. Where the last one was not taken, nobody but a record finds out: one of our own, at most
/// one a second, and one alone in the trail once it works again.
async fn takes_records(gateway: &Gateway) -> bool {
    let series = gateway.audit.series();
    if series.is_stuck_for(STUCK) {
        return false;
    }
    if !series.is_failing() {
        return true;
    }
    let itself = Gateway::itself(DEFAULT_ORGANIZATION).id;
    let of = Circumstances::unknown(DEFAULT_ORGANIZATION, &itself, "-", Purpose::Hoperat);
    let event = Event::new(of, Interaction::Ready.name(), 200, gateway.clock.now_ms());
    so(async { gateway.audit.record(event).await.map(|()| true) }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_kubernetes_own() {
        let report = |audit| Report { checks: vec![(Check::Start, true), (Check::Audit, audit)], certificate: None };
        assert_eq!(report(true).text(), "[+]start ok\n[+]audit ok\nreadyz check passed\n");
        assert_eq!(report(false).text(), "[+]start ok\n[-]audit failed\nreadyz check failed\n");
        assert!(!Report::not_begun().is_ready());
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_of_and_no_reason_to_send_nobody_here() {
        let report = |standing: Standing| Report {
            checks: vec![(Check::Certificate, standing.is_fit())],
            certificate: Some(standing),
        };
        for (standing, line) in [
            (Standing::Good, "[+]certificate ok\n"),
            (Standing::Soon, "[+]certificate ok: it ends soon\n"),
            (Standing::Early, "[-]certificate failed: it does not count yet\n"),
            (Standing::Ended, "[-]certificate failed: it has ended\n"),
            (Standing::Missing, "[-]certificate failed: there is none yet\n"),
        ] {
            assert_eq!(report(standing).text().split_inclusive('\n').next(), Some(line));
        }
    }
}
