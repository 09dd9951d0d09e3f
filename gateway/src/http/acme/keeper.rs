//! When an authority is asked: at the start where nothing fit is kept, well before the end, and after a failure later and later.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};

use super::directory::Directory;
use super::order::Clerk;
use super::place::{Place, Tries};
use super::problem::Problem;
use super::proof::{self, Automatic};
use crate::clock::Clock;
use crate::http::acme::Acme;
use crate::http::certificate::{CertificateError, Certified, hosts};
use crate::http::secure::{Secure, SecureError, wait};

/// How often it is looked whether it is time: a clock may be set.
const LOOK_MS: i64 = 60_000;
/// The pause after a first failure; each further one is three times as long. Let's Encrypt takes five failures an hour for a name.
const FIRST_PAUSE_MS: i64 = 60_000;
/// The longest pause.
const LONGEST_PAUSE_MS: i64 = 12 * 3_600_000;

/// Why certificates cannot be got in this way.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The disk.
    #[error("what belongs to certificates cannot be kept below the data directory: {0}")]
    Place(io::Error),
    /// TLS or HTTPS cannot be set up.
    #[error("TLS cannot be set up")]
    Unusable,
}

/// Who gets certificates.
#[derive(Debug)]
pub struct Keeper {
    told: Acme,
    place: Place,
    secure: Arc<Secure>,
    automatic: Arc<Automatic>,
    /// From when until when the certificate in use counts, in milliseconds since 1970, where it is for all names.
    fit: Option<(i64, i64)>,
    tries: Tries,
}

impl Keeper {
    /// TLS with what is kept below the data folder, and who renews that from now on.
    ///
    /// # Errors
    /// The disk, or TLS.
    pub fn open(told: Acme, data_dir: &Path) -> Result<(Arc<Secure>, Self), KeeperError> {
        let place = Place::open(data_dir, &told.directory).map_err(KeeperError::Place)?;
        let names: Vec<String> = told.domains.iter().cloned().collect();
        let stand_in = proof::made(&names, None).ok_or(KeeperError::Unusable)?;
        let automatic = Arc::<Automatic>::default();
        let secure = Secure::automatic(&stand_in, Arc::clone(&automatic)).map_err(|_| KeeperError::Unusable)?;
        let (held, tries) = (Arc::clone(&secure), Tries::default());
        let mut keeper = Self { told, place, secure: held, automatic, fit: None, tries };
        let of = keeper.asked_for();
        keeper.tries = Some(keeper.place.tries()).filter(|tries| tries.of == of).unwrap_or_default();
        keeper.tries.of = of;
        if keeper.place.has_certificate() {
            match keeper.kept() {
                // One for other names is better than none: some of them may be among those that clients ask for.
                Ok(certified) => keeper.show(&certified).map_err(|_| KeeperError::Unusable)?,
                Err(error) => tracing::warn!(%error, "the certificate that was kept cannot be used"),
            }
        }
        Ok((secure, keeper))
    }

    /// Gets certificates as long as the task is not aborted; on SIGHUP it is tried at once where it failed before. From the call on SIGHUP
    /// ends no process.
    ///
    /// # Errors
    /// The system refuses the signal.
    pub fn keep(mut self, clock: Arc<Clock>) -> io::Result<JoinHandle<()>> {
        let mut hangup = signal(SignalKind::hangup())?;
        if let Some((_, until)) = self.fit {
            tracing::info!(until = Clock::format(until), "the certificate that was kept is in use");
        } else if self.tries.not_before_ms > clock.now_ms() {
            let next = Clock::format(self.tries.not_before_ms);
            tracing::warn!(
                next,
                failures = self.tries.failures,
                "no certificate that was kept is fit, and one was asked for just before: it is not tried again at once (SIGHUP has it tried)"
            );
        }
        Ok(tokio::spawn(async move {
            loop {
                if self.due_ms() <= clock.now_ms() {
                    self.attempt(&clock).await;
                }
                let rest = (self.due_ms() - clock.now_ms()).clamp(1000, LOOK_MS);
                let told = wait(&mut hangup, Duration::from_millis(rest.unsigned_abs())).await;
                if told {
                    self.tries.not_before_ms = 0;
                }
            }
        }))
    }

    /// When to ask, in milliseconds since 1970.
    fn due_ms(&self) -> i64 {
        // With a third of its time left, whatever that is: authorities give shorter and shorter ones.
        let needed = self.fit.zip(self.third_ms()).map_or(0, |((_, until), third)| until - third);
        needed.max(self.tries.not_before_ms)
    }

    fn third_ms(&self) -> Option<i64> {
        self.fit.map(|(from, until)| (until - from) / 3)
    }

    async fn attempt(&mut self, clock: &Clock) {
        tracing::info!(directory = self.told.directory.host_str(), "a certificate is asked for");
        let (taken, asked) = self.ask().await;
        let now_ms = clock.now_ms();
        match taken {
            Ok(()) => {
                self.automatic.issued.one();
                self.tries.failures = 0;
                // One that is due again at once is of an authority that has lost its clock, or we have.
                self.tries.not_before_ms = now_ms + self.third_ms().unwrap_or(FIRST_PAUSE_MS).min(FIRST_PAUSE_MS);
                let until = self.fit.map(|(_, until)| Clock::format(until));
                tracing::info!(until, "new connections get a new certificate");
            }
            Err(error) => {
                self.automatic.failed.one();
                self.tries.failures = self.tries.failures.saturating_add(1);
                let asked_ms = asked.map_or(0, |asked| i64::try_from(asked.as_millis()).unwrap_or(LONGEST_PAUSE_MS));
                self.tries.not_before_ms = now_ms.saturating_add(pause_ms(self.tries.failures).max(asked_ms));
                let next = Clock::format(self.tries.not_before_ms);
                let until = self.secure.until_ms().map(Clock::format);
                tracing::error!(%error, next, until, "no certificate could be had: what is in use stays, and it is tried again");
            }
        }
        let (place, tries) = (self.place.clone(), self.tries.clone());
        if let Ok(Err(error)) = spawn_blocking(move || place.keep_tries(&tries)).await {
            tracing::warn!(%error, "how often no certificate could be had is not known after the next start");
        }
    }

