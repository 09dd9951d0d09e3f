//! The base search parameters of R4 as facts: type, name, kind, where the values are, what a reference may name
//! (<https://hl7.org/fhir/R4/searchparameter-registry.html>).

use super::table::{RESOURCE_TYPES, TABLE};
use super::us_core;

/// The pseudo-type that carries the parameters of every type.
pub const COMMON: &str = "Resource";

/// One search parameter of one type.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Definition {
    /// `Type.name`, as index rows carry it: `Observation.code`; `Resource._tag` for what every type has.
    pub full: &'static str,
    /// The resource type; `Resource` (and `DomainResource`) for what every type has.
    pub kind: &'static str,
    /// The name in a query.
    pub name: &'static str,
    /// How values compare.
    pub param_kind: ParameterKind,
    /// Where the values are.
    pub paths: &'static [Path],
    /// Types a reference may name; empty = any (and for other kinds).
    pub targets: &'static [&'static str],
    /// Names of a composite's parts; empty for other kinds.
    pub components: &'static [&'static str],
}

/// How the values of a parameter compare.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ParameterKind {
    /// Several values of one element together.
    Composite,
    /// Ranges of time.
    Date,
    /// Numbers with their precision.
    Number,
    /// Numbers with units.
    Quantity,
    /// Other resources.
    Reference,
    /// A grammar of its own.
    Special,
    /// Normalized text.
    String,
    /// System and code.
    Token,
    /// Exact addresses.
    Uri,
}

/// One place where values are.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Path {
    /// JSON member names joined by `.`, lists implied: `component.valueQuantity`. A step may pick items by a string
    /// member or position: `telecom[system=email]`, `entry[0].resource`; see [`Path::steps`].
    pub text: &'static str,
    /// The type of the element there.
    pub element: ElementType,
    /// Only references to this type count; empty = all.
    pub only: &'static str,
}

/// FHIR types that search parameters point at.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is the FHIR type of the same name")]
pub enum ElementType {
    Address,
    Age,
    BackboneElement,
    Boolean,
    Canonical,
    Code,
    CodeableConcept,
    Coding,
    ContactPoint,
    Date,
    DateTime,
    Decimal,
    Duration,
    HumanName,
    Id,
    Identifier,
    Instant,
    Integer,
    Markdown,
    Money,
    Period,
    Quantity,
    Range,
    Reference,
    Resource,
    SampledData,
    String,
    Timing,
    Uri,
    Url,
    UsageContext,
}

impl ParameterKind {
    /// Its code: <https://hl7.org/fhir/R4/valueset-search-param-type.html>.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Composite => "composite",
            Self::Date => "date",
            Self::Number => "number",
            Self::Quantity => "quantity",
            Self::Reference => "reference",
            Self::Special => "special",
            Self::String => "string",
            Self::Token => "token",
            Self::Uri => "uri",
        }
    }
}

impl Definition {
    /// Whether it is `near`, the one special parameter that is supported.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.full == "Location.near"
    }

    /// Whether it can be searched; the others (full text, resources inside others) are known by name only.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        match self.param_kind {
            ParameterKind::Composite => true,
            ParameterKind::Special => self.is_near(),
            _ => self.paths.iter().any(Path::is_indexed),
        }
    }
}

impl Path {
    /// Whether values there are looked at.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.element != ElementType::Resource
    }

    /// The steps: a member's name, and the string member that picks items of it.
    pub fn steps(&self) -> impl Iterator<Item = (&'static str, Option<(&'static str, &'static str)>)> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            // A dot inside brackets belongs to the value (an address).
            let bracket = rest.find('[').filter(|bracket| !rest[..*bracket].contains('.'));
            let from = bracket.and_then(|bracket| Some(bracket + rest[bracket..].find(']')?)).unwrap_or(0);
            let end = rest[from..].find('.').map_or(rest.len(), |dot| from + dot);
            let step = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            let (name, picked) = step.split_once('[').unwrap_or((step, ""));
            Some((name, picked.trim_end_matches(']').split_once('=')))
        })
    }
}

/// The parameter `name` of a type, its own or one that every type has; `None` where neither R4 nor US Core defines one.
#[must_use]
pub fn definition(kind: &str, name: &str) -> Option<&'static Definition> {
    let find = |kind: &str| {
        let found = TABLE.binary_search_by(|row| (row.kind, row.name).cmp(&(kind, name)));
        found.ok().map(|at| &TABLE[at])
    };
    if name.starts_with('_') {
        return find(COMMON).or_else(|| find("DomainResource"));
    }
    find(kind).or_else(|| us_core::of(kind).find(|definition| definition.name == name))
}

/// Every parameter R4 defines on the type itself, by name.
#[must_use]
pub fn of(kind: &str) -> &'static [Definition] {
    let start = TABLE.partition_point(|row| row.kind < kind);
    let end = start + TABLE[start..].partition_point(|row| row.kind == kind);
    &TABLE[start..end]
}

/// What can be searched: the common parameters, then the type's own (none without a type), then what US Core adds.
pub fn supported(kind: Option<&str>) -> impl Iterator<Item = &'static Definition> {
    let own = kind.map_or(&[][..], of);
    let added = us_core::of(kind.unwrap_or_default());
    of(COMMON).iter().chain(own).chain(added).filter(|definition| definition.is_supported())
}

/// Every concrete resource type, sorted.
#[must_use]
pub fn resource_types() -> &'static [&'static str] {
    RESOURCE_TYPES
}

/// The resource type of this name, as a name that lives as long as the program.
#[must_use]
pub fn resource_type(name: &str) -> Option<&'static str> {
    RESOURCE_TYPES.binary_search(&name).ok().map(|at| RESOURCE_TYPES[at])
}

/// A row of the table.
pub(super) const fn single(
    full: &'static str,
    param_kind: ParameterKind,
    paths: &'static [Path],
    targets: &'static [&'static str],
) -> Definition {
    let (kind, name) = halves(full);
    Definition { full, kind, name, param_kind, paths, targets, components: &[] }
}

/// A row of the table: a composite.
pub(super) const fn compound(
    full: &'static str,
    param_kind: ParameterKind,
    paths: &'static [Path],
    components: &'static [&'static str],
) -> Definition {
    let (kind, name) = halves(full);
    Definition { full, kind, name, param_kind, paths, targets: &[], components }
}

/// A path of the table.
pub(super) const fn at(text: &'static str, element: ElementType) -> Path {
    Path { text, element, only: "" }
}

/// A path of the table: references to one type.
pub(super) const fn only(text: &'static str, only: &'static str) -> Path {
    Path { text, element: ElementType::Reference, only }
}

const fn halves(full: &'static str) -> (&'static str, &'static str) {
    let mut dot = 0;
    while full.as_bytes()[dot] != b'.' {
        dot += 1;
    }
    let (kind, rest) = full.split_at(dot);
    (kind, rest.split_at(1).1)
}
