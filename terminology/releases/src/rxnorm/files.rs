//! Which file is which, and of which day the release is. A full release has the prescribable part in it as a folder of its own.

use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::{File, Source};

/// Columns of `RXNSAB.RRF` that are read, and how many there have to be.
const VERSIONED: usize = 2;
const ROOT: usize = 3;
const WIDTH: usize = 4;

/// Files of a release, all of one folder.
pub(super) struct Files {
    pub(super) names: File,
    pub(super) relations: Option<File>,
    pub(super) attributes: Option<File>,
    pub(super) archive: Option<File>,
    pub(super) types: Option<File>,
    sources: Option<File>,
}

fn is_named(file: &File, name: &str) -> bool {
    file.base().eq_ignore_ascii_case(name)
}

fn folder(file: &File) -> &str {
    file.name.strip_suffix(file.base()).unwrap_or_default()
}

pub(super) fn is_there(source: &Source) -> bool {
    source.files().iter().any(|file| is_named(file, "RXNCONSO.RRF"))
}

impl Files {
    /// The largest has all that the others have.
    pub(super) fn find(source: &Source) -> Result<Self, Fault> {
        let all = source.files().iter();
        let names = all.filter(|file| is_named(file, "RXNCONSO.RRF")).max_by_key(|file| file.size);
        let names = names.ok_or(Fault::Missing { release: super::RELEASE, file: "RXNCONSO.RRF" })?;
        let beside = |name: &str| {
            source.files().iter().find(|file| is_named(file, name) && folder(file) == folder(names)).cloned()
        };
        Ok(Self {
            names: names.clone(),
            relations: beside("RXNREL.RRF"),
            attributes: beside("RXNSAT.RRF"),
            archive: beside("RXNATOMARCHIVE.RRF"),
            types: beside("RXNSTY.RRF"),
            sources: beside("RXNSAB.RRF"),
        })
    }

    pub(super) fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            (&self.relations, "RXNREL.RRF", "relations between concepts, the hierarchy"),
            (&self.attributes, "RXNSAT.RRF", "NDCs, strengths and other attributes"),
            (&self.archive, "RXNATOMARCHIVE.RRF", "concepts that are no longer there, and what they were merged into"),
            (&self.types, "RXNSTY.RRF", "semantic types"),
            (&self.sources, "RXNSAB.RRF", "what the release says of its version"),
        ];
        all.into_iter().filter(|(file, ..)| file.is_none()).map(|(_, file, without)| (file, without)).collect()
    }

    /// Whether it is all of `RxNorm`: only a full release has what is no longer there.
    pub(super) fn is_complete(&self, source: &Source) -> bool {
        let is_part = |name: &str| name.to_ascii_lowercase().contains("prescribe");
        self.archive.is_some() && !is_part(folder(&self.names)) && !is_part(&own_name(source))
    }
}

fn own_name(source: &Source) -> String {
    source.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Which version it is, by its names, else by its list of sources.
pub(super) fn version(reading: &mut Reading<'_>, files: &Files) -> Result<Option<String>, Fault> {
    let source = reading.source;
    // The folder of what is read goes before others that lie beside it.
    let names = source.files().iter().map(|file| file.name.clone());
    let own = [folder(&files.names).to_owned(), own_name(source)];
    if let Some(day) = own.into_iter().chain(names).find_map(|name| day(&name)) {
        return Ok(Some(day));
    }
    let mut found = None;
    if let Some(file) = &files.sources {
        reading.by_position(file, WIDTH, |row, _| {
            if row.get(ROOT) == super::OWN && found.is_none() {
                let version = row.get(VERSIONED);
                let version = version.strip_prefix("RXNORM_").unwrap_or(version);
                found = Some(turned(version).unwrap_or_else(|| version.to_owned()));
            }
            Ok(())
        })?;
    }
    Ok(found.filter(|version| !version.is_empty()))
}

/// `26AA_261102F`, as the list of sources has it, as FHIR has it: `11022026`.
fn turned(version: &str) -> Option<String> {
    let day = version.rsplit('_').next()?.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let is_day = day.len() == 6 && day.bytes().all(|byte| byte.is_ascii_digit());
    is_day.then(|| format!("{}20{}", &day[2..], &day[..2]))
}

/// A day as `MMDDYYYY` in a name such as `RxNorm_full_prescribe_01022030.zip` or `Readme_Full_01022030.txt`.
fn day(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if !lower.contains("rxnorm") && !lower.contains("readme") {
        return None;
    }
    let is_day = |text: &&str| {
        let within = |range: std::ops::Range<usize>, least: u32, most: u32| {
            text.get(range).and_then(|part| part.parse().ok()).is_some_and(|part: u32| (least..=most).contains(&part))
        };
        text.len() == 8 && within(0..2, 1, 12) && within(2..4, 1, 31) && within(4..8, 1990, 2999)
    };
    lower.split(|sign: char| !sign.is_ascii_digit()).find(is_day).map(str::to_owned)
}