    /// Asks once; what came of it, and for how long the authority wants to be left alone.
    async fn ask(&mut self) -> (Result<(), Problem>, Option<Duration>) {
        let directory = match Directory::new(&self.told) {
            Ok(directory) => directory,
            Err(problem) => return (Err(problem), None),
        };
        let clerk = Clerk { told: &self.told, place: &self.place, automatic: &self.automatic, directory: &directory };
        let taken = match clerk.order().await {
            Ok(pem) => self.take(pem).await,
            Err(problem) => Err(problem),
        };
        (taken, directory.pause())
    }

    /// Keeps it, then has it shown: what is shown is there after the next start.
    async fn take(&mut self, pem: SecretString) -> Result<(), Problem> {
        let place = self.place.clone();
        let kept = spawn_blocking(move || place.keep_certificate(&pem)).await;
        // Only what ends the process ends that.
        kept.unwrap_or(Ok(())).map_err(Problem::Kept)?;
        let certified = self.kept().map_err(Problem::Certificate)?;
        self.show(&certified).map_err(|_| Problem::Unmade)?;
        if self.fit.is_some() { Ok(()) } else { Err(Problem::Foreign) }
    }

    fn kept(&self) -> Result<Certified, CertificateError> {
        let files = self.place.certificate();
        files.certified(&files.read()?)
    }

    fn show(&mut self, certified: &Certified) -> Result<(), SecureError> {
        self.secure.show(certified)?;
        let names: BTreeSet<String> = certified.key.cert.first().map(hosts).unwrap_or_default();
        self.fit = certified.validity.filter(|_| names == self.told.domains);
        Ok(())
    }

    /// What is asked for, in a word that tells it from other things.
    fn asked_for(&self) -> String {
        let mut digest = Sha256::new();
        for part in self.told.domains.iter().chain(&self.told.contacts) {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        HEXLOWER.encode(&digest.finalize()[..16])
    }
}

/// How long nothing is tried after so many failures in a row.
fn pause_ms(failures: u32) -> i64 {
    let times = 3_i64.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE_MS.saturating_mul(times).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;
    use crate::http::acme;
    use crate::tls;

    /// A certificate of 2026-01-01 to 2026-04-01, with its key.
    fn issued(names: &[&str]) -> SecretString {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        SecretString::from([key.serialize_pem(), params.self_signed(&key).unwrap().pem()].concat())
    }

    fn told(names: &[&str]) -> Acme {
        Acme {
            domains: names.iter().map(ToString::to_string).collect(),
            contacts: vec!["mailto:it@clinic.example".to_owned()],
            directory: acme::directory("https://ca.example/dir").unwrap(),
            tls: tls::config(None).unwrap(),
        }
    }

    fn open(data: &TempDir, names: &[&str]) -> (Arc<Secure>, Keeper) {
        Keeper::open(told(names), data.path()).unwrap()
    }

    #[test]
    fn pauses_grow_to_half_a_day() {
        let minutes = |failures| pause_ms(failures) / 60_000;
        assert_eq!([minutes(1), minutes(2), minutes(3), minutes(6)], [1, 3, 9, 243]);
        assert_eq!([minutes(7), minutes(8), minutes(u32::MAX)], [720; 3]);
    }

    #[tokio::test]
    async fn what_is_kept_counts_at_the_next_start_and_is_renewed_with_a_third_left() {
        let data = tempfile::tempdir().unwrap();
        let (secure, mut keeper) = open(&data, &["a.example", "b.example"]);
        assert_eq!((secure.until_ms(), keeper.due_ms()), (None, 0));
        keeper.take(issued(&["b.example", "a.example"])).await.unwrap();
        let (from, until) = (1_767_225_600_000, 1_775_001_600_000);
        assert_eq!((secure.until_ms(), keeper.due_ms()), (Some(until), until - (until - from) / 3));
        let (secure, keeper) = open(&data, &["a.example", "b.example"]);
        assert_eq!((secure.until_ms(), keeper.due_ms()), (Some(until), until - (until - from) / 3));
        // One for other names is used, and another one asked for at once.
        let (secure, keeper) = open(&data, &["a.example"]);
        assert_eq!((secure.until_ms(), keeper.due_ms()), (Some(until), 0));
    }

    #[tokio::test]
    async fn one_for_other_names_is_not_what_was_asked_for() {
        let data = tempfile::tempdir().unwrap();
        let (_secure, mut keeper) = open(&data, &["a.example"]);
        assert!(matches!(keeper.take(issued(&["b.example"])).await, Err(Problem::Foreign)));
        assert!(matches!(keeper.take(SecretString::from("no PEM")).await, Err(Problem::Certificate(_))));
    }

    #[test]
    fn a_pause_is_kept_over_a_start_unless_something_else_is_asked_for() {
        let data = tempfile::tempdir().unwrap();
        let (_secure, keeper) = open(&data, &["a.example"]);
        let tries = Tries { failures: 3, not_before_ms: 1000, of: keeper.asked_for() };
        keeper.place.keep_tries(&tries).unwrap();
        assert_eq!(open(&data, &["a.example"]).1.due_ms(), 1000);
        assert_eq!(open(&data, &["b.example"]).1.due_ms(), 0);
    }
}
