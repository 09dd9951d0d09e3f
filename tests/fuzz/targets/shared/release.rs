//! A text as the files of a release, and what holds of whatever is read from them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use releases::{Fault, Loaded, Source};
use tempfile::TempDir;
use terminology::index::Index;
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::normalize::{Coded, Told, normalize};

/// Writes a text as files: a line `@` and a digit begins the file of that number among the names. Those that it has not are not there.
pub fn files(text: &[u8], names: &[&str]) -> Source {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let shm = Path::new("/dev/shm");
    let made = || if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.expect("a folder");
    let folder = FOLDER.get_or_init(made).path();
    let mut parts: Vec<Option<Vec<u8>>> = vec![None; names.len()];
    let mut open = None;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [b'@', digit @ b'0'..=b'9', b'\n'] => open = Some(usize::from(digit - b'0')),
            line => {
                if let Some(part) = open.and_then(|nth| parts.get_mut(nth)) {
                    part.get_or_insert_default().extend_from_slice(line);
                }
            }
        }
    }
    for (name, part) in names.iter().zip(parts) {
        let path = folder.join(name);
        match part {
            Some(bytes) => fs::write(path, bytes).expect("it is written"),
            None => drop(fs::remove_file(path)),
        }
    }
    Source::open(folder).expect("a folder that is there")
}

/// What was read is written, opens, is whole, and has what it had: each code where it was, nothing above itself. What normalization
/// calls a code that is kept is in use.
pub fn holds(read: Result<Loaded, Fault>) {
    let Ok(loaded) = read else { return };
    let codes: Vec<String> = (0..loaded.draft.len()).map(|at| loaded.draft.code(at as u32).to_owned()).collect();
    let index = Index::open(Arc::new(loaded.draft.index().expect("it is written"))).expect("an index");
    assert!(index.is_whole());
    assert_eq!(index.len(), codes.len());
    for at in 0..index.len() {
        assert_eq!(index.find(index.code(at)), Some(at));
        assert!(!index.above(at).has(at) && !index.below(at).has(at), "{} is above itself", index.code(at));
        for above in index.above(at).iter() {
            assert!(index.below(above).has(at));
        }
    }
    assert!(codes.iter().all(|code| index.find(code).is_some()));
    let system = Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system"));
    let mut library = Library::default();
    library.add_system(Arc::clone(&system));
    for code in &codes {
        let told = normalize(&library, Coded { system: &system.url, code, display: code }, &[&system.url]);
        match told {
            Told::Kept(coding) => assert!(coding.code == *code && !is_retired(&system, code)),
            Told::Standard { coding, .. } => assert!(!is_retired(&system, &coding.code)),
            Told::Review { .. } | Told::Unknown(_) => {}
        }
    }
}

fn is_retired(system: &CodeSystem, code: &str) -> bool {
    system.find(code).is_some_and(|at| system.is_inactive(at))
}
