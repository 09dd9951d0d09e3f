//! What stands for an element that R4 requires (<https://hl7.org/fhir/R4/conformance-rules.html#cardinality>) and that a row
//! has nothing for: that it is unknown (<https://hl7.org/fhir/R4/extension-data-absent-reason.html>), never something invented.

use super::element::{self, Content};
use super::{Child, Choice, Field, ObjectShape, Required, Selector, Target};
use crate::json::{Document, Element};
use crate::split::{carries_constants, matches};
use crate::structure;

const EXTENSION: &str =
    r#""extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]"#;
const CODING: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}"#;
/// Backbone elements whose first item needs another of its own kind do not occur; this is for tables that say so.
const DEEPEST: usize = 8;

/// Finds what the shape's objects, slices and child rows must have, what is served where columns do not say it, and where
/// columns say one of several types.
pub(super) fn complete(shape: &mut ObjectShape, owner: &str, children: &mut [Child]) {
    in_object(shape, owner, &[], children);
}

fn in_object(shape: &mut ObjectShape, owner: &str, said: &[&str], children: &mut [Child]) {
    for member in &mut shape.members {
        let Some(Content::Object(inner)) = element::element(owner, &member.name).map(|element| element.content) else {
            continue;
        };
        match &mut member.target {
            Target::Field(_) | Target::List(_) => {}
            Target::Object(object) => in_object(object, &inner, &[], children),
            Target::Slices(slices) => {
                for slice in slices {
                    let said: Vec<&str> = slice.selector.given().map(|(name, _)| name).collect();
                    in_object(&mut slice.shape, &inner, &said, children);
                }
            }
            Target::Children(number) => {
                let Some(child) = children.get_mut(*number) else { continue };
                let mut item = std::mem::take(&mut child.shape);
                in_object(&mut item, &inner, &[], children);
                if let Some(child) = children.get_mut(*number) {
                    child.shape = item;
                }
            }
        }
    }
    // An extension is what its address says; nothing can stand for that.
    let required = if owner == "Extension" { Vec::new() } else { structure::required(owner) };
    for element in required.iter().filter(|element| !said.contains(&element.name)) {
        let found = required_of(shape, owner, element);
        shape.required.extend(found);
    }
    for names in structure::choices(owner) {
        let mapped = |(_, member): &(usize, &super::Member)| names.contains(&member.name.as_str());
        let members: Vec<usize> = shape.members.iter().enumerate().filter(mapped).map(|(number, _)| number).collect();
        if !members.is_empty() {
            shape.choices.push(Choice { names, members });
        }
    }
}

/// What is served for one element; `None` where constants of the map are always there for it.
fn required_of(shape: &mut ObjectShape, owner: &str, element: &structure::Required) -> Option<Required> {
    let named = |(_, member): &(usize, &super::Member)| element.members.contains(&member.name.as_str());
    let members: Vec<usize> = shape.members.iter().enumerate().filter(named).map(|(number, _)| number).collect();
    if members.iter().any(|number| is_constant(&shape.members[*number].target)) {
        return None;
    }
    let name = natural(element);
    let mapped = members.iter().copied().find(|number| shape.members[*number].name == name);
    let target = mapped.map(|number| &shape.members[number].target);
    let absent = member(owner, name, element.unknown, target, 0)?;
    if let Some(number) = mapped {
        let text = format!("{{{absent}}}");
        let document = Document::parse(text.as_bytes()).ok()?;
        let value = document.root().member(name);
        value.into_iter().for_each(|value| mark(&mut shape.members[number].target, value));
    }
    Some(Required { name: element.name.to_owned(), choice: element.choice, members, absent })
}

/// Whether the member is always there, by constants alone.
fn is_constant(target: &Target) -> bool {
    let constant = |shape: &ObjectShape| shape.has_constants() && !shape.has_columns();
    match target {
        Target::Children(_) | Target::List(_) => false,
        Target::Field(field) => field.constant.is_some(),
        Target::Object(inner) => constant(inner),
        Target::Slices(slices) => slices.iter().any(|slice| constant(&slice.shape)),
    }
}

/// The JSON name under which an unknown choice is said.
fn natural(element: &structure::Required) -> &'static str {
    let ending = |end: &str| element.members.iter().copied().find(|name| name.ends_with(end));
    let choice = if element.choice { ending("CodeableConcept").or_else(|| ending("DateTime")) } else { None };
    choice.or_else(|| element.members.first().copied()).unwrap_or(element.name)
}

