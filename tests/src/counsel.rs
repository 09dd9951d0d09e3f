//! Whoever answers for a clinic's table of law: a folder with a key and a table.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::{Command, Server};

/// A key of its own, and a table that it signs.
#[derive(Debug)]
pub struct Counsel {
    folder: PathBuf,
    /// Of the last table.
    serial: AtomicI64,
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
        std::fs::write(folder.join("a.pub"), key.trim()).expect("a file");
        Self { folder, serial: AtomicI64::new(0), key: key.trim().to_owned() }
    }

    /// The one that was made before.
    ///
    /// # Panics
    /// When none was.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let folder = server.folder().join("counsel");
        let key = std::fs::read_to_string(folder.join("a.pub")).expect("there is one");
        Self { folder, serial: AtomicI64::new(0), key }
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

    /// Writes the next table, unsigned: these rows, under the next serial.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, rows: &str) {
        self.write_as(self.serial.fetch_add(1, Ordering::Relaxed) + 1, rows);
    }

    /// The same under this serial.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_as(&self, serial: i64, rows: &str) {
        std::fs::write(self.file(), format!("serial = {serial}\n{rows}")).expect("a file");
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

    /// Signs the table and has a server's database keep it; servers that run go by it within seconds.
    ///
    /// # Panics
    /// When the gateway does not take it.
    pub async fn keep(&self, server: &Server) {
        self.sign().await;
        let data_dir = server.data_dir().display().to_string();
        let place = ["migrate", "--database", &server.database.url, "--data-dir", &data_dir];
        let [table, file, option, key] = self.arguments();
        Command::run(&[&place[..], &[&table, &file, &option, &key]].concat()).await.expect(0);
    }

    /// What `serve` is told to take it.
    #[must_use]
    pub fn arguments(&self) -> [String; 4] {
        ["--statutes".into(), self.file(), "--statutes-key".into(), self.key.clone()]
    }
}
