//! Which characters and names XML has, and what a reference stands for (<https://www.w3.org/TR/xml/#charsets>).

/// The longest name of a tag or an attribute.
const NAME: usize = 128;

/// A character of XML 1.0.
pub(super) fn is_char(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Where the text has something that is no character of XML.
pub(super) fn foreign(text: &str) -> Option<usize> {
    // Control characters, and the first byte of U+FFFE and U+FFFF.
    let suspect = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r') || byte == 0xEF;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|byte| suspect(*byte)) {
        at += found;
        if !text[at..].chars().next().is_some_and(is_char) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// White space of XML.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A name with at most one prefix, and not without end.
pub(super) fn is_name(name: &str) -> bool {
    let mut parts = name.split(':');
    let (first, second, more) = (parts.next(), parts.next(), parts.next());
    name.len() <= NAME && more.is_none() && first.is_some_and(is_part) && second.is_none_or(is_part)
}

fn is_part(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(starts_name)
        && letters.all(|letter| {
            starts_name(letter)
                || matches!(letter, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
        })
}

fn starts_name(letter: char) -> bool {
    matches!(
        letter,
        'A'..='Z'
            | '_'
            | 'a'..='z'
            | '\u{C0}'..='\u{D6}'
            | '\u{D8}'..='\u{F6}'
            | '\u{F8}'..='\u{2FF}'
            | '\u{370}'..='\u{37D}'
            | '\u{37F}'..='\u{1FFF}'
            | '\u{200C}'..='\u{200D}'
            | '\u{2070}'..='\u{218F}'
            | '\u{2C00}'..='\u{2FEF}'
            | '\u{3001}'..='\u{D7FF}'
            | '\u{F900}'..='\u{FDCF}'
            | '\u{FDF0}'..='\u{FFFD}'
            | '\u{10000}'..='\u{EFFFF}'
    )
}

/// What `&name;` stands for: a character by its number, or one of the five names that XML itself has.
pub(super) fn reference(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "amp" => Some('&'),
            "apos" => Some('\''),
            "gt" => Some('>'),
            "lt" => Some('<'),
            "quot" => Some('"'),
            _ => None,
        };
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    if digits.is_empty() || !digits.bytes().all(|byte| char::from(byte).is_digit(radix)) {
        return None;
    }
    // Leading zeros may be many, but no number beyond Unicode fits.
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|letter| is_char(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_of_xml_and_of_its_characters() {
        assert_eq!(["lt", "#65", "#x41", "#x1F600"].map(reference), [Some('<'), Some('A'), Some('A'), Some('😀')]);
        for name in ["nbsp", "#", "#x", "#0", "#1", "#xFFFE", "#xD800", "#x110000", "#+65", "#X41", "", "#99999999999"]
        {
            assert_eq!(reference(name), None, "{name}");
        }
    }

    #[test]
    fn what_xml_has_no_character_for_is_found() {
        assert_eq!(foreign("a\tb\r\n é 😀 \u{FEFF} \u{FFFD}"), None);
        assert_eq!(foreign("ab\u{0}"), Some(2));
        assert_eq!(foreign("é\u{1B}"), Some(2));
        assert_eq!(foreign("\u{FEFF}\u{FFFF}"), Some(3));
    }

    #[test]
    fn names_have_one_prefix_at_most() {
        assert!(["a", "h:div", "o-1.x", "é", "_"].into_iter().all(is_name));
        assert!(!["", ":a", "a:", "a:b:c", "1a", "a<b", "a b"].into_iter().any(is_name));
        assert!(!is_name(&"a".repeat(200)));
    }
}
