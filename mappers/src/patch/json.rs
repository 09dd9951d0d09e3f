//! JSON Patch: <https://www.rfc-editor.org/rfc/rfc6902>.

use super::pointer::{Pointer, index};
use super::same::same;
use super::{Fault, OPERATIONS, PatchError, Target, malformed, no_target, too_much};
use crate::json::{Element, Kind};

const NOTHING: &str = "There is nothing at this place. Read the resource, and name a place that is in it.";

/// Does the operations, one after the other.
pub(super) fn apply(patch: Element<'_>, target: &mut Target) -> Result<(), PatchError> {
    if patch.len() > OPERATIONS {
        return Err(too_much());
    }
    for (number, item) in patch.children().enumerate() {
        let operation = Operation::read(item, number)?;
        if let Some(text) = operation.text(target)? {
            target.text = text;
        }
    }
    Ok(())
}

struct Operation<'p> {
    verb: Verb<'p>,
    path: Pointer,
}

enum Verb<'p> {
    Add(Element<'p>),
    Copy(Pointer),
    Move(Pointer),
    Remove,
    Replace(Element<'p>),
    Test(Element<'p>),
}

impl<'p> Operation<'p> {
    /// Reads an operation. Members that are not known are ignored, as the RFC wants it.
    fn read(item: Element<'p>, number: usize) -> Result<Self, PatchError> {
        let place = |name: &str| format!("[{number}].{name}");
        if item.kind() != Kind::Object {
            return Err(malformed(
                format!("[{number}]"),
                "An operation of a JSON Patch is an object with op and path.",
            ));
        }
        let text = |name: &str| item.member(name).and_then(|value| value.string());
        let pointer = |name: &str| {
            let pointer = text(name).and_then(|text| Pointer::parse(&text));
            pointer.ok_or_else(|| malformed(place(name), "A JSON Pointer is needed here: \"/name/0/family\"."))
        };
        let value = || item.member("value").ok_or_else(|| malformed(place("value"), "This operation needs a value."));
        let path = pointer("path")?;
        let verb = match text("op").as_deref() {
            Some("add") => Verb::Add(value()?),
            Some("copy") => Verb::Copy(pointer("from")?),
            Some("move") => Verb::Move(pointer("from")?),
            Some("remove") => Verb::Remove,
            Some("replace") => Verb::Replace(value()?),
            Some("test") => Verb::Test(value()?),
            _ => return Err(malformed(place("op"), "op is one of add, copy, move, remove, replace, test.")),
        };
        if let Verb::Move(from) = &verb
            && from.holds(&path)
        {
            return Err(malformed(place("from"), "A value cannot be moved into itself."));
        }
        Ok(Self { verb, path })
    }

    /// The resource after the operation; `None` where it changes nothing.
    fn text(&self, target: &mut Target) -> Result<Option<String>, PatchError> {
        let kind = target.kind.clone();
        let nothing = |pointer: &Pointer| no_target(pointer.expression(&kind), NOTHING);
        let document = target.document()?;
        let root = document.root();
        let find = |pointer: &Pointer| pointer.find(root).ok_or_else(|| nothing(pointer));
        let text = match &self.verb {
            Verb::Add(value) => self.added(root, value.raw(), &kind)?,
            Verb::Copy(from) => self.added(root, find(from)?.raw(), &kind)?,
            Verb::Move(from) => {
                let value = find(from)?;
                if *from == self.path {
                    return Ok(None);
                }
                if from.is_root() {
                    return Err(nothing(from));
                }
                let (value, rest) = (value.raw().to_owned(), value.without());
                target.text = rest;
                let document = target.document()?;
                self.added(document.root(), &value, &kind)?
            }
            Verb::Remove if self.path.is_root() => {
                return Err(no_target(kind, "A patch cannot remove the resource. Send DELETE instead."));
            }
            Verb::Remove => find(&self.path)?.without(),
            Verb::Replace(value) => find(&self.path)?.with_value(value.raw()),
            Verb::Test(value) if same(find(&self.path)?, *value) => return Ok(None),
            Verb::Test(_) => {
                return Err(PatchError {
                    fault: Fault::Test,
                    expression: self.path.expression(&kind),
                    details: "The test does not hold: the resource has another value here. Nothing was changed.".into(),
                });
            }
        };
        Ok(Some(text))
    }

    /// The text with the value at the path.
    fn added(&self, root: Element<'_>, value: &str, kind: &str) -> Result<String, PatchError> {
        let nothing = || no_target(self.path.expression(kind), NOTHING);
        if self.path.is_root() {
            return Ok(root.with_value(value));
        }
        let (parent, last) = self.path.parent(root).ok_or_else(nothing)?;
        match parent.kind() {
            Kind::Array if last == "-" => Ok(parent.with_item(parent.len(), value)),
            Kind::Array => {
                let at = index(last).filter(|at| *at <= parent.len()).ok_or_else(nothing)?;
                Ok(parent.with_item(at, value))
            }
            Kind::Object => Ok(match parent.member(last) {
                Some(member) => member.with_value(value),
                None => parent.with_member(last, value),
            }),
            _ => Err(nothing()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fault, apply};
    use crate::json::Document;

    fn patched(resource: &str, patch: &str) -> Result<String, (Fault, String)> {
        let patch = Document::parse(patch.as_bytes()).unwrap();
        match apply(resource.as_bytes(), &patch) {
            Ok(text) => Ok(String::from_utf8(text).unwrap()),
            Err(error) => Err((error.fault, error.expression)),
        }
    }

    #[test]
    fn the_rest_stays_byte_for_byte() {
        let observation =
            r#"{"resourceType":"Observation","valueQuantity":{"value":1.10,"unit":"m\u0067"},"note":[{"text":"a"}]}"#;
        assert_eq!(
            patched(
                observation,
                r#"[{"op":"replace","path":"/note/0/text","value":"b"},{"op":"add","path":"/x","value":2.50}]"#
            ),
            Ok(observation.replace("\"a\"", "\"b\"").replace("}]}", "}],\"x\":2.50}"))
        );
    }

    #[test]
    fn what_a_removal_empties_goes() {
        let text = r#"{"resourceType":"Patient","name":[{"given":["A"]}],"active":true}"#;
        let rest = r#"{"resourceType":"Patient","active":true}"#;
        assert_eq!(patched(text, r#"[{"op":"remove","path":"/name/0/given/0"}]"#).as_deref(), Ok(rest));
        let kept = r#"{"resourceType":"Patient","name":[],"active":true}"#;
        assert_eq!(patched(text, r#"[{"op":"replace","path":"/name","value":[]}]"#).as_deref(), Ok(kept));
    }

    #[test]
    fn values_move_between_places() {
        let text = r#"{"a":[1,2,3],"b":{"c":4}}"#;
        assert_eq!(
            patched(text, r#"[{"op":"move","from":"/a/0","path":"/a/2"}]"#).as_deref(),
            Ok(r#"{"a":[2,3,1],"b":{"c":4}}"#)
        );
        assert_eq!(
            patched(text, r#"[{"op":"copy","from":"/b/c","path":"/a/-"}]"#).as_deref(),
            Ok(r#"{"a":[1,2,3,4],"b":{"c":4}}"#)
        );
        assert_eq!(patched(text, r#"[{"op":"move","from":"/b/c","path":"/b/c"}]"#).as_deref(), Ok(text));
    }

    #[test]
    fn faults_name_their_place() {
        let text = r#"{"resourceType":"Patient","name":[{"family":"A"}]}"#;
        for (patch, fault, place) in [
            (r#"[{"op":"remove","path":"/name/1"}]"#, Fault::Target, "Patient.name[1]"),
            (r#"[{"op":"add","path":"/name/5","value":{}}]"#, Fault::Target, "Patient.name[5]"),
            (r#"[{"op":"add","path":"/name/0/family/x","value":1}]"#, Fault::Target, "Patient.name[0].family.x"),
            (r#"[{"op":"test","path":"/name/0/family","value":"B"}]"#, Fault::Test, "Patient.name[0].family"),
            (r#"[{"op":"remove","path":""}]"#, Fault::Target, "Patient"),
            (
                r#"[{"op":"test","path":"/name","value":[]},{"op":"delete","path":"/name"}]"#,
                Fault::Test,
                "Patient.name",
            ),
            (r#"[{"op":"delete","path":"/name"}]"#, Fault::Malformed, "[0].op"),
            (r#"[{"op":"remove","path":"name"}]"#, Fault::Malformed, "[0].path"),
            (r#"[{"op":"add","path":"/name"}]"#, Fault::Malformed, "[0].value"),
            (r#"[{"op":"move","path":"/name/0/x","from":"/name"}]"#, Fault::Malformed, "[0].from"),
            (r#"[7]"#, Fault::Malformed, "[0]"),
        ] {
            assert_eq!(patched(text, patch), Err((fault, place.to_owned())), "{patch}");
        }
    }

    #[test]
    fn growth_is_bounded() {
        let wide = format!("[{}]", vec![r#"{"op":"copy","from":"/a","path":"/a/-"}"#; 60].join(","));
        let text = format!(r#"{{"a":["{}"]}}"#, "x".repeat(1_000_000));
        assert_eq!(patched(&text, &wide), Err((Fault::TooMuch, String::new())));
    }
}
