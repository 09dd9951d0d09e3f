//! Which file of a release is which. That a file is a snapshot only its name says; editions put signs of their own into names
//! (`sct2_Concept_UKEDSnapshot_GB_...`). What a refset is for its columns say.

use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::{File, Source};

/// Files of a release by what they hold.
#[derive(Default)]
pub(super) struct Files {
    pub(super) concepts: Vec<File>,
    pub(super) descriptions: Vec<File>,
    pub(super) definitions: Vec<File>,
    pub(super) relationships: Vec<File>,
    pub(super) values: Vec<File>,
    pub(super) languages: Vec<File>,
    pub(super) simple: Vec<File>,
    pub(super) associations: Vec<File>,
    pub(super) simple_maps: Vec<File>,
    pub(super) maps: Vec<File>,
    /// Maps whose columns lack the category.
    pub(super) complex_maps: Vec<File>,
    pub(super) dependencies: Vec<File>,
}

/// Columns that every refset has; what it is for stands behind them.
const COMMON: usize = 6;

fn is_snapshot(name: &str) -> bool {
    // Copies of a Mac's file attributes begin with a dot.
    name.contains("snapshot") && name.ends_with(".txt") && !name.starts_with('.')
}

/// A file's name without its day.
fn stem(file: &File) -> String {
    let base = file.base().to_ascii_lowercase();
    base.rsplit_once('_').map_or_else(|| base.clone(), |(stem, _)| stem.to_owned())
}

/// Whether a snapshot's concepts are there.
pub(super) fn is_there(source: &Source) -> bool {
    source
        .files()
        .iter()
        .map(|file| file.base().to_ascii_lowercase())
        .any(|name| is_snapshot(&name) && name.contains("sct2_concept_"))
}

impl Files {
    pub(super) fn find(reading: &Reading<'_>) -> Result<Self, Fault> {
        let mut files = Self::default();
        for file in reading.source.files() {
            let name = file.base().to_ascii_lowercase();
            if is_snapshot(&name)
                && let Some(list) = files.list(&name, file, reading)?
            {
                // The same file of another day: rows of both would be mixed.
                if let Some(known) = list.iter().find(|known| stem(known) == stem(file)) {
                    return Err(Fault::Several { one: known.name.clone(), other: file.name.clone() });
                }
                list.push(file.clone());
            }
        }
        Ok(files)
    }

    fn list(&mut self, name: &str, file: &File, reading: &Reading<'_>) -> Result<Option<&mut Vec<File>>, Fault> {
        let has = |part: &str| name.contains(part);
        Ok(if has("sct2_concept_") {
            Some(&mut self.concepts)
        } else if has("sct2_description_") {
            Some(&mut self.descriptions)
        } else if has("sct2_textdefinition_") {
            Some(&mut self.definitions)
        } else if has("sct2_relationship_") {
            Some(&mut self.relationships)
        } else if has("sct2_relationshipconcretevalues_") {
            Some(&mut self.values)
        } else if has("der2_") && has("refset_") {
            self.refset(&reading.columns(file)?)
        } else {
            None
        })
    }

    fn refset(&mut self, columns: &[String]) -> Option<&mut Vec<File>> {
        if !columns.iter().any(|column| column == "refsetid") {
            return None;
        }
        let own: Vec<&str> = columns.iter().skip(COMMON).map(String::as_str).collect();
        let has = |name: &str| own.contains(&name);
        if own.is_empty() {
            Some(&mut self.simple)
        } else if has("acceptabilityid") {
            Some(&mut self.languages)
        } else if has("targetcomponentid") {
            Some(&mut self.associations)
        } else if has("targeteffectivetime") {
            Some(&mut self.dependencies)
        } else if has("mapgroup") && has("mapcategoryid") {
            Some(&mut self.maps)
        } else if has("mapgroup") {
            Some(&mut self.complex_maps)
        } else if has("maptarget") {
            Some(&mut self.simple_maps)
        } else {
            None
        }
    }
}
