//! Files that are tables: a header row, then rows. Which file is which is told by the columns that it has; columns are known by their
//! names, whatever their order and case.

mod bounded;

use std::io::BufRead;

use csv::{ByteRecord, ReaderBuilder, StringRecord};

use self::bounded::{Bounded, LONGEST};
use crate::fault::Fault;
use crate::reading::Progress;
use crate::source::{File, Source};

/// How often it is told how far a file has been read, in rows.
const TOLD_EVERY: u64 = 10_000;

/// How rows are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// Commas; fields may be in quotes, and hold commas and line ends there.
    Comma,
    /// Tabs; a quote is a letter like others.
    Tab,
}

/// Which file of a release one is.
pub(crate) struct Role {
    /// What it is usually called.
    pub(crate) file: &'static str,
    /// The columns that tell it, each with its other names.
    pub(crate) columns: &'static [&'static [&'static str]],
}

/// A column, or none: what the header does not have is empty in all rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Column(Option<usize>);

/// A row.
pub(crate) struct Row<'r> {
    text: &'r StringRecord,
    /// Where it begins, counted from one.
    pub(crate) line: u64,
    /// Whether it is not UTF-8, and was taken for Latin-1.
    pub(crate) is_latin: bool,
}

impl<'r> Row<'r> {
    /// What is in a column, without spaces around it.
    pub(crate) fn get(&self, column: Column) -> &'r str {
        column.0.and_then(|at| self.text.get(at)).unwrap_or_default().trim()
    }
}

/// A file whose header is known.
#[derive(Clone)]
pub(crate) struct Table<'s> {
    source: &'s Source,
    pub(crate) file: &'s File,
    form: Form,
    names: Vec<String>,
}

impl<'s> Table<'s> {
    /// The header of a file; `None` where its first line is none (it is too long, or not UTF-8).
    pub(crate) fn header_of(source: &'s Source, file: &'s File, form: Form) -> Result<Option<Self>, Fault> {
        source.read(file, |bytes| {
            let mut record = StringRecord::new();
            let is_read = reader(bytes, form).read_record(&mut record);
            let names: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
            match is_read {
                Ok(true) => Ok(Some(Self { source, file, form, names })),
                Err(error) if is_from_below(&error) => Err(told(file, 1, error)),
                Ok(false) | Err(_) => Ok(None),
            }
        })
    }

