//! Whether a coding's display is one of the names of its code. A wrong one says that the code may be another than was meant; it never
//! changes the code.

use super::coded::Coded;
use crate::display::Name;
use crate::issue::{Issue, Severity};
use crate::language::Languages;

/// What is wrong with a display.
pub(super) fn judge(coded: &Coded, names: &[Name], languages: &Languages, is_lenient: bool) -> Option<Issue> {
    let said = coded.display.as_deref()?;
    let at = coded.at("display");
    let wrong = |text: String| {
        let severity = if is_lenient { Severity::Warning } else { Severity::Error };
        Issue { severity, ..Issue::error("invalid", "invalid-display", text, at.clone()) }
    };
    let (none_ok, none_err) = ("NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK", "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR");
    let is_said = |name: &&Name| name.text.to_lowercase() == said.to_lowercase();
    let main = names.iter().find(|name| name.is_main);
    // The names of a system that does not say its language are right in any.
    let serves = |name: &Name| {
        languages.is_empty() || name.language.as_deref().is_none_or(|language| languages.rank(language).is_some())
    };
    let right: Vec<&Name> = names.iter().filter(|name| serves(name) && !name.is_withdrawn).collect();
    if right.iter().any(is_said) {
        return None;
    }
    if let Some(old) = names.iter().filter(|name| name.is_withdrawn).find(is_said) {
        let now: Vec<String> =
            right.iter().filter(|name| name.is_main).map(|name| format!("\"{}\"", name.text)).collect();
        let text = format!(
            "'{}' is no longer considered a correct display for code '{}' (status = deprecated). The correct display is one of {}.",
            old.text,
            coded.code,
            now.join(", ")
        );
        return Some(Issue::warning("invalid", "display-comment", text, at).called("INACTIVE_DISPLAY_FOUND").untold());
    }
    let (system, code, asked) =
        (coded.system.as_deref().unwrap_or_default(), &coded.code, languages.wanted().join(", "));
    if right.is_empty() {
        // There is no name in the languages that are asked for.
        let own = main.and_then(|main| main.language.clone());
        let is_usual = names.iter().filter(|name| name.is_main || name.language == own).any(|name| is_said(&name));
        return Some(if is_usual {
            let text = format!(
                "There are no valid display names found for the code {system}#{code} for language(s) '{asked}'. The display is '{said}' which is a valid display for the default language"
            );
            Issue::information("invalid", "invalid-display", text, at).called(none_ok)
        } else {
            let usual = main.map(|main| main.text.as_str()).unwrap_or_default();
            wrong(format!(
                "Wrong Display Name '{said}' for {system}#{code}. There are no valid display names found for language(s) '{asked}'. Default display is '{usual}'"
            )).called(none_err)
        });
    }
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let is_space = right.iter().any(|name| squeezed(&name.text) == squeezed(said));
    let what = if is_space { "Wrong whitespace in Display Name" } else { "Wrong Display Name" };
    let named: Vec<String> = right
        .iter()
        .map(|name| {
            let language = name.language.as_ref().map(|language| format!(" ({language})")).unwrap_or_default();
            format!("'{}'{language}", name.text)
        })
        .collect();
    let valid = match named.split_last() {
        Some((last, [])) => format!("Valid display is {last}"),
        Some((last, others)) => {
            format!("Valid display is one of {} choices: {} or {last}", named.len(), others.join(", "))
        }
        None => String::new(),
    };
    let asked = if languages.is_empty() { "--" } else { &asked };
    Some(
        wrong(format!("{what} '{said}' for {system}#{code}. {valid} (for the language(s) '{asked}')"))
            .called("Display_Name_for__should_be_one_of__instead_of"),
    )
}
