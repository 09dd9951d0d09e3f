//! The server's certificate and its key, from files: read together, and checked together before either is used.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The longest file that is read, in bytes: a chain of dozens of certificates is shorter.
const LONGEST_FILE: u64 = 1024 * 1024;
/// Who may do what with a file, beside its owner and group.
const OTHERS: u32 = 0o007;

/// Where certificate and key are.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate, then those of the authorities between it and one that clients know (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
}

/// Why certificate and key cannot be used. No text holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The system refuses it.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// A pipe, a folder.
    #[error("{0} is no file: it is read again whenever it may have changed")]
    NoFile(String),
    /// Nobody's certificate is so long.
    #[error("{0} is longer than 1 MiB: it is something else than a certificate or key")]
    TooLong(String),
    /// Not base64, or no end.
    #[error("{0} is not whole PEM: what stands between its BEGIN and END lines cannot be read")]
    NotPem(String),
    /// PEM of something else, or no PEM.
    #[error(
        "there is no certificate in {0}: give the server's own first, then those of the authorities between, in PEM \
         (-----BEGIN CERTIFICATE-----; what certbot calls fullchain.pem)"
    )]
    NoCertificate(String),
    /// PEM of something else, or no PEM.
    #[error(
        "there is no private key in {0}: give one in PEM (-----BEGIN PRIVATE KEY-----; what certbot calls privkey.pem)"
    )]
    NoKey(String),
    /// With a passphrase.
    #[error(
        "the key in {0} is encrypted, and nobody is there to give its passphrase: decrypt it (openssl pkey -in FILE -out KEY) into a \
         file that the server's user alone can read"
    )]
    Encrypted(String),
    /// No certificate inside the PEM.
    #[error("the first certificate in {0} cannot be used: {1}")]
    BadCertificate(String, TlsError),
    /// An algorithm that is not known.
    #[error("the key in {0} cannot be used: give an RSA key of 2048 bits or more, or one for ECDSA on P-256 or P-384")]
    BadKey(String),
    /// One of another certificate.
    #[error(
        "the key in {1} does not belong to the first certificate in {0}: give the key that this certificate was made for"
    )]
    Mismatch(String, String),
}

/// What the two files hold.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    /// Others than the key's owner and group may do something with its file.
    pub(super) key_is_open: bool,
}

/// A certificate with its key, as handshakes use it.
#[derive(Debug)]
pub(super) struct Certified {
    pub(super) key: Arc<CertifiedKey>,
    /// From when until when it counts, in milliseconds since 1970; nothing where that cannot be told.
    pub(super) validity: Option<(i64, i64)>,
}

impl CertificateFiles {
    /// What is in them now.
    pub(super) fn read(&self) -> Result<Contents, CertificateError> {
        let (certificate, _) = read(&self.certificate)?;
        let (key, mode) = read(&self.key)?;
        Ok(Contents { certificate, key, key_is_open: mode & OTHERS != 0 })
    }

    /// What they held, as what a handshake needs.
    pub(super) fn certified(&self, contents: &Contents) -> Result<Certified, CertificateError> {
        let (of_certificate, of_key) = (|| name(&self.certificate), || name(&self.key));
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents.certificate).collect();
        let chain = chain.map_err(|_| CertificateError::NotPem(of_certificate()))?;
        let Some(first) = chain.first() else { return Err(CertificateError::NoCertificate(of_certificate())) };
        let validity = validity(first);
        let key = PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| match error {
            _ if is_encrypted(&contents.key) => CertificateError::Encrypted(of_key()),
            PemError::NoItemsFound => CertificateError::NoKey(of_key()),
            _ => CertificateError::NotPem(of_key()),
        })?;
        let signing = default_provider().key_provider.load_private_key(key);
        // What is wrong with a key is not said in its own words.
        let signing = signing.map_err(|_| CertificateError::BadKey(of_key()))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) => Ok(Certified { key: Arc::new(certified), validity }),
            Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(CertificateError::Mismatch(of_certificate(), of_key()))
            }
            Err(error) => Err(CertificateError::BadCertificate(of_certificate(), error)),
        }
    }
}

impl Contents {
    /// The same for the same contents.
    pub(super) fn digest(&self) -> [u8; 32] {
        let length = (self.certificate.len() as u64).to_be_bytes();
        Sha256::new().chain_update(length).chain_update(&self.certificate).chain_update(&self.key).finalize().into()
    }
}

