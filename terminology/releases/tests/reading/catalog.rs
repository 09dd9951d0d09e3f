//! Releases as they are kept.

use releases::{Catalog, KeepError};
use serde_json::json;
use terminology::index::Draft;

fn draft(version: &str, content: &str, codes: &[&str]) -> Draft {
    let mut draft =
        Draft::new(json!({ "resourceType": "CodeSystem", "url": "urn:s", "version": version, "content": content }));
    codes.iter().for_each(|code| _ = draft.concept(code).unwrap());
    draft
}

fn versions(catalog: &Catalog) -> Vec<String> {
    catalog
        .of("urn:s")
        .iter()
        .map(|system| format!("{} {}", system.version.as_deref().unwrap(), system.len()))
        .collect()
}

#[test]
fn what_is_kept_is_there_for_all_who_look_and_gone_when_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, reader) = (Catalog::at(&folder.path().join("not/yet")), Catalog::at(&folder.path().join("not/yet")));
    assert!(versions(&reader).is_empty());
    writer.keep(draft("1", "complete", &["a"])).unwrap();
    assert_eq!(versions(&reader), ["1 1"]);
    writer.keep(draft("2", "complete", &["a", "b"])).unwrap();
    assert_eq!(versions(&reader), ["1 1", "2 2"]);
    let held = reader.of("urn:s");
    writer.keep(draft("1", "complete", &["a", "b", "c"])).unwrap();
    assert_eq!(versions(&reader), ["1 3", "2 2"]);
    assert_eq!((held[0].len(), held[0].code(0)), (1, "a"), "who has it open keeps it");
    assert!(writer.remove("urn:s", Some("1")).unwrap());
    assert!(!writer.remove("urn:s", Some("1")).unwrap() && !writer.remove("urn:s", None).unwrap());
    assert_eq!(versions(&reader), ["2 2"]);
}

/// Times of folders may be coarse: whoever looks in the moment before one is kept sees it all the same.
#[test]
fn what_is_kept_in_the_moment_of_a_look_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (writer, reader) = (Catalog::at(folder.path()), Catalog::at(folder.path()));
    for nth in 0..40 {
        assert_eq!(versions(&reader).len(), nth);
        writer.keep(draft(&nth.to_string(), "complete", &["a"])).unwrap();
    }
    assert_eq!(versions(&reader).len(), 40);
}

#[test]
fn a_part_does_not_take_the_place_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::at(folder.path());
    catalog.keep(draft("1", "fragment", &["a"])).unwrap();
    catalog.keep(draft("1", "fragment", &["a", "b"])).unwrap();
    catalog.keep(draft("1", "complete", &["a", "b", "c"])).unwrap();
    assert!(matches!(catalog.keep(draft("1", "fragment", &["a"])), Err(KeepError::Less(which)) if which == "urn:s|1"));
    assert_eq!(versions(&catalog), ["1 3"]);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with("unfinished")), "{left:?}");
    catalog.keep(draft("2", "fragment", &["a"])).unwrap();
    catalog.keep(draft("1", "complete", &["a"])).unwrap();
    assert_eq!(versions(&catalog), ["1 1", "2 1"]);
}

#[test]
fn only_one_writes_and_what_is_no_index_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::at(folder.path());
    catalog.keep(draft("1", "complete", &["a"])).unwrap();
    std::fs::write(folder.path().join("x.index"), "no index").unwrap();
    std::fs::write(folder.path().join("y.unfinished"), "left by a process that was ended").unwrap();
    assert_eq!(versions(&catalog), ["1 1"]);
    let lock = std::fs::File::options().write(true).open(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(catalog.keep(draft("2", "complete", &["a"])), Err(KeepError::Busy(_))));
    drop(lock);
    catalog.keep(draft("2", "complete", &["a"])).unwrap();
    assert!(!folder.path().join("y.unfinished").exists());
    assert_eq!(versions(&catalog), ["1 1", "2 1"]);
}
