//! Text in HTML and XHTML.

/// Appends a text that is nothing but text there, in attributes too. What XML has no characters for is a space.
pub(crate) fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() && !matches!(letter, '\t' | '\n' | '\r') => out.push(' '),
            letter => out.push(letter),
        }
    }
}
