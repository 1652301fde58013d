//! Conversions between widths that say what they keep.

/// The lower 32 bits.
#[expect(clippy::as_conversions, reason = "truncation is the purpose")]
pub(crate) const fn low32(value: u64) -> u32 {
    value as u32
}

/// The lower 16 bits.
#[expect(clippy::as_conversions, reason = "truncation is the purpose")]
pub(crate) const fn low16(value: u64) -> u16 {
    value as u16
}

/// The lower 8 bits.
#[expect(clippy::as_conversions, reason = "truncation is the purpose")]
pub(crate) const fn low8(value: u64) -> u8 {
    value as u8
}

/// A length or index that is known to fit: the crate runs on machines of 32 bits and more.
#[expect(clippy::as_conversions, reason = "widening on the machines supported")]
pub(crate) const fn index(value: u32) -> usize {
    const { assert!(usize::BITS >= u32::BITS) };
    value as usize
}

/// A length as a 64-bit number.
#[expect(clippy::as_conversions, reason = "widening on the machines supported")]
pub(crate) const fn wide(value: usize) -> u64 {
    const { assert!(usize::BITS <= u64::BITS) };
    value as u64
}

/// Spreads `value` over all bits: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) const fn mix(value: u64) -> u64 {
    let mut mixed = value;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
