//! What is wrong with rows, seen as FHIR: the pure half of `map quality`. Faults name elements and columns, never values.

mod columns;
mod person;

pub use columns::{References, of_columns, references, unsaid};
pub use person::{Person, normalized, person};

use std::collections::BTreeSet;

use crate::json::{Document, Element, Kind as JsonKind};
use crate::map::{Map, ObjectShape, Target};
use crate::row::Row;
use crate::structure::{self, IssueCode};
use crate::us_core;

const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
/// The same as a concept: <https://hl7.org/fhir/R4/codesystem-data-absent-reason.html>.
const DATA_ABSENT_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A text with characters that no text may have; a space is served for each.
    Characters,
    /// A value that a required binding of R4 does not hold.
    Code,
    /// Another program changed a part of what belongs together.
    Coupled,
    /// Two patients that are likely one person.
    Duplicate,
    /// A column refers to what is not there.
    Orphan,
    /// An element that R4 requires is missing, or nobody knows its value.
    Required,
    /// Not a resource of R4 otherwise.
    Structure,
    /// A column holds what is no value of its element's type.
    Undecodable,
    /// A column holds a word that the map's `codes` do not know.
    Unmapped,
    /// A row that could not be read: what it was before is served.
    Unreadable,
    /// An element that the US Core profile requires is missing.
    UsCore,
}

impl Kind {
    /// A word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Code => "code",
            Self::Coupled => "coupled",
            Self::Duplicate => "duplicate",
            Self::Orphan => "orphan",
            Self::Required => "required",
            Self::Structure => "structure",
            Self::Undecodable => "undecodable",
            Self::Unmapped => "unmapped",
            Self::Unreadable => "unreadable",
            Self::UsCore => "us-core",
        }
    }

    /// Whether something a column or a resource says is wrong; else somebody should look.
    #[must_use]
    pub fn is_error(self) -> bool {
        !matches!(self, Self::Characters | Self::Coupled | Self::Duplicate | Self::UsCore)
    }
}

/// One fault of a row: what, and the element or column it is in.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fault {
    /// What is wrong.
    pub kind: Kind,
    /// An element (`Patient.gender`, `us-core-patient: name`) or a column (`patients.sex`).
    pub place: String,
}

/// What is wrong with the resource that a row reads as, each fault once.
#[must_use]
pub fn of_resource(map: &Map, row: &Row, document: &Document<'_>) -> BTreeSet<Fault> {
    let mut faults = BTreeSet::new();
    for issue in structure::check(document).err().unwrap_or_default() {
        let kind = match issue.code {
            IssueCode::Required => Kind::Required,
            IssueCode::CodeInvalid => Kind::Code,
            IssueCode::Structure | IssueCode::Value | IssueCode::Invariant | IssueCode::TooLong => Kind::Structure,
        };
        faults.insert(Fault { kind, place: without_indexes(&issue.expression) });
    }
    Unknown { row }.object(document.root(), &map.resource, Some(&map.shape), &mut faults);
    for lack in us_core::lacks(document) {
        // What R4 requires too is said once.
        let element = format!("{}.{}", map.resource, without_indexes(lack.path));
        if faults.contains(&Fault { kind: Kind::Required, place: element }) {
            continue;
        }
        faults.insert(Fault { kind: Kind::UsCore, place: format!("{}: {}", lack.profile, lack.path) });
    }
    faults
}

fn without_indexes(expression: &str) -> String {
    let mut text = String::with_capacity(expression.len());
    let mut inside = false;
    for letter in expression.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    text
}

/// Looks for required elements whose value nobody knows: `unknown`, or a data-absent-reason in place of the value. A column
/// that says `unknown` itself has said something.
struct Unknown<'r> {
    row: &'r Row,
}

impl Unknown<'_> {
    fn object(&self, object: Element<'_>, path: &str, shape: Option<&ObjectShape>, faults: &mut BTreeSet<Fault>) {
        for member in object.children() {
            let Some(key) = member.key() else { continue };
            let name = key.strip_prefix('_').unwrap_or(&key);
            if matches!(name, "contained" | "extension" | "modifierExtension" | "resourceType") {
                continue;
            }
            let path = format!("{path}.{name}");
            let mapped = shape.and_then(|shape| shape.members.iter().find(|member| member.name == name));
            let inner = mapped.and_then(|member| match &member.target {
                Target::Object(inner) => Some(inner),
                _ => None,
            });
            for value in values(member) {
                if self.is_unknown(value, &path) && !self.is_said(mapped.map(|member| &member.target)) {
                    faults.insert(Fault { kind: Kind::Required, place: path.clone() });
                }
                if value.kind() == JsonKind::Object {
                    self.object(value, &path, inner, faults);
                }
            }
        }
    }

    fn is_unknown(&self, value: Element<'_>, path: &str) -> bool {
        let says = |item: Element<'_>, name: &str, text: &str| {
            item.member(name).and_then(|member| member.string()).is_some_and(|found| found == text)
        };
        let any = |list: &str, name: &str, text: &str| {
            value.member(list).into_iter().flat_map(|list| list.children()).any(|item| says(item, name, text))
        };
        let absent = || {
            any("extension", "url", DATA_ABSENT)
                || any("coding", "system", DATA_ABSENT_SYSTEM)
                || says(value, "system", DATA_ABSENT_SYSTEM)
        };
        let unknown = match value.kind() {
            JsonKind::String => value.string().is_some_and(|text| text == "unknown"),
            JsonKind::Object => absent(),
            _ => false,
        };
        unknown && structure::definition(path).is_some_and(|definition| definition.required)
    }

    fn is_said(&self, target: Option<&Target>) -> bool {
        match target {
            Some(Target::Field(field)) => {
                field.constant.is_some() || field.slots.iter().any(|slot| self.row.cells[*slot].is_some())
            }
            _ => false,
        }
    }
}

fn values(member: Element<'_>) -> Vec<Element<'_>> {
    if member.kind() == JsonKind::Array { member.children().collect() } else { vec![member] }
}
