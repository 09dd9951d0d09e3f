//! Attachment content outside the database: which columns name it, and what a resource brings of it.
//!
//! Split and join ask for content ([`crate::codec::Content`]) and never wait for it: the store lays ready what is named
//! here before it joins a row, and stores what is brought before it splits a resource.

use crate::codec::canonical_base64;
use crate::json::{Document, Element};
use crate::map::{Codec, ContentKind, Field, Map, ObjectShape, Target};
use crate::row::{Cell, Row};
use crate::split::{each_field, matches};

/// A column that names content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Index into `Map::children`; `None` in the main row.
    pub child: Option<usize>,
    /// The slot.
    pub slot: usize,
    /// File or object.
    pub kind: ContentKind,
}

/// Content that a resource brings, and where its map would keep it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Brought {
    /// The field's places, in its order.
    pub places: Vec<ContentKind>,
    /// The base64 in its canonical spelling.
    pub data: Box<str>,
}

/// The columns of a map that name files and objects.
#[must_use]
pub fn places(map: &Map) -> Vec<Place> {
    let mut found = Vec::new();
    in_shape(&map.shape, None, &mut found);
    for (number, child) in map.children.iter().enumerate() {
        in_shape(&child.shape, Some(number), &mut found);
    }
    found
}

/// What a row names.
pub fn named<'r>(places: &'r [Place], row: &'r Row) -> impl Iterator<Item = (ContentKind, &'r str)> {
    places.iter().flat_map(move |place| {
        let own = (place.child.is_none()).then_some(&row.cells);
        let rows = place.child.and_then(|child| row.children.get(child)).into_iter().flatten();
        let levels = own.into_iter().chain(rows.map(|row| &row.cells));
        levels.filter_map(move |cells: &Vec<Cell>| Some((place.kind, cells.get(place.slot)?.as_deref()?)))
    })
}

/// The content that a resource brings for columns of a map.
#[must_use]
pub fn brought(map: &Map, document: &Document<'_>) -> Vec<Brought> {
    let mut found = Vec::new();
    in_object(map, &map.shape, document.root(), &mut found);
    found
}

fn of_field(field: &Field) -> &[ContentKind] {
    match &field.codec {
        Codec::Content(kind) => std::slice::from_ref(kind),
        Codec::Places(kinds) => kinds,
        _ => &[],
    }
}

fn in_shape(shape: &ObjectShape, child: Option<usize>, found: &mut Vec<Place>) {
    each_field(shape, &mut |field| {
        let outside = of_field(field).iter().zip(&field.slots).filter(|(kind, _)| **kind != ContentKind::Column);
        found.extend(outside.map(|(kind, slot)| Place { child, slot: *slot, kind: *kind }));
    });
}

fn in_object(map: &Map, shape: &ObjectShape, object: Element<'_>, found: &mut Vec<Brought>) {
    for member in &shape.members {
        let Some(value) = object.member(&member.name) else { continue };
        match &member.target {
            Target::Field(field) => {
                let places = of_field(field);
                if places.iter().all(|kind| *kind == ContentKind::Column) {
                    continue;
                }
                if let Some(data) = value.string().and_then(|text| canonical_base64(&text)) {
                    found.push(Brought { places: places.to_vec(), data: data.into() });
                }
            }
            Target::List(_) => {}
            Target::Object(inner) => in_object(map, inner, value, found),
            Target::Slices(slices) => {
                for slice in slices {
                    let mut items = value.children().enumerate();
                    if let Some((_, item)) = items.find(|(index, item)| matches(&slice.selector, *index, *item)) {
                        in_object(map, &slice.shape, item, found);
                    }
                }
            }
            Target::Children(number) => {
                let Some(child) = map.children.get(*number) else { continue };
                value.children().for_each(|item| in_object(map, &child.shape, item, found));
            }
        }
    }
}
