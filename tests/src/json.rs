//! JSON as it stands in the text: numbers keep their digits, members keep their order, nothing is merged.
//!
//! The tests' own, so that what compares answers shares no code with what makes them.

use std::fmt;

/// A JSON value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, its digits as written.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object, its members in order.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Parses exactly one value.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value()?;
        parser.space();
        if parser.at == text.len() { Ok(value) } else { Err(format!("more than one value at byte {}", parser.at)) }
    }

    /// A literal of a test.
    ///
    /// # Panics
    /// When the test wrote no JSON.
    pub fn of(text: &str) -> Self {
        Self::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// A string value.
    pub fn text(value: impl Into<String>) -> Self {
        Self::String(value.into())
    }

    /// The value at a dotted path: `name.0.family`.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, step| match value {
            Self::Object(members) => members.iter().find(|(name, _)| name == step).map(|(_, value)| value),
            Self::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    fn at_mut(&mut self, path: &str) -> Option<&mut Self> {
        path.split('.').try_fold(self, |value, step| match value {
            Self::Object(members) => members.iter_mut().find(|(name, _)| name == step).map(|(_, value)| value),
            Self::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The string or the number's digits at a path.
    pub fn str(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Self::String(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The items of the array at a path; none where there is no array.
    pub fn items(&self, path: &str) -> &[Self] {
        match self.at(path) {
            Some(Self::Array(items)) => items,
            _ => &[],
        }
    }

    /// The items, when this is an array.
    pub fn array(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The members, when this is an object.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Sets a member of the object at `parent` (`""` = this one), in its place or at the end.
    ///
    /// # Panics
    /// When there is no object at `parent`.
    pub fn set(&mut self, parent: &str, name: &str, value: Self) {
        let target = if parent.is_empty() { Some(self) } else { self.at_mut(parent) };
        let Some(Self::Object(members)) = target else { panic!("no object at {parent:?}") };
        match members.iter_mut().find(|(member, _)| member == name) {
            Some((_, old)) => *old = value,
            None => members.push((name.to_owned(), value)),
        }
    }

    /// This object with a member set.
    #[must_use]
    pub fn with(mut self, name: &str, value: Self) -> Self {
        self.set("", name, value);
        self
    }

    /// Removes a member of the object at `parent` (`""` = this one).
    pub fn remove(&mut self, parent: &str, name: &str) -> Option<Self> {
        let target = if parent.is_empty() { Some(self) } else { self.at_mut(parent) };
        let Some(Self::Object(members)) = target else { return None };
        let index = members.iter().position(|(member, _)| member == name)?;
        Some(members.remove(index).1)
    }

    /// What law 1 compares: without `meta.versionId` and `meta.lastUpdated`, which are the server's, and without the `meta`
    /// that held nothing else.
    #[must_use]
    pub fn without_server_meta(mut self) -> Self {
        self.remove("meta", "versionId");
        self.remove("meta", "lastUpdated");
        if self.at("meta").is_some_and(|meta| meta.members().is_empty()) {
            self.remove("", "meta");
        }
        self
    }

    /// With every object's members sorted: for comparisons where order says nothing.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::Array(items) => Self::Array(items.into_iter().map(Self::sorted).collect()),
            Self::Object(members) => {
                let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, value.sorted())).collect();
                members.sort_by(|one, other| one.0.cmp(&other.0));
                Self::Object(members)
            }
            value => value,
        }
    }

    /// Where two values first differ, as a path with both sides; `None` when they are equal.
    pub fn difference(&self, other: &Self) -> Option<String> {
        difference("", self, other)
    }
}

fn difference(path: &str, one: &Json, other: &Json) -> Option<String> {
    match (one, other) {
        (Json::Object(left), Json::Object(right)) => {
            let names =
                |members: &[(String, Json)]| members.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>().join(",");
            if names(left) != names(right) {
                return Some(format!("{path}: members {} and {}", names(left), names(right)));
            }
            left.iter()
                .zip(right)
                .find_map(|((name, one), (_, other))| difference(&format!("{path}.{name}"), one, other))
        }
        (Json::Array(left), Json::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!("{path}: {} and {} items", left.len(), right.len()));
            }
            left.iter()
                .zip(right)
                .enumerate()
                .find_map(|(index, (one, other))| difference(&format!("{path}[{index}]"), one, other))
        }
        _ if one == other => None,
        _ => Some(format!("{path}: {one} and {other}")),
    }
}

