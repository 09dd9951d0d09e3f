//! Numbers and words by chance, the same ones for the same seed.

/// `SplitMix64` (G. Steele, D. Lea, C. Flood, 2014).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one, which is not zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// The same, small ones more often: words of a language come about so often.
    pub(super) fn seldom(&mut self, end: u64) -> u64 {
        let most = self.below(end) + 1;
        self.below(most)
    }
}

const STARTS: [&str; 20] = [
    "al", "be", "cor", "dex", "em", "fal", "gor", "hul", "im", "jal", "kor", "lum", "mer", "nol", "or", "pex", "quil",
    "ras", "sol", "tev",
];
const MIDDLES: [&str; 20] = [
    "ba", "co", "di", "fu", "ga", "hi", "jo", "ka", "lo", "mi", "nu", "pa", "re", "si", "to", "va", "wo", "xi", "ya",
    "zo",
];
const ENDS: [&str; 20] = [
    "bin", "cal", "dor", "fen", "gus", "hax", "jin", "kel", "lor", "mun", "nax", "pol", "ron", "sil", "tur", "vex",
    "wyn", "xor", "yel", "zum",
];

/// A word that is none, by its number; there are 8,000.
pub(super) fn word(nth: u64, into: &mut String) {
    let part = |list: &[&'static str; 20], nth: u64| list[(nth % 20) as usize];
    into.push_str(part(&STARTS, nth));
    into.push_str(part(&MIDDLES, nth / 20));
    into.push_str(part(&ENDS, nth / 400));
}

/// How many words there are.
pub(super) const WORDS: u64 = 8_000;
