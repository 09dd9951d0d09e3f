//! Files of lines without a header.

use std::io::{BufRead, Read as _};

use crate::fault::Fault;
use crate::reading::Progress;
use crate::source::{File, Source};

/// The most bytes of a line.
const LONGEST: u64 = 1 << 20;
/// How often it is told how far a file has been read, in rows.
const TOLD_EVERY: u64 = 10_000;

/// What is wrong with a line.
pub(crate) fn fault(file: &File, line: u64, what: impl Into<String>) -> Fault {
    Fault::Row { file: file.name.clone(), line, what: what.into() }
}

/// The first line, where it is one of text.
pub(crate) fn first(source: &Source, file: &File) -> Result<Option<String>, Fault> {
    source.read(file, |bytes| {
        let mut line = Vec::new();
        next(file, bytes, &mut line)?;
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
        Ok(std::str::from_utf8(line).ok().map(|text| text.trim_end().to_owned()))
    })
}

fn next(file: &File, bytes: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, Fault> {
    line.clear();
    let count = bytes.take(LONGEST).read_until(b'\n', line);
    Ok(count.map_err(|error| Fault::Read { file: file.name.clone(), error })? > 0)
}

/// Takes in line after line that is not empty, without its end, and says how many there were.
pub(crate) fn each(
    source: &Source,
    file: &File,
    progress: Progress<'_>,
    mut take: impl FnMut(u64, &str) -> Result<(), Fault>,
) -> Result<u64, Fault> {
    source.read(file, |bytes| {
        let (mut line, mut number, mut rows) = (Vec::new(), 0, 0);
        while next(file, bytes, &mut line)? {
            number += 1;
            if line.len() as u64 == LONGEST {
                return Err(fault(file, number, format!("it is longer than {LONGEST} bytes")));
            }
            let text = std::str::from_utf8(&line).map_err(|_| fault(file, number, "it is not UTF-8"))?;
            let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
            let text = text.trim_end_matches(['\n', '\r']);
            if text.trim().is_empty() {
                continue;
            }
            take(number, text)?;
            rows += 1;
            if rows % TOLD_EVERY == 0 {
                progress(&file.name, rows);
            }
        }
        Ok(rows)
    })
}
