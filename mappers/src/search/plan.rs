//! Paths of a type merged into one tree of names, so that one pass over a resource visits only what is needed.

use super::parameters::{ElementType, Path};
use crate::json::{Element, Kind};

/// Members of an object that matter.
#[derive(Debug)]
pub(super) struct Plan<T> {
    members: Vec<Member<T>>,
}

#[derive(Debug)]
struct Member<T> {
    name: &'static str,
    leaves: Vec<Leaf<T>>,
    below: Plan<T>,
}

/// An element that is wanted.
#[derive(Debug)]
pub(super) struct Leaf<T> {
    /// What for.
    pub(super) purpose: T,
    /// Its type.
    pub(super) element: ElementType,
    /// Only references to this type count; empty = all.
    pub(super) only: &'static str,
}

impl<T> Plan<T> {
    pub(super) fn new() -> Self {
        Self { members: Vec::new() }
    }

    /// Adds one path. Steps that pick items are not for plans yet: such a path is left out.
    pub(super) fn add(&mut self, path: &'static Path, purpose: T) {
        if path.text.contains('[') {
            return;
        }
        let (start, last) = path.text.rsplit_once('.').unwrap_or(("", path.text));
        let mut node = self;
        for name in start.split('.').filter(|name| !name.is_empty()) {
            node = &mut node.member(name).below;
        }
        node.member(last).leaves.push(Leaf { purpose, element: path.element, only: path.only });
    }

    /// Calls `found` for every wanted element under the object, in the order of the text; lists are flattened,
    /// nulls (holes whose value lives in a column) are skipped.
    pub(super) fn visit<'d>(&'static self, object: Element<'d>, found: &mut impl FnMut(&'static Leaf<T>, Element<'d>)) {
        if object.kind() != Kind::Object {
            return;
        }
        for child in object.children() {
            let Some(key) = child.key() else { continue };
            let Some(member) = self.members.iter().find(|member| member.name == key) else { continue };
            if child.kind() == Kind::Array {
                child.children().for_each(|item| member.reach(item, found));
            } else {
                member.reach(child, found);
            }
        }
    }

    fn member(&mut self, name: &'static str) -> &mut Member<T> {
        let at = self.members.iter().position(|member| member.name == name).unwrap_or_else(|| {
            self.members.push(Member { name, leaves: Vec::new(), below: Self::new() });
            self.members.len() - 1
        });
        &mut self.members[at]
    }
}

impl<T> Member<T> {
    fn reach<'d>(&'static self, value: Element<'d>, found: &mut impl FnMut(&'static Leaf<T>, Element<'d>)) {
        if value.is_null() {
            return;
        }
        self.leaves.iter().for_each(|leaf| found(leaf, value));
        if !self.below.members.is_empty() {
            self.below.visit(value, found);
        }
    }
}
