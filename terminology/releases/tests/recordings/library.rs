//! What the recordings are held against.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use releases::Loaded;
use serde_json::Value;
use tempfile::TempDir;
use terminology::index::Index;
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::model::code_system::Content;

use crate::{facts, shared};

/// All that is known, in the order in which it is to be brought.
pub(crate) struct Known {
    systems: Vec<Arc<CodeSystem>>,
}

impl Known {
    /// Reads it all; `None` where nothing is shared.
    pub(crate) fn read() -> Option<Self> {
        let (own, hl7) = (shared::data("07-terminology")?, shared::data("00-definitions")?);
        let mut systems: Vec<Arc<CodeSystem>> = releases(&own).into_iter().map(system).collect();
        systems.extend(definitions(&hl7).iter().filter_map(CodeSystem::read).map(Arc::new));
        Some(Self { systems })
    }

    /// A library of it.
    pub(crate) fn library(&self) -> Library {
        self.brought(self.systems.iter())
    }

    /// One to which all was brought the other way round.
    pub(crate) fn reversed(&self) -> Library {
        self.brought(self.systems.iter().rev())
    }

    fn brought<'s>(&self, systems: impl Iterator<Item = &'s Arc<CodeSystem>>) -> Library {
        let mut library = Library::default();
        systems.for_each(|system| library.add_system(Arc::clone(system)));
        library.add(&facts::map());
        library
    }
}

/// What there is of it is a part of the release, whatever its files say.
fn system(loaded: Loaded) -> Arc<CodeSystem> {
    let index = Index::open(Arc::new(loaded.draft.index().unwrap())).unwrap();
    let mut system = CodeSystem::indexed(Arc::new(index)).unwrap();
    system.content = Content::Fragment;
    Arc::new(system)
}

/// The official files with the facts, laid out as they are released.
fn releases(own: &Path) -> Vec<Loaded> {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let loinc = own.join("loinc-subset");
    for path in shared::files(&loinc) {
        let mut text = fs::read_to_string(&path).unwrap();
        if path.ends_with("LoincTable/Loinc.csv") {
            let header = text.lines().next().unwrap().to_owned();
            text += &facts::loinc(&header);
        }
        write(&format!("loinc/{}", path.strip_prefix(&loinc).unwrap().display()), &text);
    }
    write("loinc/LoincTable/MapTo.csv", &facts::map_to());
    let names = fs::read_to_string(own.join("rxnorm-subset/RXNCONSO.RRF")).unwrap();
    write("rxnorm/RXNCONSO.RRF", &(names + &facts::rxnconso()));
    write("rxnorm/RXNSAT.RRF", &facts::rxnsat());
    write("icd/icd10cm-order-2026.txt", &facts::icd10cm());
    write("cvx/cvx.txt", &facts::cvx());
    write("ndc/product.txt", &facts::products());
    write("ndc/package.txt", &facts::packages());
    let load = |name: &str| {
        let loaded = releases::load(&folder.path().join(name), Some("2026"), &mut |_, _| ()).unwrap();
        assert_eq!(loaded.len(), 1, "{name}");
        assert_eq!(loaded[0].report.odd_rows, 0, "{name}: {:?}", loaded[0].report.odd);
        loaded
    };
    ["loinc", "rxnorm", "icd", "cvx", "ndc"].into_iter().flat_map(load).collect()
}

/// The code systems of R4 and of US Core.
fn definitions(folder: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for path in shared::files(folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut text = String::new();
        match name {
            "code-systems.ndjson" => text = fs::read_to_string(&path).unwrap(),
            "code-systems.ndjson.gz" => {
                let bytes = fs::File::open(&path).unwrap();
                flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap();
            }
            _ => continue,
        }
        all.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    all
}
