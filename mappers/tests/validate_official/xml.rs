//! Some profiles of the cases are XML: enough of a reader to have them as JSON. What narrates is left out.

use mappers::structure::{self, Shape};

/// An element: its name, attributes and children.
#[derive(Default)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Self>,
}

/// The JSON of a resource in XML; `None` where this is no XML of R4.
pub(super) fn to_json(text: &str) -> Option<String> {
    let root = read(text)?;
    let mut out = format!("{{\"resourceType\":\"{}\"", root.name);
    members(&root, structure::resource_types().find(|kind| *kind == root.name)?, &mut out)?;
    out.push('}');
    Some(out)
}

fn members(tag: &Tag, owner: &str, out: &mut String) -> Option<()> {
    for (name, value) in tag.attributes.iter().filter(|(name, _)| matches!(name.as_str(), "id" | "url")) {
        out.push_str(&format!(",{}:{}", quoted(name), quoted(value)));
    }
    let mut done: Vec<&str> = Vec::new();
    for child in tag.children.iter().filter(|child| child.name != "text") {
        if done.contains(&&*child.name) {
            continue;
        }
        done.push(&child.name);
        let definition = structure::element(owner, &child.name)?;
        out.push_str(&format!(",{}:", quoted(&child.name)));
        let all: Vec<&Tag> = tag.children.iter().filter(|one| one.name == child.name).collect();
        if definition.list {
            out.push('[');
        }
        for (number, one) in all.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            value(one, definition.shape, out)?;
        }
        if definition.list {
            out.push(']');
        }
    }
    Some(())
}

fn value(tag: &Tag, shape: Shape, out: &mut String) -> Option<()> {
    match shape {
        Shape::Primitive(kind) => {
            let text = tag.attributes.iter().find(|(name, _)| name == "value").map_or("", |(_, value)| value);
            let bare = matches!(kind, "boolean" | "decimal" | "integer" | "positiveInt" | "unsignedInt");
            out.push_str(&if bare { text.to_owned() } else { quoted(text) });
        }
        Shape::Object(kind) => {
            let mut inner = String::new();
            members(tag, kind, &mut inner)?;
            out.push('{');
            out.push_str(inner.strip_prefix(',').unwrap_or(&inner));
            out.push('}');
        }
        Shape::Resource => return None,
    }
    Some(())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// The outermost element.
fn read(text: &str) -> Option<Tag> {
    let mut open: Vec<Tag> = vec![Tag::default()];
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = &comment[comment.find("-->")? + 3..];
            continue;
        }
        let end = rest.find('>')?;
        let (inside, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if inside.starts_with(['?', '!']) {
            continue;
        }
        if inside.starts_with('/') {
            let closed = open.pop()?;
            open.last_mut()?.children.push(closed);
            continue;
        }
        let (inside, alone) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let tag = tag(inside);
        if alone { open.last_mut()?.children.push(tag) } else { open.push(tag) }
    }
    open.pop()?.children.pop()
}

/// A name with attributes; of a value only what stands between its quotes.
fn tag(text: &str) -> Tag {
    let name = text.split_whitespace().next().unwrap_or_default().to_owned();
    let mut attributes = Vec::new();
    let mut rest = &text[name.len()..];
    while let Some((key, after)) = rest.split_once('=') {
        let quote = after.trim_start().chars().next().unwrap_or('"');
        let after = &after.trim_start()[1..];
        let Some((value, next)) = after.split_once(quote) else { break };
        let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
        attributes.push((key.trim().to_owned(), value.replace("&apos;", "'").replace("&amp;", "&")));
        rest = next;
    }
    Tag { name, attributes, children: Vec::new() }
}
