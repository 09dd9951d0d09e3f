//! Narrative: plain text in the column, XHTML in the resource (<https://hl7.org/fhir/R4/narrative.html>).

const OPEN: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\">";
const CLOSE: &str = "</div>";
const BREAK: &str = "<br/>";

/// Elements that stand in lines of their own.
const BLOCKS: &[&str] = &[
    "blockquote",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// A text as XHTML: line ends become `<br/>`, and nothing else is made of it.
pub(super) fn render(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + OPEN.len() + CLOSE.len() + 16);
    out.push_str(OPEN);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\r' | '\n' => out.push_str(BREAK),
            // No character of XML.
            '\u{FFFE}' | '\u{FFFF}' => {}
            letter => out.push(letter),
        }
    }
    out.push_str(CLOSE);
    out
}

/// What XHTML says to a reader: the text that [`render`] made it of, or else the text between the tags.
pub(super) fn read(div: &str) -> Option<String> {
    let plain = rendered(div).unwrap_or_else(|| stripped(div));
    super::text::fits(&plain).then_some(plain)
}

/// The text that [`render`] makes exactly this of.
fn rendered(div: &str) -> Option<String> {
    let inner = div.strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
    let text = inner.replace(BREAK, "\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    (render(&text) == div).then_some(text)
}

/// Tags taken out, white space and references of characters read as a browser does.
fn stripped(div: &str) -> String {
    let mut lines = Lines::default();
    let mut rest = div;
    while let Some(at) = rest.find(['<', '&']) {
        lines.text(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<!--") {
            rest = after.find("-->").map_or("", |end| &after[end + 3..]);
        } else if rest.starts_with('<') {
            let (name, after) = tag(rest);
            rest = after;
            lines.tag(&name);
        } else {
            let (letter, length) = reference(rest).unwrap_or(('&', 1));
            lines.text(letter.encode_utf8(&mut [0; 4]));
            rest = &rest[length..];
        }
    }
    lines.text(rest);
    lines.finish()
}

/// The name of the tag that the text starts with, in lower case, and what stands after it.
fn tag(text: &str) -> (String, &str) {
    let inner = text[1..].trim_start_matches('/');
    let length = inner.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let name = inner[..length].to_ascii_lowercase();
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '>') => return (name, &text[at + 1..]),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    (name, "")
}

/// The character that a reference (`&amp;`, `&#233;`) at the start stands for, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let letter = match &text[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        name => {
            let number = name.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
            char::from_u32(hex.unwrap_or_else(|| number.parse()).ok()?).filter(|letter| *letter != '\0')?
        }
    };
    Some((letter, end + 1))
}

/// Lines of text as they come together.
#[derive(Default)]
struct Lines {
    done: String,
    line: String,
    space: bool,
}

impl Lines {
    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            if letter.is_whitespace() {
                self.space = true;
            } else {
                if std::mem::take(&mut self.space) && !self.line.is_empty() {
                    self.line.push(' ');
                }
                self.line.push(letter);
            }
        }
    }

    fn tag(&mut self, name: &str) {
        match name {
            "br" => self.end(),
            "td" | "th" => self.space = true,
            name if BLOCKS.contains(&name) && !self.line.is_empty() => self.end(),
            _ => {}
        }
    }

    fn end(&mut self) {
        self.done.push_str(&std::mem::take(&mut self.line));
        self.done.push('\n');
        self.space = false;
    }

    fn finish(mut self) -> String {
        self.end();
        self.done.trim_matches('\n').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_and_its_narrative_are_one() {
        let div = render("Seen by <Dr. Zoë> & co.\r\n  no change\n\nBP 120/80");
        assert_eq!(
            div,
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">Seen by &lt;Dr. Zoë&gt; &amp; co.<br/>  no change<br/><br/>BP 120/80</div>"
        );
        assert_eq!(read(&div).as_deref(), Some("Seen by <Dr. Zoë> & co.\n  no change\n\nBP 120/80"));
    }

    #[test]
    fn other_narratives_read_as_lines() {
        let table = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><!-- a > b --><h1>Vitals</h1>\n <table title=\"x > y\">\
            <tr><td>BP</td><td>120/80</td></tr><tr><th>HR</th> <td>72&#160;&#x2F;min</td></tr></table><p>A &quot;B&quot; &amp;amp; &unknown; &</p></div>";
        assert_eq!(read(table).as_deref(), Some("Vitals\nBP 120/80\nHR 72 /min\nA \"B\" &amp; &unknown; &"));
        assert_eq!(read("<div><p> </p></div>"), None);
        assert_eq!(read("<div>open <b").as_deref(), Some("open"));
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[^\\r\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{FFFE}\u{FFFF}]{1,40}") {
            prop_assume!(super::super::text::fits(&text));
            prop_assert_eq!(read(&render(&text)), Some(text));
        }

        #[test]
        fn no_narrative_is_longer_than_it_was(div in "[<>a-d/&;#x0-9\"'! é-]{0,60}") {
            if let Some(text) = read(&div) {
                prop_assert!(text.len() <= div.len());
            }
        }
    }
}
