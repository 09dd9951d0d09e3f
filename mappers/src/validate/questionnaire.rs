//! A `QuestionnaireResponse` against its Questionnaire: <https://hl7.org/fhir/R4/questionnaireresponse.html#link>.

mod answer;
mod enabled;

use std::collections::HashMap;

use super::issue::Severity;
use super::library::Lookup;
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;
use crate::json::{Element, Kind};

/// The answers of a response, by the linkId of their items.
type Answers<'d> = HashMap<String, Vec<Element<'d>>>;

/// A response that is being checked.
struct Response<'d> {
    answers: Answers<'d>,
    /// Only then must everything be answered.
    is_complete: bool,
}

impl<'d> Walk<'_, 'd> {
    /// A response as a whole.
    pub(super) fn response(&mut self, node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        let Some(value) = node.value else { return };
        let Some(canonical) = text(value, "questionnaire") else { return };
        let status = text(value, "status").unwrap_or_default();
        let mut answers = Answers::new();
        gather(value, &mut answers);
        let response = Response { answers, is_complete: matches!(&*status, "completed" | "amended") };
        if let Some(id) = canonical.strip_prefix('#') {
            let contained = around.container.value.and_then(|container| container.member("contained"));
            let mut contained = contained.into_iter().flat_map(|list| list.children());
            if let Some(form) = contained.find(|one| text(*one, "id").as_deref() == Some(id)) {
                self.items(&response, form, node, place);
            }
            return;
        }
        let library = self.library;
        match library.questionnaire(&canonical, |form| self.items(&response, form, node, place)) {
            Lookup::Found(()) => {}
            Lookup::Unasked => self.want("Questionnaire", &canonical),
            Lookup::Unknown => self.say_of(
                (Severity::Information, "not-found"),
                &place.member("questionnaire"),
                "the Questionnaire is not known here, so the answers were not checked against it",
                "Store the Questionnaire here and validate again.",
                "questionnaire",
            ),
        }
    }

    /// The items of a response, of an item or of an answer, against those that the Questionnaire has there.
    fn items(&mut self, response: &Response<'d>, form: Element<'_>, owner: Node<'d>, place: &Place<'_>) {
        let mut nodes = Vec::new();
        owner.children(Some("item"), &mut nodes);
        // Every item is looked for among those of the form, and the other way round.
        self.charge(nodes.len() * children(form, "item").count() / 8);
        if !self.step() {
            return;
        }
        for node in &nodes {
            let here = place.of(node);
            let link = node.value.and_then(|value| text(value, "linkId")).unwrap_or_default();
            match children(form, "item").find(|item| text(*item, "linkId").as_deref() == Some(&*link)) {
                Some(item) => self.item(response, item, *node, &here),
                None => self.say_of(
                    (Severity::Error, "not-found"),
                    &here,
                    "the Questionnaire has no item of this linkId at this place",
                    "Correct the linkId, or move the item to where the Questionnaire has it.",
                    "link",
                ),
            }
        }
        for item in children(form, "item") {
            if !self.step() {
                return;
            }
            self.charge(nodes.len() + response.comparisons(item));
            let link = text(item, "linkId").unwrap_or_default();
            let of_link =
                |node: &&Node<'d>| node.value.and_then(|value| text(value, "linkId")).as_deref() == Some(&*link);
            let answered = nodes.iter().filter(of_link).any(|node| is_answered(*node, item));
            let must = flag(item, "required") && response.is_complete && response.is_enabled(item);
            if must && !answered {
                let details = format!("the item {} is required by the Questionnaire, and has no answer", shown(&link));
                let advice = "Add the answer, or leave the response in-progress.";
                self.say(Severity::Error, "required", place, details, advice);
            }
        }
    }

    /// One item against its own in the Questionnaire.
    fn item(&mut self, response: &Response<'d>, item: Element<'_>, node: Node<'d>, place: &Place<'_>) {
        let kind = text(item, "type").unwrap_or_default();
        let mut answers = Vec::new();
        node.children(Some("answer"), &mut answers);
        if matches!(&*kind, "display" | "group" | "question") {
            if !answers.is_empty() {
                let details = format!("an item of type {} has no answers", shown(&kind));
                self.say_of((Severity::Error, "structure"), place, details, "Take the answers away.", "answers");
            }
            return self.items(response, item, node, place);
        }
        let most =
            if flag(item, "repeats") { extension(item, "questionnaire-maxOccurs").and_then(whole) } else { Some(1) };
        if let Some(most) = most.filter(|most| answers.len() > *most) {
            let details = format!("the item takes {most} answers at most, and has {}", answers.len());
            self.say_of((Severity::Error, "structure"), place, details, "Take away what is too much.", "many");
        }
        let least = extension(item, "questionnaire-minOccurs").and_then(whole).filter(|_| response.is_complete);
        if let Some(least) = least.filter(|least| answers.len() < *least && !answers.is_empty()) {
            let details = format!("the item takes {least} answers at least, and has {}", answers.len());
            self.say_of((Severity::Error, "required"), place, details, "Add what is missing.", "few");
        }
        for answer in &answers {
            let here = place.of(answer);
            self.answer(item, &kind, *answer, answers.len(), &here);
            self.items(response, item, *answer, &here);
        }
    }
}

/// Whether an item says what is required of it: a group is there, a question has an answer.
fn is_answered(node: Node<'_>, item: Element<'_>) -> bool {
    let is_group = matches!(text(item, "type").as_deref(), Some("group" | "display"));
    is_group || node.value.is_some_and(|value| children(value, "answer").next().is_some())
}

/// All answers below an element.
fn gather<'d>(owner: Element<'d>, answers: &mut Answers<'d>) {
    for item in children(owner, "item") {
        let link = text(item, "linkId").unwrap_or_default();
        let own = answers.entry(link.into_owned()).or_default();
        own.extend(children(item, "answer"));
        for answer in children(item, "answer") {
            gather(answer, answers);
        }
        gather(item, answers);
    }
}

fn text<'d>(element: Element<'d>, name: &str) -> Option<std::borrow::Cow<'d, str>> {
    element.member(name)?.string()
}

fn flag(element: Element<'_>, name: &str) -> bool {
    element.member(name).is_some_and(|flag| flag.kind() == Kind::True)
}

fn children<'d>(element: Element<'d>, name: &str) -> impl Iterator<Item = Element<'d>> + use<'d> {
    element.member(name).into_iter().flat_map(|list| list.children())
}

/// The member that is the value of an answer, an option or an extension: `valueCoding`.
fn value_of<'d>(element: Element<'d>, prefix: &str) -> Option<Element<'d>> {
    element.children().find(|member| member.key().is_some_and(|key| key.starts_with(prefix)))
}

/// The values of an item's extensions of R4.
fn extensions<'d>(item: Element<'d>, name: &str) -> impl Iterator<Item = Element<'d>> {
    let url = format!("{}{name}", super::builtin::CORE);
    children(item, "extension")
        .filter(move |one| text(*one, "url").as_deref() == Some(&*url))
        .filter_map(|one| value_of(one, "value"))
}

fn extension<'d>(item: Element<'d>, name: &str) -> Option<Element<'d>> {
    extensions(item, name).next()
}

fn whole(value: Element<'_>) -> Option<usize> {
    value.raw().parse().ok()
}

/// A linkId or a type as it may stand in a message: it is the Questionnaire's, and short.
fn shown(text: &str) -> &str {
    let plain = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { text } else { "(of a long name)" }
}
