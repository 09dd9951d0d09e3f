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
    /// Only items with this string member.
    picked: Option<(&'static str, &'static str)>,
    /// Items are numbered from 1: values of one item belong together.
    numbered: bool,
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

    /// Adds one path.
    pub(super) fn add(&mut self, path: &'static Path, purpose: T) {
        if let Some(member) = self.reach(path) {
            member.leaves.push(Leaf { purpose, element: path.element, only: path.only });
        }
    }

    /// Numbers the items at a path.
    pub(super) fn number(&mut self, path: &'static Path) {
        if let Some(member) = self.reach(path) {
            member.numbered = true;
        }
    }

    fn reach(&mut self, path: &'static Path) -> Option<&mut Member<T>> {
        let mut steps = path.steps();
        let (name, picked) = steps.next()?;
        let mut member = self.member(name, picked);
        for (name, picked) in steps {
            member = member.below.member(name, picked);
        }
        Some(member)
    }

    /// Calls `found` for every wanted element under the object, in the order of the text, with the number of its item;
    /// lists are flattened, nulls (holes whose value lives in a column) are skipped.
    pub(super) fn visit<'d>(
        &'static self,
        object: Element<'d>,
        found: &mut impl FnMut(&'static Leaf<T>, Element<'d>, i32),
    ) {
        self.below(object, 0, found);
    }

    fn below<'d>(
        &'static self,
        object: Element<'d>,
        item: i32,
        found: &mut impl FnMut(&'static Leaf<T>, Element<'d>, i32),
    ) {
        if object.kind() != Kind::Object {
            return;
        }
        for child in object.children() {
            let Some(key) = child.key() else { continue };
            for member in self.members.iter().filter(|member| member.name == key) {
                let mut number = item;
                let mut reach = |value| {
                    number += i32::from(member.numbered);
                    member.found(value, number, found);
                };
                if child.kind() == Kind::Array {
                    child.children().for_each(reach);
                } else {
                    reach(child);
                }
            }
        }
    }

    fn member(&mut self, name: &'static str, picked: Option<(&'static str, &'static str)>) -> &mut Member<T> {
        let same = |member: &Member<T>| member.name == name && member.picked == picked;
        let at = self.members.iter().position(same).unwrap_or_else(|| {
            self.members.push(Member { name, picked, numbered: false, leaves: Vec::new(), below: Self::new() });
            self.members.len() - 1
        });
        &mut self.members[at]
    }
}

impl<T> Member<T> {
    fn found<'d>(
        &'static self,
        value: Element<'d>,
        item: i32,
        found: &mut impl FnMut(&'static Leaf<T>, Element<'d>, i32),
    ) {
        let is_picked = |(name, text): (&str, &str)| {
            value.kind() == Kind::Object
                && value.member(name).and_then(|member| member.string()).is_some_and(|member| member == text)
        };
        if value.is_null() || !self.picked.is_none_or(is_picked) {
            return;
        }
        self.leaves.iter().for_each(|leaf| found(leaf, value, item));
        if !self.below.members.is_empty() {
            self.below.below(value, item, found);
        }
    }
}
