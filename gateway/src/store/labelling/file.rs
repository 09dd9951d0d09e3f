//! A user's own table of codes and labels, as TOML or CSV. It adds to the built-in one, and is kept in the database.
//!
//! ```toml
//! [[labels]]
//! system = "http://example.org/codes"
//! label  = "SUD"                      # a sensitivity of v3-ActCode, R, V, or 42CFRPart2
//! codes  = ["A-17", "B2*"]     # * stands for every code that begins so
//! ```
//!
//! ```csv
//! system,code,label
//! http://example.org/codes,A-17,SUD
//! ```

use std::collections::BTreeSet;
use std::fmt;

use consent::labelling::{Labelling, Unfit};
use serde::Deserialize;
use toml::Spanned;

/// The most rows of a table: all of it is in memory.
const MOST: usize = 500_000;

/// A table that was read and fits.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct OwnTable {
    /// System, code and label apart by tabs, a row a line, sorted: equal tables are equal texts.
    text: String,
    rows: usize,
}

/// What is wrong with a table, and in which line of its file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What, and what would be right.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A row of a file with its line.
struct Row<'t> {
    line: usize,
    system: &'t str,
    code: &'t str,
    label: &'t str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    labels: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    system: Spanned<String>,
    label: Spanned<String>,
    codes: Vec<Spanned<String>>,
}

impl OwnTable {
    /// Reads a table; as CSV where the file's name says so.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let is_csv = name.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
        if is_csv { Self::of_csv(text) } else { Self::of_toml(text) }
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// As the database keeps it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds what the database keeps of a table.
    pub(super) fn add_kept(text: &str, labelling: &mut Labelling) {
        for row in text.lines() {
            let mut parts = row.split('\t');
            if let (Some(system), Some(code), Some(label)) = (parts.next(), parts.next(), parts.next()) {
                // It fitted when it was kept.
                let _ = labelling.add(system, code, label);
            }
        }
    }

    fn of_toml(text: &str) -> Result<Self, Vec<Fault>> {
        let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            vec![Fault { line, what: error.message().to_owned() }]
        })?;
        let rows = file.labels.iter().flat_map(|entry| {
            entry.codes.iter().map(move |code| {
                let (system, label) = (entry.system.get_ref(), entry.label.get_ref());
                Row { line: line_of(code.span().start), system, code: code.get_ref(), label }
            })
        });
        Self::of_rows(rows)
    }

    fn of_csv(text: &str) -> Result<Self, Vec<Fault>> {
        let mut rows = Vec::new();
        let mut faults = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<&str> = line.split(',').map(|field| unquoted(field.trim())).collect();
            match fields[..] {
                ["system", "code", "label"] if rows.is_empty() => {}
                [system, code, label] => rows.push(Row { line: number + 1, system, code, label }),
                _ => faults.push(Fault { line: number + 1, what: "a row is system,code,label".to_owned() }),
            }
        }
        if faults.is_empty() { Self::of_rows(rows.into_iter()) } else { Err(faults) }
    }

    fn of_rows<'t>(rows: impl Iterator<Item = Row<'t>>) -> Result<Self, Vec<Fault>> {
        let (mut trial, mut faults, mut kept) = (Labelling::default(), Vec::new(), BTreeSet::new());
        for Row { line, system, code, label } in rows {
            let fit = if code.contains(char::is_control) { Err(Unfit::Code) } else { trial.add(system, code, label) };
            match fit {
                Ok(()) => {
                    kept.insert(format!("{system}\t{code}\t{label}\n"));
                }
                Err(unfit) => faults.push(Fault { line, what: unfit.sentence().to_owned() }),
            }
            if kept.len() > MOST {
                faults.push(Fault { line, what: format!("a table has at most {MOST} rows: use prefixes (1234*)") });
                break;
            }
        }
        let rows = kept.len();
        if faults.is_empty() { Ok(Self { text: kept.into_iter().collect(), rows }) } else { Err(faults) }
    }
}

fn unquoted(field: &str) -> &str {
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, text: &str) -> Vec<String> {
        OwnTable::parse(name, text).unwrap_err().iter().map(Fault::to_string).collect()
    }

    const TOML: &str = "[[labels]]\nsystem = \"urn:a\"\nlabel = \"SUD\"\ncodes = [\n  \"2\",\n  \"1*\"]\n\
                        [[labels]]\nsystem = \"urn:b\"\nlabel = \"V\"\ncodes = [\"3\"]\n";

    #[test]
    fn both_spellings_are_one_table() {
        let toml = OwnTable::parse("t.toml", TOML).unwrap();
        let csv = OwnTable::parse(
            "t.CSV",
            "system,code,label\n# ours\nurn:b, 3, V\n\"urn:a\",\"1*\",SUD\r\nurn:a,2,SUD\nurn:a,2,SUD\n",
        );
        assert_eq!(toml, csv.unwrap());
        assert_eq!((toml.rows(), toml.text()), (3, "urn:a\t1*\tSUD\nurn:a\t2\tSUD\nurn:b\t3\tV\n"));
        let mut labelling = Labelling::default();
        OwnTable::add_kept(toml.text(), &mut labelling);
        assert_eq!(labelling.len(), 3);
        assert_eq!(OwnTable::parse("t.toml", "").unwrap(), OwnTable::default());
    }

    #[test]
    fn faults_name_their_lines() {
        let wrong = TOML.replace("\"1*\"", "\"*\"").replace("urn:b", "b").replace("\"V\"", "\"X\"");
        let found = faults("t.toml", &wrong);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("line 6: a prefix"), "{found:?}");
        assert!(found[1].starts_with("line 10: the label is not known"), "{found:?}");
        assert!(
            faults("t.toml", "[[labels]]\nsystem = \"urn:a\"\nlable = 1\n")[0].starts_with("line 3: unknown field")
        );
        assert!(faults("t.toml", "a =")[0].starts_with("line 1: "));
        assert_eq!(
            faults("t.csv", "urn:a,1,SUD\nurn:a,1\nurn:a,1,SUD,x\n"),
            ["line 2: a row is system,code,label", "line 3: a row is system,code,label"]
        );
        assert!(faults("t.csv", "x,1,SUD\n")[0].starts_with("line 1: the system is no address"));
    }
}
