//! TLS of the server's own: handshakes, and a certificate that is replaced while it runs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::clock::Clock;
use crate::http::acme::{self, Automatic};
use crate::http::certificate::{CertificateError, CertificateFiles, Certified, Contents};

/// How often the files are looked at. They are read each time: they are small, and what a file system says of times and sizes
/// need not change where the contents do.
const LOOK: Duration = Duration::from_secs(5);
/// A certificate that ends sooner is warned of.
const SOON_MS: i64 = 14 * DAY_MS;
/// How often it is warned of.
const DAY_MS: i64 = 86_400_000;

/// Who makes handshakes, with the certificate that counts now.
#[derive(Debug)]
pub struct Secure {
    shown: RwLock<Shown>,
    /// What an authority asks of who gets certificates by itself.
    automatic: Option<Arc<Automatic>>,
}

/// What is shown to who connects.
#[derive(Clone, Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    certificate: Certificate,
}

/// What certificate that is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Certificate {
    /// One that others know, with when it counts, in milliseconds since 1970, where that can be told.
    Issued(Option<(i64, i64)>),
    /// Our own word, until there is one: who looks after the server sees that it lives, and clients refuse it.
    StandIn,
}

/// How it stands with the certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It counts.
    Good,
    /// It counts, but not for long any more: by now there should be another one.
    Soon,
    /// It does not count yet.
    Early,
    /// It does not count any more.
    Ended,
    /// There is none.
    Missing,
}

impl Standing {
    /// Whether clients take it.
    #[must_use]
    pub fn is_fit(self) -> bool {
        matches!(self, Self::Good | Self::Soon)
    }

    fn at(now_ms: i64, (from, until): (i64, i64)) -> Self {
        // Of one that counts for days, 14 of them would be always.
        let soon = SOON_MS.min((until - from) / 6);
        match () {
            () if now_ms < from => Self::Early,
            () if now_ms >= until => Self::Ended,
            () if now_ms >= until - soon => Self::Soon,
            () => Self::Good,
        }
    }
}

/// A handshake that was made.
pub(super) enum Shaken {
    /// With an authority, which has seen what it wanted to: nothing is said there.
    Authority,
    /// With a client.
    Client(TlsStream<TcpStream>),
    /// With somebody who does not look at certificates, while there is none.
    Unproven(TlsStream<TcpStream>),
}

/// Who looks after the certificate.
#[derive(Debug)]
pub enum Care {
    /// Gets certificates from an authority.
    Acme(Box<acme::Keeper>),
    /// Looks at files that somebody else replaces.
    Files(Keeper),
}