    /// The names of its columns.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, Column)> {
        self.names.iter().enumerate().map(|(at, name)| (name.as_str(), Column(Some(at))))
    }

    /// The column with one of these names.
    pub(crate) fn column(&self, names: &[&str]) -> Column {
        Column(names.iter().find_map(|name| self.names.iter().position(|known| known.eq_ignore_ascii_case(name))))
    }

    /// The column that the file cannot do without.
    pub(crate) fn needs(&self, names: &[&str]) -> Result<Column, Fault> {
        let column = self.column(names);
        match column.0 {
            Some(_) => Ok(column),
            None => {
                let name = names.first().copied().unwrap_or_default();
                Err(self.fault(1, format!("there is no column {name}")))
            }
        }
    }

    /// Whether it is the file of this role.
    pub(crate) fn is(&self, role: &Role) -> bool {
        role.columns.iter().all(|names| self.column(names).0.is_some())
    }

    /// What is wrong with one of its lines.
    pub(crate) fn fault(&self, line: u64, what: impl Into<String>) -> Fault {
        Fault::Row { file: self.file.name.clone(), line, what: what.into() }
    }

    /// Takes in row after row, and says how many there were.
    ///
    /// # Errors
    /// [`Fault::Row`]: a row has more or fewer fields than the header, is too long, is not UTF-8 (a table with tabs: Latin-1 then), or
    /// the file ends inside quotes. [`Fault::Read`]. What `take` says.
    pub(crate) fn each(
        &self,
        progress: Progress<'_>,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        self.source.read(self.file, |bytes| {
            let mut reader = reader(bytes, self.form);
            let (mut record, mut rows, mut last) = (ByteRecord::new(), 0, 1);
            loop {
                reader.get_mut().left = LONGEST;
                let is_row = reader.read_byte_record(&mut record);
                // The reader leaves the second letter of a CRLF to the next row.
                let shift = u64::from(rows > 0 && reader.get_ref().has_crlf);
                let line = record.position().map_or(last, |place| place.line() + shift);
                if !is_row.map_err(|error| self.broken(error, &reader, line))? {
                    break;
                }
                let (text, is_latin) = self.decoded(record, line)?;
                if rows > 0 {
                    take(&Row { text: &text, line, is_latin })?;
                    if rows % TOLD_EVERY == 0 {
                        progress(&self.file.name, rows);
                    }
                }
                (record, last) = (text.into_byte_record(), line);
                rows += 1;
            }
            if self.form == Form::Comma && reader.get_ref().quotes % 2 == 1 {
                return Err(self.fault(last, "the file ends inside quotes"));
            }
            Ok(rows.saturating_sub(1))
        })
    }

    fn decoded(&self, record: ByteRecord, line: u64) -> Result<(StringRecord, bool), Fault> {
        match StringRecord::from_byte_record(record) {
            Ok(text) => Ok((text, false)),
            // The FDA's files are of both kinds.
            Err(error) if self.form == Form::Tab => {
                let record = error.into_byte_record();
                let latin = record.iter().map(|field| field.iter().copied().map(char::from).collect::<String>());
                Ok((latin.collect(), true))
            }
            Err(_) => Err(self.fault(line, "it is not UTF-8")),
        }
    }

    fn broken(&self, error: csv::Error, reader: &csv::Reader<Bounded<'_>>, line: u64) -> Fault {
        if reader.get_ref().left == 0 {
            return self.fault(line, format!("it is longer than {LONGEST} bytes"));
        }
        told(self.file, line, error)
    }
}

fn reader<'b>(bytes: &'b mut dyn BufRead, form: Form) -> csv::Reader<Bounded<'b>> {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).buffer_capacity(1 << 16);
    if form == Form::Tab {
        builder.delimiter(b'\t').quoting(false);
    }
    builder.from_reader(Bounded::new(bytes))
}

fn is_from_below(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(below) if below.kind() != std::io::ErrorKind::FileTooLarge)
}

fn told(file: &File, line: u64, error: csv::Error) -> Fault {
    let file = file.name.clone();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Fault::Read { file, error },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Fault::Row { file, line, what: format!("it has {len} fields, and its header {expected_len}") }
        }
        other => Fault::Row { file, line, what: format!("it cannot be read: {other:?}") },
    }
}

/// The tables of a release.
pub(crate) struct Tables<'s>(Vec<Table<'s>>);

impl<'s> Tables<'s> {
    /// Looks at the headers of all files whose names end so.
    pub(crate) fn of(source: &'s Source, form: Form, ends: &[&str]) -> Result<Self, Fault> {
        let is_one = |file: &&File| ends.iter().any(|end| file.name.to_ascii_lowercase().ends_with(end));
        let files = source.files().iter().filter(is_one);
        let tables = files.filter_map(|file| Table::header_of(source, file, form).transpose());
        tables.collect::<Result<_, _>>().map(Self)
    }

    /// The file of a role. Of several the one that says most.
    pub(crate) fn find(&self, role: &Role) -> Option<Table<'s>> {
        let mut found: Vec<&Table<'s>> = self.0.iter().filter(|table| table.is(role)).collect();
        found.sort_by_key(|table| std::cmp::Reverse(table.names.len()));
        found.first().map(|&table| table.clone())
    }

    /// All files of a role.
    pub(crate) fn all(&self, role: &Role) -> Vec<Table<'s>> {
        self.0.iter().filter(|table| table.is(role)).cloned().collect()
    }
}
