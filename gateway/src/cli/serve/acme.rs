//! The options of certificates that an authority is asked for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Url;

use crate::cli::Stop;
use crate::http::acme::{self, Acme, MOST_NAMES, USUAL_DIRECTORY};
use crate::tls;

/// The longest file of certificates, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Who gives certificates by itself.
#[derive(Args, Clone, Debug)]
pub(super) struct AcmeArgs {
    /// The server speaks TLS itself, with a certificate for this name (again for more; the host of --public-url among them) that it gets
    /// from an authority by ACME (Let's Encrypt, unless --acme-directory says another) and renews. The name has to lead to this server at
    /// port 443, for the authority too. With it you agree to the authority's terms of service. Keys are kept in `acme` in the data directory.
    #[arg(
        long,
        value_name = "NAME",
        env = "FHIR_GATEWAY_ACME_DOMAIN",
        value_delimiter = ',',
        value_parser = acme::domain,
        requires = "acme_contact",
        conflicts_with_all = ["tls_certificate", "tls_key", "dev"]
    )]
    acme_domain: Vec<String>,
    /// Where the authority reaches who answers for this server: mailto:it@clinic.example; give it again for more.
    #[arg(
        long,
        value_name = "MAILTO",
        env = "FHIR_GATEWAY_ACME_CONTACT",
        value_delimiter = ',',
        value_parser = acme::contact,
        requires = "acme_domain"
    )]
    acme_contact: Vec<String>,
    /// The address of the authority's directory.
    #[arg(
        long,
        value_name = "URL",
        env = "FHIR_GATEWAY_ACME_DIRECTORY",
        requires = "acme_domain",
        default_value = USUAL_DIRECTORY,
        value_parser = acme::directory
    )]
    acme_directory: Url,
    /// A file of certificates (PEM) of authorities that --acme-directory may have its own certificate of, beside the usual ones: for a
    /// directory of your own.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_ACME_CA_FILE", requires = "acme_domain")]
    acme_ca_file: Option<PathBuf>,
}

impl AcmeArgs {
    /// Whether an authority is to be asked.
    pub(super) fn is_on(&self) -> bool {
        !self.acme_domain.is_empty()
    }

    /// What it is to be asked for.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn acme(&self, public_url: Option<&str>) -> Result<Option<Acme>, Stop> {
        if !self.is_on() {
            return Ok(None);
        }
        let domains: BTreeSet<_> = self.acme_domain.iter().cloned().collect();
        if domains.len() > MOST_NAMES {
            return Err(Stop::usage(format!("--acme-domain: a certificate has {MOST_NAMES} names at most")));
        }
        // Without --public-url nothing starts, and that is said elsewhere.
        if let Some(host) = public_url.and_then(|url| Url::parse(url).ok()?.host_str().map(str::to_owned))
            && !domains.contains(&host)
        {
            return Err(Stop::usage(format!(
                "--public-url names {host}, and --acme-domain does not: clients would refuse the certificate; add --acme-domain {host}"
            )));
        }
        let certificates = self.acme_ca_file.as_deref().map(read).transpose()?;
        let tls = tls::config(certificates.as_deref());
        let tls = tls.map_err(|error| Stop::usage(format!("the file of certificates (--acme-ca-file): {error}")))?;
        let (contacts, directory) = (self.acme_contact.clone(), self.acme_directory.clone());
        Ok(Some(Acme { domains, contacts, directory, tls }))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    read.map_err(|error| Stop::usage(format!("--acme-ca-file {}: {error}", path.display())))?;
    Ok(text)
}
