//! What an index is, whatever its bytes are.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use terminology::index::{Draft, Index, Kind, MAGIC};

/// A few concepts with all that an index keeps: a diamond, and one that was named before its parent.
fn bytes() -> Vec<u8> {
    let header = json!({ "resourceType": "CodeSystem", "url": "urn:s", "version": "1", "caseSensitive": false, "content": "complete" });
    let mut draft = Draft::new(header);
    draft.keyed("ndc");
    for (code, parents) in
        [("d", vec!["b", "c"]), ("a", vec![]), ("b", vec!["a"]), ("c", vec!["a"]), ("E", vec!["d", "d"])]
    {
        let at = draft.concept(code).expect("there is room");
        draft.display(at, &format!("Concept {code}")).expect("there is room");
        draft.designation(at, "de", r#"{"code":"x"}"#, &format!("Begriff-{code} éins")).expect("there is room");
        draft.property(at, "ndc", Kind::String, &format!("000{}", u32::from(code != "a"))).expect("there is room");
        for parent in parents {
            let parent = draft.concept(parent).expect("there is room");
            draft.parent(at, parent);
        }
    }
    let at = draft.find("E").expect("it is there");
    draft.extension(at, r#"[{"url":"urn:x","valueCode":"y"}]"#).expect("there is room");
    draft.property(at, "inactive", Kind::Boolean, "true").expect("there is room");
    draft.index().expect("it is written")
}

fn opened(bytes: Vec<u8>) -> Option<Index> {
    Index::open(Arc::new(bytes)).ok()
}

fn codes(index: &Index, places: impl IntoIterator<Item = usize>) -> Vec<&str> {
    let mut codes: Vec<&str> = places.into_iter().map(|at| index.code(at)).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn what_is_written_is_read() {
    let index = opened(bytes()).expect("an index");
    assert!(index.is_whole());
    assert_eq!(index.len(), 5);
    let at = |code: &str| index.find(code).unwrap_or_else(|| panic!("{code}"));
    assert_eq!(index.display(at("d")), Some("Concept d"));
    assert_eq!((index.find("e"), index.find_folded("e")), (None, index.find("E")));
    assert_eq!((index.find("x"), index.find_folded("x"), index.find("")), (None, None, None));
    assert!((0..5).all(|place| index.above(place).iter().all(|above| above < place)), "parents stand before children");
    assert_eq!(codes(&index, index.above(at("E")).iter()), ["a", "b", "c", "d"]);
    assert_eq!(codes(&index, index.below(at("b")).iter()), ["E", "d"]);
    assert_eq!(codes(&index, index.parents(at("E")).iter()), ["d"], "once, however often it is said");
    assert_eq!(codes(&index, index.children(at("a")).iter()), ["b", "c"]);
    assert!(index.above(at("E")).has(at("a")) && !index.above(at("b")).has(at("c")));
    assert_eq!(codes(&index, index.holding("ndc", "0001")), ["E", "b", "c", "d"]);
    assert_eq!(
        (index.holding("ndc", "0002"), index.holding("inactive", "true")),
        (vec![], vec![]),
        "that is not keyed"
    );
    assert_eq!((index.is_inactive(at("E")), index.is_inactive(at("d"))), (true, false));
    assert_eq!(index.extensions(at("E")).len(), 1);
    assert!(index.extensions(at("d")).is_empty());
    let designation = &index.designations(at("b"))[0];
    assert_eq!((designation.language.as_deref(), &*designation.value), (Some("de"), "Begriff-b éins"));
    let named =
        |words: &[&str]| codes(&index, index.named(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()));
    assert_eq!(named(&["conc", "b"]), ["E", "a", "b", "c", "d"], "Begriff begins with b, too");
    assert_eq!(named(&["concept", "c"]), ["E", "a", "b", "c", "d"], "Concept begins with c");
    assert_eq!(named(&["éin", "d"]), ["d"]);
    assert!(named(&["ein"]).is_empty());
    assert_eq!(named(&[]).len(), 5);
}

/// Asks everything; only that it ends counts.
fn ask_all(index: &Index) {
    for at in (0..index.len() + 2).chain([usize::MAX / 16]) {
        let _ = (index.code(at), index.display(at), index.definition(at), index.is_inactive(at), index.is_abstract(at));
        let _ = (index.designations(at), index.stated(at), index.extensions(at), index.other_names(at).count());
        for places in [index.parents(at), index.children(at), index.above(at), index.below(at)] {
            let _ = (places.iter().count(), places.has(at), places.is_empty());
        }
    }
    let _ = (index.find("a"), index.find_folded("A"), index.holding("ndc", "0001"));
    let _ = (index.named(&["concept".to_owned(), "b".to_owned()]), index.named(&["x-y".to_owned()]), index.is_whole());
}

#[test]
fn what_is_cut_off_is_no_index() {
    let whole = bytes();
    (0..whole.len()).for_each(|length| assert!(opened(whole[..length].to_vec()).is_none(), "{length}"));
    assert!(opened(Vec::new()).is_none() && opened(MAGIC.to_vec()).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn spoilt_bytes_are_refused_or_read_within_their_bounds(spoilt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let whole = bytes();
        let mut other = whole.clone();
        spoilt.iter().for_each(|(at, byte)| other[at.index(whole.len())] = *byte);
        if let Some(index) = opened(other.clone()) {
            ask_all(&index);
            prop_assert!(other == whole || !index.is_whole());
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let framed = [&MAGIC[..], &bytes, &MAGIC[..]].concat();
        if let Some(index) = opened(framed) {
            ask_all(&index);
        }
    }
}
