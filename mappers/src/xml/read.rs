//! XML in, JSON out.

mod primitives;

use std::borrow::Cow;
use std::mem;

use super::attributes::Attribute;
use super::fault::{Fault, XmlError};
use super::markup::{Space, Tag};
use super::source::{Source, misplaced};
use crate::json::{MAX_DEPTH, plain_name, write_string};
use crate::structure::{Member, Place, Primitive, Table, Type, TypeId, Value, table, unknown};

/// The JSON of a resource in XML, minified. It has been checked as far as XML goes: [`crate::structure`] checks the rest.
///
/// # Errors
/// No XML of ours, or an element, attribute or value that R4 does not have there.
pub fn read(text: &[u8]) -> Result<Vec<u8>, XmlError> {
    converted(text).map_err(|fault| fault.error(text))
}

/// The outermost element's name, where it is of FHIR: what the text says it is, without a look at the rest.
#[must_use]
pub fn root(text: &[u8]) -> Option<String> {
    let tag = Source::new(text).ok()?.root().ok()?;
    (tag.space == Space::Fhir).then(|| tag.name().to_owned())
}

fn converted(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut source = Source::new(text)?;
    let root = source.root()?;
    let place =
        Place::root(plain_name(root.name()).filter(|name| table().resource(name).is_some()).unwrap_or("Resource"));
    let mut reader = Reader { table: table(), source, out: Vec::with_capacity(text.len()) };
    reader.resource(&root, true, 1, &place)?;
    reader.source.end()?;
    Ok(reader.out)
}

struct Reader<'t> {
    table: &'static Table,
    source: Source<'t>,
    out: Vec<u8>,
}

/// Elements of one name, one behind the other: what JSON has as one member.
#[derive(Default)]
struct Run {
    /// The member's place in the order of its owner.
    member: Option<usize>,
    count: usize,
    /// Where the first value stands in the output, for primitives.
    valued: bool,
    /// Of primitives that repeat: what stands beside the values.
    beside: Vec<u8>,
    sided: bool,
    /// Where the run starts in the output.
    start: usize,
}

type Outcome<T = ()> = Result<T, Fault>;

impl<'t> Reader<'t> {
    /// A resource whose tag was read. `depth` counts objects and arrays of the JSON.
    fn resource(&mut self, tag: &Tag<'t>, root: bool, depth: usize, place: &Place<'_>) -> Outcome {
        Self::bounded(tag, depth, place)?;
        if tag.space != Space::Fhir {
            return Err(misplaced(tag).within(place));
        }
        let Some(id) = self.table.resource(tag.name()) else {
            return Err(
                Fault::new(tag.at, "the element is no resource type of FHIR R4; correct its name").within(place)
            );
        };
        if !self.source.attributes(tag, root).map_err(|fault| fault.within(place))?.is_empty() {
            let details = "a resource has no attributes; its id is an element: <id value=\"...\"/>";
            return Err(Fault::new(tag.at, details).within(place));
        }
        self.out.extend_from_slice(b"{\"resourceType\":");
        write_string(&mut self.out, tag.name());
        self.members(tag, self.table.of(id), depth, true, place)?;
        self.out.push(b'}');
        Ok(())
    }

