//! Element paths: `name[use=official].family`, `code.coding[system=http://loinc.org].code`, `dosageInstruction[0].text`.

use super::{Pair, Selector};

/// A parsed path: at least one segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Path {
    /// The segments from the resource (or list item) inward.
    pub segments: Vec<Segment>,
}

/// One element of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Segment {
    /// The element's JSON name.
    pub name: String,
    /// Which item of the list.
    pub selector: Option<Selector>,
    /// Byte offset in the path's text.
    pub at: usize,
}

/// Why a text is no path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathError {
    /// Byte offset in the path's text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl Path {
    /// Parses a path. Everything between `[` and the next `]` belongs to the selector, dots included.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut segments = Vec::new();
        let mut at = 0;
        loop {
            let (segment, end) = segment(text, at)?;
            segments.push(segment);
            if end == text.len() {
                return Ok(Self { segments });
            }
            if !text[end..].starts_with('.') {
                return Err(error(
                    end,
                    "a selector is followed by `.` or by nothing",
                    "write `name[use=official].family`",
                ));
            }
            at = end + 1;
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(out, "{dot}{}", segment.name)?;
            if let Some(selector) = &segment.selector {
                write!(out, "[{selector}]")?;
            }
        }
        Ok(())
    }
}

fn segment(text: &str, at: usize) -> Result<(Segment, usize), PathError> {
    let rest = &text[at..];
    let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let name = &rest[..length];
    if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Err(error(at, "an element's name is expected here", "paths look like `name[use=official].family`"));
    }
    match rest[length..].chars().next() {
        None | Some('.') => Ok((Segment { name: name.to_owned(), selector: None, at }, at + length)),
        Some('[') => {
            let inside = at + length + 1;
            let Some(close) = text[inside..].find(']') else {
                return Err(error(at + length, "`[` is never closed", "write `name[use=official]`"));
            };
            let selector = Some(selector(&text[inside..inside + close], inside)?);
            Ok((Segment { name: name.to_owned(), selector, at }, inside + close + 1))
        }
        Some(letter) => {
            let help = "names consist of letters and digits; a choice element has its full name, as `valueQuantity`";
            Err(error(at + length, format!("`{letter}` cannot stand in a path"), help))
        }
    }
}

/// `0`, or `system=http://loinc.org`, or several pairs with commas between. A comma that no `name=` follows belongs to the
/// value. The left side may go down (`code.coding.code=8480-6`), the right side may end in `/*` or be a choice of words
/// (`use=official|usual|`).
fn selector(text: &str, at: usize) -> Result<Selector, PathError> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let too_large = |_| error(at, "this index is too large", "indexes start at 0");
        return text.parse().map(Selector::Index).map_err(too_large);
    }
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for piece in text.split(',') {
        match piece.split_once('=').filter(|(path, _)| path.split('.').all(is_name)) {
            Some((path, value)) => pairs.push((path, value.to_owned())),
            None => match pairs.last_mut() {
                Some((_, value)) => {
                    value.push(',');
                    value.push_str(piece);
                }
                None => {
                    return Err(error(at, format!("`[{text}]` selects nothing"), "write `[use=official]` or `[0]`"));
                }
            },
        }
    }
    if let Some((path, _)) = pairs.iter().find(|(_, value)| value.is_empty()) {
        return Err(error(at, format!("`{path}=` has no value"), "write `[use=official]`"));
    }
    if let Some((path, value)) = pairs.iter().find(|(path, value)| value.contains('|') && !is_choice(path, value)) {
        let help = "choose among different words for a member of the item itself, the one liked best first; an empty word \
                    at the end means that there is no such member: `[use=official|usual|]`";
        return Err(error(at, format!("`{path}={value}` is no choice of words"), help));
    }
    Ok(Selector::Where(pairs.iter().map(|(path, value)| Pair::new(path, value)).collect()))
}

/// Different words, of which only the last may be empty, for a member of the item itself.
fn is_choice(path: &str, value: &str) -> bool {
    let words: Vec<&str> = value.split('|').collect();
    let (last, others) = words.split_last().unwrap_or((&"", &[]));
    let alone = |(at, word): (usize, &&str)| !word.is_empty() && !others[..at].contains(word);
    is_name(path) && others.iter().enumerate().all(alone) && !others.contains(last)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn error(at: usize, message: impl Into<String>, help: impl Into<String>) -> PathError {
    PathError { at, message: message.into(), help: help.into() }
}
