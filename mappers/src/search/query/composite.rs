//! Several values together: <https://hl7.org/fhir/R4/search.html#combining>.

use super::condition::{Fault, each, plain, wrong};
use super::scope::{Meaning, Meant};
use super::split::split_unescaped;
use super::value;
use super::{IndexTest, Test, Values};
use crate::search::custom::Parameter;
use crate::search::index_path;
use crate::search::parameters::{self, Definition, ElementType, ParameterKind};

/// The test of `a$b,c$d`.
pub(super) fn test(meant: &Meant<'_>, values: &[&str], base: &str) -> Result<Test, Fault> {
    let mut any = Vec::new();
    for value in values {
        for definition in &meant.definitions {
            match definition {
                Meaning::BuiltIn(definition) => any.extend(alternatives(definition, value, base)?),
                Meaning::Custom(parameter) => any.push(of_parts(parameter, value, base)?),
            }
        }
    }
    Ok(if any.len() == 1 { any.remove(0) } else { Test::Any(any) })
}

/// One value, wherever its parts may stand together: in items of a list, or in the resource itself.
fn alternatives(definition: &'static Definition, value: &str, base: &str) -> Result<Vec<Test>, Fault> {
    let parts = split_unescaped(value, '$');
    let names = definition.components;
    if parts.len() != names.len() || parts.iter().any(|part| part.is_empty()) {
        let form = names.join("$");
        return Err(wrong("value", format!("A value has not the parts the parameter wants; give {form}")));
    }
    let component = |name: &str| {
        parameters::definition(definition.kind, name)
            .ok_or_else(|| wrong("not-supported", "The parameter's parts are not supported on this server"))
    };
    let components = names.iter().map(|name| component(name)).collect::<Result<Vec<_>, _>>()?;
    let roots: Vec<&str> = definition.paths.iter().map(|path| path.text).collect();
    let below = |path: &str, root: &str| path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    let mut found = Vec::new();
    for root in &roots {
        let (mut together, mut all) = (Vec::new(), Vec::new());
        for (component, text) in components.iter().zip(&parts) {
            match test_at(component, text, base, |path| below(path, root))? {
                Some(test) => together.push(test),
                None => all.extend(test_at(component, text, base, |_| true)?.map(Test::Index)),
            }
        }
        all.push(Test::Together(together));
        found.push(if all.len() == 1 { all.remove(0) } else { Test::All(all) });
    }
    let outside = |path: &str| !roots.iter().any(|root| below(path, root));
    let mut all = Vec::new();
    for (component, text) in components.iter().zip(&parts) {
        all.extend(test_at(component, text, base, outside)?.map(Test::Index));
    }
    if all.len() == components.len() {
        found.push(Test::All(all));
    }
    Ok(found)
}

/// The parts of a parameter of the organization's own stand in items of its own.
fn of_parts(parameter: &Parameter, value: &str, base: &str) -> Result<Test, Fault> {
    let (values, parts) = (split_unescaped(value, '$'), &parameter.definition.parts);
    if values.len() != parts.len() || values.iter().any(|value| value.is_empty()) {
        let details = format!(
            "A value has not the parts the parameter wants; give {} values joined by $, in the order of its components",
            parts.len()
        );
        return Err(wrong("value", details));
    }
    let mut together = Vec::new();
    for (number, (part, text)) in parts.iter().zip(values).enumerate() {
        let values = match part.param_kind {
            ParameterKind::Token => Values::Tokens(each(&[text], value::token)?),
            ParameterKind::Reference => {
                Values::References(each(&[text], |text| value::reference(text, &part.targets, None, base))?)
            }
            kind => plain(kind, None, &[text])?,
        };
        together.push(IndexTest { paths: vec![parameter.part_path(number)], values });
    }
    Ok(Test::Together(together))
}

/// A component's value at those of its places that fit; `None` where there is no such place.
fn test_at(
    definition: &'static Definition,
    text: &str,
    base: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<Option<IndexTest>, Fault> {
    let places: Vec<_> = definition.indexed().filter(|path| fits(path.text)).collect();
    if places.is_empty() {
        return Ok(None);
    }
    let values = match definition.param_kind {
        ParameterKind::Token => {
            let mut tokens = each(&[text], value::token)?;
            let bare = |element| matches!(element, ElementType::Boolean | ElementType::Code | ElementType::DateTime);
            if places.iter().all(|path| bare(path.element)) {
                tokens.iter_mut().filter(|token| token.code.is_some()).for_each(|token| token.system = None);
            }
            Values::Tokens(tokens)
        }
        ParameterKind::Reference => {
            Values::References(each(&[text], |text| value::reference(text, definition.targets, None, base))?)
        }
        kind => plain(kind, None, &[text])?,
    };
    let paths = places.iter().map(|path| index_path(definition.kind, path.text)).collect();
    Ok(Some(IndexTest { paths, values }))
}
