//! Reference sets: who is in them, what stands for a concept that is no longer used, and maps to other systems.

use terminology::index::{Draft, Kind};

use super::concepts::{Concepts, is_active, number};
use super::id;
use crate::delimited::Row;
use crate::fault::Fault;
use crate::reading::Reading;
use crate::report::Report;
use crate::source::File;
use crate::stated::{Links, Texts};

/// Where a member is; one that is a description or a relationship is nowhere, and nothing is odd about it.
fn member(
    row: &Row<'_>,
    file: &File,
    text: &str,
    concepts: &Concepts,
    report: &mut Report,
) -> Result<Option<u32>, Fault> {
    let code = number(row, text)?;
    let found = concepts.find(code);
    if found.is_none() && id::is_concept(code) {
        report.odd(&file.name, row.line(), format!("concept {text} is not there; the row is left out"));
    }
    Ok(found)
}

/// Members of simple refsets, as `memberOf`.
pub(super) fn simple(
    reading: &mut Reading<'_>,
    files: &[File],
    concepts: &Concepts,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let mut links = Links::default();
    for file in files {
        let names = ["active", "refsetId", "referencedComponentId"];
        reading.with_header(file, names, |row, [active, refset, concept], report| {
            if is_active(row, active)?
                && let Some(at) = member(row, file, concept, concepts, report)?
            {
                links.add(at, "memberOf", number(row, refset)?)?;
            }
            Ok(())
        })?;
    }
    links.pour(draft)?;
    Ok(())
}

/// What stands for what, as properties that are named by their refsets.
pub(super) fn associations(
    reading: &mut Reading<'_>,
    files: &[File],
    concepts: &Concepts,
    draft: &mut Draft,
) -> Result<Vec<String>, Fault> {
    let mut links = Links::default();
    for file in files {
        let names = ["active", "refsetId", "referencedComponentId", "targetComponentId"];
        reading.with_header(file, names, |row, [active, refset, concept, target], report| {
            if is_active(row, active)?
                && let Some(at) = member(row, file, concept, concepts, report)?
                && member(row, file, target, concepts, report)?.is_some()
            {
                number(row, refset)?;
                links.add(at, refset, number(row, target)?)?;
            }
            Ok(())
        })?;
    }
    Ok(links.pour(draft)?)
}

/// Maps of one target per row.
pub(super) fn simple_maps(
    reading: &mut Reading<'_>,
    files: &[File],
    concepts: &Concepts,
    texts: &mut Texts,
) -> Result<(), Fault> {
    let mut name = String::new();
    for file in files {
        let names = ["active", "refsetId", "referencedComponentId", "mapTarget"];
        reading.with_header(file, names, |row, [active, refset, concept, target], report| {
            number(row, refset)?;
            if is_active(row, active)?
                && let Some(at) = member(row, file, concept, concepts, report)?
            {
                texts.add(at, named(&mut name, refset), target)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Maps by rules: `group|priority|rule|target|category`. A rule may have bars in it, the others have none.
pub(super) fn maps(
    reading: &mut Reading<'_>,
    (files, has_category): (&[File], bool),
    concepts: &Concepts,
    texts: &mut Texts,
) -> Result<(), Fault> {
    let (mut name, mut value) = (String::new(), String::new());
    let last = if has_category { "mapCategoryId" } else { "mapTarget" };
    for file in files {
        let names =
            ["active", "refsetId", "referencedComponentId", "mapGroup", "mapPriority", "mapRule", "mapTarget", last];
        reading.with_header(
            file,
            names,
            |row, [active, refset, concept, group, priority, rule, target, last], report| {
                number(row, refset)?;
                if !is_active(row, active)? {
                    return Ok(());
                }
                if [group, priority].iter().any(|number| number.parse::<u16>().is_err()) {
                    return Err(row.wrong(format!("group {group:?} or priority {priority:?} is not a number")));
                }
                let Some(at) = member(row, file, concept, concepts, report)? else { return Ok(()) };
                value.clear();
                let category = if has_category { last } else { "" };
                for (nth, part) in [group, priority, rule, target, category].into_iter().enumerate() {
                    value.push_str(if nth == 0 { "" } else { "|" });
                    value.push_str(part);
                }
                Ok(texts.add(at, named(&mut name, refset), &value)?)
            },
        )?;
    }
    Ok(())
}

/// Writes maps down, and gives the names of their properties.
pub(super) fn pour_maps(texts: Texts, draft: &mut Draft) -> Result<Vec<String>, Fault> {
    Ok(texts.pour(draft, |_| Kind::String)?)
}

fn named<'n>(name: &'n mut String, refset: &str) -> &'n str {
    name.clear();
    name.push_str("map-");
    name.push_str(refset);
    name
}
