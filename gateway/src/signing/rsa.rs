//! RSA key pairs: `aws-lc-rs` makes them, `ring` signs with them.
//!
//! `ring` makes none. The crate `rsa` would, with a signature whose time depends on the key (RUSTSEC-2023-0071); AWS-LC makes them as
//! its FIPS module does, builds with a C compiler alone, and `ring` reads what it made before anything is kept.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// As long as keys have to be beyond 2030 (NIST SP 800-57): one may stay for years.
const SIZE: KeySize = KeySize::Rsa3072;

/// A pair that was just made.
pub(super) struct Made {
    pub(super) kid: String,
    /// A JSON Web Key.
    pub(super) public: String,
    /// PKCS #8.
    pub(super) private: SecretSlice<u8>,
}

/// Makes a pair; `None` where the system gives no random numbers.
pub(super) fn make() -> Option<Made> {
    let pair = KeyPair::generate(SIZE).ok()?;
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let private = SecretSlice::from(der.as_ref().to_vec());
    let pair = RsaKeyPair::from_pkcs8(private.expose_secret()).ok()?;
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
    let [n, e] = [n, e].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    // RFC 7638: these members, in this order, without spaces.
    let kid = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)));
    let public = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e }).to_string();
    Some(Made { kid, public, private })
}

/// A pair that signs.
pub(super) struct Pair(RsaKeyPair);

impl Pair {
    pub(super) fn open(private: &SecretSlice<u8>) -> Option<Self> {
        RsaKeyPair::from_pkcs8(private.expose_secret()).ok().map(Self)
    }

    /// The text with its signature.
    pub(super) fn signed(&self, text: &str) -> Option<String> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}
