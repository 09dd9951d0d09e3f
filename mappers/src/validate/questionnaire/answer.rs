//! One answer: its type, the options and the limits of its question.

use std::cmp::Ordering;

use super::enabled::is_same;
use super::{children, extension, extensions, shown, text, value_of, whole};
use crate::fhirpath::Node;
use crate::json::{Element, Kind};
use crate::structure::is_resource_type;
use crate::validate::binding::codings;
use crate::validate::issue::Severity;
use crate::validate::place::Place;
use crate::validate::reference::literal_type;
use crate::validate::value_set::Membership;
use crate::validate::walk::Walk;

/// How large a compiled pattern of a Questionnaire may be.
const PATTERN: usize = 256 * 1024;

impl<'d> Walk<'_, 'd> {
    /// An answer of an item that has `count` of them.
    pub(super) fn answer(&mut self, item: Element<'_>, kind: &str, answer: Node<'d>, count: usize, place: &Place<'_>) {
        if !self.step() {
            return;
        }
        let mut values = Vec::new();
        answer.children(Some("value"), &mut values);
        let Some(node) = values.first().copied() else { return };
        let here = place.of(&node);
        let allowed = types(kind);
        if !allowed.is_empty() && !allowed.contains(&node.kind) {
            let details = format!("an answer to a question of type {} is no {}", shown(kind), node.kind);
            let advice = format!("Answer with {}.", allowed.join(" or "));
            return self.say(Severity::Error, "structure", &here, details, advice);
        }
        let Some(value) = node.value else { return };
        // What an open choice takes as text is none of its options.
        if !(kind == "open-choice" && node.kind == "string") {
            self.options(item, node, value, count, &here);
        }
        self.length(item, value, &here);
        self.range(item, node, &here);
        match node.kind {
            "Attachment" => self.media_type(item, value, &here),
            "Quantity" => self.unit(item, value, &here),
            "Reference" => self.named_resource(item, value, &here),
            _ => {}
        }
    }

    /// One of the options, or a code of the value set.
    fn options(&mut self, item: Element<'_>, node: Node<'d>, value: Element<'d>, count: usize, place: &Place<'_>) {
        let mut options = children(item, "answerOption").peekable();
        if options.peek().is_some() {
            self.charge(children(item, "answerOption").count());
            let of_value = |option: &Element<'_>| value_of(*option, "value").is_some_and(|one| is_same(one, value));
            match options.find(of_value) {
                None => {
                    let details = "the answer is none of the options of the Questionnaire";
                    self.say(Severity::Error, "code-invalid", place, details, "Choose one of the options.");
                }
                Some(option) if count > 1 => {
                    let alone = extension(option, "questionnaire-optionExclusive");
                    if alone.is_some_and(|flag| flag.kind() == Kind::True) {
                        let details = "the option excludes all others, and there are others";
                        self.say(Severity::Error, "structure", place, details, "Keep this answer or the others.");
                    }
                }
                Some(_) => {}
            }
        } else if let Some(set) = text(item, "answerValueSet").filter(|set| !set.starts_with('#')) {
            for coding in codings(node).unwrap_or_default() {
                match self.membership(&set, &coding) {
                    Membership::In => {}
                    Membership::Out => {
                        let details = "the code is not in the value set of the question";
                        self.say(Severity::Error, "code-invalid", place, details, "Use a code of its answerValueSet.");
                    }
                    Membership::Unknown => self.not_told(&set, place),
                }
            }
        }
    }

    /// How long a text is, and what it must look like.
    fn length(&mut self, item: Element<'_>, value: Element<'d>, place: &Place<'_>) {
        let Some(answer) = value.string() else { return };
        let length = answer.chars().count();
        if let Some(most) = item.member("maxLength").and_then(whole).filter(|most| length > *most) {
            let details = format!("the answer has {length} characters, and the Questionnaire allows {most}");
            self.say(Severity::Error, "too-long", place, details, "Shorten it.");
        }
        if let Some(least) = extension(item, "minLength").and_then(whole).filter(|least| length < *least) {
            let details = format!("the answer has {length} characters, and the Questionnaire asks for {least}");
            self.say(Severity::Error, "value", place, details, "Say more.");
        }
        let Some(pattern) = extension(item, "regex").and_then(|pattern| pattern.string()) else { return };
        // A pattern is compiled for each answer.
        self.charge(100 + pattern.len());
        match regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN).build() {
            Ok(pattern) if pattern.is_match(&answer) => {}
            Ok(_) => {
                let details = "the answer does not look as the Questionnaire wants it";
                self.say(Severity::Error, "value", place, details, "Write it as the item's regex says.");
            }
            Err(_) => {
                let details = "the item's regex could not be used here, so the answer was not checked against it";
                self.say(Severity::Information, "not-supported", place, details, "Check it by other means.");
            }
        }
    }

    /// The least and the greatest answer.
    fn range(&mut self, item: Element<'_>, node: Node<'d>, place: &Place<'_>) {
        for (name, wrong, word) in
            [("minValue", Ordering::Less, "below the least"), ("maxValue", Ordering::Greater, "above the greatest")]
        {
            let Some(limit) = extension(item, name) else { continue };
            let limit = Node::of_type(limit, node.kind);
            let (Some(value), Some(limit)) = (node.system(), limit.system()) else { continue };
            if value.ordering(&limit) == Some(wrong) {
                let details = format!("the answer is {word} that the Questionnaire allows");
                self.say(Severity::Error, "value", place, details, "Correct the answer.");
            }
        }
    }

    fn media_type(&mut self, item: Element<'_>, value: Element<'d>, place: &Place<'_>) {
        let mut allowed = extensions(item, "mimeType").filter_map(|one| one.string()).peekable();
        let own = text(value, "contentType").unwrap_or_default();
        if allowed.peek().is_some() && !allowed.any(|one| one == own) {
            let details = "the Questionnaire does not allow a file of this media type";
            self.say(Severity::Error, "value", place, details, "Send a file of an allowed type.");
        }
    }

    fn unit(&mut self, item: Element<'_>, value: Element<'d>, place: &Place<'_>) {
        let mut allowed = extensions(item, "questionnaire-unitOption").peekable();
        let is_own = |unit: Element<'_>| {
            text(unit, "code") == text(value, "code") && text(unit, "system") == text(value, "system")
        };
        if allowed.peek().is_some() && !allowed.any(is_own) {
            let details = "the unit is none of those that the Questionnaire offers";
            self.say(Severity::Error, "code-invalid", place, details, "Use one of its units.");
        }
    }

    /// A reference of an answer names a resource of a type that there is, and that the question asks for.
    fn named_resource(&mut self, item: Element<'_>, value: Element<'d>, place: &Place<'_>) {
        let Some(reference) = text(value, "reference").filter(|reference| reference.contains('/')) else { return };
        let kind = literal_type(&reference);
        let rest = reference.split("/_history/").next().unwrap_or_default();
        let named = rest.rsplit('/').nth(1).unwrap_or_default();
        // `urn:uuid:...` and addresses of other kinds name no type.
        if kind.is_none() && named.starts_with(|first: char| first.is_ascii_uppercase()) && !is_resource_type(named) {
            let details = "the reference names a type that R4 has not";
            return self.say(Severity::Error, "structure", place, details, "Refer to a resource of R4.");
        }
        let mut allowed = extensions(item, "questionnaire-referenceResource").filter_map(|one| one.string()).peekable();
        if let Some(kind) = kind
            && allowed.peek().is_some()
            && !allowed.any(|one| one == kind)
        {
            let details = format!("the question does not ask for a reference to a {kind}");
            self.say(Severity::Error, "structure", place, details, "Refer to a resource of the type it asks for.");
        }
    }
}

/// The types of answers to a question: <https://hl7.org/fhir/R4/valueset-item-type.html>.
fn types(kind: &str) -> &'static [&'static str] {
    match kind {
        "attachment" => &["Attachment"],
        "boolean" => &["boolean"],
        "choice" => &["Coding", "date", "time", "integer", "string", "Reference"],
        "date" => &["date"],
        "dateTime" => &["dateTime"],
        "decimal" => &["decimal"],
        "integer" => &["integer"],
        "open-choice" => &["Coding", "string", "date", "time", "integer", "Reference"],
        "quantity" => &["Quantity"],
        "reference" => &["Reference"],
        "string" | "text" => &["string"],
        "time" => &["time"],
        "url" => &["uri"],
        _ => &[],
    }
}
