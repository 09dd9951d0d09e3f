//! What the database keeps and must not show: sealed under a key that is outside of it.
//!
//! The key is what a command prints (a key service's), or that of the environment, or that of the data directory (made at first use, for its
//! owner alone). AES-256-GCM-SIV (RFC 8452) with random nonces; what something is sealed for is associated data, so that it opens for nothing
//! else. What is sealed names its key: while another key takes the place of one ([`rotation`]) both open, and servers take up the new one.

pub(crate) mod command;
pub mod rotation;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aes_gcm_siv::aead::{Aead, Generate, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};

use crate::interaction::cursor::make_key;

/// The file in the data directory. Gateways that serve one database share it, or have the same in the environment.
pub(crate) const KEY_FILE: &str = "secret.key";

/// The key before it, for as long as something is sealed under that.
pub(crate) const BEFORE_FILE: &str = "secret.before.key";

/// The variable that holds the key in the file's place: 32 bytes in base64.
pub const KEY_VARIABLE: &str = "FHIR_GATEWAY_SECRET_KEY";

/// The variable that holds the key before it, where neither is in a file.
pub const BEFORE_VARIABLE: &str = "FHIR_GATEWAY_SECRET_KEY_BEFORE";

/// What texts begin with that name no key: sealed by a release before keys had names.
const UNNAMED: &str = "s1.";

/// What sealed texts begin with; the name of their key follows, and a dot.
const FORM: &str = "s2.";

const NONCE: usize = 12;

/// A process knows no more keys than these: the one that seals, the one before, and what it knew before it looked again, which opens what
/// browsers have.
const MOST: usize = 4;

/// What the database keeps sealed, by the row's key. `store::sealed` seals all of it anew.
#[derive(Clone, Copy, Debug)]
pub enum Sealed {
    /// A signing key, by its `kid`.
    SigningKey,
    /// The secret of an account's second factor.
    SecondFactor,
    /// The secret that we log people in with at a provider.
    Login,
    /// The secret that we ask a provider with what a token is.
    Introspection,
}

impl Sealed {
    /// What it is sealed for.
    #[must_use]
    pub fn context(self, key: &str) -> String {
        let what = match self {
            Self::SigningKey => "signing key",
            Self::SecondFactor => "totp",
            Self::Login => "provider",
            Self::Introspection => "provider introspection",
        };
        format!("{what} {key}")
    }
}

/// Seals and opens.
pub struct Sealer {
    ring: RwLock<Ring>,
    /// Where the files are, if the keys are those.
    folder: Option<PathBuf>,
}

/// The keys, that which seals first.
struct Ring {
    keys: Vec<Key>,
    /// The files as they were.
    seen: Seen,
}

/// Of both files what changes when they do.
type Seen = [Option<(u64, i64, i64)>; 2];

#[derive(Clone)]
struct Key {
    /// What is sealed by it says so: it tells nothing of the key.
    name: Box<str>,
    cipher: Aes256GcmSiv,
}

impl Key {
    fn new(key: &[u8]) -> Option<Self> {
        let digest = Sha256::new().chain_update(b"fhir-gateway secret key 1").chain_update(key).finalize();
        let name = BASE64_URL_SAFE_NO_PAD.encode(digest.get(..6)?);
        Some(Self { name: name.into(), cipher: Aes256GcmSiv::new_from_slice(key).ok()? })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}

/// It cannot be sealed, or does not open: another key, another context, or changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "it does not open with the key of this gateway (--secret-key-command, {KEY_VARIABLE}, or secret.key in the data directory)"
)]
pub struct Unsealable;

fn wrong(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// 32 bytes, as they are or in base64.
fn read(text: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(text).map(str::trim).unwrap_or_default();
    let key = SecretSlice::from(BASE64_STANDARD.decode(text).unwrap_or_default());
    Key::new(key.expose_secret())
}

/// The key that a variable holds; `None`: it is not set.
fn of_variable(name: &str) -> io::Result<Option<Key>> {
    let Some(text) = std::env::var_os(name) else { return Ok(None) };
    let text = SecretString::from(text.into_string().unwrap_or_default());
    let refused = || wrong(format!("{name} has to be 32 bytes in base64 (openssl rand -base64 32)"));
    read(text.expose_secret().as_bytes()).map(Some).ok_or_else(refused)
}

/// The key in a file.
fn of_file(path: &Path) -> io::Result<Key> {
    let key = SecretSlice::from(fs::read(path)?);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Key::new(key.expose_secret()).ok_or_else(|| {
        wrong(format!("{name} has not 32 bytes: put the file back from where it is kept; what was sealed by it opens with no other"))
    })
}

fn seen(folder: &Path) -> Seen {
    [KEY_FILE, BEFORE_FILE].map(|name| {
        let metadata = fs::metadata(folder.join(name)).ok()?;
        Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec()))
    })
}

impl Ring {
    fn of_files(folder: &Path) -> io::Result<Self> {
        // Before they are read: what changes meanwhile is seen the next time.
        let seen = seen(folder);
        let mut keys = vec![of_file(&folder.join(KEY_FILE))?];
        match of_file(&folder.join(BEFORE_FILE)) {
            Ok(before) if before.name != keys[0].name => keys.push(before),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { keys, seen })
    }

    fn open(&self, name: Option<&str>, sealed: &[u8], context: &str) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let open = |key: &Key| {
            let payload = Payload { msg: sealed, aad: context.as_bytes() };
            key.cipher.decrypt(&Nonce::from(*nonce), payload).ok()
        };
        self.keys.iter().filter(|key| name.is_none_or(|name| *key.name == *name)).find_map(open)
    }
}

