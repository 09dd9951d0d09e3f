//! Where a release's files are: a folder with folders in it, or a zip.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::fault::Fault;

/// The most files that are looked at.
const MOST_FILES: usize = 20_000;
/// How deep folders may lie in each other.
const DEEPEST: usize = 16;
/// The most bytes that a file of a zip may come to.
const LARGEST: u64 = 16 << 30;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 20;

/// A file of a release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its name below the folder or in the zip, with `/`.
    pub name: String,
    /// How many bytes it has, unpacked.
    pub size: u64,
}

impl File {
    /// The last part of its name.
    pub fn base(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

/// Where a release's files are.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    is_zip: bool,
    files: Vec<File>,
}

impl Source {
    /// Looks which files there are, in order of their names.
    ///
    /// # Errors
    /// [`Fault::Read`]: it is not there, is neither a folder nor a zip, or has too many files.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let told = |error| Fault::Read { file: path.display().to_string(), error };
        let mut files = Vec::new();
        let is_zip = fs::metadata(path).map_err(told)?.is_file();
        if is_zip {
            let mut archive = archive(path)?;
            for nth in 0..archive.len() {
                let entry = archive.by_index_raw(nth).map_err(|error| told(error.into()))?;
                if entry.is_file() {
                    let name = entry.name().map_err(|error| told(error.into()))?.into_owned();
                    files.push(File { name, size: entry.size() });
                }
            }
        } else {
            walk(path, "", 0, &mut files).map_err(told)?;
        }
        if files.len() > MOST_FILES {
            return Err(told(std::io::Error::other(format!("it has more than {MOST_FILES} files"))));
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { path: path.to_owned(), is_zip, files })
    }

    /// The folder, or the zip.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the folder or the zip is called.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default()
    }

    /// Its files.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// Gives a file's bytes, unpacked as they are read, to whoever takes them in. One of a zip that is cut off or spoilt is an error of
    /// the reader. Several files may be read side by side.
    ///
    /// # Errors
    /// [`Fault::Read`], and what `take` says.
    pub fn read<T>(&self, file: &File, take: impl FnOnce(&mut dyn BufRead) -> Result<T, Fault>) -> Result<T, Fault> {
        let told = |error| Fault::Read { file: file.name.clone(), error };
        if !self.is_zip {
            let opened = fs::File::open(self.path.join(&file.name)).map_err(told)?;
            return take(&mut BufReader::with_capacity(BUFFER, opened));
        }
        let mut archive = archive(&self.path)?;
        let at = archive.index_for_name(&file.name);
        let at = at.ok_or_else(|| told(std::io::ErrorKind::NotFound.into()))?;
        let entry = archive.by_index(at).map_err(|error| told(error.into()))?;
        take(&mut BufReader::with_capacity(BUFFER, entry.take(LARGEST)))
    }
}

fn archive(path: &Path) -> Result<ZipArchive<BufReader<fs::File>>, Fault> {
    let told = |error| Fault::Read { file: path.display().to_string(), error };
    let opened = fs::File::open(path).map_err(told)?;
    ZipArchive::new(BufReader::new(opened)).map_err(|error| told(error.into()))
}

fn walk(folder: &Path, below: &str, depth: usize, files: &mut Vec<File>) -> std::io::Result<()> {
    if depth > DEEPEST || files.len() > MOST_FILES {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let kind = entry.metadata()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(File { name, size: kind.len() });
        }
    }
    Ok(())
}
