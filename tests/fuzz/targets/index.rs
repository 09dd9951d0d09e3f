//! Indexes: any bytes, or a sound one with some of its bytes changed. They are refused, or read within their bounds.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use terminology::index::{Draft, Index, Kind};
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::normalize::{Coded, normalize};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let whole = sound();
    if first & 1 == 0 {
        ask(rest.to_vec());
        return;
    }
    // A place (two bytes) and what is there instead.
    let mut spoilt = whole.to_vec();
    for change in rest.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % spoilt.len();
        spoilt[at] = change[2];
    }
    let is_same = spoilt == whole;
    if let Some(is_whole) = ask(spoilt) {
        assert!(is_same || !is_whole, "it is not as it was written, and says that it is");
    }
});

fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let header = json!({ "resourceType": "CodeSystem", "url": "urn:s", "version": "1", "content": "complete", "caseSensitive": false });
        let mut draft = Draft::new(header);
        draft.keyed("NDC");
        let codes = ["a", "b", "c", "d"].map(|code| draft.concept(code).expect("there is room"));
        for (nth, at) in codes.into_iter().enumerate() {
            draft.display(at, &format!("Concept {nth}")).expect("there is room");
            draft.designation(at, "de", r#"{"code":"x"}"#, "Begriff").expect("there is room");
            draft.property(at, "NDC", Kind::String, "00002143380").expect("there is room");
            draft.property(at, "inactive", Kind::Boolean, if nth == 3 { "true" } else { "false" }).expect("there is room");
        }
        codes.windows(2).for_each(|two| draft.parent(two[1], two[0]));
        draft.extension(codes[0], r#"[{"url":"urn:e","valueCode":"x"}]"#).expect("there is room");
        draft.index().expect("it is written")
    })
}

/// Asks everything; whether the bytes say that they are whole, if they are an index.
fn ask(bytes: Vec<u8>) -> Option<bool> {
    let index = Arc::new(Index::open(Arc::new(bytes)).ok()?);
    // Whoever made the bytes says how many there are: so many as fit into them.
    for at in (0..index.len().min(64)).chain([index.len(), usize::MAX / 16]) {
        let _ = (index.code(at), index.display(at), index.definition(at), index.is_inactive(at), index.is_abstract(at));
        let _ = (index.designations(at), index.stated(at), index.extensions(at), index.other_names(at).count());
        for places in [index.parents(at), index.children(at), index.above(at), index.below(at)] {
            let _ = (places.iter().count(), places.has(at), places.at(0));
        }
        let _ = index.values(at, "NDC").count();
    }
    let _ = (index.find("a"), index.find_folded("A"), index.holding("NDC", "00002143380"));
    let _ = (index.named(&["concept".to_owned(), "0".to_owned()]), index.digest());
    let is_whole = index.is_whole();
    if let Some(system) = CodeSystem::indexed(Arc::clone(&index)) {
        let system = Arc::new(system);
        let mut library = Library::default();
        library.add_system(Arc::clone(&system));
        for code in ["a", "D", "0002-1433-80"] {
            let _ = normalize(&library, Coded { system: &system.url, code, display: "concept" }, &["urn:s"]);
        }
        for at in 0..system.len().min(64) {
            let _ = (system.concept(at), system.below(at), system.above(at), system.shown(at), system.is_abstract(at));
            let _ = (system.is_below(at, 0), system.status(&system.concept(at)));
        }
    }
    Some(is_whole)
}
