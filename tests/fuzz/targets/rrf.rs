//! The reader of `RxNorm`'s files: whatever they are, it says what is wrong with them or reads a code system that holds.
#![no_main]

#[path = "shared/release.rs"]
mod release;

use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 6] = ["RXNCONSO.RRF", "RXNREL.RRF", "RXNSAT.RRF", "RXNATOMARCHIVE.RRF", "RXNSTY.RRF", "RXNSAB.RRF"];

fuzz_target!(|text: &[u8]| {
    release::holds(releases::rxnorm::load(&release::files(text, &NAMES), Some("1"), &mut |_, _| {}));
});
