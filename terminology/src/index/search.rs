//! Concepts by the words that they are called by.

use super::read::{Index, Places};

/// The words of a text in small letters: what lies between signs that are neither letters nor digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

impl Index {
    /// The places, in order, where each of the words (in small letters) may begin a word of what the concept is called: exactly those
    /// where all of them are letters and digits; with a hyphen and the like in one, whoever asks looks closer.
    pub fn named(&self, words_asked: &[String]) -> Vec<usize> {
        let mut found: Option<Vec<usize>> = None;
        // A sign within one parts it into several: where they all begin words there is less to look closer at.
        for part in words_asked.iter().flat_map(|asked| words(asked)) {
            let places = self.beginning(part);
            found = Some(match found {
                None => places,
                Some(before) => both(&before, &places),
            });
        }
        found.unwrap_or_else(|| (0..self.len()).collect())
    }

    /// Whether [`Index::named`] is all there is to ask.
    pub fn is_exact(words_asked: &[String]) -> bool {
        words_asked.iter().all(|asked| asked.chars().all(char::is_alphanumeric))
    }

    /// The places of all words that begin so.
    fn beginning(&self, first: &str) -> Vec<usize> {
        let (table, texts, places) = self.words_part();
        let numbers = Places(table);
        let word = |nth: usize| -> Option<&[u8]> {
            let (start, length) = (numbers.at(nth * 4)?, numbers.at(nth * 4 + 1)?);
            texts.get(start..start.checked_add(length)?)
        };
        let (mut low, mut high) = (0, table.len() / 16);
        while low < high {
            let middle = usize::midpoint(low, high);
            if word(middle).is_some_and(|word| word < first.as_bytes()) { low = middle + 1 } else { high = middle }
        }
        let of_word = |nth: usize| {
            let (from, count) = (numbers.at(nth * 4 + 2)?, numbers.at(nth * 4 + 3)?);
            Some(Places(places.get(from.checked_mul(4)?..from.checked_add(count)?.checked_mul(4)?)?))
        };
        let fit =
            (low..table.len() / 16).take_while(|nth| word(*nth).is_some_and(|word| word.starts_with(first.as_bytes())));
        let mut lists = fit.filter_map(of_word).peekable();
        let Some(one) = lists.next() else { return Vec::new() };
        if lists.peek().is_none() {
            return one.iter().collect();
        }
        // Many words: a mark per place costs less than to sort what all of them have.
        let mut marks = vec![false; self.len()];
        [one].into_iter().chain(lists).flat_map(Places::iter).for_each(|at| {
            if let Some(mark) = marks.get_mut(at) {
                *mark = true;
            }
        });
        marks.iter().enumerate().filter_map(|(at, is_there)| is_there.then_some(at)).collect()
    }
}

/// What is in both, of two in order.
pub(crate) fn both(one: &[usize], other: &[usize]) -> Vec<usize> {
    let mut others = other.iter().copied().peekable();
    let is_there = |place: &&usize| {
        while others.next_if(|other| other < *place).is_some() {}
        others.peek() == Some(*place)
    };
    one.iter().filter(is_there).copied().collect()
}
