//! LOINC: terms with their axes, parts, answers, the hierarchy of components, and names in other languages (<https://loinc.org>). Only
//! the table of terms has to be there; what is missing without another one is said in the report.

mod answer;
mod header;
mod hierarchy;
mod name;
mod part;
mod role;
mod term;
mod version;

use terminology::index::Draft;

use self::role::TERMS;
use crate::Loaded;
use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::Source;
use crate::table::{Form, Row, Table, Tables};

pub use terminology::codes::loinc::has_check_digit;

/// What the system is called.
const SYSTEM: &str = "http://loinc.org";

/// What was read so far.
struct Reading<'r> {
    tables: Tables<'r>,
    draft: Draft,
    report: Report,
    progress: Progress<'r>,
}

impl<'r> Reading<'r> {
    /// An optional file; that it is not there is told with what is missing then.
    fn find(&mut self, role: &role::Role, without: &'static str) -> Option<Table<'r>> {
        let table = self.tables.find(role);
        if table.is_none() {
            self.report.missing.push((role.file, without));
        }
        table
    }

    /// Takes in a table, row after row.
    fn each(
        &mut self,
        table: &Table<'r>,
        mut take: impl FnMut(&mut Draft, &mut Report, &Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (draft, report) = (&mut self.draft, &mut self.report);
        let rows = table.each(self.progress, |row| take(draft, report, row))?;
        self.report.read(&table.file.name, rows);
        Ok(())
    }
}

/// Whether the source is a LOINC release.
///
/// # Errors
/// [`Fault::Read`]: a file that may be one of its own cannot be read.
pub fn is_there(source: &Source) -> Result<bool, Fault> {
    Ok(tables(source)?.find(&TERMS).is_some())
}

fn tables(source: &Source) -> Result<Tables<'_>, Fault> {
    Tables::of(source, Form::Comma, &[".csv"])
}

/// Reads a LOINC release. Where the version is not given, it is what the release is called (`Loinc_2.77`), or else the greatest that a
/// term was changed in. `progress` hears a file's name and how many rows of it were read.
///
/// # Errors
/// [`Fault`]: the table of terms is not there, a row is not what its header promises, the hierarchy runs in a circle, or something
/// cannot be read.
pub fn load(source: &Source, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let tables = tables(source)?;
    let terms = tables.find(&TERMS).ok_or(Fault::Missing { release: "LOINC", file: TERMS.file })?;
    let mut report = Report::default();
    let version = match version {
        Some(version) => version.to_owned(),
        None => version::of(source, &terms, &mut report)?,
    };
    let draft = Draft::new(header::of(&version, &terms));
    let mut reading = Reading { tables, draft, report, progress };
    let axes = part::axes(&mut reading)?;
    let named = term::read(&mut reading, &terms, &axes)?;
    term::replaced(&mut reading)?;
    part::read(&mut reading)?;
    part::mapped(&mut reading)?;
    answer::lists(&mut reading)?;
    answer::linked(&mut reading)?;
    hierarchy::read(&mut reading)?;
    name::consumer(&mut reading, &named)?;
    name::variants(&mut reading)?;
    Ok(Loaded { draft: reading.draft, report: reading.report })
}
