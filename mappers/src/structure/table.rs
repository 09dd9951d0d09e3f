//! What R4 allows, as one flat table built once: fhirbolt-shared's children, arrays and types, and the facts beside it.

use std::collections::HashMap;
use std::sync::LazyLock;

use fhirbolt_shared::element_map::r4::ELEMENT_MAP;
use fhirbolt_shared::type_hints::r4::TYPE_HINTS;

use super::primitive::Primitive;

static FACTS: &str = include_str!("facts.txt");
static TABLE: LazyLock<Table> = LazyLock::new(|| Builder::default().build().0);

/// The one table.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

pub(crate) type TypeId = u16;
const NO_SLOT: u8 = u8::MAX;
const EMPTY: u16 = u16::MAX;

/// What R4 says of one element.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Definition {
    /// Whether it repeats, so that its JSON value is an array.
    pub list: bool,
    /// Whether it must be there.
    pub required: bool,
    /// What its value is.
    pub shape: Shape,
    /// The name without the type of a choice: `value` for `valueQuantity`.
    pub name: &'static str,
    /// Its codes, where the standard closes their list.
    pub codes: Option<&'static [&'static str]>,
}

/// What the value of an element is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A primitive type: `dateTime`.
    Primitive(&'static str),
    /// An object: a data type (`HumanName`), or the path of its own (`Patient.contact`).
    Object(&'static str),
    /// A whole resource.
    Resource,
}

/// An element that an object must have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Required {
    /// Its name without the type of a choice.
    pub name: &'static str,
    /// Its JSON names: one, or one for each type of a choice.
    pub members: Vec<&'static str>,
    /// It is a choice.
    pub choice: bool,
    /// Its value is one of a closed list of codes, and `unknown` is in the list.
    pub unknown: bool,
}

/// One member an object may have.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    /// The bit of its required element or choice in the owner's masks.
    slot: u8,
    /// How much of the name a FHIRPath shows: all, or what stands before the type of a choice.
    shown: u8,
    pub(crate) list: bool,
    pub(crate) choice: bool,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// The codes' number in [`Table::codes`], where the list is closed.
    Primitive(Primitive, Option<u16>),
    Object(TypeId),
    Resource,
}

impl Member {
    pub(crate) fn shown(&self) -> &'static str {
        &self.name[..self.shown as usize]
    }

    pub(crate) fn bit(&self) -> u64 {
        if self.slot == NO_SLOT { 0 } else { 1 << self.slot }
    }
}

/// A type, or the path of an element with members of its own.
pub(crate) struct Type {
    pub(crate) name: &'static str,
    pub(crate) required: u64,
    pub(crate) choices: u64,
    pub(crate) resource: bool,
    first: u32,
    count: u16,
    /// Where its hash table starts, and how long it is less one.
    buckets: u32,
    mask: u16,
}

impl Type {
    /// Whether XML has a member as an attribute: the id of an element, and the url of an extension. Such a value has neither
    /// id nor extensions.
    pub(crate) fn is_attribute(&self, name: &str) -> bool {
        name == "id" && !self.resource || name == "url" && self.name == "Extension"
    }
}

pub(crate) struct Table {
    types: Vec<Type>,
    members: Vec<Member>,
    buckets: Vec<u16>,
    codes: Vec<Vec<&'static str>>,
    resources: HashMap<&'static str, TypeId>,
    /// Every type, by its name.
    named: HashMap<&'static str, TypeId>,
    /// `Element`: what a primitive's `_sibling` is.
    pub(crate) element: TypeId,
    pub(crate) extension: TypeId,
}

impl Table {
    pub(crate) fn of(&self, id: TypeId) -> &Type {
        &self.types[usize::from(id)]
    }

    pub(crate) fn resource(&self, name: &str) -> Option<TypeId> {
        self.resources.get(name).copied()
    }

    pub(crate) fn resource_types(&self) -> impl Iterator<Item = &'static str> {
        let mut names: Vec<_> = self.resources.keys().copied().collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// Whether the closed list holds the code.
    pub(crate) fn allows(&self, codes: u16, code: &str) -> bool {
        self.codes[usize::from(codes)].binary_search(&code).is_ok()
    }

    pub(crate) fn codes(&self, codes: u16) -> &[&'static str] {
        &self.codes[usize::from(codes)]
    }

    pub(crate) fn members(&self, owner: &Type) -> &[Member] {
        &self.members[owner.first as usize..][..usize::from(owner.count)]
    }

