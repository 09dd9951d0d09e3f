//! What is below what, and by which attributes concepts are defined.

use std::collections::HashMap;

use terminology::index::{Draft, Kind};

use super::concepts::{Concepts, is_active, number};
use super::id::{INFERRED, IS_A, STATED};
use crate::fault::Fault;
use crate::hierarchy;
use crate::reading::Reading;
use crate::source::File;
use crate::stated::{Links, Texts};

/// Reads relationships between concepts, and gives the numbers of the attributes.
pub(super) fn read(
    reading: &mut Reading<'_>,
    files: &[File],
    concepts: &Concepts,
    draft: &mut Draft,
) -> Result<Vec<String>, Fault> {
    let (mut pairs, mut links) = (Vec::new(), Links::default());
    let names = ["active", "sourceId", "destinationId", "typeId", "characteristicTypeId"];
    for file in files {
        reading.with_header(file, names, |row, [active, source, destination, kind, how], report| {
            let how = number(row, how)?;
            if !is_active(row, active)? || how == STATED {
                return Ok(());
            }
            let (from, to, type_id) = (number(row, source)?, number(row, destination)?, number(row, kind)?);
            let (Some(at), Some(target)) = (concepts.find(from), concepts.find(to)) else {
                let lacks = if concepts.find(from).is_none() { source } else { destination };
                report.odd(&file.name, row.line(), format!("concept {lacks} is not there; the row is left out"));
                return Ok(());
            };
            if type_id != IS_A {
                return Ok(links.add(at, kind, to)?);
            }
            if how != INFERRED {
                return Ok(());
            }
            if concepts.is_active(at) && concepts.is_active(target) {
                pairs.push((at, target));
            } else {
                report.odd(&file.name, row.line(), "it joins a concept that is inactive; the row is left out");
            }
            Ok(())
        })?;
    }
    pairs.sort_unstable();
    pairs.dedup();
    if let Some(circle) = hierarchy::circle(concepts.all.len(), &pairs) {
        let file = files.first().map(|file| file.name.clone()).unwrap_or_default();
        return Err(Fault::Circle { file, codes: hierarchy::told(&circle, |at| draft.code(at)) });
    }
    pairs.into_iter().for_each(|(at, parent)| draft.parent(at, parent));
    Ok(links.pour(draft)?)
}

/// Reads attributes whose values are numbers or texts, and gives their numbers with what all of their values are.
pub(super) fn values(
    reading: &mut Reading<'_>,
    files: &[File],
    concepts: &Concepts,
    draft: &mut Draft,
) -> Result<Vec<(String, Kind)>, Fault> {
    let mut texts = Texts::default();
    let mut kinds: HashMap<String, Kind> = HashMap::new();
    let names = ["active", "sourceId", "value", "typeId", "characteristicTypeId"];
    for file in files {
        reading.with_header(file, names, |row, [active, source, value, kind, how], report| {
            if !is_active(row, active)? || number(row, how)? == STATED {
                return Ok(());
            }
            number(row, kind)?;
            let Some(at) = concepts.find(number(row, source)?) else {
                report.odd(&file.name, row.line(), format!("concept {source} is not there; the row is left out"));
                return Ok(());
            };
            let wrong = || row.wrong(format!("{value:?} is neither a number nor a text"));
            let (text, is) = concrete(value).ok_or_else(wrong)?;
            match kinds.get_mut(kind) {
                Some(known) => *known = both(*known, is),
                None => drop(kinds.insert(kind.to_owned(), is)),
            }
            Ok(texts.add(at, kind, text)?)
        })?;
    }
    let of = |name: &str| kinds.get(name).copied().unwrap_or(Kind::String);
    Ok(texts
        .pour(draft, of)?
        .into_iter()
        .map(|name| {
            let kind = of(&name);
            (name, kind)
        })
        .collect())
}

/// A value without its signs: `#5`, `#0.5`, `"text"`, `true`.
fn concrete(value: &str) -> Option<(&str, Kind)> {
    if let Some(number) = value.strip_prefix('#') {
        let digits = number.strip_prefix('-').unwrap_or(number);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number =
            [whole, part].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        // FHIR's whole numbers have 32 bits.
        let kind = if number.parse::<i32>().is_ok() { Kind::Integer } else { Kind::Decimal };
        return is_number.then_some((number, kind));
    }
    if matches!(value, "true" | "false") {
        return Some((value, Kind::Boolean));
    }
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    Some((text, Kind::String))
}

/// What two kinds both are: a property has one type.
fn both(one: Kind, other: Kind) -> Kind {
    match (one, other) {
        _ if one == other => one,
        (Kind::Integer, Kind::Decimal) | (Kind::Decimal, Kind::Integer) => Kind::Decimal,
        _ => Kind::String,
    }
}
