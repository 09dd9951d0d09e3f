//! FHIRPath Patch: <https://hl7.org/fhir/R4/fhirpatch.html>.
//!
//! An element goes or is replaced whole: a primitive with the id and the extensions beside it, which say more of the value that
//! was.

use std::cell::Cell;

use super::list::List;
use super::part::{Content, Part};
use super::{Fault, OPERATIONS, PatchError, Target, full, hollow, malformed, no_target, too_much};
use crate::fhirpath::{Context, Expression, Node};
use crate::json::{Document, Element, Kind};
use crate::structure;

/// Does the operations, one after the other.
pub(super) fn apply(parameters: Element<'_>, target: &mut Target) -> Result<(), PatchError> {
    let all = parameters.member("parameter");
    if all.is_some_and(|all| all.len() > OPERATIONS) {
        return Err(too_much());
    }
    for item in all.into_iter().flat_map(|all| all.children()) {
        let place = format!("Parameters.{}", item.path());
        let operation = Operation::read(&Part::of(item), &place)?;
        operation.perform(target).map_err(|error| match error.fault {
            Fault::Target if error.expression.is_empty() => PatchError { expression: place, ..error },
            _ => error,
        })?;
    }
    Ok(())
}

struct Operation<'p> {
    path: Expression,
    verb: Verb<'p>,
}

enum Verb<'p> {
    Add { name: String, value: Part<'p> },
    Delete,
    Insert { index: usize, value: Part<'p> },
    Move { source: usize, destination: usize },
    Replace(Part<'p>),
}

impl<'p> Operation<'p> {
    fn read(item: &Part<'p>, place: &str) -> Result<Self, PatchError> {
        if item.name().as_deref() != Some("operation") {
            return Err(malformed(place, "A FHIRPath Patch has parameters named operation, and no others."));
        }
        let part = |name: &'static str| {
            item.part(name).ok_or_else(|| malformed(place, format!("The operation needs a part named {name}.")))
        };
        let text = |name: &'static str| {
            let text = part(name)?.text();
            text.ok_or_else(|| malformed(place, format!("The part named {name} needs a string, as in valueString.")))
        };
        let count = |name: &'static str| {
            let count = part(name)?.count();
            count.ok_or_else(|| malformed(place, format!("The part named {name} needs a valueInteger, from 0.")))
        };
        let path = Expression::parse(&text("path")?)
            .map_err(|error| malformed(place, format!("The path is no FHIRPath: {error}.")))?;
        let verb = match text("type")?.as_str() {
            "add" => Verb::Add { name: text("name")?, value: part("value")? },
            "delete" => Verb::Delete,
            "insert" => Verb::Insert { index: count("index")?, value: part("value")? },
            "move" => Verb::Move { source: count("source")?, destination: count("destination")? },
            "replace" => Verb::Replace(part("value")?),
            _ => return Err(malformed(place, "The type is one of add, insert, delete, replace, move.")),
        };
        Ok(Self { path, verb })
    }

    fn perform(&self, target: &mut Target) -> Result<(), PatchError> {
        let steps = target.steps.clone();
        let text = {
            let document = target.document()?;
            let nodes = nodes(&self.path, document.root(), &steps)?;
            match &self.verb {
                Verb::Add { name, value } => {
                    let node = one(&nodes)?;
                    let content = Content::of(value, node.owner(), name)?;
                    added(&document, node, &content)?
                }
                Verb::Delete => match nodes[..] {
                    // What is not there is deleted already.
                    [] => return Ok(()),
                    _ => deleted(&document, one(&nodes)?)?,
                },
                Verb::Insert { index, value } => self.inserted(&document, &nodes, *index, value, &steps)?,
                Verb::Move { source, destination } => {
                    let mut list = whole(&nodes)?;
                    if *source >= list.len() || *destination >= list.len() {
                        return Err(no_target("", "source and destination are places in the list, from 0."));
                    }
                    list.shift(*source, *destination);
                    list.write(&document)?
                }
                Verb::Replace(value) => replaced(&document, one(&nodes)?, value)?,
            }
        };
        target.text = text;
        target.steps = steps;
        if matches!(self.verb, Verb::Delete) {
            let document = target.document()?;
            if hollow(document.root()) {
                let rest = full(document.root());
                target.text = String::from_utf8(rest).unwrap_or_default();
            }
        }
        Ok(())
    }

    fn inserted(
        &self,
        document: &Document<'_>,
        nodes: &[Node<'_>],
        index: usize,
        value: &Part<'_>,
        steps: &Cell<u64>,
    ) -> Result<String, PatchError> {
        if let [first, ..] = nodes {
            let mut list = whole(nodes)?;
            let content = Content::of(value, first.of, list.member())?;
            if index > list.len() {
                return Err(no_target("", "index is a place in the list, or its length to append."));
            }
            list.insert(index, content);
            return list.write(document);
        }
        // A list without items is not in the text: it is known by its name and what would hold it.
        let (parent, name) = self.path.last_member().ok_or_else(nothing)?;
        let parents = self::nodes(&parent, document.root(), steps)?;
        let parent = one(&parents)?;
        let content = Content::of(value, parent.owner(), name)?;
        if index > 0 || !content.list {
            return Err(nothing());
        }
        added(document, parent, &content)
    }
}

