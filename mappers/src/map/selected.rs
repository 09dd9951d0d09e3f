//! Selectors that look deeper than an item's own members: rows of other programs must come out so that they hold.

use super::fields::Draft;
use super::problem::Report;
use super::{Codec, ObjectShape, Pair, Selector, Slot, Target, Test};

/// Reports selectors that nothing under their slice makes true, and marks the values they look at: those stay where they
/// are, so that the slice is found again in the residue.
pub(super) fn check(draft: &mut Draft, report: &mut Report<'_>) {
    let mut missing = Vec::new();
    in_shape(&mut draft.shape, &draft.slots, &mut missing);
    for (selector, pair) in missing {
        let written = format!("[{selector}]");
        let at = draft.place_of(&written);
        let message = format!("nothing in the item makes `{}={}` true", pair.steps.join("."), pair.test);
        report.error(at, message, help(&pair, &written));
    }
}

fn help(pair: &Pair, selector: &str) -> String {
    match &pair.test {
        Test::StartsWith(start) => {
            let path = pair.steps.strip_suffix(&["reference".to_owned()]).unwrap_or(&pair.steps).join(".");
            let kind = start.trim_end_matches('/');
            format!("map `...{selector}.{path}` to a column with `reference = \"{kind}\"`")
        }
        test @ (Test::Equals(_) | Test::OneOf(_)) => {
            format!("add a field `...{selector}` and on to `{}` with `const = \"{test}\"`", pair.steps.join("."))
        }
    }
}

fn in_shape(shape: &mut ObjectShape, slots: &[Slot], missing: &mut Vec<(Selector, Pair)>) {
    for member in &mut shape.members {
        match &mut member.target {
            Target::Children(_) | Target::Field(_) | Target::List(_) => {}
            Target::Object(inner) => in_shape(inner, slots, missing),
            Target::Slices(slices) => {
                for slice in slices {
                    in_shape(&mut slice.shape, slots, missing);
                    for pair in slice.selector.pairs().iter().filter(|pair| !is_said(pair)) {
                        stay(&mut slice.shape, &pair.steps);
                        if !makes_true(&slice.shape, &pair.steps, &pair.test, slots) {
                            missing.push((slice.selector.clone(), pair.clone()));
                        }
                    }
                }
            }
        }
    }
}

/// An item that is made for the slice says it.
fn is_said(pair: &Pair) -> bool {
    pair.discriminator().is_some() || matches!(pair.test, Test::OneOf(_))
}

/// Whether a constant, a discriminator or a reference to the right type stands where the selector looks.
fn makes_true(shape: &ObjectShape, steps: &[String], test: &Test, slots: &[Slot]) -> bool {
    let Some((name, rest)) = steps.split_first() else { return false };
    shape.members.iter().filter(|member| member.name == *name).any(|member| match &member.target {
        Target::Children(_) | Target::List(_) => false,
        Target::Field(field) if matches!(field.codec, Codec::Reference) && is_reference(rest) => {
            let mut targets = field.slots.iter().filter_map(|slot| slots.get(*slot)?.reference.as_ref());
            matches!(test, Test::StartsWith(_)) && targets.any(|of| test.passes(&format!("{}/", of.target)))
        }
        Target::Field(field) => {
            let constant = field.constant.as_ref().filter(|_| rest.is_empty());
            constant.is_some_and(|constant| test.passes(&crate::codec::scalar(constant)))
        }
        Target::Object(inner) => makes_true(inner, rest, test, slots),
        Target::Slices(slices) => slices.iter().any(|slice| {
            let said = |(name, value)| matches!(rest, [only] if *only == name) && test.passes(value);
            slice.selector.discriminators().any(said) || makes_true(&slice.shape, rest, test, slots)
        }),
    })
}

/// Marks the fields that a selector looks at.
fn stay(shape: &mut ObjectShape, steps: &[String]) {
    let Some((name, rest)) = steps.split_first() else { return };
    for member in shape.members.iter_mut().filter(|member| member.name == *name) {
        match &mut member.target {
            Target::Children(_) | Target::List(_) => {}
            Target::Field(field) => field.stays |= rest.is_empty() || is_reference(rest),
            Target::Object(inner) => stay(inner, rest),
            Target::Slices(slices) => slices.iter_mut().for_each(|slice| stay(&mut slice.shape, rest)),
        }
    }
}

fn is_reference(rest: &[String]) -> bool {
    rest.is_empty() || matches!(rest, [only] if only == "reference")
}
