//! The rollback store.

use bpf_loader::{SLOT_SIZE, STORE_SIZE, Slot, encode_slot, read_store};
use platform_click::Digest;

/// Whatever is on the disk: what is read of it is written to the same bytes, a damaged slot never
/// wins, and the state after a write that was cut off is the one before or the one after.
///
/// The first half of the bytes are the contents of the first slot, the rest of the second; digests are
/// put behind each, since no mutation would find them.
pub fn store(bytes: &[u8]) {
    let _ = read_store(bytes);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut disk = slot(first);
    disk.extend(slot(second));
    let Ok((state, place)) = read_store(&disk) else {
        return;
    };
    assert_eq!(disk.len(), STORE_SIZE);
    let at = place.offset();
    let written = encode_slot(&state);
    assert_eq!(
        disk.get(at..at + SLOT_SIZE),
        Some(&*written),
        "written again"
    );
    // The next write, cut off where the bytes say.
    let mut next = state.clone();
    let Some(generation) = next.generation.checked_add(1) else {
        return;
    };
    next.generation = generation;
    let cut = bytes.iter().fold(0_usize, |sum, byte| {
        (sum * 31 + usize::from(*byte)) % (SLOT_SIZE + 1)
    });
    let (new, other) = (encode_slot(&next), place.other().offset());
    for (old, new) in disk.iter_mut().skip(other).zip(new.iter().take(cut)) {
        *old = *new;
    }
    let (left, slot) = read_store(&disk).expect("one slot is whole");
    match slot == place {
        true => assert_eq!(left, state, "the state before"),
        false => assert_eq!(left, next, "the state after"),
    }
    assert!(matches!(slot, Slot::First | Slot::Second));
}

fn slot(contents: &[u8]) -> Vec<u8> {
    let mut slot = contents.to_vec();
    slot.resize(SLOT_SIZE - 32, 0);
    let digest = Digest::of(&slot);
    slot.extend_from_slice(digest.as_bytes());
    slot
}
