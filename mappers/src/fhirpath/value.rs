//! Values, and what it means that two are equal.

use std::cmp::Ordering;
use std::rc::Rc;

use rust_decimal::Decimal;

use super::moment::Moment;
use super::node::Node;
use super::quantity::{self, Quantity};
use crate::json::Element;

/// A value: an element of the resource, or one that was reckoned.
#[derive(Clone, Debug)]
pub enum Value<'d> {
    /// `System.Boolean`
    Boolean(bool),
    /// `System.Date`
    Date(Moment),
    /// `System.DateTime`
    DateTime(Moment),
    /// `System.Decimal`
    Decimal(Decimal),
    /// `System.Integer`
    Integer(i64),
    /// An element of the resource.
    Node(Node<'d>),
    /// `System.Quantity`
    Quantity(Quantity),
    /// `System.String`
    String(Rc<str>),
    /// `System.Time`
    Time(Moment),
    /// What `type()` gives.
    Type {
        /// `System` or `FHIR`.
        namespace: &'static str,
        /// The type's name.
        name: &'static str,
    },
}

impl<'d> Value<'d> {
    /// The value as FHIRPath reckons with it: that of a primitive or a quantity for an element.
    pub(super) fn system(&self) -> Self {
        match self {
            Self::Node(node) => node.system().unwrap_or_else(|| self.clone()),
            other => other.clone(),
        }
    }

    /// Bytes of its text that are looked at, or copied, where it is compared or converted.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Node(node) if node.is_primitive() => node.value.map_or(0, |value| value.raw().len()),
            Self::String(text) => text.len(),
            _ => 0,
        }
    }

    /// The name of a System type.
    pub(super) fn system_name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "Boolean",
            Self::Date(_) => "Date",
            Self::DateTime(_) => "DateTime",
            Self::Decimal(_) => "Decimal",
            Self::Integer(_) => "Integer",
            Self::Node(node) => node.kind,
            Self::Quantity(_) => "Quantity",
            Self::String(_) => "String",
            Self::Time(_) => "Time",
            Self::Type { .. } => "TypeInfo",
        }
    }

    /// The type: `FHIR.code`, `System.Integer`.
    #[must_use]
    pub fn type_name(&self) -> String {
        match self {
            Self::Node(node) => format!("FHIR.{}", node.kind),
            other => format!("System.{}", other.system_name()),
        }
    }

    /// The text of a primitive, as `toString()` gives it; `None` for what has none.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self.system() {
            Self::Boolean(value) => value.to_string(),
            Self::Date(moment) | Self::DateTime(moment) | Self::Time(moment) => moment.to_string(),
            Self::Decimal(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Quantity(value) => value.to_string(),
            Self::String(value) => value.to_string(),
            Self::Node(_) | Self::Type { .. } => return None,
        })
    }

    /// `=` on two values; `None` where it is not known.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        match (self.system(), other.system()) {
            (Self::Node(one), Self::Node(other)) => Some(equal_nodes(one, other, false)),
            (Self::Date(one) | Self::DateTime(one), Self::Date(two) | Self::DateTime(two))
            | (Self::Time(one), Self::Time(two)) => one.equals(&two),
            (Self::Quantity(one), Self::Quantity(two)) => one.compare(&two).map(|order| order == Ordering::Equal),
            (one, two) => match (one.number(), two.number()) {
                (Some(one), Some(two)) => Some(one == two),
                _ => Some(one.is_same(&two)),
            },
        }
    }

    /// `~` on two values.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self.system(), other.system()) {
            (Self::Node(one), Self::Node(other)) => equal_nodes(one, other, true),
            (Self::String(one), Self::String(two)) => plain(&one) == plain(&two),
            (Self::Date(one) | Self::DateTime(one), Self::Date(two) | Self::DateTime(two))
            | (Self::Time(one), Self::Time(two)) => one.is_like(&two),
            (Self::Quantity(one), Self::Quantity(two)) => one.is_like(&two),
            (one, two) => match (one.number(), two.number()) {
                (Some(one), Some(two)) => quantity::is_like(one, two),
                _ => one.is_same(&two),
            },
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(two)) => one == two,
            (Self::String(one), Self::String(two)) => one == two,
            (Self::Type { namespace, name }, Self::Type { namespace: other_space, name: other_name }) => {
                namespace == other_space && name == other_name
            }
            _ => false,
        }
    }

    /// The number of an integer or a decimal.
    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Decimal(value) => Some(*value),
            Self::Integer(value) => Some(Decimal::from(*value)),
            _ => None,
        }
    }

    /// The quantity of a quantity or a number.
    pub(super) fn quantity(&self) -> Option<Quantity> {
        match self {
            Self::Quantity(quantity) => Some(quantity.clone()),
            other => Some(Quantity { value: other.number()?, unit: "1".to_owned(), calendar: false }),
        }
    }

    /// How two values compare; `None` where they do not.
    pub(crate) fn ordering(&self, other: &Self) -> Option<Ordering> {
        self.compare(other).ok().flatten()
    }

    /// Which is more; `None` where that is not known.
    ///
    /// # Errors
    /// The types do not compare.
    pub(super) fn compare(&self, other: &Self) -> Result<Option<Ordering>, ()> {
        Ok(match (self.system(), other.system()) {
            (Self::String(one), Self::String(two)) => Some(one.cmp(&two)),
            (Self::Date(one) | Self::DateTime(one), Self::Date(two) | Self::DateTime(two))
            | (Self::Time(one), Self::Time(two)) => one.compare(&two),
            (Self::Quantity(one), two) if two.quantity().is_some() => two.quantity().and_then(|two| one.compare(&two)),
            (one, Self::Quantity(two)) if one.quantity().is_some() => one.quantity().and_then(|one| one.compare(&two)),
            (one, two) => Some(one.number().ok_or(())?.cmp(&two.number().ok_or(())?)),
        })
    }
}

/// Case and white space aside, as `~` has it.
fn plain(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// Whether two elements hold the same.
fn equal_nodes(one: Node<'_>, other: Node<'_>, alike: bool) -> bool {
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    one.children(None, &mut mine);
    other.children(None, &mut theirs);
    if mine.is_empty() && theirs.is_empty() {
        return match (one.value, other.value) {
            (Some(one), Some(other)) => one.raw() == other.raw(),
            (one, other) => one.is_none() && other.is_none(),
        };
    }
    if mine.len() != theirs.len() {
        return false;
    }
    let name = |node: &Node<'_>| node.member();
    mine.iter().all(|part| {
        let position = theirs.iter().position(|candidate| {
            name(candidate) == name(part) && {
                let (one, two) = (Value::Node(*part), Value::Node(*candidate));
                if alike { one.is_like(&two) } else { one.equals(&two) == Some(true) }
            }
        });
        position.map(|position| theirs.remove(position)).is_some()
    })
}

impl<'d> From<Node<'d>> for Value<'d> {
    fn from(node: Node<'d>) -> Self {
        Self::Node(node)
    }
}

impl<'d> Value<'d> {
    /// The element itself.
    #[must_use]
    pub fn node(&self) -> Option<Node<'d>> {
        match self {
            Self::Node(node) => Some(*node),
            _ => None,
        }
    }

    /// The JSON value of an element.
    #[must_use]
    pub fn element(&self) -> Option<Element<'d>> {
        self.node().and_then(|node| node.value)
    }
}