impl Care {
    /// Looks after it as long as the task is not aborted. From the call on SIGHUP ends no process.
    ///
    /// # Errors
    /// The system refuses the signal.
    pub fn keep(self, clock: Arc<Clock>) -> io::Result<JoinHandle<()>> {
        match self {
            Self::Acme(keeper) => keeper.keep(clock),
            Self::Files(keeper) => keeper.keep(clock),
        }
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum SecureError {
    /// Certificate or key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// rustls refuses what is compiled in.
    #[error("TLS cannot be set up: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What files were found to hold: a digest, or why they could not be read.
type Sight = Result<[u8; 32], String>;

/// Who looks at the files.
#[derive(Debug)]
pub struct Keeper {
    files: CertificateFiles,
    secure: Arc<Secure>,
    /// What is in use.
    loaded: [u8; 32],
    /// What was there at the last look and cannot be used: files are replaced one after the other, so it gets a second look.
    broken: Option<Sight>,
    /// What was complained of.
    told: Option<Sight>,
    /// From when until when the certificate in use counts.
    validity: Option<(i64, i64)>,
    /// When its end was last warned of.
    warned_ms: Option<i64>,
}

impl Secure {
    /// TLS 1.2 and 1.3 with a certificate from files, and who looks at these from now on.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn open(files: CertificateFiles) -> Result<(Arc<Self>, Keeper), SecureError> {
        let contents = files.read()?;
        let certified = files.certified(&contents)?;
        warn_of_openness(&files, &contents);
        let shown = Shown::issued(&certified)?;
        let secure = Arc::new(Self { shown: RwLock::new(shown), automatic: None });
        let keeper = Keeper {
            files,
            secure: Arc::clone(&secure),
            loaded: contents.digest(),
            broken: None,
            told: None,
            validity: certified.validity,
            warned_ms: None,
        };
        Ok((secure, keeper))
    }

    /// TLS with certificates that an authority is asked for: until the first one, with one that nobody knows.
    ///
    /// # Errors
    /// rustls refuses what is compiled in.
    pub(super) fn automatic(stand_in: &Arc<CertifiedKey>, asked: Arc<Automatic>) -> Result<Arc<Self>, SecureError> {
        let shown = Shown { config: config(stand_in)?, certificate: Certificate::StandIn };
        Ok(Arc::new(Self { shown: RwLock::new(shown), automatic: Some(asked) }))
    }

    /// What belongs to certificates of an authority that is asked for them.
    pub(crate) fn as_automatic(&self) -> Option<&Automatic> {
        self.automatic.as_deref()
    }

    /// New connections get this certificate. Sessions that began with the one before are not resumed: they are kept with the configuration.
    pub(super) fn show(&self, certified: &Certified) -> Result<(), SecureError> {
        *self.shown.write() = Shown::issued(certified)?;
        Ok(())
    }

    /// When the certificate in use ends, in milliseconds since 1970; nothing where there is none, or that cannot be told.
    pub(crate) fn until_ms(&self) -> Option<i64> {
        match self.shown.read().certificate {
            Certificate::Issued(validity) => validity.map(|(_, until)| until),
            Certificate::StandIn => None,
        }
    }

    /// How it stands with the certificate.
    pub(crate) fn standing(&self, now_ms: i64) -> Standing {
        match self.shown.read().certificate {
            Certificate::Issued(validity) => validity.map_or(Standing::Good, |validity| Standing::at(now_ms, validity)),
            Certificate::StandIn => Standing::Missing,
        }
    }

    /// Makes a handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Shaken> {
        let Some(automatic) = &self.automatic else {
            let config = Arc::clone(&self.shown.read().config);
            return TlsAcceptor::from(config).accept(stream).await.map(Shaken::Client);
        };
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let hello = begun.client_hello();
        if acme::is_question(&hello) {
            let answer = hello.server_name().and_then(|name| automatic.answer(name));
            let answer = answer.ok_or_else(|| io::Error::other("nobody asked for that"))?;
            begun.into_stream(answer).await?.shutdown().await?;
            return Ok(Shaken::Authority);
        }
        let Shown { config, certificate } = self.shown.read().clone();
        let stream = begun.into_stream(config).await?;
        Ok(if certificate == Certificate::StandIn { Shaken::Unproven(stream) } else { Shaken::Client(stream) })
    }
}

impl Shown {
    fn issued(certified: &Certified) -> Result<Self, rustls::Error> {
        Ok(Self { config: config(&certified.key)?, certificate: Certificate::Issued(certified.validity) })
    }
}

impl Keeper {
    /// Looks at the files every few seconds, and at once on SIGHUP, as long as the task is not aborted. From the call on SIGHUP ends no process.
    ///
    /// # Errors
    /// The system refuses the signal.
    pub fn keep(mut self, clock: Arc<Clock>) -> io::Result<JoinHandle<()>> {
        let mut hangup = signal(SignalKind::hangup())?;
        Ok(tokio::spawn(async move {
            loop {
                self.warn_of_end(clock.now_ms());
                let told = wait(&mut hangup, LOOK).await;
                let looked = spawn_blocking(move || {
                    self.look(told);
                    self
                });
                // Only what ends the process ends that.
                let Ok(keeper) = looked.await else { return };
                self = keeper;
            }
        }))
    }

    /// Takes what is in the files where it is new and whole. What is not is complained of once, and only when it stays so: while
    /// one file is replaced after the other they do not fit each other. Who says that they are replaced (`told`) hears at once.
    fn look(&mut self, told: bool) {
        let read = self.files.read();
        let sight = read.as_ref().map(Contents::digest).map_err(ToString::to_string);
        if sight == Ok(self.loaded) {
            (self.broken, self.told) = (None, None);
            if told {
                tracing::info!("the certificate in the files is the one in use");
            }
            return;
        }
        match read.map_err(SecureError::from).and_then(|contents| self.take(&contents)) {
            Ok(()) => (self.broken, self.told) = (None, None),
            Err(error) => {
                let stays = told || self.broken.as_ref() == Some(&sight);
                if stays && self.told.as_ref() != Some(&sight) {
                    tracing::error!(%error, "the new certificate cannot be used: the one before stays in use");
                    self.told = Some(sight.clone());
                }
                self.broken = Some(sight);
            }
        }
    }

    fn take(&mut self, contents: &Contents) -> Result<(), SecureError> {
        let certified = self.files.certified(contents)?;
        warn_of_openness(&self.files, contents);
        self.secure.show(&certified)?;
        self.loaded = contents.digest();
        (self.validity, self.warned_ms) = (certified.validity, None);
        let until = self.validity.map(|(_, until)| Clock::format(until));
        tracing::info!(until, "new connections get a new certificate");
        Ok(())
    }