/// Name and value of a member that is unknown; `None` for what nothing can stand for (a whole resource).
fn member(owner: &str, name: &str, unknown: bool, target: Option<&Target>, depth: usize) -> Option<String> {
    let found = element::element(owner, name)?;
    let list = |value: String| if found.list { format!("[{value}]") } else { value };
    match found.content {
        Content::Primitive(_) if unknown => Some(format!("\"{name}\":{}", list("\"unknown\"".to_owned()))),
        Content::Primitive(_) => Some(format!("\"_{name}\":{}", list(format!("{{{EXTENSION}}}")))),
        Content::Object(inner) => {
            let shape = match target {
                Some(Target::Object(shape)) => Some(shape),
                // What comes first must be what the map says of the first.
                Some(Target::Slices(slices)) => {
                    slices.iter().find(|slice| slice.selector == Selector::Index(0)).map(|slice| &slice.shape)
                }
                _ => None,
            };
            Some(format!("\"{name}\":{}", list(object(&inner, shape, depth))))
        }
        Content::Resource => None,
    }
}

/// An object that is unknown, so that the map still takes the resource: with the constants that it asks for.
fn object(owner: &str, shape: Option<&ObjectShape>, depth: usize) -> String {
    let constants = shape.map(constants).unwrap_or_default();
    if constants.is_empty() {
        let natural = match owner {
            "CodeableConcept" => Some(format!("{{\"coding\":[{CODING}]}}")),
            "Coding" => Some(CODING.to_owned()),
            _ => None,
        };
        let taken = |text: &String| {
            shape.is_none_or(|shape| {
                let rows = shape.members.iter().any(|member| matches!(member.target, Target::Children(_)));
                let parsed = Document::parse(text.as_bytes());
                !rows && parsed.is_ok_and(|document| carries_constants(shape, document.root()))
            })
        };
        if let Some(text) = natural.filter(taken) {
            return text;
        }
    }
    let mut members = constants;
    for element in structure::required(owner).iter().filter(|_| depth < DEEPEST) {
        let name = natural(element);
        let mapped = shape.and_then(|shape| shape.members.iter().find(|member| member.name == name));
        if mapped.is_none_or(|mapped| !is_constant(&mapped.target)) {
            members.extend(member(owner, name, element.unknown, mapped.map(|member| &member.target), depth + 1));
        }
    }
    // A backbone element says enough by its own unknown members.
    if members.is_empty() || !owner.contains('.') && shape.is_none_or(|shape| !shape.has_constants()) {
        members.insert(0, EXTENSION.to_owned());
    }
    format!("{{{}}}", members.join(","))
}

/// The members of constants alone, without which the map does not take a resource that has the object.
fn constants(shape: &ObjectShape) -> Vec<String> {
    let inner = |shape: &ObjectShape| format!("{{{}}}", constants(shape).join(","));
    let of = |member: &super::Member| {
        let value = match &member.target {
            Target::Field(Field { constant: Some(constant), .. }) => constant.clone(),
            Target::Object(shape) if is_constant(&member.target) => inner(shape),
            Target::Slices(slices) if is_constant(&member.target) => {
                let slices = slices.iter().filter(|slice| slice.shape.has_constants() && !slice.shape.has_columns());
                let items = slices.map(|slice| {
                    let said = slice.selector.given().map(|(name, value)| {
                        let mut text = Vec::new();
                        crate::json::write_string(&mut text, value);
                        format!("\"{name}\":{}", String::from_utf8_lossy(&text))
                    });
                    let members: Vec<String> = said.chain(constants(&slice.shape)).collect();
                    format!("{{{}}}", members.join(","))
                });
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            _ => return None,
        };
        Some(format!("\"{}\":{value}", member.name))
    };
    shape.members.iter().filter_map(of).collect()
}

/// Tells the fields what of the unknown element would be their value.
fn mark(target: &mut Target, value: Element<'_>) {
    let members = |shape: &mut ObjectShape, object: Element<'_>| {
        for member in &mut shape.members {
            object.member(&member.name).into_iter().for_each(|value| mark(&mut member.target, value));
        }
    };
    match target {
        Target::Children(_) | Target::List(_) => {}
        Target::Field(field) if field.slots.is_empty() => {}
        Target::Field(field) => field.absent = Some(value.raw().to_owned()),
        Target::Object(shape) => members(shape, value),
        Target::Slices(slices) => {
            for slice in slices {
                let mut items = value.children().enumerate();
                if let Some((_, item)) = items.find(|(index, item)| matches(&slice.selector, *index, *item)) {
                    members(&mut slice.shape, item);
                }
            }
        }
    }
}
