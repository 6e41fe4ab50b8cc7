//! Pseudo-random numbers from the seed.

/// A linear congruential generator, with the constants of Knuth's MMIX.
pub(crate) struct Random(u64);

impl Random {
    /// A sequence for one test, which depends on the seed.
    pub(crate) fn of(test: &str) -> Self {
        let seed = std::env::var("XTASK_TEST_SEED");
        let seed: u64 = seed.map_or(1, |seed| seed.parse().unwrap());
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        Self(test.bytes().fold(seed, mix))
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// A random one of these.
    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// The same in a random order.
    pub(crate) fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        for last in (1..all.len()).rev() {
            all.swap(last, usize::try_from(self.below(last as u64 + 1)).unwrap());
        }
        all
    }
}
