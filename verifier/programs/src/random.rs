//! Numbers made from a seed.

/// xorshift64*: deterministic, so that a failure can be repeated.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "there is always a next one")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// True so many times out of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A 32-bit number where mistakes live.
    pub(crate) fn immediate(&mut self) -> i32 {
        match self.below(12) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => i32::MIN,
            4 => i32::MAX,
            5 => self.below(16) as i32,
            6 => -(self.below(300) as i32),
            7 => 0x80,
            8 => 0xff,
            9 => 0x8000,
            10 => self.next() as i32,
            _ => self.below(1000) as i32,
        }
    }

    /// A 64-bit number where mistakes live.
    pub(crate) fn wide(&mut self) -> u64 {
        match self.below(10) {
            0 => 1 << 63,
            1 => u64::MAX >> 1,
            2 => u64::MAX,
            3 => 1 << 32,
            4 => (1 << 32) - 1,
            5 => 1 << 31,
            6 => u64::MAX << 31,
            7 => self.next(),
            8 => u64::MAX << 32,
            _ => self.immediate() as i64 as u64,
        }
    }
}
