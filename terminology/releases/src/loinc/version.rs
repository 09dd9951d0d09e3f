//! Which version a release is.

use crate::fault::Fault;
use crate::reading::Progress;
use crate::report::Report;
use crate::source::Source;
use crate::table::Table;

/// What the release, or the folder that its terms are in, is called; else the greatest that a term was changed in.
pub(super) fn of(source: &Source, terms: &Table<'_>, report: &mut Report) -> Result<String, Fault> {
    let inside = terms.file.name.rsplit('/').skip(1);
    if let Some(version) = inside.chain([source.name()]).find_map(named) {
        return Ok(version.to_owned());
    }
    let changed = terms.needs(&["VersionLastChanged"])?;
    let mut greatest: (Vec<u32>, String) = Default::default();
    let silent: Progress<'_> = &mut |_, _| {};
    terms.each(silent, |row| {
        let text = row.get(changed);
        if let Some(numbers) = numbers(text)
            && numbers > greatest.0
        {
            greatest = (numbers, text.to_owned());
        }
        Ok(())
    })?;
    if greatest.1.is_empty() {
        return Err(terms.fault(1, "no version is given, and no term says which it was changed in"));
    }
    report.odd(
        &terms.file.name,
        1,
        "the version is taken from VersionLastChanged, as the release is not called by one",
    );
    Ok(greatest.1)
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// `2.77` of `Loinc_2.77.zip`.
fn named(name: &str) -> Option<&str> {
    let start = name.to_ascii_lowercase().find("loinc")? + "loinc".len();
    let rest = name.get(start..)?.trim_start_matches(['_', '-', ' ']);
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches('.');
    version.split_once('.').filter(|(major, minor)| !major.is_empty() && !minor.is_empty()).map(|_| version)
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_release_is_called_by_its_version() {
        assert_eq!(named("Loinc_2.77"), Some("2.77"));
        assert_eq!(named("loinc-2.81.zip"), Some("2.81"));
        assert_eq!(named("Loinc_2.77_Something"), Some("2.77"));
        assert_eq!(named("LoincTable"), None);
        assert_eq!(named("loinc-subset"), None);
    }
}
