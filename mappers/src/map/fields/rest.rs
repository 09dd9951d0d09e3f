//! What a field that takes the rest of a JSON object leaves to others.

use super::super::{Codec, Field, ObjectShape, Target};

/// Tells every field that takes the rest of an object which fields speak for parts of it.
pub(super) fn compile(shape: &mut ObjectShape) {
    let mut others = Vec::new();
    each(shape, &mut |field| {
        if !field.json_path.is_empty() && !matches!(field.codec, Codec::Rest(_)) {
            others.push(field.clone());
        }
    });
    each(shape, &mut |field| {
        let Field { codec: Codec::Rest(named), slots, json_path, .. } = field else { return };
        let inside = others.iter().filter(|other| other.slots == *slots && other.json_path.starts_with(json_path));
        *named = inside.cloned().collect();
    });
}

fn each(shape: &mut ObjectShape, visit: &mut dyn FnMut(&mut Field)) {
    for member in &mut shape.members {
        match &mut member.target {
            Target::Field(field) => visit(field),
            Target::Object(inner) => each(inner, visit),
            Target::Slices(slices) => slices.iter_mut().for_each(|slice| each(&mut slice.shape, visit)),
            _ => {}
        }
    }
}
