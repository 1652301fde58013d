//! What is made wrong in a packet: lengths that lie, ends that come early, numbers that announce
//! something else.

use platform_click::limits::MAX_PACKET_SIZE;

use super::{Made, Numbers};
use crate::trial::random::Random;

/// Mistakes in one packet.
const MAX_MISTAKES: usize = 3;

/// Bytes behind the end that a packet gets at most.
const MAX_TRAILER: usize = 64;

/// Makes something wrong.
pub(super) fn spoil(made: &mut Made, random: &mut Random, numbers: &Numbers) {
    for _ in 0..=random.below(MAX_MISTAKES) {
        match random.below(6) {
            0 => truncate(made, random),
            1 => extend(made, random),
            2 => {
                let at = random.below(made.bytes.len());
                if let Some(byte) = made.bytes.get_mut(at) {
                    *byte = random.next().to_le_bytes()[0];
                }
            }
            _ => lie(made, random, numbers),
        }
    }
}

/// Ends at the beginning of a header, in its middle, or beside; or anywhere.
fn truncate(made: &mut Made, random: &mut Random) {
    let (_, start) = random.pick(&made.layers).unwrap_or_else(|| {
        let anywhere = random.below(made.bytes.len());
        (super::Layer::Payload, anywhere)
    });
    let more = random.pick(&[0_usize, 1, 2, 4, 8, 13, 14, 19, 20, 39, 40]);
    let end = start.saturating_add(more.unwrap_or(0));
    made.bytes.truncate(end.saturating_sub(random.below(2)));
}

/// Has bytes that no header knows of.
fn extend(made: &mut Made, random: &mut Random) {
    let length = made.bytes.len().saturating_add(random.below(MAX_TRAILER));
    made.bytes.resize(length.min(MAX_PACKET_SIZE), 0xa5);
}

/// Changes a field that programs believe: 0, all ones, one more or less, half, or anything.
fn lie(made: &mut Made, random: &mut Random, numbers: &Numbers) {
    let Some((at, width)) = random.pick(&made.marks) else {
        return;
    };
    let bytes = made.bytes.get(at..at.saturating_add(width));
    let Some(bytes) = bytes else { return };
    let told = bytes
        .iter()
        .fold(0_u32, |told, byte| told.wrapping_shl(8) | u32::from(*byte));
    let number = match random.below(8) {
        0 => 0,
        1 => u32::MAX,
        2 => told.wrapping_add(1),
        3 => told.wrapping_sub(1),
        4 => told / 2,
        // A nibble at a time: header lengths share their byte.
        5 => told ^ 0x0f,
        6 => u32::try_from(numbers.draw(random) & 0xffff_ffff).unwrap_or(0),
        _ => u32::try_from(random.next() >> 32).unwrap_or(0),
    };
    made.set(at, width, number);
}
