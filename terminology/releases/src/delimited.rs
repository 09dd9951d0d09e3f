//! Rows of files whose fields lie between tabs or pipes, without quoting: SNOMED CT's RF2 and `RxNorm`'s RRF.

use std::io::BufRead;

use memchr::{memchr, memchr_iter};

use crate::fault::Fault;

/// The most bytes of a line.
const LONGEST: usize = 1 << 20;
/// Some editors put it before everything else.
const MARK: &str = "\u{feff}";

/// Rows of one file. A line is copied once into a buffer that all lines share; nothing is allocated per row.
pub struct Delimited<'a> {
    input: &'a mut dyn BufRead,
    file: &'a str,
    separator: u8,
    columns: Vec<String>,
    /// How many fields a row has to have.
    width: usize,
    /// Whether more than that are too many.
    is_exact: bool,
    buffer: Vec<u8>,
    /// Where each field of the line ends.
    ends: Vec<usize>,
    line: u64,
    rows: u64,
}

/// One row. A field that is not there is empty.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    text: &'a str,
    ends: &'a [usize],
    file: &'a str,
    line: u64,
}

impl<'a> Delimited<'a> {
    /// A file whose first line names its columns. Each row has as many fields as that: one too many has moved the others.
    ///
    /// # Errors
    /// The header cannot be read.
    pub fn with_header(input: &'a mut dyn BufRead, file: &'a str, separator: u8) -> Result<Self, Fault> {
        let mut rows = Self::new(input, file, separator, 0);
        let header = rows.step()?.map(|row| row.fields().map(|name| name.trim().to_ascii_lowercase()).collect());
        rows.columns = header.unwrap_or_default();
        rows.width = rows.columns.len();
        rows.is_exact = true;
        rows.rows = 0;
        Ok(rows)
    }

    /// A file without a header, whose rows have at least so many fields.
    pub fn by_position(input: &'a mut dyn BufRead, file: &'a str, separator: u8, width: usize) -> Self {
        Self::new(input, file, separator, width)
    }

    fn new(input: &'a mut dyn BufRead, file: &'a str, separator: u8, width: usize) -> Self {
        let (columns, buffer, ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { input, file, separator, columns, width, is_exact: false, buffer, ends, line: 0, rows: 0 }
    }

    /// The names of its columns, in lower case.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Where the columns of these names are.
    ///
    /// # Errors
    /// [`Fault::Row`]: the header lacks one of them.
    pub fn places<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N], Fault> {
        let mut places = [0; N];
        for (place, name) in places.iter_mut().zip(names) {
            let found = self.columns.iter().position(|known| known.eq_ignore_ascii_case(name));
            *place = found.ok_or_else(|| self.wrong(format!("the header has no column {name}")))?;
        }
        Ok(places)
    }

    /// How many rows were given so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next row; lines with nothing on them are none.
    ///
    /// # Errors
    /// [`Fault::Read`]; [`Fault::Row`]: it is too long, not UTF-8, or has not as many fields as it should.
    pub fn step(&mut self) -> Result<Option<Row<'_>>, Fault> {
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            if self.line == 1 && self.buffer.starts_with(MARK.as_bytes()) {
                self.buffer.drain(..MARK.len());
            }
            if !self.buffer.is_empty() {
                break;
            }
        }
        self.ends.clear();
        self.ends.extend(memchr_iter(self.separator, &self.buffer));
        self.ends.push(self.buffer.len());
        let fields = self.ends.len();
        if fields < self.width || (self.is_exact && fields > self.width) {
            return Err(self.wrong(format!("it has {fields} fields where there should be {}", self.width)));
        }
        let Ok(text) = std::str::from_utf8(&self.buffer) else {
            return Err(self.wrong("it is not UTF-8"));
        };
        self.rows += 1;
        Ok(Some(Row { text, ends: &self.ends, file: self.file, line: self.line }))
    }

    /// Takes the next line without its end into the buffer; false where there is none.
    fn fill(&mut self) -> Result<bool, Fault> {
        self.buffer.clear();
        let mut is_any = false;
        loop {
            let bytes = match self.input.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.cut(&error)),
            };
            if bytes.is_empty() {
                self.line += u64::from(is_any);
                break;
            }
            is_any = true;
            let end = memchr(b'\n', bytes);
            let taken = end.unwrap_or(bytes.len());
            let is_long = self.buffer.len() + taken > LONGEST;
            if !is_long {
                self.buffer.extend_from_slice(&bytes[..taken]);
            }
            self.input.consume(taken + usize::from(end.is_some()));
            if is_long {
                self.line += 1;
                return Err(self.wrong(format!("it is longer than {LONGEST} bytes")));
            }
            if end.is_some() {
                self.line += 1;
                break;
            }
        }
        if self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        Ok(is_any)
    }

    fn cut(&self, error: &std::io::Error) -> Fault {
        let told = format!("after line {}: {error}", self.line);
        Fault::Read { file: self.file.to_owned(), error: std::io::Error::new(error.kind(), told) }
    }

    fn wrong(&self, what: impl Into<String>) -> Fault {
        Fault::Row { file: self.file.to_owned(), line: self.line, what: what.into() }
    }
}

impl<'a> Row<'a> {
    /// A field by its place.
    pub fn get(&self, place: usize) -> &'a str {
        let start = match place.checked_sub(1) {
            Some(before) => self.ends.get(before).map_or(self.text.len(), |end| end + 1),
            None => 0,
        };
        let end = self.ends.get(place).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// Its fields.
    pub fn fields(&self) -> impl Iterator<Item = &'a str> {
        let row = *self;
        (0..self.ends.len()).map(move |place| row.get(place))
    }

    /// Its line, counted from one.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// That something is wrong with it.
    pub fn wrong(&self, what: impl Into<String>) -> Fault {
        Fault::Row { file: self.file.to_owned(), line: self.line, what: what.into() }
    }
}