    /// An object of a data type, or of an element with members of its own.
    fn object(&mut self, tag: &Tag<'t>, id: TypeId, depth: usize, place: &Place<'_>) -> Outcome {
        Self::bounded(tag, depth, place)?;
        let of = self.table.of(id);
        let attributes = self.source.attributes(tag, false).map_err(|fault| fault.within(place))?;
        self.out.push(b'{');
        for (number, attribute) in attributes.iter().enumerate() {
            if !of.is_attribute(attribute.name) {
                return Err(self.no_attribute(tag, of, attribute).within(place));
            }
            self.name(attribute.name, number == 0);
            let value = self.attribute(tag, attribute, place)?;
            write_string(&mut self.out, &value);
        }
        let any = self.members(tag, of, depth, !attributes.is_empty(), place)?;
        if !any && attributes.is_empty() {
            return Err(Fault::new(tag.at, EMPTY).within(place));
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Everything in a tag. `more`: the object has members already. Whether there was anything.
    fn members(&mut self, tag: &Tag<'t>, of: &Type, depth: usize, more: bool, place: &Place<'_>) -> Outcome<bool> {
        let mut run = Run::default();
        let mut any = false;
        // R4 fixes the order of elements. Another order says the same, so it is no reason to refuse somebody's record.
        let mut closed: Vec<usize> = Vec::new();
        if tag.alone {
            return Ok(false);
        }
        while let Some(child) = self.source.child().map_err(|fault| fault.within(place))? {
            let at = self.member(&child, of, place)?;
            let member = &self.table.members(of)[at];
            let here = place.member(member.shown());
            if run.member != Some(at) {
                closed.extend(run.member);
                self.close(&mut run, of);
                if closed.contains(&at) {
                    let details = "elements of one name stand together; move it up to the others";
                    return Err(Fault::new(child.at, details).within(&here));
                }
                run = Run {
                    member: Some(at),
                    start: self.out.len(),
                    beside: mem::take(&mut run.beside),
                    ..Run::default()
                };
                run.beside.clear();
            } else if !member.list {
                return Err(Fault::new(child.at, "the element does not repeat; keep one").within(&here));
            }
            let first = !more && !any;
            any = true;
            match (member.list, member.value) {
                (true, Value::Primitive(kind, _)) => {
                    let here = here.item(run.count);
                    self.item(&child, member, kind, &mut run, (first, depth), &here)?;
                }
                (true, value) => {
                    if run.count == 0 {
                        self.name(member.name, first);
                    }
                    self.out.push(if run.count == 0 { b'[' } else { b',' });
                    self.value(&child, value, depth + 2, &here.item(run.count))?;
                }
                (false, Value::Primitive(kind, _)) => self.single(&child, member, kind, (first, depth), &here)?,
                (false, value) => {
                    self.name(member.name, first);
                    self.value(&child, value, depth + 1, &here)?;
                }
            }
            run.count += 1;
        }
        self.close(&mut run, of);
        Ok(any)
    }

    /// As deep as JSON may be, and no deeper.
    fn bounded(tag: &Tag<'t>, depth: usize, place: &Place<'_>) -> Outcome {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        let details =
            "elements stand too deep in each other (the limit is 100 objects and lists in JSON); flatten them";
        Err(Fault::new(tag.at, details).within(place))
    }

    /// The member that a tag is.
    fn member(&self, tag: &Tag<'t>, of: &Type, place: &Place<'_>) -> Outcome<usize> {
        let found = self.table.position(of, tag.name());
        let narrative = found.is_some_and(|at| is_narrative(&self.table.members(of)[at]));
        let here = plain_name(tag.name());
        let at = |fault: Fault| match here {
            Some(name) => fault.within(&place.member(name)),
            None => fault.within(place),
        };
        match (tag.space, narrative) {
            (Space::Fhir, false) | (Space::Xhtml, true) => {}
            (_, true) => {
                let details = "the div of a narrative is in the namespace of XHTML: write \
                    <div xmlns=\"http://www.w3.org/1999/xhtml\">";
                return Err(at(Fault::new(tag.at, details)));
            }
            _ => return Err(at(misplaced(tag))),
        }
        let Some(found) = found else { return Err(at(Fault::new(tag.at, unknown(of, tag.name())))) };
        if of.is_attribute(tag.name()) {
            let details = format!("{} is an attribute here, not an element; move it into the tag", tag.name());
            return Err(at(Fault::new(tag.at, details)));
        }
        Ok(found)
    }

    /// Ends a list.
    fn close(&mut self, run: &mut Run, of: &Type) {
        let Some(at) = run.member.take() else { return };
        let member = &self.table.members(of)[at];
        if !member.list {
            return;
        }
        self.out.push(b']');
        if !matches!(member.value, Value::Primitive(..)) {
            return;
        }
        if run.sided {
            if run.valued {
                self.out.extend_from_slice(b",\"_");
            } else {
                // Without any value the list of what stands beside them is alone.
                self.out.truncate(run.start);
                let first = self.out.last() == Some(&b'{');
                self.out.extend_from_slice(if first { b"\"_" } else { b",\"_" });
            }
            self.out.extend_from_slice(member.name.as_bytes());
            self.out.extend_from_slice(b"\":[");
            self.out.extend_from_slice(&run.beside);
            self.out.push(b']');
        }
    }

    /// An object or a resource.
    fn value(&mut self, tag: &Tag<'t>, value: Value, depth: usize, place: &Place<'_>) -> Outcome {
        match value {
            Value::Object(id) => self.object(tag, id, depth, place),
            Value::Resource => self.wrapped(tag, depth, place),
            Value::Primitive(..) => Ok(()),
        }
    }

    /// A resource in the element that holds it.
    fn wrapped(&mut self, tag: &Tag<'t>, depth: usize, place: &Place<'_>) -> Outcome {
        if !self.source.attributes(tag, false).map_err(|fault| fault.within(place))?.is_empty() {
            return Err(Fault::new(tag.at, "an element that holds a resource has no attributes").within(place));
        }
        let inner = if tag.alone { None } else { self.source.child().map_err(|fault| fault.within(place))? };
        let Some(inner) = inner else { return Err(Fault::new(tag.at, EMPTY).within(place)) };
        self.resource(&inner, false, depth, place)?;
        match self.source.child().map_err(|fault| fault.within(place))? {
            None => Ok(()),
            Some(second) => {
                Err(Fault::new(second.at, "the element holds one resource; repeat it for another").within(place))
            }
        }
    }

    /// What an attribute says; never nothing.
    fn attribute(&self, tag: &Tag<'t>, attribute: &Attribute<'t>, place: &Place<'_>) -> Outcome<Cow<'t, str>> {
        let value = attribute.value().map_err(|details| Fault::new(tag.at, details).within(place))?;
        if value.is_empty() {
            let details = "an attribute is empty; give it a value, or leave it out";
            return Err(Fault::new(tag.at, details).within(place));
        }
        Ok(value)
    }

    fn no_attribute(&self, tag: &Tag<'t>, of: &Type, attribute: &Attribute<'t>) -> Fault {
        let details = if attribute.name == "value" {
            "the element has elements, not a value; write these"
        } else if self.table.member(of, attribute.name).is_some() {
            "this is an element, not an attribute: write <name value=\"...\"/> inside"
        } else {
            "an element has the attribute id, and an extension url; take others away"
        };
        Fault::new(tag.at, details)
    }

    /// The name of a member.
    fn name(&mut self, name: &str, first: bool) {
        self.out.extend_from_slice(if first { b"\"" } else { b",\"" });
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

const EMPTY: &str = "the element is empty; give it a value, or leave it out";

fn is_narrative(member: &Member) -> bool {
    matches!(member.value, Value::Primitive(Primitive::Xhtml, _))
}
