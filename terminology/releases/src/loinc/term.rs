//! The terms: their names, axes and all else that their table says of them, and what deprecated ones were replaced by.

use terminology::index::{Draft, Kind};

use super::part::{AXES, Axes};
use super::role::REPLACED;
use super::{Reading, SYSTEM, has_check_digit};
use crate::fault::Fault;
use crate::report::Report;
use crate::table::{Column, Row, Table};

/// The language of LOINC itself.
pub(super) const ENGLISH: &str = "en-US";

/// Columns that are not kept as properties, as they are the code, its names and its meaning.
const TEXTS: [&str; 6] =
    ["LOINC_NUM", "LONG_COMMON_NAME", "SHORTNAME", "DisplayName", "CONSUMER_NAME", "DefinitionDescription"];

/// Whether a column is something else than a property with a text.
pub(super) fn is_told_otherwise(column: &str) -> bool {
    TEXTS.iter().chain(&AXES).any(|name| name.eq_ignore_ascii_case(column))
}

/// What a name is there for, as a `Coding`.
pub(super) fn use_of(column: &str) -> String {
    format!(r#"{{"system":"{SYSTEM}","code":"{column}"}}"#)
}

/// What the terms are called for patients, by their places; empty where they are not.
pub(super) type ForPatients = Vec<Box<str>>;

struct Columns {
    code: Column,
    display: Column,
    fallbacks: [Column; 2],
    definition: Column,
    status: Column,
    consumer: Column,
    names: Vec<(Column, String)>,
    axes: [(Column, &'static str); 6],
    others: Vec<(Column, String)>,
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, Fault> {
        let others = table.columns().filter(|(name, _)| !is_told_otherwise(name));
        Ok(Self {
            code: table.needs(&["LOINC_NUM"])?,
            display: table.needs(&["LONG_COMMON_NAME"])?,
            fallbacks: [table.column(&["SHORTNAME"]), table.column(&["COMPONENT"])],
            definition: table.column(&["DefinitionDescription"]),
            status: table.needs(&["STATUS"])?,
            consumer: table.column(&["CONSUMER_NAME"]),
            names: ["SHORTNAME", "DisplayName", "CONSUMER_NAME"]
                .map(|name| (table.column(&[name]), use_of(name)))
                .into(),
            axes: AXES.map(|axis| (table.column(&[axis]), axis)),
            others: others.map(|(name, column)| (column, name.to_owned())).collect(),
        })
    }
}

/// Reads the terms; says what they are called for patients.
pub(super) fn read<'r>(reading: &mut Reading<'r>, terms: &Table<'r>, axes: &Axes) -> Result<ForPatients, Fault> {
    let columns = Columns::of(terms)?;
    let mut named = ForPatients::new();
    reading.each(terms, |draft, report, row| {
        let code = row.get(columns.code);
        if code.is_empty() {
            return Err(terms.fault(row.line, "there is no code"));
        }
        let at = draft.concept(code)?;
        if (at as usize) < named.len() {
            report.odd(&terms.file.name, row.line, format!("{code} comes twice; the first counts"));
            return Ok(());
        }
        checked(report, terms, row, code);
        named.push(row.get(columns.consumer).into());
        term(draft, row, &columns, at, axes.of(code))
    })?;
    Ok(named)
}

/// A wrong digit is told; whoever wrote the file may still mean that code.
pub(super) fn checked(report: &mut Report, table: &Table<'_>, row: &Row<'_>, code: &str) {
    if !has_check_digit(code) {
        report.odd(&table.file.name, row.line, format!("{code} has not the check digit that it should have"));
    }
}

fn term(draft: &mut Draft, row: &Row<'_>, columns: &Columns, at: u32, parts: [Option<&str>; 6]) -> Result<(), Fault> {
    let displays = [columns.display, columns.fallbacks[0], columns.fallbacks[1]];
    if let Some(display) = displays.iter().map(|&column| row.get(column)).find(|text| !text.is_empty()) {
        draft.display(at, display)?;
    }
    let definition = row.get(columns.definition);
    if !definition.is_empty() {
        draft.definition(at, definition)?;
    }
    for (column, used_for) in &columns.names {
        let name = row.get(*column);
        if !name.is_empty() {
            draft.designation(at, ENGLISH, used_for, name)?;
        }
    }
    for ((column, axis), part) in columns.axes.iter().zip(parts) {
        let text = row.get(*column);
        match part {
            Some(coding) => draft.property(at, axis, Kind::Coding, coding)?,
            None if text.is_empty() => {}
            None => draft.property(at, axis, Kind::String, text)?,
        }
    }
    for (column, name) in &columns.others {
        let text = row.get(*column);
        if !text.is_empty() {
            draft.property(at, name, Kind::String, text)?;
        }
    }
    if is_inactive(row.get(columns.status)) {
        draft.property(at, "inactive", Kind::Boolean, "true")?;
    }
    Ok(())
}

/// Trial and discouraged terms may be used.
pub(super) fn is_inactive(status: &str) -> bool {
    status.eq_ignore_ascii_case("DEPRECATED") || status.eq_ignore_ascii_case("INACTIVE")
}

/// What replaces deprecated terms. Several may replace one; none of them is picked here.
pub(super) fn replaced(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&REPLACED, "what replaces deprecated terms") else { return Ok(()) };
    let code = table.needs(&["LOINC", "LOINC_NUM"])?;
    let (target, comment) = (table.needs(&["MAP_TO"])?, table.column(&["COMMENT"]));
    reading.each(&table, |draft, report, row| {
        let (from, to) = (row.get(code), row.get(target));
        let (Some(at), Some(_)) = (draft.find(from), draft.find(to)) else {
            report.odd(&table.file.name, row.line, format!("{from} or {to} is not there; skipped"));
            return Ok(());
        };
        draft.property(at, "MAP_TO", Kind::Code, to)?;
        let comment = row.get(comment);
        if !comment.is_empty() {
            draft.property(at, "MAP_TO_COMMENT", Kind::String, comment)?;
        }
        Ok(())
    })
}