    /// Says once a day that the certificate does not count yet, soon not any longer, or not any longer. Whether it said so.
    fn warn_of_end(&mut self, now_ms: i64) -> bool {
        let Some((from, until)) = self.validity else { return false };
        let is_due = self.warned_ms.is_none_or(|warned| now_ms - warned >= DAY_MS);
        if !is_due || (from <= now_ms && now_ms < until - SOON_MS) {
            return false;
        }
        self.warned_ms = Some(now_ms);
        let file = self.files.certificate.display();
        if now_ms < from {
            tracing::warn!(%file, from = Clock::format(from), "the certificate does not count yet: clients refuse it");
        } else if now_ms < until {
            tracing::warn!(%file, until = Clock::format(until), "the certificate expires soon: put another one in its place");
        } else {
            tracing::error!(%file, until = Clock::format(until), "the certificate has expired: clients refuse it");
        }
        true
    }
}

/// Waits for the next look; whether somebody asks for it.
pub(super) async fn wait(hangup: &mut Signal, most: Duration) -> bool {
    tokio::select! {
        // Without the signal the time counts.
        Some(()) = hangup.recv() => true,
        () = sleep(most) => false,
    }
}

fn warn_of_openness(files: &CertificateFiles, contents: &Contents) {
    if contents.key_is_open {
        let file = files.key.display();
        tracing::warn!(%file, "others than its owner and group may read or write the key: chmod o= FILE");
    }
}

/// What handshakes go by.
fn config(key: &Arc<CertifiedKey>) -> Result<Arc<ServerConfig>, rustls::Error> {
    config_for(key, &[b"h2", b"http/1.1"])
}

/// What handshakes go by after which these protocols are spoken.
pub(super) fn config_for(key: &Arc<CertifiedKey>, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key))));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// 2026-01-01 and 2026-04-01.
    const VALIDITY: (i64, i64) = (1_767_225_600_000, 1_775_001_600_000);

    /// Certificate and key.
    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["gateway.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn keeper() -> (TempDir, Keeper) {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        let (certificate, key) = made();
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        (folder, Secure::open(files).unwrap().1)
    }

    #[test]
    fn files_that_are_replaced_one_after_the_other_are_nothing_to_complain_of() {
        let (_folder, mut keeper) = keeper();
        let (first, (certificate, key)) = (keeper.loaded, made());
        fs::write(&keeper.files.certificate, certificate).unwrap();
        keeper.look(false);
        assert!(keeper.told.is_none() && keeper.loaded == first);
        fs::write(&keeper.files.key, key).unwrap();
        keeper.look(false);
        assert!(keeper.told.is_none() && keeper.broken.is_none() && keeper.loaded != first);
    }

    #[test]
    fn what_stays_broken_is_complained_of_once_and_what_else_is_broken_then_again() {
        let (_folder, mut keeper) = keeper();
        let first = keeper.loaded;
        fs::write(&keeper.files.key, "no key").unwrap();
        keeper.look(false);
        assert!(keeper.told.is_none());
        keeper.look(false);
        let told = keeper.told.clone();
        assert!(told.is_some());
        keeper.look(false);
        keeper.look(true);
        assert_eq!(keeper.told, told);
        // Who says that the files are replaced hears at once.
        fs::remove_file(&keeper.files.key).unwrap();
        keeper.look(true);
        assert!(keeper.told.is_some() && keeper.told != told && keeper.loaded == first);
    }

    #[test]
    fn how_it_stands_with_a_certificate_goes_by_how_long_it_counts() {
        let (from, until) = VALIDITY;
        let at = |now_ms| Standing::at(now_ms, VALIDITY);
        assert_eq!(
            [at(from - 1), at(from), at(until - SOON_MS - 1)],
            [Standing::Early, Standing::Good, Standing::Good]
        );
        assert_eq!([at(until - SOON_MS), at(until - 1), at(until)], [Standing::Soon, Standing::Soon, Standing::Ended]);
        // Of six days the last one is soon.
        let day = |day: i64| Standing::at(day * DAY_MS, (0, 6 * DAY_MS));
        assert_eq!([day(0), day(4), day(5), day(6)], [Standing::Good, Standing::Good, Standing::Soon, Standing::Ended]);
    }

    #[test]
    fn the_end_is_warned_of_once_a_day() {
        let (_folder, mut keeper) = keeper();
        let (from, until) = VALIDITY;
        assert_eq!(keeper.validity, Some(VALIDITY));
        assert!(!keeper.warn_of_end(from) && !keeper.warn_of_end(until - SOON_MS - 1));
        assert!(keeper.warn_of_end(until - SOON_MS));
        assert!(!keeper.warn_of_end(until - SOON_MS + DAY_MS - 1));
        assert!(keeper.warn_of_end(until - SOON_MS + DAY_MS));
        assert!(keeper.warn_of_end(until) && !keeper.warn_of_end(until + 1) && keeper.warn_of_end(until + DAY_MS));
        keeper.warned_ms = None;
        assert!(keeper.warn_of_end(from - 1));
    }
}
