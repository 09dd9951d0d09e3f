//! Where the walk stands: a list on the stack, which costs nothing until an issue needs its text.

use std::fmt;

use crate::fhirpath::Node;

/// A place in the resource.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Self>,
    name: &'p str,
    index: Option<usize>,
}

impl<'p> Place<'p> {
    /// A resource that stands alone.
    pub(super) fn root(name: &'p str) -> Self {
        Self { parent: None, name, index: None }
    }

    /// An element of what stands here.
    pub(super) fn of<'c>(&'c self, node: &Node<'_>) -> Place<'c> {
        Place { parent: Some(self), name: node.name, index: node.index }
    }

    /// An element that may be absent.
    pub(super) fn member<'c>(&'c self, name: &'c str) -> Place<'c> {
        Place { parent: Some(self), name, index: None }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(out, "{parent}.")?;
        }
        out.write_str(self.name)?;
        match self.index {
            Some(index) => write!(out, "[{index}]"),
            None => Ok(()),
        }
    }
}
