//! Paths resolved against R4 and put together as the tree that split and join walk.

use super::element::{self, Content, Element};
use super::path::{Path, PathError};
use super::problem::{Report, suggest};
use super::syntax::Located;
use super::{ObjectShape, Selector, Slice, Target};

/// One element on the way of a path, with the item that is meant where it is a list.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) selector: Option<Selector>,
    pub(super) element: Element,
}

/// Elements that the server fills or that the map's own keys answer for.
const OURS: &[(&str, &str)] = &[
    ("id", "the key `id` (and `id_prefix`) of the map makes the resource's id"),
    ("meta.versionId", "the gateway counts versions"),
    ("meta.lastUpdated", "name the column in the map's `updated` key"),
    ("resourceType", "the key `resource` of the map says it"),
];

/// Parses and resolves a field's path. A constant may pass through a list without a selector: its first item is meant, so that
/// `category.coding[system=X].code` is a property of the first category.
pub(super) fn resolve(
    owner: &str,
    text: &Located<String>,
    constant: bool,
    report: &mut Report<'_>,
) -> Option<Vec<Step>> {
    if let Some((_, help)) = OURS.iter().find(|(path, _)| *path == text.value && element::is_resource(owner)) {
        report.error(text.at, format!("`{}` cannot be mapped", text.value), *help);
        return None;
    }
    let path = match Path::parse(&text.value) {
        Ok(path) => path,
        Err(PathError { at, message, help }) => {
            report.error(text.at + 1 + at, message, help);
            return None;
        }
    };
    let mut owner = owner.to_owned();
    let mut steps: Vec<Step> = Vec::with_capacity(path.segments.len());
    let last = path.segments.len() - 1;
    for (index, segment) in path.segments.into_iter().enumerate() {
        let at = text.at + 1 + segment.at;
        let element = known(&owner, &segment.name, at, report)?;
        let mut step = Step { name: segment.name, selector: segment.selector, element };
        if index == last {
            if step.selector.is_some() {
                let help = "go on to a member of the item, or map the whole list with `column` or `columns`";
                report.error(at, format!("a path cannot end with a selector, as `{}[...]` does", step.name), help);
                return None;
            }
            steps.push(step);
            break;
        }
        let Content::Object(inner) = step.element.content.clone() else {
            report.error(at, format!("`{}` has no members", step.name), format!("end the path at `{}`", step.name));
            return None;
        };
        select(&mut step, &inner, constant, at, report)?;
        steps.push(step);
        owner = inner;
    }
    Some(steps)
}

/// The element, or a report of what the owner has instead.
fn known(owner: &str, name: &str, at: usize, report: &mut Report<'_>) -> Option<Element> {
    let found = element::element(owner, name);
    if found.is_none() {
        let is_choice = |member: &&str| {
            member.strip_prefix(name).is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase()))
        };
        let choices: Vec<&str> = element::members(owner).filter(is_choice).collect();
        let help = match choices.first() {
            Some(first) if choices.len() > 1 => {
                format!("a choice element has its full name, as `{first}`; there are: {}", choices.join(", "))
            }
            _ => suggest(name, element::members(owner)),
        };
        report.error(at, format!("{owner} has no element `{name}`"), help);
    }
    found
}

/// Checks that the item of a list is selected, and by members that it has.
fn select(step: &mut Step, inner: &str, constant: bool, at: usize, report: &mut Report<'_>) -> Option<()> {
    match (&step.selector, step.element.list) {
        (None, false) => Some(()),
        (None, true) if constant => {
            step.selector = Some(Selector::Index(0));
            Some(())
        }
        (None, true) => {
            let name = &step.name;
            let by = ["use", "system", "type", "url"].into_iter().find(|by| is_text(inner, by));
            let example = by.map_or_else(String::new, |by| format!(" or `{name}[{by}=...]`"));
            let help =
                format!("write `{name}[0]` for the first{example}, or keep the list in a table with [[children]]");
            report.error(at, format!("`{name}` is a list: the path must say which item"), help);
            None
        }
        (Some(_), false) => {
            report.error(at, format!("`{}` is no list", step.name), "remove the selector");
            None
        }
        (Some(Selector::Index(_)), true) => Some(()),
        (Some(Selector::Where(pairs)), true) => {
            pairs.iter().try_for_each(|pair| check_steps(inner, &pair.steps, at, report))
        }
    }
}

