//! Extensions: whether they are known, and may stand where they do (<https://hl7.org/fhir/R4/extensibility.html>).

use super::definition::{Definition, ExtensionContext};
use super::issue::Severity;
use super::library::Lookup;
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;
use crate::fhirpath::types::is_a;

impl<'d> Walk<'_, 'd> {
    /// An extension of `parent`, which stands at `above`.
    pub(super) fn extension(
        &mut self,
        node: Node<'d>,
        parent: Node<'d>,
        place: &Place<'_>,
        above: &Place<'_>,
        around: Around<'d>,
    ) {
        let Some(url) = node.value.and_then(|value| value.member("url")).and_then(|url| url.string()) else { return };
        if !url.contains(':') {
            // A part of an extension is told by the definition of the whole.
            if parent.kind != "Extension" {
                let details = "the address of the extension is not absolute";
                self.say_of((Severity::Error, "value"), place, details, "Send the whole address.", "relative");
            }
            return;
        }
        if url.contains('|') {
            let details = "the address of an extension has no version";
            return self.say_of((Severity::Error, "value"), place, details, "Leave out | and what follows.", "version");
        }
        match self.library.structure(&url) {
            Lookup::Found(definition) if &*definition.kind == "Extension" => {
                self.context(&definition, parent, place, above, around);
                let is_modifier = node.name == "modifierExtension";
                if definition.modifier != is_modifier {
                    let member = if definition.modifier { "modifierExtension" } else { "extension" };
                    let advice = format!("Send it in {member}.");
                    let details = "the extension stands in the wrong list";
                    self.say_of((Severity::Error, "extension"), place, details, advice, "modifier");
                }
                self.conform(&definition, node, place, around);
            }
            Lookup::Found(_) => {
                let details = "the address names a definition that is none of an extension";
                self.say_of(
                    (Severity::Error, "extension"),
                    place,
                    details,
                    "Name the extension's own definition.",
                    "kind",
                );
            }
            Lookup::Unasked => self.want("StructureDefinition", &url),
            Lookup::Unknown => {
                let severity = if node.name == "modifierExtension" { Severity::Warning } else { Severity::Information };
                let details = "the extension is not known here, so it was not checked";
                let advice = "Store its StructureDefinition here to have it checked.";
                self.say_of((severity, "extension"), place, details, advice, "unknown");
            }
        }
    }

    /// Whether the extension may stand here.
    fn context(
        &mut self,
        definition: &Definition,
        parent: Node<'d>,
        place: &Place<'_>,
        above: &Place<'_>,
        around: Around<'d>,
    ) {
        if definition.contexts.is_empty() || definition.contexts.iter().any(|one| allows(one, parent, above, around)) {
            return;
        }
        let allowed: Vec<&str> = definition.contexts.iter().map(|one| &*one.expression).collect();
        let details = format!("the extension {} may not stand here", definition.url);
        let advice = format!("It may stand in {}.", allowed.join(", "));
        self.say_of((Severity::Error, "extension"), place, details, advice, "context");
    }
}

fn allows(context: &ExtensionContext, parent: Node<'_>, above: &Place<'_>, around: Around<'_>) -> bool {
    let expression = context.expression.strip_suffix("[x]").unwrap_or(&context.expression);
    match &*context.kind {
        "element" => {
            let own = format!("{}.{}", parent.of, parent.name);
            let own_kind = parent.kind;
            let is_path = || {
                let full = without_indices(&above.to_string());
                let inner = full.rfind(around.resource.kind).map(|at| &full[at..]);
                full == expression || inner.is_some_and(|inner| inner == expression)
            };
            expression == own
                || is_a(own_kind, expression)
                || expression == "Element" && parent.of.is_empty()
                || expression.split_once('.').is_some_and(|(kind, rest)| rest == parent.name && is_a(parent.of, kind))
                || is_path()
        }
        "extension" => {
            let url = parent.value.and_then(|value| value.member("url")).and_then(|url| url.string());
            parent.kind == "Extension" && url.is_some_and(|url| expression.split('#').next() == Some(&*url))
        }
        // A condition that FHIRPath tells: nothing is said against it.
        _ => true,
    }
}

fn without_indices(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut inside = false;
    for letter in expression.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            _ if !inside => out.push(letter),
            _ => {}
        }
    }
    out
}