impl Sealer {
    /// With the key that a command printed, else that of [`KEY_VARIABLE`], else that of the data directory, which is made at first use.
    ///
    /// # Errors
    /// The key is none, or the file can be neither read nor made.
    pub fn open(data_dir: &Path, printed: Option<&SecretSlice<u8>>) -> io::Result<Self> {
        let printed = printed.map(|text| {
            let refused = || wrong("--secret-key-command: it has to print 32 bytes in base64 (openssl rand -base64 32) and nothing else".to_owned());
            read(text.expose_secret()).ok_or_else(refused)
        });
        let first = match printed.transpose()? {
            Some(key) => Some(key),
            None => of_variable(KEY_VARIABLE)?,
        };
        if let Some(first) = first {
            let keys = [first].into_iter().chain(of_variable(BEFORE_VARIABLE)?).collect();
            return Ok(Self { ring: RwLock::new(Ring { keys, seen: Seen::default() }), folder: None });
        }
        let path = data_dir.join(KEY_FILE);
        if !path.exists() {
            make_key(&path)?;
        }
        Ok(Self { ring: RwLock::new(Ring::of_files(data_dir)?), folder: Some(data_dir.to_owned()) })
    }

    /// Whether the keys are files of the data directory.
    pub(crate) fn is_of_files(&self) -> bool {
        self.folder.is_some()
    }

    /// Reads the files again where they have changed; false where that fails: what is known stays, and the next one tries again.
    fn look(&self) -> bool {
        let Some(folder) = &self.folder else { return true };
        if self.ring.read().seen == seen(folder) {
            return true;
        }
        match Ring::of_files(folder) {
            Ok(mut fresh) => {
                let mut ring = self.ring.write();
                let others = ring.keys.iter().filter(|key| fresh.keys.iter().all(|one| one.name != key.name));
                let others: Vec<Key> = others.cloned().collect();
                fresh.keys.extend(others);
                fresh.keys.truncate(MOST);
                *ring = fresh;
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the key of the data directory cannot be read again");
                false
            }
        }
    }

    /// What begins all that the key seals which seals now.
    pub(crate) fn mark(&self) -> String {
        self.look();
        format!("{FORM}{}.", self.ring.read().keys[0].name)
    }

    /// A text that only this key opens, for the same context alone: say whose it is and what (`totp ID`).
    ///
    /// # Errors
    /// The system gives no random numbers; or there is another key, which cannot be read: under the one before nothing is sealed that would
    /// go with it.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String, Unsealable> {
        if !self.look() {
            return Err(Unsealable);
        }
        let nonce = <[u8; NONCE]>::try_generate().map_err(|_| Unsealable)?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let key = self.ring.read().keys[0].clone();
        let sealed = key.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| Unsealable)?;
        Ok(format!("{FORM}{}.{}", key.name, BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// What was sealed for a context.
    ///
    /// # Errors
    /// Another key, another context, or changed.
    pub fn unseal(&self, context: &str, sealed: &str) -> Result<SecretSlice<u8>, Unsealable> {
        let (name, text) = match sealed.strip_prefix(FORM).and_then(|rest| rest.split_once('.')) {
            Some((name, text)) => (Some(name), text),
            None => (None, sealed.strip_prefix(UNNAMED).ok_or(Unsealable)?),
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Unsealable)?;
        let opened = self.ring.read().open(name, &bytes, context);
        if let Some(opened) = opened {
            return Ok(opened.into());
        }
        // Another process may have put a new key there.
        self.look();
        self.ring.read().open(name, &bytes, context).map(SecretSlice::from).ok_or(Unsealable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        let ring = Ring { keys: vec![Key::new(&[byte; 32]).unwrap()], seen: Seen::default() };
        Sealer { ring: RwLock::new(ring), folder: None }
    }

    #[test]
    fn a_key_has_32_bytes_and_is_made_once_for_its_owner() {
        assert!(Key::new(&[1; 31]).is_none() && Key::new(&[]).is_none());
        let folder = tempfile::tempdir().unwrap();
        let sealed = Sealer::open(folder.path(), None).unwrap().seal("a", b"plain").unwrap();
        let opened = Sealer::open(folder.path(), None).unwrap().unseal("a", &sealed).unwrap();
        assert_eq!(opened.expose_secret(), b"plain");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.path().join(KEY_FILE), "short").unwrap();
        assert!(Sealer::open(folder.path(), None).is_err());
    }

    #[test]
    fn what_was_sealed_before_keys_had_names_opens() {
        let plain = sealer(1).seal("a", b"plain").unwrap();
        let old = format!("{UNNAMED}{}", plain.rsplit_once('.').unwrap().1);
        assert_eq!(sealer(1).unseal("a", &old).unwrap().expose_secret(), b"plain");
        assert!(sealer(2).unseal("a", &old).is_err());
    }

    #[test]
    fn a_process_takes_up_another_key_and_opens_what_it_knew() {
        let folder = tempfile::tempdir().unwrap();
        let running = Sealer::open(folder.path(), None).unwrap();
        let old = running.seal("a", b"old").unwrap();
        assert!(rotation::begin(folder.path()).unwrap());
        let new = Sealer::open(folder.path(), None).unwrap().seal("a", b"new").unwrap();
        assert!(new.starts_with(&running.mark()) && !old.starts_with(&running.mark()));
        assert_eq!(running.unseal("a", &new).unwrap().expose_secret(), b"new");
        assert!(running.seal("a", b"now").unwrap().starts_with(&running.mark()));
        let later = Sealer::open(folder.path(), None).unwrap();
        assert_eq!(later.unseal("a", &old).unwrap().expose_secret(), b"old");
        rotation::end(folder.path()).unwrap();
        assert_eq!(running.unseal("a", &old).unwrap().expose_secret(), b"old", "what browsers have");
        assert!(Sealer::open(folder.path(), None).unwrap().unseal("a", &old).is_err());
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
