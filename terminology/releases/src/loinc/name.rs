//! Other names of terms: for patients, and in other languages.

use super::Reading;
use super::role::{CONSUMER, VARIANT};
use super::term::{ENGLISH, ForPatients, use_of};
use crate::fault::Fault;
use crate::table::Table;

/// Reads names for patients; one that the term has already stands there once.
pub(super) fn consumer(reading: &mut Reading<'_>, named: &ForPatients) -> Result<(), Fault> {
    let Some(table) = reading.find(&CONSUMER, "names for patients") else { return Ok(()) };
    let (code, name) = (table.needs(&["LoincNumber"])?, table.needs(&["ConsumerName"])?);
    let used_for = use_of("CONSUMER_NAME");
    reading.each(&table, |draft, report, row| {
        let (code, name) = (row.get(code), row.get(name));
        let Some(at) = draft.find(code) else {
            report.odd(&table.file.name, row.line, format!("{code} is not there; skipped"));
            return Ok(());
        };
        if name.is_empty() || named.get(at as usize).is_some_and(|known| **known == *name) {
            return Ok(());
        }
        Ok(draft.designation(at, ENGLISH, &used_for, name)?)
    })
}

/// Reads the variants, each a file of a language.
pub(super) fn variants(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let tables = reading.tables.all(&VARIANT);
    if tables.is_empty() {
        reading.report.missing.push((VARIANT.file, "names in other languages"));
    }
    for table in tables {
        match language_of(table.file.base()) {
            Some(language) => variant(reading, &table, &language)?,
            None => reading.report.odd(&table.file.name, 1, "its name does not tell the language; not read"),
        }
    }
    Ok(())
}

fn variant<'r>(reading: &mut Reading<'r>, table: &Table<'r>, language: &str) -> Result<(), Fault> {
    let code = table.needs(&["LOINC_NUM"])?;
    let names = ["LONG_COMMON_NAME", "SHORTNAME", "LinguisticVariantDisplayName"]
        .map(|name| (table.column(&[name]), use_of(name)));
    reading.each(table, |draft, report, row| {
        let code = row.get(code);
        let Some(at) = draft.find(code) else {
            report.odd(&table.file.name, row.line, format!("{code} is not there; skipped"));
            return Ok(());
        };
        for (column, used_for) in &names {
            let name = row.get(*column);
            if !name.is_empty() {
                draft.designation(at, language, used_for, name)?;
            }
        }
        Ok(())
    })
}

/// `de-DE` of `deDE15LinguisticVariant.csv`.
fn language_of(file: &str) -> Option<String> {
    let small = file.find(|letter: char| !letter.is_ascii_lowercase())?;
    let (language, rest) = file.split_at(small);
    let end = rest.find(|letter: char| !letter.is_ascii_uppercase())?;
    let (country, rest) = rest.split_at(end);
    let is_one =
        matches!(language.len(), 2 | 3) && country.len() == 2 && rest.starts_with(|next: char| next.is_ascii_digit());
    is_one.then(|| format!("{language}-{country}"))
}

#[cfg(test)]
mod tests {
    use super::language_of;

    #[test]
    fn a_files_name_tells_its_language() {
        assert_eq!(language_of("deDE15LinguisticVariant.csv").as_deref(), Some("de-DE"));
        assert_eq!(language_of("zhCN5LinguisticVariant.csv").as_deref(), Some("zh-CN"));
        assert_eq!(language_of("LinguisticVariants.csv"), None);
        assert_eq!(language_of(""), None);
    }
}
