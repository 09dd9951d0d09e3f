//! A seeded generator: a failing run is repeated with `FHIR_GATEWAY_TEST_SEED`.

/// `SplitMix64`.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From `FHIR_GATEWAY_TEST_SEED`, else from `default`; prints which.
    ///
    /// # Panics
    /// When the variable holds no number.
    pub fn seeded(default: u64) -> Self {
        let seed = std::env::var("FHIR_GATEWAY_TEST_SEED")
            .map_or(default, |seed| seed.parse().expect("FHIR_GATEWAY_TEST_SEED is a number"));
        println!("FHIR_GATEWAY_TEST_SEED={seed}");
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound` (which is above 0).
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(bound).expect("64 bits")).expect("below a usize")
    }

    /// One of the choices.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// True once in `of`.
    pub fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// How many rounds a random test runs: more under `tests/run --long`.
pub fn rounds(normal: usize, long: usize) -> usize {
    if std::env::var_os("FHIR_GATEWAY_TEST_LONG").is_some() { long } else { normal }
}
