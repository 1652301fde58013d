//! Random numbers.

/// A generator of pseudo-random numbers (SplitMix64) with a random seed: for
/// `bpf_get_prandom_u32`, which promises no more.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(Self)
    }

    /// One whose numbers follow from `seed`.
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [_, _, _, _, a, b, c, d] = (mixed ^ (mixed >> 31)).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}