/// A file with its mode.
fn read(path: &Path) -> Result<(Vec<u8>, u32), CertificateError> {
    let failed = |error| CertificateError::Unreadable(name(path), error);
    // To open a pipe would wait for who writes it.
    let about = fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(CertificateError::NoFile(name(path)));
    }
    let mut contents = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut contents));
    if read.map_err(failed)? as u64 > LONGEST_FILE {
        return Err(CertificateError::TooLong(name(path)));
    }
    Ok((contents, about.permissions().mode()))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// `BEGIN ENCRYPTED PRIVATE KEY`, or `Proc-Type: 4,ENCRYPTED` of older files.
fn is_encrypted(pem: &[u8]) -> bool {
    pem.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        line == b"-----BEGIN ENCRYPTED PRIVATE KEY-----" || line == b"Proc-Type: 4,ENCRYPTED"
    })
}

/// When a certificate begins to count and ends to. One that only others can read is used all the same.
fn validity(certificate: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let ms = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_millis()).ok();
    Some((ms(validity.not_before)?, ms(validity.not_after)?))
}

/// The names of hosts that a certificate is for, in small letters.
pub(super) fn hosts(certificate: &CertificateDer<'_>) -> BTreeSet<String> {
    let read = Certificate::from_der(certificate).ok();
    let names = read.and_then(|read| read.tbs_certificate().get_extension::<SubjectAltName>().ok().flatten());
    let host = |name: &GeneralName| match name {
        GeneralName::DnsName(host) => Some(host.as_str().to_ascii_lowercase()),
        _ => None,
    };
    names.iter().flat_map(|(_, names)| names.0.iter().filter_map(host)).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate of its own key, and both as PEM.
    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["gateway.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 4, 1));
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(certificate: &str, key: &str) -> Result<Certified, CertificateError> {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files.certified(&files.read().unwrap())
    }

    #[test]
    fn a_key_belongs_to_its_certificate() {
        let ((certificate, key), (other, other_key)) = (made(), made());
        let found = read(&certificate, &key).unwrap();
        assert_eq!(found.validity, Some((1_767_225_600_000, 1_775_001_600_000)));
        assert_eq!(hosts(&found.key.cert[0]), BTreeSet::from(["gateway.example".to_owned()]));
        // The first one counts; and one file may hold both.
        assert_eq!(read(&format!("{certificate}{other}"), &key).unwrap().key.cert.len(), 2);
        let both = format!("{key}{certificate}");
        assert!(read(&both, &both).is_ok());
        assert!(matches!(read(&format!("{other}{certificate}"), &key), Err(CertificateError::Mismatch(..))));
        assert!(matches!(read(&certificate, &other_key), Err(CertificateError::Mismatch(..))));
    }

    #[test]
    fn what_is_wrong_is_told_without_anything_of_the_key() {
        use CertificateError as E;
        let (certificate, key) = made();
        let half = &certificate[..certificate.len() / 2];
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        type Is = fn(&CertificateError) -> bool;
        let cases: [(&str, &str, Is); 9] = [
            ("", &key, |error| matches!(error, E::NoCertificate(_))),
            (&key, &key, |error| matches!(error, E::NoCertificate(_))),
            (half, &key, |error| matches!(error, E::NotPem(_))),
            (nonsense, &key, |error| matches!(error, E::BadCertificate(..))),
            (&certificate, "", |error| matches!(error, E::NoKey(_))),
            (&certificate, &certificate, |error| matches!(error, E::NoKey(_))),
            (&certificate, &key[..key.len() / 2], |error| matches!(error, E::NotPem(_))),
            (&certificate, no_key, |error| matches!(error, E::BadKey(_))),
            (&certificate, encrypted, |error| matches!(error, E::Encrypted(_))),
        ];
        for (certificate, key, is) in cases {
            let error = read(certificate, key).unwrap_err();
            assert!(is(&error), "{error:?}");
            let secret = key.lines().nth(1).unwrap_or("no line");
            assert!(!error.to_string().contains(secret), "{error}");
        }
        assert!(matches!(read(&certificate, older), Err(E::Encrypted(_))));
    }

    #[test]
    fn a_file_is_one_of_a_fit_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("k.pem"), "").unwrap();
        fs::write(path("long.pem"), vec![b'a'; 1024 * 1024 + 1]).unwrap();
        let read = |certificate| CertificateFiles { certificate, key: path("k.pem") }.read().err().unwrap();
        assert!(matches!(read(path("none.pem")), CertificateError::Unreadable(..)));
        assert!(matches!(read(path("long.pem")), CertificateError::TooLong(_)));
        assert!(matches!(read(folder.path().to_owned()), CertificateError::NoFile(_)));
    }

    #[test]
    fn a_key_that_others_may_read_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("both.pem");
        fs::write(&path, "").unwrap();
        let files = CertificateFiles { certificate: path.clone(), key: path.clone() };
        for (mode, open) in [(0o644, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(files.read().unwrap().key_is_open, open, "{mode:o}");
        }
    }
}
