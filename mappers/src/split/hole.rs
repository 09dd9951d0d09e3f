//! Holes: where in a residue a column's value goes, and which field of the map it is.

use crate::map::{Field, Member, ObjectShape, Target as MapTarget};

/// Where the holes of a residue are: what makes a join a splice. Valid for exactly the residue it was made with.
#[derive(Clone, Debug, Default)]
pub struct Holes {
    pub(crate) own: Vec<Hole>,
    /// By child and row.
    pub(crate) children: Vec<Vec<Vec<Hole>>>,
    /// Lists (by child, one bit each) that are part rows and part literal items; without one every hole is a plain one.
    pub(crate) mixed: u64,
    /// The resource carries a narrative that was generated from its data.
    pub(crate) narrative: bool,
}

/// A `null` in the residue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hole {
    /// Byte offset of the `null`.
    pub(crate) offset: u32,
    pub(crate) kind: HoleKind,
    /// The value has siblings that only make sense beside it: the column's text is remembered.
    pub(crate) guarded: bool,
    pub(crate) path: FieldPath,
}

/// What goes into a hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HoleKind {
    Id,
    VersionId,
    LastUpdated,
    Field,
    Children,
}

/// The way from a shape to one of its fields: member and slice numbers, one byte a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FieldPath(u64);

/// What a path leads to.
#[derive(Clone, Copy)]
pub(crate) enum Target<'m> {
    /// A field, the name of its member, and the item where the field is a list of references.
    Field(&'m Field, &'m str, Option<usize>),
    Children(usize),
}

impl FieldPath {
    pub(crate) const ROOT: Self = Self(0);

    /// One step further; `None` where the map is larger than a path can say (the value then stays in the residue).
    #[inline]
    pub(crate) fn push(self, step: usize) -> Option<Self> {
        let step = u64::try_from(step + 1).ok().filter(|step| *step < 256)?;
        (self.0 >> 56 == 0).then_some(Self(self.0 << 8 | step))
    }

    #[inline]
    pub(crate) fn target(self, shape: &ObjectShape) -> Option<Target<'_>> {
        let mut left = (71 - self.0.leading_zeros()) / 8;
        let mut step = || {
            left = left.checked_sub(1)?;
            Some((self.0 >> (8 * left) & 255) as usize - 1)
        };
        let mut shape = shape;
        loop {
            let Member { name, target } = shape.members.get(step()?)?;
            match target {
                MapTarget::Children(child) => return Some(Target::Children(*child)),
                MapTarget::Field(field) => return Some(Target::Field(field, name, step())),
                MapTarget::List(_) => return None,
                MapTarget::Object(inner) => shape = inner,
                MapTarget::Slices(slices) => shape = &slices.get(step()?)?.shape,
            }
        }
    }
}

impl Hole {
    /// The field whose value left here, the name of its member, and the item of a list of references.
    #[inline]
    pub(crate) fn field<'m>(&self, shape: &'m ObjectShape) -> Option<(&'m Field, &'m str, Option<usize>)> {
        match (self.kind, self.path.target(shape)?) {
            (HoleKind::Field, Target::Field(field, name, item)) => Some((field, name, item)),
            _ => None,
        }
    }
}
