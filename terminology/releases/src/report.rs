//! What was seen while a release was read.

/// The most oddities that are told one by one; the others are counted.
const MOST_TOLD: usize = 100;

/// Something odd that a release can do with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Odd {
    /// Which file.
    pub file: String,
    /// Counted from one.
    pub line: u64,
    /// What is odd, and what was made of it.
    pub what: String,
}

/// What was seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// Files that were read, with their rows.
    pub files: Vec<(String, u64)>,
    /// Files that were not there, and what is missing without them.
    pub missing: Vec<(&'static str, &'static str)>,
    /// The first oddities.
    pub odd: Vec<Odd>,
    /// How many there were.
    pub odd_rows: u64,
}

impl Report {
    /// Notes something odd.
    pub fn odd(&mut self, file: &str, line: u64, what: impl Into<String>) {
        self.odd_rows += 1;
        if self.odd.len() < MOST_TOLD {
            self.odd.push(Odd { file: file.to_owned(), line, what: what.into() });
        }
    }

    /// Notes a file that was read.
    pub fn read(&mut self, file: &str, rows: u64) {
        self.files.push((file.to_owned(), rows));
    }
}
