//! Signatures of Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over id, timestamp and body.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme>.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets at once: the old one and the new one, while the receiver learns the new one.
const MOST: usize = 4;
/// Longer than any file of secrets.
const LONGEST_FILE: u64 = 4096;

/// The secret of the signatures, or several while one takes over from another. There is no way to print them.
pub struct Secrets(Vec<Vec<u8>>);

/// Why there is no secret. What it says holds nothing of one.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// Others may read the file.
    #[error("{0} can be read by others than its owner: chmod 600 {0}")]
    Open(String),
    /// It holds something else.
    #[error(
        "the webhook's secret is whsec_ and the base64 of 24 to 64 bytes, one a line, at most 4 of them. Make one: (umask 077; echo \
         \"whsec_$(head -c 32 /dev/urandom | base64)\" > webhook.secret)"
    )]
    Malformed,
}

impl Secrets {
    /// From the text of a file or a variable: one a line (or with spaces between), the newest first.
    ///
    /// # Errors
    /// [`SecretsError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SecretsError> {
        let secret =
            |word: &str| STANDARD.decode(word.strip_prefix(PREFIX)?).ok().filter(|it| BYTES.contains(&it.len()));
        let secrets: Option<Vec<Vec<u8>>> = text.split_whitespace().map(secret).collect();
        secrets.filter(|secrets| (1..=MOST).contains(&secrets.len())).map(Self).ok_or(SecretsError::Malformed)
    }

    /// From a file that its owner alone can read.
    ///
    /// # Errors
    /// [`SecretsError`] says what to do.
    pub fn read(path: &Path) -> Result<Self, SecretsError> {
        let name = || path.display().to_string();
        let failed = |error| SecretsError::File(name(), error);
        let file = File::open(path).map_err(failed)?;
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&file.metadata().map_err(failed)?.permissions()) & 0o077 != 0 {
            return Err(SecretsError::Open(name()));
        }
        let mut text = String::new();
        file.take(LONGEST_FILE).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text)
    }

    /// The header's value: one signature for each secret.
    #[must_use]
    pub fn sign(&self, id: &str, at_seconds: i64, body: &str) -> String {
        let message = format!("{id}.{at_seconds}.{body}");
        let sign = |secret: &Vec<u8>| {
            // A key of any length will do.
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(message.as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        self.0.iter().filter_map(sign).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
pub(super) const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn the_signature_is_the_specifications() {
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(Secrets::parse(EXAMPLE).unwrap().sign(id, 1_614_265_330, body), signature);
        let both = Secrets::parse(&format!("{EXAMPLE}\n{EXAMPLE}\n")).unwrap();
        assert_eq!(both.sign(id, 1_614_265_330, body), format!("{signature} {signature}"));
    }

    #[test]
    fn a_secret_is_long_enough_and_well_formed() {
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        for good in [of(24), of(64), format!("  {}\n{}\n", of(32), of(33))] {
            assert!(Secrets::parse(&good).is_ok());
        }
        let five = vec![of(32); 5].join(" ");
        for bad in ["", "\n", "secret", "whsec_", "whsec_?", &of(23), &of(65), &STANDARD.encode([7; 32]), &five] {
            assert!(Secrets::parse(bad).is_err(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owners_alone() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(matches!(Secrets::read(&path), Err(SecretsError::File(..))));
        fs::write(&path, EXAMPLE).unwrap();
        for (mode, open) in [(0o644, true), (0o640, true), (0o600, false), (0o400, false)] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(matches!(Secrets::read(&path), Err(SecretsError::Open(_))), open, "{mode:o}");
        }
    }
}
