//! An element of a resource, with its place in the text.

use crate::json::{Element, Kind};
use crate::structure::{self, Shape};

use super::moment::Moment;
use super::quantity::{Quantity, decimal};
use super::value::Value;

/// An element: its JSON value, and what stands beside a primitive in `_name`. At least one of the two is there.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    /// The value.
    pub value: Option<Element<'d>>,
    /// Id and extensions of a primitive.
    pub beside: Option<Element<'d>>,
    /// The object it is a member of; `None` for the resource itself.
    pub holder: Option<Element<'d>>,
    /// The type of that object.
    pub of: &'static str,
    /// Its place in the list, where the element repeats.
    pub index: Option<usize>,
    /// Its type: `Patient`, `HumanName`, `code`, or the path of an element with members of its own.
    pub kind: &'static str,
    /// Its name in the definition, of a choice without the type (`value`); empty for the resource itself.
    pub name: &'static str,
    primitive: bool,
}

impl<'d> Node<'d> {
    /// A resource; `None` where the type is none of R4.
    pub(crate) fn resource(value: Element<'d>) -> Option<Self> {
        let named = value.member("resourceType")?.string()?;
        let kind = crate::search::parameters::resource_type(&named)?;
        Some(Self {
            value: Some(value),
            beside: None,
            holder: None,
            of: "",
            index: None,
            kind,
            name: "",
            primitive: false,
        })
    }

    /// A value that stands alone, as one of this type.
    pub(crate) fn of_type(value: Element<'d>, kind: &'static str) -> Self {
        let primitive = value.kind() != Kind::Object;
        Self { value: Some(value), beside: None, holder: None, of: "", index: None, kind, name: "", primitive }
    }

    /// Whether it is of a primitive type.
    #[must_use]
    pub fn is_primitive(&self) -> bool {
        self.primitive
    }

    /// The type whose members it has: every primitive has those of Element.
    #[must_use]
    pub fn owner(&self) -> &'static str {
        if self.primitive { "Element" } else { self.kind }
    }

    /// Its JSON name without the underscore; `None` for the resource itself.
    #[must_use]
    pub fn member(&self) -> Option<String> {
        self.holder?;
        let one = self.value.or(self.beside)?;
        let named = if self.index.is_some() { one.parent()? } else { one };
        let key = named.key()?;
        Some(key.strip_prefix('_').unwrap_or(&key).to_owned())
    }

    /// Where it starts in the text: what tells two elements apart.
    pub(crate) fn place(&self) -> usize {
        self.value.or(self.beside).map_or(0, |one| one.index())
    }

    /// Its elements; with a name, those of that name.
    pub(crate) fn children(&self, wanted: Option<&str>, out: &mut Vec<Self>) {
        let objects = [self.value, self.beside].into_iter().flatten().filter(|object| object.kind() == Kind::Object);
        for object in objects {
            for member in object.children() {
                let Some(key) = member.key() else { continue };
                let name = key.strip_prefix('_').unwrap_or(&key);
                let lone = name.len() < key.len();
                let other = wanted.is_some_and(|wanted| !name.starts_with(wanted));
                if other || lone && object.member(name).is_some() {
                    continue;
                }
                let Some(definition) = structure::element(self.owner(), name) else { continue };
                if wanted.is_some_and(|wanted| wanted != definition.name) {
                    continue;
                }
                let (kind, primitive) = match definition.shape {
                    Shape::Object(kind) => (kind, false),
                    Shape::Primitive(kind) => (kind, true),
                    Shape::Resource => ("Resource", false),
                };
                let beside = match (lone, primitive) {
                    (true, _) => Some(member),
                    (false, true) => object.member(&format!("_{name}")),
                    (false, false) => None,
                };
                let value = (!lone).then_some(member);
                let of = self.owner();
                let name = definition.name;
                let part = Self { value, beside, holder: Some(object), of, index: None, kind, name, primitive };
                part.spread(definition.list, out);
            }
        }
    }

    /// Itself, or its items where it is a list.
    fn spread(self, list: bool, out: &mut Vec<Self>) {
        let is_list = |part: Option<Element<'_>>| part.is_none_or(|part| part.kind() == Kind::Array);
        if !list || !is_list(self.value) || !is_list(self.beside) {
            out.extend(self.resolved());
            return;
        }
        let items = |part: Option<Element<'d>>| part.into_iter().flat_map(|part| part.children());
        let (mut values, mut besides) = (items(self.value), items(self.beside));
        let length = self.value.map_or(0, |value| value.len()).max(self.beside.map_or(0, |beside| beside.len()));
        for index in 0..length {
            let real = |item: Option<Element<'d>>| item.filter(|item| !item.is_null());
            let (value, beside) = (real(values.next()), real(besides.next()));
            if value.is_some() || beside.is_some() {
                out.extend(Self { value, beside, index: Some(index), ..self }.resolved());
            }
        }
    }

    /// With the type a resource says of itself.
    fn resolved(self) -> Option<Self> {
        if self.kind != "Resource" {
            return Some(self);
        }
        Self::resource(self.value?).map(|resource| Self { kind: resource.kind, ..self })
    }

    /// The value that FHIRPath reckons with; `None` for what has none.
    pub(crate) fn system(&self) -> Option<Value<'d>> {
        let value = self.value?;
        if !self.primitive {
            return self.quantity().map(Value::Quantity);
        }
        match value.kind() {
            Kind::True => return Some(Value::Boolean(true)),
            Kind::False => return Some(Value::Boolean(false)),
            Kind::Number if self.kind == "decimal" => return decimal(value.raw()).map(Value::Decimal),
            Kind::Number => return value.raw().parse().ok().map(Value::Integer),
            Kind::String => {}
            Kind::Array | Kind::Null | Kind::Object => return None,
        }
        let text = value.string()?;
        let moment = match self.kind {
            "date" => Moment::date(&text).map(Value::Date),
            "dateTime" | "instant" => Moment::date_time(&text).map(Value::DateTime),
            "time" => Moment::time(&text).map(Value::Time),
            _ => None,
        };
        Some(moment.unwrap_or_else(|| Value::String(text.as_ref().into())))
    }

    fn quantity(&self) -> Option<Quantity> {
        if !super::types::is_a(self.kind, "Quantity") {
            return None;
        }
        let value = self.value?;
        let number = decimal(value.member("value")?.raw())?;
        let text = |name: &str| value.member(name).and_then(|part| part.string());
        let unit = match text("code") {
            Some(code) if text("system").is_none_or(|system| system == "http://unitsofmeasure.org") => code,
            _ => text("unit").unwrap_or_else(|| "1".into()),
        };
        Some(Quantity { value: number, unit: unit.into_owned(), calendar: false })
    }
}
