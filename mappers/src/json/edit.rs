//! Changes to a text, one at a time: everything around the place stays as it was written.

use super::{Element, Kind, write_string};

impl Element<'_> {
    /// The source with another value in this one's place.
    #[must_use]
    pub fn with_value(&self, value: &str) -> String {
        self.spliced(self.start(), self.end(), &[value])
    }

    /// The source without this member or item, and without the comma that goes with it. The root cannot go: the source
    /// stays as it is.
    #[must_use]
    pub fn without(&self) -> String {
        let Some(parent) = self.parent() else { return self.document.text.to_owned() };
        let mut before = None;
        let mut siblings = parent.children();
        for sibling in siblings.by_ref() {
            if sibling.index() == self.index() {
                break;
            }
            before = Some(sibling);
        }
        let (from, to) = match (before, siblings.next()) {
            (Some(before), _) => (before.end(), self.end()),
            (None, Some(after)) => (self.key_start(), after.key_start()),
            (None, None) => (self.key_start(), self.end()),
        };
        self.spliced(from, to, &[])
    }

    /// The source with a member of another name and value in this one's place.
    #[must_use]
    pub fn with_name(&self, name: &str, value: &str) -> String {
        self.spliced(self.key_start(), self.end(), &[&quoted(name), ":", value])
    }

    /// The source with one more member at the end of this object.
    #[must_use]
    pub fn with_member(&self, name: &str, value: &str) -> String {
        debug_assert_eq!(self.kind(), Kind::Object);
        let at = self.last().map_or_else(|| self.start() + 1, |last| last.end());
        let comma = if self.is_empty() { "" } else { "," };
        self.spliced(at, at, &[comma, &quoted(name), ":", value])
    }

    /// The source with one more item in this array: before the one at `index`, or last where there is none.
    #[must_use]
    pub fn with_item(&self, index: usize, value: &str) -> String {
        debug_assert_eq!(self.kind(), Kind::Array);
        match (self.children().nth(index), self.last()) {
            (Some(item), _) => self.spliced(item.start(), item.start(), &[value, ","]),
            (None, Some(last)) => self.spliced(last.end(), last.end(), &[",", value]),
            (None, None) => self.spliced(self.start() + 1, self.start() + 1, &[value]),
        }
    }

    fn last(&self) -> Option<Self> {
        self.children().last()
    }

    fn spliced(&self, from: usize, to: usize, with: &[&str]) -> String {
        let text = self.document.text;
        let more: usize = with.iter().map(|part| part.len()).sum();
        let mut out = String::with_capacity(text.len() - (to - from) + more);
        out.push_str(&text[..from]);
        out.extend(with.iter().copied());
        out.push_str(&text[to..]);
        out
    }
}

fn quoted(name: &str) -> String {
    let mut key = Vec::with_capacity(name.len() + 2);
    write_string(&mut key, name);
    String::from_utf8(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::json::Document;

    #[test]
    fn what_is_around_stays_as_written() {
        let text = r#"{ "a":1.10, "b":[1, 2 ,3],"c":{}, "d":[] }"#;
        let document = Document::parse(text.as_bytes()).unwrap();
        let root = document.root();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| root.member(name).unwrap());
        assert_eq!(a.with_value("1.20"), r#"{ "a":1.20, "b":[1, 2 ,3],"c":{}, "d":[] }"#);
        assert_eq!(a.with_name("z", "1"), r#"{ "z":1, "b":[1, 2 ,3],"c":{}, "d":[] }"#);
        assert_eq!(a.without(), r#"{ "b":[1, 2 ,3],"c":{}, "d":[] }"#);
        assert_eq!(d.without(), r#"{ "a":1.10, "b":[1, 2 ,3],"c":{} }"#);
        assert_eq!(b.children().next().unwrap().without(), r#"{ "a":1.10, "b":[2 ,3],"c":{}, "d":[] }"#);
        assert_eq!(b.children().nth(2).unwrap().without(), r#"{ "a":1.10, "b":[1, 2],"c":{}, "d":[] }"#);
        assert_eq!(b.with_item(1, "9"), r#"{ "a":1.10, "b":[1, 9,2 ,3],"c":{}, "d":[] }"#);
        assert_eq!(b.with_item(3, "9"), r#"{ "a":1.10, "b":[1, 2 ,3,9],"c":{}, "d":[] }"#);
        assert_eq!(c.with_member("x\"", "true"), r#"{ "a":1.10, "b":[1, 2 ,3],"c":{"x\"":true}, "d":[] }"#);
        assert_eq!(d.with_item(0, "9"), r#"{ "a":1.10, "b":[1, 2 ,3],"c":{}, "d":[9] }"#);
        assert_eq!(root.with_member("e", "0"), r#"{ "a":1.10, "b":[1, 2 ,3],"c":{}, "d":[],"e":0 }"#);
        assert_eq!(root.without(), text);
    }
}
