//! The readable text of a section: one line a resource.

use mappers::json::Element;

use crate::markup::escape;
use crate::operation::chart;
use crate::store::Version;

/// An XHTML list; `more`: how many resources the section leaves out.
pub(super) fn list(versions: &[Version], more: usize) -> String {
    let mut out = String::from(r#"<div xmlns="http://www.w3.org/1999/xhtml">"#);
    if versions.is_empty() {
        out.push_str("<p>Nothing is recorded.</p>");
    } else {
        out.push_str("<ul>");
        for version in versions {
            let line = chart::read(version, line).unwrap_or_default();
            out.push_str("<li>");
            escape(&line, &mut out);
            out.push_str("</li>");
        }
        out.push_str("</ul>");
    }
    if more > 0 {
        out.push_str(&format!("<p>{more} older entries are left out.</p>"));
    }
    out.push_str("</div>");
    out
}

/// What, how much, when, and its status.
fn line(root: Element<'_>) -> String {
    let mut line = name(root).unwrap_or_else(|| "Not named".to_owned());
    if let Some(value) = value(root) {
        line.push_str(": ");
        line.push_str(&value);
    }
    let dose = chart::text(root, "dosageInstruction.text").or_else(|| chart::text(root, "dosage.text"));
    let details = [dose, chart::moment(root), chart::text(root, "status")];
    let details: Vec<String> = details.into_iter().flatten().collect();
    if !details.is_empty() {
        line.push_str(&format!(" ({})", details.join("; ")));
    }
    line
}

fn name(root: Element<'_>) -> Option<String> {
    const CONCEPTS: [&str; 3] = ["code", "medicationCodeableConcept", "vaccineCode"];
    let concept = |concept: &str| {
        let texts = ["text", "coding.display", "coding.code"];
        texts.iter().find_map(|text| chart::text(root, &format!("{concept}.{text}")))
    };
    let named = CONCEPTS.iter().find_map(|element| concept(element));
    named.or_else(|| chart::text(root, "medicationReference.display")).or_else(|| chart::text(root, "title"))
}

/// The value of an Observation, with its unit; of blood pressure and the like that of each component.
fn value(root: Element<'_>) -> Option<String> {
    if let Some(number) = root.member("valueQuantity").and_then(|quantity| quantity.member("value")) {
        let unit = chart::text(root, "valueQuantity.unit").or_else(|| chart::text(root, "valueQuantity.code"));
        return Some(format!("{} {}", number.raw(), unit.unwrap_or_default()).trim_end().to_owned());
    }
    let text = ["valueString", "valueCodeableConcept.text", "valueCodeableConcept.coding.display", "valueDateTime"];
    if let Some(text) = text.iter().find_map(|path| chart::text(root, path)) {
        return Some(text);
    }
    let components: Vec<String> =
        root.member("component").into_iter().flat_map(|list| list.children()).filter_map(value).collect();
    (!components.is_empty()).then(|| components.join(" / "))
}
