//! The tape: one node a value, in the order of the text.

use std::borrow::Cow;

use super::Kind;
use super::write::unescape;

pub(super) const NO_KEY: u32 = u32::MAX;
pub(super) const KEY_ESCAPED: u8 = 1;
pub(super) const VALUE_ESCAPED: u8 = 2;
pub(super) const SPACED: u8 = 4;

/// One value on the tape: 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// The opening quote of the name, or `NO_KEY`.
    pub(super) key_start: u32,
    /// The closing quote of the name.
    pub(super) key_end: u32,
    pub(super) parent: u32,
    /// The node after this value and all it holds.
    pub(super) next: u32,
    pub(super) count: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
}

impl Node {
    pub(super) fn has_key(&self) -> bool {
        self.key_start != NO_KEY
    }

    pub(super) fn key_escaped(&self) -> bool {
        self.flags & KEY_ESCAPED != 0
    }

    pub(super) fn value_escaped(&self) -> bool {
        self.flags & VALUE_ESCAPED != 0
    }

    pub(super) fn compact(&self) -> bool {
        self.flags & SPACED == 0
    }

    pub(super) fn key<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let raw = &text[self.key_start as usize + 1..self.key_end as usize];
        if self.key_escaped() { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }
}

/// Where a node stands under the root. `last` adds the node's own step.
pub(super) fn path(nodes: &[Node], text: &str, at: u32, last: bool) -> String {
    let mut steps = Vec::new();
    let mut here = at;
    let mut own = last;
    while here != 0 {
        let node = &nodes[here as usize];
        if own {
            steps.push(step(nodes, text, here));
        }
        own = true;
        here = node.parent;
    }
    let mut out = String::new();
    for step in steps.iter().rev() {
        if !out.is_empty() && !step.starts_with('[') {
            out.push('.');
        }
        out.push_str(step);
    }
    out
}

fn step(nodes: &[Node], text: &str, at: u32) -> String {
    let node = &nodes[at as usize];
    if node.has_key() {
        return plain_name(&node.key(text)).unwrap_or(NAMELESS).to_owned();
    }
    let mut place = 0;
    let mut sibling = node.parent + 1;
    while sibling < at {
        sibling = nodes[sibling as usize].next;
        place += 1;
    }
    format!("[{place}]")
}

/// A member name that may stand in an expression. Others may hold anything, so they are not repeated.
pub(crate) fn plain_name(key: &str) -> Option<&str> {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (plain && !key.is_empty() && key.len() <= 64).then_some(key)
}

/// What stands in a path for a name that is not repeated.
pub(super) const NAMELESS: &str = "(member)";

/// The values right under a node.
pub(super) fn children_of(nodes: &[Node], parent: u32) -> impl Iterator<Item = &Node> {
    let mut at = parent as usize + 1;
    std::iter::from_fn(move || {
        let node = nodes.get(at)?;
        at = node.next as usize;
        Some(node)
    })
}
