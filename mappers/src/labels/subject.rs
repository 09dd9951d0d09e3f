//! What the labelling step asks of a resource: its codings, the labels it came with, and whether it has words of which no
//! code tells what they are about.

use std::borrow::Cow;

use crate::json::{Element, Kind};

/// System (empty: none) and code (empty: none).
type Coding<'d> = (Cow<'d, str>, Cow<'d, str>);

/// What a resource tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Subject<'d> {
    /// The codings that are no labels, also those of contained resources, of answers and of extensions.
    pub codings: Vec<Coding<'d>>,
    /// The labels that its client gave it.
    pub given: Vec<Coding<'d>>,
    /// Labels of its parts, and those that the provisions of a Consent speak of.
    pub within: Vec<Coding<'d>>,
    /// It is or has text, or an attachment, of which no code tells what it is about.
    pub text: bool,
    /// It tells by a code what its encounter is about: an Encounter of its type or reason, a Condition.
    pub tells: bool,
}

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// LOINC's own questionnaires: what follows is the code of the panel.
const LOINC_QUESTIONNAIRE: &str = "http://loinc.org/q/";
const UCUM: &str = "http://unitsofmeasure.org";

/// Types that are words by what they are, whatever codes say of their kind or occasion.
const NOTES: [&str; 8] = [
    "Binary",
    "Bundle",
    "ClinicalImpression",
    "Communication",
    "CommunicationRequest",
    "Composition",
    "DocumentReference",
    "Media",
];

/// Types of somebody's record, where words in place of a code may tell anything.
const CLINICAL: [&str; 38] = [
    "AdverseEvent",
    "AllergyIntolerance",
    "Appointment",
    "Basic",
    "BodyStructure",
    "CarePlan",
    "CareTeam",
    "ChargeItem",
    "Claim",
    "Condition",
    "Consent",
    "DetectedIssue",
    "DeviceRequest",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentManifest",
    "Encounter",
    "EpisodeOfCare",
    "ExplanationOfBenefit",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "GuidanceResponse",
    "ImagingStudy",
    "Immunization",
    "List",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "RiskAssessment",
    "ServiceRequest",
    "Specimen",
    "Task",
];

/// Members that say what a resource is about, as concepts.
const TOPICS: [&str; 13] = [
    "code",
    "codeCodeableConcept",
    "conclusionCode",
    "diagnosisCodeableConcept",
    "event",
    "itemCodeableConcept",
    "medicationCodeableConcept",
    "outcomeCodeableConcept",
    "productCodeableConcept",
    "reasonCode",
    "reasonCodeableConcept",
    "vaccineCode",
    "valueCodeableConcept",
];

/// Members that hold words.
const WORDS: [&str; 11] = [
    "comment",
    "conclusion",
    "contentString",
    "description",
    "instruction",
    "patientInstruction",
    "summary",
    "text",
    "valueAttachment",
    "valueMarkdown",
    "valueString",
];

impl<'d> Subject<'d> {
    /// What a resource of this type tells. Give the whole resource.
    #[must_use]
    pub fn of(kind: &str, resource: Element<'d>) -> Self {
        let mut subject = Self::default();
        subject.given(kind, resource);
        let mut coded = false;
        for value in resource.below().filter(|value| value.kind() == Kind::String && value.is_named("code")) {
            let Some(object) = value.parent() else { continue };
            let Some(system) = object.member("system").and_then(|system| system.string()) else { continue };
            let Some(code) = value.string() else { continue };
            match place(object) {
                // What the resource itself was given is there already.
                Place::Own => {}
                Place::Label if kind == "DocumentReference" => subject.given.push((system, code)),
                Place::Label => subject.within.push((system, code)),
                Place::Code if system == UCUM => {}
                Place::Code => {
                    coded = coded || is_clinical(&system);
                    subject.codings.push((system, code));
                }
            }
        }
        if kind == "QuestionnaireResponse" {
            subject.codings.extend(panel(resource));
        }
        if kind == "Bundle" {
            // That of its Composition, where it is a document.
            let levels = resource.below().filter(|value| value.is_named("confidentiality"));
            let levels = levels.filter_map(|level| level.string()).map(|level| (Cow::Borrowed(CONFIDENTIALITY), level));
            subject.within.extend(levels);
        }
        subject.text = is_text(kind, resource, coded);
        subject.tells = match kind {
            "Condition" => is_coded(resource.member("code")),
            "Encounter" => ["type", "reasonCode"].iter().any(|name| is_coded(resource.member(name))),
            _ => false,
        };
        subject
    }

    /// The labels that the resource itself came with; one without a code is not understood, and so is kept.
    fn given(&mut self, kind: &str, resource: Element<'d>) {
        let security = resource.member("meta").and_then(|meta| meta.member("security"));
        for label in security.into_iter().flat_map(|list| list.children()) {
            let member = |name| label.member(name).and_then(|text| text.string()).unwrap_or_default();
            self.given.push((member("system"), member("code")));
        }
        if kind == "Composition"
            && let Some(level) = resource.member("confidentiality").and_then(|level| level.string())
        {
            self.given.push((Cow::Borrowed(CONFIDENTIALITY), level));
        }
    }
}

