//! The attributes of a tag, checked: names, quotes, references, none twice.

use std::borrow::Cow;

use super::characters::{is_name, is_space, reference};

/// The most attributes of one tag.
const MOST: usize = 64;

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'t> {
    pub(super) name: &'t str,
    /// As written between its quotes.
    pub(super) raw: &'t str,
}

/// The attributes in what stands behind the name of a tag.
///
/// # Errors
/// What is wrong with them.
pub(super) fn attributes(text: &str) -> Result<Vec<Attribute<'_>>, &'static str> {
    let mut found: Vec<Attribute<'_>> = Vec::new();
    let mut rest = text;
    loop {
        let next = rest.trim_start_matches(|letter: char| letter.is_ascii() && is_space(letter as u8));
        if next.is_empty() {
            return Ok(found);
        }
        if next.len() == rest.len() {
            return Err("attributes stand without a space between them; add one");
        }
        let end = next.bytes().position(|byte| byte == b'=' || is_space(byte)).ok_or(NO_VALUE)?;
        let (name, after) = next.split_at(end);
        let after = after.trim_start_matches(|letter: char| letter.is_ascii() && is_space(letter as u8));
        let after = after.strip_prefix('=').ok_or(NO_VALUE)?;
        let after = after.trim_start_matches(|letter: char| letter.is_ascii() && is_space(letter as u8));
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(NO_VALUE)?;
        let (raw, left) = after[1..].split_once(quote).ok_or(NO_VALUE)?;
        if !is_name(name) {
            return Err("the name of an attribute is none of XML; correct it");
        }
        if raw.contains('<') {
            return Err("a < stands in an attribute; write &lt;");
        }
        if found.iter().any(|one| one.name == name) {
            return Err("an attribute stands twice in a tag; keep one");
        }
        if found.len() == MOST {
            return Err("a tag has too many attributes (limit 64)");
        }
        found.push(Attribute { name, raw });
        rest = left;
    }
}

const NO_VALUE: &str = "an attribute has no value in quotes; write name=\"value\"";

impl<'t> Attribute<'t> {
    /// Whether it declares a namespace.
    pub(super) fn declares(&self) -> bool {
        self.name == "xmlns" || self.name.starts_with("xmlns:")
    }

    /// What it says: references resolved, line ends and tabs as spaces (<https://www.w3.org/TR/xml/#AVNormalize>).
    ///
    /// # Errors
    /// A reference that is none of XML.
    pub(super) fn value(&self) -> Result<Cow<'t, str>, &'static str> {
        if !self.raw.bytes().any(|byte| matches!(byte, b'&' | b'\t' | b'\n' | b'\r')) {
            return Ok(Cow::Borrowed(self.raw));
        }
        let mut out = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
            out.push_str(&rest[..at]);
            let special = &rest[at..];
            if let Some(after) = special.strip_prefix('&') {
                let (name, after) = after.split_once(';').ok_or(UNKNOWN_REFERENCE)?;
                out.push(reference(name).ok_or(UNKNOWN_REFERENCE)?);
                rest = after;
            } else {
                out.push(' ');
                rest = special.strip_prefix("\r\n").unwrap_or_else(|| &special[1..]);
            }
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}

pub(super) const UNKNOWN_REFERENCE: &str = "the & starts no reference that XML has: these are &amp; &lt; &gt; &quot; &apos; \
     and characters by number such as &#160;; write the character itself, or its number";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_normalized_and_references_are_not() {
        let found = attributes(" a='x' b = \"1\t2\r\n3&#10;4&lt;&quot;\"").unwrap();
        assert_eq!(found.iter().map(|one| one.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found[1].value().unwrap(), "1 2 3\n4<\"");
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        for text in ["a='x'", " a", " a=", " a=x", " a='x", " a='x'b='y'", " a='x' a='y'", " a='<'", " 1='x'", " ='x'"]
        {
            assert!(attributes(text).is_err(), "{text}");
        }
        let many: String = (0..65).map(|number| format!(" a{number}=''")).collect();
        assert!(attributes(&many).is_err());
        for text in [" a='&nbsp;'", " a='&'", " a='&amp'", " a='&#0;'"] {
            assert!(attributes(text).unwrap()[0].value().is_err(), "{text}");
        }
    }
}
