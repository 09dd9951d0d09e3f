//! Code systems and value sets as resources: <https://hl7.org/fhir/R4/codesystem.html>, <https://hl7.org/fhir/R4/valueset.html>.

use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;
use crate::json::Element;

impl<'d> Walk<'_, 'd> {
    /// A complete `CodeSystem` has as many concepts as it says; one that supplements another says so.
    pub(super) fn code_system(&mut self, node: Node<'d>, place: &Place<'_>) {
        let Some(value) = node.value else { return };
        let content = value.member("content").and_then(|content| content.string());
        let count = value.member("count").and_then(|count| count.raw().parse::<usize>().ok());
        if content.as_deref() == Some("complete") && count.is_some_and(|count| count != concepts(value)) {
            let details = "count is not the number of concepts of this complete system";
            self.say(Severity::Error, "invalid", &place.member("count"), details, "Correct it or leave it out.");
        }
        if value.member("supplements").is_some() && content.as_deref() != Some("supplement") {
            let details = "a system that supplements another has the content supplement";
            self.say(Severity::Error, "business-rule", &place.member("content"), details, "Send supplement.");
        }
    }

    /// The systems of a `ValueSet` are absolute addresses, or `#id` of one that it contains.
    pub(super) fn value_set(&mut self, node: Node<'d>, place: &Place<'_>) {
        let mut composes = Vec::new();
        node.children(Some("compose"), &mut composes);
        for compose in composes {
            let here = place.of(&compose);
            for name in ["include", "exclude"] {
                let mut parts = Vec::new();
                compose.children(Some(name), &mut parts);
                for part in parts {
                    let system = part.value.and_then(|part| part.member("system")).and_then(|system| system.string());
                    if system.is_some_and(|system| !system.contains(':') && !system.starts_with('#')) {
                        let details = "the system is no absolute address";
                        let at = here.of(&part);
                        self.say(
                            Severity::Error,
                            "value",
                            &at.member("system"),
                            details,
                            "Send the system's own address.",
                        );
                    }
                }
            }
        }
    }
}

fn concepts(parent: Element<'_>) -> usize {
    let list = parent.member("concept").into_iter().flat_map(|list| list.children());
    list.map(|concept| 1 + concepts(concept)).sum()
}
