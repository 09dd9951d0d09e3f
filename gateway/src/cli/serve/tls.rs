//! The options of TLS of the server's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::acme::AcmeArgs;
use crate::cli::Stop;
use crate::http::CertificateFiles;
use crate::http::acme::{self, Acme};
use crate::http::protection::{Hsts, hsts};
use crate::http::secure::{Care, Keeper, Secure};

/// Who speaks TLS.
#[derive(Args, Clone, Debug)]
pub(super) struct TlsArgs {
    /// The server speaks TLS itself, with the certificate in this file (PEM): its own first, then those of the authorities between
    /// (certbot's fullchain.pem). The file is read again when it changes, and on SIGHUP.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of --tls-certificate (PEM, without passphrase; certbot's privkey.pem), which the server's user alone should be able to read.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    #[command(flatten)]
    acme: AcmeArgs,
    /// For how many seconds browsers go nowhere on the host of an https --public-url but by TLS with a certificate that they know
    /// (Strict-Transport-Security); a year unless something is said. `off`: for a host that is reached by its address, or has a certificate of an
    /// authority of your own, as long as not all browsers know it. 0 has browsers forget what they were told.
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_HSTS", value_parser = hsts)]
    hsts: Option<Hsts>,
}

/// TLS whose options are right.
pub(super) enum Opened {
    /// An authority is to be asked for certificates.
    Acme(Box<Acme>),
    /// Files hold them.
    Files(Arc<Secure>, Box<Keeper>),
}

impl TlsArgs {
    /// Whether it is the server.
    pub(super) fn is_on(&self) -> bool {
        self.acme.is_on() || (self.tls_certificate.is_some() && self.tls_key.is_some())
    }

    /// What browsers are told.
    pub(super) fn hsts(&self) -> Hsts {
        self.hsts.unwrap_or_default()
    }

    /// TLS, where it is the server who speaks it. Nothing is written yet.
    ///
    /// # Errors
    /// What is wrong with the files, or with what is to be asked for.
    pub(super) fn open(&self, public_url: Option<&str>) -> Result<Option<Opened>, Stop> {
        if let Some(acme) = self.acme.acme(public_url)? {
            return Ok(Some(Opened::Acme(Box::new(acme))));
        }
        let (Some(certificate), Some(key)) = (self.tls_certificate.clone(), self.tls_key.clone()) else {
            return Ok(None);
        };
        let opened = Secure::open(CertificateFiles { certificate, key });
        let opened = opened.map_err(|error| Stop::usage(format!("--tls-certificate and --tls-key: {error}")))?;
        Ok(Some(Opened::Files(opened.0, Box::new(opened.1))))
    }
}

impl Opened {
    /// Who makes handshakes, and who looks after the certificate, which may be kept below the data directory.
    ///
    /// # Errors
    /// Nothing can be kept there.
    pub(super) fn begin(self, data_dir: &Path) -> Result<(Arc<Secure>, Care), Stop> {
        match self {
            Self::Acme(acme) => {
                let opened = acme::Keeper::open(*acme, data_dir);
                let (secure, keeper) = opened.map_err(|error| Stop::failed(format!("--acme-domain: {error}")))?;
                Ok((secure, Care::Acme(Box::new(keeper))))
            }
            Self::Files(secure, keeper) => Ok((secure, Care::Files(*keeper))),
        }
    }
}
