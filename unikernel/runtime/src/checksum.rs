//! The Internet checksum (RFC 1071): ones' complement sums of 16-bit words.
//!
//! Sums are kept in 32 bits with end-around carry. Such a sum is zero only if every summand is, and
//! otherwise within `1..=u32::MAX`: however it is computed, the bits are the same.

/// The sum of `bytes`, words in the machine's byte order and the last filled up with zeros, and of
/// `seed`.
#[must_use]
pub fn partial(bytes: &[u8], seed: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words
        .iter()
        .fold(seed, |sum, word| add(sum, u32::from_le_bytes(*word)));
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    add(sum, u32::from_le_bytes(last))
}

/// One sum without another.
#[must_use]
pub const fn subtract(sum: u32, other: u32) -> u32 {
    add(sum, !other)
}

/// The sum in 16 bits, whose little-endian bytes stand in packets in this order.
#[must_use]
pub const fn fold(sum: u32) -> u16 {
    let [a, b, c, d] = sum.to_le_bytes();
    let (low, high) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let (sum, carry) = low.overflowing_add(high);
    // After a carry the sum is below its largest value.
    if carry { sum.wrapping_add(1) } else { sum }
}

const fn add(left: u32, right: u32) -> u32 {
    let (sum, carry) = left.overflowing_add(right);
    if carry { sum.wrapping_add(1) } else { sum }
}

/// What a checksum field holds where the rest sums up to `sum`: its complement.
#[must_use]
pub const fn field(sum: u32) -> [u8; 2] {
    (!fold(sum)).to_le_bytes()
}

/// A checksum field after bytes under it have changed from `before` to `after`, both at even offsets
/// (RFC 1624, equation 3).
#[must_use]
pub fn updated(checksum: [u8; 2], before: &[u8], after: &[u8]) -> [u8; 2] {
    let sum = u32::from(!u16::from_le_bytes(checksum));
    field(partial(after, subtract(sum, partial(before, 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1071, section 3.
    const EXAMPLE: [u8; 8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(fold(partial(&EXAMPLE, 0)).to_le_bytes(), [0xdd, 0xf2]);
    }

    #[test]
    fn bytes_that_fill_no_word_count_as_if_zeros_followed() {
        for len in 0..EXAMPLE.len() {
            let mut padded = [0; EXAMPLE.len()];
            padded[..len].copy_from_slice(&EXAMPLE[..len]);
            assert_eq!(partial(&EXAMPLE[..len], 7), partial(&padded, 7));
        }
    }

    /// RFC 1624, section 4: the header sums up to 0xcd7a; a field changes from 0x5555 to 0x3285.
    #[test]
    fn the_example_of_an_update() {
        let updated = updated([0xdd, 0x2f], &[0x55, 0x55], &[0x32, 0x85]);
        assert_eq!(updated, [0, 0]);
        assert_eq!(field(0), [0xff, 0xff]);
    }

    #[test]
    fn what_is_added_can_be_taken_away() {
        let before = partial(&EXAMPLE, 0);
        let after = subtract(partial(&[9; 6], before), partial(&[9; 6], 0));
        assert_eq!(fold(after), fold(before));
        assert_eq!(partial(&[0; 9], 0), 0);
        assert_eq!(fold(u32::MAX), u16::MAX);
    }
}
