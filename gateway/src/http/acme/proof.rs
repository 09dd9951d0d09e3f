//! What an authority asks on our listener to see that a name is ours: a certificate of one name with a digest in it, under a protocol of
//! its own (<https://www.rfc-editor.org/rfc/rfc8737#section-3>).

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use super::problem::Problem;
use crate::http::secure::config_for;
use crate::metrics::Count;

/// The protocol that an authority speaks, and nobody else.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// What belongs to certificates that an authority is asked for.
#[derive(Debug, Default)]
pub struct Automatic {
    /// By name, for as long as the authority was told to look.
    answers: Mutex<HashMap<String, Arc<ServerConfig>>>,
    /// Certificates that were got.
    pub(crate) issued: Count,
    /// Attempts that came to nothing.
    pub(crate) failed: Count,
}

/// Whether it is an authority that connects.
pub(in crate::http) fn is_question(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|protocols| protocols.eq([PROTOCOL]))
}

impl Automatic {
    /// How the handshake goes by which an authority sees that a name is ours.
    pub(in crate::http) fn answer(&self, name: &str) -> Option<Arc<ServerConfig>> {
        self.answers.lock().get(&name.to_ascii_lowercase()).cloned()
    }

    /// Shows it from now on, until all of that is forgotten.
    pub(super) fn prove(&self, name: &str, digest: &[u8]) -> Result<(), Problem> {
        let key = made(&[name.to_owned()], Some(digest)).ok_or(Problem::Unmade)?;
        let config = config_for(&key, &[PROTOCOL]).map_err(|_| Problem::Unmade)?;
        self.answers.lock().insert(name.to_ascii_lowercase(), config);
        Ok(())
    }

    /// Nothing is asked for any more.
    pub(super) fn forget(&self) {
        self.answers.lock().clear();
    }
}

/// A certificate that nobody signed but we: with a digest for an authority, without one to stand in until there is another.
pub(super) fn made(names: &[String], digest: Option<&[u8]>) -> Option<Arc<CertifiedKey>> {
    let mut params = CertificateParams::new(names).ok()?;
    params.distinguished_name = DistinguishedName::new();
    // Of another length it is none of SHA-256.
    params.custom_extensions =
        digest.into_iter().filter(|digest| digest.len() == 32).map(CustomExtension::new_acme_identifier).collect();
    let key = KeyPair::generate().ok()?;
    let certificate = params.self_signed(&key).ok()?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = default_provider().key_provider.load_private_key(der).ok()?;
    Some(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signing)))
}