    pub(crate) fn member(&self, owner: &Type, name: &str) -> Option<&Member> {
        self.position(owner, name).map(|at| &self.members(owner)[at])
    }

    /// The member's place in the order of the specification.
    pub(crate) fn position(&self, owner: &Type, name: &str) -> Option<usize> {
        let members = self.members(owner);
        let mut at = hash(name.as_bytes()) & usize::from(owner.mask);
        loop {
            match self.buckets[owner.buckets as usize + at] {
                EMPTY => return None,
                member => {
                    if members[usize::from(member)].name == name {
                        return Some(usize::from(member));
                    }
                }
            }
            at = (at + 1) & usize::from(owner.mask);
        }
    }

    pub(crate) fn required(&self, owner: &str) -> Vec<Required> {
        let Some(owner) = self.types.iter().find(|one| one.name == owner) else { return Vec::new() };
        let mut found: Vec<Required> = Vec::new();
        for member in self.members(owner).iter().filter(|member| owner.required & member.bit() != 0) {
            let codes = if let Value::Primitive(_, codes) = member.value { codes } else { None };
            let unknown = codes.is_some_and(|codes| self.allows(codes, "unknown"));
            match found.iter_mut().find(|one| one.name == member.shown()) {
                Some(one) => one.members.push(member.name),
                None => found.push(Required {
                    name: member.shown(),
                    members: vec![member.name],
                    choice: member.choice,
                    unknown,
                }),
            }
        }
        found
    }

    /// The choices of a type (or of the path of an element with members of its own), each by its JSON names.
    pub(crate) fn choices(&self, owner: &str) -> Vec<Vec<&'static str>> {
        let Some(owner) = self.types.iter().find(|one| one.name == owner) else { return Vec::new() };
        let mut found: Vec<(&str, Vec<&'static str>)> = Vec::new();
        for member in self.members(owner).iter().filter(|member| member.choice) {
            match found.iter_mut().find(|(name, _)| *name == member.shown()) {
                Some((_, names)) => names.push(member.name),
                None => found.push((member.shown(), vec![member.name])),
            }
        }
        found.into_iter().map(|(_, names)| names).collect()
    }

    /// The elements of a type (or of the path of an element with members of its own), in the order of the specification.
    pub(crate) fn names(&self, owner: &str) -> Vec<&'static str> {
        let Some(owner) = self.named.get(owner) else { return Vec::new() };
        let mut names: Vec<&'static str> = self.members(self.of(*owner)).iter().map(Member::shown).collect();
        names.dedup();
        names
    }

    /// What an object of this type (or of the path of an element with members of its own) says of one member.
    pub(crate) fn element(&'static self, owner: &str, name: &str) -> Option<Definition> {
        let owner = self.of(*self.named.get(owner)?);
        self.member(owner, name).map(|member| self.defined(owner, member))
    }

    /// What an object of this type says of the members that are shown by a name.
    pub(super) fn named(&'static self, owner: &str, name: &str) -> Vec<Definition> {
        let Some(owner) = self.named.get(owner).map(|owner| self.of(*owner)) else { return Vec::new() };
        let members = self.members(owner).iter().filter(|member| member.shown() == name);
        members.map(|member| self.defined(owner, member)).collect()
    }

    pub(crate) fn definition(&'static self, path: &str) -> Option<Definition> {
        let mut steps = path.split('.');
        let first = steps.next()?;
        let mut owner = self.types.iter().find(|one| one.name == first)?;
        let mut found = None;
        for step in steps {
            if let Some((_, Value::Object(next))) = found {
                owner = self.of(next);
            } else if found.is_some() {
                return None;
            }
            let member = self.member(owner, step)?;
            found = Some(((owner, member), member.value));
        }
        let ((owner, member), _) = found?;
        Some(self.defined(owner, member))
    }

    fn defined(&'static self, owner: &Type, member: &Member) -> Definition {
        let value = member.value;
        let shape = match value {
            Value::Primitive(primitive, _) => Shape::Primitive(primitive.name()),
            Value::Object(id) => Shape::Object(self.of(id).name),
            Value::Resource => Shape::Resource,
        };
        let required = owner.required & member.bit() != 0;
        let codes = if let Value::Primitive(_, codes) = value { codes } else { None };
        let codes = codes.map(|codes| self.codes(codes));
        Definition { list: member.list, required, shape, name: member.shown(), codes }
    }
}

