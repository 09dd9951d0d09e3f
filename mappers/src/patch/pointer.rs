//! JSON Pointer (RFC 6901, <https://www.rfc-editor.org/rfc/rfc6901>) on the tape.

use std::borrow::Cow;

use crate::json::{Element, Kind, plain_name};

/// A pointer: member names and indices, unescaped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer; `None` where the text is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/');
        tokens.map(|token| unescaped(token).map(Cow::into_owned)).collect::<Option<_>>().map(Self)
    }

    /// Whether it names the whole.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what the other names lies within what this names.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.0.len() > self.0.len() && other.0.starts_with(&self.0)
    }

    /// The last step, and the value it goes from.
    pub(super) fn parent<'d, 'p>(&'p self, root: Element<'d>) -> Option<(Element<'d>, &'p str)> {
        let (last, front) = self.0.split_last()?;
        let parent = front.iter().try_fold(root, |value, token| step(value, token))?;
        Some((parent, last))
    }

    /// The value.
    pub(super) fn find<'d>(&self, root: Element<'d>) -> Option<Element<'d>> {
        self.0.iter().try_fold(root, |value, token| step(value, token))
    }

    /// The place as FHIRPath, for an expression; steps that are no names of elements are not repeated.
    pub(super) fn expression(&self, kind: &str) -> String {
        let mut out = kind.to_owned();
        for token in &self.0 {
            match (index(token), plain_name(token)) {
                (Some(index), _) => out.push_str(&format!("[{index}]")),
                (None, Some("-") | None) => return out,
                (None, Some(name)) => {
                    out.push('.');
                    out.push_str(name);
                }
            }
        }
        out
    }
}

fn step<'d>(value: Element<'d>, token: &str) -> Option<Element<'d>> {
    match value.kind() {
        Kind::Array => value.children().nth(index(token)?),
        _ => value.member(token),
    }
}

/// An index as RFC 6901 writes it: no sign, no zero in front.
pub(super) fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0');
    (plain && !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit())).then(|| token.parse().ok())?
}

fn unescaped(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(token.into());
    }
    let mut out = String::with_capacity(token.len());
    let mut parts = token.split('~');
    out.push_str(parts.next()?);
    for part in parts {
        out.push(match part.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        out.push_str(&part[1..]);
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn the_examples_of_the_rfc() {
        let text = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        let document = Document::parse(text).unwrap();
        let found = |pointer: &str| Pointer::parse(pointer).unwrap().find(document.root()).map(|value| value.raw());
        assert_eq!(found("/foo/0"), Some("\"bar\""));
        for (pointer, value) in [("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7")]
        {
            assert_eq!(found(pointer), Some(value), "{pointer}");
        }
        assert_eq!(found("/m~0n"), Some("8"));
        for nothing in ["/foo/2", "/foo/00", "/foo/+1", "/foo/-", "/foo/0/x", "/x", "/foo/99999999999999999999999"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn what_is_no_pointer() {
        for text in ["foo", "/~", "/~2", "/a~"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }

    #[test]
    fn expressions_name_elements_alone() {
        let expression = |pointer: &str| Pointer::parse(pointer).unwrap().expression("Patient");
        assert_eq!(expression("/name/0/given/-"), "Patient.name[0].given");
        assert_eq!(expression("/name/hello world"), "Patient.name");
        assert_eq!(expression(""), "Patient");
    }
}
