//! TLS of what the gateway itself asks: webhooks, and key sets of clients.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Why a file of certificates cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificatesError {
    /// It is not PEM.
    #[error("it is not PEM")]
    NotPem,
    /// It is PEM of something else.
    #[error("there is no certificate in it")]
    None,
    /// Not one that signs others.
    #[error("a certificate in it is none of an authority")]
    NoAuthority,
    /// TLS cannot be had.
    #[error("TLS cannot be set up")]
    Unusable,
}

/// TLS with the authorities that browsers trust (compiled in), and those of a PEM file.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn config(certificates: Option<&[u8]>) -> Result<ClientConfig, CertificatesError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = certificates {
        let found: Vec<_> =
            CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| CertificatesError::NotPem)?;
        if found.is_empty() {
            return Err(CertificatesError::None);
        }
        for certificate in found {
            roots.add(certificate).map_err(|_| CertificatesError::NoAuthority)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|_| CertificatesError::Unusable)?.with_root_certificates(roots).with_no_client_auth())
}
