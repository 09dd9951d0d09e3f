//! Which edition a release is, and of which day (<https://confluence.ihtsdotools.org/display/DOCURI>).

use std::collections::{BTreeMap, BTreeSet};

use super::concepts::{Concepts, day, is_active, number};
use super::id::{INTERNATIONAL, MODEL};
use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;

/// Modules that hold only maps. They stand above their editions, as they need them, and are none: the International one's to ICD-10 and
/// CTV3, and the United States' to ICD-10-CM.
const OF_MAPS: [u64; 3] = [449_080_006, 449_079_008, 5_991_000_124_107];

/// What modules need.
#[derive(Default)]
pub(super) struct Modules {
    needs: BTreeMap<u64, BTreeSet<u64>>,
    days: BTreeMap<u64, u32>,
}

impl Modules {
    pub(super) fn read(reading: &mut Reading<'_>, files: &[File]) -> Result<Self, Fault> {
        let mut modules = Self::default();
        let names = ["effectiveTime", "active", "moduleId", "referencedComponentId", "sourceEffectiveTime"];
        for file in files {
            reading.with_header(file, names, |row, [time, active, module, needed, source_time], _| {
                if !is_active(row, active)? {
                    return Ok(());
                }
                let (module, needed) = (number(row, module)?, number(row, needed)?);
                let latest = day(row, time)?.max(day(row, source_time)?);
                let known = modules.days.entry(module).or_default();
                *known = latest.max(*known);
                modules.needs.entry(module).or_default().insert(needed);
                Ok(())
            })?;
        }
        Ok(modules)
    }

    /// The edition's URI with its version.
    pub(super) fn version(&self, concepts: &Concepts) -> String {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        concepts.all.iter().filter(|concept| concept.is_active && concept.module != MODEL).for_each(|concept| {
            *counts.entry(concept.module).or_default() += 1;
        });
        let module = self.top(&counts).unwrap_or_else(|| without_dependencies(&counts));
        let own = concepts.all.iter().filter(|concept| concept.module == module).map(|concept| concept.time).max();
        let day = own.into_iter().chain(self.days.get(&module).copied()).max();
        let day = day.or_else(|| concepts.all.iter().map(|concept| concept.time).max()).unwrap_or_default();
        format!("http://snomed.info/sct/{module}/version/{day:08}")
    }

    /// The module that no other one needs; of several the one that needs most, and then the one with most concepts.
    fn top(&self, counts: &BTreeMap<u64, u64>) -> Option<u64> {
        let known = |module: &u64| !OF_MAPS.contains(module);
        let needed: BTreeSet<u64> =
            self.needs.iter().filter(|(module, _)| known(module)).flat_map(|(_, needs)| needs).copied().collect();
        let tops = self.needs.keys().filter(|&module| known(module) && !needed.contains(module)).copied();
        tops.max_by_key(|module| {
            let needs = self.needs.get(module).map(BTreeSet::len);
            (needs, counts.get(module).copied().unwrap_or_default(), std::cmp::Reverse(*module))
        })
    }
}

fn without_dependencies(counts: &BTreeMap<u64, u64>) -> u64 {
    if counts.contains_key(&INTERNATIONAL) {
        return INTERNATIONAL;
    }
    counts.iter().max_by_key(|(_, count)| **count).map_or(INTERNATIONAL, |(module, _)| *module)
}
