//! Units of work as checkpoints name them, and the set of those that are done.
//!
//! A unit says exactly which lines (or which entries of a line's bundle) were committed, so that a checkpoint keeps its
//! meaning whatever the batch size of the run that resumes.

use std::collections::HashMap;

/// Bits for the number of lines or entries in a unit.
const COUNT_BITS: u32 = 11;
/// Bits for the first entry.
const ENTRY_BITS: u32 = 20;
/// Stands in the entry's place where a unit is made of whole lines.
const WHOLE: u32 = (1 << ENTRY_BITS) - 1;

/// The most lines or entries one unit can name.
pub(super) const MOST: usize = (1 << COUNT_BITS) - 1;
/// The most entries of one bundle that can be told apart.
pub(super) const MOST_ENTRIES: usize = WHOLE as usize;
/// The most lines of one file that can be told apart.
pub(super) const MOST_LINES: u64 = i32::MAX as u64;

/// Consecutive lines, or consecutive entries of one line's bundle, that are committed together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unit {
    /// The first line (from 1).
    pub(super) line: u32,
    /// The first entry of the line's bundle (from 0); `None` for whole lines.
    pub(super) entry: Option<u32>,
    /// How many lines or entries, at most [`MOST`].
    pub(super) count: u32,
}

impl Unit {
    /// The number the checkpoint keeps: line, entry and count side by side.
    pub(super) fn encode(self) -> i64 {
        let entry = i64::from(self.entry.unwrap_or(WHOLE));
        (i64::from(self.line) << (ENTRY_BITS + COUNT_BITS)) | (entry << COUNT_BITS) | i64::from(self.count)
    }

    /// Whether `next` begins just where this unit ends.
    pub(super) fn is_followed_by(self, next: Self) -> bool {
        match (self.entry, next.entry) {
            (None, None) => self.line + self.count == next.line,
            (Some(first), Some(second)) => self.line == next.line && first + self.count == second,
            _ => false,
        }
    }

    /// `count` lines or entries of this unit, from the one at `from`.
    pub(super) fn part(self, from: usize, count: usize) -> Self {
        let from = from as u32;
        match self.entry {
            None => Self { line: self.line + from, entry: None, count: count as u32 },
            Some(entry) => Self { line: self.line, entry: Some(entry + from), count: count as u32 },
        }
    }

    fn decode(number: i64) -> Self {
        let entry = (number >> COUNT_BITS) as u32 & WHOLE;
        Self {
            line: (number >> (ENTRY_BITS + COUNT_BITS)) as u32,
            entry: (entry != WHOLE).then_some(entry),
            count: number as u32 & MOST as u32,
        }
    }
}

/// What earlier runs committed of one file.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// One bit a line.
    lines: Vec<u64>,
    /// Ranges of entries by line: (first, count).
    entries: HashMap<u32, Vec<(u32, u32)>>,
}

impl Done {
    /// From the numbers that checkpoints kept.
    pub(super) fn new(units: impl IntoIterator<Item = i64>) -> Self {
        let mut done = Self::default();
        for unit in units.into_iter().map(Unit::decode) {
            match unit.entry {
                Some(entry) => done.entries.entry(unit.line).or_default().push((entry, unit.count)),
                None => (unit.line..unit.line.saturating_add(unit.count)).for_each(|line| done.mark(line)),
            }
        }
        done
    }

    /// Whether the whole line was committed.
    pub(super) fn has_line(&self, line: u32) -> bool {
        self.lines.get(line as usize / 64).is_some_and(|word| word & (1 << (line % 64)) != 0)
    }

    /// Whether this entry of the line's bundle was committed.
    pub(super) fn has_entry(&self, line: u32, entry: u32) -> bool {
        let ranges = self.entries.get(&line);
        ranges.is_some_and(|ranges| ranges.iter().any(|(first, count)| (*first..first + count).contains(&entry)))
    }

    fn mark(&mut self, line: u32) {
        let word = line as usize / 64;
        if self.lines.len() <= word {
            self.lines.resize(word + 1, 0);
        }
        self.lines[word] |= 1 << (line % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_survives_its_number() {
        let whole = Unit { line: 1, entry: None, count: 200 };
        let entries = Unit { line: i32::MAX as u32, entry: Some(WHOLE - 1), count: MOST as u32 };
        for unit in [whole, entries, Unit { line: 7, entry: Some(0), count: 1 }] {
            assert_eq!(Unit::decode(unit.encode()), unit);
            assert!(unit.encode() > 0);
        }
    }

    #[test]
    fn units_are_split_and_followed_without_a_gap() {
        for whole in [Unit { line: 5, entry: None, count: 10 }, Unit { line: 5, entry: Some(3), count: 10 }] {
            let (left, right) = (whole.part(0, 4), whole.part(4, 6));
            assert!(left.is_followed_by(right) && !right.is_followed_by(left) && !left.is_followed_by(whole));
        }
        let (line, entry) = (Unit { line: 1, entry: None, count: 1 }, Unit { line: 2, entry: Some(0), count: 1 });
        assert!(!line.is_followed_by(entry));
    }

    #[test]
    fn done_knows_lines_and_entries_apart() {
        let units = [Unit { line: 3, entry: None, count: 2 }, Unit { line: 9, entry: Some(10), count: 5 }];
        let done = Done::new(units.map(Unit::encode));
        assert_eq!((1..=6).filter(|line| done.has_line(*line)).collect::<Vec<_>>(), [3, 4]);
        assert!(!done.has_line(9));
        assert!(done.has_entry(9, 10) && done.has_entry(9, 14));
        assert!(!done.has_entry(9, 9) && !done.has_entry(9, 15) && !done.has_entry(3, 10));
    }
}
