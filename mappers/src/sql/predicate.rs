//! Which columns answer a search parameter: what makes the map the search compiler.

use crate::map::{Codec, Field, Map, ObjectShape, Selector, Target};
use crate::schema::ColumnKind;
use crate::search::parameters::{self, Definition, ElementType, ParameterKind};

/// A column that holds values of a search parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ColumnPredicate {
    /// Index into `Map::children`; `None` = the main table or a joined one.
    pub child: Option<usize>,
    /// The slot that holds code, value or the key of the resource referred to.
    pub value: usize,
    /// What is known of the system.
    pub system: System,
    /// (column text, code) where the column holds other words than FHIR does.
    pub codes: Vec<(String, String)>,
}

/// What is known of a token's system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum System {
    /// It is in this slot (of the same table).
    Column(usize),
    /// It is always this.
    Fixed(String),
    /// There is none, or nobody knows it.
    None,
}

/// The columns that answer a token or reference parameter.
pub fn predicates(map: &Map, definition: &Definition) -> Vec<ColumnPredicate> {
    let mut found = Vec::new();
    for path in definition.paths {
        let steps: Vec<&str> = path.text.split('.').collect();
        let mut walk = Walk { element: path.element, found: &mut found, missed: false };
        walk.shape(&map.shape, &steps, None, &map.children);
    }
    found.retain(|predicate| !is_many(map, predicate));
    found
}

/// Whether the column holds many values: no predicate looks into it.
fn is_many(map: &Map, predicate: &ColumnPredicate) -> bool {
    let slots = predicate.child.map_or(&map.slots, |child| &map.children[child].slots);
    map.array.is_some() || matches!(slots[predicate.value].kind, ColumnKind::Array | ColumnKind::Json)
}

/// Whether some values of a searched parameter leave for columns that no predicate reaches.
pub(super) fn index_whole(map: &Map) -> bool {
    parameters::supported(Some(&map.resource)).any(|definition| {
        definition.paths.iter().any(|path| {
            let steps: Vec<&str> = path.text.split('.').collect();
            let mut found = Vec::new();
            let mut walk = Walk { element: path.element, found: &mut found, missed: false };
            let searched = matches!(definition.param_kind, ParameterKind::Token | ParameterKind::Reference);
            walk.shape(&map.shape, &steps, None, &map.children);
            searched && (walk.missed || found.iter().any(|predicate| is_many(map, predicate)))
        })
    })
}

struct Walk<'f> {
    element: ElementType,
    found: &'f mut Vec<ColumnPredicate>,
    missed: bool,
}

impl Walk<'_> {
    fn shape(&mut self, shape: &ObjectShape, steps: &[&str], child: Option<usize>, children: &[crate::map::Child]) {
        let Some((step, rest)) = steps.split_first() else { return };
        let step = step.split('[').next().unwrap_or(step);
        let Some(member) = shape.members.iter().find(|member| member.name == step) else { return };
        match &member.target {
            Target::Children(index) => {
                let table = &children[*index];
                if rest.is_empty() {
                    self.value(&table.shape, None, Some(*index));
                } else {
                    self.shape(&table.shape, rest, Some(*index), &[]);
                }
            }
            Target::Field(field) if rest.is_empty() => self.field(field, child),
            Target::Field(_) | Target::List(_) => {}
            Target::Object(object) if rest.is_empty() => self.value(object, None, child),
            Target::Object(object) => self.shape(object, rest, child, children),
            Target::Slices(slices) => {
                for slice in slices {
                    if rest.is_empty() {
                        self.value(&slice.shape, Some(&slice.selector), child);
                    } else {
                        self.shape(&slice.shape, rest, child, children);
                    }
                }
            }
        }
    }

    /// A complex value (an Identifier, a Coding, a `CodeableConcept`, a `ContactPoint` or a Reference) whose parts are mapped.
    fn value(&mut self, shape: &ObjectShape, selector: Option<&Selector>, child: Option<usize>) {
        let (system, value) = match self.element {
            ElementType::CodeableConcept => return self.concept(shape, child),
            ElementType::Coding => (Some("system"), "code"),
            ElementType::Identifier => (Some("system"), "value"),
            ElementType::ContactPoint => (None, "value"),
            ElementType::Reference => (None, "reference"),
            _ => return,
        };
        let field = |name: &str| {
            shape.members.iter().find(|member| member.name == name).and_then(|member| match &member.target {
                Target::Field(field) => Some(field),
                _ => None,
            })
        };
        let fixed = || match selector {
            Some(selector) => {
                let mut named = selector.discriminators().filter(|(name, _)| Some(*name) == system);
                named.next().map(|(_, value)| value.to_owned())
            }
            None => None,
        };
        let known = match system.and_then(field) {
            Some(Field { slots, constant: None, .. }) if slots.len() == 1 => System::Column(slots[0]),
            _ => fixed().map_or(System::None, System::Fixed),
        };
        if let Some(value) = field(value) {
            self.column(value, known, child);
        }
    }

    fn concept(&mut self, shape: &ObjectShape, child: Option<usize>) {
        let coding = shape.members.iter().find(|member| member.name == "coding");
        if let Some(Target::Slices(slices)) = coding.map(|member| &member.target) {
            self.element = ElementType::Coding;
            slices.iter().for_each(|slice| self.value(&slice.shape, Some(&slice.selector), child));
            self.element = ElementType::CodeableConcept;
        }
    }

    /// A primitive or a whole Reference.
    fn field(&mut self, field: &Field, child: Option<usize>) {
        self.column(field, System::None, child);
    }

    fn column(&mut self, field: &Field, system: System, child: Option<usize>) {
        // Constants stay in the residue, where the overflow index finds them.
        if field.slots.is_empty() {
            return;
        }
        let codes = match &field.codec {
            Codec::Codes(codes) => codes.clone(),
            Codec::Plain | Codec::Reference => Vec::new(),
            Codec::Content(_) | Codec::Narrative | Codec::Places(_) | Codec::Rest(_) | Codec::Zoned(_) => return,
        };
        if field.slots.len() > 1 || !field.json_path.is_empty() {
            self.missed = true;
            return;
        }
        self.found.push(ColumnPredicate { child, value: field.slots[0], system, codes });
    }
}
