//! Elements that come in one of several types: what another program says in one type ends what the residue says in another.

use super::level::Joiner;
use crate::map::{Member, ObjectShape, Target};

impl Joiner<'_> {
    /// Whether another program has put a value into a column for another type of the choice that `name` (or `_name`) is of.
    pub(super) fn is_ousted(&self, name: &str, number: Option<usize>, shape: &ObjectShape) -> bool {
        let name = name.strip_prefix('_').unwrap_or(name);
        let Some(choice) = shape.choices.iter().find(|choice| choice.names.contains(&name)) else { return false };
        let own = number.and_then(|number| shape.members.get(number));
        let mut slots = Vec::new();
        own.into_iter().for_each(|own| slots_of(&own.target, &mut slots));
        let is_new = own.is_some_and(|own| self.is_said_anew(own, &[]));
        let others =
            choice.members.iter().filter(|other| shape.members.get(**other).is_some_and(|one| one.name != name));
        let mut others = others.filter(|other| !is_new || number.is_some_and(|number| **other < number));
        others.any(|other| shape.members.get(*other).is_some_and(|other| self.is_said_anew(other, &slots)))
    }

    /// Whether columns speak for another type of a member's choice, which comes before it in the map.
    pub(super) fn yields(&self, number: usize, shape: &ObjectShape) -> bool {
        let Some(choice) = shape.choices.iter().find(|choice| choice.members.contains(&number)) else { return false };
        let mut slots = Vec::new();
        shape.members.get(number).into_iter().for_each(|own| slots_of(&own.target, &mut slots));
        let mut before = choice.members.iter().filter(|other| **other < number);
        before.any(|other| shape.members.get(*other).is_some_and(|other| self.is_said_anew(other, &slots)))
    }

    /// Whether columns (others than those) hold something that neither the residue nor its holes speak for.
    fn is_said_anew(&self, member: &Member, but: &[usize]) -> bool {
        let within = |shape: &ObjectShape| shape.members.iter().any(|member| self.is_said_anew(member, but));
        match &member.target {
            Target::Children(_) | Target::List(_) => false,
            Target::Field(field) => {
                let other = !field.slots.iter().any(|slot| but.contains(slot));
                other && !field.slots.is_empty() && !self.is_empty(field) && !self.is_expected(field)
            }
            Target::Object(inner) => within(inner),
            Target::Slices(slices) => slices.iter().any(|slice| within(&slice.shape)),
        }
    }
}

fn slots_of(target: &Target, slots: &mut Vec<usize>) {
    let mut within = |shape: &ObjectShape| shape.members.iter().for_each(|member| slots_of(&member.target, slots));
    match target {
        Target::Children(_) | Target::List(_) => {}
        Target::Field(field) => slots.extend(&field.slots),
        Target::Object(inner) => within(inner),
        Target::Slices(slices) => slices.iter().for_each(|slice| within(&slice.shape)),
    }
}
