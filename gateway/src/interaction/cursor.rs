//! Places in pages, sealed: a client can neither read nor make one, nor use it for another query.
//!
//! Deterministic AEAD (AES-256-GCM-SIV, RFC 8452) bound to the query as associated data: the same page has the same
//! address, whoever computes it, and a forged or foreign cursor does not open.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use aes_gcm_siv::aead::{Aead, Generate, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consent::Purpose;
use sha2::{Digest, Sha256};

use crate::outcome::{Code, Failure};

/// The file in the data directory. Gateways that serve one database behind one address share it.
pub(crate) const KEY_FILE: &str = "cursor.key";

/// Seals and opens cursors.
pub struct Cursors {
    cipher: Aes256GcmSiv,
}

impl Cursors {
    /// With the key of the data directory, made at first use.
    ///
    /// # Errors
    /// The file can be neither read nor made.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(KEY_FILE);
        if !path.exists() {
            make_key(&path)?;
        }
        let key: [u8; 32] = fs::read(&path)?
            .try_into()
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key has not 32 bytes: delete the file"))?;
        Ok(Self::with_key(key))
    }

    /// With a key that follows from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self::with_key(Sha256::new().chain_update(b"cursor").chain_update(seed.to_be_bytes()).finalize().into())
    }

    fn with_key(key: [u8; 32]) -> Self {
        Self { cipher: Aes256GcmSiv::new(&key.into()) }
    }

    /// The text that stands for this place in the pages of this query.
    pub fn seal(&self, query: &Query<'_>, place: &str) -> String {
        let (nonce, bound) = query.bind();
        let sealed = self.cipher.encrypt(&nonce, Payload { msg: place.as_bytes(), aad: &bound });
        // It fails only for more than 64 GiB.
        URL_SAFE_NO_PAD.encode(sealed.unwrap_or_default())
    }

    /// The place that a text stands for in the pages of this query, as `read` understands it.
    ///
    /// # Errors
    /// 400: not made here, or for another query.
    pub fn open_sealed<T>(
        &self,
        query: &Query<'_>,
        text: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Failure> {
        self.unseal(query, text).and_then(|place| read(&place)).ok_or_else(|| {
            Failure::bad_request(
                Code::Value,
                "_cursor is not one of this query's pages. Follow the links of a page; do not make or change them.",
            )
        })
    }

    fn unseal(&self, query: &Query<'_>, text: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, bound) = query.bind();
        let plain = self.cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &bound }).ok()?;
        String::from_utf8(plain).ok()
    }
}

/// What a cursor is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Query<'q> {
    /// The organization whose rows the pages show.
    pub organization: i64,
    /// The path under the base: `Patient`, `Patient/1/_history`.
    pub path: &'q str,
    /// The parameters that choose and order the matches.
    pub parameters: &'q str,
    /// Why they are asked for: what is seen for one purpose does not go on for another.
    pub purpose: Purpose,
}

impl Query<'_> {
    /// Nonce and associated data. The nonce follows from the query: the cipher stays deterministic, and no two queries
    /// share a nonce.
    fn bind(&self) -> (Nonce, [u8; 32]) {
        let bound: [u8; 32] = Sha256::new()
            .chain_update(self.organization.to_be_bytes())
            .chain_update((self.path.len() as u64).to_be_bytes())
            .chain_update(self.path)
            .chain_update(self.purpose.code())
            .chain_update([0])
            .chain_update(self.parameters)
            .finalize()
            .into();
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&bound[..12]);
        (nonce.into(), bound)
    }
}

/// Makes a file of 32 random bytes for its owner alone, whole or not at all; where another process was first, its key counts.
pub(crate) fn make_key(path: &Path) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(&<[u8; 32]>::try_generate().map_err(io::Error::other)?)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENTS: Query<'_> =
        Query { organization: 1, path: "Patient", parameters: "code=a", purpose: Purpose::Treat };

    fn whole(place: &str) -> Option<String> {
        Some(place.to_owned())
    }

    #[test]
    fn a_place_comes_back_and_its_text_is_always_the_same() {
        let cursors = Cursors::seeded(7);
        let text = cursors.seal(&PATIENTS, "Patient/1");
        assert_eq!(text, Cursors::seeded(7).seal(&PATIENTS, "Patient/1"));
        assert_eq!(cursors.open_sealed(&PATIENTS, &text, whole).unwrap(), "Patient/1");
    }

    #[test]
    fn forged_and_foreign_cursors_do_not_open() {
        let cursors = Cursors::seeded(7);
        let text = cursors.seal(&PATIENTS, "Patient/5");
        let opens = |query: &Query<'_>, text: &str| cursors.open_sealed(query, text, whole).is_ok();
        assert!(opens(&PATIENTS, &text));
        assert!(!opens(&Query { organization: 2, ..PATIENTS }, &text));
        assert!(!opens(&Query { path: "Group", ..PATIENTS }, &text));
        assert!(!opens(&Query { parameters: "code=b", ..PATIENTS }, &text));
        assert!(!opens(&Query { purpose: Purpose::Etreat, ..PATIENTS }, &text));
        let first = if text.starts_with('A') { "B" } else { "A" };
        assert!(!opens(&PATIENTS, &format!("{first}{}", &text[1..])));
        assert!(!opens(&PATIENTS, "") && !opens(&PATIENTS, "%%%") && !opens(&PATIENTS, "AAAA"));
        assert!(cursors.open_sealed(&PATIENTS, &text, |_| None::<()>).is_err(), "of another shape");
        assert!(Cursors::seeded(8).open_sealed(&PATIENTS, &text, whole).is_err(), "of another key");
    }

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let text = Cursors::open(folder.path()).unwrap().seal(&PATIENTS, "Patient/9");
        assert_eq!(Cursors::open(folder.path()).unwrap().open_sealed(&PATIENTS, &text, whole).unwrap(), "Patient/9");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
