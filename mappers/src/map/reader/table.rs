//! One TOML table, read key by key.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::super::problem::{Report, suggest};
use super::super::syntax::{Literal, Located};

/// A table and what to call it in messages.
pub(super) struct TableReader<'r, 't, 'f> {
    table: &'t DeTable<'t>,
    at: usize,
    what: &'static str,
    report: &'r mut Report<'f>,
}

impl<'r, 't, 'f> TableReader<'r, 't, 'f> {
    pub(super) fn new(table: &'t DeTable<'t>, at: usize, what: &'static str, report: &'r mut Report<'f>) -> Self {
        Self { table, at, what, report }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn report(&mut self) -> &mut Report<'f> {
        self.report
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Where the key itself stands.
    pub(super) fn key_at(&self, key: &str) -> usize {
        self.table.get_key_value(key).map_or(self.at, |(key, _)| key.span().start)
    }

    /// Reports keys that are none.
    pub(super) fn keys(&mut self, known: &[&str]) {
        for key in self.table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let help = suggest(key.get_ref(), known.iter().copied());
                self.report.error(key.span().start, format!("{} has no `{}`", self.what, key.get_ref()), help);
            }
        }
    }

    pub(super) fn required_text(&mut self, key: &'static str) -> Option<Located<String>> {
        if !self.has(key) {
            let what = self.what;
            self.report.error(self.at, format!("{what} needs `{key}`"), format!("add `{key} = \"...\"`"));
        }
        self.text(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Located<String>> {
        let value = self.table.get(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Located { value: text.to_owned(), at: value.span().start }),
            None => {
                let found = value.get_ref().type_str();
                let message = format!("`{key}` is a text, not {found}");
                self.report.error(value.span().start, message, format!("write `{key} = \"...\"`"));
                None
            }
        }
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<Located<String>>> {
        texts_of(self.table.get(key)?, self.report)
    }

    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        let Some(value) = self.table.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.report.error(value.span().start, format!("`{key}` is true or false"), format!("write `{key} = true`"));
            false
        })
    }

    /// A text out of a few.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<Located<T>> {
        let text = self.text(key)?;
        self.chosen(key, &text, choices)
    }

    /// A text out of a few, or a list of such.
    pub(super) fn choices<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Vec<Located<T>> {
        let texts = match self.table.get(key) {
            Some(value) if value.get_ref().as_array().is_some() => self.texts(key).unwrap_or_default(),
            _ => self.text(key).into_iter().collect(),
        };
        texts.iter().filter_map(|text| self.chosen(key, text, choices)).collect()
    }

    fn chosen<T: Copy>(
        &mut self,
        key: &'static str,
        text: &Located<String>,
        choices: &[(&str, T)],
    ) -> Option<Located<T>> {
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.value) {
            return Some(Located { value: *value, at: text.at });
        }
        let help = suggest(&text.value, choices.iter().map(|(name, _)| *name));
        self.report.error(text.at, format!("`{key}` cannot be `{}`", text.value), help);
        None
    }

    pub(super) fn literal(&mut self, key: &'static str) -> Option<Located<Literal>> {
        let value = self.table.get(key)?;
        let literal = super::literal_of(value.get_ref());
        if literal.is_none() {
            let help = "write a text, a number, true or false";
            self.report.error(value.span().start, format!("`{key}` cannot be {}", value.get_ref().type_str()), help);
        }
        Some(Located { value: literal?, at: value.span().start })
    }

    /// A table's entries in the file's order.
    pub(super) fn entries(&mut self, key: &'static str) -> Option<Entries<'t>> {
        let value = self.table.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.report.error(value.span().start, format!("`{key}` is a table"), format!("write `{key} = {{ ... }}`"));
            return None;
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Some(entries)
    }

    pub(super) fn table<T>(&mut self, key: &'static str, what: &'static str, read: Read<T>) -> Option<T> {
        let value = self.table.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => read(TableReader::new(table, self.key_at(key), what, self.report)),
            None => {
                self.report.error(value.span().start, format!("`{key}` is a table"), format!("write `[{key}]`"));
                None
            }
        }
    }

    /// A list of tables: `key = [{ ... }]` or `[[key]]`.
    pub(super) fn tables<T>(&mut self, key: &'static str, what: &'static str, read: Read<T>) -> Vec<T> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.report.error(
                value.span().start,
                format!("`{key}` is a list"),
                format!("write `{key} = [ {{ ... }} ]`"),
            );
            return Vec::new();
        };
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref().as_table() {
                Some(table) => found.extend(read(TableReader::new(table, item.span().start, what, self.report))),
                None => {
                    self.report.error(item.span().start, format!("{what} is a table"), "write `{ key = \"value\" }`")
                }
            }
        }
        found
    }
}

/// Keys and values of a table.
pub(super) type Entries<'t> = Vec<(&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)>;

/// Reads a nested table.
type Read<T> = fn(TableReader<'_, '_, '_>) -> Option<T>;

/// A list of texts.
pub(super) fn texts_of(value: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Option<Vec<Located<String>>> {
    let Some(items) = value.get_ref().as_array() else {
        report.error(value.span().start, "a list of texts is expected here", "write `[\"one\", \"two\"]`");
        return None;
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item.get_ref().as_str() {
            Some(text) => texts.push(Located { value: text.to_owned(), at: item.span().start }),
            None => report.error(item.span().start, "a list of texts is expected here", "write `[\"one\", \"two\"]`"),
        }
    }
    Some(texts)
}
