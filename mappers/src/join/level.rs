//! One level of a join: the resource's row or a child row, and what its columns are expected to hold.

use super::scan::Corrupt;
use super::{Header, Joined, Stored};
use crate::codec::{Context, view};
use crate::map::{Field, Group, Map, ObjectShape, Slot, Target};
use crate::row::Cell;
use crate::schema::ColumnKind;
use crate::split::{Expected, Shadow};

pub(super) struct Joiner<'a> {
    pub(super) slots: &'a [Slot],
    pub(super) cells: &'a [Cell],
    pub(super) reference_ids: &'a [Cell],
    pub(super) context: &'a Context<'a>,
    pub(super) expected: Expected<'a>,
    pub(super) groups: &'a [Group],
    /// Groups of which another program changed a part, one bit each.
    pub(super) fallen: u64,
    /// The resource's own level: child rows and the server's members hang here.
    pub(super) rows: Option<Rows<'a>>,
    /// A generated narrative no longer tells the truth.
    pub(super) stale: bool,
    /// An object that R4 requires is being written: its constants may stand alone.
    pub(super) standing: bool,
    pub(super) changed: bool,
    pub(super) flagged: Vec<String>,
}

#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) map: &'a Map,
    pub(super) stored: &'a Stored<'a>,
    pub(super) header: &'a Header<'a>,
}

/// What became of a member or object.
#[derive(Clone, Copy, Default)]
pub(super) struct Left {
    /// It was written.
    pub(super) written: bool,
    /// It says more than discriminators and constants.
    pub(super) strong: bool,
    /// Something mapped in it was dropped.
    pub(super) dropped: bool,
}

pub(super) type Outcome = Result<Left, Corrupt>;

impl Left {
    pub(super) const STRONG: Self = Self { written: true, strong: true, dropped: false };
    pub(super) const WEAK: Self = Self { written: true, strong: false, dropped: false };
    pub(super) const DROPPED: Self = Self { written: false, strong: false, dropped: true };
    pub(super) const NOTHING: Self = Self { written: false, strong: false, dropped: false };

    /// Of a mapped value that was written or not.
    pub(super) fn value(written: bool) -> Self {
        if written { Self::STRONG } else { Self::DROPPED }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.written |= other.written;
        self.strong |= other.strong;
        self.dropped |= other.dropped;
    }
}

impl<'a> Joiner<'a> {
    #[inline]
    pub(super) fn new(slots: &'a [Slot], cells: &'a [Cell], ids: &'a [Cell], context: &'a Context<'a>) -> Self {
        Self {
            slots,
            cells,
            reference_ids: ids,
            context,
            expected: Expected::default(),
            groups: &[],
            fallen: 0,
            rows: None,
            stale: false,
            standing: false,
            changed: false,
            flagged: Vec::new(),
        }
    }

    /// Takes the shadow up, and finds the groups that fell.
    pub(super) fn recall(&mut self, map: &'a Map, shadow: Option<&'a Shadow>) {
        if let Some(shadow) = shadow.filter(|shadow| shadow.is_about_columns()) {
            self.expected = shadow.expected(&map.slots, &map.joins);
        }
        self.fell(&map.groups, &map.shape);
    }

    pub(super) fn fell(&mut self, groups: &'a [Group], shape: &ObjectShape) {
        self.groups = groups;
        for (number, group) in groups.iter().enumerate().take(64) {
            let json = |slot: &usize| self.slots.get(*slot).is_some_and(|slot| slot.kind == ColumnKind::Json);
            let plain = |slot: &usize| {
                !json(slot) && self.cells.get(*slot).map(Option::as_deref) != Some(self.expected.column(*slot))
            };
            let fallen =
                group.slots.iter().any(plain) || (group.slots.iter().any(json) && self.member_fell(number, shape));
            if fallen {
                self.fallen |= 1 << number;
                self.changed = true;
            }
        }
    }

    fn member_fell(&self, group: usize, shape: &ObjectShape) -> bool {
        shape.members.iter().any(|member| match &member.target {
            Target::Children(_) | Target::List(_) => false,
            Target::Field(field) => field.group == Some(group) && !self.is_expected(field),
            Target::Object(inner) => self.member_fell(group, inner),
            Target::Slices(slices) => slices.iter().any(|slice| self.member_fell(group, &slice.shape)),
        })
    }

    /// Whether the field's columns hold what the residue speaks for.
    pub(super) fn is_expected(&self, field: &Field) -> bool {
        field.slots.iter().all(|slot| self.is_expected_at(field, *slot))
    }

    pub(super) fn is_expected_at(&self, field: &Field, slot: usize) -> bool {
        let (Some(declared), Some(cell)) = (self.slots.get(slot), self.cells.get(slot)) else { return true };
        view(field, declared, cell).as_deref() == self.expected.at(field, self.slots, slot)
    }

    /// Whether no column of the field holds anything.
    pub(super) fn is_empty(&self, field: &Field) -> bool {
        field.slots.iter().all(|slot| self.cells.get(*slot).is_none_or(Option::is_none))
    }

    pub(super) fn has_fallen(&self, field: &Field) -> bool {
        self.fallen != 0 && field.group.is_some_and(|group| self.fallen & 1 << group.min(63) != 0)
    }

    /// Whether a member right under the shape belongs to a group that fell (with its `_sibling`).
    pub(super) fn is_withheld(&self, name: &str) -> bool {
        let name = name.strip_prefix('_').unwrap_or(name);
        let fallen = |number: usize| self.fallen & 1 << number != 0;
        let mut groups = self.groups.iter().enumerate().take(64);
        self.fallen != 0
            && groups.any(|(number, group)| fallen(number) && group.members.iter().any(|member| member == name))
    }

    /// Appends the field's value from its columns.
    #[inline]
    pub(super) fn write(&self, field: &Field, inside: bool, item: Option<usize>, out: &mut Vec<u8>) -> bool {
        super::write_field(field, inside, item, self.slots, self.cells, self.reference_ids, self.context, out)
    }

    pub(super) fn joined(mut self, groups: &[Group]) -> Joined {
        let fallen = |number: usize| self.fallen & 1 << number != 0;
        let names = groups.iter().enumerate().take(64).filter(|(number, _)| fallen(*number));
        self.flagged.extend(names.map(|(_, group)| group.name.clone()));
        Joined { flagged: self.flagged, changed: self.changed, ..Joined::default() }
    }
}