/// A cheap hash of a member name: its length and both ends.
fn hash(name: &[u8]) -> usize {
    let word = |bytes: &[u8]| bytes.iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    let (head, tail) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(head), Some(tail)) => (u64::from_be_bytes(*head), u64::from_be_bytes(*tail)),
        _ => (word(name), 0),
    };
    let mixed = (head ^ tail.rotate_left(29) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as usize
}

/// The facts of one path: `gender:code=administrative-gender`, `value[x]:Quantity,string!`, `code!`.
#[derive(Default)]
struct Facts {
    primitives: HashMap<&'static str, (Primitive, Option<u16>)>,
    choices: Vec<(&'static str, &'static str)>,
    required: Vec<&'static str>,
}

#[derive(Default)]
struct Builder {
    ids: HashMap<&'static str, TypeId>,
    facts: HashMap<&'static str, Facts>,
    value_sets: HashMap<&'static str, u16>,
    codes: Vec<Vec<&'static str>>,
    types: Vec<Type>,
    members: Vec<Member>,
    buckets: Vec<u16>,
    unresolved: Vec<String>,
}

impl Builder {
    /// The table, and the elements that neither source describes: none, or a test fails.
    fn build(mut self) -> (Table, Vec<String>) {
        self.read_facts();
        let mut names: Vec<&'static str> = ELEMENT_MAP
            .keys()
            .copied()
            .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
            .collect();
        names.push("Element");
        names.sort_unstable();
        self.ids = names.iter().zip(0..).map(|(name, id)| (*name, id)).collect();
        for name in &names {
            self.add_type(name);
        }
        let resources =
            self.types.iter().zip(0..).filter(|(one, _)| one.resource).map(|(one, id)| (one.name, id)).collect();
        let table = Table {
            element: self.id("Element"),
            extension: self.id("Extension"),
            types: self.types,
            members: self.members,
            buckets: self.buckets,
            codes: self.codes,
            resources,
            named: self.ids,
        };
        (table, self.unresolved)
    }

    fn id(&self, name: &str) -> TypeId {
        self.ids.get(name).copied().unwrap_or_default()
    }

