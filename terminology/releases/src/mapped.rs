//! A file as bytes, read by the system as they are asked for: the one place with `unsafe` in the whole product.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// The bytes of a file that nobody changes.
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file.
    ///
    /// # Errors
    /// It cannot be opened or mapped.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the bytes must not change while they are mapped. They are a catalog's: written under another name, checked, and then
        // renamed; a later release takes the name with a file of its own, and this one stays whole for whoever has it open. A program
        // that wrote into such a file or cut it off all the same could change what is read (everything read is checked against the bounds
        // of the map, and text for being UTF-8, each time), or end the process with SIGBUS: the folder is writable for the gateway's user
        // alone.
        #[allow(unsafe_code)]
        let bytes = unsafe { Mmap::map(&file)? };
        Ok(Self(bytes))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
