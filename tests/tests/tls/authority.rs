//! A certificate authority of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::{ToSpan as _, Zoned};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate with its key, as files have them.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
}

/// Where a server reads them.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// One for 127.0.0.1 that counts until so many days from now.
    pub(crate) fn issue(&self, days: i32) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
        let day = |days: i32| {
            let date = (Zoned::now() + days.days()).date();
            date_time_ymd(date.year().into(), date.month().try_into().unwrap(), date.day().try_into().unwrap())
        };
        (params.not_before, params.not_after) = (day(-100), day(days));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() }
    }

    /// Who trusts it.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        roots
    }
}

impl Files {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self { certificate: folder.join("fullchain.pem"), key: folder.join("privkey.pem") }
    }

    /// Both, one after the other, each at once: as certbot replaces them.
    pub(crate) fn write(&self, issued: &Issued) {
        self.write_certificate(issued);
        self.write_key(issued);
    }

    pub(crate) fn write_certificate(&self, issued: &Issued) {
        replace(&self.certificate, &issued.certificate);
    }

    pub(crate) fn write_key(&self, issued: &Issued) {
        replace(&self.key, &issued.key);
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let (certificate, key) = (self.certificate.display().to_string(), self.key.display().to_string());
        vec!["--tls-certificate".to_owned(), certificate, "--tls-key".to_owned(), key]
    }
}

pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, path).unwrap();
}
