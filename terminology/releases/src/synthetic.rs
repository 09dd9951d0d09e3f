//! Releases that are made up, for tests and benchmarks: official ones may not lie in a repository. Nothing of them is real but the form of
//! the files and the few numbers that a loader has to know.

pub mod snomed;
mod words;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Where a release is written to: files, one after another.
enum Target {
    Folder(PathBuf),
    Zip(Box<ZipWriter<fs::File>>),
}

impl Target {
    /// A zip where the name ends so, else a folder.
    fn new(path: &Path) -> io::Result<Self> {
        if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) {
            return Ok(Self::Zip(Box::new(ZipWriter::new(fs::File::create(path)?))));
        }
        fs::create_dir_all(path)?;
        Ok(Self::Folder(path.to_owned()))
    }

    fn file(&mut self, name: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
                fill(&mut file)?;
                file.flush()
            }
            Self::Zip(zip) => {
                let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
                zip.start_file(name, options.compression_level(Some(1)).large_file(true))?;
                let mut file = BufWriter::with_capacity(1 << 20, zip.as_mut());
                fill(&mut file)?;
                file.flush()
            }
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Zip(zip) => zip.finish().map(drop).map_err(io::Error::from),
        }
    }
}