    fn read_facts(&mut self) {
        for line in FACTS.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let Some(head) = words.next() else { continue };
            if let Some(value_set) = head.strip_prefix('=') {
                self.value_sets.insert(value_set, self.codes.len() as u16);
                self.codes.push(words.collect());
                continue;
            }
            let facts = self.facts.entry(head).or_default();
            for word in words {
                let (word, required) = word.strip_suffix('!').map_or((word, false), |word| (word, true));
                let (name, kind) = word.split_once(':').unwrap_or((word, ""));
                let name = if let Some(base) = name.strip_suffix("[x]") {
                    facts.choices.push((base, kind));
                    base
                } else {
                    let (primitive, value_set) = kind.split_once('=').unwrap_or((kind, ""));
                    if let Some(primitive) = Primitive::named(primitive) {
                        facts.primitives.insert(name, (primitive, self.value_sets.get(value_set).copied()));
                    }
                    name
                };
                if required {
                    facts.required.push(name);
                }
            }
        }
    }

    fn add_type(&mut self, name: &'static str) {
        let children: Vec<&'static str> =
            ELEMENT_MAP.get(name).map_or_else(|| vec!["id", "extension"], |set| set.iter().copied().collect());
        let resource = children.contains(&"implicitRules");
        let facts = self.facts.remove(name).unwrap_or_default();
        let first = self.members.len();
        let mut slots: Vec<&'static str> = facts.required.clone();
        slots.extend(facts.choices.iter().map(|choice| choice.0).filter(|base| !facts.required.contains(base)));
        for child in children {
            let Some(member) = self.member(name, child, resource, &facts, &slots) else {
                self.unresolved.push(format!("{name}.{child}"));
                continue;
            };
            self.members.push(member);
        }
        let count = self.members.len() - first;
        let mask_of = |wanted: &dyn Fn(&str) -> bool| {
            slots.iter().enumerate().filter(|slot| wanted(slot.1)).fold(0_u64, |mask, slot| mask | (1 << slot.0))
        };
        let required = mask_of(&|slot| facts.required.contains(&slot));
        let choices = mask_of(&|slot| facts.choices.iter().any(|choice| choice.0 == slot));
        let size = (count * 2).next_power_of_two();
        let buckets = self.buckets.len();
        self.buckets.resize(buckets + size, EMPTY);
        for number in 0..count {
            let mut at = hash(self.members[first + number].name.as_bytes()) & (size - 1);
            while self.buckets[buckets + at] != EMPTY {
                at = (at + 1) & (size - 1);
            }
            self.buckets[buckets + at] = number as u16;
        }
        self.types.push(Type {
            name,
            required,
            choices,
            resource,
            first: first as u32,
            count: count as u16,
            buckets: buckets as u32,
            mask: (size - 1) as u16,
        });
    }

    fn member(
        &self,
        owner: &'static str,
        name: &'static str,
        resource: bool,
        facts: &Facts,
        slots: &[&str],
    ) -> Option<Member> {
        let path = format!("{owner}.{name}");
        let choice = facts.choices.iter().find_map(|(base, types)| Some((*base, choice_type(name, base, types)?)));
        let shown = choice.map_or(name, |(base, _)| base);
        let slot = slots.iter().position(|slot| *slot == shown).map_or(NO_SLOT, |slot| slot as u8);
        let inherited = self.inherited(owner, name, resource);
        let value = if let Some((value, _)) = inherited {
            value
        } else if let Some((_, of)) = choice {
            self.value_of(of)?
        } else if let Some((primitive, codes)) = facts.primitives.get(name) {
            Value::Primitive(*primitive, *codes)
        } else if let Some(same) = TYPE_HINTS.content_reference_paths.get(path.as_str()) {
            Value::Object(*self.ids.get(same)?)
        } else if let Some(id) = self.ids.get(path.as_str()) {
            Value::Object(*id)
        } else {
            self.value_of(TYPE_HINTS.type_paths.get(path.as_str())?)?
        };
        let list = inherited.map_or_else(|| TYPE_HINTS.array_paths.contains(path.as_str()), |(_, list)| list);
        Some(Member { name, value, slot, shown: shown.len() as u8, list, choice: choice.is_some() })
    }

    /// What every resource, element or domain resource has, and whether it repeats.
    fn inherited(&self, owner: &str, name: &str, resource: bool) -> Option<(Value, bool)> {
        let domain = resource && ELEMENT_MAP.get(owner).is_some_and(|children| children.contains("contained"));
        Some(match name {
            "id" if resource => (Value::Primitive(Primitive::Id, None), false),
            "id" => (Value::Primitive(Primitive::String, None), false),
            "extension" | "modifierExtension" => (Value::Object(self.id("Extension")), true),
            "meta" if resource => (Value::Object(self.id("Meta")), false),
            "implicitRules" if resource => (Value::Primitive(Primitive::Uri, None), false),
            "language" if resource => (Value::Primitive(Primitive::Code, None), false),
            "text" if domain => (Value::Object(self.id("Narrative")), false),
            "contained" if domain => (Value::Resource, true),
            _ => return None,
        })
    }

    fn value_of(&self, name: &str) -> Option<Value> {
        match (name, Primitive::named(name)) {
            ("Resource", _) => Some(Value::Resource),
            (_, Some(primitive)) => Some(Value::Primitive(primitive, None)),
            _ => self.ids.get(name).copied().map(Value::Object),
        }
    }
}

/// The type that stands behind `base` in a choice's JSON name: `Quantity` for `valueQuantity`.
fn choice_type(name: &str, base: &str, types: &'static str) -> Option<&'static str> {
    static OPEN: LazyLock<&'static str> = LazyLock::new(|| {
        let line = FACTS.lines().find(|line| line.starts_with("Extension ")).unwrap_or_default();
        line.split("value[x]:").nth(1).unwrap_or_default()
    });
    let suffix = name.strip_prefix(base)?;
    let types = if types == "*" { *OPEN } else { types };
    types
        .split(',')
        .find(|of| of.eq_ignore_ascii_case(suffix) && suffix.starts_with(|first: char| first.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_r4_is_described() {
        let (table, unresolved) = Builder::default().build();
        assert_eq!(unresolved, Vec::<String>::new());
        assert_eq!(table.resources.len(), 146);
        assert!(table.members.len() > 8_000, "{}", table.members.len());
        assert_eq!(table.codes.len(), FACTS.lines().filter(|line| line.starts_with('=')).count());
        assert!(table.codes.iter().all(|codes| codes.is_sorted()));
    }
}
