//! What is left of a JSON object once every field that names a member of it has been served: one text in FHIR, so that nothing
//! a program puts into the object is ever dropped.
//!
//! The text is canonical (members as PostgreSQL's jsonb orders them, no spaces), so that both engines say the same.

use super::{Context, decode, number, scalar};
use crate::json::{Document, Element, Kind, write_string};
use crate::map::Field;
use crate::schema::ColumnKind;

/// The canonical text of the members that no other field speaks for; `None` where none is left. `depth`: how long the way
/// to the object is, of the other fields' ways.
pub(super) fn of(named: &[Field], depth: usize, object: Element<'_>) -> Option<String> {
    let mut out = Vec::new();
    let way = Way { named, depth, names: &[] };
    (object.kind() == Kind::Object && way.write(object, &mut out)).then(|| text(out))
}

/// The canonical text of a text that can be the rest: an object with members, of which no other field speaks for one.
pub(super) fn candidate(named: &[Field], depth: usize, value: &str) -> Option<String> {
    let document = Document::parse(value.as_bytes()).ok()?;
    let root = document.root();
    if root.kind() != Kind::Object || root.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    canonical(root, &mut all);
    of(named, depth, root).filter(|rest| rest.as_bytes() == all)
}

/// The object with other members where it had those that no other field speaks for. What says the same keeps its spelling.
/// `None` where a new member has the name of one that another field speaks for.
pub(super) fn replace(named: &[Field], depth: usize, old: Element<'_>, new: Option<Element<'_>>) -> Option<String> {
    let mut out = Vec::new();
    Way { named, depth, names: &[] }.replace(old, new, &mut out)?;
    Some(text(out))
}

/// A place in the object.
#[derive(Clone, Copy)]
struct Way<'a> {
    named: &'a [Field],
    depth: usize,
    names: &'a [&'a str],
}

impl Way<'_> {
    /// Whether a field speaks for the value that stands here.
    fn is_claimed(&self, value: Element<'_>) -> bool {
        let here = |field: &&Field| self.relative(field).is_some_and(|rest| rest.is_empty());
        self.named.iter().filter(here).any(|field| speaks_for(field, value))
    }

    /// Whether fields speak for members further down.
    fn leads_on(&self) -> bool {
        self.named.iter().any(|field| self.relative(field).is_some_and(|rest| !rest.is_empty()))
    }

    /// What is left of a field's way from here.
    fn relative<'f>(&self, field: &'f Field) -> Option<&'f [String]> {
        let way = field.json_path.get(self.depth..)?;
        let (start, rest) = way.split_at_checked(self.names.len())?;
        start.iter().zip(self.names).all(|(name, here)| name == here).then_some(rest)
    }

    /// Writes what is left of an object; false, with nothing written, where nothing is.
    fn write(&self, object: Element<'_>, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        out.push(b'{');
        for (name, member) in sorted(object) {
            let names: Vec<&str> = self.names.iter().copied().chain([name.as_str()]).collect();
            let way = Way { names: &names, ..*self };
            if way.is_claimed(member) {
                continue;
            }
            let before = out.len();
            open(&name, start, out);
            if member.kind() == Kind::Object && !member.is_empty() && way.leads_on() {
                if !way.write(member, out) {
                    out.truncate(before);
                }
            } else {
                canonical(member, out);
            }
        }
        out.push(b'}');
        let left = out.len() > start + 2;
        if !left {
            out.truncate(start);
        }
        left
    }

    fn replace(&self, old: Element<'_>, new: Option<Element<'_>>, out: &mut Vec<u8>) -> Option<()> {
        let start = out.len();
        let mut written = Vec::new();
        out.push(b'{');
        for member in old.children() {
            let name = member.key()?.into_owned();
            let names: Vec<&str> = self.names.iter().copied().chain([name.as_str()]).collect();
            let way = Way { names: &names, ..*self };
            let instead = new.and_then(|new| new.member(&name));
            if way.is_claimed(member) {
                if instead.is_some() {
                    return None;
                }
                open(&name, start, out);
                out.extend_from_slice(member.raw().as_bytes());
            } else if member.kind() == Kind::Object && !member.is_empty() && way.leads_on() {
                let before = out.len();
                open(&name, start, out);
                let inner = out.len();
                way.replace(member, instead.filter(|new| new.kind() == Kind::Object), out)?;
                if &out[inner..] == b"{}" {
                    // Nothing is left in it.
                    out.truncate(before);
                }
                if instead.is_some_and(|new| new.kind() != Kind::Object) {
                    return None;
                }
            } else if let Some(instead) = instead {
                open(&name, start, out);
                let same = says(member) == says(instead);
                out.extend_from_slice(if same { member.raw() } else { instead.raw() }.as_bytes());
            }
            written.push(name);
        }
        for member in new.iter().flat_map(|new| new.children()) {
            let name = member.key()?.into_owned();
            if !written.contains(&name) {
                open(&name, start, out);
                out.extend_from_slice(member.raw().as_bytes());
            }
        }
        out.push(b'}');
        Some(())
    }
}

/// Whether a field can say the value: what it cannot, stays in the rest.
fn speaks_for(field: &Field, value: Element<'_>) -> bool {
    let says = |value: Element<'_>| {
        let scalar_kind = !matches!(value.kind(), Kind::Null | Kind::Object | Kind::Array);
        scalar_kind && decode(field, ColumnKind::Text, &scalar(value.raw()), &Context::utc(), &mut Vec::new())
    };
    match value.kind() {
        Kind::Array if field.list => !value.is_empty() && value.children().all(says),
        _ => !field.list && says(value),
    }
}

fn says(value: Element<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    canonical(value, &mut out);
    out
}

/// A value as jsonb would write it, without spaces.
fn canonical(value: Element<'_>, out: &mut Vec<u8>) {
    match value.kind() {
        Kind::Object => {
            let start = out.len();
            out.push(b'{');
            for (name, member) in sorted(value) {
                open(&name, start, out);
                canonical(member, out);
            }
            out.push(b'}');
        }
        Kind::Array => {
            out.push(b'[');
            for (place, item) in value.children().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                canonical(item, out);
            }
            out.push(b']');
        }
        Kind::String => write_string(out, &scalar(value.raw())),
        Kind::Number => {
            let plain = number::decimal(value.raw(), false);
            out.extend_from_slice(plain.as_deref().unwrap_or_else(|| value.raw()).as_bytes());
        }
        _ => out.extend_from_slice(value.raw().as_bytes()),
    }
}

/// The members in jsonb's order: by the length of their names, then by bytes.
fn sorted(object: Element<'_>) -> Vec<(String, Element<'_>)> {
    let mut members: Vec<(String, Element<'_>)> =
        object.children().filter_map(|member| Some((member.key()?.into_owned(), member))).collect();
    members.sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
    members
}

fn open(name: &str, start: usize, out: &mut Vec<u8>) {
    if out.len() > start + 1 {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_default()
}