/// Where a coding stands.
enum Place {
    Code,
    /// It is a label of a part, or one that is spoken of.
    Label,
    /// `meta.security` of the resource.
    Own,
}

fn place(coding: Element<'_>) -> Place {
    let Some(list) = coding.parent() else { return Place::Code };
    if list.is_named("securityLabel") {
        return Place::Label;
    }
    if list.is_named("security") {
        return match list.parent().filter(|meta| meta.is_named("meta")) {
            Some(meta) if meta.parent().is_some_and(|owner| owner.parent().is_none()) => Place::Own,
            Some(_) => Place::Label,
            None => Place::Code,
        };
    }
    let concept = list.parent().filter(|_| list.is_named("coding"));
    let is_label = |element: Option<Element<'_>>| element.is_some_and(|it| it.is_named("securityLabel"));
    if is_label(concept) || is_label(concept.and_then(|concept| concept.parent())) { Place::Label } else { Place::Code }
}

/// Whether a system's codes tell what is the matter, and not how something stands, is counted or spoken.
fn is_clinical(system: &str) -> bool {
    const STRUCTURE: [&str; 5] =
        ["http://terminology.hl7.org/", "http://hl7.org/fhir/", "http://unitsofmeasure.org", "urn:ietf:", "urn:iso:"];
    system.starts_with("http://hl7.org/fhir/sid/") || !STRUCTURE.iter().any(|start| system.starts_with(start))
}

/// Whether a concept, or one of a list of them, has a code that tells.
fn is_coded(concepts: Option<Element<'_>>) -> bool {
    each(concepts).any(|concept| {
        let codings = concept.member("coding").into_iter().flat_map(|list| list.children());
        codings.filter(|coding| coding.member("code").is_some()).any(|coding| {
            coding.member("system").and_then(|system| system.string()).is_some_and(|system| is_clinical(&system))
        })
    })
}

/// The value, or each item of a list.
fn each(value: Option<Element<'_>>) -> impl Iterator<Item = Element<'_>> {
    let (one, list) = match value {
        Some(list) if list.kind() == Kind::Array => (None, Some(list)),
        other => (other, None),
    };
    one.into_iter().chain(list.into_iter().flat_map(|list| list.children()))
}

/// A concept in words alone.
fn is_words(concept: Element<'_>) -> bool {
    let mut codings = concept.member("coding").into_iter().flat_map(|list| list.children());
    concept.kind() == Kind::Object
        && concept.member("text").is_some_and(|text| text.kind() == Kind::String)
        && !codings.any(|coding| coding.member("code").is_some())
}

fn is_text(kind: &str, resource: Element<'_>, coded: bool) -> bool {
    if NOTES.contains(&kind) {
        return true;
    }
    if kind == "QuestionnaireResponse" {
        return below(resource).any(|value| value.is_named("valueString") || value.is_named("valueAttachment"));
    }
    if CLINICAL.binary_search(&kind).is_err() {
        return false;
    }
    let in_words = |value: Element<'_>| {
        matches!(value.kind(), Kind::Array | Kind::Object)
            && value.key().is_some_and(|key| TOPICS.binary_search(&&*key).is_ok())
            && each(Some(value)).any(is_words)
    };
    if below(resource).any(in_words) {
        return true;
    }
    if kind == "DiagnosticReport" {
        let has_result = resource.member("result").is_some_and(|list| !list.is_empty())
            || is_coded(resource.member("conclusionCode"));
        let has_words = ["conclusion", "presentedForm", "text"].iter().any(|name| resource.member(name).is_some());
        return has_words && !has_result;
    }
    let holds_words = |value: Element<'_>| {
        (value.kind() == Kind::String || value.is_named("valueAttachment"))
            && value.key().is_some_and(|key| WORDS.binary_search(&&*key).is_ok())
    };
    !coded && below(resource).any(holds_words)
}

/// Every value of the resource but for those in extensions and in the narrative.
fn below(resource: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    let mut skipped = 0;
    resource.below().filter(move |value| {
        if value.index() < skipped {
            return false;
        }
        let is_narrative = value.kind() == Kind::Object && value.is_named("text");
        if is_narrative || value.is_named("extension") || value.is_named("modifierExtension") {
            skipped = value.next_index();
            return false;
        }
        true
    })
}

