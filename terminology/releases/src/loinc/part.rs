//! Parts: what terms are made of, which term is made of which, and what they are in other systems.

use std::collections::HashMap;

use serde_json::json;
use terminology::index::Kind;

use super::role::{LINKS, MAPPED, PARTS};
use super::term::{checked, is_inactive};
use super::{Reading, SYSTEM};
use crate::fault::Fault;

/// The six axes, as the table of terms calls them.
pub(super) const AXES: [&str; 6] = ["COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP"];
/// The same, as parts call them.
const TYPES: [&str; 6] = ["COMPONENT", "PROPERTY", "TIME", "SYSTEM", "SCALE", "METHOD"];

/// The parts on the axes of terms. Parts come again and again, so that each is written as a `Coding` once.
#[derive(Default)]
pub(super) struct Axes {
    codings: Vec<String>,
    places: HashMap<Box<str>, u32>,
    terms: HashMap<Box<str>, [Option<u32>; 6]>,
}

impl Axes {
    /// A term's parts, each as a `Coding`.
    pub(super) fn of(&self, term: &str) -> [Option<&str>; 6] {
        let places = self.terms.get(term).copied().unwrap_or_default();
        places.map(|place| place.and_then(|at| self.codings.get(at as usize)).map(String::as_str))
    }

    fn put(&mut self, term: &str, axis: usize, part: &str, name: &str) {
        let place = match self.places.get(part) {
            Some(&known) => known,
            None => {
                // There are fewer parts than rows of a file.
                let place = self.codings.len() as u32;
                self.codings.push(json!({ "system": SYSTEM, "code": part, "display": name }).to_string());
                self.places.insert(part.into(), place);
                place
            }
        };
        match self.terms.get_mut(term) {
            Some(axes) => axes[axis] = Some(place),
            None => {
                let mut axes = [None; 6];
                axes[axis] = Some(place);
                self.terms.insert(term.into(), axes);
            }
        }
    }
}

/// Reads which parts are on the axes of terms. The supplementary links are not read: they say the same in other ways, a million times.
pub(super) fn axes(reading: &mut Reading<'_>) -> Result<Axes, Fault> {
    let mut axes = Axes::default();
    let mut tables = reading.tables.all(&LINKS);
    tables.retain(|table| !table.file.base().to_ascii_lowercase().contains("supplementary"));
    if tables.is_empty() {
        reading.report.missing.push((LINKS.file, "the numbers of the parts on the axes of terms"));
    }
    for table in tables {
        let (term, part) = (table.needs(&["LoincNumber"])?, table.needs(&["PartNumber"])?);
        let (name, kind) = (table.column(&["PartName"]), table.needs(&["PartTypeName"])?);
        let link = table.needs(&["LinkTypeName"])?;
        reading.each(&table, |_, _, row| {
            let kind = row.get(kind);
            if row.get(link).eq_ignore_ascii_case("Primary")
                && let Some(axis) = TYPES.iter().position(|known| known.eq_ignore_ascii_case(kind))
            {
                axes.put(row.get(term), axis, row.get(part), row.get(name));
            }
            Ok(())
        })?;
    }
    Ok(axes)
}

/// Reads the parts.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&PARTS, "the parts as concepts") else { return Ok(()) };
    let (code, kind) = (table.needs(&["PartNumber"])?, table.needs(&["PartTypeName"])?);
    let (name, display) = (table.needs(&["PartName"])?, table.needs(&["PartDisplayName"])?);
    let status = table.column(&["Status"]);
    reading.each(&table, |draft, report, row| {
        let code = row.get(code);
        if code.is_empty() {
            return Err(table.fault(row.line, "there is no code"));
        }
        if draft.find(code).is_some() {
            report.odd(&table.file.name, row.line, format!("{code} comes twice; the first counts"));
            return Ok(());
        }
        checked(report, &table, row, code);
        let at = draft.concept(code)?;
        let (name, shown, status) = (row.get(name), row.get(display), row.get(status));
        draft.display(at, if shown.is_empty() { name } else { shown })?;
        for (property, text) in [("PartTypeName", row.get(kind)), ("STATUS", status)] {
            if !text.is_empty() {
                draft.property(at, property, Kind::String, text)?;
            }
        }
        if is_inactive(status) {
            draft.property(at, "inactive", Kind::Boolean, "true")?;
        }
        Ok(())
    })
}

/// Reads what parts are in other systems.
pub(super) fn mapped(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&MAPPED, "what parts are in other systems") else { return Ok(()) };
    let (part, kind) = (table.needs(&["PartNumber"])?, table.needs(&["Equivalence"])?);
    let (system, code) = (table.needs(&["ExtCodeSystem"])?, table.needs(&["ExtCodeId"])?);
    let display = table.column(&["ExtCodeDisplayName"]);
    reading.each(&table, |draft, report, row| {
        let (part, code) = (row.get(part), row.get(code));
        let Some(at) = draft.find(part).filter(|_| !code.is_empty()) else {
            report.odd(&table.file.name, row.line, format!("{part} is not there, or is mapped to nothing; skipped"));
            return Ok(());
        };
        let mut coding = json!({ "system": row.get(system), "code": code });
        if !row.get(display).is_empty() {
            coding["display"] = row.get(display).into();
        }
        let property = format!("maps-to-{}", row.get(kind).to_ascii_lowercase());
        Ok(draft.property(at, &property, Kind::Coding, &coding.to_string())?)
    })
}