/// Checks that a selector's path leads to texts.
fn check_steps(inner: &str, steps: &[String], at: usize, report: &mut Report<'_>) -> Option<()> {
    let (last, way) = steps.split_last()?;
    let mut owner = inner.to_owned();
    for name in way {
        let Content::Object(next) = known(&owner, name, at, report)?.content else {
            report.error(at, format!("`{name}` has no members"), "end the selector's path there");
            return None;
        };
        owner = next;
    }
    if is_text(&owner, last) {
        return Some(());
    }
    let texts = element::members(&owner).filter(|member| is_text(&owner, member));
    let help = format!("a selector compares text members of the item; {}", suggest(last, texts));
    report.error(at, format!("{owner} has no text member `{last}` to select by"), help);
    None
}

/// Whether the member is a single string-valued primitive.
fn is_text(owner: &str, name: &str) -> bool {
    let text = Content::Primitive(super::Primitive::String);
    element::element(owner, name).is_some_and(|element| !element.list && element.content == text)
}

/// Why a path does not fit beside those before it.
pub(super) enum Clash {
    /// The very element is mapped already.
    Twice,
    /// It is mapped already as something of another form.
    Form(&'static str),
    /// It is the discriminator of its own slice.
    Discriminator,
}

/// Puts `target` at the end of `steps`.
pub(super) fn place(shape: &mut ObjectShape, steps: &[Step], target: Target) -> Result<(), Clash> {
    let Some((step, rest)) = steps.split_first() else { return Err(Clash::Twice) };
    let position = shape.members.iter().position(|member| member.name == step.name);
    if rest.is_empty() {
        return match position.map(|position| &shape.members[position].target) {
            None => {
                shape.members.push(super::Member { name: step.name.clone(), target });
                Ok(())
            }
            Some(Target::Children(_)) => Err(Clash::Form("a list kept as child rows")),
            Some(Target::Field(_) | Target::List(_)) => Err(Clash::Twice),
            Some(Target::Object(_) | Target::Slices(_)) => Err(Clash::Form("mapped member by member")),
        };
    }
    let position = position.unwrap_or_else(|| {
        let target = match step.selector {
            Some(_) => Target::Slices(Vec::new()),
            None => Target::Object(ObjectShape::default()),
        };
        shape.members.push(super::Member { name: step.name.clone(), target });
        shape.members.len() - 1
    });
    match (&mut shape.members[position].target, &step.selector) {
        (Target::Object(inner), None) => place(inner, rest, target),
        (Target::Slices(slices), Some(selector)) => place(&mut slice(slices, selector, rest)?.shape, rest, target),
        (Target::Children(_), _) => Err(Clash::Form("a list kept as child rows")),
        (Target::Field(_), _) => Err(Clash::Form("mapped as a whole")),
        (Target::List(_), _) => Err(Clash::Form("a list of references")),
        (Target::Object(_) | Target::Slices(_), _) => Err(Clash::Form("mapped in another way")),
    }
}

/// The slice of that selector, made where it is missing.
fn slice<'s>(slices: &'s mut Vec<Slice>, selector: &Selector, rest: &[Step]) -> Result<&'s mut Slice, Clash> {
    let by_index = |selector: &Selector| matches!(selector, Selector::Index(_));
    if slices.first().is_some_and(|first| by_index(&first.selector) != by_index(selector)) {
        return Err(Clash::Form("selected by position in one path and by members in another"));
    }
    if let (Selector::Where(pairs), [only]) = (selector, rest)
        && pairs
            .iter()
            .any(|pair| pair.steps == [only.name.as_str()] && !matches!(pair.test, super::Test::StartsWith(_)))
    {
        return Err(Clash::Discriminator);
    }
    let position = slices.iter().position(|slice| slice.selector == *selector).unwrap_or_else(|| {
        slices.push(Slice { selector: selector.clone(), shape: ObjectShape::default() });
        slices.len() - 1
    });
    Ok(&mut slices[position])
}
