//! A definition as the gateway keeps it: JSON of our own, independent of the resource it came from.

use super::{Definition, Part, kind_of};
use crate::json::{Document, Element, write_string};
use crate::search::parameters::resource_type;

impl Definition {
    /// The text to keep.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        out.push(b'{');
        member(&mut out, "url", &self.url);
        member(&mut out, "code", &self.code);
        member(&mut out, "type", self.param_kind.word());
        member(&mut out, "expression", &self.expression);
        list(&mut out, "base", self.base.iter().map(|base| &**base));
        list(&mut out, "target", self.targets.iter().copied());
        out.extend_from_slice(br#""part":["#);
        for (number, part) in self.parts.iter().enumerate() {
            out.extend_from_slice(if number > 0 { b",{" } else { b"{" });
            member(&mut out, "type", part.param_kind.word());
            member(&mut out, "expression", &part.expression);
            list(&mut out, "target", part.targets.iter().copied());
            close(&mut out);
        }
        out.extend_from_slice(b"]}");
        // Everything in it was text.
        String::from_utf8(out).unwrap_or_default()
    }

    /// Reads what [`Definition::to_json`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_json(text: &str) -> Option<Self> {
        let document = Document::parse(text.as_bytes()).ok()?;
        let root = document.root();
        let text = |element: Element<'_>, name: &str| -> Option<Box<str>> {
            element.member(name)?.string().map(|text| text.as_ref().into())
        };
        let targets = |element: Element<'_>| -> Vec<&'static str> {
            let names = element.member("target").into_iter().flat_map(|list| list.children());
            names.filter_map(|name| resource_type(&name.string()?)).collect()
        };
        let base = root.member("base")?.children().filter_map(|base| base.string().map(|text| text.as_ref().into()));
        let part = |part: Element<'_>| {
            let param_kind = kind_of(&text(part, "type")?);
            Some(Part { param_kind, expression: text(part, "expression")?, targets: targets(part) })
        };
        Some(Self {
            url: text(root, "url")?,
            code: text(root, "code")?,
            base: base.collect(),
            param_kind: kind_of(&text(root, "type")?),
            expression: text(root, "expression")?,
            targets: targets(root),
            parts: root.member("part")?.children().map(part).collect::<Option<Vec<Part>>>()?,
        })
    }
}

/// `"name":"text",`
fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(format!(r#""{name}":"#).as_bytes());
    write_string(out, text);
    out.push(b',');
}

/// `"name":["text",...],`
fn list<'t>(out: &mut Vec<u8>, name: &str, texts: impl Iterator<Item = &'t str>) {
    out.extend_from_slice(format!(r#""{name}":["#).as_bytes());
    for (number, text) in texts.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write_string(out, text);
    }
    out.extend_from_slice(b"],");
}

/// Puts the end of an object in place of the last comma.
fn close(out: &mut [u8]) {
    if let Some(last) = out.last_mut() {
        *last = b'}';
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::parameters::ParameterKind;

    #[test]
    fn what_is_kept_is_read_back() {
        let part = |expression: &str| Part {
            param_kind: ParameterKind::Token,
            expression: expression.into(),
            targets: vec!["Patient"],
        };
        let definition = Definition {
            url: "http://x/\"y\"".into(),
            code: "a".into(),
            base: vec!["Patient".into(), "DomainResource".into()],
            param_kind: ParameterKind::Composite,
            expression: "a.where(b = 'c\\'d')".into(),
            targets: Vec::new(),
            parts: vec![part("code"), part("value")],
        };
        assert_eq!(Definition::from_json(&definition.to_json()).as_ref(), Some(&definition));
        let plain = Definition { parts: Vec::new(), ..definition };
        assert_eq!(Definition::from_json(&plain.to_json()), Some(plain));
    }
}
