//! `id`, `meta.versionId` and `meta.lastUpdated`: the server's own, in the client's place where the client sent them.

use super::hole::{FieldPath, Hole, HoleKind};
use crate::join::Header;
use crate::json::{Document, Element, Kind, minify, write_string};

/// Whether the client sent them at all.
#[derive(Clone, Copy)]
pub(super) struct Head {
    id: bool,
    meta: bool,
}

/// Writes the server's members: as holes into a residue, or with their values.
pub(crate) trait HeadInk {
    fn value(&mut self, out: &mut Vec<u8>, kind: HoleKind);
}

/// Holes.
pub(super) struct Punch<'h>(pub(super) &'h mut Vec<Hole>);

impl HeadInk for Punch<'_> {
    fn value(&mut self, out: &mut Vec<u8>, kind: HoleKind) {
        self.0.push(Hole { offset: out.len() as u32, kind, guarded: false, path: FieldPath::ROOT });
        out.extend_from_slice(b"null");
    }
}

impl HeadInk for &Header<'_> {
    fn value(&mut self, out: &mut Vec<u8>, kind: HoleKind) {
        match kind {
            HoleKind::Id => write_string(out, self.id),
            HoleKind::VersionId => out.extend_from_slice(format!("\"{}\"", self.version).as_bytes()),
            _ => write_string(out, self.last_updated),
        }
    }
}

impl Head {
    pub(super) fn of(root: Element<'_>) -> Self {
        Self { id: root.member("id").is_some(), meta: root.member("meta").is_some() }
    }

    /// Whether the client sent both.
    pub(super) fn is_complete(self) -> bool {
        self.id && self.meta
    }

    /// What the client left out and has its place after member `name`; `None`: at the very start.
    pub(super) fn after(self, name: Option<&str>, typed: bool, ink: &mut impl HeadInk, out: &mut Vec<u8>) {
        let here = if typed { name == Some("resourceType") } else { name.is_none() };
        let comma = |out: &mut Vec<u8>| {
            if !out.ends_with(b"{") {
                out.push(b',');
            }
        };
        if here && !self.id {
            comma(out);
            out.extend_from_slice(b"\"id\":");
            ink.value(out, HoleKind::Id);
        }
        let here = if self.id { name == Some("id") } else { here };
        if here && !self.meta {
            comma(out);
            out.extend_from_slice(b"\"meta\":");
            new_meta(ink, out);
        }
    }
}

/// A `meta` of the server's own.
pub(crate) fn new_meta(ink: &mut impl HeadInk, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"versionId\":");
    ink.value(out, HoleKind::VersionId);
    out.extend_from_slice(b",\"lastUpdated\":");
    ink.value(out, HoleKind::LastUpdated);
    out.push(b'}');
}

/// The server's members that a client's `meta` lacks, at its end (before the brace).
pub(super) fn complete_meta(meta: Element<'_>, ink: &mut impl HeadInk, out: &mut Vec<u8>) {
    for (name, kind) in [("versionId", HoleKind::VersionId), ("lastUpdated", HoleKind::LastUpdated)] {
        if meta.member(name).is_none() {
            if !out.ends_with(b"{") {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{name}\":").as_bytes());
            ink.value(out, kind);
        }
    }
}

/// Which of the server's members of `meta` this is.
#[inline]
pub(super) fn meta_member(member: Element<'_>) -> Option<HoleKind> {
    if member.is_named("versionId") {
        Some(HoleKind::VersionId)
    } else if member.is_named("lastUpdated") {
        Some(HoleKind::LastUpdated)
    } else {
        None
    }
}

/// A member's name and colon, after a comma where one is due.
#[inline]
pub(super) fn open_member(member: Element<'_>, out: &mut Vec<u8>) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(member.raw_key().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\":");
}

/// The resource as it is served, straight from the client's document.
pub(crate) fn render_head(document: &Document<'_>, mut header: &Header<'_>, out: &mut Vec<u8>) {
    let root = document.root();
    let head = Head::of(root);
    let typed = root.member("resourceType").is_some();
    let ink = &mut header;
    out.push(b'{');
    head.after(None, typed, ink, out);
    for member in root.children() {
        open_member(member, out);
        if member.is_named("id") {
            ink.value(out, HoleKind::Id);
        } else if member.is_named("meta") {
            render_meta(member, ink, out);
        } else {
            minify(&member, out);
        }
        head.after(member.key().as_deref(), typed, ink, out);
    }
    out.push(b'}');
}

fn render_meta(meta: Element<'_>, ink: &mut &Header<'_>, out: &mut Vec<u8>) {
    if meta.kind() != Kind::Object {
        return new_meta(ink, out);
    }
    out.push(b'{');
    for member in meta.children() {
        open_member(member, out);
        match meta_member(member) {
            Some(kind) => ink.value(out, kind),
            None => minify(&member, out),
        }
    }
    complete_meta(meta, ink, out);
    out.push(b'}');
}
