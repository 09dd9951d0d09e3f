//! What the database keeps and must not show: sealed under a key that is outside of it.
//!
//! The key is that of the data directory (made at first use, for its owner alone) or of the environment. AES-256-GCM-SIV (RFC 8452)
//! with random nonces; what something is sealed for is associated data, so that it opens for nothing else.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use aes_gcm_siv::aead::{Aead, Generate, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::interaction::cursor::make_key;

/// The file in the data directory. Gateways that serve one database share it, or have the same in the environment.
pub(crate) const KEY_FILE: &str = "secret.key";

/// The variable that holds the key in the file's place: 32 bytes in base64.
pub const KEY_VARIABLE: &str = "FHIR_GATEWAY_SECRET_KEY";

/// What sealed texts begin with: how they are sealed.
const FORM: &str = "s1.";

const NONCE: usize = 12;

/// Seals and opens.
#[derive(Clone)]
pub struct Sealer {
    cipher: Aes256GcmSiv,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}

/// It cannot be sealed, or does not open: another key, another context, or changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it does not open with the key of this gateway ({KEY_VARIABLE}, or secret.key in the data directory)")]
pub struct Unsealable;

impl Sealer {
    /// With the key of [`KEY_VARIABLE`], else with that of the data directory, which is made at first use.
    ///
    /// # Errors
    /// The key is none, or the file can be neither read nor made.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let wrong = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        if let Some(text) = std::env::var_os(KEY_VARIABLE) {
            let text = SecretString::from(text.into_string().unwrap_or_default());
            let key = SecretSlice::from(BASE64_STANDARD.decode(text.expose_secret().trim()).unwrap_or_default());
            let sealer = Self::with_key(key.expose_secret());
            return sealer.ok_or_else(|| {
                wrong(format!("{KEY_VARIABLE} has to be 32 bytes in base64 (openssl rand -base64 32)"))
            });
        }
        let path = data_dir.join(KEY_FILE);
        if !path.exists() {
            make_key(&path)?;
        }
        let key = SecretSlice::from(fs::read(&path)?);
        Self::with_key(key.expose_secret()).ok_or_else(|| {
            wrong(format!("{KEY_FILE} has not 32 bytes: put the file back from where it is kept; what was sealed by it opens with no other"))
        })
    }

    fn with_key(key: &[u8]) -> Option<Self> {
        Aes256GcmSiv::new_from_slice(key).ok().map(|cipher| Self { cipher })
    }

    /// A text that only this key opens, for the same context alone: say whose it is and what (`totp ID`).
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String, Unsealable> {
        let nonce = <[u8; NONCE]>::try_generate().map_err(|_| Unsealable)?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| Unsealable)?;
        Ok(format!("{FORM}{}", BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// What was sealed for a context.
    ///
    /// # Errors
    /// Another key, another context, or changed.
    pub fn unseal(&self, context: &str, sealed: &str) -> Result<SecretSlice<u8>, Unsealable> {
        let text = sealed.strip_prefix(FORM).ok_or(Unsealable)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Unsealable)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Unsealable)?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map(SecretSlice::from).map_err(|_| Unsealable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::with_key(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_key_has_32_bytes_and_is_made_once_for_its_owner() {
        assert!(Sealer::with_key(&[1; 31]).is_none() && Sealer::with_key(&[]).is_none());
        let folder = tempfile::tempdir().unwrap();
        let sealed = Sealer::open(folder.path()).unwrap().seal("a", b"plain").unwrap();
        let opened = Sealer::open(folder.path()).unwrap().unseal("a", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), b"plain");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.path().join(KEY_FILE), "short").unwrap();
        assert!(Sealer::open(folder.path()).is_err());
    }

    proptest! {
        /// It comes back under its key and context, and under no other, nor changed; and the same is never sealed alike.
        #[test]
        fn what_is_sealed_opens_for_its_context_alone(plain in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>()) {
            let sealed = sealer(1).seal("totp a", &plain).unwrap();
            let opened = sealer(1).unseal("totp a", &sealed).unwrap();
            prop_assert_eq!(opened.expose_secret(), &plain[..]);
            prop_assert!(sealer(1).unseal("totp b", &sealed).is_err());
            prop_assert!(sealer(2).unseal("totp a", &sealed).is_err());
            prop_assert_ne!(&sealed, &sealer(1).seal("totp a", &plain).unwrap());
            let mut bytes = sealed.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(sealer(1).unseal("totp a", &changed).is_err());
        }
    }
}
