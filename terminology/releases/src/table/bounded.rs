//! Bytes of a stranger's table, as many as a row may have.

use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// The most bytes of a row.
pub(super) const LONGEST: usize = 1 << 20;

/// Gives no more bytes than are left; the reader of rows sets that anew for each row. What a row costs is bounded so, also where a
/// quote is never closed.
pub(super) struct Bounded<'b> {
    bytes: &'b mut dyn BufRead,
    /// How many bytes may still come.
    pub(super) left: usize,
    /// How many quotes there were.
    pub(super) quotes: u64,
    /// Whether the first line ends in CRLF.
    pub(super) has_crlf: bool,
    has_line: bool,
}

impl<'b> Bounded<'b> {
    pub(super) fn new(bytes: &'b mut dyn BufRead) -> Self {
        Self { bytes, left: LONGEST, quotes: 0, has_crlf: false, has_line: false }
    }

    fn look(&mut self, bytes: &[u8]) {
        self.quotes += memchr::memchr_iter(b'"', bytes).count() as u64;
        if !self.has_line
            && let Some(end) = memchr::memchr(b'\n', bytes)
        {
            self.has_line = true;
            self.has_crlf = bytes[..end].ends_with(b"\r");
        }
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.left == 0 {
            return Err(Error::new(ErrorKind::FileTooLarge, "a row is too long"));
        }
        let most = into.len().min(self.left);
        let count = self.bytes.read(&mut into[..most])?;
        self.left -= count;
        self.look(&into[..count]);
        Ok(count)
    }
}
