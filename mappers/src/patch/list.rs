//! An element that repeats: its values, and what stands beside them, which move together.

use super::PatchError;
use super::part::{Content, array, put};
use crate::fhirpath::Node;
use crate::json::{Document, Element};

/// The items of a list.
pub(super) struct List<'d> {
    holder: Element<'d>,
    member: String,
    items: Vec<Item>,
}

#[derive(Clone, Default)]
struct Item {
    value: Option<String>,
    beside: Option<String>,
}

impl<'d> List<'d> {
    /// The list that a node is an item of.
    pub(super) fn around(node: &Node<'d>) -> Option<Self> {
        node.index?;
        Some(Self::named(node.holder?, node.member()?))
    }

    /// The list of this name in an object; empty where there is none.
    pub(super) fn named(holder: Element<'d>, member: String) -> Self {
        let texts = |name: &str| -> Vec<Option<String>> {
            let array = holder.member(name).into_iter().flat_map(|array| array.children());
            array.map(|item| (!item.is_null()).then(|| item.raw().to_owned())).collect()
        };
        let (values, besides) = (texts(&member), texts(&format!("_{member}")));
        let length = values.len().max(besides.len());
        let part = |parts: &[Option<String>], at: usize| parts.get(at).cloned().flatten();
        let items = (0..length).map(|at| Item { value: part(&values, at), beside: part(&besides, at) }).collect();
        Self { holder, member, items }
    }

    pub(super) fn member(&self) -> &str {
        &self.member
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn insert(&mut self, index: usize, content: Content) {
        self.items.insert(index, Item { value: content.value, beside: content.beside });
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.items.remove(index);
    }

    pub(super) fn replace(&mut self, index: usize, content: Content) {
        self.items[index] = Item { value: content.value, beside: content.beside };
    }

    pub(super) fn put_beside(&mut self, index: usize, beside: String) {
        self.items[index].beside = Some(beside);
    }

    /// Takes an item out, and puts it where `to` is then.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        let item = self.items.remove(from);
        self.items.insert(to, item);
    }

    /// The text with the list as it is now.
    pub(super) fn write(&self, document: &Document<'_>) -> Result<String, PatchError> {
        let values: Vec<Option<String>> = self.items.iter().map(|item| item.value.clone()).collect();
        let besides: Vec<Option<String>> = self.items.iter().map(|item| item.beside.clone()).collect();
        let (member, beside) = (self.member.as_str(), format!("_{}", self.member));
        let text = put(document.text(), self.holder.index(), member, member, array(&values).as_deref())?;
        put(&text, self.holder.index(), &beside, &beside, array(&besides).as_deref())
    }
}
