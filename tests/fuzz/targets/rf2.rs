//! The reader of SNOMED CT's snapshots: whatever the files are, it says what is wrong with them or reads a code system that holds.
#![no_main]

#[path = "shared/release.rs"]
mod release;

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] = [
    "sct2_Concept_Snapshot_INT_20300101.txt",
    "sct2_Description_Snapshot-en_INT_20300101.txt",
    "sct2_TextDefinition_Snapshot-en_INT_20300101.txt",
    "sct2_Relationship_Snapshot_INT_20300101.txt",
    "sct2_RelationshipConcreteValues_Snapshot_INT_20300101.txt",
    "der2_cRefset_LanguageSnapshot-en_INT_20300101.txt",
    "der2_Refset_SimpleSnapshot_INT_20300101.txt",
    "der2_cRefset_AssociationSnapshot_INT_20300101.txt",
    "der2_iisssccRefset_ExtendedMapSnapshot_INT_20300101.txt",
    "der2_ssRefset_ModuleDependencySnapshot_INT_20300101.txt",
];

fuzz_target!(|text: &[u8]| {
    release::holds(releases::snomed::load(&release::files(text, &NAMES), &mut |_, _| {}));
});
