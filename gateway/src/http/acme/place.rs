//! What is kept below the data folder, for its owner alone: for each directory a folder with the account, the certificate with its key,
//! and how often in a row it could not be had.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use instant_acme::AccountCredentials;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::http::certificate::CertificateFiles;

/// The folder of all of it, below the data folder.
const FOLDER: &str = "acme";
const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.pem";
const TRIES: &str = "tries.json";
/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The folder of a directory.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

/// An account at the directory. Its key is a secret: nothing of it is shown.
#[derive(Deserialize, Serialize)]
pub(super) struct Account {
    /// Of whom the directory was told.
    pub(super) contacts: Vec<String>,
    pub(super) credentials: AccountCredentials,
}

/// How it went before.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Tries {
    /// How many came to nothing since the last one that did not.
    pub(super) failures: u32,
    /// Until when nothing is tried, in milliseconds since 1970.
    pub(super) not_before_ms: i64,
    /// What was asked for: something else may be tried at once.
    pub(super) of: String,
}

impl Place {
    /// The folder of a directory, which is made where there is none.
    pub(super) fn open(data_dir: &Path, directory: &Url) -> io::Result<Self> {
        let digest = HEXLOWER.encode(&Sha256::digest(directory.as_str().as_bytes())[..4]);
        let of_all = data_dir.join(FOLDER);
        let host = directory.host_str().unwrap_or_default().trim_matches(['[', ']']).replace(':', "-");
        let folder = of_all.join(format!("{host}-{digest}"));
        for folder in [&of_all, &folder] {
            match DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => fs::set_permissions(folder, Permissions::from_mode(0o700))?,
            }
        }
        Ok(Self(folder))
    }

    /// The certificate with its key: one file, so that they are always of each other.
    pub(super) fn certificate(&self) -> CertificateFiles {
        let path = self.0.join(CERTIFICATE);
        CertificateFiles { certificate: path.clone(), key: path }
    }

    /// Whether there has been one.
    pub(super) fn has_certificate(&self) -> bool {
        self.0.join(CERTIFICATE).exists()
    }

    pub(super) fn keep_certificate(&self, pem: &SecretString) -> io::Result<()> {
        self.write(CERTIFICATE, pem.expose_secret().as_bytes())
    }

    /// The account, where there is one that can be read.
    pub(super) fn account(&self) -> io::Result<Option<Account>> {
        self.read(ACCOUNT)
    }

    pub(super) fn keep_account(&self, account: &Account) -> io::Result<()> {
        let text = SecretSlice::from(serde_json::to_vec(account).map_err(io::Error::other)?);
        self.write(ACCOUNT, text.expose_secret())
    }

    /// The directory knows it no more.
    pub(super) fn forget_account(&self) -> io::Result<()> {
        fs::remove_file(self.0.join(ACCOUNT))
    }

    /// How it went before; what cannot be read says nothing.
    pub(super) fn tries(&self) -> Tries {
        self.read(TRIES).ok().flatten().unwrap_or_default()
    }

    pub(super) fn keep_tries(&self, tries: &Tries) -> io::Result<()> {
        self.write(TRIES, &serde_json::to_vec(tries).map_err(io::Error::other)?)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        let file = match File::open(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut text = Vec::new();
        file.take(LONGEST).read_to_end(&mut text)?;
        let text = SecretSlice::from(text);
        // What is wrong with it is not said in its own words: they may be of a key.
        let odd = |_| io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not what was written there"));
        serde_json::from_slice(text.expose_secret()).map(Some).map_err(odd)
    }

    /// Writes a file for its owner alone, whole or not at all.
    fn write(&self, name: &str, contents: &[u8]) -> io::Result<()> {
        let (path, draft) = (self.0.join(name), self.0.join(format!("{name}.tmp")));
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&self.0)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_kept_is_for_its_owner_alone_and_of_one_directory() {
        let data = tempfile::tempdir().unwrap();
        let open = |url: &str| Place::open(data.path(), &Url::parse(url).unwrap()).unwrap();
        let (one, other) = (open("https://ca.example/dir"), open("https://ca.example/other"));
        fs::set_permissions(&one.0, Permissions::from_mode(0o755)).unwrap();
        let one = {
            drop(one);
            open("https://ca.example/dir")
        };
        assert!(!one.has_certificate());
        one.keep_certificate(&SecretString::from("first")).unwrap();
        one.keep_certificate(&SecretString::from("second")).unwrap();
        let file = one.certificate().certificate;
        assert_eq!(fs::read(&file).unwrap(), b"second");
        assert_eq!((mode(&file), mode(&one.0), mode(&data.path().join(FOLDER))), (0o600, 0o700, 0o700));
        assert!(!other.has_certificate());
        let name = one.0.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("ca.example-"), "{name}");
    }

    #[test]
    fn what_cannot_be_read_is_told_without_what_it_is() {
        let data = tempfile::tempdir().unwrap();
        let place = Place::open(data.path(), &Url::parse("https://ca.example/dir").unwrap()).unwrap();
        assert!(place.account().unwrap().is_none());
        assert_eq!(place.tries(), Tries::default());
        place.write(ACCOUNT, br#"{"contacts": [], "credentials": {"id": "x", "key_pkcs8": 5, "SECRET": 1}}"#).unwrap();
        let said = place.account().err().unwrap().to_string();
        assert!(said.contains("account.json") && !said.contains("SECRET") && !said.contains('5'), "{said}");
        let tries = Tries { failures: 2, not_before_ms: 5, of: "x".to_owned() };
        place.keep_tries(&tries).unwrap();
        assert_eq!(place.tries(), tries);
    }
}
