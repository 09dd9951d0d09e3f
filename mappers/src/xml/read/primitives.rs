//! Primitives: a value, and what stands beside it as `_name`.

use std::borrow::Cow;
use std::mem;

use super::{EMPTY, Outcome, Reader, Run};
use crate::json::write_string;
use crate::structure::{Member, Place, Primitive};
use crate::xml::attributes::Attribute;
use crate::xml::fault::Fault;
use crate::xml::markup::Tag;
use crate::xml::primitive;

impl<'t> Reader<'t> {
    /// A primitive that does not repeat.
    pub(super) fn single(
        &mut self,
        tag: &Tag<'t>,
        member: &Member,
        kind: Primitive,
        (first, depth): (bool, usize),
        place: &Place<'_>,
    ) -> Outcome {
        if kind == Primitive::Xhtml {
            let text = self.source.narrative(tag).map_err(|fault| fault.within(place))?;
            self.name(member.name, first);
            write_string(&mut self.out, &text);
            return Ok(());
        }
        let attributes = self.source.attributes(tag, false).map_err(|fault| fault.within(place))?;
        let value = self.primitive_value(tag, &attributes, place)?;
        if let Some(value) = &value {
            self.name(member.name, first);
            self.scalar(tag, kind, value, place)?;
        }
        let start = self.out.len();
        if !first || value.is_some() {
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"\"_");
        self.out.extend_from_slice(member.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        if !self.beside(tag, &attributes, depth + 1, place)? {
            self.out.truncate(start);
            if value.is_none() {
                return Err(Fault::new(tag.at, EMPTY).within(place));
            }
        }
        Ok(())
    }

    /// A primitive that repeats.
    pub(super) fn item(
        &mut self,
        tag: &Tag<'t>,
        member: &Member,
        kind: Primitive,
        run: &mut Run,
        (first, depth): (bool, usize),
        place: &Place<'_>,
    ) -> Outcome {
        let attributes = self.source.attributes(tag, false).map_err(|fault| fault.within(place))?;
        let value = self.primitive_value(tag, &attributes, place)?;
        Self::bounded(tag, depth + 1, place)?;
        if run.count == 0 {
            self.name(member.name, first);
        }
        self.out.push(if run.count == 0 { b'[' } else { b',' });
        match &value {
            Some(value) => self.scalar(tag, kind, value, place)?,
            None => self.out.extend_from_slice(b"null"),
        }
        run.valued |= value.is_some();
        if run.count > 0 {
            run.beside.push(b',');
        }
        let outer = mem::replace(&mut self.out, mem::take(&mut run.beside));
        let start = self.out.len();
        let sided = self.beside(tag, &attributes, depth + 2, place);
        run.beside = mem::replace(&mut self.out, outer);
        if sided? {
            run.sided = true;
        } else if value.is_some() {
            run.beside.truncate(start);
            run.beside.extend_from_slice(b"null");
        } else {
            return Err(Fault::new(tag.at, EMPTY).within(place));
        }
        Ok(())
    }

    /// Id and extensions of a primitive as an object. Whether there were any; without, what is written is to be taken back.
    fn beside(
        &mut self,
        tag: &Tag<'t>,
        attributes: &[Attribute<'t>],
        depth: usize,
        place: &Place<'_>,
    ) -> Outcome<bool> {
        let id = attributes.iter().find(|attribute| attribute.name == "id");
        if id.is_none() && tag.alone {
            return Ok(false);
        }
        Self::bounded(tag, depth, place)?;
        self.out.push(b'{');
        if let Some(id) = id {
            self.name("id", true);
            let value = self.attribute(tag, id, place)?;
            write_string(&mut self.out, &value);
        }
        let any = self.members(tag, self.table.of(self.table.element), depth, id.is_some(), place)?;
        self.out.push(b'}');
        Ok(any || id.is_some())
    }

    /// The attribute `value`; a primitive has no others but `id`.
    fn primitive_value(
        &self,
        tag: &Tag<'t>,
        attributes: &[Attribute<'t>],
        place: &Place<'_>,
    ) -> Outcome<Option<Cow<'t, str>>> {
        let mut value = None;
        for attribute in attributes {
            match attribute.name {
                "id" => {}
                "value" => value = Some(self.attribute(tag, attribute, place)?),
                _ => {
                    let details = "a primitive has the attributes value and id; take others away";
                    return Err(Fault::new(tag.at, details).within(place));
                }
            }
        }
        Ok(value)
    }

    fn scalar(&mut self, tag: &Tag<'t>, kind: Primitive, text: &str, place: &Place<'_>) -> Outcome {
        primitive::write(&mut self.out, kind, text)
            .map_err(|advice| Fault::value(tag.at, format!("not a valid {}; {advice}", kind.name())).within(place))
    }
}
