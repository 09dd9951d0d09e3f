//! Any resource that R4 has, made from the tables of the structure checker: every type, element, choice and sibling.

use mappers::structure::{self, Shape};

use crate::resources::Dice;

const TEXTS: &[&str] = &[
    r#""plain""#,
    r#"" padded  twice ""#,
    r#""<b>&amp;\"'</b>""#,
    r#""two\nlines\r\n\tand a tab""#,
    r#""]]>""#,
    r#""caf\u00e9 \u00a0 \ud83d\ude00 \ufffd""#,
    r#""😀 \/ \\""#,
    r#"" ""#,
    r#""&#10;""#,
    r#""true""#,
];
const NUMBERS: &[&str] =
    &["1.0", "1.10", "0", "-0.0", "1E+2", "1e-3", "123456789012345678901234567890.5", "98.60", "100", "-7"];
const DIVS: &[&str] = &[
    r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>""#,
    r#""<div xmlns=\"http://www.w3.org/1999/xhtml\"> a &lt; b<br/>\n<!-- c --><p class='q\"'>\u00a0&#160;</p>\t</div>""#,
    r#""<div lang=\"en\" xml:lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><div><script>alert(1)</script></div></div>""#,
    r#""<div xmlns=\"http://www.w3.org/1999/xhtml\" />""#,
];

/// A resource of any type.
pub(crate) fn resource(dice: &mut Dice) -> String {
    let types: Vec<&str> = structure::resource_types().collect();
    of_type(types[dice.below(types.len())], dice, 0)
}

fn of_type(kind: &'static str, dice: &mut Dice, depth: usize) -> String {
    let mut members = vec![format!("\"resourceType\":\"{kind}\"")];
    members.extend(self::members(kind, dice, depth));
    object(members, dice)
}

/// Members in any order.
fn object(mut members: Vec<String>, dice: &mut Dice) -> String {
    for last in (1..members.len()).rev() {
        members.swap(last, dice.below(last + 1));
    }
    format!("{{{}}}", members.join(","))
}

fn members(owner: &'static str, dice: &mut Dice, depth: usize) -> Vec<String> {
    let choices = structure::choices(owner);
    let mut made = Vec::new();
    for name in structure::order(owner) {
        // Deep objects have few members, so that they end.
        if !dice.one_in(3 + depth * 3) {
            continue;
        }
        let of_choice = choices.iter().find(|names| structure::element(owner, names[0]).unwrap().name == name);
        let name = of_choice.map_or(name, |names| names[dice.below(names.len())]);
        let definition = structure::element(owner, name).unwrap();
        let is_attribute = name == "id" && !structure::is_resource_type(owner) || owner == "Extension" && name == "url";
        match definition.shape {
            Shape::Primitive(kind) if kind == "xhtml" || is_attribute => {
                made.push(format!("\"{name}\":{}", primitive(kind, dice)));
            }
            Shape::Primitive(kind) if definition.list => made.extend(primitives(name, kind, dice, depth)),
            Shape::Primitive(kind) => {
                let (value, beside) = pair(kind, dice, depth);
                made.extend(value.map(|value| format!("\"{name}\":{value}")));
                made.extend(beside.map(|beside| format!("\"_{name}\":{beside}")));
            }
            shape if definition.list => {
                let items: Vec<String> = (0..=dice.below(2)).map(|_| value(shape, dice, depth)).collect();
                made.push(format!("\"{name}\":[{}]", items.join(",")));
            }
            shape => made.push(format!("\"{name}\":{}", value(shape, dice, depth))),
        }
    }
    made
}

fn value(shape: Shape, dice: &mut Dice, depth: usize) -> String {
    match shape {
        Shape::Object(owner) => {
            let mut inner = members(owner, dice, depth + 1);
            if inner.is_empty() {
                inner.push("\"id\":\"only\"".to_owned());
            }
            object(inner, dice)
        }
        Shape::Resource if depth > 2 => r#"{"resourceType":"Basic"}"#.to_owned(),
        Shape::Resource => {
            let types: Vec<&str> = structure::resource_types().collect();
            of_type(types[dice.below(types.len())], dice, depth + 2)
        }
        Shape::Primitive(kind) => primitive(kind, dice),
    }
}

/// A list of primitives, and what stands beside them.
fn primitives(name: &str, kind: &str, dice: &mut Dice, depth: usize) -> Vec<String> {
    let pairs: Vec<_> = (0..=dice.below(4)).map(|_| pair(kind, dice, depth)).collect();
    let list = |items: Vec<Option<String>>| {
        let any = items.iter().any(Option::is_some);
        let items: Vec<String> = items.into_iter().map(|item| item.unwrap_or_else(|| "null".to_owned())).collect();
        any.then(|| items.join(","))
    };
    let (values, beside): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let values = list(values).map(|items| format!("\"{name}\":[{items}]"));
    values.into_iter().chain(list(beside).map(|items| format!("\"_{name}\":[{items}]"))).collect()
}

/// A value, what stands beside it, or both.
fn pair(kind: &str, dice: &mut Dice, depth: usize) -> (Option<String>, Option<String>) {
    if depth > 3 || !dice.one_in(4) {
        return (Some(primitive(kind, dice)), None);
    }
    let mut beside = Vec::new();
    if dice.one_in(2) {
        beside.push("\"id\":\"i-1\"".to_owned());
    }
    if beside.is_empty() || dice.one_in(2) {
        let extension = members("Extension", dice, depth + 2);
        let extension = if extension.is_empty() { vec!["\"url\":\"urn:x\"".to_owned()] } else { extension };
        beside.push(format!("\"extension\":[{}]", object(extension, dice)));
    }
    (dice.one_in(2).then(|| primitive(kind, dice)), Some(object(beside, dice)))
}

fn primitive(kind: &str, dice: &mut Dice) -> String {
    let from = |texts: &[&str], dice: &mut Dice| texts[dice.below(texts.len())].to_owned();
    match kind {
        "boolean" => from(&["true", "false"], dice),
        "decimal" => from(NUMBERS, dice),
        "integer" => from(&["0", "-5", "2147483647"], dice),
        "positiveInt" | "unsignedInt" => from(&["1", "2147483647"], dice),
        "xhtml" => from(DIVS, dice),
        "date" | "dateTime" => from(&["\"1974\"", "\"1974-12\"", "\"2000-02-29\""], dice),
        _ => from(TEXTS, dice),
    }
}
