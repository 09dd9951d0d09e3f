//! Texts as string searches compare them (<https://hl7.org/fhir/R4/search.html#string>): neither case nor accents nor
//! the width of spaces count.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in small letters without marks, spaces of any kind and number as one.
#[must_use]
pub fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    let mut push = |character: char| {
        if character.is_whitespace() {
            space = true;
            return;
        }
        if std::mem::take(&mut space) && !out.is_empty() {
            out.push(' ');
        }
        out.push(character);
    };
    if text.is_ascii() {
        text.chars().for_each(|character| push(character.to_ascii_lowercase()));
    } else {
        let plain = text.nfkd().filter(|character| !is_combining_mark(*character));
        plain.flat_map(char::to_lowercase).for_each(push);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn case_accents_and_spaces_do_not_count() {
        for (text, expected) in [
            ("Ada", "ada"),
            ("  De\t la  Cruz ", "de la cruz"),
            ("Müller", "muller"),
            ("MU\u{308}LLER", "muller"),
            ("Łódź", "łodz"),
            ("ΑΒΓ", "αβγ"),
            ("ﬁne", "fine"),
            ("", ""),
        ] {
            assert_eq!(normal(text), expected);
        }
    }
}
