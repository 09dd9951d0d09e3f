//! A secret that was just made: shown once, or written to a file for its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::cli::{self, Stop};

/// A new file of mode 0600, which goes again where nothing is written to it.
pub(super) struct SecretFile {
    path: PathBuf,
    file: File,
    written: bool,
}

impl SecretFile {
    /// Makes it, before there is a secret: one that can be written nowhere would be lost.
    pub(super) fn make(path: &Path) -> Result<Self, Stop> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| {
            Stop::usage(format!("{}: {error}: --secret-file names a file that is not there yet", path.display()))
        })?;
        Ok(Self { path: path.to_owned(), file, written: false })
    }

    fn write(&mut self, secret: &SecretString) -> Result<(), Stop> {
        let written = writeln!(self.file, "{}", secret.expose_secret()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            Stop::failed(format!(
                "{}: {error}: the secret is lost; `client rotate-secret` makes another one",
                self.path.display()
            ))
        })?;
        self.written = true;
        Ok(())
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.written {
            // It is ours and empty; what cannot be removed is no more than that.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Tells the id of a client, or of what has a secret otherwise (its title is up to nine characters long), and its secret or where that is.
pub(super) fn tell(
    (title, id): (&str, &str),
    secret: Option<&SecretString>,
    file: Option<SecretFile>,
    as_json: bool,
) -> Result<(), Stop> {
    let Some(secret) = secret else {
        return cli::print(&if as_json { format!("{}\n", json!({ "id": id })) } else { format!("{title:<9}  {id}\n") });
    };
    if let Some(mut file) = file {
        file.write(secret)?;
        let path = file.path.display().to_string();
        return cli::print(&if as_json {
            format!("{}\n", json!({ "id": id, "secretFile": path }))
        } else {
            format!("{title:<9}  {id}\nsecret     in {path}\n")
        });
    }
    let text = secret.expose_secret();
    cli::print(&if as_json {
        format!("{}\n", json!({ "id": id, "secret": text }))
    } else {
        format!("{title:<9}  {id}\nsecret     {text}   (shown this once: nobody can show it again)\n")
    })
}
