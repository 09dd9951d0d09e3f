//! What tables take beside a column's type: the words of their checks, and keys of rows that are there.

use mappers::map::Map;
use mappers::row::Cell;
use mappers::schema::ColumnKind;
use std::collections::BTreeMap;

use crate::dice::Dice;

/// The words of `check (column in ('...'))`, by table and column.
pub(crate) struct Words(BTreeMap<(String, String), Vec<String>>);

impl Words {
    /// Of the clinic's tables.
    pub(crate) fn of_clinic() -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/clinic");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|path| path.to_string_lossy().ends_with(".up.sql"));
        let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let mut words = BTreeMap::new();
        for table in text.split("create table ").skip(1) {
            let name = table.split_whitespace().next().unwrap();
            let body = table.split("\n);").next().unwrap();
            for check in body.split("check (").skip(1) {
                let Some((column, list)) = check.split_once(" in (") else { continue };
                if column.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
                    let list = list.split(')').next().unwrap().split(',');
                    let list = list.map(|word| word.trim().trim_matches('\'').to_owned()).collect();
                    words.insert((name.to_owned(), column.to_owned()), list);
                }
            }
        }
        assert!(words.len() > 40, "the checks are found: {words:?}");
        Self(words)
    }

    /// Makes cells that fit their types such as the tables take: of listed words one that is listed; of references `k1` and
    /// `k2` the rows that are there, another key only where no foreign key asks for a row.
    pub(crate) fn fit(&self, map: &Map, child: Option<usize>, cells: &mut [Cell], dice: &mut Dice) {
        let slots = child.map_or(&map.slots, |child| &map.children[child].slots);
        for (slot, cell) in slots.iter().zip(cells) {
            let Some(text) = cell.as_deref() else { continue };
            let table = match (child, slot.join) {
                (Some(child), _) => &map.children[child].table,
                (None, Some(join)) => &map.joins[join].table,
                (None, None) => &map.table,
            };
            if let Some(column) = &slot.reference {
                let dangles = text == "plain-key" && column.foreign_table.is_some();
                *cell = Some(if dangles { "1".into() } else { text.trim_start_matches('k').into() });
            } else if slot.kind == ColumnKind::TimestampTz && text == "2020-01-15T15:30:00Z" {
                // A time that clients say in words of their own, which stay where it is the same time.
                *cell = Some("2022-08-09T10:11:12Z".into());
            } else if slot.kind == ColumnKind::Json {
                // Numbers as jsonb has them too: there is no other row to compare with where a database rewrites them.
                let plain = [("-0.0", "0.0"), ("1E+2", "100"), ("1e-3", "0.001")];
                *cell = Some(plain.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).into());
            } else if let Some(words) = self.0.get(&(table.clone(), slot.column.clone()))
                && !words.iter().any(|word| word == text)
            {
                *cell = Some(words[dice.below(words.len())].as_str().into());
            }
        }
    }
}
