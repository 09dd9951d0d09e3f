//! Codes against the value sets that they are bound to: <https://hl7.org/fhir/R4/terminologies.html#bindings>.

use std::borrow::Cow;

use super::definition::Binding;
use super::issue::Severity;
use super::library::Lookup;
use super::place::Place;
use super::value_set::Membership;
use super::walk::Walk;
use crate::fhirpath::Node;
use crate::json::Element;

/// Media types (BCP 13): told by their form.
const MEDIA_TYPES: &str = "http://hl7.org/fhir/ValueSet/mimetypes";
const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// System and code.
type Coding<'d> = (Option<Cow<'d, str>>, Cow<'d, str>);

impl<'d> Walk<'_, 'd> {
    /// A coded element against its binding.
    pub(super) fn binding(&mut self, binding: &Binding, node: Node<'d>, place: &Place<'_>) {
        let set = &*binding.value_set;
        let Some(codings) = codings(node) else { return };
        let (severity, must) = if binding.required {
            (Severity::Error, "must")
        } else {
            (Severity::Warning, "should, where it has one that fits,")
        };
        if codings.is_empty() {
            // Whoever says why there is no value need not code it.
            if !is_absent(node) {
                let details = format!("there is no code, and a code {must} be one of the value set {set}");
                self.say_of((severity, "code-invalid"), place, details, "Add a code of the value set.", set);
            }
            return;
        }
        let told: Vec<Membership> = codings.iter().map(|coding| self.membership(set, coding)).collect();
        if told.contains(&Membership::In) {
            return;
        }
        if told.contains(&Membership::Unknown) {
            return self.not_told(set, place);
        }
        let details = format!("the code is not in the value set {set}; it {must} be");
        self.say_of((severity, "code-invalid"), place, details, "Use a code of the value set.", set);
    }

    /// Whether a code is in a set.
    pub(super) fn membership(&mut self, set: &str, coding: &Coding<'_>) -> Membership {
        let (system, code) = (coding.0.as_deref(), &*coding.1);
        if set.split('|').next() == Some(MEDIA_TYPES) {
            return if is_media_type(code) { Membership::In } else { Membership::Out };
        }
        match self.library.value_set(set) {
            Lookup::Found(found) => {
                self.charge(found.len());
                let (told, mut wishes) = found.membership(system, code, self.library);
                self.report.wanted.append(&mut wishes);
                told
            }
            Lookup::Unasked => {
                self.want("ValueSet", set);
                Membership::Unknown
            }
            Lookup::Unknown => Membership::Unknown,
        }
    }

    /// Says, once for each value set, that no list tells its codes.
    pub(super) fn not_told(&mut self, set: &str, place: &Place<'_>) {
        let details =
            format!("the value set {set} needs a terminology that is not loaded here, so the code was not checked");
        let advice = "Check the code by other means, or store the value set with its expansion.";
        self.say_of((Severity::Information, "not-supported"), place, details, advice, set);
    }
}

/// The codes of a coded element; `None` where the element is of no coded type, or has nothing to check.
pub(super) fn codings(node: Node<'_>) -> Option<Vec<Coding<'_>>> {
    let text = |element: Element<'_>, name: &str| {
        element.member(name).and_then(|text| text.string().map(|text| text.into_owned()))
    };
    let coding =
        |element: Element<'_>| Some((text(element, "system").map(Cow::Owned), Cow::Owned(text(element, "code")?)));
    let Some(value) = node.value else { return Some(Vec::new()) };
    match node.kind {
        "CodeableConcept" => {
            let list = value.member("coding").into_iter().flat_map(|list| list.children());
            Some(list.filter_map(coding).collect())
        }
        "Coding" => Some(coding(value).into_iter().collect()),
        // A unit that is only written for people is bound to nothing.
        "Quantity" | "Age" | "Count" | "Distance" | "Duration" | "SimpleQuantity" => coding(value).map(|one| vec![one]),
        "code" | "string" | "uri" | "canonical" | "url" => Some(vec![(None, value.string()?)]),
        _ => None,
    }
}

/// `data-absent-reason` beside or in the element.
fn is_absent(node: Node<'_>) -> bool {
    let mut extensions = Vec::new();
    node.children(Some("extension"), &mut extensions);
    extensions.iter().any(|extension| {
        let url = extension.value.and_then(|value| value.member("url")).and_then(|url| url.string());
        url.as_deref() == Some(DATA_ABSENT)
    })
}

/// `type/subtype`, with parameters: <https://www.rfc-editor.org/rfc/rfc6838#section-4.2>.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let named = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&byte);
        !part.is_empty() && part.len() <= 127 && part.bytes().all(plain)
    };
    // R4's own examples have `xml` and `json` alone.
    essence.split_once('/').map_or_else(|| named(essence), |(kind, rest)| named(kind) && named(rest))
}