/// The elements of a path.
fn nodes<'d>(path: &Expression, resource: Element<'d>, steps: &Cell<u64>) -> Result<Vec<Node<'d>>, PatchError> {
    let values = path.evaluate(resource, Context { work: Some(steps), ..Context::default() }).map_err(|error| {
        match error.too_much {
            true => too_much(),
            false => no_target("", format!("The path cannot be followed: {error}.")),
        }
    })?;
    let nodes: Option<Vec<_>> = values.iter().map(|value| value.node()).collect();
    nodes.ok_or_else(|| no_target("", "The path gives a value that was reckoned. Name an element of the resource."))
}

fn nothing() -> PatchError {
    no_target("", "The path names nothing in the resource. Read it, and name an element that is there.")
}

/// The one element that a path must give.
fn one<'n, 'd>(nodes: &'n [Node<'d>]) -> Result<&'n Node<'d>, PatchError> {
    match nodes {
        [] => Err(nothing()),
        [node] => Ok(node),
        _ => Err(no_target("", "The path names several elements. Make it name one, as with an index: name[0].")),
    }
}

/// The whole list that a path must give.
fn whole<'d>(nodes: &[Node<'d>]) -> Result<List<'d>, PatchError> {
    let first = nodes.first().ok_or_else(nothing)?;
    let list =
        List::around(first).ok_or_else(|| no_target("", "The path names no list: the element does not repeat."))?;
    let together = nodes.iter().enumerate().all(|(place, node)| {
        node.index == Some(place)
            && node.holder.map(|holder| holder.index()) == first.holder.map(|holder| holder.index())
    });
    if !together || nodes.len() != list.len() {
        return Err(no_target("", "The path names items of a list. Name the list, without an index."));
    }
    Ok(list)
}

/// The text with one more member or item under a node.
fn added(document: &Document<'_>, node: &Node<'_>, content: &Content) -> Result<String, PatchError> {
    let holder = if node.is_primitive() { node.beside } else { node.value };
    let Some(holder) = holder else {
        // A primitive that has neither id nor extension yet.
        let (Some(above), Some(member)) = (node.holder, node.member()) else { return Err(nothing()) };
        let object = content.object();
        return match List::around(node) {
            Some(mut list) => {
                list.put_beside(node.index.unwrap_or_default(), object);
                list.write(document)
            }
            None if above.kind() == Kind::Object => Ok(above.with_member(&format!("_{member}"), &object)),
            None => Err(nothing()),
        };
    };
    if content.list {
        let mut list = List::named(holder, content.member.clone());
        list.insert(list.len(), content.clone());
        return list.write(document);
    }
    let there = structure_siblings(holder, node.owner(), &content.member);
    if there {
        return Err(no_target("", "The element is there already and does not repeat. Replace it."));
    }
    content.write(document, holder, None)
}

/// Whether the object has this element already, be it as another type of a choice.
fn structure_siblings(holder: Element<'_>, owner: &str, member: &str) -> bool {
    let name = structure::element(owner, member).map(|definition| definition.name);
    holder.children().any(|child| {
        let key = child.key().unwrap_or_default();
        let key = key.strip_prefix('_').unwrap_or(&key);
        structure::element(owner, key).map(|definition| definition.name) == name
    })
}

fn deleted(document: &Document<'_>, node: &Node<'_>) -> Result<String, PatchError> {
    if let Some(mut list) = List::around(node) {
        list.remove(node.index.unwrap_or_default());
        return list.write(document);
    }
    let Some(holder) = node.holder else {
        return Err(no_target("", "A patch cannot delete the resource. Send DELETE instead."));
    };
    let parts: Vec<usize> = [node.value, node.beside].into_iter().flatten().map(|part| part.index()).collect();
    let holder = holder.index();
    match parts[..] {
        [one] => Ok(document.element(one).ok_or_else(nothing)?.without()),
        _ => {
            // The later of the two first: it moves no other.
            let last = parts.iter().max().and_then(|last| document.element(*last)).ok_or_else(nothing)?;
            let first = parts.iter().min().copied().unwrap_or(holder);
            let text = last.without();
            let rest = Document::parse(text.as_bytes()).map_err(|_| nothing())?;
            Ok(rest.element(first).ok_or_else(nothing)?.without())
        }
    }
}

fn replaced(document: &Document<'_>, node: &Node<'_>, value: &Part<'_>) -> Result<String, PatchError> {
    let (Some(holder), Some(member)) = (node.holder, node.member()) else {
        return Err(no_target("", "A patch cannot replace the resource. Send PUT instead."));
    };
    let name = structure::element(node.of, &member).map_or("", |definition| definition.name);
    let content = Content::of(value, node.of, if name.is_empty() { &member } else { name })?;
    if let Some(mut list) = List::around(node) {
        list.replace(node.index.unwrap_or_default(), content);
        return list.write(document);
    }
    content.write(document, holder, Some(&member))
}
