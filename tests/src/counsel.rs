//! Whoever answers for a clinic's table of law: a folder with a key and a table.

use std::path::PathBuf;

use crate::{Command, Server};

/// A key of its own, and a table that it signs.
#[derive(Debug)]
pub struct Counsel {
    folder: PathBuf,
    /// The public key.
    pub key: String,
}

impl Counsel {
    /// One with a key, in the server's folder.
    ///
    /// # Panics
    /// When no key can be made.
    pub async fn new(server: &Server) -> Self {
        let folder = server.folder().join("counsel");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("a.key").display().to_string();
        let key = Command::run(&["statutes", "key", &path]).await.expect(0).stdout;
        Self { folder, key: key.trim().to_owned() }
    }

    /// A file of the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The table's file.
    #[must_use]
    pub fn file(&self) -> String {
        self.path("statutes.toml")
    }

    /// Writes the table, unsigned.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, table: &str) {
        std::fs::write(self.file(), table).expect("a file");
    }

    /// Signs it as it is.
    ///
    /// # Panics
    /// When the gateway does not take it.
    pub async fn sign(&self) {
        let (file, key) = (self.file(), self.path("a.key"));
        let run = Command::run(&["statutes", "sign", &file, "--key", &key, "--by", "N. N., counsel"]).await.expect(0);
        assert!(run.stdout.contains(&self.key), "{}", run.stdout);
    }

    /// What `serve` is told to take it.
    #[must_use]
    pub fn arguments(&self) -> [String; 4] {
        ["--statutes".into(), self.file(), "--statutes-key".into(), self.key.clone()]
    }
}
