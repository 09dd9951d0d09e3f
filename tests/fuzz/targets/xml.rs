//! The reader of FHIR XML: no text makes it panic, what it reads is JSON, and what the structure checker takes of that is the same
//! after it was written as XML and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mappers::json::{Document, Element, Kind};
use mappers::structure;
use mappers::xml::{Layout, read, write};

fuzz_target!(|text: &[u8]| {
    let Ok(json) = read(text) else { return };
    let document = Document::parse(&json).expect("what is read is JSON");
    if structure::check(&document).is_err() {
        return;
    }
    for layout in [Layout::Compact, Layout::Indented] {
        let written = write(document.root(), layout).expect("what the checker takes is told in XML");
        let again = read(&written).expect("XML of our own is read");
        let again = Document::parse(&again).expect("what is read is JSON");
        assert!(same(document.root(), again.root()), "{}", String::from_utf8_lossy(&written));
    }
});

/// Members in any order, everything else as it stands.
fn same(left: Element<'_>, right: Element<'_>) -> bool {
    if left.kind() != right.kind() || left.len() != right.len() {
        return false;
    }
    match left.kind() {
        Kind::Object => left.children().all(|child| {
            let other = child.key().and_then(|name| right.member(&name));
            other.is_some_and(|other| same(child, other))
        }),
        Kind::Array => left.children().zip(right.children()).all(|(left, right)| same(left, right)),
        Kind::String => left.string() == right.string(),
        _ => left.raw() == right.raw(),
    }
}