/// The panel whose questions were answered, where the questionnaire is LOINC's own.
fn panel(response: Element<'_>) -> Option<Coding<'_>> {
    let questionnaire = response.member("questionnaire")?.string()?;
    let code = questionnaire.strip_prefix(LOINC_QUESTIONNAIRE)?;
    let code = code.split_once('|').map_or(code, |(code, _)| code);
    Some((Cow::Borrowed("http://loinc.org"), Cow::Owned(code.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn with<T>(resource: &str, look: impl FnOnce(Subject<'_>) -> T) -> T {
        let document = Document::parse(resource.as_bytes()).unwrap();
        let kind = document.root().member("resourceType").unwrap().string().unwrap().into_owned();
        look(Subject::of(&kind, document.root()))
    }

    fn pairs(codings: &[Coding<'_>]) -> Vec<String> {
        codings.iter().map(|(system, code)| format!("{system}|{code}")).collect()
    }

    #[test]
    fn lists_are_sorted() {
        assert!(NOTES.is_sorted() && CLINICAL.is_sorted() && TOPICS.is_sorted() && WORDS.is_sorted());
    }

    #[test]
    fn codings_are_told_from_labels_wherever_they_stand() {
        let consent = r#"{"resourceType":"Consent","meta":{"security":[{"system":"s","code":"R"},{"display":"x"}],
            "tag":[{"system":"t","code":"1"}]},
            "contained":[{"resourceType":"Basic","meta":{"security":[{"system":"s","code":"V"}]},"code":{"coding":[{"system":"c","code":"2"}]}}],
            "provision":{"securityLabel":[{"system":"s","code":"HIV"}],"code":[{"coding":[{"system":"c","code":"3"}]}]}}"#;
        with(consent, |subject| {
            assert_eq!(pairs(&subject.given), ["s|R", "|"]);
            assert_eq!(pairs(&subject.within), ["s|V", "s|HIV"]);
            assert_eq!(pairs(&subject.codings), ["t|1", "c|2", "c|3"]);
        });
        let document =
            r#"{"resourceType":"DocumentReference","securityLabel":[{"coding":[{"system":"s","code":"V"}]}]}"#;
        with(document, |subject| assert_eq!((pairs(&subject.given), subject.text), (vec!["s|V".into()], true)));
        let composition = r#"{"resourceType":"Composition","confidentiality":"R"}"#;
        with(composition, |subject| assert_eq!(pairs(&subject.given), [format!("{CONFIDENTIALITY}|R")]));
        let amount =
            r#"{"resourceType":"Observation","valueQuantity":{"system":"http://unitsofmeasure.org","code":"mg"}}"#;
        with(amount, |subject| assert!(subject.codings.is_empty()));
    }

    #[test]
    fn words_without_a_code_are_text() {
        let text = |resource: &str| with(resource, |subject| subject.text);
        assert!(text(r#"{"resourceType":"Condition","code":{"text":"relapse"}}"#));
        assert!(text(r#"{"resourceType":"Condition","code":{"text":"relapse","coding":[{"display":"x"}]}}"#));
        assert!(!text(
            r#"{"resourceType":"Condition","code":{"text":"flu","coding":[{"system":"c","code":"1"}]},"note":[{"text":"x"}]}"#
        ));
        assert!(text(
            r#"{"resourceType":"Encounter","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"reasonCode":[{"text":"x"}]}"#
        ));
        assert!(text(
            r#"{"resourceType":"Flag","status":"active","code":{"coding":[{"system":"http://hl7.org/fhir/x","code":"1"}]},"note":[{"text":"x"}]}"#
        ));
        assert!(!text(
            r#"{"resourceType":"Observation","code":{"coding":[{"system":"c","code":"1"}]},"valueString":"x"}"#
        ));
        assert!(!text(r#"{"resourceType":"Observation","text":{"div":"<div/>"},"extension":[{"valueString":"x"}]}"#));
        assert!(!text(r#"{"resourceType":"Patient","name":[{"text":"x"}],"text":{"div":"<div/>"}}"#));
        let report = |rest: &str| {
            format!(r#"{{"resourceType":"DiagnosticReport","code":{{"coding":[{{"system":"c","code":"1"}}]}}{rest}}}"#)
        };
        assert!(text(&report(r#","conclusion":"x""#)));
        assert!(!text(&report("")));
        assert!(!text(&report(r#","conclusion":"x","result":[{"reference":"Observation/1"}]"#)));
        let response = |answer: &str| {
            format!(r#"{{"resourceType":"QuestionnaireResponse","item":[{{"text":"question","answer":[{answer}]}}]}}"#)
        };
        assert!(text(&response(r#"{"valueString":"x"}"#)));
        assert!(!text(&response(r#"{"valueInteger":1}"#)));
    }

    #[test]
    fn encounters_and_conditions_tell_by_codes_alone() {
        let tells = |resource: &str| with(resource, |subject| subject.tells);
        assert!(tells(r#"{"resourceType":"Condition","code":{"coding":[{"system":"c","code":"1"}]}}"#));
        assert!(!tells(r#"{"resourceType":"Condition","code":{"text":"x"}}"#));
        assert!(tells(r#"{"resourceType":"Encounter","type":[{"coding":[{"system":"c","code":"1"}]}]}"#));
        assert!(!tells(r#"{"resourceType":"Encounter","class":{"system":"c","code":"1"}}"#));
        assert!(!tells(r#"{"resourceType":"Observation","code":{"coding":[{"system":"c","code":"1"}]}}"#));
    }

    #[test]
    fn answers_to_a_panel_of_loinc_have_its_code() {
        let response = r#"{"resourceType":"QuestionnaireResponse","questionnaire":"http://loinc.org/q/44249-1|2.7"}"#;
        with(response, |subject| assert_eq!(pairs(&subject.codings), ["http://loinc.org|44249-1"]));
    }
}
