//! The reader of LOINC's tables, which are told by their headers: whatever they are, it says what is wrong with them or reads a code
//! system that holds.
#![no_main]

#[path = "shared/release.rs"]
mod release;

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] =
    ["0.csv", "1.csv", "2.csv", "3.csv", "4.csv", "5.csv", "6.csv", "7.csv", "deDE15LinguisticVariant.csv", "9.csv"];

fuzz_target!(|text: &[u8]| {
    release::holds(releases::loinc::load(&release::files(text, &NAMES), None, &mut |_, _| {}));
});
