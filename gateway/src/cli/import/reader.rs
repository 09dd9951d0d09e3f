//! Bytes of a file to lines: gzip by its magic number, one document or one a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use mappers::json::Document;

use super::source::Source;
use super::unit::MOST_LINES;

/// The longest document taken, in bytes: the limit of a request's body.
pub(super) const LONGEST: usize = 50 << 20;
/// Some programs begin a file with it; it is no part of the text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line of a file, or the whole of it where it is one document.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u32,
    /// The text; `None` where it is longer than [`LONGEST`].
    pub(super) text: Option<Bytes>,
}

/// The lines of one file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// Read before the format was known.
    first: Option<Line>,
    number: u64,
}

impl Lines {
    /// Opens a file; `read` counts the bytes taken from the disk.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn open(source: &Source, read: Arc<AtomicU64>) -> io::Result<Self> {
        let mut lines = Self { reader: plain(source, read)?, first: None, number: 0 };
        let Some(first) = lines.read_line()? else { return Ok(lines) };
        lines.first = Some(if is_by_line(source, &first) { first } else { lines.read_rest(first)? });
        Ok(lines)
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read, or its gzip is damaged.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        match self.first.take() {
            Some(line) => Ok(Some(line)),
            None => self.read_line(),
        }
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut text = Vec::new();
            let complete = read_until_newline(&mut self.reader, &mut text)?;
            if text.is_empty() && complete == Complete::End {
                return Ok(None);
            }
            self.number += 1;
            if self.number > MOST_LINES {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "more than 2,147,483,647 lines: split the file",
                ));
            }
            let number = self.number as u32;
            if number == 1 && text.starts_with(BYTE_ORDER_MARK) {
                text.drain(..BYTE_ORDER_MARK.len());
            }
            if complete == Complete::TooLong {
                return Ok(Some(Line { number, text: None }));
            }
            if !text.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(Line { number, text: Some(text.into()) }));
            }
        }
    }

    /// The first line turned out to be the beginning of one document.
    fn read_rest(&mut self, first: Line) -> io::Result<Line> {
        let Some(head) = first.text else { return Ok(first) };
        let mut text = Vec::from(head);
        text.push(b'\n');
        let room = (LONGEST + 1).saturating_sub(text.len()) as u64;
        self.reader.by_ref().take(room).read_to_end(&mut text)?;
        let fits = text.len() <= LONGEST;
        if !fits {
            io::copy(&mut self.reader, &mut io::sink())?;
        }
        Ok(Line { number: 1, text: fits.then(|| text.into()) })
    }
}

/// One document a line: by its name, or because its first line is a document.
fn is_by_line(source: &Source, first: &Line) -> bool {
    let name = source.path.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".ndjson")
        || name.ends_with(".jsonl")
        || first.text.as_deref().is_none_or(|text| Document::parse(text).is_ok())
}

#[derive(Debug, Eq, PartialEq)]
enum Complete {
    /// The file ended.
    End,
    /// The line was longer than [`LONGEST`] and is thrown away.
    TooLong,
    /// The line ended.
    Yes,
}

fn read_until_newline(reader: &mut dyn BufRead, text: &mut Vec<u8>) -> io::Result<Complete> {
    let mut too_long = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(if too_long { Complete::TooLong } else { Complete::End });
        }
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let end = newline.unwrap_or(buffer.len());
        if text.len() + end > LONGEST {
            too_long = true;
            *text = Vec::new();
        }
        if !too_long {
            text.extend_from_slice(&buffer[..end]);
        }
        reader.consume(end + usize::from(newline.is_some()));
        if newline.is_some() {
            return Ok(if too_long { Complete::TooLong } else { Complete::Yes });
        }
    }
}

/// The file's text, unpacked where it begins with gzip's magic number
/// (<https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>).
fn plain(source: &Source, read: Arc<AtomicU64>) -> io::Result<Box<dyn BufRead + Send>> {
    let mut file = Counted { file: File::open(&source.path)?, read };
    let mut magic = Vec::with_capacity(2);
    file.by_ref().take(2).read_to_end(&mut magic)?;
    let packed = magic == [0x1f, 0x8b];
    let whole: Chain<Cursor<Vec<u8>>, Counted> = Cursor::new(magic).chain(file);
    let whole = BufReader::with_capacity(1 << 18, whole);
    if !packed {
        return Ok(Box::new(whole));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 18, MultiGzDecoder::new(whole))))
}

/// Counts what is read from the disk, for the progress bar.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines(name: &str, bytes: &[u8]) -> Vec<(u32, Option<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let source = Source { path, bytes: bytes.len() as u64, rank: 0 };
        let mut lines = Lines::open(&source, Arc::default()).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.number, line.text.map(|text| String::from_utf8(text.into()).unwrap())));
        }
        all
    }

    fn some(lines: &[(u32, &str)]) -> Vec<(u32, Option<String>)> {
        lines.iter().map(|(number, text)| (*number, Some((*text).to_owned()))).collect()
    }

    #[test]
    fn lines_keep_their_numbers_across_blank_ones() {
        let expected = some(&[(1, "{}"), (3, "{\"a\":1}"), (4, "{}\r")]);
        assert_eq!(lines("x.json", b"{}\n\n{\"a\":1}\n{}\r\n  \n"), expected);
    }

    #[test]
    fn a_printed_document_is_one_line() {
        assert_eq!(lines("x.json", b"{\n  \"a\": 1\n}\n"), some(&[(1, "{\n  \"a\": 1\n}\n")]));
    }

    #[test]
    fn a_broken_first_line_does_not_turn_ndjson_into_one_document() {
        assert_eq!(lines("x.ndjson", b"{\"a\"\n{}"), some(&[(1, "{\"a\""), (2, "{}")]));
    }

    #[test]
    fn gzip_is_known_by_its_bytes_and_may_have_several_members() {
        let mut packed = Vec::new();
        for part in ["{}\n", "{\"b\":2}\n"] {
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
            encoder.write_all(part.as_bytes()).unwrap();
            encoder.finish().unwrap();
        }
        assert_eq!(lines("data", &packed), some(&[(1, "{}"), (2, "{\"b\":2}")]));
    }

    #[test]
    fn a_line_too_long_is_passed_over() {
        let mut text = vec![b' '; LONGEST + 1];
        text.extend_from_slice(b"\n{}\n");
        assert_eq!(lines("x.ndjson", &text), [(1, None), (2, Some("{}".to_owned()))]);
    }

    #[test]
    fn empty_files_and_byte_order_marks_are_no_trouble() {
        assert_eq!(lines("x.json", b""), []);
        assert_eq!(lines("x.json", b"\xEF\xBB\xBF{}"), some(&[(1, "{}")]));
    }
}
