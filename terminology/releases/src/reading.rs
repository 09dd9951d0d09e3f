//! A release's delimited files, row by row, with what is told meanwhile.

use std::io::BufRead;

use crate::delimited::{Delimited, Row};
use crate::fault::Fault;
use crate::report::Report;
use crate::source::{File, Source};

/// After so many rows it is told how far reading is.
const TOLD_EVERY: u64 = 100_000;

/// Who is told how far reading is: file, and its rows so far.
pub type Progress<'p> = &'p mut dyn FnMut(&str, u64);

pub(crate) struct Reading<'r> {
    pub(crate) source: &'r Source,
    pub(crate) report: Report,
    pub(crate) progress: Progress<'r>,
}

impl Reading<'_> {
    /// The rows of a file with a header, each with the fields of these columns.
    pub(crate) fn with_header<const N: usize>(
        &mut self,
        file: &File,
        names: [&str; N],
        mut each: impl FnMut(&Row<'_>, [&str; N], &mut Report) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Self { source, report, progress } = self;
        source.read(file, |input| {
            let mut rows = Delimited::with_header(input, &file.name, b'\t')?;
            let places = rows.places(names)?;
            run(&mut rows, &file.name, progress, |row| each(row, places.map(|place| row.get(place)), report))?;
            report.read(&file.name, rows.rows());
            Ok(())
        })
    }

    /// The rows of a file without one, each with at least so many fields.
    pub(crate) fn by_position(
        &mut self,
        file: &File,
        width: usize,
        mut each: impl FnMut(&Row<'_>, &mut Report) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Self { source, report, progress } = self;
        source.read(file, |input| {
            let mut rows = Delimited::by_position(input, &file.name, b'|', width);
            run(&mut rows, &file.name, progress, |row| each(row, report))?;
            report.read(&file.name, rows.rows());
            Ok(())
        })
    }

    /// The names of a file's columns.
    pub(crate) fn columns(&self, file: &File) -> Result<Vec<String>, Fault> {
        self.source.read(file, |input: &mut dyn BufRead| {
            Delimited::with_header(input, &file.name, b'\t').map(|rows| rows.columns().to_vec())
        })
    }
}

fn run(
    rows: &mut Delimited<'_>,
    file: &str,
    progress: &mut dyn FnMut(&str, u64),
    mut each: impl FnMut(&Row<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut count = 0;
    while let Some(row) = rows.step()? {
        each(&row)?;
        count += 1;
        if count % TOLD_EVERY == 0 {
            progress(file, count);
        }
    }
    Ok(())
}