impl fmt::Display for Json {
    /// Minified.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Number(digits) => out.write_str(digits),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_str(",")?;
                    }
                    item.fmt(out)?;
                }
                out.write_str("]")
            }
            Self::Object(members) => {
                out.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.write_str(",")?;
                    }
                    write_string(out, name)?;
                    out.write_str(":")?;
                    value.fmt(out)?;
                }
                out.write_str("}")
            }
        }
    }
}

fn write_string(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            control if (control as u32) < 0x20 => write!(out, "\\u{:04x}", control as u32)?,
            character => write!(out, "{character}")?,
        }
    }
    out.write_str("\"")
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn value(&mut self) -> Result<Json, String> {
        self.space();
        match self.text.get(self.at) {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.error("a value")),
        }
    }

    fn object(&mut self) -> Result<Json, String> {
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        if self.is(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            if members.iter().any(|(member, _)| *member == name) {
                return Err(format!("member {name} twice"));
            }
            if !self.is(b':') {
                return Err(self.error("':'"));
            }
            members.push((name, self.value()?));
            if self.is(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.is(b',') {
                return Err(self.error("',' or '}'"));
            }
        }
    }

    fn array(&mut self) -> Result<Json, String> {
        self.at += 1;
        let mut items = Vec::new();
        if self.is(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.is(b']') {
                return Ok(Json::Array(items));
            }
            if !self.is(b',') {
                return Err(self.error("',' or ']'"));
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        if self.text.get(self.at) != Some(&b'"') {
            return Err(self.error("a string"));
        }
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return String::from_utf8(bytes).map_err(|_| self.error("UTF-8"));
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(&byte) if byte >= 0x20 => {
                    bytes.push(byte);
                    self.at += 1;
                }
                _ => return Err(self.error("the string's end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.text.get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let high = self.hex()?;
                let code = if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with(b"\\u") {
                    self.at += 2;
                    let low = self.hex()?;
                    0x10000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00)
                } else {
                    high
                };
                char::from_u32(code).ok_or_else(|| self.error("a character"))?
            }
            _ => return Err(self.error("an escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.text.get(self.at..self.at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        self.at += 4;
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| self.error("four hex digits"))
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        digits.parse::<f64>().map_err(|_| self.error("a number"))?;
        Ok(Json::Number(digits))
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, String> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error(word));
        }
        self.at += word.len();
        Ok(value)
    }

    fn is(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, wanted: &str) -> String {
        format!("expected {wanted} at byte {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_order_and_escapes_are_kept() {
        let text = r#"{"b":1.10,"a":[1E+2,-0,{}],"c":"\u00e9\ud83d\ude00\n\"","d":null}"#;
        let json = Json::of(text);
        assert_eq!(json.str("b"), Some("1.10"));
        assert_eq!(json.str("c"), Some("é😀\n\""));
        assert_eq!(json.to_string(), "{\"b\":1.10,\"a\":[1E+2,-0,{}],\"c\":\"é😀\\n\\\"\",\"d\":null}");
        assert_eq!(Json::of(&json.to_string()), json);
    }

    #[test]
    fn differences_are_found_where_they_are() {
        let one = Json::of(r#"{"a":[1,{"b":"x"}]}"#);
        assert_eq!(one.difference(&one.clone()), None);
        assert!(one.difference(&Json::of(r#"{"a":[1,{"b":"y"}]}"#)).unwrap().starts_with(".a[1].b:"));
        assert!(Json::of("1.10").difference(&Json::of("1.1")).is_some(), "digits count");
        assert!(Json::of(r#"{"a":1,"b":2}"#).difference(&Json::of(r#"{"b":2,"a":1}"#)).is_some(), "order counts");
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "{", "[1,]", "{\"a\":1,\"a\":2}", "1 2", "nul", "\"\u{1}\"", "--1"] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
